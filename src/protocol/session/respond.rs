//! Each command of the device is heard and gets its Status, in the order in which they came (MS-MDM 2.2.6.1).

use std::collections::BTreeSet;

use super::process::Work;
use crate::syncml::{Command, Request, Results, StatusCode, Verb};

impl Work<'_> {
    pub(super) fn hear_command<'m>(&mut self, command: &'m Command, seen: &mut BTreeSet<&'m str>) {
        match command {
            Command::Status(status) if status.cmd_ref == "0" || status.cmd.eq_ignore_ascii_case("SyncHdr") => {
                self.hear_header_status(status);
            }
            // A Status that answers a Status of ours, such as 406: there is nothing that it could change.
            Command::Status(status) if status.cmd.eq_ignore_ascii_case("Status") => {
                self.anomaly("status_of_status", || format!("Status {} for a Status of ours", status.code));
            }
            Command::Status(status) => self.apply_status(status),
            Command::Results(results) => self.hear_results(results),
            Command::Unreadable(element) if matches!(element.name.as_str(), "Status" | "Results") => {
                self.anomaly("unreadable_answer", || format!("{}: {}", element.name, element.why));
            }
            _ => self.hear_request(command, seen),
        }
    }

    /// Anything that wants a Status.
    fn hear_request<'m>(&mut self, command: &'m Command, seen: &mut BTreeSet<&'m str>) {
        let fault = self.fault_of_cmd_id(command, seen);
        let (code, no_resp) = match command {
            Command::Alert(alert) => (fault.unwrap_or_else(|| self.hear_alert(alert)), alert.no_resp),
            Command::Request(request) => (fault.unwrap_or_else(|| self.hear_verb(request)), request.no_resp),
            Command::Group(group) => (fault.unwrap_or(StatusCode::NOT_ALLOWED), group.no_resp),
            Command::Unreadable(element) => {
                self.anomaly("unreadable_command", || format!("{}: {}", element.name, element.why));
                (unreadable_status(&element.name), false)
            }
            Command::Status(_) | Command::Results(_) => return,
        };
        if !no_resp {
            self.respond(command, code);
        }
        if let Command::Group(group) = command {
            self.respond_to_children(&group.commands, seen);
        }
    }

    /// `CmdID` is there, is not that of the header, and stands once in a message (MS-MDM 2.2.3.2).
    fn fault_of_cmd_id<'m>(&mut self, command: &'m Command, seen: &mut BTreeSet<&'m str>) -> Option<StatusCode> {
        let cmd_id = command.cmd_id();
        if matches!(cmd_id, "" | "0") {
            self.anomaly("no_cmd_id", || format!("{} without a CmdID", command.name()));
            return Some(StatusCode::BAD_REQUEST);
        }
        if !seen.insert(cmd_id) {
            self.anomaly("repeated_cmd_id", || format!("CmdID {cmd_id} stands twice in one message"));
            return Some(StatusCode::BAD_REQUEST);
        }
        None
    }

    /// A device reports (Replace) and asks for nothing.
    fn hear_verb(&mut self, request: &Request) -> StatusCode {
        match request.verb {
            Verb::Replace => self.hear_device_info(request),
            Verb::Copy => StatusCode::NOT_IMPLEMENTED,
            Verb::Add | Verb::Delete | Verb::Get | Verb::Exec => StatusCode::NOT_ALLOWED,
        }
    }

    fn hear_results(&mut self, results: &Results) {
        let mut code = StatusCode::OK;
        for item in &results.items {
            let taken = if self.is_chunk(results, item) {
                Some(self.take_chunk(results, item))
            } else {
                self.is_rest(results, item).then_some(StatusCode::SIZE_MISMATCH)
            };
            if let Some(taken) = taken {
                code = if code == StatusCode::OK || code == StatusCode::BUFFERED { taken } else { code };
            } else {
                self.apply_result(results, item, false);
            }
        }
        // Results that were simply taken are not answered (OMA RepPro 5.4.6).
        if code != StatusCode::OK {
            self.replies.push((results.cmd_id.clone(), "Results".to_owned(), code));
        }
    }

    fn respond(&mut self, command: &Command, code: StatusCode) {
        self.replies.push((command.cmd_id().to_owned(), command.name().to_owned(), code));
    }

    /// The group was not run, and so none of its children was.
    fn respond_to_children<'m>(&mut self, commands: &'m [Command], seen: &mut BTreeSet<&'m str>) {
        for command in commands {
            let no_resp = match command {
                Command::Request(request) => request.no_resp,
                Command::Alert(alert) => alert.no_resp,
                Command::Group(group) => group.no_resp,
                Command::Unreadable(element) => matches!(element.name.as_str(), "Status" | "Results"),
                Command::Status(_) | Command::Results(_) => {
                    self.anomaly("nested_answer", || format!("{} inside of a group", command.name()));
                    continue;
                }
            };
            let code = self.fault_of_cmd_id(command, seen).unwrap_or(StatusCode::NOT_EXECUTED);
            if !no_resp {
                self.respond(command, code);
            }
            if let Command::Group(group) = command {
                self.respond_to_children(&group.commands, seen);
            }
        }
    }
}

/// Elements that OMA DS defines and DM doesn't use are not implemented; everything else is a bad request.
fn unreadable_status(name: &str) -> StatusCode {
    match name {
        "Copy" | "Map" | "Move" | "Put" | "Search" | "Sync" => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    }
}
