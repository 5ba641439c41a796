//! Commands: ordered, listed, taken back, resolved.

use serde_json::{Value, json};

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    a_command_travels,
    an_order_for_many_says_what_became_of_each,
    an_order_that_no_device_can_take_is_refused,
    a_dry_run_changes_nothing,
    what_can_never_work_is_told_with_its_place,
    a_body_that_can_not_be_read_is_told_with_its_place,
    commands_can_be_taken_back,
    commands_in_doubt_are_resolved,
    what_ended_without_success_is_ordered_anew,
    lists_are_filtered_and_paged,
    parameters_are_checked,
    a_command_waits_only_for_one_that_is_there,
    what_the_windows_of_a_device_lacks_is_warned_about,
);

fn get() -> Value {
    json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]})
}

fn reboot() -> Value {
    json!({"kind": "exec", "items": [{"target": "./Device/Vendor/MSFT/Reboot/RebootNow"}]})
}

async fn a_command_travels(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let ordered = door
        .post("/commands", &json!({"device_id": "d1", "command": get(), "expires_at": "2999-01-01T00:00:00Z"}))
        .await;
    assert_eq!(ordered.status, 201, "{ordered:?}");
    let ordered = ordered.json();
    assert_eq!(ordered["devices"][0]["device_id"], "d1");
    let id = ordered["devices"][0]["commands"][0].as_str().unwrap();
    let queued = door.get(&format!("/commands/{id}")).await.json();
    for (field, value) in [
        ("state", json!("queued")),
        ("device_id", json!("D1")),
        ("sequence", json!(1)),
        ("created_by", json!("tester")),
        ("expires_at", json!("2999-01-01T00:00:00.000Z")),
        ("batch_id", ordered["batch_id"].clone()),
        ("reason", Value::Null),
        ("attempts", json!([])),
    ] {
        assert_eq!(queued[field], value, "{field}");
    }
    door.check_in(&mut device).await;
    let done = door.get(&format!("/commands/{id}")).await.json();
    assert_eq!(done["state"], "succeeded");
    assert_eq!((&done["items"][0]["status"], &done["items"][0]["status_text"]), (&json!(200), &json!("OK")));
    assert!(done["items"][0]["data"].as_str().unwrap().starts_with("10.0."), "{done}");
    let attempt = &done["attempts"][0];
    let session = door.get(&format!("/sessions/{}", attempt["session_id"].as_str().unwrap())).await.json();
    assert_eq!(session["device_id"], "D1");
    door.close().await;
}

