//! The feed: one order, nothing skipped, nothing lost with a transaction, and bounds.

use std::sync::mpsc;

use serde_json::json;
use transom::model::{FeedFilter, FeedKind, FeedPage, NewWebhook, Secret, Timestamp, Told, WebhookClaim, WebhookState};
use transom::store::{Error, RetentionRules, Store};

use super::{NOW, device, get};
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};

scenarios!(
    what_happens_is_told_with_its_transaction_and_not_without,
    a_transaction_that_commits_late_is_not_passed_over,
    commands_are_told_when_they_have_their_outcome,
    a_filter_that_takes_nothing_comes_forward_all_the_same,
    the_feed_is_bounded_by_age_and_by_number,
    a_receiver_is_claimed_by_one_and_falls_to_others_when_the_claim_ends,
);

fn told(code: &str, at: Timestamp) -> Told {
    let told = Told::new(FeedKind::DeviceNotice, at, json!({ "code": code, "detail": null }));
    Told { device_id: Some(device("PC-1")), ..told }
}

async fn tell(store: &Store, codes: &'static [&'static str], at: Timestamp) {
    let job = move |tx: &mut transom::store::Tx<'_>| {
        for code in codes {
            tx.tell(told(code, at));
        }
        Ok::<_, Error>(())
    };
    store.write(job).await.unwrap();
}

