//! Certificates of devices: which key may speak for which enrollment, and which may no longer (design, promise 5).

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{among, columns, update};
use super::journal::one_more;
use super::schema::{certificates, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    CertificateFilter, CertificateFingerprint, CertificateRecord, CertificateState, Cursor, EnrollmentId,
    KeyFingerprint, NewCertificate, Page, RevocationReason, RevokedCertificate, SerialNumber,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = certificates)]
struct CertificateRow {
    fingerprint: String,
    serial: String,
    key: String,
    authority: String,
    enrollment: String,
    not_before: i64,
    not_after: i64,
    state: String,
    issued_at: i64,
    first_used_at: Option<i64>,
    revoked_at: Option<i64>,
    reason: Option<String>,
    der: Option<Vec<u8>>,
}

impl TryFrom<CertificateRow> for CertificateRecord {
    type Error = Error;

    fn try_from(row: CertificateRow) -> Result<Self, Error> {
        Ok(Self {
            certificate: NewCertificate {
                fingerprint: CertificateFingerprint::parse(&row.fingerprint)
                    .ok_or_else(|| Error::corrupt("certificates.fingerprint"))?,
                serial: serial(&row.serial)?,
                key: KeyFingerprint::parse(&row.key).ok_or_else(|| Error::corrupt("certificates.key"))?,
                authority: row.authority,
                not_before: Timestamp(row.not_before),
                not_after: Timestamp(row.not_after),
                der: row.der.unwrap_or_default(),
            },
            enrollment: words::id(row.enrollment)?,
            state: words::of_word(&row.state, "certificates.state")?,
            issued_at: Timestamp(row.issued_at),
            first_used_at: row.first_used_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
            reason: row.reason.map(|word| words::of_word(&word, "certificates.reason")).transpose()?,
        })
    }
}

/// Certificates that a revocation list may have.
const MOST_REVOKED: i64 = 1_000_000;

