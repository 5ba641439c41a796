//! Nodes of a schedule: numbers of a device, which are set and read like every other node.

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::session::{CommandState, Decision, ItemOutcome};
use transom_protocol::syncml::{Format, Verb};

use super::SetupError;
use crate::model::{NewCommand, provider_node};

/// Nodes of one folder below `DMClient/Provider/<PROVIDER-ID>`, each a whole number.
#[derive(Debug, Clone)]
pub(super) struct Nodes<const N: usize>([LocUri; N]);

/// A number that a device told or took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Heard {
    /// Which node.
    pub(super) place: usize,
    /// What stands there.
    pub(super) number: u32,
    /// It was set, and not only read.
    pub(super) is_set: bool,
}

impl<const N: usize> Nodes<N> {
    /// Of devices that know this server as `provider_id`.
    pub(super) fn of(provider_id: &str, folder: &str, names: [&str; N]) -> Result<Self, SetupError> {
        let node = |name: &str| provider_node(provider_id, &format!("{folder}/{name}")).ok_or(SetupError::ProviderId);
        let nodes: Vec<LocUri> = names.into_iter().map(node).collect::<Result<_, _>>()?;
        nodes.try_into().map(Self).map_err(|_| SetupError::ProviderId)
    }

    /// Sets those that are given, each alone: a node that is missing must not take the others with it.
    pub(super) fn set(&self, numbers: [Option<u32>; N]) -> Vec<NewCommand> {
        let given = self.0.iter().zip(numbers).filter_map(|(node, number)| number.map(|number| (node, number)));
        given.map(|(node, number)| set(node, number)).collect()
    }

    /// The numbers that a message tells of, in the order in which it does.
    pub(super) fn heard(&self, decision: &Decision) -> Vec<Heard> {
        let done = decision.commands.iter().filter(|command| command.state == CommandState::Succeeded);
        let answers = done.flat_map(|command| command.instruction.settings().zip(&command.progress.items));
        answers.filter_map(|((verb, setting), outcome)| self.one(verb, setting, outcome)).collect()
    }

    /// Whether the device would not take one.
    pub(super) fn were_refused(&self, decision: &Decision) -> bool {
        let failed = decision.commands.iter().filter(|command| command.state == CommandState::Failed);
        let mut settings = failed.flat_map(|command| command.instruction.settings());
        settings.any(|(verb, setting)| verb == Verb::Replace && self.place(setting).is_some())
    }

    fn place(&self, setting: &Setting) -> Option<usize> {
        self.0.iter().position(|node| node.names_same_node(setting.target.as_str()))
    }

    fn one(&self, verb: Verb, setting: &Setting, outcome: &ItemOutcome) -> Option<Heard> {
        let place = self.place(setting)?;
        let text = match verb {
            Verb::Replace | Verb::Add => setting.data.as_deref()?,
            Verb::Get => outcome.result.as_ref()?.data.as_str(),
            _ => return None,
        };
        Some(Heard { place, number: text.trim().parse().ok()?, is_set: verb != Verb::Get })
    }
}

fn set(node: &LocUri, number: u32) -> NewCommand {
    let setting =
        Setting { target: node.clone(), format: Some(Format::Int), mime: None, data: Some(number.to_string()) };
    NewCommand::new(Instruction::Single(Operation {
        verb: Verb::Replace,
        items: vec![setting],
        if_exists: IfExists::Fail,
    }))
}
