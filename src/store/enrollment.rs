//! The lives of a device: made, used for the first time, over (design, promise 6).

use diesel::prelude::*;
use transom_protocol::session::{CommandState, DeviceId, Reason, ReasonCode, Timestamp};

use super::contact::{MOST_LIVE, account_of};
use super::fragments::{among, columns, update};
use super::queue::{ReasonColumns, Timers};
use super::schema::{commands, devices, enrollments, user_sessions};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{DeviceInfo, DeviceKey, Enrollment, EnrollmentId, EnrollmentState, NewEnrollment, RevocationReason};

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrollments)]
pub(super) struct EnrollmentRow {
    pub(super) id: String,
    pub(super) device: String,
    generation: i32,
    state: String,
    open_commands: i64,
    created_at: i64,
    first_seen_at: Option<i64>,
    last_seen_at: Option<i64>,
    ended_at: Option<i64>,
    upn: Option<String>,
    enrollment_type: Option<String>,
    certificate_ends: Option<i64>,
    signing: Option<String>,
    signing_confirmed_at: Option<i64>,
    enveloping: Option<String>,
    envelopes_since: Option<i64>,
}

impl TryFrom<EnrollmentRow> for Enrollment {
    type Error = Error;

    fn try_from(row: EnrollmentRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            generation: row.generation,
            state: words::of_word(&row.state, "enrollments.state")?,
            open_commands: row.open_commands,
            created_at: Timestamp(row.created_at),
            first_seen_at: row.first_seen_at.map(Timestamp),
            last_seen_at: row.last_seen_at.map(Timestamp),
            ended_at: row.ended_at.map(Timestamp),
            upn: row.upn,
            kind: row.enrollment_type.map(|word| words::of_word(&word, "enrollments.enrollment_type")).transpose()?,
            certificate_ends: row.certificate_ends.map(Timestamp),
            signing: row.signing.map(|word| words::of_word(&word, "enrollments.signing")).transpose()?,
            signing_confirmed_at: row.signing_confirmed_at.map(Timestamp),
            enveloping: row.enveloping.map(|word| words::of_word(&word, "enrollments.enveloping")).transpose()?,
            envelopes_since: row.envelopes_since.map(Timestamp),
        })
    }
}

/// How an enrollment ends, and what becomes of all that belongs to it.
struct Ending {
    state: EnrollmentState,
    /// Of what was waiting in its queue.
    outcome: CommandState,
    reason: ReasonCode,
    detail: Option<&'static str>,
    /// Of its certificates.
    revocation: RevocationReason,
}

impl Ending {
    const REPLACED: Self = Self {
        state: EnrollmentState::Replaced,
        outcome: CommandState::Superseded,
        reason: ReasonCode::NewEnrollment,
        detail: None,
        revocation: RevocationReason::Replaced,
    };
    const UNENROLLED: Self = Self {
        state: EnrollmentState::Unenrolled,
        outcome: CommandState::Canceled,
        reason: ReasonCode::Unenrolled,
        detail: None,
        revocation: RevocationReason::Unenrolled,
    };
    const UNKNOWN: Self = Self {
        state: EnrollmentState::Unknown,
        detail: Some("the device was told to leave, and was not heard of"),
        revocation: RevocationReason::Unknown,
        ..Self::UNENROLLED
    };
    const BLOCKED: Self = Self {
        state: EnrollmentState::Blocked,
        detail: Some("an operator cut the device off"),
        revocation: RevocationReason::Blocked,
        ..Self::UNENROLLED
    };
}

