//! What was not there in time is ended without the device, on both databases.

use transom::model::{PartState, Principal, Provisioning, ProvisioningPlan};
use transom::provisioning::{FirstSync, Options};

use super::{NOW, device};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    time_runs_out_without_the_device,
    one_that_can_not_be_read_keeps_no_other_waiting,
    users_that_are_waited_for_are_known,
    who_waits_and_who_failed_is_listed,
);

fn first_sync() -> FirstSync {
    let options = Options { plan: None, check_every: 60_000, provider_id: "Transom".to_owned(), wakes: false };
    FirstSync::new(options).unwrap()
}

async fn time_runs_out_without_the_device(test: &TestStore) {
    let plan = ProvisioningPlan { timeout_minutes: 30, ..ProvisioningPlan::default() };
    let (late, gone) = (test.enroll("LATE").await, test.enroll("GONE").await);
    for enrollment in [&late, &gone] {
        let (of, begun) = (enrollment.clone(), Provisioning::begin(plan.clone(), NOW));
        test.store.write(move |tx| tx.save_provisioning(&of, &begun, NOW)).await.unwrap();
    }
    let of = gone.clone();
    test.store.write(move |tx| tx.end_enrollment(&of, NOW)).await.unwrap();
    let at = |minutes: i64| NOW.plus_millis(minutes * 60_000 + 1);
    assert_eq!(first_sync().watch(&test.store, at(29)).await.unwrap(), 0);
    assert_eq!(first_sync().watch(&test.store, at(30)).await.unwrap(), 2);
    assert_eq!(first_sync().watch(&test.store, at(60)).await.unwrap(), 0, "once");
    let known = test.store.read(move |tx| tx.provisioning(&late)).await.unwrap().unwrap();
    assert_eq!((known.device.state, known.device.since), (PartState::TimedOut, at(30)));
    let events = test
        .store
        .read(|tx| tx.events(&transom::model::EventFilter::OfDevice(device("LATE")), None, 10))
        .await
        .unwrap();
    let told: Vec<_> = events.items.iter().filter(|event| event.code == "provisioning_timed_out").collect();
    assert!(told.len() == 1 && told[0].device == Some(device("LATE")), "{told:?}");
}

async fn one_that_can_not_be_read_keeps_no_other_waiting(test: &TestStore) {
    let plan = ProvisioningPlan { timeout_minutes: 30, ..ProvisioningPlan::default() };
    let (broken, late) = (test.enroll("BROKEN").await, test.enroll("LATE").await);
    for enrollment in [&broken, &late] {
        let (of, begun) = (enrollment.clone(), Provisioning::begin(plan.clone(), NOW));
        test.store.write(move |tx| tx.save_provisioning(&of, &begun, NOW)).await.unwrap();
    }
    test.direct().execute(&format!("UPDATE provisionings SET value = '?', deadline = 1 WHERE enrollment = '{broken}'"));
    assert_eq!(first_sync().watch(&test.store, NOW.plus_millis(31 * 60_000)).await.unwrap(), 1);
    let known = test.store.read(move |tx| tx.provisioning(&late)).await.unwrap().unwrap();
    assert_eq!(known.device.state, PartState::TimedOut);
}

async fn users_that_are_waited_for_are_known(test: &TestStore) {
    let enrollment = test.enroll("HOST").await;
    let bob = Principal::parse("bob@contoso.test").unwrap();
    let mut own = super::get("./User/Vendor/MSFT/X");
    own.scope = transom::model::CommandScope::User;
    own.user = Some(bob.clone());
    let new = transom::model::NewCommands {
        created_by: "transom:provisioning".to_owned(),
        ..super::order(&["HOST"], vec![own.clone(), own])
    };
    let of = enrollment.clone();
    test.store.write(move |tx| tx.enqueue_own(&of, &new, NOW)).await.unwrap();
    let waited = test.store.read(move |tx| tx.users_waited_for(&enrollment, "provisioning")).await.unwrap();
    assert_eq!(waited, [bob]);
}

async fn who_waits_and_who_failed_is_listed(test: &TestStore) {
    let mut left = None;
    for (name, minutes) in [("SLOW", 90), ("FAST", 30), ("LEFT", 10), ("LAST", 90)] {
        let enrollment = test.enroll(name).await;
        let plan = ProvisioningPlan { timeout_minutes: minutes, ..ProvisioningPlan::default() };
        let (of, begun) = (enrollment.clone(), Provisioning::begin(plan, NOW));
        test.store.write(move |tx| tx.save_provisioning(&of, &begun, NOW)).await.unwrap();
        left = (name == "LEFT").then_some(enrollment).or(left);
    }
    let left = left.unwrap();
    test.store.write(move |tx| tx.end_enrollment(&left, NOW)).await.unwrap();
    let listed = async |failed: bool| {
        let (mut names, mut cursor) = (Vec::new(), None);
        loop {
            let from = cursor.clone();
            let look = move |tx: &mut transom::store::Tx<'_>| {
                if failed {
                    tx.failed_provisionings(from.as_ref(), 1)
                } else {
                    tx.provisionings_that_go_on(from.as_ref(), 1)
                }
            };
            let page = test.store.read(look).await.unwrap();
            names.extend(page.items.iter().map(|(device, _)| device.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                return names;
            }
        }
    };
    let waiting = listed(false).await;
    assert_eq!((waiting[0].as_str(), waiting.len()), ("FAST", 3), "{waiting:?}");
    assert!(listed(true).await.is_empty());
    first_sync().watch(&test.store, NOW.plus_millis(31 * 60_000)).await.unwrap();
    assert_eq!((listed(true).await, listed(false).await.len()), (vec!["FAST".to_owned()], 2));
    let wrong = transom::model::Cursor::after("elsewhere".to_owned());
    let answer = test.store.read(move |tx| tx.failed_provisionings(Some(&wrong), 1)).await;
    assert!(matches!(answer, Err(transom::store::Error::Conflict(_))));
}
