//! Sign-in at an OpenID Connect provider that is not ours, in a browser, until Windows has what it enrolls with.

use reqwest::Method;
use transom::cli::Installation;
use transom::config::DataFolder;
use transom::enrollment::sign_in::{FederatedUser, SignIns};
use transom::model::{DeviceId, Timestamp};
use transom::store::Tx;

use super::enrollment::computer;
use crate::support::databases::Engine;
use crate::support::pc::sign_in::{USER_TOKEN, bearer, issue};
use crate::support::pc::{DISCOVERY, POLICY, Pc, content};
use crate::support::provider::{Browser, CALLBACK, Provider, Shown};
use crate::support::server::{Server, Site};

super::on_both![somebody_signs_in_and_one_device_can_use_it, who_does_not_belong_there_gets_nothing];

const START: &str =
    "/EnrollmentServer/Auth?appru=ms-app%3A%2F%2Fwindows.immersivecontrolpanel&login_hint=ada%40contoso.test";

pub(super) fn at(site: Site, provider: &Provider, client: &str) -> Site {
    let ca = site.data().join("ca.pem");
    site.with("OPENID_ISSUER", &provider.issuer)
        .with("OPENID_CLIENT_ID", client)
        .with("OPENID_REDIRECT_URI", CALLBACK)
        .with("OPENID_CA", ca.to_str().unwrap())
}

