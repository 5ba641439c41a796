//! Doing what the server orders, and answering it: one Status per item, Results after them (MS-MDM 2.2.6.1, 2.2.7).

use transom_protocol::session::SyncType;
use transom_protocol::syncml::{
    Address, Alert, AlertCode, Command, Data, Format, GroupKind, Item, Message, Meta, Request, Results, Status,
    StatusCode, Verb,
};

use super::compose::status_of;
use super::download::Chunk;
use super::inspect::is_of_user;
use super::log::Effect;
use super::session::Session;
use super::{Device, Ending, Violation};
use crate::simulator::tree::{Consequence, Done, Reading, Refusal, Value};

/// An answer in the making.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// Statuses, Results and alerts, without `CmdID`.
    pub(super) commands: Vec<Command>,
    /// A chunk was taken: the next one is asked for.
    pub(super) wants_next: bool,
    /// Values whose end did not come.
    pub(super) interrupted: Vec<String>,
}

/// What became of one item of a command.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    /// The node, as the server wrote it.
    pub(super) uri: String,
    /// The Status.
    pub(super) code: StatusCode,
    /// The HRESULT behind it.
    pub(super) original_error: Option<u32>,
    /// What a Get read.
    pub(super) readings: Vec<Reading>,
    /// What happens to the device.
    pub(super) consequence: Option<Consequence>,
}

impl Outcome {
    pub(super) fn of(uri: &str, code: StatusCode) -> Self {
        Self { uri: uri.to_owned(), code, original_error: None, readings: Vec::new(), consequence: None }
    }

    pub(super) const fn is_failure(&self) -> bool {
        self.code.0 >= 300
    }

    fn new(uri: &str, result: Result<Done, Refusal>) -> Self {
        match result {
            Ok(done) => Self { consequence: done.consequence, ..Self::of(uri, done.code) },
            Err(refusal) => Self { original_error: refusal.original_error, ..Self::of(uri, refusal.code) },
        }
    }
}

impl Device {
    /// Does everything that a message orders, in document order.
    pub(super) fn execute(&mut self, session: &mut Session, message: &Message) -> Result<Reply, Ending> {
        let mut reply = Reply::default();
        for command in &message.body.commands {
            self.command(session, command, &mut reply)?;
        }
        Ok(reply)
    }

    /// Does one command of the body or of a Sequence.
    pub(super) fn command(
        &mut self,
        session: &mut Session,
        command: &Command,
        reply: &mut Reply,
    ) -> Result<(), Ending> {
        match command {
            Command::Status(_) | Command::Results(_) => {}
            Command::Alert(alert) => self.alert(session, alert, reply),
            _ if command.cmd_id().is_empty() => self.answer(session, command, &bad(""), reply),
            Command::Unreadable(_) => self.answer(session, command, &bad(""), reply),
            Command::Request(request) => {
                let outcomes = self.request(session, request, reply);
                self.answer(session, command, &outcomes, reply);
                self.face(session, &outcomes)?;
            }
            Command::Group(group) if group.kind == GroupKind::Atomic => self.atomic(session, group, reply)?,
            Command::Group(group) => {
                self.interrupt(session, reply);
                self.answer(session, command, &[Outcome::of("", StatusCode::OK)], reply);
                for child in &group.commands {
                    self.command(session, child, reply)?;
                }
            }
        }
        Ok(())
    }

    /// Does a command on its items.
    pub(super) fn request(&mut self, session: &mut Session, request: &Request, reply: &mut Reply) -> Vec<Outcome> {
        let is_single = request.verb != Verb::Exec || request.items.len() == 1;
        if request.items.is_empty() || !is_single {
            return bad("").into();
        }
        request.items.iter().map(|item| self.item(session, request, item, reply)).collect()
    }

    fn item(&mut self, session: &mut Session, request: &Request, item: &Item, reply: &mut Reply) -> Outcome {
        let Some(uri) = item.target_uri().filter(|uri| !uri.is_empty()) else {
            return Outcome::of("", StatusCode::BAD_REQUEST);
        };
        if !self.serves(uri) {
            return Outcome::of(uri, StatusCode::NOT_ALLOWED);
        }
        let format = item.format().or_else(|| request.meta.as_ref().and_then(|meta| meta.format.as_ref())).cloned();
        let value = Value { format, data: item.data.as_ref().map(|data| data.as_str().to_owned()) };
        let value = match self.chunk(session, request, item, value, reply) {
            Chunk::Whole(value) => value,
            Chunk::Answered(code) => return Outcome::of(uri, code),
        };
        if request.verb == Verb::Exec {
            self.watch_exec(session, uri, &value);
        }
        let outcome = match request.verb {
            Verb::Get => return self.read(session, uri),
            Verb::Add => Outcome::new(uri, self.tree.add(uri, &value)),
            Verb::Replace => Outcome::new(uri, self.tree.replace(uri, &value)),
            Verb::Delete => Outcome::new(uri, self.tree.delete(uri)),
            Verb::Exec => Outcome::new(uri, self.tree.exec(uri, &value)),
            Verb::Copy => Outcome::of(uri, StatusCode::NOT_SUPPORTED),
        };
        if !outcome.is_failure() {
            self.log.push(Effect {
                life: self.life,
                boot: self.boots,
                session: session.id.clone(),
                message: session.server_message.to_string(),
                cmd_id: request.cmd_id.clone(),
                verb: request.verb,
                target: uri.to_owned(),
                format: value.format,
                data: value.data.unwrap_or_default(),
            });
        }
        outcome
    }

