//! Large objects that come in chunks: kept whole or not at all, counted, and given back (T48).

use std::time::Duration;

use transom::limits::DeviceLimiter;
use transom::management::{Management, Options};
use transom::metrics::Metrics;
use transom::model::{SessionKey, Timestamp};
use transom::store::{Error, NewChunk, RetentionRules, SaveContact, SaveSession, Tx, UploadBytes};
use transom_protocol::session::{Ending, Phase, Session, Upload, UploadOf};

use super::{NOW, device, session};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    chunks_of_a_large_object_are_joined_in_order,
    what_is_kept_is_counted_by_device_and_given_back,
    an_object_that_is_too_old_goes_whole,
    a_device_that_stops_in_the_middle_gives_everything_back,
);

/// Keeps a chunk of a device.
fn keep(tx: &mut Tx<'_>, name: &str, session: &SessionKey, number: u32, data: &[u8]) -> Result<(), Error> {
    tx.append_upload_chunk(NewChunk { session, device: &device(name), number, data, at: NOW })
}

async fn chunks_of_a_large_object_are_joined_in_order(test: &TestStore) {
    let (key, other) = (SessionKey::new(NOW), SessionKey::new(NOW));
    test.store
        .write(move |tx| {
            for (number, data) in [(1, "one "), (3, "three"), (2, "two ")] {
                keep(tx, "a", &key, number, data.as_bytes())?;
            }
            keep(tx, "a", &other, 1, b"of another session")?;
            assert_eq!(tx.take_upload_chunks(&key)?, b"one two three");
            assert_eq!(tx.take_upload_chunks(&key)?, b"");
            keep(tx, "a", &key, 1, b"late")?;
            tx.discard_upload(&key)?;
            assert_eq!(tx.take_upload_chunks(&key)?, b"");
            assert_eq!(tx.take_upload_chunks(&other)?, b"of another session");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

/// What is counted for a device.
async fn kept(test: &TestStore, name: &'static str) -> UploadBytes {
    test.store.read(move |tx| tx.upload_bytes(&device(name))).await.unwrap()
}

async fn what_is_kept_is_counted_by_device_and_given_back(test: &TestStore) {
    assert_eq!(kept(test, "a").await, UploadBytes::default());
    let keys = [(); 3].map(|()| SessionKey::new(NOW));
    let [first, second, foreign] = keys.clone();
    test.store
        .write(move |tx| {
            keep(tx, "a", &first, 1, &[7; 10_000])?;
            keep(tx, "a", &first, 2, &[7; 10_000])?;
            keep(tx, "A", &second, 1, &[7; 5_000])?;
            keep(tx, "b", &foreign, 1, &[])
        })
        .await
        .unwrap();
    let (a, b) = (kept(test, "a").await, kept(test, "b").await);
    assert!((25_000..26_500).contains(&a.device), "{a:?}");
    assert!(b.device > 100, "an empty chunk is a row too: {b:?}");
    assert_eq!((a.all, b.all), (a.device + b.device, a.all));
    let [first, second, foreign] = keys;
    test.store
        .write(move |tx| {
            tx.take_upload_chunks(&first)?;
            tx.discard_upload(&second)
        })
        .await
        .unwrap();
    assert_eq!(kept(test, "a").await, UploadBytes { device: 0, all: b.device });
    test.store.write(move |tx| tx.discard_upload(&foreign)).await.unwrap();
    let mut direct = test.direct();
    assert_eq!(direct.number("SELECT count(*) FROM uploads") + direct.number("SELECT count(*) FROM upload_chunks"), 0);
}

async fn an_object_that_is_too_old_goes_whole(test: &TestStore) {
    let (old, young) = (SessionKey::new(NOW), SessionKey::new(NOW));
    let at = |millis: i64| NOW.plus_millis(millis);
    let chunks = [(old, [1, 900]), (young.clone(), [500, 950])];
    test.store
        .write(move |tx| {
            for (session, times) in &chunks {
                for (number, millis) in (1..).zip(times) {
                    let chunk = NewChunk { session, device: &device("a"), number, data: b"x", at: at(*millis) };
                    tx.append_upload_chunk(chunk)?;
                }
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let rules = RetentionRules { upload_age: Duration::from_secs(1), ..RetentionRules::default() };
    let prune = async |now: Timestamp| test.store.prune(now, rules).await.unwrap().upload_chunks;
    assert_eq!(prune(at(1001)).await, 0);
    assert_eq!(prune(at(1002)).await, 2, "the chunk that is younger goes with the one that is old");
    assert_eq!(test.store.write(move |tx| tx.take_upload_chunks(&young)).await.unwrap(), b"xx");
    assert_eq!(prune(at(9999)).await, 0);
    assert_eq!(kept(test, "a").await, UploadBytes::default());
}

async fn a_device_that_stops_in_the_middle_gives_everything_back(test: &TestStore) {
    test.enroll("a").await;
    let key = SessionKey::new(NOW);
    let upload = Upload {
        of: UploadOf { uri: "./A".to_owned(), cmd_ref: "2".to_owned(), msg_ref: "1".to_owned() },
        announced: 1_000_000,
        received: 3,
        symbols: 3,
        is_base64: false,
        chunks: 1,
        began_at: NOW,
    };
    // The Status of the Get came before its value, so that no command awaits an answer.
    let value = Session { upload: Some(upload), ..session("1", NOW) };
    assert!(value.in_flight.is_empty());
    let saved = key.clone();
    test.store
        .write(move |tx| {
            let contact = tx.live_enrollments(&device("a"))?.remove(0);
            keep(tx, "a", &saved, 1, b"one")?;
            tx.save_contact(SaveContact {
                enrollment: &contact.enrollment,
                device_id: &contact.device_id,
                now: NOW,
                account: None,
                info: None,
                session: Some(SaveSession {
                    key: &saved,
                    session: &value,
                    is_new: true,
                    reply: None,
                    commands_sent: 0,
                    commands_answered: 0,
                }),
            })
        })
        .await
        .unwrap();
    let options = Options::default();
    let timeout = options.rules.session_timeout;
    let management = Management::new(test.store.clone(), options, Metrics::new(), DeviceLimiter::new(0, 0));
    assert_eq!(management.tidy(NOW.plus_millis(timeout)).await.unwrap().sessions, 0);
    assert!(kept(test, "a").await.device > 0, "it may still go on");
    assert_eq!(management.tidy(NOW.plus_millis(timeout + 1)).await.unwrap().sessions, 1);
    assert_eq!(kept(test, "a").await, UploadBytes::default());
    let contact = test.store.write(|tx| tx.live_enrollments(&device("a"))).await.unwrap().remove(0);
    let (_, session) = contact.session.unwrap();
    assert_eq!((session.phase, session.upload), (Phase::Ended(Ending::TimedOut), None));
    let mut direct = test.direct();
    assert_eq!(direct.number("SELECT count(*) FROM upload_chunks"), 0);
}
