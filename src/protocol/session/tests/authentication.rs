//! Who speaks (OMA DM Security 5, threats T03 to T05).

use super::talk::{Talk, alert, get, heard, status};
use crate::session::{
    A1, AuthMode, Authentication, CommandState, Credential, Event, Guesses, Nonce, Offered, RefusalKind, Rotation,
    Timestamp, TooManyOffered,
};

#[test]
fn a_message_without_credential_is_challenged_and_changes_nothing() {
    let mut talk = Talk::by_digest();
    let order = talk.order(&get("./DevDetail/SwV"));
    let before = talk.store.clone();
    let reply = talk.says([alert(2, 1201)]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 407"]);
    assert_eq!(reply.refusal(), Some(RefusalKind::Challenged));
    assert!(reply.nonce().is_some() && reply.is_final());
    assert_eq!(talk.store.account, before.account);
    assert_eq!((talk.store.session.is_none(), talk.state(&order)), (true, CommandState::Queued));
}

#[test]
fn package_one_comes_again_with_the_digest_of_the_challenge() {
    let mut talk = Talk::by_digest();
    talk.order(&get("./DevDetail/SwV"));
    talk.cred = talk.says([alert(2, 1201)]).nonce();
    let reply = talk.says([status(1, 1, 0, "SyncHdr", 200), alert(2, 1201)]);
    assert_eq!(reply.statuses(), ["0 SyncHdr 212", "2 Alert 200"]);
    assert_eq!(reply.commands(), ["3 Get ./DevDetail/SwV"]);
    assert_eq!(reply.message.header.msg_id, "2");
    assert!(matches!(talk.session().authentication, Authentication::Digest(_)));
}

#[test]
fn the_nonce_is_renewed_in_every_session() {
    let mut talk = Talk::by_digest();
    let first = talk.store.account.next_nonce.clone();
    talk.cred = Some(first.clone());
    let second = talk.says([alert(2, 1201)]).nonce().expect("a new nonce");
    talk.begins("2");
    talk.cred = Some(second.clone());
    let reply = talk.says([alert(2, 1201)]);
    assert_eq!(reply.header(), 212);
    let third = reply.nonce().expect("a new nonce");
    assert!(first != second && second != third && first != third);
    assert_eq!(talk.store.account.next_nonce, third);
}

#[test]
fn a_session_needs_its_credential_once() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.says([alert(2, 1201)]);
    assert_eq!(talk.says([heard(1)]).header(), 200);
}

#[test]
fn the_credential_of_the_session_may_come_again_in_it() {
    let mut talk = Talk::by_digest();
    let nonce = talk.store.account.next_nonce.clone();
    talk.cred = Some(nonce.clone());
    let next = talk.says([alert(2, 1201)]).nonce();
    talk.cred = Some(nonce);
    let reply = talk.says([heard(1)]);
    assert_eq!((reply.header(), reply.nonce()), (212, None));
    assert_eq!(Some(talk.store.account.next_nonce.clone()), next);
}

#[test]
fn a_wrong_credential_is_challenged_once_and_then_no_more() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(Nonce::from_bytes(b"wrong"));
    let first = talk.says([alert(2, 1201)]);
    assert_eq!((first.header(), first.nonce().is_some()), (401, true));
    talk.cred = Some(Nonce::from_bytes(b"wrong"));
    let second = talk.says([alert(2, 1201)]);
    assert_eq!((second.header(), second.nonce()), (401, None));
    assert_eq!(second.refusal(), Some(RefusalKind::WrongCredential));
    assert_eq!((talk.store.account.failures, talk.store.session.is_none()), (2, true));
    talk.begins("2");
    talk.cred = Some(Nonce::from_bytes(b"wrong"));
    talk.cred = talk.says([alert(2, 1201)]).nonce();
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    assert_eq!(talk.store.account.failures, 0);
}

#[test]
fn the_nonce_of_a_challenge_works_once() {
    let mut talk = Talk::by_digest();
    let nonce = talk.says([alert(2, 1201)]).nonce();
    talk.cred = nonce.clone();
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    talk.says([heard(2)]);
    for session in ["1", "2"] {
        talk.begins(session);
        talk.cred = nonce.clone();
        assert_eq!(talk.says([alert(2, 1201)]).header(), 401, "session {session}");
    }
}

#[test]
fn the_nonce_of_a_challenge_works_in_its_session_only() {
    let mut talk = Talk::by_digest();
    let nonce = talk.says([alert(2, 1201)]).nonce();
    talk.begins("2");
    talk.cred = nonce;
    assert_eq!(talk.says([alert(2, 1201)]).header(), 401);
}

