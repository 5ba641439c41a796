//! Whether devices sign their messages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::{as_seen, named_device};
use super::{Admin, Error, Repetition};
use crate::management::{SigningError, SigningSet};
use crate::model::{Actor, Signing, Timestamp};

/// How it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSigning {
    /// `off`, `accept` or `require`.
    pub signing: Signing,
    /// What the device knows its management server as, where that is another name than ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SigningJson {
    /// `off`, `accept` or `require`.
    pub signing: Signing,
    /// Whether the device is told so in its next session.
    pub to_be_told: bool,
    /// Whether the device has said that it signs: only then messages without a signature are refused.
    pub confirmed: bool,
}

impl Admin {
    /// Sets whether messages of a device are signed.
    pub async fn set_signing(
        &self,
        id: &str,
        set: SetSigning,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<SigningJson, Error> {
        self.device(id).await?;
        let (device, management, by) = (named_device(id)?, self.management.clone(), by.clone());
        self.once(repetition, now, move |tx| {
            as_seen(tx, &device, seen.as_deref())?;
            let how = (set.signing, set.provider_id.as_deref());
            Ok(management.set_signing(tx, device, how, &by, now)?.into())
        })
        .await
    }
}

impl From<SigningSet> for SigningJson {
    fn from(set: SigningSet) -> Self {
        Self { signing: set.signing, to_be_told: set.to_be_told, confirmed: set.is_confirmed }
    }
}

impl From<SigningError> for Error {
    fn from(error: SigningError) -> Self {
        match error {
            SigningError::Store(error) => error.into(),
            SigningError::ProviderId => Self::invalid("/provider_id", error.to_string()),
            SigningError::NotEnrolled | SigningError::NoCertificate | SigningError::QueueFull => {
                Self::Conflict(error.to_string())
            }
        }
    }
}
