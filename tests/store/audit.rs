//! The audit log: one chain, whoever writes at the same time; what is taken out or changed shows.

use serde_json::json;
use transom::model::{Actor, AuditEntry, AuditFilter, AuditRecord, Timestamp};
use transom::store::{Error, RetentionRules, Tx};

use super::NOW;
use super::plans::plan;
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};
use crate::support::statements;

scenarios!(
    what_was_done_is_a_link_of_the_chain,
    what_was_undone_left_no_record,
    many_writers_make_one_chain,
    retention_leaves_a_chain_that_holds,
    a_change_from_outside_shows,
    records_are_found_by_who_what_and_when,
    pages_of_what_is_looked_for_leave_nothing_out,
    records_are_found_by_an_index_however_many_there_are,
);

fn record(number: i64) -> AuditRecord {
    AuditRecord::new("device.block", "device", format!("D{number}"))
        .before(json!({"state": "active", "none": null, "é\u{0}": 1.5}))
        .after(json!([number, true]))
}

async fn write(test: &TestStore, number: i64, at: Timestamp) {
    let by = Actor::operator("Ada").asking(Some([192, 0, 2, 7].into()), Some("0190".to_owned()));
    test.store
        .write(move |tx: &mut Tx<'_>| -> Result<(), Error> {
            tx.audit(&by, record(number), at);
            Ok(())
        })
        .await
        .unwrap();
}

/// Every entry that is kept, and whether the chain holds from its anchor to its head.
async fn chain(test: &TestStore) -> (Vec<AuditEntry>, bool) {
    let job = |tx: &mut Tx<'_>| -> Result<_, Error> { Ok((tx.audit_chain()?, tx.audit_from(0, 10_000)?)) };
    let (chain, entries) = test.store.read(job).await.unwrap();
    let (mut head, mut holds) = (chain.anchor, true);
    for (entry, seq) in entries.iter().zip(chain.first..) {
        holds &= entry.seq == seq && entry.hash == entry.link(&head);
        head = entry.hash;
    }
    let last = entries.last().map_or(chain.first - 1, |entry| entry.seq);
    (entries, holds && head == chain.head && last == chain.last)
}

async fn what_was_done_is_a_link_of_the_chain(test: &TestStore) {
    assert_eq!(chain(test).await, (Vec::new(), true));
    for number in 1..=3 {
        write(test, number, NOW.plus_millis(number)).await;
    }
    let (entries, holds) = chain(test).await;
    assert!(holds);
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [1, 2, 3]);
    let first = &entries[0];
    assert_eq!(
        (first.actor.name.as_str(), first.action.as_str(), first.subject.as_str()),
        ("Ada", "device.block", "D1")
    );
    assert_eq!(first.actor.from, Some([192, 0, 2, 7].into()));
    assert_eq!(first.after, Some(json!([1, true])));
}

async fn what_was_undone_left_no_record(test: &TestStore) {
    let failed = test.store.write(|tx: &mut Tx<'_>| -> Result<(), Error> {
        tx.audit(&Actor::server("tests"), record(1), NOW);
        Err(Error::NotFound("reason to go on"))
    });
    failed.await.unwrap_err();
    write(test, 2, NOW).await;
    let (entries, holds) = chain(test).await;
    assert!(holds);
    assert_eq!((entries.len(), entries[0].seq, entries[0].subject.as_str()), (1, 1, "D2"));
}

async fn many_writers_make_one_chain(test: &TestStore) {
    let writers = (0..40).map(|number| write(test, number, NOW));
    futures_util::future::join_all(writers).await;
    let (entries, holds) = chain(test).await;
    assert!(holds);
    let mut subjects: Vec<_> = entries.iter().map(|entry| entry.subject.clone()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 40);
}

