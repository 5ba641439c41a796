//! What a person should look at: each question is a few rows from the end of an index, however many devices there are.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::Error;
use super::fragments::{among, at_most, columns};
use super::journal::EventRow;
use super::schema::{devices, enrollments, events};
use super::tx::{Tx, on_backend};
use crate::model::{Device, Event, EventKind};

impl Tx<'_> {
    /// Devices under management that were last heard of before a time, the one that was silent for longest first.
    pub fn silent_devices(&mut self, before: Timestamp, limit: i64) -> Result<Vec<Device>, Error> {
        let query = enrollments::table
            .filter(enrollments::ended_at.is_null())
            .filter(enrollments::last_seen_at.lt(before.0))
            .order(enrollments::last_seen_at.asc())
            .select(enrollments::folded_id);
        let ids: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        let mut devices = self.devices_with_ids(&ids)?;
        devices.sort_by_key(|device| device.enrollment.as_ref().and_then(|life| life.last_seen_at));
        Ok(devices)
    }

    /// Devices whose last certificate ends before a time, the first to end first.
    pub fn devices_with_ending_certificates(&mut self, before: Timestamp, limit: i64) -> Result<Vec<Device>, Error> {
        let query = enrollments::table
            .filter(enrollments::certificate_ends.lt(before.0))
            .filter(enrollments::ended_at.is_null())
            .order(enrollments::certificate_ends.asc())
            .select(enrollments::folded_id);
        let ids: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        let mut devices = self.devices_with_ids(&ids)?;
        devices.sort_by_key(|device| device.enrollment.as_ref().and_then(|life| life.certificate_ends));
        Ok(devices)
    }

    /// The last events of a kind, newest first.
    pub fn last_events(&mut self, kind: EventKind, limit: i64) -> Result<Vec<Event>, Error> {
        let query =
            events::table.filter(events::kind.eq(kind.as_str())).order(events::id.desc()).select(columns::<EventRow>());
        let rows: Vec<EventRow> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        rows.into_iter().map(|row| self.event(row)).collect()
    }

    fn devices_with_ids(&mut self, folded: &[String]) -> Result<Vec<Device>, Error> {
        let query = devices::table
            .filter(among(devices::folded_id, folded.iter().map(String::as_str)))
            .select(columns::<super::device::DeviceRow>());
        let rows = on_backend!(self, |conn| query.load(conn))?;
        self.with_enrollments(rows)
    }
}
