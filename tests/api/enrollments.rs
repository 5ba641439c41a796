//! Enrollments that are brought along.

use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    an_import_takes_one_or_many,
    an_entry_that_is_wrong_keeps_no_other_from_it,
    an_import_of_nothing_good_is_refused,
    secrets_are_never_told_back,
);

async fn an_import_takes_one_or_many(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let entry = |id: &str| json!({"device_id": id, "secret": "hunter2"});
    for (sent, count) in
        [(entry("D1"), 1), (json!([entry("D2"), entry("D3")]), 2), (json!({"enrollments": [entry("D4")]}), 1)]
    {
        let imported = door.post("/enrollments/import", &sent).await;
        assert_eq!((imported.status, &imported.json()["imported"]), (201, &json!(count)));
        assert!(imported.json()["devices"][0]["enrollment_id"].is_string());
    }
    let again = door.post("/enrollments/import", &entry("D1")).await.json();
    assert_eq!(again["devices"][0]["generation"], 2, "a new enrollment is a new life");
    door.close().await;
}

async fn an_entry_that_is_wrong_keeps_no_other_from_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let sent = json!([{"device_id": "D1", "secret": ""}, {"device_id": "D2", "secret": "s"}, {"secret": "s"}, 7,
                      {"device_id": "d2", "secret": "t"}]);
    let imported = door.post("/enrollments/import", &sent).await;
    assert_eq!(imported.status, 201);
    let imported = imported.json();
    assert_eq!((&imported["imported"], &imported["refused"]), (&json!(1), &json!(4)));
    assert_eq!(imported["devices"][0]["error"], "secret is empty");
    assert_eq!(imported["devices"][2]["device_id"], json!(null));
    assert!(imported["devices"][4]["error"].as_str().unwrap().starts_with("the device has an entry before"));
    assert_eq!(door.get("/devices").await.json()["items"].as_array().unwrap().len(), 1);
    door.close().await;
}

async fn an_import_of_nothing_good_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (sent, pointer) in [
        (json!({"device_id": "D1", "secret": "s", "nonce": "!"}), ""),
        (json!([{"device_id": "D1", "secret": "s", "pin": 1}]), "/0"),
        (json!({"enrollments": [{"device_id": "D1"}]}), "/enrollments/0"),
        (json!({"enrollments": []}), "/enrollments"),
        (json!({"enrollments": {}}), "/enrollments"),
        (json!({"enrollments": [], "extra": 1}), "/extra"),
        (json!("hunter2"), ""),
    ] {
        assert_eq!(door.post("/enrollments/import", &sent).await.pointer(422), pointer, "{sent}");
    }
    door.close().await;
}

async fn secrets_are_never_told_back(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for sent in [
        json!({"device_id": "D1", "secret": "hunter2"}),
        json!({"device_id": "D1", "secret": {"value": "hunter2"}}),
        json!({"device_id": "D1", "secret": "s", "scheme": "hunter2"}),
        json!({"device_id": "D1", "secret": "s", "nonce": "hunter2!"}),
        json!({"device_id": "D1", "secret": "s", "server_secret": "hunter2"}),
        json!({"enrollments": "hunter2"}),
        json!("hunter2"),
    ] {
        let answered = door.post("/enrollments/import", &sent).await;
        assert!(!String::from_utf8_lossy(&answered.bytes).contains("hunter2"), "{answered:?}");
    }
    let cut = door
        .request(reqwest::Method::POST, "/enrollments/import")
        .header("Content-Type", "application/json")
        .body(r#"{"device_id":"D1","secret":"hunter2" oops"#);
    let answered = door.send(cut).await;
    assert!(!String::from_utf8_lossy(&answered.bytes).contains("hunter2"), "{answered:?}");
    for path in ["/devices", "/devices/D1", "/devices/D1/events"] {
        assert!(!String::from_utf8_lossy(&door.get(path).await.bytes).contains("hunter2"), "{path}");
    }
    door.close().await;
}
