//! A node of the management tree as its description says it is.

use serde::{Deserialize, Serialize};

use super::{Allowed, Applicability, Build};
use crate::syncml::{Format, Verb};

/// A described node with all below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// How it is called.
    #[serde(rename = "n")]
    pub name: NodeName,
    /// What it is.
    #[serde(rename = "p")]
    pub properties: Box<Properties>,
    /// The nodes below.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
}

impl Node {
    /// Nodes of this tree, itself included.
    pub fn count(&self) -> usize {
        1 + self.children.iter().map(Self::count).sum::<usize>()
    }

    /// Takes out what is Microsoft's prose: descriptions, titles of values. What is left are facts.
    pub fn strip_prose(&mut self) {
        self.properties.description = None;
        if let Some(allowed) = &mut self.properties.allowed {
            allowed.strip_prose();
        }
        self.properties.dependencies.iter_mut().for_each(DependencyGroup::strip_prose);
        self.children.iter_mut().for_each(Self::strip_prose);
    }
}

/// The name of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NodeName {
    /// Always the same.
    Fixed(String),
    /// Chosen when the node comes to be, by the server or by the device.
    Dynamic {
        /// A word for what is to be put there, such as `ProfileName`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        placeholder: Option<String>,
        /// Who chooses.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        naming: Option<Naming>,
    },
}

/// Who chooses the name of a dynamic node (`MSFT:DynamicNodeNaming`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// The server, one for each node. What the file says of its form is prose and is not kept.
    UniqueName,
    /// The device: the node is found, not made.
    ClientInventory,
    /// The server makes an identifier.
    ServerGenerated,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Properties {
    /// The verbs that it takes.
    #[serde(rename = "a", default, skip_serializing_if = "Access::is_empty")]
    pub access: Access,
    /// Format of its value; [`Format::Node`] for one that has nodes below.
    #[serde(rename = "f", default, skip_serializing_if = "is_chr")]
    pub format: Format,
    /// MIME type of its value.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// What it holds when nobody has said anything. Often wrong, so it is only ever shown.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// How many there are.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<Occurrence>,
    /// It is always there: never made, never deleted (`Scope/Permanent`).
    #[serde(rename = "s", default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
    /// Large and small letters differ in its value.
    #[serde(rename = "cs", default, skip_serializing_if = "std::ops::Not::not")]
    pub case_sensitive: bool,
    /// Which versions and editions of Windows have it; those below inherit it.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub applicability: Option<Applicability>,
    /// What it takes.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
    /// Since when one should no longer use it; those below inherit it.
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Deprecated>,
    /// Other nodes that must have certain values for this one to work.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<DependencyGroup>,
    /// Which value holds where several people want one.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Whether a change needs a reboot.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub reboot: Option<Reboot>,
    /// It and those below are written within one Atomic.
    #[serde(rename = "at", default, skip_serializing_if = "std::ops::Not::not")]
    pub atomic: bool,
    /// What it is for, in the words of the file.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

fn is_chr(format: &Format) -> bool {
    *format == Format::Chr
}

/// The verbs that a node takes (`AccessType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Access(u8);

impl Access {
    /// Verbs with the letters that stand for them, in the order in which they are shown.
    const LETTERS: [(Verb, char); 6] = [
        (Verb::Add, 'A'),
        (Verb::Delete, 'D'),
        (Verb::Get, 'G'),
        (Verb::Replace, 'R'),
        (Verb::Exec, 'E'),
        (Verb::Copy, 'C'),
    ];

    /// The same, and this verb.
    #[must_use]
    pub fn with(self, verb: Verb) -> Self {
        Self(self.0 | Self::bit(verb))
    }

    /// Whether the node takes a verb.
    pub fn allows(self, verb: Verb) -> bool {
        self.0 & Self::bit(verb) != 0
    }

    /// Whether the file says nothing: some old ones do.
    pub fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// Whether it can be written.
    pub fn is_settable(self) -> bool {
        self.allows(Verb::Add) || self.allows(Verb::Replace)
    }

    /// The verbs it takes.
    pub fn verbs(self) -> impl Iterator<Item = Verb> {
        Self::LETTERS.into_iter().map(|(verb, _)| verb).filter(move |verb| self.allows(*verb))
    }

    fn bit(verb: Verb) -> u8 {
        let place = Self::LETTERS.iter().position(|(each, _)| *each == verb);
        place.map_or(0, |place| 1 << place)
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use std::fmt::Write as _;
        Self::LETTERS
            .into_iter()
            .filter(|(verb, _)| self.allows(*verb))
            .try_for_each(|(_, letter)| f.write_char(letter))
    }
}

impl From<String> for Access {
    fn from(letters: String) -> Self {
        let verbs = Self::LETTERS.into_iter().filter(|(_, letter)| letters.contains(*letter));
        verbs.fold(Self::default(), |access, (verb, _)| access.with(verb))
    }
}

impl From<Access> for String {
    fn from(access: Access) -> Self {
        access.to_string()
    }
}

/// How many of a node there are (`Occurrence`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occurrence {
    /// Exactly one.
    One,
    /// None or one.
    ZeroOrOne,
    /// Any number.
    ZeroOrMore,
    /// At least one.
    OneOrMore,
    /// At most so many.
    ZeroOrN(u32),
    /// At least one, at most so many.
    OneOrN(u32),
}

/// A node that is going away (`MSFT:Deprecated`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Deprecated {
    /// Since which build, where the file says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Build>,
}

/// Which of several values holds (`MSFT:ConflictResolution`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// The last one written.
    LastWrite,
    /// The smallest is the safest.
    LowestValueMostSecure,
    /// The largest is the safest.
    HighestValueMostSecure,
    /// The smallest is the safest, but zero means no limit.
    LowestValueMostSecureZeroHasNoLimits,
    /// The largest is the safest, but zero means no limit.
    HighestValueMostSecureZeroHasNoLimits,
    /// Values are never merged.
    NoMerge,
}

/// What a change does to the running system (`MSFT:RebootBehavior`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reboot {
    /// The device reboots by itself.
    Automatic,
    /// It takes effect when the server reboots the device.
    ServerInitiated,
}

/// What must hold elsewhere; the dependencies of one group hold together (`MSFT:DependencyGroup`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DependencyGroup {
    /// What must hold.
    pub dependencies: Vec<Dependency>,
    /// What the node takes where it does; absent: what it always takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Allowed>,
}

impl DependencyGroup {
    /// Takes out what is Microsoft's prose, as [`Node::strip_prose`] does.
    pub fn strip_prose(&mut self) {
        let allowed = self.dependencies.iter_mut().map(|dependency| &mut dependency.allowed);
        allowed.chain(&mut self.changed).for_each(Allowed::strip_prose);
    }
}

/// A node that must have, or must not have, one of some values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dependency {
    /// Its address, mended so that it begins with `./`; placeholders stand in braces.
    pub uri: String,
    /// The values must not be there (`Type="Not"`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
    /// The values.
    pub allowed: Allowed,
}
