//! Which command does this Status or Results answer? By message, `CmdID` and node, and never otherwise
//! (MS-MDM 2.2.6.1, 2.2.7.8; design, promise 4).

use super::process::Work;
use super::settle::ItemState;
use super::{CommandId, Event, ItemOutcome, MsgId, Pending, ResultValue, SentAnswer, SentPart};
use crate::csp::Setting;
use crate::syncml::{Format, GroupKind, Item, Results, Status, StatusClass, Verb};

/// Values below one node that are kept of one Get.
const MAX_BELOW: usize = 20_000;

impl Work<'_> {
    /// Applies a Status of a command that we sent.
    pub(super) fn apply_status(&mut self, status: &Status) {
        let Some(place) = self.sent_place(&status.msg_ref, &status.cmd_ref) else {
            return self.anomaly("status_of_nothing", || {
                format!(
                    "Status {} for CmdRef {} of message {}: nothing of the kind was sent",
                    status.code, status.cmd_ref, status.msg_ref
                )
            });
        };
        let Some(sent) = self.session.in_flight.get(place).cloned() else { return };
        let Some(pending) = self.queue.find(&sent.command) else { return };
        let expected = part_name(pending, &sent.part);
        if !status.cmd.is_empty() && !status.cmd.eq_ignore_ascii_case(expected) {
            return self.anomaly("status_of_another_verb", || {
                format!("Status names {} where {expected} was sent as CmdID {}", status.cmd, status.cmd_ref)
            });
        }
        let id = sent.command.clone();
        match &sent.part {
            SentPart::Chunk => self.apply_chunk_status(&id, place, status),
            SentPart::Group => {
                if let Some(pending) = self.queue.change(&id) {
                    pending.progress.group_status = Some(status.code);
                    pending.progress.group_error.clone_from(&status.original_error);
                }
            }
            SentPart::Items(items) => self.apply_item_status(&id, items, status),
        }
        self.touch(id, sent.message);
    }

    fn apply_item_status(&mut self, id: &CommandId, items: &[usize], status: &Status) {
        let Some(pending) = self.queue.change(id) else { return };
        let references: Vec<&String> = status.target_refs.iter().chain(&status.source_refs).collect();
        let mut strange = Vec::new();
        if references.is_empty() {
            for place in items {
                if let Some(item) = pending.progress.items.get_mut(*place) {
                    record(item, status);
                }
            }
        }
        for reference in references {
            match find_node(pending, items, reference, |item| !is_final(item)) {
                Some(place) => {
                    if let Some(item) = pending.progress.items.get_mut(place) {
                        record(item, status);
                    }
                }
                None => strange.push(reference.clone()),
            }
        }
        for reference in strange {
            self.anomaly("status_of_another_node", || format!("TargetRef {reference} was not asked for"));
        }
    }

    /// Applies one value of a Results. Says which node of which command it belongs to.
    pub(super) fn apply_result(&mut self, results: &Results, item: &Item, chunked: bool) -> Option<(CommandId, usize)> {
        let msg_ref = results.msg_ref.as_deref().unwrap_or("1");
        let cmd_ref = results.cmd_ref.as_deref().unwrap_or("1");
        let found = self.sent_place(msg_ref, cmd_ref).and_then(|place| self.session.in_flight.get(place)).cloned();
        let Some((sent, items)) = found.and_then(|sent| match sent.part.clone() {
            SentPart::Items(items) => Some((sent, items)),
            SentPart::Group | SentPart::Chunk => None,
        }) else {
            self.anomaly("results_of_nothing", || {
                format!("Results for CmdRef {cmd_ref} of message {msg_ref}: nothing of the kind was sent")
            });
            return None;
        };
        let pending = self.queue.change(&sent.command)?;
        let uri = result_uri(results, item);
        let wanted = match uri {
            Some(uri) => find_node(pending, &items, uri, |item| item.result.is_none())
                .map(|place| (place, true))
                .or_else(|| find_ancestor(pending, &items, uri).map(|place| (place, false))),
            None => items.first().filter(|_| items.len() == 1).map(|place| (*place, true)),
        };
        let Some((place, exact)) = wanted.filter(|(place, _)| verb_at(pending, *place) == Some(Verb::Get)) else {
            let name = uri.unwrap_or_default().to_owned();
            self.anomaly("results_of_another_node", || format!("a value of {name} was not asked for"));
            return None;
        };
        let target = setting_at(pending, place).map(|setting| setting.target.as_str().to_owned()).unwrap_or_default();
        let value = ResultValue {
            uri: uri.map_or(target, str::to_owned),
            format: item
                .format()
                .or(results.meta.as_ref().and_then(|meta| meta.format.as_ref()))
                .cloned()
                .unwrap_or(Format::Chr),
            mime: item.meta.as_ref().or(results.meta.as_ref()).and_then(|meta| meta.mime.clone()),
            data: item.text().to_owned(),
            chunked,
        };
        if let Some(outcome) = pending.progress.items.get_mut(place) {
            if exact {
                outcome.result = Some(value);
            } else if let Some(known) = outcome.below.iter_mut().rev().take(64).find(|known| known.uri == value.uri) {
                *known = value;
            } else if outcome.below.len() < MAX_BELOW {
                outcome.below.push(value);
            }
        }
        let id = sent.command.clone();
        self.touch(sent.command, sent.message);
        Some((id, place))
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
            for sent in self.session.in_flight.iter_mut().filter(|sent| sent.command == id) {
                let heard = match &sent.part {
                    SentPart::Chunk => SentAnswer::Settled,
                    SentPart::Group if group.is_some() => SentAnswer::Settled,
                    SentPart::Group => SentAnswer::Awaited,
                    SentPart::Items(items) => heard(items.iter().filter_map(|place| states.get(*place))),
                };
                sent.answer = if done && heard == SentAnswer::Awaited { SentAnswer::Settled } else { heard };
            }
        }
    }

    fn sent_place(&self, msg_ref: &str, cmd_ref: &str) -> Option<usize> {
        let message = MsgId::parse(msg_ref)?;
        let cmd_id: u32 = cmd_ref.parse().ok()?;
        self.session.in_flight.iter().position(|sent| sent.message == message && sent.cmd_id == cmd_id)
    }

    fn touch(&mut self, id: CommandId, message: MsgId) {
        self.note_answered(&id, message);
        self.touched.insert(id);
    }

    pub(super) fn anomaly(&mut self, kind: &'static str, detail: impl FnOnce() -> String) {
        // A device may lie a thousand times in one message; the first few tell as much.
        if self.anomalies < 16 {
            self.anomalies += 1;
            self.events.push(Event::Anomaly { kind, detail: detail() });
        }
    }
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

