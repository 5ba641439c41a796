//! Who may not, and what is not there.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    without_a_token_nothing_opens,
    other_spellings_of_a_path_open_nothing,
    a_token_that_was_taken_back_opens_nothing,
    what_is_not_there_is_a_problem,
    what_is_too_large_or_no_json_is_refused,
    the_use_of_a_token_is_noted,
    a_character_that_no_database_keeps_is_the_fault_of_who_sends_it,
    a_place_in_another_list_is_refused,
);

const ROUTES: [(Method, &str); 13] = [
    (Method::POST, "/commands"),
    (Method::GET, "/commands"),
    (Method::GET, "/commands/1"),
    (Method::POST, "/commands/1/cancel"),
    (Method::POST, "/commands/1/resolve"),
    (Method::GET, "/devices"),
    (Method::GET, "/devices/1"),
    (Method::POST, "/devices/1/clear"),
    (Method::GET, "/devices/1/events"),
    (Method::GET, "/sessions"),
    (Method::GET, "/sessions/1"),
    (Method::GET, "/sessions/1/messages"),
    (Method::POST, "/enrollments/import"),
];

async fn without_a_token_nothing_opens(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (method, path) in ROUTES.into_iter().chain([(Method::GET, "/status"), (Method::GET, "/nothing")]) {
        let url = format!("{}/api/v1{path}", door.base);
        let plain = client.request(method.clone(), &url).body("x".repeat(100));
        let wrong = client.request(method.clone(), &url).bearer_auth("transom_wrong");
        let other = client.request(method.clone(), &url).bearer_auth(door.token.to_uppercase());
        let basic = client.request(method, &url).basic_auth("tester", Some(&door.token));
        for request in [plain, wrong, other, basic] {
            let answered = door.send(request).await;
            answered.problem(401);
            assert_eq!(answered.headers["www-authenticate"], "Bearer", "{path}");
        }
    }
    door.close().await;
}

/// The status of a path that is sent as it is.
async fn raw(door: &AdminDoor, method: &str, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(door.base.trim_start_matches("http://")).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, reply)
}

async fn other_spellings_of_a_path_open_nothing(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("SECRET-DEVICE").await;
    for path in [
        "//api/v1/devices",
        "/api//v1/devices",
        "/api/v1//devices",
        "/api/v1/devices/",
        "/API/V1/DEVICES",
        "/Api/v1/devices",
        "/api/v1/Devices",
        "/api/v1/./devices",
        "/api/v1/x/../devices",
        "/api/v1/%2e%2e/v1/devices",
        "/api/v1/x/%2e%2e/devices",
        "/healthz/../api/v1/devices",
        "/healthz/%2e%2e/api/v1/devices",
        "/api%2fv1%2fdevices",
        "/api/v1%2fdevices",
        "/api/v1/devices;x",
        "/api/v1;x/devices",
        "/api;x=1/v1/devices",
        "/%61pi/v1/devices",
        "/api/v1/%64evices",
        "/api/v1/devices%00",
        "/api/v1/devices%20",
        "/api/v1/devices%09",
        "/api/v1\\devices",
        "/metrics/api/v1/devices",
        "/api/v1/devices?x=/healthz",
        "http://x/api/v1/devices",
    ] {
        for headers in ["", "X-HTTP-Method-Override: GET\r\nX-Original-URL: /healthz\r\nX-Rewrite-URL: /healthz\r\n"] {
            for method in ["GET", "POST", "HEAD", "get", "TRACE"] {
                let (status, reply) = raw(&door, method, path, headers).await;
                assert!([401, 404, 400, 405].contains(&status), "{method} {path}: {reply}");
                assert!(!reply.contains("SECRET-DEVICE"), "{method} {path}: {reply}");
            }
        }
        let (status, _) = raw(&door, "GET", path, "").await;
        assert!([401, 404, 400].contains(&status), "{path}: {status}");
    }
    let token = format!("Authorization: Bearer {}\r\n", door.token);
    assert_eq!(raw(&door, "GET", "/api/v1/devices", &token).await.0, 200);
    for path in ["/api/v1/Devices", "/api/v1/devices/", "/api/v1/devices;x", "/api/v1//devices", "/api/v1/./devices"] {
        assert_eq!(raw(&door, "GET", path, &token).await.0, 404, "{path} is another resource");
    }
    let twice = format!("{token}{token}");
    assert_eq!(raw(&door, "GET", "/api/v1/devices", &twice).await.0, 401, "two tokens are none");
    door.close().await;
}

