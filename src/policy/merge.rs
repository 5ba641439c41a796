//! Two people who changed the same set: what each of them changed, together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::declaration::{Configuration, Declaration, Identifier, Payload};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// The declarations, with what both changed.
    pub declarations: Vec<Declaration>,
    /// What both changed, each in another way: as the first of the two has it now. An identifier, and the setting where it is
    /// one.
    pub contested: Vec<(Identifier, Option<String>)>,
}

/// What `mine` and `theirs` changed of `base`; where they disagree, `mine` holds and it is told.
pub fn merge(base: &[Declaration], mine: &[Declaration], theirs: &[Declaration]) -> Merged {
    let by_name = |all: &[Declaration]| -> BTreeMap<Identifier, Declaration> {
        all.iter().map(|each| (each.identifier.clone(), each.clone())).collect()
    };
    let (base, mine, theirs) = (by_name(base), by_name(mine), by_name(theirs));
    let names: BTreeSet<&Identifier> = mine.keys().chain(theirs.keys()).collect();
    let mut merged = Merged::default();
    for name in names {
        let (was, own, other) = (base.get(name), mine.get(name), theirs.get(name));
        if own == other || other == was {
            merged.declarations.extend(own.cloned());
        } else if own == was {
            merged.declarations.extend(other.cloned());
        } else {
            merged.settle(name, was, own, other);
        }
    }
    merged
}

impl Merged {
    /// What both changed.
    fn settle(
        &mut self,
        name: &Identifier,
        was: Option<&Declaration>,
        own: Option<&Declaration>,
        other: Option<&Declaration>,
    ) {
        if let (Some(own), Some(other)) = (own.and_then(settings), other.and_then(settings)) {
            let none = Configuration::default();
            let was = was.and_then(settings).unwrap_or(&none);
            let drift = if own.drift == was.drift { other.drift } else { own.drift };
            let mut configuration =
                Configuration { description: own.description.clone(), drift, ..Configuration::default() };
            if own.description == was.description {
                configuration.description.clone_from(&other.description);
            }
            for uri in own.settings.keys().chain(other.settings.keys()).collect::<BTreeSet<_>>() {
                let of = |one: &Configuration| (one.settings.get(uri).cloned(), one.overrides.get(uri).cloned());
                let (before, ours, theirs) = (of(was), of(own), of(other));
                let holds = if ours == before { theirs.clone() } else { ours.clone() };
                if ours != before && theirs != before && ours != theirs {
                    self.contested.push((name.clone(), Some(uri.as_str().to_owned())));
                }
                if let Some(value) = holds.0 {
                    configuration.settings.insert(uri.clone(), value);
                    configuration.overrides.extend(holds.1.map(|reason| (uri.clone(), reason)));
                }
            }
            let payload = Payload::Configuration(configuration);
            self.declarations.push(Declaration { identifier: name.clone(), payload });
            return;
        }
        self.contested.push((name.clone(), None));
        self.declarations.extend(own.cloned());
    }
}

const fn settings(declaration: &Declaration) -> Option<&Configuration> {
    match &declaration.payload {
        Payload::Configuration(configuration) => Some(configuration),
        Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::declaration::read_text;

    fn set(text: &str) -> Vec<Declaration> {
        read_text("a.yaml", text).documents.into_iter().map(|document| document.declaration).collect()
    }

    fn configuration(name: &str, settings: &str) -> String {
        format!("---\ntype: configuration\nidentifier: {name}\npayload: {{settings: {settings}}}\n")
    }

    #[test]
    fn what_each_changed_is_kept() {
        let base = configuration("a", "{./A: 1, ./B: 1, ./C: 1}") + &configuration("gone", "{./X: 1}");
        let mine = configuration("a", "{./A: 2, ./B: 1, ./C: 1}") + &configuration("mine", "{./M: 1}");
        let theirs = configuration("a", "{./A: 1, ./B: 3}")
            + &configuration("gone", "{./X: 1}")
            + &configuration("theirs", "{./T: 1}");
        let merged = merge(&set(&base), &set(&mine), &set(&theirs));
        assert!(merged.contested.is_empty(), "{:?}", merged.contested);
        let wanted = configuration("a", "{./A: 2, ./B: 3}")
            + &configuration("mine", "{./M: 1}")
            + &configuration("theirs", "{./T: 1}");
        assert_eq!(merged.declarations, set(&wanted));
    }

    #[test]
    fn where_they_disagree_it_is_told_and_nothing_of_mine_is_lost() {
        let base = configuration("a", "{./A: 1}") + &configuration("b", "{./B: 1}");
        let mine = configuration("a", "{./A: 2}") + &configuration("b", "{./B: 2}");
        let merged = merge(&set(&base), &set(&mine), &set(&configuration("a", "{./A: 3}")));
        assert_eq!(merged.declarations, set(&mine));
        let told: Vec<_> = merged.contested.iter().map(|(name, uri)| (name.as_str(), uri.as_deref())).collect();
        assert_eq!(told, [("a", Some("./A")), ("b", None)]);
        assert_eq!(merge(&set(&base), &set(&base), &set(&mine)).declarations, set(&mine));
    }
}
