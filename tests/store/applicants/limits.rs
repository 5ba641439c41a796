//! What may enroll: how many devices, which versions, which that were declared.

use transom::config::{Editions, EnrollmentLimits};
use transom::enrollment::applicant::{Claims, Gate, Visit};
use transom::model::{AttemptFilter, AttemptOutcome, DeclaredDevice, DeclaredKind};
use transom::store::Tx;
use transom_protocol::soap::FaultKind;

use super::{
    MINUTE, all_at_once, attempts, claims, enroll, limits, make_token, make_user, password, sign_in_and_enroll, user,
    visit, word,
};
use crate::scenarios;
use crate::store::{NOW, device};
use crate::support::databases::TestStore;

scenarios!(
    a_user_has_no_more_devices_than_allowed,
    fifty_devices_of_one_user_are_as_many_as_allowed,
    a_machine_that_enrolls_again_is_one_device,
    only_declared_devices_enroll_when_that_is_asked,
    limits_of_versions_and_editions_are_held,
    nothing_is_left_of_an_enrollment_that_was_refused,
);

async fn a_user_has_no_more_devices_than_allowed(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let with = password("ada", "right-ada");
    let mut made = Vec::new();
    for id in ["D1", "D2", "D3"] {
        made.push(sign_in_and_enroll(&gate, &test.store, &with, id).await.unwrap());
    }
    let fourth = sign_in_and_enroll(&gate, &test.store, &with, "D4").await;
    assert_eq!(fourth.as_ref().unwrap_err().to_string(), "the user has 3 devices, and 3 are allowed");
    assert_eq!(fourth.unwrap_err().fault(), FaultKind::DeviceCapReached);
    sign_in_and_enroll(&gate, &test.store, &with, "d2").await.unwrap();
    let gone = made[0].clone();
    test.store.write(move |tx: &mut Tx<'_>| tx.end_enrollment(&gone, NOW)).await.unwrap();
    sign_in_and_enroll(&gate, &test.store, &with, "D4").await.unwrap();
    // Whoever only began does not keep the next out for ever.
    let applicant = gate.check(&with, &visit(1), NOW).await.unwrap();
    let tomorrow = NOW.plus_millis(25 * 60 * MINUTE);
    assert!(enroll(&test.store, &applicant, &claims("D5"), gate.limits(), tomorrow).await.is_ok());
    let other = make_token(&test.store, "ada", 1, 1).await.1;
    for id in ["D6", "D7"] {
        let _ = enroll(&test.store, &applicant, &claims(id), gate.limits(), tomorrow).await.unwrap();
    }
    let by_token = gate.check(&password("ada", &other), &visit(1), tomorrow.plus_millis(-25 * 60 * MINUTE)).await;
    let by_token = enroll(&test.store, &by_token.unwrap(), &claims("D8"), gate.limits(), NOW).await;
    assert_eq!(word(&by_token), "cap_reached", "a token is no way around it");
    assert_eq!(test.direct().number("SELECT used FROM enrollment_tokens"), 0, "and is not used up by trying");
}

async fn fifty_devices_of_one_user_are_as_many_as_allowed(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    let done = all_at_once(test, &applicant, 50, gate.limits()).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 3);
    assert_eq!(test.direct().number("SELECT count(*) FROM enrollments"), 3);
}

async fn a_machine_that_enrolls_again_is_one_device(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits { devices_per_user: 1, ..limits() });
    make_user(&test.store, "ada").await;
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    for number in 0..4 {
        let renamed = Claims { device_id: Some(device(&format!("D{number}"))), ..claims("PC") };
        enroll(&test.store, &applicant, &renamed, gate.limits(), NOW).await.unwrap();
    }
    let another = enroll(&test.store, &applicant, &claims("other"), gate.limits(), NOW).await;
    assert_eq!(word(&another), "cap_reached");
    let renamed = Claims { device_id: Some(device("D9")), ..claims("PC") };
    let without_end = enroll(&test.store, &applicant, &renamed, gate.limits(), NOW).await;
    assert_eq!(word(&without_end), "cap_reached", "one hardware hash does not stand for any number of devices");
}

