//! Where declarations stand: those that were removed as well, and the messages that showed it.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::authoring::Author;
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;
use crate::support::server::until;

scenarios!(
    what_failed_shows_its_message_and_is_gone_when_it_is_removed,
    what_could_not_be_taken_back_stays_listed,
    sets_that_are_published_at_once_are_all_published,
);

fn set(name: &str, settings: &Value) -> Value {
    let declarations = json!([
        {"type": "configuration", "identifier": name, "payload": {"settings": settings}},
        {"type": "activation", "identifier": format!("all-{name}"), "payload": {"configurations": [name]}},
    ]);
    json!({"set": name, "message": "x", "declarations": declarations})
}

async fn what_failed_shows_its_message_and_is_gone_when_it_is_removed(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-1").await;
    door.check_in(&mut device).await;
    // Windows protects this one, and does not give it back either.
    let settings = json!({"./Device/Vendor/MSFT/Defender/Configuration/TamperProtection": "x"});
    assert_eq!(door.post("/policies/apply", &set("guard", &settings)).await.status, 200);
    let looked_at = async || {
        let done = async || (door.get("/policies/progress").await.json()["done"] == true).then_some(());
        until("all devices are looked at", done).await;
    };
    looked_at().await;
    door.check_in(&mut device).await;
    let devices = door.get("/policies/declarations/guard/devices?state=failed").await.json();
    let because = &devices["items"][0]["because"][0];
    assert!(because["session_id"].is_string() && because["shown_in"].is_string(), "{devices}");

    let nothing = json!({"set": "guard", "message": "gone", "declarations": []});
    assert_eq!(door.post("/policies/apply", &nothing).await.status, 200);
    looked_at().await;
    door.check_in(&mut device).await;
    // The device never took it: nothing is to be taken back, and nothing stays.
    assert_eq!(door.get("/policies").await.json(), json!([]));
    assert_eq!(door.get("/devices/D1/policies").await.json()["settings"], json!([]));
    assert_eq!(door.post("/policies/retry", &json!({"identifier": "nobody"})).await.status, 404);
    door.close().await;
}

async fn what_could_not_be_taken_back_stays_listed(test: &TestStore) {
    const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-1").await;
    door.check_in(&mut device).await;
    let looked_at = async || {
        let done = async || (door.get("/policies/progress").await.json()["done"] == true).then_some(());
        until("all devices are looked at", done).await;
    };
    assert_eq!(door.post("/policies/apply", &set("guard", &json!({CAMERA: 0}))).await.status, 200);
    looked_at().await;
    door.check_in(&mut device).await;
    assert_eq!(device.tree().value(CAMERA).as_deref(), Some("0"));
    device.protects(CAMERA, true);
    let nothing = json!({"set": "guard", "message": "gone", "declarations": []});
    assert_eq!(door.post("/policies/apply", &nothing).await.status, 200);
    looked_at().await;
    door.check_in(&mut device).await;

    let listed = door.get("/policies").await.json();
    let [one] = &listed.as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&one["identifier"], &one["removed"]), (&json!("guard"), &json!(true)), "{listed}");
    let devices = door.get("/policies/declarations/guard/devices?state=failed").await.json();
    let because = &devices["items"][0]["because"][0];
    assert!(because["why"].as_str().unwrap().starts_with("it could not be taken back: "), "{devices}");
    assert!(because["session_id"].is_string() && because["shown_in"].is_string(), "{devices}");
    // It is none of its set any more, and its name is free.
    let ada = Author::signed_in(&door, "ada").await;
    let sets = ada.person.see("/sets").await;
    let row = sets.between("<bdi>guard</bdi></a></td>", "</tr>");
    assert!(row.contains(">0</td>"), "{row}");
    ada.done("/sets/other/declarations", &[("type", "configuration"), ("identifier", "guard")]).await;
    // Asked again, it is still not to be had; then nothing holds it any more.
    for (protected, left) in [(true, 1), (false, 0)] {
        device.protects(CAMERA, protected);
        assert_eq!(door.post("/policies/retry", &json!({"identifier": "guard"})).await.status, 202);
        looked_at().await;
        door.check_in(&mut device).await;
        assert_eq!(door.get("/policies").await.json().as_array().unwrap().len(), left);
    }
    assert_eq!(device.tree().value(CAMERA), None);
    assert_eq!(door.get("/devices/D1/policies").await.json()["settings"], json!([]));
    door.close().await;
}

async fn sets_that_are_published_at_once_are_all_published(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let settings = json!({"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": 0});
    let sets: Vec<Value> = (0..4).map(|number| set(&format!("set-{number}"), &settings)).collect();
    let answers = join_all(sets.iter().map(|set| door.post("/policies/apply", set))).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{:?}", answer.json());
    }
    assert_eq!(door.get("/policies").await.json().as_array().unwrap().len(), 8);
    door.close().await;
}
