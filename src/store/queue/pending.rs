//! What is in the queue, as a session needs it.

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, Pending, Principal, Timestamp};

use super::lane_of;
use super::load::{PendingRow, pending_columns};
use crate::model::EnrollmentId;
use crate::store::fragments::{among, at_most};
use crate::store::schema::commands;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// The commands that every message may take, and those that only go out while the user is signed in.
const LANES: [i32; 2] = [0, 1];

impl Tx<'_> {
    /// What a message has to do with, in the order of the queue: the commands that are in flight, as long as they have
    /// no outcome, and of each scope the first that may be sent at `now`: `limit` of them, or fewer where they are so
    /// large that no message carries them all.
    ///
    /// What is held back (for a time, for the device, for another command) does not count and so hides nothing behind
    /// it; what waits for the enrolled user is a lane of its own for the same reason. What names a user is left out.
    pub fn pending_commands(
        &mut self,
        enrollment: &EnrollmentId,
        in_flight: &[CommandId],
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Pending>, Error> {
        self.pending_commands_for(enrollment, in_flight, None, now, limit)
    }

    /// The same for a session of a user: with the commands that name him.
    pub fn pending_commands_for(
        &mut self,
        enrollment: &EnrollmentId,
        in_flight: &[CommandId],
        user: Option<&Principal>,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Pending>, Error> {
        let lane = |lane: i32| {
            let ready = commands::table
                .filter(commands::enrollment.eq(enrollment.as_str()))
                .filter(commands::lane.eq(lane))
                .filter(commands::ready_at.le(now.0))
                .order(commands::sequence.asc())
                .select(pending_columns());
            at_most(limit, ready)
        };
        let flying = commands::table
            .filter(among(commands::id, in_flight.iter().map(|id| id.0.as_str())))
            .filter(commands::settled_at.is_null())
            .select(pending_columns());
        let [device, enrolled] = LANES.map(lane);
        let query = flying.union_all(device).union_all(enrolled);
        let rows: Vec<PendingRow> = match user {
            Some(user) => {
                let query = query.union_all(lane(lane_of(user)));
                on_backend!(self, |conn| query.load(conn))?
            }
            None => on_backend!(self, |conn| query.load(conn))?,
        };
        self.load_pending(enrollment, rows, in_flight, now)
    }

    /// The first commands that the device has accepted and not yet reported the end of, in the order of the queue.
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
            .select(pending_columns());
        let query = at_most(limit, query);
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.load_pending(enrollment, rows, &[], now)
    }

    /// The first commands that wait for others, in the order of the queue: for a message that may end some of these.
    pub fn dependent_commands(
        &mut self,
        enrollment: &EnrollmentId,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<Pending>, Error> {
        let query = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(commands::state.eq(CommandState::Deferred.as_str()))
            .filter(commands::reason.eq("waiting_for_dependency"))
            .order(commands::sequence.asc())
            .select(pending_columns());
        let query = at_most(limit, query);
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.load_pending(enrollment, rows, &[], now)
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
            .select(pending_columns());
        let rows: Vec<PendingRow> = on_backend!(self, |conn| query.load(conn))?;
        self.load_pending(enrollment, rows, ids, now)
    }

    /// As [`Self::command_states`], and whether a command was never sent.
    pub fn carrier_states(&mut self, ids: &[CommandId]) -> Result<Vec<(CommandId, CommandState, bool)>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = commands::table.filter(among(commands::id, ids.iter().map(|id| id.0.as_str()))).select((
            commands::id,
            commands::state,
            commands::attempts,
        ));
        let rows: Vec<(String, String, i64)> = on_backend!(self, |conn| query.load(conn))?;
        let each = rows.into_iter().map(|(id, state, attempts)| {
            let state: CommandState = words::of_word(&state, "commands.state")?;
            Ok((CommandId(id), state, attempts == 0))
        });
        each.collect()
    }

    /// Where commands stand; those that do not exist (any more) are left out.
    pub fn command_states(&mut self, ids: &[CommandId]) -> Result<Vec<(CommandId, CommandState)>, Error> {
        Ok(self.carrier_states(ids)?.into_iter().map(|(id, state, _)| (id, state)).collect())
    }
}
