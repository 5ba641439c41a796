//! What a session was like.

use std::collections::BTreeMap;
use std::time::Duration;

use transom_protocol::syncml::codec::Encoding;
use transom_protocol::xml::Refusal;

use crate::simulator::device::{Complaint, Ending};
use crate::simulator::faults::Fault;

/// A session from the device's side.
#[derive(Debug, Clone, Default)]
pub struct SessionReport {
    /// `SessionID`.
    pub session_id: String,
    /// How it ended; `None` while it runs and when it failed.
    pub ended: Option<SessionEnd>,
    /// Requests that were sent, repetitions included.
    pub requests: usize,
    /// Replies that the device read.
    pub replies: usize,
    /// Bytes of all requests.
    pub bytes_sent: u64,
    /// Bytes of all replies.
    pub bytes_received: u64,
    /// How often the device answered with which Status.
    pub statuses: BTreeMap<u16, usize>,
    /// Requests that were sent again because of the network or a 5xx.
    pub retries: usize,
    /// Times that the server asked to come back later.
    pub postponed: usize,
    /// Faults that happened.
    pub faults: Vec<Fault>,
    /// What the device has to say against the server.
    pub complaints: Vec<Complaint>,
    /// What was wrong below the messages: headers, replies to garbage, replies that differ.
    pub problems: Vec<String>,
    /// From the first byte of each request to the last of its reply.
    pub latencies: Vec<Duration>,
    /// What was said, where that was asked for.
    pub exchanges: Vec<Exchange>,
    /// Archives that were sent after the session: where to, and the status of HTTP.
    pub uploads: Vec<(String, Option<u16>)>,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Nothing was left to say.
    Quiet,
    /// The server answered with nothing at all.
    EmptyReply,
    /// The device lost its power, on request.
    Died,
    /// Another reason.
    Ended(Ending),
}

/// A request and its reply, as bytes.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Encoding of both.
    pub encoding: Encoding,
    /// What was sent.
    pub request: Vec<u8>,
    /// Status of HTTP; `None` when no reply came.
    pub status: Option<u16>,
    /// What came back.
    pub reply: Vec<u8>,
    /// The fault that this exchange is part of.
    pub fault: Option<Fault>,
}

/// Why a client could not be made, or a session not be finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// URL or certificates can't be used.
    #[error("the client can't be set up: {0}")]
    Setup(String),
    /// No reply came, however often it was tried.
    #[error("no reply after {attempts} attempts: {cause}")]
    NoReply {
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        cause: String,
    },
    /// HTTP says no.
    #[error("HTTP status {status} after {attempts} attempts")]
    Http {
        /// The last status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// The reply is larger than any reply should be.
    #[error("the reply is larger than {0} bytes")]
    TooLarge(usize),
    /// The reply is no message.
    #[error("the reply can't be read: {0}")]
    Unreadable(Refusal),
    /// The server never ended.
    #[error("the session was given up after {0} messages")]
    Endless(u32),
}

/// A session that failed: why, and what had been until then.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct SessionFailure {
    /// Why.
    pub cause: ClientError,
    /// What had been.
    pub report: Box<SessionReport>,
}

impl From<SessionFailure> for ClientError {
    fn from(failure: SessionFailure) -> Self {
        failure.cause
    }
}

impl SessionEnd {
    /// Whether both sides could have wanted it so.
    pub const fn is_peaceful(self) -> bool {
        match self {
            Self::Quiet | Self::Died => true,
            Self::EmptyReply => false,
            Self::Ended(ending) => ending.is_peaceful(),
        }
    }
}

impl std::fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quiet => f.write_str("quiet"),
            Self::EmptyReply => f.write_str("the server answered with nothing"),
            Self::Died => f.write_str("died on request"),
            Self::Ended(ending) => ending.fmt(f),
        }
    }
}

impl SessionReport {
    /// Whether the server kept the book, as far as this session shows.
    pub fn is_clean(&self) -> bool {
        self.complaints.is_empty() && self.problems.is_empty()
    }
}
