//! Policies: `[policy]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{seconds, values};

/// How policies are brought to devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Devices that are looked at in a second, at most, when something was published.
    pub devices_per_second: u32,
    /// Whether devices are asked for what they have once they have taken a setting.
    pub read_back: bool,
    /// All that devices are to have is read back each time that this has passed; 0: never.
    #[serde(with = "values::duration")]
    pub verify_every: Duration,
    /// Whether devices are told to watch by themselves what they have (CSP `NodeCache`).
    pub node_cache: bool,
    /// JSON file with corrections of descriptions, relative to the data folder; empty: none.
    pub errata: PathBuf,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            devices_per_second: 200,
            read_back: true,
            verify_every: seconds(24 * 60 * 60),
            node_cache: true,
            errata: PathBuf::new(),
        }
    }
}

impl Policy {
    /// The first setting that can't be, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let every = self.verify_every;
        let rules = [
            ("policy.devices_per_second", !(1..=10_000).contains(&self.devices_per_second), "must be from 1 to 10000"),
            ("policy.verify_every", !every.is_zero() && every < seconds(1), "must be 0, or at least 1s"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}
