//! What an author asks of a device, before it has a `CmdID`.

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};

use super::LocUri;
use crate::syncml::{Format, GroupKind, Verb};

/// A command as its author writes it: one operation, or several in an Atomic or Sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub enum Instruction {
    /// Get, Add, Replace, Delete or Exec.
    Single(Operation),
    /// Atomic or Sequence of operations. Groups do not nest: Windows refuses it.
    Group {
        /// Which of the two.
        kind: GroupKind,
        /// The children, in order; at least one.
        operations: Vec<Operation>,
    },
}

/// One verb on some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Never [`Verb::Copy`].
    pub verb: Verb,
    /// The nodes; at least one, for Exec exactly one.
    pub items: Vec<Setting>,
    /// What an Add does when the node exists.
    pub if_exists: IfExists,
}

/// One node and, where the verb wants it, its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The node.
    pub target: LocUri,
    /// Format of `data`; absent means `chr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// MIME type of `data`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The value.
    #[serde(default, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

impl Setting {
    /// A node without a value: to be asked for, or taken away.
    pub const fn bare(target: LocUri) -> Self {
        Self { target, format: None, mime: None, data: None }
    }
}

/// What an Add does when the device answers 418, "already exists".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IfExists {
    /// It has failed.
    #[default]
    Fail,
    /// The same item is sent again as Replace.
    Replace,
}

impl Instruction {
    /// The operations, in order.
    pub fn operations(&self) -> &[Operation] {
        match self {
            Self::Single(operation) => std::slice::from_ref(operation),
            Self::Group { operations, .. } => operations,
        }
    }

    /// Every node of every operation, in order: the order of the outcomes.
    pub fn settings(&self) -> impl Iterator<Item = (Verb, &Setting)> {
        self.operations()
            .iter()
            .flat_map(|operation| operation.items.iter().map(move |setting| (operation.verb, setting)))
    }

    /// `get`, `add`, … as in JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Single(operation) => kind_of(operation.verb),
            Self::Group { kind: GroupKind::Atomic, .. } => "atomic",
            Self::Group { kind: GroupKind::Sequence, .. } => "sequence",
        }
    }
}

/// The word for a verb in JSON.
const fn kind_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Exec => "exec",
        Verb::Copy => "copy",
    }
}

/// The JSON form, one shape for all kinds: `{"kind":"replace","items":[…]}`, `{"kind":"atomic","commands":[…]}`. A
/// tagged enum would say of a wrong one that it fits no variant; this says what is wrong with it, and where.
#[derive(Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a command such as {\"kind\":\"get\",\"items\":[{\"target\":\"./DevDetail/SwV\"}]}"
)]
struct Wire {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Setting>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commands: Option<Vec<Self>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    if_exists: Option<IfExists>,
}

/// Verbs that an author can use.
const VERBS: [Verb; 5] = [Verb::Get, Verb::Add, Verb::Replace, Verb::Delete, Verb::Exec];

impl Wire {
    fn group_kind(&self) -> Option<GroupKind> {
        match self.kind.as_str() {
            "atomic" => Some(GroupKind::Atomic),
            "sequence" => Some(GroupKind::Sequence),
            _ => None,
        }
    }
}

impl TryFrom<Wire> for Operation {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let kind = wire.kind.as_str();
        let Some(verb) = VERBS.into_iter().find(|verb| kind_of(*verb) == kind) else {
            return Err(match wire.group_kind() {
                Some(group) => format!(
                    "{} can't stand inside another command, Windows refuses it: write its commands beside the others, \
                     or send them as a command of their own",
                    article(group.as_str())
                ),
                None => {
                    format!("{kind:?} is no kind of command: write get, add, replace, delete, exec, atomic or sequence")
                }
            });
        };
        if wire.commands.is_some() {
            return Err(format!(
                "{} has \"items\", not \"commands\": only atomic and sequence hold commands",
                article(kind)
            ));
        }
        if wire.if_exists.is_some() && verb != Verb::Add {
            return Err(format!("\"if_exists\" belongs to an add: {} meets no node that is in its way", article(kind)));
        }
        let items = wire.items.ok_or_else(|| format!("{} needs \"items\", a list of nodes", article(kind)))?;
        Ok(Self { verb, items, if_exists: wire.if_exists.unwrap_or_default() })
    }
}

impl TryFrom<Wire> for Instruction {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let Some(kind) = wire.group_kind() else { return Ok(Self::Single(wire.try_into()?)) };
        let name = article(kind.as_str());
        if wire.items.is_some() || wire.if_exists.is_some() {
            return Err(format!("{name} has \"commands\": write \"items\" and \"if_exists\" inside of these"));
        }
        let commands = wire.commands.ok_or_else(|| format!("{name} needs \"commands\", a list of commands"))?;
        let operations = commands.into_iter().enumerate().map(|(index, command)| {
            Operation::try_from(command).map_err(|error| format!("commands[{index}]: {error}"))
        });
        Ok(Self::Group { kind, operations: operations.collect::<Result<_, _>>()? })
    }
}

/// The word with its article.
fn article(word: &str) -> String {
    let is_vowel = word.starts_with(['a', 'e', 'A', 'E']);
    format!("{} {word}", if is_vowel { "an" } else { "a" })
}

impl From<Operation> for Wire {
    fn from(operation: Operation) -> Self {
        let Operation { verb, items, if_exists } = operation;
        let if_exists = (if_exists != IfExists::default()).then_some(if_exists);
        Self { kind: kind_of(verb).to_owned(), items: Some(items), commands: None, if_exists }
    }
}

