//! An authenticated message against the queue: hear what it says, then say what is to be said (MS-MDM 3.1).

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{self, CmdIds};
use super::close::close_into;
use super::flight::Flight;
use super::nodes::Nodes;
use super::queue::Queue;
use super::{
    Account, Admitted, AuthMode, CommandId, CommandState, Ending, Event, MsgId, Pending, Phase, Principal, Rules,
    SentAnswer, Session, SessionTrigger, Timestamp,
};
use crate::syncml::{AlertCode, Command, Message, StatusCode, SyncBody, write};

/// How many times [`Rules::max_messages`] a session may have while a large value is on its way.
const MAX_TRANSFER: u32 = 50;

/// What is to be stored and sent for one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The credentials, when they changed.
    pub account: Option<Account>,
    /// The session, to be stored.
    pub session: Session,
    /// The session began with this message.
    pub is_new: bool,
    /// The session that ended because another began, to be stored.
    pub replaced: Option<Session>,
    /// What to send.
    pub reply: Message,
    /// Commands that changed, in the order of their sequence.
    pub commands: Vec<Pending>,
    /// Commands that the reply carries.
    pub attempts: Vec<Attempted>,
    /// Commands that the message answered, wholly or in part.
    pub answered: Vec<Answered>,
    /// What else the message told.
    pub events: Vec<Event>,
    /// What to do with the chunks of a large value, in this order.
    pub uploads: Vec<UploadStep>,
}

/// One command was put into our reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The command.
    pub command: CommandId,
    /// The how-manieth time, from 1.
    pub number: u32,
    /// Our message.
    pub message: MsgId,
    /// Its first `CmdID` there.
    pub cmd_id: u32,
}

/// One command was answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answered {
    /// The command.
    pub command: CommandId,
    /// The message of ours that carried it.
    pub message: MsgId,
}

/// What to do with the chunks of a value that a device sends in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadStep {
    /// Keep one more.
    Append {
        /// Counts from 1.
        number: u32,
        /// The chunk.
        data: String,
    },
    /// All are there: they go before the `data` of this node's result, which is the last one.
    Complete {
        /// The command.
        command: CommandId,
        /// The place of the node.
        item: usize,
        /// How many bytes there are without the last chunk.
        bytes: u64,
    },
    /// Delete them.
    Drop,
    /// Delete those of the session that this one replaced.
    DropReplaced,
}

/// Everything that one message can change.
pub(super) struct Work<'a> {
    pub(super) rules: &'a Rules,
    pub(super) now: Timestamp,
    pub(super) is_new: bool,
    pub(super) account: Account,
    pub(super) account_changed: bool,
    pub(super) session: Session,
    pub(super) queue: Queue,
    /// Where in the session what we sent is found.
    pub(super) flight: Flight,
    /// Where in a command a node is found.
    pub(super) nodes: BTreeMap<CommandId, Nodes>,
    pub(super) ids: CmdIds,
    pub(super) events: Vec<Event>,
    pub(super) anomalies: usize,
    pub(super) kept_events: usize,
    pub(super) touched: BTreeSet<CommandId>,
    pub(super) answered: BTreeSet<Answered>,
    pub(super) attempts: Vec<Attempted>,
    pub(super) steps: Vec<UploadStep>,
    pub(super) upload_continued: bool,
    /// Bytes of chunks that there is room for.
    pub(super) upload_room: u64,
    /// Whom commands that name no user are meant for, where that is known.
    pub(super) enrolled_user: Option<Principal>,
    pub(super) interrupted: Vec<String>,
    /// We are to ask for the next message, because the device has more to say.
    pub(super) wants_next: bool,
    /// The device asked for the next message.
    pub(super) asked_next: bool,
    /// The device only keeps the line open: no commands in this reply.
    pub(super) hold: bool,
    pub(super) ending: Option<Ending>,
    /// `CmdRef`, name and Status of each command of the device, in order.
    pub(super) replies: Vec<(String, String, StatusCode)>,
}

