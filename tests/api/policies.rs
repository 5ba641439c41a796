//! Policies over the API: what is refused with its place, names of sets, and whom a change would concern.

use serde_json::{Value, json};

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    each_fault_names_its_place_in_the_request,
    a_plan_refuses_what_publishing_refuses,
    a_draft_begins_with_a_revision_of_its_set,
    what_is_no_set_is_said,
    an_asset_of_another_set_concerns_those_who_have_it,
);

fn asset(name: &str, text: &str) -> Value {
    json!({"type": "asset", "identifier": name, "payload": {"text": text}})
}

async fn each_fault_names_its_place_in_the_request(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let declarations = json!([
        {"type": "asset", "identifier": "a", "payload": {"txt": "x"}},
        {"type": "configuration", "identifier": "c", "payload": {"settings": {"./Vendor/OEM/X": {"asset": "a"}}}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["nothing"]}},
    ]);
    let applied = door.post("/policies/apply", &json!({"message": "x", "declarations": declarations})).await;
    let errors = applied.problem(422)["errors"].as_array().unwrap().clone();
    let at = |pointer: &str| -> Vec<&str> {
        let own = errors.iter().filter(|error| error["pointer"] == pointer);
        own.map(|error| error["detail"].as_str().unwrap()).collect()
    };
    assert!(at("/declarations/0").iter().any(|what| what.contains("txt")), "{errors:?}");
    assert!(at("/declarations/2").iter().any(|what| what.contains("there is no configuration nothing")), "{errors:?}");
    // It is there, and can't be read: that is said once.
    let is_missing = |error: &Value| error["detail"].as_str().unwrap().contains("there is no asset");
    assert!(!errors.iter().any(is_missing), "{errors:?}");
    let planned = door.post("/policies/plan", &json!({"declarations": declarations})).await;
    assert_eq!(planned.problem(422)["errors"], json!(errors));
    door.close().await;
}

async fn a_plan_refuses_what_publishing_refuses(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let many: Vec<Value> = (0..=5000).map(|number| asset(&format!("a{number}"), "x")).collect();
    for (path, body) in [
        ("/policies/apply", json!({"message": "x", "declarations": many})),
        ("/policies/check", json!({"declarations": many})),
        ("/policies/plan", json!({"declarations": many})),
        ("/policies/drafts/default", json!({"declarations": many})),
    ] {
        assert_eq!(door.post(path, &body).await.pointer(422), "/declarations", "{path}");
    }
    door.close().await;
}

async fn a_draft_begins_with_a_revision_of_its_set(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let apply = json!({"set": "other", "message": "x", "declarations": [asset("a", "x")]});
    assert_eq!(door.post("/policies/apply", &apply).await.json()["revision"], 1);
    for (set, base, status) in
        [("mine", 1, 422), ("mine", -1, 422), ("other", 2, 422), ("mine", 0, 200), ("other", 1, 200)]
    {
        let draft = json!({"declarations": [asset(set, "x")], "base": base});
        let written = door.post(&format!("/policies/drafts/{set}"), &draft).await;
        assert_eq!(written.status, status, "{set} {base}: {written:?}");
        if status == 422 {
            assert_eq!(written.pointer(422), "/base", "{set} {base}");
        }
    }
    door.close().await;
}

async fn what_is_no_set_is_said(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    for set in [".", ".."] {
        let apply = json!({"set": set, "message": "x", "declarations": []});
        assert_eq!(door.post("/policies/apply", &apply).await.pointer(422), "/set");
        assert_eq!(door.get(&format!("/policies/export?set={set}")).await.pointer(400), "set");
    }
    door.get("/policies/export?set=nobody").await.problem(404);
    assert_eq!(door.get("/policies/export").await.json()["declarations"], json!([]));
    door.close().await;
}

async fn an_asset_of_another_set_concerns_those_who_have_it(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll("D1").await;
    door.check_in(&mut device).await;
    let files = |text: &str| json!({"set": "files", "declarations": [asset("note", text)]});
    let mut apply = files("one");
    apply["message"] = json!("x");
    assert_eq!(door.post("/policies/apply", &apply).await.status, 200);
    assert_eq!(door.post("/policies/plan", &files("two")).await.json()["declarations"][0]["devices"], 0);
    let settings = json!({"./Vendor/OEM/X": {"value": "${asset.note}", "format": "chr"}});
    let users = json!([
        {"type": "configuration", "identifier": "c", "payload": {"settings": settings}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["c"]}},
    ]);
    let applied = door.post("/policies/apply", &json!({"set": "users", "message": "x", "declarations": users})).await;
    assert_eq!(applied.status, 200, "{applied:?}");
    let planned = door.post("/policies/plan", &files("two")).await.json();
    assert_eq!(planned["declarations"][0]["devices"], 1, "{planned}");
    door.close().await;
}
