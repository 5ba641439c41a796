//! Watching the server: its message against the rules of MS-MDM 2.2.6.1 and OMA DM Protocol 8.

use std::collections::HashSet;

use transom_protocol::session::{LoginStatus, SyncType};
use transom_protocol::syncml::{AlertCode, Command, GroupKind, Message, Request, StatusCode, Verb};

use super::complaint::Violation;
use super::session::Session;
use super::statuses;

/// A rule that was broken, and how.
pub(super) type Finding = (Violation, String);

/// What a message is measured against besides its session.
pub(super) struct Expected<'a> {
    pub(super) device_id: &'a str,
    pub(super) address: &'a str,
    pub(super) login: LoginStatus,
    pub(super) sync_type: Option<SyncType>,
    pub(super) max_msg_size: Option<u64>,
    /// Bytes of the message on the wire, when they are known.
    pub(super) bytes: Option<usize>,
}

/// Everything that is wrong with a message.
pub(super) fn findings(expected: &Expected<'_>, session: &Session, message: &Message) -> Vec<Finding> {
    let mut found = Vec::new();
    header(expected, session, message, &mut found);
    cmd_ids(&message.body.commands, &mut found);
    statuses::inspect(session, &message.body.commands, &mut found);
    flow(session, message, &mut found);
    for command in &message.body.commands {
        shape(command, expected, &mut found);
    }
    session_enders(&message.body.commands, &mut found);
    found
}

fn header(expected: &Expected<'_>, session: &Session, message: &Message, found: &mut Vec<Finding>) {
    let header = &message.header;
    if header.ver_dtd != "1.2" || header.ver_proto != "DM/1.2" {
        found.push((Violation::WrongVersion, format!("{} {}", header.ver_dtd, header.ver_proto)));
    }
    if header.session_id != session.id {
        found.push((Violation::WrongSession, header.session_id.clone()));
    }
    if !header.target.loc_uri.eq_ignore_ascii_case(expected.device_id) {
        found.push((Violation::WrongAddress, format!("Target {}", header.target.loc_uri)));
    }
    if header.source.loc_uri != expected.address {
        found.push((Violation::WrongAddress, format!("Source {}", header.source.loc_uri)));
    }
    if header.msg_id != (session.server_message + 1).to_string() {
        let detail = format!("{} after {}", header.msg_id, session.server_message);
        found.push((Violation::MsgIdDoesNotCount, detail));
    }
    if header.no_resp {
        found.push((Violation::NoRespInHeader, String::new()));
    }
    if let (Some(bytes), Some(most)) = (expected.bytes, expected.max_msg_size)
        && u64::try_from(bytes).is_ok_and(|bytes| bytes > most)
    {
        found.push((Violation::TooLarge, format!("{bytes} of {most} bytes")));
    }
}

/// Every `CmdID` once, none missing, none 0 (MS-MDM 2.2.3.2).
fn cmd_ids(commands: &[Command], found: &mut Vec<Finding>) {
    let mut seen = HashSet::new();
    for command in flatten(commands) {
        let cmd_id = command.cmd_id();
        if cmd_id.is_empty() || cmd_id == "0" {
            found.push((Violation::CmdIdMissing, format!("{} {cmd_id:?}", command.name())));
        } else if !seen.insert(cmd_id) {
            found.push((Violation::CmdIdTwice, cmd_id.to_owned()));
        }
    }
}

/// Who may speak when, and where a package ends (OMA DM Protocol 6, 8.2).
fn flow(session: &Session, message: &Message, found: &mut Vec<Finding>) {
    let commands = &message.body.commands;
    let orders: Vec<&str> = commands.iter().filter(|command| is_order(command)).map(Command::name).collect();
    let is_challenge = statuses::header(commands)
        .is_some_and(|status| matches!(status.code, StatusCode::MISSING_CREDENTIALS | StatusCode::INVALID_CREDENTIALS));
    if is_challenge && !orders.is_empty() {
        found.push((Violation::CommandsInChallenge, orders.join(" ")));
    }
    let is_holding = !session.outbox.is_empty() || !session.was_final;
    if is_holding && !orders.is_empty() {
        found.push((Violation::CommandsDuringPackage, orders.join(" ")));
    }
    let asks_next = commands
        .iter()
        .any(|command| matches!(command, Command::Alert(alert) if alert.code == Some(AlertCode::NEXT_MESSAGE)));
    if !session.was_final && !asks_next && !is_challenge {
        found.push((Violation::NextMessageNotAsked, String::new()));
    }

    let goes_on: Vec<bool> = commands.iter().flat_map(items_that_go_on).collect();
    let value_goes_on = goes_on.contains(&true);
    if goes_on.iter().rev().skip(1).any(|more_data| *more_data) {
        found.push((Violation::MoreDataNotLast, String::new()));
    }
    if value_goes_on && message.body.is_final {
        found.push((Violation::FinalMisplaced, "Final although a value goes on".to_owned()));
    }
    if !message.body.is_final && !value_goes_on && session.was_final {
        found.push((Violation::FinalMisplaced, "Final is missing".to_owned()));
    }
}