impl Admitted<'_> {
    /// The commands that this message may answer or end: they have to be among those handed to [`Self::process`].
    pub fn concerned(&self) -> Vec<CommandId> {
        // What a session that is over has had answered is not touched any more.
        let before = self.replaced.iter().flat_map(|session| &session.in_flight);
        let unanswered = before.filter(|sent| sent.answer == SentAnswer::Awaited);
        let sent = self.session.in_flight.iter().chain(unanswered).map(|sent| &sent.command);
        let downloads = [Some(&self.session), self.replaced.as_ref()].into_iter().flatten();
        let downloads = downloads.flat_map(|session| &session.download).map(|download| &download.command);
        let ids: BTreeSet<_> = sent.chain(downloads).collect();
        ids.into_iter().cloned().collect()
    }

    /// The message brings alerts that may report the end of a command which the device had accepted: those commands
    /// have to be handed to [`Self::process`] too.
    pub fn brings_reports(&self) -> bool {
        self.message.body.commands.iter().any(|command| match command {
            Command::Alert(alert) => alert.items.iter().any(|item| item.source_uri().is_some()),
            _ => false,
        })
    }

    /// The message brings answers, or alerts that may be some: what waits for the commands that they end can go out with
    /// the reply, and has to be handed to [`Self::process`] too. The device says nothing more to a reply without commands.
    pub fn brings_answers(&self) -> bool {
        self.brings_reports()
            || self.message.body.commands.iter().any(|command| match command {
                Command::Status(status) => status.cmd_ref != "0",
                Command::Results(_) => true,
                _ => false,
            })
    }

    /// The message brings a chunk that there has to be room for: [`Self::with_upload_room`] says how much there is.
    pub fn brings_chunks(&self) -> bool {
        self.message.body.commands.iter().any(|command| match command {
            Command::Results(results) => results.items.iter().any(|item| item.more_data),
            _ => false,
        })
    }

    /// So many bytes of chunks may be kept. Unsaid, as many as [`Rules::max_upload`] allows.
    #[must_use]
    pub fn with_upload_room(self, bytes: u64) -> Self {
        Self { upload_room: bytes, ..self }
    }

    /// Who enrolled the device: commands that name no user are meant for that one.
    #[must_use]
    pub fn with_enrolled_user(self, user: Option<Principal>) -> Self {
        Self { enrolled_user: user, ..self }
    }

    /// The session as it stands before the message is heard.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the message begins a session.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Hears the message and decides the reply.
    ///
    /// `pending` holds the [`Self::concerned`] commands and those that may go out, `settled` the states of commands
    /// that others depend on and that are not pending.
    pub fn process(mut self, pending: Vec<Pending>, settled: &BTreeMap<CommandId, CommandState>) -> Decision {
        let mut queue = Queue::new(pending);
        let mut steps = Vec::new();
        if let Some(before) = self.replaced.as_mut() {
            if before.upload.is_some() {
                steps.push(UploadStep::DropReplaced);
            }
            close_into(before, &mut queue, Ending::Replaced, self.now, self.rules);
        }
        if self.is_new {
            self.events.push(Event::SessionStarted(trigger(&self.message.body.commands)));
        }
        let Admitted { message, now, rules, account, account_changed, session, replaced, is_new, .. } = self;
        let (upload_room, enrolled_user) = (self.upload_room, self.enrolled_user);
        let mut work = Work {
            rules,
            now,
            is_new,
            account,
            account_changed,
            flight: Flight::new(&session.in_flight),
            nodes: BTreeMap::new(),
            session,
            queue,
            ids: CmdIds::default(),
            events: self.events,
            anomalies: 0,
            kept_events: 0,
            touched: BTreeSet::new(),
            answered: BTreeSet::new(),
            attempts: Vec::new(),
            steps,
            upload_continued: false,
            upload_room,
            enrolled_user,
            interrupted: Vec::new(),
            wants_next: !message.body.is_final,
            asked_next: false,
            hold: false,
            ending: None,
            replies: Vec::new(),
        };
        work.hear(message);
        let chal = self.next_nonce.map(|nonce| answer::challenge(&work.account, &nonce));
        let reply = work.reply(message, self.status, chal, settled);
        work.finish(reply, replaced)
    }
}

