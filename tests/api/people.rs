//! People come in, change their account and go; nobody else comes in with what they had.

use reqwest::header::HeaderMap;
use reqwest::{Client, redirect};
use serde_json::json;
use totp_rs::Builder;

use crate::scenarios;
use crate::support::admin_door::{AdminDoor, Answered, now};
use crate::support::databases::TestStore;

scenarios!(
    the_first_operator_comes_in_by_a_link_that_is_good_once,
    a_wrong_password_tells_nothing_and_locks_out_only_from_there,
    an_authenticator_is_asked_for_and_its_codes_are_good_once,
    another_password_ends_everything_of_before,
    who_is_disabled_or_has_another_role_is_signed_out,
    another_site_can_not_post,
    nobody_is_sent_to_another_site,
    an_operator_is_changed_as_last_seen,
    the_last_admin_stays,
    pages_carry_the_headers_that_protect_them,
);

pub(super) const PASSWORD: &str = "correct horse battery";

/// A browser that keeps no cookies by itself.
struct Browser<'a> {
    door: &'a AdminDoor,
    client: Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(door: &'a AdminDoor) -> Self {
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { door, client, cookie: None }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answered {
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", format!("__Host-transom={cookie}")),
            None => request,
        };
        let answered = self.door.send(request).await;
        if let Some(set) = answered.headers.get("set-cookie") {
            let set = set.to_str().unwrap();
            assert!(set.contains("Secure") && set.contains("HttpOnly") && set.contains("Path=/"), "{set}");
            self.cookie = Some(set.split(['=', ';']).nth(1).unwrap().to_owned()).filter(|value| !value.is_empty());
        }
        answered
    }

    async fn get(&mut self, path: &str) -> Answered {
        let request = self.client.get(format!("{}{path}", self.door.base));
        self.send(request).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answered {
        let body = form.iter().fold(String::new(), |body, (name, value)| {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            format!("{body}{}{name}={value}", if body.is_empty() { "" } else { "&" })
        });
        let request = self
            .client
            .post(format!("{}{path}", self.door.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request).await
    }

    async fn sign_in(&mut self, name: &str, password: &str, code: &str) -> Answered {
        self.cookie = None;
        self.post("/sign-in", &[("name", name), ("password", password), ("code", code), ("next", "/account")]).await
    }

    /// The hidden value of the forms of a page.
    async fn csrf(&mut self) -> String {
        hidden(&self.get("/account").await, "csrf")
    }

    async fn is_in(&mut self) -> bool {
        match self.get("/account").await.status {
            200 => true,
            303 => false,
            other => panic!("status {other}"),
        }
    }
}

fn hidden(page: &Answered, name: &str) -> String {
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    let field = text.split(&format!("name=\"{name}\" value=\"")).nth(1);
    field.unwrap_or_else(|| panic!("no {name} in {text}")).split('"').next().unwrap().to_owned()
}

/// Makes an operator and gives the path of the link that was used up for it.
pub(super) async fn operator(door: &AdminDoor, name: &str, role: &str) -> String {
    let made = door.post("/operators", &json!({"name": name, "role": role})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let joined = Browser::new(door).post(&link, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(joined.status, 303, "{}", String::from_utf8_lossy(&joined.bytes));
    link
}

async fn the_first_operator_comes_in_by_a_link_that_is_good_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let made = door.post("/operators", &json!({"role": "admin"})).await.json();
    let link = made["link"].as_str().unwrap();
    let mut browser = Browser::new(&door);
    for _ in 0..2 {
        assert_eq!(browser.get(link).await.status, 200, "looking does not use it up");
    }
    let form = |name, again| [("name", name), ("password", PASSWORD), ("again", again)];
    assert_eq!(browser.post(link, &form("ada", "other")).await.status, 422);
    assert_eq!(browser.post(link, &[("name", "ada"), ("password", "short"), ("again", "short")]).await.status, 422);
    let joined = browser.post(link, &form("Ada", PASSWORD)).await;
    assert_eq!((joined.status, joined.headers["location"].to_str().unwrap()), (303, "/account"));
    assert!(browser.is_in().await);
    let page = browser.get("/account").await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("<strong>Ada</strong>"));
    assert_eq!(Browser::new(&door).get(link).await.status, 410);
    assert_eq!(Browser::new(&door).post(link, &form("eve", PASSWORD)).await.status, 410);
    assert_eq!(Browser::new(&door).get("/join/nothing").await.status, 410);

    let csrf = browser.csrf().await;
    let kept = browser.cookie.clone();
    assert_eq!(browser.post("/sign-out", &[("csrf", &csrf)]).await.status, 303);
    browser.cookie = kept;
    assert!(!browser.is_in().await, "what the browser kept opens nothing");
    assert_eq!(browser.sign_in("ada", PASSWORD, "").await.status, 303);
    assert!(browser.is_in().await);
    let entries = test.store.read(|tx| tx.audit_from(0, 100)).await.unwrap();
    let actions: Vec<_> = entries.iter().map(|entry| entry.action.as_str()).collect();
    let wanted = ["token.create", "operator.invite", "operator.join", "operator.sign_out", "operator.sign_in"];
    assert_eq!(actions, wanted);
    let known = [PASSWORD, link.trim_start_matches("/join/"), browser.cookie.as_deref().unwrap()];
    assert!(entries.iter().all(|entry| known.iter().all(|secret| !entry.canonical().contains(secret))));
    door.close().await;
}

async fn a_wrong_password_tells_nothing_and_locks_out_only_from_there(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "helpdesk").await;
    let mut browser = Browser::new(&door);
    let known = browser.sign_in("ada", "wrong password", "").await;
    let unknown = browser.sign_in("eve", "wrong password", "").await;
    assert_eq!((known.status, unknown.status), (401, 401));
    let text = |page: &Answered| String::from_utf8_lossy(&page.bytes).replace("eve", "ada");
    assert_eq!(text(&known), text(&unknown));
    for _ in 0..4 {
        browser.sign_in("ada", "wrong password", "").await;
    }
    let locked = browser.sign_in("ada", PASSWORD, "").await;
    assert_eq!(locked.status, 429, "{}", String::from_utf8_lossy(&locked.bytes));
    // From elsewhere the same person comes in.
    let admin = door.admin();
    let shown = || transom::admin::Shown {
        name: "ada".to_owned(),
        password: transom::model::Secret::new(PASSWORD.to_owned()),
        code: None,
    };
    admin.sign_in(shown(), [192, 0, 2, 9].into(), None, now()).await.unwrap();
    // And from there again when the time is over.
    admin.sign_in(shown(), [127, 0, 0, 1].into(), None, now().plus_millis(3_700_000)).await.unwrap();
    door.close().await;
}

