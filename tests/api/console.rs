//! The pages of the web interface that act and account: actions, recovery keys, conditions, the audit log, settings.

use reqwest::Method;
use serde_json::json;
use transom::model::FactValue;

use super::pages::Person;
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    what_destroys_is_typed_and_only_offered_to_who_may,
    what_a_device_can_not_do_is_said_before,
    a_key_is_shown_for_a_reason_that_is_kept,
    devices_are_found_by_condition_and_by_serial_number,
    a_filter_is_kept_for_oneself,
    the_audit_log_is_read_proved_and_taken_away,
    the_overview_tells_of_refusals_and_not_of_settings,
    settings_are_for_those_who_may_see_them,
);

async fn what_destroys_is_typed_and_only_offered_to_who_may(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    let (ada, bob) =
        (Person::signed_in_as(&door, "ada", "admin").await, Person::signed_in_as(&door, "bob", "helpdesk").await);
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    for word in ["wipe", "autopilot_reset", "unenroll", "rename"] {
        let path = format!("/devices/D1/actions/{word}");
        assert!(ada.see("/devices/D1").await.html.contains(&path), "{word}");
        let page = bob.see("/devices/D1").await;
        assert!(!page.html.contains(&path) && page.html.contains("/devices/D1/actions/lock"), "{word}");
        assert_eq!(bob.send(Method::GET, &path, None, &[]).await.status, 403, "{word}");
        let csrf = page.field("csrf");
        let form = [("csrf", csrf.as_str()), ("device", "D1"), ("typed", "D1"), ("name", "PC1")];
        let refused = bob.send(Method::POST, &path, Some(&form), &[]).await;
        assert!(refused.status == 403 && refused.html.contains("this needs the right"), "{word}: {}", refused.html);
    }
    assert!(!eve.see("/devices/D1").await.html.contains("/actions/"));
    assert_eq!(eve.send(Method::GET, "/devices/D1/actions/lock", None, &[]).await.status, 403);
    assert!(door.get("/actions").await.json()["items"].as_array().unwrap().is_empty());

    let csrf = ada.see("/devices/D1/actions/wipe").await.field("csrf");
    let wipe = async |typed: &str, variant: &str| {
        let form = [("csrf", csrf.as_str()), ("device", "D1"), ("typed", typed), ("variant", variant)];
        ada.send(Method::POST, "/devices/D1/actions/wipe", Some(&form), &[]).await
    };
    for typed in ["", "LAPTOP", "D2"] {
        let again = wipe(typed, "normal").await;
        assert!(again.status == 422 && again.html.contains("this is not the name"), "{typed}: {}", again.html);
    }
    assert_eq!(wipe("laptop-ada", "nonsense").await.status, 400);
    assert!(door.get("/commands").await.json()["items"].as_array().unwrap().is_empty());
    let done = wipe(" laptop-ada ", "protected").await;
    assert_eq!((done.status, done.header("location")), (303, "/devices/D1?done=wipe"), "{}", done.html);
    let page = ada.see("/devices/D1?done=wipe").await;
    for part in ["It is in its queue.", "waits for the device", "the same is under way already"] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert_eq!(wipe("D1", "normal").await.status, 409);
    let action = door.get("/actions").await.json()["items"][0].clone();
    assert_eq!((&action["kind"], &action["created_by"]), (&json!("wipe"), &json!("ada")));

    let form = [("csrf", csrf.as_str()), ("device", "D1"), ("name", "no good name!")];
    let again = ada.send(Method::POST, "/devices/D1/actions/rename", Some(&form), &[]).await;
    assert!(again.status == 422 && again.html.contains("Not asked:"), "{}", again.html);
    let form = [("csrf", csrf.as_str()), ("device", "D1"), ("typed", "D1")];
    let left = ada.send(Method::POST, "/devices/D1/actions/unenroll", Some(&form), &[]).await;
    assert_eq!(left.status, 303, "{}", left.html);
    door.close().await;
}

async fn what_a_device_can_not_do_is_said_before(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    door.knows("D1", &[("os.edition", FactValue::Text("Home".into()))]).await;
    let ada = Person::signed_in_as(&door, "ada", "admin").await;
    let page = ada.see("/devices/D1").await;
    let why = "it needs Pro, Enterprise or Education, the device has Home";
    assert!(page.html.contains(why) && !page.html.contains("/devices/D1/actions/wipe"), "{}", page.html);
    assert!(page.html.contains("this server takes no archives of diagnostics"));
    assert!(page.html.contains("/devices/D1/actions/reboot"));
    let page = ada.see("/devices/D1/actions/wipe").await;
    assert!(page.html.contains(why) && !page.html.contains("Erase it"), "{}", page.html);
    assert_eq!(ada.send(Method::GET, "/devices/D1/actions/dance", None, &[]).await.status, 404);
    assert_eq!(ada.send(Method::GET, "/devices/nobody/actions/lock", None, &[]).await.status, 404);
    door.close().await;
}

