//! Messages that are signed (MS-Signature): believed as a client certificate is, refused when anything about the
//! signature is wrong, and demanded only when the device has said that it signs (T08 to T10).

use reqwest::Client as Http;
use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind::{P256, Rsa2048};
use transom::pki::device::{DeviceKeyPair, certificate_der};
use transom::protocol::session::Timestamp;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::{Client, ClientOptions};
use transom::simulator::device::Device;
use transom::simulator::faults::FaultPlan;

use super::on_both;
use crate::support::enrolled::{enroll, let_enroll};
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    a_signature_speaks_for_a_device_as_its_certificate_does,
    a_wrong_signature_refuses_a_message_whatever_else_is_right,
    a_signature_is_demanded_when_the_device_has_said_that_it_signs,
);

async fn start(site: Site) -> (Site, Server, Windows) {
    let site = site.without_rates();
    let server = site.serve();
    let_enroll(&server.operator()).await;
    let windows = Windows::new(server.device_addr, site.root());
    (site, server, windows)
}

/// As behind a proxy: no certificate, but a signature.
fn signing(windows: &Windows) -> ClientOptions {
    ClientOptions { signs: true, hides_certificate: true, ..windows.options.clone() }
}

async fn a_signature_speaks_for_a_device_as_its_certificate_does(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    for (id, kind, encoding) in
        [("S-RSA", Rsa2048, Encoding::Xml), ("S-EC", P256, Encoding::Xml), ("S-WBXML", P256, Encoding::Wbxml)]
    {
        let mut device = enroll(server.device_addr, &windows, id, kind).await;
        let ordered =
            operator.order_for(id, &json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }])).await;
        let client = client(&windows, ClientOptions { encoding, ..signing(&windows) }, &device);
        let report = windows.session(&client, &mut device).await;
        // No round trip for a challenge: package 1 with its reply, and the answer to the command with its own.
        assert_eq!(report.replies, 2, "{id}");
        assert_eq!(operator.state(&ordered[0]).await, "succeeded");
        let sessions = operator.list(&format!("/api/v1/sessions?device_id={id}")).await;
        assert_eq!((sessions.len(), &sessions[0]["authentication"]), (1, &json!("transport")));
        let messages =
            operator.list(&format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap())).await;
        for message in &messages {
            assert_eq!(
                (&message["proofs"][0]["kind"], &message["proofs"][0]["verdict"]),
                (&json!("signature"), &json!("good"))
            );
        }
        // With the certificate as well, both are judged.
        let both = ClientOptions { hides_certificate: false, ..signing(&windows) };
        windows.session(&self::client(&windows, both, &device), &mut device).await;
        let sessions = operator.list(&format!("/api/v1/sessions?device_id={id}")).await;
        let messages =
            operator.list(&format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap())).await;
        let verdicts = messages[0]["proofs"].as_array().unwrap().iter().map(|proof| proof["verdict"].clone());
        assert_eq!(verdicts.collect::<Vec<_>>(), [json!("good"), json!("good")]);
        // With neither it is nobody.
        let bare = ClientOptions { hides_certificate: true, ..windows.options.clone() };
        let bare = self::client(&windows, bare, &device);
        assert!(bare.run_session(&mut device, &mut FaultPlan::none()).await.is_err());
    }
}

/// The client of a device.
pub(super) fn client(windows: &Windows, options: ClientOptions, device: &Device) -> Client {
    windows.client(options).for_device(device.identity()).unwrap()
}

/// A package 1 that says it is from a device.
pub(super) fn package(id: &str, session: u32) -> Vec<u8> {
    format!(
        "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto>\
         <SessionID>{session}</SessionID><MsgID>1</MsgID><Target><LocURI>https://localhost/ManagementServer/Mdm.svc</LocURI></Target>\
         <Source><LocURI>{id}</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert>\
         <Final/></SyncBody></SyncML>"
    )
    .into_bytes()
}

fn sign(device: &Device, body: &[u8], shift: i64) -> String {
    let own = device.identity().certificate.as_ref().unwrap();
    let key = DeviceKeyPair::from_pem(own.key.expose().as_bytes()).unwrap();
    let now = Timestamp(jiff::Timestamp::now().as_millisecond() + shift);
    key.sign_message(&certificate_der(own.certificate.as_bytes()).unwrap(), body, now).unwrap()
}

/// Posts a message with these headers; gives the status and how long the reply is.
async fn post(http: &Http, windows: &Windows, body: &[u8], headers: &[(&str, &str)]) -> (u16, usize) {
    let mut request = http.post(windows.url()).header("Content-Type", Encoding::Xml.content_type());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = request.body(body.to_vec()).send().await.unwrap();
    (reply.status().as_u16(), reply.bytes().await.unwrap().len())
}

async fn device_of(server: &Server, id: &str) -> Value {
    server.operator().get(&format!("/api/v1/devices/{id}")).await
}

