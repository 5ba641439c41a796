//! Two instances and many connections of one device: each command goes out once (T53).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use transom::protocol::syncml::Command;
use transom::protocol::syncml::codec::{Encoding, decode};
use transom::protocol::xml::Limits;
use transom::simulator::client::ClientOptions;
use transom::simulator::device::Behaviour;
use transom::simulator::faults::FaultPlan;

use crate::support::databases::Engine;
use crate::support::server::{Site, size};
use crate::support::windows::Windows;

#[test]
fn sixty_four_clients_of_one_device_get_no_command_twice() {
    super::on(Engine::Postgres, on_two_instances);
}

const ARCHIVE: &str = "./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveDefinition";

async fn on_two_instances(site: Site) {
    let site = site.without_rates();
    let servers = [site.serve(), site.serve_copy("other")];
    let operator = servers[0].operator();
    let clients = size("E2E_CLIENTS", 64);
    let places: Vec<_> = servers.iter().map(|server| Arc::new(Windows::new(server.device_addr, site.root()))).collect();
    let (device, entry) = places[0].device("THE-DEVICE", Behaviour::default());
    operator.import(&[entry]).await;
    let commands: Vec<Value> = (0..40)
        .map(|number| json!({ "kind": "exec", "items": [{ "target": ARCHIVE, "format": "chr", "data": format!("exec {number}") }] }))
        .collect();
    let ids = operator.order_for("THE-DEVICE", &Value::Array(commands)).await;

    let mut running = JoinSet::new();
    for number in 0..clients {
        let place = Arc::clone(&places[number % 2]);
        let first = u32::try_from(number * 10 + 1).unwrap();
        let mut device = device.clone().beginning_with_session(first);
        running.spawn(async move {
            let client = place.client(ClientOptions { retries: 20, ..place.options.clone() });
            // They take the session from each other, so that most of them fail: only what they were told counts.
            match client.run_session(&mut device, &mut FaultPlan::none()).await {
                Ok(report) => report,
                Err(failure) => *failure.report,
            }
        });
    }
    let mut carried: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
    for report in running.join_all().await {
        for exchange in &report.exchanges {
            assert!(matches!(exchange.status, None | Some(200 | 503)), "{:?}", exchange.status);
            if exchange.status != Some(200) {
                continue;
            }
            let reply = decode(Encoding::Xml, &exchange.reply, &Limits::default()).unwrap().message;
            for command in &reply.body.commands {
                if let Command::Request(request) = command {
                    carried.entry(request.items[0].text().to_owned()).or_default().insert(exchange.reply.clone());
                }
            }
        }
    }
    assert!(!carried.is_empty());
    let repeated: Vec<_> = carried.iter().filter(|(_, replies)| replies.len() > 1).map(|(exec, _)| exec).collect();
    assert!(repeated.is_empty(), "in more than one reply: {repeated:?}");

    // Whoever comes last gets what is left.
    let mut last = device.beginning_with_session(100_000);
    for _ in 0..2 {
        places[0].session(&places[0].usual(), &mut last).await;
    }
    for id in ids {
        let command = operator.command(&id).await;
        let state = command["state"].as_str().unwrap();
        assert!(["succeeded", "unknown"].contains(&state), "{command:#}");
        assert_eq!(command["attempts"].as_array().unwrap().len(), 1, "{command:#}");
    }
    for server in servers {
        assert_eq!(server.operator().counter("transom_http_panics_total", "").await, 0);
        assert_eq!(server.terminate(), Some(0));
    }
}
