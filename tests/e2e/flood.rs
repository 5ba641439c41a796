//! One device that floods the door is kept from it, and no other (T13).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::device::Behaviour;

use super::on_both;
use super::signed_in::SignedIn;
use crate::support::databases::Direct;
use crate::support::server::{Site, size};
use crate::support::windows::Windows;

on_both!(a_device_that_floods_is_refused_before_the_store_and_others_are_served);

/// Messages of the flood, and how many of them come at once.
const FLOOD: usize = 400;
const AT_ONCE: usize = 4;

async fn a_device_that_floods_is_refused_before_the_store_and_others_are_served(site: Site) {
    let settings = [("DEVICE_RATE", "1"), ("DEVICE_BURST", "20"), ("PEER_RATE", "0"), ("RATE", "0")];
    let site = settings.iter().fold(site, |site, (name, value)| site.with(&format!("DEVICE_DOOR_{name}"), value));
    let server = site.serve();
    let operator = server.operator();
    let windows = Arc::new(Windows::new(server.device_addr, site.root()));
    let names: Vec<String> = (0..size("E2E_DEVICES", 100)).map(|number| format!("NORMAL-{number}")).collect();
    let (mut devices, mut entries): (Vec<_>, Vec<Value>) =
        names.iter().map(|name| windows.device(name, Behaviour::default())).unzip();
    entries.push(windows.device("FLOODS", Behaviour::default()).1);
    operator.import(&entries).await;
    let order =
        json!({ "devices": names, "commands": [{ "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] }] });
    let ids = operator.order(&order).await;

    let flood = tokio::spawn(flood(Arc::clone(&windows)));
    let mut running = JoinSet::new();
    let share = devices.len().div_ceil(4);
    while !devices.is_empty() {
        let some = devices.split_off(devices.len().saturating_sub(share));
        let windows = Arc::clone(&windows);
        running.spawn(async move {
            let client = windows.usual();
            for mut device in some {
                windows.session(&client, &mut device).await;
            }
        });
    }
    running.join_all().await;
    let (answered, refused) = flood.await.unwrap();

    for id in ids.iter().flatten() {
        assert_eq!(operator.state(id).await, "succeeded", "every other device got what it came for");
    }
    assert_eq!(answered + refused, FLOOD);
    assert!(refused > FLOOD / 2, "{refused} of {FLOOD} were refused");
    let counted = operator.counter("transom_session_messages_total", "too_many").await;
    assert_eq!(counted, u64::try_from(refused).unwrap());
    // Whatever comes to the store, even to be refused, is in the journal.
    let mut direct = Direct::connect(site.url());
    let written = direct.number("SELECT count(*) FROM exchanges WHERE folded_id = 'floods'");
    assert_eq!(usize::try_from(written).unwrap(), answered + 2, "with the two messages of the sign-in");
}

/// Signs in and says as much as it can; gives how many messages were answered and how many refused.
async fn flood(windows: Arc<Windows>) -> (usize, usize) {
    let http = windows.http();
    let mut session = SignedIn::new(&windows, &http, "FLOODS", 1).await;
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..FLOOD / AT_ONCE {
        let messages = [(); AT_ONCE].map(|()| session.message("<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>"));
        let posts = messages.map(|body| {
            let request = http.post(windows.url()).header("Content-Type", Encoding::Xml.content_type());
            request.body(body).send()
        });
        for response in futures_util::future::join_all(posts).await {
            let response = response.unwrap();
            match response.status().as_u16() {
                200 => answered += 1,
                429 => {
                    let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
                    assert!((1..=60).contains(&wait), "{wait}");
                    refused += 1;
                }
                other => panic!("{other}"),
            }
        }
    }
    (answered, refused)
}
