//! SOAP as the enrollment services of Windows speak it (MS-MDE2 2.1, 2.2; WS-Addressing, WS-Security 1.0).
//!
//! An envelope is read into a small tree and taken apart by exact paths: what identifies somebody may stand in one place
//! only, and exactly once. Names count without prefix and namespace, order is free, identifiers may be padded, SOAP 1.1
//! and 1.2 are read alike. What is written is SOAP 1.2, one line, from values.
//!
//! The addressing header is never judged: clients send the same `MessageID` for years, so it is good for `RelatesTo` and
//! for nothing else. Nothing here verifies a credential or knows what the body means.

mod base64;
mod credential;
mod element;
mod envelope;
mod fault;
pub(crate) mod names;
mod refused;
mod reply;
mod security;
mod signature;

use crate::xml::Limits;

pub(crate) use base64::decode as base64;
pub(crate) use element::Element;
pub(crate) use envelope::{Envelope, read};
pub(crate) use reply::{envelope, iso8601, nil};

pub use credential::{Credential, SecretText, SignedEnvelope};
pub use fault::{Fault, FaultKind, write_fault};
pub use refused::{Refused, Why};
pub use reply::{Operation, Reply};
pub(crate) use signature::signature;
pub use signature::{EnvelopeSignature, SignatureRefused, read_signature};

/// `Content-Type` of every reply, and of what clients send.
pub const CONTENT_TYPE: &str = "application/soap+xml; charset=utf-8";

/// Bounds for the readers of enrollment. Real requests have about sixty elements and less than twenty kilobytes; an
/// attestation makes them larger.
pub const LIMITS: Limits = Limits { bytes: 256 * 1024, depth: 32, elements: 4_000, attributes: 32 };

/// What a client asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked<T> {
    /// `MessageID`, for `RelatesTo`. Clients send a constant: it is no key for anything.
    pub message_id: Option<String>,
    /// `To`: where the client believes to speak.
    pub to: Option<String>,
    /// What the client presents, unverified.
    pub credential: Credential,
    /// What it asks.
    pub body: T,
}
