//! Atomic: all or nothing (MS-MDM 2.2.7.3, OMA DM `RepPro` 6.5.2).

use std::collections::HashMap;

use transom_protocol::syncml::{Command, Group, GroupKind, Request, StatusCode, Verb};

use super::execute::{Outcome, Reply};
use super::inspect::flatten;
use super::session::Session;
use super::{Device, Ending};

/// A child of an Atomic and what became of it.
type Child<'a> = (&'a Command, Vec<Outcome>);

impl Device {
    /// Does an Atomic: its own Status first, then one for each child.
    pub(super) fn atomic(&mut self, session: &mut Session, group: &Group, reply: &mut Reply) -> Result<(), Ending> {
        self.interrupt(session, reply);
        let children: Vec<&Command> = flatten(&group.commands).collect();
        let (code, outcomes) = if let Some(refused) = children.iter().position(|child| is_refused(child)) {
            (StatusCode::ATOMIC_FAILED, refuse(&children, refused))
        } else {
            self.all_or_nothing(session, &children, reply)
        };
        self.answer(session, &Command::Group(group.clone()), &[Outcome::of("", code)], reply);
        for (child, outcomes) in &outcomes {
            self.answer(session, child, outcomes, reply);
        }
        for (_, outcomes) in &outcomes {
            self.face(session, outcomes)?;
        }
        Ok(())
    }

    fn all_or_nothing<'a>(
        &mut self,
        session: &mut Session,
        children: &[&'a Command],
        reply: &mut Reply,
    ) -> (StatusCode, Vec<Child<'a>>) {
        let before = self.tree.clone();
        let log_before = self.log.len();
        let mut outcomes: Vec<Child<'a>> = Vec::with_capacity(children.len());
        let mut added: HashMap<String, Verb> = HashMap::new();
        let mut has_failed = false;
        for child in children {
            let done = match child {
                _ if has_failed => not_executed(child),
                Command::Request(request) if is_second_write(request, &mut added) => {
                    vec![Outcome::of(first_target(request), StatusCode::COMMAND_FAILED)]
                }
                Command::Request(request) => self.request_in_atomic(session, request, reply),
                Command::Group(_) => vec![Outcome::of("", StatusCode::OK)],
                _ => vec![Outcome::of("", StatusCode::BAD_REQUEST)],
            };
            has_failed = has_failed || done.iter().any(Outcome::is_failure);
            outcomes.push((child, done));
        }
        if !has_failed {
            return (StatusCode::OK, outcomes);
        }
        self.tree = before;
        self.log.truncate(log_before);
        for outcome in outcomes.iter_mut().flat_map(|(_, done)| done) {
            outcome.consequence = None;
            if !outcome.is_failure() && outcome.code != StatusCode::NOT_EXECUTED {
                outcome.code = StatusCode::ROLLED_BACK;
            }
            if self.behaviour.hides_culprits {
                (outcome.code, outcome.original_error) = (StatusCode::NOT_EXECUTED, None);
            }
        }
        (StatusCode::ATOMIC_FAILED, outcomes)
    }

    /// As outside, but items behind a failed one are not done, and no value comes in chunks.
    fn request_in_atomic(&mut self, session: &mut Session, request: &Request, reply: &mut Reply) -> Vec<Outcome> {
        if request.cmd_id.is_empty() || request.items.iter().any(|item| item.more_data) {
            return vec![Outcome::of(first_target(request), StatusCode::BAD_REQUEST)];
        }
        if request.items.len() < 2 || request.verb == Verb::Exec {
            return self.request(session, request, reply);
        }
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(request.items.len());
        for item in &request.items {
            if outcomes.iter().any(Outcome::is_failure) {
                outcomes.push(Outcome::of(item.target_uri().unwrap_or_default(), StatusCode::NOT_EXECUTED));
            } else {
                let alone = Request { items: vec![item.clone()], ..request.clone() };
                outcomes.extend(self.request(session, &alone, reply));
            }
        }
        outcomes
    }
}

/// What Windows refuses in an Atomic before it does any of it.
fn is_refused(child: &Command) -> bool {
    match child {
        Command::Request(request) => request.verb == Verb::Get,
        Command::Group(group) => group.kind == GroupKind::Atomic,
        _ => false,
    }
}

/// 500 for the child that can't stand there, 215 for all others.
fn refuse<'a>(children: &[&'a Command], refused: usize) -> Vec<Child<'a>> {
    let outcome = |(at, child): (usize, &&'a Command)| {
        let mut outcomes = not_executed(child);
        if at == refused {
            for outcome in &mut outcomes {
                outcome.code = StatusCode::COMMAND_FAILED;
            }
        }
        (*child, outcomes)
    };
    children.iter().enumerate().map(outcome).collect()
}

/// 215 for each item.
fn not_executed(child: &Command) -> Vec<Outcome> {
    match child {
        Command::Request(request) if !request.items.is_empty() => request
            .items
            .iter()
            .map(|item| Outcome::of(item.target_uri().unwrap_or_default(), StatusCode::NOT_EXECUTED))
            .collect(),
        _ => vec![Outcome::of("", StatusCode::NOT_EXECUTED)],
    }
}

/// Add and Replace of one node in one Atomic: Windows does not support it.
fn is_second_write(request: &Request, added: &mut HashMap<String, Verb>) -> bool {
    if !matches!(request.verb, Verb::Add | Verb::Replace) {
        return false;
    }
    request.items.iter().filter_map(|item| item.target_uri()).any(|uri| {
        let earlier = added.insert(uri.to_ascii_lowercase(), request.verb);
        earlier.is_some_and(|verb| verb != request.verb)
    })
}

fn first_target(request: &Request) -> &str {
    request.items.first().and_then(|item| item.target_uri()).unwrap_or_default()
}
