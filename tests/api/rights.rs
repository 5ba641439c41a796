//! Each role at each route: the table of rights holds, and every route is in it.

use std::path::Path;

use reqwest::Method;
use serde_json::json;
use transom::admin::{Admin, rights};
use transom::http::api::route;
use transom::model::{Actor, NewApiToken, Right, Rights, Role};

use crate::scenarios;
use crate::support::admin_door::{AdminDoor, now};
use crate::support::databases::TestStore;

scenarios!(
    each_role_may_what_the_table_says,
    a_scope_takes_away,
    another_spelling_of_a_path_needs_the_same_right,
    every_row_is_a_route,
    what_is_changed_is_in_the_audit_log,
    an_order_is_no_way_around_a_right,
);

/// A door whose token is for a role, within a scope.
async fn door_for(test: &TestStore, role: Role, scope: Option<Rights>) -> AdminDoor {
    let mut door = AdminDoor::open(&test.store).await;
    let new = NewApiToken { role, scope, ..NewApiToken::admin("limited") };
    let made = Admin::make_token(&test.store, new, &Actor::server("tests"), now()).await.unwrap();
    door.token = made.token.expose().clone();
    door
}

/// A path with something in place of its names.
fn filled(path: &str) -> String {
    let steps =
        path.split('/').map(|step| if step.starts_with('{') { "0190aaaa-0000-7000-8000-000000000000" } else { step });
    steps.collect::<Vec<_>>().join("/")
}

async fn status_of(door: &AdminDoor, route: &route::Route) -> (u16, serde_json::Value) {
    let method: Method = route.method.parse().unwrap();
    let answered = door.send(door.request(method, &filled(route.path)).json(&json!({}))).await;
    (answered.status, serde_json::from_slice(&answered.bytes).unwrap_or_default())
}

async fn each_role_may_what_the_table_says(test: &TestStore) {
    for role in Role::ALL {
        let door = door_for(test, role, None).await;
        for route in route::all() {
            // A stream does not end by itself; that it opens is tried where it is tested.
            if route.path == "/events/stream" && rights::may(role, route.right) {
                continue;
            }
            let (status, problem) = status_of(&door, route).await;
            if rights::may(role, route.right) {
                assert!(![401, 403].contains(&status), "{role} {} {}: {problem}", route.method, route.path);
                assert!(status < 500, "{role} {} {}: {problem}", route.method, route.path);
            } else {
                assert_eq!(status, 403, "{role} {} {}: {problem}", route.method, route.path);
                assert!(problem["detail"].as_str().unwrap().contains(route.right.as_str()), "{problem}");
            }
        }
        door.close().await;
    }
}

async fn a_scope_takes_away(test: &TestStore) {
    let door = door_for(test, Role::Admin, Some(Rights::from([Right::Look]))).await;
    assert_eq!(door.get("/devices").await.status, 200);
    door.post("/commands", &json!({})).await.problem(403);
    door.close().await;
    let door = door_for(test, Role::Auditor, Some(Rights::from([Right::Command]))).await;
    door.post("/commands", &json!({})).await.problem(403);
    door.get("/devices").await.problem(403);
    door.close().await;
}

async fn another_spelling_of_a_path_needs_the_same_right(test: &TestStore) {
    let door = door_for(test, Role::Auditor, None).await;
    for path in [
        "/enrollments/%69mport",
        "/commands/x/%63ancel",
        "/devices/x%2Fblock",
        "/devices/x/block?",
        "/devices/x//block",
        "/devices/%2e%2e/x/block",
        "/devices/x;a/block",
        "/Commands",
    ] {
        let answered = door.post(path, &json!({})).await;
        assert!([403, 404, 405].contains(&answered.status), "{path}: {answered:?}");
    }
    let override_header = door.request(Method::GET, "/commands").header("X-HTTP-Method-Override", "POST");
    assert_eq!(door.send(override_header).await.status, 200, "the method is the method");
    door.close().await;
}

