//! Challenges, digests and nonces of both sides.

use transom_protocol::session::{A1, AuthScheme, Nonce};
use transom_protocol::syncml::Cred;

use super::*;
use crate::simulator::identity::ServerIdentity;

const NONCE: &str = "AAECAwQFBgcICQoLDA0ODw==";

fn cred(message: &Message) -> Option<&str> {
    message.header.cred.as_ref().map(|cred| cred.data.as_str())
}

#[test]
fn after_a_challenge_package_one_comes_again_with_a_digest() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, NONCE)));
    assert_eq!(second.header.msg_id, "2");
    assert_eq!(second.header.session_id, first.header.session_id);
    assert_eq!(second.header.source.loc_name.as_deref(), Some("dm-client-01"));
    assert_eq!(cred(&second), Some("40d936oxggqwK7tbKyrFyg=="));
    let meta = second.header.cred.as_ref().unwrap().meta.as_ref().unwrap();
    assert_eq!((meta.format.as_ref(), meta.mime.as_deref()), (Some(&Format::B64), Some("syncml:auth-md5")));
    assert_eq!(statuses_of(&second), [("0", "SyncHdr", None, 200)]);
    assert_eq!(second.body.commands[0].cmd_id(), "1");
    assert_eq!(second.body.commands[1..], first.body.commands);
    assert_content(&device);
}

#[test]
fn after_212_no_credential_is_sent() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, NONCE)));
    let orders =
        server.answer_with(&second, StatusCode::AUTHENTICATED, Some(chal("Tm9uY2U=")), vec![get(&["./DevInfo/Man"])]);
    let third = sent(device.receive(&orders));
    assert_eq!(cred(&third), None);
    assert_eq!(third.header.source.loc_name, None);
    assert_content(&device);
}

#[test]
fn after_200_the_same_credential_is_sent_and_a_new_nonce_changes_it() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, NONCE)));
    let third = sent(device.receive(&server.answer(&second, vec![get(&["./DevInfo/Man"])])));
    assert_eq!(cred(&third), cred(&second));
    let orders = server.answer_with(&third, StatusCode::OK, Some(chal("Tm9uY2U=")), vec![get(&["./DevInfo/Man"])]);
    let fourth = sent(device.receive(&orders));
    let nonce = Nonce::from_base64("Tm9uY2U=").unwrap();
    assert_eq!(cred(&fourth), Some(A1::new("dm-client-01", "Secr3t-Password!").digest(&nonce).as_str()));
    assert_content(&device);
}

#[test]
fn the_second_401_ends_the_session() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let second = sent(device.receive(&server.challenge(&first, 407, NONCE)));
    let third = sent(device.receive(&server.challenge(&second, 401, "Tm9uY2U=")));
    assert_ne!(cred(&second), cred(&third));
    let next = device.receive(&server.challenge(&third, 401, NONCE));
    assert_eq!(next, Next::Ended(Ending::NotAuthenticated));
    assert_eq!(device.session_id(), None);
}

#[test]
fn a_401_without_challenge_ends_the_session() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let refusal = server.message(&first, vec![status(&first, "0", "SyncHdr", StatusCode::INVALID_CREDENTIALS)]);
    assert_eq!(device.receive(&refusal), Next::Ended(Ending::NotAuthenticated));
}

#[test]
fn a_weaker_scheme_is_never_taken() {
    let (mut device, mut server) = (device(), Server::new());
    let first = device.start_session(Trigger::Schedule);
    let mut challenge = server.challenge(&first, 407, NONCE);
    if let Command::Status(header) = &mut challenge.body.commands[0] {
        header.chal.as_mut().unwrap().meta.mime = Some("syncml:auth-basic".to_owned());
    }
    assert_eq!(device.receive(&challenge), Next::Ended(Ending::SchemeNotSupported));
}

#[test]
fn an_account_with_basic_sends_name_and_password() {
    let mut identity = DeviceIdentity::new(DEVICE, "Bruce2", "OhBehave");
    identity.scheme = AuthScheme::Basic;
    let mut device = Device::new(identity, URL, Behaviour::default(), 1);
    let first = device.start_session(Trigger::Schedule);
    let mut challenge = Server::new().challenge(&first, 407, NONCE);
    if let Command::Status(header) = &mut challenge.body.commands[0] {
        header.chal.as_mut().unwrap().meta.mime = Some("syncml:auth-basic".to_owned());
    }
    assert_eq!(cred(&sent(device.receive(&challenge))), Some("QnJ1Y2UyOk9oQmVoYXZl"));
}

