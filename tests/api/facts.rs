//! Facts, and conditions on them.

use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(facts_are_told, a_condition_that_is_wrong_is_refused_with_the_reason);

async fn facts_are_told(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let catalogue = door.get("/facts").await.json();
    let build = catalogue["items"].as_array().unwrap().iter().find(|fact| fact["name"] == "os.build").unwrap().clone();
    assert_eq!((&build["type"], &build["plan"]), (&json!("integer"), &json!("each session")), "{build}");
    let known = door.get("/devices/D1/facts").await.json();
    assert_eq!(known["facts"], json!([]));
    let is_given = |fact: &&serde_json::Value| {
        ["set by operators", "from the directory"].contains(&fact["plan"].as_str().unwrap())
    };
    let items = catalogue["items"].as_array().unwrap();
    let given = items.iter().filter(is_given).count();
    assert!(given > 20);
    assert_eq!(known["unasked"].as_array().unwrap().len(), items.len() - given);
    let history = door.get("/devices/D1/facts/os.build/history").await.json();
    assert_eq!(history, json!({"items": [], "next_cursor": null}));
    for missing in ["/devices/nobody/facts", "/devices/nobody/facts/os.build/history", "/devices/D1/facts/os.x/history"]
    {
        door.get(missing).await.problem(404);
    }
    let refused = door.post("/devices/D1/refresh", &json!({"facts": ["os.build", "os.bulid"]})).await.problem(422);
    assert_eq!(refused["errors"][0]["pointer"], "/facts/1", "{refused}");
    door.post("/devices/nobody/refresh", &json!({})).await.problem(404);
    let full = door.post("/devices/D1/refresh", &json!({})).await.problem(409);
    assert!(full["detail"].as_str().unwrap().contains("too many commands wait"), "its queue takes five: {full}");
    let asked = door.post("/devices/D1/refresh", &json!({"facts": ["os.build", "os.version"]})).await.json();
    assert_eq!((&asked["facts"], &asked["open_commands"]), (&json!(2), &json!(1)), "one node tells both: {asked}");
    door.close().await;
}

async fn a_condition_that_is_wrong_is_refused_with_the_reason(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    for (condition, why) in [
        ("os.bulid+%3C+1", "there is no fact os.bulid; did you mean os.build?"),
        ("os.build+%3C+%27x%27", "os.build is a number; compare it with a whole number"),
        ("os.build+%3C", "the condition can't be read at character"),
        ("", "the condition is empty"),
    ] {
        let problem = door.get(&format!("/devices?where={condition}")).await.problem(400);
        assert_eq!(problem["errors"][0]["pointer"], "where", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
    let all = door.get("/devices?where=%21has%28os.build%29").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    door.close().await;
}
