//! What every reply has to be, whatever was asked: rules read from the specification, not from the session core
//! (OMA DM Protocol 8, MS-MDM 2.2.3.2, 2.2.6.1).

use crate::syncml::{Command, Message, Status};

/// Panics where a reply to `request` breaks a rule. `processed`: the commands of the request were looked at.
pub(crate) fn judge(request: &Message, reply: &Message, processed: bool) {
    let fail = |what: String| panic!("{what}\nrequest: {request:#?}\nreply: {reply:#?}");
    let (asked, header) = (&request.header, &reply.header);
    if (&header.ver_dtd[..], &header.ver_proto[..]) != ("1.2", "DM/1.2") {
        fail("wrong versions".to_owned());
    }
    if header.session_id != asked.session_id || header.msg_id.parse::<u32>().is_ok_and(|id| id == 0) {
        fail("wrong SessionID or MsgID".to_owned());
    }
    if header.target.loc_uri != asked.source.loc_uri || header.source.loc_uri != asked.target.loc_uri {
        fail("Target and Source are not exchanged".to_owned());
    }
    let mut expected = 1;
    number(&reply.body.commands, &mut expected, &fail);
    let statuses = statuses(reply);
    let leading = reply.body.commands.iter().take_while(|command| matches!(command, Command::Status(_))).count();
    if leading != statuses.len() {
        fail("a Status stands behind a command".to_owned());
    }
    match statuses.first() {
        Some(first) if first.cmd_ref == "0" && first.cmd == "SyncHdr" => {}
        _ => fail("the first Status is not of SyncHdr".to_owned()),
    }
    for status in &statuses {
        if status.msg_ref != asked.msg_id {
            fail(format!("MsgRef {} is not the message that was sent", status.msg_ref));
        }
        if status.code.0 < 200 || status.code.0 > 517 {
            fail(format!("nobody defined Status {}", status.code));
        }
    }
    if !processed {
        if statuses.len() != 1 || reply.body.commands.len() != 1 {
            fail("a refusal says more than its Status".to_owned());
        }
        return;
    }
    let mut wanted = Vec::new();
    if !asked.no_resp {
        wants_status(&request.body.commands, &mut wanted);
    }
    let answers: Vec<_> = statuses.iter().skip(1).filter(|status| status.cmd != "Results").collect();
    let given: Vec<_> = answers.iter().map(|status| (status.cmd_ref.clone(), status.cmd.clone())).collect();
    if given != wanted {
        fail(format!("Status for {given:?} instead of {wanted:?}"));
    }
}

/// `CmdID`s are 1, 2, 3, … in document order, children included.
fn number(commands: &[Command], expected: &mut u32, fail: &impl Fn(String)) {
    for command in commands {
        if command.cmd_id() != expected.to_string() {
            fail(format!("CmdID {} where {expected} was due", command.cmd_id()));
        }
        *expected += 1;
        match command {
            Command::Group(group) if group.commands.is_empty() => fail("an empty group".to_owned()),
            Command::Group(group) => number(&group.commands, expected, fail),
            Command::Request(request) if request.items.is_empty() => fail("a command without items".to_owned()),
            Command::Results(_) | Command::Unreadable(_) => fail("a server sends no such thing".to_owned()),
            _ => {}
        }
    }
}

fn wants_status(commands: &[Command], wanted: &mut Vec<(String, String)>) {
    for command in commands {
        let (answers, wants) = match command {
            Command::Status(_) | Command::Results(_) => (true, false),
            Command::Request(request) => (false, !request.no_resp),
            Command::Alert(alert) => (false, !alert.no_resp),
            Command::Group(group) => (false, !group.no_resp),
            Command::Unreadable(element) => (matches!(&element.name[..], "Status" | "Results"), true),
        };
        if wants && !answers {
            wanted.push((command.cmd_id().to_owned(), command.name().to_owned()));
        }
        if let Command::Group(group) = command {
            wants_status(&group.commands, wanted);
        }
    }
}

pub(crate) fn statuses(message: &Message) -> Vec<&Status> {
    message
        .body
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Status(status) => Some(status),
            _ => None,
        })
        .collect()
}
