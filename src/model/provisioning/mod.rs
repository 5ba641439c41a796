//! What a device is to have before the person before it may begin to work: the enrollment status page, and what the
//! server knows of how far it is (CSP `DMClient`, `FirstSyncStatus`; CSP `EnrollmentStatusTracking`).
//!
//! What a device says is bounded before it gets here, and is to be escaped where it is shown.

mod plan;

pub(crate) use plan::{APPS as AGENT_APPS, DELIMITER as LIST_DELIMITER};
pub use plan::{FailureChoice, PlanRefused, ProvisioningPlan};

use super::SessionKey;
use serde::{Deserialize, Serialize};
use transom_protocol::csp::{LocUri, Scope};
use transom_protocol::session::{Principal, Timestamp};

/// Users of one enrollment whose part is kept.
pub const MOST_USER_PARTS: usize = 32;

/// Longest value of a device that is kept of one expectation, in characters.
const MAX_SAID: usize = 64;

/// How far the provisioning of one enrollment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioning {
    /// What is to be there.
    pub plan: ProvisioningPlan,
    /// The part of the device.
    pub device: ProvisioningPart,
    /// Those of its users, in the order in which they came.
    #[serde(default)]
    pub users: Vec<ProvisioningPart>,
}

/// What one page waits for: that of the device, or that of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningPart {
    /// Whose; nobody's is the device's.
    pub user: Option<Principal>,
    /// Where it stands.
    pub state: PartState,
    /// Since when it stands there.
    pub since: Timestamp,
    /// When it began.
    pub started_at: Timestamp,
    /// When the device gives up by itself.
    pub deadline: Timestamp,
    /// What the device was told, and what it answered.
    #[serde(default)]
    pub told: Vec<ToldNode>,
    /// What is to be there.
    pub items: Vec<ExpectedItem>,
    /// The device took it that all has been sent: it accepts no other lists any more.
    #[serde(default)]
    pub is_locked: bool,
    /// `IsSyncDone`, as it was last read.
    #[serde(default)]
    pub sync_done: Option<bool>,
    /// `WasDeviceSuccessfullyProvisioned`, as it was last read.
    #[serde(default)]
    pub provisioned: Option<ProvisionedState>,
    /// The session that was the last one when it was last asked: it is not asked in every message.
    #[serde(default)]
    pub asked_in: Option<SessionKey>,
    /// The device does not let these be read, so that only what is expected tells how it went.
    #[serde(default)]
    pub is_silent: bool,
}

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// The device is to be told what is expected.
    Telling,
    /// It knows, and not all that is expected has reached it.
    Waiting,
    /// It is to be told that all was sent (`ServerHasFinishedProvisioning`).
    Finishing,
    /// It took that, and goes on until all is done.
    Following,
    /// All is there.
    Done,
    /// The device, or something that was expected, failed.
    Failed,
    /// Not all was there in time.
    TimedOut,
    /// The device did not take what it was told.
    Refused,
}

/// A node that the device was told, in this part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldNode {
    /// The node.
    pub node: LocUri,
    /// Without it nothing would be tracked.
    pub needed: bool,
    /// The Status; 0 where it came to nothing without one.
    pub status: Option<u16>,
}

/// One thing that is to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedItem {
    /// What kind of thing.
    pub kind: ExpectedKind,
    /// The node by which the device knows it.
    pub node: LocUri,
    /// How many apps there are in a package.
    #[serde(default)]
    pub apps: Option<u32>,
    /// How far it is.
    pub state: ItemState,
    /// Since when.
    pub since: Timestamp,
    /// When the device last said something of it.
    #[serde(default)]
    pub heard_at: Option<Timestamp>,
    /// What it said: a value or a status.
    #[serde(default)]
    pub said: Option<String>,
}

/// What can be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedKind {
    /// A policy or any other setting that can be read.
    Policy,
    /// A network or VPN profile.
    Network,
    /// A certificate that the device gets by SCEP.
    Scep,
    /// A certificate with its key.
    Pfx,
    /// An MSI.
    Msi,
    /// An app of the store or a package (MSIX).
    Modern,
    /// An app that an agent on the device installs and reports.
    Win32,
}

/// How far an expected thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// The device was not asked yet.
    Unknown,
    /// It does not have it.
    Missing,
    /// It is at it.
    Working,
    /// It has it.
    Done,
    /// It could not get it.
    Failed,
}

/// What `WasDeviceSuccessfullyProvisioned` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvisionedState {
    /// 0.
    Failed,
    /// 1.
    Succeeded,
    /// 2.
    Going,
}

