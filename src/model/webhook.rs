//! Receivers of events: who they are, how far they have come.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use utoipa::ToSchema;

use super::{FeedFilter, Secret, WebhookClaim, WebhookId};

/// A receiver of events.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// Where events go. It may hold a secret.
    pub url: Secret<String>,
    /// What deliveries are signed with.
    pub secret: Secret<Vec<u8>>,
    /// Which events.
    pub filter: FeedFilter,
    /// Whether it gets any.
    pub state: WebhookState,
    /// Why it is in this state, in a sentence.
    pub reason: Option<String>,
    /// When the state changed.
    pub changed_at: Timestamp,
    /// When it was set up.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// How far it has come.
    pub progress: WebhookProgress,
}

/// How far a receiver has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookProgress {
    /// Everything up to this number was delivered, or is not for it.
    pub position: i64,
    /// Events that it took.
    pub delivered: i64,
    /// Events that were gone before they were delivered.
    pub missed: i64,
    /// Failures in a row.
    pub failures: u32,
    /// Since when.
    pub failing_since: Option<Timestamp>,
    /// Not to be tried before.
    pub retry_at: Option<Timestamp>,
    /// When it was last tried.
    pub tried_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Why the last try failed, in a sentence without secrets.
    pub problem: Option<String>,
}

/// Whether a receiver gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It does.
    Active,
    /// Somebody stopped it; it goes on where it stood.
    Paused,
    /// It failed for too long, or said that it is gone. Somebody has to say that it is back.
    Dead,
}

/// A receiver to be set up.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// What people call it.
    pub name: String,
    /// Where events go.
    pub url: Secret<String>,
    /// What deliveries are signed with.
    pub secret: Secret<Vec<u8>>,
    /// Which events.
    pub filter: FeedFilter,
    /// By whom.
    pub created_by: String,
    /// It gets what comes after this number.
    pub position: i64,
}

/// What became of a try, to be kept by whoever holds the claim.
#[derive(Debug, Clone)]
pub struct WebhookTried {
    /// How far it has come now.
    pub progress: WebhookProgress,
    /// It is dead, and why.
    pub dead: Option<String>,
    /// Until when the claim holds; `None` gives it back.
    pub until: Option<Timestamp>,
    /// The claim.
    pub claim: WebhookClaim,
}

impl WebhookState {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Dead => "dead",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json_form() {
        for state in [WebhookState::Active, WebhookState::Paused, WebhookState::Dead] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
