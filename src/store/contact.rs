//! What one message of a device needs to know, and what it leaves behind.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use transom_protocol::session::{Account, DeviceId, Phase, Session, SyncType, Timestamp};
use transom_protocol::syncml::codec::Encoding;

use super::fragments::{columns, update};
use super::schema::policies::policy_devices;
use super::schema::{actions, enrollments, events, exchanges, sessions};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    AuthenticationMethod, CertificateFingerprint, DeviceInfo, DeviceKey, EnrollmentId, EnrollmentState, Enveloping,
    SessionKey, Signing,
};

/// An enrollment that a device may use, with its newest session; the row is locked until the transaction ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// The enrollment.
    pub enrollment: EnrollmentId,
    /// The device.
    pub device: DeviceKey,
    /// The device's own id, as it was first sent.
    pub device_id: DeviceId,
    /// Pending or active.
    pub state: EnrollmentState,
    /// Counts the lives of the device.
    pub generation: i32,
    /// Its credentials.
    pub account: Account,
    /// It is heard only with a certificate that was issued for it.
    pub needs_certificate: bool,
    /// Whether its messages are signed, where that is not as the settings say.
    pub signing: Option<Signing>,
    /// Since when the device signs, by its own word.
    pub signing_confirmed_at: Option<Timestamp>,
    /// Whether its messages are enveloped, where that is not as the settings say.
    pub enveloping: Option<Enveloping>,
    /// Since when the device envelopes, by its own word.
    pub envelopes_since: Option<Timestamp>,
    /// The key for envelopes that it was told last.
    pub envelope_told: Option<CertificateFingerprint>,
    /// The one that it has used last.
    pub envelope_used: Option<CertificateFingerprint>,
    /// It was told to leave, and has time until then.
    pub leave_by: Option<Timestamp>,
    /// The enrolled user, where the device enrolled itself.
    pub upn: Option<String>,
    /// What the device last said of itself.
    pub info: DeviceInfo,
    /// Commands without an outcome. With none there is nothing to look up in the queue.
    pub open_commands: i64,
    /// A push is wanted, or was sent, and no session has begun since.
    pub wake_since: Option<Timestamp>,
    /// From then on the device is asked for its channel; `None` when it never was.
    pub channel_due_at: Option<Timestamp>,
    /// The device of Entra ID that it has shown a token of, with its tenant.
    pub entra_device: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The schedule that the device says it has, or took from us: the numbers of its sets.
    pub poll_schedule: Option<String>,
    /// Since when, where we gave it.
    pub poll_since: Option<Timestamp>,
    /// When it was last given another one.
    pub poll_asked_at: Option<Timestamp>,
    /// How often its users come, where several work on it at once: the numbers, as far as they are known.
    pub user_schedule: Option<String>,
    /// From then on that may be changed; `None` where no user ever had a session of his own.
    pub user_schedule_due_at: Option<Timestamp>,
    /// Whether there are actions that have not ended. Without, there is nothing to look up.
    pub has_open_actions: bool,
    /// Whether it was sent settings of policies whose outcome is waited for.
    pub awaits_policies: bool,
    /// From then on the device is asked for facts; `None` when it never was.
    pub facts_due_at: Option<Timestamp>,
    /// From then on it is looked how far its provisioning is; `None` when it never was.
    pub provisioning_due_at: Option<Timestamp>,
    /// The newest session of the device, whatever became of it.
    pub session: Option<(SessionKey, Session)>,
}

/// What a message changed.
#[derive(Debug, Clone, Copy)]
pub struct SaveContact<'a> {
    /// The enrollment that it was for.
    pub enrollment: &'a EnrollmentId,
    /// The device that it is an enrollment of.
    pub device_id: &'a DeviceId,
    /// When.
    pub now: Timestamp,
    /// The credentials, if they changed.
    pub account: Option<&'a Account>,
    /// What the device says of itself, if that changed.
    pub info: Option<&'a DeviceInfo>,
    /// The session. Without one the device was not authenticated, and counts as not seen.
    pub session: Option<SaveSession<'a>>,
}

