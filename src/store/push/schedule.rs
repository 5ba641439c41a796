//! The schedules of devices, as far as they are known.

use diesel::dsl::{exists, select};
use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{EnrollmentId, OWN};
use crate::store::Error;
use crate::store::fragments::update;
use crate::store::schema::{commands, enrollments};
use crate::store::tx::{Tx, on_backend};
use crate::store::words;

impl Tx<'_> {
    /// Whether a command of an operator has waited in the queue since before then, and could go out.
    pub fn waits_since(&mut self, enrollment: &EnrollmentId, before: Timestamp) -> Result<bool, Error> {
        let waiting = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(commands::ready_at.le(before.0))
            .filter(commands::created_at.lt(before.0))
            .filter(commands::created_by.not_like(format!("{OWN}%")));
        on_backend!(self, |conn| select(exists(waiting)).get_result(conn))
    }

    /// The device was given another schedule: it is not given one again for a while.
    pub fn note_poll_asked(&mut self, enrollment: &EnrollmentId, at: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::poll_asked_at.eq(Some(at.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The schedule that a device says it has, or took from us at `since`.
    pub fn save_poll_schedule(
        &mut self,
        enrollment: &EnrollmentId,
        schedule: &str,
        since: Option<Timestamp>,
    ) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            (
                enrollments::poll_schedule.eq(Some(schedule.to_owned())),
                enrollments::poll_since.eq(words::millis(since)),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// From then on it may be changed how often the users of a computer come.
    pub fn change_user_schedule_at(&mut self, enrollment: &EnrollmentId, at: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::user_schedule_due_at.eq(Some(at.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// How often the users of a computer come, as it says or as it took from us.
    pub fn save_user_schedule(&mut self, enrollment: &EnrollmentId, schedule: &str) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::user_schedule.eq(Some(schedule.to_owned())),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}
