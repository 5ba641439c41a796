//! Atomic and Sequence: the outcome follows the Status of each child (MS-MDM 2.2.7.3, 2.2.7.9; T59).

use super::talk::{Talk, heard, status};
use crate::session::{CommandId, CommandState, ReasonCode};
use crate::syncml::StatusCode;

const ATOMIC: &str = r#"{"kind":"atomic","commands":[
    {"kind":"replace","items":[{"target":"./A","data":"1"}]},{"kind":"replace","items":[{"target":"./B","data":"1"}]}]}"#;
const SEQUENCE: &str = r#"{"kind":"sequence","commands":[
    {"kind":"exec","items":[{"target":"./Vendor/MSFT/Scan"}]},{"kind":"get","items":[{"target":"./B"}]}]}"#;
const ADDS: &str = r#"{"kind":"KIND","commands":[
    {"kind":"add","if_exists":"replace","items":[{"target":"./A","data":"1"}]},
    {"kind":"VERB","items":[{"target":"./B"DATA}]}]}"#;

/// A group that went out as `CmdID` 2, 3 and 4 of message 2.
fn sent(json: &str) -> (Talk, CommandId) {
    let mut talk = Talk::begun();
    let order = talk.order(json);
    talk.says([heard(1)]);
    (talk, order)
}

