//! One message of a device: what it is given, and what it leaves behind.

use transom::model::{AuthenticationMethod, DeviceInfo, Exchange, ExchangeId, SessionFilter, SessionKey};
use transom::store::{Error, Reply, SaveContact, SaveSession, Tx};
use transom_protocol::session::{CommandId, Ending, LoginStatus, MsgId, Phase, Sent, SentAnswer, SentPart, Session};
use transom_protocol::syncml::codec::Encoding;

use super::{NOW, account, device, session};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_session_comes_back_as_it_was_saved,
    an_idle_check_in_costs_six_statements,
    who_was_not_authenticated_was_not_seen,
    the_newest_session_is_the_one_that_counts,
    silence_is_noticed_only_while_something_is_in_flight,
    what_the_device_says_of_itself_is_kept,
);

/// The session after a message, to be saved.
fn saved<'a>(key: &'a SessionKey, session: &'a Session, is_new: bool) -> SaveSession<'a> {
    SaveSession { key, session, is_new, reply: None, commands_sent: 0, commands_answered: 0 }
}

/// Saves a session for the device's newest enrollment.
fn save(tx: &mut Tx<'_>, key: &SessionKey, session: &Session, is_new: bool) -> Result<(), Error> {
    let contact = tx.live_enrollments(&device("a"))?.remove(0);
    tx.save_contact(SaveContact {
        enrollment: &contact.enrollment,
        device_id: &contact.device_id,
        now: session.last_at,
        account: None,
        info: None,
        session: Some(saved(key, session, is_new)),
    })
}

async fn a_session_comes_back_as_it_was_saved(test: &TestStore) {
    let enrollment = test.enroll("Dev-1").await;
    let key = SessionKey::new(NOW);
    let (value, saved_key) = (session("7", NOW), key.clone());
    let reply = Reply { encoding: Encoding::Wbxml, body: vec![0, 1, 2, 255] };
    let (told, id) = (reply.clone(), enrollment.clone());
    test.store
        .write(move |tx| {
            tx.save_contact(SaveContact {
                enrollment: &id,
                device_id: &device("DEV-1"),
                now: NOW.plus_millis(5),
                account: Some(&account("changed")),
                info: None,
                session: Some(SaveSession {
                    reply: Some(&told),
                    commands_sent: 2,
                    commands_answered: 1,
                    ..saved(&saved_key, &value, true)
                }),
            })?;
            assert_eq!(tx.statements(), 2);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let contacts = test.store.write(|tx| tx.live_enrollments(&device("dev-1"))).await.unwrap();
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0].enrollment, enrollment);
    assert_eq!(contacts[0].account, account("changed"));
    assert_eq!(contacts[0].session, Some((key.clone(), session("7", NOW))));
    let of = key.clone();
    assert_eq!(test.store.read(move |tx| tx.last_reply(&of)).await.unwrap(), Some(reply));
    let record = test.store.read(move |tx| tx.session(&key)).await.unwrap().unwrap();
    assert_eq!((record.exchanges, record.commands_sent, record.commands_answered), (1, 2, 1));
    assert_eq!((record.device_id, record.enrollment), (device("Dev-1"), enrollment));
    assert_eq!((record.authentication, record.login), (AuthenticationMethod::Digest, LoginStatus::User));
    let lives = test.store.read(|tx| tx.enrollments(&device("DEV-1"))).await.unwrap();
    assert_eq!(lives[0].last_seen_at, Some(NOW.plus_millis(5)));
}

fn exchange() -> Exchange {
    Exchange {
        id: ExchangeId::new(NOW),
        session: None,
        enrollment: None,
        device: Some(device("a")),
        session_id: None,
        received_at: NOW,
        duration_us: 900,
        peer: "192.0.2.1:50000".to_owned(),
        encoding: Some(Encoding::Xml),
        client_message: Some(1),
        server_message: Some(1),
        outcome: "answered".to_owned(),
        detail: None,
        headers: serde_json::json!({"User-Agent": "MSFT OMA DM Client/1.2.0.1"}),
        request: Some(vec![1; 800]),
        reply: Some(vec![2; 700]),
        request_size: 3900,
        reply_size: 1200,
        proofs: Vec::new(),
    }
}

async fn an_idle_check_in_costs_six_statements(test: &TestStore) {
    test.enroll("a").await;
    for round in 0..3 {
        // Message 1 carries no credential: it is challenged.
        let challenged = test.store.write(|tx| {
            assert_eq!(tx.live_enrollments(&device("a"))?.len(), 1);
            tx.record_exchange(&exchange())?;
            Ok::<_, Error>(tx.statements())
        });
        // Message 2 carries it, and there is nothing to do.
        let answered = test.store.write(move |tx| {
            let contact = tx.live_enrollments(&device("a"))?.remove(0);
            assert_eq!(contact.open_commands, 0, "nothing to look up in the queue");
            let (key, value) = (SessionKey::new(NOW), session(&round.to_string(), NOW));
            let reply = Reply { encoding: Encoding::Xml, body: vec![2; 700] };
            let mut account = contact.account;
            account.accepted += 1;
            tx.save_contact(SaveContact {
                enrollment: &contact.enrollment,
                device_id: &contact.device_id,
                now: NOW,
                account: Some(&account),
                info: None,
                session: Some(SaveSession { reply: Some(&reply), ..saved(&key, &value, true) }),
            })?;
            tx.record_exchange(&Exchange { session: Some(key), ..exchange() })?;
            Ok::<_, Error>(tx.statements())
        });
        assert_eq!(challenged.await.unwrap() + answered.await.unwrap(), 6);
    }
}

