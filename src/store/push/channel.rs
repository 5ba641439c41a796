//! Channels: what the device said of its own, and what became of the pushes to it.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::{MOST_COUNTED, uri_of};
use crate::model::{ChannelState, EnrollmentId, MissedWake, PushChannel, PushOutcome, PushRecord, Secret};
use crate::store::fragments::{at_most, columns, update};
use crate::store::schema::{enrollments, push_channels, pushes};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

#[derive(Queryable, Selectable)]
#[diesel(table_name = push_channels)]
struct ChannelRow {
    state: String,
    reason: Option<String>,
    package: Option<String>,
    uri: Option<Vec<u8>>,
    uri_hash: Option<String>,
    status: Option<i64>,
    observed_at: Option<i64>,
    changed_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = push_channels)]
struct RecordRow {
    state: String,
    reason: Option<String>,
    status: Option<i64>,
    observed_at: Option<i64>,
    pushes: i64,
    woke: i64,
    slept: i64,
    awaiting_since: Option<i64>,
    pushed_at: Option<i64>,
    woke_at: Option<i64>,
    outcome: Option<String>,
    outcome_at: Option<i64>,
    outcome_detail: Option<String>,
}

/// What a session that began had to do with pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A push came before it.
    ByPush {
        /// When WNS took it.
        since: Timestamp,
    },
    /// It came before the push that was wanted.
    ByItself,
}

