//! One life of a device under management.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{Account, DeviceId, Timestamp};

use super::{DeviceInfo, EnrollmentId};

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
}

/// Where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// Made or imported; the device has not used it yet.
    Pending,
    /// In use.
    Active,
    /// Over: the device uses a newer one.
    Replaced,
    /// Over: the device left management.
    Unenrolled,
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
}

impl EnrollmentState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Replaced, Self::Unenrolled];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Unenrolled => "unenrolled",
        }
    }

    /// Whether the device may still use it.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Pending | Self::Active)
    }
}