#[test]
fn the_nonce_of_the_last_session_is_used_only_by_switch() {
    for remembers_nonce in [false, true] {
        let mut device = device_that(Behaviour { remembers_nonce, ..Behaviour::default() });
        let mut server = Server::new();
        let first = device.start_session(Trigger::Schedule);
        let second = sent(device.receive(&server.challenge(&first, 407, NONCE)));
        let end = server.answer_with(&second, StatusCode::AUTHENTICATED, Some(chal("Tm9uY2U=")), vec![]);
        assert_eq!(device.receive(&end), Next::Quiet);
        let next_session = device.start_session(Trigger::Schedule);
        assert_eq!(next_session.header.cred.is_some(), remembers_nonce);
        if remembers_nonce {
            let nonce = Nonce::from_base64("Tm9uY2U=").unwrap();
            assert_eq!(cred(&next_session), Some(A1::new("dm-client-01", "Secr3t-Password!").digest(&nonce).as_str()));
        }
    }
}

#[test]
fn endless_challenges_are_given_up() {
    let (mut device, mut server) = (device(), Server::new());
    let mut message = device.start_session(Trigger::Schedule);
    for _ in 0..40 {
        let accepted = server.answer_with(&message, StatusCode::AUTHENTICATED, None, vec![get(&["./DevInfo/Man"])]);
        message = sent(device.receive(&accepted));
        match device.receive(&server.challenge(&message, 407, NONCE)) {
            Next::Send(again) => message = again,
            next => return assert_eq!(next, Next::Ended(Ending::NotAuthenticated)),
        }
    }
    panic!("the device never gave up");
}

fn suspicious() -> (Device, Server) {
    let mut identity = DeviceIdentity::new(DEVICE, "dm-client-01", "Secr3t-Password!");
    identity.server = Some(ServerIdentity::new("Bruce1", "OhBehave"));
    let behaviour = Behaviour { authenticates_server: true, ..Behaviour::default() };
    (Device::new(identity, URL, behaviour, 1), Server::new())
}

fn with_cred(mut message: Message, challenge: &Message, password: &str) -> Message {
    let Command::Status(header) = &challenge.body.commands[0] else { panic!("the header's Status comes first") };
    let nonce = header.chal.as_ref().unwrap().meta.next_nonce.as_deref().unwrap();
    let data = A1::new("Bruce1", password).digest(&Nonce::from_base64(nonce).unwrap());
    message.header.cred = Some(Cred { meta: None, data });
    message.header.source.loc_name = Some("Bruce1".to_owned());
    message
}

#[test]
fn the_server_is_asked_who_it_is_before_anything_is_done() {
    let (mut device, mut server) = suspicious();
    let first = device.start_session(Trigger::Schedule);
    let orders = vec![set(Verb::Replace, "./Vendor/MSFT/Policy/Config/A/B", Format::Int, "1")];
    let asked = sent(device.receive(&server.answer(&first, orders.clone())));
    assert_eq!(statuses_of(&asked), [("0", "SyncHdr", None, 407)]);
    assert!(device.log().effects().is_empty());

    let mut again = vec![status(&asked, "0", "SyncHdr", StatusCode::OK)];
    again.extend(
        first.body.commands.iter().map(|command| status(&first, command.cmd_id(), command.name(), StatusCode::OK)),
    );
    again.extend(orders);
    let again = with_cred(server.message(&asked, again), &asked, "OhBehave");
    let done = sent(device.receive(&again));
    assert_eq!(statuses_of(&done)[0], ("0", "SyncHdr", None, 212));
    assert_eq!(statuses_of(&done)[1].3, 200);
    assert_eq!(device.log().effects().len(), 1);
    assert_content(&device);
}

#[test]
fn a_server_that_can_not_prove_itself_is_left() {
    let (mut device, mut server) = suspicious();
    let first = device.start_session(Trigger::Schedule);
    let mut asked = sent(device.receive(&server.answer(&first, vec![])));
    for _ in 0..2 {
        let header = vec![status(&asked, "0", "SyncHdr", StatusCode::OK)];
        match device.receive(&with_cred(server.message(&asked, header), &asked, "wrong")) {
            Next::Send(message) => asked = message,
            next => return assert_eq!(next, Next::Ended(Ending::ServerNotAuthenticated)),
        }
        assert_eq!(statuses_of(&asked), [("0", "SyncHdr", None, 401)]);
    }
    panic!("the device never gave up");
}