async fn an_authenticator_is_asked_for_and_its_codes_are_good_once(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "author").await;
    let mut browser = Browser::new(&door);
    browser.sign_in("ada", PASSWORD, "").await;
    let page = browser.get("/account/authenticator").await;
    let (csrf, secret) = (hidden(&page, "csrf"), hidden(&page, "secret"));
    let totp = Builder::new().with_secret(totp_rs::Secret::try_from_base32(&secret).unwrap()).build().unwrap();
    let code_at = |step: i64| {
        let seconds = u64::try_from(now().0 / 1000 + step * 30).unwrap();
        totp.generate(seconds).to_string()
    };
    let form = |code: &str, password: &str| {
        [
            ("csrf", csrf.clone()),
            ("secret", secret.clone()),
            ("code", code.to_owned()),
            ("password", password.to_owned()),
        ]
    };
    let post = async |browser: &mut Browser<'_>, form: [(&str, String); 4]| {
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/account/authenticator", &form).await
    };
    assert_eq!(post(&mut browser, form("000000", PASSWORD)).await.status, 422);
    assert_eq!(post(&mut browser, form(&code_at(0), "wrong password")).await.status, 401);
    let done = post(&mut browser, form(&code_at(-1), PASSWORD)).await;
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.bytes));
    let text = String::from_utf8(done.bytes).unwrap();
    let recovery: Vec<&str> = text.split("<li><code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    assert_eq!(recovery.len(), 10);

    assert_eq!(browser.sign_in("ada", PASSWORD, "").await.status, 401);
    assert_eq!(browser.sign_in("ada", PASSWORD, &code_at(-1)).await.status, 401, "it was used to begin with");
    let code = code_at(1);
    assert_eq!(browser.sign_in("ada", PASSWORD, &code).await.status, 303);
    assert_eq!(browser.sign_in("ada", PASSWORD, &code).await.status, 401, "once");
    assert_eq!(browser.sign_in("ada", PASSWORD, recovery[3]).await.status, 303);
    let mut others = Browser::new(&door);
    assert_eq!(others.sign_in("ada", PASSWORD, recovery[3]).await.status, 401, "once");
    assert!(browser.is_in().await);
    assert_eq!(door.post("/operators/ada/forget-totp", &json!({})).await.json()["totp"], false);
    assert!(!browser.is_in().await);
    door.close().await;
}

async fn another_password_ends_everything_of_before(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "helpdesk").await;
    let (mut here, mut there) = (Browser::new(&door), Browser::new(&door));
    here.sign_in("ada", PASSWORD, "").await;
    there.sign_in("ada", PASSWORD, "").await;
    let csrf = here.csrf().await;
    let form = |old, new, again| [("csrf", csrf.as_str()), ("old", old), ("new", new), ("again", again)];
    assert_eq!(here.post("/account/password", &form("wrong", "another horse", "another horse")).await.status, 401);
    assert_eq!(here.post("/account/password", &form(PASSWORD, "another horse", "other")).await.status, 422);
    let before = here.cookie.clone();
    assert_eq!(here.post("/account/password", &form(PASSWORD, "another horse", "another horse")).await.status, 303);
    assert!(here.is_in().await && !there.is_in().await);
    here.cookie = before;
    assert!(!here.is_in().await, "the session of before ended as well");
    assert_eq!(here.sign_in("ada", PASSWORD, "").await.status, 401);
    assert_eq!(here.sign_in("ada", "another horse", "").await.status, 303);

    let reset = door.post("/operators/ada/reset", &json!({})).await.json();
    assert!(!here.is_in().await);
    let link = reset["link"].as_str().unwrap();
    assert_eq!(here.post(link, &[("password", "third horse!"), ("again", "third horse!")]).await.status, 303);
    assert!(here.is_in().await);
    assert_eq!(there.sign_in("ada", "another horse", "").await.status, 401);
    door.close().await;
}