fn record(item: &mut ItemOutcome, status: &Status) {
    if !is_final(item) {
        item.status = Some(status.code);
        item.original_error.clone_from(&status.original_error);
    }
}

fn is_final(item: &ItemOutcome) -> bool {
    item.status.is_some_and(|code| !matches!(code.class(), StatusClass::Accepted | StatusClass::Buffered))
}

fn result_uri<'a>(results: &'a Results, item: &'a Item) -> Option<&'a str> {
    let own = item.source_uri().or(item.target_uri()).filter(|uri| !uri.is_empty());
    own.or(results.source_ref.as_deref()).or(results.target_ref.as_deref())
}

/// The place of the node that `uri` names; where it stands more than once, the first that `wants` an answer.
fn find_node(pending: &Pending, items: &[usize], uri: &str, wants: impl Fn(&ItemOutcome) -> bool) -> Option<usize> {
    let mut fallback = None;
    for place in items {
        let named = setting_at(pending, *place).is_some_and(|setting| setting.target.names_same_node(uri));
        if named {
            if pending.progress.items.get(*place).is_some_and(&wants) {
                return Some(*place);
            }
            fallback = fallback.or(Some(*place));
        }
    }
    fallback
}

fn find_ancestor(pending: &Pending, items: &[usize], uri: &str) -> Option<usize> {
    items
        .iter()
        .copied()
        .find(|place| setting_at(pending, *place).is_some_and(|setting| setting.target.is_ancestor_of(uri)))
}

fn setting_at(pending: &Pending, place: usize) -> Option<&Setting> {
    pending.instruction.settings().nth(place).map(|(_, setting)| setting)
}

fn verb_at(pending: &Pending, place: usize) -> Option<Verb> {
    pending.instruction.settings().nth(place).map(|(verb, _)| verb)
}

/// The name under which a part was sent.
fn part_name(pending: &Pending, part: &SentPart) -> &'static str {
    let place = match part {
        SentPart::Group => {
            return match &pending.instruction {
                crate::csp::Instruction::Group { kind: GroupKind::Sequence, .. } => "Sequence",
                _ => "Atomic",
            };
        }
        SentPart::Items(items) => items.first().copied().unwrap_or(0),
        SentPart::Chunk => 0,
    };
    let as_replace = pending.progress.items.get(place).is_some_and(|item| item.as_replace);
    if as_replace { "Replace" } else { verb_at(pending, place).map_or("", Verb::as_str) }
}
