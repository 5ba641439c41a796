//! What goes out, when, and in which company (OMA DM Protocol 6; design, promises 2 and 3 and section 4; T52, T54, T56).

use super::talk::{Talk, alert, exec, get, heard, login, replace, status, typed_alert};
use crate::session::{AuthMode, CommandId, CommandState, LoginStatus, Phase, ReasonCode, Timestamp};

const REBOOT: &str = "./Device/Vendor/MSFT/Reboot/RebootNow";
const USER: &str = "./User/Vendor/MSFT/A";

fn depends(on: &CommandId) -> impl FnOnce(&mut crate::session::Pending) {
    let on = on.clone();
    move |pending| pending.depends_on = vec![on]
}

#[test]
fn commands_go_out_in_the_order_of_their_sequence() {
    let mut talk = Talk::begun();
    talk.rules.package_commands = 3;
    for n in 1..=7 {
        talk.order(&replace(&format!("./A{n}"), "1"));
    }
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Replace ./A1", "3 Replace ./A2", "4 Replace ./A3"]);
    assert_eq!(talk.says([heard(2)]).commands(), ["2 Replace ./A4", "3 Replace ./A5", "4 Replace ./A6"]);
    assert_eq!(talk.says([heard(3)]).commands(), ["2 Replace ./A7"]);
    assert_eq!(talk.session().phase, Phase::Open);
    assert_eq!(talk.says([heard(4)]).commands().len(), 0);
    assert_eq!(talk.session().phase, Phase::Quiet);
}

#[test]
fn a_package_is_cut_to_the_size_that_the_client_allows() {
    for limit in [1_500, 2_048, 5_000, 20_000] {
        let mut talk = Talk::by_certificate();
        talk.meta = format!("<MaxMsgSize xmlns=\"syncml:metinf\">{limit}</MaxMsgSize>");
        let orders: Vec<_> =
            (0..60).map(|n| talk.order(&replace(&format!("./Vendor/MSFT/A{n}"), "\u{e9}&<>"))).collect();
        let mut reply = talk.says([alert(2, 1201)]);
        let mut carried = Vec::new();
        while !reply.commands().is_empty() {
            assert!(reply.len() <= limit, "{} of {limit} bytes", reply.len());
            carried.extend(reply.decision().attempts.iter().map(|attempt| attempt.command.clone()));
            let message = talk.message;
            let answers = reply.decision().attempts.iter().zip(2..);
            let answers: String =
                answers.map(|(attempt, id)| status(id, message, attempt.cmd_id, "Replace", 200)).collect();
            reply = talk.says([heard(message), answers]);
        }
        assert_eq!(carried, orders, "limit {limit}");
        assert!(orders.iter().all(|order| talk.state(order) == CommandState::Succeeded));
    }
}

#[test]
fn without_a_word_of_the_client_our_own_limit_holds() {
    let mut talk = Talk::begun();
    talk.rules.package_bytes = 2_000;
    for n in 0..20 {
        talk.order(&replace(&format!("./A{n}"), &"x".repeat(200)));
    }
    let reply = talk.says([heard(1)]);
    assert!(reply.len() <= 2_000 && reply.commands().len() > 2, "{} bytes", reply.len());
}

#[test]
fn a_large_command_goes_out_whole_and_alone_where_the_client_names_no_limit() {
    let mut talk = Talk::begun();
    talk.rules.package_bytes = 2_000;
    talk.order(&replace("./Small", "1"));
    talk.order(&replace("./Large", &"x".repeat(5_000)));
    talk.order(&replace("./After", "1"));
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Replace ./Small"]);
    assert_eq!(talk.says([heard(2)]).commands(), ["2 Replace ./Large"]);
    assert_eq!(talk.says([heard(3)]).commands(), ["2 Replace ./After"]);
}