async fn retention_leaves_a_chain_that_holds(test: &TestStore) {
    for number in 1..=5 {
        write(test, number, NOW.plus_millis(number)).await;
    }
    let age = std::time::Duration::from_secs(60);
    let rules = RetentionRules { audit_age: age, batch: 2, ..RetentionRules::default() };
    let pruned = test.store.prune(NOW.plus_millis(60_000 + 4), rules).await.unwrap();
    assert_eq!(pruned.audits, 3);
    let (entries, holds) = chain(test).await;
    assert!(holds);
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 5]);
    test.store.prune(NOW.plus_millis(600_000), rules).await.unwrap();
    write(test, 6, NOW.plus_millis(600_000)).await;
    let (entries, holds) = chain(test).await;
    assert!(holds, "the newest stays, however old it is");
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 6]);
}

async fn a_change_from_outside_shows(test: &TestStore) {
    for number in 1..=3 {
        write(test, number, NOW).await;
    }
    assert!(chain(test).await.1);
    for (damage, repair) in [
        ("UPDATE audit SET actor = 'Eve' WHERE seq = 2", "UPDATE audit SET actor = 'Ada' WHERE seq = 2"),
        (
            "UPDATE audit SET after_json = '[9,true]' WHERE seq = 2",
            "UPDATE audit SET after_json = '[2,true]' WHERE seq = 2",
        ),
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", "UPDATE audit SET at = at - 1 WHERE seq = 3"),
        ("DELETE FROM audit WHERE seq = 3", "SELECT 1"),
    ] {
        test.direct().execute(damage);
        assert!(!chain(test).await.1, "{damage}");
        test.direct().execute(repair);
        assert_eq!(chain(test).await.1, repair != "SELECT 1", "{repair}");
    }
}

