//! What a device watches by itself (CSP `NodeCache`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The nodes that a device watches by itself, so that it can say in one answer which of them have changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WatchedNodes {
    /// Whether it does.
    pub state: WatchState,
    /// What tells that it is what was set up last.
    pub version: String,
    /// The number of each setting, by its folded address.
    pub nodes: BTreeMap<String, u32>,
    /// What sets it up and has no outcome yet.
    pub building: Vec<String>,
    /// What carries the question which nodes have changed.
    pub question: Option<String>,
    /// What the device answered, until it is looked at.
    pub said: Option<WatchSaid>,
    /// What was done, and is of no use any more.
    pub done: Vec<String>,
}

/// Whether a device watches nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchState {
    /// It was not told to.
    #[default]
    No,
    /// It is being told.
    Building,
    /// It does.
    Ready,
    /// It can't.
    Unable,
}

/// What a device says of the nodes that it watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchSaid {
    /// When, in milliseconds.
    pub at: i64,
    /// The version of what it was told to watch.
    pub version: Option<String>,
    /// The numbers of those that have changed.
    pub changed: Option<Vec<u32>>,
}

impl WatchedNodes {
    /// Whether nothing is known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// What is on its way.
    pub fn carriers(&self) -> impl Iterator<Item = &String> {
        self.building.iter().chain(&self.question)
    }
}
