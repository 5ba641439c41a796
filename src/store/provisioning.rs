//! How far the provisioning of each enrollment is.

use diesel::prelude::*;
use transom_protocol::session::{CommandState, Principal, Timestamp};

use super::Error;
use super::fragments::{among, at_most, update};
use super::journal::one_more;
use super::schema::{commands, enrollments, provisionings};
use super::tx::{Tx, on_backend};
use super::words;
use crate::model::{CommandScope, Cursor, DeviceId, EnrollmentId, OWN, Page, Provisioning};

impl Tx<'_> {
    /// From then on it is looked again how far the provisioning of an enrollment is.
    pub fn look_at_provisioning(&mut self, enrollment: &EnrollmentId, at: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::provisioning_due_at.eq(Some(at.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// How far the provisioning of an enrollment is; nothing where none was ever planned.
    pub fn provisioning(&mut self, enrollment: &EnrollmentId) -> Result<Option<Provisioning>, Error> {
        let query = provisionings::table.find(enrollment.as_str()).select(provisionings::value);
        let value: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        let read = |value: String| serde_json::from_str(&value).map_err(|_| Error::corrupt("provisionings.value"));
        value.map(read).transpose()
    }

    /// Keeps how far it is. The enrollment is to be locked.
    pub fn save_provisioning(
        &mut self,
        enrollment: &EnrollmentId,
        provisioning: &Provisioning,
        now: Timestamp,
    ) -> Result<(), Error> {
        let value = serde_json::to_string(provisioning).map_err(|_| Error::corrupt("provisionings.value"))?;
        let values = (
            provisionings::value.eq(words::text(&value)),
            provisionings::deadline.eq(provisioning.next_deadline().map(|deadline| deadline.0)),
            provisionings::changed_at.eq(now.0),
            provisionings::failed_at.eq(provisioning.failed_at().map(|since| since.0)),
        );
        let query = update(provisionings::table, provisionings::enrollment.eq(enrollment.as_str()), values.clone());
        if on_backend!(self, |conn| query.execute(conn))? > 0 {
            return Ok(());
        }
        let query = diesel::insert_into(provisionings::table)
            .values((provisionings::enrollment.eq(enrollment.as_str()), values));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Devices whose provisioning goes on, the first to give up first.
    pub fn provisionings_that_go_on(
        &mut self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(DeviceId, Provisioning)>, Error> {
        let place = after.map(place).transpose()?;
        let rows: Vec<(i64, String, String, String)> = on_backend!(self, |conn| {
            let mut query = provisionings::table
                .inner_join(enrollments::table.on(enrollments::id.eq(provisionings::enrollment)))
                .filter(provisionings::deadline.is_not_null())
                .filter(enrollments::ended_at.is_null())
                .order((provisionings::deadline.asc(), provisionings::enrollment.asc()))
                .limit(one_more(limit))
                .select((
                    provisionings::deadline.assume_not_null(),
                    provisionings::enrollment,
                    enrollments::device_id,
                    provisionings::value,
                ))
                .into_boxed();
            if let Some((at, enrollment)) = &place {
                let later = provisionings::deadline.assume_not_null().gt(*at);
                let same =
                    provisionings::deadline.assume_not_null().eq(*at).and(provisionings::enrollment.gt(enrollment));
                query = query.filter(later.or(same));
            }
            query.load(conn)
        })?;
        listed(rows, limit)
    }

    /// Devices of which a part has failed, the last to fail first.
    pub fn failed_provisionings(
        &mut self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(DeviceId, Provisioning)>, Error> {
        let place = after.map(place).transpose()?;
        let rows: Vec<(i64, String, String, String)> = on_backend!(self, |conn| {
            let mut query = provisionings::table
                .inner_join(enrollments::table.on(enrollments::id.eq(provisionings::enrollment)))
                .filter(provisionings::failed_at.is_not_null())
                .filter(enrollments::ended_at.is_null())
                .order((provisionings::failed_at.desc(), provisionings::enrollment.desc()))
                .limit(one_more(limit))
                .select((
                    provisionings::failed_at.assume_not_null(),
                    provisionings::enrollment,
                    enrollments::device_id,
                    provisionings::value,
                ))
                .into_boxed();
            if let Some((at, enrollment)) = &place {
                let before = provisionings::failed_at.assume_not_null().lt(*at);
                let same =
                    provisionings::failed_at.assume_not_null().eq(*at).and(provisionings::enrollment.lt(enrollment));
                query = query.filter(before.or(same));
            }
            query.load(conn)
        })?;
        listed(rows, limit)
    }

    /// Enrollments for which time ran out before then, the longest ago first.
    pub fn overdue_provisionings(&mut self, before: Timestamp, limit: i64) -> Result<Vec<EnrollmentId>, Error> {
        let query = provisionings::table
            .filter(provisionings::deadline.lt(before.0))
            .order(provisionings::deadline.asc())
            .select(provisionings::enrollment);
        let rows: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        rows.into_iter().map(words::id).collect()
    }

    /// Nothing of it is waited for any more: the device left.
    pub fn forget_provisioning_deadline(&mut self, enrollment: &EnrollmentId) -> Result<(), Error> {
        let own = provisionings::enrollment.eq(enrollment.as_str());
        let query = update(provisionings::table, own, provisionings::deadline.eq(None::<i64>));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The users whose nodes are meant by commands that the server ordered for itself under this word and that are still
    /// on their way.
    pub fn users_waited_for(&mut self, enrollment: &EnrollmentId, word: &str) -> Result<Vec<Principal>, Error> {
        let open = CommandState::ALL.into_iter().filter(|state| state.is_open());
        let query = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(among(commands::state, open.map(CommandState::as_str)))
            .filter(commands::created_by.eq(format!("{OWN}{word}")))
            .filter(commands::scope.eq(CommandScope::User.as_str()))
            .filter(commands::user_name.is_not_null())
            .select(commands::user_name.assume_not_null())
            .distinct();
        let names: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        Ok(names.iter().filter_map(|name| Principal::parse(name)).collect())
    }
}

/// The place that a cursor stands for.
fn place(cursor: &Cursor) -> Result<(i64, String), Error> {
    let (at, enrollment) = cursor.sort_key().split_once('/').unwrap_or_default();
    let at = at.parse().map_err(|_| Error::Conflict("this is no place in this list".to_owned()))?;
    Ok((at, enrollment.to_owned()))
}

/// The rows as a page: a time, an enrollment, its device, and how far it is.
fn listed(rows: Vec<(i64, String, String, String)>, limit: usize) -> Result<Page<(DeviceId, Provisioning)>, Error> {
    let page = Page::of(rows, limit, |(at, enrollment, ..)| format!("{at}/{enrollment}"));
    let next = page.next;
    let read = |(_, _, device, value): (i64, String, String, String)| {
        let known = serde_json::from_str(&value).map_err(|_| Error::corrupt("provisionings.value"))?;
        Ok((words::device_id(&device)?, known))
    };
    Ok(Page { items: page.items.into_iter().map(read).collect::<Result<_, Error>>()?, next })
}
