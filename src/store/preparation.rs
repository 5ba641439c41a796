//! How far device preparation is, by each device's own word.

use diesel::prelude::*;
use transom_protocol::session::{DevicePreparation, Timestamp};

use super::fragments::update;
use super::schema::device_preparations;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::EnrollmentId;

impl Tx<'_> {
    /// Keeps what a device says of its preparation. Whether that is new.
    pub fn note_preparation(
        &mut self,
        enrollment: &EnrollmentId,
        state: DevicePreparation,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let known = self.preparation(enrollment)?;
        if known.is_some_and(|(known, _)| known == state) {
            return Ok(false);
        }
        let values = (device_preparations::state.eq(state.as_str()), device_preparations::changed_at.eq(now.0));
        if known.is_some() {
            let own = device_preparations::enrollment.eq(enrollment.as_str());
            let query = update(device_preparations::table, own, values);
            on_backend!(self, |conn| query.execute(conn))?;
        } else {
            let query = diesel::insert_into(device_preparations::table)
                .values((device_preparations::enrollment.eq(enrollment.as_str()), values));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(true)
    }

    /// What a device last said of its preparation, and when that was new; nothing where it never did.
    pub fn preparation(&mut self, enrollment: &EnrollmentId) -> Result<Option<(DevicePreparation, Timestamp)>, Error> {
        let query = device_preparations::table
            .find(enrollment.as_str())
            .select((device_preparations::state, device_preparations::changed_at));
        let row: Option<(String, i64)> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(|(state, at)| Ok((words::of_word(&state, "device_preparations.state")?, Timestamp(at)))).transpose()
    }
}
