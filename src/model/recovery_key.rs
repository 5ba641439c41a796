//! Keys and passwords that get somebody back into a device, and who has seen them.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{RecoveryKeyId, Secret};

/// A key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryKey {
    /// Its id.
    pub id: RecoveryKeyId,
    /// Of which device.
    pub device_id: DeviceId,
    /// Of which sort.
    pub kind: RecoveryKeyKind,
    /// The protector of the volume, or the account.
    pub name: String,
    /// When it was handed over.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// The device has rotated it since.
    pub outdated_at: Option<Timestamp>,
}

/// Of which sort a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryKeyKind {
    /// A recovery password of `BitLocker`.
    Bitlocker,
    /// A password of a local administrator.
    Laps,
}

/// A key that is handed over.
#[derive(Debug, Clone)]
pub struct NewRecoveryKey {
    /// Of which device.
    pub device_id: DeviceId,
    /// Of which sort.
    pub kind: RecoveryKeyKind,
    /// The protector of the volume, or the account.
    pub name: String,
    /// The key.
    pub secret: Secret<String>,
    /// Who hands it over.
    pub created_by: String,
}

/// One time that a key was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryKeyView {
    /// Which one.
    pub key: RecoveryKeyId,
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
}

impl RecoveryKeyKind {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bitlocker => "bitlocker",
            Self::Laps => "laps",
        }
    }
}
