//! Many devices at once, each with values that nobody else has: what is kept belongs to whom it came from (T57).

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use transom::simulator::client::ClientOptions;
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, size};
use crate::support::windows::Windows;

on_both!(each_value_belongs_to_its_device);

async fn each_value_belongs_to_its_device(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Arc::new(Windows::new(server.device_addr, site.root()));
    let count = size("E2E_DEVICES", 60);
    let made = (0..count).map(|number| windows.device(&format!("DEVICE-{number:04}"), Behaviour::default()));
    let (devices, entries): (Vec<_>, Vec<_>) = made.unzip();
    operator.import(&entries).await;
    let node = "./Device/Vendor/MSFT/Policy/Config/Trial/Own";
    let mut orders = Vec::new();
    for number in 0..count {
        let id = format!("DEVICE-{number:04}");
        let commands = json!([
            { "kind": "replace", "items": [{ "target": node, "format": "chr", "data": format!("value of {id}") }] },
            { "kind": "get", "items": [{ "target": "./DevInfo/DevId" }, { "target": node }] },
        ]);
        orders.push((id.clone(), operator.order_for(&id, &commands).await));
    }
    let client = windows.client(ClientOptions { retries: 10, ..windows.options.clone() });
    let mut running = JoinSet::new();
    for mut device in devices {
        let (windows, client) = (Arc::clone(&windows), client.clone());
        running.spawn(async move {
            let report = windows.session(&client, &mut device).await;
            (device, report)
        });
    }
    let ended = running.join_all().await;
    assert_eq!(ended.len(), count);
    for (device, _) in &ended {
        let expected = format!("value of {}", device.identity().device_id);
        assert_eq!(device.tree().value(node), Some(expected));
    }
    for (id, commands) in orders {
        let command = operator.command(&commands[1]).await;
        assert_eq!(command["state"], "succeeded", "{command:#}");
        assert_eq!(command["device_id"], id);
        assert_eq!(command["items"][0]["data"], id);
        assert_eq!(command["items"][1]["data"], format!("value of {id}"));
        let sessions = operator.list(&format!("/api/v1/sessions?device_id={id}")).await;
        assert_eq!(sessions.len(), 1);
        let messages =
            operator.get(&format!("/api/v1/sessions/{}/messages", sessions[0]["id"].as_str().unwrap())).await;
        let text = messages.to_string();
        assert!(text.contains(&format!("value of {id}")));
        let others = text.matches("DEVICE-").count();
        assert_eq!(text.matches(&id).count(), others, "another device in the journal of {id}");
    }
    assert_eq!(server.terminate(), Some(0));
}
