//! Ways to look at devices that operators keep for themselves.

use super::{OperatorId, SavedFilterId};

/// A way to look at devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFilter {
    /// Its id.
    pub id: SavedFilterId,
    /// What its owner calls it.
    pub name: String,
    /// How names, users and ids begin; may be empty.
    pub search: String,
    /// A condition on facts; may be empty.
    pub condition: String,
}

/// One to be kept. It replaces the one of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedFilter {
    /// Whose.
    pub operator: OperatorId,
    /// What its owner calls it.
    pub name: String,
    /// How names, users and ids begin; may be empty.
    pub search: String,
    /// A condition on facts; may be empty.
    pub condition: String,
}
