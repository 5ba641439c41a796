//! What a device is believed by (`transom device trust`), and what becomes of those who guess (T05, T08, T12).

use std::net::IpAddr;

use reqwest::Client as Http;
use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind::P256;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::{ClientOptions, SessionEnd};
use transom::simulator::device::{Behaviour, Ending};
use transom::simulator::faults::{Fault, FaultPlan};

use super::on_both;
use super::signatures::{client, package};
use crate::support::enrolled::{enroll, let_enroll};
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    a_policy_says_what_is_enough_for_a_device,
    a_policy_that_would_shut_a_device_out_has_to_be_forced,
    who_guesses_is_locked_out_and_the_device_is_not,
    the_rate_of_a_device_is_not_used_up_by_who_names_it,
    the_settings_say_what_is_enough_by_default,
    a_device_is_given_other_credentials_and_the_old_ones_are_retired,
    credentials_that_a_device_does_not_take_are_withdrawn,
    old_credentials_are_renewed_when_the_settings_say_so,
);

async fn start(site: Site) -> (Site, Server, Windows) {
    let site = site.without_rates();
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    (site, server, windows)
}

async fn set(server: &Server, id: &str, body: &Value) -> Value {
    server.operator().post(&format!("/api/v1/devices/{id}/trust"), body).await
}

/// The proofs of the message that was refused last: kind, verdict and word.
async fn refused(server: &Server, id: &str) -> Vec<(String, String, String)> {
    let refused = server.operator().get(&format!("/api/v1/devices/{id}/refused")).await;
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let proofs = refused["items"][0]["proofs"].as_array().unwrap_or_else(|| panic!("{refused}"));
    proofs.iter().map(|proof| (word(&proof["kind"]), word(&proof["verdict"]), word(&proof["reason"]))).collect()
}

fn told(kind: &str, verdict: &str, reason: &str) -> (String, String, String) {
    (kind.to_owned(), verdict.to_owned(), reason.to_owned())
}

async fn a_policy_says_what_is_enough_for_a_device(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let mut device = enroll(server.device_addr, &windows, "T-P", P256).await;
    let usual = client(&windows, windows.options.clone(), &device);
    windows.session(&usual, &mut device).await;
    operator.post("/api/v1/devices/T-P/signing", &json!({ "signing": "require" })).await;
    windows.session(&usual, &mut device).await;
    operator.post("/api/v1/devices/T-P/signing", &json!({ "signing": "off" })).await;

    // Both, although signatures are off otherwise.
    let both = json!({ "proofs": "certificate and signature" });
    assert_eq!(set(&server, "T-P", &both).await, json!({ "proofs": "certificate and signature", "is_default": false }));
    let shown = operator.get("/api/v1/devices/T-P").await;
    assert_eq!(shown["enrollment"]["proofs"], "certificate and signature");
    let seen = shown["last_seen_at"].clone();
    let order = json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }]);
    let waiting = operator.order_for("T-P", &order).await;
    let body = package("T-P", 900);
    let post = async |http: &Http| windows.post(http, Encoding::Xml, body.clone()).await;
    assert_eq!(post(&windows.http_as(&device)).await, (403, Vec::new()));
    let missing = [told("certificate", "good", "certificate"), told("signature", "missing", "proof_missing")];
    assert_eq!(refused(&server, "T-P").await, missing);
    let signs = ClientOptions { signs: true, hides_certificate: true, ..windows.options.clone() };
    let signs = client(&windows, signs, &device);
    assert!(signs.run_session(&mut device, &mut FaultPlan::none()).await.is_err(), "a signature alone is one of two");
    let missing = [told("signature", "good", "signature"), told("certificate", "missing", "proof_missing")];
    assert_eq!(refused(&server, "T-P").await, missing);
    assert_eq!(operator.get("/api/v1/devices/T-P").await["last_seen_at"], seen);
    assert_eq!(operator.state(&waiting[0]).await, "queued");
    let signs = ClientOptions { signs: true, ..windows.options.clone() };
    let signs = client(&windows, signs, &device);
    windows.session(&signs, &mut device).await;
    assert_eq!(operator.state(&waiting[0]).await, "succeeded");

    // The certificate opens the door, and the digest has to come along.
    set(&server, "T-P", &json!({ "proofs": "certificate and digest" })).await;
    assert_eq!(post(&windows.http()).await, (403, Vec::new()));
    let (status, reply) = post(&windows.http_as(&device)).await;
    assert_eq!((status, String::from_utf8_lossy(&reply).contains("<Data>407</Data>")), (200, true));
    windows.session(&usual, &mut device).await;
    let sessions = operator.list("/api/v1/sessions?device_id=T-P").await;
    assert_eq!(sessions[0]["authentication"], "digest");

    // A digest alone, of a device that has a certificate.
    set(&server, "T-P", &json!({ "proofs": "certificate or digest" })).await;
    let bare = ClientOptions { hides_certificate: true, ..windows.options.clone() };
    windows.session(&client(&windows, bare, &device), &mut device).await;
    let back = set(&server, "T-P", &json!({ "proofs": null })).await;
    assert_eq!(back, json!({ "proofs": "standard", "is_default": true }));
    assert_eq!(post(&windows.http()).await, (403, Vec::new()));
    let events = operator.list("/api/v1/devices/T-P/events").await;
    assert!(events.iter().any(|event| event["code"] == "proofs_set"), "{events:?}");
}

