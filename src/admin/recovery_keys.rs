//! Keys and passwords that get somebody back into a device: handed over by whoever has them, shown only with a reason
//! that is kept.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error, Repetition, SecretText};
use crate::model::{
    Actor, AuditRecord, Event, EventKind, NewRecoveryKey, RecoveryKey, RecoveryKeyId, RecoveryKeyKind, RecoveryKeyView,
    Timestamp, from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// Longest secret, name and reason, in characters.
const LONGEST: usize = 1_000;

/// A key that is handed over.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecoveryKeyJson {
    /// `bitlocker` or `laps`.
    pub kind: RecoveryKeyKind,
    /// The protector of the volume, or the account.
    pub name: String,
    /// The key or password.
    #[schema(value_type = String)]
    pub secret: SecretText,
}

/// A key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryKeyJson {
    /// Its id.
    pub id: String,
    /// Of which device.
    pub device_id: String,
    /// `bitlocker` or `laps`.
    pub kind: RecoveryKeyKind,
    /// The protector of the volume, or the account.
    pub name: String,
    /// When it was handed over.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Something newer was handed over then, or the device has said that it changed it.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub outdated_at: Option<Timestamp>,
}

/// The keys of a device, and who has seen them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryKeysJson {
    /// The keys, newest first.
    pub items: Vec<RecoveryKeyJson>,
    /// Each time that one was shown, newest first.
    pub views: Vec<RecoveryKeyViewJson>,
}

/// One time that a key was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryKeyViewJson {
    /// Which one.
    pub key_id: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// To whom.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

/// Why a key is to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// Why; it is kept.
    pub reason: String,
}

/// A key with its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RevealedKey {
    /// What is known of it.
    #[serde(flatten)]
    pub key: RecoveryKeyJson,
    /// The key or password.
    #[schema(value_type = String)]
    pub secret: SecretText,
}

impl Admin {
    /// Takes a key of a device.
    pub async fn keep_recovery_key(
        &self,
        device: &str,
        new: NewRecoveryKeyJson,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<RecoveryKeyJson, Error> {
        let device = named_device(device)?;
        let name = new.name.trim().to_owned();
        bounded("/name", &name)?;
        bounded("/secret", new.secret.secret().expose())?;
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let found = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let secret = new.secret.secret().clone();
            let key = NewRecoveryKey {
                device_id: found.device_id.clone(),
                kind: new.kind,
                name,
                secret,
                created_by: by.name.clone(),
            };
            let kept = tx.keep_recovery_key(&key, now)?;
            let detail = format!("{} {} was handed over by {}", kept.kind.as_str(), kept.name, by.name);
            let record = AuditRecord::new("recovery_key.keep", "device", device.as_str())
                .after(serde_json::json!({"kind": kept.kind, "name": kept.name}));
            tx.audit(&by, record, now);
            tx.add_events(&[Event {
                device: Some(found.device_id),
                detail: Some(detail),
                ..Event::new(EventKind::Security, "recovery_key_kept", now)
            }])?;
            Ok(RecoveryKeyJson::from(kept))
        };
        self.once(repetition, now, job).await
    }

    /// The keys of a device without their secrets, and who has seen them.
    pub async fn recovery_keys(&self, device: &str) -> Result<RecoveryKeysJson, Error> {
        let device = named_device(device)?;
        self.store
            .read(move |tx: &mut Tx<'_>| {
                tx.device(&device)?.ok_or(Error::NotFound("device"))?;
                let items = tx.recovery_keys(&device)?.into_iter().map(RecoveryKeyJson::from).collect();
                let views = tx.recovery_key_views(&device)?.into_iter().map(RecoveryKeyViewJson::from).collect();
                Ok(RecoveryKeysJson { items, views })
            })
            .await
    }

    /// Shows a key. To whom, when and why is kept in the same transaction, and told.
    pub async fn reveal_recovery_key(
        &self,
        device: &str,
        key: &str,
        reveal: Reveal,
        by: &Actor,
        now: Timestamp,
    ) -> Result<RevealedKey, Error> {
        let device = named_device(device)?;
        let id = RecoveryKeyId::parse(key).ok_or(Error::NotFound("recovery key"))?;
        let reason = reveal.reason.trim().to_owned();
        bounded("/reason", &reason)?;
        let by = by.clone();
        self.store
            .write(move |tx: &mut Tx<'_>| {
                let seen = tx.view_recovery_key(&device, &id, (&by.name, &reason), now)?;
                let (key, secret) = seen.ok_or(Error::NotFound("recovery key"))?;
                let detail = format!("{} {} was shown to {}: {reason}", key.kind.as_str(), key.name, by.name);
                let record = AuditRecord::new("recovery_key.reveal", "device", key.device_id.as_str())
                    .after(serde_json::json!({"kind": key.kind, "name": key.name, "reason": reason}));
                tx.audit(&by, record, now);
                tx.add_events(&[Event {
                    device: Some(key.device_id.clone()),
                    detail: Some(detail),
                    ..Event::new(EventKind::Security, "recovery_key_shown", now)
                }])?;
                Ok(RevealedKey { key: key.into(), secret: SecretText::new(secret) })
            })
            .await
    }
}

fn bounded(at: &str, text: &str) -> Result<(), Error> {
    let fine = !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if fine { Ok(()) } else { Err(Error::invalid(at, format!("write 1 to {LONGEST} characters on one line"))) }
}

impl From<RecoveryKey> for RecoveryKeyJson {
    fn from(key: RecoveryKey) -> Self {
        Self {
            id: key.id.to_string(),
            device_id: key.device_id.to_string(),
            kind: key.kind,
            name: key.name,
            created_at: key.created_at,
            created_by: key.created_by,
            outdated_at: key.outdated_at,
        }
    }
}

impl From<RecoveryKeyView> for RecoveryKeyViewJson {
    fn from(view: RecoveryKeyView) -> Self {
        Self { key_id: view.key.to_string(), at: view.at, by: view.by, reason: view.reason }
    }
}
