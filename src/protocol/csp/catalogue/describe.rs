//! What is known of a node, as people are told and as forms are made of it.

use super::{Catalogue, NodeId};
use crate::csp::ddf::{Allowed, Applicability, Deprecated, Kind, NodeName, Properties};

/// A node with where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Described<'a> {
    /// What the files say of it.
    pub properties: &'a Properties,
    /// Its name, or what stands for it.
    pub name: &'a NodeName,
    /// Which source it is from, counted as they were handed in; `None`: from a template that devices are given.
    pub source: Option<usize>,
}

/// What stands below a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Other nodes.
    Inner,
    /// A value, or nothing.
    Leaf,
}

impl Catalogue {
    /// What is known of a node.
    pub fn describe(&self, node: NodeId) -> Option<Described<'_>> {
        let entry = self.entry(node);
        let source = (entry.source != u16::MAX).then_some(usize::from(entry.source));
        Some(Described { properties: entry.properties.as_deref()?, name: &entry.name, source })
    }

    /// What a node is called, or what stands for its name.
    pub fn name(&self, node: NodeId) -> &NodeName {
        &self.entry(node).name
    }

    /// Since when a node is going away: by itself, or with what is above it.
    pub fn deprecated(&self, node: NodeId) -> Option<Deprecated> {
        self.upwards(node).find_map(|(_, entry)| entry.properties.as_ref()?.deprecated)
    }

    /// Which versions and editions of Windows have a node: of each, what is said nearest to it.
    pub fn applicability(&self, node: NodeId) -> Option<Applicability> {
        let (builds, editions) = self.nearest(node);
        let said = builds.or(editions)?;
        let editions = editions.map(|editions| editions.editions.clone()).unwrap_or_default();
        Some(Applicability { editions, releases: said.releases.clone(), csp_version: said.csp_version.clone() })
    }

    /// Who says which builds have a node, and who which editions: a node that speaks of the one only leaves the other
    /// to those above it.
    pub(super) fn nearest(&self, node: NodeId) -> (Option<&Applicability>, Option<&Applicability>) {
        let said = || self.upwards(node).filter_map(|(_, entry)| entry.properties.as_ref()?.applicability.as_ref());
        (said().find(|said| !said.releases.is_empty()), said().find(|said| !said.editions.is_empty()))
    }

    /// What stands below a node.
    pub fn shape(&self, node: NodeId) -> Shape {
        let entry = self.entry(node);
        if entry.fixed.is_empty() && entry.dynamic.is_empty() { Shape::Leaf } else { Shape::Inner }
    }

    /// The nodes below a node: those with a name of their own in its order, then those whose name is chosen.
    pub fn below(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let entry = self.entry(node);
        entry.fixed.iter().map(|(_, id)| *id).chain(entry.dynamic.iter().copied()).filter(|id| !self.entry(*id).frame)
    }

    /// The roots that files begin with: one for each CSP and scope, one for each area of policies.
    pub fn trees(&self) -> impl Iterator<Item = NodeId> {
        self.ids().filter(|id| self.entry(*id).prefix.is_some())
    }
}

/// Values in words, such as `one of 0, 1`.
pub(super) fn allowed(allowed: &Allowed) -> String {
    let list = |parts: Vec<String>| {
        let more = if parts.len() > 12 { ", …" } else { "" };
        format!("{}{more}", parts.into_iter().take(12).collect::<Vec<_>>().join(", "))
    };
    match &allowed.kind {
        Kind::Any => "any value".to_owned(),
        Kind::Enum(choices) => format!("one of {}", list(choices.iter().map(|choice| choice.value.clone()).collect())),
        Kind::Flags(choices) => {
            format!("a sum of {}", list(choices.iter().map(|choice| choice.value.clone()).collect()))
        }
        Kind::Range(ranges) => {
            let range = |range: &crate::csp::ddf::Range| {
                if range.0 == range.1 { range.0.to_string() } else { range.to_string() }
            };
            list(ranges.iter().map(range).collect())
        }
        Kind::Regex(pattern) if pattern.is_empty() => "any value".to_owned(),
        Kind::Regex(pattern) => format!("a text of the form {pattern}"),
        Kind::Admx(admx) => format!("the policy {} of {}", admx.policy, admx.file),
        Kind::Xsd => "XML".to_owned(),
        Kind::Json => "JSON".to_owned(),
        Kind::Sddl => "a security descriptor".to_owned(),
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&allowed(self))
    }
}
