//! Accounts, and what is kept of their passwords.

use transom::enrollment::applicant::{Applicant, Gate, Means, hash_password};
use transom::model::{AttemptOutcome, EnrollmentAttempt, NewEnrollmentUser};
use transom::store::{Error, Tx};
use transom_protocol::soap::{Credential, FaultKind, SecretText};

use super::{attempts, claims, enroll, limits, make_token, make_user, password, secret, user, visit, word};
use crate::scenarios;
use crate::store::{NOW, device};
use crate::support::databases::{Engine, TestStore};

scenarios!(
    an_account_enrolls_with_its_password_and_no_other,
    a_name_is_found_in_any_case_and_only_once,
    a_disabled_account_enrolls_nothing,
    a_changed_password_counts_at_once,
    what_is_not_offered_is_refused,
    no_password_and_no_token_is_written_down,
);

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
    let _ = gate.check(&Credential::None, &visit(1), NOW.plus_millis(59_999)).await;
    let told = |kept: Vec<EnrollmentAttempt>| -> Vec<_> {
        kept.into_iter().rev().map(|kept| (kept.reason.unwrap(), kept.count)).collect()
    };
    let lines = [("no_credential".to_owned(), 2), ("not_offered".to_owned(), 2)];
    assert_eq!(told(attempts(&test.store).await), lines, "what anybody can send fills no table");
    let _ = gate.check(&Credential::None, &visit(1), NOW.plus_millis(60_000)).await;
    let _ = gate.check(&Credential::None, &visit(2), NOW).await;
    assert_eq!(attempts(&test.store).await.len(), 4);
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
        Engine::Sqlite => "SELECT hex(password) AS text FROM enrollment_users",
        Engine::Postgres => "SELECT encode(password, 'hex') AS text FROM enrollment_users",
    };
    let argon2: String = "$argon2id".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert!(!direct.texts(sealed)[0].to_lowercase().contains(&argon2), "the hash is sealed");
}
