//! What is known of people, and that their devices have it as facts.

use std::collections::BTreeMap;

use transom::model::predicate::Predicate;
use transom::model::{
    Attribute, DeviceFilter, DeviceInfo, EnrollmentId, EnrollmentType, Facts, Heard, Known, Line, Made, NewEnrollment,
    Timestamp, UserName,
};
use transom::store::Tx;

use super::{NOW, account, device};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(
    devices_have_what_is_known_of_their_person,
    a_device_is_whose_who_enrolled_it_last,
    what_is_forgotten_goes_from_devices_and_then_altogether,
    a_provider_that_spoke_earlier_is_not_heard,
    many_devices_of_one_person_get_it_some_at_a_time,
    a_record_that_can_not_be_read_keeps_nothing_from_others,
);

fn user(name: &str) -> UserName {
    UserName::parse(name).unwrap()
}

fn known(groups: &[&str], attributes: &[(&str, &str)]) -> Known {
    let line = |text: &&str| Line::parse(text).unwrap();
    let attribute = |(name, said): &(&str, &str)| (Attribute::parse(name).unwrap(), line(said));
    Known {
        groups: groups.iter().map(line).collect(),
        attributes: attributes.iter().map(attribute).collect::<BTreeMap<_, _>>(),
    }
}

/// Enrolls a device as a person's, or as nobody's, and hears of it.
async fn enrolled(test: &TestStore, name: &str, person: Option<&str>, now: Timestamp) -> EnrollmentId {
    let made = person.map(|person| Made {
        id: EnrollmentId::new(now),
        upn: person.to_owned(),
        kind: EnrollmentType::Device,
        hw_dev_id: None,
        context: serde_json::Value::Null,
    });
    let new = NewEnrollment { device_id: device(name), account: account("x"), info: DeviceInfo::default(), made };
    test.store
        .write(move |tx| {
            let made = tx.import_enrollment(&new, now)?;
            tx.activate_enrollment(&made.id, now)?;
            Ok::<_, transom::store::Error>(made.id)
        })
        .await
        .unwrap()
}

async fn tell(test: &TestStore, name: &str, known: Known, now: Timestamp) -> Option<Option<Known>> {
    let name = user(name);
    test.store.write(move |tx| tx.tell_of_person(&name, &known, "tests", now)).await.unwrap()
}

/// Lets everybody's devices know, this many at a time. How many steps that took.
async fn spread(test: &TestStore, limit: i64, now: Timestamp) -> usize {
    let mut steps = 0;
    while let Some(person) = test.store.read(|tx: &mut Tx<'_>| tx.person_to_spread()).await.unwrap() {
        test.store.write(move |tx| tx.spread_person(&person, limit, now)).await.unwrap();
        steps += 1;
    }
    steps
}

async fn facts(test: &TestStore, name: &str) -> Facts {
    let id = device(name);
    let look = move |tx: &mut Tx<'_>| {
        let key = tx.device(&id)?.unwrap().key;
        tx.facts(&key)
    };
    test.store.read(look).await.unwrap()
}

async fn found(test: &TestStore, condition: &str) -> Vec<String> {
    let filter = DeviceFilter { begins_with: None, condition: Some(Predicate::parse(condition).unwrap()) };
    let page = test.store.read(move |tx| tx.devices(&filter, None, 100)).await.unwrap();
    page.items.iter().map(|device| device.device_id.to_string()).collect()
}

/// The lives that somebody is to look at; from then on nobody is.
async fn looked_at(test: &TestStore) -> Vec<EnrollmentId> {
    let looks = test.store.read(|tx| tx.policy_looks(Timestamp(i64::MAX), 100)).await.unwrap();
    for look in looks.clone() {
        test.store.write(move |tx| tx.end_policy_look(&look)).await.unwrap();
    }
    looks.into_iter().map(|look| look.enrollment).collect()
}

