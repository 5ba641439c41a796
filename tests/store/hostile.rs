//! What hostile text and a look into the files can not do.

use transom::model::{CommandFilter, DeviceFilter, EventFilter, SessionFilter};
use transom::model::{DeviceInfo, Event, EventId, EventKind, Exchange, ExchangeId, NewEnrollment, SessionKey};
use transom::store::{CommandChange, DatabaseUrl, Error, NewChunk, Reply, SaveContact, SaveSession};
use transom_protocol::session::{DeviceId, ResultValue};
use transom_protocol::syncml::codec::Encoding;

use super::{NOW, account, command, device, order, session};
use crate::scenarios;
use crate::support::databases::TestStore;

scenarios!(text_from_outside_stays_text, secrets_are_not_found_in_the_database);

const TEXTS: [&str; 12] = [
    "'; DROP TABLE devices; --",
    "\" OR \"\"=\"",
    "' OR 1=1 --",
    "%",
    "_",
    "\\",
    "$1 ? :name @name",
    "nul\u{0}in the middle",
    "line\r\nlevel=ERROR fake",
    "<script>alert(1)</script>",
    "\u{202e}right to left \u{1f600} e\u{301}",
    "{\"$gt\":\"\"}",
];

async fn text_from_outside_stays_text(test: &TestStore) {
    for (number, text) in TEXTS.iter().enumerate() {
        let (text, key) = ((*text).to_owned(), SessionKey::new(NOW));
        // An id can not hold control characters; everything else holds whatever comes.
        let id = DeviceId::parse(&text).unwrap_or_else(|| device(&format!("device {number}")));
        let info = DeviceInfo { name: Some(text.clone()), model: Some(text.clone()), ..DeviceInfo::default() };
        let new = NewEnrollment { device_id: id.clone(), account: account(&text), info: info.clone(), made: None };
        let enrollment = test.store.write(move |tx| tx.import_enrollment(&new, NOW)).await.unwrap().id;
        let value = serde_json::to_string(&text).unwrap();
        let mut new = order(
            &[],
            vec![command(&format!(r#"{{"kind":"replace","items":[{{"target":"./A/{number}","data":{value}}}]}}"#))],
        );
        new.devices = vec![id.clone()];
        new.created_by.clone_from(&text);
        let (of, said) = (id.clone(), text.clone());
        test.store
            .write(move |tx| {
                let enqueued = tx.enqueue(&new, NOW)?;
                let command = enqueued[0].commands.clone().unwrap().remove(0);
                let mut pending = tx.pending_commands(&enrollment, &[], NOW, 9)?.remove(0);
                pending.progress.items[0].original_error = Some(said.clone());
                tx.save_commands(&enrollment, &[CommandChange { command: pending, sent: true }], NOW)?;
                tx.save_contact(SaveContact {
                    enrollment: &enrollment,
                    device_id: &of,
                    now: NOW,
                    account: None,
                    info: Some(&info),
                    session: Some(SaveSession {
                        key: &key,
                        session: &session("1", NOW),
                        is_new: true,
                        reply: None,
                        commands_sent: 0,
                        commands_answered: 0,
                    }),
                })?;
                tx.add_events(&[event(&of, &key, &said)])?;
                tx.record_exchange(&exchange(&of, &key, &said))?;
                tx.cancel(&command, true, &said, NOW)?;
                tx.claim_request(&transom::model::TokenId::new(NOW), &said, &[0; 32], NOW)?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        looks(test, &id, &text).await;
    }
    let listed = test.store.read(|tx| tx.devices(&DeviceFilter::default(), None, 100)).await.unwrap();
    assert_eq!(listed.items.len(), TEXTS.len());
}

/// Everything can be looked at, and says what was said; only NUL, which PostgreSQL can't hold, is replaced.
async fn looks(test: &TestStore, id: &DeviceId, text: &str) {
    let shown = text.replace('\0', "\u{fffd}");
    let (of, all) = (id.clone(), CommandFilter { device: Some(id.clone()), ..CommandFilter::default() });
    let found = test.store.read(move |tx| tx.device(&of)).await.unwrap().unwrap();
    assert_eq!(found.info.name.as_ref(), Some(&shown));
    let commands = test.store.read(move |tx| tx.commands(&all, None, 9)).await.unwrap().items;
    assert_eq!(commands.len(), 1);
    assert_eq!(commands[0].created_by, shown);
    let view = commands[0].id.clone();
    let view = test.store.read(move |tx| tx.command(&view)).await.unwrap().unwrap();
    assert_eq!(view.progress.items[0].original_error.as_deref(), Some(text), "what is sealed is kept to the byte");
    assert_eq!(view.instruction.settings().next().unwrap().1.data.as_deref(), Some(text));
    let of = SessionFilter { device: Some(id.clone()), ..SessionFilter::default() };
    assert_eq!(test.store.read(move |tx| tx.sessions(&of, None, 9)).await.unwrap().items.len(), 1);
    let of = EventFilter::OfDevice(id.clone());
    let events = test.store.read(move |tx| tx.events(&of, None, 9)).await.unwrap().items;
    assert_eq!((events[0].data.as_deref(), events[0].source.as_ref()), (Some(text), Some(&shown)));
    let filter = DeviceFilter { begins_with: Some(text.to_owned()), condition: None };
    let found = test.store.read(move |tx| tx.devices(&filter, None, 99)).await.unwrap().items;
    assert!(found.iter().any(|device| device.device_id == *id), "{text:?}");
}

fn event(of: &DeviceId, key: &SessionKey, text: &str) -> Event {
    Event {
        id: EventId::new(NOW),
        device: Some(of.clone()),
        enrollment: None,
        session: Some(key.clone()),
        exchange: None,
        at: NOW,
        kind: EventKind::Anomaly,
        code: text.to_owned(),
        mime: Some(text.to_owned()),
        source: Some(text.to_owned()),
        format: Some(text.to_owned()),
        mark: Some(text.to_owned()),
        data: Some(text.to_owned()),
        detail: Some(text.to_owned()),
    }
}

fn exchange(of: &DeviceId, key: &SessionKey, text: &str) -> Exchange {
    Exchange {
        id: ExchangeId::new(NOW),
        session: Some(key.clone()),
        enrollment: None,
        device: Some(of.clone()),
        session_id: None,
        received_at: NOW,
        duration_us: 1,
        peer: text.to_owned(),
        encoding: None,
        client_message: None,
        server_message: None,
        outcome: text.to_owned(),
        detail: Some(text.to_owned()),
        headers: serde_json::json!({ "User-Agent": text }),
        request: Some(text.as_bytes().to_vec()),
        reply: Some(text.as_bytes().to_vec()),
        request_size: 1,
        reply_size: 1,
        proofs: Vec::new(),
    }
}

/// A secret for each place that holds one.
const SECRETS: [&str; 9] = [
    "seeded-password-1",
    "seeded-setting-2",
    "seeded-result-3",
    "seeded-reply-4",
    "seeded-chunk-5",
    "seeded-answer-6",
    "seeded-request-7",
    "seeded-alert-8",
    "seeded-nonce-9",
];

async fn secrets_are_not_found_in_the_database(test: &TestStore) {
    let [password, setting, result, reply, chunk, answer, request, alert, nonce] = SECRETS;
    let enrollment = test.enroll("a").await;
    let set = format!(r#"{{"kind":"replace","items":[{{"target":"./Wifi/Key","data":"{setting}"}}]}}"#);
    test.enqueue("a", vec![command(&set)]).await;
    test.store
        .write(move |tx| {
            let key = SessionKey::new(NOW);
            let mut credentials = account(password);
            credentials.next_nonce = transom_protocol::session::Nonce::from_bytes(nonce.as_bytes());
            let mut pending = tx.pending_commands(&enrollment, &[], NOW, 9)?.remove(0);
            pending.progress.items[0].result = Some(ResultValue {
                uri: "./Wifi/Key".to_owned(),
                format: transom_protocol::syncml::Format::default(),
                mime: None,
                data: result.to_owned(),
                chunked: false,
            });
            tx.save_commands(&enrollment, &[CommandChange { command: pending, sent: false }], NOW)?;
            let mut value = session("1", NOW);
            value.client_hash = nonce.to_owned();
            tx.save_contact(SaveContact {
                enrollment: &enrollment,
                device_id: &device("a"),
                now: NOW,
                account: Some(&credentials),
                info: None,
                session: Some(SaveSession {
                    key: &key,
                    session: &value,
                    is_new: true,
                    reply: Some(&Reply { encoding: Encoding::Xml, body: reply.as_bytes().to_vec() }),
                    commands_sent: 0,
                    commands_answered: 0,
                }),
            })?;
            let (of, data) = (device("a"), chunk.as_bytes());
            tx.append_upload_chunk(NewChunk { session: &key, device: &of, number: 1, data, at: NOW })?;
            let token = transom::model::TokenId::new(NOW);
            tx.claim_request(&token, "k", &[0; 32], NOW)?;
            tx.complete_request(&token, "k", 200, answer.as_bytes())?;
            let body = Some(request.as_bytes().to_vec());
            let said = exchange(&device("a"), &key, "nothing secret");
            tx.record_exchange(&Exchange { request: body.clone(), reply: body, ..said })?;
            let told = event(&device("a"), &key, "nothing secret");
            tx.add_events(&[Event { data: Some(alert.to_owned()), ..told }])?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let a1 = serde_json::to_value(account(password)).unwrap()["client"]["a1"].as_str().unwrap().to_owned();
    let stored = dump(test);
    assert!(contains(&stored, b"./Wifi/Key"), "the dump is one of the data");
    for secret in SECRETS.into_iter().chain([a1.as_str()]) {
        for shape in [secret.to_owned(), base64(secret)] {
            assert!(!contains(&stored, shape.as_bytes()), "{secret} is stored in clear");
        }
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    // Without the end, which depends on what follows.
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(text).chars().take(16).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// All bytes of the database: of its files, or of every row of every table.
fn dump(test: &TestStore) -> Vec<u8> {
    match &test.url {
        DatabaseUrl::Sqlite(path) => ["", "-wal"]
            .into_iter()
            .flat_map(|suffix| std::fs::read(format!("{}{suffix}", path.display())).unwrap_or_default())
            .collect(),
        DatabaseUrl::Postgres(_) => {
            let mut direct = test.direct();
            let tables = direct.texts(
                "SELECT relname::text AS text FROM pg_class \
                 WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'",
            );
            let mut all = Vec::new();
            for table in tables {
                // Bytes as text in the form that shows what is readable in them.
                let rows = format!("SET bytea_output = 'escape'; SELECT 1 FROM {table} LIMIT 0");
                direct.execute(&rows);
                for row in direct.texts(&format!("SELECT whole::text AS text FROM {table} AS whole")) {
                    all.extend_from_slice(row.as_bytes());
                }
            }
            all
        }
    }
}
