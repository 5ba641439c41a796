//! A new enrollment is a new life (design, promise 6).

use transom::model::{CommandState, DeviceInfo, EnrollmentState, NewEnrollment, NotEnqueued, ReasonCode};
use transom::store::{Cancellation, Error};

use super::{NOW, account, device, get, order};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    the_old_life_works_until_the_new_one_made_contact,
    what_waited_for_the_old_life_is_superseded,
    who_leaves_management_gets_nothing_more,
    lives_that_were_never_used_do_not_pile_up,
    imports_at_the_same_time_make_one_life_each,
    a_life_that_ended_can_not_come_back,
);

async fn the_old_life_works_until_the_new_one_made_contact(test: &TestStore) {
    let old = test.enroll("Dev").await;
    let new = test.import("dEV", NOW.plus_millis(1)).await;
    let live = test.store.write(|tx| tx.live_enrollments(&device("DEV"))).await.unwrap();
    let found: Vec<_> = live.iter().map(|contact| (&contact.enrollment, contact.state, contact.generation)).collect();
    assert_eq!(found, [(&new, EnrollmentState::Pending, 2), (&old, EnrollmentState::Active, 1)]);
    assert_eq!(live[0].device, live[1].device, "one device, two lives");
    assert_eq!(live[0].device_id.as_str(), "dEV");

    let activated = new.clone();
    test.store.write(move |tx| tx.activate_enrollment(&activated, NOW.plus_millis(2))).await.unwrap();
    let live = test.store.write(|tx| tx.live_enrollments(&device("dev"))).await.unwrap();
    assert_eq!(live.len(), 1);
    assert_eq!((&live[0].enrollment, live[0].state), (&new, EnrollmentState::Active));
    let lives = test.store.read(|tx| tx.enrollments(&device("dev"))).await.unwrap();
    assert_eq!(lives[0].first_seen_at, Some(NOW.plus_millis(2)));
    assert_eq!((lives[1].state, lives[1].ended_at), (EnrollmentState::Replaced, Some(NOW.plus_millis(2))));
    let secrets = "SELECT count(*) FROM enrollments WHERE ended_at IS NOT NULL AND account IS NOT NULL";
    assert_eq!(test.direct().number(secrets), 0, "the old credentials are gone");
}

async fn what_waited_for_the_old_life_is_superseded(test: &TestStore) {
    test.enroll("a").await;
    let old = test.enqueue("a", vec![get("./A"), get("./B")]).await;
    let new = test.import("a", NOW).await;
    let next = test.enqueue("a", vec![get("./C")]).await;
    let activated = new.clone();
    test.store.write(move |tx| tx.activate_enrollment(&activated, NOW.plus_millis(9))).await.unwrap();

    let (gone, kept) = (old[0].clone(), next[0].clone());
    let gone = test.store.read(move |tx| tx.command(&gone)).await.unwrap().unwrap().record;
    assert_eq!((gone.state, gone.settled_at), (CommandState::Superseded, Some(NOW.plus_millis(9))));
    assert_eq!(gone.reason.unwrap().code, ReasonCode::NewEnrollment);
    let kept = test.store.read(move |tx| tx.command(&kept)).await.unwrap().unwrap().record;
    assert_eq!((kept.state, kept.sequence, &kept.enrollment), (CommandState::Queued, 1, &new));
    assert_eq!(test.direct().number("SELECT sum(open_commands) FROM enrollments"), 1);

    let pending = test.store.read(move |tx| tx.pending_commands(&new, &old, NOW, 100)).await.unwrap();
    assert_eq!(pending.iter().map(|command| &command.id).collect::<Vec<_>>(), [&next[0]], "nothing carries over");
}

async fn who_leaves_management_gets_nothing_more(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    let ids = test.enqueue("a", vec![get("./A")]).await;
    let ended = enrollment.clone();
    test.store.write(move |tx| tx.end_enrollment(&ended, NOW)).await.unwrap();
    assert_eq!(test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap(), Vec::new());
    assert_eq!(test.store.write(move |tx| tx.enrollment_for_update(&enrollment)).await.unwrap(), None);
    let id = ids[0].clone();
    let command = test.store.read(move |tx| tx.command(&id)).await.unwrap().unwrap().record;
    assert_eq!(command.state, CommandState::Canceled);
    assert_eq!(command.reason.unwrap().code, ReasonCode::Unenrolled);
    let id = ids[0].clone();
    let again = test.store.write(move |tx| tx.cancel(&id, true, "me", NOW)).await.unwrap();
    assert_eq!(again, Cancellation::Settled(CommandState::Canceled));
    let order = order(&["a", "stranger"], vec![get("./A")]);
    let enqueued = test.store.write(move |tx| tx.enqueue(&order, NOW)).await.unwrap();
    assert_eq!(enqueued[0].commands, Err(NotEnqueued::NotEnrolled));
    assert_eq!(enqueued[1].commands, Err(NotEnqueued::UnknownDevice));
    assert_eq!(test.direct().number("SELECT sum(open_commands) FROM enrollments"), 0);
}

async fn lives_that_were_never_used_do_not_pile_up(test: &TestStore) {
    let active = test.enroll("a").await;
    let mut newest = Vec::new();
    for number in 0..9 {
        newest.push(test.import("a", NOW.plus_millis(number)).await);
    }
    let live = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap();
    assert_eq!(live.len(), 4);
    assert_eq!(live[0].enrollment, newest[8]);
    assert_eq!(live[3].enrollment, active, "the one in use stays");
    assert_eq!(live[0].generation, 10);
}

async fn imports_at_the_same_time_make_one_life_each(test: &TestStore) {
    let imports = (0..12).map(|_| {
        let store = test.store.clone();
        tokio::spawn(async move {
            let new = NewEnrollment {
                device_id: device("same"),
                account: account("x"),
                info: DeviceInfo::default(),
                made: None,
            };
            store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap().generation
        })
    });
    let mut generations = Vec::new();
    for import in imports.collect::<Vec<_>>() {
        generations.push(import.await.unwrap());
    }
    generations.sort_unstable();
    assert_eq!(generations, (1..=12).collect::<Vec<i32>>());
    assert_eq!(test.direct().number("SELECT count(*) FROM devices"), 1);
}

async fn a_life_that_ended_can_not_come_back(test: &TestStore) {
    let old = test.enroll("a").await;
    let new = test.import("a", NOW).await;
    test.store.write(move |tx| tx.activate_enrollment(&new, NOW)).await.unwrap();
    let again = old.clone();
    let refused = test.store.write(move |tx| tx.activate_enrollment(&again, NOW)).await;
    assert!(matches!(refused, Err(Error::NotFound(_))));
    let refused = test.store.write(move |tx| tx.end_enrollment(&old, NOW)).await;
    assert!(matches!(refused, Err(Error::NotFound(_))));
}
