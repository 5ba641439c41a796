//! What the other side of a TLS connection showed, and proved to have the key of. It proves nothing else: whether the
//! certificate counts is asked of the database, with every message.

use openssl::{
    hash::MessageDigest,
    x509::{X509, X509Ref},
};

use super::{CertificateAuthority, Error, crypto};
use crate::model::CertificateFingerprint;

/// A client certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    der: Vec<u8>,
    fingerprint: CertificateFingerprint,
    ours: bool,
}

/// The authorities whose certificates devices may show.
#[derive(Debug, Clone, Default)]
pub struct DeviceAuthorities(Vec<X509>);

impl DeviceAuthorities {
    /// This one alone.
    pub fn of(authority: &CertificateAuthority) -> Self {
        Self(vec![authority.certificate().clone()])
    }

    /// Their certificates.
    pub fn certificates(&self) -> &[X509] {
        &self.0
    }

    fn issued(&self, certificate: &X509Ref) -> bool {
        self.0.iter().any(|authority| {
            let key = authority.public_key();
            key.and_then(|key| certificate.verify(&key)).unwrap_or(false)
        })
    }
}

impl Presented {
    /// The certificate of a connection.
    pub fn of(certificate: &X509Ref, authorities: &DeviceAuthorities) -> Result<Self, Error> {
        let read = || {
            let digest = certificate.digest(MessageDigest::sha256())?;
            let mut fingerprint = [0; 32];
            fingerprint.copy_from_slice(&digest);
            Ok(Self {
                der: certificate.to_der()?,
                fingerprint: CertificateFingerprint::new(fingerprint),
                ours: authorities.issued(certificate),
            })
        };
        read().map_err(crypto("can't read a client certificate"))
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    pub const fn fingerprint(&self) -> CertificateFingerprint {
        self.fingerprint
    }

    /// Whether one of our authorities issued it. That it still counts only the database knows.
    pub const fn is_ours(&self) -> bool {
        self.ours
    }
}

impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Presented({})", self.fingerprint)
    }
}
