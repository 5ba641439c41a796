//! Where time and chance come in.

use std::sync::Arc;

use transom_protocol::session::Timestamp;

/// Time and chance, which nothing below the edge has.
#[derive(Clone)]
pub struct Edge {
    /// The time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// A random number.
    pub jitter: Arc<dyn Fn() -> u16 + Send + Sync>,
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Edge")
    }
}
