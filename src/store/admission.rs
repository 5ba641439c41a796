//! Who made which enrollment, by what right; and the devices that were declared before.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{among, columns};
use super::journal::one_more;
use super::schema::{admissions, declared_devices, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    Admission, Cursor, DeclaredDevice, DeclaredKind, EnrollmentId, EnrollmentState, EnrollmentTokenId, Page, UserName,
};

/// What a user has enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnrolledByUser {
    /// Machines: those that call themselves by the same hardware count once.
    pub devices: u32,
    /// Enrollments.
    pub enrollments: u32,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = admissions, treat_none_as_default_value = false)]
struct AdmissionRow {
    enrollment: String,
    user_name: String,
    folded_user: String,
    means: String,
    token: Option<String>,
    device_id: String,
    folded_id: String,
    hw_dev_id: Option<String>,
    admitted_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = declared_devices)]
struct DeclaredRow {
    kind: String,
    value: String,
    note: Option<String>,
    created_at: i64,
}

impl TryFrom<AdmissionRow> for Admission {
    type Error = Error;

    fn try_from(row: AdmissionRow) -> Result<Self, Error> {
        Ok(Self {
            enrollment: words::id(row.enrollment)?,
            user: words::user_name(row.user_name)?,
            means: row.means,
            token: row.token.map(words::id).transpose()?,
            device: words::device_id(&row.device_id)?,
            hw_dev_id: row.hw_dev_id,
            admitted_at: Timestamp(row.admitted_at),
        })
    }
}

impl TryFrom<DeclaredRow> for DeclaredDevice {
    type Error = Error;

    fn try_from(row: DeclaredRow) -> Result<Self, Error> {
        Ok(Self {
            kind: DeclaredKind::parse(&row.kind).ok_or_else(|| Error::corrupt("declared_devices.kind"))?,
            value: row.value,
            note: row.note,
            created_at: Timestamp(row.created_at),
        })
    }
}

