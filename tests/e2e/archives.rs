//! Diagnostics that devices send to an address that is good once, and recovery keys that are shown for a reason.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use transom::simulator::device::Behaviour;

use super::actions::{action, asked};
use super::on_both;
use crate::support::server::Site;
use crate::support::windows::Windows;

on_both!(
    logs_arrive_once_at_an_address_that_is_good_once,
    an_archive_that_is_too_large_is_not_kept,
    a_recovery_key_is_shown_for_a_reason_that_is_kept,
);

async fn logs_arrive_once_at_an_address_that_is_good_once(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let logs = asked(&operator, "PC-1", json!({"kind": "collect_diagnostics"})).await;
    let told = action(&operator, &logs).await;
    assert!(told["archive"]["received_at"].is_null() && !told["archive"]["open_until"].is_null(), "{told:#}");
    let report = windows.session(&windows.usual(), &mut device).await;
    let [(url, Some(201))] = report.uploads.as_slice() else { panic!("{:?}", report.uploads) };
    let told = action(&operator, &logs).await;
    assert_eq!((&told["state"], &told["archive"]["bytes"]), (&json!("done"), &json!(300_000)), "{told:#}");
    let archive = operator.bytes(&format!("/api/v1/actions/{logs}/archive")).await;
    assert!(archive.len() == 300_000 && archive.starts_with(b"PK\x03\x04"));
    let looks = operator.list("/api/v1/audit?action=action.archive").await;
    assert_eq!((looks.len(), &looks[0]["subject"]), (1, &json!(logs)), "{looks:?}");
    let file = site.data().join("diagnostics").join(format!("{logs}.zip"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // The address is of no use any more; one that is guessed never was; nothing can be read there.
    let http = windows.http();
    let guess = format!("{}{}", url.rsplit_once('/').unwrap().0, "/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for url in [url.as_str(), guess.as_str()] {
        let again = http.put(url).body("PK again").send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (404, 0));
    }
    assert_eq!(http.get(url).send().await.unwrap().status(), 405);
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);

    // The address is as good as a password: it is shown nowhere.
    let token = url.rsplit('/').next().unwrap();
    let command = operator.command(told["command_id"].as_str().unwrap()).await;
    let mut shown = format!("{told} {command} {}", site.log());
    for session in operator.list("/api/v1/sessions?device_id=PC-1").await {
        let id = session["id"].as_str().unwrap();
        shown.push_str(&json!(operator.list(&format!("/api/v1/sessions/{id}/messages")).await).to_string());
    }
    assert!(!shown.contains(token));
    windows.judge_the_end();
}

async fn an_archive_that_is_too_large_is_not_kept(site: Site) {
    let site = site.without_rates().with("DIAGNOSTICS_MAX_BYTES", "100KiB").with("DIAGNOSTICS_ALL_BYTES", "150KiB");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let logs = asked(&operator, "PC-1", json!({"kind": "collect_diagnostics"})).await;
    let report = windows.session(&windows.usual(), &mut device).await;
    let [(url, Some(413))] = report.uploads.as_slice() else { panic!("{:?}", report.uploads) };
    let folder = site.data().join("diagnostics");
    assert_eq!(std::fs::read_dir(&folder).map_or(0, Iterator::count), 0);
    // What is small enough may still come.
    let small = windows.http().put(url).body("PK small").send().await.unwrap();
    assert_eq!(small.status(), 201);
    assert_eq!(action(&operator, &logs).await["archive"]["bytes"], 8);
    // What the device says of it afterwards changes nothing.
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(action(&operator, &logs).await["state"], "done");
}

async fn a_recovery_key_is_shown_for_a_reason_that_is_kept(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let keys = "/api/v1/devices/PC-1/recovery-keys";
    let secret = "111111-222222-333333-444444-555555-666666-777777-888888";
    let kept = operator.post(keys, &json!({"kind": "bitlocker", "name": "C:", "secret": secret})).await;
    assert!(!kept.to_string().contains("111111"), "{kept:#}");
    let id = kept["id"].as_str().unwrap();
    let reveal = format!("{keys}/{id}/reveal");
    for (reason, status) in [(json!({}), 400), (json!({"reason": " "}), 422)] {
        assert_eq!(operator.refused(&reveal, &reason).await.0, status);
    }
    assert_eq!(operator.get(keys).await["views"].as_array().unwrap().len(), 0);
    let shown = operator.post(&reveal, &json!({"reason": "ticket 4711"})).await;
    assert_eq!(shown["secret"], secret);
    let listed = operator.get(keys).await;
    assert_eq!(listed["views"][0]["reason"], "ticket 4711", "{listed:#}");
    assert!(!listed.to_string().contains("111111"));
    let events = json!(operator.list("/api/v1/devices/PC-1/events").await).to_string();
    assert!(events.contains("recovery_key_shown") && events.contains("ticket 4711") && !events.contains("111111"));
    // The device changes its keys: that one is outdated.
    asked(&operator, "PC-1", json!({"kind": "rotate_recovery_passwords"})).await;
    for _ in 0..2 {
        windows.session(&windows.usual(), &mut device).await;
    }
    let listed = operator.get(keys).await;
    assert!(!listed["items"][0]["outdated_at"].is_null(), "{listed:#}");
    assert!(!site.log().contains("111111"));
}
