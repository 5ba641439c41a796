//! The promises of the design (section 3) as questions to the store, and to what the device really did.

use std::collections::{BTreeMap, BTreeSet};

use super::device::Post;
use super::tree::Tree;
use crate::csp::{Instruction, Scope};
use crate::session::tests::judge::statuses;
use crate::session::tests::store::{Outcome, Store};
use crate::session::{
    CommandId, CommandState, Decision, Event, LoginStatus, Pending, Principal, ReasonCode, Rules, SentAnswer, Session,
    SyncType, Timestamp, UploadStep,
};
use crate::syncml::{Command, GroupKind, Message, StatusCode, Verb};

/// Commands by their id.
type Commands = BTreeMap<CommandId, Pending>;

/// What is known of the past, to judge the present by.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Commands that a message which was heard has answered or reported.
    answered: BTreeSet<CommandId>,
    /// The states that a command went through.
    outcomes: BTreeMap<CommandId, CommandState>,
    /// Commands that went out for the first time while an earlier one was held back for a reason.
    overtook: BTreeSet<CommandId>,
}

impl Ledger {
    /// A message was authenticated and heard.
    pub(super) fn heard(&mut self, post: &Post) {
        self.answered.extend(post.answers.iter().cloned());
    }

    /// What holds after every step.
    pub(super) fn hold(&mut self, store: &Store) {
        let flying: BTreeSet<&CommandId> = store
            .sessions()
            .flat_map(|session| &session.in_flight)
            .filter(|sent| sent.answer == SentAnswer::Awaited)
            .map(|sent| &sent.command)
            .chain(store.sessions().filter_map(|session| session.download.as_ref()).map(|download| &download.command))
            .collect();
        holds_in_one_session(store);
        for pending in store.commands.values() {
            if pending.state == CommandState::Sent {
                assert!(flying.contains(&pending.id), "{} is sent and nobody waits for it", pending.id);
            }
            if let Some(before) = self.outcomes.get(&pending.id) {
                assert_eq!(*before, pending.state, "{} has a second outcome", pending.id);
            }
            if !pending.state.is_open() {
                self.outcomes.insert(pending.id.clone(), pending.state);
            }
        }
        let parts = store.sessions().map(|session| session.in_flight.len()).max().unwrap_or_default();
        assert!(parts < 1_000, "{parts} parts in one session");
    }

    /// A message was decided on: each change has its reason.
    pub(super) fn follow(
        &mut self,
        before: &Commands,
        after: &Store,
        decision: &Decision,
        now: Timestamp,
        rules: &Rules,
    ) {
        for pending in &decision.commands {
            self.may_change(&before[&pending.id], pending, Some(now), rules);
        }
        let mut last = 0;
        let alone = decision.attempts.len() == 1;
        for attempt in &decision.attempts {
            let pending = &after.commands[&attempt.command];
            assert!(pending.sequence > last, "{} goes out of order", pending.id);
            last = pending.sequence;
            assert_eq!(attempt.number, before[&attempt.command].attempts + 1);
            self.goes_in_order(after, pending, decision, now);
            if before[&attempt.command].progress.unanswered > 0 || ends_session(pending) {
                assert!(alone, "{} does not go alone", pending.id);
            }
            for id in &pending.depends_on {
                let state = after.commands.get(id).map(|on| on.state);
                assert_eq!(state, Some(CommandState::Succeeded), "{} goes before {id} is done", pending.id);
            }
            goes_to_its_own(pending, after, &decision.session);
        }
    }

