//! From a command of the queue to elements of a message (MS-MDM 2.2.7).

use super::answer::CmdIds;
use super::settle::{ItemState, is_there};
use super::{Pending, SentPart};
use crate::csp::{Instruction, Setting};
use crate::syncml::{Address, Command, Format, Group, GroupKind, Item, Meta, Request, Verb, write};

/// A command in the form that it has on the wire, with what each of its `CmdID`s stands for.
pub(super) struct Built {
    pub(super) command: Vec<Command>,
    pub(super) parts: Vec<(u32, SentPart)>,
}

/// Builds what is still to be sent of a command: all of an Atomic but nodes that are there already, and of anything else
/// the nodes that were not answered.
pub(super) fn build(pending: &Pending, ids: &mut CmdIds) -> Built {
    let states = pending.item_states();
    let mut parts = Vec::new();
    let command = match &pending.instruction {
        Instruction::Single(_) => requests(pending, &states, false, ids, &mut parts),
        Instruction::Group { kind, .. } => {
            let cmd_id = ids.next();
            parts.push((cmd_id, SentPart::Group));
            let commands = requests(pending, &states, *kind == GroupKind::Atomic, ids, &mut parts);
            let group = Group { kind: *kind, cmd_id: cmd_id.to_string(), no_resp: false, meta: None, commands };
            vec![Command::Group(group)]
        }
    };
    Built { command, parts }
}

fn requests(
    pending: &Pending,
    states: &[ItemState],
    everything: bool,
    ids: &mut CmdIds,
    parts: &mut Vec<(u32, SentPart)>,
) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut place = 0;
    for operation in pending.instruction.operations() {
        let mut run: Option<(Verb, Vec<usize>, Vec<Item>)> = None;
        for setting in &operation.items {
            let is_there =
                pending.progress.items.get(place).is_some_and(|outcome| is_there(operation, setting, outcome));
            if everything && !is_there || states.get(place) == Some(&ItemState::Open) {
                let as_replace = pending.progress.items.get(place).is_some_and(|item| item.as_replace);
                let verb = if as_replace { Verb::Replace } else { operation.verb };
                if run.as_ref().is_some_and(|(before, ..)| *before != verb) {
                    flush(run.take(), ids, parts, &mut commands);
                }
                let (_, places, items) = run.get_or_insert_with(|| (verb, Vec::new(), Vec::new()));
                places.push(place);
                items.push(item(setting));
            }
            place += 1;
        }
        flush(run, ids, parts, &mut commands);
    }
    commands
}

fn flush(
    run: Option<(Verb, Vec<usize>, Vec<Item>)>,
    ids: &mut CmdIds,
    parts: &mut Vec<(u32, SentPart)>,
    commands: &mut Vec<Command>,
) {
    let Some((verb, places, items)) = run else { return };
    let cmd_id = ids.next();
    parts.push((cmd_id, SentPart::Items(places)));
    commands.push(Command::Request(Request { verb, cmd_id: cmd_id.to_string(), no_resp: false, meta: None, items }));
}

/// Meta goes with the item, so that no scoping rule has to be known to read it. A value always names its format.
fn item(setting: &Setting) -> Item {
    let format = setting.format.clone().or_else(|| setting.data.is_some().then_some(Format::Chr));
    let meta = (format.is_some() || setting.mime.is_some()).then(|| Meta {
        format,
        mime: setting.mime.clone(),
        ..Meta::default()
    });
    Item {
        target: Some(Address::uri(setting.target.as_str())),
        meta,
        data: setting.data.clone().map(Into::into),
        ..Item::default()
    }
}

/// One chunk of a value: the command with a piece of its data (OMA DM Protocol 7).
pub(super) struct Chunk<'a> {
    pub(super) setting: &'a Setting,
    pub(super) verb: Verb,
    pub(super) piece: &'a str,
    /// Size of the whole value, in the first chunk.
    pub(super) size: Option<u64>,
    pub(super) more: bool,
}

impl Chunk<'_> {
    /// Bytes of a chunk beside its piece of the value. Never underestimated: it has the longest `CmdID`.
    pub(super) fn overhead(setting: &Setting, verb: Verb, size: Option<u64>) -> usize {
        write::command_len(&Chunk { setting, verb, piece: "", size, more: true }.command(u32::MAX))
    }

    pub(super) fn command(&self, cmd_id: u32) -> Command {
        let mut item = item(self.setting);
        item.data = Some(self.piece.into());
        item.more_data = self.more;
        if let Some(meta) = item.meta.as_mut() {
            meta.size = self.size;
        }
        Command::Request(Request {
            verb: self.verb,
            cmd_id: cmd_id.to_string(),
            no_resp: false,
            meta: None,
            items: vec![item],
        })
    }
}
