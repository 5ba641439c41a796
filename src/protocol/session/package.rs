//! Which commands go into this message (OMA DM Protocol 6, MS-MDM 3.1; design, promises 2 and 3).

use std::collections::BTreeMap;

use super::build::{Built, Chunk, build};
use super::flight::Flight;
use super::large::cut;
use super::process::{Attempted, Work};
use super::{
    CommandId, CommandState, Download, LoginStatus, Outcome, Pending, ReasonCode, Sent, SentAnswer, SentPart, SyncType,
    Timestamp,
};
use crate::csp::{Instruction, Scope, Setting};
use crate::syncml::{Command, Verb, write};

/// `CmdID`s of one session that may be unanswered before nothing more is offered. Devices answer all in their next
/// message; those that never do shall not make the session grow.
const MAX_IN_FLIGHT: usize = 2_000;

/// With less room than this for commands in an otherwise empty message, a client's `MaxMsgSize` is no use.
const LEAST_ROOM: usize = 256;

/// Bytes of a value, escaped, for which a chunk is worth sending.
const LEAST_PIECE: usize = 16;

/// Messages in a row that may leave no room for a command before it is set aside.
const MAX_ASKED: u32 = 3;

/// Bytes that an Alert without items may take.
const ALERT_SIZE: usize = 64;

/// Commands of a package, and what is left of the space for them.
pub(super) struct Package {
    pub(super) commands: Vec<Command>,
    /// Room was too short for a command that an emptier message could carry.
    pub(super) ask_for_next: bool,
    /// A chunk that is not the last went in: the package is not complete.
    pub(super) unfinished: bool,
    room: usize,
    /// Room in a message that holds nothing but the Status of the header.
    most: usize,
}

/// Whether a command may go out now.
enum Readiness {
    Ready,
    NotNow,
    Expired,
    WaitsFor(ReasonCode),
    Broken(CommandId),
}

