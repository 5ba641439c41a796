//! Policies are written on the pages and over the API: drafts, forms, checks, publishing, history; and the pages that show
//! what is published.

use reqwest::Method;
use serde_json::{Value, json};
use transom::model::FactValue;

use super::pages::{Person, Shown};
use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    a_set_is_written_published_and_rolled_back,
    two_authors_do_not_overwrite_each_other,
    sets_are_listed_downloaded_and_compared,
    who_may_only_look_changes_nothing,
    what_came_from_files_is_said,
    what_is_entered_is_never_markup,
    the_api_has_what_the_pages_have,
    the_pages_of_what_is_published_show_it,
    settings_of_a_template_in_the_draft_are_found,
);

const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";

/// What a page of a set is filled in with.
pub(super) struct Author<'a> {
    pub(super) person: Person<'a>,
    pub(super) csrf: String,
}

impl<'a> Author<'a> {
    pub(super) async fn signed_in(door: &'a AdminDoor, name: &str) -> Self {
        let person = Person::signed_in_as(door, name, "author").await;
        let csrf = person.see("/sets").await.field("csrf");
        Self { person, csrf }
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let form = [&[("csrf", self.csrf.as_str())], fields].concat();
        self.person.send(Method::POST, path, Some(&form), &[]).await
    }

    /// Posts a form that may have a file in it.
    pub(super) async fn upload(&self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let parts = [&[("csrf", self.csrf.as_str())], fields].concat();
        self.person.send_body(path, super::importing::TYPE, super::importing::body(&parts)).await
    }

    /// Posts what is to be taken.
    pub(super) async fn done(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let shown = self.post(path, fields).await;
        assert_eq!(shown.status, 303, "{path}: {}", shown.html);
        shown.header("location").to_owned()
    }

    /// A configuration with the length of passwords, for every device.
    pub(super) async fn baseline(&self, set: &str, length: &str) {
        let declarations = format!("/sets/{set}/declarations");
        self.done(&declarations, &[("type", "configuration"), ("identifier", "baseline")]).await;
        self.length(set, length).await;
        self.done(&declarations, &[("type", "activation"), ("identifier", "everyone")]).await;
        let activation = [("deed", "save"), ("configuration", "baseline"), ("when", "os.build >= 22000")];
        self.done(&format!("{declarations}/everyone"), &activation).await;
    }

    pub(super) async fn length(&self, set: &str, length: &str) {
        let uri = format!("{CONFIG}/DeviceLock/MinDevicePasswordLength");
        let page = format!("/sets/{set}/declarations/baseline/setting");
        self.done(&page, &[("deed", "save"), ("uri", &uri), ("value", length)]).await;
    }

    pub(super) async fn publish(&self, set: &str, message: &str) -> Shown {
        let version = self.person.see(&format!("/sets/{set}/publish")).await.field("version");
        self.post(&format!("/sets/{set}/publish"), &[("version", &version), ("message", message)]).await
    }
}

async fn published(door: &AdminDoor) -> Value {
    door.get("/policies/export").await.json()["declarations"].clone()
}