async fn a_policy_that_would_shut_a_device_out_has_to_be_forced(site: Site) {
    let (_site, server, windows) = start(site).await;
    let (mut device, entry) = windows.device("T-I", Behaviour::default());
    server.operator().import(&[entry]).await;
    windows.session(&windows.usual(), &mut device).await;
    for (proofs, status) in
        [("certificate", 409), ("signature and digest", 409), ("basic", 409), ("password", 400), ("standard or", 400)]
    {
        let body = json!({ "proofs": proofs });
        assert_eq!(server.operator().answers("/api/v1/devices/T-I/trust", &body).await, status, "{proofs}");
    }
    windows.session(&windows.usual(), &mut device).await;
    set(&server, "T-I", &json!({ "proofs": "certificate", "force": true })).await;
    assert!(windows.usual().run_session(&mut device, &mut FaultPlan::none()).await.is_err());
    set(&server, "T-I", &json!({ "proofs": "digest" })).await;
    windows.session(&windows.usual(), &mut device).await;
}

/// Somebody at another address of this machine.
fn elsewhere(windows: &Windows, last: u8) -> Http {
    let at = IpAddr::from([127, 0, 0, last]);
    windows.http_builder(windows.options.address.unwrap()).local_address(at).build().unwrap()
}

/// A package 1 with a guess at the device's credential.
fn guess(id: &str, session: u32) -> Vec<u8> {
    let cred = "<Cred><Meta><Format xmlns=\"syncml:metinf\">b64</Format><Type xmlns=\"syncml:metinf\">\
                syncml:auth-md5</Type></Meta><Data>AAAAAAAAAAAAAAAAAAAAAA==</Data></Cred>";
    let text = String::from_utf8(package(id, session)).unwrap();
    text.replace("</Source></SyncHdr>", &format!("</Source>{cred}</SyncHdr>")).into_bytes()
}

async fn who_guesses_is_locked_out_and_the_device_is_not(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let (mut device, entry) = windows.device("T-G", Behaviour { remembers_nonce: true, ..Behaviour::default() });
    operator.import(&[entry]).await;
    let usual = windows.usual();
    windows.session(&usual, &mut device).await;
    let guesser = elsewhere(&windows, 9);
    let locked = async || operator.counter("transom_session_messages_total", "\"locked\"").await;
    for session in 100..108 {
        let (status, reply) = windows.post(&guesser, Encoding::Xml, guess("T-G", session)).await;
        let reply = String::from_utf8(reply).unwrap();
        assert!(status == 200 && reply.contains("<Data>401</Data>"), "{reply}");
        // Another try is worth offering only until it is locked.
        assert_eq!(reply.contains("<Chal>"), session < 105, "{session}: {reply}");
    }
    assert_eq!(locked().await, 3);
    assert_eq!(refused(&server, "T-G").await, [told("credential", "refused", "credential_locked")]);
    let events = operator.list("/api/v1/devices/T-G/events").await;
    assert_eq!(events.iter().filter(|event| event["code"] == "credential_locked").count(), 1, "{events:?}");
    // The device is where nobody guessed.
    windows.session(&usual, &mut device).await;
    // And where somebody did it has the nonce that it was told last.
    for session in 200..208 {
        windows.post(&windows.http(), Encoding::Xml, guess("T-G", session)).await;
    }
    assert!(locked().await > 3);
    assert_eq!(windows.session(&usual, &mut device).await.ended, Some(SessionEnd::Quiet));
    let sessions = operator.list("/api/v1/sessions?device_id=T-G").await;
    assert_eq!(sessions.len(), 3, "{sessions:?}");
}

