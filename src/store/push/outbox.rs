//! The outbox: one push for each enrollment at most, claimed by one of several instances.
//!
//! A claim moves the time at which the push is due: whoever crashes while sending it leaves it to the others.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use transom_protocol::push::LONGEST_BACK_OFF;
use transom_protocol::session::Timestamp;

use super::service::WNS;
use super::{MOST_COUNTED, uri_of};
use crate::model::{ChannelState, ClaimedPush, EnrollmentId, PushClaim, PushOutcome, PushResult, Secret};
use crate::store::fragments::{among, at_most, update};
use crate::store::schema::{enrollments, push_channels, push_services, pushes};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// How pushes are claimed.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRules {
    /// Pushes a second, of all instances together.
    pub rate: u32,
    /// Pushes at most.
    pub limit: i64,
    /// For how long nobody else sends them, in milliseconds.
    pub lease: i64,
}

/// A device that did not come after a push gets no other for so long, in milliseconds.
const SPACING: i64 = 60_000;

/// How far behind the rate may be caught up, in milliseconds.
const CATCH_UP: i64 = 1_000;

/// The clocks of instances that keep the rate together may differ by so much, in milliseconds.
const CLOCKS_DIFFER: i64 = 30_000;

/// How many pushes may go, and from when on they count against the rate.
struct Pace {
    from: i64,
    allowed: i64,
}

#[derive(Insertable)]
#[diesel(table_name = pushes, treat_none_as_default_value = false)]
struct PushRow {
    enrollment: String,
    urgent: bool,
    requested_at: i64,
    due_at: i64,
    attempts: i64,
}

/// A new wish brings a push forward that nobody has tried yet, and leaves one that is being sent or backs off.
const DUE: &str = "CASE WHEN pushes.attempts = 0 AND pushes.claim IS NULL AND excluded.due_at < pushes.due_at \
                   THEN excluded.due_at ELSE pushes.due_at END";

const URGENT: &str = "pushes.urgent OR excluded.urgent";

