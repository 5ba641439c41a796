//! Tokens of Entra ID against a server of keys that counts who asks (threats T21, T22), and the terms of use.

use std::{
    net::TcpListener,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use super::*;
use crate::{
    enrollment::sign_in::{BrokerRedirect, Terms},
    pki::{DataKey, token::tests::Issuer},
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const SECONDS: i64 = NOW.0 / 1000;
const DAY: i64 = 24 * 60 * 60_000;
const OURS: &str = "11111111-2222-4333-8444-555555555555";
const ALSO_OURS: &str = "aaaaaaaa-2222-4333-8444-555555555555";
const THEIRS: &str = "99999999-2222-4333-8444-555555555555";
const URI: &str = "https://mdm.contoso.test";
const CLIENT: &str = "8d1c0c1e-0000-4000-8000-000000000001";
const ADA: &str = "0a0a0a0a-0000-4000-8000-00000000000a";

/// Serves keys over HTTP on this machine, and counts.
struct KeyServer {
    url: String,
    keys: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    fn start(keys: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (keys, asked) = (Arc::new(Mutex::new(keys)), Arc::new(AtomicUsize::new(0)));
        let shared = (keys.clone(), asked.clone());
        let serve = move || {
            let (keys, asked) = shared.clone();
            let answer = move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let body = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
                async move { HttpResponse::Ok().body(body) }
            };
            App::new().default_service(web::to(answer))
        };
        tokio::spawn(HttpServer::new(serve).workers(1).disable_signals().listen(listener).unwrap().run());
        Self { url, keys, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn publish(&self, keys: Vec<u8>) {
        *self.keys.lock().unwrap() = keys;
    }
}

fn settings(keys: &str) -> config::Entra {
    config::Entra {
        tenants: vec![OURS.to_ascii_uppercase(), ALSO_OURS.into()],
        audiences: vec![URI.into(), CLIENT.into()],
        keys: keys.to_owned(),
        ..config::Entra::default()
    }
}

fn sealer() -> Arc<Sealer> {
    Arc::new(Sealer::new(&DataKey::generate().unwrap()).unwrap())
}

fn configured(settings: &config::Entra, folder: &Path) -> Entra {
    Entra::new(settings, &DataFolder::new(folder), sealer()).unwrap()
}

/// With keys in a file.
fn offline(issuer: &Issuer) -> (Entra, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keys.json"), issuer.jwks()).unwrap();
    (configured(&settings("keys.json"), folder.path()), folder)
}

fn version_1() -> Value {
    json!({
        "iss": format!("https://sts.windows.net/{OURS}/"), "aud": URI, "tid": OURS, "ver": "1.0",
        "exp": SECONDS + 3600, "nbf": SECONDS - 10, "upn": "ada@contoso.test", "unique_name": "ada@contoso.test",
        "oid": ADA, "scp": "mdm_delegation"
    })
}

fn version_2() -> Value {
    let mut claims = version_1();
    claims["iss"] = json!(format!("https://login.microsoftonline.com/{OURS}/v2.0"));
    claims["aud"] = json!(CLIENT);
    claims["ver"] = json!("2.0");
    claims
}

/// A token of version 1 with another claim, or without it.
fn with(name: &str, value: Value) -> Value {
    let mut claims = version_1();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

async fn word(entra: &Entra, token: &str) -> &'static str {
    entra.verify(token, NOW).await.map_or_else(|denied| denied.word(), |_| "believed")
}

#[actix_web::test]
async fn tokens_of_both_versions_are_believed_and_keys_are_fetched_once() {
    let (issuer, folder) = (Issuer::rsa("k1"), tempfile::tempdir().unwrap());
    let server = KeyServer::start(issuer.jwks());
    let entra = configured(&settings(&server.url), folder.path());
    for claims in [version_1(), version_2(), with("scp", Value::Null), with("deviceid", json!("x"))] {
        let user = entra.verify(&issuer.sign(json!({}), &claims), NOW).await.unwrap();
        assert_eq!((user.name.as_str(), user.tenant.as_str()), ("ada@contoso.test", OURS));
    }
    assert_eq!(server.asked(), 1);
}

#[actix_web::test]
async fn every_token_that_is_not_for_us_is_refused() {
    let (issuer, folder) = (Issuer::rsa("k1"), tempfile::tempdir().unwrap());
    let server = KeyServer::start(issuer.jwks());
    let entra = configured(&settings(&server.url), folder.path());
    let cases = [
        (with("tid", json!(THEIRS)), "jwt_tenant"),
        (with("tid", Value::Null), "jwt_claim"),
        (with("iss", json!(format!("https://sts.windows.net/{THEIRS}/"))), "jwt_issuer"),
        (with("iss", json!(format!("https://sts.windows.net/{OURS}"))), "jwt_issuer"),
        (with("iss", Value::Null), "jwt_issuer"),
        (with("tid", json!(ALSO_OURS)), "jwt_issuer"),
        (with("aud", json!("https://mdm.contoso.test/")), "jwt_audience"),
        (with("aud", json!("00000003-0000-0000-c000-000000000000")), "jwt_audience"),
        (with("aud", json!(URI.to_ascii_uppercase())), "jwt_audience"),
        (with("exp", json!(SECONDS - 301)), "jwt_expired"),
        (with("nbf", json!(SECONDS + 301)), "jwt_not_yet"),
        (with("upn", Value::Null), "jwt_claim"),
        (with("upn", json!("a\u{0}b")), "jwt_claim"),
        (with("oid", Value::Null), "jwt_claim"),
        (with("scp", json!("user_impersonation")), "jwt_claim"),
        (with("scp", json!(["mdm_delegation"])), "jwt_claim"),
    ];
    for (claims, expected) in cases {
        assert_eq!(word(&entra, &issuer.sign(json!({}), &claims)).await, expected, "{claims}");
    }
    for text in ["", "x", "a.b.c"] {
        assert_eq!(word(&entra, text).await, "jwt_malformed");
    }
    assert_eq!(server.asked(), 1);
}

#[actix_web::test]
async fn no_token_decides_how_it_is_verified_or_what_is_fetched() {
    let (issuer, other, folder) = (Issuer::rsa("k1"), Issuer::rsa("k1"), tempfile::tempdir().unwrap());
    let (server, elsewhere) = (KeyServer::start(issuer.jwks()), KeyServer::start(other.jwks()));
    let entra = configured(&settings(&server.url), folder.path());
    for algorithm in ["none", "HS256", "PS256", "RS512"] {
        let token = issuer.sign(json!({ "alg": algorithm }), &version_1());
        assert_eq!(word(&entra, &token).await, "jwt_algorithm", "{algorithm}");
    }
    assert_eq!(server.asked(), 0, "what is not signed acceptably causes no request");
    let brought_along =
        [json!({ "jku": elsewhere.url }), json!({ "x5u": elsewhere.url }), json!({ "jwk": other.jwk() }), json!({})];
    for header in brought_along {
        assert_eq!(word(&entra, &other.sign(header, &version_1())).await, "jwt_signature");
    }
    for id in ["", "k2", "../../etc/passwd", "k1' OR '1'='1", &elsewhere.url] {
        assert_eq!(word(&entra, &issuer.sign(json!({ "kid": id }), &version_1())).await, "jwt_key", "{id}");
    }
    assert_eq!(word(&entra, &issuer.sign(json!({ "kid": null }), &version_1())).await, "jwt_key");
    assert_eq!((server.asked(), elsewhere.asked()), (1, 0));
}

#[actix_web::test]
async fn a_flood_of_unknown_keys_makes_one_request_in_minutes_and_a_new_key_is_found() {
    let (old, new, folder) = (Issuer::rsa("k1"), Issuer::rsa("k2"), tempfile::tempdir().unwrap());
    let server = KeyServer::start(old.jwks());
    let entra = configured(&settings(&server.url), folder.path());
    entra.verify(&old.sign(json!({}), &version_1()), NOW).await.unwrap();
    let later = NOW.plus_millis(301_000);
    server.publish(json!({ "keys": [old.jwk(), new.jwk()] }).to_string().into_bytes());
    for number in 0..200 {
        let token = old.sign(json!({ "kid": format!("unknown-{number}") }), &version_1());
        assert!(entra.verify(&token, later).await.is_err());
    }
    assert_eq!(server.asked(), 2);
    entra.verify(&new.sign(json!({}), &version_1()), later).await.unwrap();
    assert_eq!(server.asked(), 2);
}

#[actix_web::test]
async fn keys_may_come_from_a_file_without_any_network() {
    let issuer = Issuer::rsa("k1");
    let (entra, folder) = offline(&issuer);
    assert_eq!(word(&entra, &issuer.sign(json!({}), &version_1())).await, "believed");
    let refused =
        |settings: &config::Entra| Entra::new(settings, &DataFolder::new(folder.path()), sealer()).err().unwrap();
    std::fs::write(folder.path().join("empty.json"), "{}").unwrap();
    assert!(matches!(refused(&settings("empty.json")), SetupError::Content { .. }));
    assert!(matches!(refused(&settings("missing.json")), SetupError::File { .. }));
    assert!(matches!(refused(&settings("http://keys.example.test/")), Setting { key: "entra.keys", .. }));
    let everybody = config::Entra { tenants: vec!["common".into()], ..settings("keys.json") };
    assert!(matches!(refused(&everybody), Setting { key: "entra.tenants", .. }));
    let anybody = config::Entra { issuers: vec!["https://sts.example.test/".into()], ..settings("keys.json") };
    assert!(matches!(refused(&anybody), Setting { key: "entra.issuers", .. }));
}

fn ada() -> EntraUser {
    let name = "ada@contoso.test".to_owned();
    EntraUser { tenant: OURS.into(), object_id: ADA.into(), name, device: None, said: Heard::default(), issued_at: NOW }
}

#[actix_web::test]
async fn the_device_of_a_token_is_known_in_one_spelling_and_keeps_nobody_out() {
    let issuer = Issuer::rsa("k1");
    let (entra, _folder) = offline(&issuer);
    let braced = with("deviceid", json!("{B5B954E8-1FBC-B94E-B79B-D08BE625F4EE}"));
    let user = entra.verify(&issuer.sign(json!({}), &braced), NOW).await.unwrap();
    let device = "b5b954e81fbcb94eb79bd08be625f4ee".to_owned();
    assert_eq!(user.device, Some(EntraDevice { tenant: OURS.into(), device }));
    assert_eq!(entra.admit(&user, None, NOW).map_err(|denied| denied.word()), Ok(()));
    for none in [json!(""), json!("{}"), json!("a\u{0}b"), json!(7), json!("x".repeat(1000))] {
        let user = entra.verify(&issuer.sign(json!({}), &with("deviceid", none.clone())), NOW).await.unwrap();
        assert_eq!(user.device, None, "{none}");
    }
}

#[actix_web::test]
async fn groups_and_attributes_of_a_token_are_heard_with_the_time_they_were_said() {
    let issuer = Issuer::rsa("k1");
    let (entra, _folder) = offline(&issuer);
    let finance = "0c0c0c0c-0000-4000-8000-00000000000c";
    let mut claims = with("iat", json!(SECONDS - 60));
    claims["groups"] = json!([finance]);
    claims["name"] = json!("Ada Lovelace");
    let user = entra.verify(&issuer.sign(json!({}), &claims), NOW).await.unwrap();
    let kept = json!({ "groups": [finance], "attributes": { "display_name": "Ada Lovelace" } });
    assert_eq!(serde_json::to_value(&user.said).unwrap(), kept);
    assert_eq!(user.issued_at, NOW.plus_millis(-60_000));
    // A token of somebody in very many groups names a place to ask instead: that says nothing of them.
    claims["groups"] = Value::Null;
    claims["_claim_names"] = json!({ "groups": "src1" });
    let user = entra.verify(&issuer.sign(json!({}), &claims), NOW).await.unwrap();
    assert_eq!(user.said.groups, None);
    for odd in [json!("soon"), json!(SECONDS + 200), json!(i64::MAX), Value::Null] {
        let user = entra.verify(&issuer.sign(json!({}), &with("iat", odd.clone())), NOW).await.unwrap();
        assert_eq!(user.issued_at, NOW, "{odd}");
    }
}

#[actix_web::test]
async fn terms_are_accepted_by_one_user_for_one_text_and_a_while() {
    let (issuer, folder) = (Issuer::rsa("k1"), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("keys.json"), issuer.jwks()).unwrap();
    std::fs::write(folder.path().join("terms.txt"), "Be kind.\n").unwrap();
    let with_terms = config::Entra { terms: "terms.txt".into(), ..settings("keys.json") };
    let entra = configured(&with_terms, folder.path());
    let back: BrokerRedirect = "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS".parse().unwrap();
    let token = issuer.sign(json!({}), &version_1());
    let Terms::Ask { text, ticket, .. } = entra.terms(Some(&token), back.clone(), NOW).await.unwrap() else { panic!() };
    assert_eq!(text, "Be kind.");
    assert!(entra.terms(None, back, NOW).await.is_err());

    let declined = entra.terms_answered(&ticket, false, NOW).unwrap();
    assert_eq!(declined.location, "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?IsAccepted=false");
    let accepted = entra.terms_answered(&ticket, true, NOW).unwrap();
    let blob = accepted.location.split_once("OpaqueBlob=").unwrap().1;
    let blob = percent_encoding::percent_decode_str(blob).decode_utf8().unwrap().into_owned();
    assert_eq!(entra.terms_answered(&ticket, true, NOW.plus_millis(DAY)).unwrap_err().word(), "sign_in_late");
    assert_eq!(entra.terms_answered(&blob, true, NOW).unwrap_err().word(), "sign_in_browser");

    let admitted =
        |user: &EntraUser, blob: Option<&str>, now| entra.admit(user, blob, now).map_err(|denied| denied.word());
    let eve = EntraUser { object_id: "eeee".into(), ..ada() };
    assert_eq!(admitted(&ada(), Some(&blob), NOW), Ok(()));
    for nothing in [None, Some(""), Some(ticket.as_str())] {
        assert_eq!(admitted(&ada(), nothing, NOW), Err("terms"));
    }
    assert_eq!(admitted(&eve, Some(&blob), NOW), Err("terms"));
    assert_eq!(admitted(&ada(), Some(&blob), NOW.plus_millis(DAY)), Err("terms"));

    std::fs::write(folder.path().join("terms.txt"), "Be kinder.").unwrap();
    let changed = Entra { sealer: entra.sealer.clone(), ..configured(&with_terms, folder.path()) };
    assert_eq!(changed.admit(&ada(), Some(&blob), NOW).unwrap_err().word(), "terms");
}

#[actix_web::test]
async fn without_terms_a_device_goes_on_at_once() {
    let issuer = Issuer::rsa("k1");
    let (entra, _folder) = offline(&issuer);
    let back: BrokerRedirect = "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS".parse().unwrap();
    let token = issuer.sign(json!({}), &version_1());
    let Terms::None(answer) = entra.terms(Some(&token), back, NOW).await.unwrap() else { panic!() };
    assert!(answer.accepted && answer.location.ends_with("?IsAccepted=true&OpaqueBlob="));
}
