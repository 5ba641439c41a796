//! One message of the server: watched, judged, done, answered.

use transom_protocol::syncml::{AlertCode, Command, Message, StatusCode};

use super::authenticate::{ServerVerdict, Verdict};
use super::complaint::{Complaint, Violation};
use super::compose::{alert, header_status, number};
use super::download::no_end_of_data;
use super::execute::{Reply, as_status};
use super::inspect::{Expected, findings};
use super::outbox::{Packed, pack};
use super::session::{Part, Session};
use super::{Device, Ending, Next, statuses};
use crate::simulator::tree::Consequence;

impl Device {
    /// Bytes of the message that is handed to [`Device::receive`] next, so that the device can hold it against the
    /// `MaxMsgSize` that it announced.
    pub fn weigh(&mut self, bytes: usize) {
        self.weight = Some(bytes);
    }

    /// Takes the server's answer to the last message, and gives what the device does.
    pub fn receive(&mut self, message: &Message) -> Next {
        let bytes = self.weight.take();
        let Some(mut session) = self.session.take() else {
            let nowhere = Session { id: message.header.session_id.clone(), ..Session::default() };
            self.complain(&nowhere, &message.header.msg_id, Violation::NoSession, "no session is open".to_owned());
            return Next::Ended(Ending::NoSession);
        };
        match self.step(&mut session, message, bytes) {
            Next::Send(message) => {
                self.session = Some(session);
                Next::Send(message)
            }
            Next::Quiet if self.close(&session) == Some(Consequence::Wipe) => Next::Ended(Ending::Wiped),
            Next::Quiet => Next::Quiet,
            Next::Ended(ending) => {
                self.close(&session);
                Next::Ended(ending)
            }
        }
    }

    /// The session is over, however it ended: what was to happen after it happens.
    pub(super) fn close(&mut self, session: &Session) -> Option<Consequence> {
        match session.consequence {
            Some(Consequence::Wipe) => self.is_enrolled = false,
            Some(Consequence::Reboot) => self.boots += 1,
            Some(Consequence::Unenroll) | None => {}
        }
        if session.is_last {
            self.is_enrolled = false;
        }
        session.consequence
    }

    fn step(&mut self, session: &mut Session, message: &Message, bytes: Option<usize>) -> Next {
        self.inspect(session, message, bytes);
        if let Some(ending) = session.closing {
            return Next::Ended(ending);
        }
        let number = message.header.msg_id.parse::<u32>().unwrap_or(session.server_message.saturating_add(1));
        if number <= session.server_message {
            return Next::Ended(Ending::RepeatedServerMessage);
        }
        session.server_message = number;
        if has_alert(message, AlertCode::SESSION_ABORT) {
            return Next::Ended(Ending::AbortedByServer);
        }
        match self.judge(session, statuses::header(&message.body.commands)) {
            Verdict::Accepted => {}
            Verdict::GivenUp(ending) => return Next::Ended(ending),
            Verdict::Repeat => {
                let head = (session.server_message > 0).then(|| header_status(session, StatusCode::OK, None));
                let (body, is_final) = (session.body.clone(), session.was_final);
                return Next::Send(self.message(session, head, body, is_final));
            }
        }
        match self.judge_server(session, message) {
            ServerVerdict::GivenUp => Next::Ended(Ending::ServerNotAuthenticated),
            ServerVerdict::Challenge(code) => Next::Send(self.ask_server(session, code)),
            ServerVerdict::Known(code) => self.obey(session, message, code),
        }
    }

