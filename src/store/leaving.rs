//! Devices that are told to leave, and computers that two devices claim to be.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{at_most, update};
use super::schema::enrollments;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{EnrollmentId, EnrollmentState};

impl Tx<'_> {
    /// The device is to be told to leave; its certificate stays good until it says that it did, or its time has passed.
    pub fn begin_unenrolling(&mut self, enrollment: &EnrollmentId) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()).and(enrollments::ended_at.is_null()),
            enrollments::state.eq(EnrollmentState::Unenrolling.as_str()),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("enrollment")),
        }
    }

    /// The device was told to leave: it has time until then.
    pub fn expect_leave(&mut self, enrollment: &EnrollmentId, by: Timestamp) -> Result<(), Error> {
        let leaving =
            (enrollments::state.eq(EnrollmentState::Unenrolling.as_str()), enrollments::leave_by.eq(Some(by.0)));
        let query = update(enrollments::table, enrollments::id.eq(enrollment.as_str()), leaving);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The device would not leave: all goes on as before.
    pub fn stop_unenrolling(&mut self, enrollment: &EnrollmentId) -> Result<(), Error> {
        let staying = (enrollments::state.eq(EnrollmentState::Active.as_str()), enrollments::leave_by.eq(None::<i64>));
        let query = update(enrollments::table, enrollments::id.eq(enrollment.as_str()), staying);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Enrollments whose devices were told to leave and had time until before now.
    pub fn overdue_leaves(&mut self, now: Timestamp, limit: i64) -> Result<Vec<EnrollmentId>, Error> {
        let query = enrollments::table
            .filter(enrollments::leave_by.lt(now.0))
            .order(enrollments::leave_by.asc())
            .limit(limit)
            .select(enrollments::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        ids.into_iter().map(words::id).collect()
    }

    /// Other devices that say they are the same hardware and have an enrollment that has not ended.
    pub fn others_with_hardware(&mut self, hw_dev_id: &str, device: &DeviceId) -> Result<Vec<DeviceId>, Error> {
        let hardware = words::text(hw_dev_id.trim()).to_ascii_lowercase();
        let query = enrollments::table
            .filter(enrollments::hw_dev_id.eq(hardware))
            .filter(enrollments::folded_id.ne(device.key()))
            .filter(enrollments::ended_at.is_null())
            .select(enrollments::device_id)
            .distinct();
        let ids: Vec<String> = on_backend!(self, |conn| at_most(MOST_TOLD, query).load(conn))?;
        ids.iter().map(|id| words::device_id(id)).collect()
    }
}

/// Devices of one hardware that are told of.
const MOST_TOLD: i64 = 10;
