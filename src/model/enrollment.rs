//! One life of a device under management.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{Account, DeviceId, Timestamp};

use super::{DeviceInfo, EnrollmentId, Enveloping, Signing};

/// One life of a device: credentials, sessions and queue of its own (design, promise 6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enrollment {
    /// Its id.
    pub id: EnrollmentId,
    /// Counts the lives of the device, from 1.
    pub generation: i32,
    /// Where it stands.
    pub state: EnrollmentState,
    /// Commands in its queue that have no outcome yet.
    pub open_commands: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its first authenticated contact.
    pub first_seen_at: Option<Timestamp>,
    /// Its last authenticated contact.
    pub last_seen_at: Option<Timestamp>,
    /// When it was replaced or left management.
    pub ended_at: Option<Timestamp>,
    /// The enrolled user, where the device enrolled itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// How it enrolled, where it enrolled itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<EnrollmentType>,
    /// When the last of its certificates ends; nothing when none counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_ends: Option<Timestamp>,
    /// Whether its messages are signed, where that is not as the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Since when the device signs, by its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_confirmed_at: Option<Timestamp>,
    /// Whether its messages are enveloped, where that is not as the settings say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enveloping: Option<Enveloping>,
    /// Since when the device envelopes, by its own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelopes_since: Option<Timestamp>,
}

/// Where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Made or imported; the device has not used it yet.
    Pending,
    /// In use.
    Active,
    /// In use, and the device is told to leave.
    Unenrolling,
    /// Over: the device uses a newer one.
    Replaced,
    /// Over: the device left management.
    Unenrolled,
    /// Over: the device was told to leave, and whether it did nobody knows.
    Unknown,
    /// Over: an operator cut the device off.
    Blocked,
}

/// `EnrollmentType` of a token request (MS-MDE2 3.4.4.1.1.1): where the device keeps its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentType {
    /// `Full`: a user's, in `My/User`.
    Full,
    /// `Device`: the computer's, in `My/System`.
    Device,
}

/// An enrollment to be made.
#[derive(Debug, Clone)]
pub struct NewEnrollment {
    /// The device's own id.
    pub device_id: DeviceId,
    /// Its credentials.
    pub account: Account,
    /// What is already known of the device.
    pub info: DeviceInfo,
    /// How the device enrolled itself; nothing when the enrollment is imported.
    pub made: Option<Made>,
}

/// How a device enrolled itself. From then on it is heard only with a certificate that was issued for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The id of the enrollment: its certificate and its account have it for a name.
    pub id: EnrollmentId,
    /// The enrolled user.
    pub upn: String,
    /// Whose certificate it is.
    pub kind: EnrollmentType,
    /// `HWDevID`: the same over all enrollments of one computer, and of all its clones.
    pub hw_dev_id: Option<String>,
    /// All that the device said of itself.
    pub context: serde_json::Value,
}

impl EnrollmentState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Active,
        Self::Unenrolling,
        Self::Replaced,
        Self::Unenrolled,
        Self::Unknown,
        Self::Blocked,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Unenrolling => "unenrolling",
            Self::Replaced => "replaced",
            Self::Unenrolled => "unenrolled",
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
        }
    }

    /// Whether the device may still use it.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Active | Self::Unenrolling)
    }
}

impl EnrollmentType {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Device => "device",
        }
    }
}
