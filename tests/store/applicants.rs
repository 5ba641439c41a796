//! Who may enroll: passwords, tokens, locks and limits, on both databases.

use std::net::IpAddr;

use transom::config::{Editions, EnrollmentLimits};
use transom::enrollment::applicant::{
    Applicant, Claims, Denied, Gate, Means, Visit, admit, hash_password, new_token, token_hash,
};
use transom::model::{
    AttemptFilter, AttemptOutcome, DeclaredDevice, DeclaredKind, DeviceInfo, EnrollmentAttempt, EnrollmentId,
    EnrollmentStep, EnrollmentToken, EnrollmentUser, NewEnrollment, NewEnrollmentToken, NewEnrollmentUser, Secret,
    Timestamp, UserName,
};
use transom::store::{Error, RetentionRules, Store, Tx};
use transom_protocol::soap::{Credential, FaultKind, SecretText};

use super::{NOW, account, device};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    an_account_enrolls_with_its_password_and_no_other,
    a_name_is_found_in_any_case_and_only_once,
    a_disabled_account_enrolls_nothing,
    a_changed_password_counts_at_once,
    a_token_enrolls_as_often_as_it_may,
    a_token_is_refused_for_what_it_is,
    fifty_devices_with_one_token_are_one_enrollment,
    a_lost_reply_costs_no_second_use,
    clones_do_not_push_each_other_out_while_there_are_uses,
    a_user_has_no_more_devices_than_allowed,
    fifty_devices_of_one_user_are_as_many_as_allowed,
    a_machine_that_enrolls_again_is_one_device,
    only_declared_devices_enroll_when_that_is_asked,
    limits_of_versions_and_editions_are_held,
    wrong_passwords_lock_an_account_for_a_while,
    wrong_tokens_lock_an_address_on_every_instance,
    a_flood_at_a_locked_door_is_counted_in_one_line,
    a_lock_says_nothing_of_who_has_an_account,
    guesses_at_the_same_time_get_no_more_of_them_in,
    what_is_not_offered_is_refused,
    nothing_is_left_of_an_enrollment_that_was_refused,
    no_password_and_no_token_is_written_down,
    attempts_are_bounded_by_age_and_number,
);

const MINUTE: i64 = 60_000;