async fn a_wrong_signature_refuses_a_message_whatever_else_is_right(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let mut device = enroll(server.device_addr, &windows, "S-A", P256).await;
    let other = enroll(server.device_addr, &windows, "S-B", P256).await;
    windows.session(&client(&windows, signing(&windows), &device), &mut device).await;
    let waiting =
        operator.order_for("S-A", &json!([{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }])).await;
    let before = device_of(&server, "S-A").await;

    let http = windows.http();
    let body = package("S-A", 900);
    let good = sign(&device, &body, 0);
    let day = 24 * 60 * 60 * 1000;
    let (foreign, stale, early) =
        (sign(&other, &body, 0), sign(&device, &body, -day - 60_000), sign(&device, &body, day + 60_000));
    let elsewhere = sign(&device, &package("S-A", 901), 0);
    let (cut, long) = (&good[..good.len() - 40], "A".repeat(40_000));
    for (headers, reason) in [
        (vec![("MS-Signature", foreign.as_str())], "signature_by_another_device"),
        (vec![("ms-signature", elsewhere.as_str())], "signature_of_another_body"),
        (vec![("MS-SIGNATURE", stale.as_str())], "signature_too_old"),
        (vec![("MDM-Signature", early.as_str())], "signature_in_the_future"),
        (vec![("mdm-signature", "")], "signature_blank"),
        (vec![("MS-Signature", "no signature")], "signature_not_base64"),
        (vec![("MS-Signature", cut)], "signature_truncated"),
        (vec![("MS-Signature", long.as_str())], "signature_too_large"),
        (vec![("MS-Signature", good.as_str()), ("MS-Signature", good.as_str())], "signature_several_headers"),
        (vec![("MS-Signature", good.as_str()), ("MDM-Signature", good.as_str())], "signature_several_headers"),
    ] {
        let counted = operator.counter("transom_device_signature_refusals_total", &format!("\"{reason}\"")).await;
        assert_eq!(post(&http, &windows, &body, &headers).await, (403, 0), "{reason}");
        let now = operator.counter("transom_device_signature_refusals_total", &format!("\"{reason}\"")).await;
        assert_eq!(now, counted + 1, "{reason}");
        let refused = operator.get("/api/v1/devices/S-A/refused").await;
        let proof = &refused["items"][0]["proofs"][0];
        assert_eq!((&proof["verdict"], &proof["reason"]), (&json!("refused"), &json!(reason)), "{refused}");
    }
    // Also where the connection shows the right certificate.
    let certified = windows.http_as(&device);
    assert_eq!(post(&certified, &windows, &body, &[("MS-Signature", &elsewhere)]).await, (403, 0));
    assert_eq!(post(&certified, &windows, &body, &[("MS-Signature", &foreign)]).await, (403, 0));
    // And not where the certificate is another's, whoever signed.
    let certified = windows.http_as(&other);
    assert_eq!(post(&certified, &windows, &body, &[("MS-Signature", &good)]).await, (403, 0));
    // A megabyte of header does not come as far as that.
    let huge = "A".repeat(1024 * 1024);
    let sent = http.post(windows.url()).header("MS-Signature", huge).body(body.clone()).send().await;
    assert!(sent.is_err() || sent.is_ok_and(|reply| reply.status().is_client_error()));

    assert_eq!(device_of(&server, "S-A").await["last_seen_at"], before["last_seen_at"]);
    assert_eq!(operator.state(&waiting[0]).await, "queued");
    let told = operator.list("/api/v1/devices/S-A/events").await;
    assert!(told.iter().any(|event| event["kind"] == "security" && event["code"] == "signature_too_old"), "{told:?}");
    // The right one is still right, and the same message again is the same message.
    assert_eq!(post(&http, &windows, &body, &[("MS-Signature", &good)]).await.0, 200);
    assert_eq!(post(&http, &windows, &body, &[("MS-Signature", &good)]).await.0, 200);
    assert_eq!(operator.list("/api/v1/sessions?device_id=S-A").await.len(), 2);
}

async fn a_signature_is_demanded_when_the_device_has_said_that_it_signs(site: Site) {
    let (_site, server, windows) = start(site).await;
    let operator = server.operator();
    let mut device = enroll(server.device_addr, &windows, "S-R", P256).await;
    let set = operator.post("/api/v1/devices/S-R/signing", &json!({ "signing": "require" })).await;
    assert_eq!(set, json!({ "signing": "require", "to_be_told": true, "confirmed": false }));
    // It has not been told yet: its certificate is enough.
    let usual = client(&windows, windows.options.clone(), &device);
    windows.session(&usual, &mut device).await;
    assert!(device.signs_messages());
    // From now on: a message without a signature could be anybody's who has the certificate.
    let body = package("S-R", 900);
    assert_eq!(post(&windows.http(), &windows, &body, &[]).await, (403, 0));
    assert_eq!(post(&windows.http_as(&device), &windows, &body, &[("MS-Signature", " ")]).await, (403, 0));
    assert_eq!(post(&windows.http_as(&device), &windows, &body, &[]).await, (403, 0));
    let refused = operator.get("/api/v1/devices/S-R/refused").await;
    let proofs = refused["items"][0]["proofs"].as_array().unwrap();
    let told: Vec<_> = proofs.iter().map(|proof| (proof["kind"].clone(), proof["verdict"].clone())).collect();
    assert_eq!(told, [(json!("certificate"), json!("good")), (json!("signature"), json!("missing"))]);
    windows.session(&usual, &mut device).await;
    windows.session(&client(&windows, signing(&windows), &device), &mut device).await;
    // And back.
    let set = operator.post("/api/v1/devices/S-R/signing", &json!({ "signing": "accept" })).await;
    assert_eq!((&set["to_be_told"], &set["confirmed"]), (&json!(true), &json!(true)));
    windows.session(&usual, &mut device).await;
    assert!(!device.signs_messages());
    windows.session(&usual, &mut device).await;
}
