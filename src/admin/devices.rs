//! Devices, as JSON.

use serde::Serialize;

use super::commands::device_id;
use super::{Admin, Error, PageJson, Part};
use crate::model::{Device, DeviceFilter, DeviceInfo, Timestamp, rfc3339, rfc3339_option};
use crate::store::Tx;

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceJson {
    /// Its own id.
    pub id: String,
    /// What it said of itself.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// When it was first heard of.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// Its last authenticated contact.
    #[serde(serialize_with = "rfc3339_option")]
    pub last_seen_at: Option<Timestamp>,
    /// Commands without an outcome.
    pub open_commands: i64,
    /// Its life under management.
    pub enrollment: Option<EnrollmentJson>,
}

/// One life of a device under management.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnrollmentJson {
    /// Its id.
    pub id: String,
    /// Counts the lives of the device.
    pub generation: i32,
    /// `pending`, `active`, `replaced` or `unenrolled`.
    pub state: &'static str,
    /// When it was made.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Timestamp,
    /// Its first authenticated contact.
    #[serde(serialize_with = "rfc3339_option")]
    pub first_seen_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339_option")]
    pub ended_at: Option<Timestamp>,
}

impl From<Device> for DeviceJson {
    fn from(device: Device) -> Self {
        let life = device.enrollment;
        Self {
            id: device.device_id.to_string(),
            info: device.info,
            created_at: device.created_at,
            last_seen_at: life.as_ref().and_then(|life| life.last_seen_at),
            open_commands: life.as_ref().map_or(0, |life| life.open_commands),
            enrollment: life.map(|life| EnrollmentJson {
                id: life.id.to_string(),
                generation: life.generation,
                state: life.state.as_str(),
                created_at: life.created_at,
                first_seen_at: life.first_seen_at,
                ended_at: life.ended_at,
            }),
        }
    }
}

impl Admin {
    /// Devices by id; `begins_with` matches ids and names.
    pub async fn devices(&self, begins_with: Option<String>, part: Part) -> Result<PageJson<DeviceJson>, Error> {
        let (limit, cursor) = (part.limit(), part.cursor()?);
        let filter = DeviceFilter { begins_with };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.devices(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, DeviceJson::from))
    }

    /// One device.
    pub async fn device(&self, id: &str) -> Result<DeviceJson, Error> {
        let id = device_id(id)?;
        let device = self.store.read(move |tx: &mut Tx<'_>| tx.device(&id)).await?;
        device.map(DeviceJson::from).ok_or(Error::NotFound("device"))
    }
}
