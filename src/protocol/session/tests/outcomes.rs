//! From Status to outcome (MS-MDM 2.2.6.1; design, promises 2 and 7).

use super::talk::{Talk, exec, get, heard, replace, results, status, status_of, typed_alert};
use crate::session::{CommandState, ReasonCode};

const INSTALL: &str = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAB%7D/DownloadInstall";
const INSTALLED: &str = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/{AB}/DownloadInstall";
const MSI: &str = "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install";

/// What becomes of a command that the device answers with this code.
fn outcome(json: &str, cmd: &str, code: u16) -> (CommandState, Option<ReasonCode>) {
    let mut talk = Talk::begun();
    let order = talk.order(json);
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, cmd, code)]);
    (talk.state(&order), talk.why(&order))
}

#[test]
fn every_code_leads_to_one_state() {
    use CommandState::{Deferred, Failed, Sent, Succeeded};
    for (code, state, why) in [
        (200, Succeeded, None),
        (201, Succeeded, None),
        (214, Succeeded, None),
        (101, Deferred, Some(ReasonCode::Accepted)),
        (202, Deferred, Some(ReasonCode::Accepted)),
        (213, Sent, None),
        (215, Failed, Some(ReasonCode::RefusedByDevice)),
        (216, Failed, Some(ReasonCode::RefusedByDevice)),
        (304, Failed, Some(ReasonCode::RefusedByDevice)),
        (400, Failed, Some(ReasonCode::RefusedByDevice)),
        (404, Failed, Some(ReasonCode::RefusedByDevice)),
        (405, Failed, Some(ReasonCode::RefusedByDevice)),
        (408, Deferred, Some(ReasonCode::RetryLater)),
        (417, Deferred, Some(ReasonCode::RetryLater)),
        (418, Failed, Some(ReasonCode::RefusedByDevice)),
        (500, Failed, Some(ReasonCode::RefusedByDevice)),
        (503, Deferred, Some(ReasonCode::RetryLater)),
        (999, Failed, Some(ReasonCode::RefusedByDevice)),
        (0, Failed, Some(ReasonCode::RefusedByDevice)),
    ] {
        assert_eq!(outcome(&replace("./A", "1"), "Replace", code), (state, why), "Status {code}");
    }
}

#[test]
fn the_error_behind_a_status_is_kept() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./A", "1"));
    talk.says([heard(1)]);
    let error = status(2, 2, 2, "Replace", 404).replace(
        "<Data>404",
        "<Data xmlns:msft=\"http://schemas.microsoft.com/MobileDevice/MDM\" msft:originalerror=\"0x86000002\">404",
    );
    talk.says([heard(2), error]);
    assert_eq!(talk.item(&order, 0).original_error.as_deref(), Some("0x86000002"));
    assert_eq!(talk.command(&order).reason.as_ref().and_then(|r| r.detail.as_deref()), Some("Status 404"));
}

#[test]
fn deleting_what_is_not_there_is_done() {
    let delete = r#"{"kind":"delete","items":[{"target":"./A"}]}"#;
    for code in [200, 404, 211] {
        assert_eq!(outcome(delete, "Delete", code), (CommandState::Succeeded, None), "Status {code}");
    }
    assert_eq!(outcome(delete, "Delete", 405).0, CommandState::Failed);
}

#[test]
fn reading_what_is_not_there_is_a_failure() {
    assert_eq!(outcome(&get("./A"), "Get", 404).0, CommandState::Failed);
}

#[test]
fn a_get_without_content_is_done_without_a_value() {
    assert_eq!(outcome(&get("./A"), "Get", 204), (CommandState::Succeeded, None));
}

#[test]
fn a_get_whose_value_never_comes_is_set_aside_after_a_few_sessions() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    let behind = talk.order(&get("./B"));
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Get", 200), status(3, 2, 3, "Get", 200), results(4, 2, 3, "./B", "x")]);
    assert_eq!(talk.state(&behind), CommandState::Succeeded);
    for session in ["2", "3"] {
        talk.begins(session);
        talk.says([heard(1)]);
        talk.says([heard(1), status(2, 1, 2, "Get", 200)]);
    }
    assert_eq!(
        (talk.state(&order), talk.why(&order)),
        (CommandState::Sent, None),
        "it is tried three times, twice of them alone"
    );
    talk.begins("4");
    talk.says([heard(1)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Failed, Some(ReasonCode::NoResult)));
}