async fn a_token_that_was_taken_back_opens_nothing(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    assert_eq!(door.get("/status").await.status, 200);
    door.revoke().await;
    door.get("/status").await.problem(401);
    door.close().await;
}

async fn what_is_not_there_is_a_problem(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for path in ["/", "", "/nothing", "/commands/1/2/3", "/devices/1/2", "/enrollments"] {
        door.get(path).await.problem(404);
    }
    for id in ["1", "%00", "'%20OR%201=1", "00000000-0000-0000-0000-000000000000"] {
        for path in [format!("/commands/{id}"), format!("/sessions/{id}"), format!("/sessions/{id}/messages")] {
            door.get(&path).await.problem(404);
        }
    }
    for (method, path, allow) in [
        (Method::DELETE, "/commands", "GET, POST"),
        (Method::POST, "/commands/1", "GET"),
        (Method::GET, "/commands/1/cancel", "POST"),
        (Method::PUT, "/devices/1", "GET"),
        (Method::GET, "/enrollments/import", "POST"),
        (Method::POST, "/status", "GET"),
    ] {
        let answered = door.send(door.request(method, path)).await;
        answered.problem(405);
        assert_eq!(answered.headers["allow"], allow, "{path}");
    }
    door.close().await;
}

async fn what_is_too_large_or_no_json_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let post = |path: &str| door.request(Method::POST, path);
    let large = json!({"devices": [ "x".repeat(70_000) ]});
    for path in ["/commands", "/commands/1/resolve", "/commands/1/cancel", "/enrollments/import"] {
        door.send(post(path).json(&large)).await.problem(413);
        door.send(post(path).header("Content-Type", "text/plain").body("{}")).await.problem(415);
    }
    door.send(post("/commands").body("{}")).await.problem(415);
    door.send(post("/commands").header("Content-Type", "application/json;charset=utf-8").body("{")).await.problem(400);
    door.send(post("/commands").header("Content-Type", "application/json").body("")).await.problem(400);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep = post("/enrollments/import").header("Content-Type", "application/json").body(deep);
    door.send(deep).await.problem(400);
    let not_text =
        post("/commands").header("Content-Type", "application/json").body(b"{\"device_id\":\"\xff\"}".to_vec());
    door.send(not_text).await.problem(400);
    assert_eq!(door.get("/status").await.status, 200);
    door.close().await;
}

async fn the_use_of_a_token_is_noted(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let used = "SELECT count(*) FROM api_tokens WHERE last_used_at IS NOT NULL";
    assert_eq!(test.direct().number(used), 0);
    let answered: Value = door.get("/status").await.json();
    assert!(answered["version"].is_string());
    assert_eq!(test.direct().number(used), 1);
    door.close().await;
}

async fn a_character_that_no_database_keeps_is_the_fault_of_who_sends_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for path in ["/audit?actor=a%00b", "/audit?action=a%00b", "/audit?action=a%00b.", "/audit?subject=a%00b"] {
        assert_eq!(door.get(path).await.json()["items"], json!([]), "{path}");
    }
    for path in ["/policies/declarations/%00", "/policies/declarations/a%00b/devices"] {
        door.get(path).await.problem(404);
    }
    for path in ["/csp/drops/%00", "/csp/templates/a%00b"] {
        door.send(door.request(Method::DELETE, path)).await.problem(404);
    }
    door.post("/policies/retry", &json!({"identifier": "a\u{0}b"})).await.problem(404);
    door.close().await;
}

async fn a_place_in_another_list_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let next = |answered: &crate::support::admin_door::Answered| {
        answered.json()["next_cursor"].as_str().map(ToOwned::to_owned)
    };
    for number in 0..3 {
        door.post("/tokens", &json!({"name": format!("t{number}"), "role": "auditor"})).await;
    }
    let all = next(&door.get("/audit?limit=1").await).unwrap();
    let some = next(&door.get("/audit?action=token.create&limit=1").await).unwrap();
    assert_eq!(door.get(&format!("/audit?limit=1&cursor={all}")).await.status, 200);
    assert_eq!(door.get(&format!("/audit?action=token.create&limit=1&cursor={some}")).await.status, 200);
    for wrong in [format!("/audit?cursor={some}"), format!("/audit?action=token.create&cursor={all}")] {
        assert_eq!(door.get(&wrong).await.pointer(400), "cursor", "{wrong}");
    }
    let names = vec!["D1"; 101].join(",");
    assert_eq!(door.get(&format!("/events?device={names}")).await.pointer(400), "device");
    door.close().await;
}
