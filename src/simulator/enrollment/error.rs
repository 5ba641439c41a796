//! Why a device did not enroll.

use transom_protocol::enrollment::client::ReceivedFault;
use transom_protocol::soap::Refused;

/// A step on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// GET of discovery: is anybody there?
    Probe,
    /// POST of discovery.
    Discover,
    /// Policies for the certificate request.
    Policies,
    /// The certificate request.
    Issue,
    /// The request for the next certificate.
    Renew,
    /// The document that came back.
    Document,
}

/// Why a device did not enroll, or did not get its next certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// Address, certificates or key can't be used.
    #[error("the device can't be set up: {0}")]
    Setup(String),
    /// No reply came.
    #[error("{step}: no reply: {cause}")]
    NoReply {
        /// At which step.
        step: Step,
        /// Why.
        cause: String,
    },
    /// HTTP says no.
    #[error("{step}: HTTP status {status}")]
    Http {
        /// At which step.
        step: Step,
        /// The status.
        status: u16,
    },
    /// The server refused.
    #[error("{step}: {fault}")]
    Fault {
        /// At which step.
        step: Step,
        /// What it said.
        fault: Box<ReceivedFault>,
    },
    /// The reply can't be used.
    #[error("{step}: the reply can't be used: {why}")]
    Unusable {
        /// At which step.
        step: Step,
        /// Why.
        why: Box<Refused>,
    },
    /// The reply can be read, and a device could do nothing with it.
    #[error("{step}: {what}")]
    Wrong {
        /// At which step.
        step: Step,
        /// What is wrong.
        what: String,
    },
}

impl EnrollError {
    /// The fault, when that is what it is.
    pub fn fault(&self) -> Option<&ReceivedFault> {
        match self {
            Self::Fault { fault, .. } => Some(fault),
            _ => None,
        }
    }

    pub(super) fn wrong(step: Step, what: impl Into<String>) -> Self {
        Self::Wrong { step, what: what.into() }
    }
}

impl From<crate::pki::Error> for EnrollError {
    fn from(error: crate::pki::Error) -> Self {
        Self::Setup(error.to_string())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Probe => "probe",
            Self::Discover => "discovery",
            Self::Policies => "policies",
            Self::Issue => "enrollment",
            Self::Renew => "renewal",
            Self::Document => "provisioning document",
        })
    }
}
