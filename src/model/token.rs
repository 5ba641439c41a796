//! Tokens for the admin API.

use serde::Serialize;
use transom_protocol::session::Timestamp;

use super::{OperatorId, Rights, Role, TokenId};

/// A token for the admin API, without the token: only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// What it is for, in its maker's words.
    pub name: String,
    /// What its bearer is here for.
    pub role: Role,
    /// What it is limited to, of what the role may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Rights>,
    /// By whom it was made; nobody's name for those that were made on the server's machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Worth nothing from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ApiToken {
    /// Whether it opens a door at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// By whom something was made that somebody can come in with. What they made goes with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maker {
    /// A person.
    Operator(OperatorId),
    /// Whoever has a token.
    Token(TokenId),
}

impl Maker {
    /// The id of the person or of the token: there are no two of the same.
    pub fn id(&self) -> &str {
        match self {
            Self::Operator(id) => id.as_str(),
            Self::Token(id) => id.as_str(),
        }
    }
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiToken {
    /// What it is for.
    pub name: String,
    /// What its bearer is here for.
    pub role: Role,
    /// What it is limited to, of what the role may.
    pub scope: Option<Rights>,
    /// What its maker is called.
    pub created_by: Option<String>,
    /// By whom it is made, with whom it goes; nobody for what is made on the server's machine.
    pub maker: Option<Maker>,
    /// Worth nothing from then on.
    pub expires_at: Option<Timestamp>,
}

impl NewApiToken {
    /// One that may do everything, for as long as nobody takes it back.
    pub fn admin(name: &str) -> Self {
        Self { name: name.to_owned(), role: Role::Admin, scope: None, created_by: None, maker: None, expires_at: None }
    }
}
