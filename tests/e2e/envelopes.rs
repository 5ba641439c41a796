//! Messages that are signed and enveloped (`EnhancedAppLayerSecurity`): told to the device, opened, answered in kind, and
//! demanded only when the device has said that it does so. Whatever is wrong with one, the answer is the same.

use std::collections::BTreeSet;

use reqwest::Client as Http;
use serde_json::{Value, json};
use transom::pki::CertificateAuthority;
use transom::pki::device::DeviceKeyKind::{P256, Rsa2048};
use transom::pki::device::{DeviceKeyPair, certificate_der};
use transom::pki::envelope::{Envelope, EnvelopeCipher, EnvelopeKey, Form, Making, seal, sign_and_seal};
use transom::pki::signature::MessageSignature;
use transom::protocol::session::Timestamp;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::ClientOptions;
use transom::simulator::device::Device;

use super::on_both;
use super::signatures::{client, package};
use crate::support::enrolled::{enroll, let_enroll};
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    a_device_is_told_to_envelope_and_is_heard_only_so_from_then_on,
    a_wrong_envelope_gets_one_answer_whatever_is_wrong_with_it,
    a_key_is_replaced_and_the_one_before_opens_until_the_new_one_is_used,
);

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn start(site: Site) -> (Site, Server, Windows) {
    let site = site.without_rates();
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    (site, server, windows)
}

/// A device that was told to envelope, and does so from its next session on.
async fn told(server: &Server, windows: &Windows, id: &str) -> Device {
    let mut device = enroll(server.device_addr, windows, id, Rsa2048).await;
    let path = format!("/api/v1/devices/{id}/enveloping");
    let set = server.operator().post(&path, &json!({ "enveloping": "require" })).await;
    assert_eq!(set, json!({ "enveloping": "require", "to_be_told": true, "confirmed": false }));
    // Installed and named first, switched on when the server knows that both were done: in the same session or in the
    // next. What it was told holds from the session after that: these go on in clear.
    let usual = client(windows, windows.options.clone(), &device);
    for _ in 0..2 {
        if device.envelopes_for().is_empty() {
            windows.session(&usual, &mut device).await;
        }
    }
    assert_eq!(device.envelopes_for().len(), 1);
    device
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// The key of a device, as it signs and opens with.
fn key_of(device: &Device) -> EnvelopeKey {
    let own = device.identity().certificate.as_ref().unwrap();
    let key = DeviceKeyPair::from_pem(own.key.expose().as_bytes()).unwrap();
    EnvelopeKey::of_device(&key, &certificate_der(own.certificate.as_bytes()).unwrap()).unwrap()
}

fn sealed(by: &Device, server: &[u8], body: &[u8], shift: i64) -> Vec<u8> {
    let at = Timestamp(now().0 + shift);
    sign_and_seal(body, &key_of(by), server, (Making::default(), Form::Binary), at).unwrap()
}

/// What is in a reply.
fn opened(device: &Device, reply: &[u8]) -> Vec<u8> {
    let opened = Envelope::read(reply).unwrap().open(&[key_of(device)], &[EnvelopeCipher::Aes256Cbc]).unwrap();
    MessageSignature::read_attached(&opened.content).unwrap().1
}

/// Posts a body; gives all that comes back but for what says when.
async fn post(http: &Http, windows: &Windows, body: Vec<u8>, signature: Option<&str>) -> (u16, String, Vec<u8>) {
    let mut request = http.post(windows.url()).header("Content-Type", Encoding::Xml.content_type());
    if let Some(signature) = signature {
        request = request.header("MS-Signature", signature);
    }
    let reply = request.body(body).send().await.unwrap();
    let (status, mut headers) = (reply.status().as_u16(), reply.headers().clone());
    headers.remove("date");
    headers.remove("x-request-id");
    (status, format!("{headers:?}"), reply.bytes().await.unwrap().to_vec())
}

async fn refused_for(server: &Server, reason: &str) -> u64 {
    let family = if reason.starts_with("envelope") { "envelope" } else { "signature" };
    let counter = format!("transom_device_{family}_refusals_total");
    server.operator().counter(&counter, &format!("\"{reason}\"")).await
}

async fn a_device_is_told_to_envelope_and_is_heard_only_so_from_then_on(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    enroll(server.device_addr, &windows, "E-CURVE", P256).await;
    let path = "/api/v1/devices/E-CURVE/enveloping";
    assert_eq!(operator.refused(path, &json!({ "enveloping": "require" })).await.0, 409);
    let mut device = told(&server, &windows, "E-A").await;
    let usual = &windows.options;
    for options in [
        usual.clone(),
        ClientOptions { hides_certificate: true, ..usual.clone() },
        ClientOptions { encoding: Encoding::Wbxml, hides_certificate: true, ..usual.clone() },
        ClientOptions { envelope_type: Some("application/pkcs7-mime"), envelope_form: Form::Base64, ..usual.clone() },
        ClientOptions { signs: true, ..usual.clone() },
    ] {
        let ordered =
            operator.order_for("E-A", &json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }])).await;
        let report = windows.session(&client(&windows, options, &device), &mut device).await;
        // No round trip for a challenge: package 1 with its reply, and the answer to the command with its own.
        assert_eq!(report.replies, 2);
        assert_eq!(operator.state(&ordered[0]).await, "succeeded");
        let sessions = operator.list("/api/v1/sessions?device_id=E-A").await;
        let path = format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap());
        for message in operator.list(&path).await {
            let proofs = message["proofs"].as_array().unwrap();
            for kind in ["envelope", "signature"] {
                assert!(proofs.iter().any(|proof| proof["kind"] == kind && proof["verdict"] == "good"), "{message:#}");
            }
        }
    }
    // In clear it could be anybody's who has the certificate, and is not heard whatever else proves it.
    let before = refused_for(&server, "envelope_missing").await;
    let body = package("E-A", 900);
    let key = DeviceKeyPair::from_pem(device.identity().certificate.as_ref().unwrap().key.expose().as_bytes()).unwrap();
    let signature = key.sign_message(key_of(&device).certificate(), &body, now()).unwrap();
    for signature in [None, Some(signature.as_str())] {
        let (status, _, reply) = post(&windows.http_as(&device), &windows, body.clone(), signature).await;
        assert_eq!((status, reply.len()), (403, 0));
    }
    assert_eq!(refused_for(&server, "envelope_missing").await, before + 2);
    let refused = operator.get("/api/v1/devices/E-A/refused").await;
    let proofs = refused["items"][0]["proofs"].as_array().unwrap();
    assert!(proofs.iter().any(|proof| proof["kind"] == "envelope" && proof["verdict"] == "missing"), "{refused:#}");
    // And back: told in an envelope, in clear from the next session on.
    let set = operator.post("/api/v1/devices/E-A/enveloping", &json!({ "enveloping": "off" })).await;
    assert_eq!((&set["to_be_told"], &set["confirmed"]), (&json!(true), &json!(true)));
    windows.session(&client(&windows, usual.clone(), &device), &mut device).await;
    assert_eq!(device.envelopes_for(), Vec::<Vec<u8>>::new());
    windows.session(&client(&windows, usual.clone(), &device), &mut device).await;
    let codes: BTreeSet<String> = operator
        .list("/api/v1/devices/E-A/events")
        .await
        .iter()
        .filter_map(|event| event["code"].as_str().map(str::to_owned))
        .collect();
    for code in ["enveloping_set", "enveloping", "not_enveloping", "envelope_missing"] {
        assert!(codes.contains(code), "{code}: {codes:?}");
    }
}

