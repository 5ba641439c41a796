//! What is published: values of secrets, stages, what is sent again, and counts of what is gone.

use std::collections::BTreeMap;

use transom::model::{
    DevicePolicy, DeviceStage, NewPolicyRevision, Outcomes, PolicyState, RevisedPolicy, Secret, StagePlan, Staged,
    StagedState,
};
use transom::store::{Error, RetentionRules, Tx};

use super::NOW;
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    a_secret_is_sealed_and_its_versions_never_come_again,
    nodes_that_held_a_secret_stay_known,
    a_revision_in_stages_is_kept_until_something_else_is_published,
    what_is_sent_again_is_noted_once,
    counts_of_nothing_go_with_their_declaration,
);

const VALUE: &str = "hidden treasure";

async fn set(test: &TestStore, value: &'static str) -> i64 {
    let job = move |tx: &mut Tx<'_>| tx.set_policy_secret("word", &Secret::new(value.to_owned()), "ada", NOW);
    test.store.write(job).await.unwrap().version
}

async fn a_secret_is_sealed_and_its_versions_never_come_again(test: &TestStore) {
    assert_eq!((set(test, VALUE).await, set(test, "another").await, set(test, VALUE).await), (1, 2, 3));
    let known = test.store.read(|tx| tx.policy_secrets(10)).await.unwrap();
    assert_eq!((known.len(), known[0].version, known[0].set_by.as_str()), (1, 3, "ada"));
    let values = test.store.read(|tx: &mut Tx<'_>| tx.policy_secret_values()).await.unwrap();
    assert_eq!((values["word"].version, values["word"].value.expose().as_str()), (3, VALUE));
    assert!(!format!("{values:?}").contains(VALUE));
    let remove = |tx: &mut Tx<'_>| tx.remove_policy_secret("word", "bob", NOW);
    assert!(test.store.write(remove).await.unwrap());
    assert!(!test.store.write(remove).await.unwrap());
    assert!(test.store.read(|tx| tx.policy_secrets(10)).await.unwrap().is_empty());
    assert!(test.store.read(|tx: &mut Tx<'_>| tx.policy_secret_values()).await.unwrap().is_empty());
    assert_eq!(set(test, VALUE).await, 4);
    // What stands in the place of another is not opened.
    test.direct()
        .execute("INSERT INTO policy_secrets SELECT 'other', version, value, set_at, set_by FROM policy_secrets");
    let moved = test.store.read(|tx: &mut Tx<'_>| tx.policy_secret_values()).await.unwrap_err();
    assert!(matches!(moved, Error::Corrupt(_)), "{moved:?}");
}

fn revision(set: &str, names: &[(&str, &str)], stages: Option<&[&str]>) -> NewPolicyRevision {
    let each = |(identifier, token): &(&str, &str)| {
        let token = format!("{identifier}-{token}");
        let policy = RevisedPolicy { identifier: (*identifier).to_owned(), kind: "asset".to_owned(), token };
        (policy, "{}".to_owned())
    };
    let plan = |stages: &[&str]| {
        let stages: Vec<String> = stages.iter().map(|stage| (*stage).to_owned()).collect();
        StagePlan::new(&stages, 500, 2, None).unwrap()
    };
    NewPolicyRevision {
        set: set.to_owned(),
        author: "ada".to_owned(),
        message: "because".to_owned(),
        declarations: names.iter().map(each).collect(),
        secret_nodes: vec!["./Vendor/X".to_owned(), format!("./Vendor/{set}")],
        stages: stages.map(plan),
    }
}

async fn publish(test: &TestStore, new: NewPolicyRevision) -> Result<Option<i64>, Error> {
    let job = move |tx: &mut Tx<'_>| {
        let generation = tx.policy_work()?.generation;
        tx.publish_policies(&new, generation, NOW)
    };
    Ok(test.store.write(job).await?.map(|revision| revision.number))
}

async fn nodes_that_held_a_secret_stay_known(test: &TestStore) {
    publish(test, revision("one", &[("a", "1")], None)).await.unwrap();
    publish(test, revision("two", &[("b", "1")], None)).await.unwrap();
    let mut none = revision("one", &[], None);
    none.secret_nodes.clear();
    publish(test, none).await.unwrap();
    let nodes = test.store.read(|tx: &mut Tx<'_>| tx.secret_nodes()).await.unwrap();
    assert_eq!(nodes, ["./Vendor/X", "./Vendor/one", "./Vendor/two"]);
}

async fn open(test: &TestStore) -> Option<Staged> {
    test.store.read(|tx: &mut Tx<'_>| tx.policy_stage()).await.unwrap()
}

async fn a_revision_in_stages_is_kept_until_something_else_is_published(test: &TestStore) {
    publish(test, revision("one", &[("a", "1")], None)).await.unwrap();
    assert!(open(test).await.is_none());
    assert_eq!(publish(test, revision("one", &[("a", "2")], Some(&["10%"]))).await.unwrap(), Some(2));
    let staged = open(test).await.unwrap();
    assert_eq!((staged.revision, staged.base, staged.state), (2, 1, StagedState::Running));
    assert_eq!(staged.plan.stages.len(), 2);
    // The same again changes nothing; another set may publish, but not in stages.
    assert_eq!(publish(test, revision("one", &[("a", "2")], Some(&["50%"]))).await.unwrap(), None);
    assert_eq!(open(test).await.unwrap(), staged);
    publish(test, revision("two", &[("b", "1")], None)).await.unwrap();
    let refused = publish(test, revision("two", &[("b", "2")], Some(&["10%"]))).await.unwrap_err();
    assert!(matches!(&refused, Error::Conflict(why) if why.contains("revision 2 of the set one")), "{refused:?}");
    // In stages again, the other devices have what they had before.
    assert_eq!(publish(test, revision("one", &[("a", "3")], Some(&["50%"]))).await.unwrap(), Some(4));
    let next = open(test).await.unwrap();
    assert_eq!((next.revision, next.base), (4, 1));
    let held = Staged { state: StagedState::Stopped, stage: 1, why: Some("x".to_owned()), ..next };
    let keep = held.clone();
    test.store.write(move |tx| tx.save_policy_stage(&keep)).await.unwrap();
    assert_eq!(open(test).await, Some(held));
    publish(test, revision("one", &[("a", "4")], None)).await.unwrap();
    assert!(open(test).await.is_none());
    let all = test.store.read(|tx| tx.policy_stages(10)).await.unwrap();
    let states: Vec<_> = all.iter().map(|staged| (staged.revision, staged.state)).collect();
    assert_eq!(states, [(4, StagedState::Replaced), (2, StagedState::Replaced)]);

    // What became of it is counted as that of declarations is.
    let of = test.enroll("ONE").await;
    let stage = DeviceStage { revision: 4, touched: true, ..DeviceStage::default() };
    let mut policy = DevicePolicy { stage: Some(stage), ..DevicePolicy::default() };
    policy.judge();
    let save = move |tx: &mut Tx<'_>| tx.save_device_policy(&of, 0, &DevicePolicy::default(), &policy, NOW);
    assert!(test.store.write(save).await.unwrap());
    let outcomes = test.store.read(|tx| tx.stage_outcomes(4)).await.unwrap();
    assert_eq!(outcomes, Outcomes { failed: 0, judged: 1, waiting: 0 });
}

async fn what_is_sent_again_is_noted_once(test: &TestStore) {
    let later = NOW.plus_millis(1_000);
    for (identifier, at) in [(None, NOW), (Some("a"), NOW), (Some("a"), later)] {
        test.store.write(move |tx| tx.retry_policies(identifier, at)).await.unwrap();
    }
    let asked = test.store.read(|tx: &mut Tx<'_>| tx.policy_retries()).await.unwrap();
    assert_eq!(asked, BTreeMap::from([(String::new(), NOW), ("a".to_owned(), later)]));
    let much_later = later.plus_millis(8 * 24 * 3600 * 1000);
    test.store.write(move |tx| tx.retry_policies(Some("b"), much_later)).await.unwrap();
    let asked = test.store.read(|tx: &mut Tx<'_>| tx.policy_retries()).await.unwrap();
    assert_eq!(asked, BTreeMap::from([("b".to_owned(), much_later)]), "everybody was looked at since");
}

async fn counts_of_nothing_go_with_their_declaration(test: &TestStore) {
    publish(test, revision("one", &[("stays", "1"), ("goes", "1")], None)).await.unwrap();
    let of = test.enroll("ONE").await;
    let standing = |state| {
        let standings = ["stays", "goes"].map(|name| (name.to_owned(), state));
        DevicePolicy { standings: BTreeMap::from(standings), ..DevicePolicy::default() }
    };
    let (first, second) = (standing(PolicyState::Pending), standing(PolicyState::Applied));
    let (none, nothing) = (DevicePolicy::default(), DevicePolicy::default());
    for (version, before, after) in [(0, none, first.clone()), (1, first, second.clone()), (2, second, nothing)] {
        let of = of.clone();
        let save = move |tx: &mut Tx<'_>| tx.save_device_policy(&of, version, &before, &after, NOW);
        assert!(test.store.write(save).await.unwrap());
    }
    publish(test, revision("one", &[("stays", "1")], None)).await.unwrap();
    let rows = |name: &str| {
        let query = format!("SELECT count(*) FROM policy_counts WHERE identifier = '{name}'");
        test.direct().number(&query)
    };
    assert_eq!((rows("stays"), rows("goes")), (2, 2));
    test.store.prune(NOW, RetentionRules::default()).await.unwrap();
    assert_eq!((rows("stays"), rows("goes")), (2, 0));
}
