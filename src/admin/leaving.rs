//! Devices that are told to leave, or cut off.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, DeviceJson, Error};
use crate::management::LeaveError;
use crate::model::{Actor, Timestamp};

/// How a device is told to leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unenroll {
    /// What the device knows its management server as, where that is another name than ours: an imported enrollment has
    /// the one of its former server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

impl Admin {
    /// Tells a device to leave, when it comes next and behind all that waits for it.
    pub async fn unenroll(&self, id: &str, how: Unenroll, by: &Actor, now: Timestamp) -> Result<DeviceJson, Error> {
        self.device(id).await?;
        self.management.unenroll(named_device(id)?, how.provider_id, by.clone(), now).await?;
        self.device(id).await
    }

    /// Cuts a device off, at once.
    pub async fn block(&self, id: &str, by: &Actor, now: Timestamp) -> Result<DeviceJson, Error> {
        self.device(id).await?;
        self.management.block(named_device(id)?, by.clone(), now).await?;
        self.device(id).await
    }
}

impl From<LeaveError> for Error {
    fn from(error: LeaveError) -> Self {
        match error {
            LeaveError::Store(error) => error.into(),
            LeaveError::ProviderId => Self::invalid("/provider_id", error.to_string()),
            LeaveError::NotEnrolled | LeaveError::NeverUsed | LeaveError::QueueFull => {
                Self::Conflict(error.to_string())
            }
        }
    }
}