    /// Whether a node is in the scope of its sessions (MS-MDM 3.2.5.1.5).
    fn serves(&self, uri: &str) -> bool {
        match self.behaviour.sync_type {
            Some(SyncType::User) => is_of_user(uri),
            Some(SyncType::Device) => !is_of_user(uri),
            Some(SyncType::Mixed) | None => true,
        }
    }

    fn read(&self, session: &Session, uri: &str) -> Outcome {
        match self.tree.get(uri) {
            Ok(readings) => {
                let largest = readings.iter().filter_map(|reading| reading.data.as_ref()).map(String::len).max();
                let is_too_large = session
                    .server_max_obj_size
                    .is_some_and(|most| largest.and_then(|len| u64::try_from(len).ok()).is_some_and(|len| len > most));
                if is_too_large {
                    return Outcome::of(uri, StatusCode::TOO_LARGE);
                }
                Outcome { readings, ..Outcome::of(uri, StatusCode::OK) }
            }
            Err(refusal) => Outcome::new(uri, Err(refusal)),
        }
    }

    /// An Exec that was done before is worth a word where the tests promised that none is.
    fn watch_exec(&mut self, session: &Session, uri: &str, value: &Value) {
        let data = value.data.as_deref().unwrap_or_default();
        if self.behaviour.execs_are_unique && self.log.has_exec(uri, data) {
            let message = session.server_message.to_string();
            self.complain(session, &message, Violation::ExecTwice, format!("{uri} {data}"));
        }
    }

    /// Remembers what will happen to the device; unenrollment happens at once.
    pub(super) fn face(&mut self, session: &mut Session, outcomes: &[Outcome]) -> Result<(), Ending> {
        for consequence in outcomes.iter().filter_map(|outcome| outcome.consequence) {
            if consequence == Consequence::Unenroll {
                self.leave();
                return Err(Ending::Unenrolled);
            }
            session.consequence = Some(consequence);
            if consequence == Consequence::Wipe && self.behaviour.wipes_silently {
                return Err(Ending::Wiped);
            }
        }
        Ok(())
    }

    /// Statuses of a command, and the Results of a Get.
    pub(super) fn answer(&self, session: &Session, command: &Command, outcomes: &[Outcome], reply: &mut Reply) {
        let is_muted = match command {
            Command::Request(request) => request.no_resp,
            Command::Group(group) => group.no_resp,
            Command::Alert(alert) => alert.no_resp,
            _ => false,
        };
        let msg_ref = session.server_message.to_string();
        // `msft:originalerror` is written from `SyncApplicationVersion` 3.0 on (MS-MDM 2.2.4.3).
        let names_errors = self.sync_application_version() >= 3;
        if !is_muted {
            for outcome in outcomes {
                let mut status = status_of(msg_ref.clone(), command.cmd_id(), command.name(), outcome.code);
                if outcomes.len() > 1 {
                    status.target_refs = vec![outcome.uri.clone()];
                }
                status.original_error =
                    outcome.original_error.filter(|_| names_errors).map(|error| format!("0x{error:08X}"));
                reply.commands.push(Command::Status(status));
            }
        }
        let items: Vec<Item> = outcomes.iter().flat_map(|outcome| &outcome.readings).map(result_item).collect();
        if !items.is_empty() {
            reply.commands.push(Command::Results(Results {
                cmd_id: String::new(),
                msg_ref: Some(msg_ref),
                cmd_ref: Some(command.cmd_id().to_owned()),
                meta: None,
                target_ref: None,
                source_ref: None,
                items,
            }));
        }
    }

    fn alert(&self, session: &mut Session, alert: &Alert, reply: &mut Reply) {
        let code = match alert.code {
            Some(AlertCode::NEXT_MESSAGE) => StatusCode::OK,
            Some(AlertCode::NO_END_OF_DATA) => {
                // The server has given up on the value that we were sending.
                session.drop_rest_of_value();
                StatusCode::OK
            }
            Some(_) => StatusCode::NOT_SUPPORTED,
            None => StatusCode::BAD_REQUEST,
        };
        self.answer(session, &Command::Alert(alert.clone()), &[Outcome::of("", code)], reply);
    }
}

/// A command that can't be understood.
fn bad(uri: &str) -> [Outcome; 1] {
    [Outcome::of(uri, StatusCode::BAD_REQUEST)]
}

/// A value as Windows writes it: no Meta for text, only the Format for others.
fn result_item(reading: &Reading) -> Item {
    let meta =
        (reading.format != Format::Chr).then(|| Meta { format: Some(reading.format.clone()), ..Meta::default() });
    Item {
        source: Some(Address::uri(reading.uri.as_str())),
        meta,
        data: reading.data.as_deref().map(Data::from),
        ..Item::default()
    }
}

/// A Status that was made for one item.
pub(super) fn as_status(command: &Command) -> Option<&Status> {
    if let Command::Status(status) = command { Some(status) } else { None }
}
