//! What differs between two states of the same things.

use std::collections::BTreeMap;

use crate::policy::declaration::{Declaration, Identifier};

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<T> {
    /// It is new.
    Added(T),
    /// It is another: as it is.
    Changed(T),
    /// It is gone: as it was.
    Removed(T),
}

/// What differs, by name.
pub(super) fn between<K: Ord, T: PartialEq>(
    before: impl IntoIterator<Item = (K, T)>,
    after: impl IntoIterator<Item = (K, T)>,
) -> BTreeMap<K, Change<T>> {
    let mut before: BTreeMap<K, T> = before.into_iter().collect();
    let after: BTreeMap<K, T> = after.into_iter().collect();
    let mut changes = BTreeMap::new();
    for (name, is) in after {
        let change = match before.remove(&name) {
            None => Change::Added(is),
            Some(was) if was != is => Change::Changed(is),
            Some(_) => continue,
        };
        changes.insert(name, change);
    }
    changes.extend(before.into_iter().map(|(name, was)| (name, Change::Removed(was))));
    changes
}

/// Declarations with their names.
pub(super) fn by_name(declarations: &[Declaration]) -> impl Iterator<Item = (&Identifier, &Declaration)> {
    declarations.iter().map(|each| (&each.identifier, each))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_went_and_became_another_is_told() {
        let told = between([("a", 1), ("b", 1), ("c", 1)], [("d", 2), ("b", 2), ("a", 1)]);
        let told: Vec<_> = told.into_iter().collect();
        assert_eq!(told, [("b", Change::Changed(2)), ("c", Change::Removed(1)), ("d", Change::Added(2))]);
    }
}
