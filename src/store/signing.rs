//! Whether messages of an enrollment are signed.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::update;
use super::schema::enrollments;
use super::tx::{Tx, on_backend};
use super::{Error, words};
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

    /// The device of Entra ID that the enrollment has shown a token of, with its tenant: the first one stays.
    pub fn bind_entra_device(&mut self, enrollment: &EnrollmentId, device: &str) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()).and(enrollments::entra_device.is_null()),
            enrollments::entra_device.eq(Some(words::text(device))),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
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