async fn a_set_is_written_published_and_rolled_back(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    door.knows("D1", &[("os.build", FactValue::Integer(26_100)), ("os.edition_id", FactValue::Integer(4))]).await;
    let ada = Author::signed_in(&door, "ada").await;
    assert_eq!(ada.done("/sets", &[("set", "default")]).await, "/sets/default");
    assert_eq!(ada.post("/sets", &[("set", "no/set")]).await.status, 200);
    ada.baseline("default", "8").await;
    assert_eq!(published(&door).await, json!([]), "a draft is not published");

    // What can't be is not kept, and is said with what may be.
    let uri = format!("{CONFIG}/DeviceLock/MinDevicePasswordLength");
    let page = "/sets/default/declarations/baseline/setting";
    let said = ada.post("/sets/default/declarations/baseline/said", &[("uri", &uri), ("value", "400")]).await;
    assert!(
        said.status == 200 && said.html.contains("write a number from") && !said.html.contains("<html"),
        "{}",
        said.html
    );
    for deed in ["check", "save"] {
        let refused = ada.post(page, &[("deed", deed), ("uri", &uri), ("value", "400")]).await;
        assert!(refused.status == 200 && refused.html.contains("write a number from"), "{}", refused.html);
        assert!(refused.html.contains("value=\"400\""), "what was entered is there still");
    }
    let typo = format!("{CONFIG}/Camera/AllowCamra");
    let asked = ada.person.see(&format!("{page}?uri={typo}")).await;
    assert!(asked.html.contains("did you mean"), "{}", asked.html);
    let refused = ada.post(page, &[("deed", "save"), ("uri", &typo), ("value", "0"), ("format", "int")]).await;
    assert_eq!(refused.status, 200);
    // Who knows better says why.
    let insists =
        [("deed", "save"), ("uri", typo.as_str()), ("value", "0"), ("format", "int"), ("reason", "ticket 4711")];
    ada.done(page, &insists).await;
    let configuration = ada.person.see("/sets/default/declarations/baseline").await;
    assert!(configuration.html.contains("its author insists: ticket 4711"), "{}", configuration.html);
    ada.done(page, &[("deed", "remove"), ("uri", &typo)]).await;
    let found = ada.person.see("/sets/default/declarations/baseline?words=camera+allow").await;
    assert!(found.html.contains(&format!("{CONFIG}/Camera/AllowCamera")), "{}", found.html);
    let condition = ada.post("/sets/default/condition", &[("when", "os.bulid > 1")]).await;
    assert!(condition.html.contains("did you mean os.build"), "{}", condition.html);
    let condition = ada.post("/sets/default/condition", &[("when", "os.build >= 22000")]).await;
    assert!(condition.html.contains("1 device") && condition.html.contains("LAPTOP-ADA"), "{}", condition.html);

    // What the device would be sent, and whom it concerns.
    let preview = ada.person.see("/sets/default/preview?device=D1").await;
    assert!(preview.html.contains("MinDevicePasswordLength") && preview.html.contains("LocURI"), "{}", preview.html);
    let outlook = ada.person.see("/sets/default/publish").await;
    assert!(outlook.html.contains("LAPTOP-ADA") && outlook.html.contains("everyone"), "{}", outlook.html);
    assert_eq!(ada.publish("default", " ").await.status, 200, "a message is needed");
    let done = ada.publish("default", "the first").await;
    assert_eq!(done.header("location"), "/sets/default/history/1?done=published", "{}", done.html);
    assert_eq!(published(&door).await[0]["payload"]["settings"][&uri], 8);
    let set = ada.person.see("/sets/default").await;
    assert!(set.html.contains("As it is published with revision 1"), "{}", set.html);
    assert_eq!(door.get("/policies/drafts").await.json()["items"], json!([]));

    // Another one, and back.
    ada.length("default", "12").await;
    let changed = ada.person.see("/sets/default/publish").await;
    assert!(changed.html.contains(">8</bdi>") && changed.html.contains(">12</bdi>"), "{}", changed.html);
    ada.publish("default", "longer").await;
    assert_eq!(published(&door).await[0]["payload"]["settings"][&uri], 12);
    let history = ada.person.see("/sets/default/history").await;
    assert!(history.html.contains("the first") && history.html.contains("longer"), "{}", history.html);
    let back = "/sets/default/history/1";
    assert_eq!(ada.post(back, &[("message", "no good")]).await.status, 200, "it has to be confirmed");
    let done = ada.done(back, &[("message", "no good"), ("sure", "true")]).await;
    assert_eq!(done, "/sets/default/history/3?done=published");
    assert_eq!(published(&door).await[0]["payload"]["settings"][&uri], 8);
    let nothing = ada.done(back, &[("message", "once more"), ("sure", "true")]).await;
    assert_eq!(nothing, "/sets/default/history/1?done=nothing");
    assert!(ada.person.see(&nothing).await.html.contains("Nothing was published: the set says the same already."));
    // Removed, and discarded.
    ada.done("/sets/default/declarations/everyone", &[("deed", "remove")]).await;
    assert!(ada.person.see("/sets/default").await.html.contains("<s>"));
    ada.done("/sets/default/discard", &[]).await;
    assert!(!ada.person.see("/sets/default").await.html.contains("<s>"));
    door.close().await;
}

