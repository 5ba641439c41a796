//! Putting commands into queues.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, DeviceId, Reason, ReasonCode, Timestamp};

use super::{Timers, instruction_of, lane_of};
use crate::model::{
    CommandScope, Dependency, Enqueued, EnrollmentId, EnrollmentState, NewCommand, NewCommands, NotEnqueued, command_id,
};
use crate::store::fragments::{among, update};
use crate::store::schema::{commands, devices, enrollments};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// A queue that takes commands.
struct Queue {
    enrollment: String,
    folded_id: String,
    next_sequence: i64,
}

#[derive(Insertable)]
#[diesel(table_name = commands, treat_none_as_default_value = false)]
struct CommandRow {
    id: String,
    enrollment: String,
    folded_id: String,
    sequence: i64,
    batch: Option<String>,
    kind: &'static str,
    target: String,
    scope: &'static str,
    user_name: Option<String>,
    lane: i32,
    proof: bool,
    state: &'static str,
    reason: Option<String>,
    reason_since: Option<i64>,
    reason_count: Option<i64>,
    reason_detail: Option<String>,
    created_at: i64,
    created_by: String,
    not_before: Option<i64>,
    expires_at: Option<i64>,
    attempts: i64,
    ready_at: Option<i64>,
    lapses_at: Option<i64>,
    depends_on: Option<String>,
    instruction: Vec<u8>,
}

/// Rows of one `INSERT`: bounded by how many values a statement may bind.
const ROWS: usize = 200;

impl Tx<'_> {
    /// Puts the same commands into the queue of each device, behind what is there: all of them or, where a device
    /// can't take them, none.
    ///
    /// They go to the newest life of the device that has not ended. Sequences are gapless, whoever else enqueues at
    /// the same time. Many devices are best split into several jobs.
    pub fn enqueue(&mut self, new: &NewCommands, now: Timestamp) -> Result<Vec<Enqueued>, Error> {
        let count = i64::try_from(new.commands.len()).unwrap_or(i64::MAX);
        let keys: BTreeSet<String> = new.devices.iter().map(DeviceId::key).collect();
        let mut places = self.places(&keys, count, new.max_open)?;
        let queues: Vec<&Queue> = places.values().filter_map(|place| place.as_ref().ok()).collect();
        let mut ids = BTreeMap::new();
        if !queues.is_empty() && !new.commands.is_empty() {
            let query = update(
                enrollments::table,
                among(enrollments::id, queues.iter().map(|queue| queue.enrollment.as_str())),
                (
                    enrollments::next_sequence.eq(enrollments::next_sequence + count),
                    enrollments::open_commands.eq(enrollments::open_commands + count),
                ),
            );
            on_backend!(self, |conn| query.execute(conn))?;
            ids = self.insert_commands(new, &queues, now)?;
            if new.wake {
                let urgent = new.commands.iter().any(|command| command.proof);
                let ready = new.commands.iter().map(|command| command.not_before.unwrap_or(now)).min().unwrap_or(now);
                let enrollments: Vec<String> = queues.iter().map(|queue| queue.enrollment.clone()).collect();
                self.request_pushes(&enrollments, urgent, ready.max(now), now)?;
            }
        }
        let mut enqueued = Vec::with_capacity(places.len());
        for device in &new.devices {
            // A device that is named twice gets the commands once.
            let Some(place) = places.remove(&device.key()) else { continue };
            let commands = place.map(|queue| ids.remove(&queue.folded_id).unwrap_or_default());
            enqueued.push(Enqueued { device: device.clone(), commands });
        }
        Ok(enqueued)
    }

    /// Puts commands into the queue of one enrollment that the server has a wish of its own for, whoever is newer. The
    /// enrollment is to be locked. Gives their ids; none when the queue is full.
    pub fn enqueue_own(
        &mut self,
        enrollment: &EnrollmentId,
        new: &NewCommands,
        now: Timestamp,
    ) -> Result<Vec<CommandId>, Error> {
        let count = i64::try_from(new.commands.len()).unwrap_or(i64::MAX);
        let query = enrollments::table.find(enrollment.as_str()).filter(enrollments::ended_at.is_null()).select((
            enrollments::id,
            enrollments::folded_id,
            enrollments::next_sequence,
            enrollments::open_commands,
        ));
        let found: Option<(String, String, i64, i64)> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((id, folded_id, next_sequence, open)) = found else { return Ok(Vec::new()) };
        if count == 0 || open.saturating_add(count) > new.max_open {
            return Ok(Vec::new());
        }
        let queue = Queue { enrollment: id, folded_id, next_sequence };
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            (
                enrollments::next_sequence.eq(enrollments::next_sequence + count),
                enrollments::open_commands.eq(enrollments::open_commands + count),
            ),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        let ids = self.insert_commands(new, &[&queue], now)?;
        Ok(ids.into_values().flatten().collect())
    }

    /// Where `count` more commands for each device go, or why not; the queues stay locked.
    fn places(
        &mut self,
        devices: &BTreeSet<String>,
        count: i64,
        max_open: i64,
    ) -> Result<BTreeMap<String, Result<Queue, NotEnqueued>>, Error> {
        // Locked in the order in which every transaction locks more than one.
        let query = enrollments::table
            .filter(among(enrollments::folded_id, devices))
            .filter(enrollments::ended_at.is_null())
            .order((enrollments::folded_id.asc(), enrollments::generation.desc()))
            .select((
                enrollments::id,
                enrollments::folded_id,
                enrollments::next_sequence,
                enrollments::open_commands,
                enrollments::state,
            ));
        let live: Vec<(String, String, i64, i64, String)> = on_backend!(
            self,
            sqlite => |conn| query.load(conn),
            postgres => |conn| query.for_no_key_update().load(conn)
        )?;
        let mut places = BTreeMap::new();
        for (enrollment, folded_id, next_sequence, open, state) in live {
            places.entry(folded_id.clone()).or_insert_with(|| {
                let fits = open.saturating_add(count) <= max_open;
                match state == EnrollmentState::Unenrolling.as_str() {
                    // What comes after the command to leave never comes.
                    true if open > 0 => Err(NotEnqueued::Leaving),
                    _ if fits => Ok(Queue { enrollment, folded_id, next_sequence }),
                    _ => Err(NotEnqueued::QueueFull),
                }
            });
        }
        let others: Vec<&String> = devices.iter().filter(|device| !places.contains_key(*device)).collect();
        if !others.is_empty() {
            let query =
                devices::table.filter(among(devices::folded_id, others.iter().copied())).select(devices::folded_id);
            let known: BTreeSet<String> = on_backend!(self, |conn| query.load(conn))?.into_iter().collect();
            for other in others {
                let why = if known.contains(other) { NotEnqueued::NotEnrolled } else { NotEnqueued::UnknownDevice };
                places.insert(other.clone(), Err(why));
            }
        }
        Ok(places)
    }

    fn insert_commands(
        &mut self,
        new: &NewCommands,
        queues: &[&Queue],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Vec<CommandId>>, Error> {
        let plain = new.commands.iter().map(|command| {
            serde_json::to_vec(&command.instruction)
                .map(zeroize::Zeroizing::new)
                .map_err(|_| Error::corrupt("commands.instruction"))
        });
        let plain: Vec<zeroize::Zeroizing<Vec<u8>>> = plain.collect::<Result<_, _>>()?;
        let mut ids = BTreeMap::new();
        let mut rows = Vec::new();
        for queue in queues {
            let mut own: Vec<CommandId> = Vec::with_capacity(new.commands.len());
            for ((command, instruction), sequence) in new.commands.iter().zip(&plain).zip(queue.next_sequence..) {
                let id = command_id(now);
                let depends_on = dependencies(command, &own)?;
                rows.push(CommandRow {
                    instruction: self.key.seal(instruction_of(&id.0), instruction)?,
                    depends_on: words::dependencies_word(&depends_on)?,
                    ..row(new, command, queue, &id, sequence, now)?
                });
                own.push(id);
                if rows.len() == ROWS {
                    self.insert_rows(std::mem::take(&mut rows))?;
                }
            }
            ids.insert(queue.folded_id.clone(), own);
        }
        self.insert_rows(rows)?;
        Ok(ids)
    }

    fn insert_rows(&mut self, rows: Vec<CommandRow>) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        on_backend!(self, |conn| diesel::insert_into(commands::table).values(rows).execute(conn)).map(drop)
    }
}

