//! The rules of a management message: who is it, what does it mean, what is answered (MS-MDM 3).

use std::{net::IpAddr, time::Duration};

use transom_protocol::{session::Timestamp, syncml::codec::Encoding, xml::Refusal};

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
    /// When it came.
    pub received_at: Timestamp,
}

/// Headers and query of a request (MS-MDM 2.1): claims of the device, of bounded length, control characters escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHeaders {
    /// `MS-CV`: correlation vector.
    pub ms_cv: Option<String>,
    /// `client-request-id`: the `EntDMID`, or `0`.
    pub client_request_id: Option<String>,
    /// `MDM-GenericAlert`: types of the alerts that started the session.
    pub generic_alert: Option<String>,
    /// `UserAgentOrigin`: what started the session.
    pub user_agent_origin: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
    /// `Accept`.
    pub accept: Option<String>,
    /// `mode` of the query: `Maintenance` or `Machine`.
    pub mode: Option<String>,
    /// `Platform` of the query: `WoA`.
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
    /// The body could not be read: 400 with an empty body.
    Unreadable(Refusal),
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

/// Decides on management messages.
#[derive(Debug, Default)]
pub struct Management {}

impl Management {
    /// Decides on one message.
    #[expect(clippy::unused_async, reason = "deciding will wait for the store")]
    pub async fn answer(&self, _request: DeviceRequest) -> Answer {
        Answer::Unavailable { retry_after: Duration::from_secs(60) }
    }
}