fn peer(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn limits() -> EnrollmentLimits {
    EnrollmentLimits { devices_per_user: 3, attempts_per_address: 20, ..EnrollmentLimits::default() }
}

fn password(name: &str, password: &str) -> Credential {
    Credential::Password { name: name.to_owned(), password: SecretText::new(password) }
}

fn visit(last: u8) -> Visit {
    Visit {
        peer: peer(last),
        step: EnrollmentStep::Issue,
        trace_id: format!("trace-{last}"),
        device: Claims::default(),
    }
}

fn claims(id: &str) -> Claims {
    Claims { device_id: Some(device(id)), hw_dev_id: Some(format!("{id}-hardware")), ..Claims::default() }
}

/// Makes an account whose password is `right-` and its name.
async fn make_user(store: &Store, name: &str) -> EnrollmentUser {
    let hash = hash_password(&secret(&format!("right-{name}")), &[7; 16]).unwrap();
    let new =
        NewEnrollmentUser { name: user(name), display_name: None, password: hash, is_bulk: false, max_devices: None };
    store.write(move |tx: &mut Tx<'_>| tx.create_enrollment_user(&new, NOW)).await.unwrap()
}

/// Makes a token; the number makes it another.
async fn make_token(store: &Store, name: &str, uses: u32, number: u8) -> (EnrollmentToken, String) {
    let token = new_token(&[number; 20]).expose().clone();
    let new = NewEnrollmentToken {
        user: user(name),
        uses,
        expires_at: Some(NOW.plus_millis(60 * MINUTE)),
        hash: token_hash(&token).unwrap(),
        created_by: "tests".to_owned(),
    };
    (store.write(move |tx: &mut Tx<'_>| tx.create_enrollment_token(&new, NOW)).await.unwrap(), token)
}

/// Makes the enrollment that an applicant wants, as the service would.
async fn enroll(
    store: &Store,
    applicant: &Applicant,
    claims: &Claims,
    limits: &EnrollmentLimits,
    now: Timestamp,
) -> Result<(EnrollmentId, Vec<EnrollmentId>), Denied> {
    let (applicant, claims, limits) = (applicant.clone(), claims.clone(), limits.clone());
    let job = move |tx: &mut Tx<'_>| {
        let admitted = admit(tx, &applicant, &claims, &limits, now)?;
        let superseded = admitted.superseded.clone();
        let device_id = claims.device_id.clone().unwrap();
        let new = NewEnrollment { device_id, account: account("secret"), info: DeviceInfo::default() };
        let enrollment = tx.import_enrollment(&new, now)?.id;
        let visit = Visit { device: claims, ..visit(1) };
        admitted.settle(tx, &enrollment, &visit, now)?;
        Ok((enrollment, superseded))
    };
    store.write(job).await
}

/// Signs in and enrolls.
async fn sign_in_and_enroll(gate: &Gate, store: &Store, with: &Credential, id: &str) -> Result<EnrollmentId, Denied> {
    let applicant = gate.check(with, &visit(1), NOW).await?;
    Ok(enroll(store, &applicant, &claims(id), gate.limits(), NOW).await?.0)
}

async fn attempts(store: &Store) -> Vec<EnrollmentAttempt> {
    store.read(|tx: &mut Tx<'_>| tx.enrollment_attempts(&AttemptFilter::default(), None, 1_000)).await.unwrap().items
}

fn word<T>(refused: &Result<T, Denied>) -> &'static str {
    refused.as_ref().err().map_or("(none)", Denied::word)
}

async fn an_account_enrolls_with_its_password_and_no_other(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let made = make_user(&test.store, "ada").await;
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    assert_eq!(applicant, Applicant { user: user("ada"), means: Means::Account(made.id.clone()) });
    for wrong in ["right-Ada", "", "right-ada "] {
        let refused = gate.check(&password("ada", wrong), &visit(1), NOW).await;
        assert_eq!(word(&refused), "wrong_password", "{wrong:?}");
    }
    let unknown = gate.check(&password("bob", "right-ada"), &visit(1), NOW).await;
    assert_eq!((word(&unknown), unknown.unwrap_err().fault()), ("unknown_user", FaultKind::Authentication));
    let (enrollment, _) = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), NOW).await.unwrap();
    let (id, named) = (enrollment.clone(), user("ada"));
    let (admission, account) = test
        .store
        .read(move |tx: &mut Tx<'_>| Ok::<_, Error>((tx.admission(&id)?, tx.enrollment_user(&named)?)))
        .await
        .unwrap();
    let admission = admission.unwrap();
    assert_eq!((admission.user, admission.means.as_str(), admission.token), (user("ada"), "account", None));
    assert_eq!(account.unwrap().last_used_at, Some(NOW));
    let kept = attempts(&test.store).await;
    assert_eq!(kept[0].outcome, AttemptOutcome::Enrolled);
    assert_eq!((kept[0].enrollment.as_ref(), kept[0].device.as_ref()), (Some(&enrollment), Some(&device("D1"))));
    assert_eq!(kept.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Refused).count(), 4);
}

async fn a_name_is_found_in_any_case_and_only_once(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    for name in ["CONTOSO\\Ada", "Bob@Contoso.com", "Änne"] {
        make_user(&test.store, name).await;
        let right = format!("right-{name}");
        for typed in [name.to_owned(), format!(" {} ", name.to_lowercase()), name.to_uppercase()] {
            assert!(gate.check(&password(&typed, &right), &visit(1), NOW).await.is_ok(), "{typed}");
        }
    }
    let again = NewEnrollmentUser {
        name: user("contoso\\ada"),
        display_name: None,
        password: secret("x"),
        is_bulk: false,
        max_devices: None,
    };
    let refused = test.store.write(move |tx: &mut Tx<'_>| tx.create_enrollment_user(&again, NOW)).await;
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    let bare = gate.check(&password("ada", "right-CONTOSO\\Ada"), &visit(1), NOW).await;
    assert_eq!(word(&bare), "unknown_user", "a bare name is another name");
    let wrong = gate.check(&password("a\0b", "x"), &visit(1), NOW).await;
    assert_eq!(word(&wrong), "no_user_name");
}

async fn a_disabled_account_enrolls_nothing(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let made = make_user(&test.store, "ada").await;
    let (_, token) = make_token(&test.store, "ada", 5, 1).await;
    let applicant = gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.unwrap();
    let id = made.id.clone();
    test.store.write(move |tx: &mut Tx<'_>| tx.disable_enrollment_user(&id, Some(NOW))).await.unwrap();
    let raced = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), NOW).await;
    assert_eq!(word(&raced), "account_disabled", "it was disabled between sign-in and enrollment");
    for with in [password("ada", "right-ada"), password("ada", &token)] {
        let refused = gate.check(&with, &visit(1), NOW).await;
        assert_eq!((word(&refused), refused.unwrap_err().fault()), ("account_disabled", FaultKind::Authorization));
    }
    let wrong = gate.check(&password("ada", "wrong"), &visit(1), NOW).await;
    assert_eq!(word(&wrong), "wrong_password", "who does not know the password learns nothing");
    let id = made.id.clone();
    test.store.write(move |tx: &mut Tx<'_>| tx.disable_enrollment_user(&id, None)).await.unwrap();
    assert!(gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.is_ok());
    test.store.write(move |tx: &mut Tx<'_>| tx.remove_enrollment_user(&made.id)).await.unwrap();
    let gone = enroll(&test.store, &applicant, &claims("D1"), gate.limits(), NOW).await;
    assert_eq!(word(&gone), "account_gone");
}

async fn a_changed_password_counts_at_once(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    let made = make_user(&test.store, "ada").await;
    assert!(gate.check(&password("ada", "right-ada"), &visit(1), NOW).await.is_ok());
    let hash = hash_password(&secret("another"), &[8; 16]).unwrap();
    test.store.write(move |tx: &mut Tx<'_>| tx.set_enrollment_password(&made.id, &hash, NOW)).await.unwrap();
    assert_eq!(word(&gate.check(&password("ada", "right-ada"), &visit(1), NOW).await), "wrong_password");
    assert!(gate.check(&password("ada", "another"), &visit(1), NOW).await.is_ok());
}

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

/// Has all of these enroll at the same time; tells how each ended.
async fn all_at_once(
    test: &TestStore,
    applicant: &Applicant,
    devices: u32,
    limits: &EnrollmentLimits,
) -> Vec<Result<(EnrollmentId, Vec<EnrollmentId>), Denied>> {
    // Several instances on PostgreSQL; there is only one on a file.
    let other = test.reopen();
    let jobs = (0..devices).map(|number| {
        let store = if number % 2 == 0 { test.store.clone() } else { other.clone() };
        let (applicant, limits) = (applicant.clone(), limits.clone());
        tokio::spawn(async move {
            loop {
                match enroll(&store, &applicant, &claims(&format!("D{number}")), &limits, NOW).await {
                    Err(Denied::Store(error)) if error.is_temporary() => {}
                    done => return done,
                }
            }
        })
    });
    let jobs: Vec<_> = jobs.collect();
    let mut done = Vec::new();
    for job in jobs {
        done.push(job.await.unwrap());
    }
    done
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

async fn wrong_passwords_lock_an_account_for_a_while(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let (_, token) = make_token(&test.store, "ada", 1, 1).await;
    let right = password("ada", "right-ada");
    for last in 1..=5 {
        let refused = gate.check(&password("ADA", "wrong"), &visit(last), NOW).await;
        assert_eq!(word(&refused), "wrong_password");
    }
    let locked = gate.check(&right, &visit(9), NOW).await;
    assert_eq!((word(&locked), locked.unwrap_err().fault()), ("account_locked", FaultKind::Authentication));
    let elsewhere = Gate::new(test.reopen(), limits());
    assert_eq!(word(&elsewhere.check(&right, &visit(9), NOW).await), "account_locked", "on every instance");
    assert!(gate.check(&password("ada", &token), &visit(9), NOW).await.is_ok(), "a token can't be guessed");
    let later = NOW.plus_millis(MINUTE);
    assert_eq!(word(&gate.check(&password("ada", "wrong"), &visit(9), later).await), "wrong_password");
    let still = gate.check(&right, &visit(9), later.plus_millis(MINUTE)).await;
    assert_eq!(word(&still), "account_locked", "the next lock is longer");
    let open = later.plus_millis(2 * MINUTE);
    assert!(gate.check(&right, &visit(9), open).await.is_ok());
    assert_eq!(word(&gate.check(&password("ada", "wrong"), &visit(9), open).await), "wrong_password");
    assert!(gate.check(&right, &visit(9), open).await.is_ok(), "the right password forgave all before");
}

async fn wrong_tokens_lock_an_address_on_every_instance(test: &TestStore) {
    let gates = [Gate::new(test.store.clone(), limits()), Gate::new(test.reopen(), limits())];
    make_user(&test.store, "ada").await;
    for number in 0..20 {
        let wrong = password(&format!("user{number}"), &format!("transom-enroll-{number}"));
        let refused = gates[usize::from(number % 2 == 0)].check(&wrong, &visit(7), NOW).await;
        assert_eq!(word(&refused), "unknown_token");
    }
    for gate in &gates {
        assert_eq!(word(&gate.check(&password("ada", "right-ada"), &visit(7), NOW).await), "address_locked");
        assert!(gate.is_open_to(peer(7), NOW).await.is_err());
        assert!(gate.check(&password("ada", "right-ada"), &visit(8), NOW).await.is_ok(), "others are not concerned");
    }
    let at = |text: &str| Visit { peer: text.parse().unwrap(), ..visit(1) };
    for number in 0..20 {
        let from = at(&format!("2001:db8:1:2::{number:x}"));
        let _ = gates[0].check(&password("ada", "transom-enroll-x"), &from, NOW).await;
    }
    let neighbour = gates[0].check(&password("ada", "right-ada"), &at("2001:db8:1:2:ffff::1"), NOW).await;
    assert_eq!(word(&neighbour), "address_locked", "one customer has a whole /64");
    assert!(gates[0].check(&password("ada", "right-ada"), &at("2001:db8:1:3::1"), NOW).await.is_ok());
}

async fn a_flood_at_a_locked_door_is_counted_in_one_line(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    for _ in 0..20 {
        let _ = gate.check(&password("ada", "transom-enroll-x"), &visit(7), NOW).await;
    }
    for _ in 0..30 {
        let refused = gate.check(&password("ada", "x"), &visit(7), NOW).await;
        assert_eq!(word(&refused), "address_locked");
    }
    let kept = attempts(&test.store).await;
    assert_eq!(kept.len(), 21);
    assert_eq!((kept[0].reason.as_deref(), kept[0].count), (Some("address_locked"), 30));
}

async fn a_lock_says_nothing_of_who_has_an_account(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let mut told = [Vec::new(), Vec::new()];
    for (name, told) in ["ada", "nobody"].iter().zip(&mut told) {
        for last in 1..=7 {
            let refused = gate.check(&password(name, "wrong"), &visit(last), NOW).await.unwrap_err();
            told.push((refused.fault(), matches!(refused, Denied::AccountLocked { .. })));
        }
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0][6].1, "both are locked");
}

async fn guesses_at_the_same_time_get_no_more_of_them_in(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let guesses = (0..60).map(|number| {
        let gate = gate.clone();
        tokio::spawn(async move { word(&gate.check(&password("ada", "wrong"), &visit(number), NOW).await) })
    });
    let guesses: Vec<_> = guesses.collect();
    let mut told = Vec::new();
    for guess in guesses {
        told.push(guess.await.unwrap());
    }
    let tried = told.iter().filter(|word| **word == "wrong_password").count();
    // One more for each thread that was hashing when the last allowed one failed.
    assert!((5..5 + 4).contains(&tried), "{tried} of 60 were compared");
    assert_eq!(told.iter().filter(|word| **word == "account_locked").count(), 60 - tried);
}

async fn what_is_not_offered_is_refused(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    for (credential, reason) in [
        (Credential::None, "no_credential"),
        (Credential::Jwt(SecretText::new("x")), "not_offered"),
        (Credential::UserToken(SecretText::new("x")), "not_offered"),
    ] {
        let refused = gate.check(&credential, &visit(1), NOW).await;
        assert_eq!((word(&refused), refused.unwrap_err().fault()), (reason, FaultKind::Authentication));
    }
    assert_eq!(attempts(&test.store).await.len(), 3);
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

async fn no_password_and_no_token_is_written_down(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), limits());
    make_user(&test.store, "ada").await;
    let (_, token) = make_token(&test.store, "ada", 1, 1).await;
    for (name, secret) in [("ada", "right-ada"), ("ada", "hunter2"), ("bob", "hunter2"), ("ada", &token)] {
        let _ = gate.check(&password(name, secret), &visit(1), NOW).await;
    }
    let _ = gate.check(&password(&token, "hunter2"), &visit(1), NOW).await;
    let mut direct = test.direct();
    let columns = "coalesce(user_name, '') || coalesce(detail, '') || coalesce(reason, '') || peer";
    let kept = direct.texts(&format!("SELECT {columns} AS text FROM enrollment_attempts")).join("\n");
    let letters = token.trim_start_matches("transom-enroll-");
    for secret in ["hunter2", "right-ada", letters] {
        assert!(!kept.contains(secret), "{kept}");
    }
    let sealed = match test.engine {
        crate::support::databases::Engine::Sqlite => "SELECT hex(password) AS text FROM enrollment_users",
        crate::support::databases::Engine::Postgres => "SELECT encode(password, 'hex') AS text FROM enrollment_users",
    };
    let argon2: String = "$argon2id".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!direct.texts(sealed)[0].to_lowercase().contains(&argon2), "the hash is sealed");
}

async fn attempts_are_bounded_by_age_and_number(test: &TestStore) {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits { attempts_per_address: 1_000, ..limits() });
    let day = 24 * 60 * MINUTE;
    for number in 0..12 {
        let at = NOW.plus_millis(number * day);
        let _ = gate.check(&password("ada", "transom-enroll-x"), &visit(1), at).await;
    }
    let age = std::time::Duration::from_hours(24 * 9);
    let rules = RetentionRules { age, attempts: 5, batch: 2, ..RetentionRules::default() };
    let pruned = test.store.prune(NOW.plus_millis(11 * day), RetentionRules { attempts: 100, ..rules }).await.unwrap();
    assert_eq!(pruned.attempts, 2, "those that are older than nine days");
    let pruned = test.store.prune(NOW.plus_millis(11 * day), rules).await.unwrap();
    assert_eq!(pruned.attempts, 5, "those above five");
    let kept = attempts(&test.store).await;
    assert_eq!(kept.last().unwrap().at, NOW.plus_millis(7 * day));
    assert_eq!(test.direct().number("SELECT count(*) FROM enrollment_failures"), 1);
    test.store.prune(NOW.plus_millis(13 * day), rules).await.unwrap();
    assert_eq!(test.direct().number("SELECT count(*) FROM enrollment_failures"), 0, "what is forgiven is forgotten");
}
