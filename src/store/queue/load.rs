//! Rows of the queue become commands; large ones only as many as a message can use.
//!
//! A queue may hold thousands of commands of a megabyte each. A row brings its sealed values along when they are
//! small; of the large ones those that are needed are fetched afterwards.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use transom_protocol::session::{CommandId, CommandState, Pending, Principal, Progress, Reason, ReasonCode, Timestamp};

use super::{ReasonColumns, Timers, instruction_of, progress_of};
use crate::model::EnrollmentId;
use crate::store::fragments::{Bytes, Small, among, columns, update};
use crate::store::schema::commands;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// A command of the queue; its sealed values only when they are small, and how many bytes they have.
pub(super) type PendingRow = (Standing, Option<Vec<u8>>, Option<i32>, Option<Vec<u8>>, Option<i32>);

/// The columns of a [`PendingRow`].
pub(super) type PendingColumns = (
    <Standing as Selectable<Sqlite>>::SelectExpression,
    Small<commands::instruction>,
    Bytes<commands::instruction>,
    Small<commands::progress>,
    Bytes<commands::progress>,
);

/// What is selected for a [`PendingRow`].
pub(super) fn pending_columns() -> PendingColumns {
    (
        columns::<Standing>(),
        Small(commands::instruction),
        Bytes(commands::instruction),
        Small(commands::progress),
        Bytes(commands::progress),
    )
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = commands)]
pub(super) struct Standing {
    id: String,
    enrollment: String,
    sequence: i64,
    lane: i32,
    user_name: Option<String>,
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
}

/// The sealed values of a command: what to do, and what is known of it.
type Values = (Vec<u8>, Option<Vec<u8>>);

/// Bytes of large values that are fetched for each lane; those of its first command always are.
const ENOUGH: i64 = 4 * 1024 * 1024;

impl Tx<'_> {
    /// The rows that belong to an enrollment, each once, in the order of its queue. Those of `needed` are loaded
    /// whatever their size; of each lane the others up to the first that is too large to come along.
    ///
    /// Asked for in a query, the enrollment would have its whole history looked through for a few ids. A row that can't
    /// be read any more is set aside, so that it keeps no other from the device.
    pub(super) fn load_pending(
        &mut self,
        enrollment: &EnrollmentId,
        rows: Vec<PendingRow>,
        needed: &[CommandId],
        now: Timestamp,
    ) -> Result<Vec<Pending>, Error> {
        let own = rows.into_iter().filter(|(row, ..)| row.enrollment == enrollment.as_str());
        // One that is in flight may have been put back into the queue: it comes twice.
        let own: BTreeMap<i64, PendingRow> = own.map(|row| (row.0.sequence, row)).collect();
        let (own, large) = come_along(own.into_values(), needed);
        let mut fetched = self.large_values(&large)?;
        let mut pending = Vec::with_capacity(own.len());
        for (standing, instruction, _, progress, _) in own {
            let id = standing.id.clone();
            let values = match fetched.remove(&id) {
                Some(values) => values,
                None => (instruction.unwrap_or_default(), progress),
            };
            match self.pending(standing, values) {
                Ok(command) => pending.push(command),
                Err(Error::Corrupt(what)) => self.set_aside(enrollment, &id, what, now)?,
                Err(other) => return Err(other),
            }
        }
        Ok(pending)
    }

    fn large_values(&mut self, ids: &[String]) -> Result<HashMap<String, Values>, Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let query = commands::table.filter(among(commands::id, ids)).select((
            commands::id,
            commands::instruction,
            commands::progress,
        ));
        let rows: Vec<(String, Vec<u8>, Option<Vec<u8>>)> = on_backend!(self, |conn| query.load(conn))?;
        Ok(rows.into_iter().map(|(id, instruction, progress)| (id, (instruction, progress))).collect())
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
        self.settled_commands.push(CommandId(id.to_owned()));
        self.note_settled(enrollment, 1);
        Ok(())
    }

    fn pending(&self, row: Standing, (instruction, progress): Values) -> Result<Pending, Error> {
        let instruction = self.key.open_json(instruction_of(&row.id), &instruction)?;
        let progress = match progress {
            Some(sealed) => self.key.open_json(progress_of(&row.id), &sealed)?,
            None => Progress::new(&instruction),
        };
        Ok(Pending {
            sequence: row.sequence,
            user: row.user_name.as_deref().and_then(Principal::parse),
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

/// Which of some rows, in order, are loaded, and which of these have large values that are not here yet.
fn come_along(rows: impl Iterator<Item = PendingRow>, needed: &[CommandId]) -> (Vec<PendingRow>, Vec<String>) {
    let needed: BTreeSet<&str> = needed.iter().map(|id| id.0.as_str()).collect();
    let mut bytes: BTreeMap<i32, i64> = BTreeMap::new();
    let mut large = Vec::new();
    let kept = rows.filter(|(row, instruction, instruction_bytes, progress, progress_bytes)| {
        let is_needed = needed.contains(row.id.as_str());
        let lane = bytes.entry(row.lane).or_default();
        if *lane > ENOUGH && !is_needed {
            // Nothing overtakes what is left out.
            return false;
        }
        if instruction.is_none() || progress.is_none() && progress_bytes.is_some() {
            let size = i64::from(instruction_bytes.unwrap_or_default()) + i64::from(progress_bytes.unwrap_or_default());
            let is_first = *lane == 0;
            *lane += if is_needed { 0 } else { size };
            if *lane > ENOUGH && !is_first && !is_needed {
                return false;
            }
            large.push(row.id.clone());
        }
        true
    });
    (kept.collect(), large)
}
