//! Why a device gets a fault and no certificate: a word for lists, a sentence for an administrator, and the fault that
//! Windows has a message for (MS-MDE2 2.2.10).

use transom_protocol::enrollment::NothingInCommon;
use transom_protocol::session::DeviceId;
use transom_protocol::soap::{FaultKind, Refused};

use super::applicant::Denied;
use super::plan::PlanError;
use crate::pki::{CertificateRefused, CsrRefused, renewal::RenewalRefused};
use crate::{pki, store};

/// Why a request is answered with a fault.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The envelope is not what is asked here.
    #[error(transparent)]
    Envelope(Refused),
    /// It is not even an envelope: HTTP 400.
    #[error("the body is no SOAP envelope: {0}")]
    Unreadable(Refused),
    /// Nothing that it can sign in with is configured.
    #[error(transparent)]
    SignIn(#[from] NothingInCommon),
    /// Who asks may not; the gate has written it down.
    #[error(transparent)]
    NotLetIn(Denied),
    /// The user may not have this device.
    #[error(transparent)]
    NotAdmitted(#[from] Denied),
    /// The request for a certificate is wrong.
    #[error("the request for a certificate: {0}")]
    Request(#[from] CsrRefused),
    /// The key is another device's.
    #[error("the key is that of the device {0}, which is enrolled with it")]
    KeyOfAnother(DeviceId),
    /// The signed request for another certificate is wrong.
    #[error(transparent)]
    Renewal(#[from] RenewalRefused),
    /// The certificate that is to be renewed is none of ours.
    #[error("the certificate of the connection: {0}")]
    Certificate(#[from] CertificateRefused),
    /// Renewal is not for this one now.
    #[error("{0}")]
    NotEligible(&'static str),
    /// Nobody recovers keys here.
    #[error("the recovery of a key is not offered")]
    Recovery,
    /// Keys or certificates.
    #[error("{0}")]
    Pki(#[from] pki::Error),
    /// What devices are to be told can't be told.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The database.
    #[error(transparent)]
    Store(store::Error),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// The word in lists, counters and logs.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Envelope(refused) | Self::Unreadable(refused) => refused.why.code(),
            Self::SignIn(_) => "nothing_in_common",
            Self::NotLetIn(denied) | Self::NotAdmitted(denied) => denied.word(),
            Self::Request(_) | Self::Renewal(RenewalRefused::Request(_)) => "certificate_request",
            Self::KeyOfAnother(_) => "key_of_another_device",
            Self::Renewal(_) => "renewal_request",
            Self::Certificate(_) => "certificate",
            Self::NotEligible(_) => "not_eligible",
            Self::Recovery => "recovery",
            Self::Pki(_) | Self::Plan(_) => "internal",
            Self::Store(_) => "store",
        }
    }

    /// What the device gets.
    pub(super) fn fault(&self) -> FaultKind {
        match self {
            Self::Envelope(refused) => refused.fault().unwrap_or(FaultKind::MessageFormat),
            Self::Unreadable(_) => FaultKind::MessageFormat,
            Self::SignIn(nothing) => nothing.fault(),
            Self::NotLetIn(denied) | Self::NotAdmitted(denied) => denied.fault(),
            Self::Request(_) | Self::KeyOfAnother(_) | Self::Renewal(RenewalRefused::Request(_)) => {
                FaultKind::CertificateRequest
            }
            Self::Renewal(_) | Self::Certificate(_) | Self::NotEligible(_) => FaultKind::NotEligibleToRenew,
            Self::Recovery => FaultKind::NotSupported,
            Self::Store(error) if error.is_temporary() => FaultKind::InMaintenance,
            Self::Pki(_) | Self::Plan(_) | Self::Store(_) => FaultKind::InternalServiceFault,
        }
    }

    /// Whether the list of attempts is to have it: what anybody can send without having shown anything is counted, and
    /// not written down.
    pub(super) const fn is_worth_a_line(&self) -> bool {
        matches!(
            self,
            Self::Request(_) | Self::KeyOfAnother(_) | Self::Renewal(_) | Self::NotEligible(_) | Self::Recovery
        )
    }

    /// Whether somebody has to look after the server.
    pub(super) const fn is_ours(&self) -> bool {
        matches!(self, Self::Pki(_) | Self::Plan(_) | Self::Store(_))
    }
}
