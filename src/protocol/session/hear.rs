//! Alerts, device information and the Status of our own header (MS-MDM 2.2.7.2, 3.2.5.1; OMA DM Security 5).

use super::process::Work;
use super::{
    CommandId, CommandState, Ending, Event, LoginStatus, MsgId, Nonce, Pending, ReasonCode, SentAnswer, SyncType,
};
use crate::syncml::{Alert, AlertCode, Item, Request, Status, StatusClass, StatusCode, Verb};

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
        let Some(message) = MsgId::parse(&status.msg_ref) else { return };
        match status.code {
            StatusCode::INVALID_CREDENTIALS | StatusCode::MISSING_CREDENTIALS => {
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
            code if code.class() == StatusClass::Failed && message < self.session.server_message => {
                self.anomaly("message_refused", || format!("the device refused message {message} with {code}"));
                self.refused(message);
            }
            _ => {}
        }
    }

    /// Commands of a message that the device did not look at: as if they had not been sent.
    fn take_back(&mut self, message: MsgId) {
        for id in self.unlink(message) {
            if let Some(pending) = self.queue.change(&id).filter(|pending| pending.state == CommandState::Sent) {
                pending.become_plain(CommandState::Queued);
            }
        }
    }

    /// Commands of a message that the device refused as a whole: tried again one by one, then set aside.
    fn refused(&mut self, message: MsgId) {
        let (now, rules) = (self.now, self.rules);
        let ids = self.unlink(message);
        let alone = ids.len() == 1;
        for id in ids {
            let Some(pending) = self.queue.change(&id).filter(|pending| pending.state == CommandState::Sent) else {
                continue;
            };
            pending.progress.unanswered = pending.progress.unanswered.saturating_add(1);
            if alone || pending.progress.unanswered >= rules.max_unanswered {
                pending.become_for(CommandState::Failed, ReasonCode::MessageRefused, now);
            } else {
                pending.become_for(CommandState::Queued, ReasonCode::MessageRefused, now);
            }
        }
    }

    /// Forgets that a message carried anything, and gives the commands that it carried.
    fn unlink(&mut self, message: MsgId) -> Vec<CommandId> {
        let mut ids = Vec::new();
        self.session.in_flight.retain(|sent| {
            let gone = sent.message == message && sent.answer == SentAnswer::Awaited;
            if gone && !ids.contains(&sent.command) {
                ids.push(sent.command.clone());
            }
            !gone
        });
        if self.session.ender.as_ref().is_some_and(|ender| ids.contains(ender)) {
            self.session.ender = None;
        }
        self.session.download.take_if(|download| ids.contains(&download.command));
        ids
    }

    /// A command whose transfer was cut off begins again.
    pub(super) fn restart(&mut self, id: &CommandId) {
        self.session.in_flight.retain(|sent| sent.command != *id);
        if let Some(pending) = self.queue.change(id).filter(|pending| pending.state == CommandState::Sent) {
            pending.progress.unanswered = pending.progress.unanswered.saturating_add(1);
            if pending.progress.unanswered >= self.rules.max_unanswered {
                pending.become_for(CommandState::Failed, ReasonCode::MessageRefused, self.now);
            } else {
                pending.become_for(CommandState::Queued, ReasonCode::Unanswered, self.now);
            }
        }
    }

    pub(super) fn hear_alert(&mut self, alert: &Alert) -> StatusCode {
        let Some(code) = alert.code else { return StatusCode::BAD_REQUEST };
        match code {
            AlertCode::SESSION_ABORT => self.ending = Some(Ending::AbortedByDevice),
            AlertCode::NO_END_OF_DATA => self.download_interrupted(),
            AlertCode::CLIENT_EVENT | AlertCode::GENERIC => {
                for item in &alert.items {
                    self.hear_report(code, item);
                }
            }
            AlertCode::SERVER_INITIATED | AlertCode::CLIENT_INITIATED | AlertCode::NEXT_MESSAGE => {}
            other => {
                let item = alert.items.first().cloned().unwrap_or_default();
                self.keep_alert(other, kind_of(&item), &item);
            }
        }
        StatusCode::OK
    }

    /// One item of a client event or generic alert.
    fn hear_report(&mut self, code: AlertCode, item: &Item) {
        let kind = kind_of(item);
        let data = item.text().trim();
        let is = |name: &str| kind.eq_ignore_ascii_case(name);
        if is("com.microsoft/MDM/LoginStatus") {
            self.session.login = match data.to_ascii_lowercase().as_str() {
                "user" => LoginStatus::User,
                "others" => LoginStatus::Others,
                "none" => LoginStatus::None,
                _ => LoginStatus::Unsaid,
            };
            return;
        }
        if is("com.microsoft.mdm.synctype") {
            self.session.sync_type = match data.to_ascii_lowercase().as_str() {
                "user" => SyncType::User,
                "device" => SyncType::Device,
                _ => SyncType::Mixed,
            };
        } else if is("com.microsoft.mdm.requestpending") {
            self.hold = true;
            return;
        } else if code == AlertCode::GENERIC && is("com.microsoft:mdm.unenrollment.userrequest") {
            self.ending = Some(Ending::Unenrolled);
            self.events.push(Event::Unenrolled);
        } else if let Some(source) = item.source_uri() {
            self.hear_end(&kind, source, data);
        }
        self.keep_alert(code, kind, item);
    }

    fn keep_alert(&mut self, code: AlertCode, kind: String, item: &Item) {
        let token = kind.to_ascii_lowercase().contains("token");
        self.events.push(Event::Alert {
            code,
            source: item.source_uri().map(str::to_owned),
            format: item.format().cloned(),
            mark: item.meta.as_ref().and_then(|meta| meta.mark.clone()),
            data: if token { String::new() } else { item.text().to_owned() },
            kind,
        });
    }

    /// The end of a command that the device had accepted: it names the node, and 0 is success.
    fn hear_end(&mut self, kind: &str, source: &str, data: &str) {
        let Some(succeeded) = reported_success(kind, data) else { return };
        let waits = |pending: &&Pending| {
            let accepted = matches!(&pending.reason, Some(reason) if reason.code == ReasonCode::Accepted);
            let named = |(verb, setting): (Verb, &crate::csp::Setting)| {
                verb != Verb::Get && setting.target.names_same_node(source)
            };
            pending.state == CommandState::Deferred && accepted && pending.instruction.settings().any(named)
        };
        let Some(id) = self.queue.iter().find(waits).map(|pending| pending.id.clone()) else { return };
        let now = self.now;
        let Some(pending) = self.queue.change(&id) else { return };
        let places: Vec<usize> = pending
            .instruction
            .settings()
            .enumerate()
            .filter(|(_, (verb, setting))| *verb != Verb::Get && setting.target.names_same_node(source))
            .map(|(place, _)| place)
            .collect();
        for place in places {
            if let Some(item) = pending.progress.items.get_mut(place) {
                item.status = Some(if succeeded { StatusCode::OK } else { StatusCode::COMMAND_FAILED });
                item.original_error = (!succeeded).then(|| data.to_owned());
                item.reported = true;
            }
        }
        let states = pending.item_states();
        let waiting = states.contains(&super::settle::ItemState::Accepted);
        if !succeeded {
            pending.fail(ReasonCode::RefusedByDevice, now);
        } else if !waiting {
            pending.become_plain(CommandState::Succeeded);
        }
        for sent in self.session.in_flight.iter_mut().filter(|sent| sent.command == id) {
            if sent.answer == SentAnswer::Accepted {
                sent.answer = SentAnswer::Settled;
            }
        }
    }

    /// Replace in package 1 carries `./DevInfo`; whatever else a device reports is taken note of.
    pub(super) fn hear_device_info(&mut self, request: &Request) -> StatusCode {
        for item in &request.items {
            let Some(uri) = item.source_uri().or(item.target_uri()) else { continue };
            let prefix = uri.get(.."./DevInfo/".len()).filter(|start| start.eq_ignore_ascii_case("./DevInfo/"));
            match prefix.and_then(|start| uri.get(start.len()..)) {
                Some(node) => {
                    let value = item.text().trim().to_owned();
                    self.events.push(Event::DeviceInfo { node: node.to_owned(), value });
                }
                None => self.anomaly("unasked_value", || format!("the device reported {uri} without being asked")),
            }
        }
        StatusCode::OK
    }

    /// An Unenroll of ours is never answered; the device's leave is its success.
    pub(super) fn unenrolled_by_us(&mut self, ending: Ending) {
        if ending != Ending::Unenrolled {
            return;
        }
        let ours = |pending: &&Pending| {
            let unenroll = |(verb, setting): (Verb, &crate::csp::Setting)| {
                verb == Verb::Exec && setting.target.as_str().to_ascii_lowercase().ends_with("/unenroll")
            };
            let interrupted = matches!(&pending.reason, Some(reason) if reason.code == ReasonCode::Interrupted);
            (pending.state == CommandState::Sent || interrupted) && pending.instruction.settings().any(unenroll)
        };
        let ids: Vec<_> = self.queue.iter().filter(ours).map(|pending| pending.id.clone()).collect();
        for id in ids {
            if let Some(pending) = self.queue.change(&id) {
                pending.become_plain(CommandState::Succeeded);
            }
        }
    }
}

/// Type of an alert, without the prefix that some have.
fn kind_of(item: &Item) -> String {
    let kind = item.meta.as_ref().and_then(|meta| meta.mime.as_deref()).unwrap_or_default().trim();
    kind.strip_prefix("Reversed-Domain-Name:").unwrap_or(kind).to_owned()
}

/// Whether a report says success; `None` when it is no report of an end. Installers say 0, 1641 or 3010 (a restart is
/// due), other CSPs 0 or a Status code.
fn reported_success(kind: &str, data: &str) -> Option<bool> {
    let number = match data.strip_prefix("0x").or(data.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok()?,
        None => data.parse().ok()?,
    };
    let installer = kind.to_ascii_lowercase().contains("win32csp_install");
    Some(number == 0 || if installer { matches!(number, 1641 | 3010) } else { (200..300).contains(&number) })
}
