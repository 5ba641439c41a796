//! The forms of what is published: in stages, and values of secrets.

use reqwest::Method;
use serde_json::json;

use super::authoring::Author;
use super::pages::{Person, Shown};
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(a_draft_is_published_in_stages, stages_go_on_and_are_held, a_secret_is_set_and_removed_and_never_shown);

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
    assert_eq!(log.json()["items"].as_array().unwrap().len(), 4);
    assert!(!String::from_utf8_lossy(&log.bytes).contains(VALUE));
    door.close().await;
}