impl Tx<'_> {
    /// Keeps a certificate that was issued for an enrollment. A renewal takes the place of one that was never used.
    pub fn add_certificate(
        &mut self,
        enrollment: &EnrollmentId,
        new: &NewCertificate,
        state: CertificateState,
        now: Timestamp,
    ) -> Result<(), Error> {
        if state == CertificateState::Next {
            let unused = certificates::enrollment
                .eq(enrollment.as_str())
                .and(certificates::state.eq(CertificateState::Next.as_str()));
            let query = update(certificates::table, unused, over(CertificateState::Superseded, now));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        let query = diesel::insert_into(certificates::table).values((
            certificates::fingerprint.eq(new.fingerprint.to_string()),
            certificates::serial.eq(new.serial.as_str()),
            certificates::key.eq(new.key.to_string()),
            certificates::authority.eq(&new.authority),
            certificates::enrollment.eq(enrollment.as_str()),
            certificates::not_before.eq(new.not_before.0),
            certificates::not_after.eq(new.not_after.0),
            certificates::state.eq(state.as_str()),
            certificates::issued_at.eq(now.0),
            certificates::der.eq(&new.der),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        self.note_certificate_end(enrollment, new.not_after)
    }

    /// Whoever enrolls with a key waits here until nobody else does with the same.
    pub fn lock_key(&mut self, key: KeyFingerprint) -> Result<(), Error> {
        self.lock_name(&format!("transom key {key}"))
    }

    /// The certificate with this fingerprint, if we issued it. Whoever holds the lock of its enrollment sees what its
    /// last holder made of it.
    pub fn certificate(&mut self, fingerprint: CertificateFingerprint) -> Result<Option<CertificateRecord>, Error> {
        let query = certificates::table.find(fingerprint.to_string()).select(columns::<CertificateRow>());
        let row: Option<CertificateRow> = on_backend!(self, |conn| query.get_result(conn).optional())?;
        row.map(CertificateRecord::try_from).transpose()
    }

    /// All certificates that an enrollment was given, oldest first.
    pub fn certificates_of(&mut self, enrollment: &EnrollmentId) -> Result<Vec<CertificateRecord>, Error> {
        let query = certificates::table
            .filter(certificates::enrollment.eq(enrollment.as_str()))
            .order((certificates::issued_at.asc(), certificates::fingerprint.asc()))
            .select(columns::<CertificateRow>());
        let rows: Vec<CertificateRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(CertificateRecord::try_from).collect()
    }

    /// Certificates with the devices that they are of, the first to end first.
    pub fn certificates(
        &mut self,
        filter: &CertificateFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<(DeviceId, CertificateRecord)>, Error> {
        let after = after.map(place).transpose()?;
        let rows: Vec<(CertificateRow, String)> = on_backend!(self, |conn| {
            let mut query = certificates::table
                .inner_join(enrollments::table)
                .order((certificates::not_after.asc(), certificates::fingerprint.asc()))
                .limit(one_more(limit))
                .select((columns::<CertificateRow>(), enrollments::device_id))
                .into_boxed();
            if let Some((ends, fingerprint)) = after {
                let later = certificates::not_after.gt(ends).or(certificates::fingerprint.gt(fingerprint));
                query = query.filter(certificates::not_after.ge(ends)).filter(later);
            }
            if let Some(device) = &filter.device {
                query = query.filter(enrollments::folded_id.eq(device.key()));
            }
            if let Some(state) = filter.state {
                query = query.filter(certificates::state.eq(state.as_str()));
            }
            if let Some(before) = filter.ends_before {
                query = query.filter(certificates::not_after.lt(before.0));
            }
            query.load(conn)
        })?;
        let entry = |(row, device): (CertificateRow, String)| Ok((words::device_id(&device)?, row.try_into()?));
        let found = rows.into_iter().map(entry).collect::<Result<_, Error>>()?;
        Ok(Page::of(found, limit, |(_, record): &(DeviceId, CertificateRecord)| {
            format!("{}/{}", record.certificate.not_after.0, record.certificate.fingerprint)
        }))
    }

    /// Devices that have a certificate for this public key and an enrollment that has not ended.
    pub fn holders_of_key(&mut self, key: KeyFingerprint) -> Result<Vec<(DeviceId, EnrollmentId)>, Error> {
        let query = certificates::table
            .inner_join(enrollments::table)
            .filter(certificates::key.eq(key.to_string()))
            .filter(enrollments::ended_at.is_null())
            .select((enrollments::device_id, enrollments::id));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(device, enrollment)| Ok((words::device_id(&device)?, words::id(enrollment)?))).collect()
    }

    /// A renewed certificate speaks for the first time: the ones before it no longer do.
    pub fn use_renewed_certificate(&mut self, renewed: &CertificateRecord, now: Timestamp) -> Result<(), Error> {
        let (id, fingerprint) = (renewed.enrollment.as_str(), &renewed.certificate.fingerprint.to_string());
        let before = certificates::enrollment
            .eq(id)
            .and(certificates::state.eq(CertificateState::Current.as_str()))
            .and(certificates::fingerprint.ne(fingerprint));
        let query = update(certificates::table, before, over(CertificateState::Superseded, now));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = update(
            certificates::table,
            certificates::fingerprint.eq(fingerprint).and(certificates::state.eq(CertificateState::Next.as_str())),
            (certificates::state.eq(CertificateState::Current.as_str()), certificates::first_used_at.eq(Some(now.0))),
        );
        if on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Err(Error::NotFound("renewed certificate"));
        }
        self.note_certificate_end(&renewed.enrollment, renewed.certificate.not_after)
    }

    /// Takes back every certificate of these enrollments that still counts.
    pub(super) fn revoke_certificates(
        &mut self,
        enrollments: &[String],
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<usize, Error> {
        let counting = among(certificates::enrollment, enrollments).and(
            certificates::state
                .eq(CertificateState::Current.as_str())
                .or(certificates::state.eq(CertificateState::Next.as_str())),
        );
        let changes = (
            certificates::state.eq(CertificateState::Revoked.as_str()),
            certificates::revoked_at.eq(Some(now.0)),
            certificates::reason.eq(Some(reason.as_str())),
        );
        let query = update(certificates::table, counting, changes);
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Certificates that were taken back and would otherwise still be good, oldest first.
    pub fn revoked_certificates(&mut self, now: Timestamp) -> Result<Vec<RevokedCertificate>, Error> {
        let query = certificates::table
            .filter(certificates::revoked_at.is_not_null())
            .filter(certificates::not_after.gt(now.0))
            .order((certificates::revoked_at.asc(), certificates::fingerprint.asc()))
            .limit(MOST_REVOKED)
            .select((
                certificates::serial,
                certificates::authority,
                certificates::revoked_at.assume_not_null(),
                certificates::reason,
            ));
        let rows: Vec<(String, String, i64, Option<String>)> = on_backend!(self, |conn| query.load(conn))?;
        let record = |(number, authority, revoked_at, reason): (String, String, i64, Option<String>)| {
            let reason = reason.as_deref().unwrap_or(RevocationReason::Superseded.as_str());
            Ok(RevokedCertificate {
                serial: serial(&number)?,
                authority,
                revoked_at: Timestamp(revoked_at),
                reason: words::of_word(reason, "certificates.reason")?,
            })
        };
        rows.into_iter().map(record).collect()
    }

    /// How many enrollments have no certificate that is good beyond then.
    pub fn count_expiring(&mut self, before: Timestamp) -> Result<i64, Error> {
        let query = enrollments::table.filter(enrollments::certificate_ends.lt(before.0)).count();
        on_backend!(self, |conn| query.get_result(conn))
    }

    fn note_certificate_end(&mut self, enrollment: &EnrollmentId, end: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::certificate_ends.eq(Some(end.0)),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("enrollment")),
        }
    }
}

/// Where a page of certificates ended.
fn place(cursor: &Cursor) -> Result<(i64, &str), Error> {
    let place = cursor.sort_key().split_once('/').and_then(|(at, fingerprint)| Some((at.parse().ok()?, fingerprint)));
    place.ok_or_else(|| Error::Conflict("this cursor is of another list".to_owned()))
}

fn serial(text: &str) -> Result<SerialNumber, Error> {
    SerialNumber::parse(text).ok_or_else(|| Error::corrupt("certificates.serial"))
}

type Over = (
    diesel::dsl::Eq<certificates::state, &'static str>,
    diesel::dsl::Eq<certificates::revoked_at, Option<i64>>,
    diesel::dsl::Eq<certificates::reason, Option<&'static str>>,
);

/// What is written of a certificate that a newer one has replaced.
fn over(state: CertificateState, now: Timestamp) -> Over {
    (
        certificates::state.eq(state.as_str()),
        certificates::revoked_at.eq(Some(now.0)),
        certificates::reason.eq(Some(RevocationReason::Superseded.as_str())),
    )
}
