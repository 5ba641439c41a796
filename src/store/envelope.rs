//! Whether messages of an enrollment are enveloped, and the keys of this server that open them.

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use transom_protocol::session::Timestamp;
use zeroize::Zeroizing;

use super::Error;
use super::fragments::update;
use super::schema::{enrollments, envelope_keys};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use crate::model::{CertificateFingerprint, EnrollmentId, EnvelopeKeyRecord, EnvelopeKeyUse, Enveloping, Secret};

/// Keys that are looked at: there is one for each rotation, until nobody uses it any more.
const MOST_KEYS: i64 = 32;

type KeyRow = (String, Vec<u8>, Vec<u8>, i64, i64);

const fn key_of(id: &str) -> Place<'_> {
    Place { column: "envelope_keys.private_key", row: id }
}

fn fingerprint(text: &str) -> Result<CertificateFingerprint, Error> {
    CertificateFingerprint::parse(text).ok_or_else(|| Error::corrupt("envelope_keys.id"))
}

impl Tx<'_> {
    /// The keys that open envelopes, newest first.
    pub fn envelope_keys(&mut self) -> Result<Vec<EnvelopeKeyRecord>, Error> {
        let query = envelope_keys::table
            .order((envelope_keys::created_at.desc(), envelope_keys::id.asc()))
            .limit(MOST_KEYS)
            .select((
                envelope_keys::id,
                envelope_keys::certificate,
                envelope_keys::private_key,
                envelope_keys::created_at,
                envelope_keys::not_after,
            ));
        let rows: Vec<KeyRow> = on_backend!(self, |conn| query.load(conn))?;
        let record = |(id, certificate, key, created_at, not_after): KeyRow| {
            Ok(EnvelopeKeyRecord {
                key: Secret::new(self.key.open(key_of(&id), &key)?.to_vec()),
                id: fingerprint(&id)?,
                certificate,
                created_at: Timestamp(created_at),
                not_after: Timestamp(not_after),
            })
        };
        rows.into_iter().map(record).collect()
    }

    /// The same without the keys, and who uses them.
    pub fn envelope_key_uses(&mut self) -> Result<Vec<EnvelopeKeyUse>, Error> {
        let query = envelope_keys::table
            .order((envelope_keys::created_at.desc(), envelope_keys::id.asc()))
            .limit(MOST_KEYS)
            .select((envelope_keys::id, envelope_keys::created_at, envelope_keys::not_after));
        let rows: Vec<(String, i64, i64)> = on_backend!(self, |conn| query.load(conn))?;
        let mut uses = Vec::new();
        for (id, created_at, not_after) in rows {
            let query = enrollments::table
                .filter(enrollments::ended_at.is_null())
                .filter(enrollments::envelope_used.eq(&id))
                .count();
            let used_by = on_backend!(self, |conn| query.get_result(conn))?;
            let id = fingerprint(&id)?;
            uses.push(EnvelopeKeyUse {
                id,
                created_at: Timestamp(created_at),
                not_after: Timestamp(not_after),
                used_by,
            });
        }
        Ok(uses)
    }

    /// Keeps another key, which is the newest from now on. Those whose certificate has ended, and that no device was told
    /// last or uses, are gone: who still envelopes for a key that is not there could never be told another.
    pub fn add_envelope_key(&mut self, new: &EnvelopeKeyRecord) -> Result<(), Error> {
        let in_use = enrollments::table.filter(enrollments::ended_at.is_null()).filter(
            enrollments::envelope_used
                .eq(envelope_keys::id.nullable())
                .or(enrollments::envelope_told.eq(envelope_keys::id.nullable())),
        );
        let forget = diesel::delete(
            envelope_keys::table.filter(envelope_keys::not_after.lt(new.created_at.0)).filter(not(exists(in_use))),
        );
        on_backend!(self, |conn| forget.execute(conn))?;
        let id = new.id.to_string();
        let plain = Zeroizing::new(new.key.expose().clone());
        let query = diesel::insert_into(envelope_keys::table).values((
            envelope_keys::id.eq(&id),
            envelope_keys::certificate.eq(&new.certificate),
            envelope_keys::private_key.eq(self.key.seal(key_of(&id), &plain)?),
            envelope_keys::created_at.eq(new.created_at.0),
            envelope_keys::not_after.eq(new.not_after.0),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// How an operator wants it for this enrollment.
    pub fn set_enveloping(&mut self, enrollment: &EnrollmentId, enveloping: Enveloping) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()).and(enrollments::ended_at.is_null()),
            enrollments::enveloping.eq(Some(enveloping.as_str())),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("enrollment")),
        }
    }

    /// What the device says: that it envelopes since then, or that it does not.
    pub fn confirm_enveloping(&mut self, enrollment: &EnrollmentId, since: Option<Timestamp>) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::envelopes_since.eq(since.map(|since| since.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The device is told a key with what is in its queue.
    pub fn tell_envelope_key(&mut self, enrollment: &EnrollmentId, key: CertificateFingerprint) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::envelope_told.eq(Some(key.to_string())),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The device has used a key: those that are older open nothing of it any more.
    pub fn use_envelope_key(&mut self, enrollment: &EnrollmentId, key: CertificateFingerprint) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::envelope_used.eq(Some(key.to_string())),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}
