//! Finding a place: its rule, its node, whether it is there, and who may go.

use transom_protocol::session::LoginStatus;
use transom_protocol::syncml::{StatusCode, Verb};

use super::node::Node;
use super::path::{Path, Query};
use super::rule::{Rule, WINDOWS_11};
use super::{Refusal, Tree};

/// A place of the tree that a command names.
pub(super) struct Place<'a> {
    /// What is allowed.
    pub(super) rule: &'static Rule,
    /// What was set.
    pub(super) node: Option<&'a Node>,
    /// The node is there.
    pub(super) exists: bool,
    /// The node above is there.
    pub(super) parent_exists: bool,
    /// Where its value is kept.
    pub(super) storage: Path,
    /// What was asked of the node.
    pub(super) query: Query,
}

impl Tree {
    /// The place that a `LocURI` names, when the verb may act on it.
    pub(super) fn place(&self, loc_uri: &str, verb: Verb) -> Result<Place<'_>, Refusal> {
        let (path, query) = Path::parse(loc_uri).map_err(|_| Refusal::status(StatusCode::BAD_REQUEST))?;
        if path.is_of_user() {
            match self.login {
                LoginStatus::User => {}
                LoginStatus::None => return Err(Refusal::status(StatusCode::COMMAND_FAILED)),
                LoginStatus::Others | LoginStatus::Unsaid => return Err(Refusal::status(StatusCode::NOT_ALLOWED)),
            }
        }
        let place = self.walk(&path, query)?;
        if verb == Verb::Get && self.lacks(&path) {
            return Err(unknown(place.rule));
        }
        if place.rule.access.allows(verb) { Ok(place) } else { Err(Refusal::status(StatusCode::NOT_ALLOWED)) }
    }

    /// Whether this is one of the nodes that the device lacks: always the same ones, and none of those that it is
    /// managed by.
    fn lacks(&self, path: &Path) -> bool {
        let names = path.segments.iter().map(|segment| segment.key.as_str());
        let hash =
            names.clone().flat_map(str::bytes).fold(5381_u32, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte));
        let manages = names.clone().any(|name| matches!(name, "dmclient" | "dmacc"));
        !manages && hash / 7 % 100 < u32::from(self.lacks)
    }

    /// From the root to the place: rules and nodes side by side.
    fn walk(&self, path: &Path, query: Query) -> Result<Place<'_>, Refusal> {
        let storage = path.storage();
        let mut rule: &'static Rule = &WINDOWS_11;
        let mut node = Some(&self.root);
        let mut exists = true;
        let mut parent_exists = true;
        for (segment, stored) in path.segments.iter().zip(&storage.segments) {
            let Some((next, named)) = rule.child(&segment.key) else { return Err(unknown(rule)) };
            rule = next;
            node = node.and_then(|node| node.children.get(&stored.key));
            parent_exists = exists;
            exists = exists && (node.is_some() || (named && rule.is_permanent()));
        }
        Ok(Place { rule, node, exists, parent_exists, storage, query })
    }
}

/// The answer of a provider for a node that it does not have.
fn unknown(rule: &Rule) -> Refusal {
    match rule.csp {
        Some(csp) if csp.unknown != StatusCode::NOT_FOUND => Refusal::status(csp.unknown),
        _ => Refusal::NOT_FOUND,
    }
}