/// The ids that a command waits for; those of the same order are known by now.
fn dependencies(command: &NewCommand, own: &[CommandId]) -> Result<Vec<CommandId>, Error> {
    let ids = command.depends_on.iter().map(|dependency| match dependency {
        Dependency::On(id) => Some(id.clone()),
        Dependency::OnEarlier(place) => own.get(*place).cloned(),
    });
    ids.collect::<Option<_>>().ok_or_else(|| Error::Conflict("a command can only depend on an earlier one".to_owned()))
}

fn row(
    new: &NewCommands,
    command: &NewCommand,
    queue: &Queue,
    id: &CommandId,
    sequence: i64,
    now: Timestamp,
) -> Result<CommandRow, Error> {
    // Only a session of that user takes it; whoever asks why it waits gets an answer before there is one.
    let waits = command.user.as_ref().map(|user| Reason {
        code: ReasonCode::WaitingForUser,
        since: now,
        count: 1,
        retry_at: None,
        detail: Some(format!("waits for a session of {user}; there was none since it was ordered")),
    });
    let state = if waits.is_some() { CommandState::Deferred } else { CommandState::Queued };
    let timers = Timers::of(state, waits.as_ref(), command.not_before, command.expires_at);
    let target = command.instruction.settings().next().map(|(_, node)| words::text(node.target.as_str()));
    Ok(CommandRow {
        id: id.0.clone(),
        enrollment: queue.enrollment.clone(),
        folded_id: queue.folded_id.clone(),
        sequence,
        batch: new.batch.as_ref().map(|batch| batch.as_str().to_owned()),
        kind: command.instruction.kind(),
        target: target.unwrap_or_default(),
        scope: command.scope.as_str(),
        user_name: command.user.as_ref().map(|user| words::text(user.as_str())),
        lane: match &command.user {
            Some(user) => lane_of(user),
            None => i32::from(command.scope == CommandScope::User),
        },
        proof: command.proof,
        state: state.as_str(),
        reason: waits.as_ref().map(|reason| words::word(&reason.code)).transpose()?,
        reason_since: waits.as_ref().map(|reason| reason.since.0),
        reason_count: waits.as_ref().map(|reason| i64::from(reason.count)),
        reason_detail: words::optional_text(waits.as_ref().and_then(|reason| reason.detail.as_ref())),
        created_at: now.0,
        created_by: words::text(&new.created_by),
        not_before: words::millis(command.not_before),
        expires_at: words::millis(command.expires_at),
        attempts: 0,
        ready_at: timers.ready_at,
        lapses_at: timers.lapses_at,
        depends_on: None,
        instruction: Vec::new(),
    })
}
