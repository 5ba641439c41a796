//! What is due without a message: expiry, silence, and commands whose wait is over.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, ReasonCode, Timestamp};

use super::{ReasonColumns, Timers};
use crate::model::EnrollmentId;
use crate::store::fragments::{among, update};
use crate::store::schema::{commands, enrollments};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// Id, what it waits for, `not_before` and `expires_at`.
type WaitingRow = (String, Option<String>, Option<i64>, Option<i64>);

/// Commands whose time has passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lapsed {
    /// How many were looked at.
    pub found: usize,
    /// Of these, ended: they were never sent.
    pub expired: usize,
    /// Those that were sent before and still have to be ended: the device may have carried them out, which takes to
    /// know what they do.
    pub sent_before: BTreeMap<EnrollmentId, Vec<CommandId>>,
}

impl Tx<'_> {
    /// Looks at up to `limit` commands whose time has passed while they waited, and ends those that were never sent. The
    /// reason why each waited stays with it.
    pub fn expire_commands(&mut self, now: Timestamp, limit: i64) -> Result<Lapsed, Error> {
        let due = commands::table
            .filter(commands::lapses_at.le(now.0))
            .order(commands::lapses_at.asc())
            .limit(limit)
            .select((commands::id, commands::enrollment, commands::attempts));
        let due: Vec<(String, String, i64)> = on_backend!(self, |conn| due.load(conn))?;
        let mut lapsed = Lapsed { found: due.len(), ..Lapsed::default() };
        let (never_sent, sent): (Vec<_>, Vec<_>) = due.into_iter().partition(|(.., attempts)| *attempts == 0);
        for (id, enrollment, _) in sent {
            lapsed.sent_before.entry(words::id(enrollment)?).or_default().push(CommandId(id));
        }
        if never_sent.is_empty() {
            return Ok(lapsed);
        }
        let ids: Vec<&str> = never_sent.iter().map(|(id, ..)| id.as_str()).collect();
        self.lock_enrollments(never_sent.iter().map(|(_, enrollment, _)| enrollment.as_str()))?;
        // A message may have taken some of them before the lock was ours.
        let still = commands::table
            .filter(among(commands::id, ids))
            .filter(commands::lapses_at.le(now.0))
            .filter(commands::attempts.eq(0))
            .select((commands::id, commands::enrollment));
        let still: Vec<(String, String)> = on_backend!(self, |conn| still.load(conn))?;
        let query = update(
            commands::table,
            among(commands::id, still.iter().map(|(id, _)| id.as_str())),
            (
                commands::state.eq(CommandState::Expired.as_str()),
                commands::settled_at.eq(Some(now.0)),
                Timers::default(),
            ),
        );
        lapsed.expired = on_backend!(self, |conn| query.execute(conn))?;
        for (id, enrollment) in still {
            self.settled_commands.push(CommandId(id));
            self.note_settled(&words::id(enrollment)?, 1);
        }
        Ok(lapsed)
    }

    /// Takes the locks of several enrollments, in the order in which every transaction takes more than one.
    fn lock_enrollments<'a>(&mut self, ids: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let query = enrollments::table
            .filter(among(enrollments::id, ids))
            .order((enrollments::folded_id.asc(), enrollments::generation.desc()))
            .select(enrollments::id);
        let _: Vec<String> = on_backend!(
            self,
            sqlite => |_conn| Ok::<_, diesel::result::Error>(Vec::new()),
            postgres => |conn| query.for_no_key_update().load(conn)
        )?;
        Ok(())
    }

    /// Commands that a device accepted before `before` and has not reported the end of, longest first. One that names
    /// a time for its report is listed only after it.
    pub fn overdue_accepted(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(EnrollmentId, CommandId)>, Error> {
        let query = commands::table
            .filter(commands::accepted_at.lt(before.0))
            .filter(commands::retry_at.is_null().or(commands::retry_at.le(now.0)))
            .order(commands::accepted_at.asc())
            .limit(limit)
            .select((commands::enrollment, commands::id));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(enrollment, id)| Ok((words::id(enrollment)?, CommandId(id)))).collect()
    }

    /// No command of an enrollment waits for another: whoever has looked says so, and nobody looks again before the
    /// transaction ends.
    pub fn nothing_waits(&mut self, enrollment: &EnrollmentId) {
        self.stirred.remove(enrollment);
    }

    /// Puts the commands of an enrollment back into the queue that waited for others which all have their outcome now.
    /// One statement when nothing waits.
    ///
    /// Happens by itself before the end of a transaction in which a command got its outcome; a message that wants to
    /// send what is free now asks for it earlier.
    pub fn wake_dependents(&mut self, enrollment: &EnrollmentId) -> Result<usize, Error> {
        self.stirred.remove(enrollment);
        let waiting = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(commands::state.eq(CommandState::Deferred.as_str()))
            .filter(commands::reason.eq(words::word(&ReasonCode::WaitingForDependency)?))
            .select((commands::id, commands::depends_on, commands::not_before, commands::expires_at));
        let waiting: Vec<WaitingRow> = on_backend!(self, |conn| waiting.load(conn))?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let mut awaited = Vec::with_capacity(waiting.len());
        for (_, depends_on, ..) in &waiting {
            awaited.push(words::dependencies(depends_on.as_deref())?);
        }
        let states: HashMap<CommandId, CommandState> = self.command_states(&awaited.concat())?.into_iter().collect();
        // Those that are free at the same time share a statement.
        let mut free: BTreeMap<(Option<i64>, Option<i64>), Vec<String>> = BTreeMap::new();
        for ((id, _, not_before, expires_at), depends_on) in waiting.into_iter().zip(awaited) {
            if depends_on.iter().all(|id| states.get(id).is_none_or(|state| !state.is_open())) {
                free.entry((not_before, expires_at)).or_default().push(id);
            }
        }
        let mut woken = 0;
        for ((not_before, expires_at), ids) in free {
            let timers = Timers::of(CommandState::Queued, None, not_before.map(Timestamp), expires_at.map(Timestamp));
            let changes = (commands::state.eq(CommandState::Queued.as_str()), ReasonColumns::of(None)?, timers);
            let query = update(commands::table, among(commands::id, ids), changes);
            woken += on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(woken)
    }
}
