//! What a database keeps of one enrollment, in memory. It decides nothing; a transaction can be lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::session::{
    Account, Admission, Arrival, Closed, CommandId, CommandState, Decision, Ending, Event, Guesses, Header,
    Introduction, Nonce, Pending, Phase, Principal, ReasonCode, Refused, Rules, Session, SessionUser, Timestamp,
    UploadStep, admit, choose, claimed_user, close, user_token,
};
use crate::syncml::{Message, write};

/// One enrollment.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) account: Account,
    pub(crate) session: Option<Session>,
    /// The sessions beside that one.
    pub(crate) others: Vec<Beside>,
    /// Who enrolled the device.
    pub(crate) enrolled_user: Option<Principal>,
    /// Reply to the last message of the session, byte for byte.
    pub(crate) reply: Option<String>,
    /// Every command that there ever was.
    pub(crate) commands: BTreeMap<CommandId, Pending>,
    pub(crate) events: Vec<Event>,
    /// Chunks of an upload that goes on.
    pub(crate) chunks: String,
    /// Bytes that all chunks may take.
    pub(crate) room: u64,
    /// How many commands are handed to a message beside those that it concerns.
    pub(crate) limit: usize,
}

/// A session that the last message was not of.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    pub(crate) session: Session,
    reply: Option<String>,
    chunks: String,
}

/// A message as it came from the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) message: &'a Message,
    pub(crate) hash: &'a str,
    pub(crate) by_transport: bool,
    pub(crate) guesses: Guesses,
    pub(crate) fresh_nonce: &'a Nonce,
    pub(crate) now: Timestamp,
    pub(crate) rules: &'a Rules,
}

/// What a message leads to; nothing of it is stored yet.
#[derive(Debug)]
pub(crate) enum Outcome {
    Repeat(String),
    Refused(Box<Refused>),
    Decided(Box<Decision>),
}

impl Store {
    pub(crate) fn new(account: Account) -> Self {
        Self {
            account,
            session: None,
            others: Vec::new(),
            enrolled_user: None,
            reply: None,
            commands: BTreeMap::new(),
            events: Vec::new(),
            chunks: String::new(),
            room: u64::MAX,
            limit: 100,
        }
    }

