//! Sessions, to be looked at.

use diesel::prelude::*;
use transom_protocol::session::{Ending, Phase, SessionId, SyncType, Timestamp};

use super::fragments::{among, columns, update};
use super::journal::one_more;
use super::schema::{devices, enrollments, sessions};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, Page, SessionFilter, SessionKey, SessionRecord};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    enrollment: String,
    session_id: String,
    started_at: i64,
    last_at: i64,
    phase: String,
    authentication: String,
    login: String,
    client_message: i64,
    server_message: i64,
    exchanges: i64,
    commands_sent: i64,
    commands_answered: i64,
    kind: String,
    user_name: Option<String>,
    user_verified: bool,
    user_tenant: Option<String>,
    user_object: Option<String>,
}

/// A session, the id of its device, the newest session of its enrollment, and the name of the computer.
type JoinedRow = (SessionRow, String, Option<String>, Option<String>);

impl Tx<'_> {
    /// A session of a user ended because another one began.
    pub fn note_replaced(&mut self, key: &SessionKey) -> Result<(), Error> {
        let phase = sessions::phase.eq(words::phase_word(Phase::Ended(Ending::Replaced))?);
        let query = update(sessions::table, sessions::id.eq(key.as_str()), phase);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Sessions, newest first.
    pub fn sessions(
        &mut self,
        filter: &SessionFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<SessionRecord>, Error> {
        let after = after.map(place).transpose()?;
        if !filter.words.is_empty() {
            return self.sessions_that_say(filter, after, limit);
        }
        let rows: Vec<JoinedRow> = on_backend!(self, |conn| {
            let mut query = sessions::table
                .inner_join(enrollments::table.inner_join(devices::table))
                .order((sessions::started_at.desc(), sessions::id.desc()))
                .limit(one_more(limit))
                .select((columns::<SessionRow>(), enrollments::device_id, enrollments::session, devices::name))
                .into_boxed();
            if let Some((started_at, id)) = after {
                query = query
                    .filter(sessions::started_at.le(started_at))
                    .filter(sessions::started_at.lt(started_at).or(sessions::id.lt(id)));
            }
            if let Some(device) = &filter.device {
                query = query.filter(sessions::folded_id.eq(device.key()));
            }
            if let Some(from) = filter.from {
                query = query.filter(sessions::started_at.ge(from.0));
            }
            if let Some(until) = filter.until {
                query = query.filter(sessions::started_at.lt(until.0));
            }
            query.load(conn)
        })?;
        let records = rows.into_iter().map(record).collect::<Result<_, _>>()?;
        Ok(Page::of(records, limit, |record: &SessionRecord| format!("{}/{}", record.started_at.0, record.id)))
    }

    /// Of these sessions those that a filter has nothing against, its words not looked at; in no order.
    pub(super) fn session_records(
        &mut self,
        ids: &[String],
        filter: &SessionFilter,
    ) -> Result<Vec<SessionRecord>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = sessions::table
            .inner_join(enrollments::table.inner_join(devices::table))
            .filter(among(sessions::id, ids.iter().map(String::as_str)))
            .select((columns::<SessionRow>(), enrollments::device_id, enrollments::session, devices::name));
        let rows: Vec<JoinedRow> = on_backend!(self, |conn| query.load(conn))?;
        let records: Vec<SessionRecord> = rows.into_iter().map(record).collect::<Result<_, _>>()?;
        let fits = |record: &SessionRecord| {
            filter.device.as_ref().is_none_or(|device| device.key() == record.device_id.key())
                && filter.from.is_none_or(|from| record.started_at >= from)
                && filter.until.is_none_or(|until| record.started_at < until)
        };
        Ok(records.into_iter().filter(fits).collect())
    }

    /// One session.
    pub fn session(&mut self, key: &SessionKey) -> Result<Option<SessionRecord>, Error> {
        let query = sessions::table
            .inner_join(enrollments::table.inner_join(devices::table))
            .filter(sessions::id.eq(key.as_str()))
            .select((columns::<SessionRow>(), enrollments::device_id, enrollments::session, devices::name));
        let row: Option<JoinedRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(record).transpose()
    }
}

/// The start and the id of the session that was shown last.
fn place(cursor: &Cursor) -> Result<(i64, &str), Error> {
    let place = cursor.sort_key().split_once('/').and_then(|(at, id)| Some((at.parse().ok()?, id)));
    place.ok_or_else(|| Error::Conflict("this cursor is of another list".to_owned()))
}

fn record((row, device_id, newest, device_name): JoinedRow) -> Result<SessionRecord, Error> {
    let kind = words::of_word(&row.kind, "sessions.kind")?;
    let phase = match words::phase(&row.phase)? {
        // Nothing is written to a session when the next one begins: that would cost every check-in a statement.
        // Those of users are: they have no other place that says it.
        Phase::Open | Phase::Quiet if kind != SyncType::User && newest.as_ref() != Some(&row.id) => {
            Phase::Ended(Ending::Replaced)
        }
        phase => phase,
    };
    Ok(SessionRecord {
        id: words::id(row.id)?,
        device_id: words::device_id(&device_id)?,
        device_name: device_name.filter(|name| !name.is_empty()),
        enrollment: words::id(row.enrollment)?,
        session_id: SessionId::parse(&row.session_id).ok_or_else(|| Error::corrupt("sessions.session_id"))?,
        started_at: Timestamp(row.started_at),
        last_at: Timestamp(row.last_at),
        phase,
        authentication: words::of_word(&row.authentication, "sessions.authentication")?,
        login: words::of_word(&row.login, "sessions.login")?,
        kind,
        user: row.user_name,
        user_verified: row.user_verified,
        user_tenant: row.user_tenant,
        user_object: row.user_object,
        client_message: words::count(row.client_message, "sessions.client_message")?,
        server_message: words::count(row.server_message, "sessions.server_message")?,
        exchanges: row.exchanges,
        commands_sent: row.commands_sent,
        commands_answered: row.commands_answered,
    })
}
