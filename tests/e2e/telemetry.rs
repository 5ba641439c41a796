//! Spans for a collector: the trace that the journal names, nothing of what devices say, and no harm when it is away.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::collector::{Collector, attribute};
use crate::support::server::{Server, Site, until};
use crate::support::windows::Windows;

on_both!(a_collector_gets_the_trace_that_the_journal_names, a_collector_that_is_away_harms_nobody);

const SECRET: &str = "tracing-is-not-telling";

/// A session in which a device is asked for something; gives its id, and the request ids that the journal has of it.
async fn session(server: &Server, site: &Site, device_id: &str) -> (String, Vec<String>) {
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device(device_id, Behaviour::default());
    operator.import(&[entry]).await;
    let order = json!([
        { "kind": "get", "items": [{ "target": "./DevInfo/DevId" }] },
        { "kind": "replace", "items": [{ "target": "./Vendor/Contoso/Psk", "format": "chr", "data": SECRET }] },
    ]);
    operator.order_for(device_id, &order).await;
    windows.session(&windows.usual(), &mut device).await;
    let session = operator.list(&format!("/api/v1/sessions?device_id={device_id}")).await[0]["id"].clone();
    let session = session.as_str().unwrap().to_owned();
    let messages = operator.list(&format!("/api/v1/sessions/{session}/messages")).await;
    let id = |message: &Value| message["headers"]["X-Request-Id"].as_str().map(ToOwned::to_owned);
    (session, messages.iter().filter_map(id).collect())
}

async fn a_collector_gets_the_trace_that_the_journal_names(site: Site) {
    let collector = Collector::start();
    let site = site
        .with("TELEMETRY_ENDPOINT", &collector.endpoint())
        .with("TELEMETRY_HEADERS", "Authorization=Bearer only-for-the-collector")
        .with("TELEMETRY_SERVICE_NAME", "transom-under-test")
        .with("LOG_LEVEL", "trace");
    let server = site.serve();
    let (session_id, ids) = session(&server, &site, "TRACED").await;
    assert!(!ids.is_empty());
    // What waits is sent before it ends.
    let stopping = Instant::now();
    assert_eq!(tokio::task::block_in_place(|| server.terminate()), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());

    let spans = collector.spans();
    let mut sessions = Vec::new();
    for id in &ids {
        let trace = id.replace('-', "");
        let mine: Vec<_> = spans.iter().filter(|span| hex(&span.trace_id) == trace).collect();
        let named = |name: &str| mine.iter().find(|span| span.name == name).copied();
        let names: Vec<_> = mine.iter().map(|span| span.name.as_str()).collect();
        let root = named("POST management").unwrap_or_else(|| panic!("{id}: {names:?}"));
        assert!(root.parent_span_id.is_empty(), "{root:?}");
        assert_eq!(attribute(&root.attributes, "transom.door").as_deref(), Some("device"));
        assert_eq!(attribute(&root.attributes, "http.response.status_code").as_deref(), Some("200"));
        let message = named("message").unwrap_or_else(|| panic!("{id}: {names:?}"));
        assert_eq!(message.parent_span_id, root.span_id);
        let outcome = attribute(&message.attributes, "transom.message.outcome");
        let session = attribute(&message.attributes, "transom.session.id");
        match outcome.as_deref() {
            Some("challenged") => assert_eq!(session, None),
            Some("answered") => sessions.extend(session),
            other => panic!("{other:?}"),
        }
        let write = named("store.write").unwrap_or_else(|| panic!("{id}: {names:?}"));
        assert_eq!(write.parent_span_id, message.span_id);
    }
    assert!(!sessions.is_empty() && sessions.iter().all(|id| *id == session_id), "{sessions:?} {session_id}");
    let api = spans.iter().find(|span| attribute(&span.attributes, "transom.door").as_deref() == Some("admin"));
    assert!(api.is_some_and(|span| span.name.starts_with("GET ") || span.name.starts_with("POST ")), "{api:?}");
    assert!(spans.iter().any(|span| span.name == "tidy" && span.parent_span_id.is_empty()));

    let (services, headers) = collector.senders();
    assert!(services.iter().all(|service| service == "transom-under-test") && !services.is_empty());
    assert!(headers.iter().all(|header| header == "Bearer only-for-the-collector") && !headers.is_empty());
    // Neither what the device said nor what it was told is in it, and the log has neither spans nor the header.
    let sent = String::from_utf8_lossy(&collector.bodies()).into_owned();
    for hidden in [SECRET, "TRACED", "MS-CV", "secret of", "./DevInfo", "127.0.0.1"] {
        assert!(!sent.contains(hidden), "{hidden}");
    }
    let log = site.log();
    assert!(
        !log.contains("only-for-the-collector") && !log.contains("store.write") && log.contains("request"),
        "{log}"
    );
}

async fn a_collector_that_is_away_harms_nobody(site: Site) {
    // It takes connections and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let site = site.without_rates().with("TELEMETRY_ENDPOINT", &endpoint).with("TELEMETRY_TIMEOUT", "1s");
    let server = site.serve();
    for number in 0..5 {
        let device_id = format!("DEVICE-{number}");
        assert!(!session(&server, &site, &device_id).await.1.is_empty());
    }
    // More spans than may wait, or may have waited since.
    let operator = server.operator();
    for _ in 0..1_500 {
        operator.get("/api/v1/devices?limit=1").await;
    }
    let is_counted = |metrics: &str, outcome: &str| {
        let name = format!("transom_spans_total{{outcome=\"{outcome}\"}} ");
        metrics.lines().filter_map(|line| line.strip_prefix(&name)).any(|count| count.parse::<u64>().unwrap() > 0)
    };
    until("spans are lost, and counted", async || {
        let metrics = operator.metrics().await;
        (is_counted(&metrics, "failed") && !is_counted(&metrics, "sent")).then_some(())
    })
    .await;
    let stopping = Instant::now();
    assert_eq!(tokio::task::block_in_place(|| server.terminate()), Some(0));
    assert!(stopping.elapsed() < Duration::from_secs(20), "{:?}", stopping.elapsed());
    assert_eq!(site.log().matches("spans can't be sent to the collector").count(), 1, "{}", site.log());
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
