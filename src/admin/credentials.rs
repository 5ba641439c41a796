//! Other credentials for a device.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error, Repetition};
use crate::management::RotationError;
use crate::model::{Actor, Timestamp, from_rfc3339, rfc3339};

/// How they are to be offered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCredentials {
    /// What the device knows its management server as, where that is another name than ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

/// That they are offered. Never what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CredentialsOffered {
    /// Since when; until the device has used them, the old ones are right as well.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub offered_at: Timestamp,
}

impl Admin {
    /// Offers a device other credentials.
    pub async fn rotate_credentials(
        &self,
        id: &str,
        how: RotateCredentials,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<CredentialsOffered, Error> {
        self.device(id).await?;
        let (device, management, by) = (named_device(id)?, self.management.clone(), by.clone());
        self.once(repetition, now, move |tx| {
            management.rotate_credentials(tx, &device, how.provider_id.as_deref(), &by, now)?;
            Ok(CredentialsOffered { offered_at: now })
        })
        .await
    }
}

impl From<RotationError> for Error {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Store(error) => error.into(),
            RotationError::ProviderId => Self::invalid("/provider_id", error.to_string()),
            RotationError::NotEnrolled | RotationError::QueueFull | RotationError::TooMany(_) => {
                Self::Conflict(error.to_string())
            }
        }
    }
}
