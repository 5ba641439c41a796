//! What the client asks about the people who run the server, tokens and the audit log.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    AuditJson, AuditProof, AuditQuery, MadeToken, NewOperatorJson, NewTokenJson, OperatorJson, OperatorLinkJson,
    PageJson, Part, TokenJson,
};
use crate::model::Role;

const OPERATORS: &str = "operators";
const TOKENS: &str = "tokens";

impl Client {
    /// Operators by name.
    pub async fn operators(&self, part: &Part) -> Result<PageJson<OperatorJson>, ClientError> {
        self.get(&[OPERATORS], part).await
    }

    /// Makes a link by which somebody becomes an operator.
    pub async fn invite(&self, new: &NewOperatorJson) -> Result<OperatorLinkJson, ClientError> {
        self.post(&[OPERATORS], Some(json!(new))).await
    }

    /// Gives an operator another role.
    pub async fn set_role(&self, name: &str, role: Role) -> Result<OperatorJson, ClientError> {
        self.post(&[OPERATORS, name.trim(), "role"], Some(json!({"role": role}))).await
    }

    /// Changes an operator: `disable`, `enable` or `forget-totp`.
    pub async fn change_operator(&self, name: &str, verb: &str) -> Result<OperatorJson, ClientError> {
        self.post(&[OPERATORS, name.trim(), verb], None).await
    }

    /// Makes a link that sets an operator's password anew.
    pub async fn reset_operator(&self, name: &str) -> Result<OperatorLinkJson, ClientError> {
        self.post(&[OPERATORS, name.trim(), "reset"], None).await
    }

    /// Tokens for the API, newest first.
    pub async fn tokens(&self, part: &Part) -> Result<PageJson<TokenJson>, ClientError> {
        self.get(&[TOKENS], part).await
    }

    /// Makes a token for the API.
    pub async fn create_token(&self, new: &NewTokenJson) -> Result<MadeToken, ClientError> {
        self.post(&[TOKENS], Some(json!(new))).await
    }

    /// Takes a token for the API back.
    pub async fn revoke_token(&self, id: &str) -> Result<TokenJson, ClientError> {
        self.post(&[TOKENS, id, "revoke"], None).await
    }

    /// Entries of the audit log, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<PageJson<AuditJson>, ClientError> {
        self.get(&["audit"], query).await
    }

    /// Whether the chain of the audit log holds.
    pub async fn audit_proof(&self) -> Result<AuditProof, ClientError> {
        self.get(&["audit", "proof"], &()).await
    }

    /// The address of the admin door, without a path.
    pub fn address(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }
}
