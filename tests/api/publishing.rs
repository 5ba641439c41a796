//! The forms of what is published: in stages, and values of secrets.

use reqwest::Method;
use serde_json::json;

use super::authoring::Author;
use super::pages::{Person, Shown};
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;
use crate::support::server::until;

scenarios!(
    a_draft_is_published_in_stages,
    stages_go_on_and_are_held,
    the_devices_of_a_revision_are_listed_by_state_and_page,
    a_secret_is_set_and_removed_and_never_shown,
    what_needs_a_secret_is_foreseen_without_it,
    of_another_set_a_device_is_foreseen_with_what_its_stage_gives_it,
    what_failed_on_a_device_is_sent_again_when_somebody_is_sure,
);

/// What a plan is entered as where nothing is wrong with it.
const PLAN: [(&str, &str); 5] = [
    ("how", "stages"),
    ("stages", "'pilot' in device.tags\r\n25%"),
    ("stop_at_failures", "2%"),
    ("minimum_devices", "20"),
    ("advance_after", "4h"),
];

/// Publishes what somebody wrote, with a plan in which some fields are others.
async fn publish(author: &Author<'_>, set: &str, other: &[(&str, &str)]) -> Shown {
    let page = format!("/sets/{set}/publish");
    let version = author.person.see(&page).await.field("version");
    let mut fields = vec![("version", version.as_str()), ("message", "carefully")];
    fields.extend(
        PLAN.map(|(name, value)| other.iter().find(|(field, _)| *field == name).copied().unwrap_or((name, value))),
    );
    author.post(&page, &fields).await
}

async fn a_draft_is_published_in_stages(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    ada.baseline("default", "8").await;
    let page = ada.person.see("/sets/default/publish").await;
    for part in [
        "<input type=\"radio\" name=\"how\" value=\"all\" checked>",
        "\n10%\n50%</textarea>",
        "name=\"stop_at_failures\" value=\"5%\"",
        "name=\"minimum_devices\" value=\"5\"",
        "name=\"advance_after\" value=\"\"",
    ] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }

    // What is out of range is said at its field, and nothing is published.
    for (field, value, what) in [
        ("stages", "", "in 1 to 19 stages"),
        ("stages", "50%\n10%", "10% is not more than the 50% before"),
        ("stages", "os.bulid > 1", "did you mean os.build"),
        ("stop_at_failures", "101%", "is no share"),
        ("minimum_devices", "0", "write a number from 1 to 1000000"),
        ("minimum_devices", "<b>", "write a number from 1 to 1000000"),
        ("advance_after", "31d", "a stage lasts at most 30 days"),
        ("advance_after", "soon", "write a time such as"),
    ] {
        let refused = publish(&ada, "default", &[(field, value)]).await;
        assert_eq!(refused.status, 200, "{field} {value}: {}", refused.html);
        let said = refused.between(&format!("id=\"{field}-fault\">"), "</p>");
        assert!(said.contains(what), "{field} {value}: {said}");
        assert_eq!(refused.html.matches("class=\"fault\"").count(), 1, "{field} {value}");
        assert_eq!(refused.html.matches("aria-invalid").count(), 1, "{field} {value}");
        assert!(refused.html.contains("value=\"stages\" checked") && refused.html.contains("value=\"carefully\""));
        assert!(!refused.html.contains("<b>"), "{}", refused.html);
    }
    assert_eq!(door.get("/policies/stages").await.json(), json!([]));
    assert_eq!(door.get("/policies/export").await.json()["declarations"], json!([]));

    let done = publish(&ada, "default", &[]).await;
    assert_eq!((done.status, done.header("location")), (303, "/policy-stages?done=published"), "{}", done.html);
    let staged = door.get("/policies/stages").await.json()[0].clone();
    assert_eq!(staged["stages"], json!(["'pilot' in device.tags", "25%", "100%"]), "{staged}");
    assert_eq!((&staged["state"], &staged["stage"]), (&json!("running"), &json!(1)));
    assert_eq!((&staged["stop_at_failures"], &staged["minimum_devices"]), (&json!("2%"), &json!(20)));
    assert_eq!(staged["advance_after_seconds"], 4 * 60 * 60);
    let told = ada.person.see("/policy-stages?done=published").await;
    assert!(told.html.contains("goes to the devices of its first stage"), "{}", told.html);
    assert!(told.html.contains("&#39;pilot&#39; in device.tags"), "{}", told.html);
    assert_eq!(door.get("/policies/drafts").await.json()["items"], json!([]));

    // One set at a time; and this one is told that publishing ends what goes on.
    ada.length("default", "12").await;
    assert!(ada.person.see("/sets/default/publish").await.html.contains("Publishing ends that"));
    ada.done("/sets/other/declarations", &[("type", "asset"), ("identifier", "note")]).await;
    ada.done("/sets/other/declarations/note", &[("deed", "save"), ("kind", "text"), ("content", "x")]).await;
    let other = ada.person.see("/sets/other/publish").await;
    assert!(other.html.contains("value=\"stages\" disabled"), "{}", other.html);
    let refused = publish(&ada, "other", &[]).await;
    assert!(refused.status == 200 && refused.html.contains("still goes to devices in stages"), "{}", refused.html);
    let at_once = publish(&ada, "other", &[("how", "all"), ("stages", "nonsense")]).await;
    assert_eq!(at_once.status, 303, "{}", at_once.html);
    assert_eq!(publish(&ada, "default", &[("how", "all")]).await.status, 303);
    assert_eq!(door.get("/policies/stages").await.json()[0]["state"], "replaced");

    // The API publishes drafts so as well.
    let settings = json!({"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": 0});
    let draft =
        json!({"declarations": [{"type": "configuration", "identifier": "more", "payload": {"settings": settings}}]});
    assert_eq!(door.post("/policies/drafts/more", &draft).await.status, 200);
    let mut publish = json!({"message": "carefully", "stages": {"stages": ["10%"], "minimum_devices": 0}});
    let refused = door.post("/policies/drafts/more/publish", &publish).await;
    assert_eq!(refused.pointer(422), "/stages/minimum_devices");
    publish["stages"]["minimum_devices"] = json!(1);
    let published = door.post("/policies/drafts/more/publish", &publish).await.json();
    assert_eq!(door.get("/policies/stages").await.json()[0]["revision"], published["revision"], "{published}");
    door.close().await;
}

