//! The people who run this server, and what they may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use utoipa::ToSchema;

use super::{Maker, OperatorId, OperatorLinkId, OperatorSessionId, Secret, UserName};

/// What a person is here for. `admin::rights` says what each may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the server: may do everything.
    Admin,
    /// Writes policies, and orders any command.
    Author,
    /// Helps the people who use the devices.
    Helpdesk,
    /// Looks, and changes nothing.
    Auditor,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Admin, Self::Author, Self::Helpdesk, Self::Auditor];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Author => "author",
            Self::Helpdesk => "helpdesk",
            Self::Auditor => "auditor",
        }
    }

    /// The role of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::parse(word).ok_or("a role is admin, author, helpdesk or auditor")
    }
}

/// One thing that a person or a program may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Look at devices, commands, sessions and what happened, without secrets.
    Look,
    /// Act on devices in ways that lose nothing: sync, reboot, lock; take a command back, try it again.
    Act,
    /// Order any command.
    Command,
    /// Part with devices: unenroll, block, wipe.
    Retire,
    /// See secrets that are kept for people, such as recovery keys.
    Reveal,
    /// Write policies and what they refer to.
    Author,
    /// Say who and what may enroll.
    Enroll,
    /// Change certificates, credentials, signing, and enrollments that are brought along.
    Trust,
    /// Manage operators and tokens.
    People,
    /// Read the audit log.
    Audit,
    /// See the settings of the server.
    Settings,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 11] = [
        Self::Look,
        Self::Act,
        Self::Command,
        Self::Retire,
        Self::Reveal,
        Self::Author,
        Self::Enroll,
        Self::Trust,
        Self::People,
        Self::Audit,
        Self::Settings,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Act => "act",
            Self::Command => "command",
            Self::Retire => "retire",
            Self::Reveal => "reveal",
            Self::Author => "author",
            Self::Enroll => "enroll",
            Self::Trust => "trust",
            Self::People => "people",
            Self::Audit => "audit",
            Self::Settings => "settings",
        }
    }

    /// The right of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == word)
    }
}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Right {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::parse(word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|right| right.as_str()).collect();
            format!("a right is one of {}", known.join(", "))
        })
    }
}

/// Several rights.
pub type Rights = BTreeSet<Right>;

/// A person who runs this server, without the secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Their id.
    pub id: OperatorId,
    /// What they sign in as.
    pub name: UserName,
    /// What they are here for.
    pub role: Role,
    /// Who they are at the provider of sign-ins, where they sign in there.
    pub subject: Option<String>,
    /// Whether they have a password here.
    pub has_password: bool,
    /// Whether codes of an authenticator are asked for.
    pub has_totp: bool,
    /// When they were made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Since when they may not sign in.
    pub disabled_at: Option<Timestamp>,
    /// When they last signed in.
    pub last_seen_at: Option<Timestamp>,
    /// Counts the changes of this record.
    pub version: i64,
}

/// A person who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorSession {
    /// Its id; not the secret that the browser shows.
    pub id: OperatorSessionId,
    /// Who.
    pub operator: OperatorId,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When they were last heard of, to the minute or so.
    pub seen_at: Timestamp,
    /// Worth nothing from then on.
    pub expires_at: Timestamp,
}

/// What an operator signs in with.
#[derive(Debug, Clone)]
pub struct OperatorSecrets {
    /// The hash of the password, as a PHC string.
    pub password: Option<Secret<String>>,
    /// The secret of the authenticator.
    pub totp: Option<Secret<Vec<u8>>>,
    /// Hashes of the recovery codes that are left.
    pub recovery: Vec<String>,
}

/// An operator to be made.
#[derive(Debug, Clone)]
pub struct NewOperator {
    /// What they sign in as.
    pub name: UserName,
    /// What they are here for.
    pub role: Role,
    /// Who they are at the provider of sign-ins.
    pub subject: Option<String>,
    /// The hash of their password, as a PHC string.
    pub password: Option<Secret<String>>,
    /// By whom they are made.
    pub created_by: String,
}

/// A link by which somebody comes in for the first time, or sets a password anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorLink {
    /// Its id; not the secret in it.
    pub id: OperatorLinkId,
    /// Whose password it sets; absent for somebody who is not there yet.
    pub operator: Option<OperatorId>,
    /// What the new one is called, where that is fixed.
    pub name: Option<UserName>,
    /// What the new one is here for.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Worth nothing from then on.
    pub expires_at: Timestamp,
    /// When it was used; it is good once.
    pub used_at: Option<Timestamp>,
}

/// A link to be made.
#[derive(Debug, Clone)]
pub struct NewOperatorLink {
    /// SHA-256 of the secret in it.
    pub hash: [u8; 32],
    /// Whose password it sets; absent for somebody who is not there yet.
    pub operator: Option<OperatorId>,
    /// What the new one is called, where that is fixed.
    pub name: Option<UserName>,
    /// What the new one is here for.
    pub role: Role,
    /// What its maker is called.
    pub created_by: String,
    /// By whom it is made, with whom it goes; nobody for what is made on the server's machine.
    pub maker: Option<Maker>,
    /// Worth nothing from then on.
    pub expires_at: Timestamp,
}
