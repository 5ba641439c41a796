//! A Status for everything that a device says, in its order (MS-MDM 2.2.6.1, 2.2.3.2; threat T45).
//!
//! The judge compares every reply with its request anyway; here are the codes.

use super::talk::{Talk, alert, heard, status, typed_alert};
use crate::session::{Event, SessionTrigger};

const DEV_INFO: &str = "<Replace><CmdID>3</CmdID><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source>\
    <Data>B5B954E81FBCB94EB79BD08BE625F4EE</Data></Item><Item><Source><LocURI>./DevInfo/Man</LocURI></Source>\
    <Data>Contoso</Data></Item></Replace>";

#[test]
fn the_header_comes_first_and_each_command_of_package_one_follows() {
    let mut talk = Talk::by_certificate();
    let reply = talk.says([alert(2, 1201), DEV_INFO.to_owned(), typed_alert(4, 1224, "com.example/Any", "", "1")]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 212", "2 Alert 200", "3 Replace 200", "4 Alert 200"]);
    assert!(reply.is_final());
    let Event::SessionStarted(trigger) = reply.decision().events[0] else { panic!("{:?}", reply.decision().events) };
    assert_eq!(trigger, SessionTrigger::Client);
    let info = Event::DeviceInfo { node: "Man".to_owned(), value: "Contoso".to_owned() };
    assert!(reply.decision().events.contains(&info));
}

#[test]
fn alert_1200_is_a_session_that_we_asked_for() {
    let mut talk = Talk::by_certificate();
    let reply = talk.says([alert(2, 1200)]);
    assert!(reply.decision().events.contains(&Event::SessionStarted(SessionTrigger::Server)));
    assert!(
        !talk.says([heard(1), alert(2, 1200)]).decision().events.iter().any(|e| matches!(e, Event::SessionStarted(_)))
    );
}

#[test]
fn status_and_results_get_no_status() {
    let mut talk = Talk::begun();
    let results = "<Results><CmdID>3</CmdID><CmdRef>9</CmdRef><Item><Data>x</Data></Item></Results>";
    let reply = talk.says([heard(1), status(2, 1, 2, "Status", 406), results.to_owned()]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200"]);
    assert_eq!(reply.anomalies(), ["status_of_status", "results_of_nothing"]);
}

#[test]
fn a_device_asks_for_nothing() {
    let mut talk = Talk::begun();
    let item = "<Item><Target><LocURI>./A</LocURI></Target></Item>";
    let verbs = ["Get", "Add", "Delete", "Exec", "Copy"];
    let reply = talk.says([2, 3, 4, 5, 6].map(|id| {
        let verb = verbs[id - 2];
        format!("<{verb}><CmdID>{id}</CmdID>{item}</{verb}>")
    }));
    assert_eq!(
        reply.statuses(),
        ["0 SyncHdr 200", "2 Get 405", "3 Add 405", "4 Delete 405", "5 Exec 405", "6 Copy 501"]
    );
}

#[test]
fn nested_commands_get_their_status_in_document_order() {
    let mut talk = Talk::begun();
    let item = "<Item><Target><LocURI>./A</LocURI></Target><Data>1</Data></Item>";
    let body = format!(
        "<Sequence><CmdID>2</CmdID><Replace><CmdID>3</CmdID>{item}</Replace><Atomic><CmdID>4</CmdID>\
         <Add><CmdID>5</CmdID>{item}</Add></Atomic><Alert><CmdID>6</CmdID><Data>1224</Data></Alert></Sequence>{}",
        alert(7, 1201)
    );
    let reply = talk.says([body]);
    let expected =
        ["0 SyncHdr 200", "2 Sequence 405", "3 Replace 215", "4 Atomic 215", "5 Add 215", "6 Alert 215", "7 Alert 200"];
    assert_eq!(reply.statuses(), expected);
}

#[test]
fn no_resp_is_respected_for_the_command_that_says_it() {
    let mut talk = Talk::begun();
    let quiet = "<Alert><CmdID>2</CmdID><NoResp/><Data>1224</Data></Alert>";
    let group = "<Atomic><CmdID>4</CmdID><NoResp/><Delete><CmdID>5</CmdID><Item/></Delete>\
                 <Delete><CmdID>6</CmdID><NoResp/><Item/></Delete></Atomic>";
    let reply = talk.says([quiet.to_owned(), alert(3, 1201), group.to_owned()]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "3 Alert 200", "5 Delete 215"]);
}

#[test]
fn no_resp_in_the_header_leaves_the_status_of_the_header_alone() {
    let mut talk = Talk::begun();
    talk.message += 1;
    let text = talk.text(&[alert(2, 1201), alert(3, 1224)].concat()).replace("</SyncHdr>", "<NoResp/></SyncHdr>");
    assert_eq!(talk.posts(&text).statuses(), ["0 SyncHdr 200"]);
}

#[test]
fn a_command_without_cmd_id_is_a_bad_request() {
    let mut talk = Talk::begun();
    let body = "<Alert><Data>1201</Data></Alert><Replace><Item/></Replace><Atomic><Delete><Item/></Delete></Atomic>\
                <Alert><CmdID>0</CmdID><Data>1223</Data></Alert>";
    let reply = talk.says([body.to_owned()]);
    assert_eq!(
        reply.statuses(),
        ["0 SyncHdr 200", " Alert 400", " Replace 400", " Atomic 400", " Delete 400", "0 Alert 400"]
    );
    assert_eq!(talk.ending(), None, "what is refused does nothing");
}

#[test]
fn a_cmd_id_that_stands_twice_is_a_bad_request_the_second_time() {
    let mut talk = Talk::begun();
    let reply = talk.says([alert(2, 1201), alert(2, 1223), alert(3, 1201)]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "2 Alert 200", "2 Alert 400", "3 Alert 200"]);
    assert_eq!((reply.anomalies(), talk.ending()), (vec!["repeated_cmd_id"], None));
}