#[test]
fn another_challenge_has_another_nonce() {
    let mut talk = Talk::by_digest();
    let mut nonces = Vec::new();
    for session in ["1", "2", "3"] {
        talk.begins(session);
        nonces.extend([talk.says([alert(2, 1201)]).nonce(), talk.says([alert(2, 1201)]).nonce()]);
    }
    let count = nonces.len();
    nonces.dedup();
    assert!(nonces.len() == count && nonces.iter().all(Option::is_some));
}

#[test]
fn the_previous_nonce_is_taken_once_when_the_reply_that_replaced_it_was_lost() {
    let mut talk = Talk::by_digest();
    let nonce = talk.store.account.next_nonce.clone();
    talk.cred = Some(nonce.clone());
    talk.says([alert(2, 1201)]);
    // The device never heard the new nonce and gives the session up.
    talk.begins("2");
    talk.cred = Some(nonce.clone());
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    talk.begins("3");
    talk.cred = Some(nonce);
    assert_eq!(talk.says([alert(2, 1201)]).header(), 401);
}

#[test]
fn a_device_that_went_on_has_heard_its_new_nonce() {
    let mut talk = Talk::by_digest();
    let nonce = talk.store.account.next_nonce.clone();
    talk.cred = Some(nonce.clone());
    talk.says([alert(2, 1201)]);
    talk.says([heard(1)]);
    talk.begins("2");
    talk.cred = Some(nonce);
    assert_eq!(talk.says([alert(2, 1201)]).header(), 401, "a recorded credential");
}

#[test]
fn a_recorded_message_opens_nothing() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    let recorded = talk.text(&alert(2, 1201)).replace("<MsgID>0<", "<MsgID>1<");
    assert_eq!(talk.posts(&recorded).header(), 212);
    talk.message = 1;
    talk.says([heard(1)]);
    for minutes in [0, 1, 29, 600] {
        talk.waits(minutes);
        let before = talk.standing();
        let reply = talk.posts(&recorded);
        assert!(reply.refusal().is_some(), "after {minutes} minutes");
        assert_eq!(talk.standing(), before);
    }
}

#[test]
fn another_name_is_a_wrong_credential() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.message = 1;
    let text = talk.text(&alert(2, 1201)).replace("dm-client-01", "dm-client-02");
    assert_eq!(talk.posts(&text).header(), 401);
}

#[test]
fn a_weaker_scheme_than_the_account_has_is_a_wrong_credential() {
    let mut talk = Talk::by_digest();
    talk.message = 1;
    let basic = "<Cred><Meta><Type xmlns=\"syncml:metinf\">syncml:auth-basic</Type></Meta>\
                 <Data>ZG0tY2xpZW50LTAxOlNlY3IzdC1QYXNzd29yZCE=</Data></Cred></SyncHdr>";
    let text = talk.text(&alert(2, 1201)).replace("</SyncHdr>", basic);
    let reply = talk.posts(&text);
    assert_eq!((reply.header(), reply.nonce().is_some()), (401, true));
}

#[test]
fn basic_accounts_are_challenged_without_a_nonce() {
    let mut talk = Talk::by_password();
    let reply = talk.says([alert(2, 1201)]);
    assert_eq!((reply.header(), reply.nonce()), (407, None));
    assert!(reply.text.contains("syncml:auth-basic"));
    talk.cred = Some(Nonce::from_bytes(b""));
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    assert_eq!(talk.says([heard(2)]).header(), 200);
}

#[test]
fn in_message_mode_every_message_needs_its_credential_and_is_answered_200() {
    let mut talk = Talk::by_digest();
    talk.rules.auth_mode = AuthMode::PerMessage;
    talk.cred = Some(talk.store.account.next_nonce.clone());
    let first = talk.says([alert(2, 1201)]);
    assert_eq!(first.header(), 200);
    let nonce = first.nonce();
    assert!(nonce.is_some());
    let without = talk.says([heard(1)]);
    assert_eq!(without.header(), 407);
    talk.cred = nonce;
    let second = talk.says([heard(1)]);
    assert_eq!(second.header(), 200);
    assert!(!second.is_new());
    talk.cred = second.nonce();
    assert_eq!(talk.says([heard(2)]).header(), 200);
}

#[test]
fn in_message_mode_a_password_is_answered_200_too() {
    let mut talk = Talk::by_password();
    talk.rules.auth_mode = AuthMode::PerMessage;
    for message in 0..3 {
        talk.cred = Some(Nonce::from_bytes(b""));
        assert_eq!(talk.says([alert(2, 1201)]).header(), 200, "message {message}");
    }
    assert_eq!(talk.says([alert(2, 1201)]).header(), 407);
}

#[test]
fn a_certificate_counts_for_the_message_that_it_came_with() {
    let mut talk = Talk::by_certificate();
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    talk.by_transport = false;
    let reply = talk.says([heard(1)]);
    assert_eq!(reply.refusal(), Some(RefusalKind::Challenged));
    talk.message = 1;
    let repeated = talk.repeats();
    assert!(!repeated.is_repeat(), "the stored reply is not for everybody");
}