    /// Whatever goes out passes only those that are with the device or wait for a reason. That an earlier message with
    /// it was lost is none.
    fn goes_in_order(&mut self, after: &Store, sent: &Pending, decision: &Decision, now: Timestamp) {
        let earlier = after.open().filter(|other| other.sequence < sent.sequence && other.state != CommandState::Sent);
        for other in earlier {
            let waits = other.not_before.is_some_and(|at| at > now)
                || other.reason.as_ref().is_some_and(|reason| {
                    reason.code == ReasonCode::Accepted || reason.retry_at.is_some_and(|at| at > now)
                })
                || (is_user(other) && decision.session.login != LoginStatus::User)
                || lane(after, other) != lane(after, sent)
                || other.depends_on.iter().any(|id| {
                    after.commands.get(id).is_some_and(|on| on.state.is_open() || on.state == CommandState::Unknown)
                })
                || other.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::WaitingForDependency);
            assert!(
                waits,
                "{} passes {}, which waits for nothing: {:?} {:?}",
                sent.id, other.id, other.state, other.reason
            );
            self.overtook.insert(sent.id.clone());
        }
    }

    pub(super) fn closed(&mut self, before: &Commands, after: &Store, rules: &Rules) {
        for (id, pending) in &after.commands {
            if before[id] != *pending {
                self.may_change(&before[id], pending, None, rules);
            }
        }
    }

    /// A command leaves the queue through a Status that answers it, its expiry, or the documented ways aside.
    fn may_change(&self, before: &Pending, after: &Pending, heard_at: Option<Timestamp>, rules: &Rules) {
        let why = after.reason.as_ref().map(|reason| reason.code);
        let known = self.answered.contains(&after.id);
        let progress = &after.progress;
        let fine = match (after.state, why) {
            (CommandState::Queued | CommandState::Sent | CommandState::Deferred, _) => true,
            (CommandState::Succeeded, _) | (CommandState::Failed, Some(ReasonCode::RefusedByDevice)) => known,
            (CommandState::Failed, Some(ReasonCode::NoResult)) => has(after, Verb::Get) && known,
            (CommandState::Failed, Some(ReasonCode::MessageRefused | ReasonCode::TooLarge)) => heard_at.is_some(),
            (CommandState::Unknown, Some(ReasonCode::Interrupted)) => {
                has(after, Verb::Exec) || (is_group(after, GroupKind::Atomic) && progress.maybe_applied)
            }
            (CommandState::Failed | CommandState::Unknown, Some(ReasonCode::NeverAnswered)) => {
                let reads = after.instruction.settings().all(|(verb, _)| verb == Verb::Get);
                assert_eq!(reads, after.state == CommandState::Failed, "{}: reading leaves nothing behind", after.id);
                let late = after.expires_at.zip(heard_at).is_some_and(|(at, now)| at <= now) && progress.maybe_applied;
                late || progress.unanswered >= rules.max_unanswered
                    || progress.unanswered_alone >= rules.max_unanswered_alone
            }
            (CommandState::Expired, None) => {
                after.attempts == before.attempts && after.expires_at.zip(heard_at).is_some_and(|(at, now)| at <= now)
            }
            (CommandState::Canceled, Some(ReasonCode::DependencyFailed)) => !after.depends_on.is_empty(),
            _ => false,
        };
        assert!(fine, "{} may not become {:?} for {why:?}", after.id, after.state);
    }

    /// At the end of all: what the store says is what the device did.
    pub(super) fn compare(&self, store: &Store, tree: &Tree) {
        let mut latest_of = BTreeMap::new();
        for pending in store.commands.values() {
            let latest: &mut u64 = latest_of.entry(lane(store, pending)).or_default();
            let id = &pending.id;
            let deeds = tree.deeds.get(id).cloned().unwrap_or_default();
            for (node, times) in &deeds.executed {
                assert!(*times <= 1, "{id}: {node} ran {times} times");
            }
            if pending.attempts == 0 {
                assert!(deeds.first_seen.is_none(), "{id} was done and never sent");
            }
            if pending.state == CommandState::Succeeded {
                succeeded(pending, &deeds);
            }
            if pending.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::RefusedByDevice) {
                assert!(deeds.codes.iter().any(|code| *code >= 400), "{id} failed and the device never said so");
            }
            // Order of the first execution, but for what was sent before and lost.
            if let Some(seen) = deeds.first_seen {
                let excused = pending.attempts > 1 || self.overtook.contains(id);
                assert!(
                    excused || seen > *latest || self.was_overtaken(store, tree, pending),
                    "{id} was done too late"
                );
                if !excused {
                    *latest = (*latest).max(seen);
                }
            }
        }
    }

    /// A later command that was done before this one had a reason to go first.
    fn was_overtaken(&self, store: &Store, tree: &Tree, pending: &Pending) -> bool {
        let seen = |id: &CommandId| tree.deeds.get(id).and_then(|deeds| deeds.first_seen);
        let own = seen(&pending.id);
        store
            .commands
            .values()
            .filter(|other| lane(store, other) == lane(store, pending))
            .filter(|other| other.sequence < pending.sequence && seen(&other.id) > own)
            .all(|other| other.attempts > 1 || self.overtook.contains(&pending.id))
    }
}

