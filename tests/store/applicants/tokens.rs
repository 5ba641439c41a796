//! Tokens are good for as many enrollments as they were made for, whoever tries at the same time.

use transom::config::EnrollmentLimits;
use transom::enrollment::applicant::{Claims, Gate};
use transom::store::{Error, Tx};

use super::{MINUTE, all_at_once, claims, enroll, limits, make_token, password, sign_in_and_enroll, visit, word};
use crate::scenarios;
use crate::store::{NOW, device};
use crate::support::databases::TestStore;

scenarios!(
    a_token_enrolls_as_often_as_it_may,
    a_token_is_refused_for_what_it_is,
    fifty_devices_with_one_token_are_one_enrollment,
    a_lost_reply_costs_no_second_use,
    clones_do_not_push_each_other_out_while_there_are_uses,
);

async fn a_token_enrolls_as_often_as_it_may(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let (made, token) = make_token(&test.store, "Ada", 2, 1).await;
    for id in ["D1", "D2"] {
        sign_in_and_enroll(&gate, &test.store, &password("ada", &token), id).await.unwrap();
    }
    let third = sign_in_and_enroll(&gate, &test.store, &password("ada", &token), "D3").await;
    assert_eq!(word(&third), "token_spent");
    let (of, id) = (made.id.clone(), made.id.clone());
    let admissions = test.store.read(move |tx: &mut Tx<'_>| tx.admissions_by_token(&of)).await.unwrap();
    let devices: Vec<_> = admissions.iter().map(|admission| admission.device.to_string()).collect();
    assert_eq!(devices, ["D1", "D2"]);
    let kept = test.store.read(move |tx: &mut Tx<'_>| tx.enrollment_token(&id)).await.unwrap().unwrap();
    assert_eq!((kept.used, kept.last_used_at), (2, Some(NOW)));
}

async fn a_token_is_refused_for_what_it_is(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let (made, token) = make_token(&test.store, "ada", 1, 1).await;
    let check = |name: &str, token: &str, now| {
        let (gate, with) = (gate.clone(), password(name, token));
        async move { gate.check(&with, &visit(1), now).await }
    };
    assert!(check("ADA", &format!(" {} ", token.to_uppercase()), NOW).await.is_ok());
    assert_eq!(word(&check("bob", &token, NOW).await), "token_of_another");
    assert_eq!(word(&check("ada", &format!("{token}x"), NOW).await), "unknown_token");
    let late = NOW.plus_millis(60 * MINUTE);
    assert_eq!(word(&check("ada", &token, late).await), "token_expired");
    let applicant = check("ada", &token, NOW).await.unwrap();
    let expired = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), late).await;
    assert_eq!(word(&expired), "token_expired", "it expired between sign-in and enrollment");
    let id = made.id.clone();
    test.store.write(move |tx: &mut Tx<'_>| tx.revoke_enrollment_token(&id, NOW)).await.unwrap();
    assert_eq!(word(&check("ada", &token, NOW).await), "token_revoked");
    let revoked = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), NOW).await;
    assert_eq!(word(&revoked), "token_revoked");
    let again = test.store.write(move |tx: &mut Tx<'_>| tx.revoke_enrollment_token(&made.id, NOW)).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
}

async fn fifty_devices_with_one_token_are_one_enrollment(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let (_, token) = make_token(&test.store, "ada", 1, 1).await;
    let applicant = gate.check(&password("ada", &token), &visit(1), NOW).await.unwrap();
    let done = all_at_once(test, &applicant, 50, gate.limits()).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(done.iter().filter(|done| word(done) == "token_spent").count(), 49);
    let mut direct = test.direct();
    for (query, count) in [
        ("SELECT count(*) FROM enrollments", 1),
        ("SELECT count(*) FROM devices", 1),
        ("SELECT count(*) FROM admissions", 1),
        ("SELECT used FROM enrollment_tokens", 1),
    ] {
        assert_eq!(direct.number(query), count, "{query}");
    }
}

async fn a_lost_reply_costs_no_second_use(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let (_, token) = make_token(&test.store, "ada", 1, 1).await;
    let with = password("ada", &token);
    let applicant = gate.check(&with, &visit(1), NOW).await.unwrap();
    let (lost, _) = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), NOW).await.unwrap();
    let again = gate.check(&with, &visit(1), NOW).await.unwrap();
    let (second, superseded) = enroll(&test.store, &again, &claims("D1"), gate.limits(), NOW).await.unwrap();
    assert_eq!(superseded, std::slice::from_ref(&lost));
    let live = test.store.write(|tx: &mut Tx<'_>| tx.live_enrollments(&device("D1"))).await.unwrap();
    assert_eq!(live.len(), 1, "what the device never got can't sign in");
    assert_eq!(live[0].enrollment, second);
    // Windows calls itself otherwise when it tries again.
    let renamed = Claims { hw_dev_id: Some("D1-HARDWARE ".to_owned()), ..claims("D1b") };
    let (third, superseded) = enroll(&test.store, &again, &renamed, gate.limits(), NOW).await.unwrap();
    assert_eq!(superseded, [second]);
    let stranger = enroll(&test.store, &again, &claims("D2"), gate.limits(), NOW).await;
    assert_eq!(word(&stranger), "token_spent");
    assert_eq!(test.direct().number("SELECT used FROM enrollment_tokens"), 1);
    test.store.write(move |tx: &mut Tx<'_>| tx.activate_enrollment(&third, NOW)).await.unwrap();
    let late = enroll(&test.store, &again, &renamed, gate.limits(), NOW).await;
    assert_eq!(word(&late), "token_spent", "the enrollment is in use: its reply was not lost");
    assert_eq!(word(&gate.check(&with, &visit(1), NOW).await), "token_spent");
}

async fn clones_do_not_push_each_other_out_while_there_are_uses(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits { devices_per_user: 0, ..limits() });
    let (_, token) = make_token(&test.store, "ada", 3, 1).await;
    let applicant = gate.check(&password("ada", &token), &visit(1), NOW).await.unwrap();
    for id in ["D1", "D2", "D3"] {
        let clone = Claims { hw_dev_id: Some("the same".to_owned()), ..claims(id) };
        let (_, superseded) = enroll(&test.store, &applicant, &clone, gate.limits(), NOW).await.unwrap();
        assert_eq!(superseded, Vec::new(), "{id}");
    }
    assert_eq!(test.direct().number("SELECT used FROM enrollment_tokens"), 3);
    let mut retries = 0;
    let clone = Claims { hw_dev_id: Some("the same".to_owned()), ..claims("D4") };
    while enroll(&test.store, &applicant, &clone, gate.limits(), NOW).await.is_ok() {
        retries += 1;
        assert!(retries < 100, "retries have an end");
    }
    assert_eq!(test.direct().number("SELECT count(*) FROM enrollments WHERE ended_at IS NULL"), 1);
}
