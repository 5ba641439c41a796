//! What a job does happens as a whole or not at all, alone, and lasts.

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use transom::model::{EnrollmentId, NewOperator, NewSavedFilter, Role, SessionKey, UserName};
use transom::store::{Error, SaveContact, SaveSession, Store, StoreOptions, Tx};

use super::{NOW, device, get, order, session};
use crate::scenarios;
use crate::support::databases::{self, Engine, TestStore};

scenarios!(
    a_failed_job_leaves_nothing,
    a_panic_is_an_error_and_harms_nobody,
    what_was_answered_lasts,
    jobs_at_the_same_time_do_not_mix,
    messages_of_one_enrollment_run_one_after_the_other,
    who_only_reads_can_not_write,
    what_a_reader_sees_does_not_change,
    too_many_jobs_are_refused_as_busy,
    a_filter_that_is_saved_twice_at_once_is_one,
);

async fn a_failed_job_leaves_nothing(test: &TestStore) {
    test.enroll("a").await;
    let failed: Result<(), Error> = test
        .store
        .write(|tx| {
            tx.enqueue(&order(&["a"], vec![get("./DevDetail/SwV")]), NOW)?;
            Err(Error::NotFound("reason to go on"))
        })
        .await;
    assert!(matches!(failed, Err(Error::NotFound(_))));
    assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 0);
    assert_eq!(test.direct().number("SELECT next_sequence FROM enrollments"), 1);
    assert_eq!(test.direct().number("SELECT open_commands FROM enrollments"), 0);
}

async fn a_panic_is_an_error_and_harms_nobody(test: &TestStore) {
    test.enroll("a").await;
    let panicked: Result<(), Error> = test
        .store
        .write(|tx| {
            tx.enqueue(&order(&["a"], vec![get("./DevDetail/SwV")]), NOW)?;
            panic!("this test wants a panic")
        })
        .await;
    assert!(matches!(panicked, Err(Error::Panicked)));
    let read: Result<(), Error> = test.store.read(|_| panic!("this test wants a panic")).await;
    assert!(matches!(read, Err(Error::Panicked)));
    assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 0);
    assert_eq!(test.enqueue("a", vec![get("./DevDetail/SwV")]).await.len(), 1);
}

async fn what_was_answered_lasts(test: &TestStore) {
    let enrollment = test.enroll("a").await;
    // Another store sees it at once, as one that starts after a crash would: nothing is only in this one's memory.
    let contacts = test.reopen().write(|tx| tx.live_enrollments(&device("a"))).await.unwrap();
    assert_eq!(contacts[0].enrollment, enrollment);
}

async fn jobs_at_the_same_time_do_not_mix(test: &TestStore) {
    for name in 0..8 {
        test.enroll(&format!("device {name}")).await;
    }
    let jobs = (0..64).map(|number: i32| {
        let store = test.store.clone();
        tokio::spawn(async move {
            let name = format!("device {}", number % 8);
            store
                .write(move |tx| {
                    tx.enqueue(&order(&[&name], vec![get("./DevDetail/SwV"), get("./DevInfo/Mod")]), NOW)?;
                    if number % 3 == 0 { Err(Error::NotFound("reason to go on")) } else { Ok(()) }
                })
                .await
        })
    });
    let mut kept = 0;
    for (number, job) in jobs.collect::<Vec<_>>().into_iter().enumerate() {
        let done = job.await.unwrap();
        assert_eq!(done.is_ok(), number % 3 != 0, "{done:?}");
        kept += if done.is_ok() { 2 } else { 0 };
    }
    let mut direct = test.direct();
    assert_eq!(direct.number("SELECT count(*) FROM commands"), kept);
    assert_eq!(direct.number("SELECT sum(open_commands) FROM enrollments"), kept);
    let gaps = "SELECT count(*) FROM (SELECT max(sequence) AS most, count(*) AS many FROM commands GROUP BY enrollment) \
                AS queues WHERE most <> many";
    assert_eq!(direct.number(gaps), 0);
}

/// What a message does, in short: it finds where the session stands and takes it one step further.
fn step(tx: &mut Tx<'_>, key: &SessionKey) -> Result<u32, Error> {
    let contact = tx.live_enrollments(&device("a"))?.into_iter().next().ok_or(Error::NotFound("enrollment"))?;
    let is_new = contact.session.is_none();
    let mut session = contact.session.map_or_else(|| session("1", NOW), |(_, session)| session);
    session.client_message = session.client_message.next();
    let mut account = contact.account;
    account.accepted += 1;
    assert_eq!(u64::from(session.client_message.number()), account.accepted + 1, "session and account go together");
    tx.save_contact(SaveContact {
        enrollment: &contact.enrollment,
        device_id: &contact.device_id,
        now: NOW,
        account: Some(&account),
        info: None,
        session: Some(SaveSession {
            key,
            session: &session,
            is_new,
            reply: None,
            commands_sent: 0,
            commands_answered: 0,
        }),
    })?;
    Ok(session.client_message.number())
}

