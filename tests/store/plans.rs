//! The statements that every message makes find what they look for by an index, and are prepared once.

use std::fmt::Write as _;

use sha2::Digest as _;
use transom::model::{CertificateFingerprint, DeviceInfo, EnrollmentId, ExchangeId, NewEnrollment, SessionKey};
use transom::store::{
    Carrier, ClaimRules, CommandChange, Error, NewAttempt, NewChunk, Reply, SaveContact, SaveSession,
};
use transom_protocol::session::{CommandState, MsgId, Pending};
use transom_protocol::syncml::codec::Encoding;

use super::{NOW, account, device, get, order, session};
use crate::scenarios;
use crate::support::databases::{Engine, TestStore};
use crate::support::statements::{self, Statement};

scenarios!(
    every_statement_of_a_message_uses_an_index,
    every_statement_of_a_message_is_prepared_once,
    pushes_are_claimed_in_the_order_of_their_index,
    what_failed_last_is_found_by_an_index,
    devices_of_a_name_are_found_by_an_index
);

/// Does what messages and the jobs between them do. Every statement has the device's id, or one that was made for it,
/// among its values.
async fn speak(test: &TestStore, name: &str) -> Vec<Statement> {
    let (id, key, exchange) = (device(name), SessionKey::new(NOW), ExchangeId::new(NOW));
    let new = NewEnrollment { device_id: id.clone(), account: account("x"), info: DeviceInfo::default(), made: None };
    let enrollment = test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap().id;
    let fingerprint = CertificateFingerprint::new(sha2::Sha256::digest(name).into());
    let commands = order(&[name], (0..3).map(|number| get(&format!("./{number}"))).collect());
    let ids = test.store.write(move |tx| tx.enqueue(&commands, NOW)).await.unwrap().remove(0).commands.unwrap();
    let (of, told, waited) = (enrollment.clone(), key.clone(), ids.clone());
    test.store
        .write(move |tx| {
            tx.live_enrollments(&id)?;
            for is_new in [true, false] {
                tx.save_contact(SaveContact {
                    enrollment: &of,
                    device_id: &id,
                    now: NOW,
                    account: Some(&account("y")),
                    info: None,
                    session: Some(SaveSession {
                        key: &told,
                        session: &session("1", NOW),
                        is_new,
                        reply: Some(&Reply { encoding: Encoding::Xml, body: vec![1] }),
                        commands_sent: 0,
                        commands_answered: 0,
                    }),
                })?;
            }
            tx.last_reply(&told)?;
            tx.certificate(fingerprint)?;
            let pending = tx.pending_commands(&of, &waited, NOW, 100)?;
            tx.accepted_commands(&of, NOW, 10)?;
            tx.wake_dependents(&of)?;
            tx.dependent_commands(&of, NOW, 10)?;
            tx.open_commands(&of, &waited, NOW)?;
            tx.command_states(&waited)?;
            let carrier = Carrier { session: &told, message: MsgId::FIRST, exchange: &exchange, at: NOW };
            let attempt = |number| NewAttempt { command: waited[0].clone(), number, cmd_id: 2 };
            tx.add_attempts(carrier, &[attempt(1)])?;
            tx.answer_attempts(&told, MsgId::FIRST, &waited, &exchange, NOW)?;
            let change =
                |command| CommandChange { command: Pending { state: CommandState::Sent, ..command }, sent: true };
            let changes: Vec<_> = pending.into_iter().map(change).collect();
            tx.save_commands(&of, &changes[..1], NOW)?;
            tx.save_commands(&of, &changes[1..], NOW)?;
            tx.append_upload_chunk(NewChunk { session: &told, device: &id, number: 1, data: b"x", at: NOW })?;
            tx.upload_bytes(&id)?;
            tx.take_upload_chunks(&told)?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let mut heard = Vec::new();
    let printed = fingerprint.to_string();
    for value in [device(name).key(), enrollment.to_string(), key.to_string(), ids[0].0.clone(), printed] {
        heard.extend(statements::with_value(&value));
    }
    heard
}

/// Enough of everything that looking through a table costs more than an index.
fn crowd(test: &TestStore) {
    let mut direct = test.direct();
    let numbers = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) ";
    let into = |table: &str, columns: &str, values: &str| {
        format!("INSERT INTO {table} ({columns}) {numbers} SELECT {values} FROM numbers;")
    };
    let blob = if test.engine == Engine::Sqlite { "x''" } else { "''" };
    let mut all = String::new();
    all.push_str(&into("devices", "id, device_id, folded_id, created_at", "'d' || n, 'dev' || n, 'dev' || n, 0"));
    all.push_str(&into(
        "enrollments",
        "id, device, device_id, folded_id, generation, state, info, next_sequence, open_commands, created_at",
        "'e' || n, 'd' || n, 'dev' || n, 'dev' || n, 1, 'active', '{}', 1, 1, 0",
    ));
    all.push_str(&into(
        "sessions",
        "id, enrollment, folded_id, session_id, started_at, last_at, phase, authentication, login, client_message, \
         server_message, exchanges, commands_sent, commands_answered",
        "'s' || n, 'e' || n, 'dev' || n, '1', n, n, 'open', 'digest', 'user', 1, 1, 1, 0, 0",
    ));
    // A tenth is open; one enrollment has a long history.
    all.push_str(&into(
        "commands",
        "id, enrollment, folded_id, sequence, kind, target, scope, lane, proof, state, created_at, created_by, attempts, \
         settled_at, ready_at, instruction",
        &format!("'c' || n, 'e' || (CASE WHEN n % 2 = 0 THEN 1 ELSE n END), 'dev' || n, n, 'get', './A', 'device', 0, n < 0, \
         CASE WHEN n % 10 = 1 THEN 'queued' ELSE 'succeeded' END, 0, 'x', 1, CASE WHEN n % 10 = 1 THEN NULL ELSE n END, \
         CASE WHEN n % 10 = 1 THEN 0 ELSE NULL END, {blob}"),
    ));
    all.push_str(&into(
        "attempts",
        "command, number, session, server_message, cmd_id, sent_in, sent_at",
        "'c' || n, 1, 's' || n, 1, 2, 'x' || n, 0",
    ));
    all.push_str(&into(
        "certificates",
        "fingerprint, serial, key, authority, enrollment, not_before, not_after, state, issued_at",
        "'f' || n, 's' || n, 'k' || n, 'a', 'e' || n, 0, 1, 'current', 0",
    ));
    all.push_str(&into("upload_chunks", "session, number, created_at, data", &format!("'s' || n, 0, 0, {blob}")));
    direct.execute(&all);
    if test.engine == Engine::Postgres {
        direct.execute("ANALYZE");
    }
}

/// What a database would do, without doing it.
pub(super) fn plan(test: &TestStore, sql: &str) -> String {
    let mut direct = test.direct();
    match test.engine {
        Engine::Sqlite => direct.plan(&format!("EXPLAIN QUERY PLAN {sql}")),
        Engine::Postgres => {
            // The plan that serves every value, as it is used after a few executions.
            let values = (1..99).filter(|number| sql.contains(&format!("${number}"))).count();
            direct.execute(&format!("SET plan_cache_mode = force_generic_plan; PREPARE looked_at AS {sql}"));
            let mut explain = "EXPLAIN EXECUTE looked_at".to_owned();
            if values > 0 {
                write!(explain, "({})", vec!["NULL"; values].join(", ")).unwrap();
            }
            direct.plan(&explain)
        }
    }
}

/// Whether a plan looks through the whole of a table that grows.
fn scans(plan: &str) -> bool {
    const GROWING: [&str; 9] = [
        "certificates",
        "devices",
        "enrollments",
        "sessions",
        "commands",
        "attempts",
        "exchanges",
        "events",
        "upload_chunks",
    ];
    GROWING.iter().any(|table| {
        plan.lines().any(|line| {
            line.contains(&format!("Seq Scan on {table}"))
                || line.contains(&format!("SCAN {table}")) && !line.contains("USING INDEX")
        })
    })
}

/// Whether a plan looks at all commands that an enrollment ever had.
fn walks_history(plan: &str) -> bool {
    plan.lines().any(|line| {
        let condition = line.trim().trim_start_matches("Index Cond: ");
        condition.starts_with("(enrollment = $") && !condition.contains(" AND ")
            || line.contains("SEARCH commands") && line.ends_with("(enrollment=?)")
    })
}

async fn every_statement_of_a_message_uses_an_index(test: &TestStore) {
    crowd(test);
    let name = format!("planned-{}", EnrollmentId::new(NOW));
    let heard = speak(test, &name).await;
    let looked: Vec<&Statement> = heard.iter().filter(|statement| !statement.sql.starts_with("INSERT")).collect();
    assert!(looked.len() >= 15, "{heard:#?}");
    for statement in looked {
        if statement.sql.contains("pg_advisory") {
            continue;
        }
        let plan = plan(test, &statement.sql);
        assert!(!scans(&plan), "{}\n{plan}", statement.sql);
        assert!(!walks_history(&plan), "{}\n{plan}", statement.sql);
        if statement.sql.contains("UNION ALL") {
            assert!(plan.contains("commands_ready"), "the queue is read from its own index:\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}

async fn what_failed_last_is_found_by_an_index(test: &TestStore) {
    crowd(test);
    let id = device(&format!("failing-{}", EnrollmentId::new(NOW)));
    let new = NewEnrollment { device_id: id.clone(), account: account("x"), info: DeviceInfo::default(), made: None };
    let of = test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap().id;
    let commands = order(&[id.as_str()], (0..4).map(|number| get(&format!("./{number}"))).collect());
    test.store.write(move |tx| tx.enqueue(&commands, NOW)).await.unwrap();
    let (asked, none) = (of.clone(), of.clone());
    assert_eq!(test.store.read(move |tx| tx.last_failure(&none)).await.unwrap(), None);
    let ours = format!("WHERE enrollment = '{of}' AND sequence");
    test.direct().execute(&format!(
        "UPDATE commands SET state = 'failed', reason = 'refused_by_device', reason_since = 0 {ours} < 4; \
         UPDATE commands SET created_by = 'transom:inventory' {ours} = 3"
    ));
    let found = test.store.read(move |tx| tx.last_failure(&asked)).await.unwrap();
    assert_eq!(found.map(|command| command.sequence), Some(2));
    let heard = statements::with_value(of.as_str());
    let statement = heard.last().unwrap();
    let plan = plan(test, &statement.sql);
    assert!(!scans(&plan) && !walks_history(&plan), "{}\n{plan}", statement.sql);
}

async fn devices_of_a_name_are_found_by_an_index(test: &TestStore) {
    crowd(test);
    let name = format!("called-{}", EnrollmentId::new(NOW));
    let asked = name.to_uppercase();
    assert!(test.store.read(move |tx| tx.devices_called(&asked, 5)).await.unwrap().is_empty());
    let heard = statements::with_value(&name);
    let plan = plan(test, &heard.first().unwrap().sql);
    assert!(!scans(&plan), "{plan}");
}

async fn every_statement_of_a_message_is_prepared_once(test: &TestStore) {
    let name = format!("prepared-{}", EnrollmentId::new(NOW));
    for statement in speak(test, &name).await {
        // Of any number of rows, or not of a message.
        let exempt = ["INTO `commands`", "INTO \"commands\"", "INTO `attempts`", "INTO \"attempts\"", "pg_advisory"];
        let exempt = exempt.iter().any(|word| statement.sql.contains(word));
        let kept = statements::is_kept_prepared(&statement.sql);
        assert!(kept || exempt, "prepared anew each time: {}", statement.sql);
        assert!(!statement.sql.contains("LIMIT ?"), "prepared anew by SQLite itself: {}", statement.sql);
    }
}

async fn pushes_are_claimed_in_the_order_of_their_index(test: &TestStore) {
    crowd(test);
    let mut direct = test.direct();
    let urgent = if test.engine == Engine::Sqlite { "0" } else { "false" };
    direct.execute(&format!(
        "INSERT INTO pushes (enrollment, urgent, requested_at, due_at, attempts) \
         SELECT id, {urgent}, 0, 0, 0 FROM enrollments"
    ));
    if test.engine == Engine::Postgres {
        direct.execute("ANALYZE");
    }
    // A time by which its statements are known.
    let engine = if test.engine == Engine::Sqlite { 1 } else { 2 };
    let now = NOW.plus_millis(41_414_140 + engine);
    let rules = ClaimRules { rate: 1000, limit: 50, lease: 1000 };
    test.store.write(move |tx| tx.claim_pushes(rules, now)).await.unwrap();
    assert!(test.store.read(move |tx| tx.is_push_due(now)).await.unwrap());
    assert_eq!(direct.number("SELECT count(*) FROM pushes"), 20_000 - 50, "those without a channel are dropped");
    let heard = statements::with_value(&now.0.to_string());
    let looked: Vec<_> = heard.iter().filter(|statement| statement.sql.starts_with("SELECT")).collect();
    assert!(looked.iter().filter(|statement| statement.sql.contains("ORDER BY")).count() >= 2, "{looked:#?}");
    for statement in looked {
        let plan = plan(test, &statement.sql);
        assert!(plan.contains("pushes_in_order"), "{}\n{plan}", statement.sql);
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("Sort"), "all that waits is sorted:\n{plan}");
    }
}
