//! `Idempotency-Key`: the same request again gets the same answer and is done once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios;
use crate::support::admin_door::{AdminDoor, Answered};
use crate::support::databases::TestStore;

scenarios!(
    the_same_request_again_is_done_once,
    a_key_belongs_to_one_request_and_one_token,
    a_request_that_failed_may_be_tried_again,
    many_at_once_are_done_once,
    an_import_is_done_once_and_its_hash_tells_nothing,
    what_is_taken_back_or_resolved_is_so_once,
    what_is_made_for_people_is_made_once,
    what_is_made_anew_is_made_anew_once,
    what_was_published_is_answered_again_whatever_came_after,
);

fn order(device: &str) -> Value {
    json!({"device_id": device, "command": {"kind": "get", "items": [{"target": "./DevDetail/SwV"}]}})
}

async fn post(door: &AdminDoor, path: &str, key: &str, body: &Value) -> Answered {
    door.send(door.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

async fn commands(door: &AdminDoor) -> usize {
    door.get("/commands").await.json()["items"].as_array().unwrap().len()
}

async fn the_same_request_again_is_done_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let first = post(&door, "/commands", "k1", &order("D1")).await;
    let again = post(&door, "/commands", "k1", &order("D1")).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(commands(&door).await, 1);
    assert_eq!(post(&door, "/commands", "k2", &order("D1")).await.status, 201);
    assert_eq!(commands(&door).await, 2);
    door.close().await;
}

async fn a_key_belongs_to_one_request_and_one_token(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    post(&door, "/commands", "k1", &order("D1")).await;
    let mut other = order("D1");
    other["expires_at"] = json!("2999-01-01T00:00:00Z");
    let detail = post(&door, "/commands", "k1", &other).await.problem(409)["detail"].to_string();
    assert!(detail.contains("was used for another request"), "{detail}");
    assert_eq!(post(&door, "/commands", "k 1", &order("D1")).await.pointer(400), "Idempotency-Key");
    let second = AdminDoor::open(&test.store).await;
    assert_eq!(post(&second, "/commands", "k1", &order("D1")).await.status, 201);
    assert_eq!(commands(&door).await, 2);
    second.close().await;
    door.close().await;
}

async fn a_request_that_failed_may_be_tried_again(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    post(&door, "/commands", "k1", &order("D1")).await.problem(404);
    door.enroll("D1").await;
    assert_eq!(post(&door, "/commands", "k1", &order("D1")).await.status, 201);
    door.close().await;
}

async fn many_at_once_are_done_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let body = order("D1");
    let tries = (0..8).map(|_| post(&door, "/commands", "k1", &body));
    let answers = futures_util::future::join_all(tries).await;
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.bytes == answers[0].bytes), "{answers:?}");
    assert_eq!(commands(&door).await, 1);
    door.close().await;
}

async fn an_import_is_done_once_and_its_hash_tells_nothing(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let entry = json!({"device_id": "D1", "secret": "hunter2"});
    let first = post(&door, "/enrollments/import", "k1", &entry).await;
    let again = post(&door, "/enrollments/import", "k1", &entry).await;
    assert_eq!((first.status, &first.bytes), (201, &again.bytes));
    assert_eq!(door.get("/devices/D1").await.json()["enrollment"]["generation"], 1);
    let other = AdminDoor::open(&test.store).await;
    post(&other, "/enrollments/import", "k1", &entry).await;
    let hashes = test.direct().number("SELECT count(DISTINCT request_hash) FROM idempotency_keys");
    assert_eq!(hashes, 2, "the same request has another hash with another token");
    other.close().await;
    door.close().await;
}

/// The first command of an answer to an order.
fn first(answer: &Answered) -> String {
    answer.json()["devices"][0]["commands"][0].as_str().unwrap().to_owned()
}

async fn what_is_taken_back_or_resolved_is_so_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let none = json!({});
    let id = first(&post(&door, "/commands", "k1", &order("D1")).await);
    let cancel = format!("/commands/{id}/cancel");
    let canceled = post(&door, &cancel, "k2", &none).await;
    assert_eq!((canceled.status, &canceled.json()["state"]), (200, &json!("canceled")));
    assert_eq!(post(&door, &cancel, "k2", &none).await.bytes, canceled.bytes);

    post(&door, "/commands", "k3", &order("D1")).await;
    let cleared = post(&door, "/devices/D1/clear", "k4", &none).await;
    assert_eq!((cleared.status, &cleared.json()["canceled"]), (200, &json!(1)));
    post(&door, "/commands", "k5", &order("D1")).await;
    assert_eq!(post(&door, "/devices/D1/clear", "k4", &none).await.bytes, cleared.bytes, "not cleared again");
    let waiting = door.get("/commands?state=queued").await.json()["items"].as_array().unwrap().len();
    assert_eq!(waiting, 1);
    post(&door, "/devices/D1/clear", "k1", &none).await.problem(409);

    let id = first(&post(&door, "/commands", "k6", &order("D1")).await);
    let resolve = format!("/commands/{id}/resolve");
    post(&door, &resolve, "k7", &json!({"as": "succeeded"})).await.problem(409);
    test.direct()
        .execute(&format!("UPDATE commands SET state = 'unknown', settled_at = 1, ready_at = NULL WHERE id = '{id}'"));
    let resolved = post(&door, &resolve, "k7", &json!({"as": "succeeded"})).await;
    assert_eq!((resolved.status, &resolved.json()["state"]), (200, &json!("succeeded")), "what failed may come again");
    assert_eq!(post(&door, &resolve, "k7", &json!({"as": "succeeded"})).await.bytes, resolved.bytes);
    post(&door, &resolve, "k7", &json!({"as": "failed"})).await.problem(409);
    post(&door, &resolve, "k8", &json!({"as": "succeeded"})).await.problem(409);
    door.close().await;
}

