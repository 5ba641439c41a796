//! Receivers of events, over the API.

use reqwest::Method;
use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(who_edits_what_somebody_else_changed_is_told);

async fn who_edits_what_somebody_else_changed_is_told(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let new = json!({"name": "siem", "url": "http://127.0.0.1:1/in", "types": ["identity.*", "signing.off"]});
    let made = door.post("/webhooks", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = door.get("/webhooks/siem").await;
    let seen = shown.headers["etag"].clone();
    let ask = async |method: Method, path: &str| {
        let request = door.request(method, &format!("/webhooks/siem{path}")).header("If-Match", &seen);
        door.send(if path == "/replay" { request.json(&json!({"after": 0})) } else { request }).await
    };
    let paused = ask(Method::POST, "/pause").await;
    assert_eq!((paused.status, &paused.json()["state"]), (200, &json!("paused")));
    assert_ne!(paused.headers["etag"], seen);
    for (method, path) in
        [(Method::POST, "/pause"), (Method::POST, "/resume"), (Method::POST, "/replay"), (Method::DELETE, "")]
    {
        ask(method, path).await.problem(412);
    }
    assert_eq!(door.get("/webhooks/siem").await.json()["state"], "paused");
    assert_eq!(door.send(door.request(Method::DELETE, "/webhooks/siem")).await.status, 200, "without one, any will do");
    door.close().await;
}
