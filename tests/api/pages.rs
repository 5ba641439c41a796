//! The web interface, without a browser: who sees what, what a form may do, and that nothing a device says is markup.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, redirect::Policy};
use serde_json::json;

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::TestStore;

scenarios!(
    nobody_sees_a_page_without_signing_in,
    a_session_is_explored,
    a_session_is_found_by_what_was_said_in_it,
    a_device_is_restarted_by_who_confirms_it,
    what_devices_say_is_never_markup
);

/// A browser of somebody.
pub(super) struct Person<'a> {
    door: &'a AdminDoor,
    http: Client,
    cookie: String,
}

/// What was shown.
pub(super) struct Shown {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) html: String,
}

impl<'a> Person<'a> {
    pub(super) fn nobody(door: &'a AdminDoor) -> Self {
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { door, http, cookie: String::new() }
    }

    async fn signed_in(door: &'a AdminDoor) -> Self {
        Self::signed_in_as(door, "ada", "admin").await
    }

    pub(super) async fn signed_in_as(door: &'a AdminDoor, name: &str, role: &str) -> Self {
        let mut person = Self::nobody(door);
        super::people::operator(door, name, role).await;
        let form = [("name", name), ("password", super::people::PASSWORD), ("code", ""), ("next", "/devices")];
        let shown = person.send(Method::POST, "/sign-in", Some(&form), &[]).await;
        assert_eq!((shown.status, shown.header("location")), (303, "/devices"), "{}", shown.html);
        let cookie = shown.header("set-cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite="), "{cookie}");
        person.cookie = cookie.split(';').next().unwrap().to_owned();
        person
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        form: Option<&[(&str, &str)]>,
        headers: &[(&'static str, &str)],
    ) -> Shown {
        let mut request = self.http.request(method, format!("{}{path}", self.door.base)).header("Cookie", &self.cookie);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = form {
            let value = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            let body: Vec<String> = form.iter().map(|(name, text)| format!("{name}={}", value(text))).collect();
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body.join("&"));
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Shown { status, headers, html: response.text().await.unwrap() }
    }

    /// Sends a body as it is.
    pub(super) async fn send_body(&self, path: &str, content_type: &str, body: Vec<u8>) -> Shown {
        let request = self.http.post(format!("{}{path}", self.door.base)).header("Cookie", &self.cookie);
        let response = request.header("Content-Type", content_type).body(body).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Shown { status, headers, html: response.text().await.unwrap() }
    }

    pub(super) async fn see(&self, path: &str) -> Shown {
        let shown = self.send(Method::GET, path, None, &[]).await;
        assert_eq!(shown.status, 200, "{path}: {}", shown.html);
        shown
    }
}

impl Shown {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the first form field of a name.
    pub(super) fn field(&self, name: &str) -> String {
        self.between(&format!("name=\"{name}\" value=\""), "\"")
    }

