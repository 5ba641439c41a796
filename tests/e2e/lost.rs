//! A bad wire: replies that are lost, messages that come twice or much later.

use serde_json::json;
use transom::simulator::device::Behaviour;
use transom::simulator::faults::{Fault, FaultPlan, FaultRates};

use super::on_both;
use crate::support::databases::Engine;
use crate::support::server::Site;
use crate::support::windows::Windows;

on_both!(a_message_that_comes_twice_gets_the_same_bytes, a_session_that_is_replayed_changes_nothing);

const SCAN: &str = "./Device/Vendor/MSFT/Defender/Scan";

async fn a_message_that_comes_twice_gets_the_same_bytes(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let client = windows.usual();
    for fault in [Fault::DropReply, Fault::SendTwice, Fault::SendTwiceAtOnce] {
        let id = format!("DEVICE-{}", fault.as_str());
        let (mut device, entry) = windows.device(&id, Behaviour { execs_are_unique: true, ..Behaviour::default() });
        operator.import(&[entry]).await;
        let commands = json!([
            { "kind": "exec", "items": [{ "target": SCAN, "format": "chr", "data": "1" }] },
            { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] },
        ]);
        let ids = operator.order_for(&id, &commands).await;
        // Whatever the fault, it happens to every message.
        let mut faults = FaultPlan::seeded(FaultRates::default().with(fault, 1.0), 1);
        let report = windows.session_with(&client, &mut device, &mut faults).await.unwrap();
        assert!(report.faults.len() >= 3 && report.requests >= 6, "{report:?}");
        for command in ids {
            let command = operator.command(&command).await;
            assert_eq!(command["state"], "succeeded", "{fault:?} {command:#}");
            assert_eq!(command["attempts"].as_array().unwrap().len(), 1, "{fault:?} {command:#}");
        }
        assert_eq!(device.log().execs_of(SCAN).count(), 1);
    }
    assert!(operator.counter("transom_session_messages_total", "repeated").await >= 4);
    windows.judge_the_end();
}

async fn a_session_that_is_replayed_changes_nothing(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let client = windows.usual();
    let (mut device, entry) = windows.device("THE-DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    let commands = json!([
        { "kind": "exec", "items": [{ "target": SCAN, "format": "chr", "data": "1" }] },
        { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] },
    ]);
    operator.order_for("THE-DEVICE", &commands).await;
    let first = windows.session(&client, &mut device).await;
    let second = windows.session(&client, &mut device).await;
    let waiting = json!([{ "kind": "exec", "items": [{ "target": SCAN, "format": "chr", "data": "2" }] }]);
    let waiting = operator.order_for("THE-DEVICE", &waiting).await.remove(0);
    let before = (
        operator.list("/api/v1/commands?device_id=THE-DEVICE").await,
        operator.list("/api/v1/sessions?device_id=THE-DEVICE").await,
    );

    // Somebody who listened sends it all again, here and at another instance.
    let mut places = vec![Windows::new(server.device_addr, site.root())];
    let other = (site.engine == Engine::Postgres).then(|| site.serve_copy("other"));
    if let Some(other) = &other {
        places.push(Windows::new(other.device_addr, site.root()));
    }
    for place in &places {
        let http = place.http();
        for exchange in first.exchanges.iter().chain(&second.exchanges) {
            let (status, reply) = place.post(&http, exchange.encoding, exchange.request.clone()).await;
            assert_eq!(status, 200);
            let is_same = reply == exchange.reply;
            let text = String::from_utf8_lossy(&reply);
            assert!(is_same || !text.contains("<Exec>"), "{text}");
        }
    }
    let after = (
        operator.list("/api/v1/commands?device_id=THE-DEVICE").await,
        operator.list("/api/v1/sessions?device_id=THE-DEVICE").await,
    );
    assert_eq!(before, after);
    assert_eq!(operator.state(&waiting).await, "queued");

    // The device itself is not kept out by it.
    let mut faults = FaultPlan::none();
    windows.session_with(&client, &mut device, &mut faults).await.unwrap();
    assert_eq!(operator.state(&waiting).await, "succeeded");
    assert_eq!(device.log().execs_of(SCAN).collect::<Vec<_>>(), ["1", "2"]);
}
