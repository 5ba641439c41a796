//! What the device door hands in, and what it gets back.

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde::Serialize;
use transom_protocol::{session::Timestamp, syncml::codec::Encoding, xml::Refusal};

use super::tokens::TokenHeaders;
use crate::pki::{Authorities, Presented};

/// A message of a device as it came through the door: bytes that nobody has looked into yet.
#[derive(Debug, Clone)]
pub struct DeviceRequest {
    /// How the body says that it is written.
    pub encoding: Encoding,
    /// The body, whole and within the limit of the door.
    pub body: Vec<u8>,
    /// What else the device said.
    pub headers: RequestHeaders,
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// The certificate that it showed in the TLS handshake.
    pub certificate: Option<Arc<Presented>>,
    /// What its signature header says, where it has one.
    pub signature: Option<SignatureHeader>,
    /// What its headers show of its user and of itself.
    pub tokens: TokenHeaders,
    /// The authorities that are trusted now, where it brings a certificate or a signature: the certificate was judged
    /// when the connection was made.
    pub authorities: Option<Arc<Authorities>>,
    /// A word for what it says in the name of a proxy and is not believed.
    pub lie: Option<&'static str>,
    /// When it came.
    pub received_at: Timestamp,
}

/// `MS-Signature` or `MDM-Signature` (MS-MDM 2.1 note 4).
#[derive(Debug, Clone)]
pub struct SignatureHeader {
    /// The value of the one header; `None` where there are several.
    pub value: Option<Vec<u8>>,
}

/// Headers and query of a request (MS-MDM 2.1): claims of the device, of bounded length, control characters escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RequestHeaders {
    /// Our id of the request, as its reply, the log and events have it.
    #[serde(rename = "X-Request-Id", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// `MS-CV`: correlation vector.
    #[serde(rename = "MS-CV", skip_serializing_if = "Option::is_none")]
    pub ms_cv: Option<String>,
    /// `client-request-id`: the `EntDMID`, or `0`.
    #[serde(rename = "client-request-id", skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// `MDM-GenericAlert`: types of the alerts that started the session.
    #[serde(rename = "MDM-GenericAlert", skip_serializing_if = "Option::is_none")]
    pub generic_alert: Option<String>,
    /// `UserAgentOrigin`: what started the session.
    #[serde(rename = "UserAgentOrigin", skip_serializing_if = "Option::is_none")]
    pub user_agent_origin: Option<String>,
    /// `User-Agent`.
    #[serde(rename = "User-Agent", skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// `Accept`.
    #[serde(rename = "Accept", skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// `mode` of the query: `Maintenance` or `Machine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `Platform` of the query: `WoA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
}

/// What the device gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A `SyncML` message.
    Reply {
        /// How it is written: as the request was.
        encoding: Encoding,
        /// The message.
        body: Vec<u8>,
    },
    /// A message in an envelope, as the request was.
    Sealed {
        /// What the body says that it is; the same as the request without.
        content_type: Option<String>,
        /// The envelope.
        body: Vec<u8>,
    },
    /// The body could not be read: 400 with an empty body.
    Unreadable(Refusal),
    /// The certificate, the signature or the envelope, or that there is none, does not go with the message: 403 with an empty body.
    Forbidden,
    /// Another message of the same enrollment is being decided on: 503.
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// The store does not answer: 503.
    Unavailable {
        /// When to come back.
        retry_after: Duration,
    },
    /// The device comes too often: 429.
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
}
