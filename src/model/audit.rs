//! The audit log: who did what, to what, when and from where, with what was before and after.

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use transom_protocol::session::Timestamp;

use super::Actor;

/// Something worth a record: a change, or a look at a secret.
///
/// `before` and `after` never hold a secret: whoever makes a record names what was changed, not a value that may be one.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// What was done: a stable word with a noun and a verb, such as `device.block`.
    pub action: &'static str,
    /// The kind of what it was done to, such as `device`.
    pub subject_kind: &'static str,
    /// Its id or name.
    pub subject: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is now, or what was asked for.
    pub after: Option<Value>,
}

impl AuditRecord {
    /// Something was done to something.
    pub fn new(action: &'static str, subject_kind: &'static str, subject: impl Into<String>) -> Self {
        Self { action, subject_kind, subject: subject.into(), before: None, after: None }
    }

    /// With how it was.
    #[must_use]
    pub fn before(self, before: Value) -> Self {
        Self { before: Some(before), ..self }
    }

    /// With how it is now, or what was asked for.
    #[must_use]
    pub fn after(self, after: Value) -> Self {
        Self { after: Some(after), ..self }
    }
}

/// A record of the audit log as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place in the chain, gapless from 1.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was done.
    pub action: String,
    /// The kind of what it was done to.
    pub subject_kind: String,
    /// Its id or name.
    pub subject: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is now.
    pub after: Option<Value>,
    /// SHA-256 over the hash of the entry before and the canonical form of this one.
    pub hash: [u8; 32],
}

/// Where the chain of the audit log begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditChain {
    /// The first entry that is kept.
    pub first: i64,
    /// The hash of the entry before it: zeros before the first of all.
    pub anchor: [u8; 32],
    /// The last entry; one less than `first` when there is none.
    pub last: i64,
    /// Its hash.
    pub head: [u8; 32],
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of this actor.
    pub actor: Option<String>,
    /// Only those of this action, or of all actions that begin so when it ends in a dot.
    pub action: Option<String>,
    /// Only those that were done to this.
    pub subject: Option<String>,
    /// Only those since.
    pub since: Option<Timestamp>,
    /// Only those before.
    pub until: Option<Timestamp>,
}

impl AuditEntry {
    /// The hash that this entry must have behind an entry with that hash.
    pub fn link(&self, before: &[u8; 32]) -> [u8; 32] {
        Sha256::new().chain_update(before).chain_update(self.canonical()).finalize().into()
    }

    /// The form that is hashed: JSON of one line, its members in the order of their names.
    pub fn canonical(&self) -> String {
        let fields = [
            ("action", Value::from(self.action.as_str())),
            ("actor", Value::from(self.actor.name.as_str())),
            ("after", self.after.clone().unwrap_or_default()),
            ("at", Value::from(self.at.0)),
            ("before", self.before.clone().unwrap_or_default()),
            ("from", self.actor.from.map_or(Value::Null, |from| Value::from(from.to_string()))),
            ("kind", serde_json::to_value(self.actor.kind).unwrap_or_default()),
            ("seq", Value::from(self.seq)),
            ("subject", Value::from(self.subject.as_str())),
            ("subject_kind", Value::from(self.subject_kind.as_str())),
            ("trace", self.actor.trace.as_deref().map_or(Value::Null, Value::from)),
        ];
        let mut text = String::new();
        write_members(fields.iter().map(|(name, value)| (*name, value)), &mut text);
        text
    }
}

/// An object, whose members come in the order in which they are given.
fn write_members<'a>(members: impl Iterator<Item = (&'a str, &'a Value)>, text: &mut String) {
    text.push('{');
    for (place, (name, value)) in members.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name).to_string());
        text.push(':');
        write(value, text);
    }
    text.push('}');
}

/// A value in the canonical form, whatever order its members were put in.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            write_members(sorted.into_iter(), text);
        }
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_canonical_form_is_one_and_holds_every_field() {
        let entry = AuditEntry {
            seq: 7,
            at: Timestamp(1_800_000_000_000),
            actor: Actor::operator("ada").asking(Some([192, 0, 2, 7].into()), Some("0190".to_owned())),
            action: "device.block".to_owned(),
            subject_kind: "device".to_owned(),
            subject: "D\"1".to_owned(),
            before: Some(json!({"b": [1, {"y": null, "x": true}], "a": "\n"})),
            after: None,
            hash: [0; 32],
        };
        let expected = concat!(
            r#"{"action":"device.block","actor":"ada","after":null,"at":1800000000000,"#,
            r#""before":{"a":"\n","b":[1,{"x":true,"y":null}]},"from":"192.0.2.7","kind":"operator","seq":7,"#,
            r#""subject":"D\"1","subject_kind":"device","trace":"0190"}"#
        );
        assert_eq!(entry.canonical(), expected);
        let same: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(same["seq"], 7);
    }
}
