//! What the helpdesk meets on pages: a choice that outlives a slip, a session that dies while it is looked at, a file that
//! has all of it, and words where something is wrong.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;
use transom::model::FactValue;
use transom::simulator::device::Trigger;

use super::pages::{Person, Shown};
use crate::scenarios;
use crate::support::admin_door::{AdminDoor, now};
use crate::support::databases::TestStore;
use crate::support::server::until;

scenarios!(
    what_was_chosen_outlives_a_slip,
    a_session_that_dies_is_not_live_any_more,
    a_page_that_asks_by_itself_keeps_nobody_signed_in,
    a_file_of_a_session_has_all_of_it,
    the_last_failure_outlives_other_commands,
    policies_that_failed_are_seen_first,
    a_device_is_shown_with_what_is_known_of_it,
    each_line_of_a_conversation_has_an_id_of_its_own,
    a_search_that_is_wrong_says_so_where_it_was_written,
    sessions_are_found_by_the_name_of_a_computer,
    what_is_offered_may_be_done
);

async fn ada(door: &AdminDoor) -> Person<'_> {
    Person::signed_in_as(door, "ada", "admin").await
}

/// The options of a form that are chosen.
fn chosen(shown: &Shown) -> Vec<String> {
    let options = shown.html.split("<option value=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    options.filter(|(_, rest)| rest.starts_with(" selected")).map(|(value, _)| value.to_owned()).collect()
}

async fn what_was_chosen_outlives_a_slip(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let person = ada(&door).await;
    let page = person.see("/devices/D1/actions/wipe").await;
    assert!(chosen(&page).is_empty());
    let csrf = page.field("csrf");
    let form = |name| [("csrf", csrf.as_str()), ("device", "D1"), ("variant", "keep_user_data"), ("typed", name)];
    let again = person.send(Method::POST, "/devices/D1/actions/wipe", Some(&form("LAPTPO")), &[]).await;
    assert_eq!((again.status, chosen(&again)), (422, vec!["keep_user_data".to_owned()]), "{}", again.html);
    let form = [("csrf", csrf.as_str()), ("device", "D1"), ("name", "a \"b\""), ("reboot", "true")];
    let again = person.send(Method::POST, "/devices/D1/actions/rename", Some(&form), &[]).await;
    assert_eq!(again.status, 422, "{}", again.html);
    assert!(again.html.contains("value=\"a &#34;b&#34;\"") && again.html.contains(" checked>"), "{}", again.html);
    let form = [("csrf", csrf.as_str()), ("device", "D1"), ("name", "a \"b\"")];
    let again = person.send(Method::POST, "/devices/D1/actions/rename", Some(&form), &[]).await;
    assert!(again.status == 422 && !again.html.contains(" checked>"), "{}", again.html);
    assert!(door.get("/actions").await.json()["items"].as_array().unwrap().is_empty());
    door.close().await;
}

/// A session of which the device has said one message; gives its id.
async fn one_that_goes_on(door: &AdminDoor) -> String {
    let mut device = door.enroll("D1").await;
    let get = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    door.post("/commands", &json!({"device_id": "D1", "command": get})).await;
    let first = device.start_session(Trigger::Schedule);
    if let transom::simulator::device::Next::Send(second) = door.say(&mut device, &first).await {
        door.say(&mut device, &second).await;
    }
    door.get("/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned()
}

async fn a_session_that_dies_is_not_live_any_more(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let id = one_that_goes_on(&door).await;
    let person = ada(&door).await;
    let page = person.see(&format!("/sessions/{id}")).await;
    let asks = page.between("hx-get=\"", "\"").replace("&amp;", "&");
    assert_eq!(person.send(Method::GET, &asks, None, &[]).await.status, 204);
    test.direct().execute(&format!("UPDATE sessions SET phase = 'timed_out' WHERE id = '{id}'"));
    let new = person.see(&asks).await;
    assert!(new.html.contains("did not go on in time") && !new.html.contains("hx-get"), "{}", new.html);
    door.close().await;
}

async fn a_page_that_asks_by_itself_keeps_nobody_signed_in(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let id = one_that_goes_on(&door).await;
    let person = ada(&door).await;
    let live = format!("/sessions/{id}/live");
    let before = now().0 - 120_000;
    test.direct().execute(&format!("UPDATE operator_sessions SET seen_at = {before}"));
    let seen = || test.direct().number("SELECT max(seen_at) FROM operator_sessions");
    person.see(&live).await;
    assert_eq!(seen(), before, "a script is no sign of a person");
    person.see(&format!("/sessions/{id}")).await;
    assert!(seen() > before);
    let nobody = Person::nobody(&door);
    let part = nobody.send(Method::GET, &live, None, &[("HX-Request", "true")]).await;
    assert_eq!((part.status, part.header("hx-refresh"), part.html.as_str()), (401, "true", ""));
    assert_eq!(nobody.send(Method::GET, &live, None, &[]).await.status, 303);
    door.close().await;
}

async fn a_file_of_a_session_has_all_of_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let value = "y".repeat(40_000);
    let set = json!({"kind": "replace", "items": [{"target": "./Vendor/MSFT/A/B", "format": "chr", "data": value}]});
    door.post("/commands", &json!({"device_id": "D1", "command": set})).await;
    door.check_in(&mut device).await;
    let id = door.get("/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let person = ada(&door).await;
    let page = person.see(&format!("/sessions/{id}")).await;
    assert!(page.html.contains("more characters are not on this page") && !page.html.contains(&value));
    let file = person.see(&format!("/sessions/{id}/export.html")).await;
    assert_eq!(file.html.matches(&value).count(), 2, "in words, and word for word");
    for part in ["more characters", "more bytes", "nothing is kept"] {
        assert!(!file.html.contains(part), "{part}");
    }
    for part in ["credential good", " KiB out, answered in", "from 192.0.2.7"] {
        assert!(file.html.contains(part), "{part}: {}", file.html.replace(&value, ""));
    }
    let json: serde_json::Value =
        serde_json::from_str(&person.see(&format!("/sessions/{id}/export.json")).await.html).unwrap();
    assert_eq!(json["truncated"], false);
    door.close().await;
}

async fn the_last_failure_outlives_other_commands(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let get = |target: &str| json!({"kind": "get", "items": [{"target": target}]});
    door.post("/commands", &json!({"device_id": "D1", "command": get("./Vendor/MSFT/Nope")})).await;
    for _ in 0..4 {
        door.check_in(&mut device).await;
        let commands: Vec<_> = (0..4).map(|_| get("./DevDetail/SwV")).collect();
        door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    }
    let failed = door.get("/commands?device_id=D1&state=failed").await.json();
    let id = failed["items"][0]["id"].as_str().unwrap();
    let page = ada(&door).await.see("/devices/D1").await;
    let told = page.between("Last failure:", "</div>");
    assert!(told.contains(&format!("/commands/{id}")) && told.contains("Nope"), "{told}");
    door.enroll("D2").await;
    assert!(!ada_again(&door).await.see("/devices/D2").await.html.contains("Last failure:"));
    door.close().await;
}

const REFUSED: &str = "./Device/Vendor/MSFT/Defender/Configuration/TamperProtection";

async fn policies_that_failed_are_seen_first(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    let person = ada(&door).await;
    let calm = person.see("/").await;
    assert!(calm.html.contains("Nothing needs your attention."), "{}", calm.html);
    // Windows protects the second one.
    let settings =
        json!({"./Device/Vendor/MSFT/Defender/Configuration/HideExclusionsFromLocalAdmins": 1, (REFUSED): "x"});
    let declarations = json!([
        {"type": "configuration", "identifier": "base", "payload": {"settings": settings}},
        {"type": "configuration", "identifier": "other", "payload": {"settings": {"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": 0}}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["base", "other"]}},
    ]);
    let applied = door.post("/policies/apply", &json!({"message": "x", "declarations": declarations})).await;
    assert_eq!(applied.json()["revision"], 1);
    let done = async || (door.get("/policies/progress").await.json()["done"] == true).then_some(());
    until("all devices are looked at", done).await;
    door.check_in(&mut device).await;

    let overview = person.see("/").await;
    assert!(!overview.html.contains("Nothing needs your attention."));
    let told = overview.between("Policies in trouble", "</section>");
    assert!(told.contains("href=\"/policies/base?state=failed\"") && told.contains("1 failed"), "{told}");
    assert!(!told.contains("/policies/all"), "an activation stands where its configurations do: {told}");
    let sessions = overview.between("The last sessions", "</section>");
    assert!(sessions.contains("LAPTOP-ADA") && sessions.contains("/devices/D1"), "{sessions}");

    let page = person.see("/devices/D1").await;
    let told = page.between("Last failure:", "</div>");
    assert!(told.contains("Defender › Configuration › TamperProtection") && told.contains("/commands/"), "{told}");
    let head = page.html.split("id=\"policies\"").next().unwrap();
    assert!(head.contains("1 failed") && head.contains("href=\"#policies\""), "{head}");
    let table = page.between("id=\"policies\"", "</section>");
    let (refused, taken) = (table.find(REFUSED), table.find("HideExclusionsFromLocalAdmins"));
    assert!(refused.is_some() && refused < taken, "{table}");
    door.close().await;
}

async fn ada_again(door: &AdminDoor) -> Person<'_> {
    Person::signed_in_as(door, "grace", "admin").await
}

