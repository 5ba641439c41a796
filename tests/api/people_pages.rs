//! The pages on which people, programs and those who enroll are let in, and what happens is told.

use reqwest::Method;
use serde_json::json;
use transom::model::{DeviceId, Event, EventKind, Provisioning, ProvisioningPlan, Timestamp};
use transom::store::Tx;

use super::pages::{Person, Shown};
use crate::scenarios;
use crate::support::admin_door::{AdminDoor, now};
use crate::support::databases::TestStore;

scenarios!(
    each_role_sees_and_changes_what_it_may,
    people_are_let_in_changed_and_kept_out,
    tokens_of_programs_are_made_and_taken_back,
    who_enrolls_gets_an_account_or_a_token,
    receivers_are_added_paused_and_removed,
    what_happens_is_read_newest_first,
    alerts_are_text_and_found_by_device,
    settings_are_found_and_an_error_leads_to_its_setting,
    devices_that_wait_are_shown_with_what_helps,
);

const HOSTILE: &str = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}";

/// Where a form goes, with which fields, and for which roles.
type Form<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

/// A form with what every form has.
async fn post(person: &Person<'_>, path: &str, csrf: &str, fields: &[(&str, &str)]) -> Shown {
    let form: Vec<(&str, &str)> = [("csrf", csrf)].into_iter().chain(fields.iter().copied()).collect();
    person.send(Method::POST, path, Some(&form), &[]).await
}

async fn each_role_sees_and_changes_what_it_may(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let everybody = ["admin", "author", "helpdesk", "auditor"];
    let pages: [(&str, &[&str]); 9] = [
        ("/alerts", &everybody),
        ("/events", &everybody),
        ("/webhooks", &["admin", "auditor"]),
        ("/provisioning", &everybody),
        ("/enrollment", &everybody),
        ("/enrollment/tokens", &everybody),
        ("/catalogue", &everybody),
        ("/people", &["admin"]),
        ("/people/tokens", &["admin"]),
    ];
    let forms: [Form<'_>; 6] = [
        ("/enrollment", &[("name", "")], &["admin", "author", "helpdesk"]),
        ("/enrollment/tokens", &[("user", ""), ("uses", "1"), ("hours", "1")], &["admin", "author", "helpdesk"]),
        ("/webhooks", &[("name", ""), ("url", "")], &["admin"]),
        ("/people", &[("name", "\u{7}x"), ("role", "admin")], &["admin"]),
        ("/people/tokens", &[("name", ""), ("role", "admin"), ("days", "1")], &["admin"]),
        ("/people/nobody/disable", &[("version", "1")], &["admin"]),
    ];
    for role in everybody {
        let person = Person::signed_in_as(&door, &format!("the-{role}"), role).await;
        let csrf = person.see("/").await.field("csrf");
        for (path, roles) in pages {
            let status = person.send(Method::GET, path, None, &[]).await.status;
            assert_eq!(status, if roles.contains(&role) { 200 } else { 403 }, "{role} {path}");
        }
        for (path, fields, roles) in forms {
            let status = post(&person, path, &csrf, fields).await.status;
            assert_eq!(status != 403, roles.contains(&role), "{role} {path}: {status}");
            assert_eq!(post(&person, path, "forged", fields).await.status, 403, "{role} {path}");
        }
        let has_form = person.see("/enrollment").await.html.contains("<form class=\"form\"");
        assert_eq!(has_form, role != "auditor", "{role}");
        let page = person.see("/").await.html;
        assert_eq!(page.contains("href=\"/people\""), role == "admin", "{role}");
    }
    assert_eq!(door.get("/enrollment-users").await.json()["items"], json!([]));
    assert_eq!(door.get("/webhooks").await.json()["items"], json!([]));
    door.close().await;
}

