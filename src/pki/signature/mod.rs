//! The signature of a message in the header `MS-Signature` (MS-MDM 2.1 note 4; MS-MDE2 names it `MDM-Signature`): base64
//! of CMS signed data (RFC 5652), detached, over the exact bytes of the body.
//!
//! The signer is the one certificate that the caller brings from the database. The certificates inside the signature are
//! believed in nothing: they only help to say why one is refused.
//!
//! The same judges what is signed inside an [envelope](super::envelope), where the message is in the signed data.

mod algorithm;
mod attributes;
mod refused;
#[cfg(test)]
mod tests;
mod write;

pub(super) use write::sign_attached;

use std::time::Duration;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use cms::{
    cert::CertificateChoices,
    content_info::ContentInfo,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{
    Decode as _, Encode as _,
    asn1::{ObjectIdentifier, OctetString},
};
use openssl::{error::ErrorStack, hash::hash, memcmp, x509::X509};
use serde::Serialize;
use transom_protocol::session::Timestamp;
use x509_cert::{
    Certificate,
    certificate::TbsCertificate,
    ext::pkix::{BasicConstraints, SubjectKeyIdentifier},
};

use self::attributes::Attributes;
pub use self::{
    algorithm::{Digest, Scheme},
    refused::SignatureRefused,
};
use super::ber;
use crate::model::rfc3339;

/// A signature with a certificate is 2 to 4 KiB of base64; with a chain of four, 10.
const MAX_HEADER: usize = 32 * 1024;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How far the time of a signature may be from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How old a signature may be.
    pub past: Duration,
    /// How far the clock of a device may be ahead.
    pub future: Duration,
}

/// A signature that nobody has vouched for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSignature {
    signer: SignerInfo,
    certificates: Vec<Certificate>,
}

/// What is known of a message whose signature is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// When the device says that it signed it.
    #[serde(serialize_with = "rfc3339")]
    pub signing_time: Timestamp,
    /// The digest.
    pub digest: Digest,
    /// How that was signed.
    pub scheme: Scheme,
}

/// Verifies the value of a signature header over a body with the certificate, in DER, of the enrollment.
pub fn verify(
    header: &[u8],
    body: &[u8],
    enrolled: &[u8],
    now: Timestamp,
    window: &Window,
) -> Result<Signed, SignatureRefused> {
    MessageSignature::read(header)?.verify(body, enrolled, now, window)
}

impl Default for Window {
    /// A day in both directions: the time of a signature is never the only proof that a message is new.
    fn default() -> Self {
        Self { past: Duration::from_hours(24), future: Duration::from_hours(24) }
    }
}

impl MessageSignature {
    /// Reads the value of a header. What it says is a claim.
    pub fn read(header: &[u8]) -> Result<Self, SignatureRefused> {
        if header.len() > MAX_HEADER {
            return Err(SignatureRefused::TooLarge(header.len()));
        }
        let text: Vec<u8> = header.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if text.is_empty() {
            return Err(SignatureRefused::Blank);
        }
        let message = BASE64.decode(text).map_err(|_| SignatureRefused::NotBase64)?;
        match Self::parse(&message)? {
            (signature, None) => Ok(signature),
            (_, Some(_)) => Err(SignatureRefused::Attached),
        }
    }

    /// Reads signed data, in BER or DER, that brings what it signs.
    pub fn read_attached(message: &[u8]) -> Result<(Self, Vec<u8>), SignatureRefused> {
        match Self::parse(message)? {
            (signature, Some(content)) => Ok((signature, content)),
            (_, None) => Err(SignatureRefused::Detached),
        }
    }

