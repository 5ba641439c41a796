//! The journal: what was said, and what happened.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, SessionId, Timestamp};
use transom_protocol::syncml::codec::Encoding;

use super::{EnrollmentId, EventId, ExchangeId, Proof, SessionKey};

/// One request and the reply to it. The bodies are what the caller made of them: redacted, then compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Its id; ids sort by time.
    pub id: ExchangeId,
    /// The session, once the message was authenticated.
    pub session: Option<SessionKey>,
    /// The enrollment, once the message was authenticated.
    pub enrollment: Option<EnrollmentId>,
    /// Who the sender says it is, where that could be read.
    pub device: Option<DeviceId>,
    /// The client's `SessionID`, where that could be read.
    pub session_id: Option<SessionId>,
    /// When the request was complete.
    pub received_at: Timestamp,
    /// From then until the reply was ready, in microseconds.
    pub duration_us: i64,
    /// Address of the sender.
    pub peer: String,
    /// How the request was written; absent when its content type said nothing known.
    pub encoding: Option<Encoding>,
    /// `MsgID` of the request.
    pub client_message: Option<u32>,
    /// `MsgID` of the reply.
    pub server_message: Option<u32>,
    /// What became of it, in a word such as `answered`, `challenged`, `replayed` or `refused`.
    pub outcome: String,
    /// The same for a reader: what was wrong, and where.
    pub detail: Option<String>,
    /// What the request's line and headers said (MS-MDM 2.1), as JSON.
    pub headers: serde_json::Value,
    /// The request's body.
    pub request: Option<Vec<u8>>,
    /// The reply's body.
    pub reply: Option<Vec<u8>>,
    /// Bytes of the request as it came.
    pub request_size: i64,
    /// Bytes of the reply as it went.
    pub reply_size: i64,
    /// What proved who sent it, and how that was judged.
    pub proofs: Vec<Proof>,
}

/// Something worth telling that happened: an alert of the device, an anomaly, a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its id; ids sort by time.
    pub id: EventId,
    /// To whom.
    pub device: Option<DeviceId>,
    /// In which life of the device.
    pub enrollment: Option<EnrollmentId>,
    /// In which session.
    pub session: Option<SessionKey>,
    /// In which exchange.
    pub exchange: Option<ExchangeId>,
    /// When.
    pub at: Timestamp,
    /// What sort of thing.
    pub kind: EventKind,
    /// Alert code, or a word for the anomaly or change.
    pub code: String,
    /// `Meta/Type` of an alert.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The node that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `Meta/Format` of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `Meta/Mark` of an alert: how grave it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark: Option<String>,
    /// Data of an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// For a reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Event {
    /// One of which nothing else is known.
    pub fn new(kind: EventKind, code: &str, at: Timestamp) -> Self {
        Self {
            id: EventId::new(at),
            device: None,
            enrollment: None,
            session: None,
            exchange: None,
            at,
            kind,
            code: code.to_owned(),
            mime: None,
            source: None,
            format: None,
            mark: None,
            data: None,
            detail: None,
        }
    }
}

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The device sent an alert.
    Alert,
    /// The device said something that matches nothing we know.
    Anomaly,
    /// The device says something new of itself.
    DeviceInfo,
    /// An enrollment began or ended.
    Enrollment,
    /// A credential was refused, or an account locked.
    Security,
    /// Something about waking the device.
    Push,
    /// Something that was asked of the device as a whole: a restart, a wipe, an install.
    Action,
}

/// Which exchanges, in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeFilter {
    /// All of a session.
    OfSession(SessionKey),
    /// Those that were never authenticated and claim to be from this device.
    Unauthenticated(DeviceId),
    /// Of these, those with one `SessionID` in a span of time: the challenge before a session.
    Challenges {
        /// The device.
        device: DeviceId,
        /// The client's `SessionID`.
        session_id: SessionId,
        /// From then on.
        from: Timestamp,
        /// Up to then, inclusive.
        until: Timestamp,
    },
}

/// Which events; newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventFilter {
    /// All of a device.
    OfDevice(DeviceId),
    /// All of a session.
    OfSession(SessionKey),
}

/// Which alerts, of all devices; newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of this device.
    pub device: Option<DeviceId>,
    /// With this code.
    pub code: Option<String>,
    /// With this Meta/Type.
    pub mime: Option<String>,
    /// About this node.
    pub source: Option<String>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Alert, Self::Anomaly, Self::DeviceInfo, Self::Enrollment, Self::Security, Self::Push, Self::Action];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Anomaly => "anomaly",
            Self::DeviceInfo => "device_info",
            Self::Enrollment => "enrollment",
            Self::Security => "security",
            Self::Push => "push",
            Self::Action => "action",
        }
    }
}