async fn devices_have_what_is_known_of_their_person(test: &TestStore) {
    let first = enrolled(test, "PC1", Some("Ada@Contoso.test"), NOW).await;
    enrolled(test, "PC2", Some("bob@contoso.test"), NOW).await;
    assert_eq!(facts(test, "PC1").await.text("user.name"), Some("Ada@Contoso.test"), "as it was typed");
    assert_eq!(facts(test, "PC1").await.list("user.groups"), None, "nobody has said anything of them");
    looked_at(test).await;

    let sales = known(&["staff", "finance"], &[("department", "Sales")]);
    assert_eq!(tell(test, "ada@contoso.test", sales.clone(), NOW).await, Some(None));
    assert_eq!(tell(test, "ADA@contoso.test", sales.clone(), NOW).await, None, "that is known");
    assert_eq!(spread(test, 10, NOW).await, 1);
    assert_eq!(looked_at(test).await, std::slice::from_ref(&first), "a device of somebody else is left alone");
    let has = facts(test, "PC1").await;
    assert_eq!(has.list("user.groups").unwrap(), ["finance", "staff"]);
    assert_eq!(has.text("user.department"), Some("Sales"));
    assert_eq!(found(test, "'finance' in groups").await, ["PC1"]);
    assert_eq!(found(test, "user.department == 'Sales'").await, ["PC1"]);
    assert_eq!(found(test, "!('finance' in groups)").await, ["PC2"]);

    // The group goes, and what is no longer said.
    let moved = known(&["staff"], &[("city", "Bern")]);
    assert_eq!(tell(test, "ada@contoso.test", moved.clone(), NOW).await, Some(Some(sales)));
    spread(test, 10, NOW).await;
    assert_eq!(looked_at(test).await, [first]);
    let has = facts(test, "PC1").await;
    assert_eq!((has.text("user.department"), has.text("user.city")), (None, Some("Bern")));
    assert_eq!(found(test, "'finance' in groups").await, Vec::<String>::new());
    // Somebody who enrolls later has it at once.
    enrolled(test, "PC3", Some("ada@contoso.test"), NOW).await;
    assert_eq!(found(test, "'staff' in groups").await, ["PC1", "PC3"]);

    tell(test, "bob@contoso.test", known(&[], &[]), NOW).await;
    let page = test.store.read(|tx| tx.people(None, 1)).await.unwrap();
    let names: Vec<String> = page.items.iter().map(|person| person.name.to_string()).collect();
    assert_eq!(names, ["ada@contoso.test"]);
    assert_eq!(page.items[0].known, moved);
    let rest = test.store.read(move |tx| tx.people(page.next.as_ref(), 1)).await.unwrap();
    assert_eq!((rest.items[0].name.as_str(), rest.next), ("bob@contoso.test", None));
}

async fn a_device_is_whose_who_enrolled_it_last(test: &TestStore) {
    tell(test, "ada", known(&["finance"], &[("department", "Sales")]), NOW).await;
    tell(test, "bob", known(&["desk"], &[]), NOW).await;
    spread(test, 10, NOW).await;
    enrolled(test, "PC", Some("ada"), NOW).await;
    assert_eq!(facts(test, "PC").await.text("user.department"), Some("Sales"));
    // Until it is heard of, anybody can say that they are this device.
    let made = Made {
        id: EnrollmentId::new(NOW),
        upn: "bob".to_owned(),
        kind: EnrollmentType::Device,
        hw_dev_id: None,
        context: serde_json::Value::Null,
    };
    let second = made.id.clone();
    let new =
        NewEnrollment { device_id: device("PC"), account: account("x"), info: DeviceInfo::default(), made: Some(made) };
    test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap();
    assert_eq!(found(test, "'finance' in groups").await, ["PC"]);
    let life = second.clone();
    test.store.write(move |tx| tx.activate_enrollment(&life, NOW)).await.unwrap();
    let key = test.store.read(|tx| tx.device(&device("PC"))).await.unwrap().unwrap().key;
    let of_second = (key.clone(), second.clone());
    test.store.write(move |tx| tx.forget_facts_of_others(&of_second.0, &of_second.1)).await.unwrap();
    let has = facts(test, "PC").await;
    assert_eq!((has.text("user.name"), has.text("user.department")), (Some("bob"), None));
    assert_eq!(has.list("user.groups").unwrap(), ["desk"]);
    // Brought along from elsewhere, it stays whose it was; an operator may say otherwise.
    let third = enrolled(test, "PC", None, NOW).await;
    assert_eq!(facts(test, "PC").await.text("user.name"), Some("bob"));
    let to = (key.clone(), third.clone());
    test.store.write(move |tx| tx.give_device_to(&to.0, &to.1, Some(&user("Ada")), NOW)).await.unwrap();
    assert_eq!(found(test, "'finance' in groups").await, ["PC"]);
    let of = key.clone();
    assert_eq!(test.store.read(move |tx| tx.person_of(&of)).await.unwrap(), Some(user("ada")));
    test.store.write(move |tx| tx.give_device_to(&key, &third, None, NOW)).await.unwrap();
    assert!(facts(test, "PC").await.is_empty(), "nobody's");
}

