//! Sessions of users beside that of the device, as in Azure Virtual Desktop (MS-MDM 3.2.5.1.5): each gets only what is in
//! its scope and of its user, and none ends another.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};

use super::talk::{Reply, Talk, alert, exec, get, heard, login, replace, status, typed_alert};
use crate::session::{CommandId, CommandState, LoginStatus, Principal, ReasonCode, Session, SyncType};

const DEVICE: &str = "./Vendor/MSFT/A";

fn node(user: &str) -> String {
    format!("./User/Vendor/MSFT/{user}")
}

fn principal(user: &str) -> Principal {
    Principal::parse(&format!("{user}@contoso.test")).unwrap()
}

fn token(cmd_id: u32, user: &str) -> String {
    let claims = BASE64URL.encode(format!("{{\"upn\":\"{user}@contoso.test\"}}"));
    typed_alert(cmd_id, 1224, "com.microsoft/MDM/AADUserToken", "", &format!("e30.{claims}.c2ln"))
}

fn kind(cmd_id: u32, word: &str) -> String {
    typed_alert(cmd_id, 1224, "com.microsoft.mdm.synctype", "", word)
}

/// Begins a session of a user.
fn user_begins(talk: &mut Talk, session: &str, user: &str) -> Reply {
    talk.begins(session);
    talk.says([alert(2, 1201), login(3, "user"), kind(4, "user"), token(5, user)])
}

fn device_begins(talk: &mut Talk, session: &str) -> Reply {
    talk.begins(session);
    talk.says([alert(2, 1201), login(3, "user"), kind(4, "device")])
}

/// Goes on with a session that was begun before.
fn goes_on(talk: &mut Talk, session: &str, message: u32, body: &[String]) -> Reply {
    talk.session = session.to_owned();
    talk.message = message - 1;
    talk.says(body)
}

fn order_for(talk: &mut Talk, user: &str) -> CommandId {
    talk.order_with(&replace(&node(user), "1"), |pending| pending.user = Some(principal(user)))
}

#[test]
fn three_users_and_the_device_have_sessions_beside_each_other() {
    let mut talk = Talk::by_certificate();
    let device = talk.order(&replace(DEVICE, "1"));
    let users = ["bob", "carol", "dave"];
    let orders = users.map(|user| order_for(&mut talk, user));
    assert_eq!(device_begins(&mut talk, "10").commands(), ["5 Replace ./Vendor/MSFT/A"]);
    for (place, user) in users.iter().enumerate() {
        let reply = user_begins(&mut talk, &format!("2{place}"), user);
        assert!(reply.is_new());
        assert_eq!(reply.commands(), [format!("6 Replace {}", node(user))]);
    }
    assert_eq!(talk.store.sessions().count(), 4);
    // They answer in another order than they began, and each answer is booked where it belongs.
    for (place, order) in orders.iter().enumerate().rev() {
        let reply = goes_on(&mut talk, &format!("2{place}"), 2, &[heard(1), status(2, 1, 6, "Replace", 200)]);
        assert!(!reply.is_new());
        assert_eq!(talk.state(order), CommandState::Succeeded);
    }
    assert_eq!(talk.state(&device), CommandState::Sent);
    goes_on(&mut talk, "10", 2, &[heard(1), status(2, 1, 5, "Replace", 200)]);
    assert_eq!(talk.state(&device), CommandState::Succeeded);
    assert!(talk.store.commands.values().all(|pending| pending.attempts == 1));
}

