//! What an authenticated device can do to us with its messages: nothing (threats T45 and T58, design promise 10).
//!
//! The sizes are such that work that grows with their product would not end within a test run.

use super::talk::{Talk, alert, get, heard, login, replace, results, status, status_of, typed_alert};
use crate::session::{CommandState, Event, Phase};

const MANY: u32 = 4_500;

fn many(fragment: impl Fn(u32) -> String) -> String {
    (0..MANY).map(fragment).collect()
}

fn snapshot(talk: &Talk) -> usize {
    serde_json::to_string(talk.session()).expect("is written").len()
}

#[test]
fn thousands_of_forged_statuses_leave_a_few_notes() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    let before = talk.session().in_flight.clone();
    let reply = talk.says([heard(2), many(|n| status(n + 2, n % 90 + 1, n + 10, "Get", 200))]);
    assert_eq!((talk.state(&order), reply.anomalies().len()), (CommandState::Sent, 16));
    assert_eq!(talk.session().in_flight, before);
    assert!(snapshot(&talk) < 4_000);
}

#[test]
fn thousands_of_statuses_for_one_command_of_many_nodes_are_heard() {
    let nodes: Vec<_> =
        (0..500).map(|n| format!(r#"{{"target":"./Vendor/MSFT/Policy/Area/A{n}","data":"1"}}"#)).collect();
    let mut talk = Talk::begun();
    let order = talk.order(&format!(r#"{{"kind":"replace","items":[{}]}}"#, nodes.join(",")));
    talk.says([heard(1)]);
    let node = |n: u32| format!("./Device/vendor/msft/policy/area/a{}", n % 500);
    talk.says([heard(2), many(|n| status_of(n + 2, 2, 2, "Replace", &node(n), if n < 500 { 200 } else { 500 }))]);
    assert_eq!(talk.state(&order), CommandState::Succeeded, "the first word on each node counts");
}

#[test]
fn a_device_that_answers_nothing_gets_only_so_much() {
    let mut talk = Talk::by_certificate();
    talk.store.limit = 20_000;
    let nodes: Vec<_> = (0..50).map(|n| format!(r#"{{"kind":"get","items":[{{"target":"./A{n}"}}]}}"#)).collect();
    let sequence = format!(r#"{{"kind":"sequence","commands":[{}]}}"#, nodes.join(","));
    for _ in 0..200 {
        talk.order(&sequence);
    }
    for message in 0..20 {
        talk.says([if message == 0 { alert(2, 1201) } else { heard(message) }]);
    }
    let flying = talk.session().in_flight.len();
    assert!((1_900..2_100).contains(&flying), "{flying}");
    assert_eq!(talk.session().phase, Phase::Quiet);
    // All of it is answered at once, backwards, and forged answers stand between.
    let sent = talk.session().in_flight.clone();
    let answers = sent.iter().rev().zip((2..).step_by(2)).map(|(sent, id)| {
        let name = if sent.part == crate::session::SentPart::Group { "Sequence" } else { "Get" };
        let forged = status(id + 1, sent.message.number(), sent.cmd_id + 90_000, name, 200);
        format!("{}{forged}", status(id, sent.message.number(), sent.cmd_id, name, 404))
    });
    let answers: String = answers.collect();
    talk.says([answers]);
    let failed = talk.store.commands.values().filter(|pending| pending.state == CommandState::Failed).count();
    assert_eq!(failed, flying / 51);
}

#[test]
fn thousands_of_results_are_kept_within_bounds() {
    let mut talk = Talk::begun();
    talk.rules.max_upload = 50_000;
    let order = talk.order(&get("./A?list=StructData"));
    talk.says([heard(1)]);
    let value = "x".repeat(100);
    let reply = talk.says([heard(2), many(|n| results(n + 2, 2, 2, &format!("./A/{n}"), &value))]);
    let below = &talk.item(&order, 0).below;
    let bytes: usize = below.iter().map(|value| value.uri.len() + value.data.len()).sum();
    assert!(bytes <= 50_000 && below.len() > 400, "{bytes} bytes in {}", below.len());
    assert!(reply.anomalies().contains(&"too_many_results"));
    let kept = below.len();
    talk.says([heard(3), many(|n| results(n + 2, 2, 2, &format!("./A/b{n}"), &value))]);
    assert_eq!(talk.item(&order, 0).below.len(), kept);
}

#[test]
fn thousands_of_refused_headers_are_one() {
    let mut talk = Talk::begun();
    talk.store.limit = 5_000;
    for n in 0..300 {
        talk.order(&replace(&format!("./A{n}"), "1"));
    }
    for message in 1..4 {
        talk.says([heard(message)]);
    }
    let sent = talk.session().in_flight.len();
    assert_eq!(sent, 300);
    let reply = talk.says([many(|n| status(n + 2, n % 5, 0, "SyncHdr", if n % 2 == 0 { 400 } else { 401 }))]);
    assert!(reply.anomalies().len() <= 16);
    assert!(talk.store.commands.values().all(|pending| pending.progress.unanswered <= 1));
}

#[test]
fn thousands_of_alerts_are_answered_and_a_bounded_number_kept() {
    let mut talk = Talk::begun();
    talk.store.limit = 5_000;
    let install = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAB%7D/DownloadInstall";
    for n in 0..1_000 {
        let order = talk.order(&super::talk::exec(&install.replace("AB", &n.to_string())));
        let accepted = talk.store.commands.get_mut(&order).expect("known");
        accepted.become_for(CommandState::Deferred, crate::session::ReasonCode::Accepted, crate::session::Timestamp(0));
        accepted.progress.items[0].status = Some(crate::syncml::StatusCode::ACCEPTED);
    }
    let node = |n: u32| install.replace("AB", &(n % 2_000).to_string());
    let reply = talk.says([heard(1), many(|n| typed_alert(n + 2, 1226, "x.win32csp_install", &node(n), "0"))]);
    assert_eq!(reply.statuses().len(), MANY as usize + 1);
    let kept = reply.decision().events.iter().filter(|event| matches!(event, Event::Alert { .. })).count();
    assert_eq!((kept, reply.anomalies()), (500, vec!["too_many_alerts"]));
    let done = talk.store.commands.values().filter(|pending| pending.state == CommandState::Succeeded).count();
    assert_eq!(done, 1_000, "what ends a command counts, kept or not");
}

#[test]
fn a_long_lie_is_noted_briefly() {
    let mut talk = Talk::begun();
    talk.order(&get("./A"));
    talk.says([heard(1)]);
    let long = "x".repeat(200_000);
    let reply = talk.says([
        heard(2),
        status_of(2, 2, 2, "Get", &long, 200),
        status(3, 2, 9, &long, 200),
        results(4, 2, 2, &long, "x"),
        format!("<{}/>", &long[..200]),
    ]);
    for event in &reply.decision().events {
        let Event::Anomaly { detail, .. } = event else { continue };
        assert!(detail.len() <= 300, "{} bytes", detail.len());
    }
    assert_eq!(reply.anomalies().len(), 5);
}

#[test]
fn a_padded_number_does_not_multiply() {
    let mut talk = Talk::begun();
    talk.message += 1;
    let long = format!("<MsgID>{}2<", "0".repeat(100_000));
    let text = talk.text(&many(|n| alert(n + 2, 1201))).replace("<MsgID>2<", &long);
    let message = crate::syncml::read::read(&text, &crate::xml::Limits::default()).expect("is read");
    let header = crate::session::Header::parse(&message.header, &talk.rules);
    assert_eq!(header, Err(crate::session::HeaderFault::MsgId));
}

#[test]
fn odd_values_are_answered_and_harm_nothing() {
    let odd = ["", "0", "x", "-1", "+2", "9223372036854775808", "2.0", " ", "\u{663}"];
    for cmd_ref in odd {
        for msg_ref in odd.iter().chain(&["2"]) {
            let mut talk = Talk::begun();
            let order = talk.order(&get("./A"));
            talk.says([heard(1)]);
            let body = "<Status><CmdID>2</CmdID><MsgRef>M</MsgRef><CmdRef>C</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status>\
                        <Results><CmdID>3</CmdID><MsgRef>M</MsgRef><CmdRef>C</CmdRef><Item><Data>x</Data></Item></Results>";
            talk.says([
                heard(2),
                body.replace("<MsgRef>M", &format!("<MsgRef>{msg_ref}"))
                    .replace("<CmdRef>C", &format!("<CmdRef>{cmd_ref}")),
            ]);
            assert_eq!(talk.state(&order), CommandState::Sent, "{msg_ref:?} {cmd_ref:?}");
        }
    }
}

#[test]
fn sign_in_is_believed_for_the_session_only() {
    let mut talk = Talk::begun();
    talk.says([heard(1), many(|n| login(n + 2, if n % 2 == 0 { "user" } else { "none" }))]);
    assert_eq!(talk.login(), crate::session::LoginStatus::None, "the last word counts");
    assert!(snapshot(&talk) < 2_000);
}