async fn stages_go_on_and_are_held(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let joe = Person::signed_in_as(&door, "joe", "helpdesk").await;
    let empty = joe.see("/policy-stages").await;
    assert!(empty.html.contains("Nothing was published in stages."), "{}", empty.html);
    ada.baseline("default", "8").await;
    assert_eq!(publish(&ada, "default", &[]).await.status, 303);
    let state = async || {
        let staged = door.get("/policies/stages").await.json()[0].clone();
        (staged["state"].as_str().unwrap().to_owned(), staged["stage"].as_u64().unwrap())
    };
    let at = |deed: &str| format!("/policy-stages/1/{deed}");
    // Whoever may only look is offered nothing, and refused.
    let seen = joe.see("/policy-stages").await;
    assert!(seen.html.contains("Revision 1") && !seen.html.contains("<form method=\"post\" action=\"/policy-stages"));
    let csrf = seen.field("csrf");
    for deed in ["pause", "advance", "resume"] {
        let refused = joe.send(Method::POST, &at(deed), Some(&[("csrf", csrf.as_str())]), &[]).await;
        assert_eq!(refused.status, 403, "{deed}");
        let forged = ada.person.send(Method::POST, &at(deed), Some(&[("csrf", "x")]), &[]).await;
        assert_eq!(forged.status, 403, "{deed}");
    }
    assert_eq!(state().await, ("running".to_owned(), 1));

    assert_eq!(ada.done(&at("pause"), &[]).await, "/policy-stages");
    assert_eq!(state().await.0, "paused");
    let page = ada.person.see("/policy-stages").await;
    assert!(page.html.contains("/policy-stages/1/resume") && !page.html.contains("/policy-stages/1/pause"));
    let again = ada.post(&at("pause"), &[]).await;
    assert!(again.status == 200 && again.html.contains("only what is running can be paused"), "{}", again.html);
    ada.done(&at("resume"), &[]).await;
    assert_eq!(state().await, ("running".to_owned(), 1));
    ada.done(&at("advance"), &[]).await;
    assert_eq!(state().await.1, 2);
    ada.done(&at("advance"), &[]).await;
    assert_eq!(state().await.1, 3);
    // There is no stage after everybody, whether it is done by now or not.
    let last = ada.post(&at("advance"), &[]).await;
    assert!(last.status == 200 && last.html.contains("Not done:"), "{}", last.html);
    for path in ["/policy-stages/1/destroy", "/policy-stages/9/pause", "/policy-stages/x/pause"] {
        assert_eq!(ada.post(path, &[]).await.status, 404, "{path}");
    }
    let log = door.get("/audit?action=policy.").await.json();
    let deeds: Vec<&str> =
        log["items"].as_array().unwrap().iter().map(|each| each["action"].as_str().unwrap()).collect();
    for deed in ["policy.apply", "policy.pause", "policy.resume", "policy.advance"] {
        assert!(deeds.contains(&deed), "{deed}: {deeds:?}");
    }
    door.close().await;
}

