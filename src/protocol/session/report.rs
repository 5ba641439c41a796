//! The end of work that a device had only taken on, told by an alert (MS-MDM 2.2.7.2; design, promise 7).

use std::collections::{BTreeMap, VecDeque};

use super::hear::kind_of;
use super::process::Work;
use super::queue::Queue;
use super::settle::{ItemState, item_state};
use super::{CommandId, CommandState, Ending, Pending, ReasonCode};
use crate::csp::LocUri;
use crate::syncml::{AlertCode, Command, Item, Message, StatusCode, Verb};

/// Commands that wait for a report, by the node that it will name, in the order of their sequence.
struct Awaited {
    by_key: BTreeMap<String, VecDeque<(CommandId, usize)>>,
}

impl Work<'_> {
    /// Hears every report of a message. Statuses go first, wherever they stand: a quick job may end in the message that
    /// says it was begun.
    pub(super) fn hear_reports(&mut self, message: &Message) {
        let mut awaited = None;
        for command in &message.body.commands {
            let Command::Alert(alert) = command else { continue };
            if !matches!(alert.code, Some(AlertCode::CLIENT_EVENT | AlertCode::GENERIC)) {
                continue;
            }
            for item in &alert.items {
                if let Some(source) = item.source_uri() {
                    let awaited = awaited.get_or_insert_with(|| Awaited::of(&self.queue));
                    self.hear_end(awaited, item, source);
                }
            }
        }
        self.settle_touched();
    }

    /// The end of a command that the device had accepted: it names the node, and 0 is success.
    fn hear_end(&mut self, awaited: &mut Awaited, item: &Item, source: &str) {
        let data = item.text().trim();
        let Some(succeeded) = reported_success(&kind_of(item), data) else { return };
        let Some((id, place)) = awaited.take(&self.queue, source) else { return };
        let outcome = self.queue.change(&id).and_then(|pending| pending.progress.items.get_mut(place));
        if let Some(outcome) = outcome {
            outcome.status = Some(if succeeded { StatusCode::OK } else { StatusCode::COMMAND_FAILED });
            outcome.original_error = (!succeeded).then(|| data.to_owned());
            outcome.reported = true;
        }
        self.touched.insert(id);
    }

    /// An Unenroll of ours is never answered; the device's leave is its success.
    pub(super) fn unenrolled_by_us(&mut self, ending: Ending) {
        if ending != Ending::Unenrolled {
            return;
        }
        let ours = |pending: &&Pending| {
            let unenroll = |(verb, setting): (Verb, &crate::csp::Setting)| {
                verb == Verb::Exec && setting.target.as_str().to_ascii_lowercase().ends_with("/unenroll")
            };
            let interrupted = matches!(&pending.reason, Some(reason) if reason.code == ReasonCode::Interrupted);
            (pending.state == CommandState::Sent || interrupted) && pending.instruction.settings().any(unenroll)
        };
        let ids: Vec<_> = self.queue.iter().filter(ours).map(|pending| pending.id.clone()).collect();
        for id in ids {
            if let Some(pending) = self.queue.change(&id) {
                pending.become_plain(CommandState::Succeeded);
            }
        }
    }
}

impl Awaited {
    fn of(queue: &Queue) -> Self {
        let mut by_key: BTreeMap<String, VecDeque<(CommandId, usize)>> = BTreeMap::new();
        for pending in queue.iter() {
            let operations = pending.instruction.operations().iter();
            let settings = operations.flat_map(|operation| operation.items.iter().map(move |item| (operation, item)));
            for (place, (operation, setting)) in settings.enumerate() {
                let Some(outcome) = pending.progress.items.get(place) else { continue };
                let state = item_state(operation, setting, outcome, pending.progress.maybe_applied);
                let waits = match pending.state {
                    CommandState::Deferred | CommandState::Queued => state == ItemState::Accepted,
                    // The report can be quicker than the Status.
                    CommandState::Sent => {
                        let job = operation.verb == Verb::Exec && setting.target.works_asynchronously();
                        state == ItemState::Accepted || (job && state == ItemState::Open)
                    }
                    _ => false,
                };
                if waits && operation.verb != Verb::Get {
                    let waiting = by_key.entry(setting.target.node_key()).or_default();
                    waiting.push_back((pending.id.clone(), place));
                }
            }
        }
        Self { by_key }
    }

    /// The longest waiting node that `source` names.
    fn take(&mut self, queue: &Queue, source: &str) -> Option<(CommandId, usize)> {
        let waiting = self.by_key.get_mut(&LocUri::foreign_key(source))?;
        let (id, place) = waiting.front()?;
        let setting = queue.find(id)?.instruction.settings().nth(*place)?.1;
        if setting.target.names_same_node(source) { waiting.pop_front() } else { None }
    }
}

/// Whether a report says success; `None` when it is no report of an end. Installers say 0, 1641 or 3010 (a restart is
/// due), other CSPs 0 or a Status code.
fn reported_success(kind: &str, data: &str) -> Option<bool> {
    let number = match data.strip_prefix("0x").or(data.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok()?,
        None => data.parse().ok()?,
    };
    let installer = kind.to_ascii_lowercase().contains("win32csp_install");
    Some(number == 0 || if installer { matches!(number, 1641 | 3010) } else { (200..300).contains(&number) })
}
