//! One id through log, journal and events.

use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, until};
use crate::support::windows::Windows;

on_both!(one_id_leads_through_everything_that_is_kept_of_a_request);

async fn one_id_leads_through_everything_that_is_kept_of_a_request(site: Site) {
    let site = site.with("LOG_LEVEL", "info").with("LOG_FORMAT", "json");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("TRACED", Behaviour::default());
    operator.import(&[entry]).await;
    operator.order_for("TRACED", &json!([{ "kind": "get", "items": [{ "target": "./DevInfo/DevId" }] }])).await;
    windows.session(&windows.usual(), &mut device).await;

    // An event names the request in which it happened, and so does the message in the journal.
    let event = async || operator.get("/api/v1/events?type=command.succeeded").await["items"].get(0).cloned();
    let event = until("the outcome is told", event).await;
    let id = event["trace_id"].as_str().unwrap();
    let session = &operator.list("/api/v1/sessions?device_id=TRACED").await[0]["id"];
    let messages = operator.list(&format!("/api/v1/sessions/{}/messages", session.as_str().unwrap())).await;
    assert!(messages.iter().any(|message| message["headers"]["X-Request-Id"] == id), "{messages:#?}");

    // So does the line of the log, once the request is over.
    let logged = until("the log has the request", async || {
        let log = site.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["id"] == id && line["message"] == "request")
    });
    let logged = logged.await;
    assert_eq!((&logged["door"], &logged["status"]), (&json!("device"), &json!(200)), "{logged}");
}