/// Both ways: what a row names is there, and what the source registers has a row.
async fn every_row_is_a_route(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for route in route::all() {
        let (status, problem) = status_of(&door, route).await;
        assert_ne!(status, 405, "{} {}", route.method, route.path);
        assert!(status != 404 || problem["detail"].is_string(), "{} {} is not there", route.method, route.path);
        let same = route::all().filter(|other| (other.method, other.path) == (route.method, route.path));
        assert_eq!(same.count(), 1, "{} {}", route.method, route.path);
    }
    door.close().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/api");
    let mut registered = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        // With a limit of their own, or with that of all.
        for resource in text.replace("sized(", "web::resource(").split("web::resource(").skip(1) {
            let Some(path) = resource.split('"').nth(1).map(str::to_owned) else { continue };
            for method in resource.split("web::").skip(1) {
                let method = method.split('(').next().unwrap();
                if ["get", "post", "put", "patch", "delete"].contains(&method) {
                    registered.push((method.to_uppercase(), path.clone()));
                }
            }
        }
    }
    assert!(registered.len() > 30, "{registered:?}");
    for (method, path) in registered {
        let row = route::all().any(|route| (route.method, route.path) == (method.as_str(), path.as_str()));
        assert!(row, "{method} {path} has no row in the table of rights");
    }
}

async fn an_order_is_no_way_around_a_right(test: &TestStore) {
    let admin = AdminDoor::open(&test.store).await;
    admin.enroll("D1").await;
    let wipe = json!({"kind": "exec", "items": [{"target": "./Vendor/MSFT/RemoteWipe/doWipe"}]});
    let root = json!({"kind": "add", "items": [{"format": "b64", "data": "AAAA",
        "target": "./Device/Vendor/MSFT/RootCATrustedCertificates/Root/AB/EncodedCertificate"}]});
    let author = door_for(test, Role::Author, None).await;
    for (command, right) in [(&wipe, "retire"), (&root, "trust")] {
        let orders = [
            json!({"device_id": "D1", "command": command}),
            json!({"device_id": "D1", "command": command, "dry_run": true}),
            json!({"device_id": "D1", "commands": [{"kind": "atomic", "commands": [command]}]}),
        ];
        for order in orders {
            let problem = author.post("/commands", &order).await.problem(403);
            assert!(problem["detail"].as_str().unwrap().contains(right), "{problem}");
        }
        // What somebody else may order is not sent again by who may not.
        let ordered = admin.post("/commands", &json!({"device_id": "D1", "command": command})).await.json();
        let id = ordered["devices"][0]["commands"][0].as_str().unwrap().to_owned();
        admin.post(&format!("/commands/{id}/cancel"), &json!({})).await;
        author.post(&format!("/commands/{id}/retry"), &json!({})).await.problem(403);
        test.direct().execute(&format!(
            "UPDATE commands SET state = 'unknown', settled_at = 1, ready_at = NULL WHERE id = '{id}'"
        ));
        let again = json!({"as": "retry"});
        author.post(&format!("/commands/{id}/resolve"), &again).await.problem(403);
        assert_eq!(admin.post(&format!("/commands/{id}/resolve"), &again).await.status, 200);
    }
    let reads = json!({"kind": "get", "items": [{"target": "./Device/Vendor/MSFT/RootCATrustedCertificates/Root"}]});
    assert_eq!(author.post("/commands", &json!({"device_id": "D1", "command": reads})).await.status, 201);
    author.close().await;
    admin.close().await;
}

async fn what_is_changed_is_in_the_audit_log(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("DEVICE-1").await;
    let secret = "Hunter2-Hunter2";
    let target = "./Vendor/MSFT/WiFi/Profile/Office/WlanXml";
    let order = json!({"device_id": "DEVICE-1", "command":
        {"kind": "add", "items": [{"target": target, "format": "chr", "data": secret}]}});
    assert_eq!(door.post("/commands", &order).await.status, 201);
    let user = json!({"name": "ada", "password": secret});
    assert_eq!(door.post("/enrollment-users", &user).await.status, 201);
    let refreshed = door.post("/devices/DEVICE-1/refresh", &json!({"facts": ["os.build"]})).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    assert_eq!(door.post("/devices/DEVICE-1/block", &json!({})).await.status, 200);
    let entries = test.store.read(|tx| tx.audit_from(0, 100)).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "token.create",
            "enrollment.import",
            "command.order",
            "enrollment_user.create",
            "device.refresh",
            "device.sync",
            "device.block"
        ]
    );
    let ordered = &entries[2];
    assert_eq!((ordered.actor.name.as_str(), ordered.subject.as_str()), ("tester", "DEVICE-1"));
    assert!(ordered.actor.from.is_some_and(|from| from.is_loopback()) && ordered.actor.trace.is_some());
    assert!(ordered.canonical().contains("WlanXml"));
    assert!(entries.iter().all(|entry| !entry.canonical().contains(secret)));
    door.close().await;
}
