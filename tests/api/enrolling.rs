//! Who may enroll: accounts, tokens, what was tried, what was declared.

use reqwest::Method;
use serde_json::{Value, json};
use transom::config::EnrollmentLimits;
use transom::enrollment::applicant::{Claims, Gate, Visit};
use transom::model::{DeviceId, EnrollmentStep};
use transom_protocol::soap::{Credential, SecretText};

use crate::scenarios;
use crate::support::admin_door::{AdminDoor, Answered, now};
use crate::support::databases::TestStore;

scenarios!(
    an_account_is_made_and_found_by_its_name,
    a_password_is_told_once_and_only_where_it_was_made,
    an_account_is_disabled_enabled_and_removed,
    an_account_that_somebody_else_changed_is_not_changed,
    what_can_not_be_an_account_is_refused,
    a_token_is_made_shown_and_taken_back,
    what_can_not_be_a_token_is_refused,
    making_the_same_again_is_done_once,
    attempts_are_told_with_what_helps,
    devices_are_declared,
    lists_have_pages,
    methods_and_strangers_are_refused,
);

/// Somebody signs in; how it ended.
async fn sign_in(test: &TestStore, name: &str, password: &str) -> Result<(), &'static str> {
    let gate = Gate::new(test.store.clone(), EnrollmentLimits::default());
    let visit = Visit {
        peer: [192, 0, 2, 7].into(),
        step: EnrollmentStep::Policies,
        trace_id: "trace-1".to_owned(),
        device: Claims { device_id: DeviceId::parse("D1"), ..Claims::default() },
    };
    let shown = Credential::Password { name: name.to_owned(), password: SecretText::new(password) };
    gate.check(&shown, &visit, now()).await.map(drop).map_err(|denied| denied.word())
}

async fn delete(door: &AdminDoor, path: &str) -> Answered {
    door.send(door.request(Method::DELETE, path)).await
}

