//! Operators sign in at an OpenID Connect provider that is not ours, in a browser.

use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::support::provider::{Browser, CONSOLE, Provider, Shown};
use crate::support::server::{Server, Site};

super::on_both![
    what_the_provider_says_is_what_one_may,
    whom_the_provider_does_not_vouch_for_stays_out,
    an_account_is_somebodys_only_by_a_link,
];

const SESSION: &str = "__Host-transom";

fn at(site: Site, provider: &Provider) -> Site {
    let ca = site.data().join("ca.pem");
    site.with("PEOPLE_ADDRESS", CONSOLE)
        .with("PEOPLE_OPENID_ISSUER", &provider.issuer)
        .with("PEOPLE_OPENID_CLIENT_ID", "transom")
        .with("PEOPLE_OPENID_CLIENT_SECRET", "a+secret/with=signs")
        .with("PEOPLE_OPENID_CA", ca.to_str().unwrap())
        .with("PEOPLE_OPENID_ADMINS", "admins")
        .with("PEOPLE_OPENID_HELPDESK", "desk")
        .with("PEOPLE_OPENID_BUTTON", "Contoso \"<b>staff</b>")
}

fn here(path: &str) -> Url {
    format!("{CONSOLE}{path}").parse().unwrap()
}

/// As far as the callback, which is not asked yet.
async fn comes_back(browser: &mut Browser, start: &str, login: &str) -> Url {
    let page = browser.goes(Method::GET, here(start), None).await;
    browser.signs_in(page, login).await
}

async fn signs_in(browser: &mut Browser, login: &str) -> Shown {
    let back = comes_back(browser, "/sign-in/openid?next=%2Fdevices", login).await;
    browser.asks(Method::GET, &back, None).await
}

async fn posts(browser: &mut Browser, path: &str, form: &str) -> Shown {
    browser.asks(Method::POST, &here(path), Some(form.to_owned())).await
}

async fn account(browser: &mut Browser) -> Shown {
    browser.asks(Method::GET, &here("/account"), None).await
}

fn refused(page: &Shown, status: u16, why: &str) {
    assert_eq!(page.status, status, "{}", page.html);
    assert!(page.html.contains(why) && !page.headers.contains_key("location"), "{why}: {}", page.html);
}

fn csrf(page: &Shown) -> String {
    crate::support::provider::attribute(&page.html, "name=\"csrf\"", "value").unwrap()
}

async fn audited(server: &Server, action: &str) -> Vec<Value> {
    server.operator().list(&format!("/api/v1/audit?action={action}")).await
}

async fn what_the_provider_says_is_what_one_may(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider);
    let (server, root) = (site.serve(), site.root());
    let mut ada = Browser::at_console(&root, &server);

    let page = ada.asks(Method::GET, &here("/sign-in"), None).await;
    assert!(page.html.contains("Contoso &#34;&#60;b&#62;staff") && page.html.contains("name=\"password\""));
    let sent = ada.asks(Method::GET, &here("/sign-in/openid?next=%2Fdevices"), None).await;
    assert!(sent.location().starts_with(&format!("{}/auth?", provider.issuer)), "{}", sent.location());
    for part in ["response_type=code", "code_challenge_method=S256", "nonce=", "scope=openid+profile+email"] {
        assert!(sent.location().contains(part), "{part}");
    }
    let cookie = sent.headers["set-cookie"].to_str().unwrap();
    for part in ["__Host-transom-openid=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=900"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }

    let back = comes_back(&mut ada, "/sign-in/openid?next=%2Fdevices", "ada@contoso.test").await;
    let came = ada.asks(Method::GET, &back, None).await;
    assert_eq!((came.status, came.location()), (303, "/devices"), "{}", came.html);
    assert!(ada.kept(SESSION).is_some() && ada.kept("__Host-transom-openid").is_none());
    let page = account(&mut ada).await;
    assert!(page.html.contains("ada@contoso.test") && page.html.contains("<strong>admin</strong>"));
    assert!(!page.html.contains("/account/password"), "there is no password to change");

    // Signed out here is out here, whatever the provider remembers.
    let kept = ada.kept(SESSION).unwrap().to_owned();
    let out = posts(&mut ada, "/sign-out", &format!("csrf={}", csrf(&page))).await;
    assert_eq!((out.status, out.location()), (303, "/sign-in"));
    assert!(ada.kept(SESSION).is_none() && account(&mut ada).await.status == 303);
    let page = ada.goes(Method::GET, here("/devices"), None).await;
    assert!(page.url.path() == "/sign-in" && page.html.contains("Contoso"), "nobody is sent on by themselves");
    assert!(!site.log().contains(&kept));

    // What was theirs here is nothing when the provider says something else.
    let mut bob = Browser::at_console(&root, &server);
    assert_eq!(signs_in(&mut bob, "bob@contoso.test").await.status, 303);
    assert!(account(&mut bob).await.html.contains("<strong>helpdesk</strong>"));
    let changed = server.operator().post("/api/v1/operators/bob@contoso.test/role", &json!({"role": "author"})).await;
    assert_eq!(changed["role"], "author");
    assert_eq!(changed["subject"], format!("{} bob@contoso.test", provider.issuer));
    assert_eq!(account(&mut bob).await.status, 303, "another role ends sessions");
    let back = bob.goes(Method::GET, here("/sign-in/openid"), None).await;
    assert_eq!(back.status, 200, "the provider knew them: {}", back.html);
    assert!(account(&mut bob).await.html.contains("<strong>helpdesk</strong>"));
    let roles = audited(&server, "operator.role").await;
    assert!(roles.iter().any(|record| record["after"]["by"] == "openid" && record["after"]["role"] == "helpdesk"));

    server.operator().post("/api/v1/operators/bob@contoso.test/disable", &json!({})).await;
    assert_eq!(account(&mut bob).await.status, 303);
    let page = bob.goes(Method::GET, here("/sign-in/openid"), None).await;
    refused(&page, 403, "this account is disabled");
    assert!(account(&mut bob).await.status == 303);
    let away = audited(&server, "operator.turned_away").await;
    assert!(away.iter().any(|record| record["subject"] == "bob@contoso.test"), "{away:?}");
    let log = site.log();
    for (key, value) in back.url.query_pairs().chain(came.url.query_pairs()) {
        assert!(!["code", "state"].contains(&&*key) || !log.contains(&*value), "{key} stands in the log");
    }
}

