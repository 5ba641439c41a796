//! What is to be known of a certificate, once it is one.

use der::Tag;
use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    error::ErrorStack,
    hash::MessageDigest,
    nid::Nid,
    pkey::Id,
    sha::sha256,
    x509::{X509, X509NameEntryRef, X509Ref},
};
use transom_protocol::session::Timestamp;

use super::{
    Error, crypto,
    der::{context, elements, only},
};
use crate::model::{CertificateFingerprint, KeyFingerprint, SerialNumber};

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];

/// A certificate as the provisioning document carries it (MS-MDE2 2.2.9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its SHA-1 in 40 upper-case hexadecimal digits: the name of its node on Windows, and no more than that.
    pub thumbprint: String,
}

/// A certificate that was issued to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// The certificate itself.
    pub encoded: EncodedCertificate,
    /// Its serial number.
    pub serial: SerialNumber,
    /// What tells it from all others.
    pub fingerprint: CertificateFingerprint,
    /// What tells its key from all others.
    pub key: KeyFingerprint,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// What tells a certificate in DER from all others.
pub fn certificate_fingerprint(der: &[u8]) -> CertificateFingerprint {
    CertificateFingerprint::new(sha256(der))
}

impl EncodedCertificate {
    pub(super) fn of(certificate: &X509Ref) -> Result<Self, Error> {
        let encode = || {
            let digest = certificate.digest(MessageDigest::sha1())?;
            let thumbprint = digest.iter().map(|byte| format!("{byte:02X}")).collect();
            Ok(Self { der: certificate.to_der()?, thumbprint })
        };
        encode().map_err(crypto("can't write the certificate"))
    }
}

/// What a person wants to know of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Whose it is: `CN=…, O=…`.
    pub subject: String,
    /// The kind of its key.
    pub key: String,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
    /// What tells it from all others.
    pub fingerprint: CertificateFingerprint,
    /// What Windows shows as its thumbprint.
    pub thumbprint: String,
}

impl Description {
    pub(super) fn of(certificate: &X509Ref) -> Result<Self, Error> {
        let encoded = EncodedCertificate::of(certificate)?;
        let read = || {
            let key = certificate.public_key()?;
            let kind = match key.id() {
                Id::RSA => format!("RSA {}", key.bits()),
                Id::EC => format!("EC {}", key.bits()),
                _ => "other".to_owned(),
            };
            let (from, to) = (timestamp(certificate.not_before())?, timestamp(certificate.not_after())?);
            Ok((kind, from, to))
        };
        let (key, not_before, not_after) = read().map_err(crypto("can't read a certificate"))?;
        Ok(Self {
            subject: subject(certificate),
            key,
            not_before,
            not_after,
            fingerprint: certificate_fingerprint(&encoded.der),
            thumbprint: encoded.thumbprint,
        })
    }
}

fn subject(certificate: &X509Ref) -> String {
    let part = |entry: &X509NameEntryRef| {
        let name = entry.object().nid().short_name().unwrap_or("?");
        let value = entry.data().to_string().unwrap_or_default();
        format!("{name}={value}")
    };
    certificate.subject_name().entries().map(part).collect::<Vec<_>>().join(", ")
}

pub(super) fn serial(certificate: &X509Ref) -> Option<SerialNumber> {
    let number = certificate.serial_number().to_bn().ok()?;
    if number.is_negative() { None } else { SerialNumber::from_bytes(&number.to_vec()) }
}

/// The common name, when there is exactly one.
pub(super) fn common_name(certificate: &X509Ref) -> Option<String> {
    let mut names = certificate.subject_name().entries_by_nid(Nid::COMMONNAME);
    let name = names.next()?.data().to_string().ok()?;
    names.next().is_none().then_some(name)
}

pub(super) fn timestamp(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(Timestamp((i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1000))
}

/// Whether it says of itself that it may issue (RFC 5280 4.2.1.9); `None` when it has no extensions at all, as none of
/// ours.
pub(super) fn is_authority(certificate: &X509Ref) -> Option<bool> {
    constraints(&certificate.to_der().ok()?)
}

fn constraints(der: &[u8]) -> Option<bool> {
    let body = elements(elements(only(der, Tag::Sequence)?)?.first()?.inside(Tag::Sequence)?)?;
    let extensions = body.iter().find_map(|part| part.inside(context(3)))?;
    for extension in elements(only(extensions, Tag::Sequence)?)? {
        let parts = elements(extension.inside(Tag::Sequence)?)?;
        if parts.first()?.inside(Tag::ObjectIdentifier)? == BASIC_CONSTRAINTS {
            let value = only(parts.last()?.inside(Tag::OctetString)?, Tag::Sequence)?;
            let first = elements(value)?.first().and_then(|first| first.inside(Tag::Boolean));
            return Some(first.is_some_and(|flag| flag != [0]));
        }
    }
    Some(false)
}

/// A certificate in DER with nothing behind it.
pub(super) fn parse(der: &[u8]) -> Option<X509> {
    only(der, Tag::Sequence)?;
    X509::from_der(der).ok()
}
