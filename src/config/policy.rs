//! Policies: `[policy]`.

use serde::{Deserialize, Serialize};

/// How policies are brought to devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Devices that are looked at in a second, at most, when something was published.
    pub devices_per_second: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { devices_per_second: 200 }
    }
}

impl Policy {
    /// The first setting that can't be, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let fits = (1..=10_000).contains(&self.devices_per_second);
        (!fits).then_some(("policy.devices_per_second", "must be from 1 to 10000"))
    }
}