impl From<Instruction> for Wire {
    fn from(instruction: Instruction) -> Self {
        let kind = instruction.kind().to_owned();
        match instruction {
            Instruction::Single(operation) => operation.into(),
            Instruction::Group { operations, .. } => {
                let commands = operations.into_iter().map(Self::from).collect();
                Self { kind, items: None, commands: Some(commands), if_exists: None }
            }
        }
    }
}

/// Takes text and nothing else, and says so: a number or a truth value has more than one spelling.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("text in quotes, such as \"12\" or \"true\"")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_string<E: serde::de::Error>(self, text: String) -> Result<String, E> {
            Ok(text)
        }
    }

    deserializer.deserialize_string(Text).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<Instruction, String> {
        serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
    }

    fn refusal(value: &Value) -> String {
        read(value).unwrap_err()
    }

    #[test]
    fn every_form_is_written_as_it_was_read() {
        let items = json!([{"target": "./DevDetail/SwV"}]);
        let value = json!([{"target": "./X", "format": "int", "type": "text/plain", "data": "12"}]);
        for form in [
            json!({"kind": "get", "items": items}),
            json!({"kind": "add", "items": value}),
            json!({"kind": "add", "items": value, "if_exists": "replace"}),
            json!({"kind": "replace", "items": value}),
            json!({"kind": "delete", "items": items}),
            json!({"kind": "exec", "items": [{"target": "./Device/Vendor/MSFT/Reboot/RebootNow"}]}),
            json!({"kind": "atomic", "commands": [{"kind": "replace", "items": value}]}),
            json!({"kind": "atomic", "commands": [{"kind": "replace", "items": []}]}),
            json!({"kind": "sequence", "commands": [
                {"kind": "delete", "items": items},
                {"kind": "add", "items": value, "if_exists": "replace"},
            ]}),
        ] {
            let instruction = read(&form).unwrap();
            assert_eq!(serde_json::to_value(&instruction).unwrap(), form);
            assert_eq!(form["kind"], instruction.kind());
        }
    }

    #[test]
    fn the_parts_are_where_they_belong() {
        let instruction = read(&json!({"kind": "atomic", "commands": [
            {"kind": "add", "items": [{"target": "./A", "data": ""}], "if_exists": "replace"},
            {"kind": "replace", "items": [{"target": "./B", "format": "INT", "data": "1"}, {"target": "./C"}]},
        ]}))
        .unwrap();
        let [add, replace] = instruction.operations() else { panic!("{instruction:?}") };
        assert_eq!((add.verb, add.if_exists), (Verb::Add, IfExists::Replace));
        assert_eq!((replace.verb, replace.if_exists), (Verb::Replace, IfExists::Fail));
        assert_eq!((add.items[0].format.as_ref(), add.items[0].data.as_deref()), (None, Some("")));
        assert_eq!(replace.items[0].format, Some(Format::Int));
        let settings: Vec<_> = instruction.settings().map(|(verb, setting)| (verb, setting.target.as_str())).collect();
        assert_eq!(settings, [(Verb::Add, "./A"), (Verb::Replace, "./B"), (Verb::Replace, "./C")]);
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let error = refusal(&json!({"kind": "get", "itmes": []}));
        assert!(error.contains("unknown field `itmes`, expected one of `kind`, `items`"), "{error}");
        let error = refusal(&json!({"kind": "get", "items": [{"traget": "./A"}]}));
        assert!(error.contains("unknown field `traget`, expected one of `target`, `format`"), "{error}");
    }

    #[test]
    fn groups_do_not_nest() {
        let inner = json!({"kind": "atomic", "commands": []});
        let error = refusal(&json!({"kind": "sequence", "commands": [{"kind": "get", "items": []}, inner]}));
        assert!(
            error.contains("commands[1]: an Atomic can't stand inside another command, Windows refuses"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_shape_is_named() {
        let item = json!([{"target": "./A"}]);
        for (value, says) in [
            (json!({"items": item}), "missing field `kind`"),
            (json!({"kind": "gett", "items": item}), "\"gett\" is no kind of command: write get, add, replace"),
            (json!({"kind": "copy", "items": item}), "\"copy\" is no kind of command"),
            (json!({"kind": "get"}), "a get needs \"items\""),
            (json!({"kind": "exec", "commands": []}), "an exec has \"items\", not \"commands\""),
            (json!({"kind": "atomic", "items": item}), "an Atomic has \"commands\""),
            (json!({"kind": "sequence"}), "a Sequence needs \"commands\""),
            (json!({"kind": "get", "items": item, "if_exists": "replace"}), "\"if_exists\" belongs to an add"),
            (json!({"kind": "add", "items": item, "if_exists": "skip"}), "unknown variant `skip`, expected `fail` or"),
            (json!({"kind": "get", "items": [{}]}), "missing field `target`"),
            (json!({"kind": "get", "items": [{"target": "/A"}]}), "must not start with a slash: write ./A"),
            (json!({"kind": "replace", "items": [{"target": "./A", "data": 12}]}), "expected text in quotes, such as"),
            (json!({"kind": "replace", "items": [{"target": "./A", "data": null}]}), "expected text in quotes"),
            (json!({"kind": "get", "items": {"target": "./A"}}), "invalid type: map, expected a sequence"),
            (json!([]), "expected a command such as {\"kind\":\"get\""),
            (json!("reboot"), "expected a command such as"),
        ] {
            let error = refusal(&value);
            assert!(error.contains(says), "{value}: {error}");
        }
    }

    #[test]
    fn a_refusal_says_where_in_the_text() {
        let text = "{\"kind\": \"get\",\n \"items\": [{\"target\": \"./A//B\"}]}";
        let error = serde_json::from_str::<Instruction>(text).unwrap_err();
        assert_eq!(error.line(), 2, "{error}");
    }
}