async fn records_are_found_by_who_what_and_when(test: &TestStore) {
    for number in 1..=5 {
        write(test, number, NOW.plus_millis(number)).await;
    }
    let other = |tx: &mut Tx<'_>| -> Result<(), Error> {
        tx.audit(&Actor::token("O'Brien"), AuditRecord::new("command.order", "batch", "%"), NOW.plus_millis(6));
        Ok(())
    };
    test.store.write(other).await.unwrap();
    let find = async |filter: AuditFilter| {
        let page = test.store.read(move |tx: &mut Tx<'_>| tx.audit_entries(&filter, None, 10)).await.unwrap();
        page.items.iter().map(|entry| entry.seq).collect::<Vec<_>>()
    };
    let all = AuditFilter::default();
    assert_eq!(find(all.clone()).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(find(AuditFilter { actor: Some("O'Brien".into()), ..all.clone() }).await, [6]);
    assert_eq!(find(AuditFilter { action: Some("device.".into()), ..all.clone() }).await, [5, 4, 3, 2, 1]);
    assert_eq!(find(AuditFilter { action: Some("device.bl".into()), ..all.clone() }).await, [0_i64; 0]);
    assert_eq!(find(AuditFilter { subject: Some("D2".into()), ..all.clone() }).await, [2]);
    let (since, until) = (Some(NOW.plus_millis(2)), Some(NOW.plus_millis(4)));
    assert_eq!(find(AuditFilter { since, until, ..all.clone() }).await, [3, 2]);
    let page = test.store.read(move |tx: &mut Tx<'_>| tx.audit_entries(&all, None, 4)).await.unwrap();
    let next = page.next.unwrap();
    let rest = test
        .store
        .read(move |tx: &mut Tx<'_>| tx.audit_entries(&AuditFilter::default(), Some(&next), 4))
        .await
        .unwrap();
    assert_eq!(rest.items.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 1]);
}

/// All that fits, page by page.
async fn found(test: &TestStore, filter: &AuditFilter, limit: usize) -> Vec<i64> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let (filter, after) = (filter.clone(), cursor.take());
        let job = move |tx: &mut Tx<'_>| tx.audit_entries(&filter, after.as_ref(), limit);
        let page = test.store.read(job).await.unwrap();
        assert!(page.items.len() <= limit);
        all.extend(page.items.iter().map(|entry| entry.seq));
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

async fn pages_of_what_is_looked_for_leave_nothing_out(test: &TestStore) {
    // The clock was set back in between, and some things happen at the same moment.
    let notes = [
        ("Ada", "device.block", 10),
        ("Eve", "device.wipe", 30),
        ("Ada", "policy.apply", 30),
        ("Ada", "device.wipe", 20),
        ("Ada", "device.block", 20),
        ("Eve", "devices.odd", 40),
    ];
    for (who, action, at) in notes {
        let job = move |tx: &mut Tx<'_>| -> Result<(), Error> {
            tx.audit(&Actor::operator(who), AuditRecord::new(action, "device", "D"), NOW.plus_millis(at));
            Ok(())
        };
        test.store.write(job).await.unwrap();
    }
    let all = AuditFilter::default();
    let at = |millis| Some(NOW.plus_millis(millis));
    for limit in [1, 2, 3, 10] {
        assert_eq!(found(test, &all, limit).await, [6, 5, 4, 3, 2, 1], "the chain's order");
        let expected: [(AuditFilter, &[i64]); 7] = [
            (AuditFilter { actor: Some("Ada".into()), ..all.clone() }, &[3, 5, 4, 1]),
            (AuditFilter { action: Some("device.".into()), ..all.clone() }, &[2, 5, 4, 1]),
            (AuditFilter { until: at(30), ..all.clone() }, &[5, 4, 1]),
            (AuditFilter { since: at(20), until: at(31), ..all.clone() }, &[3, 2, 5, 4]),
            (AuditFilter { subject: Some("D".into()), action: Some("device.wipe".into()), ..all.clone() }, &[2, 4]),
            (
                AuditFilter { actor: Some("Ada".into()), action: Some("device.".into()), since: at(20), ..all.clone() },
                &[5, 4],
            ),
            (AuditFilter { action: Some("nothing.".into()), ..all.clone() }, &[]),
        ];
        for (filter, seqs) in expected {
            assert_eq!(found(test, &filter, limit).await, seqs, "{filter:?}, {limit} at a time");
        }
    }
}

async fn records_are_found_by_an_index_however_many_there_are(test: &TestStore) {
    let hash = if test.engine == Engine::Sqlite { "zeroblob(32)" } else { "decode(repeat('00', 32), 'hex')" };
    let mut direct = test.direct();
    direct.execute(&format!(
        "INSERT INTO audit (seq, at, actor, actor_kind, action, subject_kind, subject, hash) \
         WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) \
         SELECT n, n, 'someone' || (n % 7), 'operator', 'kind' || (n % 9) || '.done', 'device', 'D' || (n % 999), {hash} \
         FROM numbers;"
    ));
    if test.engine == Engine::Postgres {
        direct.execute("ANALYZE audit");
    }
    // Names that no other test asks for.
    let all = AuditFilter::default();
    let rare = AuditFilter { actor: Some("someone3".into()), subject: Some("D4 of plans".into()), ..all.clone() };
    let mixed = AuditFilter { actor: Some("someone3".into()), action: Some("of plans".into()), ..all.clone() };
    let filters = [
        ("someone of plans", AuditFilter { actor: Some("someone of plans".into()), ..all.clone() }),
        ("D4 of plans", rare),
        ("987001", AuditFilter { since: Some(Timestamp(987_001)), ..all.clone() }),
        ("1987002", AuditFilter { until: Some(Timestamp(1_987_003)), ..all.clone() }),
        ("kind4.done", AuditFilter { action: Some("kind4.".into()), ..all.clone() }),
        ("someone3", mixed),
    ];
    for (value, filter) in filters {
        test.store.read(move |tx: &mut Tx<'_>| tx.audit_entries(&filter, None, 50)).await.unwrap();
        let heard = statements::with_value(value);
        assert!(!heard.is_empty(), "{value}");
        for statement in heard {
            let plan = plan(test, &statement.sql);
            let sorts = plan.contains("TEMP B-TREE") || plan.contains("Sort");
            let scans = plan.contains("Seq Scan") || plan.contains("SCAN");
            assert!(!sorts && !scans, "{value}: {}\n{plan}", statement.sql);
        }
    }
    // What few entries of many fit is looked for in steps.
    let filter =
        AuditFilter { actor: Some("someone3".into()), action: Some("kind3.".into()), ..AuditFilter::default() };
    let expected: Vec<i64> = (1..=20_000).rev().filter(|n| n % 7 == 3 && n % 9 == 3).collect();
    assert_eq!(found(test, &filter, 30).await, expected);
}
