//! What differs between two declarations, part by part.

use serde_json::Value;

use super::super::text::Folded;
use crate::admin::{PolicyDiffJson, WorkingSet};
use crate::policy::declaration::Declaration;

/// A declaration that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub identifier: String,
    /// Its type.
    pub kind: String,
    /// What of it.
    pub parts: Vec<Part>,
}

/// A part that differs: a setting, or a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub name: String,
    /// As it was; nothing where it was not there.
    pub before: Option<Folded>,
    /// As it is.
    pub after: Option<Folded>,
}

/// What differs between a draft and what is published.
pub fn changes(working: &WorkingSet) -> Vec<Change> {
    let mut changes = Vec::new();
    for declaration in &working.declarations {
        let before = working.published.iter().find(|other| other.identifier == declaration.identifier);
        if before != Some(declaration) {
            let (before, after) = (before.map(Declaration::to_json), declaration.to_json());
            changes.push(change(declaration.identifier.as_str(), before.as_ref(), Some(&after)));
        }
    }
    for declaration in &working.published {
        if working.find(declaration.identifier.as_str()).is_none() {
            changes.push(change(declaration.identifier.as_str(), Some(&declaration.to_json()), None));
        }
    }
    changes.sort_by(|one, other| one.identifier.cmp(&other.identifier));
    changes
}

/// What differs between two revisions.
pub fn of_diff(diff: &PolicyDiffJson) -> Vec<Change> {
    let each = diff.changes.iter();
    each.map(|changed| change(&changed.identifier, changed.before.as_ref(), changed.after.as_ref())).collect()
}

fn change(identifier: &str, before: Option<&Value>, after: Option<&Value>) -> Change {
    let kind = after.or(before).and_then(|json| json["type"].as_str()).unwrap_or_default().to_owned();
    let (before, after) = (parts(before), parts(after));
    let mut names: Vec<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let value = |all: &[(String, String)], name: &str| {
        all.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
    };
    let parts = names.into_iter().filter_map(|name| {
        let (was, is) = (value(&before, name), value(&after, name));
        (was != is).then(|| Part {
            name: name.clone(),
            before: was.as_deref().map(Folded::new),
            after: is.as_deref().map(Folded::new),
        })
    });
    Change { identifier: identifier.to_owned(), kind, parts: parts.collect() }
}

/// The fields of a payload, and the settings each by itself.
fn parts(declaration: Option<&Value>) -> Vec<(String, String)> {
    let Some(payload) = declaration.and_then(|json| json["payload"].as_object()) else { return Vec::new() };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut parts = Vec::new();
    for (name, value) in payload {
        match (name.as_str(), value.as_object()) {
            ("settings", Some(settings)) => {
                parts.extend(settings.iter().map(|(uri, value)| (uri.clone(), text(value))));
            }
            ("overrides", Some(reasons)) => {
                parts.extend(reasons.iter().map(|(uri, reason)| (format!("override {uri}"), text(reason))));
            }
            _ => parts.push((name.clone(), text(value))),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_told_one_by_one() {
        let of =
            |settings: Value| json!({"type": "configuration", "identifier": "a", "payload": {"settings": settings}});
        let (before, after) = (of(json!({"./A": 1, "./B": 2})), of(json!({"./B": 3, "./C": [1]})));
        let told = change("a", Some(&before), Some(&after));
        let text = |folded: &Option<Folded>| folded.as_ref().map(|folded| folded.head.clone());
        let parts: Vec<_> =
            told.parts.iter().map(|part| (part.name.as_str(), text(&part.before), text(&part.after))).collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parts, [("./A", some("1"), None), ("./B", some("2"), some("3")), ("./C", None, some("[1]"))]);
        assert_eq!((told.kind.as_str(), change("a", None, None).parts.len()), ("configuration", 0));
    }
}