/// The same data, looked at without a server: what the enrollment service asks.
fn sign_ins(site: &Site, provider: &Provider) -> (SignIns, transom::store::Store) {
    let flags = [
        ("openid.issuer", provider.issuer.clone()),
        ("openid.client_id", "transom".to_owned()),
        ("openid.redirect_uri", CALLBACK.to_owned()),
    ];
    let installation = Installation::open(DataFolder::new(site.data()), &flags).unwrap();
    let store = transom::cli::open_store(&installation).unwrap();
    (installation.sign_ins(store.clone()).unwrap(), store)
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

pub(super) async fn signed_in(browser: &mut Browser, login: &str) -> Shown {
    let page = browser.opens(START).await;
    if page.html.contains("wresult") {
        // The provider knows them from before.
        return page;
    }
    let back = browser.signs_in(page, login).await;
    browser.goes(Method::GET, back, None).await
}

async fn spend(store: &transom::store::Store, user: &FederatedUser, device: &str) -> Result<(), String> {
    let (user, device) = (user.clone(), DeviceId::parse(device).unwrap());
    let spent = store.write(move |tx: &mut Tx<'_>| SignIns::spend(tx, &user, &device, now())).await;
    spent.map_err(|denied| denied.word().to_owned())
}

async fn somebody_signs_in_and_one_device_can_use_it(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider, "transom").with("OPENID_CLIENT_SECRET", "a+secret/with=signs");
    let site = site.with("OPENID_REQUIRED_CLAIM", "groups").with("OPENID_REQUIRED_VALUE", "enrollers");
    let server = site.serve();
    let mut browser = Browser::new(&site.root(), server.device_addr);

    let sent = browser.asks(Method::GET, &format!("https://mdm.contoso.test{START}").parse().unwrap(), None).await;
    assert_eq!(sent.status, 302);
    let asked = sent.location();
    assert!(asked.starts_with(&format!("{}/auth?", provider.issuer)), "{asked}");
    for part in [
        "response_type=code",
        "code_challenge_method=S256",
        "scope=openid+profile+email",
        "login_hint=ada%40contoso.test",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let cookie = sent.headers["set-cookie"].to_str().unwrap();
    for part in ["__Host-transom-sign-in=", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }

    let page = signed_in(&mut browser, "ada@contoso.test").await;
    let (app, handle) = page.handoff();
    assert_eq!(app, "ms-app://windows.immersivecontrolpanel");
    assert_eq!(handle.len(), 43);
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.headers.contains_key("content-length"));

    let (sign_ins, store) = sign_ins(&site, &provider);
    let user = sign_ins.federated(&handle, now()).await.unwrap();
    assert_eq!((user.name.as_str(), user.issuer.as_str()), ("ada@contoso.test", provider.issuer.as_str()));
    // Shown twice, then spent by one device, which may try again; another one can't.
    assert_eq!(sign_ins.federated(&handle, now()).await.unwrap(), user);
    assert_eq!(spend(&store, &user, "D1").await, Ok(()));
    assert_eq!(spend(&store, &user, "d1").await, Ok(()));
    assert_eq!(spend(&store, &user, "D2").await, Err("sign_in_spent".into()));
    assert_eq!(
        sign_ins.federated(&handle, now().plus_millis(31 * 60_000)).await.unwrap_err().word(),
        "sign_in_unknown"
    );
    assert_eq!(sign_ins.federated(&format!("{handle}x"), now()).await.unwrap_err().word(), "sign_in_unknown");

    nothing_secret_is_written(&site, &browser, &handle);
    a_computer_enrolls(&site, &server, &mut browser).await;
}

/// What Windows makes of a sign-in: one computer is enrolled with it, another one is not.
async fn a_computer_enrolls(site: &Site, server: &Server, browser: &mut Browser) {
    let (_, handle) = signed_in(browser, "ada@contoso.test").await.handoff();
    let (mut pc, other) = (computer(site, server, "PC1"), computer(site, server, "PC2"));
    let mut line = pc.connect_bare().await;
    let told = line.soap(DISCOVERY, &Pc::discover_body(&["OnPremise", "Federated"], "9.0")).await;
    assert_eq!(content(&told, "AuthPolicy").as_deref(), Some("Federated"));
    let page = format!("https://localhost:{}/EnrollmentServer/Auth", server.device_addr.port());
    assert_eq!(content(&told, "AuthenticationServiceUrl"), Some(page));
    assert_eq!(pc.discover(&mut line, &["OnPremise"]).await.unwrap().policy, "OnPremise");

    let shown = bearer(USER_TOKEN, &handle);
    let policies = line.soap(POLICY, &Pc::policies_body(&shown)).await;
    assert_eq!(content(&policies, "minimalKeyLength").as_deref(), Some("2048"));
    let document = pc.token(&mut line, issue(&pc, &shown, &[])).await.unwrap();
    pc.take(document);
    // The reply was lost, as far as the computer knows.
    pc.token(&mut line, issue(&pc, &shown, &[])).await.unwrap();
    let fault = other.token(&mut line, issue(&other, &shown, &[])).await.unwrap_err();
    assert!(fault.subcode.to_ascii_lowercase().ends_with("authentication"), "{fault:?}");
    let forged = bearer(USER_TOKEN, &handle.to_ascii_uppercase());
    assert!(other.token(&mut line, issue(&other, &forged, &[])).await.is_err());

    let device = server.operator().get("/api/v1/devices/PC1").await;
    assert!(device.to_string().contains("ada@contoso.test"), "{device}");
    let attempts = server.operator().list("/api/v1/enrollment-attempts").await;
    for reason in ["sign_in_spent", "sign_in_unknown"] {
        assert!(attempts.iter().any(|attempt| attempt["reason"] == reason), "{reason}: {attempts:?}");
    }
}

/// Neither handle nor code nor state stands in a log, nor the handle in any address or in the database.
fn nothing_secret_is_written(site: &Site, browser: &Browser, handle: &str) {
    let log = site.log();
    let callback = browser.visited.iter().find(|url| url.starts_with(CALLBACK)).unwrap();
    for secret in callback.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('=')) {
        if ["code", "state"].contains(&secret.0) {
            assert!(!log.contains(secret.1), "{secret:?} stands in the log");
        }
    }
    assert!(!log.contains(handle) && !browser.visited.iter().any(|url| url.contains(handle)));
    for file in std::fs::read_dir(site.data()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(handle.len()).any(|window| window == handle.as_bytes()), "{:?}", file.path());
    }
}