#[test]
fn add_of_an_existing_node_goes_out_as_replace_when_the_author_allows_it() {
    let mut talk = Talk::begun();
    let order = talk.order(
        r#"{"kind":"add","if_exists":"replace","items":[{"target":"./A","data":"1"},{"target":"./B","data":"2"}]}"#,
    );
    talk.says([heard(1)]);
    let reply = talk.says([heard(2), status_of(2, 2, 2, "Add", "./A", 418), status_of(3, 2, 2, "Add", "./B", 200)]);
    assert_eq!(reply.commands(), ["2 Replace ./A"], "only the node that existed");
    assert_eq!(talk.command(&order).attempts, 2);
    talk.says([heard(3), status(2, 3, 2, "Replace", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
    assert_eq!([0, 1].map(|place| talk.item(&order, place).as_replace), [true, false]);
}

#[test]
fn a_node_that_is_there_already_is_as_good_as_one_that_was_made() {
    let mut talk = Talk::begun();
    let order = talk.order(
        r#"{"kind":"add","if_exists":"replace","items":[{"target":"./A","format":"node"},{"target":"./B","data":"2"}]}"#,
    );
    talk.says([heard(1)]);
    let reply = talk.says([heard(2), status_of(2, 2, 2, "Add", "./A", 418), status_of(3, 2, 2, "Add", "./B", 418)]);
    assert_eq!(reply.commands(), ["2 Replace ./B"]);
    talk.says([heard(3), status(2, 3, 2, "Replace", 200)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"add","if_exists":"replace","items":[{"target":"./A","format":"node"}]}"#);
    talk.says([heard(1)]);
    assert_eq!(talk.says([heard(2), status(2, 2, 2, "Add", 418)]).commands().len(), 0);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn a_late_status_of_the_add_does_not_answer_the_replace() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"add","if_exists":"replace","items":[{"target":"./A","data":"1"}]}"#);
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Add", 418)]);
    talk.says([heard(3), status(2, 2, 2, "Add", 418)]);
    assert_eq!(talk.state(&order), CommandState::Sent);
    talk.says([heard(4), status(2, 3, 2, "Replace", 405)]);
    assert_eq!(talk.state(&order), CommandState::Failed);
}

#[test]
fn add_of_an_existing_node_fails_when_the_author_does_not_allow_it() {
    let add = r#"{"kind":"add","items":[{"target":"./A","data":"1"}]}"#;
    assert_eq!(outcome(add, "Add", 418), (CommandState::Failed, Some(ReasonCode::RefusedByDevice)));
}

#[test]
fn add_that_may_have_been_done_before_takes_418_for_done() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"add","items":[{"target":"./A","data":"1"}]}"#);
    talk.says([heard(1)]);
    talk.begins("2");
    let reply = talk.says([heard(1)]);
    assert_eq!(reply.commands(), ["2 Add ./A"]);
    talk.says([heard(1), status(2, 1, 2, "Add", 418)]);
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn add_that_may_replace_does_so_even_after_a_lost_answer() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"add","if_exists":"replace","items":[{"target":"./A","data":"1"}]}"#);
    talk.says([heard(1)]);
    talk.begins("2");
    talk.says([heard(1)]);
    let reply = talk.says([heard(1), status(2, 1, 2, "Add", 418)]);
    assert_eq!(reply.commands(), ["2 Replace ./A"]);
    assert_eq!(talk.state(&order), CommandState::Sent);
}

#[test]
fn later_is_tried_again_after_a_wait_that_doubles_and_then_set_aside() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./A", "1"));
    talk.says([heard(1)]);
    let mut waits = Vec::new();
    for round in 0..=talk.rules.max_retries {
        let message = talk.message;
        talk.says([heard(message), status(2, message, 2, "Replace", 503)]);
        if talk.state(&order) != CommandState::Deferred {
            assert_eq!((round, talk.state(&order)), (talk.rules.max_retries, CommandState::Failed));
            break;
        }
        let retry_at = talk.command(&order).reason.as_ref().and_then(|reason| reason.retry_at).expect("a time");
        waits.push(retry_at.millis_since(talk.now) / 60_000);
        let message = talk.message;
        assert_eq!(talk.says([heard(message)]).commands().len(), 0, "not before its time");
        talk.begins(&format!("s{round}"));
        talk.now = retry_at;
        assert_eq!(talk.says([heard(1)]).commands().len(), 1);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16]);
    assert_eq!(talk.why(&order), Some(ReasonCode::RefusedByDevice));
}

#[test]
fn a_value_that_is_told_twice_does_not_keep_the_rest_from_being_asked_for_again() {
    let mut talk = Talk::begun();
    let order = talk.order(r#"{"kind":"get","items":[{"target":"./A"},{"target":"./B"}]}"#);
    talk.says([heard(1)]);
    let known = results(4, 2, 2, "./A", "1");
    talk.says([heard(2), status_of(2, 2, 2, "Get", "./A", 200), status_of(3, 2, 2, "Get", "./B", 503), known.clone()]);
    assert_eq!(talk.why(&order), Some(ReasonCode::RetryLater));
    talk.says([heard(3), known]);
    talk.waits(5);
    assert_eq!(talk.says([heard(4)]).commands(), ["2 Get ./B"]);
}

#[test]
fn accepted_is_not_done() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./A", "1"));
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Replace", 202)]);
    assert_eq!(talk.why(&order), Some(ReasonCode::Accepted));
    let since = talk.command(&order).reason.clone();
    for session in ["2", "3"] {
        talk.waits(600);
        talk.begins(session);
        assert_eq!(talk.says([heard(1)]).commands().len(), 0, "it is not sent again");
    }
    assert_eq!(talk.command(&order).reason, since);
}

