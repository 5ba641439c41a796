//! The outbox: one transaction with the order, one push for each device, one instance for each push.

use std::collections::BTreeMap;

use transom::model::{PushClaim, Timestamp};
use transom::push::Options;
use transom::store::{ClaimRules, Error, Tx};

use super::{Bench, order, round};
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};

scenarios!(
    an_order_and_its_push_are_one_transaction,
    orders_for_one_device_share_a_push,
    a_device_without_a_channel_gets_none,
    a_device_that_does_not_come_gets_one_a_minute,
    several_instances_send_each_push_once,
    what_an_instance_dropped_is_sent_by_another,
    the_rate_is_that_of_all_instances_together,
    urgent_pushes_go_first_and_later_ones_wait_for_their_time,
    a_clock_that_is_set_back_stops_nothing,
    what_was_asked_for_while_it_was_sent_is_not_forgotten,
    a_device_that_left_gets_none,
);

async fn an_order_and_its_push_are_one_transaction(test: &TestStore) {
    let bench = Bench::new(test);
    bench.device("a").await;
    let (new, now) = (order(&["a"]), bench.now());
    let failed = test.store.write(move |tx: &mut Tx<'_>| {
        tx.enqueue(&new, now)?;
        Err::<(), _>(Error::NotFound("reason to go on"))
    });
    failed.await.unwrap_err();
    assert_eq!(bench.waiting().await, 0);
    assert_eq!(bench.push().round().await.unwrap(), round(0, 0));
    bench.order(&["a"]).await;
    assert_eq!(bench.waiting().await, 1);
}

async fn orders_for_one_device_share_a_push(test: &TestStore) {
    let bench = Bench::new(test);
    let (push, device) = (bench.push(), bench.device("a").await);
    for _ in 0..5 {
        bench.order(&["a"]).await;
    }
    assert_eq!(push.round().await.unwrap(), round(1, 1));
    assert_eq!(push.round().await.unwrap(), round(0, 0));
    assert_eq!(bench.wns.pushes().len(), 1);
    // One that came by itself needs none.
    bench.session(&device).await;
    bench.order(&["a"]).await;
    bench.session(&device).await;
    assert_eq!((push.round().await.unwrap(), bench.waiting().await), (round(0, 0), 0));
}

async fn a_device_without_a_channel_gets_none(test: &TestStore) {
    let bench = Bench::new(test);
    test.store
        .write(|tx: &mut Tx<'_>| {
            let new = transom::model::NewEnrollment {
                device_id: transom::model::DeviceId::parse("a").unwrap(),
                account: crate::store::account("secret"),
                info: transom::model::DeviceInfo::default(),
                made: None,
            };
            tx.import_enrollment(&new, Timestamp(super::NOW))
        })
        .await
        .unwrap();
    bench.order(&["a"]).await;
    assert_eq!(bench.waiting().await, 0);
}

async fn a_device_that_does_not_come_gets_one_a_minute(test: &TestStore) {
    let bench = Bench::new(test);
    let push = bench.push();
    bench.device("a").await;
    for _ in 0..30 {
        bench.order(&["a"]).await;
        push.round().await.unwrap();
        bench.passes(10_000);
    }
    assert_eq!(bench.wns.pushes().len(), 5, "in five minutes");
}