    /// Every session of the enrollment.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.session.iter().chain(self.others.iter().map(|beside| &beside.session))
    }

    /// Looks up the session that a message belongs to; the others are put beside it.
    pub(crate) fn turns_to(&mut self, incoming: &Incoming<'_>) {
        let Ok(header) = Header::parse(&incoming.message.header, incoming.rules) else { return };
        self.put_aside();
        let sessions: Vec<Session> = self.sessions().cloned().collect();
        if let Some(place) = choose(&header, incoming.hash, &says(incoming.message), &sessions) {
            self.take_up(place);
        }
    }

    fn put_aside(&mut self) {
        let (reply, chunks) = (self.reply.take(), std::mem::take(&mut self.chunks));
        self.others.extend(self.session.take().map(|session| Beside { session, reply, chunks }));
    }

    fn take_up(&mut self, place: usize) {
        let Beside { session, reply, chunks } = self.others.remove(place);
        (self.session, self.reply, self.chunks) = (Some(session), reply, chunks);
    }

    /// Each session in turn is the one that is looked at.
    pub(crate) fn rotates(&mut self) {
        self.put_aside();
        if !self.others.is_empty() {
            self.take_up(0);
        }
    }

    /// Decides on a message of the session that is looked at. To lose the transaction, forget what this gives.
    pub(crate) fn exchange(&self, incoming: &Incoming<'_>) -> Outcome {
        let arrival = Arrival {
            message: incoming.message,
            body_hash: incoming.hash,
            account: self.account.clone(),
            says: says(incoming.message),
            session: self.session.clone(),
            has_reply: self.reply.is_some(),
            by_transport: incoming.by_transport,
            guesses: incoming.guesses,
            fresh_nonce: incoming.fresh_nonce.clone(),
            now: incoming.now,
            rules: incoming.rules,
        };
        match admit(arrival) {
            Admission::Repeat => Outcome::Repeat(self.reply.clone().expect("a reply is there")),
            Admission::Refused(refused) => Outcome::Refused(refused),
            Admission::Accepted(admitted) => {
                let mut ids: BTreeSet<CommandId> = admitted.concerned().into_iter().collect();
                if admitted.brings_reports() {
                    ids.extend(self.open().filter(|pending| is_accepted(pending)).map(|pending| pending.id.clone()));
                }
                if admitted.brings_answers() {
                    ids.extend(self.open().filter(|pending| waits(pending)).map(|pending| pending.id.clone()));
                }
                ids.extend(self.ready(incoming.now));
                let pending: Vec<_> =
                    ids.iter().filter_map(|id| self.commands.get(id)).filter(|p| p.state.is_open()).cloned().collect();
                let depends = pending.iter().flat_map(|pending| &pending.depends_on);
                let settled: BTreeMap<_, _> =
                    depends.filter_map(|id| self.commands.get(id).map(|other| (id.clone(), other.state))).collect();
                let admitted = if admitted.brings_chunks() {
                    let kept = u64::try_from(self.chunks.len()).expect("small");
                    admitted.with_upload_room(self.room.saturating_sub(kept))
                } else {
                    *admitted
                };
                let admitted = admitted.with_enrolled_user(self.enrolled_user.clone());
                Outcome::Decided(Box::new(admitted.process(pending, &settled)))
            }
        }
    }

    /// Stores an outcome, and gives the bytes of the reply.
    pub(crate) fn commit(&mut self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Repeat(reply) => reply.clone(),
            Outcome::Refused(refused) => {
                if let Some(account) = &refused.account {
                    self.account = account.clone();
                }
                if let Some(session) = &refused.session {
                    self.session = Some(session.clone());
                }
                write::write(&refused.reply)
            }
            Outcome::Decided(decision) => {
                if let Some(account) = &decision.account {
                    self.account = account.clone();
                }
                self.session = Some(decision.session.clone());
                self.save(&decision.commands);
                self.events.extend(decision.events.iter().cloned());
                self.follow(&decision.uploads);
                let reply = write::write(&decision.reply);
                self.reply = Some(reply.clone());
                reply
            }
        }
    }

    /// Ends the session, as maintenance does when nothing was heard for long.
    pub(crate) fn close(&mut self, now: Timestamp, rules: &Rules) {
        let Some(session) = self.session.clone().filter(|session| !matches!(session.phase, Phase::Ended(_))) else {
            return;
        };
        let ids: BTreeSet<_> = session.in_flight.iter().map(|sent| &sent.command).collect();
        let pending: Vec<_> =
            ids.iter().filter_map(|id| self.commands.get(id)).filter(|p| p.state.is_open()).cloned().collect();
        let Closed { session, commands, drop_upload } = close(session, pending, Ending::TimedOut, now, rules);
        self.session = Some(session);
        self.save(&commands);
        if drop_upload {
            self.chunks.clear();
        }
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Pending> {
        self.commands.values().filter(|pending| pending.state.is_open())
    }

    /// Commands that were open are written back; a change of any other is refused, as in the database.
    fn save(&mut self, changed: &[Pending]) {
        for pending in changed {
            let before = self.commands.insert(pending.id.clone(), pending.clone()).expect("known");
            assert!(before.state.is_open(), "{} had its outcome already: {:?}", before.id, before.state);
        }
    }

    fn follow(&mut self, steps: &[UploadStep]) {
        for step in steps {
            match step {
                UploadStep::Append { data, .. } => self.chunks.push_str(data),
                UploadStep::Drop | UploadStep::DropReplaced => self.chunks.clear(),
                UploadStep::Complete { command, item, bytes } => {
                    let chunks = std::mem::take(&mut self.chunks);
                    assert_eq!(u64::try_from(chunks.len()), Ok(*bytes));
                    let pending = self.commands.get_mut(command).expect("known");
                    let result = pending.progress.items[*item].result.as_mut().expect("a result");
                    assert!(result.chunked);
                    result.data.insert_str(0, &chunks);
                }
            }
        }
    }

    /// The first commands that may go out, of each scope by itself, so that what waits for the user hides nothing.
    fn ready(&self, now: Timestamp) -> Vec<CommandId> {
        let mut lanes: BTreeMap<_, Vec<(i64, CommandId)>> = BTreeMap::new();
        for pending in self.open().filter(|pending| self.may_go(pending, now)) {
            let user = pending.instruction.settings().any(|(_, s)| s.target.scope() == crate::csp::Scope::User);
            let lane = (user, pending.user.as_ref().map(Principal::key));
            lanes.entry(lane).or_default().push((pending.sequence, pending.id.clone()));
        }
        for lane in lanes.values_mut() {
            lane.sort();
            lane.truncate(self.limit);
        }
        lanes.into_values().flatten().map(|(_, id)| id).collect()
    }

    fn may_go(&self, pending: &Pending, now: Timestamp) -> bool {
        let retry_at = pending.reason.as_ref().and_then(|reason| reason.retry_at);
        let due = pending.not_before.max(retry_at).is_none_or(|at| at <= now);
        let waits = waits(pending)
            && pending.depends_on.iter().any(|id| self.commands.get(id).is_some_and(|other| other.state.is_open()));
        pending.state != CommandState::Sent && !is_accepted(pending) && due && !waits
    }
}

fn says(message: &Message) -> Introduction {
    let name = user_token(message).and_then(claimed_user);
    Introduction::of(message, name.map(|name| SessionUser { name, verified: false, directory: None }))
}

/// For another command.
fn waits(pending: &Pending) -> bool {
    pending.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::WaitingForDependency)
}

pub(crate) fn is_accepted(pending: &Pending) -> bool {
    pending.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::Accepted)
}
