//! Facts of devices: kept, compared, found by.

use transom::model::fact::Changed;
use transom::model::predicate::Predicate;
use transom::model::{
    Cursor, Device, DeviceFilter, DeviceInfo, EnrollmentId, FactName, FactValue, NewEnrollment, StatusCode, Timestamp,
};
use transom::store::{Error, RetentionRules};

use super::{NOW, account, device, get, order};
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};
use crate::support::statements;

scenarios!(
    facts_come_back_as_they_were_observed,
    a_history_is_bounded_by_number_and_age,
    another_life_begins_without_facts,
    conditions_find_the_devices_that_they_hold_for,
    conditions_are_answered_from_indexes,
    own_commands_are_forgotten_when_they_are_done,
);

type Observed<'a> = (&'a str, FactValue);

async fn enrolled(test: &TestStore, name: &str) -> Device {
    let new = NewEnrollment { device_id: device(name), account: account("x"), info: DeviceInfo::default(), made: None };
    test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap();
    let id = device(name);
    test.store.read(move |tx| tx.device(&id)).await.unwrap().unwrap()
}

fn life(device: &Device) -> EnrollmentId {
    device.enrollment.as_ref().unwrap().id.clone()
}

async fn observe(
    test: &TestStore,
    device: &Device,
    in_life: &EnrollmentId,
    observed: Vec<Observed<'_>>,
    now: Timestamp,
) -> Vec<FactName> {
    let observed: Vec<(FactName, FactValue)> =
        observed.into_iter().map(|(name, value)| (FactName::parse(name).unwrap(), value)).collect();
    let (key, life) = (device.key.clone(), in_life.clone());
    test.store.write(move |tx| tx.save_facts(&key, &life, &observed, 3, now)).await.unwrap()
}

fn text(text: &str) -> FactValue {
    FactValue::Text(text.to_owned())
}

fn list(items: &[&str]) -> FactValue {
    FactValue::List(items.iter().map(|item| (*item).to_owned()).collect())
}

async fn facts_come_back_as_they_were_observed(test: &TestStore) {
    let device = enrolled(test, "DEV").await;
    let all = vec![
        ("device.name", text("Empfang 50% 'é'")),
        ("os.build", FactValue::Integer(26_200)),
        ("defender.real_time", FactValue::Bool(false)),
        ("update.last_scan_at", FactValue::Time(NOW)),
        ("apps.msi", list(&["{A}", "{B}"])),
        ("apps.store", list(&[])),
        ("storage.free", FactValue::Odd("plenty\0".to_owned())),
        ("device.serial", FactValue::Absent(StatusCode(406))),
    ];
    let changed = observe(test, &device, &life(&device), all.clone(), NOW).await;
    assert_eq!(changed.len(), all.len());
    let later = NOW.plus_millis(5);
    let mut again = all.clone();
    again[4].1 = list(&["{B}", "{C}"]);
    again.pop();
    let changed = observe(test, &device, &life(&device), again, later).await;
    let changed: Vec<&str> = changed.into_iter().map(FactName::as_str).collect();
    assert_eq!(changed, ["apps.msi", "storage.free"], "what was odd is kept without NUL");
    let key = device.key.clone();
    let facts = test.store.read(move |tx| tx.facts(&key)).await.unwrap();
    let value = |name: &str| facts.value(FactName::parse(name).unwrap()).unwrap().clone();
    for (name, known) in &all {
        match *name {
            "apps.msi" => assert_eq!(value(name), list(&["{B}", "{C}"])),
            "storage.free" => assert_eq!(value(name), FactValue::Odd("plenty\u{fffd}".to_owned())),
            _ => assert_eq!(&value(name), known, "{name}"),
        }
    }
    let fact = facts.get(FactName::OS_BUILD).unwrap();
    assert_eq!((fact.changed_at, fact.observed_at, &fact.enrollment), (NOW, later, &life(&device)));
    let fact = facts.get(FactName::parse("device.serial").unwrap()).unwrap();
    assert_eq!(fact.observed_at, NOW, "it was not observed again");
    let (key, names) = (device.key.clone(), [FactName::OS_BUILD, FactName::parse("apps.msi").unwrap()]);
    let some = test.store.read(move |tx| tx.facts_named(&key, &names)).await.unwrap();
    assert_eq!(some.iter().map(|fact| fact.name.as_str()).collect::<Vec<_>>(), ["apps.msi", "os.build"]);
    assert_eq!(some.list("apps.msi").unwrap().len(), 2);
    let (key, name) = (device.key.clone(), FactName::parse("apps.msi").unwrap());
    let changes = test.store.read(move |tx| tx.fact_changes(&key, name, None, 10)).await.unwrap();
    let items = |added: &[&str], removed: &[&str]| Changed::Items {
        added: added.iter().map(|item| (*item).to_owned()).collect(),
        removed: removed.iter().map(|item| (*item).to_owned()).collect(),
    };
    let changes: Vec<(Timestamp, Changed)> = changes.items.into_iter().map(|one| (one.at, one.change)).collect();
    assert_eq!(changes, [(later, items(&["{C}"], &["{A}"])), (NOW, items(&["{A}", "{B}"], &[]))]);
}

