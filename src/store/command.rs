//! Commands, to be looked at.

use std::collections::BTreeMap;

use diesel::prelude::*;
use transom_protocol::csp::Instruction;
use transom_protocol::session::{CommandId, Progress, Timestamp};

use super::fragments::{among, columns};
use super::journal::one_more;
use super::queue::{instruction_of, progress_of};
use super::schema::{attempts, commands, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    Attempt, CommandFilter, CommandRecord, CommandState, CommandView, Cursor, EnrollmentId, ExchangeId, OWN, Page,
    SessionKey,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
struct RecordRow {
    id: String,
    enrollment: String,
    sequence: i64,
    batch: Option<String>,
    kind: String,
    target: String,
    scope: String,
    user_name: Option<String>,
    state: String,
    reason: Option<String>,
    reason_since: Option<i64>,
    reason_count: Option<i64>,
    retry_at: Option<i64>,
    reason_detail: Option<String>,
    created_at: i64,
    created_by: String,
    not_before: Option<i64>,
    expires_at: Option<i64>,
    attempts: i64,
    sent_at: Option<i64>,
    settled_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
struct DetailRow {
    instruction: Vec<u8>,
    progress: Option<Vec<u8>>,
    depends_on: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = attempts)]
struct AttemptRow {
    number: i64,
    session: String,
    server_message: i64,
    cmd_id: i64,
    sent_in: String,
    sent_at: i64,
    answered_in: Option<String>,
    answered_at: Option<i64>,
}

impl Tx<'_> {
    /// Commands without their values, newest first.
    pub fn commands(
        &mut self,
        filter: &CommandFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<CommandRecord>, Error> {
        let rows: Vec<(RecordRow, String)> = on_backend!(self, |conn| {
            let mut query = commands::table
                .inner_join(enrollments::table)
                .order(commands::id.desc())
                .limit(one_more(limit))
                .select((columns::<RecordRow>(), enrollments::device_id))
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(commands::id.lt(after.sort_key()));
            }
            if !filter.own {
                query = query.filter(commands::created_by.not_like(format!("{OWN}%")));
            }
            if let Some(device) = &filter.device {
                query = query.filter(commands::folded_id.eq(device.key()));
            }
            if let Some(state) = filter.state {
                query = query.filter(commands::state.eq(state.as_str()));
            }
            if let Some(batch) = &filter.batch {
                query = query.filter(commands::batch.eq(batch.as_str()));
            }
            query.load(conn)
        })?;
        let records = rows.into_iter().map(record).collect::<Result<_, _>>()?;
        Ok(Page::of(records, limit, |record: &CommandRecord| record.id.0.clone()))
    }

    /// The last command of an enrollment that failed, without its values. What the server asks for itself is left out.
    pub fn last_failure(&mut self, enrollment: &EnrollmentId) -> Result<Option<CommandRecord>, Error> {
        let query = commands::table
            .inner_join(enrollments::table)
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(commands::state.eq(CommandState::Failed.as_str()))
            // What failed has a reason; saying so leads to the index by standing, and not through the whole history.
            .filter(commands::reason.gt(""))
            .filter(commands::created_by.not_like(format!("{OWN}%")))
            // No index has this order, so that none leads through what failed on all devices, or never failed on this one.
            .order((commands::created_at.desc(), commands::sequence.desc()))
            .select((columns::<RecordRow>(), enrollments::device_id));
        let row: Option<(RecordRow, String)> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(record).transpose()
    }

    /// In which session and message each of some commands was answered last; those that were not answered are left out.
    pub fn last_answers(
        &mut self,
        commands: &[CommandId],
    ) -> Result<BTreeMap<CommandId, (SessionKey, ExchangeId)>, Error> {
        let query = attempts::table
            .filter(among(attempts::command, commands.iter().map(|id| id.0.as_str())))
            .filter(attempts::answered_in.is_not_null())
            .order((attempts::command.asc(), attempts::number.asc()))
            .select((attempts::command, attempts::session, attempts::answered_in));
        let rows: Vec<(String, String, Option<String>)> = on_backend!(self, |conn| query.load(conn))?;
        let mut answers = BTreeMap::new();
        for (command, session, message) in rows {
            let Some(message) = message else { continue };
            answers.insert(CommandId(command), (words::id(session)?, words::id(message)?));
        }
        Ok(answers)
    }

    /// One command with all that is known of it.
    pub fn command(&mut self, id: &CommandId) -> Result<Option<CommandView>, Error> {
        let query = commands::table.inner_join(enrollments::table).filter(commands::id.eq(&id.0)).select((
            columns::<RecordRow>(),
            enrollments::device_id,
            columns::<DetailRow>(),
        ));
        let row: Option<(RecordRow, String, DetailRow)> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((row, device_id, detail)) = row else { return Ok(None) };
        let query = attempts::table
            .filter(attempts::command.eq(&id.0))
            .order(attempts::number.asc())
            .select(columns::<AttemptRow>());
        let attempts: Vec<AttemptRow> = on_backend!(self, |conn| query.load(conn))?;
        let instruction: Instruction = self.key.open_json(instruction_of(&id.0), &detail.instruction)?;
        Ok(Some(CommandView {
            record: record((row, device_id))?,
            progress: match detail.progress {
                Some(sealed) => self.key.open_json(progress_of(&id.0), &sealed)?,
                None => Progress::new(&instruction),
            },
            instruction,
            depends_on: words::dependencies(detail.depends_on.as_deref())?,
            attempts: attempts.into_iter().map(attempt).collect::<Result<_, _>>()?,
        }))
    }
}

fn record((row, device_id): (RecordRow, String)) -> Result<CommandRecord, Error> {
    Ok(CommandRecord {
        id: CommandId(row.id),
        device_id: words::device_id(&device_id)?,
        enrollment: words::id(row.enrollment)?,
        sequence: row.sequence,
        batch: row.batch.map(words::id).transpose()?,
        kind: row.kind,
        target: row.target,
        scope: words::of_word(&row.scope, "commands.scope")?,
        user: row.user_name,
        state: words::of_word(&row.state, "commands.state")?,
        reason: words::reason(row.reason, row.reason_since, row.reason_count, row.retry_at, row.reason_detail)?,
        created_at: Timestamp(row.created_at),
        created_by: row.created_by,
        not_before: row.not_before.map(Timestamp),
        expires_at: row.expires_at.map(Timestamp),
        attempts: words::count(row.attempts, "commands.attempts")?,
        sent_at: row.sent_at.map(Timestamp),
        settled_at: row.settled_at.map(Timestamp),
    })
}

fn attempt(row: AttemptRow) -> Result<Attempt, Error> {
    Ok(Attempt {
        number: words::count(row.number, "attempts.number")?,
        session: words::id(row.session)?,
        message: words::count(row.server_message, "attempts.server_message")?,
        cmd_id: words::count(row.cmd_id, "attempts.cmd_id")?,
        sent_in: words::id(row.sent_in)?,
        sent_at: Timestamp(row.sent_at),
        answered_in: row.answered_in.map(words::id).transpose()?,
        answered_at: row.answered_at.map(Timestamp),
    })
}
