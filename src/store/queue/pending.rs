//! What is in the queue, as a session needs it.

use std::collections::BTreeMap;

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, Pending, Progress, Reason, ReasonCode, Timestamp};

use super::{ReasonColumns, Timers, instruction_of, progress_of};
use crate::model::EnrollmentId;
use crate::store::fragments::{among, columns, update};
use crate::store::schema::commands;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
struct PendingRow {
    id: String,
    enrollment: String,
    sequence: i64,
    state: String,
    reason: Option<String>,
    reason_since: Option<i64>,
    reason_count: Option<i64>,
    retry_at: Option<i64>,
    reason_detail: Option<String>,
    not_before: Option<i64>,
    expires_at: Option<i64>,
    attempts: i64,
    depends_on: Option<String>,
    instruction: Vec<u8>,
    progress: Option<Vec<u8>>,
}

/// The commands that every message may take, and those that only go out while the user is signed in.
const LANES: [i32; 2] = [0, 1];

impl Tx<'_> {
    /// What a message has to do with, in the order of the queue: the commands that are in flight, as long as they have
    /// no outcome, and of each scope the first `limit` that may be sent at `now`.
    ///
    /// What is held back (for a time, for the device, for another command) does not count and so hides nothing behind
    /// it; what waits for the user is a lane of its own for the same reason.
    pub fn pending_commands(
        &mut self,
        enrollment: &EnrollmentId,
        in_flight: &[CommandId],
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Pending>, Error> {
        let lane = |lane: i32| {
            commands::table
                .filter(commands::enrollment.eq(enrollment.as_str()))
                .filter(commands::lane.eq(lane))
                .filter(commands::ready_at.le(now.0))
                .order(commands::sequence.asc())
                .limit(limit)
                .select(columns::<PendingRow>())
        };
        let flying = commands::table
            .filter(among(commands::id, in_flight.iter().map(|id| id.0.as_str())))
            .filter(commands::settled_at.is_null())
            .select(columns::<PendingRow>());
        let [device, user] = LANES.map(lane);
        let query = flying.union_all(device).union_all(user);
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.pending_of(enrollment, rows, now)
    }

    /// The commands that the device has accepted and not yet reported the end of, in the order of the queue.
    pub fn accepted_commands(
        &mut self,
        enrollment: &EnrollmentId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Pending>, Error> {
        let query = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(commands::state.eq(CommandState::Deferred.as_str()))
            .filter(commands::reason.eq("accepted"))
            .order(commands::sequence.asc())
            .limit(limit)
            .select(columns::<PendingRow>());
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.pending_of(enrollment, rows, now)
    }

    /// Those of these commands that belong to the enrollment and have no outcome, in the order of the queue.
    pub fn open_commands(
        &mut self,
        enrollment: &EnrollmentId,
        ids: &[CommandId],
        now: Timestamp,
    ) -> Result<Vec<Pending>, Error> {
        let query = commands::table
            .filter(among(commands::id, ids.iter().map(|id| id.0.as_str())))
            .filter(commands::settled_at.is_null())
            .select(columns::<PendingRow>());
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.pending_of(enrollment, rows, now)
    }

    /// Where commands stand; those that do not exist (any more) are left out.
    pub fn command_states(&mut self, ids: &[CommandId]) -> Result<Vec<(CommandId, CommandState)>, Error> {
        let query = commands::table
            .filter(among(commands::id, ids.iter().map(|id| id.0.as_str())))
            .select((commands::id, commands::state));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(id, state)| Ok((CommandId(id), words::of_word(&state, "commands.state")?))).collect()
    }

    /// The rows that belong to an enrollment, each once, in the order of its queue.
    ///
    /// Asked for in a query, the enrollment would have its whole history looked through for a few ids. A row that can't
    /// be read any more is set aside, so that it keeps no other from the device.
    fn pending_of(
        &mut self,
        enrollment: &EnrollmentId,
        rows: Vec<PendingRow>,
        now: Timestamp,
    ) -> Result<Vec<Pending>, Error> {
        let own = rows.into_iter().filter(|row| row.enrollment == enrollment.as_str());
        // One that is in flight may have been put back into the queue: it comes twice.
        let own: BTreeMap<i64, PendingRow> = own.map(|row| (row.sequence, row)).collect();
        let mut pending = Vec::with_capacity(own.len());
        for row in own.into_values() {
            let id = row.id.clone();
            match self.pending(row) {
                Ok(command) => pending.push(command),
                Err(Error::Corrupt(what)) => self.set_aside(enrollment, &id, what, now)?,
                Err(other) => return Err(other),
            }
        }
        Ok(pending)
    }

    fn set_aside(&mut self, enrollment: &EnrollmentId, id: &str, what: String, now: Timestamp) -> Result<(), Error> {
        tracing::error!(command = id, what, "a command can't be read and is set aside");
        let reason = Reason { code: ReasonCode::Undecodable, since: now, count: 1, retry_at: None, detail: Some(what) };
        let changes = (
            commands::state.eq(CommandState::Failed.as_str()),
            commands::settled_at.eq(Some(now.0)),
            ReasonColumns::of(Some(&reason))?,
            Timers::default(),
        );
        let query = update(commands::table, commands::id.eq(id), changes);
        on_backend!(self, |conn| query.execute(conn))?;
        *self.settled.entry(enrollment.clone()).or_default() += 1;
        Ok(())
    }

    fn pending(&self, row: PendingRow) -> Result<Pending, Error> {
        let instruction = self.key.open_json(instruction_of(&row.id), &row.instruction)?;
        let progress = match row.progress {
            Some(sealed) => self.key.open_json(progress_of(&row.id), &sealed)?,
            None => Progress::new(&instruction),
        };
        Ok(Pending {
            sequence: row.sequence,
            state: words::of_word(&row.state, "commands.state")?,
            reason: words::reason(row.reason, row.reason_since, row.reason_count, row.retry_at, row.reason_detail)?,
            attempts: words::count(row.attempts, "commands.attempts")?,
            not_before: row.not_before.map(Timestamp),
            expires_at: row.expires_at.map(Timestamp),
            depends_on: words::dependencies(row.depends_on.as_deref())?,
            id: CommandId(row.id),
            instruction,
            progress,
        })
    }
}
