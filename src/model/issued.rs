//! Certificates that devices were given: which key may speak for which enrollment.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{CertificateFingerprint, EnrollmentId, KeyFingerprint, SerialNumber};

/// A certificate that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCertificate {
    /// Which one it is.
    pub fingerprint: CertificateFingerprint,
    /// Its number.
    pub serial: SerialNumber,
    /// Whose key it is for.
    pub key: KeyFingerprint,
    /// The authority that issued it, by its id.
    pub authority: String,
    /// Good from then on.
    pub not_before: Timestamp,
    /// Good until then.
    pub not_after: Timestamp,
    /// The certificate itself; nothing where it was issued before that was kept.
    pub der: Vec<u8>,
}

/// A certificate that was issued to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// What it is.
    pub certificate: NewCertificate,
    /// The one enrollment that it speaks for.
    pub enrollment: EnrollmentId,
    /// Where it stands.
    pub state: CertificateState,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it spoke first.
    pub first_used_at: Option<Timestamp>,
    /// When it stopped to count before its time.
    pub revoked_at: Option<Timestamp>,
    /// Why.
    pub reason: Option<RevocationReason>,
}

/// Which certificates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateFilter {
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those in this state.
    pub state: Option<CertificateState>,
    /// Only those that end before.
    pub ends_before: Option<Timestamp>,
}

/// Where a certificate stands. What is past its time counts no more, whatever stands here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// It speaks for its enrollment.
    Current,
    /// A renewal: it speaks for its enrollment, and from then on the current one does not.
    Next,
    /// Over: a newer one of the same enrollment is in use.
    Superseded,
    /// Over: taken back.
    Revoked,
}

/// Why a certificate was taken back; the words of RFC 5280, 5.3.1, as far as they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// A newer one of the same enrollment is in use.
    Superseded,
    /// The device has enrolled anew.
    Replaced,
    /// The device left management.
    Unenrolled,
    /// The device was told to leave, and was not heard of.
    Unknown,
    /// An operator cut the device off.
    Blocked,
}

/// A certificate on the revocation list (RFC 5280, 5.1.2.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its number.
    pub serial: SerialNumber,
    /// The authority that issued it, by its id.
    pub authority: String,
    /// Since when.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

impl CertificateState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 4] = [Self::Current, Self::Next, Self::Superseded, Self::Revoked];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
        }
    }

    /// Whether it may speak, while its time lasts.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Current | Self::Next)
    }
}

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Superseded, Self::Replaced, Self::Unenrolled, Self::Unknown, Self::Blocked];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Replaced => "replaced",
            Self::Unenrolled => "unenrolled",
            Self::Unknown => "unknown",
            Self::Blocked => "blocked",
        }
    }

    /// The number of `CRLReason` (RFC 5280, 5.3.1).
    pub const fn crl_reason(self) -> u8 {
        match self {
            Self::Superseded | Self::Replaced => 4,
            Self::Unenrolled | Self::Unknown => 5,
            Self::Blocked => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_and_the_next_certificate_count() {
        let counting: Vec<_> = CertificateState::ALL.into_iter().filter(|state| state.counts()).collect();
        assert_eq!(counting, [CertificateState::Current, CertificateState::Next]);
    }
}