async fn the_rate_of_a_device_is_not_used_up_by_who_names_it(site: Site) {
    let site = site.without_rates().with("DEVICE_DOOR_DEVICE_RATE", "1").with("DEVICE_DOOR_DEVICE_BURST", "5");
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    let device = enroll(server.device_addr, &windows, "T-R", P256).await;
    let mut statuses = Vec::new();
    for session in 0..20 {
        statuses.push(windows.post(&windows.http(), Encoding::Xml, package("T-R", 100 + session)).await.0);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(windows.post(&windows.http_as(&device), Encoding::Xml, package("T-R", 1)).await.0, 200);
}

async fn the_settings_say_what_is_enough_by_default(site: Site) {
    let site = site.without_rates().with("TRUST_PROOFS", "certificate and digest");
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    let mut device = enroll(server.device_addr, &windows, "T-D", P256).await;
    windows.session(&client(&windows, windows.options.clone(), &device), &mut device).await;
    let sessions = server.operator().list("/api/v1/sessions?device_id=T-D").await;
    assert_eq!(sessions[0]["authentication"], "digest");
    set(&server, "T-D", &json!({ "proofs": "standard" })).await;
    assert_eq!(windows.post(&windows.http_as(&device), Encoding::Xml, package("T-D", 900)).await.0, 200);
}

async fn rotate(server: &Server, id: &str) {
    let offered = server.operator().post(&format!("/api/v1/devices/{id}/rotate-credentials"), &json!({})).await;
    assert!(offered["offered_at"].is_string() && offered.as_object().unwrap().len() == 1, "{offered}");
}

async fn codes(server: &Server, id: &str) -> Vec<String> {
    let events = server.operator().list(&format!("/api/v1/devices/{id}/events")).await;
    events.iter().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
}

async fn a_device_is_given_other_credentials_and_the_old_ones_are_retired(site: Site) {
    let (site, server, windows) = start(site).await;
    let operator = server.operator();
    let behaviour = Behaviour { authenticates_server: true, ..Behaviour::default() };
    let (mut device, entry) = windows.device("T-C", behaviour.clone());
    let (before, _) = windows.device("T-C", behaviour);
    operator.import(&[entry]).await;
    let usual = windows.usual();
    windows.session(&usual, &mut device).await;
    let old = device.identity().password.expose().to_owned();
    rotate(&server, "T-C").await;
    assert!(operator.get("/api/v1/devices/T-C").await["enrollment"]["credentials_offered_at"].is_string());
    // The session that tells them begins with the old ones, and its answer is lost: it is told again.
    let mut lost = FaultPlan::scripted([(2, Fault::DieAfterwards)]);
    let _ = usual.run_session(&mut device, &mut lost).await;
    windows.session(&usual, &mut device).await;
    windows.session(&usual, &mut device).await;
    let new = device.identity().password.expose().to_owned();
    assert_ne!(old, new);
    let server_secret = device.identity().server.as_ref().unwrap().password.expose().to_owned();
    assert_ne!(server_secret, "its own secret");
    let shown = operator.get("/api/v1/devices/T-C").await;
    assert!(shown["enrollment"]["credentials_since"].is_string(), "{shown}");
    assert!(shown["enrollment"].get("credentials_offered_at").is_none(), "{shown}");
    let codes = codes(&server, "T-C").await;
    for code in ["credentials_offered", "credentials_changed"] {
        assert_eq!(codes.iter().filter(|one| *one == code).count(), 1, "{codes:?}");
    }
    // The old ones are right no longer.
    let mut former = before.beginning_with_session(50);
    let refused = usual.run_session(&mut former, &mut FaultPlan::none()).await.unwrap();
    assert_eq!(refused.ended, Some(SessionEnd::Ended(Ending::NotAuthenticated)));
    windows.session(&usual, &mut device).await;
    // Nobody is shown what they are.
    let mut everything = site.log();
    for path in ["/api/v1/commands?device_id=T-C", "/api/v1/sessions?device_id=T-C"] {
        for one in operator.list(path).await {
            let id = one["id"].as_str().unwrap();
            let kind = path.split('?').next().unwrap();
            everything.push_str(&operator.get(&format!("{kind}/{id}")).await.to_string());
            if kind.ends_with("sessions") {
                everything.push_str(&operator.get(&format!("{kind}/{id}/messages")).await.to_string());
            }
        }
    }
    assert!(everything.contains("AAuthSecret"));
    assert!(!everything.contains(&new) && !everything.contains(&server_secret));
}

async fn credentials_that_a_device_does_not_take_are_withdrawn(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let (mut device, entry) = windows.device("T-N", Behaviour::default());
    operator.import(&[entry]).await;
    windows.session(&windows.usual(), &mut device).await;
    // The account of another server, which the device does not have.
    let path = "/api/v1/devices/T-N/rotate-credentials";
    for _ in 0..3 {
        operator.post(path, &json!({ "provider_id": "Elsewhere" })).await;
    }
    assert_eq!(operator.answers(path, &json!({})).await, 409, "no more than can be kept");
    windows.session(&windows.usual(), &mut device).await;
    let shown = operator.get("/api/v1/devices/T-N").await;
    assert!(shown["enrollment"].get("credentials_offered_at").is_none(), "{shown}");
    assert!(codes(&server, "T-N").await.contains(&"credentials_refused".to_owned()));
    windows.session(&windows.usual(), &mut device).await;
    rotate(&server, "T-N").await;
    windows.session(&windows.usual(), &mut device).await;
    windows.session(&windows.usual(), &mut device).await;
    assert!(codes(&server, "T-N").await.contains(&"credentials_changed".to_owned()));
}

async fn old_credentials_are_renewed_when_the_settings_say_so(site: Site) {
    let site =
        site.without_rates().with("TRUST_CREDENTIALS_MAX_AGE", "1ms").with("TRUST_PROOFS", "certificate and digest");
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    let mut device = enroll(server.device_addr, &windows, "T-O", P256).await;
    let old = device.identity().password.expose().to_owned();
    let client = client(&windows, windows.options.clone(), &device);
    for _ in 0..3 {
        windows.session(&client, &mut device).await;
    }
    assert_ne!(device.identity().password.expose(), old);
    let codes = codes(&server, "T-O").await;
    assert!(codes.contains(&"credentials_changed".to_owned()), "{codes:?}");
}