#[test]
fn accepted_may_end_with_a_later_status() {
    for (code, state) in [(200, CommandState::Succeeded), (500, CommandState::Failed)] {
        let mut talk = Talk::begun();
        let order = talk.order(&replace("./A", "1"));
        talk.says([heard(1)]);
        talk.says([heard(2), status(2, 2, 2, "Replace", 202)]);
        talk.says([heard(3)]);
        talk.says([heard(4), status(2, 2, 2, "Replace", code)]);
        assert_eq!(talk.state(&order), state);
    }
}

#[test]
fn accepted_ends_with_the_alert_that_names_its_node_even_sessions_later() {
    for (data, state) in [
        ("0", CommandState::Succeeded),
        ("3010", CommandState::Succeeded),
        ("1603", CommandState::Failed),
        ("0x80070643", CommandState::Failed),
        ("running", CommandState::Deferred),
    ] {
        let mut talk = Talk::begun();
        let order = talk.order(&exec(INSTALL));
        talk.says([heard(1)]);
        talk.says([heard(2), status(2, 2, 2, "Exec", 202)]);
        talk.begins("2");
        talk.says([typed_alert(2, 1224, MSI, INSTALLED, data)]);
        assert_eq!(talk.state(&order), state, "{data}");
        if state == CommandState::Failed {
            assert_eq!(talk.item(&order, 0).original_error.as_deref(), Some(data));
        }
    }
}

#[test]
fn an_install_that_was_answered_200_is_only_accepted() {
    let mut talk = Talk::begun();
    let order = talk.order(&exec(INSTALL));
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Exec", 200)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Deferred, Some(ReasonCode::Accepted)));
    talk.says([heard(3), typed_alert(2, 1226, MSI, INSTALLED, "0")]);
    assert_eq!((talk.state(&order), talk.item(&order, 0).reported), (CommandState::Succeeded, true));
}

#[test]
fn the_end_may_be_told_in_the_message_that_says_it_was_begun() {
    for alert_first in [true, false] {
        let mut talk = Talk::begun();
        let order = talk.order(&exec(INSTALL));
        talk.says([heard(1)]);
        let (alert, status) = (typed_alert(2, 1226, MSI, INSTALLED, "0"), status(3, 2, 2, "Exec", 200));
        if alert_first {
            talk.says([heard(2), alert, status]);
        } else {
            talk.says([heard(2), status, alert]);
        }
        assert_eq!(talk.state(&order), CommandState::Succeeded, "alert first: {alert_first}");
    }
}

#[test]
fn the_end_may_be_told_before_the_status() {
    let mut talk = Talk::begun();
    let order = talk.order(&exec(INSTALL));
    talk.says([heard(1)]);
    talk.says([heard(2), typed_alert(2, 1226, MSI, INSTALLED, "1603")]);
    assert_eq!(talk.state(&order), CommandState::Failed);
    talk.says([heard(3), status(2, 2, 2, "Exec", 200)]);
    assert_eq!(talk.state(&order), CommandState::Failed, "an outcome stays");
}

#[test]
fn of_two_jobs_on_one_node_the_first_ends_first() {
    let mut talk = Talk::begun();
    let orders = [talk.order(&exec(INSTALL)), talk.order(&exec(INSTALL))];
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Exec", 202), status(3, 2, 3, "Exec", 202)]);
    talk.says([heard(3), typed_alert(2, 1226, MSI, INSTALLED, "0")]);
    assert_eq!(orders.clone().map(|order| talk.state(&order)), [CommandState::Succeeded, CommandState::Deferred]);
    talk.says([heard(4), typed_alert(2, 1226, MSI, INSTALLED, "5")]);
    assert_eq!(orders.map(|order| talk.state(&order)), [CommandState::Succeeded, CommandState::Failed]);
}

#[test]
fn a_report_of_another_node_ends_nothing() {
    let mut talk = Talk::begun();
    let order = talk.order(&exec(INSTALL));
    talk.says([heard(1)]);
    talk.says([heard(2), status(2, 2, 2, "Exec", 202), typed_alert(3, 1226, MSI, "./Vendor/MSFT/Other", "0")]);
    assert_eq!(talk.state(&order), CommandState::Deferred);
}
