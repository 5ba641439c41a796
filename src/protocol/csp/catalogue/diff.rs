//! What differs between two catalogues.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Catalogue, NodeId};
use crate::csp::ddf::{Allowed, DependencyGroup, Properties};

/// An address that is not the same in two catalogues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The address.
    pub uri: String,
    /// How it differs.
    pub change: Change,
}

/// How a node differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "what")]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and it is not the same: which properties.
    Changed(Vec<String>),
}

/// What differs, in the order of the addresses. `./Vendor` and `./Device/Vendor` are one.
pub fn diff(one: &Catalogue, other: &Catalogue) -> Vec<Difference> {
    let (before, after) = (by_address(one), by_address(other));
    let mut found = Vec::new();
    for (key, (uri, old)) in &before {
        let change = match after.get(key) {
            None => Change::Removed,
            Some((_, new)) => {
                let changed = changed(old, new);
                if changed.is_empty() {
                    continue;
                }
                Change::Changed(changed)
            }
        };
        found.push(Difference { uri: uri.clone(), change });
    }
    let added = after.iter().filter(|(key, _)| !before.contains_key(*key));
    found.extend(added.map(|(_, (uri, _))| Difference { uri: uri.clone(), change: Change::Added }));
    found.sort_by(|one, other| one.uri.cmp(&other.uri));
    found
}

fn by_address(catalogue: &Catalogue) -> BTreeMap<String, (String, &Properties)> {
    let address = |id: NodeId| {
        let uri = catalogue.uri(id);
        let bare = uri.strip_prefix("./Device/").map_or_else(|| uri.clone(), |rest| format!("./{rest}"));
        // What is chosen is called differently from release to release.
        let key: String =
            bare.split('/').map(|name| if name.starts_with('{') { "*" } else { name }).collect::<Vec<_>>().join("/");
        Some((key.to_ascii_lowercase(), (uri, catalogue.entry(id).properties.as_deref()?)))
    };
    catalogue.ids().filter_map(address).collect()
}

fn changed(old: &Properties, new: &Properties) -> Vec<String> {
    let mut changed = Vec::new();
    let mut note = |name: &str, differs: bool| {
        if differs {
            changed.push(name.to_owned());
        }
    };
    note("access", old.access != new.access);
    note("format", old.format != new.format);
    note("allowed values", old.allowed.as_ref().map(facts) != new.allowed.as_ref().map(facts));
    note("applicability", old.applicability != new.applicability);
    note("deprecated", old.deprecated != new.deprecated);
    note("default", old.default != new.default);
    note("dependencies", needs(old) != needs(new));
    note("conflict resolution", old.conflict != new.conflict);
    note("reboot", old.reboot != new.reboot);
    note("atomic", old.atomic != new.atomic);
    changed
}

/// What must hold elsewhere, without the words for it.
fn needs(properties: &Properties) -> Vec<DependencyGroup> {
    let mut needs = properties.dependencies.clone();
    needs.iter_mut().for_each(DependencyGroup::strip_prose);
    needs
}

/// What is taken, without the words for it.
fn facts(allowed: &Allowed) -> Allowed {
    let mut facts = allowed.clone();
    facts.strip_prose();
    facts
}