impl Work<'_> {
    fn hear(&mut self, message: &Message) {
        if let Some(meta) = &message.header.meta {
            self.session.max_msg_size = meta.max_msg_size.or(self.session.max_msg_size);
            self.session.max_obj_size = meta.max_obj_size.or(self.session.max_obj_size);
        }
        let had_upload = self.session.upload.is_some();
        let mut seen = BTreeSet::new();
        for command in &message.body.commands {
            self.hear_command(command, &mut seen);
        }
        if message.header.no_resp {
            self.replies.retain(|(_, name, _)| name == "Results");
        }
        if had_upload && !self.upload_continued {
            self.interrupt_upload();
        }
        self.settle_touched();
        self.hear_reports(message);
        // A large value needs many messages; but what brings nothing, and never ends, is ended by us.
        let transfers = self.session.upload.is_some() || self.session.download.is_some();
        let most = self.rules.max_messages.saturating_mul(if transfers { MAX_TRANSFER } else { 1 });
        if self.wants_next && self.session.messages >= most {
            self.ending = self.ending.or(Some(Ending::AbortedByServer));
        }
        if let Some(ending) = self.ending {
            self.wants_next = false;
            self.interrupted.clear();
            if self.session.upload.is_some() {
                self.steps.push(UploadStep::Drop);
            }
            self.unenrolled_by_us(ending);
            close_into(&mut self.session, &mut self.queue, ending, self.now, self.rules);
        }
    }

    fn reply(
        &mut self,
        message: &Message,
        status: StatusCode,
        chal: Option<crate::syncml::Chal>,
        settled: &BTreeMap<CommandId, CommandState>,
    ) -> Message {
        let msg_ref = &message.header.msg_id;
        let mut header = answer::header(&message.header, self.session.server_message);
        if self.session.server_cred
            && let Some((name, cred)) = answer::server_cred(&self.account, self.session.server_challenges)
        {
            header.source.loc_name = Some(name);
            header.cred = Some(cred);
        }
        let first = answer::header_status(&mut self.ids, msg_ref, status, None);
        let body = SyncBody { commands: vec![Command::Status(first)], is_final: true };
        let mut reply = Message { header, body, oddities: Vec::new() };
        // What every message of the session holds. With a credential for the session, the nonce goes with one only.
        let mut least = write::write(&reply).len();
        if let Some(Command::Status(first)) = reply.body.commands.first_mut() {
            first.chal = chal;
        }
        if self.rules.auth_mode == AuthMode::PerMessage {
            least = write::write(&reply).len();
        }
        reply.body.is_final = message.body.is_final;
        let commands = &mut reply.body.commands;
        for (cmd_ref, name, code) in std::mem::take(&mut self.replies) {
            commands.push(Command::Status(answer::status(&mut self.ids, msg_ref, &cmd_ref, &name, code)));
        }
        // A message without Final has more to come, so it is asked for. A device that then has nothing to add waits for
        // our next chunk, and only left the Final out.
        let next_chunk = (self.asked_next && (message.body.is_final || self.session.nudged))
            && self.session.upload.is_none()
            && self.session.download.as_ref().is_some_and(|download| download.acknowledged);
        self.wants_next &= !next_chunk;
        for (code, items) in self.large_object_alerts() {
            commands.push(answer::alert(&mut self.ids, code, items));
        }
        if self.ending == Some(Ending::AbortedByServer) {
            commands.push(answer::alert(&mut self.ids, AlertCode::SESSION_ABORT, Vec::new()));
            reply.body.is_final = true;
        }
        let is_our_turn = (message.body.is_final && !self.wants_next) || next_chunk;
        let mut asks = self.wants_next;
        if is_our_turn && !self.hold && self.ending.is_none() {
            let used = write::write(&reply).len();
            let package = self.fill(used, least, settled);
            reply.body.is_final = !package.unfinished;
            asks = package.ask_for_next || !package.commands.is_empty();
            reply.body.commands.extend(package.commands);
            if package.ask_for_next {
                reply.body.commands.push(answer::alert(&mut self.ids, AlertCode::NEXT_MESSAGE, Vec::new()));
            }
        }
        self.session.nudged = self.wants_next;
        if self.ending.is_none() {
            self.session.phase = if asks || self.hold { Phase::Open } else { Phase::Quiet };
        }
        reply
    }

    fn finish(mut self, reply: Message, replaced: Option<Session>) -> Decision {
        // Devices repeat Results in the next message; what is older than that can't be meant any more. But what went out
        // beside a command that is still open tells that it was not alone, and between two chunks everything is
        // answered and the command is not.
        let in_flight = &self.session.in_flight;
        let awaited = in_flight.iter().filter(|sent| sent.answer == SentAnswer::Awaited);
        let open: BTreeSet<MsgId> = awaited.map(|sent| sent.message).collect();
        let current = self.session.server_message.number();
        let download = self.session.download.as_ref().map(|download| &download.command);
        self.session.in_flight.retain(|sent| {
            sent.answer != SentAnswer::Settled
                || sent.message.number() + 1 >= current
                || open.contains(&sent.message)
                || download == Some(&sent.command)
        });
        Decision {
            account: self.account_changed.then_some(self.account),
            session: self.session,
            is_new: self.is_new,
            replaced,
            reply,
            commands: self.queue.into_changed(),
            attempts: self.attempts,
            answered: self.answered.into_iter().collect(),
            events: self.events,
            uploads: self.steps,
        }
    }
}

fn trigger(commands: &[Command]) -> SessionTrigger {
    let mut codes = commands.iter().filter_map(|command| match command {
        Command::Alert(alert) => alert.code,
        _ => None,
    });
    codes
        .find_map(|code| match code {
            AlertCode::SERVER_INITIATED => Some(SessionTrigger::Server),
            AlertCode::CLIENT_INITIATED => Some(SessionTrigger::Client),
            _ => None,
        })
        .unwrap_or(SessionTrigger::Unsaid)
}