async fn people_are_let_in_changed_and_kept_out(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "admin").await;
    let page = ada.see("/people").await;
    let csrf = page.field("csrf");
    let made = post(&ada, "/people", &csrf, &[("name", "bob"), ("role", "helpdesk")]).await;
    assert!(made.status == 200 && made.html.contains("/join/") && made.html.contains("once"), "{}", made.html);
    Person::signed_in_as(&door, HOSTILE, "auditor").await;
    let page = ada.see("/people").await;
    assert!(
        page.html.contains("img src=x") && !page.html.contains("<img src=x") && !page.html.contains("<script>alert")
    );
    let name = percent_encoding::utf8_percent_encode(HOSTILE, percent_encoding::NON_ALPHANUMERIC).to_string();
    let change =
        async |deed: &str, fields: &[(&str, &str)]| post(&ada, &format!("/people/{name}/{deed}"), &csrf, fields).await;
    let version = door.get(&format!("/operators/{name}")).await.json()["version"].to_string();
    let changed = change("role", &[("version", &version), ("role", "helpdesk")]).await;
    assert_eq!((changed.status, changed.header("location")), (303, "/people"), "{}", changed.html);
    let stale = change("disable", &[("version", &version)]).await;
    assert_eq!(stale.status, 412, "{}", stale.html);
    let version = door.get(&format!("/operators/{name}")).await.json()["version"].to_string();
    assert_eq!(change("disable", &[("version", &version)]).await.status, 303);
    assert!(ada.see("/people").await.html.contains("may not sign in"));
    let link = change("reset", &[("version", "0")]).await;
    assert!(link.status == 200 && link.html.contains("/join/"), "{}", link.html);
    assert_eq!(change("promote", &[("version", "0")]).await.status, 404);
    let own = door.get("/operators/ada").await.json()["version"].to_string();
    let refused = post(&ada, "/people/ada/disable", &csrf, &[("version", &own)]).await;
    assert!(
        refused.status == 200 && refused.html.contains("Not done:"),
        "the last administrator stays: {}",
        refused.html
    );
    assert_eq!(door.get("/operators/ada").await.json()["disabled_at"], json!(null));
    door.close().await;
}

async fn tokens_of_programs_are_made_and_taken_back(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "admin").await;
    let csrf = ada.see("/people/tokens").await.field("csrf");
    let made = post(&ada, "/people/tokens", &csrf, &[("name", HOSTILE), ("role", "auditor"), ("days", "7")]).await;
    let listed = ada.see("/people/tokens").await;
    for page in [&made, &listed] {
        assert!(!page.html.contains("<img src=x") && !page.html.contains("<script>alert"), "{}", page.html);
    }
    assert!(made.status == 422 || listed.html.contains("#60;img src=x"), "{}: {}", made.status, listed.html);
    let made = post(&ada, "/people/tokens", &csrf, &[("name", "siem"), ("role", "auditor"), ("days", "7")]).await;
    let token = made.between("<code class=\"secret\"", "</code>").split_once('>').unwrap().1.to_owned();
    assert!(token.starts_with("transom_"), "{token}");
    assert!(!ada.see("/people/tokens").await.html.contains(&token), "it is shown once");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status =
        async || client.get(format!("{}/api/v1/status", door.base)).bearer_auth(&token).send().await.unwrap().status();
    assert_eq!(status().await, 200);
    let tokens = door.get("/tokens").await.json();
    let siem = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == "siem").unwrap();
    let revoke = format!("/people/tokens/{}/revoke", siem["id"].as_str().unwrap());
    assert_eq!(post(&ada, &revoke, &csrf, &[]).await.status, 303);
    assert_eq!(status().await, 401);
    let refused = post(&ada, "/people/tokens", &csrf, &[("name", ""), ("role", "auditor"), ("days", "7")]).await;
    assert!(refused.html.contains("Not done:"), "{}", refused.html);
    for days in ["0", "-5", "3651"] {
        let fields = [("name", "other"), ("role", "auditor"), ("days", days)];
        let refused = post(&ada, "/people/tokens", &csrf, &fields).await;
        assert!(refused.html.contains("Not done:") && refused.html.contains("1 to 3650 days"), "{}", refused.html);
    }
    assert!(!door.get("/tokens").await.json().to_string().contains("other"), "nothing was made");
    door.close().await;
}