impl Tx<'_> {
    /// The channel of an enrollment, which stays locked until the transaction ends.
    pub fn push_channel(&mut self, enrollment: &EnrollmentId) -> Result<Option<PushChannel>, Error> {
        let query = push_channels::table.find(enrollment.as_str()).select(columns::<ChannelRow>());
        let row: Option<ChannelRow> = on_backend!(
            self,
            sqlite => |conn| query.first(conn).optional(),
            postgres => |conn| query.for_no_key_update().first(conn).optional()
        )?;
        let Some(row) = row else { return Ok(None) };
        let uri = row.uri.map(|sealed| self.key.open(uri_of(enrollment.as_str()), &sealed)).transpose()?;
        let uri = uri.map(|plain| String::from_utf8(plain.to_vec()).map(Secret::new)).transpose();
        Ok(Some(PushChannel {
            state: words::of_word(&row.state, "push_channels.state")?,
            reason: row.reason,
            package: row.package,
            uri: uri.map_err(|_| Error::corrupt("push_channels.uri"))?,
            uri_hash: row.uri_hash,
            status: row.status,
            observed_at: row.observed_at.map(Timestamp),
            changed_at: Timestamp(row.changed_at),
        }))
    }

    /// Keeps what is known of a channel now.
    pub fn save_push_channel(&mut self, enrollment: &EnrollmentId, channel: &PushChannel) -> Result<(), Error> {
        let id = enrollment.as_str();
        let uri = channel.uri.as_ref().map(|uri| self.key.seal(uri_of(id), uri.expose().as_bytes())).transpose()?;
        let known = (
            push_channels::state.eq(channel.state.as_str()),
            push_channels::reason.eq(words::optional_text(channel.reason.as_ref())),
            push_channels::package.eq(words::optional_text(channel.package.as_ref())),
            push_channels::uri.eq(uri),
            push_channels::uri_hash.eq(channel.uri_hash.clone()),
            push_channels::status.eq(channel.status),
            push_channels::observed_at.eq(words::millis(channel.observed_at)),
            push_channels::changed_at.eq(channel.changed_at.0),
        );
        let query = update(push_channels::table, push_channels::enrollment.eq(id), known.clone());
        if on_backend!(self, |conn| query.execute(conn))? == 1 {
            return Ok(());
        }
        let query = diesel::insert_into(push_channels::table).values((
            push_channels::enrollment.eq(id),
            known,
            push_channels::pushes.eq(0),
            push_channels::woke.eq(0),
            push_channels::slept.eq(0),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// From then on the device is asked for its channel again.
    pub fn ask_channel_at(&mut self, enrollment: &EnrollmentId, at: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::channel_due_at.eq(Some(at.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// A session of an enrollment began that a push was wanted for: nothing needs to be sent any more, and one that was
    /// sent has woken the device. The enrollment is to be locked.
    pub fn session_followed(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<Woken, Error> {
        let id = enrollment.as_str();
        let query = update(enrollments::table, enrollments::id.eq(id), enrollments::wake_since.eq(None::<i64>));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = push_channels::table.find(id).select(push_channels::awaiting_since);
        let awaiting: Option<Option<i64>> = on_backend!(
            self,
            sqlite => |conn| query.first(conn).optional(),
            postgres => |conn| query.for_no_key_update().first(conn).optional()
        )?;
        let woken = match awaiting.flatten() {
            Some(since) => {
                let query = update(
                    push_channels::table,
                    push_channels::enrollment.eq(id),
                    (
                        push_channels::awaiting_since.eq(None::<i64>),
                        push_channels::woke.eq(push_channels::woke + 1),
                        push_channels::woke_at.eq(Some(now.0)),
                    ),
                );
                on_backend!(self, |conn| query.execute(conn))?;
                Woken::ByPush { since: Timestamp(since) }
            }
            None => Woken::ByItself,
        };
        let query = diesel::delete(pushes::table.find(id));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(woken)
    }

    /// Gives up waiting for the sessions of pushes that WNS took before then, longest first.
    pub fn give_up_wakes(&mut self, before: Timestamp, limit: i64) -> Result<Vec<MissedWake>, Error> {
        let due = push_channels::table
            .inner_join(enrollments::table)
            .filter(push_channels::awaiting_since.lt(before.0))
            .order(push_channels::awaiting_since.asc())
            .select((
                push_channels::enrollment,
                push_channels::awaiting_since.assume_not_null(),
                enrollments::device_id,
            ));
        let due = at_most(limit, due);
        let due: Vec<(String, i64, String)> = on_backend!(self, |conn| due.load(conn))?;
        let mut missed = Vec::with_capacity(due.len());
        for (enrollment, since, device) in due {
            let query = update(
                push_channels::table,
                // A session may have begun, or another instance may have been here.
                push_channels::enrollment
                    .eq(&enrollment)
                    .and(push_channels::awaiting_since.eq(Some(since)).assume_not_null()),
                (push_channels::awaiting_since.eq(None::<i64>), push_channels::slept.eq(push_channels::slept + 1)),
            );
            if on_backend!(self, |conn| query.execute(conn))? == 1 {
                missed.push(MissedWake {
                    device: words::device_id(&device)?,
                    enrollment: words::id(enrollment)?,
                    since: Timestamp(since),
                });
            }
        }
        Ok(missed)
    }

    /// How an enrollment is woken, to be looked at.
    pub fn push_record(&mut self, enrollment: &EnrollmentId) -> Result<Option<PushRecord>, Error> {
        let id = enrollment.as_str();
        let query = push_channels::table.find(id).select(columns::<RecordRow>());
        let row: Option<RecordRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some(row) = row else { return Ok(None) };
        let query = pushes::table.find(id).select(pushes::due_at);
        let due_at: Option<i64> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(Some(PushRecord {
            state: words::of_word(&row.state, "push_channels.state")?,
            reason: row.reason,
            status: row.status,
            observed_at: row.observed_at.map(Timestamp),
            pushes: words::count(row.pushes, "push_channels.pushes")?,
            woke: words::count(row.woke, "push_channels.woke")?,
            slept: words::count(row.slept, "push_channels.slept")?,
            awaiting_since: row.awaiting_since.map(Timestamp),
            pushed_at: row.pushed_at.map(Timestamp),
            woke_at: row.woke_at.map(Timestamp),
            outcome: row
                .outcome
                .map(|word| words::of_word::<PushOutcome>(&word, "push_channels.outcome"))
                .transpose()?,
            outcome_at: row.outcome_at.map(Timestamp),
            outcome_detail: row.outcome_detail,
            due_at: due_at.map(Timestamp),
        }))
    }

    /// How many enrollments that have not ended have a channel in each state; each counted up to a bound.
    pub fn count_channels(&mut self) -> Result<Vec<(ChannelState, i64)>, Error> {
        let mut channels = Vec::new();
        for state in ChannelState::ALL {
            let of_state = format!(
                "push_channels INNER JOIN enrollments ON enrollments.id = push_channels.enrollment \
                 WHERE push_channels.state = '{}' AND enrollments.ended_at IS NULL",
                state.as_str()
            );
            match self.counted(&of_state, MOST_COUNTED)? {
                0 => {}
                count => channels.push((state, count)),
            }
        }
        Ok(channels)
    }

    /// The enrollment of a device that pushes go to.
    pub fn enrollment_to_wake(&mut self, device: &DeviceId) -> Result<Option<EnrollmentId>, Error> {
        let query = enrollments::table
            .filter(enrollments::folded_id.eq(device.key()))
            .filter(enrollments::ended_at.is_null())
            .order(enrollments::generation.desc())
            .select(enrollments::id);
        let id: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        id.map(words::id).transpose()
    }
}