async fn look(store: &Store, after: i64, filter: FeedFilter, limit: usize) -> FeedPage {
    store.write(|tx: &mut transom::store::Tx<'_>| tx.number_feed()).await.unwrap();
    store.read(move |tx| tx.feed(after, &filter, limit)).await.unwrap()
}

async fn codes(store: &Store, after: i64) -> Vec<String> {
    let page = look(store, after, FeedFilter::default(), 100).await;
    page.items.iter().map(|event| event.told.data["code"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn what_happens_is_told_with_its_transaction_and_not_without(test: &TestStore) {
    tell(&test.store, &["a", "b"], NOW).await;
    let failed: Result<(), Error> = test
        .store
        .write(|tx| {
            tx.tell(told("never", NOW));
            Err(Error::Busy)
        })
        .await;
    assert!(failed.is_err());
    tell(&test.store, &["c"], NOW).await;
    let page = look(&test.store, 0, FeedFilter::default(), 100).await;
    let numbers: Vec<i64> = page.items.iter().map(|event| event.number).collect();
    assert_eq!((numbers, page.next, page.head, page.oldest), (vec![1, 2, 3], 3, 3, 1));
    assert_eq!(codes(&test.store, 1).await, ["b", "c"]);
    assert_eq!(page.items[0].told.data, json!({ "code": "a" }));
    assert_eq!(page.items[0].told.device_id, Some(device("PC-1")));
    // What is told of a device may hold what it said.
    let mut direct = test.direct();
    let dump = match test.engine {
        Engine::Sqlite => "SELECT hex(data) AS text FROM feed",
        Engine::Postgres => "SELECT encode(data, 'hex') AS text FROM feed",
    };
    let sealed: Vec<String> = direct.texts(dump);
    assert!(sealed.iter().all(|data| !data.to_lowercase().contains("636f6465")), "{sealed:?}");
}

async fn a_transaction_that_commits_late_is_not_passed_over(test: &TestStore) {
    if test.engine == Engine::Sqlite {
        // There nobody else writes while one does: what is asked for is that numbers follow the commits.
        for code in [&["a"], &["b"], &["c"]] {
            tell(&test.store, code, NOW).await;
        }
        assert_eq!(codes(&test.store, 0).await, ["a", "b", "c"]);
        return;
    }
    let ((wrote, written), (go_on, wait)) = (mpsc::channel(), mpsc::channel());
    let store = test.store.clone();
    let late = tokio::spawn(async move {
        store
            .write(move |tx| {
                tx.tell(told("late", NOW));
                // Written, and not committed.
                tx.settle_accounts()?;
                wrote.send(()).unwrap();
                wait.recv().unwrap();
                Ok::<_, Error>(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || written.recv().unwrap()).await.unwrap();
    tell(&test.store, &["early"], NOW).await;
    let page = look(&test.store, 0, FeedFilter::default(), 100).await;
    assert_eq!((page.items.len(), page.next), (1, 1));
    go_on.send(()).unwrap();
    late.await.unwrap().unwrap();
    // Whoever has seen the first goes on behind it, and sees the other.
    assert_eq!(codes(&test.store, page.next).await, ["late"]);
    assert_eq!(codes(&test.store, 0).await, ["early", "late"]);
}

async fn commands_are_told_when_they_have_their_outcome(test: &TestStore) {
    test.enroll("PC-1").await;
    let ids = test.enqueue("PC-1", vec![get("./DevDetail/SwV"), get("./DevInfo/Man")]).await;
    let (first, now) = (ids[0].clone(), NOW);
    test.store.write(move |tx| tx.cancel(&first, false, "ada", now)).await.unwrap();
    let page = look(&test.store, 0, FeedFilter::default(), 100).await;
    let [event] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!(event.told.kind, FeedKind::CommandCanceled);
    assert_eq!(event.told.device_id, Some(device("PC-1")));
    let data = &event.told.data;
    assert_eq!((&data["command_id"], &data["kind"]), (&json!(ids[0].0), &json!("get")));
    assert_eq!((&data["target"], &data["reason"]), (&json!("./DevDetail/SwV"), &json!("by_operator")));
    for field in event.told.kind.fields() {
        assert!(!field.always || data.get(field.name).is_some(), "{field:?}");
    }
}

async fn a_filter_that_takes_nothing_comes_forward_all_the_same(test: &TestStore) {
    for _ in 0..4 {
        tell(&test.store, &["a", "b"], NOW).await;
    }
    let none = FeedFilter { kinds: vec![FeedKind::CommandFailed], devices: Vec::new() };
    let page = look(&test.store, 0, none, 3).await;
    assert_eq!((page.items.len(), page.next, page.head), (0, 8, 8));
    let others = FeedFilter { kinds: Vec::new(), devices: vec!["pc-2".to_owned()] };
    assert_eq!(look(&test.store, 0, others, 3).await.items, []);
    let mine = FeedFilter { kinds: vec![FeedKind::DeviceNotice], devices: vec!["pc-1".to_owned()] };
    let page = look(&test.store, 2, mine, 3).await;
    assert_eq!((page.items.len(), page.next), (3, 5));
    // Behind the end there is nothing, and no way back.
    assert_eq!(look(&test.store, 100, FeedFilter::default(), 3).await.next, 100);
}

async fn the_feed_is_bounded_by_age_and_by_number(test: &TestStore) {
    let rules = RetentionRules { batch: 2, ..RetentionRules::default() };
    let age = i64::try_from(rules.feed_age.as_millis()).unwrap();
    tell(&test.store, &["old", "old", "old"], NOW.plus_millis(-age - 1)).await;
    tell(&test.store, &["a", "b", "c", "d"], NOW).await;
    look(&test.store, 0, FeedFilter::default(), 1).await;
    let pruned = test.store.prune(NOW, rules).await.unwrap();
    assert_eq!((pruned.feed, codes(&test.store, 0).await.len()), (3, 4));
    let pruned = test.store.prune(NOW, RetentionRules { feed_events: 3, ..rules }).await.unwrap();
    assert_eq!((pruned.feed, codes(&test.store, 0).await), (1, vec!["b".into(), "c".into(), "d".into()]));
    let page = look(&test.store, 0, FeedFilter::default(), 1).await;
    assert_eq!((page.oldest, page.head), (5, 7));
    // Numbers are not used again.
    test.store.prune(NOW.plus_millis(2 * age), rules).await.unwrap();
    tell(&test.store, &["new"], NOW).await;
    assert_eq!(look(&test.store, 7, FeedFilter::default(), 1).await.items[0].number, 8);
}

async fn a_receiver_is_claimed_by_one_and_falls_to_others_when_the_claim_ends(test: &TestStore) {
    tell(&test.store, &["a"], NOW).await;
    look(&test.store, 0, FeedFilter::default(), 1).await;
    let new = NewWebhook {
        name: "siem".to_owned(),
        url: Secret::new("https://events.example.com/?token=hunter2".to_owned()),
        secret: Secret::new(b"signing-hunter2".to_vec()),
        filter: FeedFilter { kinds: vec![FeedKind::CommandFailed], devices: vec!["pc-1".to_owned()] },
        created_by: "tests".to_owned(),
        position: 0,
    };
    let twice = new.clone();
    let hook = test.store.write(move |tx| tx.add_webhook(&new, NOW)).await.unwrap();
    assert!(matches!(test.store.write(move |tx| tx.add_webhook(&twice, NOW)).await, Err(Error::Conflict(_))));
    assert_eq!((hook.state, hook.filter.devices.len()), (WebhookState::Active, 1));
    assert!(hook.url.expose().ends_with("hunter2") && !format!("{hook:?}").contains("hunter2"));

    let id = hook.id.clone();
    let claim = |from: i64, until: i64| {
        let id = id.clone();
        let claim = WebhookClaim::new(NOW);
        let job = move |tx: &mut transom::store::Tx<'_>| {
            tx.claim_webhook(&id, &claim, NOW.plus_millis(until), NOW.plus_millis(from)).map(|hook| hook.is_some())
        };
        test.store.write(job)
    };
    assert!(claim(0, 1000).await.unwrap());
    assert!(!claim(1000, 2000).await.unwrap());
    assert!(claim(1001, 2000).await.unwrap());
    let due = |head: i64, at: i64| test.store.read(move |tx| tx.due_webhooks(head, NOW.plus_millis(at)));
    assert_eq!((due(1, 1500).await.unwrap().len(), due(1, 3000).await.unwrap().len()), (0, 1));
    assert_eq!(due(0, 3000).await.unwrap(), []);
    // Whoever held the claim before keeps nothing any more.
    let (id, now) = (hook.id.clone(), NOW);
    test.store.write(move |tx| tx.set_webhook_state(&id, WebhookState::Paused, Some("by ada"), now)).await.unwrap();
    assert_eq!(due(1, 3000).await.unwrap(), []);
    assert!(!claim(5000, 6000).await.unwrap());
}
