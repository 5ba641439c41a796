//! What a message did to commands, written back.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;
use transom_protocol::session::{CommandId, MsgId, Pending, Progress, Timestamp};

use super::{ReasonColumns, Timers, progress_of};
use crate::model::{EnrollmentId, ExchangeId, SessionKey};
use crate::store::Error;
use crate::store::fragments::{among, update};
use crate::store::schema::attempts;
use crate::store::tx::{Conn, Tx, on_backend};

/// A command that a message changed.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandChange {
    /// As it is now.
    pub command: Pending,
    /// The reply carries it.
    pub sent: bool,
}

/// A command that a reply carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// Which one.
    pub command: CommandId,
    /// How often it was put into a message, this time included.
    pub number: u32,
    /// The first `CmdID` that it got.
    pub cmd_id: u32,
}

/// The message that carries commands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carrier<'a> {
    /// In which session.
    pub session: &'a SessionKey,
    /// Which message of ours.
    pub message: MsgId,
    /// In which exchange.
    pub exchange: &'a ExchangeId,
    /// When.
    pub at: Timestamp,
}

/// The columns of a command that change.
struct Row {
    id: String,
    state: &'static str,
    reason: ReasonColumns,
    attempts: i64,
    sent_at: Option<i64>,
    settled_at: Option<i64>,
    timers: Timers,
    /// Nothing as long as there is nothing to know.
    progress: Option<Vec<u8>>,
}

#[derive(Insertable)]
#[diesel(table_name = attempts, treat_none_as_default_value = false)]
struct AttemptRow {
    command: String,
    number: i64,
    session: String,
    server_message: i64,
    cmd_id: i64,
    sent_in: String,
    sent_at: i64,
}

