//! Attempts to enroll, and the failures among them that are not forgiven yet.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{among, columns, update};
use super::journal::one_more;
use super::schema::{enrollment_attempts, enrollment_failures};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    AttemptFilter, AttemptId, AttemptOutcome, Cursor, EnrollmentAttempt, FailureSubject, Failures, Page, Told, UserName,
};

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = enrollment_attempts, treat_none_as_default_value = false)]
struct AttemptRow {
    id: String,
    at: i64,
    last_at: i64,
    count: i64,
    peer: String,
    user_name: Option<String>,
    folded_user: Option<String>,
    device_id: Option<String>,
    folded_id: Option<String>,
    hw_dev_id: Option<String>,
    device_name: Option<String>,
    step: String,
    outcome: String,
    reason: Option<String>,
    fault: Option<String>,
    detail: Option<String>,
    enrollment: Option<String>,
    trace_id: String,
}

type FailureRow = (i64, i64, Option<i64>, Option<String>);

impl TryFrom<AttemptRow> for EnrollmentAttempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            at: Timestamp(row.at),
            last_at: Timestamp(row.last_at),
            count: row.count,
            peer: row.peer,
            user: row.user_name,
            device: row.device_id.as_deref().map(words::device_id).transpose()?,
            hw_dev_id: row.hw_dev_id,
            device_name: row.device_name,
            step: words::of_word(&row.step, "enrollment_attempts.step")?,
            outcome: words::of_word(&row.outcome, "enrollment_attempts.outcome")?,
            reason: row.reason,
            fault: row.fault,
            detail: row.detail,
            enrollment: row.enrollment.map(words::id).transpose()?,
            trace_id: row.trace_id,
        })
    }
}

