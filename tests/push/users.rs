//! How often users come of a computer that several work on at once: set where it must be, on both databases.

use transom::model::{DeviceId, DeviceInfo, EnrollmentId, EnrollmentType, Made, NewCommand, NewEnrollment, Timestamp};
use transom::push::{UserPlan, UserPolls};
use transom::store::{Error, Tx};

use super::NOW;
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    only_a_computer_with_sessions_of_users_is_told,
    another_plan_is_told_where_it_differs,
    the_users_of_an_imported_computer_are_left_alone,
);

const MINUTE: i64 = 60 * 1000;

fn at(minutes: i64) -> Timestamp {
    Timestamp(NOW).plus_millis(minutes * MINUTE)
}

fn polls(minutes: u32, at_logon: u32) -> UserPolls {
    UserPolls::new(UserPlan::new(minutes, 25, at_logon).unwrap(), "Transom").unwrap()
}

async fn enroll(test: &TestStore, is_made: bool) -> EnrollmentId {
    let made = is_made.then(|| Made {
        id: EnrollmentId::new(at(0)),
        upn: "ada@example.test".to_owned(),
        kind: EnrollmentType::Device,
        hw_dev_id: None,
        context: serde_json::Value::Null,
    });
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

/// A message comes: what is sent with the answer, and how many statements that took.
async fn message(
    test: &TestStore,
    enrollment: &EnrollmentId,
    polls: UserPolls,
    now: Timestamp,
) -> (Vec<(String, String)>, u32) {
    let enrollment = enrollment.clone();
    let job = move |tx: &mut Tx<'_>| {
        let contact = tx.enrollment_for_update(&enrollment)?.unwrap();
        let before = tx.statements();
        let commands = polls.before_message(tx, &contact, now)?;
        Ok::<_, Error>((commands, tx.statements() - before))
    };
    let (commands, statements) = test.store.write(job).await.unwrap();
    (commands.iter().map(read).collect(), statements)
}

fn read(command: &NewCommand) -> (String, String) {
    let (_, setting) = command.instruction.settings().next().unwrap();
    let node = setting.target.as_str().rsplit('/').next().unwrap();
    (node.to_owned(), setting.data.clone().unwrap())
}

async fn users_came(test: &TestStore, enrollment: &EnrollmentId, now: Timestamp) {
    let enrollment = enrollment.clone();
    test.store.write(move |tx| tx.change_user_schedule_at(&enrollment, now)).await.unwrap();
}

async fn took(test: &TestStore, enrollment: &EnrollmentId, numbers: &'static str) {
    let enrollment = enrollment.clone();
    test.store.write(move |tx| tx.save_user_schedule(&enrollment, numbers)).await.unwrap();
}

fn interval(minutes: &str) -> (String, String) {
    ("IntervalForScheduledRetriesForUserSession".to_owned(), minutes.to_owned())
}

async fn only_a_computer_with_sessions_of_users_is_told(test: &TestStore) {
    let host = enroll(test, true).await;
    assert_eq!(message(test, &host, polls(480, 25), at(1)).await, (Vec::new(), 0));
    users_came(test, &host, at(2)).await;
    assert_eq!(message(test, &host, polls(1440, 25), at(2)).await, (Vec::new(), 0), "Windows does so by itself");
    assert_eq!(message(test, &host, polls(480, 25), at(3)).await.0, [interval("480")]);
    assert_eq!(message(test, &host, polls(480, 25), at(4)).await, (Vec::new(), 0), "not twice");
    assert_eq!(message(test, &host, polls(480, 25), at(63)).await.0, [interval("480")], "it has not answered");
    took(test, &host, "[0,480,25,25]").await;
    assert_eq!(message(test, &host, polls(480, 25), at(200)).await, (Vec::new(), 0));
}

async fn another_plan_is_told_where_it_differs(test: &TestStore) {
    let host = enroll(test, true).await;
    users_came(test, &host, at(1)).await;
    took(test, &host, "[0,480,25,25]").await;
    let at_logon = ("NumAllowedConcurrentUserSessionAtUserLogonSync".to_owned(), "1".to_owned());
    assert_eq!(message(test, &host, polls(480, 1), at(2)).await.0, [at_logon]);
    took(test, &host, "[7,null,25,1]").await;
    let number = ("NumberOfScheduledRetriesForUserSession".to_owned(), "0".to_owned());
    assert_eq!(message(test, &host, polls(480, 1), at(90)).await.0, [number, interval("480")]);
}

async fn the_users_of_an_imported_computer_are_left_alone(test: &TestStore) {
    let host = enroll(test, false).await;
    users_came(test, &host, at(1)).await;
    assert_eq!(message(test, &host, polls(480, 25), at(2)).await, (Vec::new(), 0));
    // Until somebody has looked.
    took(test, &host, "[null,240,null,null]").await;
    assert_eq!(message(test, &host, polls(240, 25), at(3)).await.0.len(), 3);
}