async fn a_key_is_shown_for_a_reason_that_is_kept(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let secret = "111111-222222-333333-444444-555555-666666-777777-888888";
    let key = json!({"kind": "bitlocker", "name": "C:", "secret": secret});
    let kept = door.post("/devices/D1/recovery-keys", &key).await.json();
    let path = format!("/devices/D1/keys/{}", kept["id"].as_str().unwrap());
    let bob = Person::signed_in_as(&door, "bob", "helpdesk").await;
    let page = bob.see("/devices/D1").await;
    assert!(page.html.contains(&path) && !page.html.contains(secret));
    let page = bob.see(&path).await;
    assert!(!page.html.contains(secret) && page.html.contains("Why do you need it?"));
    let csrf = page.field("csrf");
    let ask = async |csrf: &str, reason: &str| {
        bob.send(Method::POST, &path, Some(&[("csrf", csrf), ("reason", reason)]), &[]).await
    };
    assert_eq!(ask("wrong", "because").await.status, 403);
    let again = ask(&csrf, "  ").await;
    assert!(again.html.contains("Not shown:") && !again.html.contains(secret), "{}", again.html);
    assert!(door.get("/audit?action=recovery_key.reveal").await.json()["items"].as_array().unwrap().is_empty());
    let shown = ask(&csrf, "<b>locked out</b>").await;
    assert!(shown.status == 200 && shown.html.contains(secret), "{}", shown.html);
    assert!(shown.header("cache-control").contains("no-store"));
    let kept = door.get("/audit?action=recovery_key.reveal").await.json()["items"][0].clone();
    assert_eq!((&kept["actor"], &kept["after"]["reason"]), (&json!("bob"), &json!("<b>locked out</b>")));
    let page = bob.see("/devices/D1").await;
    assert!(page.html.contains("&#60;b&#62;locked out") && !page.html.contains(secret));
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    assert!(!eve.see("/devices/D1").await.html.contains(&path));
    assert_eq!(eve.send(Method::GET, &path, None, &[]).await.status, 403);
    assert_eq!(bob.send(Method::GET, "/devices/D1/keys/nothing", None, &[]).await.status, 404);
    door.close().await;
}

async fn devices_are_found_by_condition_and_by_serial_number(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    for (id, name, build, serial) in [("D1", "LAB-1", 19_045, "PF2ABCDE"), ("D2", "LAB-2", 26_100, "5CG0000001")] {
        door.enroll_named(id, name).await;
        let facts = [("os.build", FactValue::Integer(build)), ("device.serial", FactValue::Text(serial.into()))];
        door.knows(id, &facts).await;
    }
    let ada = Person::signed_in_as(&door, "ada", "auditor").await;
    let found = async |query: &str| {
        let page = ada.see(&format!("/devices?{query}")).await;
        ["LAB-1", "LAB-2"].map(|name| page.html.contains(&format!("<bdi>{name}</bdi>")))
    };
    assert_eq!(found("").await, [true, true]);
    assert_eq!(found("q=lab-2").await, [false, true]);
    assert_eq!(found("where=os.build+%3C+22631").await, [true, false]);
    assert_eq!(found("q=lab&where=os.build+%3E+22631").await, [false, true]);
    assert_eq!(found("q=pf2abcde").await, [true, false], "a serial number, in any case");
    assert_eq!(found("q=PF2").await, [false, false], "only a whole one");
    for (condition, why) in [("os.bulid+%3C+1", "did you mean os.build?"), ("os.build+%3C", "be read at character")] {
        let page = ada.see(&format!("/devices?where={condition}")).await;
        assert!(page.html.contains(why) && page.html.contains("aria-invalid"), "{condition}: {}", page.html);
    }
    door.close().await;
}

