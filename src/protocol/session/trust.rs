//! The Status of our own header: does the device believe us, and did it take our message as a whole?
//! (OMA DM Security 5.2, MS-MDM 2.2.6.1; threat T54)

use std::collections::BTreeSet;

use super::flight::Flight;
use super::process::Work;
use super::settle::is_repeatable;
use super::{CommandId, CommandState, MsgId, Nonce, Pending, ReasonCode, SentAnswer};
use crate::syncml::{Status, StatusClass, StatusCode};

/// Challenges for our own credential that one session answers.
const MAX_SERVER_CHALLENGES: u32 = 2;

impl Work<'_> {
    /// The device answered our header.
    pub(super) fn hear_header_status(&mut self, status: &Status) {
        let nonce = status.chal.as_ref().and_then(|chal| chal.meta.next_nonce.as_deref()).and_then(Nonce::from_base64);
        if let Some(nonce) = nonce
            && self.account.server_nonce.as_ref() != Some(&nonce)
        {
            self.account.server_nonce = Some(nonce);
            self.account_changed = true;
        }
        let Some(message) = MsgId::parse(&status.msg_ref).filter(|message| *message < self.session.server_message)
        else {
            return;
        };
        match status.code {
            StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS => self.distrusted(message, status),
            code if code.class() == StatusClass::Failed && self.flight.has(message) => {
                self.anomaly("message_refused", || format!("the device refused message {message} with {code}"));
                self.refused(message, code);
            }
            _ => {}
        }
    }

    fn distrusted(&mut self, message: MsgId, status: &Status) {
        self.take_back(message);
        self.session.server_challenges = self.session.server_challenges.saturating_add(1);
        let can = self.account.server.is_some() && status.chal.is_some();
        if can && self.session.server_challenges <= MAX_SERVER_CHALLENGES {
            self.session.server_cred = true;
        } else {
            self.hold = true;
            self.anomaly("server_not_trusted", || "the device does not accept our credential".to_owned());
        }
    }

    /// Commands of a message that the device did not look at: as if they had not been sent.
    fn take_back(&mut self, message: MsgId) {
        for id in self.unlink(message) {
            if let Some(pending) = self.sent(&id) {
                pending.become_plain(CommandState::Queued);
            }
        }
    }

    /// Commands of a message that the device refused as a whole: tried again one by one, then set aside.
    fn refused(&mut self, message: MsgId, code: StatusCode) {
        let (now, rules) = (self.now, self.rules);
        let ids = self.unlink(message);
        let alone = ids.len() == 1;
        for id in ids {
            let Some(pending) = self.sent(&id) else { continue };
            pending.progress.unanswered = pending.progress.unanswered.saturating_add(1);
            let exhausted = alone || pending.progress.unanswered >= rules.max_unanswered;
            let state = if may_have_run(pending, code) {
                CommandState::Unknown
            } else if exhausted {
                CommandState::Failed
            } else {
                CommandState::Queued
            };
            let why = if state == CommandState::Unknown { ReasonCode::Interrupted } else { ReasonCode::MessageRefused };
            pending.become_for(state, why, now).detail = Some(format!("Status {code} of the message"));
        }
    }

    /// Forgets that a message carried anything, and gives the commands that it carried.
    fn unlink(&mut self, message: MsgId) -> BTreeSet<CommandId> {
        if !self.flight.has(message) {
            return BTreeSet::new();
        }
        let mut ids = BTreeSet::new();
        self.session.in_flight.retain(|sent| {
            let gone = sent.message == message && sent.answer == SentAnswer::Awaited;
            if gone {
                ids.insert(sent.command.clone());
            }
            !gone
        });
        // What is left of them elsewhere is of no use: they begin again.
        self.session.in_flight.retain(|sent| !ids.contains(&sent.command) && sent.message != message);
        self.flight = Flight::new(&self.session.in_flight);
        self.session.ender.take_if(|ender| ids.contains(ender));
        self.session.download.take_if(|download| ids.contains(&download.command));
        ids
    }

    /// A command whose transfer was cut off begins again.
    pub(super) fn restart(&mut self, id: &CommandId) {
        self.session.in_flight.retain(|sent| sent.command != *id);
        self.flight = Flight::new(&self.session.in_flight);
        let (now, rules) = (self.now, self.rules);
        if let Some(pending) = self.sent(id) {
            pending.progress.unanswered = pending.progress.unanswered.saturating_add(1);
            if pending.progress.unanswered >= rules.max_unanswered {
                pending.become_for(CommandState::Failed, ReasonCode::MessageRefused, now);
            } else {
                pending.become_for(CommandState::Queued, ReasonCode::Unanswered, now);
            }
        }
    }

    /// A command that is in a message of ours, to be changed.
    fn sent(&mut self, id: &CommandId) -> Option<&mut Pending> {
        self.queue.find(id).filter(|pending| pending.state == CommandState::Sent)?;
        self.queue.change(id)
    }
}

/// A device that says 4xx did not look at the commands. One that failed while it worked may have begun.
fn may_have_run(pending: &Pending, code: StatusCode) -> bool {
    let before_work =
        matches!(code, StatusCode::NOT_IMPLEMENTED | StatusCode::DTD_VERSION | StatusCode::PROTOCOL_VERSION);
    code.0 >= 500 && !before_work && pending.instruction.settings().any(|(verb, _)| !is_repeatable(verb))
}
