//! Retention deletes what is old, and never what is needed.

use std::time::Duration;

use transom::model::{
    CommandId, CommandState, DeviceId, Event, EventId, EventKind, Exchange, ExchangeId, NewCommand, SessionKey,
    Timestamp,
};
use transom::model::{Dependency, TokenId};
use transom::store::{
    Carrier, CommandChange, Error, NewAttempt, NewChunk, Pruned, RetentionRules, SaveContact, SaveSession,
};
use transom_protocol::session::{MsgId, Pending};

use super::{NOW, device, get, session};
use crate::scenarios;
use crate::support::databases::{Direct, TestStore};

scenarios!(
    old_history_goes_and_new_history_stays,
    commands_that_are_needed_stay,
    the_newest_session_stays,
    the_journal_is_bounded_by_size,
    pruning_and_messages_do_not_disturb_each_other,
);

const DAY: i64 = 24 * 3600 * 1000;

fn rules() -> RetentionRules {
    RetentionRules { batch: 3, ..RetentionRules::default() }
}

async fn prune(test: &TestStore, now: Timestamp) -> Pruned {
    test.store.prune(now, rules()).await.unwrap()
}

fn exchange(at: Timestamp, size: usize) -> Exchange {
    Exchange {
        id: ExchangeId::new(at),
        session: None,
        enrollment: None,
        device: DeviceId::parse("a"),
        session_id: None,
        received_at: at,
        duration_us: 0,
        peer: String::new(),
        encoding: None,
        client_message: None,
        server_message: None,
        outcome: "refused".to_owned(),
        detail: None,
        headers: serde_json::Value::Null,
        request: Some(vec![7; size]),
        reply: None,
        request_size: 0,
        reply_size: 0,
        proofs: Vec::new(),
    }
}

fn event(at: Timestamp) -> Event {
    Event {
        id: EventId::new(at),
        device: Some(device("a")),
        enrollment: None,
        session: None,
        exchange: None,
        at,
        kind: EventKind::Anomaly,
        code: "x".to_owned(),
        mime: None,
        source: None,
        format: None,
        mark: None,
        data: None,
        detail: None,
    }
}