async fn a_device_is_shown_with_what_is_known_of_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let person = ada(&door).await;
    assert!(!person.see("/devices/D1").await.html.contains("All that is known of it"));
    door.knows(
        "D1",
        &[
            ("device.serial", FactValue::Text("SN-<7>".to_owned())),
            ("os.edition", FactValue::Text("Enterprise".to_owned())),
            ("security.encrypted", FactValue::Bool(true)),
            ("storage.free", FactValue::Integer(4096)),
            ("device.tags", FactValue::List(vec!["pilot".to_owned(), "desk".to_owned()])),
        ],
    )
    .await;
    let page = person.see("/devices/D1").await;
    for part in [
        "Serial number</dt><dd><bdi>SN-&#60;7&#62;</bdi>",
        "Edition</dt><dd><bdi>Enterprise",
        "Tags</dt><dd><bdi>desk, pilot",
        "All that is known of it",
        "<h3>Security</h3>",
        "<dt>encrypted</dt><dd><bdi>yes</bdi>",
        "<bdi>4096 MB</bdi> <span class=\"soft small\"",
        "Not answered yet:",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    door.close().await;
}

/// What addresses may point at on a page.
fn ids(shown: &Shown) -> Vec<&str> {
    shown.html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

async fn each_line_of_a_conversation_has_an_id_of_its_own(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let targets = ["./DevDetail/SwV", "./DevDetail/HwV", "./Vendor/MSFT/Nope"];
    let items: Vec<_> = targets.iter().map(|target| json!({"target": target})).collect();
    let ordered = door.post("/commands", &json!({"device_id": "D1", "command": {"kind": "get", "items": items}})).await;
    let command = ordered.json()["devices"][0]["commands"][0].as_str().unwrap().to_owned();
    door.check_in(&mut device).await;
    let person = ada(&door).await;
    let why = person.see(&format!("/commands/{command}")).await;
    let failed = why.html.split("<h3>").find(|part| part.contains("Nope") && part.contains("404")).unwrap();
    let link = failed.split("href=\"/sessions/").nth(1).unwrap().split('"').next().unwrap();
    let (session, anchor) = link.split_once('#').unwrap();
    let page = person.see(&format!("/sessions/{session}")).await;
    let found = ids(&page);
    assert_eq!(found.len(), found.iter().collect::<BTreeSet<_>>().len(), "{found:?}");
    let row = page.html.split("<li id=\"").find(|row| row.starts_with(&format!("{anchor}\""))).unwrap();
    assert!(anchor.ends_with("-3") && row.contains("Nope"), "{anchor}: {row}");
    assert!(page.html.contains("href=\"#exchange"));
    let only = person.see(&format!("/sessions/{session}?only={command}")).await;
    assert!(
        only.html.contains(&format!("href=\"/sessions/{session}#exchange")) && !only.html.contains("href=\"#exchange")
    );
    door.close().await;
}

async fn a_search_that_is_wrong_says_so_where_it_was_written(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let person = ada(&door).await;
    for (query, why, kept) in [
        ("text=a", "Said in it: write a word of two characters", "name=\"text\" value=\"a\""),
        ("from=yesterday", "From (UTC): this is no time", "name=\"from\" value=\"yesterday\""),
        ("until=%3Cb%3E", "Until (UTC): this is no time", "name=\"until\" value=\"&#60;b&#62;\""),
        ("device=nobody", "No device has this id, or this whole name.", "name=\"device\" value=\"nobody\""),
    ] {
        let shown = person.see(&format!("/sessions?{query}")).await;
        assert!(shown.html.contains(why) && shown.html.contains(kept), "{query}: {}", shown.html);
        assert!(shown.html.contains("Nothing was looked for."), "{query}");
    }
    door.close().await;
}

async fn sessions_are_found_by_the_name_of_a_computer(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let id = one_that_goes_on(&door).await;
    let mut other = door.enroll_named("D2", "Front Desk").await;
    door.check_in(&mut other).await;
    let person = ada(&door).await;
    for written in ["laptop", "+D1+", "d1"] {
        let shown = person.see(&format!("/sessions?device={written}")).await;
        assert!(shown.html.contains(&id) && !shown.html.contains("/devices/D2"), "{written}: {}", shown.html);
    }
    door.enroll("D3").await;
    let shown = person.see("/sessions?device=LAPTOP").await;
    assert!(shown.html.contains("Several devices are called so") && shown.html.contains("D1, D3"), "{}", shown.html);
    door.close().await;
}

async fn what_is_offered_may_be_done(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let get = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    let ordered = door.post("/commands", &json!({"device_id": "D1", "command": get})).await.json();
    let command = ordered["devices"][0]["commands"][0].as_str().unwrap();
    let (ada, bob) = (ada(&door).await, Person::signed_in_as(&door, "bob", "helpdesk").await);
    let path = format!("/commands/{command}");
    for person in [&ada, &bob] {
        let page = person.see(&path).await;
        assert!(page.html.contains("Take it back") && !page.html.contains("Send it again"), "{}", page.html);
    }
    test.direct().execute("UPDATE commands SET state = 'unknown', settled_at = 1, ready_at = NULL");
    let (hers, his) = (ada.see(&path).await, bob.see(&path).await);
    assert!(hers.html.contains("Send it again") && !hers.html.contains("Take it back"), "{}", hers.html);
    assert!(!his.html.contains("Send it again") && !his.html.contains("What you can do"), "{}", his.html);
    let csrf = hers.field("csrf");
    let form = [("csrf", csrf.as_str()), ("as", "succeeded")];
    let resolved = ada.send(Method::POST, &format!("{path}/resolve"), Some(&form), &[]).await;
    assert_eq!(resolved.status, 303, "{}", resolved.html);
    door.close().await;
}
