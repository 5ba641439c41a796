//! What the client asks about what happened, and who is told.

use serde_json::json;

use super::{Client, ClientError};
use crate::admin::{
    AlertQuery, EventJson, FeedJson, FeedQuery, MadeWebhook, NewWebhookJson, PageJson, RemovedWebhook, Replay,
    WebhookJson, WebhookTest,
};

const WEBHOOKS: &str = "webhooks";

impl Client {
    /// What happened, oldest first.
    pub async fn feed(&self, query: &FeedQuery) -> Result<FeedJson, ClientError> {
        self.get(&["events"], query).await
    }

    /// Alerts of devices, newest first.
    pub async fn alerts(&self, query: &AlertQuery) -> Result<PageJson<EventJson>, ClientError> {
        self.get(&["alerts"], query).await
    }

    /// Sets a receiver up. With the same key it is done once, however often it is sent.
    pub async fn create_webhook(&self, new: &NewWebhookJson, key: &str) -> Result<MadeWebhook, ClientError> {
        self.once(&[WEBHOOKS], new, key).await
    }

    /// All receivers, by name.
    pub async fn webhooks(&self) -> Result<PageJson<WebhookJson>, ClientError> {
        self.get(&[WEBHOOKS], &()).await
    }

    /// One receiver.
    pub async fn webhook(&self, name: &str) -> Result<WebhookJson, ClientError> {
        self.get(&[WEBHOOKS, name.trim()], &()).await
    }

    /// Takes a receiver away.
    pub async fn remove_webhook(&self, name: &str) -> Result<RemovedWebhook, ClientError> {
        self.delete(&[WEBHOOKS, name.trim()]).await
    }

    /// Sends a receiver an event that never happened.
    pub async fn test_webhook(&self, name: &str) -> Result<WebhookTest, ClientError> {
        self.post(&[WEBHOOKS, name.trim(), "test"], None).await
    }

    /// Stops a receiver.
    pub async fn pause_webhook(&self, name: &str) -> Result<WebhookJson, ClientError> {
        self.post(&[WEBHOOKS, name.trim(), "pause"], None).await
    }

    /// Lets a receiver go on.
    pub async fn resume_webhook(&self, name: &str) -> Result<WebhookJson, ClientError> {
        self.post(&[WEBHOOKS, name.trim(), "resume"], None).await
    }

    /// Sends a receiver events again.
    pub async fn replay_webhook(&self, name: &str, from: &Replay) -> Result<WebhookJson, ClientError> {
        self.post(&[WEBHOOKS, name.trim(), "replay"], Some(json!(from))).await
    }
}
