//! Sign-ins at a provider: completed once, spent by one device, gone in time.

use std::time::Duration;

use futures_util::future::join_all;
use transom::model::{Heard, NewSignIn, SignInId};
use transom::store::{RetentionRules, Spending, Tx};

use super::{NOW, device};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_sign_in_is_completed_once,
    of_fifty_devices_that_show_one_sign_in_one_is_enrolled,
    a_sign_in_is_worth_nothing_after_its_time_and_goes,
);

const MINUTE: i64 = 60_000;

fn completed(state: u8, handle: u8) -> NewSignIn {
    NewSignIn {
        state_hash: [state; 32],
        handle_hash: [handle; 32],
        issuer: "https://id.contoso.test".to_owned(),
        subject: "1f3a".to_owned(),
        user_name: "ada\0@contoso.test".to_owned(),
        expires_at: NOW.plus_millis(30 * MINUTE),
        said: Heard::default(),
    }
}

async fn keep(test: &TestStore, new: NewSignIn) -> Option<SignInId> {
    test.store.write(move |tx: &mut Tx<'_>| tx.keep_sign_in(&new, NOW)).await.unwrap()
}

async fn a_sign_in_is_completed_once(test: &TestStore) {
    let id = keep(test, completed(1, 1)).await.unwrap();
    assert_eq!(keep(test, completed(1, 2)).await, None, "the same state again");
    assert_eq!(keep(test, completed(2, 1)).await, None, "the same handle again");
    assert!(keep(test, completed(2, 2)).await.is_some());
    let found = test.store.read(|tx: &mut Tx<'_>| tx.sign_in(&[1; 32], NOW)).await.unwrap().unwrap();
    assert_eq!((found.id, found.spent_at), (id, None));
    assert_eq!(found.user_name, "ada\u{fffd}@contoso.test");
    assert_eq!(test.store.read(|tx: &mut Tx<'_>| tx.sign_in(&[3; 32], NOW)).await.unwrap(), None);
}

async fn of_fifty_devices_that_show_one_sign_in_one_is_enrolled(test: &TestStore) {
    let id = keep(test, completed(1, 1)).await.unwrap();
    let spend = |name: String| {
        let (store, id) = (test.store.clone(), id.clone());
        async move { store.write(move |tx: &mut Tx<'_>| tx.spend_sign_in(&id, &device(&name), NOW)).await.unwrap() }
    };
    let spent = join_all((0..50).map(|number| spend(format!("D{number}")))).await;
    let count = |wanted: Spending| spent.iter().filter(|spending| **spending == wanted).count();
    assert_eq!((count(Spending::Now), count(Spending::Spent)), (1, 49));
    let winner = spent.iter().position(|spending| *spending == Spending::Now).unwrap();
    assert_eq!(spend(format!("d{winner}")).await, Spending::Again);
}

async fn a_sign_in_is_worth_nothing_after_its_time_and_goes(test: &TestStore) {
    let id = keep(test, completed(1, 1)).await.unwrap();
    let end = NOW.plus_millis(30 * MINUTE);
    let found = |now| test.store.read(move |tx: &mut Tx<'_>| tx.sign_in(&[1; 32], now));
    assert!(found(end.plus_millis(-1)).await.unwrap().is_some());
    assert!(found(end).await.unwrap().is_none());
    let late = test.store.write(move |tx: &mut Tx<'_>| tx.spend_sign_in(&id, &device("D1"), end)).await.unwrap();
    assert_eq!(late, Spending::Gone);
    let rules = RetentionRules { request_age: Duration::from_hours(1), ..RetentionRules::default() };
    let prune = |now| test.store.prune(now, rules);
    assert_eq!(prune(end.plus_millis(60 * MINUTE)).await.unwrap().sign_ins, 0);
    assert_eq!(prune(end.plus_millis(60 * MINUTE + 1)).await.unwrap().sign_ins, 1);
}
