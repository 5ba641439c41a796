//! From the Status of each node to the state of the command (MS-MDM 2.2.6.1, 2.2.7.3; design, promises 2 and 7).

use super::{CommandState, ItemOutcome, Pending, ReasonCode, Rules, Timestamp};
use crate::csp::{IfExists, Instruction, Operation, Setting};
use crate::syncml::{Format, GroupKind, StatusClass, StatusCode, Verb};

/// What is known of one node of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemState {
    /// No Status, or a Get that was answered 200 and has no value yet.
    Open,
    /// Done.
    Done,
    /// Taken; the end comes later.
    Accepted,
    /// The device asks to try again later.
    Later,
    /// An Add that met an existing node and may go out as Replace.
    Exists,
    /// Not run or undone because of a sibling.
    RolledBack,
    /// Failed.
    Failed,
}

/// Whether repeating an operation can do harm. An Exec runs again; everything else ends in the same state.
pub(super) const fn is_repeatable(verb: Verb) -> bool {
    !matches!(verb, Verb::Exec | Verb::Copy)
}

/// Whether an Add met the node that it was to make. One without a value has nothing that a Replace could set, and many
/// such nodes answer 405 to it.
pub(super) fn is_there(operation: &Operation, setting: &Setting, item: &ItemOutcome) -> bool {
    let is_node = setting.data.is_none() && matches!(setting.format, None | Some(Format::Node));
    item.as_replace && operation.verb == Verb::Add && is_node
}

/// What is known of one node. `repeated`: an earlier message may have done it already.
pub(super) fn item_state(operation: &Operation, setting: &Setting, item: &ItemOutcome, repeated: bool) -> ItemState {
    if is_there(operation, setting, item) {
        return ItemState::Done;
    }
    let Some(status) = item.status else { return ItemState::Open };
    let verb = if item.as_replace { Verb::Replace } else { operation.verb };
    match (verb, status) {
        (Verb::Get, StatusCode(204)) | (Verb::Delete, StatusCode::NOT_FOUND | StatusCode::ITEM_NOT_DELETED) => {
            ItemState::Done
        }
        (Verb::Get, _) if status.class() == StatusClass::Done && item.result.is_none() && item.below.is_empty() => {
            ItemState::Open
        }
        (Verb::Add, StatusCode::ALREADY_EXISTS) if operation.if_exists == IfExists::Replace => ItemState::Exists,
        (Verb::Add, StatusCode::ALREADY_EXISTS) if repeated => ItemState::Done,
        (Verb::Exec, _)
            if status.class() == StatusClass::Done && !item.reported && setting.target.works_asynchronously() =>
        {
            ItemState::Accepted
        }
        _ => match status.class() {
            StatusClass::Done => ItemState::Done,
            StatusClass::Accepted => ItemState::Accepted,
            StatusClass::Buffered => ItemState::Open,
            StatusClass::RolledBack => ItemState::RolledBack,
            StatusClass::Later => ItemState::Later,
            StatusClass::Failed => ItemState::Failed,
        },
    }
}

impl Pending {
    /// What is known of each node, in order.
    pub(super) fn item_states(&self) -> Vec<ItemState> {
        let repeated = self.progress.maybe_applied;
        let settings = self
            .instruction
            .operations()
            .iter()
            .flat_map(|operation| operation.items.iter().map(move |setting| (operation, setting)));
        settings
            .zip(&self.progress.items)
            .map(|((operation, setting), item)| item_state(operation, setting, item, repeated))
            .collect()
    }

    /// Moves the command on as far as its answers say. Says whether nothing more is awaited for what was sent.
    pub(super) fn settle(&mut self, now: Timestamp, rules: &Rules) -> bool {
        let states = self.item_states();
        let verdict = match &self.instruction {
            Instruction::Single(_) => single(&states),
            Instruction::Group { kind, .. } => match group(*kind, self.progress.group_status, &states) {
                Verdict::AsReplace if *kind == GroupKind::Atomic && self.has_run_an_exec(&states) => Verdict::Failed,
                verdict => verdict,
            },
        };
        match verdict {
            Verdict::Open => return false,
            Verdict::Succeeded => self.become_plain(CommandState::Succeeded),
            Verdict::Failed if self.may_have_been_done_before(&states) => {
                let detail = "an earlier message, whose answer was lost, may have done it already".to_owned();
                self.become_for(CommandState::Unknown, ReasonCode::Interrupted, now).detail = Some(detail);
            }
            Verdict::Failed => self.fail(ReasonCode::RefusedByDevice, now),
            Verdict::Accepted => {
                if !matches!(&self.reason, Some(reason) if reason.code == ReasonCode::Accepted) {
                    self.become_for(CommandState::Deferred, ReasonCode::Accepted, now);
                }
            }
            Verdict::AsReplace => {
                for (item, state) in self.progress.items.iter_mut().zip(&states) {
                    item.as_replace |= *state == ItemState::Exists;
                }
                if self.item_states().iter().all(|state| *state == ItemState::Done) {
                    self.become_plain(CommandState::Succeeded);
                    return true;
                }
                self.forget(|state| matches!(state, ItemState::Exists | ItemState::Later), &states);
                self.become_for(CommandState::Queued, ReasonCode::SentAsReplace, now);
            }
            Verdict::Later => {
                let retries = self.progress.later;
                self.progress.later = retries.saturating_add(1);
                if retries >= rules.max_retries {
                    self.fail(ReasonCode::RefusedByDevice, now);
                } else {
                    let wait = rules.retry_after.saturating_mul(1_i64 << retries.min(16));
                    self.forget(|state| state == ItemState::Later, &states);
                    self.become_for(CommandState::Deferred, ReasonCode::RetryLater, now).retry_at =
                        Some(now.plus_millis(wait));
                }
            }
        }
        true
    }