async fn old_history_goes_and_new_history_stays(test: &TestStore) {
    let token = TokenId::new(NOW);
    test.store
        .write(move |tx| {
            for day in 0..20 {
                let at = NOW.plus_millis(day * DAY);
                tx.record_exchange(&exchange(at, 10))?;
                tx.add_events(&[event(at)])?;
                tx.claim_request(&token, &day.to_string(), &[0; 32], at)?;
                let (session, device) = (&SessionKey::new(at), &device("a"));
                tx.append_upload_chunk(NewChunk { session, device, number: 1, data: b"x", at })?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let pruned = prune(test, NOW.plus_millis(90 * DAY + 10 * DAY + 1)).await;
    assert_eq!((pruned.exchanges, pruned.events), (11, 11), "in batches of three");
    assert_eq!((pruned.requests, pruned.upload_chunks), (20, 20));
    let mut direct = test.direct();
    for table in ["exchanges", "events"] {
        assert_eq!(direct.number(&format!("SELECT count(*) FROM {table}")), 9);
    }
    let oldest = direct.number("SELECT min(received_at) FROM exchanges");
    assert_eq!(oldest, NOW.plus_millis(11 * DAY).0);
    let again = prune(test, NOW.plus_millis(90 * DAY + 10 * DAY + 1)).await;
    assert_eq!(again, Pruned { journal_bytes: again.journal_bytes, ..Pruned::default() });
}

/// Settles commands as a message at `at` would.
async fn settle(test: &TestStore, ids: &[CommandId], state: CommandState, at: Timestamp) {
    let ids = ids.to_vec();
    test.store
        .write(move |tx| {
            let enrollment = tx.live_enrollments(&device("a"))?.remove(0).enrollment;
            let session = SessionKey::new(at);
            let exchange = ExchangeId::new(at);
            let carrier = Carrier { session: &session, message: MsgId::FIRST, exchange: &exchange, at };
            let attempt = |command: &CommandId| NewAttempt { command: command.clone(), number: 1, cmd_id: 2 };
            tx.add_attempts(carrier, &ids.iter().map(attempt).collect::<Vec<_>>())?;
            let settled = tx.open_commands(&enrollment, &ids, NOW)?;
            let change = |command| CommandChange { command: Pending { state, ..command }, sent: false };
            tx.save_commands(&enrollment, &settled.into_iter().map(change).collect::<Vec<_>>(), at)
        })
        .await
        .unwrap();
}

fn left(direct: &mut Direct) -> Vec<String> {
    direct.texts("SELECT target AS text FROM commands ORDER BY sequence")
}

async fn commands_that_are_needed_stay(test: &TestStore) {
    test.enroll("a").await;
    let wipe = NewCommand { proof: true, ..get("./Wipe") };
    let waits = NewCommand { depends_on: vec![Dependency::OnEarlier(2)], ..get("./Waits") };
    let order = vec![get("./Open"), get("./Done"), get("./Awaited"), wipe, get("./Doubt"), waits, get("./Young")];
    let ids = test.enqueue("a", order).await;
    settle(test, &ids[1..4], CommandState::Succeeded, NOW).await;
    settle(test, &ids[4..5], CommandState::Unknown, NOW).await;
    settle(test, &ids[6..], CommandState::Failed, NOW.plus_millis(50 * DAY)).await;
    let mut direct = test.direct();

    assert_eq!(prune(test, NOW.plus_millis(90 * DAY)).await.commands, 0, "not before their time");
    assert_eq!(prune(test, NOW.plus_millis(90 * DAY + 1)).await.commands, 1);
    assert_eq!(left(&mut direct), ["./Open", "./Awaited", "./Wipe", "./Doubt", "./Waits", "./Young"]);
    assert_eq!(direct.number("SELECT count(*) FROM attempts"), 4, "attempts go with their command");
    settle(test, &ids[5..6], CommandState::Succeeded, NOW.plus_millis(91 * DAY)).await;
    assert_eq!(prune(test, NOW.plus_millis(141 * DAY)).await.commands, 2);
    assert_eq!(left(&mut direct), ["./Open", "./Wipe", "./Doubt", "./Waits"]);
    prune(test, NOW.plus_millis(730 * DAY)).await;
    assert_eq!(left(&mut direct), ["./Open", "./Wipe", "./Doubt"]);
    prune(test, NOW.plus_millis(730 * DAY + 1)).await;
    assert_eq!(left(&mut direct), ["./Open"]);
    prune(test, NOW.plus_millis(7300 * DAY)).await;
    assert_eq!(left(&mut direct), ["./Open"], "what has no outcome stays for ever");
}

async fn the_newest_session_stays(test: &TestStore) {
    test.enroll("a").await;
    let keys: Vec<SessionKey> = (0..8).map(|_| SessionKey::new(NOW)).collect();
    let saved = keys.clone();
    test.store
        .write(move |tx| {
            let contact = tx.live_enrollments(&device("a"))?.remove(0);
            for (number, key) in saved.iter().enumerate() {
                let at = NOW.plus_millis(i64::try_from(number).unwrap());
                let save = SaveSession {
                    key,
                    session: &session("1", at),
                    is_new: true,
                    reply: None,
                    commands_sent: 0,
                    commands_answered: 0,
                };
                tx.save_contact(SaveContact {
                    enrollment: &contact.enrollment,
                    device_id: &contact.device_id,
                    now: at,
                    account: None,
                    info: None,
                    session: Some(save),
                })?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(prune(test, NOW.plus_millis(90 * DAY)).await.sessions, 0);
    assert_eq!(prune(test, NOW.plus_millis(90 * DAY + 3)).await.sessions, 3);
    assert_eq!(prune(test, NOW.plus_millis(9000 * DAY)).await.sessions, 4);
    let contact = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().remove(0);
    let (newest, _) = contact.session.unwrap();
    assert_eq!(newest, keys[7]);
    let looked = newest.clone();
    assert!(test.store.read(move |tx| tx.session(&looked)).await.unwrap().is_some());

    let of = contact.enrollment;
    test.store.write(move |tx| tx.end_enrollment(&of, NOW)).await.unwrap();
    let oldest = test.store.prune_oldest(NOW.plus_millis(9000 * DAY), rules()).await.unwrap();
    assert_eq!(oldest.sessions, 0, "what may have to stay is looked at once in a while");
    assert_eq!(prune(test, NOW.plus_millis(9000 * DAY)).await.sessions, 1, "nothing of an ended life is needed");
    assert!(test.store.read(move |tx| tx.session(&newest)).await.unwrap().is_none());
}

async fn the_journal_is_bounded_by_size(test: &TestStore) {
    let fill = async |from: i64, many: i64| {
        test.store
            .write(move |tx| {
                (from..from + many).try_for_each(|number| {
                    // One a minute: some are added up, some are too young for it.
                    tx.record_exchange(&exchange(NOW.plus_millis(number * 60_000), 2000))
                })
            })
            .await
            .unwrap();
    };
    fill(0, 40).await;
    let mut direct = test.direct();
    let mut stored = || direct.number("SELECT COALESCE(sum(stored_bytes), 0) FROM exchanges");
    let bounded = |bytes: u64, minute: i64| {
        test.store.prune(NOW.plus_millis(minute * 60_000), RetentionRules { journal_bytes: bytes, ..rules() })
    };
    let all = bounded(u64::MAX, 40).await.unwrap();
    assert_eq!((all.exchanges, all.journal_bytes), (0, stored()));
    assert!(all.journal_bytes > 40 * 2000);
    for (minute, bytes) in [(41, 60_000), (42, 60_000), (60, 60_000), (61, 5000)] {
        let pruned = bounded(bytes, minute).await.unwrap();
        assert_eq!(pruned.journal_bytes, stored(), "the sum is exact");
        assert!(pruned.journal_bytes <= i64::try_from(bytes).unwrap());
        assert!(pruned.journal_bytes + 3 * 3000 > i64::try_from(bytes).unwrap(), "not more than a batch too many");
        fill(minute * 2, 4).await;
    }
    assert_eq!(bounded(0, 200).await.unwrap().journal_bytes, 0);
    assert_eq!(stored(), 0);
    let emptied = test.store.prune(NOW, RetentionRules { age: Duration::ZERO, journal_bytes: 0, ..rules() }).await;
    assert_eq!(emptied.unwrap().exchanges, 0);
}

async fn pruning_and_messages_do_not_disturb_each_other(test: &TestStore) {
    test.enroll("a").await;
    let later = NOW.plus_millis(200 * DAY);
    test.store
        .write(|tx| (0..200).try_for_each(|number| tx.record_exchange(&exchange(NOW.plus_millis(number), 100))))
        .await
        .unwrap();
    // Two instances prune while devices speak.
    let stores = [test.store.clone(), test.reopen()];
    let pruning = stores.map(|store| tokio::spawn(async move { store.prune(later, rules()).await.unwrap() }));
    for number in 0..20 {
        let at = later.plus_millis(number);
        test.store.write(move |tx| tx.record_exchange(&exchange(at, 100))).await.unwrap();
        test.enqueue("a", vec![get("./A")]).await;
    }
    let mut pruned = 0;
    for one in pruning {
        pruned += one.await.unwrap().exchanges;
    }
    assert_eq!(pruned, 200, "each went once");
    let mut direct = test.direct();
    assert_eq!(direct.number("SELECT count(*) FROM exchanges"), 20);
    assert_eq!(direct.number("SELECT count(*) FROM commands"), 20);
    let sum = test.store.prune(later.plus_millis(DAY), rules()).await.unwrap().journal_bytes;
    assert_eq!(sum, direct.number("SELECT sum(stored_bytes) FROM exchanges"));
}