async fn who_enrolls_gets_an_account_or_a_token(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let bob = Person::signed_in_as(&door, "bob", "helpdesk").await;
    let page = bob.see("/enrollment").await;
    assert!(page.html.contains("Make an account below"), "what to do next: {}", page.html);
    let csrf = page.field("csrf");
    let made = post(&bob, "/enrollment", &csrf, &[("name", "carl@contoso.test"), ("display_name", HOSTILE)]).await;
    let password = made.between("<code class=\"secret\"", "</code>").split_once('>').unwrap().1.to_owned();
    assert!(password.len() >= 8 && !made.html.contains("<img src=x"), "{}", made.html);
    let page = bob.see("/enrollment").await;
    assert!(page.html.contains("carl@contoso.test") && !page.html.contains(&password));
    let seen = page.field("seen");
    let change = async |deed: &str, seen: &str| {
        post(&bob, &format!("/enrollment/users/carl%40contoso.test/{deed}"), &csrf, &[("seen", seen)]).await
    };
    assert_eq!(change("disable", &seen).await.status, 303);
    assert_eq!(change("delete", &seen).await.status, 412, "somebody disabled it meanwhile");
    let seen = bob.see("/enrollment").await.field("seen");
    assert_eq!(change("delete", &seen).await.status, 303);
    assert_eq!(door.get("/enrollment-users").await.json()["items"], json!([]));
    let again = post(&bob, "/enrollment", &csrf, &[("name", "")]).await;
    assert!(again.html.contains("Not done:"), "{}", again.html);

    let fields = [("user", "dora@contoso.test"), ("uses", "3"), ("hours", "2")];
    let made = post(&bob, "/enrollment/tokens", &csrf, &fields).await;
    assert!(made.html.contains("dora@contoso.test") && made.html.contains("0 of 3"), "{}", made.html);
    for hours in ["0", "8761"] {
        let fields = [("user", "eve@contoso.test"), ("uses", "1"), ("hours", hours)];
        let refused = post(&bob, "/enrollment/tokens", &csrf, &fields).await;
        assert!(refused.html.contains("Not done:") && refused.html.contains("1 to 8760 hours"), "{}", refused.html);
    }
    let tokens = door.get("/enrollment-tokens").await.json();
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1);
    let revoke = format!("/enrollment/tokens/{}/revoke", tokens["items"][0]["id"].as_str().unwrap());
    assert_eq!(post(&bob, &revoke, &csrf, &[]).await.status, 303);
    assert!(bob.see("/enrollment/tokens").await.html.contains("taken back"));
    door.close().await;
}

async fn receivers_are_added_paused_and_removed(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "admin").await;
    let eve = Person::signed_in_as(&door, "eve", "auditor").await;
    let csrf = ada.see("/webhooks").await.field("csrf");
    let refused = post(&ada, "/webhooks", &csrf, &[("name", "siem"), ("url", "javascript:alert(1)")]).await;
    assert!(refused.html.contains("Not done:"), "{}", refused.html);
    let fields =
        [("name", "siem"), ("url", "http://127.0.0.1:1/in?key=hunter2"), ("types", "identity.*, command.failed")];
    let made = post(&ada, "/webhooks", &csrf, &fields).await;
    assert!(made.html.contains("whsec_") && !made.html.contains("hunter2"), "{}", made.html);
    let page = ada.see("/webhooks").await;
    assert!(page.html.contains("identity.locked") && !page.html.contains("whsec_"), "{}", page.html);
    let id = door.get("/webhooks/siem").await.json()["id"].as_str().unwrap().to_owned();
    let seen = page.field("seen");
    let change =
        async |deed: &str, seen: &str| post(&ada, &format!("/webhooks/{id}/{deed}"), &csrf, &[("seen", seen)]).await;
    let tested = change("test", &seen).await;
    assert!(tested.html.contains("did not take the test"), "{}", tested.html);
    let audited = door.get("/audit?action=webhook.test").await.json();
    assert_eq!(
        (&audited["items"][0]["subject"], &audited["items"][0]["actor"]),
        (&json!(id), &json!("ada")),
        "{audited}"
    );
    assert_eq!(change("pause", &seen).await.status, 303);
    assert_eq!(change("remove", &seen).await.status, 412);
    let looked = eve.see("/webhooks").await;
    assert!(looked.html.contains("paused") && !looked.html.contains("/remove\""), "{}", looked.html);
    let seen = ada.see("/webhooks").await.field("seen");
    assert_eq!(change("remove", &seen).await.status, 303);
    assert!(ada.see("/webhooks").await.html.contains("Nobody is told yet."));
    door.close().await;
}

async fn what_happens_is_read_newest_first(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "auditor").await;
    assert!(ada.see("/events").await.html.contains("Nothing has happened yet."));
    let noted = |number: i64| Event {
        device: DeviceId::parse("D1"),
        detail: Some(format!("{HOSTILE} {number}")),
        ..Event::new(EventKind::Security, "signing_set", Timestamp(1_800_000_000_000 + number))
    };
    let events: Vec<Event> = (0..150).map(noted).collect();
    door.store.write(move |tx: &mut Tx<'_>| tx.add_events(&events)).await.unwrap();
    let page = ada.see("/events").await;
    assert!(page.html.contains("signing.ordered") && !page.html.contains("identity.refused</a>"), "{}", page.html);
    assert!(!page.html.contains("<img src=x") && !page.html.contains('\u{202e}'));
    assert_eq!(page.html.matches("<td class=\"tight small soft\">").count(), 100);
    assert!(page.html.find(">150<").unwrap() < page.html.find(">149<").unwrap());
    let older = page.between("rel=\"next\"", "</a>");
    assert!(older.contains("Older"), "{older}");
    let rest = ada.see("/events?before=51").await;
    assert_eq!(rest.html.matches("<td class=\"tight small soft\">").count(), 50);
    assert!(!rest.html.contains("rel=\"next\""));
    let other = ada.see("/events?type=command.*").await;
    assert!(other.html.contains("Nothing of this type"), "{}", other.html);
    assert!(ada.see("/events?type=nonsense").await.html.contains("there is no type nonsense"));
    for before in ["-1", "0", "9223372036854775807"] {
        ada.see(&format!("/events?before={before}")).await;
    }
    door.close().await;
}

