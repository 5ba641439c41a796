//! Devices are woken: given the package, asked for their channel, pushed to when there is something to do, and heard of.
//! WNS is a stand-in over real HTTPS.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::databases::Direct;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, size, until};
use crate::support::windows::Windows;
use crate::support::wns::{Does, Wns};

on_both!(
    ordered_devices_are_woken_once_and_do_what_they_are_told,
    addresses_that_are_not_of_wns_are_never_called,
    where_a_channel_points_nobody_goes,
);

const SECRET: &str = "client-secret-hunter2";

fn with_push(site: Site, wns: &Wns) -> Site {
    site.without_rates()
        .with("PUSH_PFN", "Contoso.Mdm_8wekyb3d8bbwe")
        .with("PUSH_CLIENT_ID", "S-1-15-2-1")
        .with("PUSH_CLIENT_SECRET", SECRET)
        .with("PUSH_TOKEN_URL", &wns.token_url())
        .with("PUSH_TEST_HOSTS", &wns.host())
        .with("PUSH_ROOTS", wns.root().1.to_str().unwrap())
        .with("PUSH_RATE", "500")
}

/// A device that has a channel from its second session on.
async fn device(windows: &Windows, operator: &Operator, id: &str, channel: &str) -> Device {
    let behaviour = Behaviour { channel: Some(channel.to_owned()), ..Behaviour::default() };
    let (device, entry) = windows.device(id, behaviour);
    operator.import(&[entry]).await;
    device
}

/// Two sessions: one brings the package, the next one the channel. The second is asked for it at once, as if the time
/// had come.
async fn registers(site: &Site, windows: &Windows, device: &mut Device) {
    let client = windows.usual();
    windows.session(&client, device).await;
    Direct::connect(site.url()).execute("UPDATE enrollments SET channel_due_at = 0");
    windows.session(&client, device).await;
}

async fn push_of(operator: &Operator, id: &str) -> Value {
    operator.get(&format!("/api/v1/devices/{id}")).await["push"].clone()
}

fn no_secret_in(site: &Site, shown: &str) {
    for secret in [SECRET, "wns-token-secret", "channel-secret"] {
        assert!(!site.log().contains(secret), "{secret} is in the log: {}", site.log());
        assert!(!shown.contains(secret), "{secret} is shown: {shown}");
    }
}

async fn ordered_devices_are_woken_once_and_do_what_they_are_told(site: Site) {
    let wns = Wns::start();
    let site = with_push(site, &wns);
    let server: Server = site.serve();
    let operator = server.operator();
    let windows = std::sync::Arc::new(Windows::new(server.device_addr, site.root()));
    let count = size("E2E_DEVICES", 20);
    let names: Vec<String> = (0..count).map(|number| format!("PC-{number}")).collect();
    let mut devices = Vec::new();
    for name in &names {
        let mut device = device(&windows, &operator, name, &wns.channel(name)).await;
        registers(&site, &windows, &mut device).await;
        devices.push(device);
    }
    let first = push_of(&operator, &names[0]).await;
    assert_eq!((&first["channel"], &first["status"]), (&json!("live"), &json!(0)), "{first}");
    let own = operator.list("/api/v1/commands?own=true").await;
    assert!(own.iter().all(|command| command["created_by"] == "transom:push"), "{own:?}");
    assert_eq!(operator.list("/api/v1/commands").await.len(), 0, "they do not stand in the operators' way");
    let shown = operator.get(&format!("/api/v1/commands/{}", own[0]["id"].as_str().unwrap())).await;
    no_secret_in(&site, &shown.to_string());

    // Some are answered badly at first.
    wns.script(&names[1], [Does::status(503)]);
    wns.script(&names[2], [Does::status(401)]);
    wns.script(&names[3], [Does::with(429, "Retry-After", "1")]);
    let began = Instant::now();
    let command = json!({"kind": "get", "items": [{"target": "./DevDetail/SwV"}]});
    let ids = operator.order(&json!({"devices": names, "command": command})).await;
    let wns = std::sync::Arc::new(wns);
    let mut running = Vec::new();
    for ((name, mut device), ids) in names.iter().cloned().zip(devices).zip(ids) {
        let (windows, wns, operator) = (windows.clone(), wns.clone(), operator.clone());
        running.push(async move {
            let wakes = if ["PC-1", "PC-2", "PC-3"].contains(&name.as_str()) { 2 } else { 1 };
            until("a push", async || (wns.count(&name) >= wakes).then_some(())).await;
            windows.session(&windows.usual(), &mut device).await;
            assert_eq!(operator.state(&ids[0]).await, "succeeded");
            began.elapsed()
        });
    }
    let mut took: Vec<Duration> = futures_util::future::join_all(running).await;
    took.sort();
    println!("from order to outcome: median {:?}, 99th {:?}", took[count / 2], took[count * 99 / 100]);
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for push in wns.pushes() {
        *sent.entry(push.channel).or_default() += 1;
    }
    let extra = ["PC-1", "PC-2", "PC-3"];
    assert!(sent.iter().all(|(name, count)| *count == 1 + usize::from(extra.contains(&name.as_str()))), "{sent:?}");
    assert_eq!(sent.len(), count);
    // What WNS took may be written down a moment after the device came.
    until("all pushes are settled", async || {
        let service = operator.get("/api/v1/push").await;
        (service["waiting"] == 0).then_some(())
    })
    .await;
    let woken = push_of(&operator, &names[4]).await;
    assert_eq!((&woken["pushes"], &woken["slept"]), (&json!(1), &json!(0)), "{woken}");
    let service = operator.get("/api/v1/push").await;
    assert_eq!((&service["configured"], &service["channels"]["live"]), (&json!(true), &json!(count)), "{service}");
    assert!(operator.counter("transom_pushes_total", "accepted").await >= u64::try_from(count).unwrap());
    no_secret_in(&site, &format!("{woken} {service} {}", operator.metrics().await));
    assert_eq!(server.terminate(), Some(0));
}

