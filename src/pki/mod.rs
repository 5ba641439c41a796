//! Keys and certificates: the installation's authority, the server's certificate, TLS in both directions.
//!
//! Cryptography is OpenSSL's. Time is an argument. Nothing here decides whether a device may speak: a certificate says
//! which key, only the database says whether it still counts.

mod authorities;
mod authority;
mod ber;
mod certificate;
pub mod crl;
mod data_key;
mod der;
pub mod device;
pub mod envelope;
mod files;
pub mod guard;
mod identity;
mod import;
mod issue;
mod key;
pub mod outbound;
pub mod passphrase;
mod presented;
pub mod probe;
pub mod public;
pub mod renewal;
mod request;
mod sealer;
pub mod signature;
pub mod signer;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod token;
mod verify;

use std::path::PathBuf;

pub use authorities::{Authorities, AuthorityFiles, LiveAuthorities, TrustedAuthority};
pub use authority::{AuthorityId, AuthorityKey, CertificateAuthority, ServerNames};
pub use certificate::{Description, EncodedCertificate, IssuedCertificate, certificate_fingerprint};
pub use data_key::{DataKey, Purpose};
pub use files::{read_secret, write_public, write_secret};
pub use identity::ServerIdentity;
pub use import::ImportRefused;
pub use key::WeakKey;
pub use presented::Presented;
pub use request::{CertificateRequest, CsrRefused};
pub use sealer::Sealer;
pub use verify::{
    CertificateRefused, DeviceCertificate, verify_device_certificate, verify_device_certificate_with_grace,
};

/// What can go wrong with keys and certificates. No message holds any of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// OpenSSL refused.
    #[error("{doing}")]
    Crypto {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: openssl::error::ErrorStack,
    },
    /// A file could not be read or written.
    #[error("can't {doing} {}", path.display())]
    File {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret file that everybody on the machine can read or change.
    #[error("{} may be read by every user of this machine", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// A file holds something else than it should.
    #[error("{} does not hold {expected}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
    /// Certificate and key are not of one pair.
    #[error("the certificate in {} is for another key than the one in {}", certificate.display(), key.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// A certificate whose key can't open envelopes.
    #[error("the certificate has no RSA key, so that nothing can be enveloped for it")]
    NoRsa,
    /// DER could not be written.
    #[error("{doing}")]
    Encoding {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        source: ::der::Error,
    },
    /// A subject that could mean something else to somebody else.
    #[error(
        "no certificate is issued for a name that is not made of 1 to 64 letters, digits, dots, dashes and underscores"
    )]
    Subject,
    /// Never: the serial number is drawn by us.
    #[error("the certificate that was made has no usable serial number")]
    Serial,
    /// A certificate is not for the key that came with it.
    #[error("the certificate is not for this key")]
    NotItsKey,
    /// The authority, or one above it, has ended or has not begun.
    #[error("the certificate authority is not valid now")]
    NotValidNow,
    /// The authority's certificate does not let it sign revocation lists.
    #[error("the certificate of the authority does not allow it to sign revocation lists")]
    NoRevocation,
    /// There is no such authority beside the one that issues.
    #[error("there is no earlier authority {0}")]
    NoSuchAuthority(AuthorityId),
}

impl Error {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { path } => Some(format!("chmod 600 {}", path.display())),
            Self::NotValidNow => Some(
                "look at the clock, and at: transom ca show; a new authority is made with: transom ca rotate"
                    .to_owned(),
            ),
            Self::NoSuchAuthority(_) => Some("those that there are: transom ca show".to_owned()),
            _ => None,
        }
    }
}

/// Says what failed when DER can't be written.
fn encoding(doing: &'static str) -> impl Fn(::der::Error) -> Error {
    move |source| Error::Encoding { doing, source }
}

/// Says what failed when OpenSSL does.
fn crypto(doing: &'static str) -> impl Fn(openssl::error::ErrorStack) -> Error {
    move |source| Error::Crypto { doing, source }
}