impl Tx<'_> {
    /// Writes an attempt down. One that was refused is told of.
    pub fn record_attempt(&mut self, attempt: &EnrollmentAttempt) -> Result<(), Error> {
        if attempt.outcome == AttemptOutcome::Refused {
            self.tell(Told::of_attempt(attempt));
        }
        let row = AttemptRow {
            id: attempt.id.to_string(),
            at: attempt.at.0,
            last_at: attempt.last_at.0,
            count: attempt.count,
            peer: words::text(&attempt.peer),
            user_name: words::optional_text(attempt.user.as_ref()),
            folded_user: attempt.user.as_deref().and_then(UserName::parse).map(|user| user.key()),
            device_id: attempt.device.as_ref().map(ToString::to_string),
            folded_id: attempt.device.as_ref().map(DeviceId::key),
            hw_dev_id: words::optional_text(attempt.hw_dev_id.as_ref()),
            device_name: words::optional_text(attempt.device_name.as_ref()),
            step: attempt.step.as_str().to_owned(),
            outcome: attempt.outcome.as_str().to_owned(),
            reason: words::optional_text(attempt.reason.as_ref()),
            fault: words::optional_text(attempt.fault.as_ref()),
            detail: words::optional_text(attempt.detail.as_ref()),
            enrollment: attempt.enrollment.as_ref().map(ToString::to_string),
            trace_id: words::text(&attempt.trace_id),
        };
        on_backend!(self, |conn| diesel::insert_into(enrollment_attempts::table).values(row).execute(conn)).map(drop)
    }

    /// Counts one more attempt like one that was written down. Whether that is still there.
    pub fn count_attempt(&mut self, attempt: &AttemptId, now: Timestamp) -> Result<bool, Error> {
        let query = update(
            enrollment_attempts::table,
            enrollment_attempts::id.eq(attempt.as_str()),
            (enrollment_attempts::count.eq(enrollment_attempts::count + 1), enrollment_attempts::last_at.eq(now.0)),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Attempts, newest first.
    pub fn enrollment_attempts(
        &mut self,
        filter: &AttemptFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EnrollmentAttempt>, Error> {
        let rows: Vec<AttemptRow> = on_backend!(self, |conn| {
            let mut query = enrollment_attempts::table
                .order(enrollment_attempts::id.desc())
                .limit(one_more(limit))
                .select(columns::<AttemptRow>())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(enrollment_attempts::id.lt(after.sort_key()));
            }
            if let Some(user) = &filter.user {
                query = query.filter(enrollment_attempts::folded_user.eq(user.key()));
            }
            if let Some(device) = &filter.device {
                query = query.filter(enrollment_attempts::folded_id.eq(device.key()));
            }
            if let Some(trace) = &filter.trace_id {
                query = query.filter(enrollment_attempts::trace_id.eq(words::text(trace)));
            }
            if let Some(outcome) = filter.outcome {
                query = query.filter(enrollment_attempts::outcome.eq(outcome.as_str()));
            }
            query.load(conn)
        })?;
        let attempts = rows.into_iter().map(EnrollmentAttempt::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(attempts, limit, |attempt: &EnrollmentAttempt| attempt.id.to_string()))
    }

    /// What is held against an account or an address.
    pub fn failures(&mut self, of: &FailureSubject) -> Result<Option<Failures>, Error> {
        let query = enrollment_failures::table.find(self.bucket_of(of)).select((
            enrollment_failures::count,
            enrollment_failures::failed_at,
            enrollment_failures::locked_until,
            enrollment_failures::noted,
        ));
        let row: Option<FailureRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(failures_of).transpose()
    }

    /// The same; nobody else changes it before this transaction ends.
    pub fn failures_for_update(&mut self, of: &FailureSubject) -> Result<Option<Failures>, Error> {
        let bucket = self.bucket_of(of);
        // A row that is not there can't be locked.
        let insert = diesel::insert_into(enrollment_failures::table)
            .values((
                enrollment_failures::bucket.eq(&bucket),
                enrollment_failures::count.eq(0),
                enrollment_failures::failed_at.eq(0),
            ))
            .on_conflict_do_nothing();
        on_backend!(self, |conn| insert.execute(conn))?;
        let query = enrollment_failures::table.find(bucket).select((
            enrollment_failures::count,
            enrollment_failures::failed_at,
            enrollment_failures::locked_until,
            enrollment_failures::noted,
        ));
        let row: FailureRow = on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| query.for_update().first(conn)
        )?;
        Ok(Some(failures_of(row)?).filter(|failures| failures.count > 0))
    }

    /// Keeps what is held against an account or an address, once [`Self::failures_for_update`] has looked.
    pub fn save_failures(&mut self, of: &FailureSubject, failures: &Failures) -> Result<(), Error> {
        let query = update(
            enrollment_failures::table,
            enrollment_failures::bucket.eq(self.bucket_of(of)),
            (
                enrollment_failures::count.eq(failures.count),
                enrollment_failures::failed_at.eq(failures.failed_at.0),
                enrollment_failures::locked_until.eq(words::millis(failures.locked_until)),
                enrollment_failures::noted.eq(failures.noted.as_ref().map(ToString::to_string)),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Holds nothing against an account or an address any more.
    pub fn forgive(&mut self, whom: &FailureSubject) -> Result<(), Error> {
        let query = diesel::delete(enrollment_failures::table.find(self.bucket_of(whom)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Deletes attempts and failures from before a time, the oldest first, and attempts above a number.
    pub(super) fn prune_attempts(&mut self, before: Timestamp, most: i64, batch: i64) -> Result<usize, Error> {
        let kept = enrollment_attempts::table
            .order(enrollment_attempts::id.desc())
            .offset(most)
            .limit(1)
            .select(enrollment_attempts::id);
        let newest_that_goes: Option<String> = on_backend!(self, |conn| kept.first(conn).optional())?;
        let too_many = newest_that_goes.unwrap_or_default();
        let query = enrollment_attempts::table
            .filter(enrollment_attempts::at.lt(before.0).or(enrollment_attempts::id.le(too_many)))
            .order(enrollment_attempts::id.asc())
            .limit(batch)
            .select(enrollment_attempts::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        let query = diesel::delete(enrollment_attempts::table.filter(among(enrollment_attempts::id, ids)));
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Forgets failures from before a time.
    pub(super) fn prune_failures(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = diesel::delete(enrollment_failures::table.filter(enrollment_failures::failed_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }

    fn bucket_of(&self, subject: &FailureSubject) -> String {
        match subject {
            FailureSubject::Account(name) => format!("account:{:05x}", self.key.bucket("account", &name.key())),
            FailureSubject::Peer(peer) => format!("peer:{:05x}", self.key.bucket("peer", &peer.to_string())),
            FailureSubject::Nobody(peer, reason) => {
                format!("nobody:{:05x}", self.key.bucket("nobody", &format!("{peer} {reason}")))
            }
            FailureSubject::SignIn(name, peer) => {
                format!("operator:{:05x}", self.key.bucket("operator", &format!("{peer} {}", name.key())))
            }
            FailureSubject::SignInFrom(peer) => {
                format!("operators:{:05x}", self.key.bucket("operators", &peer.to_string()))
            }
            FailureSubject::Codes(name) => format!("codes:{:05x}", self.key.bucket("codes", &name.key())),
            FailureSubject::Credential(enrollment, peer) => {
                format!("credential:{:05x}", self.key.bucket("credential", &format!("{enrollment} {peer}")))
            }
        }
    }
}

fn failures_of((count, failed_at, locked_until, noted): FailureRow) -> Result<Failures, Error> {
    Ok(Failures {
        count,
        failed_at: Timestamp(failed_at),
        locked_until: locked_until.map(Timestamp),
        noted: noted.map(words::id).transpose()?,
    })
}