fn declarations(settings: &serde_json::Value) -> serde_json::Value {
    json!([
        {"type": "configuration", "identifier": "base", "payload": {"settings": settings}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["base"]}},
    ])
}

async fn looked_at(door: &AdminDoor) {
    let done = async || (door.get("/policies/progress").await.json()["done"] == true).then_some(());
    until("all devices are looked at", done).await;
}

async fn the_devices_of_a_revision_are_listed_by_state_and_page(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut devices = Vec::new();
    for number in 0..3 {
        let mut device = door.enroll_named(&format!("D{number}"), &format!("LAPTOP-{number}")).await;
        door.check_in(&mut device).await;
        devices.push(device);
    }
    // Windows protects this one.
    let settings = json!({"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera": 0,
        "./Device/Vendor/MSFT/Defender/Configuration/TamperProtection": "x"});
    let plan = json!({"stages": ["100%"], "stop_at_failures": "100%", "minimum_devices": 100});
    let body = json!({"message": "x", "declarations": declarations(&settings), "stages": plan});
    assert_eq!(door.post("/policies/apply", &body).await.json()["revision"], 1);
    looked_at(&door).await;
    let path = "/policies/stages/1/devices";
    let of = async |query: &str| door.get(&format!("{path}?{query}")).await.json();
    assert_eq!(of("state=pending").await["items"].as_array().unwrap().len(), 3);
    for device in devices.iter_mut().take(2) {
        door.check_in(device).await;
    }
    let failed = of("state=failed&limit=1").await;
    assert_eq!(failed["items"].as_array().unwrap().len(), 1, "{failed}");
    assert_eq!(failed["items"][0]["name"], "LAPTOP-0", "{failed}");
    let because = failed["items"][0]["because"].as_array().unwrap();
    assert!(because.len() == 1 && because[0]["target"].as_str().unwrap().ends_with("TamperProtection"), "{failed}");
    let cursor = failed["next_cursor"].as_str().unwrap();
    let next = of(&format!("state=failed&limit=1&cursor={cursor}")).await;
    assert_eq!((&next["items"][0]["name"], &next["next_cursor"]), (&json!("LAPTOP-1"), &json!(null)), "{next}");
    assert_eq!(of("state=applied").await["items"], json!([]));
    assert_eq!(of("").await["items"].as_array().unwrap().len(), 3);
    let staged = door.get("/policies/stages/1").await.json();
    assert_eq!(staged["devices"], json!({"failed": 2, "pending": 1}), "{staged}");
    // Of a declaration it is the same.
    let own = door.get("/policies/declarations/base/devices?state=failed&limit=1").await.json();
    assert!(own["items"][0]["name"] == "LAPTOP-0" && own["next_cursor"].is_string(), "{own}");
    for (path, status) in [
        ("/policies/stages/1/devices?state=odd", 400),
        ("/policies/stages/1/devices?limit=0", 400),
        ("/policies/stages/7/devices", 404),
        ("/policies/stages/x", 404),
    ] {
        assert_eq!(door.get(path).await.status, status, "{path}");
    }

    let joe = Person::signed_in_as(&door, "joe", "auditor").await;
    let page = joe.see("/policy-stages/1?state=failed").await;
    assert!(page.html.contains("LAPTOP-0") && page.html.contains("LAPTOP-1") && !page.html.contains("LAPTOP-2"));
    assert!(page.html.contains("2 failed") && page.html.contains("1 pending"), "{}", page.html);
    let pending = joe.see("/policy-stages/1?state=pending").await;
    assert!(pending.html.contains("LAPTOP-2") && !pending.html.contains("LAPTOP-1"), "{}", pending.html);
    assert_eq!(joe.send(Method::GET, "/policy-stages/7", None, &[]).await.status, 404);
    assert_eq!(joe.send(Method::GET, "/policy-stages/1?state=odd", None, &[]).await.status, 400);
    door.close().await;
}

