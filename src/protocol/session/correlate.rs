//! Which command does this Status or Results answer? By message, `CmdID` and node, and never otherwise
//! (MS-MDM 2.2.6.1, 2.2.7.8; design, promise 4).

use super::nodes::Nodes;
use super::process::Work;
use super::settle::ItemState;
use super::{CommandId, Event, ItemOutcome, MsgId, Pending, ResultValue, SentAnswer, SentPart};
use crate::csp::{Instruction, short};
use crate::syncml::{Format, GroupKind, Item, Results, Status, StatusClass, Verb};

/// Anomalies that are kept of one message: a device may lie a thousand times, and the first few tell as much.
const MAX_ANOMALIES: usize = 16;

/// Characters of the sentence that tells an anomaly.
const MAX_DETAIL: usize = 300;

impl Work<'_> {
    /// Applies a Status of a command that we sent.
    pub(super) fn apply_status(&mut self, status: &Status) {
        let Self { session, queue, nodes, flight, .. } = self;
        let place = flight.find(&status.msg_ref, &status.cmd_ref);
        let Some((place, sent)) = place.and_then(|place| Some((place, session.in_flight.get(place)?))) else {
            return self.anomaly("status_of_nothing", || {
                format!(
                    "Status {} for CmdRef {} of message {}: nothing of the kind was sent",
                    status.code, status.cmd_ref, status.msg_ref
                )
            });
        };
        // Without a place in the queue it has its outcome; and what was said of a part once can't be unsaid.
        let Some(pending) = queue.find(&sent.command) else { return };
        if sent.answer == SentAnswer::Settled {
            return;
        }
        let nodes = nodes_of(nodes, pending);
        let expected = part_name(pending, nodes, &sent.part);
        if !status.cmd.is_empty() && !status.cmd.eq_ignore_ascii_case(expected) {
            return self.anomaly("status_of_another_verb", || {
                format!("Status names {} where {expected} was sent as CmdID {}", status.cmd, status.cmd_ref)
            });
        }
        let (id, message) = (sent.command.clone(), sent.message);
        let mut strange = Vec::new();
        let mut chunk = false;
        match &sent.part {
            SentPart::Chunk => chunk = true,
            SentPart::Group => {
                if let Some(pending) = queue.change(&id) {
                    pending.progress.group_status = Some(status.code);
                    pending.progress.group_error.clone_from(&status.original_error);
                }
            }
            SentPart::Items(items) => {
                if let Some(pending) = queue.change(&id) {
                    strange = record_all(pending, nodes, items, status);
                }
            }
        }
        if chunk {
            self.apply_chunk_status(&id, place, status);
        }
        for reference in strange {
            self.anomaly("status_of_another_node", || format!("TargetRef {reference} was not asked for"));
        }
        self.note_answered(&id, message);
        self.touched.insert(id);
    }

    /// Whether a Results names a command that is open.
    pub(super) fn expects(&self, results: &Results) -> bool {
        let (msg_ref, cmd_ref) = references(results);
        let sent = self.flight.find(msg_ref, cmd_ref).and_then(|place| self.session.in_flight.get(place));
        sent.is_some_and(|sent| matches!(sent.part, SentPart::Items(_)) && self.queue.find(&sent.command).is_some())
    }

    /// Applies one value of a Results. Says which node of which command it belongs to.
    pub(super) fn apply_result(&mut self, results: &Results, item: &Item, chunked: bool) -> Option<(CommandId, usize)> {
        let (msg_ref, cmd_ref) = references(results);
        let Self { session, queue, nodes, flight, .. } = self;
        let sent = flight.find(msg_ref, cmd_ref).and_then(|place| session.in_flight.get(place));
        let Some((sent, items)) = sent.and_then(|sent| match &sent.part {
            SentPart::Items(items) => Some((sent, items)),
            SentPart::Group | SentPart::Chunk => None,
        }) else {
            self.anomaly("results_of_nothing", || {
                format!("Results for CmdRef {cmd_ref} of message {msg_ref}: nothing of the kind was sent")
            });
            return None;
        };
        let pending = queue.find(&sent.command)?;
        let (id, message) = (sent.command.clone(), sent.message);
        let nodes = nodes_of(nodes, pending);
        let uri = result_uri(results, item);
        let Some((place, exact)) = wanted(pending, nodes, items, uri) else {
            let name = uri.unwrap_or_default();
            self.anomaly("results_of_another_node", || format!("a value of {name} was not asked for"));
            return None;
        };
        let target = || nodes.at(&pending.instruction, place).map(|(_, setting)| setting.target.as_str());
        let value = ResultValue {
            uri: uri.or_else(target).unwrap_or_default().to_owned(),
            format: format_of(results, item),
            mime: item.meta.as_ref().or(results.meta.as_ref()).and_then(|meta| meta.mime.clone()),
            data: item.text().to_owned(),
            chunked,
        };
        let pending = queue.change(&id)?;
        let mut kept = Ok(());
        if !exact {
            kept = nodes.keep_below(&mut pending.progress, place, value, self.rules.max_upload);
        } else if let Some(outcome) = pending.progress.items.get_mut(place) {
            outcome.result = Some(value);
        }
        if kept.is_err() {
            self.anomaly("too_many_results", || format!("more values came for CmdRef {cmd_ref} than are kept"));
        }
        self.note_answered(&id, message);
        self.touched.insert(id.clone());
        kept.is_ok().then_some((id, place))
    }

    /// Settles what was touched: first what each `CmdID` has heard, then the commands themselves.
    pub(super) fn settle_touched(&mut self) {
        for id in std::mem::take(&mut self.touched) {
            let Some(pending) = self.queue.change(&id) else { continue };
            let states = pending.item_states();
            let group = pending.progress.group_status;
            let open = pending.state.is_open();
            let done = open && pending.settle(self.now, self.rules);
            let ended_badly = matches!(pending.state, super::CommandState::Failed | super::CommandState::Unknown);
            if self.session.ender.as_ref() == Some(&id) && ended_badly {
                self.session.ender = None;
            }
            for place in self.flight.parts_of(&id) {
                let Some(sent) = self.session.in_flight.get_mut(*place) else { continue };
                // What will be asked again is forgotten of the command, and was answered all the same.
                if sent.answer == SentAnswer::Settled {
                    continue;
                }
                let heard = match &sent.part {
                    SentPart::Chunk => sent.answer,
                    SentPart::Group if group.is_some() => SentAnswer::Settled,
                    SentPart::Group => SentAnswer::Awaited,
                    SentPart::Items(items) => heard(items.iter().filter_map(|place| states.get(*place))),
                };
                sent.answer = if done && heard == SentAnswer::Awaited { SentAnswer::Settled } else { heard };
            }
        }
    }

    pub(super) fn anomaly(&mut self, kind: &'static str, detail: impl FnOnce() -> String) {
        if self.anomalies < MAX_ANOMALIES {
            self.anomalies += 1;
            let detail = short(&detail(), MAX_DETAIL);
            self.events.push(Event::Anomaly { kind, detail });
        }
    }

    pub(super) fn note_answered(&mut self, command: &CommandId, message: MsgId) {
        self.answered.insert(super::Answered { command: command.clone(), message });
    }
}