async fn only_declared_devices_enroll_when_that_is_asked(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits { only_declared: true, devices_per_user: 0, ..limits() });
    make_user(&test.store, "ada").await;
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    let declared = |kind: DeclaredKind, value: &str| DeclaredDevice {
        kind,
        value: kind.fold(value).unwrap(),
        note: None,
        created_at: NOW,
    };
    let hash = "0A".repeat(32);
    let devices = vec![
        declared(DeclaredKind::HardwareHash, &hash),
        declared(DeclaredKind::Serial, "PF-1"),
        declared(DeclaredKind::Mac, "00:0c:29:51:60:9d"),
        declared(DeclaredKind::Imei, "490154203237518"),
    ];
    let (first, second) = (devices.clone(), devices);
    assert_eq!(test.store.write(move |tx: &mut Tx<'_>| tx.declare_devices(&first)).await.unwrap(), 4);
    assert_eq!(test.store.write(move |tx: &mut Tx<'_>| tx.declare_devices(&second)).await.unwrap(), 0);
    let nobody = Claims { serial: Some("pf-2".to_owned()), macs: vec!["x".to_owned()], ..claims("D0") };
    let refused = enroll(&test.store, &applicant, &nobody, gate.limits(), NOW).await;
    assert_eq!((word(&refused), refused.unwrap_err().fault()), ("not_declared", FaultKind::Authorization));
    for (id, claims) in [
        ("D1", Claims { hw_dev_id: Some(hash.to_lowercase()), ..claims("D1") }),
        ("D2", Claims { serial: Some("pf-1".to_owned()), ..claims("D2") }),
        ("D3", Claims { macs: vec!["00-00-00-00-00-01".into(), "00-0C-29-51-60-9D".into()], ..claims("D3") }),
        ("D4", Claims { imeis: vec!["49-015420-323751-8".to_owned()], ..claims("D4") }),
    ] {
        assert!(enroll(&test.store, &applicant, &claims, gate.limits(), NOW).await.is_ok(), "{id}");
    }
    test.store.write(|tx: &mut Tx<'_>| tx.remove_declared(DeclaredKind::Serial, "pf-1")).await.unwrap();
    let page = test.store.read(|tx: &mut Tx<'_>| tx.declared_devices(None, 2)).await.unwrap();
    let next = page.next.clone().unwrap();
    let rest = test.store.read(move |tx: &mut Tx<'_>| tx.declared_devices(Some(&next), 2)).await.unwrap();
    let kinds: Vec<_> = page.items.iter().chain(&rest.items).map(|device| device.kind).collect();
    assert_eq!(kinds, [DeclaredKind::HardwareHash, DeclaredKind::Imei, DeclaredKind::Mac]);
    assert_eq!(rest.next, None);
}

async fn limits_of_versions_and_editions_are_held(test: &TestStore) {
    make_user(&test.store, "ada").await;
    let limits = EnrollmentLimits {
        minimum_build: "19045".parse().unwrap(),
        allowed_editions: Editions::of(&["pro".to_owned()]).unwrap(),
        ..limits()
    };
    let gate = Gate::new(test.store.clone(), limits);
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    let of = |version: &str, edition| Claims {
        os_version: Some(version.to_owned()),
        os_edition: Some(edition),
        ..claims("D1")
    };
    for (claims, reason) in
        [(of("10.0.19044.1", 48), "version_not_allowed"), (of("10.0.19045.1", 101), "edition_not_allowed")]
    {
        let refused = enroll(&test.store, &applicant, &claims, gate.limits(), NOW).await;
        assert_eq!((word(&refused), refused.unwrap_err().fault()), (reason, FaultKind::DeviceNotSupported));
    }
    assert!(enroll(&test.store, &applicant, &of("10.0.19045.1", 48), gate.limits(), NOW).await.is_ok());
    let nameless = Claims { device_id: None, ..of("10.0.19045.1", 48) };
    assert_eq!(word(&enroll(&test.store, &applicant, &nameless, gate.limits(), NOW).await), "no_device_id");
}

async fn nothing_is_left_of_an_enrollment_that_was_refused(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits { devices_per_user: 1, ..limits() });
    let (made, token) = make_token(&test.store, "ada", 5, 1).await;
    sign_in_and_enroll(&gate, &test.store, &password("ada", &token), "D1").await.unwrap();
    let applicant = gate.check(&password("ada", &token), &visit(1), NOW).await.unwrap();
    let refused = enroll(&test.store, &applicant, &claims("D2"), gate.limits(), NOW).await.unwrap_err();
    gate.refused(&Visit { device: claims("D2"), ..visit(4) }, &applicant.user, &refused, NOW).await;
    let kept = test.store.read(move |tx: &mut Tx<'_>| tx.enrollment_token(&made.id)).await.unwrap().unwrap();
    assert_eq!(kept.used, 1, "the use was given back");
    assert_eq!(test.direct().number("SELECT count(*) FROM enrollments"), 1);
    let told = attempts(&test.store).await.remove(0);
    assert_eq!((told.reason.as_deref(), told.fault.as_deref()), (Some("cap_reached"), Some("device_cap_reached")));
    assert_eq!((told.device, told.trace_id.as_str()), (Some(device("D2")), "trace-4"));
    let of_user =
        AttemptFilter { user: Some(user("ADA")), outcome: Some(AttemptOutcome::Refused), ..Default::default() };
    let of_device = AttemptFilter { device: Some(device("d2")), ..Default::default() };
    let of_trace = AttemptFilter { trace_id: Some("trace-4".to_owned()), ..Default::default() };
    for filter in [of_user, of_device, of_trace] {
        let page = test.store.read(move |tx: &mut Tx<'_>| tx.enrollment_attempts(&filter, None, 10)).await.unwrap();
        assert_eq!(page.items.len(), 1);
    }
}