async fn an_order_for_many_says_what_became_of_each(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    door.enroll("D2").await;
    let order = json!({"devices": ["D1", "nobody", "D2", "d1"], "commands": [get(), reboot()], "chained": true});
    let ordered = door.post("/commands", &order).await;
    assert_eq!(ordered.status, 201);
    let ordered = ordered.json();
    let devices = ordered["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 3, "a device that is named twice is meant once");
    assert_eq!(devices[0]["commands"].as_array().unwrap().len(), 2);
    assert_eq!(devices[1], json!({"device_id": "nobody", "commands": [], "error": "unknown_device"}));
    let second = devices[2]["commands"][1].as_str().unwrap();
    let second = door.get(&format!("/commands/{second}")).await.json();
    assert_eq!(second["depends_on"][0], devices[2]["commands"][0]);
    let listed = door.get(&format!("/commands?batch_id={}", ordered["batch_id"].as_str().unwrap())).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    door.close().await;
}

async fn an_order_that_no_device_can_take_is_refused(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let one = |device: &str| json!({"device_id": device, "command": get()});
    assert_eq!(door.post("/commands", &one("nobody")).await.problem(404)["detail"], "there is no such device");
    let many = door.post("/commands", &json!({"devices": ["no", "body"], "command": get()})).await;
    assert_eq!(many.pointer(422), "/devices/0");
    assert_eq!(many.json()["errors"][1]["detail"], "body: there is no such device");
    let full = json!({"device_id": "D1", "commands": vec![get(); 6]});
    assert_eq!(door.post("/commands", &full).await.problem(409)["detail"], "the queue of the device is full");
    assert_eq!(door.get("/commands").await.json()["items"], json!([]));
    door.close().await;
}

async fn a_dry_run_changes_nothing(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let order = json!({"devices": ["D1", "nobody"], "command": get(), "dry_run": true});
    let rehearsed = door.post("/commands", &order).await;
    assert_eq!(rehearsed.status, 200);
    let rehearsed = rehearsed.json();
    assert_eq!(rehearsed["batch_id"], Value::Null);
    assert_eq!(rehearsed["devices"][0]["error"], Value::Null);
    assert_eq!(rehearsed["devices"][1]["error"], "unknown_device");
    let full = json!({"device_id": "D1", "commands": vec![get(); 6], "dry_run": true});
    assert_eq!(door.post("/commands", &full).await.json()["devices"][0]["error"], "queue_full");
    let bad = json!({"device_id": "D1", "command": {"kind": "get", "items": []}, "dry_run": true});
    door.post("/commands", &bad).await.problem(422);
    assert_eq!(door.get("/commands").await.json()["items"], json!([]));
    door.close().await;
}

async fn what_can_never_work_is_told_with_its_place(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let wrong = json!({"kind": "replace", "items": [{"target": "./A", "format": "int", "data": "x"}]});
    let group = json!({"kind": "atomic", "commands": [wrong]});
    for (order, pointer) in [
        (json!({"device_id": "D1", "command": wrong}), "/command/items/0/data"),
        (json!({"device_id": "D1", "commands": [wrong]}), "/commands/0/items/0/data"),
        (json!({"device_id": "D1", "commands": [get(), group]}), "/commands/1/commands/0/items/0/data"),
        (json!({"device_id": "D1"}), "/command"),
        (json!({"command": get()}), "/devices"),
        (json!({"device_id": " ", "command": get()}), "/device_id"),
        (json!({"devices": ["D1", "a\u{7}"], "command": get()}), "/devices/1"),
        (json!({"device_id": "D1", "devices": ["D2"], "command": get()}), "/device_id"),
        (json!({"device_id": "D1", "command": get(), "commands": [get()]}), "/command"),
        (json!({"device_id": "D1", "command": get(), "not_before": "soon"}), "/not_before"),
        (json!({"device_id": "D1", "command": get(), "expires_at": "2020-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"device_id": "D1", "command": get(), "depends_on": ["x"]}), "/depends_on/0"),
    ] {
        let answered = door.post("/commands", &order).await;
        assert_eq!(answered.pointer(422), pointer, "{order}: {}", answered.json());
    }
    door.close().await;
}

async fn a_body_that_can_not_be_read_is_told_with_its_place(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (order, pointer, says) in [
        (json!({"device": "D1"}), "/device", "unknown field `device`, expected one of"),
        (json!({"device_id": 1}), "/device_id", "invalid type: integer"),
        (json!({"command": {"kind": "fetch", "items": []}}), "/command", "is no kind of command"),
        (json!({"command": {"kind": "get", "items": [{"target": "A"}]}}), "/command/items/0/target", "./A"),
        (json!([]), "", "a list stands where"),
    ] {
        let answered = door.post("/commands", &order).await;
        assert_eq!(answered.pointer(400), pointer, "{order}: {}", answered.json());
        let detail = answered.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{order}: {detail}");
    }
    door.close().await;
}

async fn commands_can_be_taken_back(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let ordered = door.post("/commands", &json!({"device_id": "D1", "commands": [get(), get(), get()]})).await.json();
    let ids: Vec<&str> =
        ordered["devices"][0]["commands"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    for _ in 0..2 {
        let canceled = door.post(&format!("/commands/{}/cancel", ids[0]), &json!({})).await;
        assert_eq!((canceled.status, &canceled.json()["state"]), (200, &json!("canceled")), "the second time as well");
    }
    let cleared = door.post("/devices/D1/clear", &json!({})).await;
    assert_eq!((cleared.status, cleared.json()), (200, json!({"device_id": "D1", "canceled": 2})));
    let done = door.post("/commands", &json!({"device_id": "D1", "command": get()})).await.json();
    let done = done["devices"][0]["commands"][0].as_str().unwrap();
    door.check_in(&mut device).await;
    let late = door.post(&format!("/commands/{done}/cancel"), &json!({})).await;
    assert_eq!(late.problem(409)["detail"], "it has its outcome already: succeeded");
    door.post("/commands/nothing/cancel", &json!({})).await.problem(404);
    door.post("/devices/nobody/clear", &json!({})).await.problem(404);
    assert_eq!(door.post(&format!("/commands/{done}/cancel"), &json!({"why": "x"})).await.pointer(400), "/why");
    door.close().await;
}

async fn what_ended_without_success_is_ordered_anew(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let missing = json!({"kind": "get", "items": [{"target": "./Vendor/MSFT/Nope"}]});
    let ordered = door.post("/commands", &json!({"device_id": "D1", "commands": [missing, get()]})).await.json();
    let id = |place: usize| ordered["devices"][0]["commands"][place].as_str().unwrap();
    let (failed, good) = (format!("/commands/{}/retry", id(0)), format!("/commands/{}/retry", id(1)));
    let early = door.post(&failed, &json!({})).await.problem(409);
    assert!(early["detail"].as_str().unwrap().contains("no outcome yet"), "{early}");
    door.check_in(&mut device).await;
    let again = door.post(&failed, &json!({})).await;
    assert_eq!(again.status, 201, "{again:?}");
    let again = again.json();
    let anew = again["devices"][0]["commands"][0].as_str().unwrap();
    assert_ne!(anew, id(0));
    let queued = door.get(&format!("/commands/{anew}")).await.json();
    assert_eq!((&queued["state"], &queued["target"]), (&json!("queued"), &json!("./Vendor/MSFT/Nope")));
    assert_eq!(door.get(&format!("/commands/{}", id(0))).await.json()["state"], "failed", "what failed is kept");
    door.post(&good, &json!({})).await.problem(409);
    door.post("/commands/0190aaaa-0000-7000-8000-000000000000/retry", &json!({})).await.problem(404);
    door.close().await;
}

async fn commands_in_doubt_are_resolved(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let ordered = door.post("/commands", &json!({"device_id": "D1", "command": get()})).await.json();
    let id = ordered["devices"][0]["commands"][0].as_str().unwrap();
    let path = format!("/commands/{id}/resolve");
    let queued = door.post(&path, &json!({"as": "succeeded"})).await;
    assert!(queued.problem(409)["detail"].as_str().unwrap().contains("its outcome is not unknown"));
    assert_eq!(door.post(&path, &json!({"as": "done"})).await.pointer(400), "/as");
    assert_eq!(door.post(&path, &json!({})).await.pointer(400), "");
    door.post(&format!("/commands/{}/resolve", uuid::Uuid::now_v7()), &json!({"as": "retry"})).await.problem(404);
    test.direct().execute("UPDATE commands SET state = 'unknown', settled_at = 1");
    let resolved = door.post(&path, &json!({"as": "succeeded"})).await;
    assert_eq!((resolved.status, &resolved.json()["state"]), (200, &json!("succeeded")));
    assert_eq!(resolved.json()["reason_detail"], "by the word of tester");
    door.close().await;
}

async fn lists_are_filtered_and_paged(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    door.enroll("D2").await;
    door.post("/commands", &json!({"devices": ["D1", "D2"], "commands": [get(), reboot()]})).await;
    let list = async |query: &str| door.get(&format!("/commands?{query}")).await.json();
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(&list("device_id=D1").await), 2);
    assert_eq!(count(&list("device=d1&state=queued").await), 2);
    assert_eq!(count(&list("state=sent").await), 0);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = list(&format!("limit=1{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted_by(|one, other| one > other), "newest first, none twice: {seen:?}");
    door.close().await;
}

async fn parameters_are_checked(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("cursor=%25", "cursor"),
        ("state=done", "state"),
        ("batch_id=1", "batch_id"),
        ("device_id=a%07", "device_id"),
        ("sort=id%3BDROP%20TABLE%20commands", "sort"),
        ("state=sent&state=sent", "state"),
    ] {
        assert_eq!(door.get(&format!("/commands?{query}")).await.pointer(400), name, "{query}");
    }
    for path in ["/commands/x?verbose=1", "/devices/D1?verbose=1", "/status?verbose=1", "/sessions?order_key=id"] {
        door.get(path).await.problem(400);
    }
    door.close().await;
}

async fn a_command_waits_only_for_one_that_is_there(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let after = |id: &str| json!({"device_id": "D1", "command": get(), "depends_on": [id]});
    let missing = uuid::Uuid::now_v7().to_string();
    assert_eq!(door.post("/commands", &after(&missing)).await.pointer(422), "/depends_on/0");
    let first = door.post("/commands", &json!({"device_id": "D1", "command": get()})).await.json();
    let first = first["devices"][0]["commands"][0].as_str().unwrap();
    assert_eq!(door.post("/commands", &after(first)).await.status, 201);
    door.close().await;
}

async fn what_the_windows_of_a_device_lacks_is_warned_about(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (id, build, edition) in
        [("OLD-1", 17_763, 48), ("OLD-2", 17_763, 48), ("NEW", 26_100, 48), ("HOME", 26_100, 101)]
    {
        door.enroll(id).await;
        let facts = [("os.build", build), ("os.revision", 1), ("os.edition_id", edition)];
        door.knows(id, &facts.map(|(name, number)| (name, transom::model::FactValue::Integer(number)))).await;
    }
    door.enroll("NOBODY-KNOWS").await;
    let admin = door.admin().clone().with_checked_orders(true);
    let said = async |target: &str| {
        let command = json!({"kind": "replace", "items": [{"target": target, "format": "int", "data": "1"}]});
        let devices = ["OLD-1", "OLD-2", "NEW", "HOME", "NOBODY-KNOWS"];
        let order = json!({"devices": devices, "command": command, "dry_run": true});
        let by = transom::model::Actor::server("tests");
        let new = serde_json::from_value(order).unwrap();
        let ordered = admin
            .order(new, (&by, &transom::model::Right::ALL.into()), None, crate::support::admin_door::now())
            .await
            .unwrap();
        let findings = ordered.findings.into_iter().map(|finding| serde_json::to_value(finding).unwrap());
        findings.filter(|finding| finding["level"] == "warning").collect::<Vec<_>>()
    };
    let laps = said("./Device/Vendor/MSFT/LAPS/Policies/BackupDirectory").await;
    let what: Vec<&str> = laps.iter().map(|finding| finding["what"].as_str().unwrap()).collect();
    assert!(what.iter().any(|what| what.starts_with("OLD-1 and 1 more: it needs ")), "{laps:?}");
    assert!(!what.iter().any(|what| what.contains("NEW") || what.contains("NOBODY")), "{laps:?}");
    assert_eq!(laps[0]["at"], "/command/items/0");
    let camera = said("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera").await;
    assert!(
        camera.iter().any(|finding| finding["what"].as_str().unwrap().starts_with("HOME: the device's edition")),
        "{camera:?}"
    );
    door.close().await;
}
