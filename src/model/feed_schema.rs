//! `schema/events.schema.json` says what the code says. `BLESS=1` writes it anew.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{FeedKind, Field};

fn schema() -> Value {
    let id = |meaning: &str| json!({ "type": ["string", "null"], "description": meaning });
    let kinds: Vec<Value> = FeedKind::ALL.iter().map(|kind| of_kind(*kind)).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of Transom",
        "description": "What /api/v1/events lists, what its stream tells, and what webhooks are sent. Types are added, \
                        and never mean something else; whoever reads them passes over those that it does not know.",
        "type": "object",
        "required": [
            "number", "id", "type", "at", "device_id", "enrollment_id", "session_id", "exchange_id", "trace_id",
            "correlation", "data"
        ],
        "properties": {
            "number": { "type": "integer", "description": "Its place: it grows, and whoever has seen one has seen all \
                        before it. 0 for webhook.test." },
            "id": { "type": "string", "description": "The same in every delivery." },
            "type": { "type": "string" },
            "at": { "type": "string", "format": "date-time" },
            "device_id": id("The device, by its own name."),
            "enrollment_id": id("The life of the device."),
            "session_id": id("The session, as /api/v1/sessions/{id} shows it."),
            "exchange_id": id("The message of the device."),
            "trace_id": id("The request in which it happened: X-Request-Id of its reply, id in the log."),
            "correlation": id("What the client called that request (MS-CV)."),
            "data": { "type": "object" },
        },
        "oneOf": kinds,
    })
}

fn of_kind(kind: FeedKind) -> Value {
    let fields = kind.fields();
    let required: Vec<&str> = fields.iter().filter(|field| field.always).map(|field| field.name).collect();
    let properties: Map<String, Value> = fields.iter().map(of_field).collect();
    json!({
        "description": kind.meaning().trim(),
        "properties": {
            "type": { "const": kind.as_str() },
            "data": { "required": required, "properties": properties },
        },
    })
}

fn of_field(field: &Field) -> (String, Value) {
    (field.name.to_owned(), json!({ "type": field.json, "description": field.meaning }))
}

#[test]
fn the_schema_of_events_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/events.schema.json");
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "schema/events.schema.json differs from the code: run BLESS=1 cargo test");
}