/// A success is true: each node was written, read, removed or run as ordered.
fn succeeded(pending: &Pending, deeds: &super::tree::Deeds) {
    let id = &pending.id;
    for (place, (verb, setting)) in pending.instruction.settings().enumerate() {
        let uri = setting.target.as_str();
        let item = &pending.progress.items[place];
        match verb {
            Verb::Get => {
                let value = item.result.as_ref().map(|result| &result.data);
                assert_eq!(value, Some(&super::tree::value_of(uri)), "{id}: value of {uri}");
            }
            Verb::Add if item.status == Some(StatusCode::ALREADY_EXISTS) => {}
            Verb::Add | Verb::Replace => {
                let data = setting.data.as_ref();
                assert_eq!(deeds.written.get(uri), data, "{id}: {uri} was not written as ordered");
            }
            Verb::Exec => assert_eq!(deeds.executed.get(uri), Some(&1), "{id}: {uri} did not run"),
            Verb::Delete | Verb::Copy => assert!(deeds.first_seen.is_some(), "{id} was never seen"),
        }
    }
}

fn has(pending: &Pending, wanted: Verb) -> bool {
    pending.instruction.settings().any(|(verb, _)| verb == wanted)
}

fn is_group(pending: &Pending, wanted: GroupKind) -> bool {
    matches!(pending.instruction, Instruction::Group { kind, .. } if kind == wanted)
}

fn is_user(pending: &Pending) -> bool {
    pending.instruction.settings().any(|(_, setting)| setting.target.scope() == Scope::User)
}

/// No two sessions wait for the same command, and there is one of the device.
fn holds_in_one_session(store: &Store) {
    let mut waiting = BTreeSet::new();
    for session in store.sessions() {
        let awaited = session.in_flight.iter().filter(|sent| sent.answer == SentAnswer::Awaited);
        let own: BTreeSet<&CommandId> = awaited.map(|sent| &sent.command).collect();
        for id in own {
            assert!(waiting.insert(id) || !store.commands[id].state.is_open(), "two sessions wait for {id}");
        }
    }
    let of_device = store.sessions().filter(|session| session.sync_type != SyncType::User).count();
    assert!(of_device <= 1, "{of_device} sessions of the device");
}

/// A session gets what is in its scope, and of its user.
fn goes_to_its_own(pending: &Pending, store: &Store, session: &Session) {
    if !is_user(pending) {
        assert_ne!(session.sync_type, SyncType::User, "{} of the device goes to a user", pending.id);
        return;
    }
    assert_eq!(session.login, LoginStatus::User, "{} goes without its user", pending.id);
    assert_ne!(session.sync_type, SyncType::Device, "{} of a user goes to the device", pending.id);
    if let Some(whose) = pending.user.as_ref().or(store.enrolled_user.as_ref()) {
        let user = session.user.as_ref().map(|user| &user.name);
        assert_eq!(user, Some(whose), "{} goes to another user", pending.id);
    }
}

