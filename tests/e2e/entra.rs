//! Joining Entra ID: the discovery of a tenant, terms of use, and tokens by keys that need no network.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use reqwest::Method;
use serde_json::{Value, json};

use super::enrollment::{computer, events};
use super::enrollment_refused::nothing_is_there;
use crate::support::databases::Direct;
use crate::support::pc::sign_in::{JWT, bearer, issue};
use crate::support::pc::{DISCOVERY, Pc, SoapFault, content};
use crate::support::provider::{Browser, attribute};
use crate::support::server::{Server, Site};

super::on_both![a_computer_of_the_tenant_accepts_the_terms_and_is_enrolled, a_token_that_is_not_for_us_enrolls_nothing,];

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const CLIENT: &str = "8d1c0c1e-0000-4000-8000-000000000001";
const BACK: &str = "ms-appx-web%3A%2F%2FMicrosoft.AAD.BrokerPlugin%2FDRS";

/// Entra ID, as far as a server sees it: a key.
pub(super) struct Entra(PKey<Private>);

impl Entra {
    pub(super) fn new() -> Self {
        Self(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap())
    }

    fn keys(&self) -> String {
        let rsa = self.0.rsa().unwrap();
        let (n, e) = (BASE64.encode(rsa.n().to_vec()), BASE64.encode(rsa.e().to_vec()));
        json!({ "keys": [{ "kty": "RSA", "use": "sig", "kid": "k1", "n": n, "e": e }] }).to_string()
    }

    pub(super) fn token(&self, algorithm: &str, change: impl FnOnce(&mut Value)) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = json!({
            "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": CLIENT, "tid": TENANT,
            "exp": now + 3600, "nbf": now - 60, "upn": "ada@contoso.test", "oid": "0a0a", "scp": "mdm_delegation"
        });
        change(&mut claims);
        let header = json!({ "alg": algorithm, "kid": "k1" });
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = match algorithm {
            "none" => Vec::new(),
            _ => {
                Signer::new(MessageDigest::sha256(), &self.0).unwrap().sign_oneshot_to_vec(message.as_bytes()).unwrap()
            }
        };
        format!("{message}.{}", BASE64.encode(signature))
    }

    pub(super) fn good(&self) -> String {
        self.token("RS256", |_| {})
    }
}

/// An installation that takes tokens of this tenant.
pub(super) fn configured(site: Site, entra: &Entra) -> Site {
    std::fs::write(site.data().join("keys.json"), entra.keys()).unwrap();
    site.without_rates()
        .with("ENTRA_TENANTS", TENANT)
        .with("ENTRA_AUDIENCES", &format!("https://mdm.contoso.test,{CLIENT}"))
        .with("ENTRA_KEYS", "keys.json")
        .with("ENROLLMENT_LIMITS_ATTEMPTS_PER_ADDRESS", "1000")
}

fn serve(site: Site, entra: &Entra, terms: Option<&str>) -> (Site, Server) {
    let mut site = configured(site, entra);
    if let Some(terms) = terms {
        std::fs::write(site.data().join("terms.txt"), terms).unwrap();
        site = site.with("ENTRA_TERMS", "terms.txt");
    }
    let server = site.serve();
    (site, server)
}

async fn refused(pc: &Pc, token: &str, more: &[(&str, &str)]) -> SoapFault {
    let mut line = pc.connect_bare().await;
    pc.token(&mut line, issue(pc, &bearer(JWT, token), more)).await.unwrap_err()
}

async fn a_computer_of_the_tenant_accepts_the_terms_and_is_enrolled(site: Site) {
    let entra = Entra::new();
    let (site, server) = serve(site, &entra, Some("Be <kind>.\nAlways."));
    let mut pc = computer(&site, &server, "B5B954E81FBCB94EB79BD08BE625F4EE");
    let mut line = pc.connect_bare().await;

    // By the tenant's own address a token is enough; by the other one there is nothing to sign in at.
    let body = Pc::discover_body(&["OnPremise", "Federated"], "5.0");
    let told = line.soap(&format!("{DISCOVERY}?entra"), &body).await;
    assert_eq!(content(&told, "AuthPolicy").as_deref(), Some("Federated"));
    assert!(content(&told, "AuthenticationServiceUrl").unwrap().ends_with("/EnrollmentServer/Auth"));
    assert_eq!(pc.discover(&mut line, &["OnPremise", "Federated"]).await.unwrap().policy, "OnPremise");

    // Without the terms there is no certificate.
    let fault = refused(&pc, &entra.good(), &[]).await;
    assert_eq!(fault.error_type, "InvalidEnrollmentData", "{fault:?}");
    nothing_is_there(&site);

    let accepted = accepts(&site, &server, &entra).await;
    let other = entra.token("RS256", |claims| claims["oid"] = json!("eeee"));
    let fault = refused(&pc, &other, &[("EnrollmentData", &accepted)]).await;
    assert_eq!(fault.error_type, "InvalidEnrollmentData", "what one accepted another did not: {fault:?}");

    let policies = line.soap(crate::support::pc::POLICY, &Pc::policies_body(&bearer(JWT, &entra.good()))).await;
    assert_eq!(content(&policies, "minimalKeyLength").as_deref(), Some("2048"));
    let finance = "0c0c0c0c-0000-4000-8000-00000000000c";
    let grouped = entra.token("RS256", |claims| {
        claims["groups"] = json!([finance]);
        claims["name"] = json!("Ada Lovelace");
    });
    let request = issue(&pc, &bearer(JWT, &grouped), &[("EnrollmentData", &accepted)]);
    let document = pc.token(&mut line, request).await.unwrap();
    pc.take(document);
    let device = server.operator().get("/api/v1/devices/B5B954E81FBCB94EB79BD08BE625F4EE").await;
    assert!(device.to_string().contains("ada@contoso.test"), "{device}");
    // What the token says of her is known from then on, for conditions of policies.
    let ada = server.operator().get("/api/v1/directory/people/ada@contoso.test").await;
    assert_eq!(
        (&ada["groups"], &ada["attributes"]["display_name"]),
        (&json!([finance]), &json!("Ada Lovelace")),
        "{ada}"
    );
    assert!(!events(&server, "B5B954E81FBCB94EB79BD08BE625F4EE").await.contains(&"refused".to_owned()));
}

