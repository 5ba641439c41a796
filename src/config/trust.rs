//! What proves who sends a message: `[trust]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DAY, seconds, values};
use crate::model::Signing;

/// What proves who sends a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trust {
    /// Whether messages are signed, where nothing else is said for a device.
    pub message_signing: Signing,
    /// How far the time of a signature may be from now, in both directions.
    #[serde(with = "values::duration")]
    pub signing_window: Duration,
}

impl Default for Trust {
    fn default() -> Self {
        Self { message_signing: Signing::Accept, signing_window: seconds(DAY) }
    }
}