async fn whom_the_provider_does_not_vouch_for_stays_out(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider).with("PEOPLE_OPENID_PASSWORDS", "false");
    let (server, root) = (site.serve(), site.root());
    let browser = || Browser::at_console(&root, &server);

    // No role, a token for somebody else, and one that is too old.
    for (login, status, why) in [
        ("eve@contoso.test", 403, "has no role here"),
        ("stray@contoso.test", 401, "audience"),
        ("late@contoso.test", 401, "expired"),
    ] {
        let mut browser = browser();
        refused(&signs_in(&mut browser, login).await, status, why);
        assert!(browser.kept(SESSION).is_none() && browser.kept("__Host-transom-openid").is_none());
    }

    // Another nonce than ours in the token.
    let mut other = browser();
    let sent = other.asks(Method::GET, &here("/sign-in/openid"), None).await;
    let changed = sent.location().replacen("nonce=", "nonce=x", 1).parse().unwrap();
    let page = other.goes(Method::GET, changed, None).await;
    let back = other.signs_in(page, "ada@contoso.test").await;
    refused(&other.asks(Method::GET, &back, None).await, 401, "nonce");

    // What came back to one browser shown by another, or with another state, or without a challenge of ours.
    let (mut ada, mut eve) = (browser(), browser());
    let back = comes_back(&mut ada, "/sign-in/openid?next=%2F%2Fevil.test", "ada@contoso.test").await;
    refused(&eve.asks(Method::GET, &back, None).await, 401, "does not bring back");
    drop(eve.asks(Method::GET, &here("/sign-in/openid"), None).await);
    refused(&eve.asks(Method::GET, &back, None).await, 401, "does not bring back");
    let forged = back.as_str().replacen("state=", "state=x", 1).parse().unwrap();
    let kept = ada.clone();
    refused(&ada.asks(Method::GET, &forged, None).await, 401, "does not bring back");

    // The right one counts once, and leads to no other site.
    let (mut ada, mut again) = (kept.clone(), kept);
    let came = ada.asks(Method::GET, &back, None).await;
    assert_eq!((came.status, came.location()), (303, "/"));
    refused(&again.asks(Method::GET, &back, None).await, 502, "invalid_grant");
    let nothing = browser().asks(Method::GET, &here("/sign-in/openid/callback?error=access_denied"), None).await;
    refused(&nothing, 401, "does not bring back");

    // Passwords are not taken, links are: nobody is locked out for good.
    let page = browser().asks(Method::GET, &here("/sign-in"), None).await;
    assert!(!page.html.contains("name=\"password\""));
    let link = server.operator().post("/api/v1/operators", &json!({"role": "admin", "name": "root"})).await;
    let path = link["link"].as_str().unwrap().strip_prefix(CONSOLE).unwrap().to_owned();
    let mut root = browser();
    let form = "password=correct+horse+battery&again=correct+horse+battery";
    assert_eq!(posts(&mut root, &path, form).await.status, 303);
    assert!(account(&mut root).await.html.contains("<strong>admin</strong>"));
    let page = posts(&mut browser(), "/sign-in", "name=root&password=correct+horse+battery").await;
    refused(&page, 403, "passwords are not taken");
}