async fn two_authors_do_not_overwrite_each_other(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let (ada, grace) = (Author::signed_in(&door, "ada").await, Author::signed_in(&door, "grace").await);
    ada.baseline("default", "8").await;
    let theirs = grace.person.see("/sets/default").await;
    assert!(!theirs.html.contains("baseline"), "a draft is its author's own");
    ada.publish("default", "the first").await;
    // Both begin with the same.
    ada.length("default", "9").await;
    grace.length("default", "10").await;
    let camera = format!("{CONFIG}/Camera/AllowCamera");
    let page = "/sets/default/declarations/baseline/setting";
    grace.done(page, &[("deed", "save"), ("uri", &camera), ("value", "0")]).await;
    let before = ada.person.see("/sets/default/publish").await.field("version");
    assert_eq!(grace.publish("default", "grace was faster").await.status, 303);
    let late = ada.post("/sets/default/publish", &[("version", &before), ("message", "ada was slower")]).await;
    assert!(
        late.status == 200 && late.html.contains("Nothing was published, and your draft is as it was"),
        "{}",
        late.html
    );
    assert!(late.html.contains("ada was slower"), "the message is there still");
    let length =
        |all: &Value| all[0]["payload"]["settings"][format!("{CONFIG}/DeviceLock/MinDevicePasswordLength")].clone();
    assert_eq!(length(&published(&door).await), 10);
    // Their changes are taken; what both changed stays as one has it, and is told.
    let merged = ada.post("/sets/default/renew", &[]).await;
    assert!(
        merged.html.contains("MinDevicePasswordLength") && merged.html.contains("as you have it"),
        "{}",
        merged.html
    );
    assert_eq!(ada.publish("default", "both").await.status, 303);
    let now = published(&door).await;
    assert_eq!((length(&now), &now[0]["payload"]["settings"][&camera]), (json!(9), &json!(0)));
    // A page that was left open somewhere else publishes nothing that nobody looked at.
    ada.length("default", "11").await;
    let old = ada.person.see("/sets/default/publish").await.field("version");
    ada.length("default", "12").await;
    let stale = ada.post("/sets/default/publish", &[("version", &old), ("message", "stale")]).await;
    assert!(stale.html.contains("Your draft was changed after this page was shown"), "{}", stale.html);
    assert_eq!(length(&published(&door).await), 9);
    door.close().await;
}

async fn sets_are_listed_downloaded_and_compared(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let asset = |name: &str| json!({"type": "asset", "identifier": name, "payload": {"text": "a: b"}});
    let apply = async |set: &str, names: &[&str], more: Value| {
        let declarations: Vec<Value> = names.iter().map(|name| asset(name)).collect();
        let mut body = json!({"set": set, "message": "x", "declarations": declarations});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        door.post("/policies/apply", &body).await
    };
    apply("one", &["b", "a"], json!({})).await;
    apply("two", &["c"], json!({})).await;
    apply("one", &["a"], json!({})).await;
    apply("two", &[], json!({})).await;

    // What is removed changes no declaration that stays; a set without any is one still.
    let joe = Person::signed_in_as(&door, "joe", "helpdesk").await;
    let sets = joe.see("/sets").await;
    for (set, declarations, last) in [("one", 1, 3), ("two", 0, 4)] {
        let row = sets.between(&format!("<bdi>{set}</bdi></a></td>"), "</tr>");
        assert!(row.contains(&format!(">{declarations}</td>")) && row.contains(&format!(">{last}</td>")), "{row}");
    }
    assert!(joe.see("/sets/one").await.html.contains("href=\"/sets/one/export\" download"));
    let file = joe.see("/sets/one/export").await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"one.yaml\"");
    assert_eq!(file.html, "type: asset\nidentifier: a\npayload:\n  text: \"a: b\"\n");
    assert!(!joe.see("/sets/two").await.html.contains("/export"));
    for none in ["/sets/two/export", "/sets/none/export"] {
        assert_eq!(joe.send(Method::GET, none, None, &[]).await.status, 404, "{none}");
    }

    for (of, from, says) in
        [(3, 2, "revision 2 is of the set two, and revision 3 of the set one"), (1, 3, "is later than")]
    {
        let refused = door.get(&format!("/policies/revisions/{of}/diff?from={from}")).await;
        let told = refused.json()["errors"][0]["detail"].as_str().unwrap_or_default().to_owned();
        assert!(refused.status == 400 && told.contains(says), "{} {told}", refused.status);
    }
    // Of what goes to devices in stages just now, a dry run knows too.
    apply("one", &["a", "b"], json!({"stages": {"stages": ["10%"]}})).await;
    let staged = |dry: bool| json!({"stages": {"stages": ["10%"]}, "dry_run": dry});
    for dry in [true, false] {
        assert_eq!(apply("two", &["c"], staged(dry)).await.status, 409, "{dry}");
    }
    assert_eq!(apply("two", &[], staged(true)).await.status, 200, "nothing changes");
    assert_eq!(apply("one", &["a"], staged(true)).await.status, 200, "it comes in its place");
    door.close().await;
}