impl Provisioning {
    /// It begins.
    pub fn begin(plan: ProvisioningPlan, now: Timestamp) -> Self {
        let device = ProvisioningPart::begin(&plan, None, now);
        Self { plan, device, users: Vec::new() }
    }

    /// All parts, that of the device first.
    pub fn parts(&self) -> impl Iterator<Item = &ProvisioningPart> {
        std::iter::once(&self.device).chain(&self.users)
    }

    /// All parts, to be changed.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut ProvisioningPart> {
        std::iter::once(&mut self.device).chain(&mut self.users)
    }

    /// The part of the device, or of a user.
    pub fn part_mut(&mut self, user: Option<&Principal>) -> Option<&mut ProvisioningPart> {
        self.parts_mut().find(|part| part.user.as_ref() == user)
    }

    /// Since when a part of it has failed, the first that did.
    pub fn failed_at(&self) -> Option<Timestamp> {
        let failed = |part: &&ProvisioningPart| part.state.is_final() && part.state != PartState::Done;
        self.parts().filter(failed).map(|part| part.since).min()
    }

    /// When time runs out next for a part that goes on.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.parts().filter(|part| !part.state.is_final()).map(|part| part.deadline).min()
    }

    /// A user came. Whether that begins a part.
    pub fn welcome(&mut self, user: &Principal, now: Timestamp) -> bool {
        if !self.plan.is_for_users() || self.users.iter().any(|part| part.user.as_ref() == Some(user)) {
            return false;
        }
        if self.users.len() >= MOST_USER_PARTS {
            let Some(over) = self.users.iter().position(|part| part.state.is_final()) else { return false };
            self.users.remove(over);
        }
        self.users.push(ProvisioningPart::begin(&self.plan, Some(user.clone()), now));
        true
    }
}

impl ProvisioningPart {
    fn begin(plan: &ProvisioningPlan, user: Option<Principal>, now: Timestamp) -> Self {
        let scope = if user.is_some() { Scope::User } else { Scope::Device };
        Self {
            user,
            state: PartState::Telling,
            since: now,
            started_at: now,
            deadline: now.plus_millis(i64::from(plan.timeout_minutes) * 60_000),
            told: Vec::new(),
            items: plan.items(scope, now),
            is_locked: false,
            sync_done: None,
            provisioned: None,
            asked_in: None,
            is_silent: false,
        }
    }

    /// It stands somewhere else from now on.
    pub fn turn(&mut self, state: PartState, now: Timestamp) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }

    /// It is followed again, whatever became of it: its page is to end.
    pub fn reopen(&mut self, minutes: u32, now: Timestamp) {
        self.turn(PartState::Following, now);
        self.deadline = now.plus_millis(i64::from(minutes) * 60_000);
        (self.sync_done, self.provisioned) = (None, None);
    }

    /// Whether all that is expected reached the device, whatever came of it.
    pub fn is_acknowledged(&self) -> bool {
        self.items.iter().all(|item| item.state.is_acknowledged())
    }
}

impl ExpectedItem {
    /// Whether the device has it.
    pub fn is_done(&self) -> bool {
        self.state == ItemState::Done
    }

    /// The device says how far it is.
    pub fn hear(&mut self, state: ItemState, said: &str, now: Timestamp) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
        self.heard_at = Some(now);
        let said: String = said.chars().filter(|character| !character.is_control()).take(MAX_SAID).collect();
        self.said = (!said.is_empty()).then_some(said);
    }
}

impl PartState {
    /// Whether nothing more comes.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::TimedOut | Self::Refused)
    }

    /// The word in JSON and in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telling => "telling",
            Self::Waiting => "waiting",
            Self::Finishing => "finishing",
            Self::Following => "following",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
        }
    }
}

impl ItemState {
    /// Whether it reached the device: it is at it, or through with it.
    pub const fn is_acknowledged(self) -> bool {
        matches!(self, Self::Working | Self::Done | Self::Failed)
    }
}

impl ExpectedKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Policy, Self::Network, Self::Scep, Self::Pfx, Self::Msi, Self::Modern, Self::Win32];

    /// The node of the list that a device is told; an agent's apps are in none.
    pub const fn list(self) -> Option<&'static str> {
        match self {
            Self::Policy => Some("ExpectedPolicies"),
            Self::Network => Some("ExpectedNetworkProfiles"),
            Self::Scep => Some("ExpectedSCEPCerts"),
            Self::Pfx => Some("ExpectedPFXCerts"),
            Self::Msi => Some("ExpectedMSIAppPackages"),
            Self::Modern => Some("ExpectedModernAppPackages"),
            Self::Win32 => None,
        }
    }

    /// Whether the list says how many apps there are in each package.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Msi | Self::Modern)
    }
}