async fn what_needs_a_secret_is_foreseen_without_it(test: &TestStore) {
    const VALUE: &str = "Xylophon7.Quartz";
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll("D1").await;
    door.check_in(&mut device).await;
    let ada = Author::signed_in(&door, "ada").await;
    let declared = "/sets/default/declarations";
    ada.done(declared, &[("type", "asset"), ("identifier", "word")]).await;
    ada.done("/sets/default/declarations/word", &[("deed", "save"), ("kind", "secret")]).await;
    ada.done(declared, &[("type", "configuration"), ("identifier", "quiet")]).await;
    let uri = "./Vendor/Contoso/Word";
    let setting = [("deed", "save"), ("uri", uri), ("format", "chr"), ("value", "say ${asset.word}")];
    ada.done("/sets/default/declarations/quiet/setting", &setting).await;
    ada.done(declared, &[("type", "activation"), ("identifier", "all")]).await;
    ada.done("/sets/default/declarations/all", &[("deed", "save"), ("configuration", "quiet")]).await;
    let asset = ada.person.see("/sets/default/declarations/word").await;
    assert!(asset.html.contains("no value on this server yet") && asset.html.contains("/policy-secrets?name=word"));
    let before = ada.person.see("/sets/default/preview?device=D1").await;
    assert!(before.html.contains("Settings that need a secret") && before.html.contains("has no value"));
    assert!(before.html.contains("unresolved") && before.html.contains("/policy-secrets?name=word"), "{}", before.html);
    assert!(before.html.contains("Published in stages") && before.html.contains("1 setting wanted"), "{}", before.html);
    let named = ada.person.see("/policy-secrets?name=%22%3E%3Cimg%3E").await;
    assert!(!named.html.contains("<img"), "{}", named.html);

    ada.done("/policy-secrets", &[("name", "word"), ("value", VALUE)]).await;
    assert!(ada.person.see("/sets/default/declarations/word").await.html.contains("It has a value on this server"));
    let after = ada.person.see("/sets/default/preview?device=D1").await;
    assert!(after.html.contains("say [redacted]") && after.html.contains("has a value"), "{}", after.html);
    assert!(!after.html.contains("unresolved") && !after.html.contains(VALUE), "{}", after.html);
    // What the API gives may be sent by somebody: the setting is not among it, and is told.
    let all = json!([
        {"type": "asset", "identifier": "word", "payload": {"secret": true}},
        {"type": "configuration", "identifier": "quiet", "payload": {"settings": {(uri): {"value": "say ${asset.word}", "format": "chr"}}}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["quiet"]}},
    ]);
    let planned = door.post("/policies/plan", &json!({"device_id": "D1", "declarations": all})).await.json();
    assert_eq!(
        (&planned["commands"], &planned["left_out"][0]["state"]),
        (&json!([]), &json!("unresolved")),
        "{planned}"
    );
    assert_eq!(planned["secrets"], json!([{"target": uri, "set": ["word"], "missing": []}]), "{planned}");
    assert!(planned["stage_share"].as_str().unwrap().ends_with('%'), "{planned}");
    door.close().await;
}