impl Tx<'_> {
    /// Asks for a push to those of some enrollments that have a channel, to be sent at `due` or later. They are to be
    /// locked. One that waits already serves this wish as well. Gives how many devices are to be woken.
    pub fn request_pushes(
        &mut self,
        ids: &[String],
        urgent: bool,
        due: Timestamp,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let query = push_channels::table
            .filter(among(push_channels::enrollment, ids.iter().cloned()))
            .filter(push_channels::state.eq(ChannelState::Live.as_str()))
            .select((push_channels::enrollment, push_channels::awaiting_since));
        let live: Vec<(String, Option<i64>)> = on_backend!(self, |conn| query.load(conn))?;
        if live.is_empty() {
            return Ok(0);
        }
        let query = update(
            enrollments::table,
            among(enrollments::id, live.iter().map(|(id, _)| id.as_str())),
            enrollments::wake_since.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        let row = |(enrollment, awaiting): (String, Option<i64>)| PushRow {
            enrollment,
            urgent,
            requested_at: now.0,
            due_at: awaiting.map_or(due.0, |since| due.0.max(since.saturating_add(SPACING))),
            attempts: 0,
        };
        let rows: Vec<PushRow> = live.into_iter().map(row).collect();
        let count = rows.len();
        for row in rows {
            let query =
                diesel::insert_into(pushes::table).values(row).on_conflict(pushes::enrollment).do_update().set((
                    pushes::urgent.eq(sql::<Bool>(URGENT)),
                    pushes::requested_at.eq(now.0),
                    pushes::due_at.eq(sql::<BigInt>(DUE)),
                ));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(count)
    }

    /// Whether a push is due.
    pub fn is_push_due(&mut self, now: Timestamp) -> Result<bool, Error> {
        for urgent in [true, false] {
            let due = pushes::table.filter(pushes::urgent.eq(urgent)).filter(pushes::due_at.le(now.0));
            let query = at_most(1, due.order(pushes::due_at.asc()).select(pushes::due_at));
            let due: Vec<i64> = on_backend!(self, |conn| query.load(conn))?;
            if !due.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes pushes that are due, the urgent ones first and no more than the rate allows, so that nobody else sends
    /// them. Those that can't be sent any more are dropped.
    pub fn claim_pushes(&mut self, rules: ClaimRules, now: Timestamp) -> Result<Vec<ClaimedPush>, Error> {
        let pace = self.pace(rules, now)?;
        let mut due = Vec::new();
        for urgent in [true, false] {
            let room = pace.allowed.saturating_sub(i64::try_from(due.len()).unwrap_or(i64::MAX));
            if room > 0 {
                due.extend(self.due_pushes(urgent, room, now)?);
            }
        }
        if due.is_empty() {
            return Ok(Vec::new());
        }
        self.take_pace(&pace, due.len(), rules)?;
        let query = push_channels::table
            .inner_join(enrollments::table)
            .filter(among(push_channels::enrollment, due.iter().map(|(id, _)| id.as_str())))
            .filter(push_channels::state.eq(ChannelState::Live.as_str()))
            .filter(enrollments::ended_at.is_null())
            .select((push_channels::enrollment, push_channels::uri));
        let channels: Vec<(String, Option<Vec<u8>>)> = on_backend!(self, |conn| query.load(conn))?;
        let mut channels: std::collections::HashMap<_, _> = channels.into_iter().collect();
        let claim = PushClaim::new(now);
        let (mut claimed, mut gone) = (Vec::new(), Vec::new());
        for (enrollment, attempts) in due {
            let Some(sealed) = channels.remove(&enrollment).flatten() else {
                gone.push(enrollment);
                continue;
            };
            let uri = self.key.open(uri_of(&enrollment), &sealed)?;
            let uri = String::from_utf8(uri.to_vec()).map_err(|_| Error::corrupt("push_channels.uri"))?;
            claimed.push(ClaimedPush {
                enrollment: words::id(enrollment)?,
                claim: claim.clone(),
                claimed_at: now,
                attempts: words::count(attempts, "pushes.attempts")?,
                uri: Secret::new(uri),
            });
        }
        if !gone.is_empty() {
            let query = diesel::delete(pushes::table).filter(among(pushes::enrollment, gone));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        let query = update(
            pushes::table,
            among(pushes::enrollment, claimed.iter().map(|push| push.enrollment.as_str())),
            (
                pushes::claim.eq(Some(claim.as_str())),
                pushes::claimed_at.eq(Some(now.0)),
                pushes::due_at.eq(now.0.saturating_add(rules.lease)),
                pushes::attempts.eq(pushes::attempts + 1),
            ),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(claimed)
    }

    /// Pushes of one urgency that are due, the longest first. Nobody else gets them before this transaction ends.
    ///
    /// Asked for together with the others, all that is due would be read and sorted for each claim.
    fn due_pushes(&mut self, urgent: bool, most: i64, now: Timestamp) -> Result<Vec<(String, i64)>, Error> {
        let due = pushes::table
            .filter(pushes::urgent.eq(urgent))
            .filter(pushes::due_at.le(now.0))
            .order(pushes::due_at.asc())
            .limit(most)
            .select((pushes::enrollment, pushes::attempts));
        on_backend!(
            self,
            sqlite => |conn| due.load(conn),
            // One that is being asked for or settled just now has its turn in a moment.
            postgres => |conn| due.for_update().skip_locked().load(conn)
        )
    }

    /// How many pushes may go now. The row of the service is the lock of all who claim.
    ///
    /// A time that lies further ahead than anybody would write was written before a clock was set back, and does not
    /// count: pushes would stop for as long.
    fn pace(&mut self, rules: ClaimRules, now: Timestamp) -> Result<Pace, Error> {
        let query = push_services::table.find(WNS).select((push_services::paced_until, push_services::paused_until));
        let (paced, paused): (i64, Option<i64>) = on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| query.for_no_key_update().first(conn)
        )?;
        let believed = now.0.saturating_add(CLOCKS_DIFFER);
        let longest = believed.saturating_add(i64::try_from(LONGEST_BACK_OFF).unwrap_or(i64::MAX));
        if paused.is_some_and(|until| until > now.0 && until <= longest) {
            return Ok(Pace { from: paced, allowed: 0 });
        }
        let behind = now.0.saturating_sub(CATCH_UP);
        let from = if paced > believed { behind } else { paced.max(behind) };
        let room = now.0.saturating_sub(from).saturating_mul(rate(rules)) / 1000;
        Ok(Pace { from, allowed: room.min(rules.limit).max(0) })
    }

    /// So many pushes count as gone.
    fn take_pace(&mut self, pace: &Pace, count: usize, rules: ClaimRules) -> Result<(), Error> {
        let (count, rate) = (i64::try_from(count).unwrap_or(i64::MAX), rate(rules));
        // Rounded up: the rate is never exceeded.
        let until = pace.from.saturating_add(count.saturating_mul(1000).saturating_add(rate - 1) / rate);
        let query = update(
            push_services::table,
            push_services::name.eq(WNS),
            (push_services::paced_until.eq(until), push_services::paused_until.eq(None::<i64>)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Keeps what became of a push that was claimed. Whatever was asked for while it was sent is sent later.
    pub fn finish_push(&mut self, push: &ClaimedPush, result: &PushResult, now: Timestamp) -> Result<(), Error> {
        let id = push.enrollment.as_str();
        if result.outcome == PushOutcome::Retired {
            // Its next session is asked for another one.
            self.ask_channel_at(&push.enrollment, now)?;
        }
        let query = push_channels::table.find(id).select(push_channels::uri);
        let uri: Option<Option<Vec<u8>>> = on_backend!(
            self,
            sqlite => |conn| query.first(conn).optional(),
            postgres => |conn| query.for_no_key_update().first(conn).optional()
        )?;
        let Some(uri) = uri else { return Ok(()) };
        let query = pushes::table.find(id).select((pushes::claim, pushes::requested_at));
        let row: Option<(Option<String>, i64)> = on_backend!(
            self,
            sqlite => |conn| query.first(conn).optional(),
            postgres => |conn| query.for_update().first(conn).optional()
        )?;
        let mine = row.filter(|(claim, _)| claim.as_deref() == Some(push.claim.as_str()));
        let accepted = result.outcome == PushOutcome::Accepted;
        // A session that began meanwhile took the row away: nothing is awaited any more.
        let awaits = accepted && mine.is_some();
        let told = (
            push_channels::outcome.eq(Some(result.outcome.as_str())),
            push_channels::outcome_at.eq(Some(now.0)),
            push_channels::outcome_detail.eq(words::optional_text(result.detail.as_ref())),
            accepted.then(|| push_channels::pushed_at.eq(Some(now.0))),
            accepted.then(|| push_channels::pushes.eq(push_channels::pushes + 1)),
            awaits.then(|| push_channels::awaiting_since.eq(Some(now.0))),
        );
        let query = update(push_channels::table, push_channels::enrollment.eq(id), told);
        on_backend!(self, |conn| query.execute(conn))?;
        if result.outcome == PushOutcome::Retired {
            self.retire_channel(push, uri, result.detail.as_deref(), now)?;
        }
        let Some((_, requested_at)) = mine else { return Ok(()) };
        let again = result.again_at.map(|at| (at.0, None::<i64>));
        let asked_meanwhile = requested_at > push.claimed_at.0 && result.outcome != PushOutcome::Retired;
        let next = again.or_else(|| asked_meanwhile.then(|| (now.0.saturating_add(SPACING), Some(0))));
        let Some((due_at, attempts)) = next else {
            let query = diesel::delete(pushes::table.find(id));
            return on_backend!(self, |conn| query.execute(conn)).map(drop);
        };
        let query = update(
            pushes::table,
            pushes::enrollment.eq(id),
            (
                pushes::claim.eq(None::<String>),
                pushes::claimed_at.eq(None::<i64>),
                pushes::due_at.eq(due_at),
                attempts.map(|attempts| pushes::attempts.eq(attempts)),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The address is of no use any more, unless the device has reported another one meanwhile.
    fn retire_channel(
        &mut self,
        push: &ClaimedPush,
        uri: Option<Vec<u8>>,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let id = push.enrollment.as_str();
        let current = uri.map(|sealed| self.key.open(uri_of(id), &sealed)).transpose()?;
        if current.is_none_or(|current| current.as_slice() != push.uri.expose().as_bytes()) {
            return Ok(());
        }
        let query = update(
            push_channels::table,
            push_channels::enrollment.eq(id),
            (
                push_channels::state.eq(ChannelState::Retired.as_str()),
                push_channels::reason.eq(reason.map(str::to_owned)),
                push_channels::uri.eq(None::<Vec<u8>>),
                push_channels::changed_at.eq(now.0),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The service asked to be left alone by everybody until then.
    pub fn pause_pushes(&mut self, until: Timestamp) -> Result<(), Error> {
        let query =
            update(push_services::table, push_services::name.eq(WNS), push_services::paused_until.eq(Some(until.0)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Pushes that wait, and those that WNS took and no session has followed yet; each counted up to a bound.
    pub fn count_pushes(&mut self) -> Result<(i64, i64), Error> {
        let waiting = self.counted("pushes", MOST_COUNTED)?;
        let awaiting = self.counted("push_channels WHERE awaiting_since IS NOT NULL", MOST_COUNTED)?;
        Ok((waiting, awaiting))
    }

    /// Whether a push of this enrollment waits or is being sent.
    pub fn has_push(&mut self, enrollment: &EnrollmentId) -> Result<bool, Error> {
        let query = pushes::table.find(enrollment.as_str()).select(pushes::due_at);
        let found: Option<i64> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(found.is_some())
    }
}

/// Pushes a second.
fn rate(rules: ClaimRules) -> i64 {
    i64::from(rules.rate.max(1))
}
