//! The certificate of the device door that an ACME server issues, as the instances share it.

use std::collections::BTreeMap;

use transom_protocol::session::Timestamp;

/// How it stands, without the certificate and without any key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicCertificateState {
    /// Counts the certificates; 0 for none.
    pub number: i64,
    /// What the certificate was ordered for: a hash of directory, names and kind of key.
    pub wanted: Option<String>,
    /// When it begins.
    pub begins_at: Option<Timestamp>,
    /// When it ends.
    pub ends_at: Option<Timestamp>,
    /// What is to be shown to the ACME server for each name, while an order is under way.
    pub challenges: Challenges,
    /// An instance orders one, and has time until then.
    pub turn_until: Option<Timestamp>,
    /// How often in a row there was none.
    pub failures: u32,
    /// Not to be tried before.
    pub again_at: Option<Timestamp>,
    /// Why there was none.
    pub problem: Option<String>,
    /// Since when.
    pub problem_at: Option<Timestamp>,
}

/// SHA-256 of the key authorization of each name (RFC 8737, section 3). Nothing secret: everybody may see it in TLS.
pub type Challenges = BTreeMap<String, Vec<u8>>;

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedPublicCertificate {
    /// What it was ordered for.
    pub wanted: String,
    /// The chain as PEM, the server's own certificate first.
    pub chain: String,
    /// When it begins.
    pub begins_at: Timestamp,
    /// When it ends.
    pub ends_at: Timestamp,
}