async fn of_another_set_a_device_is_foreseen_with_what_its_stage_gives_it(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll("D1").await;
    door.check_in(&mut device).await;
    let camera = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    let set = |name: &str, settings: serde_json::Value| {
        json!([
            {"type": "configuration", "identifier": name, "payload": {"settings": settings}},
            {"type": "activation", "identifier": format!("{name}-all"), "payload": {"configurations": [name]}},
        ])
    };
    let stages = json!({"stages": ["'pilot' in device.tags"]});
    let staged =
        json!({"message": "x", "set": "slow", "declarations": set("slow", json!({(camera): 0})), "stages": stages});
    assert_eq!(door.post("/policies/apply", &staged).await.status, 200);
    // The device is not in the first stage: beside what another set would give it, it gets nothing of that one.
    let own = "./Device/Vendor/MSFT/Policy/Config/Experience/AllowCortana";
    let planned = async || {
        let plan = json!({"device_id": "D1", "set": "own", "declarations": set("own", json!({(own): 0}))});
        let planned = door.post("/policies/plan", &plan).await.json();
        (
            planned["wanted"].clone(),
            planned["activations"].clone(),
            planned["syncml"].as_str().unwrap().contains(camera),
        )
    };
    assert_eq!(planned().await, (json!(1), json!(["own-all"]), false));
    assert_eq!(door.post("/devices/D1/tags", &json!({"add": ["pilot"]})).await.status, 200);
    assert_eq!(planned().await.0, json!(2));
    door.close().await;
}

async fn what_failed_on_a_device_is_sent_again_when_somebody_is_sure(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    let joe = Person::signed_in_as(&door, "joe", "helpdesk").await;
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    assert!(!joe.see("/devices/D1").await.html.contains("/devices/D1/retry"), "nothing has failed");
    assert!(joe.see("/devices/D1/retry").await.html.contains("Nothing of its policies has failed."));
    let settings = json!({"./Device/Vendor/MSFT/Defender/Configuration/TamperProtection": "x"});
    door.post("/policies/apply", &json!({"message": "x", "declarations": declarations(&settings)})).await;
    looked_at(&door).await;
    door.check_in(&mut device).await;
    let state = async || door.get("/devices/D1/policies").await.json()["settings"][0]["state"].clone();
    assert_eq!(state().await, "failed");

    assert!(!eve.see("/devices/D1").await.html.contains("/devices/D1/retry"));
    assert_eq!(eve.send(Method::GET, "/devices/D1/retry", None, &[]).await.status, 403);
    assert!(joe.see("/devices/D1").await.html.contains("/devices/D1/retry"));
    let asked = joe.see("/devices/D1/retry").await;
    assert!(asked.html.contains("TamperProtection") && asked.html.contains("LAPTOP-ADA"), "{}", asked.html);
    let forged = joe.send(Method::POST, "/devices/D1/retry", Some(&[("csrf", "x")]), &[]).await;
    assert_eq!(forged.status, 403);
    let csrf = asked.field("csrf");
    let form = [("csrf", csrf.as_str())];
    assert_eq!(joe.send(Method::POST, "/devices/nobody/retry", Some(&form), &[]).await.status, 404);
    assert_eq!(state().await, "failed", "nothing is sent before somebody is sure");
    let done = joe.send(Method::POST, "/devices/D1/retry", Some(&form), &[]).await;
    assert_eq!((done.status, done.header("location")), (303, "/devices/D1?done=retry"), "{}", done.html);
    assert!(joe.see("/devices/D1?done=retry").await.html.contains("What failed is sent again"));
    until("it is sent again", async || (state().await == "pending").then_some(())).await;
    door.check_in(&mut device).await;
    assert_eq!(state().await, "failed");
    let again = door.post("/devices/D1/policies/retry", &json!({"identifier": "base"})).await;
    assert_eq!((again.status, &again.json()["device_id"]), (202, &json!("D1")));
    until("it is sent again", async || (state().await == "pending").then_some(())).await;
    assert_eq!(door.post("/devices/D1/policies/retry", &json!({"identifier": "nobody"})).await.status, 404);
    // For all devices it takes more, and the name of a declaration.
    let of_all = [("csrf", csrf.as_str()), ("identifier", "base")];
    assert_eq!(joe.send(Method::POST, "/policy-retry", Some(&of_all), &[]).await.status, 403);
    let ada = Author::signed_in(&door, "ada").await;
    assert_eq!(ada.post("/policy-retry", &[]).await.status, 404);
    assert_eq!(ada.done("/policy-retry", &[("identifier", "base")]).await, "/policies/base");
    door.close().await;
}

