//! What the client asks about the catalogue of settings.

use super::{Client, ClientError};
use crate::admin::{
    CheckSetting, CheckedJson, CspInfoJson, CspNodeJson, CspNodesJson, DiffJson, DiffQuery, ImportQuery,
    ImportedDropJson, ImportedTemplatesJson, NodeQuery, SearchQuery, TemplateJson, UseDrops,
};

const CSP: &str = "csp";

impl Client {
    /// What the catalogue is made of.
    pub async fn csp_info(&self) -> Result<CspInfoJson, ClientError> {
        self.get(&[CSP], &()).await
    }

    /// Imports descriptions.
    pub async fn import_csp(&self, query: &ImportQuery, bytes: Vec<u8>) -> Result<ImportedDropJson, ClientError> {
        self.upload(&[CSP, "drops"], query, bytes).await
    }

    /// Says which drops count.
    pub async fn use_csp(&self, names: &UseDrops) -> Result<CspInfoJson, ClientError> {
        self.post(&[CSP, "use"], Some(serde_json::json!(names))).await
    }

    /// Forgets a drop.
    pub async fn forget_csp(&self, name: &str) -> Result<CspInfoJson, ClientError> {
        self.delete(&[CSP, "drops", name]).await
    }

    /// What differs between two drops.
    pub async fn diff_csp(&self, query: &DiffQuery) -> Result<DiffJson, ClientError> {
        self.get(&[CSP, "diff"], query).await
    }

    /// Nodes by words of their address.
    pub async fn search_csp(&self, query: &SearchQuery) -> Result<CspNodesJson, ClientError> {
        self.get(&[CSP, "nodes"], query).await
    }

    /// One node.
    pub async fn csp_node(&self, query: &NodeQuery) -> Result<CspNodeJson, ClientError> {
        self.get(&[CSP, "node"], query).await
    }

    /// Whether a setting would be taken.
    pub async fn check_csp(&self, setting: &CheckSetting) -> Result<CheckedJson, ClientError> {
        self.post(&[CSP, "check"], Some(serde_json::json!(setting))).await
    }

    /// Templates that were imported.
    pub async fn csp_templates(&self) -> Result<Vec<TemplateJson>, ClientError> {
        self.get(&[CSP, "templates"], &()).await
    }

    /// Imports templates.
    pub async fn import_templates(
        &self,
        query: &ImportQuery,
        bytes: Vec<u8>,
    ) -> Result<ImportedTemplatesJson, ClientError> {
        self.upload(&[CSP, "templates"], query, bytes).await
    }

    /// Forgets a template.
    pub async fn forget_template(&self, file: &str) -> Result<Vec<TemplateJson>, ClientError> {
        self.delete(&[CSP, "templates", file]).await
    }
}
