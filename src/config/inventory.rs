//! Knowing devices: `[inventory]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{seconds, values};

/// Which facts of devices are collected, and how much is kept of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inventory {
    /// Whether devices are asked for facts.
    pub collect: bool,
    /// Facts that are read with each session are read at most once in this time.
    #[serde(with = "values::duration")]
    pub each_session: Duration,
    /// Changes that are kept of one fact of a device.
    pub history: u32,
}

impl Default for Inventory {
    fn default() -> Self {
        Self { collect: true, each_session: seconds(4 * 60 * 60), history: 20 }
    }
}

/// Less would ask a device in every session of a busy hour.
const SHORTEST: Duration = Duration::from_mins(5);

impl Inventory {
    /// The first setting that can't be, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let rules = [
            ("inventory.each_session", self.each_session < SHORTEST, "must be at least 5m"),
            ("inventory.history", self.history > 1000, "must be at most 1000"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}
