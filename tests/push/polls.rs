//! Schedules: changed when something has waited through a session, and calmed when nothing does; on both databases.

use transom::model::{DeviceId, DeviceInfo, EnrollmentId, EnrollmentType, Made, NewCommand, NewEnrollment, Timestamp};
use transom::protocol::enrollment::{Poll, PollSchedule};
use transom::protocol::session::{Authentication, MsgId, Nonce, Session, SessionId};
use transom::push::{Numbers, Plans, Polls};
use transom::store::{Error, SaveContact, SaveSession, Tx};

use super::{NOW, order};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_device_that_enrolled_is_calmed_and_made_eager_when_something_waits,
    the_schedule_of_an_imported_device_is_left_alone,
);

const HOUR: i64 = 60 * 60 * 1000;

fn polls() -> Polls {
    let eager = [Poll::new(8, 15), Poll::new(10, 60), Poll::new(0, 1440)];
    let calm = [Poll::new(0, 480), Poll::default(), Poll::default()];
    Polls::new(Plans::new(PollSchedule::default(), eager, calm).unwrap(), "Transom").unwrap()
}

fn at(hours: i64) -> Timestamp {
    Timestamp(NOW).plus_millis(hours * HOUR)
}

async fn enroll(test: &TestStore, made: Option<Made>) -> EnrollmentId {
    let new = NewEnrollment {
        device_id: DeviceId::parse("a").unwrap(),
        account: crate::store::account("secret"),
        info: DeviceInfo::default(),
        made,
    };
    let job = move |tx: &mut Tx<'_>| {
        let enrollment = tx.import_enrollment(&new, at(0))?.id;
        tx.activate_enrollment(&enrollment, at(0))?;
        Ok::<_, Error>(enrollment)
    };
    test.store.write(job).await.unwrap()
}

/// A session begins: what the device is sent, and how many statements that took.
async fn begins(test: &TestStore, enrollment: &EnrollmentId, now: Timestamp) -> (Vec<NewCommand>, u32) {
    let enrollment = enrollment.clone();
    let job = move |tx: &mut Tx<'_>| {
        let contact = tx.enrollment_for_update(&enrollment)?.unwrap();
        let before = tx.statements();
        let commands = polls().before_message(tx, &contact, now)?;
        Ok::<_, Error>((commands, tx.statements() - before))
    };
    test.store.write(job).await.unwrap()
}

/// The device had a session then.
async fn had_session(test: &TestStore, enrollment: &EnrollmentId, now: Timestamp) {
    let enrollment = enrollment.clone();
    let authentication = Authentication::Digest(Nonce::from_bytes(b"nonce"));
    let session = Session::begin(SessionId::parse("1").unwrap(), MsgId::FIRST, authentication, now);
    let job = move |tx: &mut Tx<'_>| {
        let key = transom::model::SessionKey::new(now);
        tx.save_contact(SaveContact {
            enrollment: &enrollment,
            device_id: &DeviceId::parse("a").unwrap(),
            now,
            account: None,
            info: None,
            session: Some(SaveSession {
                key: &key,
                session: &session,
                is_new: true,
                reply: None,
                commands_sent: 0,
                commands_answered: 0,
            }),
        })
    };
    test.store.write(job).await.unwrap();
}

/// The device took it.
async fn took(test: &TestStore, enrollment: &EnrollmentId, sets: [Poll; 3], now: Timestamp) {
    let [first, second, remaining] = sets;
    let numbers = Numbers::of(&PollSchedule::new(first, second, remaining, true).unwrap());
    let enrollment = enrollment.clone();
    let keep = move |tx: &mut Tx<'_>| tx.save_poll_schedule(&enrollment, &numbers.to_text(), Some(now));
    test.store.write(keep).await.unwrap();
}

fn numbers(commands: &[NewCommand]) -> Vec<String> {
    let data = commands.iter().flat_map(|command| command.instruction.settings());
    data.map(|(_, setting)| setting.data.clone().unwrap()).collect()
}

async fn a_device_that_enrolled_is_calmed_and_made_eager_when_something_waits(test: &TestStore) {
    let made = Made {
        id: EnrollmentId::new(at(0)),
        upn: "ada@example.test".to_owned(),
        kind: EnrollmentType::Full,
        hw_dev_id: None,
        context: serde_json::Value::Null,
    };
    let device = enroll(test, Some(made)).await;
    assert_eq!(begins(test, &device, at(1)).await, (Vec::new(), 0), "it was given an eager schedule when it enrolled");
    had_session(test, &device, at(11)).await;
    let (commands, _) = begins(test, &device, at(12)).await;
    assert_eq!(numbers(&commands), ["0", "480", "0", "0", "0", "0"]);
    assert_eq!(commands.len(), 6, "each alone");
    assert_eq!(begins(test, &device, at(12)).await.0, Vec::new(), "not twice");
    took(test, &device, [Poll::new(0, 480), Poll::default(), Poll::default()], at(12)).await;
    had_session(test, &device, at(12)).await;
    assert_eq!(begins(test, &device, at(40)).await, (Vec::new(), 0), "nothing to do costs nothing");

    // Ordered since the last session: this session brings it.
    let new = order(&["a"]);
    test.store.write(move |tx| tx.enqueue(&new, at(41))).await.unwrap();
    had_session(test, &device, at(40)).await;
    assert_eq!(begins(test, &device, at(48)).await.0, Vec::new());
    // It waited through a session.
    had_session(test, &device, at(48)).await;
    let (commands, _) = begins(test, &device, at(56)).await;
    assert_eq!(numbers(&commands), ["8", "15", "10", "60", "0", "1440"]);
}

async fn the_schedule_of_an_imported_device_is_left_alone(test: &TestStore) {
    let device = enroll(test, None).await;
    for hours in [1, 20, 400] {
        assert_eq!(begins(test, &device, at(hours)).await, (Vec::new(), 0));
    }
    // Until it is known.
    took(test, &device, [Poll::new(0, 1440), Poll::default(), Poll::default()], at(400)).await;
    assert_eq!(numbers(&begins(test, &device, at(420)).await.0), ["0", "480", "0", "0", "0", "0"]);
}
