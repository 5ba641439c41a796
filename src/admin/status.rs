//! What this server is.

use serde::{Deserialize, Serialize};

use super::Admin;
use crate::model::{Timestamp, from_rfc3339, rfc3339};

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// Since when it runs.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    pub started_at: Timestamp,
    /// For how long, in seconds.
    pub uptime_seconds: i64,
    /// Its clock.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    pub now: Timestamp,
}

impl Admin {
    /// What this server is; it runs since `started_at`.
    pub fn status(&self, started_at: Timestamp, now: Timestamp) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: self.store.engine().to_owned(),
            started_at,
            uptime_seconds: now.millis_since(started_at).max(0) / 1000,
            now,
        }
    }
}
