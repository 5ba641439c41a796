//! What the client asks of devices as a whole, and about their recovery keys.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    ActionJson, ActionQuery, NewAction, NewRecoveryKeyJson, PageJson, RecoveryKeyJson, RecoveryKeysJson,
    ResolveActionAs, Reveal, RevealedKey,
};
use reqwest::{Method, Response};

const ACTIONS: &str = "actions";
const KEYS: &str = "recovery-keys";

impl Client {
    /// Asks something of a device. With the same key it is done once, however often it is sent.
    pub async fn act(&self, device: &str, new: &NewAction, key: &str) -> Result<ActionJson, ClientError> {
        self.once(&["devices", device, ACTIONS], new, key).await
    }

    /// Actions, newest first.
    pub async fn actions(&self, query: &ActionQuery) -> Result<PageJson<ActionJson>, ClientError> {
        self.get(&[ACTIONS], query).await
    }

    /// One action.
    pub async fn action(&self, id: &str) -> Result<ActionJson, ClientError> {
        self.get(&[ACTIONS, id], &()).await
    }

    /// Takes an action back.
    pub async fn cancel_action(&self, id: &str) -> Result<ActionJson, ClientError> {
        self.post(&[ACTIONS, id, "cancel"], None).await
    }

    /// Ends the doubt about an action.
    pub async fn resolve_action(&self, id: &str, how: ResolveActionAs) -> Result<ActionJson, ClientError> {
        self.post(&[ACTIONS, id, "resolve"], Some(json!({ "as": how }))).await
    }

    /// The archive that a device sent for an action, to be read piece by piece.
    pub async fn archive(&self, id: &str) -> Result<Response, ClientError> {
        let url = self.url(&[ACTIONS, id, "archive"], &serde_json::Value::Null)?;
        self.sent(self.http.request(Method::GET, url)).await
    }

    /// Hands over a key of a device.
    pub async fn keep_recovery_key(
        &self,
        device: &str,
        new: &NewRecoveryKeyJson,
    ) -> Result<RecoveryKeyJson, ClientError> {
        self.post(&["devices", device, KEYS], Some(json!(new))).await
    }

    /// The keys of a device without their secrets, and who has seen them.
    pub async fn recovery_keys(&self, device: &str) -> Result<RecoveryKeysJson, ClientError> {
        self.get(&["devices", device, KEYS], &()).await
    }

    /// Has a key shown, for a reason that is kept.
    pub async fn reveal_recovery_key(
        &self,
        device: &str,
        key: &str,
        reveal: &Reveal,
    ) -> Result<RevealedKey, ClientError> {
        self.post(&["devices", device, KEYS, key, "reveal"], Some(json!(reveal))).await
    }
}
