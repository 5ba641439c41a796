//! Whether devices envelope their messages, and for which key of this server.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::{as_seen, named_device};
use super::{Admin, Error, Repetition};
use crate::management::{EnvelopingError, EnvelopingSet, Management};
use crate::model::{Actor, EnvelopeKeyUse, Enveloping, Timestamp, from_rfc3339, rfc3339};
use crate::store::Tx;

/// How it is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetEnveloping {
    /// `off`, `accept` or `require`.
    pub enveloping: Enveloping,
    /// What the device knows its management server as, where that is another name than ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopingJson {
    /// `off`, `accept` or `require`.
    pub enveloping: Enveloping,
    /// Whether the device is told so in its next session.
    pub to_be_told: bool,
    /// Whether the device has said that it envelopes: only then messages in clear are refused.
    pub confirmed: bool,
}

/// A key of this server that opens envelopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopeKeyJson {
    /// SHA-256 of its certificate.
    pub id: String,
    /// When it was made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its certificate ends.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Whether it is the one that devices are told.
    pub current: bool,
    /// Devices whose last envelope was for it.
    pub used_by: i64,
}

/// The keys of this server that open envelopes, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvelopeKeysJson {
    /// All of them.
    pub items: Vec<EnvelopeKeyJson>,
}

impl Admin {
    /// Sets whether messages of a device are enveloped.
    pub async fn set_enveloping(
        &self,
        id: &str,
        set: SetEnveloping,
        seen: Option<String>,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<EnvelopingJson, Error> {
        self.device(id).await?;
        if set.enveloping == Enveloping::Require {
            self.management.ensure_envelope_key(by, now).await?;
        }
        let (device, management, by) = (named_device(id)?, self.management.clone(), by.clone());
        self.once(repetition, now, move |tx| {
            as_seen(tx, &device, seen.as_deref())?;
            let how = (set.enveloping, set.provider_id.as_deref());
            Ok(management.set_enveloping(tx, device, how, &by, now)?.into())
        })
        .await
    }

    /// The keys that open envelopes.
    pub async fn envelope_keys(&self) -> Result<EnvelopeKeysJson, Error> {
        self.store.read(|tx: &mut Tx<'_>| Ok::<_, Error>(EnvelopeKeysJson::of(tx.envelope_key_uses()?))).await
    }

    /// Makes another key for envelopes, which devices are told when they come next.
    pub async fn rotate_envelope_key(
        &self,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<EnvelopeKeysJson, Error> {
        let (new, by) = (self.management.issue_envelope_key(now).await?, by.clone());
        let keys = self
            .once(repetition, now, move |tx| {
                Management::keep_envelope_key(tx, &new, &by, now)?;
                Ok(EnvelopeKeysJson::of(tx.envelope_key_uses()?))
            })
            .await?;
        self.management.forget_envelope_keys();
        Ok(keys)
    }
}

impl EnvelopeKeysJson {
    fn of(uses: Vec<EnvelopeKeyUse>) -> Self {
        let items = uses.into_iter().enumerate().map(|(place, key)| EnvelopeKeyJson::of(&key, place == 0)).collect();
        Self { items }
    }
}

impl EnvelopeKeyJson {
    fn of(key: &EnvelopeKeyUse, current: bool) -> Self {
        Self {
            id: key.id.to_string(),
            created_at: key.created_at,
            ends_at: key.not_after,
            current,
            used_by: key.used_by,
        }
    }
}

impl From<EnvelopingSet> for EnvelopingJson {
    fn from(set: EnvelopingSet) -> Self {
        Self { enveloping: set.enveloping, to_be_told: set.to_be_told, confirmed: set.is_confirmed }
    }
}

impl From<EnvelopingError> for Error {
    fn from(error: EnvelopingError) -> Self {
        match error {
            EnvelopingError::Store(error) => error.into(),
            EnvelopingError::ProviderId => Self::invalid("/provider_id", error.to_string()),
            EnvelopingError::NotEnrolled
            | EnvelopingError::NoCertificate
            | EnvelopingError::NoAuthority
            | EnvelopingError::Issue(_)
            | EnvelopingError::QueueFull => Self::Conflict(error.to_string()),
        }
    }
}