#[test]
fn unknown_elements_are_answered_in_their_place() {
    let mut talk = Talk::begun();
    let body = format!(
        "{}<Sync><CmdID>3</CmdID></Sync><Frobnicate><CmdID>4</CmdID></Frobnicate>{}",
        alert(2, 1201),
        alert(5, 1201)
    );
    let reply = talk.says([body]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "2 Alert 200", "3 Sync 501", "4 Frobnicate 400", "5 Alert 200"]);
}

#[test]
fn unknown_alerts_are_kept_and_answered_200() {
    let mut talk = Talk::begun();
    let reply = talk.says([
        alert(2, 1999),
        typed_alert(3, 1226, "Reversed-Domain-Name:com.example.new", "./A/B", "whatever"),
        typed_alert(4, 1100, "x", "", "y"),
    ]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "2 Alert 200", "3 Alert 200", "4 Alert 200"]);
    let kept: Vec<_> = reply
        .decision()
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Alert { code, kind, source, data, .. } => {
                Some(format!("{code} {kind} {} {data}", source.as_deref().unwrap_or("-")))
            }
            _ => None,
        })
        .collect();
    assert_eq!(kept, ["1999  - ", "1226 com.example.new ./A/B whatever", "1100 x - y"]);
}

#[test]
fn an_alert_without_code_is_a_bad_request() {
    let mut talk = Talk::begun();
    assert_eq!(talk.says(["<Alert><CmdID>2</CmdID></Alert>".to_owned()]).statuses()[1], "2 Alert 400");
}

#[test]
fn a_message_that_is_not_final_is_asked_to_go_on_and_gets_no_commands() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"get","items":[{"target":"./A"}]}"#);
    talk.is_final = false;
    let reply = talk.says([heard(1), alert(2, 1201)]);
    assert_eq!((reply.alerts(), reply.commands().len(), reply.is_final()), (vec![1222], 0, false));
    talk.is_final = true;
    let reply = talk.says([heard(2)]);
    assert_eq!((reply.alerts().len(), reply.commands().len(), reply.is_final()), (0, 1, true));
    assert_eq!(talk.command(&order).attempts, 1);
}

#[test]
fn a_package_that_never_ends_is_aborted() {
    let mut talk = Talk::begun();
    talk.is_final = false;
    let mut last = talk.says([heard(1)]);
    for _ in 0..talk.rules.max_messages {
        if talk.ending().is_some() {
            break;
        }
        last = talk.says([alert(2, 1201)]);
    }
    assert_eq!(talk.ending(), Some(crate::session::Ending::AbortedByServer));
    assert_eq!((last.alerts(), last.is_final()), (vec![1223], true));
    assert_eq!(talk.session().messages, talk.rules.max_messages);
}