    /// The signature, and what is signed where that comes along.
    fn parse(message: &[u8]) -> Result<(Self, Option<Vec<u8>>), SignatureRefused> {
        let message = ber::to_der(message)?;
        let malformed = |_| SignatureRefused::Malformed;
        let info = ContentInfo::from_der(&message).map_err(malformed)?;
        if info.content_type != SIGNED_DATA {
            return Err(SignatureRefused::NotSignedData(info.content_type.to_string()));
        }
        let data: SignedData = info.content.decode_as().map_err(malformed)?;
        let content = match data.encap_content_info.econtent {
            None => None,
            Some(content) => Some(content.decode_as::<OctetString>().map_err(malformed)?.into_bytes().to_vec()),
        };
        if data.encap_content_info.econtent_type != DATA {
            return Err(SignatureRefused::ContentType);
        }
        let mut signers = data.signer_infos.0.into_vec();
        let count = signers.len();
        let (Some(signer), true) = (signers.pop(), count == 1) else { return Err(SignatureRefused::Signers(count)) };
        let certificates = data.certificates.map(|set| set.0.into_vec()).unwrap_or_default();
        let certificates = certificates.into_iter().filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        });
        Ok((Self { signer, certificates: certificates.collect() }, content))
    }

    /// Whether the signer names itself by this certificate, in DER.
    pub fn names(&self, certificate: &[u8]) -> bool {
        Certificate::from_der(certificate).is_ok_and(|certificate| self.signer.sid.names(&certificate))
    }

    /// Verifies it over a body with the certificate, in DER, of the enrollment. Whether that certificate still counts is
    /// the database's to say.
    pub fn verify(
        &self,
        body: &[u8],
        enrolled: &[u8],
        now: Timestamp,
        window: &Window,
    ) -> Result<Signed, SignatureRefused> {
        let certificate = Certificate::from_der(enrolled).map_err(|_| SignatureRefused::Certificate)?;
        self.is_by(&certificate, enrolled)?;
        let digest = Digest::named(&self.signer.digest_alg)?;
        let scheme = Scheme::named(&self.signer.signature_algorithm, digest)?;
        let attributes = self.signer.signed_attrs.as_ref().ok_or(SignatureRefused::NoAttributes)?;
        let signed = Attributes::read(attributes)?;
        if signed.content_type != DATA {
            return Err(SignatureRefused::ContentType);
        }
        let wrong = |error: ErrorStack| {
            drop(error);
            SignatureRefused::Certificate
        };
        let made = hash(digest.openssl(), body).map_err(wrong)?;
        if made.len() != signed.message_digest.len() || !memcmp::eq(&made, &signed.message_digest) {
            return Err(SignatureRefused::OtherBody);
        }
        // Over the attributes as a SET in DER, whatever their tag and order in the message are (RFC 5652 5.4).
        let attributes = attributes.to_der().map_err(|_| SignatureRefused::Malformed)?;
        let key = X509::from_der(enrolled).and_then(|certificate| certificate.public_key()).map_err(wrong)?;
        scheme.verify(&key, digest, &attributes, self.signer.signature.as_bytes())?;
        in_time(signed.signing_time, now, window)?;
        Ok(Signed { signing_time: signed.signing_time, digest, scheme })
    }

    /// Whether the signer is the enrollment's certificate, and if not, who else.
    fn is_by(&self, enrolled: &Certificate, der: &[u8]) -> Result<(), SignatureRefused> {
        let mut claimed = self.certificates.iter().filter(|certificate| self.signer.sid.names(certificate));
        if self.signer.sid.names(enrolled) {
            let is_same = |certificate: &Certificate| certificate.to_der().is_ok_and(|bytes| bytes == der);
            return if claimed.all(is_same) { Ok(()) } else { Err(SignatureRefused::Lookalike) };
        }
        let other = claimed.next().map(Certificate::tbs_certificate);
        let ours = enrolled.tbs_certificate();
        let issuer = match &self.signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(named) => Some(&named.issuer),
            SignerIdentifier::SubjectKeyIdentifier(_) => other.map(TbsCertificate::issuer),
        };
        let is_authority = other.is_some_and(
            |other| matches!(other.get_extension::<BasicConstraints>(), Ok(Some((_, constraints))) if constraints.ca),
        );
        Err(if is_authority {
            SignatureRefused::Authority
        } else if other.is_some_and(|other| other.subject() == ours.subject()) {
            SignatureRefused::SameSubject
        } else if issuer.is_some_and(|issuer| issuer == ours.issuer()) {
            SignatureRefused::OtherDevice
        } else {
            SignatureRefused::Foreign
        })
    }
}

/// How a signer is named (RFC 5652 5.3).
trait Names {
    fn names(&self, certificate: &Certificate) -> bool;
}

impl Names for SignerIdentifier {
    fn names(&self, certificate: &Certificate) -> bool {
        let certificate = certificate.tbs_certificate();
        match self {
            Self::IssuerAndSerialNumber(named) => {
                named.issuer == *certificate.issuer() && named.serial_number == *certificate.serial_number()
            }
            Self::SubjectKeyIdentifier(named) => {
                matches!(certificate.get_extension::<SubjectKeyIdentifier>(), Ok(Some((_, id))) if id == *named)
            }
        }
    }
}

fn in_time(signed_at: Timestamp, now: Timestamp, window: &Window) -> Result<(), SignatureRefused> {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let age = now.millis_since(signed_at);
    if age > millis(window.past) {
        return Err(SignatureRefused::Old(signed_at));
    }
    if age < -millis(window.future) {
        return Err(SignatureRefused::Ahead(signed_at));
    }
    Ok(())
}
