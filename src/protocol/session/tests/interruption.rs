//! Lost replies, aborts, and commands that make devices fall silent (design, promises 1 to 3; T51, T52, T54).

use super::talk::{Talk, alert, exec, get, heard, replace, status, typed_alert};
use crate::session::{CommandState, Ending, Event, Phase, ReasonCode};

const SCAN: &str = "./Vendor/MSFT/Defender/Scan";

#[test]
fn a_lost_exec_is_unknown_and_never_sent_again() {
    let mut talk = Talk::begun();
    let order = talk.order(&exec(SCAN));
    talk.says([heard(1)]);
    for session in ["2", "3", "4"] {
        talk.begins(session);
        assert_eq!(talk.says([alert(2, 1201)]).commands().len(), 0);
        assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
    }
    assert_eq!(talk.command(&order).attempts, 1);
}

#[test]
fn what_is_harmless_is_sent_again_and_alone() {
    let mut talk = Talk::begun();
    for json in [
        &get("./A"),
        &replace("./B", "1"),
        r#"{"kind":"add","items":[{"target":"./C","data":"1"}]}"#,
        r#"{"kind":"delete","items":[{"target":"./D"}]}"#,
    ] {
        talk.order(json);
    }
    assert_eq!(talk.says([heard(1)]).commands().len(), 4);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Get ./A"]);
    assert_eq!(talk.says([heard(1), status(2, 1, 2, "Get", 204)]).commands(), ["2 Replace ./B"]);
    assert_eq!(talk.says([heard(2), status(2, 2, 2, "Replace", 200)]).commands(), ["2 Add ./C"]);
    assert_eq!(talk.says([heard(3), status(2, 3, 2, "Add", 418)]).commands(), ["2 Delete ./D"]);
    talk.says([heard(4), status(2, 4, 2, "Delete", 404)]);
    assert!(talk.store.commands.values().all(|pending| pending.state == CommandState::Succeeded));
}