/// A megabyte of values in values.
fn nested() -> Vec<u8> {
    [0x30, 0x80].repeat(512 * 1024)
}

async fn a_wrong_envelope_gets_one_answer_whatever_is_wrong_with_it(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let device = told(&server, &windows, "E-B").await;
    let other = enroll(server.device_addr, &windows, "E-C", Rsa2048).await;
    let ours = device.envelopes_for().remove(0);
    let stranger = CertificateAuthority::create("Another CA", now()).unwrap();
    let theirs = stranger.issue_for_envelopes("x", std::time::Duration::from_hours(1), now()).unwrap();
    let waiting =
        operator.order_for("E-B", &json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }])).await;
    let before: Value = operator.get("/api/v1/devices/E-B").await["last_seen_at"].clone();

    let body = package("E-B", 900);
    let good = sealed(&device, &ours, &body, 0);
    let mut changed = good.clone();
    let at = changed.len() - 17;
    changed[at] ^= 0x80;
    let triple = Making { cipher: EnvelopeCipher::TripleDesCbc, ..Making::default() };
    let triple = sign_and_seal(&body, &key_of(&device), &ours, (triple, Form::Binary), now()).unwrap();
    let wrong = [
        (sealed(&device, theirs.certificate(), &body, 0), "envelope_for_another_key"),
        (good[..good.len() - 40].to_vec(), "envelope_truncated"),
        ([&good[..], &good].concat(), "envelope_trailing_bytes"),
        (changed, "envelope_not_opened"),
        (triple, "envelope_cipher"),
        (seal(&body, &ours, Making::default()).unwrap(), "signature_malformed"),
        (sealed(&other, &ours, &body, 0), "signature_by_another_device"),
        (sealed(&device, &ours, &body, -DAY - 60_000), "signature_too_old"),
        (sealed(&device, &ours, b"no message", 0), "envelope_content"),
        (sealed(&device, &ours, &package("NOBODY", 900), 0), ""),
        (nested(), "envelope_too_deep"),
        (seal(&nested(), &ours, Making::default()).unwrap(), "signature_too_deep"),
        (b"MII*".to_vec(), "envelope_not_base64"),
    ];
    let certified = windows.http_as(&device);
    let mut answers = BTreeSet::new();
    for (body, reason) in &wrong {
        let counted = refused_for(&server, reason).await;
        answers.insert(post(&certified, &windows, body.clone(), None).await);
        if !reason.is_empty() {
            assert_eq!(refused_for(&server, reason).await, counted + 1, "{reason}");
            let refused = operator.get("/api/v1/devices/E-B/refused").await;
            let proofs = refused["items"][0]["proofs"].as_array().unwrap();
            assert!(proofs.iter().any(|proof| proof["reason"] == *reason), "{reason}: {refused:#}");
        }
        // Without a certificate nobody knows whose it was to be, and the answer is the same.
        answers.insert(post(&windows.http(), &windows, body.clone(), None).await);
    }
    // A header beside the envelope that signs something else.
    answers.insert(post(&certified, &windows, good.clone(), Some("MIIB")).await);
    let answer = answers.first().unwrap();
    assert_eq!((answers.len(), answer.0, answer.2.len()), (1, 403, 0), "{answers:?}");
    assert_eq!(operator.get("/api/v1/devices/E-B").await["last_seen_at"], before);
    assert_eq!(operator.state(&waiting[0]).await, "queued");

    // The right one is still right. The same message again, in the same envelope and in another, gets the same reply, and
    // what it brings is not sent twice.
    let mut replies = BTreeSet::new();
    for envelope in [good.clone(), good, sealed(&device, &ours, &body, 0)] {
        let (status, _, reply) = post(&windows.http(), &windows, envelope, None).await;
        assert_eq!(status, 200);
        replies.insert(opened(&device, &reply));
    }
    assert_eq!(replies.len(), 1);
    assert_eq!(operator.command(&waiting[0]).await["attempts"].as_array().map(Vec::len), Some(1));
    // Nobody else reads it, and other content types are for envelopes alone.
    let clear =
        certified.post(windows.url()).header("Content-Type", "application/pkcs7-mime").body(package("E-B", 901));
    assert_eq!(clear.send().await.unwrap().status().as_u16(), 415);
}