async fn a_filter_is_kept_for_oneself(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "auditor").await;
    let bob = Person::signed_in_as(&door, "bob", "helpdesk").await;
    let page = ada.see("/devices?q=lab&where=os.build+%3C+22631").await;
    let csrf = page.field("csrf");
    let keep = async |name: &str, condition: &str| {
        let form = [("csrf", csrf.as_str()), ("name", name), ("q", "lab"), ("where", condition)];
        ada.send(Method::POST, "/devices/filters", Some(&form), &[]).await
    };
    assert!(page.html.contains("Keep this filter as"));
    let kept = keep("Old <b>labs</b>", "os.build < 22631").await;
    assert_eq!((kept.status, kept.header("location")), (303, "/devices?q=lab&where=os.build%20%3C%2022631"));
    assert_eq!(keep("Old <b>labs</b>", "os.build < 19045").await.status, 303, "the same name replaces");
    for (name, condition, status) in [("", "os.build < 1", 422), ("x", "os.bulid < 1", 400)] {
        assert_eq!(keep(name, condition).await.status, status, "{name} {condition}");
    }
    let page = ada.see("/devices").await;
    assert!(page.html.contains("Old &#60;b&#62;labs") && page.html.contains("where=os.build%20%3C%2019045"));
    assert!(!page.html.contains("22631%22") && !bob.see("/devices").await.html.contains("labs"));
    let page = ada.see("/devices?q=lab&where=os.build+%3C+19045").await;
    let id = page.between("/devices/filters/", "/forget");
    let theirs = bob.see("/devices").await.field("csrf");
    let forget = format!("/devices/filters/{id}/forget");
    assert_eq!(bob.send(Method::POST, &forget, Some(&[("csrf", &theirs)]), &[]).await.status, 404);
    assert_eq!(ada.send(Method::POST, &forget, Some(&[("csrf", &csrf)]), &[]).await.status, 303);
    assert!(!ada.see("/devices").await.html.contains("labs"));
    let noted = door.get("/audit?action=filter.").await.json();
    assert_eq!(noted["items"].as_array().unwrap().len(), 3);
    door.close().await;
}

async fn the_audit_log_is_read_proved_and_taken_away(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let formula = "=HYPERLINK(\"http://evil.test\")";
    let made = door.post("/operators", &json!({"name": formula, "role": "helpdesk"})).await;
    assert_eq!(made.status, 201);
    door.enroll("D1").await;
    let key = json!({"kind": "laps", "name": "Administrator", "secret": "hunter2-hunter2"});
    assert_eq!(door.post("/devices/D1/recovery-keys", &key).await.status, 201);
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    let page = eve.see("/audit").await;
    for part in ["operator.invite", "enrollment.import", "operator.sign_in", "href=\"/devices/D1\"", "href=\"/audit\""]
    {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    let page = eve.see("/audit?action=operator.&subject=eve").await;
    assert!(page.html.contains("operator.sign_in") && !page.html.contains("enrollment.import"));
    assert!(eve.see("/audit?actor=nobody").await.html.contains("Nothing fits."));
    assert!(eve.see("/audit?since=soon").await.html.contains("since: write a time"));
    let proof = eve.see("/audit/proof").await;
    assert!(proof.html.contains("The record is whole."), "{}", proof.html);

    let csv = eve.see("/audit/export.csv").await;
    assert!(csv.header("content-disposition").contains("audit.csv"));
    assert!(csv.html.starts_with("\"number\",\"at\",\"who\""));
    assert!(csv.html.contains("\"'=HYPERLINK(\"\"http://evil.test\"\")\""), "{}", csv.html);
    assert!(!csv.html.contains(",\"="));
    let lines = eve.see("/audit/export.jsonl?action=operator.").await;
    let entries: Vec<serde_json::Value> = lines.html.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.len() > 2 && entries.iter().all(|entry| entry["hash"].as_str().unwrap().len() == 64));

    let bob = Person::signed_in_as(&door, "bob", "helpdesk").await;
    assert!(!bob.see("/").await.html.contains("href=\"/audit\""));
    for path in ["/audit", "/audit/proof", "/audit/export.csv", "/audit/export.jsonl"] {
        assert_eq!(bob.send(Method::GET, path, None, &[]).await.status, 403, "{path}");
    }
    door.close().await;
}

async fn the_overview_tells_of_refusals_and_not_of_settings(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut device = door.enroll("D1").await;
    let key = json!({"kind": "laps", "name": "Administrator", "secret": "hunter2-hunter2"});
    assert_eq!(door.post("/devices/D1/recovery-keys", &key).await.status, 201);
    door.check_in(&mut device).await;
    let ada = Person::signed_in_as(&door, "ada", "helpdesk").await;
    let page = ada.see("/").await;
    assert!(!page.html.contains("recovery_key_kept") && !page.html.contains("Refused identities"), "{}", page.html);
    door.close().await;
}

async fn settings_are_for_those_who_may_see_them(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    let page = eve.see("/settings").await;
    for part in ["[device_door]", "max_attempts", "body_limit", "default"] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(eve.see("/settings?only=set").await.html.contains("every value is the default"));
    let bob = Person::signed_in_as(&door, "bob", "author").await;
    assert_eq!(bob.send(Method::GET, "/settings", None, &[]).await.status, 403);
    assert!(!bob.see("/").await.html.contains("href=\"/settings\""));
    door.close().await;
}
