//! What somebody writes and has not published.

use transom_protocol::session::Timestamp;

/// A draft without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDraftHead {
    /// The set that it is to become.
    pub set: String,
    /// Counts its changes.
    pub version: i64,
    /// The revision that it began with; 0 for none.
    pub base: i64,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

/// A draft: all declarations of a set as somebody wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDraft {
    /// What is kept beside it.
    pub head: PolicyDraftHead,
    /// The declarations, as a JSON list.
    pub body: String,
}
