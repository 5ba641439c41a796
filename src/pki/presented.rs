//! What the other side of a TLS connection showed, and proved to have the key of. It proves nothing else: whether the
//! certificate counts is asked of the database, with every message.

use std::net::IpAddr;

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
    passed_on_by: Option<IpAddr>,
}

impl Presented {
    /// The certificate of a connection that is made, or resumed, at `now`.
    pub fn of(certificate: &X509Ref, authorities: &Authorities, now: Timestamp) -> Result<Self, Error> {
        let der = certificate.to_der().map_err(crypto("can't read a client certificate"))?;
        let verdict = verify_device_certificate(authorities, &der, now);
        Ok(Self { fingerprint: certificate_fingerprint(&der), verdict, der, passed_on_by: None })
    }

    /// The certificate, in DER, that a client showed to a proxy, which is believed that it proved to have the key.
    pub fn passed_on(der: Vec<u8>, authorities: &Authorities, by: IpAddr, now: Timestamp) -> Self {
        let verdict = verify_device_certificate(authorities, &der, now);
        Self { fingerprint: certificate_fingerprint(&der), verdict, der, passed_on_by: Some(by) }
    }

    /// The certificate, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    pub const fn fingerprint(&self) -> CertificateFingerprint {
        self.fingerprint
    }

    /// The proxy that passed it on; nothing where it was shown to us.
    pub const fn passed_on_by(&self) -> Option<IpAddr> {
        self.passed_on_by
    }

    /// Whether one of our authorities issued it to a device. That it still counts only the database knows.
    pub const fn verdict(&self) -> Result<&DeviceCertificate, &CertificateRefused> {
        self.verdict.as_ref()
    }
}