/// The nodes of a command, found once in a message.
pub(super) fn nodes_of<'n>(
    nodes: &'n mut std::collections::BTreeMap<CommandId, Nodes>,
    pending: &Pending,
) -> &'n mut Nodes {
    nodes.entry(pending.id.clone()).or_insert_with(|| Nodes::of(&pending.instruction))
}

/// `MsgRef` and `CmdRef` of a Results; where they are missing, both are 1 (MS-MDM 2.2.7.8).
fn references(results: &Results) -> (&str, &str) {
    (results.msg_ref.as_deref().unwrap_or("1"), results.cmd_ref.as_deref().unwrap_or("1"))
}

/// Records a Status for the nodes that it names, or for all. Gives the first of those that were not asked for.
fn record_all(pending: &mut Pending, nodes: &Nodes, items: &[usize], status: &Status) -> Vec<String> {
    let Pending { instruction, progress, .. } = pending;
    let outcomes = &mut progress.items;
    if status.target_refs.is_empty() && status.source_refs.is_empty() {
        for place in items {
            record(outcomes, *place, status);
        }
        return Vec::new();
    }
    let mut strange = Vec::new();
    for reference in status.target_refs.iter().chain(&status.source_refs) {
        let open = |place: usize| outcomes.get(place).is_some_and(|item| !is_final(item));
        match nodes.find(instruction, items, reference, open) {
            Some(place) => record(outcomes, place, status),
            None if strange.len() < MAX_ANOMALIES => strange.push(short(reference, MAX_DETAIL)),
            None => {}
        }
    }
    strange
}

