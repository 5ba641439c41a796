//! What an operator chose.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::pki::AuthorityKey;

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Directory of the ACME server.
    pub directory: String,
    /// Whom it may write to.
    pub contacts: Vec<String>,
    /// Names that the certificate is for.
    pub names: Vec<String>,
    /// Kind of its key.
    pub key: AuthorityKey,
    /// Further roots that are trusted in calls.
    pub roots: Vec<reqwest::Certificate>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long an order may take.
    pub order_timeout: Duration,
    /// How long other instances take until they show what an order wants to be shown; zero where there are none.
    pub spread: Duration,
}

/// Why no certificate can be ordered at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS could not be set up.
    #[error("can't set up the client that calls the ACME server")]
    Client(#[source] reqwest::Error),
}

impl Options {
    /// What a certificate is ordered for: another directory, name or kind of key wants another certificate.
    pub(super) fn wanted(&self) -> String {
        let mut hash = Sha256::new();
        let key = format!("{:?}", self.key);
        for part in [&self.directory, &key].into_iter().chain(&self.names) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        crate::model::hex(&hash.finalize())
    }
}
