//! Whether messages of an enrollment are signed.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::Error;
use super::fragments::update;
use super::schema::enrollments;
use super::tx::{Tx, on_backend};
use crate::model::{EnrollmentId, Signing};

impl Tx<'_> {
    /// How an operator wants it for this enrollment.
    pub fn set_signing(&mut self, enrollment: &EnrollmentId, signing: Signing) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()).and(enrollments::ended_at.is_null()),
            enrollments::signing.eq(Some(signing.as_str())),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("enrollment")),
        }
    }

    /// What the device says: that it signs since then, or that it does not.
    pub fn confirm_signing(&mut self, enrollment: &EnrollmentId, since: Option<Timestamp>) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::signing_confirmed_at.eq(since.map(|since| since.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}
