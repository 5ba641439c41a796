//! What a device asks a new certificate with: a PKCS#10 in a PKCS#7 that it signed with the old one (MS-MDE2 3.4,
//! MS-WSTEP 3.1.4.1.2; RFC 5652).
//!
//! In two steps, so that nothing of the message vouches for itself: [`open`] tells which certificate the signer claims,
//! the caller finds that one in the database, and [`RenewalRequest::verify_with`] holds the signature against it. The
//! certificates inside the message are believed in nothing.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use der::{Tag, asn1::ObjectIdentifier};
use openssl::{
    cms::{CMSOptions, CmsContentInfo},
    error::ErrorStack,
    stack::Stack,
    x509::{X509, X509Ref},
};

use super::{
    CertificateRequest, CsrRefused,
    certificate::{self, certificate_fingerprint},
    der::{Element, context, elements, extent, only},
};
use crate::model::{CertificateFingerprint, SerialNumber};

/// A request, a signature and a few certificates are less than 8 KiB.
const MAX_BYTES: usize = 64 * 1024;
/// The signer's and those above it.
const MAX_CERTIFICATES: usize = 8;

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const DATA: &str = "1.2.840.113549.1.7.1";

/// SHA-256, SHA-384, SHA-512. The policy that devices get names SHA-256.
const DIGESTS: &[&str] = &["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"];

/// RSA with the digest that is named beside it or with one of the three, and ECDSA with one of the three.
const SIGNATURES: &[&str] = &[
    "1.2.840.113549.1.1.1",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
];

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A renewal that nobody has vouched for yet.
#[derive(Debug, Clone)]
pub struct RenewalRequest {
    message: Vec<u8>,
    signer: Signer,
    fingerprint: Option<CertificateFingerprint>,
}

/// How the message names its signer (RFC 5652 5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
enum Signer {
    Serial { issuer: Vec<u8>, serial: SerialNumber },
    KeyId(Vec<u8>),
}

/// Why a renewal is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewalRefused {
    /// Longer than any.
    #[error("the renewal request has {0} bytes, more than any that a device makes")]
    TooLarge(usize),
    /// No PKCS#7 with signed data, or something behind it.
    #[error("the renewal request is no signed PKCS#7")]
    Malformed,
    /// None or several signed it.
    #[error("the renewal request has {0} signatures; exactly one is taken")]
    Signers(usize),
    /// Signed in a way that is not taken.
    #[error("the renewal request is signed with {0}, which is not taken")]
    Algorithm(String),
    /// The signature is not by the certificate that it was held against, or not over this content.
    #[error("the signature of the renewal request is not by the certificate that it names")]
    Signature,
    /// What was signed is no acceptable certificate request.
    #[error(transparent)]
    Request(#[from] CsrRefused),
}

/// Reads a message, as DER, BER or base64 of either. What it says of its signer is a claim.
pub fn open(bytes: &[u8]) -> Result<RenewalRequest, RenewalRefused> {
    if bytes.len() > MAX_BYTES {
        return Err(RenewalRefused::TooLarge(bytes.len()));
    }
    let message = binary(bytes).ok_or(RenewalRefused::Malformed)?;
    if extent(&message) != Some(message.len()) {
        return Err(RenewalRefused::Malformed);
    }
    // As OpenSSL understands it, and in DER: what is looked at here is what it verifies later.
    let canonical =
        CmsContentInfo::from_der(&message).and_then(|cms| cms.to_der()).map_err(|_| RenewalRefused::Malformed)?;
    let (signer, fingerprint) = inspect(&canonical)?;
    Ok(RenewalRequest { message, signer, fingerprint })
}

impl RenewalRequest {
    /// The serial number that the signer claims, when it names itself by one.
    pub const fn serial(&self) -> Option<&SerialNumber> {
        match &self.signer {
            Signer::Serial { serial, .. } => Some(serial),
            Signer::KeyId(_) => None,
        }
    }

    /// The certificate inside the message that the signer claims, when it is there.
    pub const fn fingerprint(&self) -> Option<CertificateFingerprint> {
        self.fingerprint
    }

    /// Verifies the signature with the certificate, in DER, that the database has for the signer, then reads and
    /// verifies the request. Whether that certificate still counts is not looked at here.
    pub fn verify_with(&self, certificate: &[u8]) -> Result<CertificateRequest, RenewalRefused> {
        let content = self.content(certificate);
        // What a refusal left behind is not for the next TLS connection of this thread.
        drop(ErrorStack::get());
        let content = content.ok_or(RenewalRefused::Signature)?;
        let request = binary(&content).ok_or(CsrRefused::Malformed)?;
        Ok(CertificateRequest::read(&request)?)
    }