/// Goes through the page as the web view does; gives what Windows brings back.
async fn accepts(site: &Site, server: &Server, entra: &Entra) -> String {
    let mut browser = Browser::new(&site.root(), server.device_addr);
    let path =
        format!("/EnrollmentServer/Terms?redirect_uri={BACK}&client-request-id=7&api-version=1.0&mode=azureadjoin");

    // Nobody, and somebody else: Windows hears why.
    let nobody = browser.opens(&path).await;
    assert_eq!(nobody.status, 302);
    assert!(nobody.location().starts_with("ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?error=unauthorized%5Fclient"));
    browser.bears(&entra.token("RS256", |claims| claims["tid"] = json!("x")));
    assert!(browser.opens(&path).await.location().contains("?error=access%5Fdenied&"));
    let elsewhere = browser.opens("/EnrollmentServer/Terms?redirect_uri=https%3A%2F%2Fevil.test").await;
    assert!(elsewhere.status == 400 && !elsewhere.html.contains("evil"), "{}", elsewhere.html);

    browser.bears(&entra.good());
    let page = browser.opens(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("Be &#60;kind&#62;.\nAlways."), "{}", page.html);
    assert!(page.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let ticket = attribute(&page.html, "name=\"ticket\"", "value").unwrap();
    let answer = |answer: &str, ticket: &str| Some(format!("ticket={ticket}&answer={answer}"));
    let url = page.url.join("/EnrollmentServer/Terms").unwrap();
    let declined = browser.asks(Method::POST, &url, answer("decline", &ticket)).await;
    assert_eq!(declined.location(), "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?IsAccepted=false");
    for (said, ticket) in [("accept", "forged"), ("perhaps", ticket.as_str())] {
        assert_eq!(browser.asks(Method::POST, &url, answer(said, ticket)).await.status, 400);
    }
    let accepted = browser.asks(Method::POST, &url, answer("accept", &ticket)).await;
    let (place, blob) = accepted.location().split_once("&OpaqueBlob=").unwrap();
    assert_eq!(place, "ms-appx-web://Microsoft.AAD.BrokerPlugin/DRS?IsAccepted=true");
    percent_encoding::percent_decode_str(blob).decode_utf8().unwrap().into_owned()
}

async fn a_token_that_is_not_for_us_enrolls_nothing(site: Site) {
    let (entra, other) = (Entra::new(), Entra::new());
    let (site, server) = serve(site, &entra, None);
    let pc = computer(&site, &server, "B5B954E81FBCB94EB79BD08BE625F4EE");
    let now = jiff::Timestamp::now().as_second();
    let with = |name: &'static str, value: Value| entra.token("RS256", move |claims| claims[name] = value);
    let cases = [
        (with("exp", json!(now - 301)), "authentication", "jwt_expired"),
        (with("nbf", json!(now + 400)), "authentication", "jwt_not_yet"),
        (with("tid", json!("99999999-2222-4333-8444-555555555555")), "authorization", "jwt_tenant"),
        (with("iss", json!("https://login.microsoftonline.com/common/v2.0")), "authentication", "jwt_issuer"),
        (with("aud", json!("https://mdm.contoso.test/")), "authentication", "jwt_audience"),
        (with("upn", json!(null)), "authentication", "jwt_claim"),
        (entra.token("none", |_| {}), "authentication", "jwt_algorithm"),
        (entra.token("HS256", |_| {}), "authentication", "jwt_algorithm"),
        (other.good(), "authentication", "jwt_signature"),
        ("rubbish".to_owned(), "authentication", "jwt_malformed"),
    ];
    for (token, subcode, reason) in &cases {
        let fault = refused(&pc, token, &[]).await;
        assert!(fault.subcode.to_ascii_lowercase().ends_with(subcode), "{reason}: {fault:?}");
    }
    nothing_is_there(&site);
    let attempts = server.operator().list("/api/v1/enrollment-attempts").await;
    let mut reasons: Vec<&str> = attempts.iter().filter_map(|attempt| attempt["reason"].as_str()).collect();
    let mut expected: Vec<&str> = cases.iter().map(|(.., reason)| *reason).collect();
    reasons.sort_unstable();
    expected.sort_unstable();
    // What is the same within a minute may be one line.
    expected.dedup();
    reasons.dedup();
    assert_eq!(reasons, expected);
    for (token, ..) in &cases {
        assert!(!site.log().contains(token.as_str()) || token == "rubbish");
    }

    // The id of a device in Entra ID is none of those that the device has for us: it is kept, and keeps nobody out.
    let own = with("deviceid", json!("0FAF5A26-9C5B-4F4C-8F61-2B3C5E4D7A10"));
    let mut line = pc.connect_bare().await;
    pc.token(&mut line, issue(&pc, &bearer(JWT, &own), &[])).await.unwrap();
    let bound = Direct::connect(site.url()).texts("SELECT entra_device AS text FROM enrollments");
    assert_eq!(bound, [format!("{TENANT}/0faf5a269c5b4f4c8f612b3c5e4d7a10")]);
}