    /// An outcome that the answers explain.
    pub(super) fn fail(&mut self, code: ReasonCode, now: Timestamp) {
        let detail = self.first_error();
        self.become_for(CommandState::Failed, code, now).detail = detail;
    }

    /// Whether an Exec of an Atomic did something that was not taken back, so that the Atomic can't be repeated.
    fn has_run_an_exec(&self, states: &[ItemState]) -> bool {
        let verbs = self.instruction.settings().map(|(verb, _)| verb);
        verbs.zip(states).any(|(verb, state)| !is_repeatable(verb) && *state != ItemState::RolledBack)
    }

    /// Forgets the Status of nodes that will be sent again, and of the group. An Atomic is sent again as a whole.
    pub(super) fn forget(&mut self, which: impl Fn(ItemState) -> bool, states: &[ItemState]) {
        self.progress.group_status = None;
        self.progress.group_error = None;
        let atomic = matches!(self.instruction, Instruction::Group { kind: GroupKind::Atomic, .. });
        for (item, state) in self.progress.items.iter_mut().zip(states) {
            if atomic || which(*state) {
                item.status = None;
                item.original_error = None;
            }
        }
    }

    /// A repeated Atomic failed only because a node exists, or is gone: just what the first one would have left.
    fn may_have_been_done_before(&self, states: &[ItemState]) -> bool {
        let atomic = matches!(self.instruction, Instruction::Group { kind: GroupKind::Atomic, .. });
        let harmless = |state: &ItemState| !matches!(state, ItemState::Failed | ItemState::Later | ItemState::Exists);
        let telling =
            |item: &ItemOutcome| matches!(item.status, Some(StatusCode::ALREADY_EXISTS | StatusCode::NOT_FOUND));
        let rolled_back = self.progress.group_status == Some(StatusCode::ATOMIC_FAILED);
        atomic
            && rolled_back
            && self.progress.maybe_applied
            && states.iter().all(harmless)
            && self.progress.items.iter().any(telling)
    }

    fn first_error(&self) -> Option<String> {
        let failed = |code: &StatusCode| matches!(code.class(), StatusClass::Failed | StatusClass::Later);
        let item = self.progress.items.iter().find_map(|item| item.status.filter(failed));
        item.or(self.progress.group_status.filter(failed)).map(|code| format!("Status {code}"))
    }
}

/// What the answers say of a command as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Succeeded,
    Failed,
    Accepted,
    AsReplace,
    Later,
}

fn single(states: &[ItemState]) -> Verdict {
    let any = |wanted: ItemState| states.contains(&wanted);
    if any(ItemState::Open) {
        Verdict::Open
    } else if any(ItemState::Exists) {
        Verdict::AsReplace
    } else if any(ItemState::Later) {
        Verdict::Later
    } else if any(ItemState::Failed) || any(ItemState::RolledBack) {
        Verdict::Failed
    } else if any(ItemState::Accepted) {
        Verdict::Accepted
    } else {
        Verdict::Succeeded
    }
}

/// A group follows the Status of each child; its own 200 alone proves nothing.
fn group(kind: GroupKind, status: Option<StatusCode>, states: &[ItemState]) -> Verdict {
    let any = |wanted: ItemState| states.contains(&wanted);
    let exists_only = any(ItemState::Exists) && !any(ItemState::Failed) && !any(ItemState::Later);
    let Some(status) = status else { return Verdict::Open };
    if status.class() == StatusClass::Later && states.iter().all(|state| *state == ItemState::Open) {
        return Verdict::Later;
    }
    if matches!(status.class(), StatusClass::Failed | StatusClass::Later | StatusClass::RolledBack) {
        let again = kind == GroupKind::Atomic && exists_only && status != StatusCode::ROLL_BACK_FAILED;
        return if again { Verdict::AsReplace } else { Verdict::Failed };
    }
    if any(ItemState::Open) {
        Verdict::Open
    } else if exists_only && !any(ItemState::RolledBack) {
        Verdict::AsReplace
    } else if any(ItemState::Failed) || any(ItemState::RolledBack) || any(ItemState::Later) || any(ItemState::Exists) {
        Verdict::Failed
    } else if any(ItemState::Accepted) {
        Verdict::Accepted
    } else {
        Verdict::Succeeded
    }
}