/// What became of a fact, read in pages of two.
async fn history(test: &TestStore, device: &Device, name: &str) -> Vec<Changed> {
    let name = FactName::parse(name).unwrap();
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (key, from) = (device.key.clone(), cursor.take());
        let page = test.store.read(move |tx| tx.fact_changes(&key, name, from.as_ref(), 2)).await.unwrap();
        all.extend(page.items.into_iter().map(|one| one.change));
        let Some(next) = page.next else { return all };
        cursor = Some(next);
    }
}

async fn a_history_is_bounded_by_number_and_age(test: &TestStore) {
    let device = enrolled(test, "DEV").await;
    for step in 0..6 {
        let value = FactValue::Integer(22_000 + step);
        let now = NOW.plus_millis(step * 86_400_000);
        observe(test, &device, &life(&device), vec![("os.build", value)], now).await;
        observe(test, &device, &life(&device), vec![("battery.charge", FactValue::Integer(step))], now).await;
    }
    let number = |number| Changed::Value(FactValue::Integer(number));
    assert_eq!(history(test, &device, "os.build").await, [number(22_005), number(22_004), number(22_003)]);
    assert_eq!(history(test, &device, "battery.charge").await, [], "what changes all the time has no history");
    let rules = RetentionRules { age: std::time::Duration::from_hours(24), batch: 1, ..RetentionRules::default() };
    let pruned = test.store.prune(NOW.plus_millis(5 * 86_400_000 + 1), rules).await.unwrap();
    assert_eq!(pruned.fact_changes, 2);
    assert_eq!(history(test, &device, "os.build").await, [number(22_005)]);
}

async fn another_life_begins_without_facts(test: &TestStore) {
    let first = enrolled(test, "DEV").await;
    observe(test, &first, &life(&first), vec![("os.build", FactValue::Integer(1)), ("apps.msi", list(&["a"]))], NOW)
        .await;
    let second = EnrollmentId::new(NOW);
    for _ in 0..2 {
        let (key, second) = (first.key.clone(), second.clone());
        test.store.write(move |tx| tx.forget_facts_of_others(&key, &second)).await.unwrap();
    }
    let key = first.key.clone();
    let facts = test.store.read(move |tx| tx.facts(&key)).await.unwrap();
    assert!(facts.is_empty());
    assert_eq!(test.direct().number("SELECT count(*) FROM fact_items"), 0);
    observe(test, &first, &second, vec![("apps.msi", list(&["a"]))], NOW.plus_millis(1)).await;
    let (key, name) = (first.key.clone(), FactName::parse("apps.msi").unwrap());
    let changes = test.store.read(move |tx| tx.fact_changes(&key, name, None, 9)).await.unwrap();
    let lives: Vec<EnrollmentId> = changes.items.into_iter().map(|one| one.enrollment).collect();
    assert_eq!(lives, [second, life(&first)], "its history goes through all its lives");
}

async fn found(test: &TestStore, begins_with: Option<&str>, condition: &str) -> Vec<String> {
    let condition = Some(Predicate::parse(condition).unwrap());
    let filter = DeviceFilter { begins_with: begins_with.map(str::to_owned), condition };
    let page = test.store.read(move |tx| tx.devices(&filter, None, 100)).await.unwrap();
    page.items.iter().map(|device| device.device_id.to_string()).collect()
}