async fn what_is_made_for_people_is_made_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    for (path, body) in [
        ("/tokens", json!({"name": "ci", "role": "auditor"})),
        ("/operators", json!({"name": "ada", "role": "helpdesk"})),
        ("/devices/D1/recovery-keys", json!({"kind": "bitlocker", "name": "C", "secret": "111111-222222"})),
    ] {
        let first = post(&door, path, path, &body).await;
        assert_eq!(first.status, 201, "{path}: {first:?}");
        assert_eq!(post(&door, path, path, &body).await.bytes, first.bytes, "{path}");
    }
    let tokens = door.get("/tokens").await.json();
    assert_eq!(tokens["items"].as_array().unwrap().iter().filter(|token| token["name"] == "ci").count(), 1);
    door.close().await;
}

async fn what_was_published_is_answered_again_whatever_came_after(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let note = json!({"type": "asset", "identifier": "note", "payload": {"text": "x"}});
    let set = |name: &str, declarations: Value| json!({"set": name, "message": "x", "declarations": declarations});
    let first = post(&door, "/policies/apply", "k1", &set("one", json!([note]))).await;
    assert_eq!(first.status, 200, "{first:?}");
    // It could not be published again: the name is another set's by now.
    assert_eq!(post(&door, "/policies/apply", "k2", &set("one", json!([]))).await.status, 200);
    assert_eq!(post(&door, "/policies/apply", "k3", &set("two", json!([note]))).await.status, 200);
    let again = post(&door, "/policies/apply", "k1", &set("one", json!([note]))).await;
    assert_eq!((again.status, &again.bytes), (200, &first.bytes));
    post(&door, "/policies/apply", "k1", &set("one", json!([]))).await.problem(409);
    // What was refused claims no key.
    post(&door, "/policies/apply", "k4", &set("one", json!([note]))).await.problem(422);
    assert_eq!(post(&door, "/policies/apply", "k4", &set("two", json!([]))).await.status, 200);
    let back = json!({"revision": 1, "message": "x"});
    let rolled = post(&door, "/policies/rollback", "k5", &back).await;
    assert_eq!(rolled.status, 200, "{rolled:?}");
    assert_eq!(post(&door, "/policies/rollback", "k5", &back).await.bytes, rolled.bytes);
    door.close().await;
}

async fn what_is_made_anew_is_made_anew_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let made = test
        .store
        .write(|tx: &mut transom::store::Tx<'_>| {
            let new = transom::model::NewOperator {
                name: transom::model::UserName::parse("ada").unwrap(),
                role: transom::model::Role::Helpdesk,
                subject: None,
                password: None,
                created_by: "tests".to_owned(),
            };
            tx.create_operator(&new, crate::support::admin_door::now())
        })
        .await;
    assert!(made.is_ok());
    assert_eq!(
        door.post("/enrollment-users", &json!({"name": "bob", "password": "Hunter2-Hunter2"})).await.status,
        201
    );
    let hook = json!({"name": "siem", "url": "http://127.0.0.1:9/", "after": 0});
    let hook = door.post("/webhooks", &hook).await.json()["id"].as_str().unwrap().to_owned();
    for (path, body) in [
        ("/operators/ada/reset".to_owned(), json!({})),
        ("/enrollment-users/bob/password".to_owned(), json!({"generate": true})),
        (format!("/webhooks/{hook}/replay"), json!({"after": 0})),
    ] {
        let first = post(&door, &path, &path, &body).await;
        assert!([200, 201].contains(&first.status), "{path}: {first:?}");
        assert_eq!(post(&door, &path, &path, &body).await.bytes, first.bytes, "{path}");
        let records = "SELECT count(*) FROM audit WHERE action IN ('operator.reset', 'enrollment_user.password', \
                       'webhook.replay')";
        let before = test.direct().number(records);
        assert_eq!(post(&door, &path, &path, &body).await.status, first.status, "{path}");
        assert_eq!(test.direct().number(records), before, "{path}: it is done once");
    }
    door.close().await;
}