fn adds(kind: &str, verb: &str) -> String {
    let data = if verb == "exec" { "" } else { r#","data":"1""# };
    ADDS.replace("KIND", kind).replace("VERB", verb).replace("DATA", data)
}

#[test]
fn a_group_and_each_of_its_children_have_a_cmd_id() {
    let mut talk = Talk::begun();
    talk.order(ATOMIC);
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Atomic [3 Replace ./A; 4 Replace ./B]"]);
}

#[test]
fn an_atomic_is_done_when_it_and_all_its_children_are() {
    let (mut talk, order) = sent(ATOMIC);
    talk.says([heard(2), status(2, 2, 2, "Atomic", 200)]);
    assert_eq!(talk.state(&order), CommandState::Sent, "the 200 of the Atomic alone proves nothing");
    talk.says([heard(3), status(2, 2, 3, "Replace", 200)]);
    assert_eq!(talk.state(&order), CommandState::Sent);
    talk.says([heard(4), status(2, 2, 4, "Replace", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn a_child_that_failed_fails_an_atomic_that_says_200() {
    let (mut talk, order) = sent(ATOMIC);
    talk.says([
        heard(2),
        status(2, 2, 2, "Atomic", 200),
        status(3, 2, 3, "Replace", 200),
        status(4, 2, 4, "Replace", 405),
    ]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Failed, Some(ReasonCode::RefusedByDevice)));
}

#[test]
fn an_atomic_that_was_rolled_back_has_failed_and_says_why() {
    for code in [507, 516, 500] {
        let (mut talk, order) = sent(ATOMIC);
        talk.says([
            heard(2),
            status(2, 2, 2, "Atomic", code),
            status(3, 2, 3, "Replace", 216),
            status(4, 2, 4, "Replace", 404),
        ]);
        assert_eq!(talk.state(&order), CommandState::Failed, "Status {code}");
        let pending = talk.command(&order);
        assert_eq!(pending.progress.group_status, Some(StatusCode(code)));
        assert_eq!(pending.progress.items[0].status, Some(StatusCode::ROLLED_BACK));
        assert_eq!(
            pending.reason.as_ref().and_then(|r| r.detail.as_deref()),
            Some("Status 404"),
            "the sibling to blame"
        );
    }
}

#[test]
fn children_that_were_not_run_are_not_failed_by_themselves() {
    let (mut talk, order) = sent(ATOMIC);
    talk.says([
        heard(2),
        status(2, 2, 2, "Atomic", 507),
        status(3, 2, 3, "Replace", 404),
        status(4, 2, 4, "Replace", 215),
    ]);
    assert_eq!(talk.item(&order, 1).status, Some(StatusCode::NOT_EXECUTED));
    assert_eq!(talk.state(&order), CommandState::Failed);
}

#[test]
fn an_atomic_that_failed_without_a_word_on_its_children_has_failed() {
    let (mut talk, order) = sent(ATOMIC);
    talk.says([heard(2), status(2, 2, 2, "Atomic", 507)]);
    assert_eq!(talk.state(&order), CommandState::Failed);
}

#[test]
fn an_atomic_that_the_device_puts_off_is_tried_later() {
    let (mut talk, order) = sent(ATOMIC);
    talk.says([heard(2), status(2, 2, 2, "Atomic", 503)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Deferred, Some(ReasonCode::RetryLater)));
}

#[test]
fn an_atomic_that_met_an_existing_node_goes_out_whole_with_a_replace() {
    let (mut talk, order) = sent(&adds("atomic", "replace"));
    let reply = talk.says([
        heard(2),
        status(2, 2, 2, "Atomic", 507),
        status(3, 2, 3, "Add", 418),
        status(4, 2, 4, "Replace", 215),
    ]);
    assert_eq!(reply.commands(), ["2 Atomic [3 Replace ./A; 4 Replace ./B]"]);
    talk.says([
        heard(3),
        status(2, 3, 2, "Atomic", 200),
        status(3, 3, 3, "Replace", 200),
        status(4, 3, 4, "Replace", 200),
    ]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn an_atomic_whose_rollback_failed_is_not_tried_again() {
    let (mut talk, order) = sent(&adds("atomic", "replace"));
    talk.says([heard(2), status(2, 2, 2, "Atomic", 516), status(3, 2, 3, "Add", 418), status(4, 2, 4, "Replace", 216)]);
    assert_eq!(talk.state(&order), CommandState::Failed);
}

#[test]
fn an_exec_that_an_atomic_ran_is_not_run_again_for_the_sake_of_an_add() {
    for (code, again) in [(200, false), (202, false), (215, true), (216, true)] {
        let (mut talk, order) = sent(&adds("atomic", "exec"));
        let reply = talk.says([
            heard(2),
            status(2, 2, 2, "Atomic", 507),
            status(3, 2, 3, "Add", 418),
            status(4, 2, 4, "Exec", code),
        ]);
        assert_eq!(!reply.commands().is_empty(), again, "Exec {code}");
        assert_eq!(talk.state(&order), if again { CommandState::Sent } else { CommandState::Failed });
    }
}

#[test]
fn a_sequence_repeats_only_the_add_that_met_an_existing_node() {
    for code in [200, 202] {
        let (mut talk, order) = sent(&adds("sequence", "exec"));
        let reply = talk.says([
            heard(2),
            status(2, 2, 2, "Sequence", 200),
            status(3, 2, 3, "Add", 418),
            status(4, 2, 4, "Exec", code),
        ]);
        assert_eq!(reply.commands(), ["2 Sequence [3 Replace ./A]"], "Exec {code}");
        talk.says([heard(3), status(2, 3, 2, "Sequence", 200), status(3, 3, 3, "Replace", 200)]);
        let state = if code == 200 { CommandState::Succeeded } else { CommandState::Deferred };
        assert_eq!(talk.state(&order), state);
    }
}

#[test]
fn a_sequence_follows_its_children() {
    let get = |code| status(5, 2, 4, "Get", code);
    for (exec, got, state) in
        [(200, 404, CommandState::Failed), (500, 215, CommandState::Failed), (200, 204, CommandState::Succeeded)]
    {
        let (mut talk, order) = sent(SEQUENCE);
        talk.says([heard(2), status(2, 2, 2, "Sequence", 200), status(3, 2, 3, "Exec", exec), get(got)]);
        assert_eq!(talk.state(&order), state, "{exec} {got}");
    }
}

#[test]
fn a_sequence_whose_children_are_all_answered_is_answered_when_the_session_ends() {
    let (mut talk, order) = sent(SEQUENCE);
    talk.says([heard(2), status(2, 2, 3, "Exec", 200), status(3, 2, 4, "Get", 204)]);
    assert_eq!(talk.state(&order), CommandState::Sent);
    talk.begins("2");
    talk.says([heard(1)]);
    assert_eq!((talk.state(&order), talk.command(&order).attempts), (CommandState::Succeeded, 1));
}

#[test]
fn a_lost_sequence_sends_again_only_what_is_open_and_harmless() {
    let (mut talk, order) = sent(SEQUENCE);
    talk.says([heard(2), status(2, 2, 3, "Exec", 200)]);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Sequence [3 Get ./B]"]);
    let (mut talk, lost) = sent(SEQUENCE);
    talk.says([heard(2), status(2, 2, 4, "Get", 204)]);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands().len(), 0);
    assert_eq!((talk.state(&lost), talk.why(&lost)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
    let _ = order;
}

#[test]
fn a_lost_atomic_is_sent_again_whole_unless_it_holds_an_exec() {
    let (mut talk, _) = sent(ATOMIC);
    talk.says([heard(2), status(2, 2, 3, "Replace", 200)]);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Atomic [3 Replace ./A; 4 Replace ./B]"]);
    let (mut talk, order) = sent(&adds("atomic", "exec"));
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands().len(), 0);
    assert_eq!(talk.state(&order), CommandState::Unknown);
}

#[test]
fn a_repeated_atomic_that_finds_its_own_traces_is_unknown() {
    let add = r#"{"kind":"atomic","commands":[{"kind":"add","items":[{"target":"./A","data":"1"}]}]}"#;
    let (mut talk, order) = sent(add);
    talk.begins("2");
    talk.says([heard(1)]);
    talk.says([heard(1), status(2, 1, 2, "Atomic", 507), status(3, 1, 3, "Add", 418)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
    let (mut talk, order) = sent(add);
    talk.says([heard(2), status(2, 2, 2, "Atomic", 507), status(3, 2, 3, "Add", 418)]);
    assert_eq!(talk.state(&order), CommandState::Failed, "the first time it is a plain failure");
}

#[test]
fn a_node_that_an_atomic_met_is_left_out_of_the_next_try() {
    let (mut talk, order) = sent(
        r#"{"kind":"atomic","commands":[
            {"kind":"add","if_exists":"replace","items":[{"target":"./A","format":"node"}]},
            {"kind":"replace","items":[{"target":"./A/B","data":"1"}]}]}"#,
    );
    let reply = talk.says([
        heard(2),
        status(2, 2, 2, "Atomic", 507),
        status(3, 2, 3, "Add", 418),
        status(4, 2, 4, "Replace", 215),
    ]);
    assert_eq!(reply.commands(), ["2 Atomic [3 Replace ./A/B]"], "a node has nothing that could be replaced");
    talk.says([heard(3), status(2, 3, 2, "Atomic", 200), status(3, 3, 3, "Replace", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}