fn escaped(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn an_account_is_made_and_found_by_its_name(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for name in ["Ada@Contoso.com", "CONTOSO\\bob", "änne / 50%?#{id}"] {
        let new = json!({"name": format!(" {name} "), "password": "correct horse", "display_name": "Somebody"});
        let made = door.post("/enrollment-users", &new).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = made.json();
        assert_eq!((&made["name"], &made["display_name"]), (&json!(name), &json!("Somebody")));
        assert_eq!(
            (&made["bulk"], &made["max_devices"], &made["password"]),
            (&json!(false), &json!(null), &json!(null))
        );
        let shown = door.get(&format!("/enrollment-users/{}", escaped(&name.to_uppercase()))).await;
        assert_eq!((shown.status, &shown.json()), (200, &made));
        assert_eq!(sign_in(test, name, "correct horse").await, Ok(()));
    }
    let again = door.post("/enrollment-users", &json!({"name": "ada@contoso.com", "generate": true})).await;
    assert_eq!(again.problem(409)["detail"], "there is an account ada@contoso.com already");
    let nobody = door.get("/enrollment-users/nobody").await.problem(404);
    assert_eq!(nobody["detail"], "there is no such enrollment account");
    door.close().await;
}

async fn a_password_is_told_once_and_only_where_it_was_made(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let made = door.post("/enrollment-users", &json!({"name": "ada", "generate": true})).await.json();
    let password = made["password"].as_str().unwrap().to_owned();
    assert_eq!(sign_in(test, "ada", &password).await, Ok(()));
    let other = door.post("/enrollment-users/ADA/password", &json!({"generate": true})).await.json();
    let other = other["password"].as_str().unwrap().to_owned();
    assert_ne!(password, other);
    assert_eq!(sign_in(test, "ada", &password).await, Err("wrong_password"));
    assert_eq!(sign_in(test, "ada", &other).await, Ok(()));
    let set = door.post("/enrollment-users/ada/password", &json!({"password": "correct horse"})).await;
    assert_eq!((set.status, &set.json()["password"]), (200, &json!(null)));
    for path in ["/enrollment-users", "/enrollment-users/ada", "/enrollment-attempts"] {
        let shown = String::from_utf8(door.get(path).await.bytes).unwrap();
        for secret in [&password, &other, "correct horse", "argon2"] {
            assert!(!shown.contains(secret), "{path}: {shown}");
        }
    }
    for wrong in [json!({"name": "x", "password": {"hunter2": 1}}), json!({"name": "x", "password": 1_234_567})] {
        let answered = door.post("/enrollment-users", &wrong).await;
        assert_eq!(answered.pointer(400), "/password");
        let told = String::from_utf8(answered.bytes).unwrap();
        assert!(!told.contains("hunter2") && !told.contains("1234567"), "{told}");
    }
    door.close().await;
}

async fn an_account_is_disabled_enabled_and_removed(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.post("/enrollment-users", &json!({"name": "ada", "password": "correct horse"})).await;
    let disabled = door.post("/enrollment-users/ada/disable", &json!({})).await.json();
    assert!(disabled["disabled_at"].is_string());
    assert_eq!(sign_in(test, "ada", "correct horse").await, Err("account_disabled"));
    let again = door.post("/enrollment-users/ada/disable", &json!({})).await.json();
    assert_eq!(again, disabled, "since then");
    for _ in 0..5 {
        assert_eq!(sign_in(test, "ada", "wrong").await, Err("wrong_password"));
    }
    assert!(door.get("/enrollment-users/ada").await.json()["locked_until"].is_string());
    let enabled = door.post("/enrollment-users/ada/enable", &json!({})).await.json();
    assert_eq!((&enabled["disabled_at"], &enabled["locked_until"]), (&json!(null), &json!(null)));
    assert_eq!(sign_in(test, "ada", "correct horse").await, Ok(()));
    assert_eq!(delete(&door, "/enrollment-users/ada").await.json()["name"], "ada");
    assert_eq!(sign_in(test, "ada", "correct horse").await, Err("unknown_user"));
    delete(&door, "/enrollment-users/ada").await.problem(404);
    for verb in ["disable", "enable"] {
        door.post(&format!("/enrollment-users/ada/{verb}"), &json!({})).await.problem(404);
    }
    door.post("/enrollment-users/ada/password", &json!({"generate": true})).await.problem(404);
    door.close().await;
}

async fn an_account_that_somebody_else_changed_is_not_changed(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.post("/enrollment-users", &json!({"name": "ada", "password": "Hunter2-Hunter2"})).await;
    let seen = door.get("/enrollment-users/ada").await.headers["etag"].clone();
    let change = async |verb: &str| {
        let path = format!("/enrollment-users/ada/{verb}");
        door.send(door.request(Method::POST, &path).header("If-Match", seen.clone()).json(&json!({}))).await
    };
    let changed = change("disable").await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_ne!(changed.headers["etag"], seen);
    change("enable").await.problem(412);
    assert!(door.get("/enrollment-users/ada").await.json()["disabled_at"].is_string());
    assert_eq!(
        door.post("/enrollment-users/ada/enable", &json!({})).await.status,
        200,
        "whoever does not say is heard"
    );
    door.close().await;
}

async fn what_can_not_be_an_account_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (new, pointer) in [
        (json!({"name": " ", "generate": true}), "/name"),
        (json!({"name": "a\u{7}", "generate": true}), "/name"),
        (json!({"name": "x".repeat(257), "generate": true}), "/name"),
        (json!({"name": "ada"}), "/password"),
        (json!({"name": "ada", "password": "correct horse", "generate": true}), "/password"),
        (json!({"name": "ada", "password": "short"}), "/password"),
        (json!({"name": "ada", "password": "transom-enroll-00000000"}), "/password"),
        (json!({"name": "ada", "generate": true, "bulk": true, "max_devices": 3}), "/max_devices"),
        (json!({"name": "ada", "generate": true, "display_name": "x".repeat(257)}), "/display_name"),
    ] {
        assert_eq!(door.post("/enrollment-users", &new).await.pointer(422), pointer, "{new}");
    }
    let unknown = door.post("/enrollment-users", &json!({"name": "ada", "generate": true, "role": "admin"})).await;
    assert_eq!(unknown.pointer(400), "/role");
    assert_eq!(door.get("/enrollment-users").await.json()["items"], json!([]));
    door.close().await;
}

