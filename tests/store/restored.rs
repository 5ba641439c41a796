//! A database that comes from a backup, and how things stand in any.

use transom::management::restored::put_right;
use transom::model::{CommandState, FeedFilter, ReasonCode};
use transom::store::{Error, Tx};

use super::{NOW, command, get};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    what_must_not_run_twice_is_doubted_and_the_rest_waits_on,
    numbers_of_events_go_on_beyond_those_that_were_seen,
    how_things_stand_is_looked_up,
);

async fn what_must_not_run_twice_is_doubted_and_the_rest_waits_on(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let reboot = || command(r#"{"kind":"exec","items":[{"target":"./Device/Vendor/MSFT/Reboot/RebootNow"}]}"#);
    let ids = test.enqueue("a", vec![get("./A"), reboot(), get("./B"), reboot()]).await;
    let canceled = ids[3].clone();
    test.store.write(move |tx| tx.cancel(&canceled, false, "me", NOW)).await.unwrap();
    let later = NOW.plus_millis(5);
    let done = put_right(&test.store, Some("then".to_owned()), later).await.unwrap();
    assert_eq!(done.doubted, 1);
    let mut states = Vec::new();
    for id in &ids {
        let id = id.clone();
        let record = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap().record;
        states.push((record.state, record.reason.map(|reason| reason.code)));
    }
    let waits = (CommandState::Queued, None);
    let doubted = (CommandState::Unknown, Some(ReasonCode::Restored));
    assert_eq!(states, [waits, doubted, waits, (CommandState::Canceled, Some(ReasonCode::ByOperator))]);
    let direct = test.direct().number("SELECT open_commands FROM enrollments");
    assert_eq!(direct, 2, "what is doubted is not open");
    let pending = super::queue::pending(test, &enrollment, later, 100).await;
    assert_eq!(pending.iter().map(|command| &command.id).collect::<Vec<_>>(), [&ids[0], &ids[2]]);
    assert_eq!(put_right(&test.store, None, later).await.unwrap().doubted, 0, "once is enough");
}

async fn numbers_of_events_go_on_beyond_those_that_were_seen(test: &TestStore) {
    test.enroll("a").await;
    let look = async || {
        test.store.write(|tx: &mut Tx<'_>| tx.number_feed()).await.unwrap();
        test.store.read(|tx| tx.feed(0, &FeedFilter::default(), 100)).await.unwrap()
    };
    // Also where nothing was told before the backup.
    put_right(&test.store, None, NOW).await.unwrap();
    let ids = test.enqueue("a", vec![get("./A"), get("./B")]).await;
    let cancel = async |at: usize| {
        let id = ids[at].clone();
        test.store.write(move |tx| tx.cancel(&id, false, "me", NOW)).await.unwrap();
    };
    cancel(0).await;
    let before = look().await;
    put_right(&test.store, None, NOW).await.unwrap();
    cancel(1).await;
    let after = look().await;
    assert_eq!((before.items.len(), after.items.len()), (1, 2));
    assert!(before.head > 1_000_000_000 && after.oldest > before.head + 1_000_000, "{before:?} {after:?}");
    assert_eq!(after.items[0].told.id, before.items[0].told.id, "what is told once more has its id");
    assert_eq!(after.items[1].number, after.items[0].number + 1);
}

async fn how_things_stand_is_looked_up(test: &TestStore) {
    for name in ["a", "b"] {
        test.enroll(name).await;
    }
    let ids = test.enqueue("a", vec![get("./A"), get("./B")]).await;
    let canceled = ids[0].clone();
    test.store.write(move |tx| tx.cancel(&canceled, false, "me", NOW)).await.unwrap();
    let devices = test.store.read(|tx| tx.how_devices_stand(NOW)).await.unwrap();
    assert_eq!((devices.devices, devices.silent), (2, 0));
    let queue = test.store.read(|tx: &mut Tx<'_>| tx.how_the_queue_stands()).await.unwrap();
    assert_eq!(queue[0], (CommandState::Queued, 1, Some(NOW)));
    assert!(queue[1..].iter().all(|(_, count, oldest)| (*count, *oldest) == (0, None)));
    let (applied, missing) = test.store.read(|tx: &mut Tx<'_>| tx.missing_migrations()).await.unwrap();
    assert!(applied > 5 && missing.is_empty(), "{missing:?}");
    test.direct().execute("DELETE FROM __diesel_schema_migrations WHERE version = '0001'");
    let missing = test.store.read(|tx: &mut Tx<'_>| tx.missing_migrations()).await;
    assert_eq!(missing.map_err(|error: Error| error.to_string()).unwrap().1, ["0001"]);
}
