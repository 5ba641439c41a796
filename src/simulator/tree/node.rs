//! What one device keeps at the places of its tree.

use std::collections::BTreeMap;

use transom_protocol::syncml::Format;

use super::path::{Path, Segment};

/// A node that was set, or one above such a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// As it was written when the node was made.
    pub(super) name: String,
    /// Its value, for a leaf.
    pub(super) value: Option<Stored>,
    /// The nodes below, by their names in lower case.
    pub(super) children: BTreeMap<String, Self>,
}

/// The value of a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) format: Format,
    pub(super) data: String,
}

impl Node {
    /// The node at a path.
    pub(super) fn at(&self, segments: &[Segment]) -> Option<&Self> {
        segments.iter().try_fold(self, |node, segment| node.children.get(&segment.key))
    }

    /// The node at a path, made with everything above it where it is missing.
    pub(super) fn make(&mut self, segments: &[Segment]) -> &mut Self {
        segments.iter().fold(self, |node, segment| {
            node.children
                .entry(segment.key.clone())
                .or_insert_with(|| Self { name: segment.name.clone(), ..Self::default() })
        })
    }

    /// Takes a node and everything below it away.
    pub(super) fn remove(&mut self, segments: &[Segment]) {
        if let Some((last, above)) = segments.split_last() {
            let parent = above.iter().try_fold(self, |node, segment| node.children.get_mut(&segment.key));
            if let Some(parent) = parent {
                parent.children.remove(&last.key);
            }
        }
    }

    /// Sets a leaf by its `LocURI`; a text that is none changes nothing.
    pub(super) fn plant(&mut self, loc_uri: &str, format: Format, data: impl Into<String>) {
        if let Ok((path, _)) = Path::parse(loc_uri) {
            self.make(&path.segments).value = Some(Stored { format, data: data.into() });
        }
    }
}
