//! Which command does this answer? By message, `CmdID` and node (MS-MDM 2.2.6.1, 2.2.7.8; design promise 4, T58).

use super::talk::{Talk, alert, get, heard, replace, results, status, status_of};
use crate::session::CommandState;
use crate::syncml::{Format, StatusCode};

const TWO: &str = r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"},{"target":"./Vendor/MSFT/Nope"}]}"#;

#[test]
fn a_status_answers_the_command_of_its_message_and_cmd_id() {
    let mut talk = Talk::by_certificate();
    let first = talk.order(&replace("./Vendor/MSFT/A", "1"));
    talk.says([alert(2, 1201)]);
    let second = talk.order(&replace("./Vendor/MSFT/B", "1"));
    talk.says([heard(1)]);
    // CmdID 3 was in message 1, CmdID 2 in message 2; each is nothing in the other.
    talk.says([heard(2), status(2, 2, 3, "Replace", 500), status(3, 1, 2, "Replace", 500)]);
    assert_eq!((talk.state(&first), talk.state(&second)), (CommandState::Sent, CommandState::Sent));
    talk.says([heard(3), status(2, 2, 2, "Replace", 200), status(3, 1, 3, "Replace", 404)]);
    assert_eq!((talk.state(&first), talk.state(&second)), (CommandState::Failed, CommandState::Succeeded));
}

#[test]
fn a_status_of_another_session_answers_nothing() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./Vendor/MSFT/A", "1"));
    talk.says([heard(1)]);
    talk.begins("2");
    talk.says([alert(2, 1201)]);
    let reply = talk.says([heard(1), status(2, 2, 2, "Replace", 200)]);
    assert_eq!(reply.anomalies(), ["status_of_nothing"]);
    assert_eq!(talk.state(&order), CommandState::Sent);
}

#[test]
fn a_status_that_names_another_verb_answers_nothing() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./Vendor/MSFT/A", "1"));
    talk.says([heard(1)]);
    let reply = talk.says([heard(2), status(2, 2, 2, "Exec", 200)]);
    assert_eq!((reply.anomalies(), talk.state(&order)), (vec!["status_of_another_verb"], CommandState::Sent));
}

#[test]
fn several_statuses_answer_one_command_item_by_item() {
    let mut talk = Talk::begun();
    let order = talk.order(TWO);
    talk.says([heard(1)]);
    talk.says([
        heard(2),
        status_of(2, 2, 2, "Get", "./DevDetail/SwV", 200),
        status_of(3, 2, 2, "Get", "./Vendor/MSFT/Nope", 404),
        results(4, 2, 2, "./DevDetail/SwV", "10.0.26200.9278"),
    ]);
    assert_eq!(talk.state(&order), CommandState::Failed);
    assert_eq!(talk.item(&order, 0).status, Some(StatusCode::OK));
    assert_eq!(talk.item(&order, 1).status, Some(StatusCode::NOT_FOUND));
    assert_eq!(talk.value(&order, 0), Some("10.0.26200.9278"));
}

#[test]
fn one_status_with_several_references_answers_each_of_them() {
    let mut talk = Talk::begun();
    let order = talk.order(
        r#"{"kind":"replace","items":[{"target":"./A","data":"1"},{"target":"./B","data":"1"},{"target":"./C","data":"1"}]}"#,
    );
    talk.says([heard(1)]);
    let both = status_of(2, 2, 2, "Replace", "./A</TargetRef><TargetRef>./C", 200);
    talk.says([heard(2), both]);
    assert_eq!(talk.state(&order), CommandState::Sent, "one node is still open");
    talk.says([heard(3), status_of(2, 2, 2, "Replace", "./B", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn a_status_without_reference_answers_what_is_still_open() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"replace","items":[{"target":"./A","data":"1"},{"target":"./B","data":"1"}]}"#);
    talk.says([heard(1)]);
    talk.says([heard(2), status_of(2, 2, 2, "Replace", "./A", 404), status(3, 2, 2, "Replace", 200)]);
    assert_eq!(talk.item(&order, 0).status, Some(StatusCode::NOT_FOUND));
    assert_eq!(talk.item(&order, 1).status, Some(StatusCode::OK));
}

#[test]
fn a_reference_may_be_spelt_otherwise_but_not_name_another_node() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./Device/Vendor/MSFT/MSI/%7Bab%7D", "1"));
    talk.says([heard(1)]);
    let reply = talk.says([heard(2), status_of(2, 2, 2, "Replace", "./Vendor/MSFT/MSI/{cd}", 200)]);
    assert_eq!((reply.anomalies(), talk.state(&order)), (vec!["status_of_another_node"], CommandState::Sent));
    talk.says([heard(3), status_of(2, 2, 2, "Replace", "./Vendor/MSFT/MSI/{AB}", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn the_same_node_twice_is_answered_one_after_the_other() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"get","items":[{"target":"./A"},{"target":"./A"}]}"#);
    talk.says([heard(1)]);
    talk.says([
        heard(2),
        status_of(2, 2, 2, "Get", "./A", 200),
        status_of(3, 2, 2, "Get", "./A", 404),
        results(4, 2, 2, "./A", "x"),
    ]);
    assert_eq!(talk.item(&order, 0).status, Some(StatusCode::OK));
    assert_eq!(talk.item(&order, 1).status, Some(StatusCode::NOT_FOUND));
}

#[test]
fn results_may_come_before_their_status() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    talk.says([heard(2), results(2, 2, 2, "./A", "x"), status(3, 2, 2, "Get", 200)]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("x")));
}

#[test]
fn results_may_come_messages_later() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Get", 200)]);
    assert_eq!(talk.state(&order), CommandState::Sent, "200 without a value is no success");
    for message in 3..6 {
        talk.says([heard(message)]);
    }
    talk.says([heard(6), results(2, 2, 2, "./A", "x")]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("x")));
}