#[test]
fn the_stored_reply_goes_only_to_who_proves_what_was_proved_before() {
    let mut talk = Talk::by_certificate();
    talk.order(&get("./DevDetail/SwV"));
    talk.says([alert(2, 1201)]);
    talk.by_transport = false;
    let reply = talk.repeats();
    assert_eq!((reply.is_repeat(), reply.commands().len()), (false, 0));
    talk.by_transport = true;
    assert!(talk.repeats().is_repeat());
}

#[test]
fn a_silent_session_needs_a_new_credential() {
    let mut talk = Talk::by_digest();
    talk.order(&get("./DevDetail/SwV"));
    talk.cred = Some(talk.store.account.next_nonce.clone());
    let nonce = talk.says([alert(2, 1201)]).nonce();
    talk.waits(31);
    let before = talk.store.session.clone().map(|session| session.in_flight);
    let reply = talk.says([heard(1), status(2, 1, 3, "Get", 200)]);
    assert_eq!(reply.refusal(), Some(RefusalKind::Challenged));
    assert_eq!(talk.store.session.clone().map(|session| session.in_flight), before);
    talk.cred = nonce;
    assert!(!talk.says([heard(1)]).is_new());
}

#[test]
fn a_challenge_of_the_last_message_counts_as_a_message_of_ours() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.says([alert(2, 1201)]);
    talk.says([heard(1)]);
    talk.waits(120);
    let challenged = talk.repeats();
    assert_eq!(challenged.refusal(), Some(RefusalKind::Challenged));
    talk.cred = challenged.nonce();
    let reply = talk.says([heard(2)]);
    assert_eq!((challenged.message.header.msg_id.as_str(), reply.message.header.msg_id.as_str()), ("3", "4"));
}

#[test]
fn our_own_credential_answers_the_challenge_of_a_device() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./DevDetail/SwV"));
    talk.says([heard(1)]);
    assert_eq!(talk.state(&order), CommandState::Sent);
    let chal = "<Status><CmdID>1</CmdID><MsgRef>2</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta>\
                <Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>\
                <NextNonce xmlns=\"syncml:metinf\">Tm9uY2U=</NextNonce></Meta></Chal><Data>407</Data></Status>";
    let reply = talk.says([chal.to_owned()]);
    let nonce = Nonce::from_base64("Tm9uY2U=").expect("base64");
    let expected = talk.store.account.server.as_ref().expect("credentials").a1.digest(&nonce);
    assert_eq!(reply.message.header.cred.as_ref().map(|cred| &cred.data), Some(&expected));
    assert_eq!(reply.message.header.source.loc_name.as_deref(), Some("dm-server-01"));
    assert_eq!(reply.commands(), ["2 Get ./DevDetail/SwV"], "what the device did not look at comes again");
    assert_eq!(talk.command(&order).progress.unanswered, 0);
}

#[test]
fn a_device_that_never_trusts_us_hears_no_commands() {
    let mut talk = Talk::begun();
    let order = talk.order(&get("./DevDetail/SwV"));
    talk.says([heard(1)]);
    let chal = |message: u32| {
        format!(
            "<Status><CmdID>1</CmdID><MsgRef>{message}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta>\
             <Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>\
             <NextNonce xmlns=\"syncml:metinf\">Tm9uY2U=</NextNonce></Meta></Chal><Data>401</Data></Status>"
        )
    };
    assert_eq!(talk.says([chal(2)]).commands().len(), 1);
    assert_eq!(talk.says([chal(3)]).commands().len(), 1);
    let reply = talk.says([chal(4)]);
    assert_eq!((reply.commands().len(), reply.anomalies()), (0, vec!["server_not_trusted"]));
    assert_eq!(talk.state(&order), CommandState::Queued);
}

#[test]
fn a_device_that_counts_from_one_again_is_challenged_whatever_it_counted_to() {
    let mut talk = Talk::by_digest();
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.says([alert(2, 1201)]);
    for message in 1..6 {
        talk.says([heard(message)]);
    }
    // Its first message is lost, and the second has no credential either.
    talk.message = 1;
    talk.cred = talk.says([alert(2, 1201)]).nonce();
    assert!(talk.cred.is_some());
    assert!(talk.says([alert(2, 1201)]).is_new());
}

