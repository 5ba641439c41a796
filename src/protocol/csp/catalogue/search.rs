//! What else might have been meant.

use super::{Catalogue, Missing, NodeId};
use crate::csp::LocUri;
use crate::csp::ddf::NodeName;

/// Suggestions that are made, at most.
const SUGGESTIONS: usize = 3;

/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.82;

/// Names longer than this are compared up to here: the comparison is quadratic.
const COMPARED: usize = 128;

impl Catalogue {
    /// Nodes whose address holds all words, in any order and case; at most so many, the shortest addresses first.
    pub fn search(&self, words: &str, most: usize) -> Vec<NodeId> {
        let words: Vec<String> = words.split_whitespace().take(16).map(str::to_ascii_lowercase).collect();
        let mut found: Vec<(usize, String, NodeId)> = Vec::new();
        for id in self.ids() {
            if self.entry(id).frame {
                continue;
            }
            let uri = self.uri(id);
            let folded = uri.to_ascii_lowercase();
            if words.iter().all(|word| folded.contains(word)) {
                found.push((uri.len(), uri, id));
            }
        }
        found.sort();
        found.into_iter().take(most).map(|(_, _, id)| id).collect()
    }

    pub(super) fn missing(&self, scope: NodeId, names: &[String], other_scope: Option<LocUri>) -> Missing {
        let (known, depth) = self.deepest(scope, names);
        let name = names.get(depth).cloned().unwrap_or_default();
        let rest = names.get(depth + 1..).unwrap_or_default();
        let mut meant = Vec::new();
        if other_scope.is_none() {
            self.near(known, &name, rest, &mut meant);
            if let Some(last) = names.last().filter(|_| meant.len() < SUGGESTIONS) {
                self.elsewhere(scope, last, &mut meant);
            }
        }
        let known = if known == scope { String::new() } else { self.uri(known) };
        Missing { known, name, other_scope, meant }
    }

    /// Names below a node that are nearly the one that was written, with the rest of the address where it goes on so.
    fn near(&self, above: NodeId, name: &str, rest: &[String], meant: &mut Vec<String>) {
        let written = shorten(name).to_ascii_lowercase();
        let folded: Vec<Box<str>> = rest.iter().map(|name| super::build::fold(name)).collect();
        let mut alike: Vec<(bool, f64, Vec<NodeId>)> = Vec::new();
        for (known, id) in &self.entry(above).fixed {
            let likeness = strsim::jaro_winkler(&written, shorten(known));
            // A word too little or too much is no slip of a key, but it is meant all the same.
            let holds =
                written.len() >= 5 && (known.contains(&*written) || written.contains(&**known) && known.len() >= 5);
            if likeness >= ALIKE || holds {
                let mut way = vec![*id];
                let goes_on = self.goes_on(*id, &folded, &mut way);
                if !goes_on {
                    way.truncate(1);
                }
                alike.push((goes_on, likeness, way));
            }
        }
        // Where the rest of the address leads somewhere comes first.
        alike.sort_by(|one, other| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)));
        for (_, _, way) in alike {
            if meant.len() >= SUGGESTIONS {
                return;
            }
            let Some(last) = way.last() else { continue };
            let uri = self.uri(*last);
            if !meant.contains(&uri) {
                meant.push(uri);
            }
        }
    }

    fn goes_on(&self, above: NodeId, names: &[Box<str>], way: &mut Vec<NodeId>) -> bool {
        let mut at = above;
        for name in names {
            let dynamic = || self.entry(at).dynamic.first().copied();
            let Some(next) = self.fixed_below(at, name).or_else(dynamic) else { return false };
            way.push(next);
            at = next;
        }
        true
    }

    /// Nodes of the same name in other places of the same scope.
    fn elsewhere(&self, scope: NodeId, name: &str, meant: &mut Vec<String>) {
        for id in self.ids() {
            if meant.len() >= SUGGESTIONS {
                return;
            }
            let entry = self.entry(id);
            let same = matches!(&entry.name, NodeName::Fixed(fixed) if fixed.eq_ignore_ascii_case(name));
            if same && !entry.frame && self.upwards(id).last().is_some_and(|(root, _)| root == scope) {
                let uri = self.uri(id);
                if !meant.contains(&uri) {
                    meant.push(uri);
                }
            }
        }
    }
}

fn shorten(name: &str) -> &str {
    match name.char_indices().nth(COMPARED) {
        Some((end, _)) => &name[..end],
        None => name,
    }
}