#[test]
fn results_may_come_messages_before_their_status() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    talk.says([heard(2), results(2, 2, 2, "./A", "x")]);
    assert_eq!(talk.state(&order), CommandState::Sent, "only a Status ends a command");
    talk.says([heard(3), status(2, 2, 2, "Get", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn repeated_results_and_statuses_change_nothing() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    let other = talk.order(TWO);
    talk.says([heard(1)]);
    let answer = [heard(2), status(2, 2, 2, "Get", 200), results(3, 2, 2, "./A", "x")];
    talk.says(answer.clone());
    let before = talk.command(&order).clone();
    let reply = talk.says(answer);
    assert_eq!((talk.command(&order), reply.anomalies().len()), (&before, 0));
    assert_eq!(talk.state(&other), CommandState::Sent);
}

#[test]
fn results_without_msgref_and_cmdref_answer_message_one_command_one() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    // What was sent counts as message 1, CmdID 1, which a real message keeps for its header.
    for sent in talk.store.session.iter_mut().flat_map(|session| &mut session.in_flight) {
        (sent.message, sent.cmd_id) = (crate::session::MsgId::FIRST, 1);
    }
    let bare = "<Results><CmdID>2</CmdID><Item><Source><LocURI>./A</LocURI></Source><Data>x</Data></Item></Results>";
    talk.says([heard(2), status(3, 1, 1, "Get", 200), bare.to_owned()]);
    assert_eq!((talk.state(&order), talk.value(&order, 0)), (CommandState::Succeeded, Some("x")));
}

#[test]
fn results_for_somebody_else_are_noted_and_harmless() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    let write = talk.order(&replace("./B", "1"));
    talk.says([heard(1)]);
    let reply = talk.says([
        heard(2),
        results(2, 2, 9, "./A", "x"),
        results(3, 7, 2, "./A", "x"),
        results(4, 2, 2, "./C", "x"),
        results(5, 2, 3, "./B", "x"),
    ]);
    assert_eq!(
        reply.anomalies(),
        ["results_of_nothing", "results_of_nothing", "results_of_another_node", "results_of_another_node"]
    );
    assert!(talk.value(&order, 0).is_none() && talk.value(&write, 0).is_none());
}

#[test]
fn formats_are_kept_and_chr_is_the_default() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"get","items":[{"target":"./A"},{"target":"./B"}]}"#);
    talk.says([heard(1)]);
    let values = "<Results><CmdID>2</CmdID><MsgRef>2</MsgRef><CmdRef>2</CmdRef><Item><Source><LocURI>./A</LocURI>\
                  </Source><Data>x</Data></Item><Item><Source><LocURI>./B</LocURI></Source><Meta>\
                  <Format xmlns=\"syncml:metinf\">bool</Format></Meta><Data>false</Data></Item></Results>";
    talk.says([heard(2), values.to_owned(), status(3, 2, 2, "Get", 200)]);
    let formats = [0, 1].map(|place| talk.item(&order, place).result.clone().map(|result| result.format));
    assert_eq!(formats, [Some(Format::Chr), Some(Format::Bool)]);
}

#[test]
fn values_of_a_subtree_are_kept_below_the_node_once_each() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./Vendor/MSFT/Apps?list=StructData"));
    talk.says([heard(1)]);
    let tree: String = (0..200)
        .map(|n| results(10 + n, 2, 2, &format!("./Vendor/MSFT/Apps/app{n}/Version"), &n.to_string()))
        .collect();
    talk.says([heard(2), status(2, 2, 2, "Get", 200), tree]);
    assert_eq!((talk.state(&order), talk.item(&order, 0).below.len()), (CommandState::Succeeded, 200));
}

#[test]
fn values_of_a_subtree_that_come_again_are_not_kept_twice() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./Vendor/MSFT/Apps?list=StructData"));
    talk.says([heard(1)]);
    let tree: String = (0..200)
        .map(|n| results(10 + n, 2, 2, &format!("./Vendor/MSFT/Apps/app{n}/Version"), &n.to_string()))
        .collect();
    talk.says([heard(2), tree.clone()]);
    talk.says([heard(3), tree, status(2, 2, 2, "Get", 200)]);
    assert_eq!((talk.state(&order), talk.item(&order, 0).below.len()), (CommandState::Succeeded, 200));
}

#[test]
fn the_nearest_node_above_gets_the_value() {
    let mut talk = Talk::begun();
    let order = talk.order(
        r#"{"kind":"get","items":[{"target":"./Vendor/A?list=StructData"},{"target":"./Vendor/A/B?list=StructData"}]}"#,
    );
    talk.says([heard(1)]);
    talk.says([heard(2), results(2, 2, 2, "./Vendor/A/B/C", "x"), results(3, 2, 2, "./Vendor/A/D", "y")]);
    assert_eq!(talk.item(&order, 1).below[0].data, "x");
    assert_eq!(talk.item(&order, 0).below[0].data, "y");
}