async fn an_account_is_somebodys_only_by_a_link(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider).with("PEOPLE_OPENID_CREATE", "false").with("PEOPLE_OPENID_OTHERWISE", "auditor");
    let (server, root) = (site.serve(), site.root());
    let browser = || Browser::at_console(&root, &server);
    let link = async |body: Value| {
        let made = server.operator().post("/api/v1/operators", &body).await;
        made["link"].as_str().unwrap().strip_prefix(CONSOLE).unwrap().to_owned()
    };

    refused(&signs_in(&mut browser(), "cy@contoso.test").await, 403, "there is no account for you");
    let path = link(json!({"role": "helpdesk"})).await;
    let mut cy = browser();
    let page = cy.asks(Method::GET, &here(&path), None).await;
    assert!(page.html.contains(&format!("href=\"{path}/openid\"")), "{}", page.html);
    let back = comes_back(&mut cy, &format!("{path}/openid"), "cy@contoso.test").await;
    assert_eq!(cy.asks(Method::GET, &back, None).await.location(), "/account");
    assert!(account(&mut cy).await.html.contains("<strong>auditor</strong>"), "the provider says what one may");
    assert_eq!(browser().asks(Method::GET, &here(&path), None).await.status, 410, "a link is good once");
    assert_eq!(browser().asks(Method::GET, &here(&format!("{path}/openid")), None).await.status, 410);

    // A name that the provider tells makes nobody the one who has it here.
    let path = link(json!({"role": "admin", "name": "ada@contoso.test"})).await;
    let form = "password=correct+horse+battery&again=correct+horse+battery";
    let mut ada = browser();
    assert_eq!(posts(&mut ada, &path, form).await.status, 303);
    refused(&signs_in(&mut browser(), "ada@contoso.test").await, 403, "there is no account for you");
    let other = link(json!({"role": "admin"})).await;
    let mut taker = browser();
    let back = comes_back(&mut taker, &format!("{other}/openid"), "ada@contoso.test").await;
    refused(&taker.asks(Method::GET, &back, None).await, 409, "somebody else is called");

    // A link that sets her password anew makes it hers.
    let reset = server.operator().post("/api/v1/operators/ada@contoso.test/reset", &json!({})).await;
    let path = reset["link"].as_str().unwrap().strip_prefix(CONSOLE).unwrap().to_owned();
    assert_eq!(account(&mut ada).await.status, 303);
    let back = comes_back(&mut ada, &format!("{path}/openid"), "ada@contoso.test").await;
    assert_eq!(ada.asks(Method::GET, &back, None).await.status, 303);
    assert!(account(&mut ada).await.html.contains("<strong>admin</strong>"));
    assert_eq!(signs_in_again(&mut ada).await.status, 200);
    assert_eq!(audited(&server, "operator.federate").await.len(), 1);

    // What the provider says she may is asked each time: the password of before goes past that. A link does once.
    let old = "name=ada%40contoso.test&password=correct+horse+battery";
    refused(&posts(&mut browser(), "/sign-in", old).await, 403, "passwords are not taken");
    refused(&posts(&mut browser(), "/sign-in", &old.replace("horse", "cow")).await, 401, "is wrong");
    let away = audited(&server, "operator.turned_away").await;
    assert!(away.iter().any(|record| record["after"]["by"] == "password"), "{away:?}");
    let reset = server.operator().post("/api/v1/operators/ada@contoso.test/reset", &json!({})).await;
    let path = reset["link"].as_str().unwrap().strip_prefix(CONSOLE).unwrap().to_owned();
    let mut once = browser();
    assert_eq!(posts(&mut once, &path, form).await.status, 303);
    assert!(account(&mut once).await.html.contains("<strong>admin</strong>"));
    refused(&posts(&mut browser(), "/sign-in", old).await, 403, "passwords are not taken");

    // Who has an account can't take another one.
    let path = link(json!({"role": "admin", "name": "second"})).await;
    let back = comes_back(&mut browser(), &format!("{path}/openid"), "cy@contoso.test").await;
    let mut cy = browser();
    refused(&cy.asks(Method::GET, &back, None).await, 401, "does not bring back");
    let back = comes_back(&mut cy, &format!("{path}/openid"), "cy@contoso.test").await;
    refused(&cy.asks(Method::GET, &back, None).await, 422, "another account");
    assert_eq!(browser().asks(Method::GET, &here(&path), None).await.status, 200, "the link was not used up");
}

/// The provider knows them from before.
async fn signs_in_again(browser: &mut Browser) -> Shown {
    browser.goes(Method::GET, here("/sign-in/openid"), None).await
}
