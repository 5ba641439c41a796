//! What an address means.

use super::build::fold;
use super::{Catalogue, DEVICE, NodeId, Prefix, USER};
use crate::csp::ddf::NodeName;
use crate::csp::loc_uri::node;
use crate::csp::{LocUri, Scope};

/// What an address means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A node that is known.
    Known(Hit),
    /// Nothing that any description speaks of: it may be right.
    Unchecked(Unchecked),
    /// Where descriptions speak of everything, and not of this.
    Missing(Missing),
}

/// A node that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The node.
    pub node: NodeId,
    /// The address as the description spells it.
    pub uri: LocUri,
    /// It was written so, apart from escapes and a query.
    pub is_spelled_so: bool,
    /// Names that were chosen, in the order of the address.
    pub chosen: Vec<(NodeId, String)>,
    /// It is the result of a policy (`Policy/Result/…`), which can only be read.
    pub is_result: bool,
}

/// Why an address is not checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchecked {
    /// `./cimv2`: WMI classes.
    Wmi,
    /// `./Vendor/<not MSFT>`.
    Vendor,
    /// A policy of a template that devices are given (`App~Policy~…`), and none of this app was imported.
    Ingested,
}

/// An address that means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The last node on the way that is known.
    pub known: String,
    /// The name below it that is not.
    pub name: String,
    /// The same address in the other scope, where it is known there.
    pub other_scope: Option<LocUri>,
    /// Addresses that might have been meant, the likeliest first.
    pub meant: Vec<String>,
}

/// Steps of one search. Descriptions that are no trap need as many as the address has names.
const MAX_STEPS: u32 = 10_000;

impl Catalogue {
    /// What an address means. Names are compared without the case of ASCII letters; a fixed name comes before a chosen
    /// one, and where the fixed one leads nowhere the chosen one is tried.
    pub fn find(&self, uri: &LocUri) -> Found {
        let names: Vec<String> =
            node::segments(uri.as_str()).map(|segment| String::from_utf8_lossy(&segment).into_owned()).collect();
        let (scope, names) = match uri.scope() {
            Scope::User => (USER, names.get(1..).unwrap_or_default()),
            Scope::Device => (DEVICE, &names[..]),
        };
        if let Some(hit) = self.hit(scope, names, uri) {
            return Found::Known(hit);
        }
        match unchecked(names) {
            // What the template does not have is a slip.
            Some(Unchecked::Ingested) if self.knows_template(names) => {}
            Some(why) => return Found::Unchecked(why),
            None => {}
        }
        let other = if scope == USER { DEVICE } else { USER };
        let other_scope = self.hit(other, names, uri).map(|hit| hit.uri);
        Found::Missing(self.missing(scope, names, other_scope))
    }

    /// The node that an address names, if it is known.
    pub fn known(&self, uri: &LocUri) -> Option<Hit> {
        match self.find(uri) {
            Found::Known(hit) => Some(hit),
            Found::Unchecked(_) | Found::Missing(_) => None,
        }
    }

    /// A step on the way to nodes that no file describes by itself: the roots, `./Vendor`, `./Vendor/MSFT`.
    pub fn on_the_way(&self, uri: &LocUri) -> Option<NodeId> {
        let mut names: Vec<String> =
            node::segments(uri.as_str()).map(|segment| String::from_utf8_lossy(&segment).into_owned()).collect();
        let root = match names.first() {
            Some(first) if first.eq_ignore_ascii_case("User") => {
                names.remove(0);
                USER
            }
            // A root that nothing follows is no name of a node.
            Some(first) if names.len() == 1 && first.eq_ignore_ascii_case("Device") => {
                names.clear();
                DEVICE
            }
            _ => DEVICE,
        };
        let found = names.iter().try_fold(root, |above, name| self.fixed_below(above, &fold(name)))?;
        self.entry(found).properties.is_none().then_some(found)
    }

    /// Whether a template is known whose settings stand below the same app and kind as an address: `App~Policy`.
    fn knows_template(&self, names: &[String]) -> bool {
        let Some(area) = names.get(4) else { return false };
        let app: Vec<&str> = area.splitn(3, '~').take(2).collect();
        let app = fold(&app.join("~"));
        let is_of_app =
            |known: &str| known.strip_prefix(&*app).is_some_and(|rest| rest.is_empty() || rest.starts_with('~'));
        [DEVICE, USER].into_iter().any(|scope| {
            let config = ["vendor", "msft", "policy", "config"];
            let config = config.iter().try_fold(scope, |above, name| self.fixed_below(above, name));
            config.is_some_and(|config| self.entry(config).fixed.iter().any(|(known, _)| is_of_app(known)))
        })
    }