async fn a_key_is_replaced_and_the_one_before_opens_until_the_new_one_is_used(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let mut device = told(&server, &windows, "E-R").await;
    let usual = client(&windows, windows.options.clone(), &device);
    windows.session(&usual, &mut device).await;
    let old = device.envelopes_for().remove(0);
    let keys = operator.get("/api/v1/envelope-keys").await;
    assert_eq!((keys["items"].as_array().unwrap().len(), &keys["items"][0]["used_by"]), (1, &json!(1)));

    // In the middle of a session.
    let body = package("E-R", 900);
    let first = post(&windows.http(), &windows, sealed(&device, &old, &body, 0), None).await;
    let keys = operator.post("/api/v1/envelope-keys/rotate", &json!({})).await;
    assert_eq!((keys["items"].as_array().unwrap().len(), &keys["items"][0]["used_by"]), (2, &json!(0)));
    let again = post(&windows.http(), &windows, sealed(&device, &old, &body, 0), None).await;
    assert_eq!((first.0, again.0), (200, 200));
    assert_eq!(opened(&device, &first.2), opened(&device, &again.2));
    // The device is told in envelopes for the old one: given the new one first, told to use it when it has it, in the same
    // session or in the next.
    for _ in 0..2 {
        if device.envelopes_for().len() < 2 {
            windows.session(&usual, &mut device).await;
        }
    }
    let named = device.envelopes_for();
    assert_eq!((named.len(), named[0] == old, named[1] == old), (2, false, true));
    let late = package("E-R", 901);
    assert_eq!(post(&windows.http(), &windows, sealed(&device, &old, &late, 0), None).await.0, 200);
    windows.session(&usual, &mut device).await;
    let keys = operator.get("/api/v1/envelope-keys").await;
    assert_eq!((&keys["items"][0]["used_by"], &keys["items"][1]["used_by"]), (&json!(1), &json!(0)));
    // From then on the old one opens nothing of it.
    let counted = refused_for(&server, "envelope_for_replaced_key").await;
    let late = package("E-R", 902);
    assert_eq!(post(&windows.http_as(&device), &windows, sealed(&device, &old, &late, 0), None).await.0, 403);
    assert_eq!(refused_for(&server, "envelope_for_replaced_key").await, counted + 1);
    windows.session(&usual, &mut device).await;
    let events = operator.list("/api/v1/devices/E-R/events").await;
    for code in ["envelope_key_offered", "envelope_key_changed"] {
        assert_eq!(events.iter().filter(|event| event["code"] == code).count(), 1, "{code}");
    }
    let audit = operator.list("/api/v1/audit").await;
    for action in ["envelope_key.rotate", "device.enveloping"] {
        assert!(audit.iter().any(|entry| entry["action"] == action), "{action}");
    }
}