/// The database and [`Predicate::holds`] are to say the same.
async fn conditions_find_the_devices_that_they_hold_for(test: &TestStore) {
    let devices: [(&str, Vec<Observed<'_>>); 5] = [
        (
            "A",
            vec![
                ("os.build", FactValue::Integer(22_631)),
                ("os.edition", text("Pro")),
                ("defender.real_time", FactValue::Bool(true)),
                ("apps.msi", list(&["{A}", "{B}", "x,y"])),
                ("update.last_scan_at", FactValue::Time(NOW)),
            ],
        ),
        (
            "B",
            vec![
                ("os.build", FactValue::Integer(26_200)),
                ("os.edition", text("Enterprise 100%_\u{10ffff}")),
                ("defender.real_time", FactValue::Bool(false)),
                ("apps.msi", list(&[])),
                ("update.last_scan_at", FactValue::Time(NOW.plus_millis(1))),
            ],
        ),
        ("C", vec![("os.build", FactValue::Odd("new".to_owned())), ("os.edition", text("pro"))]),
        ("D", vec![("os.build", FactValue::Absent(StatusCode(404))), ("os.edition", text(""))]),
        ("E", vec![]),
    ];
    for (name, observed) in devices {
        let device = enrolled(test, name).await;
        observe(test, &device, &life(&device), observed, NOW).await;
    }
    let at = transom::model::rfc3339_text(NOW);
    for (condition, expected) in [
        ("os.build < 26200", "A"),
        ("os.build >= 22631", "AB"),
        ("os.build != 22631", "B"),
        ("!(os.build == 22631)", "BCDE"),
        ("os.build in [22631, 1]", "A"),
        ("os.build in []", ""),
        ("os.edition == 'Pro'", "A"),
        ("os.edition != 'Pro'", "BCD"),
        ("os.edition in ['Pro', 'pro']", "AC"),
        ("os.edition > 'Pro'", "C"),
        ("os.edition <= 'Pro'", "ABD"),
        ("os.edition.contains('ro')", "ABC".replace('B', "").as_str()),
        ("os.edition.contains('%_')", "B"),
        ("os.edition.contains('')", "ABCD"),
        ("os.edition.startsWith('Enterprise 100%')", "B"),
        ("os.edition.startsWith('\u{10ffff}')", ""),
        ("os.edition.startsWith('')", "ABCD"),
        ("os.edition == 'a\\u0000b'", ""),
        ("defender.real_time", "A"),
        ("!defender.real_time", "BCDE"),
        ("defender.real_time == false", "B"),
        ("defender.real_time < true", "B"),
        ("'{A}' in apps.msi", "A"),
        ("apps.msi.contains('x')", ""),
        ("apps.msi.contains('x,y')", "A"),
        ("has(apps.msi)", "AB"),
        ("has(os.build)", "AB"),
        ("has(os.edition) && !has(os.build)", "CD"),
        (&format!("update.last_scan_at > '{at}'"), "B"),
        (&format!("update.last_scan_at <= '{at}'"), "A"),
        ("true", "ABCDE"),
        ("false", ""),
        ("os.build > 1 && (os.edition == 'Pro' || defender.real_time == false)", "AB"),
        ("!(os.build > 1 || os.edition == 'pro')", "DE"),
    ] {
        assert_eq!(found(test, None, condition).await.concat(), *expected, "{condition}");
        let predicate = Predicate::parse(condition).unwrap();
        for name in ["A", "B", "C", "D", "E"] {
            let id = device(name);
            let facts = test.store.read(move |tx| {
                let known = tx.device(&id)?.ok_or(Error::NotFound("device"))?;
                tx.facts(&known.key)
            });
            assert_eq!(predicate.holds(&facts.await.unwrap()), expected.contains(name), "{condition}: {name}");
        }
    }
    assert_eq!(found(test, Some("b"), "os.build > 1").await, ["B"]);
    assert_eq!(found(test, Some("c"), "os.build > 1").await, Vec::<String>::new());
}

async fn conditions_are_answered_from_indexes(test: &TestStore) {
    let mut direct = test.direct();
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) ";
    direct.execute(&format!(
        "INSERT INTO devices (id, device_id, folded_id, created_at) {numbers} \
         SELECT 'd' || n, 'dev' || n, 'dev' || n, 0 FROM numbers; \
         INSERT INTO facts (device, name, enrollment, kind, word, number, observed_at, changed_at) {numbers} \
         SELECT 'd' || n, 'os.build', 'e', 'integer', NULL, n, 0, 0 FROM numbers; \
         INSERT INTO facts (device, name, enrollment, kind, word, number, observed_at, changed_at) {numbers} \
         SELECT 'd' || n, 'device.serial', 'e', 'text', 's' || n, NULL, 0, 0 FROM numbers; \
         INSERT INTO fact_items (device, name, item) {numbers} \
         SELECT 'd' || n, 'apps.msi', 'p' || n FROM numbers; ANALYZE"
    ));
    // With few rows PostgreSQL would rather look through them: whether it has to is what is asked.
    if test.engine == Engine::Postgres {
        direct.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off");
    }
    for condition in [
        "os.build < 7",
        "os.build >= 0",
        "has(os.build) && os.build in [1, 2]",
        "device.serial == 's77'",
        "device.serial.startsWith('s77')",
        "device.serial.contains('s')",
        "'p77' in apps.msi",
        "!('p77' in apps.msi)",
    ] {
        // A mark of its own finds the statements among those of other tests.
        let mark = format!("z-{}", EnrollmentId::new(NOW));
        let filter = DeviceFilter { begins_with: None, condition: Some(Predicate::parse(condition).unwrap()) };
        let after = Cursor::after(mark.clone());
        test.store.read(move |tx| tx.devices(&filter, Some(&after), 50)).await.unwrap();
        // What few devices have is looked up before anybody asks where the list goes on.
        // The other database's statements are heard as well; they name their values in another way.
        let is_ours = |sql: &str| sql.contains('$') == (test.engine == Engine::Postgres);
        let looked_up = |statement: &statements::Statement| {
            statement.sql.starts_with("SELECT device FROM fact") && is_ours(&statement.sql)
        };
        let looked_up: Vec<_> = statements::with_value("").into_iter().filter(looked_up).collect();
        assert!(!looked_up.is_empty());
        for statement in looked_up.iter().chain(&statements::with_value(&mark)) {
            let plan = match test.engine {
                Engine::Sqlite => direct.plan(&format!("EXPLAIN QUERY PLAN {}", statement.sql)),
                Engine::Postgres => {
                    let values = (1..40).filter(|number| statement.sql.contains(&format!("${number}"))).count();
                    direct.execute(&format!("DEALLOCATE ALL; PREPARE looked_at AS {}", statement.sql));
                    let nulls = vec!["NULL"; values].join(", ");
                    direct.plan(&format!("EXPLAIN EXECUTE looked_at({nulls})"))
                }
            };
            let looks_through = ["Seq Scan on fact", "SCAN fact", "SCAN devices", "Seq Scan on devices"];
            assert!(!looks_through.iter().any(|words| plan.contains(words)), "{condition}: {}\n{plan}", statement.sql);
        }
    }
}

