//! What the catalogue says of a fact: where it is read, of what type it is, and how often.

use transom_protocol::csp::{LocUri, Scope};

use super::FactName;

/// A fact that devices are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name: group, dot, word.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// The node that is read.
    pub node: &'static str,
    /// Its type.
    pub kind: FactKind,
    /// How the value of the node becomes the fact.
    pub reading: Reading,
    /// What a number counts: `MB`, `%`, `min`.
    pub unit: Option<&'static str>,
    /// How often it is read.
    pub plan: Plan,
    /// The first build of Windows that has the node, where that is known.
    pub since: Option<u32>,
    /// It tells of a person or makes a device recognizable.
    pub sensitive: bool,
    /// Its former values are kept.
    pub history: bool,
}

/// The type of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Bool,
    /// A point in time.
    Time,
    /// Texts.
    List,
}

/// How often a fact is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plan {
    /// When the device first comes, and then once in 30 days: what hardly ever changes.
    FirstContact,
    /// With each session, but not more often than the settings allow.
    EachSession,
    /// So many days after it was read last.
    Days(u16),
    /// Never: operators set it.
    Given,
    /// Never: it is what the directory knows of the person whose device it is.
    Directory,
    /// Never: the device says it by itself.
    Told,
}

/// How the value of a node becomes a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As it is, by the fact's type.
    Plain,
    /// A number that stands for a word.
    Words(&'static [(i64, &'static str)]),
    /// The third number of a version.
    Build,
    /// The fourth number of a version.
    Revision,
    /// The names of the nodes below, as Get on an interior node lists them.
    Children,
    /// Providers and their versions, from the XML of `DeviceManageability`.
    CspVersions,
}

impl Definition {
    /// The name as a value.
    pub const fn fact_name(&self) -> FactName {
        FactName(self.name)
    }

    /// The first part of the name, which facts are shown under.
    pub fn group(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(group, _)| group)
    }

    /// The node, as it is sent. `None` for a definition that is wrong, which a test rules out.
    pub fn loc_uri(&self) -> Option<LocUri> {
        self.node.parse().ok()
    }

    /// Whether it is read only while the enrolled user is signed in.
    pub fn needs_user(&self) -> bool {
        self.loc_uri().is_some_and(|node| node.scope() == Scope::User)
    }

    /// How long it is good for, in milliseconds; `each_session` is that of facts that are read with each session.
    pub fn good_for(&self, each_session: i64) -> i64 {
        const DAY: i64 = 24 * 3_600_000;
        match self.plan {
            Plan::Given | Plan::Directory | Plan::Told => i64::MAX,
            Plan::FirstContact => 30 * DAY,
            Plan::EachSession => each_session,
            Plan::Days(days) => i64::from(days) * DAY,
        }
    }
}

impl FactKind {
    /// Every type.
    pub const ALL: [Self; 5] = [Self::Text, Self::Integer, Self::Bool, Self::Time, Self::List];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Bool => "boolean",
            Self::Time => "time",
            Self::List => "list",
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Given => f.write_str("set by operators"),
            Self::Directory => f.write_str("from the directory"),
            Self::Told => f.write_str("told in each session"),
            Self::FirstContact => f.write_str("first contact"),
            Self::EachSession => f.write_str("each session"),
            Self::Days(1) => f.write_str("daily"),
            Self::Days(days) => write!(f, "every {days} days"),
        }
    }
}
