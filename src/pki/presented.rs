//! What the other side of a TLS connection showed, and proved to have the key of. It proves nothing else: whether the
//! certificate counts is asked of the database, with every message.

use openssl::x509::X509Ref;
use transom_protocol::session::Timestamp;

use super::{
    Authorities, CertificateRefused, DeviceCertificate, Error, certificate_fingerprint, crypto,
    verify_device_certificate,
};
use crate::model::CertificateFingerprint;

/// A client certificate, as it stood when the connection was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    der: Vec<u8>,
    fingerprint: CertificateFingerprint,
    verdict: Result<DeviceCertificate, CertificateRefused>,
}

impl Presented {
    /// The certificate of a connection that is made, or resumed, at `now`.
    pub fn of(certificate: &X509Ref, authorities: &Authorities, now: Timestamp) -> Result<Self, Error> {
        let der = certificate.to_der().map_err(crypto("can't read a client certificate"))?;
        let verdict = verify_device_certificate(authorities, &der, now);
        Ok(Self { fingerprint: certificate_fingerprint(&der), verdict, der })
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    pub const fn fingerprint(&self) -> CertificateFingerprint {
        self.fingerprint
    }

    /// Whether one of our authorities issued it to a device. That it still counts only the database knows.
    pub const fn verdict(&self) -> Result<&DeviceCertificate, &CertificateRefused> {
        self.verdict.as_ref()
    }
}