#[test]
fn only_the_nodes_that_were_not_answered_are_sent_again() {
    let mut talk = Talk::begun();
    talk.order(r#"{"kind":"replace","items":[{"target":"./A","data":"1"},{"target":"./B","data":"1"}]}"#);
    talk.says([heard(1)]);
    talk.says([heard(2), super::talk::status_of(2, 2, 2, "Replace", "./A", 200)]);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Replace ./B"]);
}

#[test]
fn a_command_that_silences_the_device_is_set_aside_and_the_others_go_on() {
    let mut talk = Talk::begun();
    let poison = talk.order(&replace("./Poison", "1"));
    let good: Vec<_> = (0..10).map(|n| talk.order(&replace(&format!("./A{n}"), "1"))).collect();
    // Whenever a message carries the poison, the device says nothing more in this session.
    for session in 2..12 {
        talk.begins(&session.to_string());
        let mut reply = talk.says([alert(2, 1201)]);
        while !reply.commands().is_empty() && !reply.text.contains("Poison") {
            let message = talk.message;
            let attempts = reply.decision().attempts.clone();
            let answers = attempts.iter().zip(2..).map(|(sent, id)| status(id, message, sent.cmd_id, "Replace", 200));
            let answers: String = answers.collect();
            reply = talk.says([heard(message), answers]);
        }
        let done = good.iter().all(|order| talk.state(order) == CommandState::Succeeded);
        assert_eq!(done, session > 4, "in session {session}: after it was tried with the others and twice alone");
    }
    assert_eq!((talk.state(&poison), talk.why(&poison)), (CommandState::Unknown, Some(ReasonCode::NeverAnswered)));
    assert_eq!(talk.command(&poison).attempts, 3);
}

#[test]
fn an_older_value_that_was_lost_twice_is_never_written_after_a_newer_one() {
    let mut talk = Talk::begun();
    talk.order(&replace("./A", "1"));
    talk.order(&replace("./A", "2"));
    assert_eq!(talk.says([heard(1)]).commands().len(), 2);
    // Its message is lost, and so is the next, which it had for itself.
    for session in ["2", "3"] {
        talk.begins(session);
        assert!(talk.says([heard(1)]).text.contains("<Data>1</Data>"), "session {session}");
        talk.rules.max_unanswered_alone = 4;
    }
    let reply = talk.says([heard(1), status(2, 1, 2, "Replace", 200)]);
    assert_eq!(reply.commands(), ["2 Replace ./A"]);
    assert!(reply.text.contains("<Data>2</Data>"), "{}", reply.text);
}

#[test]
fn nothing_that_may_be_poison_shares_a_message() {
    let mut talk = Talk::begun();
    for n in 0..3 {
        talk.order(&replace(&format!("./A{n}"), "1"));
    }
    talk.says([heard(1)]);
    talk.begins("2");
    talk.order(&replace("./New", "1"));
    for (message, expected) in (0..).zip(["2 Replace ./A0", "2 Replace ./A1", "2 Replace ./A2", "2 Replace ./New"]) {
        let reply = match message {
            0 => talk.says([heard(1)]),
            _ => talk.says([heard(message), status(2, message, 2, "Replace", 200)]),
        };
        assert_eq!(reply.commands(), [expected]);
    }
}

#[test]
fn a_message_that_the_device_refuses_is_taken_apart() {
    let mut talk = Talk::begun();
    let poison = talk.order(&replace("./Poison", "1"));
    let good = talk.order(&replace("./Good", "1"));
    talk.says([heard(1)]);
    let reply = talk.says([status(1, 2, 0, "SyncHdr", 400)]);
    assert_eq!((reply.anomalies(), reply.commands()), (vec!["message_refused"], vec!["2 Replace ./Poison".to_owned()]));
    assert_eq!(talk.why(&good), Some(ReasonCode::MessageRefused));
    let reply = talk.says([status(1, 3, 0, "SyncHdr", 400)]);
    assert_eq!((talk.state(&poison), talk.why(&poison)), (CommandState::Failed, Some(ReasonCode::MessageRefused)));
    assert_eq!(reply.commands(), ["2 Replace ./Good"]);
}

#[test]
fn an_exec_in_a_message_that_failed_halfway_is_unknown() {
    for (code, state) in [(500, CommandState::Unknown), (511, CommandState::Unknown), (400, CommandState::Failed)] {
        let mut talk = Talk::begun();
        let order = talk.order(&exec(SCAN));
        talk.says([heard(1)]);
        talk.says([status(1, 2, 0, "SyncHdr", code)]);
        assert_eq!(talk.state(&order), state, "Status {code}");
    }
}

#[test]
fn an_abort_leaves_what_was_answered_and_doubts_the_rest() {
    let mut talk = Talk::begun();
    let done = talk.order(&replace("./A", "1"));
    let harmless = talk.order(&replace("./B", "1"));
    let risky = talk.order(&exec(SCAN));
    talk.says([heard(1)]);
    talk.order(&get("./Next"));
    let reply = talk.says([heard(2), status(2, 2, 2, "Replace", 200), alert(3, 1223)]);
    assert_eq!(
        (reply.statuses(), reply.commands().len()),
        (vec!["0 SyncHdr 200".to_owned(), "3 Alert 200".to_owned()], 0)
    );
    assert_eq!(talk.ending(), Some(Ending::AbortedByDevice));
    assert!(talk.session().in_flight.is_empty());
    assert_eq!(talk.state(&done), CommandState::Succeeded);
    assert_eq!((talk.state(&harmless), talk.why(&harmless)), (CommandState::Queued, Some(ReasonCode::Unanswered)));
    assert_eq!((talk.state(&risky), talk.why(&risky)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
}

#[test]
fn an_abort_without_final_is_not_asked_to_go_on() {
    let mut talk = Talk::begun();
    talk.is_final = false;
    let reply = talk.says([heard(1), alert(2, 1223)]);
    assert_eq!((reply.alerts(), talk.ending()), (vec![], Some(Ending::AbortedByDevice)));
}

#[test]
fn silence_ends_a_session_like_any_other_end() {
    let mut talk = Talk::begun();
    let harmless = talk.order(&replace("./B", "1"));
    let risky = talk.order(&exec(SCAN));
    talk.says([heard(1)]);
    talk.waits(31);
    talk.is_closed();
    assert_eq!(talk.session().phase, Phase::Ended(Ending::TimedOut));
    assert_eq!((talk.state(&harmless), talk.state(&risky)), (CommandState::Queued, CommandState::Unknown));
    let before = talk.store.commands.clone();
    talk.is_closed();
    talk.begins("2");
    talk.says([alert(2, 1201)]);
    assert_eq!(talk.command(&risky), &before[&risky], "once is enough");
    assert_eq!(talk.command(&harmless).progress.unanswered, 1);
}

#[test]
fn an_unenrollment_ends_the_session_and_is_told() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./A"));
    talk.says([heard(1)]);
    let kind = "com.microsoft:mdm.unenrollment.userrequest";
    let reply = talk.says([heard(2), typed_alert(2, 1226, kind, "", "1"), typed_alert(3, 1226, kind, "", "1")]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "2 Alert 200", "3 Alert 200"]);
    assert_eq!(reply.commands().len(), 0);
    let told = reply.decision().events.iter().filter(|event| **event == Event::Unenrolled).count();
    assert_eq!((told, talk.ending(), talk.state(&order)), (1, Some(Ending::Unenrolled), CommandState::Queued));
}

#[test]
fn our_unenroll_is_done_when_the_device_leaves() {
    for session in ["1", "2"] {
        let mut talk = Talk::begun();
        let order = talk.order(&exec("./Vendor/MSFT/DMClient/Provider/Contoso/Unenroll"));
        talk.says([heard(1)]);
        if session == "2" {
            talk.begins("2");
        }
        talk.says([typed_alert(2, 1226, "com.microsoft:mdm.unenrollment.userrequest", "", "1")]);
        assert_eq!(talk.state(&order), CommandState::Succeeded, "in session {session}");
    }
}
