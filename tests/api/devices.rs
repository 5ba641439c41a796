//! Devices, and names that are more than names.

use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    devices_are_listed_and_shown,
    what_people_set_of_a_device_is_guarded,
    hostile_names_are_only_names,
    what_happened_is_told,
    how_a_device_is_reached_is_said_honestly,
    the_server_says_what_it_is
);

/// Ids that mean something to a path, a pattern, a statement or a terminal.
const NAMES: [&str; 12] = [
    "a/b",
    "a%2Fb",
    "a b+c",
    "a?b#c&d=e",
    "%",
    "_",
    "'; DROP TABLE devices; --",
    "\"\\",
    "..%2f..",
    "ünï-漢字",
    "a;x=1",
    "{id}",
];

fn escaped(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn how_a_device_is_reached_is_said_honestly(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let sync = door.send(door.request(reqwest::Method::POST, "/devices/D1/sync")).await;
    assert_eq!(sync.status, 200, "{sync:?}");
    let sync = sync.json();
    assert_eq!((&sync["reach"], &sync["why"]), (&json!("schedule"), &json!("push is not configured")));
    assert_eq!(sync["next_poll_at"], json!(null), "nobody knows the schedule of an imported device");
    door.send(door.request(reqwest::Method::POST, "/devices/nobody/sync")).await.problem(404);
    let push = door.get("/push").await.json();
    assert_eq!((&push["configured"], &push["waiting"]), (&json!(false), &json!(0)));
    door.close().await;
}

async fn devices_are_listed_and_shown(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    door.enroll("D2").await;
    door.enroll("E1").await;
    let page = door.get("/devices?limit=2").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = door.get(&format!("/devices?limit=2&cursor={}", page["next_cursor"].as_str().unwrap())).await.json();
    assert_eq!((&rest["items"][0]["id"], &rest["next_cursor"]), (&json!("E1"), &json!(null)));
    assert_eq!(door.get("/devices?begins_with=d").await.json()["items"].as_array().unwrap().len(), 2);
    let shown = door.get("/devices/d1").await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.json()["id"], "D1");
    assert_eq!(
        (&shown.json()["last_seen_at"], &shown.json()["enrollment"]["state"]),
        (&json!(null), &json!("pending"))
    );
    door.check_in(&mut device).await;
    let shown = door.get("/devices/D1").await.json();
    assert_eq!((shown["last_seen_at"].is_string(), &shown["enrollment"]["state"]), (true, &json!("active")));
    assert_eq!(door.get("/devices/nobody").await.problem(404)["detail"], "there is no such device");
    door.get(&format!("/devices/{}", "x".repeat(256))).await.problem(404);
    assert_eq!(door.get("/devices?limit=0").await.pointer(400), "limit");
    door.close().await;
}

async fn what_people_set_of_a_device_is_guarded(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let tag = async |path: &str| door.get(path).await.headers["etag"].to_str().unwrap().to_owned();
    let set = async |path: &str, seen: &str, body: serde_json::Value| {
        let request = door.request(reqwest::Method::POST, path).header("If-Match", seen).json(&body);
        door.send(request).await
    };
    let trust = |proofs: &str| json!({"proofs": proofs, "force": true});
    let seen = tag("/devices/D1").await;
    door.check_in(&mut device).await;
    assert_eq!(tag("/devices/D1").await, seen, "what a device does is no change of a person");
    assert_eq!(set("/devices/D1/trust", &seen, trust("digest")).await.status, 200);
    let other = tag("/devices/D1").await;
    assert_ne!(other, seen);
    let late = set("/devices/D1/signing", &seen, json!({"signing": "accept"})).await;
    assert_eq!(late.problem(412)["status"], 412);
    set("/devices/D1/trust", &seen, trust("basic")).await.problem(412);
    assert_eq!(door.get("/devices/D1").await.json()["enrollment"]["proofs"], "digest");
    assert_eq!(set("/devices/D1/enveloping", &other, json!({"enveloping": "off"})).await.status, 200);
    assert_eq!(set("/devices/D1/signing", "*", json!({"signing": "off"})).await.status, 200);

    let expected = |minutes: u32| json!({"plan": {"timeout_minutes": minutes}});
    assert_eq!(set("/devices/D1/provisioning", "*", expected(30)).await.status, 200);
    let seen = tag("/devices/D1/provisioning").await;
    assert_eq!(set("/devices/D1/provisioning", &seen, expected(40)).await.status, 200);
    set("/devices/D1/provisioning", &seen, expected(50)).await.problem(412);
    assert_eq!(door.get("/devices/D1/provisioning").await.json()["plan"]["timeout_minutes"], 40);
    door.close().await;
}

async fn hostile_names_are_only_names(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for name in NAMES {
        door.enroll(name).await;
    }
    for name in NAMES {
        let name_in_path = escaped(name);
        let shown = door.get(&format!("/devices/{name_in_path}")).await;
        assert_eq!((shown.status, &shown.json()["id"]), (200, &json!(name)), "{name}");
        let found = door.get(&format!("/devices?begins_with={name_in_path}")).await.json();
        assert!(found["items"].as_array().unwrap().iter().any(|device| device["id"] == name), "{name}: {found}");
        let command = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
        let ordered = door.post("/commands", &json!({"device_id": name, "command": command})).await;
        assert_eq!(ordered.status, 201, "{name}");
        let listed = door.get(&format!("/commands?device_id={name_in_path}")).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{name}");
        assert_eq!(door.get(&format!("/devices/{name_in_path}/events")).await.status, 200, "{name}");
        assert_eq!(door.get(&format!("/sessions?device_id={name_in_path}")).await.status, 200, "{name}");
    }
    assert_eq!(door.get("/devices?begins_with=%25").await.json()["items"].as_array().unwrap().len(), 1, "no pattern");
    assert_eq!(door.get("/devices?begins_with=a%00b").await.status, 200);
    assert_eq!(door.get("/devices").await.json()["items"].as_array().unwrap().len(), NAMES.len());
    door.close().await;
}

async fn what_happened_is_told(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    device.notify(transom::simulator::notice::Notice::event("com.example:status", "all is well"));
    door.check_in(&mut device).await;
    let events = door.get("/devices/D1/events?limit=100").await;
    assert_eq!(events.status, 200);
    let told = events.json();
    let alert = told["items"].as_array().unwrap().iter().find(|event| event["kind"] == "alert").unwrap();
    assert_eq!((&alert["type"], &alert["data"]), (&json!("com.example:status"), &json!("all is well")));
    door.get("/devices/nobody/events").await.problem(404);
    door.close().await;
}

async fn the_server_says_what_it_is(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let status = door.get("/status").await;
    assert_eq!(status.status, 200);
    let status = status.json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["database"], test.store.engine());
    assert!(status["uptime_seconds"].as_i64().unwrap() >= 0 && status["now"].as_str() >= status["started_at"].as_str());
    door.close().await;
}