async fn a_token_is_made_shown_and_taken_back(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let made = door.post("/enrollment-tokens", &json!({"user": "Ada", "uses": 3})).await;
    assert_eq!(made.status, 201);
    let made = made.json();
    let token = made["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("transom-enroll-") && token.len() == 15 + 32, "160 bits: {token}");
    assert_eq!((&made["state"], &made["used"], &made["created_by"]), (&json!("live"), &json!(0), &json!("tester")));
    assert_eq!(sign_in(test, "ada", &token).await, Ok(()));
    let id = made["id"].as_str().unwrap();
    let shown = door.get(&format!("/enrollment-tokens/{id}")).await.json();
    assert_eq!((&shown["user"], &shown["enrollments"]), (&json!("Ada"), &json!([])));
    door.post("/enrollment-tokens", &json!({"user": "bob"})).await;
    let listed = door.get("/enrollment-tokens?user=ADA").await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let revoked = door.post(&format!("/enrollment-tokens/{id}/revoke"), &json!({})).await.json();
    assert_eq!(revoked["state"], "revoked");
    assert_eq!(sign_in(test, "ada", &token).await, Err("token_revoked"));
    let again = door.post(&format!("/enrollment-tokens/{id}/revoke"), &json!({})).await.json();
    assert_eq!(again, revoked);
    for path in ["/enrollment-tokens".to_owned(), format!("/enrollment-tokens/{id}"), "/enrollment-attempts".to_owned()]
    {
        let shown = String::from_utf8(door.get(&path).await.bytes).unwrap();
        assert!(!shown.contains(&token), "{path}");
    }
    for path in ["/enrollment-tokens/x", "/enrollment-tokens/00000000-0000-7000-8000-000000000000"] {
        assert_eq!(door.get(path).await.problem(404)["detail"], "there is no such enrollment token");
    }
    door.close().await;
}

async fn what_can_not_be_a_token_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (new, pointer) in [
        (json!({"user": ""}), "/user"),
        (json!({"user": "ada", "uses": 0}), "/uses"),
        (json!({"user": "ada", "uses": 10_001}), "/uses"),
        (json!({"user": "ada", "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
    ] {
        assert_eq!(door.post("/enrollment-tokens", &new).await.pointer(422), pointer, "{new}");
    }
    assert_eq!(door.get("/enrollment-tokens?user=").await.pointer(400), "user");
    door.close().await;
}

async fn making_the_same_again_is_done_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (path, new) in [
        ("/enrollment-users", json!({"name": "ada", "generate": true})),
        ("/enrollment-tokens", json!({"user": "ada"})),
    ] {
        let send = || door.request(Method::POST, path).header("Idempotency-Key", "k1-".to_owned() + path).json(&new);
        let (first, again) = (door.send(send()).await, door.send(send()).await);
        assert_eq!((first.status, again.status), (201, 201));
        assert_eq!(first.bytes, again.bytes, "the secret included: the first answer may have been lost");
        assert_eq!(door.get(path).await.json()["items"].as_array().unwrap().len(), 1);
    }
    door.close().await;
}

async fn attempts_are_told_with_what_helps(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.post("/enrollment-users", &json!({"name": "ada", "password": "correct horse"})).await;
    sign_in(test, "ADA", "wrong").await.unwrap_err();
    sign_in(test, "bob\u{1b}", "wrong").await.unwrap_err();
    sign_in(test, "carl", "wrong").await.unwrap_err();
    let all = door.get("/enrollment-attempts").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    let of_ada = door.get("/enrollment-attempts?user=ada&outcome=refused&device_id=d1&trace_id=trace-1").await.json();
    let [told] = of_ada["items"].as_array().unwrap().as_slice() else { panic!("{of_ada}") };
    for (field, value) in [
        ("user", json!("ADA")),
        ("device_id", json!("D1")),
        ("peer", json!("192.0.2.7")),
        ("step", json!("policies")),
        ("outcome", json!("refused")),
        ("reason", json!("wrong_password")),
        ("detail", json!("the password is wrong")),
        ("fault", json!("authentication")),
        ("hresult", json!("0x80180002")),
        ("count", json!(1)),
        ("trace_id", json!("trace-1")),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert!(told["remedy"].as_str().unwrap().contains("transom enrollment user passwd"), "{told}");
    assert_eq!(all["items"][1]["user"], "bob\\u{1b}", "escaped before it is kept");
    assert_eq!(door.get("/enrollment-attempts?outcome=enrolled").await.json()["items"], json!([]));
    assert_eq!(door.get("/enrollment-attempts?outcome=nothing").await.pointer(400), "outcome");
    assert_eq!(door.get("/enrollment-attempts?who=ada").await.pointer(400), "who");
    door.close().await;
}

async fn devices_are_declared(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let devices = json!({"devices": [
        {"kind": "mac", "value": "00-0C-29-51-60-9D", "note": "desk"},
        {"kind": "serial", "value": "PF/1 2"},
    ]});
    assert_eq!(door.post("/declared-devices", &devices).await.json(), json!({"declared": 2, "known": 0}));
    assert_eq!(door.post("/declared-devices", &devices).await.json(), json!({"declared": 0, "known": 2}));
    let listed = door.get("/declared-devices").await.json();
    let values: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|device| &device["value"]).collect();
    assert_eq!(values, ["000c2951609d", "pf/1 2"]);
    assert_eq!(listed["items"][0]["note"], "desk");
    assert_eq!(delete(&door, &format!("/declared-devices/serial/{}", escaped("PF/1 2"))).await.status, 200);
    delete(&door, "/declared-devices/serial/pf%2F1%202").await.problem(404);
    delete(&door, "/declared-devices/color/red").await.problem(404);
    for (devices, pointer) in [
        (json!({"devices": []}), "/devices"),
        (json!({"devices": [{"kind": "serial", "value": "x"}, {"kind": "mac", "value": "x"}]}), "/devices/1/value"),
        (json!({"devices": [{"kind": "serial", "value": "x", "note": "n".repeat(257)}]}), "/devices/0/note"),
    ] {
        assert_eq!(door.post("/declared-devices", &devices).await.pointer(422), pointer);
    }
    let unknown = door.post("/declared-devices", &json!({"devices": [{"kind": "color", "value": "x"}]})).await;
    assert_eq!(unknown.pointer(400), "/devices/0/kind");
    assert_eq!(door.get("/declared-devices").await.json()["items"].as_array().unwrap().len(), 1, "all or none");
    door.close().await;
}

async fn lists_have_pages(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for name in ["b", "a", "c"] {
        door.post("/enrollment-tokens", &json!({"user": name})).await;
        door.post("/declared-devices", &json!({"devices": [{"kind": "serial", "value": name}]})).await;
        sign_in(test, name, "wrong").await.unwrap_err();
        door.post("/enrollment-users", &json!({"name": name, "password": "correct horse"})).await;
    }
    for (path, field, order) in [
        ("/enrollment-users", "name", ["a", "b", "c"]),
        ("/enrollment-tokens", "user", ["c", "a", "b"]),
        ("/declared-devices", "value", ["a", "b", "c"]),
        ("/enrollment-attempts", "user", ["c", "a", "b"]),
    ] {
        let page = door.get(&format!("{path}?limit=2")).await.json();
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = door.get(&format!("{path}?limit=2&cursor={cursor}")).await.json();
        let names = page["items"].as_array().unwrap().iter().chain(rest["items"].as_array().unwrap());
        assert_eq!(names.map(|item| item[field].as_str().unwrap()).collect::<Vec<_>>(), order, "{path}");
        assert_eq!(rest["next_cursor"], json!(null));
        assert_eq!(door.get(&format!("{path}?limit=0")).await.pointer(400), "limit");
        assert_eq!(door.get(&format!("{path}?cursor=%25")).await.pointer(400), "cursor");
    }
    door.close().await;
}

async fn methods_and_strangers_are_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (path, methods) in [
        ("/enrollment-users", "GET, POST"),
        ("/enrollment-users/ada", "GET, DELETE"),
        ("/enrollment-users/ada/password", "POST"),
        ("/enrollment-tokens", "GET, POST"),
        ("/enrollment-attempts", "GET"),
        ("/declared-devices", "GET, POST"),
        ("/declared-devices/mac/x", "DELETE"),
    ] {
        let answered = door.send(door.request(Method::PUT, path)).await;
        assert_eq!((answered.status, answered.headers["allow"].to_str().unwrap()), (405, methods), "{path}");
    }
    door.revoke().await;
    for path in ["/enrollment-users", "/enrollment-tokens", "/enrollment-attempts", "/declared-devices"] {
        assert_eq!(door.get(path).await.status, 401, "{path}");
    }
    door.close().await;
}
