//! What the client asks about policies.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    AppliedPolicies, ApplyPolicies, ChangeTags, DevicePoliciesJson, DevicePolicyQuery, ExportedPolicies, PageJson,
    PolicyDetailJson, PolicyDeviceJson, PolicyDiffJson, PolicyDiffQuery, PolicyJson, PolicyProgressJson,
    PolicyRevisionJson, PolicyRevisionQuery, PolicySetQuery, RollBackPolicies, TagsJson,
};

const POLICIES: &str = "policies";

impl Client {
    /// Publishes all declarations of a set. With the same key it is done once.
    pub async fn apply_policies(&self, apply: &ApplyPolicies, key: &str) -> Result<AppliedPolicies, ClientError> {
        self.once(&[POLICIES, "apply"], apply, key).await
    }

    /// Publishes a set again as it was. With the same key it is done once.
    pub async fn roll_back_policies(&self, back: &RollBackPolicies, key: &str) -> Result<AppliedPolicies, ClientError> {
        self.once(&[POLICIES, "rollback"], back, key).await
    }

    /// What is published.
    pub async fn policies(&self, query: &PolicySetQuery) -> Result<Vec<PolicyJson>, ClientError> {
        self.get(&[POLICIES], query).await
    }

    /// One declaration.
    pub async fn policy(&self, identifier: &str) -> Result<PolicyDetailJson, ClientError> {
        self.get(&[POLICIES, "declarations", identifier], &()).await
    }

    /// The devices on which a declaration stands somewhere.
    pub async fn policy_devices(
        &self,
        identifier: &str,
        query: &DevicePolicyQuery,
    ) -> Result<PageJson<PolicyDeviceJson>, ClientError> {
        self.get(&[POLICIES, "declarations", identifier, "devices"], query).await
    }

    /// What a device is to have.
    pub async fn device_policies(&self, device: &str) -> Result<DevicePoliciesJson, ClientError> {
        self.get(&["devices", device, POLICIES], &()).await
    }

    /// How far what was published last went.
    pub async fn policy_progress(&self) -> Result<PolicyProgressJson, ClientError> {
        self.get(&[POLICIES, "progress"], &()).await
    }

    /// What was published, newest first.
    pub async fn policy_revisions(
        &self,
        query: &PolicyRevisionQuery,
    ) -> Result<PageJson<PolicyRevisionJson>, ClientError> {
        self.get(&[POLICIES, "revisions"], query).await
    }

    /// What differs between revisions.
    pub async fn policy_diff(&self, number: i64, query: &PolicyDiffQuery) -> Result<PolicyDiffJson, ClientError> {
        self.get(&[POLICIES, "revisions", &number.to_string(), "diff"], query).await
    }

    /// Declarations as they stand in files.
    pub async fn export_policies(&self, query: &PolicySetQuery) -> Result<ExportedPolicies, ClientError> {
        self.get(&[POLICIES, "export"], query).await
    }

    /// The tags of a device.
    pub async fn tags(&self, device: &str) -> Result<TagsJson, ClientError> {
        self.get(&["devices", device, "tags"], &()).await
    }

    /// Sets tags of a device, and takes others away.
    pub async fn change_tags(&self, device: &str, change: &ChangeTags) -> Result<TagsJson, ClientError> {
        self.post(&["devices", device, "tags"], Some(json!(change))).await
    }
}