async fn a_secret_is_set_and_removed_and_never_shown(test: &TestStore) {
    const VALUE: &str = "Xylophon7.Quartz";
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let joe = Person::signed_in_as(&door, "joe", "auditor").await;
    assert!(joe.see("/policy-secrets").await.html.contains("No policy refers to a secret"));
    ada.done("/sets/default/declarations", &[("type", "asset"), ("identifier", "office-wifi")]).await;
    ada.done("/sets/default/declarations/office-wifi", &[("deed", "save"), ("kind", "secret")]).await;
    assert_eq!(ada.publish("default", "a secret").await.status, 303);
    let missing = ada.person.see("/policy-secrets").await;
    assert!(missing.html.contains("has no value") && missing.html.contains("<option value=\"office-wifi\">"));

    // What can't be is said, without any of it.
    for (name, value, what) in [
        ("office-wifi", "", "a value has 1 to"),
        ("office-wifi", "Xylophon7.Quartz\u{0}", "write bytes in base64"),
        ("two words", VALUE, "Not done:"),
        ("\"><img src=x>", VALUE, "Not done:"),
    ] {
        let refused = ada.post("/policy-secrets", &[("name", name), ("value", value)]).await;
        assert!(refused.status == 200 && refused.html.contains(what), "{name}: {}", refused.html);
        assert!(!refused.html.contains("Xylophon7") && !refused.html.contains("<img"), "{}", refused.html);
    }
    for (version, name) in [(1, "office-wifi"), (2, " office-wifi ")] {
        assert_eq!(ada.done("/policy-secrets", &[("name", name), ("value", VALUE)]).await, "/policy-secrets");
        let page = ada.person.see("/policy-secrets").await;
        assert!(page.html.contains("has a value") && !page.html.contains(VALUE), "{}", page.html);
        assert_eq!(door.get("/policies/secrets").await.json()["items"][0]["version"], version);
    }
    // A document with a key in it is as long as it is, and has lines.
    let long = format!("-----BEGIN PRIVATE KEY-----\r\n{}-----END PRIVATE KEY-----\r\n", "<&%>".repeat(15_000));
    assert!(ada.person.see("/policy-secrets").await.html.contains("<textarea class=\"masked\""));
    ada.done("/policy-secrets", &[("name", "nobody-asks"), ("value", &long)]).await;
    ada.done("/policy-secrets", &[("name", "nobody-asks"), ("value", VALUE)]).await;
    assert!(ada.person.see("/policy-secrets").await.html.contains("no such asset is published"));

    // Whoever may only look has no form.
    let seen = joe.see("/policy-secrets").await;
    assert!(seen.html.contains("office-wifi") && !seen.html.contains("action=\"/policy-secrets"), "{}", seen.html);
    let csrf = seen.field("csrf");
    for path in ["/policy-secrets", "/policy-secrets/office-wifi/remove"] {
        let form = [("csrf", csrf.as_str()), ("name", "office-wifi"), ("value", "x")];
        assert_eq!(joe.send(Method::POST, path, Some(&form), &[]).await.status, 403, "{path}");
        let forged = [("csrf", "x"), ("name", "office-wifi"), ("value", "x")];
        assert_eq!(ada.person.send(Method::POST, path, Some(&forged), &[]).await.status, 403, "{path}");
    }
    assert_eq!(ada.done("/policy-secrets/office-wifi/remove", &[]).await, "/policy-secrets");
    assert!(ada.person.see("/policy-secrets").await.html.contains("has no value"));
    assert_eq!(ada.post("/policy-secrets/office-wifi/remove", &[]).await.status, 404);
    let log = door.get("/audit?action=policy_secret.").await;
    assert_eq!(log.json()["items"].as_array().unwrap().len(), 5);
    assert!(!String::from_utf8_lossy(&log.bytes).contains(VALUE));
    door.close().await;
}
