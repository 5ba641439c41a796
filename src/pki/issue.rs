//! Certificates for devices, from a template of our own (MS-WSTEP 3.1.4.1.3; RFC 5280).

use std::time::Duration;

use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    pkey::Id,
    x509::{
        X509,
        extension::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier},
    },
};
use transom_protocol::session::Timestamp;

use super::{
    CertificateAuthority, CertificateRequest, EncodedCertificate, Error, IssuedCertificate,
    authority::{Life, common_name, start},
    certificate::{self, certificate_fingerprint, timestamp},
    crypto,
};

/// For clocks of devices that are behind. Not more: Windows reckons the time of renewal from the whole life.
const BACKDATE: i64 = 5 * 60;

const CANT_ISSUE: &str = "can't issue a device certificate";

impl CertificateAuthority {
    /// A certificate for the key of a request and the name that the server knows the device by. It ends after `lifetime`,
    /// or with the authority.
    pub fn issue_device(
        &self,
        request: &CertificateRequest,
        subject: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<IssuedCertificate, Error> {
        if !is_plain(subject) {
            return Err(Error::Subject);
        }
        let life = self.life(lifetime, now)?;
        let certificate = self.device(request, subject, life).map_err(crypto(CANT_ISSUE))?;
        let encoded = EncodedCertificate::of(&certificate)?;
        Ok(IssuedCertificate {
            serial: certificate::serial(&certificate).ok_or(Error::Serial)?,
            fingerprint: certificate_fingerprint(&encoded.der),
            key: request.key(),
            not_before: Timestamp(life.from * 1000),
            not_after: Timestamp(life.to * 1000),
            encoded,
        })
    }

    /// Within the life of everything above.
    pub(super) fn life(&self, lifetime: Duration, now: Timestamp) -> Result<Life, Error> {
        let seconds = now.0.div_euclid(1000);
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        let mut life = Life { from: seconds - BACKDATE, to: seconds.saturating_add(lifetime) };
        for certificate in self.chain() {
            let at = |time| timestamp(time).map_err(crypto("can't read a certificate"));
            life.from = life.from.max(at(certificate.not_before())?.0 / 1000);
            life.to = life.to.min(at(certificate.not_after())?.0 / 1000);
        }
        if life.from <= seconds && seconds < life.to { Ok(life) } else { Err(Error::NotValidNow) }
    }

    fn device(&self, request: &CertificateRequest, subject: &str, life: Life) -> Result<X509, ErrorStack> {
        let key = request.public_key();
        let mut builder = start(&common_name(subject)?, key, life)?;
        builder.set_issuer_name(self.certificate().subject_name())?;
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
        let mut usage = KeyUsage::new();
        usage.critical().digital_signature();
        if key.id() == Id::RSA {
            usage.key_encipherment();
        }
        builder.append_extension(usage.build()?)?;
        builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?;
        let identifiers = {
            let context = builder.x509v3_context(Some(self.certificate()), None);
            [SubjectKeyIdentifier::new().build(&context)?, AuthorityKeyIdentifier::new().keyid(true).build(&context)?]
        };
        identifiers.into_iter().try_for_each(|extension| builder.append_extension(extension))?;
        builder.sign(self.key(), MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

/// Letters, digits, dots, dashes and underscores: the same in a certificate, in a search by subject
/// (`SSLCLIENTCERTSEARCHCRITERIA`) and on a screen.
fn is_plain(subject: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=64).contains(&subject.len()) && subject.bytes().all(plain)
}
