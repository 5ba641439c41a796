//! May a command go out now, and if not, why (design, promises 3 and 7, section 4)?

use std::collections::BTreeMap;

use super::process::Work;
use super::{CommandId, CommandState, LoginStatus, Outcome, Pending, ReasonCode, SyncType, Timestamp};
use crate::csp::{Instruction, Scope};
use crate::syncml::Verb;

/// Whether a command may go out now.
pub(super) enum Readiness {
    Ready,
    NotNow,
    Expired,
    WaitsFor(ReasonCode),
    Broken(CommandId),
}

impl Work<'_> {
    pub(super) fn readiness(&self, pending: &Pending, settled: &BTreeMap<CommandId, CommandState>) -> Readiness {
        let now = self.now;
        if matches!(&pending.reason, Some(reason) if reason.code == ReasonCode::Accepted) {
            return Readiness::NotNow;
        }
        if pending.expires_at.is_some_and(|at| at <= now) {
            return Readiness::Expired;
        }
        let retry_at = pending.reason.as_ref().and_then(|reason| reason.retry_at);
        if pending.not_before.is_some_and(|at| at > now) || retry_at.is_some_and(|at| at > now) {
            return Readiness::NotNow;
        }
        for id in &pending.depends_on {
            let state = self.queue.find(id).map(|other| other.state).or_else(|| settled.get(id).copied());
            match state.map(CommandState::outcome) {
                Some(Some(Outcome::Succeeded)) => {}
                // Whether it ran is for a person to find out; until then what depends on it waits.
                Some(None | Some(Outcome::Unknown)) => return Readiness::WaitsFor(ReasonCode::WaitingForDependency),
                Some(Some(_)) | None => return Readiness::Broken(id.clone()),
            }
        }
        let (device, user) = scopes(&pending.instruction);
        if user && self.session.login != LoginStatus::User {
            return Readiness::WaitsFor(ReasonCode::WaitingForUser);
        }
        match self.session.sync_type {
            SyncType::Device if user => Readiness::WaitsFor(ReasonCode::WaitingForScope),
            SyncType::User if device => Readiness::WaitsFor(ReasonCode::WaitingForScope),
            _ => Readiness::Ready,
        }
    }

    pub(super) fn hold_back(&mut self, id: &CommandId, readiness: Readiness) {
        let (now, is_new) = (self.now, self.is_new);
        let Some(known) = self.queue.find(id) else { return };
        // The same reason is counted once a session, and an unchanged row is not written again.
        let same = |code| known.reason.as_ref().is_some_and(|reason| reason.code == code);
        match readiness {
            Readiness::Ready | Readiness::NotNow => {}
            Readiness::Expired => {
                if let Some(pending) = self.queue.change(id) {
                    expire(pending, now);
                }
            }
            Readiness::WaitsFor(code) if !is_new && same(code) => {}
            Readiness::WaitsFor(code) => {
                if let Some(pending) = self.queue.change(id) {
                    pending.become_for(CommandState::Deferred, code, now);
                }
            }
            Readiness::Broken(on) => {
                if let Some(pending) = self.queue.change(id) {
                    let reason = pending.become_for(CommandState::Canceled, ReasonCode::DependencyFailed, now);
                    reason.detail = Some(format!("depends on {on}"));
                }
            }
        }
    }
}

/// The time of a command has passed. One that may have reached the device before is not "expired" but unknown.
fn expire(pending: &mut Pending, now: Timestamp) {
    let writes = pending.instruction.settings().any(|(verb, _)| verb != Verb::Get);
    if writes && pending.progress.maybe_applied {
        let reason = pending.become_for(CommandState::Unknown, ReasonCode::NeverAnswered, now);
        reason.detail = Some("its time passed before it was answered".to_owned());
    } else {
        pending.become_plain(CommandState::Expired);
    }
}

/// Whether a command has nodes of the device scope, and of the user scope.
fn scopes(instruction: &Instruction) -> (bool, bool) {
    instruction.settings().fold((false, false), |(device, user), (_, setting)| match setting.target.scope() {
        Scope::Device => (true, user),
        Scope::User => (device, true),
    })
}
