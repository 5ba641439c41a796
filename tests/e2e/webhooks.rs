//! Receivers are told: signed, in order, at least once; one that is broken holds up nobody. They are stand-ins over real
//! HTTPS.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ring::hmac;
use serde_json::{Value, json};
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::databases::Engine;
use crate::support::operator::Operator;
use crate::support::server::{Site, until};
use crate::support::windows::Windows;
use crate::support::wns::{Does, Received, Wns};

on_both!(
    a_receiver_gets_signed_events_in_order_whatever_others_do,
    what_is_not_delivered_waits_and_comes_after_a_restart,
    a_receiver_that_is_gone_is_dead_and_can_be_brought_back,
    receivers_in_private_networks_are_not_called,
);

fn with_hooks(site: Site, receivers: &Wns) -> Site {
    site.without_rates()
        .with("WEBHOOKS_PRIVATE_HOSTS", "localhost")
        .with("WEBHOOKS_ROOTS", receivers.root().1.to_str().unwrap())
        .with("WEBHOOKS_RETRY_FIRST", "20ms")
        .with("WEBHOOKS_RETRY_MOST", "50ms")
        .with("WEBHOOKS_TIMEOUT", "2s")
        .with("EVENTS_IDLE_SESSIONS", "true")
}

async fn device(windows: &Windows, operator: &Operator, id: &str) -> Device {
    let (device, entry) = windows.device(id, Behaviour::default());
    operator.import(&[entry]).await;
    device
}

/// Sets a receiver up; gives its secret.
async fn add(operator: &Operator, name: &str, url: &str, more: Value) -> Vec<u8> {
    let mut new = json!({ "name": name, "url": url });
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = operator.post("/api/v1/webhooks", &new).await;
    assert_eq!(made["state"], "active");
    assert!(!made["url"].as_str().unwrap().contains("hook-secret"), "{made}");
    BASE64.decode(made["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap()
}

fn of<'a>(all: &'a [Received], name: &str) -> Vec<&'a Received> {
    all.iter().filter(|received| received.channel == name).collect()
}

fn numbers(received: &[&Received]) -> Vec<i64> {
    received.iter().map(|one| serde_json::from_slice::<Value>(&one.body).unwrap()["number"].as_i64().unwrap()).collect()
}

/// As a receiver does it: the signature is good, and over what was sent.
fn verify(received: &Received, secret: &[u8]) {
    let header = |name: &str| received.headers[name].clone();
    let id = header("webhook-id");
    let mut signed = format!("{id}.{}.", header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&received.body);
    let signature = BASE64.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), &signed, &signature).unwrap();
    let event: Value = serde_json::from_slice(&received.body).unwrap();
    assert_eq!(event["id"], json!(id));
}

async fn delivered(operator: &Operator, name: &str) -> Value {
    until("all is delivered", async || {
        let head = operator.get("/api/v1/events?after=1000000").await["head"].clone();
        let hook = operator.get(&format!("/api/v1/webhooks/{name}")).await;
        (hook["position"] == head && hook["behind"] == 0).then_some(hook)
    })
    .await
}

async fn a_receiver_gets_signed_events_in_order_whatever_others_do(site: Site) {
    let receivers = Wns::start();
    let site = with_hooks(site, &receivers);
    let server = site.serve();
    // Several instances share the work, and do none of it twice.
    let other = (site.engine == Engine::Postgres).then(|| site.serve_copy("other"));
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let secret = add(&operator, "good", &receivers.hook("good"), json!({})).await;
    add(&operator, "picky", &receivers.hook("picky"), json!({ "types": ["session.ended"], "devices": ["pc-1"] })).await;
    add(&operator, "hangs", &receivers.hook("hangs"), json!({})).await;
    receivers.script("hangs", vec![Does::Hang; 1000]);
    add(&operator, "fails", &receivers.hook("fails"), json!({})).await;
    receivers.script("fails", vec![Does::status(500); 3]);
    receivers.script("fails", [Does::with(302, "Location", &format!("https://{}/elsewhere", receivers.host()))]);
    let mut first = device(&windows, &operator, "PC-1").await;
    let mut second = device(&windows, &operator, "PC-2").await;
    for _ in 0..5 {
        windows.session(&windows.usual(), &mut first).await;
        windows.session(&windows.usual(), &mut second).await;
    }
    let hook = delivered(&operator, "good").await;
    delivered(&operator, "fails").await;
    delivered(&operator, "picky").await;
    assert_eq!((&hook["delivered"], &hook["failures"], &hook["missed"]), (&json!(20), &json!(0), &json!(0)), "{hook}");
    let all = receivers.pushes();
    let good = of(&all, "good");
    assert_eq!(numbers(&good), (1..=20).collect::<Vec<_>>());
    for received in &good {
        verify(received, &secret);
    }
    let picky = of(&all, "picky");
    assert_eq!(picky.len(), 5);
    for received in picky {
        let event: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!((&event["type"], &event["device_id"]), (&json!("session.ended"), &json!("PC-1")));
    }
    // The first one was refused four times, a redirect among them, and nobody went where it pointed.
    let fails = numbers(&of(&all, "fails"));
    assert_eq!((&fails[..5], fails.len()), (&[1, 1, 1, 1, 1][..], 24), "{fails:?}");
    assert_eq!(receivers.elsewhere(), 0);
    let hangs = operator.get("/api/v1/webhooks/hangs").await;
    assert_eq!((&hangs["position"], &hangs["delivered"]), (&json!(0), &json!(0)), "{hangs}");
    assert!(operator.counter("transom_webhook_deliveries_total", "delivered").await <= 45);
    for secret in ["hook-secret", &BASE64.encode(&secret)] {
        let shown = operator.get("/api/v1/webhooks").await.to_string();
        assert!(!shown.contains(secret) && !site.log().contains(secret), "{secret} is shown");
    }
    assert_eq!(server.terminate(), Some(0));
    drop(other);
}

