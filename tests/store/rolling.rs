//! Bringing what is published to devices, where something is in the way.

use std::sync::Arc;

use transom::model::{Edge, EnrollmentId, NewPolicyRevision, RevisedPolicy, Timestamp, WatchedFacts};
use transom::policy::catalogue::Library;
use transom::policy::rollout::{Options, Rollout};
use transom::store::Tx;

use super::{NOW, get};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_record_that_can_not_be_read_stops_no_other_device,
    a_device_whose_queue_is_full_is_not_looked_at_all_the_time,
    what_is_published_goes_to_devices_although_the_clock_was_set_back,
);

/// What goes through devices, at a time.
fn rollout(test: &TestStore, now: Timestamp, max_open: i64) -> Rollout {
    let edge = Edge { now: Arc::new(move || now), jitter: Arc::new(|| 0) };
    let options = Options {
        devices_per_second: 100,
        waits_for_facts: false,
        wakes: false,
        max_open,
        reads_back: true,
        verify_every: None,
    };
    Rollout::new(test.store.clone(), Library::new(test.store.clone()), options, edge, WatchedFacts::default())
}

/// Publishes a value for all devices, and goes through them.
async fn publish(test: &TestStore, rollout: &Rollout, camera: u8) {
    let address = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    let wanted =
        format!(r#"{{"type":"configuration","identifier":"c","payload":{{"settings":{{"{address}":{camera}}}}}}}"#);
    let all = r#"{"type":"activation","identifier":"all","payload":{"configurations":["c"]}}"#;
    let policy = |identifier: &str, kind: &str, token: String| RevisedPolicy {
        identifier: identifier.to_owned(),
        kind: kind.to_owned(),
        token,
    };
    let declarations = vec![
        (policy("c", "configuration", format!("c-{camera}")), wanted),
        (policy("all", "activation", "all".to_owned()), all.to_owned()),
    ];
    let (set, author, message) = ("one".to_owned(), "ada".to_owned(), "because".to_owned());
    let new = NewPolicyRevision { set, author, message, declarations, secret_nodes: Vec::new(), stages: None };
    let job = move |tx: &mut Tx<'_>| {
        let generation = tx.policy_work()?.generation;
        tx.publish_policies(&new, generation, NOW)
    };
    test.store.write(job).await.unwrap();
    for _ in 0..5 {
        rollout.round().await.unwrap();
    }
}

fn commands(test: &TestStore, of: &EnrollmentId) -> i64 {
    test.direct().number(&format!("SELECT count(*) FROM commands WHERE enrollment = '{}'", of.as_str()))
}

async fn a_record_that_can_not_be_read_stops_no_other_device(test: &TestStore) {
    let (broken, whole) = (test.enroll("BROKEN").await, test.enroll("WHOLE").await);
    let rollout = rollout(test, NOW.plus_millis(10_000), 100);
    publish(test, &rollout, 0).await;
    assert_eq!((commands(test, &broken), commands(test, &whole)), (1, 1));
    // What was sealed for one device does not open as another's.
    test.direct().execute(&format!(
        "UPDATE policy_devices SET value = (SELECT value FROM policy_devices AS other WHERE other.enrollment = '{}') \
         WHERE enrollment = '{}'",
        whole.as_str(),
        broken.as_str()
    ));
    publish(test, &rollout, 1).await;
    let given = (commands(test, &broken), commands(test, &whole));
    assert_eq!(given, (1, 2), "the one is left alone, the other gets what is new");
    let work = test.store.read(|tx: &mut Tx<'_>| tx.policy_work()).await.unwrap();
    assert!(work.walk.done, "{:?}", work.walk);
}

async fn a_device_whose_queue_is_full_is_not_looked_at_all_the_time(test: &TestStore) {
    let full = test.enroll("FULL").await;
    let now = NOW.plus_millis(10_000);
    let rollout = rollout(test, now, 1);
    publish(test, &rollout, 0).await;
    // What it has is to be looked at as well, and what fills its queue is not of its policies.
    test.direct().execute("UPDATE policy_devices SET look_at = 0, changed_at = 0");
    test.direct().execute("UPDATE commands SET state = 'succeeded', settled_at = 1");
    test.direct().execute("UPDATE enrollments SET open_commands = 0");
    test.enqueue("FULL", vec![get("./DevDetail/SwV")]).await;
    publish(test, &rollout, 1).await;
    assert_eq!(commands(test, &full), 2);
    let due = |at: Timestamp| test.store.read(move |tx: &mut Tx<'_>| tx.policy_checks(at, 10));
    assert_eq!(due(now).await.unwrap(), []);
    assert_eq!(rollout.round().await.unwrap().looked, 0, "there is nothing to do until its queue has room");
    assert_eq!(due(now.plus_millis(60 * 60_000)).await.unwrap(), [full]);
}

async fn what_is_published_goes_to_devices_although_the_clock_was_set_back(test: &TestStore) {
    let device = test.enroll("DEV").await;
    publish(test, &rollout(test, NOW.plus_millis(-60 * 60_000), 100), 0).await;
    assert_eq!(commands(test, &device), 1);
    // Right after it was published it waits a moment.
    publish(test, &rollout(test, NOW, 100), 1).await;
    assert_eq!(commands(test, &device), 1);
}
