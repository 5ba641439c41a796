//! What is put right in a database that comes from a backup: what happened after the backup is not in it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use transom_protocol::csp::Instruction;
use transom_protocol::session::{CommandId, CommandState, Reason, ReasonCode, Timestamp};

use super::fragments::update;
use super::queue::{ReasonColumns, Timers, instruction_of};
use super::schema::{commands, feed, operator_links, operator_sessions, webhooks};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::EnrollmentId;

/// Numbers of events go on so far beyond those in the backup: nobody can have seen as many since.
const FEED_STEP: i64 = 1_000_000_000;

/// Kinds of commands that may have an Exec in them.
const MAY_EXECUTE: [&str; 3] = ["exec", "atomic", "sequence"];

/// A command that waits, and what it does.
type Waiting = (CommandId, EnrollmentId, Instruction);

impl Tx<'_> {
    /// Commands that wait to be sent and may have an Exec in them, by their id from behind `after`. Those that cannot be
    /// read any more are left to the message that would send them.
    pub fn waiting_commands(&mut self, after: &str, limit: i64) -> Result<(Vec<Waiting>, Option<String>), Error> {
        let accepted = words::word(&ReasonCode::Accepted)?;
        let query = commands::table
            .filter(commands::id.gt(after))
            .filter(commands::settled_at.is_null())
            .filter(commands::kind.eq_any(MAY_EXECUTE))
            .filter(commands::state.eq_any([CommandState::Queued.as_str(), CommandState::Deferred.as_str()]))
            .filter(commands::reason.is_null().or(commands::reason.ne(accepted)))
            .order(commands::id.asc())
            .limit(limit)
            .select((commands::id, commands::enrollment, commands::instruction));
        let rows: Vec<(String, String, Vec<u8>)> = on_backend!(self, |conn| query.load(conn))?;
        let last = rows.last().map(|(id, ..)| id.clone());
        let mut waiting = Vec::with_capacity(rows.len());
        for (id, enrollment, sealed) in rows {
            if let Ok(instruction) = self.key.open_json(instruction_of(&id), &sealed) {
                waiting.push((CommandId(id), words::id(enrollment)?, instruction));
            }
        }
        Ok((waiting, last))
    }

    /// Nobody knows of a command that waits whether it was sent after the backup: it is not sent, a person decides.
    pub fn doubt_restored(
        &mut self,
        command: &CommandId,
        enrollment: &EnrollmentId,
        now: Timestamp,
    ) -> Result<(), Error> {
        let reason = Reason { code: ReasonCode::Restored, since: now, count: 1, retry_at: None, detail: None };
        let changes = (
            commands::state.eq(CommandState::Unknown.as_str()),
            commands::settled_at.eq(Some(now.0)),
            ReasonColumns::of(Some(&reason))?,
            Timers::default(),
        );
        let query = update(commands::table, commands::id.eq(&command.0), changes);
        on_backend!(self, |conn| query.execute(conn))?;
        self.settled_commands.push(command.clone());
        self.note_settled(enrollment, 1);
        Ok(())
    }

    /// Ends what was open in browsers: somebody may have signed out, or used a link, since the backup. Says how many.
    pub fn end_all_sign_ins(&mut self) -> Result<usize, Error> {
        on_backend!(self, |conn| diesel::delete(operator_links::table).execute(conn))?;
        on_backend!(self, |conn| diesel::delete(operator_sessions::table).execute(conn))
    }

    /// Gives all events of the feed higher numbers than any that were seen after the backup: whoever follows it from
    /// such a number would pass over what comes now. The kept ones may so be read twice; their ids say so.
    pub fn renumber_feed(&mut self) -> Result<(), Error> {
        let query =
            diesel::update(feed::table.filter(feed::number.gt(0))).set(feed::number.eq(feed::number + FEED_STEP));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::update(webhooks::table).set(webhooks::position.eq(webhooks::position + FEED_STEP));
        on_backend!(self, |conn| query.execute(conn))?;
        let on_sqlite = "INSERT INTO sqlite_sequence (name, seq) \
                         SELECT 'feed', coalesce(max(seq), 0) + ? FROM sqlite_sequence WHERE name = 'feed'";
        let forget = "DELETE FROM sqlite_sequence WHERE name = 'feed' AND rowid < \
                      (SELECT max(rowid) FROM sqlite_sequence WHERE name = 'feed')";
        on_backend!(
            self,
            sqlite => |conn| diesel::sql_query(on_sqlite).bind::<BigInt, _>(FEED_STEP).execute(conn)
                .and_then(|_| diesel::sql_query(forget).execute(conn)),
            postgres => |conn| diesel::sql_query("UPDATE feed_numbers SET last = last + $1")
                .bind::<BigInt, _>(FEED_STEP).execute(conn)
        )
        .map(drop)
    }
}
