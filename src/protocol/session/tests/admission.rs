//! Repeated, stale, skipped and restarted messages (OMA DM Protocol 8, design promise 2, threat T04).

use super::talk::{Talk, alert, exec, get, heard, replace, status};
use crate::session::{CommandState, Ending, Phase, ReasonCode, RefusalKind};

const SWV: &str = "./DevDetail/SwV";

#[test]
fn the_same_message_gets_the_same_bytes_and_changes_nothing() {
    let mut talk = Talk::by_certificate();
    talk.order(&get(SWV));
    let first = talk.says([alert(2, 1201)]);
    talk.order(&get("./DevDetail/FwV"));
    let before = (talk.store.session.clone(), talk.store.commands.clone(), talk.store.events.clone());
    for minutes in [0, 1, 58] {
        talk.waits(minutes);
        let again = talk.repeats();
        assert!(again.is_repeat());
        assert_eq!(again.text, first.text);
    }
    assert_eq!((talk.store.session.clone(), talk.store.commands.clone(), talk.store.events.clone()), before);
}

#[test]
fn the_last_message_is_repeated_after_the_session_ended_too() {
    let mut talk = Talk::begun();
    let first = talk.says([heard(1), alert(2, 1223)]);
    assert_eq!(talk.ending(), Some(Ending::AbortedByDevice));
    talk.waits(1);
    let again = talk.repeats();
    assert!(again.is_repeat() && again.text == first.text);
}

#[test]
fn a_message_whose_reply_is_gone_is_not_heard_twice() {
    let mut talk = Talk::begun();
    let order = talk.order(&get(SWV));
    talk.says([heard(1), alert(2, 1201)]);
    talk.store.reply = None;
    let before = (talk.standing(), talk.store.events.len());
    let again = talk.repeats();
    assert_eq!(again.refusal(), Some(RefusalKind::Stale));
    assert_eq!(again.statuses(), ["0 SyncHdr 200"]);
    assert_eq!((talk.standing(), talk.store.events.len()), before);
    assert_eq!(talk.state(&order), CommandState::Sent);
}

#[test]
fn an_old_message_is_answered_200_and_not_heard() {
    let mut talk = Talk::begun();
    talk.order(&exec("./Vendor/MSFT/Defender/Scan"));
    talk.says([heard(1)]);
    let old = talk.text(&heard(1));
    talk.says([heard(2), status(2, 2, 2, "Exec", 200)]);
    let before = talk.standing();
    let reply = talk.posts(&old);
    assert_eq!((reply.statuses(), reply.refusal()), (vec!["0 SyncHdr 200".to_owned()], Some(RefusalKind::Stale)));
    assert_eq!(talk.standing(), before, "the session goes on");
    assert_eq!(reply.message.header.msg_id, "4");
    assert_eq!(talk.says([heard(3)]).message.header.msg_id, "5", "no number stands for two messages");
}

#[test]
fn the_first_message_again_does_not_begin_the_session_anew() {
    let mut talk = Talk::by_certificate();
    let order = talk.order(&exec("./Vendor/MSFT/Defender/Scan"));
    let package_one = talk.text(&alert(2, 1201)).replace("<MsgID>0<", "<MsgID>1<");
    talk.posts(&package_one);
    talk.message = 1;
    talk.says([heard(1)]);
    for minutes in [0, 1] {
        talk.waits(minutes);
        assert_eq!(talk.posts(&package_one).refusal(), Some(RefusalKind::Stale));
    }
    assert_eq!(talk.state(&order), CommandState::Sent);
    assert!(!talk.says([heard(2), status(2, 1, 3, "Exec", 200)]).is_new());
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn a_device_that_counts_no_sessions_begins_one_after_a_silence() {
    let mut talk = Talk::by_certificate();
    let package_one = talk.text(&alert(2, 1201)).replace("<MsgID>0<", "<MsgID>1<");
    talk.posts(&package_one);
    talk.message = 1;
    talk.says([heard(1)]);
    talk.waits(31);
    assert!(talk.posts(&package_one).is_new());
}

#[test]
fn message_one_with_another_body_is_another_session() {
    let mut talk = Talk::begun();
    let order = talk.order(&get(SWV));
    talk.says([heard(1)]);
    talk.begins("1");
    let reply = talk.says([alert(2, 1200)]);
    assert!(reply.is_new());
    assert_eq!(talk.why(&order), None);
    assert_eq!(talk.state(&order), CommandState::Sent, "it goes out again at once");
    assert_eq!(talk.command(&order).attempts, 2);
    let replaced = reply.decision().replaced.as_ref().expect("the session before");
    assert_eq!(replaced.phase, Phase::Ended(Ending::Replaced));
    assert!(replaced.in_flight.is_empty());
}

#[test]
fn an_answer_to_the_session_before_does_not_fit_one_of_the_same_name() {
    let mut talk = Talk::by_certificate();
    talk.order(&replace("./Vendor/MSFT/A", "1"));
    talk.says([alert(2, 1201)]);
    talk.begins("1");
    let reply = talk.says([alert(2, 1200)]);
    assert_eq!(
        (&reply.message.header.msg_id[..], reply.commands()),
        ("2", vec!["3 Replace ./Vendor/MSFT/A".to_owned()])
    );
    let late = talk.says([heard(1), status(2, 1, 3, "Replace", 200)]);
    assert_eq!(late.anomalies(), ["status_of_nothing"]);
}

#[test]
fn message_one_with_another_body_has_to_prove_who_speaks() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.says([alert(2, 1201)]);
    let before = talk.store.session.clone();
    talk.begins("1");
    assert_eq!(talk.says([alert(2, 1200)]).refusal(), Some(RefusalKind::Challenged));
    assert_eq!(talk.store.session, before);
}