async fn who_does_not_belong_there_gets_nothing(site: Site) {
    let Some(provider) = Provider::start(&site.data()) else { return };
    let site = at(site, &provider, "transom").with("OPENID_CLIENT_SECRET", "a+secret/with=signs");
    let site = site.with("OPENID_REQUIRED_CLAIM", "groups").with("OPENID_REQUIRED_VALUE", "enrollers");
    let server = site.serve();
    let root = site.root();
    let browser = || Browser::new(&root, server.device_addr);

    // Signed in, but not in the group.
    let page = signed_in(&mut browser(), "eve@contoso.test").await;
    refused(&page, 403, "the claim groups");

    // Somebody who changed their mind.
    let mut undecided = browser();
    let page = undecided.opens(START).await;
    let abort = page.url.join(&format!("{}/abort", page.url.path())).unwrap();
    refused(&undecided.goes(Method::GET, abort, None).await, 400, "access_denied");

    // The link of one person opened by another: no cookie, or that of another sign-in.
    let (mut ada, mut eve) = (browser(), browser());
    let page = ada.opens(START).await;
    let back = ada.signs_in(page, "ada@contoso.test").await;
    refused(&eve.asks(Method::GET, &back, None).await, 400, "does not bring back");
    drop(eve.opens(START).await);
    refused(&eve.asks(Method::GET, &back, None).await, 400, "does not bring back");

    // Changed on the way.
    let other_state = back.as_str().replacen("state=", "state=x", 1).parse().unwrap();
    let mut forged = browser();
    drop(forged.opens(START).await);
    refused(&forged.asks(Method::GET, &other_state, None).await, 400, "does not bring back");

    // The right one gets through, once.
    ada.asks(Method::GET, &back, None).await.handoff();
    let again = ada.asks(Method::GET, &back, None).await;
    refused(&again, 400, "does not bring back");

    // Addresses that are not the device's own.
    for start in
        ["", "?appru=https%3A%2F%2Fevil.test", "?appru=ms-app%3A%2F%2Fx%22%3E%3Cscript%3E", "?appru=javascript%3Ax"]
    {
        let page = browser().opens(&format!("/EnrollmentServer/Auth{start}")).await;
        refused(&page, 400, "appru");
        assert!(!page.html.contains("evil") && !page.html.contains("<script"), "{}", page.html);
    }
}

fn refused(page: &Shown, status: u16, why: &str) {
    assert_eq!(page.status, status, "{}", page.html);
    assert!(page.html.contains(why) && !page.html.contains("wresult"), "{}", page.html);
    assert!(page.html.contains(page.headers["x-request-id"].to_str().unwrap()));
}

/// A sign-in that begins at one instance and ends at another; every way of proving who the server is at the provider.
#[test]
fn instances_and_kinds_of_clients() {
    super::on(Engine::Sqlite, async |site| {
        let Some(provider) = Provider::start(&site.data()) else { return };
        let kinds = [
            ("transom-post", "another secret"),
            ("transom-public", ""),
            ("transom-ps256", "a+secret/with=signs"),
            ("transom-es256", "a+secret/with=signs"),
        ];
        let mut site = site;
        for (client, secret) in kinds {
            site = at(site, &provider, client).with("OPENID_CLIENT_SECRET", secret);
            let server = site.serve();
            signed_in(&mut Browser::new(&site.root(), server.device_addr), "ada@contoso.test").await.handoff();
        }
        site = site.with("OPENID_CLIENT_ID", "transom").with("OPENID_CLIENT_SECRET", "wrong");
        let server = site.serve();
        let page = signed_in(&mut Browser::new(&site.root(), server.device_addr), "ada@contoso.test").await;
        refused(&page, 502, "invalid_client");
    });
}

/// Of two instances on one database either ends what the other began; a callback that comes to both at once counts once.
#[test]
fn a_sign_in_may_end_at_another_instance() {
    super::on(Engine::Postgres, async |site| {
        let Some(provider) = Provider::start(&site.data()) else { return };
        let site = at(site, &provider, "transom").with("OPENID_CLIENT_SECRET", "a+secret/with=signs");
        let (one, two): (Server, Server) = (site.serve(), site.serve_copy("two"));
        let mut browser = Browser::new(&site.root(), one.device_addr);
        let page = browser.opens(START).await;
        let back = browser.signs_in(page, "ada@contoso.test").await;
        browser.meets(two.device_addr);
        browser.asks(Method::GET, &back, None).await.handoff();
    });
}

/// Without a provider in the settings there is no sign-in, and the page says so.
#[test]
fn what_is_not_configured_is_not_offered() {
    super::on(Engine::Sqlite, async |site| {
        let server = site.serve();
        let mut browser = Browser::new(&site.root(), server.device_addr);
        let page = browser.opens(START).await;
        refused(&page, 404, "not configured");
        let page = browser.opens("/EnrollmentServer/Auth/Callback?code=x&state=y").await;
        refused(&page, 404, "not configured");
    });
}
