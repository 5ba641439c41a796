//! What else happens to an enrollment: people, time, maintenance, old messages and forged ones.

use super::checks::header_code;
use super::device::Post;
use super::speech;
use super::world::World;
use crate::session::admit::MAX_EARLIER;
use crate::session::tests::store::{Incoming, Outcome, Store};
use crate::session::{
    A1, AuthMode, CommandId, CommandState, Guesses, Nonce, Phase, Reason, ReasonCode, Session, Timestamp,
};
use crate::syncml::StatusCode;

impl World {
    pub(super) fn operator_orders(&mut self) {
        for _ in 0..=self.random.below(3) {
            let known: Vec<CommandId> = self.store.commands.keys().rev().take(5).cloned().collect();
            let pending = self.operator.orders(&mut self.random, self.now, &known);
            self.tell(|| format!("ordered: {} {}", pending.id, pending.instruction.kind()));
            self.store.commands.insert(pending.id.clone(), pending);
        }
    }

    pub(super) fn operator_cancels(&mut self) {
        let open: Vec<CommandId> = self.store.open().map(|pending| pending.id.clone()).collect();
        if open.is_empty() {
            return;
        }
        let id = self.random.pick(&open).clone();
        self.tell(|| format!("canceled: {id}"));
        self.cancels(&id);
    }

    fn cancels(&mut self, id: &CommandId) {
        let now = self.now;
        let pending = self.store.commands.get_mut(id).expect("known");
        pending.state = CommandState::Canceled;
        pending.reason =
            Some(Reason { code: ReasonCode::ByOperator, since: now, count: 1, retry_at: None, detail: None });
    }

    pub(super) fn time_passes(&mut self) {
        let minutes = if self.random.percent(15) { 20 + self.random.below(90) } else { self.random.below(6) };
        self.now = self.now.plus_millis(i64::try_from(minutes).expect("small") * 60_000);
        self.tell(|| format!("{minutes} minutes pass"));
    }

    /// Silent sessions end, and what was never sent expires.
    pub(super) fn maintains(&mut self) {
        let timeout = self.rules.session_timeout;
        let silent = |session: &Session, now: Timestamp| {
            !matches!(session.phase, Phase::Ended(_)) && now.millis_since(session.last_at) > timeout
        };
        for _ in 0..self.store.sessions().count() {
            self.store.rotates();
            let now = self.now;
            if !self.store.session.as_ref().is_some_and(|session| silent(session, now)) {
                continue;
            }
            self.tell(|| "maintenance ends the session".to_owned());
            let before = self.store.commands.clone();
            self.store.close(self.now, &self.rules);
            self.count("session closed".to_owned());
            self.ledger.closed(&before, &self.store, &self.rules);
            self.ledger.hold(&self.store);
        }
    }

    /// A person gives up what nobody will ever know, so that nothing waits for it any more.
    pub(super) fn resolves_for_dependents(&mut self) {
        let unknown =
            |id: &CommandId| self.store.commands.get(id).is_none_or(|other| other.state == CommandState::Unknown);
        let waiting: Vec<CommandId> = self
            .store
            .open()
            .filter(|pending| pending.depends_on.iter().any(unknown))
            .map(|pending| pending.id.clone())
            .collect();
        for id in waiting {
            self.cancels(&id);
        }
    }

    /// A message of long ago, or of just now, comes again. A connection does not live as long as replies are kept, nor
    /// through more sessions than are remembered, so that nothing is on the wire longer.
    pub(super) fn wire_brings_something_old(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let back = self.random.below(40.min(self.sent.len() as u64));
        let place = self.sent.len() - 1 - usize::try_from(back).expect("small");
        let (sent_at, post) = self.sent[place].clone();
        let speaker = |post: &Post| post.hash.rsplit_once('-').map(|(speaker, _)| speaker.to_owned());
        let since = self.sent[place..].iter().filter(|(_, other)| speaker(other) == speaker(&post));
        let mut sessions: Vec<_> = since.map(|(_, other)| &other.message.header.session_id).collect();
        sessions.dedup();
        if self.now.millis_since(sent_at) > self.rules.reply_kept || sessions.len() > MAX_EARLIER {
            return;
        }
        self.tell(|| format!("{} arrives late", post.hash));
        self.arrives(&post);
    }

    /// Somebody who knows everything but the secrets answers for the device.
    pub(super) fn somebody_forges(&mut self) {
        let Some(session) = self.store.session.clone() else { return };
        let per_message = self.rules.auth_mode == AuthMode::PerMessage;
        if !(self.device.by_transport || per_message) {
            return;
        }
        let answers = session
            .in_flight
            .iter()
            .map(|sent| speech::status(sent.message.number(), &sent.cmd_id.to_string(), "", None, 200));
        let number = session.client_message.number() + u32::from(self.random.percent(70));
        let name = session.session_id.as_str().to_owned();
        let mut header = speech::header(&self.device.id, &name, number);
        if self.random.percent(50) {
            header.source.loc_name = Some("user".to_owned());
            header.cred = Some(speech::cred(A1::new("user", "guessed").digest(&self.store.account.next_nonce)));
        }
        let message = speech::message(header, answers.collect(), 1, true);
        self.tell(|| format!("somebody forges message {number}"));
        let outcome = self.store.exchange(&Incoming {
            message: &message,
            hash: "forged",
            by_transport: false,
            guesses: Guesses::Few,
            fresh_nonce: &Nonce::from_bytes(&[0; 16]),
            now: self.now,
            rules: &self.rules,
        });
        let Outcome::Refused(refused) = &outcome else { panic!("a forged message was heard: {outcome:?}") };
        let before = self.store.clone();
        let code = header_code(&refused.reply);
        assert!(matches!(code, StatusCode(200 | 401 | 407)), "{code}");
        self.store.commit(&outcome);
        assert_eq!(self.store.commands, before.commands);
        assert_eq!(self.store.account.next_nonce, before.account.next_nonce);
        let flying = |store: &Store| store.session.as_ref().map(|session| session.in_flight.clone());
        assert_eq!(flying(&self.store), flying(&before));
    }
}