async fn who_may_only_look_changes_nothing(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    ada.baseline("default", "8").await;
    ada.publish("default", "the first").await;
    let joe = Person::signed_in_as(&door, "joe", "helpdesk").await;
    for path in [
        "/sets",
        "/sets/default",
        "/sets/default/declarations/baseline",
        "/sets/default/history",
        "/sets/default/history/1",
        "/sets/default/preview",
    ] {
        let shown = joe.see(path).await;
        assert!(!shown.html.contains("value=\"save\"") && !shown.html.contains("/publish"), "{path}: {}", shown.html);
    }
    for path in ["/sets/default/publish", "/sets/default/import", "/sets/default/declarations/baseline/setting?uri=./A"]
    {
        assert_eq!(joe.send(Method::GET, path, None, &[]).await.status, 403, "{path}");
    }
    let csrf = joe.see("/sets").await.field("csrf");
    for path in [
        "/sets/default/declarations",
        "/sets/default/publish",
        "/sets/default/discard",
        "/sets/default/history/1",
        "/sets/default/condition",
    ] {
        let form = [
            ("csrf", csrf.as_str()),
            ("type", "asset"),
            ("identifier", "x"),
            ("version", "1"),
            ("message", "m"),
            ("sure", "true"),
        ];
        assert_eq!(joe.send(Method::POST, path, Some(&form), &[]).await.status, 403, "{path}");
    }
    // A form that is not from a page of ours.
    let forged = Author { csrf: "x".repeat(40), ..ada };
    assert_eq!(forged.post("/sets/default/declarations", &[("type", "asset"), ("identifier", "x")]).await.status, 403);
    assert_eq!(forged.post("/sets/default/declarations/baseline", &[("deed", "remove")]).await.status, 403);
    for path in
        ["/sets/no%2Fset", "/sets/default/declarations/nothing", "/sets/other/history/1", "/sets/default/history/x"]
    {
        assert_eq!(joe.send(Method::GET, path, None, &[]).await.status, 404, "{path}");
    }
    door.close().await;
}

async fn what_came_from_files_is_said(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    ada.baseline("mine", "8").await;
    ada.publish("mine", "written here").await;
    let warning = "was published from files or by a script";
    assert!(!ada.person.see("/sets/mine").await.html.contains(warning));
    let management = json!({"type": "management", "identifier": "us", "payload": {"organization": "Contoso"}});
    let apply = json!({"set": "git", "message": "from git", "declarations": [management]});
    assert_eq!(door.post("/policies/apply", &apply).await.status, 200);
    for page in ["/sets/git", "/sets/git/publish"] {
        let shown = ada.person.see(page).await;
        assert!(shown.html.contains(warning) && shown.html.contains("tester"), "{page}: {}", shown.html);
    }
    door.close().await;
}

async fn what_is_entered_is_never_markup(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    let hostile = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}";
    ada.baseline("default", "8").await;
    ada.done("/sets/default/declarations/baseline", &[("deed", "save"), ("description", hostile)]).await;
    let own = "./Vendor/Contoso/Text";
    let page = "/sets/default/declarations/baseline/setting";
    ada.done(page, &[("deed", "save"), ("uri", own), ("format", "chr"), ("value", hostile)]).await;
    ada.done("/sets/default/declarations", &[("type", "asset"), ("identifier", "note")]).await;
    ada.done("/sets/default/declarations/note", &[("deed", "save"), ("kind", "text"), ("content", hostile)]).await;
    for path in [
        "/sets/default",
        "/sets/default/declarations/baseline",
        "/sets/default/declarations/note",
        "/sets/default/publish",
    ] {
        let shown = ada.person.see(path).await;
        assert!(!shown.html.contains("<img") && !shown.html.contains("<script>alert"), "{path}: {}", shown.html);
    }
    for path in [format!("{page}?uri={own}"), "/sets/default/declarations/baseline?words=%22%3E%3Cimg%3E".to_owned()] {
        let shown = ada.person.see(&path).await;
        assert!(!shown.html.contains("<img"), "{path}: {}", shown.html);
    }
    let sent = [("when", hostile)];
    assert!(!ada.post("/sets/default/condition", &sent).await.html.contains("<img"));
    let imported = ada.upload("/sets/default/import", &[("name", hostile), ("text", hostile)]).await;
    assert!(imported.status == 200 && !imported.html.contains("<img"), "{}", imported.html);
    let profile = format!(
        "<Replace><Item><Target><LocURI>{own}/2</LocURI></Target><Data>&lt;img src=x&gt;</Data></Item></Replace>"
    );
    let imported = ada.upload("/sets/default/import", &[("name", "x"), ("text", &profile)]).await;
    assert!(imported.html.contains("./Vendor/Contoso/Text/2") && !imported.html.contains("<img"), "{}", imported.html);
    assert!(ada.person.see("/sets/default/declarations/x").await.html.contains("&#60;img"), "it is in the draft");
    door.close().await;
}