impl Tx<'_> {
    /// Opens the next life of a device, and makes the device if it is new. A life that is in use goes on until the new
    /// one has made contact ([`Tx::activate_enrollment`]).
    ///
    /// Of several that were never used only the newest few stay valid.
    pub fn import_enrollment(&mut self, new: &NewEnrollment, now: Timestamp) -> Result<Enrollment, Error> {
        let device = self.device_to_enroll(&new.device_id, now)?;
        let lives = enrollments::table
            .filter(enrollments::folded_id.eq(new.device_id.key()))
            .order(enrollments::generation.desc())
            .select(columns::<EnrollmentRow>());
        let lives: Vec<EnrollmentRow> = on_backend!(self, |conn| lives.load(conn))?;
        let generation = lives.first().map_or(1, |newest| newest.generation.saturating_add(1));
        let pending = EnrollmentState::Pending.as_str();
        let outdated =
            lives.iter().filter(|life| life.state == pending).skip(usize::try_from(MOST_LIVE - 2).unwrap_or(0));
        let outdated: Vec<String> = outdated.map(|life| life.id.clone()).collect();
        if !outdated.is_empty() {
            self.replace_enrollments(&outdated, now)?;
        }

        let id = new.made.as_ref().map_or_else(|| EnrollmentId::new(now), |made| made.id.clone());
        let account = self.key.seal_json(account_of(id.as_str()), &new.account)?;
        let info = serde_json::to_string(&new.info).map_err(|_| Error::corrupt("enrollments.info"))?;
        let made = new.made.as_ref();
        let context = made.map(|made| self.key.seal_json(context_of(id.as_str()), &made.context)).transpose()?;
        let query = diesel::insert_into(enrollments::table).values((
            enrollments::id.eq(id.as_str()),
            enrollments::device.eq(device.as_str()),
            enrollments::device_id.eq(new.device_id.as_str()),
            enrollments::folded_id.eq(new.device_id.key()),
            enrollments::generation.eq(generation),
            enrollments::state.eq(pending),
            enrollments::account.eq(account),
            enrollments::info.eq(info),
            enrollments::next_sequence.eq(1),
            enrollments::open_commands.eq(0),
            enrollments::created_at.eq(now.0),
            enrollments::upn.eq(made.map(|made| words::text(&made.upn))),
            enrollments::enrollment_type.eq(made.map(|made| made.kind.as_str())),
            enrollments::hw_dev_id.eq(made.and_then(|made| folded_hardware(made.hw_dev_id.as_deref()))),
            enrollments::context.eq(context),
            enrollments::needs_certificate.eq(made.is_some()),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        if new.info != DeviceInfo::default() {
            self.save_device_info(&new.device_id, &new.info)?;
        }
        Ok(Enrollment {
            id,
            generation,
            state: EnrollmentState::Pending,
            open_commands: 0,
            created_at: now,
            first_seen_at: None,
            last_seen_at: None,
            ended_at: None,
            upn: made.map(|made| made.upn.clone()),
            kind: made.map(|made| made.kind),
            certificate_ends: None,
            signing: None,
            signing_confirmed_at: None,
            enveloping: None,
            envelopes_since: None,
        })
    }

    /// The row of a device, made if need be; nobody else opens a life of it before this transaction ends.
    ///
    /// Not the row itself is locked: a message locks enrollments first and changes the device then, and whoever opens
    /// a life may have to end others.
    fn device_to_enroll(&mut self, device: &DeviceId, now: Timestamp) -> Result<DeviceKey, Error> {
        self.lock_name(&format!("transom device {}", device.key()))?;
        let insert = diesel::insert_into(devices::table)
            .values((
                devices::id.eq(DeviceKey::new(now).to_string()),
                devices::device_id.eq(device.as_str()),
                devices::folded_id.eq(device.key()),
                devices::created_at.eq(now.0),
            ))
            .on_conflict_do_nothing();
        on_backend!(self, |conn| insert.execute(conn))?;
        let query = devices::table.filter(devices::folded_id.eq(device.key())).select(devices::id);
        let id: String = on_backend!(self, |conn| query.get_result(conn))?;
        words::id(id)
    }

    /// An enrollment makes its first authenticated contact: it becomes the device's active one, and every older one
    /// ends with all that was waiting for it.
    pub fn activate_enrollment(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()).and(enrollments::ended_at.is_null()),
            (enrollments::state.eq(EnrollmentState::Active.as_str()), enrollments::first_seen_at.eq(Some(now.0))),
        );
        if on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Err(Error::NotFound("enrollment"));
        }
        let this =
            enrollments::table.find(enrollment.as_str()).select((enrollments::folded_id, enrollments::generation));
        let (folded_id, generation): (String, i32) = on_backend!(self, |conn| this.get_result(conn))?;
        let older = enrollments::table
            .filter(enrollments::folded_id.eq(folded_id))
            .filter(enrollments::generation.lt(generation))
            .filter(enrollments::ended_at.is_null())
            .select(enrollments::id);
        let older: Vec<String> = on_backend!(self, |conn| older.load(conn))?;
        // What it is to have is decided anew in each life.
        self.look_at_policies(enrollment, now)?;
        if !older.is_empty() {
            self.replace_enrollments(&older, now)?;
        }
        self.meet_person(enrollment, now)
    }

    /// The device leaves management: the enrollment ends, and what was waiting for it is canceled.
    pub fn end_enrollment(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        self.end_as(enrollment, &Ending::UNENROLLED, now)
    }

    /// An operator cuts the device off: the enrollment ends at once, whatever the device is doing.
    pub fn block_enrollment(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        self.end_as(enrollment, &Ending::BLOCKED, now)
    }

    /// The device was told to leave, and its time has passed: whether it did, nobody knows.
    pub fn lose_enrollment(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        self.end_as(enrollment, &Ending::UNKNOWN, now)
    }

    fn end_as(&mut self, enrollment: &EnrollmentId, ending: &Ending, now: Timestamp) -> Result<(), Error> {
        let ended = self.end_enrollments(&[enrollment.as_str().to_owned()], ending, now)?;
        if ended == 1 { Ok(()) } else { Err(Error::NotFound("enrollment")) }
    }

    /// Enrollments that were never used end, because the device made another one.
    pub fn replace_enrollments(&mut self, ids: &[String], now: Timestamp) -> Result<(), Error> {
        self.end_enrollments(ids, &Ending::REPLACED, now).map(drop)
    }

    fn end_enrollments(&mut self, ids: &[String], ending: &Ending, now: Timestamp) -> Result<usize, Error> {
        let query = update(
            enrollments::table,
            among(enrollments::id, ids).and(enrollments::ended_at.is_null()),
            (
                enrollments::state.eq(ending.state.as_str()),
                enrollments::ended_at.eq(Some(now.0)),
                enrollments::open_commands.eq(0),
                enrollments::account.eq(None::<Vec<u8>>),
                enrollments::session_snapshot.eq(None::<Vec<u8>>),
                enrollments::awaiting_since.eq(None::<i64>),
                enrollments::certificate_ends.eq(None::<i64>),
                enrollments::leave_by.eq(None::<i64>),
            ),
        );
        let ended = on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::delete(user_sessions::table.filter(among(user_sessions::enrollment, ids)));
        on_backend!(self, |conn| query.execute(conn))?;
        self.revoke_certificates(ids, ending.revocation, now)?;
        for id in ids {
            let id = words::id(id.clone())?;
            self.settled.remove(&id);
            self.stirred.remove(&id);
            self.look_at_policies(&id, now)?;
        }
        let detail = ending.detail.map(str::to_owned);
        let reason = Reason { code: ending.reason, since: now, count: 1, retry_at: None, detail };
        let query = update(
            commands::table,
            among(commands::enrollment, ids).and(commands::settled_at.is_null()),
            (
                commands::state.eq(ending.outcome.as_str()),
                commands::settled_at.eq(Some(now.0)),
                ReasonColumns::of(Some(&reason))?,
                Timers::default(),
            ),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(ended)
    }

    /// Shows what a device says of itself in lists of devices.
    pub(super) fn save_device_info(&mut self, device: &DeviceId, info: &DeviceInfo) -> Result<(), Error> {
        let query = update(
            devices::table,
            devices::folded_id.eq(device.key()),
            (
                devices::name.eq(words::optional_text(info.name.as_ref())),
                devices::folded_name.eq(words::optional_text(info.name.as_ref()).map(|name| name.to_ascii_lowercase())),
                devices::manufacturer.eq(words::optional_text(info.manufacturer.as_ref())),
                devices::model.eq(words::optional_text(info.model.as_ref())),
                devices::language.eq(words::optional_text(info.language.as_ref())),
                devices::dm_version.eq(words::optional_text(info.dm_version.as_ref())),
                devices::os_version.eq(words::optional_text(info.os_version.as_ref())),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

/// The form of a `HWDevID` that is compared.
fn folded_hardware(text: Option<&str>) -> Option<String> {
    text.map(|text| words::text(text.trim()).to_ascii_lowercase()).filter(|text| !text.is_empty())
}

const fn context_of(enrollment: &str) -> Place<'_> {
    Place { column: "enrollments.context", row: enrollment }
}