async fn who_was_not_authenticated_was_not_seen(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let of = enrollment.clone();
    let mut wrong = account("secret");
    wrong.failures = 3;
    test.store
        .write(move |tx| {
            tx.save_contact(SaveContact {
                enrollment: &of,
                device_id: &device("a"),
                now: NOW.plus_millis(1),
                account: Some(&wrong),
                info: None,
                session: None,
            })?;
            assert_eq!(tx.statements(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let contact = test.store.write(move |tx| tx.enrollment_for_update(&enrollment)).await.unwrap().unwrap();
    assert_eq!((contact.account.failures, contact.session), (3, None));
    assert_eq!(test.store.read(|tx| tx.enrollments(&device("a"))).await.unwrap()[0].last_seen_at, None);
}

async fn the_newest_session_is_the_one_that_counts(test: &TestStore) {
    test.enroll("a").await;
    let keys = [SessionKey::new(NOW), SessionKey::new(NOW.plus_millis(1))];
    let [first, second] = keys.clone();
    test.store
        .write(move |tx| {
            save(tx, &first, &session("1", NOW), true)?;
            let mut on = session("1", NOW);
            on.client_message = on.client_message.next();
            save(tx, &first, &on, false)?;
            save(tx, &second, &session("2", NOW.plus_millis(1)), true)
        })
        .await
        .unwrap();
    let contact = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().remove(0);
    assert_eq!(contact.session.unwrap().0, keys[1]);
    let filter = SessionFilter { device: Some(device("A")), ..SessionFilter::default() };
    let listed = test.store.read(move |tx| tx.sessions(&filter, None, 10)).await.unwrap().items;
    assert_eq!(listed.iter().map(|session| &session.id).collect::<Vec<_>>(), [&keys[1], &keys[0]]);
    assert_eq!((listed[0].phase, listed[1].phase), (Phase::Open, Phase::Ended(Ending::Replaced)));
    assert_eq!((listed[1].exchanges, listed[1].client_message), (2, 2));
    let of = keys[0].clone();
    assert_eq!(test.store.read(move |tx| tx.last_reply(&of)).await.unwrap(), None);
    let nobody = SessionKey::new(NOW);
    let refused = test.store.write(move |tx| save(tx, &nobody, &session("3", NOW), false)).await;
    assert!(matches!(refused, Err(Error::NotFound("session"))));
}

async fn silence_is_noticed_only_while_something_is_in_flight(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let key = SessionKey::new(NOW);
    let mut waiting = session("1", NOW);
    waiting.in_flight = vec![Sent {
        message: MsgId::FIRST,
        cmd_id: 2,
        command: CommandId("c".to_owned()),
        part: SentPart::Group,
        answer: SentAnswer::Awaited,
    }];
    let silent = |before: i64| test.store.read(move |tx| tx.silent_sessions(NOW.plus_millis(before), 10));
    let (of, value) = (key.clone(), waiting.clone());
    test.store.write(move |tx| save(tx, &of, &value, true)).await.unwrap();
    assert_eq!(silent(0).await.unwrap(), Vec::new(), "not yet");
    assert_eq!(silent(1).await.unwrap(), [(enrollment, key.clone())]);
    waiting.phase = Phase::Ended(Ending::TimedOut);
    let (of, value) = (key.clone(), waiting.clone());
    test.store.write(move |tx| save(tx, &of, &value, false)).await.unwrap();
    assert_eq!(silent(1).await.unwrap(), Vec::new(), "it ended");
    waiting.phase = Phase::Open;
    waiting.in_flight.clear();
    test.store.write(move |tx| save(tx, &key, &waiting, false)).await.unwrap();
    assert_eq!(silent(1).await.unwrap(), Vec::new(), "nothing is awaited");
}

async fn what_the_device_says_of_itself_is_kept(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let info = DeviceInfo {
        name: Some("DESKTOP-\u{0}Ünï".to_owned()),
        manufacturer: Some("Contoso".to_owned()),
        os_version: Some("10.0.26100.1".to_owned()),
        ..DeviceInfo::default()
    };
    let told = info.clone();
    test.store
        .write(move |tx| {
            tx.save_contact(SaveContact {
                enrollment: &enrollment,
                device_id: &device("a"),
                now: NOW,
                account: None,
                info: Some(&told),
                session: None,
            })
        })
        .await
        .unwrap();
    let contact = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().remove(0);
    assert_eq!(contact.info, info, "to be compared with what it says next");
    let shown = test.store.read(|tx| tx.device(&device("a"))).await.unwrap().unwrap();
    assert_eq!(shown.info.name.as_deref(), Some("DESKTOP-\u{fffd}Ünï"));
    assert_eq!(shown.info.os_version, info.os_version);
}