/// Whose sessions a command goes out in: order holds in each. Without users there is one for all.
fn lane(store: &Store, pending: &Pending) -> Option<String> {
    let whose = pending.user.as_ref().or(store.enrolled_user.as_ref());
    whose.filter(|_| is_user(pending)).map(Principal::key)
}

fn ends_session(pending: &Pending) -> bool {
    pending.instruction.settings().any(|(_, setting)| setting.target.as_str().contains("/RemoteWipe/"))
}

pub(super) fn header_code(reply: &Message) -> StatusCode {
    statuses(reply)[0].code
}

/// An exchange in a line.
pub(super) fn summary(request: &Message, reply: &Message, outcome: &Outcome) -> String {
    let names = |message: &Message| -> Vec<String> {
        let commands = message.body.commands.iter();
        commands
            .map(|command| match command {
                Command::Status(status) => {
                    format!("{}{}={}", status.cmd, status.cmd_ref, status.code)
                }
                other => format!("{}{}", other.name(), other.cmd_id()),
            })
            .collect()
    };
    let kind = match outcome {
        Outcome::Repeat(_) => "repeated",
        Outcome::Refused(_) => "refused",
        Outcome::Decided(decision) if decision.is_new => "begins",
        Outcome::Decided(_) => "goes on",
    };
    let sent = match outcome {
        Outcome::Decided(decision) => decision.attempts.iter().map(|attempt| attempt.command.0.clone()).collect(),
        _ => Vec::new(),
    };
    let end = if request.body.is_final { "" } else { " (not final)" };
    format!(
        "{}/{} [{}]{end} {kind}, answered {} [{}] with {sent:?}",
        request.header.session_id,
        request.header.msg_id,
        names(request).join(" "),
        reply.header.msg_id,
        names(reply).join(" ")
    )
}

/// Counts what an exchange was.
pub(super) fn tally_exchange(reply: &Message, outcome: &Outcome, tally: &mut super::Tally) {
    let mut count = |what: String| *tally.entry(what).or_default() += 1;
    let decision = match outcome {
        Outcome::Repeat(_) => return count("arrived repeated".to_owned()),
        Outcome::Refused(refused) => return count(format!("refused {:?}", refused.kind)),
        Outcome::Decided(decision) => decision,
    };
    count(format!("arrived {}", if decision.is_new { "begins" } else { "goes on" }));
    for command in &reply.body.commands {
        match command {
            Command::Alert(alert) => count(format!("replied Alert {}", alert.code.map_or(0, |code| code.0))),
            Command::Request(request) if request.items.iter().any(|item| item.more_data) => {
                count("replied piece".to_owned());
            }
            _ => {}
        }
    }
    for step in &decision.uploads {
        match step {
            UploadStep::Append { .. } => {}
            UploadStep::Complete { .. } => count("upload complete".to_owned()),
            UploadStep::Drop | UploadStep::DropReplaced => count("upload dropped".to_owned()),
        }
    }
    for event in &decision.events {
        if let Event::Anomaly { kind, .. } = event {
            count(format!("anomaly {kind}"));
        }
    }
    for pending in decision.commands.iter().filter(|pending| pending.state == CommandState::Deferred) {
        count(format!("held {}", pending.reason.as_ref().map_or("", |reason| reason.code.as_str())));
    }
}

/// Counts how a command ended.
pub(super) fn tally_end(pending: &Pending, tally: &mut super::Tally) {
    let mut count = |what: String| *tally.entry(what).or_default() += 1;
    let why = pending.reason.as_ref().map_or(String::new(), |reason| format!(" {}", reason.code.as_str()));
    count(format!("end {}{why}", pending.state.as_str()));
    let items = &pending.progress.items;
    let marks = [
        ("as_replace", items.iter().any(|item| item.as_replace)),
        ("reported", items.iter().any(|item| item.reported)),
        ("below_group", matches!(pending.instruction, Instruction::Group { .. })),
    ];
    for (mark, _) in marks.into_iter().filter(|(_, is)| *is) {
        count(format!("end {} {mark}", pending.state.as_str()));
    }
}