/// A session after a message.
#[derive(Debug, Clone, Copy)]
pub struct SaveSession<'a> {
    /// Ours.
    pub key: &'a SessionKey,
    /// The value, as it is after the message.
    pub session: &'a Session,
    /// The session began with this message.
    pub is_new: bool,
    /// What was answered, to be answered again when the same message comes again.
    pub reply: Option<&'a Reply>,
    /// Commands that the reply carries.
    pub commands_sent: u32,
    /// Commands that the message answered.
    pub commands_answered: u32,
}

/// A reply, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// How it is written.
    pub encoding: Encoding,
    /// Its body.
    pub body: Vec<u8>,
}

/// Most enrollments of one device that may be live at once.
pub(super) const MOST_LIVE: i64 = 4;

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrollments)]
struct ContactRow {
    id: String,
    device: String,
    device_id: String,
    generation: i32,
    state: String,
    account: Option<Vec<u8>>,
    info: String,
    open_commands: i64,
    session: Option<String>,
    session_snapshot: Option<Vec<u8>>,
    needs_certificate: bool,
    signing: Option<String>,
    signing_confirmed_at: Option<i64>,
    enveloping: Option<String>,
    envelopes_since: Option<i64>,
    envelope_told: Option<String>,
    envelope_used: Option<String>,
    leave_by: Option<i64>,
    upn: Option<String>,
    wake_since: Option<i64>,
    channel_due_at: Option<i64>,
    created_at: i64,
    poll_schedule: Option<String>,
    poll_since: Option<i64>,
    poll_asked_at: Option<i64>,
    user_schedule: Option<String>,
    user_schedule_due_at: Option<i64>,
    facts_due_at: Option<i64>,
    provisioning_due_at: Option<i64>,
    entra_device: Option<String>,
}

/// Actions of the enrollment at hand that have not ended.
#[diesel::dsl::auto_type(no_type_alias)]
fn open_actions() -> _ {
    actions::table.filter(actions::enrollment.eq(enrollments::id)).filter(actions::settled_at.is_null())
}

/// What the enrollment at hand is to have, where something of it is waited for.
#[diesel::dsl::auto_type(no_type_alias)]
fn awaited_policies() -> _ {
    policy_devices::table.filter(policy_devices::enrollment.eq(enrollments::id)).filter(policy_devices::waits.gt(0_i64))
}

