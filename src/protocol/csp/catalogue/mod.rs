//! The catalogue: every node that some description names, where to find it and what it takes.
//!
//! It is made of one or several [`Source`]s (the files of one release of Windows each) and answers three questions: what
//! does this address mean ([`Catalogue::find`]), may this be written there ([`Catalogue::check`]), and what else might
//! have been meant ([`Catalogue::search`]); and a fourth of what comes back: is it what was wanted
//! ([`Catalogue::same_value`]). It holds no more than the files say; what is wrong in them is mended by
//! [`Erratum`]s.

mod build;
mod check;
mod compare;
mod describe;
mod diff;
mod errata;
mod find;
mod search;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Serialize};

pub use build::Built;
pub use check::{Checked, Finding, Level, Proposed, Rule};
pub use describe::{Described, Shape};
pub use diff::{Change, Difference, diff};
pub use errata::{Erratum, ErratumProblem};
pub use find::{Found, Hit, Missing, Unchecked};

use super::ddf::{Dialect, NodeName, Properties, Root};

/// The files of one release, as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What people call it: `DDFv2Feb2026`.
    pub name: String,
    /// Its files.
    pub files: Vec<SourceFile>,
}

/// One file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Its name without folders.
    pub name: String,
    /// Its vocabulary.
    pub dialect: Dialect,
    /// Its trees.
    pub roots: Vec<Root>,
}

impl Source {
    /// Whether all files are of the time before 2022: they say nothing of versions and editions, and little of values.
    pub fn is_old(&self) -> bool {
        self.files.iter().all(|file| file.dialect == Dialect::V1)
    }

    /// Nodes of all files.
    pub fn nodes(&self) -> usize {
        self.trees().map(|root| root.node.count()).sum()
    }

    /// The trees of all files.
    pub fn trees(&self) -> impl Iterator<Item = &Root> {
        self.files.iter().flat_map(|file| &file.roots)
    }

    /// Leaves facts only: takes out Microsoft's prose.
    pub fn strip_prose(&mut self) {
        let roots = self.files.iter_mut().flat_map(|file| &mut file.roots);
        roots.for_each(|root| root.node.strip_prose());
    }
}

/// Where a node stands in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// Every node that is known.
#[derive(Debug, Clone)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One node.
#[derive(Debug, Clone)]
struct Entry {
    name: NodeName,
    parent: Option<NodeId>,
    /// Nodes below with a name of their own: the name in small letters, and the node. Sorted.
    fixed: Vec<(Box<str>, NodeId)>,
    /// Nodes below whose name is chosen.
    dynamic: Vec<NodeId>,
    /// `None`: a step on the way that no file describes (`Vendor`, `MSFT`).
    properties: Option<Box<Properties>>,
    /// How the address of a tree begins that hangs here.
    prefix: Option<Prefix>,
    /// Which source it is from.
    source: u16,
    /// Only files of the time before 2022 describe what it belongs to.
    is_old: bool,
    /// It is made for templates that devices are given, and matches whatever is written: `{AreaName}/{PolicyName}`.
    frame: bool,
}

/// How addresses of a tree begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// `./Vendor/…`, `./DevInfo`.
    Bare,
    /// `./Device/…`.
    Device,
    /// `./User/…`.
    User,
}

const DEVICE: NodeId = NodeId(0);
const USER: NodeId = NodeId(1);

impl Catalogue {
    fn entry(&self, id: NodeId) -> &Entry {
        // Ids come from this catalogue only.
        &self.entries[id.0 as usize]
    }

    /// The node and those above it, itself first.
    fn upwards(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Entry)> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let id = next?;
            let entry = self.entry(id);
            next = entry.parent;
            Some((id, entry))
        })
    }

    /// Nodes that some file describes.
    pub fn len(&self) -> usize {
        self.entries.iter().filter(|entry| entry.properties.is_some()).count()
    }

    /// Whether it knows nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All nodes that some file describes.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        let described = self.entries.iter().enumerate().filter(|(_, entry)| entry.properties.is_some());
        described.filter_map(|(index, _)| u32::try_from(index).ok().map(NodeId))
    }
}