async fn the_api_has_what_the_pages_have(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let mut device = door.enroll("D1").await;
    door.check_in(&mut device).await;
    let uri = format!("{CONFIG}/DeviceLock/MinDevicePasswordLength");
    let baseline = |length: Value| json!({"type": "configuration", "identifier": "baseline", "payload": {"settings": {(&uri): length}}});
    let everyone = json!({"type": "activation", "identifier": "everyone", "payload": {"configurations": ["baseline"]}});
    let checked = door.post("/policies/check", &json!({"declarations": [baseline(json!(400)), everyone]})).await.json();
    assert!(checked["errors"].as_u64() >= Some(1) && checked["remarks"][0]["level"] == "error", "{checked}");
    let refused =
        door.post("/policies/plan", &json!({"device_id": "D1", "declarations": [baseline(json!(400))]})).await;
    assert_eq!(refused.status, 422);
    let plan = json!({"device_id": "D1", "declarations": [baseline(json!(8)), everyone]});
    let planned = door.post("/policies/plan", &plan).await.json();
    assert_eq!(planned["commands"][0]["items"][0]["data"], "8", "{planned}");
    assert!(
        planned["syncml"].as_str().unwrap().contains("<Data>8</Data>") && planned["activations"] == json!(["everyone"])
    );
    // Of each declaration, on how many devices it changes something; also where nobody asks for one of them.
    let two = |planned: &Value| {
        let each = planned["declarations"].as_array().unwrap().iter();
        each.map(|one| (one["identifier"].clone(), one["change"].clone(), one["devices"].clone())).collect::<Vec<_>>()
    };
    let added = |name: &str| (json!(name), json!("added"), json!(1));
    assert_eq!(two(&planned), [added("baseline"), added("everyone")], "{planned}");
    let windows_10 = json!({"type": "activation", "identifier": "everyone",
        "payload": {"configurations": ["baseline"], "when": "os.build < 22000"}});
    let nobody = door.post("/policies/plan", &json!({"declarations": [baseline(json!(8)), windows_10]})).await.json();
    assert_eq!((&nobody["commands"], &nobody["declarations"][0]["devices"]), (&json!([]), &json!(0)), "{nobody}");
    assert_eq!(door.post("/policies/plan", &json!({"device_id": "D1"})).await.json()["commands"], json!([]));
    assert_eq!(door.post("/policies/plan", &json!({"device_id": "nobody"})).await.status, 404);
    let profile = format!(
        "<Replace><Item><Target><LocURI>{uri}</LocURI></Target><Meta><Format>int</Format></Meta><Data>9</Data></Item></Replace>"
    );
    let imported = door.post("/policies/import", &json!({"name": "old", "text": profile})).await.json();
    assert_eq!(
        (&imported["taken"], &imported["declarations"][0]["identifier"]),
        (&json!(1), &json!("old")),
        "{imported}"
    );
    assert_eq!(door.post("/policies/import", &json!({"text": "junk"})).await.status, 422);

    let draft = json!({"declarations": [baseline(json!(8)), everyone]});
    let written = door.post("/policies/drafts/default", &draft).await;
    let first = written.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!((written.status, format!("\"{}\"", written.json()["version"])), (200, first.clone()), "{written:?}");
    let request = door.request(Method::POST, "/policies/drafts/default").header("If-Match", "\"7\"").json(&draft);
    assert_eq!(door.send(request).await.status, 412);
    assert_eq!(door.get("/policies/drafts").await.json()["items"][0]["set"], "default");
    assert_eq!(door.get("/policies/drafts/other").await.status, 404);
    assert_eq!(door.post("/policies/drafts/a%20b", &draft).await.status, 404);
    let twice = json!({"declarations": [everyone, everyone]});
    assert_eq!(door.post("/policies/drafts/default", &twice).await.status, 422);
    let done = door.post("/policies/drafts/default/publish", &json!({"message": "first"})).await.json();
    assert_eq!(done["revision"], 1, "{done}");
    assert_eq!(door.get("/policies/drafts/default").await.status, 404);
    // One that begins anew is none of those before.
    let anew = door.post("/policies/drafts/default", &draft).await;
    let request =
        door.request(Method::POST, "/policies/drafts/default").header("If-Match", first.as_str()).json(&draft);
    assert_eq!((anew.status, door.send(request).await.status), (200, 412));
    // Begun before somebody else published.
    door.post("/policies/drafts/default", &json!({"declarations": [baseline(json!(9)), everyone], "base": 0})).await;
    let late = door.post("/policies/drafts/default/publish", &json!({"message": "late"})).await;
    assert_eq!(late.status, 412, "{late:?}");
    let gone = door.send(door.request(Method::DELETE, "/policies/drafts/default")).await;
    assert_eq!((gone.status, &gone.json()["items"]), (200, &json!([])));
    assert_eq!(door.send(door.request(Method::DELETE, "/policies/drafts/default")).await.status, 404);
    door.close().await;
}

