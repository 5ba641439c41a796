//! Sessions: what was said, word for word and in other words.

use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(a_session_is_told, messages_come_in_order_and_in_pages, sessions_are_filtered);

async fn a_session_is_told(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let commands = json!([
        {"kind": "get", "items": [{"target": "./DevDetail/SwV"}]},
        {"kind": "replace", "items": [{"target": "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "format": "int", "data": "0"}]},
        {"kind": "get", "items": [{"target": "./Vendor/MSFT/Nope"}]},
    ]);
    door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    door.check_in(&mut device).await;
    let listed = door.get("/sessions").await.json();
    let session = &listed["items"][0];
    assert_eq!(
        (&session["device_id"], &session["phase"], &session["login"]),
        (&json!("D1"), &json!("quiet"), &json!("user"))
    );
    let told = door.get(&format!("/sessions/{}", session["id"].as_str().unwrap())).await.json();
    assert_eq!((&told["id"], &told["truncated"]), (&session["id"], &json!(false)));
    let lines = told["conversation"].as_array().unwrap();
    let asked: Vec<_> = lines.iter().filter(|line| line["answer"].is_object()).collect();
    assert_eq!(asked.len(), 3, "{told}");
    assert_eq!(asked[0]["target"], "./DevDetail/SwV");
    assert!(asked[0]["answer"]["value"].as_str().unwrap().starts_with("10.0."));
    assert_eq!((&asked[1]["value"], &asked[1]["answer"]["verdict"]), (&json!("0"), &json!("good")));
    assert_eq!((&asked[2]["answer"]["status"], &asked[2]["answer"]["verdict"]), (&json!(404), &json!("bad")));
    assert!(lines.iter().any(|line| line["what"] == "asked for credentials"), "the challenge belongs to it: {told}");
    door.close().await;
}

async fn messages_come_in_order_and_in_pages(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let get = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    door.post("/commands", &json!({"device_id": "D1", "command": get})).await;
    door.check_in(&mut device).await;
    let id = door.get("/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let all = door.get(&format!("/sessions/{id}/messages")).await.json();
    let all = all["items"].as_array().unwrap();
    assert!(all.len() >= 3, "{all:?}");
    assert_eq!(all[0]["outcome"], "challenged");
    assert_eq!(
        (&all[1]["peer"], &all[1]["headers"]["User-Agent"]),
        (&json!("192.0.2.7"), &json!("MSFT OMA DM Client"))
    );
    for message in all {
        let text = message["request"].as_str().unwrap();
        assert!(text.starts_with("<SyncML") && message["reply"].as_str().unwrap().starts_with("<SyncML"), "{message}");
        assert!(message["request_size"].as_i64().unwrap() > 0 && message["encoding"] == "xml");
    }
    let mut paged = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = door.get(&format!("/sessions/{id}/messages?limit=1{cursor}")).await.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(&paged, all);
    door.close().await;
}

async fn sessions_are_filtered(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut one = door.enroll("D1").await;
    let mut other = door.enroll("D2").await;
    door.check_in(&mut one).await;
    door.check_in(&mut other).await;
    door.check_in(&mut one).await;
    let count = async |query: &str| {
        let page = door.get(&format!("/sessions?{query}")).await;
        assert_eq!(page.status, 200, "{page:?}");
        page.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 3);
    assert_eq!(count("device_id=d1").await, 2);
    assert_eq!(count("from=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00Z").await, 3);
    assert_eq!(count("until=2020-01-01T00:00:00Z").await, 0);
    assert_eq!(count("limit=1").await, 1);
    assert_eq!(door.get("/sessions?from=yesterday").await.pointer(400), "from");
    door.close().await;
}
