//! Messages that are signed and enveloped (`DMClient/Provider/…/EnhancedAppLayerSecurity`): how it is wanted, and what it
//! is made with.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use utoipa::ToSchema;

use super::{CertificateFingerprint, Secret};

/// Whether messages of a device are signed and enveloped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enveloping {
    /// An enveloped message is refused, unless the device still has to be told to stop.
    Off,
    /// One that comes is opened; none need come.
    #[default]
    Accept,
    /// One has to come, once the device has said that it envelopes.
    Require,
}

/// What the content of an envelope is encrypted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum EnvelopeCipher {
    /// AES with 128 bits.
    #[serde(rename = "aes-128-cbc")]
    Aes128Cbc,
    /// AES with 192 bits.
    #[serde(rename = "aes-192-cbc")]
    Aes192Cbc,
    /// AES with 256 bits.
    #[default]
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
    /// Triple DES, for a device that knows nothing else.
    #[serde(rename = "des-ede3-cbc")]
    TripleDesCbc,
}

/// How the key of an envelope's content reaches an RSA key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum KeyTransport {
    /// RSA PKCS#1 v1.5, which RFC 2315 knows.
    #[default]
    #[serde(rename = "rsa-pkcs1")]
    RsaPkcs1,
    /// RSA OAEP with SHA-256.
    #[serde(rename = "rsa-oaep")]
    RsaOaep,
}

impl Enveloping {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Off, Self::Accept, Self::Require];

    /// The word in JSON, in settings and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Accept => "accept",
            Self::Require => "require",
        }
    }
}

impl std::str::FromStr for Enveloping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|enveloping| enveloping.as_str() == text.trim());
        found.ok_or("write off, accept or require")
    }
}

impl EnvelopeCipher {
    /// The word in JSON and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aes128Cbc => "aes-128-cbc",
            Self::Aes192Cbc => "aes-192-cbc",
            Self::Aes256Cbc => "aes-256-cbc",
            Self::TripleDesCbc => "des-ede3-cbc",
        }
    }
}

impl KeyTransport {
    /// The word in JSON and in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RsaPkcs1 => "rsa-pkcs1",
            Self::RsaOaep => "rsa-oaep",
        }
    }
}

/// A key of this server that opens envelopes, with its certificate.
#[derive(Debug, Clone)]
pub struct EnvelopeKeyRecord {
    /// What tells its certificate from all others.
    pub id: CertificateFingerprint,
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// The key, in PKCS #8.
    pub key: Secret<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its certificate ends.
    pub not_after: Timestamp,
}

/// How many devices were told a key, and how many use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeKeyUse {
    /// What tells its certificate from all others.
    pub id: CertificateFingerprint,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its certificate ends.
    pub not_after: Timestamp,
    /// Enrollments whose last envelope was for it.
    pub used_by: i64,
}