#[test]
fn the_next_session_of_a_user_ends_only_his_own() {
    let mut talk = Talk::by_certificate();
    let bob = talk.order_with(&exec(&node("bob/Run")), |pending| pending.user = Some(principal("bob")));
    let carol = talk.order_with(&exec(&node("carol/Run")), |pending| pending.user = Some(principal("carol")));
    user_begins(&mut talk, "1", "bob");
    user_begins(&mut talk, "2", "carol");
    user_begins(&mut talk, "3", "BOB");
    assert_eq!((talk.state(&bob), talk.why(&bob)), (CommandState::Unknown, Some(ReasonCode::Interrupted)));
    assert_eq!(talk.state(&carol), CommandState::Sent);
    assert_eq!(talk.store.sessions().count(), 2);
    // What comes late of the session that was replaced begins nothing.
    let late = goes_on(&mut talk, "1", 2, &[heard(1), status(2, 1, 6, "Exec", 200)]);
    assert!(late.refusal().is_some());
    assert_eq!(talk.state(&bob), CommandState::Unknown);
}

#[test]
fn a_command_waits_for_its_user_and_says_so() {
    let mut talk = Talk::by_certificate();
    talk.store.enrolled_user = Some(principal("alice"));
    let carol = order_for(&mut talk, "carol");
    let enrolled = talk.order(&replace(&node("alice"), "1"));
    let reply = user_begins(&mut talk, "1", "bob");
    assert_eq!(reply.commands().len(), 0);
    let detail = |talk: &Talk, id| talk.command(id).reason.as_ref().unwrap().detail.clone().unwrap();
    assert_eq!(talk.why(&carol), Some(ReasonCode::WaitingForUser));
    let why = "waits for a session of carol@contoso.test; the last session was bob@contoso.test's";
    assert_eq!(detail(&talk, &carol), why);
    assert!(detail(&talk, &enrolled).starts_with("waits for a session of alice@contoso.test;"));
    assert_eq!(user_begins(&mut talk, "2", "alice").commands(), [format!("6 Replace {}", node("alice"))]);
    assert_eq!(user_begins(&mut talk, "3", "carol").commands(), [format!("6 Replace {}", node("carol"))]);
}

#[test]
fn one_session_for_everything_serves_the_enrolled_user() {
    let mut talk = Talk::by_certificate();
    talk.store.enrolled_user = Some(principal("alice"));
    let (alice, bob) = (order_for(&mut talk, "alice"), order_for(&mut talk, "bob"));
    talk.says([alert(2, 1201), login(3, "others")]);
    let reason = talk.command(&alice).reason.clone().unwrap();
    assert_eq!(reason.code, ReasonCode::WaitingForUser);
    assert!(reason.detail.unwrap().ends_with("another user is signed in"));
    talk.begins("2");
    let reply = talk.says([alert(2, 1201), login(3, "user")]);
    assert_eq!(reply.commands(), [format!("4 Replace {}", node("alice"))]);
    assert_eq!(talk.why(&bob), Some(ReasonCode::WaitingForUser));
}

#[test]
fn a_user_without_a_name_has_a_session_of_his_own() {
    let mut talk = Talk::by_certificate();
    let (named, plain) = (order_for(&mut talk, "bob"), talk.order(&get(&node("A"))));
    for session in ["1", "2"] {
        talk.begins(session);
        talk.says([alert(2, 1201), kind(3, "user")]);
    }
    assert_eq!(talk.store.sessions().count(), 2);
    assert_eq!(talk.state(&plain), CommandState::Sent, "nobody said that it is another user's");
    assert_eq!(talk.why(&named), Some(ReasonCode::WaitingForUser));
}

#[test]
fn users_may_number_their_sessions_each_for_himself() {
    let mut talk = Talk::by_certificate();
    let orders = ["bob", "carol"].map(|user| order_for(&mut talk, user));
    user_begins(&mut talk, "1", "bob");
    user_begins(&mut talk, "1", "carol");
    assert_eq!(talk.store.sessions().count(), 2);
    // The one whose turn it is goes on.
    goes_on(&mut talk, "1", 2, &[heard(1), status(2, 1, 6, "Replace", 200)]);
    assert_eq!(orders.iter().filter(|id| talk.state(id) == CommandState::Succeeded).count(), 1);
}

