//! Which commands go into this message (OMA DM Protocol 6, MS-MDM 3.1; design, promises 2 and 3).

use std::collections::BTreeMap;

use super::build::{Built, build};
use super::flight::Flight;
use super::process::{Attempted, Work};
use super::ready::Readiness;
use super::{CommandId, CommandState, Pending, ReasonCode, Sent, SentAnswer};
use crate::csp::Setting;
use crate::syncml::{Command, Verb, write};

/// `CmdID`s of one session that may be unanswered before nothing more is offered. Devices answer all in their next
/// message; those that never do shall not make the session grow.
const MAX_IN_FLIGHT: usize = 2_000;

/// With less room than this for commands in an otherwise empty message, a client's `MaxMsgSize` is no use.
const LEAST_ROOM: usize = 256;

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
    pub(super) room: usize,
    /// Room in a message that holds nothing but the Status of the header.
    pub(super) most: usize,
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
        for id in self.queue.ids() {
            let Some(pending) = self.queue.find(&id) else { continue };
            if !pending.state.is_open() || pending.state == CommandState::Sent || self.is_in_flight(&id) {
                continue;
            }
            match self.readiness(pending, settled) {
                Readiness::Ready if awaited + self.session.in_flight.len().saturating_sub(before) >= MAX_IN_FLIGHT => {
                    return package;
                }
                Readiness::Ready => {
                    if !self.add(&id, &mut package) {
                        return package;
                    }
                }
                other => self.hold_back(&id, other),
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
    ///
    /// What was never answered goes alone, and nothing passes it until it is answered or set aside: replies are lost
    /// without any fault of a command, and a later value of the same node must not be written before an earlier one.
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
    pub(super) fn ask_for_room(&mut self, id: &CommandId, package: &mut Package) -> bool {
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

    pub(super) fn mark_sent(&mut self, id: &CommandId, cmd_id: u32) {
        let message = self.session.server_message;
        if let Some(pending) = self.queue.change(id) {
            pending.attempts = pending.attempts.saturating_add(1);
            pending.become_plain(CommandState::Sent);
            self.attempts.push(Attempted { command: id.clone(), number: pending.attempts, message, cmd_id });
        }
    }

    /// A value of the command is larger than the device takes, whole or in chunks (MS-MDM 2.2.5.3).
    fn exceeds_object_size(&self, pending: &Pending) -> bool {
        let size = |setting: &Setting| setting.data.as_deref().unwrap_or_default().len() as u64;
        let most = self.session.max_obj_size.unwrap_or(u64::MAX);
        pending.instruction.settings().any(|(_, setting)| size(setting) > most)
    }

    /// The device will never take the command. Another one may follow.
    pub(super) fn set_aside_as_too_large(&mut self, id: &CommandId) -> bool {
        let now = self.now;
        if let Some(pending) = self.queue.change(id) {
            pending.become_for(CommandState::Failed, ReasonCode::TooLarge, now);
        }
        true
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
    pub(super) fn forget_parts_of(&mut self, id: &CommandId) {
        if !self.flight.parts_of(id).is_empty() {
            self.session.in_flight.retain(|sent| sent.command != *id);
            self.flight = Flight::new(&self.session.in_flight);
        }
    }
}

/// An Exec after which the session, or the enrollment, is over.
pub(super) fn ends_session(pending: &Pending) -> bool {
    pending.instruction.settings().any(|(verb, setting)| verb == Verb::Exec && setting.target.ends_session())
}
