//! A device: what stays the same through all its enrollments.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{DeviceKey, Enrollment, Predicate};

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Ours.
    #[serde(skip)]
    pub key: DeviceKey,
    /// The device's own, as it was first sent.
    #[serde(rename = "id")]
    pub device_id: DeviceId,
    /// When it was first heard of.
    pub created_at: Timestamp,
    /// What it said of itself.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// Its newest life that has not ended, or else the newest.
    pub enrollment: Option<Enrollment>,
}

/// What a device says of itself in package 1 (`./DevInfo`) and on request (`./DevDetail`). Empty means unsaid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct DeviceInfo {
    /// The computer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `./DevInfo/Man`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// `./DevInfo/Mod`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `./DevInfo/Lang`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// `./DevInfo/DmV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dm_version: Option<String>,
    /// `./DevDetail/SwV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
}

/// Which devices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceFilter {
    /// Only those whose id or name begins so; the case of ASCII letters makes no difference.
    pub begins_with: Option<String>,
    /// Only those for which this holds.
    pub condition: Option<Predicate>,
}