impl Tx<'_> {
    /// Writes commands of one enrollment back that were open when they were loaded. Those that have an outcome now are
    /// taken off the enrollment's count of open commands before the transaction ends.
    ///
    /// The enrollment is to be locked, as by [`Tx::live_enrollments`]. A command that is no longer open is a conflict.
    /// One statement on PostgreSQL, one for each command on SQLite, where a statement is no round trip.
    pub fn save_commands(
        &mut self,
        enrollment: &EnrollmentId,
        changes: &[CommandChange],
        now: Timestamp,
    ) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let rows = changes.iter().map(|change| self.row(change, now)).collect::<Result<Vec<_>, _>>()?;
        let written = match self.conn {
            Conn::Postgres(_) => self.write_together(enrollment, rows)?,
            Conn::Sqlite(_) => self.write_each(enrollment, rows)?,
        };
        if written != changes.len() {
            return Err(Error::Conflict("a command was changed that has its outcome already".to_owned()));
        }
        let settled: Vec<_> = changes.iter().filter(|change| !change.command.state.is_open()).collect();
        self.settled_commands.extend(settled.iter().map(|change| change.command.id.clone()));
        let settled = settled.len();
        self.note_settled(enrollment, i64::try_from(settled).unwrap_or(i64::MAX));
        Ok(())
    }

    fn row(&self, change: &CommandChange, now: Timestamp) -> Result<Row, Error> {
        let command = &change.command;
        let reason = command.reason.as_ref();
        let known = command.progress != Progress::new(&command.instruction);
        Ok(Row {
            state: command.state.as_str(),
            reason: ReasonColumns::of(reason)?,
            attempts: i64::from(command.attempts),
            sent_at: change.sent.then_some(now.0),
            settled_at: (!command.state.is_open()).then_some(now.0),
            timers: Timers::of(command.state, reason, command.not_before, command.expires_at),
            progress: known.then(|| self.key.seal_json(progress_of(&command.id.0), &command.progress)).transpose()?,
            id: command.id.0.clone(),
        })
    }

    fn write_each(&mut self, enrollment: &EnrollmentId, rows: Vec<Row>) -> Result<usize, Error> {
        let mut written = 0;
        for row in rows {
            let query = OfOne { enrollment: enrollment.as_str().to_owned(), row };
            written += on_backend!(
                self,
                sqlite => |conn| query.execute(conn),
                postgres => |_conn| Err(diesel::result::Error::NotFound)
            )?;
        }
        Ok(written)
    }

    fn write_together(&mut self, enrollment: &EnrollmentId, rows: Vec<Row>) -> Result<usize, Error> {
        let query = Together::new(enrollment, rows);
        on_backend!(
            self,
            sqlite => |_conn| Err(diesel::result::Error::NotFound),
            postgres => |conn| query.execute(conn)
        )
    }

    /// Notes which commands a reply carries.
    pub fn add_attempts(&mut self, carrier: Carrier<'_>, new: &[NewAttempt]) -> Result<(), Error> {
        if new.is_empty() {
            return Ok(());
        }
        let rows: Vec<AttemptRow> = new
            .iter()
            .map(|attempt| AttemptRow {
                command: attempt.command.0.clone(),
                number: i64::from(attempt.number),
                session: carrier.session.as_str().to_owned(),
                server_message: i64::from(carrier.message.number()),
                cmd_id: i64::from(attempt.cmd_id),
                sent_in: carrier.exchange.as_str().to_owned(),
                sent_at: carrier.at.0,
            })
            .collect();
        if let Conn::Postgres(_) = self.conn {
            let query = diesel::insert_into(attempts::table).values(rows);
            return on_backend!(
                self,
                sqlite => |_conn| Err(diesel::result::Error::NotFound),
                postgres => |conn| query.execute(conn)
            )
            .map(drop);
        }
        // One row at a time is prepared once, and no round trip.
        for row in rows {
            on_backend!(self, |conn| diesel::insert_into(attempts::table).values(row).execute(conn))?;
        }
        Ok(())
    }

    /// Notes that a message answered commands of a message of ours (`MsgRef`). What was answered before stays so.
    pub fn answer_attempts(
        &mut self,
        session: &SessionKey,
        message: MsgId,
        answered: &[CommandId],
        exchange: &ExchangeId,
        now: Timestamp,
    ) -> Result<(), Error> {
        if answered.is_empty() {
            return Ok(());
        }
        let query = update(
            attempts::table,
            among(attempts::command, answered.iter().map(|id| id.0.as_str()))
                .and(attempts::session.eq(session.as_str()))
                .and(attempts::server_message.eq(i64::from(message.number())))
                .and(attempts::answered_at.is_null()),
            (attempts::answered_in.eq(Some(exchange.as_str())), attempts::answered_at.eq(Some(now.0))),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

/// The changes of one command, in a statement of SQLite whose text is always the same: putting it together takes as long
/// as carrying it out.
#[derive(QueryId)]
struct OfOne {
    enrollment: String,
    row: Row,
}

impl QueryFragment<Sqlite> for OfOne {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let Row { reason, timers, .. } = &self.row;
        out.push_sql("UPDATE commands SET state = ");
        out.push_bind_param::<Text, _>(self.row.state)?;
        for (column, value) in [(", reason = ", &reason.reason), (", reason_detail = ", &reason.reason_detail)] {
            out.push_sql(column);
            out.push_bind_param::<Nullable<Text>, _>(value)?;
        }
        for (column, value) in [
            (", reason_since = ", &reason.reason_since),
            (", reason_count = ", &reason.reason_count),
            (", retry_at = ", &reason.retry_at),
            (", settled_at = ", &self.row.settled_at),
            (", ready_at = ", &timers.ready_at),
            (", lapses_at = ", &timers.lapses_at),
            (", accepted_at = ", &timers.accepted_at),
            (", sent_at = COALESCE(", &self.row.sent_at),
        ] {
            out.push_sql(column);
            out.push_bind_param::<Nullable<BigInt>, _>(value)?;
        }
        out.push_sql(", sent_at), attempts = ");
        out.push_bind_param::<BigInt, _>(&self.row.attempts)?;
        out.push_sql(", progress = ");
        out.push_bind_param::<Nullable<Binary>, _>(&self.row.progress)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<Text, _>(&self.row.id)?;
        out.push_sql(" AND enrollment = ");
        out.push_bind_param::<Text, _>(&self.enrollment)?;
        out.push_sql(" AND settled_at IS NULL");
        Ok(())
    }
}

impl<C> RunQueryDsl<C> for OfOne {}

/// All changes of one message in one statement of PostgreSQL, column by column.
#[derive(Default, QueryId)]
struct Together {
    enrollment: String,
    id: Vec<String>,
    state: Vec<&'static str>,
    reason: Vec<Option<String>>,
    reason_since: Vec<Option<i64>>,
    reason_count: Vec<Option<i64>>,
    retry_at: Vec<Option<i64>>,
    reason_detail: Vec<Option<String>>,
    attempts: Vec<i64>,
    sent_at: Vec<Option<i64>>,
    settled_at: Vec<Option<i64>>,
    ready_at: Vec<Option<i64>>,
    lapses_at: Vec<Option<i64>>,
    accepted_at: Vec<Option<i64>>,
    progress: Vec<Option<Vec<u8>>>,
}

impl Together {
    fn new(enrollment: &EnrollmentId, rows: Vec<Row>) -> Self {
        let mut all = Self { enrollment: enrollment.as_str().to_owned(), ..Self::default() };
        for row in rows {
            all.id.push(row.id);
            all.state.push(row.state);
            all.reason.push(row.reason.reason);
            all.reason_since.push(row.reason.reason_since);
            all.reason_count.push(row.reason.reason_count);
            all.retry_at.push(row.reason.retry_at);
            all.reason_detail.push(row.reason.reason_detail);
            all.attempts.push(row.attempts);
            all.sent_at.push(row.sent_at);
            all.settled_at.push(row.settled_at);
            all.ready_at.push(row.timers.ready_at);
            all.lapses_at.push(row.timers.lapses_at);
            all.accepted_at.push(row.timers.accepted_at);
            all.progress.push(row.progress);
        }
        all
    }
}

impl QueryFragment<Pg> for Together {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "UPDATE commands SET state = new.state, reason = new.reason, reason_since = new.reason_since, \
             reason_count = new.reason_count, retry_at = new.retry_at, reason_detail = new.reason_detail, \
             attempts = new.attempts, sent_at = COALESCE(new.sent_at, commands.sent_at), \
             settled_at = new.settled_at, ready_at = new.ready_at, lapses_at = new.lapses_at, \
             accepted_at = new.accepted_at, progress = new.progress FROM unnest(",
        );
        out.push_bind_param::<Array<Text>, _>(&self.id)?;
        out.push_sql("::text[], ");
        out.push_bind_param::<Array<Text>, _>(&self.state)?;
        out.push_sql("::text[]");
        for column in [&self.reason, &self.reason_detail] {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<Text>>, _>(column)?;
            out.push_sql("::text[]");
        }
        let times = [&self.reason_since, &self.reason_count, &self.retry_at, &self.sent_at, &self.settled_at];
        for column in times.into_iter().chain([&self.ready_at, &self.lapses_at, &self.accepted_at]) {
            out.push_sql(", ");
            out.push_bind_param::<Array<Nullable<BigInt>>, _>(column)?;
            out.push_sql("::bigint[]");
        }
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.attempts)?;
        out.push_sql("::bigint[], ");
        out.push_bind_param::<Array<Nullable<Binary>>, _>(&self.progress)?;
        out.push_sql("::bytea[]");
        out.push_sql(
            ") AS new(id, state, reason, reason_detail, reason_since, reason_count, retry_at, sent_at, settled_at, \
             ready_at, lapses_at, accepted_at, attempts, progress) \
             WHERE commands.id = new.id AND commands.settled_at IS NULL AND commands.enrollment || '' = ",
        );
        // As an expression the enrollment is checked and not looked for, which would be its whole history.
        out.push_bind_param::<Text, _>(&self.enrollment)
    }
}

impl<C> RunQueryDsl<C> for Together {}