async fn what_is_not_delivered_waits_and_comes_after_a_restart(site: Site) {
    let receivers = Wns::start();
    let site = with_hooks(site, &receivers);
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    add(&operator, "siem", &receivers.hook("siem"), json!({})).await;
    operator.post("/api/v1/webhooks/siem/pause", &json!({})).await;
    let mut pc = device(&windows, &operator, "PC-1").await;
    windows.session(&windows.usual(), &mut pc).await;
    let paused = operator.get("/api/v1/webhooks/siem").await;
    assert_eq!((&paused["state"], &paused["position"]), (&json!("paused"), &json!(0)), "{paused}");
    server.kill();
    let server = site.serve();
    let operator = server.operator();
    assert_eq!(receivers.pushes().len(), 0);
    operator.post("/api/v1/webhooks/siem/resume", &json!({})).await;
    delivered(&operator, "siem").await;
    assert_eq!(numbers(&of(&receivers.pushes(), "siem")), [1, 2]);
    // All of it again, under the same ids.
    operator.post("/api/v1/webhooks/siem/replay", &json!({ "after": 0 })).await;
    until("it came again", async || (receivers.count("siem") == 4).then_some(())).await;
    let all = receivers.pushes();
    assert_eq!(all[0].headers["webhook-id"], all[2].headers["webhook-id"]);
    let test = operator.post("/api/v1/webhooks/siem/test", &json!({})).await;
    assert_eq!((&test["delivered"], &test["status"]), (&json!(true), &json!(204)));
    let event: Value = serde_json::from_slice(&receivers.pushes()[4].body).unwrap();
    assert_eq!((&event["type"], &event["number"]), (&json!("webhook.test"), &json!(0)));
    assert_eq!(operator.delete("/api/v1/webhooks/siem").await, json!({ "removed": "siem" }));
    assert_eq!(operator.get("/api/v1/webhooks").await["items"], json!([]));
    assert_eq!(server.terminate(), Some(0));
}

async fn a_receiver_that_is_gone_is_dead_and_can_be_brought_back(site: Site) {
    let receivers = Wns::start();
    let site = with_hooks(site, &receivers).with("WEBHOOKS_DEAD_AFTER", "100ms");
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    for (name, status) in [("gone", 410), ("broken", 500)] {
        add(&operator, name, &receivers.hook(name), json!({})).await;
        receivers.script(name, vec![Does::status(status); if status == 410 { 1 } else { 1000 }]);
    }
    let mut pc = device(&windows, &operator, "PC-1").await;
    windows.session(&windows.usual(), &mut pc).await;
    for (name, why) in [("gone", "410"), ("broken", "failed since")] {
        let hook = until("it is dead", async || {
            let hook = operator.get(&format!("/api/v1/webhooks/{name}")).await;
            (hook["state"] == "dead").then_some(hook)
        })
        .await;
        assert!(hook["reason"].as_str().unwrap().contains(why), "{hook}");
        assert!(hook["problem"].as_str().unwrap().contains("the receiver answered"), "{hook}");
    }
    assert_eq!(receivers.count("gone"), 1);
    operator.post("/api/v1/webhooks/gone/resume", &json!({})).await;
    delivered(&operator, "gone").await;
    assert_eq!(numbers(&of(&receivers.pushes(), "gone")), [1, 1, 2]);
    assert_eq!(server.terminate(), Some(0));
}

async fn receivers_in_private_networks_are_not_called(site: Site) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = site.serve();
    let operator = server.operator();
    for url in [
        format!("https://127.0.0.1:{port}/"),
        format!("https://localhost:{port}/"),
        format!("http://events.example.com:{port}/"),
        "https://169.254.169.254/".to_owned(),
        "https://user:password@events.example.com/".to_owned(),
        format!("https://[::ffff:127.0.0.1]:{port}/"),
    ] {
        let (status, body) = operator.refused("/api/v1/webhooks", &json!({ "name": "x", "url": url })).await;
        assert!(status == 422 && body.to_string().contains("/url"), "{url}: {status} {body}");
    }
    for wrong in
        [json!({"types": ["x"]}), json!({"name": "a b"}), json!({"secret": "whsec_AAAA"}), json!({"devices": [""]})]
    {
        let mut new = json!({ "name": "x", "url": "https://events.example.com/" });
        new.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(operator.refused("/api/v1/webhooks", &new).await.0, 422, "{new}");
    }
    let called = tokio::time::timeout(std::time::Duration::from_millis(200), listener.accept()).await;
    assert!(called.is_err(), "somebody was called");
    assert_eq!(server.terminate(), Some(0));
}