fn record(outcomes: &mut [ItemOutcome], place: usize, status: &Status) {
    if let Some(item) = outcomes.get_mut(place).filter(|item| !is_final(item)) {
        item.status = Some(status.code);
        item.original_error.clone_from(&status.original_error);
    }
}

/// The node of a Get that a value belongs to, and whether it is the node itself or one above it.
fn wanted(pending: &Pending, nodes: &Nodes, items: &[usize], uri: Option<&str>) -> Option<(usize, bool)> {
    let instruction = &pending.instruction;
    let open = |place: usize| pending.progress.items.get(place).is_some_and(|item| item.result.is_none());
    let found = match uri {
        Some(uri) => nodes
            .find(instruction, items, uri, open)
            .map(|place| (place, true))
            .or_else(|| nodes.find_above(instruction, items, uri).map(|place| (place, false))),
        None => items.first().filter(|_| items.len() == 1).map(|place| (*place, true)),
    };
    found.filter(|(place, _)| nodes.at(instruction, *place).is_some_and(|(operation, _)| operation.verb == Verb::Get))
}

fn heard<'a>(states: impl Iterator<Item = &'a ItemState>) -> SentAnswer {
    let mut answer = SentAnswer::Settled;
    for state in states {
        match state {
            ItemState::Open => return SentAnswer::Awaited,
            ItemState::Accepted => answer = SentAnswer::Accepted,
            _ => {}
        }
    }
    answer
}

fn is_final(item: &ItemOutcome) -> bool {
    item.status.is_some_and(|code| !matches!(code.class(), StatusClass::Accepted | StatusClass::Buffered))
}

/// The node that a value comes from, where the device says it.
pub(super) fn result_uri<'a>(results: &'a Results, item: &'a Item) -> Option<&'a str> {
    let own = item.source_uri().or(item.target_uri()).filter(|uri| !uri.is_empty());
    own.or(results.source_ref.as_deref()).or(results.target_ref.as_deref())
}

/// Devices leave `chr` out.
pub(super) fn format_of(results: &Results, item: &Item) -> Format {
    let common = || results.meta.as_ref().and_then(|meta| meta.format.as_ref());
    item.format().or_else(common).cloned().unwrap_or(Format::Chr)
}

/// The name under which a part was sent.
fn part_name(pending: &Pending, nodes: &Nodes, part: &SentPart) -> &'static str {
    let place = match part {
        SentPart::Group => {
            return match &pending.instruction {
                Instruction::Group { kind: GroupKind::Sequence, .. } => "Sequence",
                _ => "Atomic",
            };
        }
        SentPart::Items(items) => items.first().copied().unwrap_or(0),
        SentPart::Chunk => 0,
    };
    let as_replace = pending.progress.items.get(place).is_some_and(|item| item.as_replace);
    let verb = nodes.at(&pending.instruction, place).map_or("", |(operation, _)| operation.verb.as_str());
    if as_replace { "Replace" } else { verb }
}