async fn the_pages_of_what_is_published_show_it(test: &TestStore) {
    let door = AdminDoor::open_with_policies(&test.store).await;
    let joe = Person::signed_in_as(&door, "joe", "auditor").await;
    assert!(joe.see("/policies").await.html.contains("Nothing is published yet."));
    let settings = json!({(format!("{CONFIG}/Camera/AllowCamera")): 0});
    let declarations = json!([
        {"type": "configuration", "identifier": "baseline", "payload": {"description": "<b>bold</b>", "settings": settings}},
        {"type": "activation", "identifier": "everyone", "payload": {"configurations": ["baseline"]}},
    ]);
    door.post("/policies/apply", &json!({"message": "x", "declarations": declarations})).await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    door.check_in(&mut device).await;
    let list = joe.see("/policies").await;
    assert!(
        list.html.contains("href=\"/policies/baseline\"") && list.html.contains("href=\"/sets/default\""),
        "{}",
        list.html
    );
    let one = joe.see("/policies/baseline").await;
    assert!(one.html.contains("AllowCamera&#34;: 0") && !one.html.contains("<b>bold"), "{}", one.html);
    assert_eq!(joe.send(Method::GET, "/policies/nothing", None, &[]).await.status, 404);
    assert_eq!(joe.send(Method::GET, "/policies/baseline?state=odd", None, &[]).await.status, 400);
    door.close().await;
}

async fn settings_of_a_template_in_the_draft_are_found(test: &TestStore) {
    let template = "<policyDefinitions revision=\"1.0\" schemaVersion=\"1.0\"><policyNamespaces>\
        <target prefix=\"acme\" namespace=\"Acme.Policies\"/></policyNamespaces>\
        <categories><category name=\"net\"/></categories><policies>\
        <policy name=\"Quietness\" class=\"Machine\" key=\"Software\\Policies\\Acme\"><parentCategory ref=\"net\"/>\
        </policy></policies></policyDefinitions>";
    let install = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/AcmeAdmx";
    let door = AdminDoor::open_with_policies(&test.store).await;
    let ada = Author::signed_in(&door, "ada").await;
    ada.done("/sets/default/declarations", &[("type", "configuration"), ("identifier", "app")]).await;
    let search = "/sets/default/declarations/app?words=quietness";
    assert!(ada.person.see(search).await.html.contains("No setting that can be set"));
    let entered = [("uri", install), ("deed", "save"), ("value", template)];
    ada.done("/sets/default/declarations/app/setting", &entered).await;
    let found = ada.person.see(search).await;
    let quiet = format!("{CONFIG}/Acme~Policy~net/Quietness");
    assert!(found.html.contains(&quiet), "{}", found.html);
    // What is entered beside the template is held against it.
    let said = ada.post("/sets/default/declarations/app/said", &[("uri", &quiet), ("state", "enabled")]).await;
    assert!(said.status == 200 && !said.html.contains("which no declaration here gives"), "{}", said.html);
    // The catalogue of the server does not know it yet.
    let form = async |uri: &str| ada.person.see(&format!("/sets/default/declarations/app/setting?uri={uri}")).await;
    assert!(!form(&quiet).await.html.contains("/catalogue/setting?uri="));
    assert!(form(&format!("{CONFIG}/Camera/AllowCamera")).await.html.contains("/catalogue/setting?uri="));
    door.close().await;
}