    pub(super) fn between(&self, begin: &str, end: &str) -> String {
        let after = self.html.split_once(begin).unwrap_or_else(|| panic!("no {begin} in {}", self.html)).1;
        after.split_once(end).unwrap().0.to_owned()
    }
}

/// A device that was asked for two nodes, one of which it does not have; gives the id of the session.
async fn one_that_failed(door: &AdminDoor) -> String {
    let mut device = door.enroll("D1").await;
    let commands = json!([
        {"kind": "get", "items": [{"target": "./DevDetail/SwV"}]},
        {"kind": "get", "items": [{"target": "./Vendor/MSFT/Nope"}]},
    ]);
    door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    door.check_in(&mut device).await;
    door.get("/sessions").await.json()["items"][0]["id"].as_str().unwrap().to_owned()
}

async fn nobody_sees_a_page_without_signing_in(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let nobody = Person::nobody(&door);
    for path in [
        "/",
        "/devices",
        "/devices/D1",
        "/commands",
        "/commands/x",
        "/sessions?text=a",
        "/sessions/x/export.json",
        "/audit",
    ] {
        let shown = nobody.send(Method::GET, path, None, &[]).await;
        let next = path.replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
        assert_eq!((shown.status, shown.header("location")), (303, format!("/sign-in?next={next}").as_str()), "{path}");
    }
    for path in ["/devices/D1/actions/reboot", "/devices/D1/sync", "/commands/x/cancel", "/actions/x/cancel"] {
        let shown = nobody.send(Method::POST, path, Some(&[("csrf", "x"), ("device", "D1")]), &[]).await;
        assert_eq!(shown.status, 303, "{path}: {}", shown.html);
    }
    let page = nobody.see("/sign-in?next=//evil.example").await;
    assert_eq!(page.field("next"), "/");
    for (name, part) in [
        ("content-security-policy", "default-src 'none'; style-src 'self'; script-src 'self'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert!(page.header(name).contains(part), "{name}: {}", page.header(name));
    }
    let style = page.between("rel=\"stylesheet\" href=\"", "\"");
    assert!(nobody.see(&style).await.header("cache-control").contains("max-age"));
    let person = Person::signed_in(&door).await;
    let style = person.see("/devices").await.between("rel=\"stylesheet\" href=\"", "\"");
    let asset = nobody.see(&style).await;
    assert!(asset.header("cache-control").contains("immutable") && asset.html.contains("color-scheme"));
    assert_eq!(person.see("/devices").await.status, 200);
    door.close().await;
}

async fn a_session_is_explored(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let id = one_that_failed(&door).await;
    let person = Person::signed_in(&door).await;
    let page = person.see(&format!("/sessions/{id}")).await;
    for part in ["version of Windows", "10.0.", "404", "What to do:", "asked for credentials", "Only problems (1)"] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    let problems = person.see(&format!("/sessions/{id}?only=problems")).await;
    assert!(problems.html.contains("Nope") && !problems.html.contains("version of Windows"));
    let command = page.between("href=\"/commands/", "\"");
    let why = person.see(&format!("/commands/{command}")).await;
    for part in ["tester", "of a session</a> as CmdID", "The device answered"] {
        assert!(why.html.contains(part), "{part}: {}", why.html);
    }
    let back = why.between("href=\"/sessions/", "\"");
    let (_, anchor) = back.split_once('#').unwrap();
    assert!(page.html.contains(&format!("id=\"{anchor}\"")), "{anchor} leads back");
    let only = person.see(&format!("/sessions/{id}?only={command}")).await;
    let rows = only.html.split_once("<main").unwrap().1;
    assert_eq!(rows.matches("<summary>").count(), 1);
    let message = page.between(&format!("href=\"/sessions/{id}/messages/"), "\"");
    assert!(person.see(&format!("/sessions/{id}/messages/{message}")).await.html.contains("&#60;SyncBody"));
    let other = person.send(Method::GET, &format!("/sessions/{id}/messages/{command}"), None, &[]).await;
    assert!(other.status == 404 && other.html.contains("There is no such page"), "{}", other.html);
    let file = person.see(&format!("/sessions/{id}/export.html")).await;
    assert!(file.header("content-disposition").starts_with("attachment;") && !file.html.contains("<script"));
    let json: serde_json::Value =
        serde_json::from_str(&person.see(&format!("/sessions/{id}/export.json")).await.html).unwrap();
    assert_eq!((&json["session"]["id"], json["messages"].as_array().unwrap().len()), (&json!(id), 3));
    let state = door.admin().session_state(&id).await.unwrap();
    let pulse = format!("{}-{}-{}", state.last_at.0, state.messages, state.phase);
    let same = person.send(Method::GET, &format!("/sessions/{id}/live?pulse={pulse}"), None, &[]).await;
    assert_eq!((same.status, same.html.as_str()), (204, ""));
    assert!(person.see(&format!("/sessions/{id}/live?pulse=0-0")).await.html.contains("id=\"conversation\""));
    assert!(person.see("/").await.html.contains("Commands that failed"));
    door.close().await;
}

async fn a_session_is_found_by_what_was_said_in_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let id = one_that_failed(&door).await;
    let mut other = door.enroll("D2").await;
    door.check_in(&mut other).await;
    let found = async |query: &str| {
        let page = door.get(&format!("/sessions?{query}")).await;
        assert_eq!(page.status, 200, "{query}: {page:?}");
        page.json()["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect::<Vec<_>>()
    };
    for query in [
        "text=404",
        "text=nope",
        "text=./Vendor/MSFT/Nope",
        "text=SwV+404",
        "text=404&device_id=d1",
        "text=nope&from=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(found(query).await, [json!(id)], "{query}");
    }
    for query in
        ["text=nop", "text=404+camera", "text=404&device_id=D2", "text=404&until=2020-01-01T00:00:00Z", "text=%25"]
    {
        if query == "text=%25" {
            assert_eq!(door.get("/sessions?text=%25").await.pointer(400), "text");
        } else {
            assert!(found(query).await.is_empty(), "{query}");
        }
    }
    door.close().await;
}

async fn a_device_is_restarted_by_who_confirms_it(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    door.enroll("D1").await;
    let person = Person::signed_in(&door).await;
    let page = person.see("/devices/D1/actions/reboot").await;
    let csrf = page.field("csrf");
    let form = [("csrf", csrf.as_str()), ("device", "D1")];
    let post = async |form: &[(&str, &str)], headers: &[(&'static str, &str)]| {
        person.send(Method::POST, "/devices/D1/actions/reboot", Some(form), headers).await.status
    };
    assert_eq!(post(&[("csrf", "wrong"), ("device", "D1")], &[]).await, 403);
    assert_eq!(post(&form, &[("Sec-Fetch-Site", "cross-site")]).await, 403);
    assert_eq!(post(&form, &[("Origin", "https://evil.example")]).await, 403);
    assert_eq!(post(&[("csrf", csrf.as_str()), ("device", "D2")], &[]).await, 400);
    assert_eq!(person.send(Method::GET, "/devices/D1/sync", None, &[]).await.status, 405);
    assert!(door.get("/commands").await.json()["items"].as_array().unwrap().is_empty());
    assert_eq!(post(&form, &[("Sec-Fetch-Site", "same-origin")]).await, 303);
    let ordered = door.get("/commands").await.json();
    assert_eq!((&ordered["items"][0]["kind"], &ordered["items"][0]["created_by"]), (&json!("exec"), &json!("ada")));
    let action = door.get("/actions").await.json()["items"][0].clone();
    assert_eq!((&action["kind"], &action["state"]), (&json!("reboot"), &json!("queued")));
    let cancel = format!("/actions/{}/cancel", action["id"].as_str().unwrap());
    assert!(person.see("/devices/D1?done=reboot").await.html.contains(&cancel));
    let canceled = person.send(Method::POST, &cancel, Some(&[("csrf", &csrf)]), &[]).await;
    assert_eq!((canceled.status, canceled.header("location")), (303, "/devices/D1?done=cancel"));
    let page = person.see("/devices/D1?done=cancel").await;
    assert!(page.html.contains("It is taken back.") && page.html.contains("taken back</span>"), "{}", page.html);
    let other = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    let ordered = door.post("/commands", &json!({"device_id": "D1", "command": other})).await.json();
    let id = ordered["devices"][0]["commands"][0].as_str().unwrap();
    let canceled = person.send(Method::POST, &format!("/commands/{id}/cancel"), Some(&[("csrf", &csrf)]), &[]).await;
    assert_eq!(canceled.status, 303);
    assert!(person.see(&format!("/commands/{id}?done=cancel")).await.html.contains("It is taken back."));
    door.close().await;
}

async fn what_devices_say_is_never_markup(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let hostile = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}\u{1b}[2J";
    let entry = json!({"device_id": "D'1", "user": "dm", "secret": "Secr3t-Password!", "name": hostile});
    assert_eq!(door.post("/enrollments/import", &entry).await.status, 201);
    let set = json!({"kind": "replace", "items": [
        {"target": "./Vendor/MSFT/A/B", "format": "chr", "data": format!("{}{}", hostile.replace('\u{1b}', ""), "x".repeat(30_000))}]});
    let ordered = door.post("/commands", &json!({"device_id": "D'1", "command": set})).await.json();
    let command = ordered["devices"][0]["commands"][0].as_str().unwrap().to_owned();
    let person = Person::signed_in(&door).await;
    let pages = [
        "/".to_owned(),
        "/devices".to_owned(),
        format!("/devices?q={}", "%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E"),
        "/devices/D'1".to_owned(),
        "/devices/D'1/actions/wipe".to_owned(),
        "/devices/D'1/actions/rename".to_owned(),
        "/devices?where=%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E".to_owned(),
        "/audit".to_owned(),
        "/audit?actor=%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E&since=%3Cimg".to_owned(),
        "/settings".to_owned(),
        format!("/commands/{command}"),
        "/commands?device=D'1".to_owned(),
        "/sessions?text=%3Cscript%3E".to_owned(),
    ];
    for path in pages {
        let shown = person.see(&path).await;
        for part in ["<script>alert", "<img", "\u{202e}", "\u{1b}"] {
            assert!(!shown.html.contains(part), "{path} has {part:?}: {}", shown.html);
        }
        assert!(shown.html.len() < 200_000, "{path}: {}", shown.html.len());
    }
    door.close().await;
}
