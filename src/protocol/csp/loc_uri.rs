//! `LocURI`: the address of a node in the management tree (MS-MDM 2.2.3.6, OMA DM TND 4.2).

use serde::{Deserialize, Serialize};

/// The address of a node. One that exists is valid: not empty, not padded, relative, its segments well formed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocUri(String);

/// Whose part of the tree a node is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `./Device/…`, or no prefix.
    Device,
    /// `./User/…`: only while the enrolled user is signed in.
    User,
}

/// Why a text is no `LocURI`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocUriError {
    /// Nothing there.
    #[error("a LocURI must not be empty")]
    Empty,
}

impl LocUri {
    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose part of the tree the node is in.
    pub fn scope(&self) -> Scope {
        todo!()
    }

    /// Whether an Exec of this node ends the session or the enrollment (reboot, wipe, unenroll): it is sent last and
    /// alone.
    pub fn ends_session(&self) -> bool {
        todo!()
    }

    /// Whether an Exec of this node only starts work that reports later with an alert: 200 is "accepted", not "done".
    pub fn works_asynchronously(&self) -> bool {
        todo!()
    }

    /// Whether `other` (as a device wrote it in `TargetRef` or `Source`) names the same node: percent escapes and the
    /// case of ASCII letters make no difference, nor does a `?list=` or `?prop=` query on ours.
    pub fn names_same_node(&self, _other: &str) -> bool {
        todo!()
    }

    /// Whether `other` lies below this node.
    pub fn is_ancestor_of(&self, _other: &str) -> bool {
        todo!()
    }
}

impl TryFrom<String> for LocUri {
    type Error = LocUriError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() { Err(LocUriError::Empty) } else { Ok(Self(text)) }
    }
}

impl std::str::FromStr for LocUri {
    type Err = LocUriError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<LocUri> for String {
    fn from(uri: LocUri) -> Self {
        uri.0
    }
}

impl std::fmt::Display for LocUri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
