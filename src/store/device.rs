//! Devices, to be looked at.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use transom_protocol::session::{Account, DeviceId, Timestamp};

use super::contact::account_of;
use super::enrollment::EnrollmentRow;
use super::fact::Matching;
use super::fragments::{among, columns};
use super::journal::one_more;
use super::schema::{devices, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, Device, DeviceFilter, DeviceInfo, Enrollment, EnrollmentId, Page};

#[diesel::declare_sql_function]
extern "SQL" {
    /// In lower case.
    fn lower(
        text: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = devices)]
pub(super) struct DeviceRow {
    id: String,
    device_id: String,
    folded_id: String,
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

    /// Devices in the order of their ids.
    pub fn devices(
        &mut self,
        filter: &DeviceFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Device>, Error> {
        let after = after.map_or("", Cursor::sort_key);
        let condition = Matching::of(filter.condition.as_ref());
        let rows = match filter.begins_with.as_deref() {
            None | Some("") => self.devices_in_order(condition, after, limit)?,
            Some(beginning) => {
                self.devices_that_begin_with(&beginning.to_ascii_lowercase(), condition, after, limit)?
            }
        };
        let next = Page::of(rows, limit, |row| row.folded_id.clone());
        Ok(Page { items: self.with_enrollments(next.items)?, next: next.next })
    }

    fn devices_in_order(&mut self, condition: Matching, after: &str, limit: usize) -> Result<Vec<DeviceRow>, Error> {
        let query = devices::table
            .filter(devices::folded_id.gt(after))
            .filter(condition)
            .order(devices::folded_id.asc())
            .limit(one_more(limit))
            .select(columns::<DeviceRow>());
        on_backend!(self, |conn| query.load(conn))
    }

    /// By id and by name, each from its index: a prefix is a range, so that no character of it has a meaning.
    fn devices_that_begin_with(
        &mut self,
        prefix: &str,
        condition: Matching,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, Error> {
        let prefix = words::text(prefix);
        let end = words::end_of_prefix(&prefix).unwrap_or_else(|| "\u{10ffff}".repeat(DeviceId::MAX_LEN));
        let by_id = devices::table
            .filter(devices::folded_id.ge(prefix.clone()))
            .filter(devices::folded_id.lt(end.clone()))
            .filter(devices::folded_id.gt(after))
            .filter(condition.clone())
            .order(devices::folded_id.asc())
            .limit(one_more(limit))
            .select(columns::<DeviceRow>());
        let by_name = devices::table
            .filter(devices::folded_name.ge(prefix.clone()))
            .filter(devices::folded_name.lt(end.clone()))
            .filter(devices::folded_id.gt(after))
            .filter(condition)
            .order(devices::folded_id.asc())
            .limit(one_more(limit))
            .select(columns::<DeviceRow>());
        let by_id: Vec<DeviceRow> = on_backend!(self, |conn| by_id.load(conn))?;
        let by_name: Vec<DeviceRow> = on_backend!(self, |conn| by_name.load(conn))?;
        let by_user = self.devices_of_users_that_begin_with(&prefix, &end, after, limit)?;
        let all: BTreeMap<String, DeviceRow> =
            by_id.into_iter().chain(by_name).chain(by_user).map(|row| (row.folded_id.clone(), row)).collect();
        Ok(all.into_values().take(limit.saturating_add(1)).collect())
    }

    /// By the user who enrolled the device, in whatever life.
    fn devices_of_users_that_begin_with(
        &mut self,
        prefix: &str,
        end: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, Error> {
        let query = enrollments::table
            .filter(lower(enrollments::upn).ge(prefix))
            .filter(lower(enrollments::upn).lt(end))
            .filter(enrollments::folded_id.gt(after))
            .order(enrollments::folded_id.asc())
            .limit(one_more(limit))
            .select(enrollments::folded_id)
            .distinct();
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = devices::table
            .filter(among(devices::folded_id, ids.iter().map(String::as_str)))
            .select(columns::<DeviceRow>());
        on_backend!(self, |conn| query.load(conn))
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