impl Work<'_> {
    /// Fills a package. `used` is the size of the reply without it, `least` that of the smallest reply.
    pub(super) fn fill(&mut self, used: usize, least: usize, settled: &BTreeMap<CommandId, CommandState>) -> Package {
        let limit = self.message_limit();
        let room = limit.saturating_sub(used);
        let most = limit.saturating_sub(least);
        let mut package = Package { commands: Vec::new(), ask_for_next: false, unfinished: false, room, most };
        if most < LEAST_ROOM {
            self.anomaly("no_room", || format!("the device takes messages of {limit} bytes, which hold nothing"));
            return package;
        }
        self.end_download_of_what_was_taken_back();
        if self.session.download.is_some() {
            self.next_chunk(&mut package);
            return package;
        }
        if self.session.ender.is_some() || self.session.messages >= self.rules.max_messages {
            return package;
        }
        let awaited = self.session.in_flight.iter().filter(|sent| sent.answer != SentAnswer::Settled).count();
        let before = self.session.in_flight.len();
        let mut last_chance = Vec::new();
        for id in self.queue.ids() {
            let Some(pending) = self.queue.find(&id) else { continue };
            if !pending.state.is_open() || pending.state == CommandState::Sent || self.is_in_flight(&id) {
                continue;
            }
            match self.readiness(pending, settled) {
                Readiness::Ready if awaited + self.session.in_flight.len().saturating_sub(before) >= MAX_IN_FLIGHT => {
                    return package;
                }
                Readiness::Ready if pending.progress.unanswered_alone > 0 => last_chance.push(id),
                Readiness::Ready => {
                    if !self.add(&id, &mut package) {
                        return package;
                    }
                }
                other => self.hold(&id, other),
            }
        }
        // What a device never answered although it came alone is tried once more, when nothing else is left to do.
        if package.commands.is_empty() && !self.awaits_answers() {
            for id in last_chance {
                if !self.add(&id, &mut package) || !package.commands.is_empty() {
                    break;
                }
            }
        }
        package
    }

    /// Largest message that may go out when several commands share it.
    fn message_limit(&self) -> usize {
        let own = self.rules.package_bytes;
        self.session.max_msg_size.map_or(own, |client| own.min(usize::try_from(client).unwrap_or(usize::MAX)))
    }

    /// Adds a command. Says whether another one may follow.
    fn add(&mut self, id: &CommandId, package: &mut Package) -> bool {
        let Some(pending) = self.queue.find(id) else { return true };
        let alone = pending.progress.unanswered > 0 || ends_session(pending);
        let occupied = !package.commands.is_empty();
        if alone && occupied {
            return false;
        }
        if ends_session(pending) && self.awaits_answers() {
            return false;
        }
        if package.commands.len() >= self.rules.package_commands {
            return false;
        }
        if self.exceeds_object_size(pending) {
            return self.set_aside_as_too_large(id);
        }
        let before = self.ids.used();
        let built = build(pending, &mut self.ids);
        let length: usize = built.command.iter().map(write::command_len).sum();
        if length > package.room {
            // Windows names no limit and takes any size, so that a large command goes out whole, but alone.
            let unlimited = self.session.max_msg_size.is_none();
            if occupied {
                self.ids.rewind(before);
                return false;
            }
            if !unlimited && length > package.most {
                self.ids.rewind(before);
                return self.add_in_chunks(id, package);
            }
            if !unlimited {
                self.ids.rewind(before);
                return self.ask_for_room(id, package);
            }
        }
        if built.command.is_empty() {
            self.ids.rewind(before);
            return true;
        }
        let ender = ends_session(pending);
        package.room = package.room.saturating_sub(length);
        self.record_sent(id, built, package);
        if ender {
            self.session.ender = Some(id.clone());
        }
        !alone
    }

    /// An emptier message could carry the command: the device is asked for its next one. When all of them leave too
    /// little room, the command is set aside. Says whether another one may follow.
    fn ask_for_room(&mut self, id: &CommandId, package: &mut Package) -> bool {
        if self.session.asked >= MAX_ASKED {
            self.session.download.take_if(|download| download.command == *id);
            return self.set_aside_as_too_large(id);
        }
        self.session.asked += 1;
        package.ask_for_next = package.room >= ALERT_SIZE;
        false
    }

    fn record_sent(&mut self, id: &CommandId, built: Built, package: &mut Package) {
        self.forget_parts_of(id);
        self.session.asked = 0;
        let message = self.session.server_message;
        let first = built.parts.first().map_or(0, |(cmd_id, _)| *cmd_id);
        for (cmd_id, part) in built.parts {
            let sent = Sent { message, cmd_id, command: id.clone(), part, answer: SentAnswer::Awaited };
            self.session.in_flight.push(sent);
        }
        self.mark_sent(id, first);
        package.commands.extend(built.command);
    }

    fn mark_sent(&mut self, id: &CommandId, cmd_id: u32) {
        let message = self.session.server_message;
        if let Some(pending) = self.queue.change(id) {
            pending.attempts = pending.attempts.saturating_add(1);
            pending.become_plain(CommandState::Sent);
            self.attempts.push(Attempted { command: id.clone(), number: pending.attempts, message, cmd_id });
        }
    }

    /// Begins to send a value in chunks, where the command allows it; sets it aside where it doesn't.
    fn add_in_chunks(&mut self, id: &CommandId, package: &mut Package) -> bool {
        let Some(pending) = self.queue.find(id) else { return true };
        let most = package.most;
        let fits = chunkable(pending).is_some_and(|(verb, setting)| {
            let size = setting.data.as_deref().unwrap_or_default().len() as u64;
            Chunk::overhead(setting, verb, Some(size)) + LEAST_PIECE <= most
        });
        if !fits {
            return self.set_aside_as_too_large(id);
        }
        self.session.download = Some(Download { command: id.clone(), offset: 0, acknowledged: true });
        self.forget_parts_of(id);
        self.next_chunk(package);
        false
    }

    /// A value of the command is larger than the device takes, whole or in chunks (MS-MDM 2.2.5.3).
    fn exceeds_object_size(&self, pending: &Pending) -> bool {
        let size = |setting: &Setting| setting.data.as_deref().unwrap_or_default().len() as u64;
        let most = self.session.max_obj_size.unwrap_or(u64::MAX);
        pending.instruction.settings().any(|(_, setting)| size(setting) > most)
    }

    /// The device will never take the command. Another one may follow.
    fn set_aside_as_too_large(&mut self, id: &CommandId) -> bool {
        let now = self.now;
        if let Some(pending) = self.queue.change(id) {
            pending.become_for(CommandState::Failed, ReasonCode::TooLarge, now);
        }
        true
    }

    /// Sends the next chunk, once the one before was taken.
    fn next_chunk(&mut self, package: &mut Package) {
        let Some(download) = self.session.download.clone().filter(|download| download.acknowledged) else { return };
        let Some(pending) = self.queue.find(&download.command) else { return };
        let Some((verb, setting)) = chunkable(pending) else { return };
        let data = setting.data.as_deref().unwrap_or_default();
        let size = (download.offset == 0).then_some(data.len() as u64);
        let rest = data.get(download.offset..).unwrap_or_default();
        let overhead = Chunk::overhead(setting, verb, size);
        let Some(budget) = package.room.checked_sub(overhead).filter(|budget| *budget >= LEAST_PIECE) else {
            self.ask_for_room(&download.command, package);
            return;
        };
        let piece = rest.get(..cut(rest, budget)).unwrap_or(rest);
        let more = piece.len() < rest.len();
        let cmd_id = self.ids.next();
        let command = Chunk { setting, verb, piece, size, more }.command(cmd_id);
        let part = if more { SentPart::Chunk } else { SentPart::Items(vec![0]) };
        let offset = download.offset + piece.len();
        let id = download.command;
        if download.offset == 0 {
            self.mark_sent(&id, cmd_id);
        }
        let message = self.session.server_message;
        self.session.asked = 0;
        self.session.in_flight.push(Sent { message, cmd_id, command: id.clone(), part, answer: SentAnswer::Awaited });
        self.session.download = more.then_some(Download { command: id, offset, acknowledged: false });
        package.unfinished = more;
        package.commands.push(command);
    }

    /// Something that was sent in this session is still to be answered.
    fn awaits_answers(&self) -> bool {
        self.session.in_flight.iter().any(|sent| sent.answer == SentAnswer::Awaited)
    }

    /// Whether an answer, or the end, of what was sent of a command before this message is still to come.
    fn is_in_flight(&self, id: &CommandId) -> bool {
        let parts = self.flight.parts_of(id).iter().filter_map(|place| self.session.in_flight.get(*place));
        parts.into_iter().any(|sent| sent.command == *id && sent.answer == SentAnswer::Awaited)
    }

    /// What was sent of a command before means nothing once it is sent again: a late Status of it must not count.
    fn forget_parts_of(&mut self, id: &CommandId) {
        if !self.flight.parts_of(id).is_empty() {
            self.session.in_flight.retain(|sent| sent.command != *id);
            self.flight = Flight::new(&self.session.in_flight);
        }
    }

    /// The rest of a value whose command was canceled, or has its outcome otherwise, is not sent.
    fn end_download_of_what_was_taken_back(&mut self) {
        let sent = |id: &CommandId| self.queue.find(id).is_some_and(|pending| pending.state == CommandState::Sent);
        let goes_on = self.session.download.as_ref().is_some_and(|download| sent(&download.command));
        if !goes_on {
            self.session.download = None;
        }
    }

    fn readiness(&self, pending: &Pending, settled: &BTreeMap<CommandId, CommandState>) -> Readiness {
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

    fn hold(&mut self, id: &CommandId, readiness: Readiness) {
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
    if pending.progress.maybe_applied {
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

/// An Exec after which the session, or the enrollment, is over.
pub(super) fn ends_session(pending: &Pending) -> bool {
    pending.instruction.settings().any(|(verb, setting)| verb == Verb::Exec && setting.target.ends_session())
}

/// The only node of a command whose value may be sent in chunks.
fn chunkable(pending: &Pending) -> Option<(Verb, &Setting)> {
    let Instruction::Single(operation) = &pending.instruction else { return None };
    let [setting] = operation.items.as_slice() else { return None };
    let as_replace = pending.progress.items.first().is_some_and(|item| item.as_replace);
    let verb = if as_replace { Verb::Replace } else { operation.verb };
    setting.data.is_some().then_some((verb, setting))
}
