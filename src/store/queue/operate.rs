//! What an operator does with commands that are in the queue, or in doubt.

use diesel::prelude::*;
use transom_protocol::csp::Instruction;
use transom_protocol::session::{CommandId, CommandState, Progress, Reason, ReasonCode, Timestamp};

use super::{ReasonColumns, Timers, instruction_of, progress_of};
use crate::model::EnrollmentId;
use crate::store::fragments::update;
use crate::store::schema::{commands, enrollments};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// What became of the wish to cancel a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// It is canceled.
    Canceled,
    /// It is on its way: the device may be doing it.
    Sent,
    /// It has its outcome already.
    Settled(CommandState),
}

/// What an operator knows of a command whose outcome was unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It did not run, or may run again: back into the queue, at its old place.
    Retry,
    /// It ran.
    Succeeded,
    /// It did not run, or failed, and shall not run any more.
    Failed,
}

/// How a command stands, for one who wants to change it.
struct Standing {
    enrollment: EnrollmentId,
    live: bool,
    state: CommandState,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    instruction: Vec<u8>,
}

impl Tx<'_> {
    /// Cancels a command that waits. One that was sent is canceled only with `even_if_sent`, which is for commands
    /// that may be repeated: it is never sent again, and what the device says of it no longer matters.
    pub fn cancel(
        &mut self,
        command: &CommandId,
        even_if_sent: bool,
        by: &str,
        now: Timestamp,
    ) -> Result<Cancellation, Error> {
        let standing = self.standing(command)?;
        let detail = match standing.state {
            CommandState::Queued | CommandState::Deferred => format!("by {by}"),
            CommandState::Sent if even_if_sent => format!("by {by}, after it was sent: it is not sent again"),
            CommandState::Sent => return Ok(Cancellation::Sent),
            settled => return Ok(Cancellation::Settled(settled)),
        };
        self.decide(command, &standing, CommandState::Canceled, Some(detail), now)?;
        self.settled_commands.push(command.clone());
        self.note_settled(&standing.enrollment, 1);
        Ok(Cancellation::Canceled)
    }

    /// Cancels all that waits in the queue of an enrollment, and says how many commands that were. What was sent, or
    /// accepted by the device, takes its course.
    pub fn clear(&mut self, enrollment: &EnrollmentId, by: &str, now: Timestamp) -> Result<usize, Error> {
        self.enrollment_for_update(enrollment)?.ok_or(Error::NotFound("enrollment"))?;
        let waits = commands::enrollment
            .eq(enrollment.as_str())
            .and(
                commands::state
                    .eq(CommandState::Queued.as_str())
                    .or(commands::state.eq(CommandState::Deferred.as_str())),
            )
            .and(commands::accepted_at.is_null());
        let changes = (
            commands::state.eq(CommandState::Canceled.as_str()),
            commands::settled_at.eq(Some(now.0)),
            ReasonColumns::of(Some(&by_operator(format!("by {by}"), now)))?,
            Timers::default(),
        );
        let which = commands::table.filter(waits).select(commands::id);
        let ids: Vec<String> = on_backend!(self, |conn| which.load(conn))?;
        self.settled_commands.extend(ids.into_iter().map(CommandId));
        let query = update(commands::table, waits, changes);
        let canceled = on_backend!(self, |conn| query.execute(conn))?;
        self.note_settled(enrollment, i64::try_from(canceled).unwrap_or(i64::MAX));
        Ok(canceled)
    }

    /// Ends the doubt about a command whose outcome was unknown.
    pub fn resolve_unknown(
        &mut self,
        command: &CommandId,
        resolution: Resolution,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        let standing = self.standing(command)?;
        if standing.state != CommandState::Unknown {
            let state = standing.state.as_str();
            return Err(Error::Conflict(format!("the command is {state}, its outcome is not unknown")));
        }
        let (state, detail) = match resolution {
            Resolution::Succeeded => (CommandState::Succeeded, Some(format!("by the word of {by}"))),
            Resolution::Failed => (CommandState::Failed, Some(format!("by the word of {by}"))),
            Resolution::Retry if !standing.live => {
                return Err(Error::Conflict("the enrollment that the command was for has ended".to_owned()));
            }
            Resolution::Retry => (CommandState::Queued, None),
        };
        self.decide(command, &standing, state, detail, now)?;
        self.stirred.insert(standing.enrollment.clone());
        if !state.is_open() {
            self.settled_commands.push(command.clone());
        }
        if resolution == Resolution::Retry {
            let instruction: Instruction = self.key.open_json(instruction_of(&command.0), &standing.instruction)?;
            let fresh = self.key.seal_json(progress_of(&command.0), &Progress::new(&instruction))?;
            let query = update(commands::table, commands::id.eq(&command.0), commands::progress.eq(Some(fresh)));
            on_backend!(self, |conn| query.execute(conn))?;
            self.note_settled(&standing.enrollment, -1);
        }
        Ok(())
    }

    /// How a command stands. Its enrollment stays locked, so that no message changes it meanwhile.
    fn standing(&mut self, command: &CommandId) -> Result<Standing, Error> {
        let whose = commands::table.filter(commands::id.eq(&command.0)).select(commands::enrollment);
        let enrollment: Option<String> = on_backend!(self, |conn| whose.first(conn).optional())?;
        let enrollment = enrollment.ok_or(Error::NotFound("command"))?;
        let lock = enrollments::table.filter(enrollments::id.eq(&enrollment)).select(enrollments::ended_at);
        let ended: Option<i64> = on_backend!(
            self,
            sqlite => |conn| lock.first(conn),
            postgres => |conn| lock.for_no_key_update().first(conn)
        )?;
        let query = commands::table.filter(commands::id.eq(&command.0)).select((
            commands::state,
            commands::not_before,
            commands::expires_at,
            commands::instruction,
        ));
        let (state, not_before, expires_at, instruction): (String, Option<i64>, Option<i64>, Vec<u8>) =
            on_backend!(self, |conn| query.first(conn))?;
        Ok(Standing {
            enrollment: words::id(enrollment)?,
            live: ended.is_none(),
            state: words::of_word(&state, "commands.state")?,
            not_before: not_before.map(Timestamp),
            expires_at: expires_at.map(Timestamp),
            instruction,
        })
    }

    fn decide(
        &mut self,
        command: &CommandId,
        standing: &Standing,
        state: CommandState,
        detail: Option<String>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let reason = detail.map(|detail| by_operator(detail, now));
        let timers = Timers::of(state, reason.as_ref(), standing.not_before, standing.expires_at);
        let changes = (
            commands::state.eq(state.as_str()),
            commands::settled_at.eq((!state.is_open()).then_some(now.0)),
            ReasonColumns::of(reason.as_ref())?,
            timers,
        );
        let query = update(commands::table, commands::id.eq(&command.0), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

fn by_operator(detail: String, now: Timestamp) -> Reason {
    Reason { code: ReasonCode::ByOperator, since: now, count: 1, retry_at: None, detail: Some(detail) }
}