#[test]
fn a_session_that_was_over_goes_on_as_what_it_was() {
    let mut talk = Talk::by_certificate();
    let device = talk.order(&replace(DEVICE, "1"));
    user_begins(&mut talk, "1", "bob");
    let bob = order_for(&mut talk, "bob");
    talk.waits(60);
    talk.is_closed();
    let reply = talk.says([heard(1)]);
    assert!(reply.is_new());
    assert_eq!(reply.commands(), [format!("2 Replace {}", node("bob"))]);
    assert_eq!((talk.state(&device), talk.state(&bob)), (CommandState::Deferred, CommandState::Sent));
    assert_eq!(talk.login(), LoginStatus::User);
}

#[test]
fn a_session_does_not_change_its_kind() {
    let mut talk = Talk::by_certificate();
    device_begins(&mut talk, "1");
    let reply = talk.says([heard(1), kind(2, "user")]);
    assert!(reply.is_new(), "it is another one beside the first");
    let kinds: Vec<SyncType> = talk.store.sessions().map(|session| session.sync_type).collect();
    assert_eq!(kinds, [SyncType::User, SyncType::Device]);
}

#[test]
fn one_more_user_than_there_is_room_for_takes_the_place_of_the_most_silent() {
    let mut talk = Talk::by_certificate();
    for number in 0..=Session::MAX_USERS {
        talk.waits(1);
        user_begins(&mut talk, &format!("{}", 100 + number), &format!("user{number}"));
    }
    assert_eq!(talk.store.sessions().count(), Session::MAX_USERS);
    let name = |session: &Session| session.user.as_ref().unwrap().name.clone();
    assert!(!talk.store.sessions().any(|session| name(session) == principal("user0")));
}

#[test]
fn sessions_that_begin_at_once_with_digests_do_not_make_each_others_challenge_stale() {
    let mut talk = Talk::by_digest();
    let begin = |user: &str| [alert(2, 1201), kind(3, "user"), token(4, user)];
    let mut nonces = Vec::new();
    for (session, user) in [("1", "bob"), ("2", "carol"), ("3", "dave")] {
        talk.begins(session);
        nonces.push((session, user, talk.says(begin(user)).nonce().unwrap()));
    }
    for (session, user, nonce) in nonces.clone() {
        talk.cred = Some(nonce);
        assert_eq!(goes_on(&mut talk, session, 2, &begin(user)).header(), 212, "{user}");
    }
    // Each challenge was good once.
    let (session, user, nonce) = nonces.remove(0);
    talk.waits(60);
    talk.cred = Some(nonce);
    let again = goes_on(&mut talk, session, 1, &begin(user));
    assert_eq!(again.header(), 401, "{:?}", again.outcome);
}

#[test]
fn a_user_who_comes_back_to_the_session_before_and_says_no_more_is_still_a_user() {
    let mut talk = Talk::by_digest();
    let order = talk.order(&replace(DEVICE, "1"));
    for (session, word, user) in [("1", "device", None), ("2", "user", Some("bob")), ("3", "user", Some("bob"))] {
        talk.begins(session);
        let mut body = vec![alert(2, 1201), login(3, "user"), kind(4, word)];
        body.extend(user.map(|user| token(5, user)));
        talk.cred = talk.says(&body).nonce();
        assert!(talk.says(&body).is_new());
    }
    let sent = talk.command(&order).attempts;
    talk.session = "2".to_owned();
    talk.cred = talk.says([heard(2)]).nonce();
    let reply = talk.says([heard(2)]);
    assert_eq!((reply.is_new(), reply.commands().len()), (true, 0));
    let of_device = talk.store.sessions().filter(|session| session.sync_type != SyncType::User);
    assert_eq!(of_device.map(|session| session.session_id.as_str()).collect::<Vec<_>>(), ["1"]);
    assert_eq!(talk.command(&order).attempts, sent);
}