#[test]
fn who_guesses_too_often_is_heard_only_with_the_nonce_that_the_device_was_told() {
    let mut talk = Talk::by_digest();
    talk.guesses = Guesses::Many;
    // A right digest over a challenge is no more than a guess that hit.
    let challenge = talk.says([alert(2, 1201)]).nonce();
    talk.cred = challenge;
    let (account, reply) = (talk.store.account.clone(), talk.says([alert(2, 1201)]));
    assert_eq!((reply.refusal(), reply.header(), reply.nonce()), (Some(RefusalKind::Locked), 401, None));
    assert_eq!(talk.store.account, account, "it is not even counted");
    // What only the device can know still counts.
    talk.cred = Some(talk.store.account.next_nonce.clone());
    talk.begins("2");
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
    // A password has no nonce.
    let mut talk = Talk::by_password();
    talk.guesses = Guesses::Many;
    talk.cred = Some(Nonce::from_bytes(b""));
    assert_eq!(talk.says([alert(2, 1201)]).refusal(), Some(RefusalKind::Locked));
}

#[test]
fn who_names_a_device_from_elsewhere_does_not_take_its_challenge() {
    let wrong = Nonce::from_bytes(b"never told to anybody");
    let mut talk = Talk::by_digest();
    talk.cred = Some(wrong.clone());
    assert!(talk.says([alert(2, 1201)]).nonce().is_some(), "somebody guesses in the device's session");
    talk.guesses = Guesses::None;
    talk.cred = Some(wrong);
    let challenge = talk.says([alert(2, 1201)]).nonce();
    assert!(challenge.is_some(), "from where nobody guessed");
    talk.cred = challenge;
    assert_eq!(talk.says([alert(2, 1201)]).header(), 212);
}

/// What a device is offered at a time, with another secret.
fn offered(secret: &str, at: i64) -> Offered {
    let credential = |name: &str| Credential { name: name.to_owned(), a1: A1::new(name, secret) };
    Offered { client: credential("dm-client-01"), server: Some(credential("dm-server-01")), at: Timestamp(at) }
}

#[test]
fn old_and_new_credentials_are_right_until_the_new_ones_are_used() {
    let mut talk = Talk::by_digest();
    let (first, second) = (offered("first", 1), offered("second", 2));
    for one in [&first, &second] {
        talk.store.account.offer(one.clone()).unwrap();
    }
    let old = talk.store.account.client.clone();
    let tries = |talk: &mut Talk, session: &str, with: &Credential| {
        talk.begins(session);
        talk.other = Some(with.clone());
        talk.cred = Some(talk.store.account.next_nonce.clone());
        talk.says([alert(2, 1201)])
    };
    assert_eq!(tries(&mut talk, "2", &old).header(), 212);
    assert_eq!((talk.store.account.rotation.offered.len(), &talk.store.account.client), (2, &old));
    // The answer to the first may be lost, and the second never have come.
    let reply = tries(&mut talk, "3", &first.client);
    assert_eq!(reply.header(), 212);
    assert!(reply.decision().events.contains(&Event::CredentialsChanged));
    let account = &talk.store.account;
    assert_eq!((&account.client, &account.server), (&first.client, &first.server));
    assert_eq!(account.rotation, Rotation { since: Some(talk.now), ..Rotation::default() });
    assert_eq!(tries(&mut talk, "4", &old).header(), 401, "the old one is retired");
    assert_eq!(tries(&mut talk, "5", &second.client).header(), 401, "and what was never used as well");
    assert_eq!(tries(&mut talk, "6", &first.client).header(), 212);
}

#[test]
fn no_more_is_offered_than_can_be_kept_and_what_was_refused_is_taken_back() {
    let mut account = Talk::by_digest().store.account;
    for at in 0..3 {
        account.offer(offered("another", at)).unwrap();
    }
    assert_eq!(account.offer(offered("another", 3)), Err(TooManyOffered));
    account.withdraw(Timestamp(1));
    assert_eq!(account.rotation.offered.iter().map(|one| one.at.0).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn a_device_that_asks_twice_who_we_are_may_have_taken_what_was_offered() {
    let mut talk = Talk::begun();
    let new = offered("another", 1);
    talk.store.account.offer(new.clone()).unwrap();
    let nonce = Nonce::from_base64("Tm9uY2U=").unwrap();
    let mut creds = Vec::new();
    for message in [1, 2] {
        let chal = format!(
            "<Status><CmdID>1</CmdID><MsgRef>{message}</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Chal><Meta>\
             <Type xmlns=\"syncml:metinf\">syncml:auth-md5</Type>\
             <NextNonce xmlns=\"syncml:metinf\">Tm9uY2U=</NextNonce></Meta></Chal><Data>401</Data></Status>"
        );
        creds.push(talk.says([chal]).message.header.cred.map(|cred| cred.data));
    }
    let digest = |credential: Option<&Credential>| credential.map(|one| one.a1.digest(&nonce));
    assert_eq!(creds, [digest(talk.store.account.server.as_ref()), digest(new.server.as_ref())]);
}
