//! What a device asks a certificate with: PKCS#10 (RFC 2986), as Windows writes it (MS-WSTEP 3.1.4.1.3.3).
//!
//! Only the key is taken from it, and only when its signature proves that whoever sent it has the private half. The
//! subject and every extension that it asks for are ignored: what a certificate says is decided by the server.

use der::{Tag, asn1::ObjectIdentifier};
use openssl::{
    error::ErrorStack,
    pkey::{PKey, PKeyRef, Public},
    x509::X509Req,
};

use super::{
    der::{elements, only},
    key::{self, WeakKey},
};
use crate::model::KeyFingerprint;

/// Requests of Windows have less than 1 KiB.
pub(super) const MAX_BYTES: usize = 16 * 1024;

/// How a request may be signed. SHA-1, under both of its names, is what Windows 10 uses when the policy names no hash:
/// here it proves no more than possession, and nothing that it signs goes into a certificate but the key.
const SIGNATURES: &[&str] = &[
    "1.2.840.113549.1.1.5",
    "1.3.14.3.2.29",
    "1.2.840.113549.1.1.10",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
];

/// A request whose signature was verified, for a key that is good enough.
#[derive(Clone)]
pub struct CertificateRequest {
    key: PKey<Public>,
    fingerprint: KeyFingerprint,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrRefused {
    /// Longer than any.
    #[error("the certificate request has {0} bytes, more than any that a device makes")]
    TooLarge(usize),
    /// No PKCS#10, or something behind it.
    #[error("the certificate request is no PKCS#10")]
    Malformed,
    /// Signed in a way that is not taken.
    #[error("the certificate request is signed with {0}, which is not taken")]
    Algorithm(String),
    /// A key that protects nothing.
    #[error("the key in the certificate request is refused: {0}")]
    Key(#[from] WeakKey),
    /// Not signed with the key that it holds.
    #[error("the signature of the certificate request does not fit its key")]
    Signature,
}

impl CertificateRequest {
    /// Reads and verifies a request in DER.
    pub fn read(der: &[u8]) -> Result<Self, CsrRefused> {
        if der.len() > MAX_BYTES {
            return Err(CsrRefused::TooLarge(der.len()));
        }
        let algorithm = algorithm(der).ok_or(CsrRefused::Malformed)?;
        if !SIGNATURES.contains(&algorithm.as_str()) {
            return Err(CsrRefused::Algorithm(algorithm));
        }
        let request = X509Req::from_der(der).map_err(|_| CsrRefused::Malformed)?;
        let key = key::strong(&*request.public_key().map_err(|_| WeakKey::Unreadable)?)?;
        if !request.verify(&key).unwrap_or_default() {
            // OpenSSL leaves what it found, and the next TLS connection of this thread would take it for its own.
            drop(ErrorStack::get());
            return Err(CsrRefused::Signature);
        }
        let fingerprint = key::fingerprint(&key).map_err(|_| WeakKey::Unreadable)?;
        Ok(Self { key, fingerprint })
    }

    /// What tells its key from others.
    pub const fn key(&self) -> KeyFingerprint {
        self.fingerprint
    }

    pub(super) fn public_key(&self) -> &PKeyRef<Public> {
        &self.key
    }
}

/// The signature algorithm that a request names, with numbers and dots.
fn algorithm(der: &[u8]) -> Option<String> {
    let parts = elements(only(der, Tag::Sequence)?)?;
    let [info, algorithm, signature] = parts.as_slice() else { return None };
    info.inside(Tag::Sequence)?;
    signature.inside(Tag::BitString)?;
    let oid = elements(algorithm.inside(Tag::Sequence)?)?.first()?.inside(Tag::ObjectIdentifier)?;
    ObjectIdentifier::from_bytes(oid).ok().map(|oid| oid.to_string())
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificateRequest({})", self.fingerprint)
    }
}
