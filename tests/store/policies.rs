//! Policies: published, kept for each device, counted, and looked at by one of several.

use std::collections::BTreeMap;

use transom::model::{
    DevicePolicy, EnrollmentId, Given, GivenOutcome, NewPolicyRevision, PolicyState, PolicyWalk, RevisedPolicy,
    SettingCheck, SettingRecord, Timestamp, WebhookClaim,
};
use transom::store::{Error, Tx};

use super::NOW;
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_set_is_published_as_a_whole_and_its_history_stays,
    a_set_owns_what_it_published,
    what_became_of_a_device_is_kept_once_and_counted,
    what_devices_have_is_looked_at_when_it_is_time,
    a_look_that_is_asked_for_meanwhile_stays,
    one_of_several_does_the_work,
    a_command_that_is_canceled_has_its_device_looked_at,
    devices_that_come_and_go_are_looked_at,
    a_draft_is_its_authors_own_and_sealed,
    of_two_who_begin_a_draft_at_once_one_does,
    what_came_from_files_is_told_apart,
);

fn revision(set: &str, declarations: &[(&str, &str)]) -> NewPolicyRevision {
    let each = |(identifier, token): &(&str, &str)| {
        let policy = RevisedPolicy {
            identifier: (*identifier).to_owned(),
            kind: "configuration".to_owned(),
            token: format!("{identifier}-{token}"),
        };
        (policy, format!(r#"{{"of":"{identifier}","as":"{token}"}}"#))
    };
    NewPolicyRevision {
        set: set.to_owned(),
        author: "ada".to_owned(),
        message: "because".to_owned(),
        declarations: declarations.iter().map(each).collect(),
        secret_nodes: Vec::new(),
        stages: None,
    }
}

/// Publishes, and gives the number of the revision.
async fn publish(test: &TestStore, set: &str, declarations: &[(&str, &str)]) -> Result<Option<i64>, Error> {
    let new = revision(set, declarations);
    let job = move |tx: &mut Tx<'_>| {
        let generation = tx.policy_work()?.generation;
        tx.publish_policies(&new, generation, NOW)
    };
    Ok(test.store.write(job).await?.map(|revision| revision.number))
}

async fn published(test: &TestStore, set: &str) -> Vec<String> {
    let set = set.to_owned();
    let policies = test.store.read(move |tx: &mut Tx<'_>| tx.policies(Some(&set))).await.unwrap();
    policies.into_iter().map(|policy| policy.token).collect()
}

async fn a_set_is_published_as_a_whole_and_its_history_stays(test: &TestStore) {
    assert_eq!(publish(test, "one", &[("a", "1"), ("b", "1")]).await.unwrap(), Some(1));
    assert_eq!(publish(test, "one", &[("b", "1"), ("a", "1")]).await.unwrap(), None, "it is the same");
    assert_eq!(publish(test, "one", &[("b", "2"), ("c", "1")]).await.unwrap(), Some(2));
    assert_eq!(published(test, "one").await, ["b-2", "c-1"]);
    let (revisions, first, contents, work) = test
        .store
        .read(|tx| {
            let revisions = tx.policy_revisions(Some("one"), None, 10)?;
            let first = tx.policies_of_revision(1)?;
            let tokens: Vec<String> = first.iter().map(|policy| policy.token.clone()).collect();
            Ok::<_, Error>((revisions, first, tx.policy_contents(&tokens)?, tx.policy_work()?))
        })
        .await
        .unwrap();
    let told: Vec<_> = revisions.iter().map(|each| (each.number, each.added, each.changed, each.removed)).collect();
    assert_eq!(told, [(2, 1, 1, 1), (1, 2, 0, 0)]);
    assert_eq!((revisions[0].author.as_str(), revisions[0].message.as_str()), ("ada", "because"));
    assert_eq!(first.len(), 2);
    assert_eq!(contents["a-1"], r#"{"of":"a","as":"1"}"#);
    assert_eq!(work.generation, 2, "what changes nothing is no change");
    assert_eq!(test.direct().number("SELECT count(*) FROM policy_contents"), 4);
    // What was held against something else is not published.
    let new = revision("one", &[("x", "1")]);
    let stale = test.store.write(move |tx| tx.publish_policies(&new, 1, NOW)).await.unwrap_err();
    assert!(matches!(stale, Error::Conflict(_)), "{stale:?}");
}

async fn a_set_owns_what_it_published(test: &TestStore) {
    publish(test, "one", &[("a", "1")]).await.unwrap();
    publish(test, "two", &[("b", "1")]).await.unwrap();
    let refused = publish(test, "two", &[("a", "2")]).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("one")), "{refused:?}");
    publish(test, "two", &[]).await.unwrap();
    assert_eq!((published(test, "one").await.len(), published(test, "two").await.len()), (1, 0));
    publish(test, "one", &[]).await.unwrap();
    publish(test, "two", &[("a", "2")]).await.unwrap();
    assert_eq!(published(test, "two").await, ["a-2"]);
}

fn standing(states: &[(&str, PolicyState)]) -> DevicePolicy {
    let mut policy = DevicePolicy::default();
    for (name, state) in states {
        let record = SettingRecord {
            uri: format!("./{name}"),
            by: vec![(*name).to_owned()],
            was_by: Vec::new(),
            state: *state,
            since: NOW,
            why: None,
            wanted: Some("t".to_owned()),
            given: None,
            before: None,
            made: None,
            held_by: None,
            carrier: Some("command".to_owned()),
            first: None,
            status: None,
            original_error: None,
            because_of: None,
            with_others: false,
            lost: 0,
            check: SettingCheck::default(),
        };
        policy.settings.insert(format!("./{name}"), record);
    }
    policy.judge();
    policy
}

async fn save(test: &TestStore, of: &EnrollmentId, version: i64, before: &DevicePolicy, after: &DevicePolicy) -> bool {
    let (of, before, after) = (of.clone(), before.clone(), after.clone());
    test.store.write(move |tx| tx.save_device_policy(&of, version, &before, &after, NOW)).await.unwrap()
}

async fn counts(test: &TestStore, name: &'static str) -> BTreeMap<PolicyState, i64> {
    let mut counts = test.store.read(move |tx: &mut Tx<'_>| tx.policy_counts(Some(name))).await.unwrap();
    counts.remove(name).unwrap_or_default()
}

async fn what_became_of_a_device_is_kept_once_and_counted(test: &TestStore) {
    let (one, two) = (test.enroll("ONE").await, test.enroll("TWO").await);
    let nothing = DevicePolicy::default();
    let waits = standing(&[("a", PolicyState::Pending), ("b", PolicyState::Pending)]);
    for of in [&one, &two] {
        assert!(save(test, of, 0, &nothing, &waits).await);
    }
    assert!(!save(test, &one, 0, &nothing, &waits).await, "somebody else was faster");
    assert_eq!(counts(test, "a").await, BTreeMap::from([(PolicyState::Pending, 2)]));
    let awaits = |name: &'static str| {
        let job = move |tx: &mut Tx<'_>| tx.live_enrollments(&super::device(name));
        async move { test.store.write(job).await.unwrap()[0].awaits_policies }
    };
    assert!(awaits("ONE").await);
    let done = standing(&[("a", PolicyState::Applied), ("b", PolicyState::Failed)]);
    assert!(save(test, &one, 1, &waits, &done).await);
    assert!(!awaits("ONE").await, "nothing is waited for any more");
    assert!(!save(test, &one, 1, &waits, &waits).await, "it is another version by now");
    let of = one.clone();
    let kept = test.store.read(move |tx| tx.device_policy(&of)).await.unwrap();
    assert_eq!(kept, (2, done.clone()));
    assert_eq!(counts(test, "b").await, BTreeMap::from([(PolicyState::Failed, 1), (PolicyState::Pending, 1)]));
    let failed = test.store.read(|tx| tx.policy_standings("b", Some(PolicyState::Failed), None, 5)).await.unwrap();
    assert_eq!(failed.items.iter().map(|each| each.device.to_string()).collect::<Vec<_>>(), ["ONE"]);
    let first = test.store.read(|tx| tx.policy_standings("b", None, None, 1)).await.unwrap();
    let next = first.next.clone().unwrap();
    let second = test.store.read(move |tx| tx.policy_standings("b", None, Some(&next), 1)).await.unwrap();
    assert!(second.next.is_none() && second.items[0].enrollment != first.items[0].enrollment);
    // A life that is over counts no more, and that once, whoever else finds that it is over.
    for of in [one, two] {
        let forget = || {
            let of = of.clone();
            test.store.write(move |tx: &mut Tx<'_>| tx.forget_device_policy(&of, NOW))
        };
        let (first, second) = tokio::join!(forget(), forget());
        assert!(first.unwrap() != second.unwrap());
    }
    assert_eq!((counts(test, "a").await, counts(test, "b").await), (BTreeMap::new(), BTreeMap::new()));
    for table in ["policy_devices", "policy_standings"] {
        assert_eq!(test.direct().number(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
}

async fn what_devices_have_is_looked_at_when_it_is_time(test: &TestStore) {
    let (one, two, three) = (test.enroll("ONE").await, test.enroll("TWO").await, test.enroll("THREE").await);
    let nothing = DevicePolicy::default();
    let at = |sweep_at: Option<Timestamp>| DevicePolicy { sweep_at, ..standing(&[("a", PolicyState::Applied)]) };
    assert!(save(test, &one, 0, &nothing, &at(Some(NOW.plus_millis(10)))).await);
    // The device took it and was not asked since: at once.
    let mut told = at(Some(NOW.plus_millis(500)));
    let setting = told.settings.get_mut("./a").unwrap();
    setting.check.unread = true;
    setting.given = Some(Given { token: "t".to_owned(), outcome: GivenOutcome::Applied });
    assert!(save(test, &two, 0, &nothing, &told).await);
    assert!(save(test, &three, 0, &nothing, &at(None)).await);
    let due = async |after: i64, limit: i64| {
        let job = move |tx: &mut Tx<'_>| tx.policy_checks(NOW.plus_millis(after), limit);
        test.store.read(job).await.unwrap()
    };
    assert_eq!(due(9, 10).await, std::slice::from_ref(&two));
    assert_eq!((due(10, 10).await, due(10, 1).await), (vec![two.clone(), one.clone()], vec![two.clone()]));
    // There is nothing to do now; what changes meanwhile stays due.
    let ids = vec![one.clone(), two.clone()];
    let postpone = move |at: i64| {
        let ids = ids.clone();
        move |tx: &mut Tx<'_>| tx.postpone_policy_checks(&ids, NOW.plus_millis(1000), NOW.plus_millis(at))
    };
    test.store.write(postpone(0)).await.unwrap();
    assert_eq!(due(10, 10).await.len(), 2, "it changed in that very moment");
    test.store.write(postpone(10)).await.unwrap();
    assert_eq!((due(999, 10).await.len(), due(1000, 10).await), (0, vec![one, two]));
}

async fn looks(test: &TestStore, now: Timestamp) -> Vec<transom::model::PolicyLook> {
    test.store.read(move |tx: &mut Tx<'_>| tx.policy_looks(now, 10)).await.unwrap()
}

async fn forget_looks(test: &TestStore) {
    for look in looks(test, Timestamp(i64::MAX)).await {
        test.store.write(move |tx| tx.end_policy_look(&look)).await.unwrap();
    }
}

async fn a_look_that_is_asked_for_meanwhile_stays(test: &TestStore) {
    let enrollment = test.enroll("DEV").await;
    forget_looks(test).await;
    let later = NOW.plus_millis(10);
    let ask = |at: Timestamp| {
        let enrollment = enrollment.clone();
        async move { test.store.write(move |tx| tx.look_at_policies(&enrollment, at)).await.unwrap() }
    };
    ask(later).await;
    assert_eq!(looks(test, NOW).await, []);
    let taken = looks(test, later).await.remove(0);
    ask(NOW).await;
    let old = taken.clone();
    test.store.write(move |tx| tx.end_policy_look(&old)).await.unwrap();
    let again = looks(test, NOW).await;
    assert!(again.len() == 1 && again[0].ticket > taken.ticket, "{again:?}");
    forget_looks(test).await;
    assert_eq!(looks(test, Timestamp(i64::MAX)).await, []);
}

async fn one_of_several_does_the_work(test: &TestStore) {
    let (mine, other) = (WebhookClaim::new(NOW), WebhookClaim::new(NOW));
    let until = NOW.plus_millis(100);
    let claim = |who: &WebhookClaim, now: Timestamp| {
        let who = who.clone();
        let until = now.plus_millis(100);
        async move { test.store.write(move |tx| tx.claim_policy_work(&who, until, now)).await.unwrap() }
    };
    let save = |who: &WebhookClaim, position: &str| {
        let (who, walk) = (who.clone(), PolicyWalk { position: position.to_owned(), ..PolicyWalk::default() });
        async move { test.store.write(move |tx| tx.save_policy_walk(&who, &walk, until)).await.unwrap() }
    };
    assert!(claim(&mine, NOW).await && !claim(&other, NOW).await && claim(&mine, NOW).await);
    assert!(save(&mine, "here").await && !save(&other, "there").await);
    assert!(claim(&other, NOW.plus_millis(101)).await, "whoever is silent for too long is not waited for");
    assert!(!save(&mine, "there").await);
    let work = test.store.read(|tx: &mut Tx<'_>| tx.policy_work()).await.unwrap();
    assert_eq!(work.walk.position, "here", "and it goes on from where it stood");
    // Who stops says so, and nobody waits.
    let release = async |who: &WebhookClaim| {
        let who = who.clone();
        test.store.write(move |tx| tx.release_policy_work(&who)).await.unwrap();
    };
    release(&mine).await;
    assert!(!claim(&mine, NOW.plus_millis(102)).await, "it is of another");
    release(&other).await;
    assert!(claim(&mine, NOW.plus_millis(102)).await);
}

async fn a_command_that_is_canceled_has_its_device_looked_at(test: &TestStore) {
    let enrollment = test.enroll("DEV").await;
    forget_looks(test).await;
    let mut new = super::order(&["DEV"], vec![super::get("./DevInfo/Man")]);
    for (created_by, looked_at) in [("ada", 0), (transom::model::POLICY_ORDERS, 1)] {
        new.created_by = created_by.to_owned();
        let (of, new) = (enrollment.clone(), new.clone());
        let id = test.store.write(move |tx| tx.enqueue_own(&of, &new, NOW)).await.unwrap().remove(0);
        test.store.write(move |tx| tx.cancel(&id, false, "ada", NOW)).await.unwrap();
        assert_eq!(looks(test, NOW).await.len(), looked_at, "{created_by}");
    }
}

async fn devices_that_come_and_go_are_looked_at(test: &TestStore) {
    let enrollment = test.enroll("DEV").await;
    let coming = looks(test, NOW).await;
    assert_eq!(coming.iter().map(|look| &look.enrollment).collect::<Vec<_>>(), [&enrollment]);
    assert_eq!(test.store.read(|tx| tx.managed_enrollments("", 5)).await.unwrap(), std::slice::from_ref(&enrollment));
    forget_looks(test).await;
    let of = enrollment.clone();
    test.store.write(move |tx| tx.end_enrollment(&of, NOW)).await.unwrap();
    assert_eq!(looks(test, NOW).await.len(), 1);
    let of = enrollment.clone();
    let subject = test.store.read(move |tx| tx.policy_subject(&of)).await.unwrap().unwrap();
    assert!(subject.has_ended && !subject.is_active && subject.facts.is_empty());
    assert_eq!(test.store.read(|tx: &mut Tx<'_>| tx.count_managed()).await.unwrap(), 0);
}

async fn a_draft_is_its_authors_own_and_sealed(test: &TestStore) {
    let save = |author: &'static str, set: &'static str, seen, base, body: &'static str| {
        test.store.write(move |tx: &mut Tx<'_>| tx.save_policy_draft(author, set, seen, base, body, NOW))
    };
    let first = NOW.0;
    assert_eq!(save("operator:ada", "one", 0, 0, "[1]").await.unwrap(), Some(first));
    assert_eq!(save("operator:ada", "one", first, 3, "[2]").await.unwrap(), Some(first + 1));
    assert_eq!(save("operator:ada", "two", 0, 0, "[]").await.unwrap(), Some(first));
    assert_eq!(save("token:ada", "one", 0, 0, "[3]").await.unwrap(), Some(first));
    for seen in [0, first, first + 2] {
        assert_eq!(save("operator:ada", "one", seen, 0, "[9]").await.unwrap(), None, "it is another by now");
    }
    assert_eq!(save("operator:bob", "one", first, 0, "[9]").await.unwrap(), None, "there is none");
    let end = |version| test.store.write(move |tx: &mut Tx<'_>| tx.end_policy_draft("operator:ada", "one", version));
    assert!(!end(first).await.unwrap(), "what was written meanwhile stays");
    let (all, own, others, none) = test
        .store
        .read(|tx| {
            let own = tx.policy_draft("operator:ada", "one")?;
            let others = tx.policy_draft("token:ada", "one")?;
            Ok::<_, Error>((tx.policy_drafts("operator:ada")?, own, others, tx.policy_draft("operator:bob", "one")?))
        })
        .await
        .unwrap();
    let told: Vec<_> = all.iter().map(|draft| (draft.set.as_str(), draft.version, draft.base)).collect();
    assert_eq!(told, [("one", first + 1, 3), ("two", first, 0)]);
    assert_eq!((own.unwrap().body.as_str(), others.unwrap().body.as_str(), none), ("[2]", "[3]", None));
    let forget = || test.store.write(|tx: &mut Tx<'_>| tx.forget_policy_draft("operator:ada", "one"));
    assert_eq!((forget().await.unwrap(), forget().await.unwrap()), (true, false));
    for number in 0..49 {
        let set = format!("set-{number}");
        let saved = move |tx: &mut Tx<'_>| tx.save_policy_draft("operator:ada", &set, 0, 0, "[]", NOW);
        test.store.write(saved).await.unwrap();
    }
    assert!(matches!(save("operator:ada", "one-more", 0, 0, "[]").await, Err(Error::Conflict(_))));
    assert_eq!(
        save("operator:ada", "two", first, 0, "[]").await.unwrap(),
        Some(first + 1),
        "what is there can be changed"
    );
}

async fn of_two_who_begin_a_draft_at_once_one_does(test: &TestStore) {
    for round in 0..20 {
        let begin = || {
            let set = format!("set-{round}");
            test.store.write(move |tx: &mut Tx<'_>| tx.save_policy_draft("operator:ada", &set, 0, 0, "[]", NOW))
        };
        let (one, other) = tokio::join!(begin(), begin());
        assert!(one.unwrap().is_some() != other.unwrap().is_some());
    }
}

async fn what_came_from_files_is_told_apart(test: &TestStore) {
    let from_files = || test.store.read(|tx: &mut Tx<'_>| tx.last_revision_of_files("one"));
    assert_eq!(from_files().await.unwrap(), None);
    publish(test, "one", &[("a", "1")]).await.unwrap();
    publish(test, "other", &[("b", "1")]).await.unwrap();
    let third = publish(test, "one", &[("a", "2")]).await.unwrap().unwrap();
    assert_eq!(from_files().await.unwrap(), Some(third));
    let note = || test.store.write(move |tx: &mut Tx<'_>| tx.note_web_revision(third));
    note().await.unwrap();
    note().await.unwrap();
    assert_eq!(from_files().await.unwrap(), Some(1));
}
