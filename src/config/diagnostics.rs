//! Archives of diagnostics that devices send: `[diagnostics]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{DAY, seconds, values};

/// What becomes of archives that devices are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Diagnostics {
    /// Where they are kept, relative to the data folder.
    pub folder: PathBuf,
    /// Largest archive, in bytes.
    #[serde(with = "values::size")]
    pub max_bytes: usize,
    /// Bytes of all archives together.
    #[serde(with = "values::size")]
    pub all_bytes: usize,
    /// How long the address that a device is given is good.
    #[serde(with = "values::duration")]
    pub upload_time: Duration,
    /// How long an archive is kept.
    #[serde(with = "values::duration")]
    pub keep: Duration,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("diagnostics"),
            max_bytes: 512 << 20,
            all_bytes: 10 << 30,
            upload_time: seconds(DAY),
            keep: seconds(30 * DAY),
        }
    }
}

impl Diagnostics {
    /// The first setting that can't be, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let zero = "must be more than 0";
        let rules = [
            ("diagnostics.max_bytes", self.max_bytes == 0, zero),
            ("diagnostics.all_bytes", self.all_bytes < self.max_bytes, "must be at least max_bytes"),
            ("diagnostics.folder", self.folder.as_os_str().is_empty(), "must not be empty"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}