    /// The message comes from the server: do it, and answer.
    fn obey(&mut self, session: &mut Session, message: &Message, header_code: StatusCode) -> Next {
        let told = session.notices_sent.min(self.notices.len());
        if told > 0 && !session.notices_are_told {
            self.notices.drain(..told);
            session.notices_are_told = true;
        }
        if let Some(meta) = &message.header.meta {
            session.server_max_msg_size = meta.max_msg_size.or(session.server_max_msg_size);
            session.server_max_obj_size = meta.max_obj_size.or(session.server_max_obj_size);
        }
        if session.aborts_next {
            session.closing = Some(Ending::AbortedByDevice);
            let head = header_status(session, StatusCode::OK, None);
            return Next::Send(self.message(session, Some(head), number(vec![alert(AlertCode::SESSION_ABORT)]), true));
        }
        drop_refused_value(session, message);
        let reply = match self.execute(session, message) {
            Ok(reply) => reply,
            Err(ending) => return Next::Ended(ending),
        };
        match self.next_part(session, reply, message.body.is_final) {
            Some(part) => {
                let chal = (header_code == StatusCode::AUTHENTICATED).then(|| self.challenge_server());
                let head = header_status(session, header_code, chal);
                Next::Send(self.message(session, Some(head), number(part.commands), part.is_final))
            }
            None => Next::Quiet,
        }
    }

    /// What goes out now; the rest waits in the outbox. `None` when a Status of the header would stand alone.
    fn next_part(&self, session: &mut Session, reply: Reply, server_is_final: bool) -> Option<Part> {
        let Reply { mut commands, wants_next, interrupted } = reply;
        commands.extend(interrupted.into_iter().map(no_end_of_data));
        if wants_next || (!server_is_final && session.outbox.is_empty() && session.was_final) {
            commands.push(alert(AlertCode::NEXT_MESSAGE));
        }
        if let Some(mut part) = session.outbox.pop_front() {
            commands.append(&mut part.commands);
            return Some(Part { commands, ..part });
        }
        if commands.is_empty() {
            return None;
        }
        let results: Vec<Command> =
            commands.iter().filter(|command| matches!(command, Command::Results(_))).cloned().collect();
        if self.behaviour.repeats_results {
            commands.append(&mut session.last_results);
            session.last_results = results;
        }
        let parts = match pack(&self.behaviour, session, commands) {
            Packed::Parts(parts) => parts,
            Packed::TooLarge(statuses) => {
                session.aborts_next = true;
                vec![statuses]
            }
        };
        session.outbox = parts.into();
        session.outbox.pop_front()
    }

    /// Asks the server to say it again with its credential; what it has answered so far need not be answered again.
    fn ask_server(&mut self, session: &mut Session, code: StatusCode) -> Message {
        let mut awaited = std::mem::take(&mut session.awaited);
        for awaited in &mut awaited {
            awaited.is_optional = true;
        }
        let chal = self.challenge_server();
        let head = header_status(session, code, Some(chal));
        let message = self.message(session, Some(head), Vec::new(), true);
        session.awaited = awaited;
        message
    }

    fn inspect(&mut self, session: &Session, message: &Message, bytes: Option<usize>) {
        let expected = Expected {
            device_id: &self.identity.device_id,
            address: self.address(),
            login: self.behaviour.login,
            sync_type: self.behaviour.sync_type,
            max_msg_size: self.behaviour.max_msg_size,
            bytes,
        };
        for (violation, detail) in findings(&expected, session, message) {
            if !session.is_excused {
                self.complain(session, &message.header.msg_id, violation, detail);
            }
        }
    }

    /// Keeps a complaint about a message of the server.
    pub(super) fn complain(&mut self, session: &Session, message: &str, violation: Violation, detail: String) {
        let (session, message) = (session.id.clone(), message.to_owned());
        self.complaints.push(Complaint { session, message, violation, detail });
    }
}

/// A chunk that the server did not take: the rest of the value stays here.
fn drop_refused_value(session: &mut Session, message: &Message) {
    let refused = message
        .body
        .commands
        .iter()
        .filter_map(as_status)
        .any(|status| status.cmd == "Results" && status.code.0 >= 300);
    if refused {
        session.drop_rest_of_value();
    }
}

fn has_alert(message: &Message, code: AlertCode) -> bool {
    let is_it = |command: &Command| matches!(command, Command::Alert(alert) if alert.code == Some(code));
    message.body.commands.iter().any(is_it)
}
