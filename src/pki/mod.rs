//! Keys and certificates: the installation's authority, the server's certificate, TLS in both directions.
//!
//! Cryptography is OpenSSL's. Time is an argument. Nothing here decides whether a device may speak: a certificate says
//! which key, only the database says whether it still counts.

mod authority;
mod data_key;
mod files;
mod identity;
pub mod outbound;
mod presented;
pub mod tls;

use std::path::PathBuf;

pub use authority::{CertificateAuthority, ServerNames};
pub use data_key::{DataKey, Purpose};
pub use files::{read_secret, write_public, write_secret};
pub use identity::ServerIdentity;
pub use presented::{DeviceAuthorities, Presented};

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
}

impl Error {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { path } => Some(format!("chmod 600 {}", path.display())),
            _ => None,
        }
    }
}

/// Says what failed when OpenSSL does.
fn crypto(doing: &'static str) -> impl Fn(openssl::error::ErrorStack) -> Error {
    move |source| Error::Crypto { doing, source }
}