async fn addresses_that_are_not_of_wns_are_never_called(site: Site) {
    let wns = Wns::start();
    let site = with_push(site, &wns);
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses = [
        "http://169.254.169.254/".to_owned(),
        "https://notify.windows.com.evil.test/".to_owned(),
        "https://user:password@db5.notify.windows.com/".to_owned(),
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("http://localhost:{}/w/x", wns.port),
        format!("https://db5.notify.windows.com/{}", "a".repeat(100_000)),
    ];
    let command = json!([{"kind": "get", "items": [{"target": "./DevDetail/SwV"}]}]);
    for (number, address) in addresses.iter().enumerate() {
        let id = format!("PC-{number}");
        let mut device = device(&windows, &operator, &id, address).await;
        registers(&site, &windows, &mut device).await;
        operator.order_for(&id, &command).await;
        let push = push_of(&operator, &id).await;
        assert_eq!(push["channel"], "refused", "{address}: {push}");
        assert!(push["reason"].as_str().unwrap().contains("not one of WNS"), "{push}");
        let events = operator.list(&format!("/api/v1/devices/{id}/events")).await;
        let told: Vec<_> = events.iter().filter(|event| event["code"] == "channel_refused").collect();
        // A simulated device has a channel of its own at first: each address is told once.
        assert_eq!(told.len(), 2, "{events:?}");
        assert!(!events[0].to_string().contains(address.as_str()));
    }
    assert_eq!(operator.get("/api/v1/push").await["waiting"], 0);
    assert!(tokio::time::timeout(Duration::from_secs(1), listener.accept()).await.is_err(), "somebody was called");
    assert_eq!((wns.pushes().len(), wns.elsewhere(), wns.token_requests().len()), (0, 0, 0));
    assert_eq!(server.terminate(), Some(0));
}

async fn where_a_channel_points_nobody_goes(site: Site) {
    let wns = Wns::start();
    let site = with_push(site, &wns);
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let mut device = device(&windows, &operator, "PC-1", &wns.channel("PC-1")).await;
    registers(&site, &windows, &mut device).await;
    let elsewhere = format!("https://{}/elsewhere", wns.host());
    wns.script("PC-1", [Does::with(307, "Location", &elsewhere)]);
    let command = json!([{"kind": "get", "items": [{"target": "./DevDetail/SwV"}]}]);
    operator.order_for("PC-1", &command).await;
    // Counted when WNS answered, and written down after that: what is shown is waited for.
    let push = until("the push is given up", async || {
        let push = push_of(&operator, "PC-1").await;
        push.to_string().contains("WNS would not have it (307)").then_some(push)
    })
    .await;
    assert_eq!(operator.counter("transom_pushes_total", "refused").await, 1);
    assert_eq!((wns.elsewhere(), wns.count("PC-1")), (0, 1));
    no_secret_in(&site, &push.to_string());
    // The device comes by itself and does what waits.
    windows.session(&windows.usual(), &mut device).await;
    assert_eq!(operator.list("/api/v1/commands?state=succeeded&device_id=PC-1").await.len(), 1);
    assert_eq!(server.terminate(), Some(0));
}
