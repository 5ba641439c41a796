//! Revocation lists (RFC 5280 5), for whoever asks files instead of the server. The device door asks the database.

use der::Tag;
use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time},
    error::ErrorStack,
    hash::MessageDigest,
    x509::{
        X509, X509Crl, X509CrlBuilder, X509Extension, X509KeyUsage, X509Revoked, extension::AuthorityKeyIdentifier,
    },
};
use transom_protocol::session::Timestamp;

use super::{CertificateAuthority, Error, crypto, der as encoding, encoding as encoding_error};
use crate::model::{RevocationReason, RevokedCertificate, SerialNumber};

const CANT: &str = "can't write the revocation list";

/// `cRLReason` and `cRLNumber`, as their object identifiers.
const REASON: &[u8] = &[0x55, 0x1d, 0x15];
const NUMBER: &str = "2.5.29.20";

/// A certificate that no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// Why a certificate no longer counts (RFC 5280 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody said.
    Unspecified,
    /// Its key, or the device, may be in other hands.
    KeyCompromise,
    /// Another took its place.
    Superseded,
    /// The device is no longer managed.
    CessationOfOperation,
    /// An operator cut it off.
    PrivilegeWithdrawn,
}

/// A signed revocation list.
pub struct Crl(X509Crl);

/// Writes the list of one authority: what it issued and no longer counts. `number` only ever grows.
pub fn write(
    authority: &CertificateAuthority,
    revoked: &[Revoked],
    number: u64,
    now: Timestamp,
    next_update: Timestamp,
) -> Result<Crl, Error> {
    let issuer = authority.certificate();
    if issuer.key_usage().is_some_and(|usage| !usage.contains(X509KeyUsage::CRL_SIGN)) {
        return Err(Error::NoRevocation);
    }
    let number = encoding::write(Tag::Integer, &positive(&number.to_be_bytes())).map_err(encoding_error(CANT))?;
    let mut entries = Vec::with_capacity(revoked.len());
    for entry in revoked {
        entries.push(entry.to_der().map_err(encoding_error(CANT))?);
    }
    let build = || {
        let mut builder = X509CrlBuilder::new()?;
        builder.set_issuer_name(issuer.subject_name())?;
        builder.set_last_update(&*time(now)?)?;
        builder.set_next_update(&*time(next_update)?)?;
        for entry in &entries {
            builder.add_revoked(X509Revoked::from_der(entry)?)?;
        }
        builder.sort()?;
        // Only the builder of certificates knows how to name an issuer's key.
        let context = X509::builder()?;
        let key_id = AuthorityKeyIdentifier::new().keyid(true).build(&context.x509v3_context(Some(issuer), None))?;
        builder.append_extension(key_id)?;
        let number = Asn1OctetString::new_from_bytes(&number)?;
        builder.append_extension(X509Extension::new_from_der(&*Asn1Object::from_str(NUMBER)?, false, &number)?)?;
        builder.sign(authority.key(), MessageDigest::sha256())?;
        builder.build()
    };
    build().map(Crl).map_err(crypto(CANT))
}

impl Crl {
    /// In DER, as web servers hand it out.
    pub fn der(&self) -> Result<Vec<u8>, Error> {
        self.0.to_der().map_err(crypto(CANT))
    }

    /// As text.
    pub fn pem(&self) -> Result<Vec<u8>, Error> {
        self.0.to_pem().map_err(crypto(CANT))
    }
}

impl std::fmt::Debug for Crl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Crl")
    }
}

impl Revoked {
    /// `revokedCertificates`, one of them; the builder has no way to say the reason.
    fn to_der(&self) -> Result<Vec<u8>, ::der::Error> {
        let serial = encoding::write(Tag::Integer, &positive(&self.serial.to_bytes()))?;
        let at = revocation_time(self.at)?;
        let Some(code) = self.reason.code() else { return encoding::write_all(Tag::Sequence, &[serial, at]) };
        let code = encoding::write(Tag::Enumerated, &[code])?;
        let parts = [encoding::write(Tag::ObjectIdentifier, REASON)?, encoding::write(Tag::OctetString, &code)?];
        let extension = encoding::write_all(Tag::Sequence, &parts)?;
        encoding::write_all(Tag::Sequence, &[serial, at, encoding::write(Tag::Sequence, &extension)?])
    }
}

impl From<&RevokedCertificate> for Revoked {
    fn from(record: &RevokedCertificate) -> Self {
        let reason = match record.reason {
            RevocationReason::Superseded | RevocationReason::Replaced => Reason::Superseded,
            RevocationReason::Unenrolled | RevocationReason::Unknown => Reason::CessationOfOperation,
            RevocationReason::Blocked => Reason::PrivilegeWithdrawn,
        };
        Self { serial: record.serial.clone(), at: record.revoked_at, reason }
    }
}

impl Reason {
    /// `unspecified` is said by saying nothing.
    const fn code(self) -> Option<u8> {
        match self {
            Self::Unspecified => None,
            Self::KeyCompromise => Some(1),
            Self::Superseded => Some(4),
            Self::CessationOfOperation => Some(5),
            Self::PrivilegeWithdrawn => Some(9),
        }
    }
}

/// Until 2049 two digits for the year, then four (RFC 5280 5.1.2.6).
fn revocation_time(at: Timestamp) -> Result<Vec<u8>, ::der::Error> {
    let text = jiff::Timestamp::from_second(at.0.div_euclid(1000)).unwrap_or_default();
    let text = text.strftime("%Y%m%d%H%M%SZ").to_string();
    match text.get(2..) {
        Some(short) if ("1950".."2050").contains(&text.as_str()) => encoding::write(Tag::UtcTime, short.as_bytes()),
        _ => encoding::write(Tag::GeneralizedTime, text.as_bytes()),
    }
}

fn time(at: Timestamp) -> Result<Asn1Time, ErrorStack> {
    Asn1Time::from_unix(at.0.div_euclid(1000))
}

/// The shortest bytes of a positive number, with a zero in front where it would look negative.
fn positive(bytes: &[u8]) -> Vec<u8> {
    let significant = bytes.iter().position(|byte| *byte != 0).and_then(|from| bytes.get(from..)).unwrap_or(&[0]);
    let sign = significant.first().filter(|first| **first >= 0x80).map(|_| 0);
    sign.into_iter().chain(significant.iter().copied()).collect()
}