async fn who_is_disabled_or_has_another_role_is_signed_out(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    operator(&door, "ada", "author").await;
    let mut browser = Browser::new(&door);
    browser.sign_in("ada", PASSWORD, "").await;
    let changed = door.post("/operators/ada/role", &json!({"role": "helpdesk"})).await;
    assert_eq!((changed.status, changed.json()["role"].as_str()), (200, Some("helpdesk")));
    assert!(!browser.is_in().await);
    browser.sign_in("ada", PASSWORD, "").await;
    assert!(browser.is_in().await);
    assert_eq!(door.post("/operators/ada/disable", &json!({})).await.status, 200);
    assert!(!browser.is_in().await);
    assert_eq!(browser.sign_in("ada", PASSWORD, "").await.status, 401);
    assert_eq!(door.post("/operators/ada/enable", &json!({})).await.status, 200);
    assert_eq!(browser.sign_in("ada", PASSWORD, "").await.status, 303);
    door.close().await;
}

async fn another_site_can_not_post(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "admin").await;
    let mut browser = Browser::new(&door);
    browser.sign_in("ada", PASSWORD, "").await;
    let csrf = browser.csrf().await;
    for path in
        ["/sign-out", "/account/password", "/account/authenticator", "/account/authenticator/remove", "/sign-in"]
    {
        let request = browser
            .client
            .post(format!("{}{path}", door.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("csrf={csrf}&password={PASSWORD}&name=ada"));
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example.test")] {
            let answered = browser.send(request.try_clone().unwrap().header(name, value)).await;
            answered.problem(403);
        }
    }
    assert_eq!(browser.post("/sign-out", &[("csrf", "guessed")]).await.status, 403);
    assert_eq!(browser.post("/sign-out", &[]).await.status, 400);
    assert!(browser.is_in().await);
    door.close().await;
}

async fn nobody_is_sent_to_another_site(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "ada", "auditor").await;
    for next in ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)"] {
        let mut browser = Browser::new(&door);
        let form = [("name", "ada"), ("password", PASSWORD), ("next", next)];
        let answered = browser.post("/sign-in", &form).await;
        assert_eq!((answered.status, answered.headers["location"].to_str().unwrap()), (303, "/"), "{next}");
    }
    let mut browser = Browser::new(&door);
    let asked = browser.get("/account?a=b&c").await;
    assert_eq!(asked.headers["location"], "/sign-in?next=/account?a=b%26c");
    door.close().await;
}

async fn an_operator_is_changed_as_last_seen(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    operator(&door, "ada", "author").await;
    let seen = door.get("/operators/ada").await;
    let etag = seen.headers["etag"].to_str().unwrap().to_owned();
    let change = async |etag: &str, role: &str| {
        let request = door.request(reqwest::Method::POST, "/operators/ada/role").header("if-match", etag);
        door.send(request.json(&json!({"role": role}))).await
    };
    let changed = change(&etag, "helpdesk").await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.headers["etag"], etag);
    change(&etag, "auditor").await.problem(412);
    change("no etag", "auditor").await.problem(400);
    assert_eq!(door.get("/operators/ada").await.json()["role"], "helpdesk");
    door.get("/operators/nobody").await.problem(404);
    door.close().await;
}

async fn the_last_admin_stays(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    operator(&door, "chief", "admin").await;
    door.post("/operators/chief/disable", &json!({})).await.problem(409);
    door.post("/operators/chief/role", &json!({"role": "auditor"})).await.problem(409);
    assert_eq!(door.get("/operators/chief").await.json()["role"], "admin");
    operator(&door, "ada", "admin").await;
    assert_eq!(door.post("/operators/chief/disable", &json!({})).await.status, 200);
    door.post("/operators", &json!({"name": "ADA", "role": "admin"})).await.problem(409);
    door.close().await;
}

async fn pages_carry_the_headers_that_protect_them(test: &TestStore) {
    let door = AdminDoor::open(&test.store).await;
    let mut browser = Browser::new(&door);
    for path in ["/sign-in", "/account", "/join/x", "/sign-in/style.css"] {
        let headers: HeaderMap = browser.get(path).await.headers;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
    assert_eq!(browser.get("/sign-in").await.headers["cache-control"], "no-store");
    door.close().await;
}
