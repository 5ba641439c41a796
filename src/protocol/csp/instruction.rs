//! What an author asks of a device, before it has a `CmdID`.

use serde::{Deserialize, Serialize};

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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
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
fn kind_of(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Replace => "replace",
        Verb::Delete => "delete",
        Verb::Get => "get",
        Verb::Exec => "exec",
        Verb::Copy => "copy",
    }
}

/// The JSON form: `{"kind":"replace","items":[…]}`, `{"kind":"atomic","commands":[…]}`.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Wire {
    Get {
        items: Vec<Setting>,
    },
    Add {
        items: Vec<Setting>,
        #[serde(default, skip_serializing_if = "is_default")]
        if_exists: IfExists,
    },
    Replace {
        items: Vec<Setting>,
    },
    Delete {
        items: Vec<Setting>,
    },
    Exec {
        items: Vec<Setting>,
    },
    Atomic {
        commands: Vec<Self>,
    },
    Sequence {
        commands: Vec<Self>,
    },
}

fn is_default(value: &IfExists) -> bool {
    *value == IfExists::default()
}

impl TryFrom<Wire> for Operation {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let (verb, items, if_exists) = match wire {
            Wire::Get { items } => (Verb::Get, items, IfExists::Fail),
            Wire::Add { items, if_exists } => (Verb::Add, items, if_exists),
            Wire::Replace { items } => (Verb::Replace, items, IfExists::Fail),
            Wire::Delete { items } => (Verb::Delete, items, IfExists::Fail),
            Wire::Exec { items } => (Verb::Exec, items, IfExists::Fail),
            Wire::Atomic { .. } => {
                return Err("an Atomic can't stand inside another command: Windows refuses it".to_owned());
            }
            Wire::Sequence { .. } => return Err("a Sequence can't stand inside another command".to_owned()),
        };
        Ok(Self { verb, items, if_exists })
    }
}

impl TryFrom<Wire> for Instruction {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let (kind, commands) = match wire {
            Wire::Atomic { commands } => (GroupKind::Atomic, commands),
            Wire::Sequence { commands } => (GroupKind::Sequence, commands),
            single => return Ok(Self::Single(single.try_into()?)),
        };
        let operations = commands.into_iter().map(Operation::try_from).collect::<Result<_, _>>()?;
        Ok(Self::Group { kind, operations })
    }
}

impl From<Operation> for Wire {
    fn from(operation: Operation) -> Self {
        let Operation { verb, items, if_exists } = operation;
        match verb {
            Verb::Get | Verb::Copy => Self::Get { items },
            Verb::Add => Self::Add { items, if_exists },
            Verb::Replace => Self::Replace { items },
            Verb::Delete => Self::Delete { items },
            Verb::Exec => Self::Exec { items },
        }
    }
}

impl From<Instruction> for Wire {
    fn from(instruction: Instruction) -> Self {
        match instruction {
            Instruction::Single(operation) => operation.into(),
            Instruction::Group { kind, operations } => {
                let commands = operations.into_iter().map(Self::from).collect();
                match kind {
                    GroupKind::Atomic => Self::Atomic { commands },
                    GroupKind::Sequence => Self::Sequence { commands },
                }
            }
        }
    }
}