    fn hit(&self, scope: NodeId, names: &[String], written: &LocUri) -> Option<Hit> {
        let folded: Vec<Box<str>> = names.iter().map(|name| fold(name)).collect();
        // An area or a policy of it.
        let policy = |last: &str| {
            matches!(folded.len(), 5 | 6)
                && folded.iter().zip(["vendor", "msft", "policy", last]).all(|(name, wanted)| **name == *wanted)
        };
        let mut folded_config = folded.clone();
        let is_result = policy("result");
        if is_result && let Some(name) = folded_config.get_mut(3) {
            *name = "config".into();
        }
        let mut way = Vec::new();
        let mut steps = MAX_STEPS;
        if !self.walk(scope, &folded_config, &mut way, &mut steps) {
            return None;
        }
        let node = *way.last()?;
        self.entry(node).properties.as_ref()?;
        let mut spelled = match self.prefix(node) {
            Prefix::Bare => ".".to_owned(),
            Prefix::Device => "./Device".to_owned(),
            Prefix::User => "./User".to_owned(),
        };
        let mut chosen = Vec::new();
        let as_written = node::written_segments(written.as_str()).skip(usize::from(written.scope() == Scope::User));
        for (index, ((id, name), as_written)) in way.iter().zip(names).zip(as_written).enumerate() {
            spelled.push('/');
            match &self.entry(*id).name {
                NodeName::Fixed(_) if is_result && index == 3 => spelled.push_str("Result"),
                NodeName::Fixed(fixed) => spelled.push_str(fixed),
                NodeName::Dynamic { .. } => {
                    spelled.push_str(as_written);
                    chosen.push((*id, name.clone()));
                }
            }
        }
        let written_path = written.path();
        let is_spelled_so = spelled == written_path
            || node::segments(&spelled).eq(node::segments(written_path))
                && scope_word(written_path) == scope_word(&spelled);
        if let Some((_, query)) = written.as_str().split_once('?') {
            spelled.push('?');
            spelled.push_str(query);
        }
        // What was valid is so with other letters too; should it ever not be, what was written stays.
        let uri = spelled.parse().unwrap_or_else(|_| written.clone());
        Some(Hit { node, uri, is_spelled_so, chosen, is_result })
    }

    /// Walks down; whether it came to the end. Frames match anything, so they do not count.
    fn walk(&self, above: NodeId, names: &[Box<str>], way: &mut Vec<NodeId>, steps: &mut u32) -> bool {
        let Some((name, rest)) = names.split_first() else { return true };
        let Some(left) = steps.checked_sub(1) else { return false };
        *steps = left;
        let fixed = self.fixed_below(above, name);
        let dynamic = self.entry(above).dynamic.iter().copied().filter(|id| !self.entry(*id).frame);
        for id in fixed.into_iter().chain(dynamic) {
            way.push(id);
            if self.walk(id, rest, way, steps) && (!rest.is_empty() || self.entry(id).properties.is_some()) {
                return true;
            }
            way.pop();
        }
        false
    }

    /// How addresses of the tree begin that a node is in.
    pub(super) fn prefix(&self, node: NodeId) -> Prefix {
        let mut root = node;
        for (id, entry) in self.upwards(node) {
            if let Some(prefix) = entry.prefix {
                return prefix;
            }
            root = id;
        }
        if root == USER { Prefix::User } else { Prefix::Device }
    }

    /// The address of a node; chosen names stand in braces.
    pub fn uri(&self, node: NodeId) -> String {
        let mut names: Vec<String> = self
            .upwards(node)
            .filter(|(_, entry)| entry.parent.is_some())
            .map(|(_, entry)| match &entry.name {
                NodeName::Fixed(name) => name.clone(),
                NodeName::Dynamic { placeholder, .. } => format!("{{{}}}", placeholder.as_deref().unwrap_or("name")),
            })
            .collect();
        names.push(match self.prefix(node) {
            Prefix::Bare => ".".to_owned(),
            Prefix::Device => "./Device".to_owned(),
            Prefix::User => "./User".to_owned(),
        });
        names.reverse();
        names.join("/")
    }

    /// The last node on the way that is known, by fixed names first.
    pub(super) fn deepest(&self, scope: NodeId, names: &[String]) -> (NodeId, usize) {
        let mut best = (scope, 0);
        let mut waiting = vec![(scope, 0)];
        let mut steps = 0;
        while let Some((above, depth)) = waiting.pop() {
            steps += 1;
            if depth > best.1 {
                best = (above, depth);
            }
            let Some(name) = names.get(depth) else { continue };
            if steps > 1000 {
                break;
            }
            waiting.extend(
                self.entry(above).dynamic.iter().filter(|id| !self.entry(**id).frame).map(|id| (*id, depth + 1)),
            );
            waiting.extend(self.fixed_below(above, &fold(name)).map(|id| (id, depth + 1)));
        }
        best
    }
}

fn scope_word(path: &str) -> &str {
    let first = path.trim_start_matches("./").split('/').next().unwrap_or_default();
    if ["Device", "User"].contains(&first) { first } else { "" }
}

fn unchecked(names: &[String]) -> Option<Unchecked> {
    let is = |index: usize, wanted: &str| names.get(index).is_some_and(|name| name.eq_ignore_ascii_case(wanted));
    if is(0, "cimv2") {
        Some(Unchecked::Wmi)
    } else if is(0, "Vendor") && names.len() > 1 && !is(1, "MSFT") {
        Some(Unchecked::Vendor)
    } else if is(1, "MSFT")
        && is(2, "Policy")
        && (is(3, "Config") || is(3, "Result"))
        && names.get(4).is_some_and(|area| area.contains('~'))
    {
        Some(Unchecked::Ingested)
    } else {
        None
    }
}