impl Tx<'_> {
    /// Nobody else enrolls a device for this user before this transaction ends.
    pub fn lock_enroller(&mut self, user: &UserName) -> Result<(), Error> {
        self.lock_name(&format!("transom enroller {}", user.key()))
    }

    /// Writes down who made an enrollment.
    pub fn record_admission(&mut self, admission: &Admission) -> Result<(), Error> {
        let row = AdmissionRow {
            enrollment: admission.enrollment.to_string(),
            user_name: admission.user.to_string(),
            folded_user: admission.user.key(),
            means: admission.means.clone(),
            token: admission.token.as_ref().map(ToString::to_string),
            device_id: admission.device.to_string(),
            folded_id: admission.device.key(),
            hw_dev_id: words::optional_text(admission.hw_dev_id.as_ref()),
            admitted_at: admission.admitted_at.0,
        };
        on_backend!(self, |conn| diesel::insert_into(admissions::table).values(row).execute(conn)).map(drop)
    }

    /// Who made an enrollment; `None` for one that was brought along from elsewhere.
    pub fn admission(&mut self, enrollment: &EnrollmentId) -> Result<Option<Admission>, Error> {
        let query = admissions::table.find(enrollment.as_str()).select(columns::<AdmissionRow>());
        let row: Option<AdmissionRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(Admission::try_from).transpose()
    }

    /// What a token has enrolled, oldest first.
    pub fn admissions_by_token(&mut self, token: &EnrollmentTokenId) -> Result<Vec<Admission>, Error> {
        let query = admissions::table
            .filter(admissions::token.eq(token.as_str()))
            .order(admissions::enrollment.asc())
            .select(columns::<AdmissionRow>());
        let rows: Vec<AdmissionRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(Admission::try_from).collect()
    }

    /// Enrollments that a token made and that nobody has used yet, of this device or of this hardware: their replies
    /// may be lost.
    pub fn unused_admissions(
        &mut self,
        token: &EnrollmentTokenId,
        device: &DeviceId,
        hardware: Option<&str>,
    ) -> Result<Vec<Admission>, Error> {
        let is_alike = admissions::hw_dev_id.eq(hardware.map(words::text));
        let query = admissions::table
            .inner_join(enrollments::table)
            .filter(admissions::token.eq(token.as_str()))
            .filter(admissions::folded_id.eq(device.key()).nullable().or(is_alike))
            .filter(enrollments::state.eq(EnrollmentState::Pending.as_str()))
            .order(admissions::enrollment.asc())
            .select(columns::<AdmissionRow>());
        let rows: Vec<AdmissionRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(Admission::try_from).collect()
    }

    /// Whether there is any such enrollment of any device.
    pub fn has_unused_admission(&mut self, token: &EnrollmentTokenId) -> Result<bool, Error> {
        let query = admissions::table
            .inner_join(enrollments::table)
            .filter(admissions::token.eq(token.as_str()))
            .filter(enrollments::state.eq(EnrollmentState::Pending.as_str()))
            .select(admissions::enrollment);
        let found: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(found.is_some())
    }

    /// How many enrollments a token made, retries included.
    pub fn times_admitted(&mut self, token: &EnrollmentTokenId) -> Result<i64, Error> {
        let query = admissions::table.filter(admissions::token.eq(token.as_str())).count();
        on_backend!(self, |conn| query.get_result(conn))
    }

    /// What a user has enrolled, beside this device and this hardware. An enrollment that no device has used counts
    /// when it was made since `pending_since`.
    pub fn devices_of_user(
        &mut self,
        user: &UserName,
        (device, hardware): (&DeviceId, Option<&str>),
        pending_since: Timestamp,
    ) -> Result<EnrolledByUser, Error> {
        let counts =
            enrollments::state.ne(EnrollmentState::Pending.as_str()).or(enrollments::created_at.ge(pending_since.0));
        let query = admissions::table
            .inner_join(enrollments::table)
            .filter(admissions::folded_user.eq(user.key()))
            .filter(admissions::folded_id.ne(device.key()))
            .filter(enrollments::ended_at.is_null())
            .filter(counts)
            .select((
                diesel::dsl::sql::<BigInt>("COUNT(DISTINCT CASE WHEN admissions.hw_dev_id = ")
                    .bind::<Text, _>(words::text(hardware.unwrap_or_default()))
                    .sql(" THEN NULL ELSE COALESCE(admissions.hw_dev_id, admissions.folded_id) END)"),
                diesel::dsl::sql::<BigInt>("COUNT(*)"),
            ));
        let (devices, enrollments): (i64, i64) = on_backend!(self, |conn| query.first(conn))?;
        Ok(EnrolledByUser {
            devices: words::count(devices, "admissions")?,
            enrollments: words::count(enrollments, "admissions")?,
        })
    }

    /// Ends enrollments that no device has used, because the same device enrolls anew.
    pub fn supersede_pending(&mut self, enrollments: &[EnrollmentId], now: Timestamp) -> Result<(), Error> {
        if enrollments.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = enrollments.iter().map(ToString::to_string).collect();
        self.replace_enrollments(&ids, now)
    }

    /// Declares devices. How many of them are new.
    pub fn declare_devices(&mut self, devices: &[DeclaredDevice]) -> Result<usize, Error> {
        let rows: Vec<_> = devices
            .iter()
            .map(|device| {
                (
                    declared_devices::kind.eq(device.kind.as_str()),
                    declared_devices::value.eq(words::text(&device.value)),
                    declared_devices::note.eq(words::optional_text(device.note.as_ref())),
                    declared_devices::created_at.eq(device.created_at.0),
                )
            })
            .collect();
        on_backend!(
            self,
            sqlite => |conn| {
                diesel::insert_into(declared_devices::table).values(rows).on_conflict_do_nothing().execute(conn)
            },
            postgres => |conn| {
                diesel::insert_into(declared_devices::table).values(rows).on_conflict_do_nothing().execute(conn)
            }
        )
    }

    /// Whether one of these is declared.
    pub fn is_declared(&mut self, any_of: &[(DeclaredKind, String)]) -> Result<bool, Error> {
        for kind in DeclaredKind::ALL {
            let values: Vec<String> =
                any_of.iter().filter(|(of, _)| *of == kind).map(|(_, value)| words::text(value)).collect();
            if values.is_empty() {
                continue;
            }
            let query = declared_devices::table
                .filter(declared_devices::kind.eq(kind.as_str()))
                .filter(among(declared_devices::value, values))
                .select(declared_devices::value);
            let found: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
            if found.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Declared devices by kind and value.
    pub fn declared_devices(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<DeclaredDevice>, Error> {
        let (kind, value) = after.and_then(|after| after.sort_key().split_once('/')).unwrap_or_default();
        let query = declared_devices::table
            .filter(declared_devices::kind.ge(kind))
            .filter(declared_devices::kind.gt(kind).or(declared_devices::value.gt(value)))
            .order((declared_devices::kind.asc(), declared_devices::value.asc()))
            .limit(one_more(limit))
            .select(columns::<DeclaredRow>());
        let rows: Vec<DeclaredRow> = on_backend!(self, |conn| query.load(conn))?;
        let devices = rows.into_iter().map(DeclaredDevice::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(devices, limit, |device: &DeclaredDevice| format!("{}/{}", device.kind, device.value)))
    }

    /// Takes a declaration back. What has enrolled by it stays.
    pub fn remove_declared(&mut self, kind: DeclaredKind, value: &str) -> Result<(), Error> {
        let query = diesel::delete(declared_devices::table.find((kind.as_str(), words::text(value))));
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("declared device")),
        }
    }
}