    /// What was signed, if it was by this certificate.
    fn content(&self, certificate: &[u8]) -> Option<Vec<u8>> {
        let certificate = certificate::parse(certificate)?;
        if !self.signer.is(&certificate) {
            return None;
        }
        let mut signers = Stack::new().ok()?;
        signers.push(certificate).ok()?;
        // With none but this one. The signed attributes, when there are any, are compared with the content by OpenSSL.
        let options = CMSOptions::NOINTERN | CMSOptions::NO_SIGNER_CERT_VERIFY | CMSOptions::BINARY;
        let mut content = Vec::new();
        let mut cms = CmsContentInfo::from_der(&self.message).ok()?;
        cms.verify(Some(&*signers), None, None, Some(&mut content), options).ok()?;
        Some(content)
    }
}

impl Signer {
    fn is(&self, certificate: &X509Ref) -> bool {
        match self {
            Self::Serial { issuer, serial } => {
                certificate.issuer_name().to_der().is_ok_and(|name| name == *issuer)
                    && certificate::serial(certificate).is_some_and(|number| number == *serial)
            }
            Self::KeyId(id) => certificate.subject_key_id().is_some_and(|key| key.as_slice() == id.as_slice()),
        }
    }
}

/// Looks at what OpenSSL does not tell: who has signed, how many, and with what.
fn inspect(canonical: &[u8]) -> Result<(Signer, Option<CertificateFingerprint>), RenewalRefused> {
    let (certificates, signatures) = signed_data(canonical).ok_or(RenewalRefused::Malformed)?;
    let [signature] = signatures.as_slice() else { return Err(RenewalRefused::Signers(signatures.len())) };
    let (signer, digest, algorithm) = signer_info(signature).ok_or(RenewalRefused::Malformed)?;
    for (name, taken) in [(digest, DIGESTS), (algorithm, SIGNATURES)] {
        if !taken.contains(&name.as_str()) {
            return Err(RenewalRefused::Algorithm(name));
        }
    }
    let claimed = |certificate: &Element<'_>| X509::from_der(certificate.whole).is_ok_and(|parsed| signer.is(&parsed));
    let certificate = certificates.iter().take(MAX_CERTIFICATES).find(|certificate| claimed(certificate));
    let fingerprint = certificate.map(|certificate| certificate_fingerprint(certificate.whole));
    Ok((signer, fingerprint))
}

/// The certificates and the `SignerInfo`s of a `ContentInfo`.
fn signed_data(der: &[u8]) -> Option<(Vec<Element<'_>>, Vec<Element<'_>>)> {
    let outer = elements(only(der, Tag::Sequence)?)?;
    let [kind, content] = outer.as_slice() else { return None };
    if oid(kind)? != SIGNED_DATA {
        return None;
    }
    let parts = elements(only(content.inside(context(0))?, Tag::Sequence)?)?;
    let inner = elements(parts.get(2)?.inside(Tag::Sequence)?)?;
    let [kind, _content] = inner.as_slice() else { return None };
    if oid(kind)? != DATA {
        return None;
    }
    let optional = parts.get(3..parts.len().checked_sub(1)?)?;
    let certificates = optional.iter().find_map(|part| part.inside(context(0))).unwrap_or_default();
    Some((elements(certificates)?, elements(parts.last()?.inside(Tag::Set)?)?))
}

/// Who signed, with which digest and which algorithm.
fn signer_info(signature: &Element<'_>) -> Option<(Signer, String, String)> {
    let parts = elements(signature.inside(Tag::Sequence)?)?;
    let [_version, who, digest, rest @ ..] = parts.as_slice() else { return None };
    let algorithm = rest.iter().find(|part| part.tag == Tag::Sequence)?;
    let named = |algorithm: &Element<'_>| oid(elements(algorithm.inside(Tag::Sequence)?)?.first()?);
    Some((signer(who)?, named(digest)?, named(algorithm)?))
}

fn signer(who: &Element<'_>) -> Option<Signer> {
    if who.tag != Tag::Sequence {
        let is_key_id = matches!(who.tag, Tag::ContextSpecific { number, constructed: false } if number.value() == 0);
        return is_key_id.then(|| Signer::KeyId(who.value.to_vec()));
    }
    let parts = elements(who.value)?;
    let [issuer, serial] = parts.as_slice() else { return None };
    let serial = serial.inside(Tag::Integer).filter(|serial| serial.first().is_some_and(|first| *first < 0x80))?;
    Some(Signer::Serial { issuer: issuer.whole.to_vec(), serial: SerialNumber::from_bytes(serial)? })
}

fn oid(element: &Element<'_>) -> Option<String> {
    ObjectIdentifier::from_bytes(element.inside(Tag::ObjectIdentifier)?).ok().map(|oid| oid.to_string())
}

/// Windows sends some of these as they are and some in base64 once more.
fn binary(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() == Some(&0x30) && extent(bytes).is_some() {
        return Some(bytes.to_vec());
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(text).ok()
}
