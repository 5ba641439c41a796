//! Why an envelope is not answered as it was asked.

use super::FaultKind;
use crate::xml::Refusal;

/// An envelope that was not taken, with what is needed to say so to its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// `MessageID`, where it could be read.
    pub message_id: Option<String>,
    /// What was wrong.
    #[source]
    pub why: Why,
}

/// What was wrong with an envelope. It quotes names, never values: those may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// Not XML that we read.
    #[error(transparent)]
    Xml(#[from] Refusal),
    /// XML, but no SOAP envelope.
    #[error("the root is not a SOAP envelope")]
    NoEnvelope,
    /// A part that must be there is not.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A part that may stand once stands again.
    #[error("{0} stands twice")]
    Twice(&'static str),
    /// A part that is there is wrong.
    #[error("{place}: {what}")]
    Value {
        /// The part.
        place: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The body asks something else than this address answers.
    #[error("this address answers {0}, and the body asks something else")]
    OtherRequest(&'static str),
    /// The client speaks a version that nobody answers any more.
    #[error(
        "the device speaks version {0} of the enrollment protocol; 3.0 (Windows 10) is the lowest that is answered"
    )]
    Version(String),
    /// The `Security` header does not say unambiguously who asks.
    #[error("the security header: {0}")]
    Security(&'static str),
}

impl Refused {
    /// The fault that tells the client; `None` when the body is not SOAP at all, which is answered with HTTP status 400
    /// and nothing else.
    pub fn fault(&self) -> Option<FaultKind> {
        match self.why {
            Why::Xml(_) | Why::NoEnvelope => None,
            Why::Missing(_) | Why::Twice(_) | Why::Value { .. } | Why::OtherRequest(_) => {
                Some(FaultKind::MessageFormat)
            }
            Why::Version(_) => Some(FaultKind::DeviceNotSupported),
            Why::Security(_) => Some(FaultKind::InvalidSecurity),
        }
    }
}

impl Why {
    /// One stable word for counters and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Xml(refusal) => refusal.reason.code(),
            Self::NoEnvelope => "no_envelope",
            Self::Missing(_) => "missing",
            Self::Twice(_) => "duplicate",
            Self::Value { .. } => "value",
            Self::OtherRequest(_) => "other_request",
            Self::Version(_) => "version",
            Self::Security(_) => "security",
        }
    }
}