async fn several_instances_send_each_push_once(test: &TestStore) {
    const DEVICES: usize = 120;
    let bench = Bench::new(test);
    let names: Vec<String> = (0..DEVICES).map(|number| format!("d{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        bench.device(name).await;
    }
    bench.order(&names).await;
    // On PostgreSQL each instance has connections of its own; an SQLite file has one server.
    let store = || if test.engine == Engine::Postgres { test.reopen() } else { test.store.clone() };
    let instances: Vec<_> = (0..4).map(|_| bench.push_on(store(), bench.options())).collect();
    let sends = instances.iter().map(|push| async {
        for _ in 0..10 {
            push.round().await.unwrap();
        }
    });
    futures_util::future::join_all(sends).await;
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for push in bench.wns.pushes() {
        *sent.entry(push.channel).or_default() += 1;
    }
    assert_eq!(sent.len(), DEVICES, "nothing is lost");
    assert!(sent.values().all(|count| *count == 1), "{sent:?}");
    assert_eq!(bench.wns.token_requests().len(), 1, "one of them asked for the token");
    assert_eq!(bench.waiting().await, 0);
}

async fn what_an_instance_dropped_is_sent_by_another(test: &TestStore) {
    let bench = Bench::new(test);
    bench.device("a").await;
    bench.order(&["a"]).await;
    let (rules, now) = (ClaimRules { rate: 1000, limit: 10, lease: 50_000 }, bench.now());
    let claimed = test.store.write(move |tx| tx.claim_pushes(rules, now)).await.unwrap();
    assert_eq!(claimed.len(), 1);
    // That one is gone, and never finishes it.
    let other = bench.push_on(test.reopen_or_same(), bench.options());
    bench.passes(49_000);
    assert_eq!(other.round().await.unwrap(), round(0, 0));
    bench.passes(2_000);
    assert_eq!(other.round().await.unwrap(), round(1, 1));
    assert_ne!(claimed[0].claim, PushClaim::new(now));
}

async fn the_rate_is_that_of_all_instances_together(test: &TestStore) {
    let bench = Bench::new(test);
    let names: Vec<String> = (0..100).map(|number| format!("d{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for name in &names {
        bench.device(name).await;
    }
    let slow = || bench.push_on(test.store.clone(), Options { rate: 20, ..bench.options() });
    let (one, other) = (slow(), slow());
    bench.order(&names).await;
    assert_eq!(one.round().await.unwrap(), round(20, 20), "no more than a second's worth at once");
    assert_eq!(other.round().await.unwrap(), round(0, 0));
    bench.passes(500);
    assert_eq!(other.round().await.unwrap(), round(10, 10));
    assert_eq!(one.round().await.unwrap(), round(0, 0));
    for _ in 0..7 {
        bench.passes(500);
        one.round().await.unwrap();
        other.round().await.unwrap();
    }
    assert_eq!(bench.wns.pushes().len(), 100);
}

async fn urgent_pushes_go_first_and_later_ones_wait_for_their_time(test: &TestStore) {
    let bench = Bench::new(test);
    for name in ["a", "b", "c"] {
        bench.device(name).await;
    }
    let mut later = order(&["a"]);
    later.commands[0].not_before = Some(bench.now().plus_millis(3_600_000));
    let mut wipe = order(&["c"]);
    wipe.commands[0].proof = true;
    let now = bench.now();
    for new in [later, order(&["b"]), wipe] {
        test.store.write(move |tx| tx.enqueue(&new, now)).await.unwrap();
    }
    let push = bench.push_on(test.store.clone(), Options { rate: 1, ..bench.options() });
    push.round().await.unwrap();
    bench.passes(1_000);
    push.round().await.unwrap();
    let sent: Vec<String> = bench.wns.pushes().into_iter().map(|push| push.channel).collect();
    assert_eq!(sent, ["c", "b"]);
    bench.passes(3_598_000);
    assert_eq!(push.round().await.unwrap(), round(0, 0));
    bench.passes(1_000);
    assert_eq!(push.round().await.unwrap(), round(1, 1));
}

async fn a_clock_that_is_set_back_stops_nothing(test: &TestStore) {
    let bench = Bench::new(test);
    for name in ["a", "b", "c", "d"] {
        bench.device(name).await;
    }
    let push = bench.push();
    bench.order(&["a"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1));
    let pause = async |until: Timestamp| test.store.write(move |tx: &mut Tx<'_>| tx.pause_pushes(until)).await.unwrap();
    bench.passes(-6_000);
    bench.order(&["b"]).await;
    assert_eq!(push.round().await.unwrap(), round(0, 0), "another instance, whose clock goes ahead, keeps the rate");
    bench.passes(-24 * 3_600_000);
    bench.order(&["c"]).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1), "b was asked for at a time that is still to come");
    bench.order(&["d"]).await;
    bench.passes(1_000);
    pause(bench.now().plus_millis(60_000)).await;
    assert_eq!(push.round().await.unwrap(), round(0, 0), "WNS asked for it");
    pause(bench.now().plus_millis(24 * 3_600_000)).await;
    assert_eq!(push.round().await.unwrap(), round(1, 1), "nobody asks for so long");
}

async fn what_was_asked_for_while_it_was_sent_is_not_forgotten(test: &TestStore) {
    let bench = Bench::new(test);
    bench.device("a").await;
    bench.order(&["a"]).await;
    let (rules, now) = (ClaimRules { rate: 1000, limit: 10, lease: 50_000 }, bench.now());
    let claimed = test.store.write(move |tx| tx.claim_pushes(rules, now)).await.unwrap().remove(0);
    bench.passes(100);
    bench.order(&["a"]).await;
    let now = bench.now();
    let result =
        transom::model::PushResult { outcome: transom::model::PushOutcome::Accepted, detail: None, again_at: None };
    test.store.write(move |tx| tx.finish_push(&claimed, &result, now)).await.unwrap();
    assert_eq!(bench.waiting().await, 1);
    bench.passes(61_000);
    assert_eq!(bench.push().round().await.unwrap(), round(1, 1));
}

async fn a_device_that_left_gets_none(test: &TestStore) {
    let bench = Bench::new(test);
    let device = bench.device("a").await;
    bench.order(&["a"]).await;
    let now = bench.now();
    test.store.write(move |tx| tx.end_enrollment(&device, now)).await.unwrap();
    assert_eq!(bench.push().round().await.unwrap(), round(0, 0));
    assert_eq!((bench.waiting().await, bench.wns.pushes().len()), (0, 0));
}

impl TestStore {
    /// Another instance's way to the database: an SQLite file has one server.
    fn reopen_or_same(&self) -> transom::store::Store {
        if self.engine == Engine::Postgres { self.reopen() } else { self.store.clone() }
    }
}