async fn own_commands_are_forgotten_when_they_are_done(test: &TestStore) {
    let device = enrolled(test, "DEV").await;
    let enrollment = life(&device);
    let mut own = order(&["DEV"], vec![get("./DevInfo/Man"), get("./DevInfo/Mod")]);
    own.created_by = "transom:inventory".to_owned();
    let people = order(&["DEV"], vec![get("./DevInfo/Lang")]);
    let of = enrollment.clone();
    let (awaited, others, kept) = test
        .store
        .write(move |tx| {
            let ours = tx.enqueue_own(&of, &own, NOW)?;
            let theirs = tx.enqueue(&people, NOW)?.remove(0).commands.unwrap();
            let awaited = tx.awaits_own(&of, "inventory")?;
            let others = tx.awaits_own(&of, "push")?;
            let all: Vec<_> = ours.iter().chain(&theirs).cloned().collect();
            assert_eq!(tx.forget_own(&all, "inventory")?, 0, "they are not done");
            Ok::<_, Error>((awaited, others, all))
        })
        .await
        .unwrap();
    assert!(awaited && !others);
    test.direct().execute("UPDATE commands SET settled_at = 1, state = 'failed'");
    let (forgotten, awaited) = test
        .store
        .write(move |tx| Ok::<_, Error>((tx.forget_own(&kept, "inventory")?, tx.awaits_own(&enrollment, "inventory")?)))
        .await
        .unwrap();
    assert_eq!((forgotten, awaited), (2, false));
    assert_eq!(test.direct().number("SELECT count(*) FROM commands"), 1);
}
