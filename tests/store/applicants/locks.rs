//! Guessing: locks that grow, are forgiven, and hold on every instance.

use transom::config::EnrollmentLimits;
use transom::enrollment::applicant::{Denied, Gate, Visit};
use transom::store::RetentionRules;
use transom_protocol::soap::FaultKind;

use super::{MINUTE, attempts, limits, make_token, make_user, password, peer, visit, word};
use crate::scenarios;
use crate::store::NOW;
use crate::support::databases::TestStore;

scenarios!(
    wrong_passwords_lock_an_account_for_a_while,
    wrong_tokens_lock_an_address_on_every_instance,
    a_flood_at_a_locked_door_is_counted_in_one_line,
    a_lock_says_nothing_of_who_has_an_account,
    guesses_at_the_same_time_get_no_more_of_them_in,
    attempts_are_bounded_by_age_and_number,
);

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
