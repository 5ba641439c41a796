//! Attempts to enroll: who was let in, who was refused, and why.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{AttemptId, EnrollmentId, UserName};

/// Somebody tried to enroll a device. Never holds a password or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentAttempt {
    /// Its id; ids sort by time.
    pub id: AttemptId,
    /// When.
    pub at: Timestamp,
    /// When the last one like it was.
    pub last_at: Timestamp,
    /// How many like it there were: those of a locked address or account are counted, not listed.
    pub count: i64,
    /// From which address.
    pub peer: String,
    /// The user, by the claim of the device; cut and escaped.
    pub user: Option<String>,
    /// The device, by its claim.
    pub device: Option<DeviceId>,
    /// Its hardware hash, by its claim.
    pub hw_dev_id: Option<String>,
    /// Its name, by its claim.
    pub device_name: Option<String>,
    /// What it asked for.
    pub step: EnrollmentStep,
    /// Whether it was let in.
    pub outcome: AttemptOutcome,
    /// Word for why it was refused.
    pub reason: Option<String>,
    /// What the device was told.
    pub fault: Option<String>,
    /// For a reader.
    pub detail: Option<String>,
    /// The enrollment that was made.
    pub enrollment: Option<EnrollmentId>,
    /// What the device shows with the fault, and can be looked for.
    pub trace_id: String,
}

/// What a device asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentStep {
    /// Where to enroll (MS-MDE2 3.1).
    Discover,
    /// A sign-in page (MS-MDE2 3.2).
    SignIn,
    /// The terms of use.
    Terms,
    /// What a certificate must look like (MS-XCEP).
    Policies,
    /// A certificate (MS-WSTEP).
    Issue,
    /// Another certificate, with the one it has.
    Renew,
    /// A certificate again, after it was lost.
    Recover,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// An enrollment was made.
    Enrolled,
    /// A certificate was renewed.
    Renewed,
    /// It was refused.
    Refused,
}

/// Which attempts; newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttemptFilter {
    /// Only those of this user.
    pub user: Option<UserName>,
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those with this trace id.
    pub trace_id: Option<String>,
    /// Only those that ended so.
    pub outcome: Option<AttemptOutcome>,
}

/// Whose failures are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureSubject {
    /// A user name, whether there is such an account or not.
    Account(UserName),
    /// An address, or the network of a customer: see [`Self::of_peer`].
    Peer(std::net::IpAddr),
    /// Requests from there that say nothing of whom they are, by the reason for which they are refused. They lock
    /// nobody out and are only counted together.
    Nobody(std::net::IpAddr, &'static str),
    /// Somebody who would sign in as this operator, from there: elsewhere the operator is not locked out.
    SignIn(UserName, std::net::IpAddr),
    /// Whoever would sign in as an operator, from there.
    SignInFrom(std::net::IpAddr),
    /// Whoever knows the password of this operator, from anywhere, and guesses codes of the authenticator.
    Codes(UserName),
    /// Somebody there who tries credentials of an enrollment: see [`Self::of_credential`].
    Credential(EnrollmentId, std::net::IpAddr),
}

/// Failures that were not forgiven yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: i64,
    /// When the last one was.
    pub failed_at: Timestamp,
    /// Until when everything is refused.
    pub locked_until: Option<Timestamp>,
    /// The attempt at which those that come while it is locked are counted.
    pub noted: Option<AttemptId>,
}

impl EnrollmentStep {
    /// Every step, in the order of an enrollment.
    pub const ALL: [Self; 7] =
        [Self::Discover, Self::SignIn, Self::Terms, Self::Policies, Self::Issue, Self::Renew, Self::Recover];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::SignIn => "sign_in",
            Self::Terms => "terms",
            Self::Policies => "policies",
            Self::Issue => "issue",
            Self::Renew => "renew",
            Self::Recover => "recover",
        }
    }
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Enrolled, Self::Renewed, Self::Refused];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Renewed => "renewed",
            Self::Refused => "refused",
        }
    }

    /// The outcome that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl FailureSubject {
    /// An address with IPv4; with IPv6 the /64 that a customer has to choose addresses from.
    pub fn of_peer(peer: std::net::IpAddr) -> Self {
        Self::Peer(network_of(peer))
    }

    /// Somebody who would sign in as an operator, from there.
    pub fn sign_in(name: UserName, peer: std::net::IpAddr) -> Self {
        Self::SignIn(name, network_of(peer))
    }

    /// Whoever would sign in as an operator, from there.
    pub fn sign_in_from(peer: std::net::IpAddr) -> Self {
        Self::SignInFrom(network_of(peer))
    }

    /// Who tries credentials of an enrollment from this address: never the enrollment alone, which everybody may name.
    pub fn of_credential(enrollment: &EnrollmentId, peer: std::net::IpAddr) -> Self {
        Self::Credential(enrollment.clone(), network_of(peer))
    }

    /// Requests that say nothing of whom they are.
    pub fn of_nobody(peer: std::net::IpAddr, reason: &'static str) -> Self {
        Self::Nobody(network_of(peer), reason)
    }
}

fn network_of(peer: std::net::IpAddr) -> std::net::IpAddr {
    match peer.to_canonical() {
        v4 @ std::net::IpAddr::V4(_) => v4,
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

impl Failures {
    /// Whether everything is refused at `now`.
    pub fn is_locked(&self, now: Timestamp) -> bool {
        self.locked_until.is_some_and(|until| now < until)
    }
}
