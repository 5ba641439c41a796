//! What an action becomes: the commands, the one among them that decides, and what ends it.

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::syncml::{Format, GroupKind, Verb};

use super::Refusal;
use crate::model::{Dependency, NewCommand};

/// The commands of an action, in the order in which they are sent.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) commands: Vec<NewCommand>,
    /// The place of the command whose outcome decides.
    pub(super) decides: usize,
}

/// What ends an action, once the device has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The Status itself: the device has no other word for it.
    Status,
    /// The device begins another session.
    Return,
    /// The device enrolls anew: it was erased, and nothing else is heard of it.
    Rebirth,
    /// What the device says when it is asked.
    Reading,
    /// An alert that the device sends, or what it says when it is asked.
    Report,
    /// What the device sends to an address of its own, or what it says when it is asked.
    Upload,
}

impl Plan {
    /// One command.
    pub(super) fn of(instruction: Instruction) -> Self {
        Self { commands: vec![NewCommand::new(instruction)], decides: 0 }
    }

    /// Reads that come before, so that it is known how it was.
    pub(super) fn after_reading(mut self, nodes: Vec<LocUri>) -> Self {
        let reads: Vec<NewCommand> = nodes.into_iter().map(read).collect();
        for command in &mut self.commands {
            for dependency in &mut command.depends_on {
                if let Dependency::OnEarlier(place) = dependency {
                    *place += reads.len();
                }
            }
        }
        self.decides += reads.len();
        self.commands.splice(0..0, reads);
        self
    }

    /// Reads that follow as soon as the device has taken it.
    pub(super) fn then_reading(mut self, nodes: Vec<LocUri>) -> Self {
        let decides = self.decides;
        let after = |node| NewCommand { depends_on: vec![Dependency::OnEarlier(decides)], ..read(node) };
        self.commands.extend(nodes.into_iter().map(after));
        self
    }

    /// A command that follows once the one that decides has succeeded.
    pub(super) fn then(mut self, instruction: Instruction) -> Self {
        let depends_on = vec![Dependency::OnEarlier(self.decides)];
        self.commands.push(NewCommand { depends_on, ..NewCommand::new(instruction) });
        self
    }

    /// A command before all others, which does not have to succeed.
    pub(super) fn preceded_by(mut self, instruction: Instruction) -> Self {
        self.commands.insert(0, NewCommand::new(instruction));
        self.decides += 1;
        self
    }
}

/// A node below `./Device/Vendor/MSFT`; refused where it holds what can't stand in an address.
pub(super) fn vendor(path: &str) -> Result<LocUri, Refusal> {
    node(&format!("./Device/Vendor/MSFT/{path}"))
}

/// A node.
pub(super) fn node(uri: &str) -> Result<LocUri, Refusal> {
    uri.parse().map_err(|_| Refusal::Unnameable(uri.to_owned()))
}

/// A command that only reads: each node alone, so that one that is missing does not take the others with it.
pub(super) fn read(node: LocUri) -> NewCommand {
    NewCommand::new(single(Verb::Get, setting(node, None, None)))
}

/// `Exec` with or without data.
pub(super) fn exec(target: LocUri, data: Option<(Format, String)>) -> Instruction {
    let (format, data) = data.map_or((None, None), |(format, data)| (Some(format), Some(data)));
    single(Verb::Exec, setting(target, format, data))
}

/// `Replace`.
pub(super) fn replace(target: LocUri, format: Format, data: String) -> Instruction {
    single(Verb::Replace, setting(target, Some(format), Some(data)))
}

/// `Delete`.
pub(super) fn delete(target: LocUri) -> Instruction {
    single(Verb::Delete, setting(target, None, None))
}

/// `Add`; of a node that is there already, what [`IfExists`] says.
pub(super) fn add(target: LocUri, value: Option<(Format, String)>, if_exists: IfExists) -> Instruction {
    let (format, data) = value.map_or((None, None), |(format, data)| (Some(format), Some(data)));
    Instruction::Single(Operation { verb: Verb::Add, items: vec![setting(target, format, data)], if_exists })
}

/// All or nothing.
pub(super) fn atomic(instructions: Vec<Instruction>) -> Instruction {
    let operations = instructions.into_iter().flat_map(|instruction| instruction.operations().to_vec()).collect();
    Instruction::Group { kind: GroupKind::Atomic, operations }
}

fn single(verb: Verb, item: Setting) -> Instruction {
    Instruction::Single(Operation { verb, items: vec![item], if_exists: IfExists::Fail })
}

fn setting(target: LocUri, format: Option<Format>, data: Option<String>) -> Setting {
    Setting { target, format, mime: None, data }
}
