//! Statuses of a reply against the commands that they answer (MS-MDM 2.2.6.1).

use roxmltree::Node;

use super::client::{ClientCommand, ClientMessage, leaf, text_of};
use super::{Findings, Parts, Rule};

/// Checks all Statuses. `stale` says that the message was an old one, whose commands may go unanswered.
pub(super) fn check(parts: &Parts<'_, '_>, client: &ClientMessage, stale: bool, findings: &mut Findings) {
    check_order_of_body(parts, findings);
    for status in &parts.statuses {
        check_codes(*status, client, findings);
    }
    if client.no_resp {
        return;
    }
    check_header_status(parts, client, findings);
    let answered = match_commands(parts, client, findings);
    if parts.is_accepted() && !stale {
        check_missing(client, &answered, findings);
    }
}

/// Statuses before everything else.
fn check_order_of_body(parts: &Parts<'_, '_>, findings: &mut Findings) {
    let names = parts.body.children().filter(Node::is_element).map(|node| node.tag_name().name());
    let late = names.skip_while(|name| *name == "Status").filter(|name| *name == "Status").count();
    if late > 0 {
        findings.add(Rule::StatusesFirst, format!("{late} Statuses after the first command"));
    }
}

fn check_codes(status: Node<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    let code = leaf(status, "Data");
    let known = match code.parse::<u16>() {
        Ok(code) => matches!(code, 101 | 200..=216 | 300..=305 | 400..=428 | 500..=514 | 516 | 517),
        Err(_) => false,
    };
    if !known {
        findings.add(Rule::CodeKnown, format!("a Status says {code:?}"));
    }
    let msg_ref = leaf(status, "MsgRef");
    let same_number = client.msg_number().is_some_and(|number| msg_ref.parse() == Ok(number));
    if !client.msg_id.is_empty() && msg_ref != client.msg_id && !same_number {
        findings.add(Rule::StatusMsgRef, format!("MsgRef {msg_ref:?} for MsgID {:?}", client.msg_id));
    }
}

fn check_header_status(parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    let is_header = |status: &Node<'_, '_>| leaf(*status, "Cmd") == "SyncHdr";
    match parts.statuses.first() {
        Some(first) if is_header(first) && leaf(*first, "CmdRef") == "0" => {}
        Some(first) => {
            let (cmd, cmd_ref) = (leaf(*first, "Cmd"), leaf(*first, "CmdRef"));
            findings.add(Rule::HeaderStatusFirst, format!("the first Status is for {cmd} with CmdRef {cmd_ref:?}"));
        }
        None => findings.add(Rule::HeaderStatusFirst, "there is no Status"),
    }
    if parts.statuses.iter().filter(|status| is_header(status)).count() > 1 {
        findings.add(Rule::HeaderStatusOnce, "two Statuses for SyncHdr");
    }
    let other_dtd = !client.ver_dtd.is_empty() && client.ver_dtd != "1.2";
    let other_proto = !client.ver_proto.is_empty() && client.ver_proto != "DM/1.2";
    if parts.is_accepted() && (other_dtd || other_proto) {
        let (dtd, proto) = (&client.ver_dtd, &client.ver_proto);
        findings.add(Rule::VersionRefused, format!("VerDTD {dtd:?} and VerProto {proto:?} were accepted"));
    }
}

/// Finds the command of each Status; gives the code that answered each command.
fn match_commands(parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) -> Vec<Option<u16>> {
    let commands = &client.commands;
    let mut answered = vec![None; commands.len()];
    let mut next = 0;
    // The command answered last, and whether its Statuses so far name their items.
    let mut last: Option<(usize, bool)> = None;
    for status in parts.statuses.iter().filter(|status| leaf(**status, "Cmd") != "SyncHdr") {
        let (cmd_ref, cmd) = (leaf(*status, "CmdRef"), leaf(*status, "Cmd"));
        let fits = |command: &ClientCommand| command.cmd_id == cmd_ref && command.name == cmd;
        let code = leaf(*status, "Data").parse().unwrap_or(0);
        let names_items = !refs(*status, "TargetRef").is_empty() || !refs(*status, "SourceRef").is_empty();

        if let Some(place) = (next..commands.len()).find(|place| fits(&commands[*place])) {
            answered[place] = Some(code);
            next = place + 1;
            last = Some((place, names_items));
            check_answer(*status, code, &commands[place], parts, findings);
        } else if let Some((place, named)) = last.filter(|(place, _)| fits(&commands[*place])) {
            if !(named && names_items) {
                findings.add(Rule::StatusRepeated, format!("two Statuses for {cmd} {cmd_ref}"));
            }
            check_answer(*status, code, &commands[place], parts, findings);
        } else if let Some(place) = commands.iter().position(fits) {
            answered[place] = Some(code);
            findings.add(Rule::StatusOrder, format!("{cmd} {cmd_ref} is answered after a later command"));
        } else if let Some(command) = commands.iter().find(|command| command.cmd_id == cmd_ref) {
            findings.add(Rule::CmdName, format!("Cmd is {cmd} for {} {cmd_ref}", command.name));
        } else {
            findings.add(Rule::CmdRefExists, format!("CmdRef {cmd_ref:?} for {cmd}: no such command"));
        }
    }
    answered
}

/// Checks one Status against its command.
fn check_answer(
    status: Node<'_, '_>,
    code: u16,
    command: &ClientCommand,
    parts: &Parts<'_, '_>,
    findings: &mut Findings,
) {
    let name = format!("{} {}", command.name, command.cmd_id);
    for (tag, of) in [("TargetRef", true), ("SourceRef", false)] {
        for reference in refs(status, tag) {
            let mut named = command.items.iter().map(|item| if of { &item.target } else { &item.source });
            if !named.any(|address| *address == reference) {
                findings.add(Rule::RefExists, format!("{tag} {reference:?} is in no item of {name}"));
            }
        }
    }
    if !parts.is_accepted() {
        return;
    }
    let fine = code < 300;
    let unwanted = match command.name.as_str() {
        "Status" => fine,
        "Results" => fine && code != 213,
        _ => command.no_resp,
    };
    if unwanted {
        findings.add(Rule::StatusUnwanted, format!("{name} is answered {code}"));
    }
    if (code == 213) != command.more_data() && (code == 213 || fine) {
        findings.add(Rule::ChunkAnswer, format!("{name} is answered {code}"));
    }
    let not_for_us = !command.is_known() || command.cmd_id.is_empty() || matches!(&*command.name, "Get" | "Copy");
    if not_for_us && code < 400 {
        findings.add(Rule::NotUnderstood, format!("{name} is answered {code}"));
    }
}

/// Every command that wants a Status has one.
fn check_missing(client: &ClientMessage, answered: &[Option<u16>], findings: &mut Findings) {
    for (command, code) in client.commands.iter().zip(answered) {
        let wants_one = match command.name.as_str() {
            "Status" => false,
            "Results" => command.more_data(),
            _ => !command.no_resp && !command.cmd_id.is_empty(),
        };
        // The children of a container that was refused did not run.
        let ran = command.parent.is_none_or(|parent| answered[parent].is_some_and(|code| code < 300));
        if wants_one && ran && code.is_none() {
            findings.add(Rule::StatusMissing, format!("no Status for {} {}", command.name, command.cmd_id));
        }
    }
}

fn refs(status: Node<'_, '_>, tag: &str) -> Vec<String> {
    status.children().filter(|node| node.tag_name().name() == tag).map(text_of).collect()
}
