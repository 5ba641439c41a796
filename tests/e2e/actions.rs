//! What is asked of a device as a whole ends when the device says so: over several sessions, with answers that are lost,
//! servers that restart, and several instances.

use serde_json::{Value, json};
use transom::simulator::client::Client;
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::faults::{Fault, FaultPlan, FaultRates};

use super::on_both;
use crate::support::databases::Engine;
use crate::support::operator::Operator;
use crate::support::server::Site;
use crate::support::windows::Windows;

on_both!(
    a_restart_is_done_when_the_device_is_back,
    a_restart_that_nobody_answered_is_left_to_a_person,
    a_wipe_whose_answer_is_lost_is_sent_once,
    what_waits_behind_a_wipe_is_superseded,
    an_installation_tells_how_far_it_is,
    each_action_ends_with_the_word_of_the_device,
    what_a_device_can_not_do_is_refused_with_the_reason,
);

const REBOOT: &str = "./Device/Vendor/MSFT/Reboot/RebootNow";
const WIPE: &str = "./Device/Vendor/MSFT/RemoteWipe/doWipe";

pub(super) async fn asked(operator: &Operator, device: &str, action: Value) -> String {
    let body = json!({ "action": action, "confirm": device });
    let made = operator.post(&format!("/api/v1/devices/{device}/actions"), &body).await;
    assert_eq!(made["state"], "queued", "{made:#}");
    made["id"].as_str().unwrap().to_owned()
}

pub(super) async fn action(operator: &Operator, id: &str) -> Value {
    operator.get(&format!("/api/v1/actions/{id}")).await
}

async fn imported(windows: &Windows, operator: &Operator, id: &str, behaviour: Behaviour) -> (Client, Device) {
    let (device, entry) = windows.device(id, Behaviour { execs_are_unique: true, ..behaviour });
    operator.import(&[entry]).await;
    (windows.usual(), device)
}

async fn codes(operator: &Operator, device: &str) -> Vec<String> {
    let events = operator.list(&format!("/api/v1/devices/{device}/events")).await;
    let of_actions = events.iter().rev().filter(|event| event["kind"] == "action");
    of_actions.map(|event| event["code"].as_str().unwrap().to_owned()).collect()
}

async fn a_restart_is_done_when_the_device_is_back(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (client, mut device) = imported(&windows, &operator, "PC-1", Behaviour::default()).await;
    let reboot = asked(&operator, "PC-1", json!({"kind": "reboot"})).await;
    let after = operator.order_for("PC-1", &json!([{"kind": "get", "items": [{"target": "./DevDetail/SwV"}]}])).await;

    windows.session(&client, &mut device).await;
    let told = action(&operator, &reboot).await;
    assert_eq!((device.boots(), &told["state"]), (1, &json!("accepted")), "accepted is not done: {told:#}");
    assert!(told["settled_at"].is_null() && !told["accepted_at"].is_null(), "{told:#}");
    let command = operator.command(told["command_id"].as_str().unwrap()).await;
    let message = &command["attempts"][0]["message"];
    let other = operator.command(&after[0]).await;
    assert_ne!(&other["attempts"][0]["message"], message, "a restart travels alone");

    // The server restarts as well; what is under way is not forgotten.
    server.kill();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    windows.session(&windows.usual(), &mut device).await;
    let told = action(&operator, &reboot).await;
    assert_eq!((&told["state"], &told["detail"]), (&json!("done"), &json!("the device has come back")), "{told:#}");
    assert_eq!(device.log().execs_of(REBOOT).count(), 1);
    let codes = codes(&operator, "PC-1").await;
    assert_eq!(codes, ["reboot_queued", "reboot_sent", "reboot_accepted", "reboot_done"]);
    assert_eq!(operator.list("/api/v1/devices/PC-1/actions").await.len(), 1);
    windows.judge_the_end();
}

