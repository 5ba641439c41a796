//! A key that opens envelopes and signs what goes into others, with its certificate: the server's, or a device's.

use std::time::Duration;

use der::Decode as _;
use openssl::{
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{Id, PKey, PKeyRef, Private},
    rsa::Rsa,
    x509::{
        X509,
        extension::{AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier},
    },
};
use transom_protocol::session::Timestamp;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use crate::pki::{
    CertificateAuthority, EncodedCertificate, Error,
    authority::{common_name, start},
    certificate::timestamp,
    crypto,
    device::DeviceKeyPair,
    encoding,
};

const CANT_READ: &str = "can't read a key for envelopes";
const CANT_ISSUE: &str = "can't issue a certificate for envelopes";

/// An RSA key with its certificate.
#[derive(Clone)]
pub struct EnvelopeKey {
    key: PKey<Private>,
    certificate: Vec<u8>,
    parsed: Certificate,
}

impl EnvelopeKey {
    /// From PKCS#8 and a certificate, both in DER.
    pub fn from_der(key: &[u8], certificate: &[u8]) -> Result<Self, Error> {
        Self::new(PKey::private_key_from_pkcs8(key).map_err(crypto(CANT_READ))?, certificate)
    }

    /// A device's.
    pub fn of_device(key: &DeviceKeyPair, certificate: &[u8]) -> Result<Self, Error> {
        Self::new(key.0.clone(), certificate)
    }

    fn new(key: PKey<Private>, certificate: &[u8]) -> Result<Self, Error> {
        let parsed = Certificate::from_der(certificate).map_err(encoding(CANT_READ))?;
        Ok(Self { key, certificate: certificate.to_vec(), parsed })
    }

    /// The certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// PKCS#8 in DER, in clear.
    pub fn key_der(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.key.private_key_to_pkcs8().map(Zeroizing::new).map_err(crypto("can't write a key for envelopes"))
    }

    /// When the certificate ends.
    pub fn not_after(&self) -> Result<Timestamp, Error> {
        let end = X509::from_der(&self.certificate).and_then(|certificate| timestamp(certificate.not_after()));
        end.map_err(crypto(CANT_READ))
    }

    pub(in crate::pki) fn key(&self) -> &PKeyRef<Private> {
        &self.key
    }

    pub(super) const fn parsed(&self) -> &Certificate {
        &self.parsed
    }
}

impl std::fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnvelopeKey({})", self.parsed.tbs_certificate().serial_number())
    }
}

/// Whether a reply can be enveloped for a certificate: it has to have an RSA key.
pub fn can_be_sealed_for(certificate: &[u8]) -> bool {
    let key = X509::from_der(certificate).and_then(|certificate| certificate.public_key());
    let is_rsa = key.is_ok_and(|key| key.id() == Id::RSA);
    drop(ErrorStack::get());
    is_rsa
}

impl CertificateAuthority {
    /// A new key with a certificate that decrypts and signs messages and does nothing else: it opens no TLS connection, in
    /// neither direction. RSA, because every Windows can envelope for that.
    pub fn issue_for_envelopes(&self, name: &str, lifetime: Duration, now: Timestamp) -> Result<EnvelopeKey, Error> {
        let life = self.life(lifetime, now)?;
        let issue = || {
            let key = PKey::from_rsa(Rsa::generate(2048)?)?;
            let mut builder = start(&common_name(name)?, &key, life)?;
            builder.set_issuer_name(self.certificate().subject_name())?;
            builder.append_extension(BasicConstraints::new().critical().build()?)?;
            builder.append_extension(KeyUsage::new().critical().digital_signature().key_encipherment().build()?)?;
            builder.append_extension(ExtendedKeyUsage::new().email_protection().build()?)?;
            let identifiers = {
                let context = builder.x509v3_context(Some(self.certificate()), None);
                [
                    SubjectKeyIdentifier::new().build(&context)?,
                    AuthorityKeyIdentifier::new().keyid(true).build(&context)?,
                ]
            };
            identifiers.into_iter().try_for_each(|extension| builder.append_extension(extension))?;
            builder.sign(self.key(), MessageDigest::sha256())?;
            Ok((key, builder.build()))
        };
        let (key, certificate) = issue().map_err(crypto(CANT_ISSUE))?;
        EnvelopeKey::new(key, &EncodedCertificate::of(&certificate)?.der)
    }
}