#[test]
fn what_no_message_of_the_client_can_hold_is_set_aside_and_blocks_nothing() {
    let mut talk = Talk::by_certificate();
    talk.meta = "<MaxMsgSize xmlns=\"syncml:metinf\">2048</MaxMsgSize>".to_owned();
    let nodes: Vec<_> = (0..60).map(|n| format!(r#"{{"target":"./Vendor/MSFT/A{n}"}}"#)).collect();
    let large = talk.order(&format!(r#"{{"kind":"get","items":[{}]}}"#, nodes.join(",")));
    let small = talk.order(&get("./A"));
    assert_eq!(talk.says([alert(2, 1201)]).commands(), ["3 Get ./A"]);
    assert_eq!((talk.state(&large), talk.why(&large)), (CommandState::Failed, Some(ReasonCode::TooLarge)));
    assert_eq!((talk.state(&small), talk.command(&large).attempts), (CommandState::Sent, 0));
}

#[test]
fn what_only_an_emptier_message_can_hold_is_asked_for() {
    let mut talk = Talk::by_certificate();
    talk.meta = "<MaxMsgSize xmlns=\"syncml:metinf\">2048</MaxMsgSize>".to_owned();
    let nodes: Vec<_> = (0..17).map(|n| format!(r#"{{"target":"./Vendor/MSFT/A{n:02}"}}"#)).collect();
    talk.order(&format!(r#"{{"kind":"get","items":[{}]}}"#, nodes.join(",")));
    let many: String = (2..7).map(|id| alert(id, 1201)).collect();
    let reply = talk.says([many]);
    assert_eq!((reply.alerts(), reply.commands().len()), (vec![1222], 0));
    assert_eq!(talk.session().phase, Phase::Open);
    let reply = talk.says([heard(1)]);
    assert_eq!(reply.commands().len(), 1);
    assert!(reply.len() <= 2_048);
}

#[test]
fn the_nonce_does_not_make_a_command_too_large() {
    let mut asked = 0;
    for count in 1..15 {
        let mut talk = Talk::by_digest();
        talk.meta = "<MaxMsgSize xmlns=\"syncml:metinf\">1500</MaxMsgSize>".to_owned();
        let nodes: Vec<_> = (0..count).map(|n| format!(r#"{{"target":"./Vendor/MSFT/A{n}"}}"#)).collect();
        let order = talk.order(&format!(r#"{{"kind":"get","items":[{}]}}"#, nodes.join(",")));
        talk.cred = Some(talk.store.account.next_nonce.clone());
        let reply = talk.says([alert(2, 1201)]);
        assert!(reply.len() <= 1500);
        if reply.alerts() == [1222] {
            asked += 1;
            assert_eq!(talk.state(&order), CommandState::Queued);
            assert!(talk.says([heard(1)]).len() <= 1500);
        }
        assert_eq!(talk.state(&order), CommandState::Sent, "{count} nodes");
    }
    assert!(asked > 0);
}

#[test]
fn what_no_message_of_a_talkative_device_has_room_for_is_set_aside() {
    let mut talk = Talk::by_certificate();
    talk.meta = "<MaxMsgSize xmlns=\"syncml:metinf\">2048</MaxMsgSize>".to_owned();
    let nodes: Vec<_> = (0..17).map(|n| format!(r#"{{"target":"./Vendor/MSFT/A{n:02}"}}"#)).collect();
    let large = talk.order(&format!(r#"{{"kind":"get","items":[{}]}}"#, nodes.join(",")));
    let small = talk.order(&get("./A"));
    for _ in 0..3 {
        let many: String = (2..7).map(|id| alert(id, 1201)).collect();
        assert_eq!(talk.says([many]).alerts(), [1222]);
    }
    let many: String = (2..7).map(|id| alert(id, 1201)).collect();
    assert_eq!(talk.says([many]).commands(), ["7 Get ./A"]);
    assert_eq!((talk.why(&large), talk.state(&small)), (Some(ReasonCode::TooLarge), CommandState::Sent));
}

#[test]
fn a_nonce_in_every_message_is_counted_in_every_message() {
    let mut set_aside = 0;
    for count in 8..15 {
        let mut talk = Talk::by_digest();
        talk.rules.auth_mode = AuthMode::PerMessage;
        talk.meta = "<MaxMsgSize xmlns=\"syncml:metinf\">1500</MaxMsgSize>".to_owned();
        let nodes: Vec<_> = (0..count).map(|n| format!(r#"{{"target":"./Vendor/MSFT/A{n}"}}"#)).collect();
        let order = talk.order(&format!(r#"{{"kind":"get","items":[{}]}}"#, nodes.join(",")));
        talk.cred = Some(talk.store.account.next_nonce.clone());
        talk.cred = talk.says([alert(2, 1201)]).nonce();
        if talk.state(&order) == CommandState::Queued {
            assert!(talk.says([heard(1)]).len() <= 1500);
        }
        set_aside += usize::from(talk.why(&order) == Some(ReasonCode::TooLarge));
        assert_ne!(talk.state(&order), CommandState::Queued, "{count} nodes");
    }
    assert!(set_aside > 0);
}

#[test]
fn a_limit_that_holds_nothing_harms_no_command() {
    for limit in [0, 1, 600] {
        let mut talk = Talk::by_certificate();
        talk.meta = format!("<MaxMsgSize xmlns=\"syncml:metinf\">{limit}</MaxMsgSize>");
        let order = talk.order(&get("./A"));
        let reply = talk.says([alert(2, 1201)]);
        assert_eq!((reply.commands().len(), reply.anomalies()), (0, vec!["no_room"]));
        assert_eq!(talk.state(&order), CommandState::Queued);
    }
}

#[test]
fn an_exec_that_ends_the_session_goes_last_and_alone() {
    let mut talk = Talk::begun();
    talk.order(&get("./A"));
    let reboot = talk.order(&exec(REBOOT));
    talk.order(&get("./B"));
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Get ./A"]);
    assert_eq!(talk.says([heard(2)]).commands().len(), 0, "the answer to what went before is still out");
    assert_eq!(talk.says([heard(3), status(2, 2, 2, "Get", 404)]).commands(), [format!("2 Exec {REBOOT}")]);
    assert_eq!(talk.says([heard(4)]).commands().len(), 0, "nothing follows it");
    assert_eq!(talk.says([heard(5), status(2, 4, 2, "Exec", 200)]).commands().len(), 0);
    assert_eq!(talk.state(&reboot), CommandState::Succeeded);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Get ./B"]);
}

#[test]
fn after_a_refused_reboot_the_session_goes_on() {
    let mut talk = Talk::begun();
    talk.order(&exec(REBOOT));
    talk.order(&get("./B"));
    talk.says([heard(1)]);
    assert_eq!(talk.says([heard(2), status(2, 2, 2, "Exec", 405)]).commands(), ["2 Get ./B"]);
}

#[test]
fn user_nodes_wait_until_the_user_is_signed_in() {
    let mut talk = Talk::by_certificate();
    let user = talk.order(&replace(USER, "1"));
    for (session, who) in [("1", ""), ("2", "others"), ("3", "none"), ("4", "nonsense")] {
        talk.begins(session);
        let device = talk.order(&exec("./Device/Vendor/MSFT/A"));
        let alert = if who.is_empty() { alert(2, 1201) } else { login(2, who) };
        talk.says([alert]);
        assert_eq!((talk.state(&user), talk.why(&user)), (CommandState::Deferred, Some(ReasonCode::WaitingForUser)));
        assert_eq!(talk.state(&device), CommandState::Sent, "it is not held up");
        let message = talk.message;
        talk.says([heard(message)]);
    }
    assert_eq!(talk.command(&user).reason.as_ref().map(|reason| reason.count), Some(4), "counted once a session");
    talk.begins("5");
    talk.says([login(2, "user")]);
    assert_eq!((talk.login(), talk.state(&user)), (LoginStatus::User, CommandState::Sent));
}

#[test]
fn who_is_signed_in_is_said_anew_in_every_session() {
    let mut talk = Talk::by_certificate();
    talk.says([login(2, "user")]);
    talk.begins("2");
    let user = talk.order(&replace(USER, "1"));
    talk.says([alert(2, 1201)]);
    assert_eq!(talk.state(&user), CommandState::Deferred);
}

#[test]
fn a_session_for_one_scope_gets_only_that() {
    for (kind, sent) in [("user", USER), ("device", "./Vendor/MSFT/A"), ("mixed", "")] {
        let mut talk = Talk::by_certificate();
        let user = talk.order(&replace(USER, "1"));
        let device = talk.order(&replace("./Vendor/MSFT/A", "1"));
        let reply = talk.says([login(2, "user"), typed_alert(3, 1224, "com.microsoft.mdm.synctype", "", kind)]);
        if sent.is_empty() {
            assert_eq!(reply.commands().len(), 2);
            continue;
        }
        assert_eq!(reply.commands(), [format!("4 Replace {sent}")]);
        let waits = if kind == "user" { &device } else { &user };
        assert_eq!(talk.why(waits), Some(ReasonCode::WaitingForScope));
    }
}

#[test]
fn nothing_goes_out_before_its_time() {
    let mut talk = Talk::begun();
    let at = talk.now.plus_millis(60_000);
    let order = talk.order_with(&get("./A"), |pending| pending.not_before = Some(at));
    assert_eq!(talk.says([heard(1)]).commands().len(), 0);
    talk.waits(1);
    assert_eq!(talk.says([heard(2)]).commands().len(), 1);
    assert_eq!(talk.state(&order), CommandState::Sent);
}

#[test]
fn nothing_goes_out_after_its_time() {
    let mut talk = Talk::begun();
    let now = talk.now;
    let late = talk.order_with(&get("./A"), |pending| pending.expires_at = Some(now));
    let soon = talk.order_with(&get("./B"), |pending| pending.expires_at = Some(now.plus_millis(1)));
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Get ./B"]);
    assert_eq!((talk.state(&late), talk.command(&late).attempts), (CommandState::Expired, 0));
    talk.waits(10);
    talk.says([heard(2), status(2, 2, 2, "Get", 204)]);
    assert_eq!(talk.state(&soon), CommandState::Succeeded, "what was sent in time counts");
}

#[test]
fn what_may_have_been_done_is_unknown_and_not_expired() {
    let mut talk = Talk::begun();
    let at = talk.now.plus_millis(60_000);
    let order = talk.order_with(&replace("./A", "1"), |pending| pending.expires_at = Some(at));
    talk.says([heard(1)]);
    talk.begins("2");
    talk.waits(2);
    talk.says([alert(2, 1201)]);
    assert_eq!((talk.state(&order), talk.why(&order)), (CommandState::Unknown, Some(ReasonCode::NeverAnswered)));
}

#[test]
fn a_command_waits_for_what_it_depends_on() {
    let mut talk = Talk::begun();
    let first = talk.order(&replace("./A", "1"));
    let second = talk.order_with(&replace("./B", "1"), depends(&first));
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Replace ./A"]);
    assert_eq!(
        (talk.state(&second), talk.why(&second)),
        (CommandState::Deferred, Some(ReasonCode::WaitingForDependency))
    );
    let reply = talk.says([heard(2), status(2, 2, 2, "Replace", 200)]);
    assert_eq!(reply.commands(), ["2 Replace ./B"], "a reply without commands would be the end of the session");
    assert_eq!(talk.state(&second), CommandState::Sent);
}

#[test]
fn a_chain_of_dependencies_goes_out_in_one_session() {
    let mut talk = Talk::begun();
    let first = talk.order(&replace("./A", "1"));
    let second = talk.order_with(&replace("./B", "1"), depends(&first));
    let third = talk.order_with(&replace("./C", "1"), depends(&second));
    assert_eq!(talk.says([heard(1)]).commands(), ["2 Replace ./A"]);
    assert_eq!(talk.says([heard(2), status(2, 2, 2, "Replace", 200)]).commands(), ["2 Replace ./B"]);
    assert_eq!(talk.why(&third), Some(ReasonCode::WaitingForDependency));
    assert_eq!(talk.says([heard(3), status(3, 3, 2, "Replace", 200)]).commands(), ["2 Replace ./C"]);
}

#[test]
fn what_waits_for_a_command_that_fails_is_canceled_at_once() {
    let mut talk = Talk::begun();
    let first = talk.order(&replace("./A", "1"));
    let second = talk.order_with(&replace("./B", "1"), depends(&first));
    let third = talk.order_with(&replace("./C", "1"), depends(&second));
    talk.says([heard(1)]);
    assert_eq!(talk.says([heard(2), status(2, 2, 2, "Replace", 500)]).commands().len(), 0);
    assert_eq!((talk.state(&second), talk.state(&third)), (CommandState::Canceled, CommandState::Canceled));
}

#[test]
fn a_command_whose_dependency_failed_is_canceled_and_so_is_what_depends_on_it() {
    for outcome in [CommandState::Failed, CommandState::Expired, CommandState::Canceled, CommandState::Superseded] {
        let mut talk = Talk::begun();
        let first = talk.order_with(&get("./A"), |pending| pending.state = outcome);
        let second = talk.order_with(&get("./B"), depends(&first));
        let third = talk.order_with(&get("./C"), depends(&second));
        let other = talk.order(&get("./D"));
        assert_eq!(talk.says([heard(1)]).commands(), ["2 Get ./D"]);
        for order in [&second, &third] {
            assert_eq!(
                (talk.state(order), talk.why(order)),
                (CommandState::Canceled, Some(ReasonCode::DependencyFailed))
            );
        }
        assert_eq!(talk.state(&other), CommandState::Sent);
    }
}

#[test]
fn a_command_waits_while_nobody_knows_what_became_of_its_dependency() {
    let mut talk = Talk::begun();
    let first = talk.order_with(&get("./A"), |pending| pending.state = CommandState::Unknown);
    let second = talk.order_with(&get("./B"), depends(&first));
    talk.says([heard(1)]);
    assert_eq!(
        (talk.state(&second), talk.why(&second)),
        (CommandState::Deferred, Some(ReasonCode::WaitingForDependency))
    );
    // A person finds out.
    talk.store.commands.get_mut(&first).expect("known").state = CommandState::Succeeded;
    assert_eq!(talk.says([heard(2)]).commands(), ["2 Get ./B"]);
}

#[test]
fn a_canceled_command_does_not_go_out_again() {
    let mut talk = Talk::begun();
    let order = talk.order(&replace("./A", "1"));
    talk.says([heard(1)]);
    talk.store.commands.get_mut(&order).expect("known").state = CommandState::Canceled;
    let reply = talk.says([heard(2), status(2, 2, 2, "Replace", 200)]);
    assert_eq!((reply.anomalies().len(), talk.state(&order)), (0, CommandState::Canceled));
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands().len(), 0);
}

#[test]
fn a_session_offers_nothing_after_so_many_messages() {
    let mut talk = Talk::begun();
    talk.rules.max_messages = 5;
    talk.rules.package_commands = 1;
    for n in 0..20 {
        talk.order(&get(&format!("./A{n}")));
    }
    let mut carried = 0;
    for message in 1..12 {
        carried += talk.says([heard(message)]).commands().len();
    }
    assert_eq!(carried, 3);
    talk.begins("2");
    assert_eq!(talk.says([heard(1)]).commands().len(), 1, "the next session goes on");
}

#[test]
fn a_device_that_only_keeps_the_line_open_gets_no_commands_and_keeps_its_session() {
    let mut talk = Talk::begun();
    talk.order(&get("./A"));
    talk.says([heard(1)]);
    talk.order(&get("./B"));
    let kind = "Reversed-Domain-Name:com.microsoft.mdm.requestpending";
    let reply = talk.says([heard(2), typed_alert(2, 1224, kind, "", "1")]);
    assert_eq!((reply.commands().len(), reply.is_final()), (0, true));
    assert_eq!(talk.session().phase, Phase::Open);
    assert_eq!(talk.says([heard(3), status(2, 2, 2, "Get", 404)]).commands(), ["2 Get ./B"]);
}

#[test]
fn an_idle_session_changes_no_command() {
    let mut talk = Talk::begun();
    talk.order_with(&get("./A"), |pending| pending.not_before = Some(Timestamp(i64::MAX)));
    let reply = talk.says([heard(1), alert(2, 1201)]);
    assert!(reply.decision().commands.is_empty() && reply.decision().attempts.is_empty());
    assert_eq!(talk.session().phase, Phase::Quiet);
}