async fn a_restart_that_nobody_answered_is_left_to_a_person(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (client, mut device) = imported(&windows, &operator, "PC-1", Behaviour::default()).await;
    windows.session(&client, &mut device).await;
    let reboot = asked(&operator, "PC-1", json!({"kind": "reboot"})).await;
    // The power goes in the middle of each message: sooner or later in that which carries the restart.
    let mut faults = FaultPlan::seeded(FaultRates::default().with(Fault::DieAfterwards, 0.5), 3);
    for _ in 0..10 {
        windows.session_with(&client, &mut device, &mut faults).await.unwrap();
        if device.log().execs_of(REBOOT).count() > 0 {
            break;
        }
    }
    for _ in 0..2 {
        windows.session(&client, &mut device).await;
    }
    assert_eq!(device.log().execs_of(REBOOT).count(), 1);
    let told = action(&operator, &reboot).await;
    // Where the answer got through it is done; where it was lost nobody can say.
    if told["state"] != "done" {
        assert_eq!(told["state"], "unknown", "{told:#}");
        let resolved = operator.post(&format!("/api/v1/actions/{reboot}/resolve"), &json!({"as": "done"})).await;
        assert_eq!(resolved["state"], "done", "{resolved:#}");
        assert_eq!(operator.state(resolved["command_id"].as_str().unwrap()).await, "succeeded");
    }
    windows.session(&client, &mut device).await;
    assert_eq!(device.log().execs_of(REBOOT).count(), 1);
}

