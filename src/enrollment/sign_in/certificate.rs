//! Sign-in with a certificate from a provisioning package (MS-MDE2 3.3), for many devices at once.
//!
//! The device signs its whole envelope with the key of the certificate. Which certificates count is configured: by who
//! issued them, or one by one. Nothing of the certificate but its names is taken over.

use std::path::Path;

use transom_protocol::{
    session::Timestamp,
    soap::{EnvelopeSignature, LIMITS, SignatureRefused, SignedEnvelope, read_signature},
};

use super::{Denied, SetupError, outbound, setup};
use crate::{
    config::{self, DataFolder},
    pki::signer::{Signer, SignerRefused, TrustedSigners},
};

/// How far the device's clock and ours may be apart, in milliseconds.
const SKEW: i64 = 5 * 60_000;

/// How long a signed envelope counts at most, whatever it says itself, in milliseconds.
const LONGEST: i64 = 60 * 60_000;

/// Which certificates enroll devices.
pub(super) struct Certificates(TrustedSigners);

/// Somebody, or a package, with a certificate that may enroll devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateUser {
    /// The name in the certificate: its first e-mail address, or its common name.
    pub name: String,
    /// The certificate, by the SHA-256 of its DER in hex.
    pub thumbprint: String,
}

/// Why an envelope that is signed with a certificate does not count.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateDenied {
    /// The envelope is not signed as it has to be.
    #[error(transparent)]
    Signature(#[from] SignatureRefused),
    /// The certificate is none of those that count, or did not sign.
    #[error(transparent)]
    Signer(#[from] SignerRefused),
    /// The envelope was signed for another time.
    #[error("the envelope was signed for another time than now")]
    Time,
}

impl Certificates {
    pub(super) fn new(settings: &config::CertificateSignIn, folder: &DataFolder) -> Result<Self, SetupError> {
        let wrong = |path: &Path| SetupError::Content { path: path.to_owned(), expected: "certificates in PEM" };
        let issuers = match setup::file(folder, &settings.issuers) {
            Some(path) => TrustedSigners::issuers(&outbound::read(&path)?).ok_or_else(|| wrong(&path))?,
            None => Vec::new(),
        };
        let signers = TrustedSigners::new(issuers, &settings.thumbprints);
        signers.map(Self).ok_or(SetupError::Setting {
            key: "certificate_sign_in.thumbprints",
            message: "must be SHA-1 or SHA-256 thumbprints in hex",
        })
    }

    /// Who signed an envelope. Takes a while: not for a thread that others wait for.
    pub(super) fn verify(&self, envelope: &SignedEnvelope, now: Timestamp) -> Result<CertificateUser, Denied> {
        self.judge(envelope, now).map_err(Denied::Certificate)
    }

    fn judge(&self, envelope: &SignedEnvelope, now: Timestamp) -> Result<CertificateUser, CertificateDenied> {
        let EnvelopeSignature { certificate, signed, signature, created, expires } =
            read_signature(envelope.envelope.expose(), &LIMITS)?;
        // The reader of the request and this one have to mean the same.
        if certificate != envelope.certificate {
            return Err(SignatureRefused::Place.into());
        }
        let Signer { name, thumbprint } = self.0.verify(&certificate, &signed, &signature, now)?;
        in_time(&created, &expires, now)?;
        Ok(CertificateUser { name, thumbprint })
    }
}

fn in_time(created: &str, expires: &str, now: Timestamp) -> Result<(), CertificateDenied> {
    let time = |text: &str| {
        let time: Result<jiff::Timestamp, _> = text.parse();
        time.map(jiff::Timestamp::as_millisecond).map_err(|_| CertificateDenied::Time)
    };
    let (created, expires) = (time(created)?, time(expires)?);
    let ends = expires.min(created.saturating_add(LONGEST));
    let fits = created.saturating_sub(SKEW) <= now.0 && now.0 < ends.saturating_add(SKEW);
    if fits { Ok(()) } else { Err(CertificateDenied::Time) }
}

impl CertificateDenied {
    /// The word for it in the journal and in counters.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Signature(_) => "envelope_signature",
            Self::Signer(refused) => refused.word(),
            Self::Time => "envelope_time",
        }
    }
}

#[cfg(test)]
mod tests;
