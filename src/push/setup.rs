//! What an operator chose.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use transom_protocol::push::{TestHost, TokenRequest};

use crate::store::Credentials;

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Package family name that devices are given.
    pub package: String,
    /// What devices know this server as: `PROVIDER-ID` of their account.
    pub provider_id: String,
    /// What is asked for tokens.
    pub token: TokenRequest,
    /// Where: `https`.
    pub token_url: String,
    /// Hosts that tests may use in place of Microsoft's.
    pub test_hosts: Vec<TestHost>,
    /// Further roots that are trusted.
    pub roots: Vec<reqwest::Certificate>,
    /// Pushes a second, of all instances together.
    pub rate: u32,
    /// For how long WNS keeps a push.
    pub ttl: Duration,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long after a push a session counts as its effect, in milliseconds.
    pub wake_timeout: i64,
    /// How often a device is asked for its channel, in milliseconds.
    pub channel_refresh: i64,
}

/// Why pushes can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS could not be set up.
    #[error("can't set up the client that calls WNS")]
    Client(#[source] reqwest::Error),
    /// The token endpoint is no URL that may be called.
    #[error("push.token_url is no https URL with a host")]
    TokenUrl,
    /// No device can know its server by this name.
    #[error("the PROVIDER-ID can't be part of a LocURI")]
    ProviderId,
}

impl Options {
    /// What a token is good for: another secret or endpoint wants another token.
    pub(super) fn credentials(&self) -> Credentials {
        let mut hash = Sha256::new();
        for part in [self.token_url.as_bytes(), self.token.body().as_bytes()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Credentials(crate::model::hex(&hash.finalize()))
    }
}
