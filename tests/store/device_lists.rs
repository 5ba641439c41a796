//! Lists of devices, where many match, few, or none for long.

use transom::model::{Cursor, DeviceFilter, Predicate};

use crate::scenarios;
use crate::support::databases::{Engine, TestStore};

scenarios!(whoever_follows_a_list_sees_all_that_match_once, a_page_ends_where_it_was_looked_long_enough);

/// Devices `dev00001` and so on. Each is called by its number, every tenth has another build, and one is special.
fn crowd(test: &TestStore, devices: usize, special: usize) {
    let numbers =
        format!("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {devices}) ");
    let last = match test.engine {
        Engine::Sqlite => "substr('0000000' || n, -5, 5)",
        Engine::Postgres => "lpad(CAST(n AS TEXT), 5, '0')",
    };
    let (id, key) = (format!("'dev' || {last}"), format!("'01900000-0000-7000-8000-0000000' || {last}"));
    test.direct().execute(&format!(
        "INSERT INTO devices (id, device_id, folded_id, folded_name, created_at) {numbers} \
         SELECT {key}, {id}, {id}, CASE WHEN n % 2 = 0 THEN 'even' ELSE 'odd' END || n, 0 FROM numbers; \
         INSERT INTO facts (device, name, enrollment, kind, word, number, observed_at, changed_at) {numbers} \
         SELECT {key}, 'os.build', 'e', 'integer', NULL, CASE WHEN n % 10 = 0 THEN 2 ELSE 1 END, 0, 0 FROM numbers; \
         INSERT INTO facts (device, name, enrollment, kind, word, number, observed_at, changed_at) {numbers} \
         SELECT {key}, 'device.model', 'e', 'text', CASE WHEN n = {special} THEN 'a special one' ELSE 'usual' END, NULL, 0, 0 \
         FROM numbers; ANALYZE"
    ));
}

/// What a list shows page by page, and how many pages that takes.
async fn all(
    test: &TestStore,
    begins_with: Option<&str>,
    condition: Option<&str>,
    limit: usize,
) -> (Vec<String>, usize) {
    let filter = DeviceFilter {
        begins_with: begins_with.map(str::to_owned),
        condition: condition.map(|condition| Predicate::parse(condition).unwrap()),
    };
    let (mut found, mut pages, mut next): (Vec<String>, usize, Option<Cursor>) = (Vec::new(), 0, None);
    loop {
        let (filter, after) = (filter.clone(), next.take());
        let page = test.store.read(move |tx| tx.devices(&filter, after.as_ref(), limit)).await.unwrap();
        assert!(page.items.len() <= limit);
        pages += 1;
        found.extend(page.items.iter().map(|device| device.device_id.to_string()));
        match page.next {
            Some(cursor) => next = Some(cursor),
            None => return (found, pages),
        }
    }
}

async fn whoever_follows_a_list_sees_all_that_match_once(test: &TestStore) {
    const DEVICES: usize = 6000;
    crowd(test, DEVICES, 5999);
    let ids = |of: &dyn Fn(usize) -> bool| -> Vec<String> {
        (1..=DEVICES).filter(|number| of(*number)).map(|number| format!("dev{number:05}")).collect()
    };
    for (begins_with, condition, expected) in [
        (None, None, ids(&|_| true)),
        (Some("even"), None, ids(&|number| number % 2 == 0)),
        (Some("EVEN12"), None, ids(&|number| number % 2 == 0 && number.to_string().starts_with("12"))),
        (Some("dev0123"), None, ids(&|number| number / 10 == 123)),
        (Some("nobody"), None, Vec::new()),
        (None, Some("os.build == 2"), ids(&|number| number % 10 == 0)),
        (None, Some("os.build < 2 && os.build > 1"), Vec::new()),
        (None, Some("device.model.contains('special')"), ids(&|number| number == 5999)),
        (
            None,
            Some("device.model == 'a special one' || os.build == 2"),
            ids(&|number| number == 5999 || number % 10 == 0),
        ),
        (Some("odd"), Some("os.build == 1 && device.model != 'usual'"), ids(&|number| number == 5999)),
        (Some("odd5"), Some("!(os.build == 2)"), ids(&|number| number % 2 == 1 && number.to_string().starts_with('5'))),
        (Some("even5"), Some("os.build == 2"), ids(&|number| number % 10 == 0 && number.to_string().starts_with('5'))),
    ] {
        for limit in [7, 500] {
            let (found, _) = all(test, begins_with, condition, limit).await;
            assert_eq!(found, expected, "{begins_with:?} {condition:?} {limit}");
        }
    }
}

async fn a_page_ends_where_it_was_looked_long_enough(test: &TestStore) {
    crowd(test, 26_000, 25_999);
    let (found, pages) = all(test, None, Some("device.model.contains('special')"), 50).await;
    assert_eq!(
        (found, pages),
        (vec!["dev25999".to_owned()], 2),
        "the first page is empty, and says that there is more"
    );
    let (found, pages) = all(test, None, Some("device.model == 'a special one'"), 50).await;
    assert_eq!((found.len(), pages), (1, 1), "what few can match is found at once");
}
