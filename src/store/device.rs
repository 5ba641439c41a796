//! Devices, to be looked at.

use std::collections::HashMap;

use diesel::prelude::*;
use transom_protocol::session::{Account, DeviceId, Timestamp};

use super::contact::account_of;
use super::enrollment::EnrollmentRow;
use super::fragments::{among, columns};
use super::schema::{devices, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Device, DeviceInfo, Enrollment, EnrollmentId};

#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(super) struct DeviceRow {
    id: String,
    device_id: String,
    pub(super) folded_id: String,
    created_at: i64,
    name: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    language: Option<String>,
    dm_version: Option<String>,
    os_version: Option<String>,
}

impl Tx<'_> {
    /// One device.
    pub fn device(&mut self, device: &DeviceId) -> Result<Option<Device>, Error> {
        let query = devices::table.filter(devices::folded_id.eq(device.key())).select(columns::<DeviceRow>());
        let row: Option<DeviceRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(self.with_enrollments(row.into_iter().collect())?.pop())
    }

    /// All lives of a device, newest first.
    pub fn enrollments(&mut self, device: &DeviceId) -> Result<Vec<Enrollment>, Error> {
        let query = enrollments::table
            .filter(enrollments::folded_id.eq(device.key()))
            .order(enrollments::generation.desc())
            .select(columns::<EnrollmentRow>());
        let rows: Vec<EnrollmentRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(Enrollment::try_from).collect()
    }

    /// One life of a device.
    pub fn enrollment(&mut self, enrollment: &EnrollmentId) -> Result<Option<Enrollment>, Error> {
        let query = enrollments::table.find(enrollment.as_str()).select(columns::<EnrollmentRow>());
        let row: Option<EnrollmentRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(Enrollment::try_from).transpose()
    }

    /// The credentials of an enrollment, and what else is kept with them.
    pub fn account(&mut self, enrollment: &EnrollmentId) -> Result<Option<Account>, Error> {
        let query = enrollments::table.find(enrollment.as_str()).select(enrollments::account);
        let sealed: Option<Option<Vec<u8>>> = on_backend!(self, |conn| query.first(conn).optional())?;
        sealed.flatten().map(|sealed| self.key.open_json(account_of(enrollment.as_str()), &sealed)).transpose()
    }

    /// The device that an enrollment is one of.
    pub fn device_of(&mut self, enrollment: &EnrollmentId) -> Result<Option<DeviceId>, Error> {
        let query = enrollments::table.find(enrollment.as_str()).select(enrollments::device_id);
        let id: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        id.map(|id| words::device_id(&id)).transpose()
    }

    pub(super) fn with_enrollments(&mut self, rows: Vec<DeviceRow>) -> Result<Vec<Device>, Error> {
        let query = enrollments::table
            .filter(among(enrollments::device, rows.iter().map(|row| row.id.as_str())))
            .order(enrollments::generation.asc())
            .select(columns::<EnrollmentRow>());
        let lives: Vec<EnrollmentRow> = on_backend!(self, |conn| query.load(conn))?;
        let mut shown: HashMap<String, Enrollment> = HashMap::new();
        for life in lives {
            let device = life.device.clone();
            let life = Enrollment::try_from(life)?;
            // The newest that has not ended, or else the newest; and the one in use before one that never was.
            let rank = |life: &Enrollment| (life.ended_at.is_none(), life.first_seen_at.is_some(), life.generation);
            if shown.get(&device).is_none_or(|other| rank(other) < rank(&life)) {
                shown.insert(device, life);
            }
        }
        rows.into_iter().map(|row| device_of(row, &mut shown)).collect()
    }
}

fn device_of(row: DeviceRow, lives: &mut HashMap<String, Enrollment>) -> Result<Device, Error> {
    Ok(Device {
        enrollment: lives.remove(&row.id),
        key: words::id(row.id)?,
        device_id: words::device_id(&row.device_id)?,
        created_at: Timestamp(row.created_at),
        info: DeviceInfo {
            name: row.name,
            manufacturer: row.manufacturer,
            model: row.model,
            language: row.language,
            dm_version: row.dm_version,
            os_version: row.os_version,
        },
    })
}
