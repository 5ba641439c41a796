//! May a command go out now, and if not, why (design, promises 3 and 7, section 4)?

use std::collections::BTreeMap;

use super::process::Work;
use super::{CommandId, CommandState, LoginStatus, Outcome, Pending, Principal, ReasonCode, SyncType, Timestamp};
use crate::csp::{Instruction, Scope};
use crate::syncml::Verb;

/// Whether a command may go out now.
pub(super) enum Readiness {
    Ready,
    NotNow,
    Expired,
    /// With what there is to say beside.
    WaitsFor(ReasonCode, Option<String>),
    Broken(CommandId),
}

impl Work<'_> {
    pub(super) fn readiness(&self, pending: &Pending, settled: &BTreeMap<CommandId, CommandState>) -> Readiness {
        let now = self.now;
        if pending.is_accepted() {
            return Readiness::NotNow;
        }
        if pending.is_too_late(now) {
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
                Some(None | Some(Outcome::Unknown)) => {
                    return Readiness::WaitsFor(ReasonCode::WaitingForDependency, None);
                }
                Some(Some(_)) | None => return Readiness::Broken(id.clone()),
            }
        }
        let (device, user) = scopes(&pending.instruction);
        if user && let Some(why) = self.lacks_user(pending.user.as_ref()) {
            return Readiness::WaitsFor(ReasonCode::WaitingForUser, Some(why));
        }
        // The other scope would be answered with 405 (MS-MDM 3.2.5.1.5).
        match self.session.sync_type {
            SyncType::Device if user => Readiness::WaitsFor(ReasonCode::WaitingForScope, None),
            SyncType::User if device => Readiness::WaitsFor(ReasonCode::WaitingForScope, None),
            _ => Readiness::Ready,
        }
    }

    /// Why nodes of this user can't be reached in this session; without a name, those of the enrolled user.
    fn lacks_user(&self, wanted: Option<&Principal>) -> Option<String> {
        let session = &self.session;
        // Who is signed in is said of the computer; a session of a user is there because that one is.
        let signed_in = match session.login {
            LoginStatus::User => true,
            LoginStatus::Unsaid => session.sync_type == SyncType::User || self.enrolled_user_is_verified(),
            LoginStatus::Others | LoginStatus::None => false,
        };
        let waits_for = |name: Option<&Principal>, but: &str| match name {
            Some(name) => format!("waits for a session of {name}; {but}"),
            None => format!("waits for the enrolled user; {but}"),
        };
        if !signed_in {
            return Some(waits_for(wanted, session.login.meaning()));
        }
        let enrolled = self.enrolled_user.as_ref();
        let said = session.user.as_ref().map(|user| &user.name);
        // That the enrolled user is signed in says who that is, but not in the session of a user who gave no name.
        let speaks = said.or_else(|| enrolled.filter(|_| session.sync_type != SyncType::User));
        let (fits, wanted) = match wanted {
            Some(name) => (speaks == Some(name), Some(name)),
            None if session.sync_type == SyncType::User => {
                (said.is_none() || enrolled.is_none() || said == enrolled, enrolled)
            }
            // A checked token knows better than the device who is signed in.
            None => (self.verified_other().is_none(), enrolled),
        };
        let but = || match speaks {
            Some(name) => format!("the last session was {name}'s"),
            None => "the last session named nobody".to_owned(),
        };
        (!fits).then(|| waits_for(wanted, &but()))
    }

    /// A checked token says that the session is of the one who enrolled the device.
    fn enrolled_user_is_verified(&self) -> bool {
        let user = self.session.user.as_ref().filter(|user| user.verified);
        user.is_some_and(|user| self.enrolled_user.as_ref() == Some(&user.name))
    }

    /// Who it is by a checked token, where that is not the one who enrolled the device.
    fn verified_other(&self) -> Option<&Principal> {
        let enrolled = self.enrolled_user.as_ref()?;
        let user = self.session.user.as_ref().filter(|user| user.verified)?;
        (user.name != *enrolled).then_some(&user.name)
    }

    pub(super) fn hold_back(&mut self, id: &CommandId, readiness: Readiness) {
        let (now, is_new) = (self.now, self.is_new);
        let Some(known) = self.queue.find(id) else { return };
        // The same reason is counted once a session, and an unchanged row is not written again.
        let same = |code, detail: &Option<String>| {
            known.reason.as_ref().is_some_and(|reason| reason.code == code && reason.detail == *detail)
        };
        match readiness {
            Readiness::Ready | Readiness::NotNow => {}
            Readiness::Expired => {
                if let Some(pending) = self.queue.change(id) {
                    expire(pending, now);
                }
            }
            Readiness::WaitsFor(code, detail) if !is_new && same(code, &detail) => {}
            Readiness::WaitsFor(code, detail) => {
                if let Some(pending) = self.queue.change(id) {
                    pending.become_for(CommandState::Deferred, code, now).detail = detail;
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

impl Pending {
    /// Ends a command whose time has passed without it being on its way; false where that is not so.
    pub fn lapse(&mut self, now: Timestamp) -> bool {
        let waits = matches!(self.state, CommandState::Queued | CommandState::Deferred) && !self.is_accepted();
        let lapses = waits && self.is_too_late(now);
        if lapses {
            expire(self, now);
        }
        lapses
    }

    /// The device works on it.
    fn is_accepted(&self) -> bool {
        self.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Accepted)
    }

    fn is_too_late(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
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