async fn a_wipe_whose_answer_is_lost_is_sent_once(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let silent = Behaviour { wipes_silently: true, ..Behaviour::default() };
    let (client, mut device) = imported(&windows, &operator, "PC-1", silent.clone()).await;
    let path = "/api/v1/devices/PC-1/actions";
    let (status, why) = operator.refused(path, &json!({"action": {"kind": "wipe"}})).await;
    assert_eq!((status, &why["errors"][0]["pointer"]), (422, &json!("/confirm")), "{why:#}");
    let (status, _) = operator.refused(path, &json!({"action": {"kind": "wipe"}, "confirm": "PC-2"})).await;
    assert_eq!(status, 422);
    let wipe = asked(&operator, "PC-1", json!({"kind": "wipe"})).await;
    let (status, why) = operator.refused(path, &json!({"action": {"kind": "wipe"}, "confirm": "PC-1"})).await;
    assert_eq!(status, 409, "one is under way: {why:#}");

    windows.session(&client, &mut device).await;
    assert_eq!(device.log().execs_of(WIPE).count(), 1);
    assert_eq!(action(&operator, &wipe).await["state"], "sent");
    // The server restarts. Perhaps the wipe failed and the device comes back: here, or at another instance.
    server.kill();
    let server = if site.engine == Engine::Postgres { site.serve_copy("other") } else { site.serve() };
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (revived, _) = windows.device("PC-1", silent);
    let mut revived = revived.beginning_with_session(50);
    for _ in 0..2 {
        windows.session(&windows.usual(), &mut revived).await;
    }
    assert_eq!(revived.log().execs_of(WIPE).count(), 0, "it is never sent again");
    let told = action(&operator, &wipe).await;
    assert_eq!((&told["state"], &told["settled_at"]), (&json!("unknown"), &Value::Null), "{told:#}");
    let attempts = operator.command(told["command_id"].as_str().unwrap()).await["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 1);

    let resolved = operator.post(&format!("/api/v1/actions/{wipe}/resolve"), &json!({"as": "failed"})).await;
    assert_eq!(resolved["state"], "failed", "{resolved:#}");
    let (status, _) = operator.refused(&format!("/api/v1/actions/{wipe}/resolve"), &json!({"as": "done"})).await;
    assert_eq!(status, 409);
}

async fn what_waits_behind_a_wipe_is_superseded(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (client, mut device) = imported(&windows, &operator, "PC-1", Behaviour::default()).await;
    let command = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    let wipe = asked(&operator, "PC-1", json!({"kind": "wipe", "variant": "keep_user_data"})).await;
    let order = json!({"device_id": "PC-1", "command": command, "not_before": "2100-01-01T00:00:00Z"});
    let waits = operator.order(&order).await.remove(0).remove(0);
    let scan = asked(&operator, "PC-1", json!({"kind": "scan"})).await;
    let (status, _) = operator.refused(&format!("/api/v1/actions/{wipe}/resolve"), &json!({"as": "done"})).await;
    assert_eq!(status, 409, "nothing is in doubt yet");
    let canceled = operator.post(&format!("/api/v1/actions/{scan}/cancel"), &json!({})).await;
    assert_eq!(canceled["state"], "canceled", "{canceled:#}");

    windows.session(&client, &mut device).await;
    let told = action(&operator, &wipe).await;
    assert_eq!(told["state"], "accepted", "{told:#}");
    let waiting = operator.command(&waits).await;
    assert_eq!(waiting["state"], "superseded", "{waiting:#}");
    assert_eq!(waiting["reason"], "erased", "{waiting:#}");
    let by = waiting["reason_detail"].as_str().unwrap();
    assert!(by.contains(told["command_id"].as_str().unwrap()), "{by}");
    assert_eq!(operator.get("/api/v1/devices/PC-1").await["open_commands"], 0);

    // It enrolls anew: it was erased.
    let (mut reborn, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    windows.session(&windows.usual(), &mut reborn).await;
    crate::support::server::until("the wipe is done", async || {
        (action(&operator, &wipe).await["state"] == "done").then_some(())
    })
    .await;
    assert_eq!(reborn.log().execs_of(WIPE).count(), 0);
}

async fn an_installation_tells_how_far_it_is(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let slow = Behaviour { install_sessions: 1, ..Behaviour::default() };
    let (client, mut device) = imported(&windows, &operator, "PC-1", slow).await;
    let msi = |code: &str, url: &str| json!({"kind": "install_msi", "product_code": code, "version": "1.0", "url": url, "sha256": "ab".repeat(32)});
    let good = msi("1803A630-3C38-4D2B-9B9A-0CB37243539C", "https://cdn.example.test/a.msi");
    let bad = msi("1803A630-3C38-4D2B-9B9A-0CB37243539D", "https://cdn.invalid/a.msi");
    let installs = asked(&operator, "PC-1", good).await;
    let fails = asked(&operator, "PC-1", bad).await;
    windows.session(&client, &mut device).await;
    for id in [&installs, &fails] {
        assert_eq!(action(&operator, id).await["state"], "accepted");
    }
    windows.session(&client, &mut device).await;
    let told = action(&operator, &installs).await;
    assert_eq!(
        (&told["state"], &told["progress"]),
        (&json!("accepted"), &json!("the device is installing")),
        "{told:#}"
    );
    windows.session(&client, &mut device).await;
    let told = action(&operator, &installs).await;
    assert_eq!(told["state"], "done", "{told:#}");
    let told = action(&operator, &fails).await;
    assert_eq!(told["state"], "failed", "{told:#}");

    let remove = json!({"kind": "remove_msi", "product_code": "{1803A630-3C38-4D2B-9B9A-0CB37243539C}"});
    let removes = asked(&operator, "PC-1", remove).await;
    for _ in 0..2 {
        windows.session(&client, &mut device).await;
    }
    let told = action(&operator, &removes).await;
    assert_eq!((&told["state"], &told["detail"]), (&json!("done"), &json!("the device no longer knows the product")));
    windows.judge_the_end();
}

async fn each_action_ends_with_the_word_of_the_device(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (client, mut device) = imported(&windows, &operator, "PC-1", Behaviour::default()).await;
    let (pfx, root) = certificates();
    // With the sessions that the device needs to say that it is done.
    let wanted = [
        (json!({"kind": "lock"}), 1),
        (json!({"kind": "rename", "name": "DESK-7"}), 1),
        (json!({"kind": "reboot", "at": "2030-01-01T03:00:00"}), 1),
        (json!({"kind": "rotate_recovery_passwords"}), 2),
        (json!({"kind": "reset_laps_password"}), 2),
        (json!({"kind": "scan"}), 2),
        (json!({"kind": "scan", "depth": "full"}), 2),
        (json!({"kind": "scan", "depth": "offline"}), 2),
        (json!({"kind": "update_signatures"}), 1),
        (json!({"kind": "install_root", "certificate": root}), 1),
        (
            json!({"kind": "enroll_scep", "id": "wifi", "server_url": "https://scep.example.test/", "subject": "CN=PC-1",
                   "challenge": "challenge-hunter2", "ca_thumbprint": "ab".repeat(20)}),
            2,
        ),
        (json!({"kind": "install_pfx", "id": "vpn", "pfx": pfx, "password": "password-hunter2"}), 1),
        (json!({"kind": "autopilot_reset"}), 2),
    ];
    let (mut took, mut expected) = (Vec::new(), Vec::new());
    for (request, sessions) in wanted {
        let id = asked(&operator, "PC-1", request.clone()).await;
        let mut told = action(&operator, &id).await;
        let mut had = 0;
        while told["state"] != "done" {
            assert!(had < 3, "{request}: {told:#}");
            windows.session(&client, &mut device).await;
            told = action(&operator, &id).await;
            had += 1;
        }
        assert!(!told.to_string().contains("hunter2"));
        took.push((request["kind"].clone(), had));
        expected.push((request["kind"].clone(), sessions));
    }
    assert_eq!(took, expected);
    windows.judge_the_end();

    // Secrets are nowhere to be read: in what people look at, in the log.
    let mut shown = site.log();
    for command in operator.list("/api/v1/commands").await {
        shown.push_str(&operator.command(command["id"].as_str().unwrap()).await.to_string());
    }
    for session in operator.list("/api/v1/sessions?device_id=PC-1").await {
        let id = session["id"].as_str().unwrap();
        shown.push_str(&json!(operator.list(&format!("/api/v1/sessions/{id}/messages")).await).to_string());
    }
    shown.push_str(&json!(operator.list("/api/v1/devices/PC-1/events").await).to_string());
    for secret in ["challenge-hunter2", "password-hunter2", &pfx] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

async fn what_a_device_can_not_do_is_refused_with_the_reason(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    crate::support::enrolled::let_enroll(&operator).await;
    let windows = Windows::new(server.device_addr, site.root());
    let kind = transom::pki::device::DeviceKeyKind::P256;
    let mut device = crate::support::enrolled::enroll(server.device_addr, &windows, "PC-1", kind).await;
    windows.session(&windows.usual().for_device(device.identity()).unwrap(), &mut device).await;
    let path = "/api/v1/devices/PC-1/actions";
    for (request, status, pointer) in [
        (json!({"action": {"kind": "rename", "name": "a b"}}), 422, "/action/name"),
        (json!({"action": {"kind": "reboot", "at": "soon"}}), 422, "/action/at"),
        (
            json!({"action": {"kind": "install_pfx", "id": "x", "pfx": "AAAA", "password": "hunter2"}}),
            422,
            "/action/pfx",
        ),
        (json!({"action": {"kind": "lock"}, "expires_at": "2001-01-01T00:00:00Z"}), 422, "/expires_at"),
        (json!({"action": {"kind": "brew"}}), 400, "/action/kind"),
    ] {
        let (told, why) = operator.refused(path, &request).await;
        assert_eq!(told, status, "{why:#}");
        assert!(
            why["errors"][0]["pointer"].as_str().unwrap().starts_with(pointer.rsplit_once('/').unwrap().0),
            "{why:#}"
        );
        assert!(!why.to_string().contains("hunter2"));
    }
    let (status, _) = operator.refused("/api/v1/devices/NOBODY/actions", &json!({"action": {"kind": "lock"}})).await;
    assert_eq!(status, 404);
    assert_eq!(operator.list("/api/v1/actions").await.len(), 0);
    // What is asked twice with the same key is done once; an old Windows is not asked for what it does not have.
    assert_eq!(asked(&operator, "PC-1", json!({"kind": "lock"})).await.len(), 36);
}

/// A PKCS #12 file and a root certificate.
fn certificates() -> (String, String) {
    let key = openssl::pkey::PKey::from_rsa(openssl::rsa::Rsa::generate(2048).unwrap()).unwrap();
    let mut builder = openssl::x509::X509::builder().unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&key, openssl::hash::MessageDigest::sha256()).unwrap();
    let certificate = builder.build();
    let file = openssl::pkcs12::Pkcs12::builder().pkey(&key).cert(&certificate).build2("password-hunter2").unwrap();
    let pfx = openssl::base64::encode_block(&file.to_der().unwrap()).replace('\n', "");
    (pfx, String::from_utf8(certificate.to_pem().unwrap()).unwrap())
}