/// A command alone: items, scopes.
fn shape(command: &Command, expected: &Expected<'_>, found: &mut Vec<Finding>) {
    match command {
        Command::Request(request) => {
            let targets = request.items.iter().map(|item| item.target_uri().unwrap_or_default());
            let is_single = request.verb != Verb::Exec || request.items.len() == 1;
            if request.items.is_empty() || !is_single || targets.clone().any(str::is_empty) {
                let detail = format!("{} {} with {} items", request.verb.as_str(), request.cmd_id, request.items.len());
                found.push((Violation::ItemMissing, detail));
            }
            if expected.login != LoginStatus::User
                && let Some(target) = targets.clone().find(|target| is_of_user(target))
            {
                found.push((Violation::UserScopeWithoutUser, target.to_owned()));
            }
            let serves = |target: &&str| match expected.sync_type {
                Some(SyncType::User) => is_of_user(target),
                Some(SyncType::Device) => !is_of_user(target),
                Some(SyncType::Mixed) | None => true,
            };
            if let Some(target) = targets.clone().find(|target| !serves(target)) {
                found.push((Violation::WrongScope, target.to_owned()));
            }
        }
        Command::Group(group) => {
            let targets: Vec<&str> = flatten(&group.commands).filter_map(as_request).flat_map(targets).collect();
            let of_user = targets.iter().filter(|target| is_of_user(target)).count();
            if group.kind == GroupKind::Atomic && of_user > 0 && of_user < targets.len() {
                found.push((Violation::MixedScopes, group.cmd_id.clone()));
            }
            for command in &group.commands {
                shape(command, expected, found);
            }
        }
        Command::Unreadable(element) => found.push((Violation::UnknownElement, element.name.clone())),
        Command::Results(results) => found.push((Violation::ResultsFromServer, results.cmd_id.clone())),
        Command::Alert(_) | Command::Status(_) => {}
    }
}

/// Reboot, wipe and unenrollment stand alone: nothing after them is answered.
fn session_enders(commands: &[Command], found: &mut Vec<Finding>) {
    const ENDERS: [&str; 4] = ["/reboot/rebootnow", "/remotewipe/dowipe", "/unenroll", "/doautomaticredeployment"];
    let orders: Vec<&Command> = flatten(commands).filter(|command| is_order(command)).collect();
    let ender = orders
        .iter()
        .copied()
        .filter_map(as_request)
        .filter(|request| request.verb == Verb::Exec)
        .flat_map(targets)
        .find(|target| {
            let target = target.to_ascii_lowercase();
            ENDERS.iter().any(|ender| target.contains(ender))
        });
    if let Some(ender) = ender
        && orders.len() > 1
    {
        found.push((Violation::SessionEnderNotAlone, format!("{ender} among {} commands", orders.len())));
    }
}

/// All commands, those in groups included, in document order.
pub(super) fn flatten(commands: &[Command]) -> impl Iterator<Item = &Command> {
    let mut waiting: Vec<&Command> = commands.iter().rev().collect();
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        if let Command::Group(group) = next {
            waiting.extend(group.commands.iter().rev());
        }
        Some(next)
    })
}

/// Something to do: neither Status, nor Results, nor Alert.
fn is_order(command: &Command) -> bool {
    matches!(command, Command::Request(_) | Command::Group(_) | Command::Unreadable(_))
}

fn as_request(command: &Command) -> Option<&Request> {
    if let Command::Request(request) = command { Some(request) } else { None }
}

fn targets(request: &Request) -> impl Iterator<Item = &str> {
    request.items.iter().filter_map(|item| item.target_uri())
}

pub(super) fn is_of_user(target: &str) -> bool {
    target.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("./User"))
}

/// For each item of a command, whether its value goes on in the next message; one entry for a command without items.
fn items_that_go_on(command: &Command) -> Vec<bool> {
    match command {
        Command::Request(request) => request.items.iter().map(|item| item.more_data).collect(),
        Command::Group(_) => vec![false],
        _ => Vec::new(),
    }
}
