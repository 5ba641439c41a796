//! What an operator chose.

use std::time::Duration;

use super::Hosts;

/// Choices that an operator makes.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which addresses may be called.
    pub hosts: Hosts,
    /// Further roots that are trusted.
    pub roots: Vec<reqwest::Certificate>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How long after the first failure it is tried again, in milliseconds; then twice as long each time.
    pub retry_first: i64,
    /// At most so long, in milliseconds.
    pub retry_most: i64,
    /// A receiver that failed for so long is dead, in milliseconds.
    pub dead_after: i64,
    /// How many may listen at once.
    pub max_followers: usize,
}

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS could not be set up.
    #[error("can't set up the client that calls webhooks")]
    Client(#[source] reqwest::Error),
}
