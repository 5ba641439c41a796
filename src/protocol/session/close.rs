//! What a session left open when it ended: sent again where that is harmless, left for a person where it isn't
//! (design, promises 2 and 3).

use std::collections::{BTreeMap, BTreeSet};

use super::queue::Queue;
use super::settle::{ItemState, is_repeatable};
use super::{
    CommandId, CommandState, Ending, MsgId, Pending, Phase, ReasonCode, Rules, SentAnswer, Session, Timestamp,
};
use crate::csp::Instruction;
use crate::syncml::{GroupKind, StatusCode, Verb};

/// A session that was ended, and the commands that this changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The session; nothing is in flight any more.
    pub session: Session,
    /// Commands that changed, in the order of their sequence.
    pub commands: Vec<Pending>,
    /// Chunks of an upload that will not go on are to be deleted.
    pub drop_upload: bool,
}

/// Ends a session that was silent for too long. `pending` has to hold every command of its `in_flight`.
pub fn close(mut session: Session, pending: Vec<Pending>, ending: Ending, now: Timestamp, rules: &Rules) -> Closed {
    let mut queue = Queue::new(pending);
    let drop_upload = session.upload.is_some();
    close_into(&mut session, &mut queue, ending, now, rules);
    Closed { session, commands: queue.into_changed(), drop_upload }
}

/// Ends a session within an exchange.
pub(super) fn close_into(session: &mut Session, queue: &mut Queue, ending: Ending, now: Timestamp, rules: &Rules) {
    for (id, alone) in unanswered(session) {
        if let Some(pending) = queue.change(&id) {
            leave_unanswered(pending, alone, now, rules);
        }
    }
    session.in_flight.clear();
    session.upload = None;
    session.download = None;
    session.ender = None;
    if !matches!(session.phase, Phase::Ended(_)) {
        session.phase = Phase::Ended(ending);
    }
}

/// The commands that still await an answer; with whether one had a message to itself.
fn unanswered(session: &Session) -> BTreeMap<CommandId, bool> {
    let mut carried: BTreeMap<MsgId, BTreeSet<&CommandId>> = BTreeMap::new();
    for sent in &session.in_flight {
        carried.entry(sent.message).or_default().insert(&sent.command);
    }
    let mut open = BTreeMap::new();
    // Between two chunks everything that was sent is answered, and the command is not.
    open.extend(session.download.iter().map(|download| (download.command.clone(), true)));
    for sent in session.in_flight.iter().filter(|sent| sent.answer == SentAnswer::Awaited) {
        let alone = carried.get(&sent.message).is_some_and(|commands| commands.len() == 1);
        *open.entry(sent.command.clone()).or_insert(false) |= alone;
    }
    open
}

/// A command was sent and not fully answered, and will not be any more.
fn leave_unanswered(pending: &mut Pending, alone: bool, now: Timestamp, rules: &Rules) {
    if pending.state != CommandState::Sent {
        return;
    }
    let states = pending.item_states();
    if is_answered_but_for_the_group(pending, &states) {
        pending.progress.group_status = Some(StatusCode::OK);
        pending.settle(now, rules);
        return;
    }
    if runs_again(pending, &states) {
        pending.become_for(CommandState::Unknown, ReasonCode::Interrupted, now);
        return;
    }
    pending.progress.maybe_applied = true;
    pending.progress.unanswered = pending.progress.unanswered.saturating_add(1);
    if alone {
        pending.progress.unanswered_alone = pending.progress.unanswered_alone.saturating_add(1);
    }
    let exhausted = pending.progress.unanswered >= rules.max_unanswered
        || pending.progress.unanswered_alone >= rules.max_unanswered_alone;
    if !exhausted {
        pending.forget(|state| state == ItemState::Open, &states);
        pending.become_for(CommandState::Queued, ReasonCode::Unanswered, now);
    } else if only_values_missing(pending, &states) {
        pending.become_for(CommandState::Failed, ReasonCode::NoResult, now);
    } else if pending.instruction.settings().all(|(verb, _)| verb == Verb::Get) {
        // Reading leaves nothing behind that somebody would have to find out.
        pending.become_for(CommandState::Failed, ReasonCode::NeverAnswered, now);
    } else {
        pending.become_for(CommandState::Unknown, ReasonCode::NeverAnswered, now);
    }
}

/// A Sequence says nothing of its own that its children do not say.
fn is_answered_but_for_the_group(pending: &Pending, states: &[ItemState]) -> bool {
    let sequence = matches!(pending.instruction, Instruction::Group { kind: GroupKind::Sequence, .. });
    sequence && pending.progress.group_status.is_none() && !states.contains(&ItemState::Open)
}

/// Whether sending what is open once more could run an Exec a second time.
fn runs_again(pending: &Pending, states: &[ItemState]) -> bool {
    let atomic = matches!(pending.instruction, Instruction::Group { kind: GroupKind::Atomic, .. });
    pending
        .instruction
        .settings()
        .zip(states)
        .any(|((verb, _), state)| !is_repeatable(verb) && (atomic || *state == ItemState::Open))
}

/// Every node was answered, but a Get brought no value.
fn only_values_missing(pending: &Pending, states: &[ItemState]) -> bool {
    let items = pending.instruction.settings().zip(states).zip(&pending.progress.items);
    let mut open = items.filter(|((_, state), _)| **state == ItemState::Open).peekable();
    open.peek().is_some() && open.all(|(((verb, _), _), item)| verb == Verb::Get && item.status.is_some())
}