async fn messages_of_one_enrollment_run_one_after_the_other(test: &TestStore) {
    test.enroll("a").await;
    let key = SessionKey::new(NOW);
    // Two stores, as two instances of the server have on one PostgreSQL.
    let stores = [test.store.clone(), test.reopen()];
    let messages = (0..40).map(|number| {
        let (store, key): (Store, SessionKey) = (stores[number % 2].clone(), key.clone());
        tokio::spawn(async move { store.write(move |tx| step(tx, &key)).await })
    });
    let mut numbers = Vec::new();
    for message in messages.collect::<Vec<_>>() {
        numbers.push(message.await.unwrap().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (2..42).collect::<Vec<u32>>(), "each message saw what the one before it left");
    let session = test.store.read(move |tx| tx.session(&key)).await.unwrap().unwrap();
    assert_eq!((session.exchanges, session.client_message), (40, 41));
}

async fn who_only_reads_can_not_write(test: &TestStore) {
    test.enroll("a").await;
    let written = test.store.read(|tx| tx.enqueue(&order(&["a"], vec![get("./DevDetail/SwV")]), NOW)).await;
    assert!(written.is_err());
    assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 0);
}

async fn what_a_reader_sees_does_not_change(test: &TestStore) {
    test.enroll("a").await;
    let (go_on, wait) = mpsc::channel::<()>();
    let (looked, has_looked) = tokio::sync::oneshot::channel();
    let reader = test.store.clone();
    let reading = tokio::spawn(async move {
        reader
            .read(move |tx| {
                let first = tx.device(&device("a"))?;
                looked.send(()).unwrap();
                wait.recv_timeout(Duration::from_mins(1)).unwrap();
                Ok::<_, Error>((first, tx.device(&device("a"))?))
            })
            .await
    });
    has_looked.await.unwrap();
    test.enqueue("a", vec![get("./DevDetail/SwV")]).await;
    go_on.send(()).unwrap();
    let (first, second) = reading.await.unwrap().unwrap();
    assert_eq!(first, second);
}

async fn too_many_jobs_are_refused_as_busy(test: &TestStore) {
    let options = StoreOptions { connections: 1, queue: 1, batch: 1, ..databases::options() };
    let store = Store::open(&test.url, databases::key(), &options).unwrap();
    let (go_on, wait) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let held = store.clone();
    let holding = tokio::spawn(async move {
        held.write(move |_| {
            started.send(()).unwrap();
            wait.recv_timeout(Duration::from_mins(1)).unwrap();
            Ok::<_, Error>(())
        })
        .await
    });
    has_started.await.unwrap();
    let mut waiting = Box::pin(store.write(super::tokens));
    assert!(futures_util::FutureExt::now_or_never(waiting.as_mut()).is_none());
    assert!(matches!(store.write(super::tokens).await, Err(Error::Busy)));
    go_on.send(()).unwrap();
    holding.await.unwrap().unwrap();
    waiting.await.unwrap();
}

async fn a_filter_that_is_saved_twice_at_once_is_one(test: &TestStore) {
    let ada = NewOperator {
        name: UserName::parse("ada").unwrap(),
        role: Role::Admin,
        subject: None,
        password: None,
        created_by: "tests".to_owned(),
    };
    let ada = test.store.write(move |tx| tx.create_operator(&ada, NOW)).await.unwrap().id;
    let save = |search: &str, name: &str| {
        let (operator, name, search) = (ada.clone(), name.to_owned(), search.to_owned());
        let new = NewSavedFilter { operator, name, search, condition: String::new() };
        test.store.write(move |tx| tx.save_filter(&new, NOW))
    };
    for round in 0..10 {
        let name = format!("filter {round}");
        let (one, other) = tokio::join!(save("one", &name), save("other", &name));
        let again = save("again", &name).await.unwrap();
        assert_eq!((one.unwrap(), other.unwrap()), (again.clone(), again), "it stays the same one");
    }
    let of = ada.clone();
    let kept = test.store.read(move |tx| tx.saved_filters(&of)).await.unwrap();
    assert!(kept.len() == 10 && kept.iter().all(|filter| filter.search == "again"), "{kept:?}");
    for number in 10..50 {
        save("x", &format!("filter {number}")).await.unwrap();
    }
    assert!(matches!(save("x", "one more").await, Err(Error::Conflict(_))));
    save("x", "filter 7").await.unwrap();
}

#[test]
fn of_two_that_wait_for_each_other_one_is_told_to_try_again() {
    databases::run(Engine::Postgres, async |test: &TestStore| {
        let (a, b) = (test.enroll("a").await, test.enroll("b").await);
        let both_have_one = Arc::new(Barrier::new(2));
        let take = |first: EnrollmentId, second: EnrollmentId| {
            let both_have_one = Arc::clone(&both_have_one);
            test.store.write(move |tx: &mut Tx<'_>| {
                tx.enrollment_for_update(&first)?;
                both_have_one.wait();
                tx.enrollment_for_update(&second).map(drop)
            })
        };
        let (one, other) = tokio::join!(take(a.clone(), b.clone()), take(b, a));
        let outcomes = [one, other];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Error::Busy))), "{outcomes:?}");
    });
}

#[test]
fn a_database_that_another_process_holds_is_busy() {
    let (url, _place) = databases::fresh(Engine::Sqlite).unwrap();
    let options = StoreOptions { patience: Duration::from_millis(50), ..databases::options() };
    let store = Store::open(&url, databases::key(), &options).unwrap();
    databases::runtime().block_on(async {
        let mut other = databases::Direct::connect(&url);
        other.execute("BEGIN IMMEDIATE");
        let refused = store.write(|tx| tx.end_enrollment(&EnrollmentId::new(NOW), NOW)).await;
        assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
        other.execute("ROLLBACK");
        let done = store.write(|tx| tx.end_enrollment(&EnrollmentId::new(NOW), NOW)).await;
        assert!(matches!(done, Err(Error::NotFound(_))), "the writer goes on: {done:?}");
    });
}