async fn alerts_are_text_and_found_by_device(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "helpdesk").await;
    assert!(ada.see("/alerts").await.html.contains("No device has reported anything yet."));
    let alert = |device: &str| Event {
        device: DeviceId::parse(device),
        mime: Some(HOSTILE.to_owned()),
        source: Some(HOSTILE.to_owned()),
        mark: Some(HOSTILE.to_owned()),
        data: Some(HOSTILE.repeat(100)),
        ..Event::new(EventKind::Alert, HOSTILE, now())
    };
    let events = vec![alert("D1"), alert("D2")];
    door.store.write(move |tx: &mut Tx<'_>| tx.add_events(&events)).await.unwrap();
    let page = ada.see("/alerts").await;
    assert!(page.html.contains("/devices/D1") && page.html.contains("/devices/D2"), "{}", page.html);
    assert!(
        !page.html.contains("<img src=x") && !page.html.contains("<script>alert") && !page.html.contains('\u{202e}')
    );
    let page = ada.see("/alerts?device=d1").await;
    assert!(page.html.contains("/devices/D1") && !page.html.contains("/devices/D2"));
    assert!(ada.see("/alerts?code=1").await.html.contains("No alert among those"));
    assert!(ada.see(&format!("/alerts?device={}", "x".repeat(1000))).await.html.contains("Not done:"));
    door.close().await;
}

async fn settings_are_found_and_an_error_leads_to_its_setting(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "auditor").await;
    assert!(ada.see("/catalogue").await.html.contains("Search for words of the address"));
    let page = ada.see("/catalogue?words=camera+allow").await;
    let address = page.between("href=\"/catalogue/setting?uri=", "\"");
    let page = ada.see(&format!("/catalogue/setting?uri={address}")).await;
    for part in
        ["AllowCamera", "<dt>Format</dt>", "<dt>Verbs</dt>", "<dt>Scope</dt>", "<dt>Takes</dt>", "<dt>Since</dt>"]
    {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    assert!(ada.see("/catalogue?words=nosuchword").await.html.contains("No setting has these words"));
    for unknown in ["./Vendor/MSFT/Nope", "", "%00", "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"] {
        let page = ada.see(&format!("/catalogue/setting?uri={unknown}")).await;
        assert!(
            page.html.contains("not in the catalogue") && !page.html.contains("<img src=x"),
            "{unknown}: {}",
            page.html
        );
    }
    let mut device = door.enroll("D1").await;
    let target = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
    let commands = json!([{"kind": "get", "items": [{"target": target}]}]);
    door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    door.check_in(&mut device).await;
    let link = "/catalogue/setting?uri=.%2FDevice%2FVendor%2FMSFT%2FPolicy%2FConfig%2FCamera%2FAllowCamera";
    let session = door.get("/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(ada.see(&format!("/sessions/{session}")).await.html.contains(link));
    let command = door.get("/commands").await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(ada.see(&format!("/commands/{command}")).await.html.contains(link));
    door.close().await;
}

async fn devices_that_wait_are_shown_with_what_helps(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let ada = Person::signed_in_as(&door, "ada", "helpdesk").await;
    assert!(ada.see("/provisioning").await.html.contains("No device waits."));
    door.enroll("D1").await;
    let id = DeviceId::parse("D1").unwrap();
    let life = door.store.read(move |tx: &mut Tx<'_>| tx.device(&id)).await.unwrap().unwrap().enrollment.unwrap().id;
    let begun = Provisioning::begin(ProvisioningPlan::default(), now());
    door.store.write(move |tx: &mut Tx<'_>| tx.save_provisioning(&life, &begun, now())).await.unwrap();
    let page = ada.see("/provisioning").await;
    assert!(page.html.contains("/devices/D1") && page.html.contains("telling"), "{}", page.html);
    assert!(page.html.contains("What helps") || page.html.contains("Nothing is waited for."), "{}", page.html);
    assert_eq!(door.get("/provisioning").await.json()["items"][0]["device_id"], "D1");
    assert!(ada.see("/provisioning?state=failed").await.html.contains("No device has failed."));
    door.get("/provisioning?state=nonsense").await.problem(400);
    door.close().await;
}
