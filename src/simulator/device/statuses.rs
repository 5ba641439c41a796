//! The server's Statuses: the header's first, one for each command, in order (MS-MDM 2.2.6.1).

use transom_protocol::syncml::{Command, Status, StatusCode};

use super::complaint::Violation;
use super::inspect::Finding;
use super::session::Session;

/// The Status of the header, when it stands where it belongs.
pub(super) fn header(commands: &[Command]) -> Option<&Status> {
    match commands.first() {
        Some(Command::Status(status)) if status.cmd_ref.trim() == "0" => Some(status),
        _ => None,
    }
}

/// Everything that is wrong with the Statuses of a message.
pub(super) fn inspect(session: &Session, commands: &[Command], found: &mut Vec<Finding>) {
    header_first(session, commands, found);
    let mut answered = vec![false; session.awaited.len()];
    let mut last = 0;
    let mut after_command = false;
    let is_header = |at: usize| at == 0 && header(commands).is_some();
    for (at, command) in commands.iter().enumerate() {
        let Command::Status(status) = command else {
            after_command = true;
            continue;
        };
        if is_header(at) {
            continue;
        }
        if after_command {
            found.push((Violation::StatusOutOfOrder, format!("Status {} behind a command", status.cmd_id)));
        }
        let Some(index) = position(session, status) else {
            let detail = format!("{} {} in message {}", status.cmd, status.cmd_ref, status.msg_ref);
            found.push((Violation::StatusOfNothing, detail));
            continue;
        };
        if index < last {
            found.push((Violation::StatusOutOfOrder, format!("Status {} of {}", status.cmd_id, status.cmd_ref)));
        }
        last = last.max(index);
        // Several Statuses for one command are legal when each names its item.
        let is_of_item = !status.target_refs.is_empty() || !status.source_refs.is_empty();
        let was_answered = answered.get_mut(index).is_some_and(|answered| std::mem::replace(answered, true));
        if was_answered && !is_of_item {
            found.push((Violation::StatusOfNothing, format!("{} was answered before", status.cmd_ref)));
        }
        if session.awaited.get(index).is_some_and(|awaited| awaited.name != status.cmd) {
            found.push((Violation::StatusOfOtherCommand, format!("{} for {}", status.cmd, status.cmd_ref)));
        }
    }
    let is_challenge = header(commands)
        .is_some_and(|status| matches!(status.code, StatusCode::MISSING_CREDENTIALS | StatusCode::INVALID_CREDENTIALS));
    for (awaited, answered) in session.awaited.iter().zip(answered) {
        // A challenge may leave out the rest: it will be sent again.
        if !answered && !awaited.is_optional && !is_challenge {
            found.push((Violation::StatusMissing, format!("{} {}", awaited.name, awaited.cmd_id)));
        }
    }
}

fn header_first(session: &Session, commands: &[Command], found: &mut Vec<Finding>) {
    match header(commands) {
        None => {
            let first = commands.first().map_or("nothing", Command::name);
            found.push((Violation::HeaderStatusNotFirst, format!("{first} stands there")));
        }
        Some(status) => {
            if status.cmd != "SyncHdr" || status.msg_ref != session.sent_message.to_string() {
                let detail = format!("{} of message {}", status.cmd, status.msg_ref);
                found.push((Violation::HeaderStatusNotFirst, detail));
            }
        }
    }
}

/// Which awaited command a Status answers.
fn position(session: &Session, status: &Status) -> Option<usize> {
    session
        .awaited
        .iter()
        .position(|awaited| awaited.cmd_id == status.cmd_ref && awaited.message.to_string() == status.msg_ref)
}