#[test]
fn a_skipped_message_is_noted_and_heard() {
    let mut talk = Talk::begun();
    let order = talk.order(&get(SWV));
    talk.says([heard(1)]);
    talk.message += 1;
    let reply = talk.says([heard(2)]);
    assert_eq!(reply.anomalies(), ["message_gap"]);
    assert_eq!(reply.message.header.msg_id, "3", "our own counter");
    assert_eq!(talk.state(&order), CommandState::Sent, "its answer may have been in the lost message");
}

#[test]
fn the_same_number_with_another_body_is_noted_and_heard() {
    let mut talk = Talk::begun();
    talk.says([heard(1)]);
    let reply = talk.tells(&[heard(1), alert(2, 1201)].concat());
    assert_eq!(reply.anomalies(), ["message_changed"]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 200", "2 Alert 200"]);
}

#[test]
fn a_new_session_ends_the_one_before() {
    let mut talk = Talk::begun();
    let harmless = talk.order(&replace("./Vendor/MSFT/A", "1"));
    talk.says([heard(1)]);
    talk.begins("2");
    let reply = talk.says([alert(2, 1201)]);
    assert!(reply.is_new());
    assert_eq!(reply.decision().replaced.as_ref().map(|s| s.session_id.as_str()), Some("1"));
    assert_eq!(talk.command(&harmless).attempts, 2);
    assert_eq!(talk.command(&harmless).progress.unanswered, 1);
}

#[test]
fn a_late_message_of_the_session_before_does_not_end_this_one() {
    let mut talk = Talk::begun();
    talk.says([heard(1)]);
    let late = talk.text(&heard(2)).replace("<MsgID>2<", "<MsgID>3<");
    talk.begins("2");
    let order = talk.order(&exec("./Vendor/MSFT/Defender/Scan"));
    talk.says([alert(2, 1201)]);
    assert_eq!(talk.posts(&late).refusal(), Some(RefusalKind::Stale));
    assert_eq!(talk.state(&order), CommandState::Sent);
    assert!(!talk.says([heard(1), status(2, 1, 3, "Exec", 200)]).is_new());
    assert_eq!(talk.state(&order), CommandState::Succeeded);
}

#[test]
fn package_one_of_an_earlier_session_does_not_end_this_one() {
    let mut talk = Talk::by_certificate();
    talk.message = 1;
    let first = talk.text(&alert(2, 1201));
    talk.posts(&first);
    for session in ["2", "3", "4", "5"] {
        talk.begins(session);
        talk.says([alert(2, 1201)]);
    }
    let before = talk.store.session.clone();
    assert_eq!(talk.posts(&first).refusal(), Some(RefusalKind::Stale));
    assert_eq!(talk.store.session, before);
    assert_eq!(talk.session().earlier.len(), 4);
    talk.waits(61);
    assert!(talk.posts(&first).is_new(), "a device may use a name again");
}

#[test]
fn a_session_that_was_closed_begins_again_where_the_device_stands() {
    let mut talk = Talk::begun();
    let order = talk.order(&exec("./Vendor/MSFT/Defender/Scan"));
    talk.says([heard(1)]);
    talk.waits(31);
    talk.is_closed();
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
    let reply = talk.says([heard(2), status(2, 2, 2, "Exec", 200)]);
    assert!(reply.is_new());
    assert_eq!(reply.anomalies(), ["status_of_nothing"]);
    assert_eq!(talk.state(&order), CommandState::Unknown, "an outcome stays");
}

#[test]
fn a_session_may_begin_with_a_high_number() {
    let mut talk = Talk::by_certificate();
    talk.message = 4_000;
    let order = talk.order(&get(SWV));
    assert_eq!(talk.says([alert(2, 1201)]).commands(), ["3 Get ./DevDetail/SwV"]);
    assert_eq!(talk.state(&order), CommandState::Sent);
}

#[test]
fn the_reply_to_a_bad_header_is_short() {
    let mut talk = Talk::by_certificate();
    talk.message = 1;
    let long = "x".repeat(100_000);
    for (from, to, status) in [
        ("<VerDTD>1.2", "<VerDTD>1.1".to_owned(), 505),
        ("<VerProto>DM/1.2", "<VerProto>DM/2.0".to_owned(), 513),
        ("<MsgID>1", "<MsgID>nought".to_owned(), 400),
        ("<SessionID>1", format!("<SessionID>{long}"), 400),
        ("https://", format!("https://{long}"), 404),
    ] {
        let text = talk.text(&alert(2, 1201)).replace(from, &to);
        let message = crate::syncml::read::read(&text, &crate::xml::Limits::default()).expect("is read");
        let refused = crate::session::refuse_stranger(&message, &talk.rules);
        let reply = crate::syncml::write::write(&refused.reply);
        assert!(reply.len() < 2_000, "{} bytes", reply.len());
        let first = super::judge::statuses(&refused.reply)[0].code.0;
        assert_eq!(first, status);
        assert!(refused.account.is_none() && refused.session.is_none());
    }
}

#[test]
fn a_stranger_is_answered_401_without_a_challenge() {
    let mut talk = Talk::by_certificate();
    let text = talk.text(&alert(2, 1201)).replace("<MsgID>0<", "<MsgID>1<");
    let message = crate::syncml::read::read(&text, &crate::xml::Limits::default()).expect("is read");
    let refused = crate::session::refuse_stranger(&message, &talk.rules);
    let status = super::judge::statuses(&refused.reply)[0].clone();
    assert_eq!((refused.kind, status.code.0, status.chal.is_none()), (RefusalKind::Stranger, 401, true));
}