async fn what_is_forgotten_goes_from_devices_and_then_altogether(test: &TestStore) {
    enrolled(test, "PC", Some("ada"), NOW).await;
    tell(test, "ada", known(&["finance"], &[("department", "Sales")]), NOW).await;
    spread(test, 10, NOW).await;
    let forget = || test.store.write(|tx| tx.forget_person(&user("ADA"), "tests", NOW));
    assert!(forget().await.unwrap().is_some());
    assert_eq!(forget().await.unwrap(), None);
    assert_eq!(test.store.read(|tx| tx.person(&user("ada"))).await.unwrap(), None);
    assert!(test.store.read(|tx| tx.people(None, 10)).await.unwrap().items.is_empty());
    spread(test, 10, NOW).await;
    let has = facts(test, "PC").await;
    let names: Vec<&str> = has.iter().map(|fact| fact.name.as_str()).collect();
    assert_eq!(names, ["user.name"], "whose it is stays");
    assert_eq!(test.direct().number("SELECT count(*) FROM directory_people"), 0);
    assert_eq!(test.direct().number("SELECT count(*) FROM fact_items"), 0);
    // The history says since when.
    let history = test.direct().number("SELECT count(*) FROM fact_changes WHERE name = 'user.department'");
    assert_eq!(history, 2);
}

async fn a_provider_that_spoke_earlier_is_not_heard(test: &TestStore) {
    let said = |groups: &[&str]| Heard { groups: Some(known(groups, &[]).groups), ..Heard::default() };
    let hear = async |heard: Heard, at: Timestamp| {
        test.store.write(move |tx| tx.hear_of_person(&user("ada"), heard, "provider", at)).await.unwrap()
    };
    let later = NOW.plus_millis(60_000);
    assert_eq!(hear(Heard::default(), NOW).await, None, "it said nothing");
    assert_eq!(hear(said(&["staff"]), NOW).await, Some((None, known(&["staff"], &[]))));
    assert_eq!(hear(said(&["staff"]), NOW).await, None, "that is known");
    tell(test, "ada", known(&["finance"], &[("city", "Bern")]), later).await;
    assert_eq!(hear(said(&["staff"]), NOW).await, None, "from before");
    let after = hear(said(&["staff"]), later.plus_millis(1)).await.unwrap().1;
    assert_eq!(after, known(&["staff"], &[("city", "Bern")]), "what it does not say stays");
    let person = test.store.read(|tx| tx.person(&user("ada"))).await.unwrap().unwrap();
    assert_eq!((person.known, person.changed_by.as_str()), (after, "provider"));
}

async fn many_devices_of_one_person_get_it_some_at_a_time(test: &TestStore) {
    for number in 0..7 {
        enrolled(test, &format!("PC{number}"), Some("bulk"), NOW).await;
    }
    tell(test, "bulk", known(&["kiosks"], &[]), NOW).await;
    let step = || test.store.write(|tx| tx.spread_person("bulk", 3, NOW));
    assert_eq!(step().await.unwrap(), 3);
    assert_eq!(found(test, "'kiosks' in groups").await.len(), 3);
    // Something else meanwhile: it begins anew.
    tell(test, "bulk", known(&["booths"], &[]), NOW).await;
    assert_eq!(spread(test, 3, NOW).await, 3);
    assert_eq!(found(test, "'booths' in groups").await.len(), 7);
    assert_eq!(found(test, "'kiosks' in groups").await.len(), 0);
    assert_eq!(spread(test, 3, NOW).await, 0);
}

async fn a_record_that_can_not_be_read_keeps_nothing_from_others(test: &TestStore) {
    enrolled(test, "PC1", Some("ada"), NOW).await;
    enrolled(test, "PC2", Some("bob"), NOW).await;
    enrolled(test, "PC3", Some("bob"), NOW).await;
    for name in ["ada", "bob"] {
        tell(test, name, known(&[], &[("city", "Bern")]), NOW).await;
    }
    test.direct().execute("UPDATE directory_people SET value = '{' WHERE folded_name = 'ada'");
    test.direct().execute(
        "UPDATE facts SET kind = 'odd one' WHERE name = 'user.name' AND device = \
         (SELECT device FROM enrollments WHERE device_id = 'PC2')",
    );
    assert_eq!(spread(test, 10, NOW).await, 2);
    assert_eq!(facts(test, "PC3").await.text("user.city"), Some("Bern"));
    assert_eq!(facts(test, "PC1").await.text("user.city"), None);
    // What is said anew of them comes through.
    tell(test, "ada", known(&[], &[("city", "Basel")]), NOW).await;
    spread(test, 10, NOW).await;
    assert_eq!(facts(test, "PC1").await.text("user.city"), Some("Basel"));
}