impl Tx<'_> {
    /// The enrollments that a device may use, newest first. Nobody else gets them before this transaction ends.
    pub fn live_enrollments(&mut self, device: &DeviceId) -> Result<Vec<Contact>, Error> {
        let query = enrollments::table
            .filter(enrollments::folded_id.eq(device.key()))
            .filter(enrollments::ended_at.is_null())
            .order(enrollments::generation.desc())
            .select((columns::<ContactRow>(), exists(open_actions()), exists(awaited_policies())));
        let rows: Vec<(ContactRow, bool, bool)> = on_backend!(
            self,
            sqlite => |conn| query.load(conn),
            postgres => |conn| query.for_no_key_update().load(conn)
        )?;
        // There are no more: whoever opens another life ends some. A LIMIT would cost a preparation each time.
        rows.into_iter().take(usize::try_from(MOST_LIVE).unwrap_or(1)).map(|row| self.contact(row)).collect()
    }

    /// One enrollment, if it has not ended. Nobody else gets it before this transaction ends.
    pub fn enrollment_for_update(&mut self, enrollment: &EnrollmentId) -> Result<Option<Contact>, Error> {
        let query = enrollments::table
            .filter(enrollments::id.eq(enrollment.as_str()))
            .filter(enrollments::ended_at.is_null())
            .select((columns::<ContactRow>(), exists(open_actions()), exists(awaited_policies())));
        let row: Option<(ContactRow, bool, bool)> = on_backend!(
            self,
            sqlite => |conn| query.get_result(conn).optional(),
            postgres => |conn| query.for_no_key_update().get_result(conn).optional()
        )?;
        row.map(|row| self.contact(row)).transpose()
    }

    fn contact(&self, (row, has_open_actions, awaits_policies): (ContactRow, bool, bool)) -> Result<Contact, Error> {
        let session = match (row.session, row.session_snapshot) {
            (Some(key), Some(snapshot)) => {
                Some((words::id(key)?, self.key.open_json(snapshot_of(&row.id), &snapshot)?))
            }
            _ => None,
        };
        let account = row.account.ok_or_else(|| Error::corrupt("enrollments.account"))?;
        Ok(Contact {
            account: self.key.open_json(account_of(&row.id), &account)?,
            enrollment: words::id(row.id)?,
            device: words::id(row.device)?,
            device_id: words::device_id(&row.device_id)?,
            state: words::of_word(&row.state, "enrollments.state")?,
            generation: row.generation,
            info: serde_json::from_str(&row.info).map_err(|_| Error::corrupt("enrollments.info"))?,
            open_commands: row.open_commands,
            needs_certificate: row.needs_certificate,
            signing: row.signing.map(|word| words::of_word(&word, "enrollments.signing")).transpose()?,
            signing_confirmed_at: row.signing_confirmed_at.map(Timestamp),
            enveloping: row.enveloping.map(|word| words::of_word(&word, "enrollments.enveloping")).transpose()?,
            envelopes_since: row.envelopes_since.map(Timestamp),
            envelope_told: row.envelope_told.as_deref().and_then(CertificateFingerprint::parse),
            envelope_used: row.envelope_used.as_deref().and_then(CertificateFingerprint::parse),
            leave_by: row.leave_by.map(Timestamp),
            upn: row.upn,
            entra_device: row.entra_device,
            wake_since: row.wake_since.map(Timestamp),
            channel_due_at: row.channel_due_at.map(Timestamp),
            created_at: Timestamp(row.created_at),
            poll_schedule: row.poll_schedule,
            poll_since: row.poll_since.map(Timestamp),
            poll_asked_at: row.poll_asked_at.map(Timestamp),
            user_schedule: row.user_schedule,
            user_schedule_due_at: row.user_schedule_due_at.map(Timestamp),
            has_open_actions,
            awaits_policies,
            facts_due_at: row.facts_due_at.map(Timestamp),
            provisioning_due_at: row.provisioning_due_at.map(Timestamp),
            session,
        })
    }

    /// Keeps what a message changed: one statement, one more for its session, and one more when the device says
    /// something new of itself.
    ///
    /// Takes the commands that [`Tx::save_commands`] settled in this transaction off the count of open ones.
    pub fn save_contact(&mut self, save: SaveContact<'_>) -> Result<(), Error> {
        let id = save.enrollment.as_str();
        let account = save.account.map(|account| self.key.seal_json(account_of(id), account)).transpose()?;
        let of_device = save.session.filter(|saved| saved.session.sync_type != SyncType::User);
        let snapshot = of_device.map(|saved| self.key.seal_json(snapshot_of(id), saved.session)).transpose()?;
        let info = save.info.map(serde_json::to_string).transpose().map_err(|_| Error::corrupt("enrollments.info"))?;
        let settled = self.settled.remove(save.enrollment).unwrap_or_default();
        let awaiting = of_device.map(|saved| awaiting_since(saved.session));
        let seen = save.session.map(|_| save.now.0);
        let changes = (
            enrollments::open_commands.eq(enrollments::open_commands - settled),
            account.map(|account| enrollments::account.eq(Some(account))),
            info.map(|info| enrollments::info.eq(info)),
            seen.map(|seen| enrollments::last_seen_at.eq(Some(seen))),
            of_device.map(|saved| enrollments::session.eq(Some(saved.key.as_str()))),
            snapshot.map(|snapshot| enrollments::session_snapshot.eq(Some(snapshot))),
            awaiting.map(|awaiting| enrollments::awaiting_since.eq(awaiting)),
        );
        let query = update(enrollments::table, enrollments::id.eq(id), changes);
        if on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Err(Error::NotFound("enrollment"));
        }
        if let Some(saved) = save.session {
            self.save_session(save.enrollment, save.device_id, saved)?;
            if saved.session.sync_type == SyncType::User {
                self.save_user_session(save.enrollment, saved.key, saved.session, saved.is_new)?;
            }
        }
        save.info.map_or(Ok(()), |info| self.save_device_info(save.device_id, info))
    }

    /// Keeps credentials and session as they stand, without counting it as a contact of the device: wrong credentials,
    /// or a session that was closed because nothing was heard.
    pub fn save_standing(
        &mut self,
        enrollment: &EnrollmentId,
        account: Option<&Account>,
        session: Option<(&SessionKey, &Session)>,
    ) -> Result<(), Error> {
        let id = enrollment.as_str();
        let account = account.map(|account| self.key.seal_json(account_of(id), account)).transpose()?;
        let of_device = session.filter(|(_, session)| session.sync_type != SyncType::User);
        let snapshot = of_device.map(|(_, session)| self.key.seal_json(snapshot_of(id), session)).transpose()?;
        let settled = self.settled.remove(enrollment).unwrap_or_default();
        let changes = (
            enrollments::open_commands.eq(enrollments::open_commands - settled),
            account.map(|account| enrollments::account.eq(Some(account))),
            snapshot.map(|snapshot| enrollments::session_snapshot.eq(Some(snapshot))),
            of_device.map(|(_, session)| enrollments::awaiting_since.eq(awaiting_since(session))),
        );
        let query = update(enrollments::table, enrollments::id.eq(id), changes);
        if on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Err(Error::NotFound("enrollment"));
        }
        let Some((key, session)) = session else { return Ok(()) };
        if of_device.is_none() {
            self.save_user_session(enrollment, key, session, false)?;
        }
        let standing = (
            sessions::phase.eq(words::phase_word(session.phase)?),
            sessions::server_message.eq(i64::from(session.server_message.number())),
        );
        let query = update(sessions::table, sessions::id.eq(key.as_str()), standing);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    fn save_session(
        &mut self,
        enrollment: &EnrollmentId,
        device_id: &DeviceId,
        saved: SaveSession<'_>,
    ) -> Result<(), Error> {
        let (key, session) = (saved.key.as_str(), saved.session);
        let reply = saved.reply.map(|reply| self.key.seal(reply_of(key), &reply.body)).transpose()?;
        let directory = session.user.as_ref().and_then(|user| user.directory.as_ref());
        let standing = (
            sessions::last_at.eq(session.last_at.0),
            sessions::phase.eq(words::phase_word(session.phase)?),
            sessions::authentication.eq(AuthenticationMethod::from(&session.authentication).as_str()),
            sessions::login.eq(words::word(&session.login)?),
            sessions::user_name.eq(session.user.as_ref().map(|user| words::text(user.name.as_str()))),
            sessions::user_verified.eq(session.user.as_ref().is_some_and(|user| user.verified)),
            sessions::user_tenant.eq(directory.map(|user| words::text(&user.tenant))),
            sessions::user_object.eq(directory.map(|user| words::text(&user.object_id))),
            sessions::client_message.eq(i64::from(session.client_message.number())),
            sessions::server_message.eq(i64::from(session.server_message.number())),
            sessions::last_reply_encoding.eq(saved.reply.map(|reply| reply.encoding.as_str())),
            sessions::last_reply.eq(reply),
        );
        let (sent, answered) = (i64::from(saved.commands_sent), i64::from(saved.commands_answered));
        if saved.is_new {
            let query = diesel::insert_into(sessions::table).values((
                sessions::id.eq(key),
                sessions::enrollment.eq(enrollment.as_str()),
                sessions::folded_id.eq(device_id.key()),
                sessions::session_id.eq(session.session_id.as_str()),
                sessions::started_at.eq(session.started_at.0),
                sessions::kind.eq(session.sync_type.as_str()),
                standing,
                sessions::exchanges.eq(1),
                sessions::commands_sent.eq(sent),
                sessions::commands_answered.eq(answered),
            ));
            on_backend!(self, |conn| query.execute(conn))?;
            return Ok(());
        }
        let counted = (
            sessions::exchanges.eq(sessions::exchanges + 1),
            sessions::commands_sent.eq(sessions::commands_sent + sent),
            sessions::commands_answered.eq(sessions::commands_answered + answered),
        );
        let query = update(sessions::table, sessions::id.eq(key), (standing, counted));
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("session")),
        }
    }

    /// The reply to the last message of a session.
    pub fn last_reply(&mut self, session: &SessionKey) -> Result<Option<Reply>, Error> {
        let key = session.as_str();
        let query =
            sessions::table.filter(sessions::id.eq(key)).select((sessions::last_reply_encoding, sessions::last_reply));
        let row: Option<(Option<String>, Option<Vec<u8>>)> =
            on_backend!(self, |conn| query.get_result(conn).optional())?;
        let Some((Some(encoding), Some(body))) = row else { return Ok(None) };
        let encoding = words::encoding(&encoding, "sessions.last_reply_encoding")?;
        Ok(Some(Reply { encoding, body: self.key.open(reply_of(key), &body)?.to_vec() }))
    }

    /// Forgets a session that is no longer the newest of its enrollment, if nothing happened in it and nothing else is
    /// kept of it.
    pub fn forget_idle_session(&mut self, session: &SessionKey) -> Result<(), Error> {
        let id = session.as_str();
        let query = diesel::delete(sessions::table)
            .filter(sessions::id.eq(id))
            .filter(sessions::commands_sent.eq(0))
            .filter(sessions::commands_answered.eq(0))
            .filter(not(exists(exchanges::table.filter(exchanges::session.eq(id)))))
            .filter(not(exists(events::table.filter(events::session.eq(id)))));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Enrollments whose newest session has waited for an answer since before then, longest first.
    pub fn silent_sessions(&mut self, before: Timestamp, limit: i64) -> Result<Vec<(EnrollmentId, SessionKey)>, Error> {
        let query = enrollments::table
            .filter(enrollments::awaiting_since.lt(before.0))
            .filter(enrollments::ended_at.is_null())
            .filter(enrollments::session.is_not_null())
            .order(enrollments::awaiting_since.asc())
            .limit(limit)
            .select((enrollments::id, enrollments::session.assume_not_null()));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(enrollment, session)| Ok((words::id(enrollment)?, words::id(session)?))).collect()
    }

    /// Takes commands off the count of open ones.
    pub(super) fn take_off_open(&mut self, enrollment: &EnrollmentId, settled: i64) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::open_commands.eq(enrollments::open_commands - settled),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

/// Since when a session has waited for an answer to what it sent.
pub(super) fn awaiting_since(session: &Session) -> Option<i64> {
    let waits =
        (!session.in_flight.is_empty() || session.upload.is_some()) && !matches!(session.phase, Phase::Ended(_));
    waits.then_some(session.last_at.0)
}

pub(super) const fn account_of(enrollment: &str) -> Place<'_> {
    Place { column: "enrollments.account", row: enrollment }
}

const fn snapshot_of(enrollment: &str) -> Place<'_> {
    Place { column: "enrollments.session_snapshot", row: enrollment }
}

const fn reply_of(session: &str) -> Place<'_> {
    Place { column: "sessions.last_reply", row: session }
}
