//! A check-in in which nothing happens costs little and leaves nothing behind.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::Value;
use transom::admin::{Admin, Import};
use transom::inventory::{self, Inventory};
use transom::limits::DeviceLimiter;
use transom::management::{Answer, Attendant, DeviceRequest, Management, Options, RequestHeaders, TokenHeaders};
use transom::metrics::Metrics;
use transom::model::{Actor, ProvisioningPlan};
use transom::protocol::session::Timestamp;
use transom::protocol::syncml::codec::{Encoding, decode, encode};
use transom::protocol::xml::Limits;
use transom::provisioning;
use transom::simulator::device::{Behaviour, Device, Next, Trigger};
use transom::simulator::identity::DeviceIdentity;

use super::on_both;
use crate::support::databases::{self, Direct, Engine};
use crate::support::server::{Site, size, until};
use crate::support::statements;
use crate::support::windows::Windows;

on_both!(idle_check_ins_fill_no_table);

/// Rows of every table.
fn rows(site: &Site) -> BTreeMap<String, i64> {
    let mut direct = Direct::connect(site.url());
    let tables = match site.engine {
        Engine::Sqlite => "SELECT name AS text FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        Engine::Postgres => "SELECT tablename::text AS text FROM pg_tables WHERE schemaname = current_schema()",
    };
    let tables = direct.texts(tables);
    assert!(tables.len() >= 10, "{tables:?}");
    tables
        .into_iter()
        .map(|table| {
            let count = direct.number(&format!("SELECT count(*) FROM {table}"));
            (table, count)
        })
        .collect()
}

async fn idle_check_ins_fill_no_table(site: Site) {
    let site = site.without_rates().with("JOURNAL_IDLE", "counters");
    let server = site.serve();
    let windows = Windows::new(server.device_addr, site.root());
    let client = windows.usual();
    let (mut device, entry) = windows.device("THE-DEVICE", Behaviour::default());
    server.operator().import(&[entry]).await;
    let check_ins = size("E2E_CHECK_INS", 60);
    for _ in 0..check_ins / 2 {
        windows.session(&client, &mut device).await;
    }
    // That the device is new is looked at once, by the way.
    let looked_at = async || (rows(&site)["policy_looks"] == 0).then_some(());
    until("the device was looked at for policies", looked_at).await;
    let before = rows(&site);
    for _ in 0..check_ins / 2 {
        windows.session(&client, &mut device).await;
    }
    let after = rows(&site);
    assert_eq!(before, after);
    let seen = server.operator().get("/api/v1/devices/THE-DEVICE").await;
    assert!(seen["last_seen_at"].is_string(), "{seen:#}");
}

#[test]
fn an_idle_check_in_makes_six_statements_at_most() {
    for (keep_idle, collects) in [(false, false), (true, false), (false, true)] {
        count_statements(keep_idle, collects);
    }
}

fn collecting() -> Attendant {
    let inventory = Inventory::new(inventory::Options { each_session: 4 * 3_600_000, history: 20 });
    let learns = inventory.clone();
    Attendant {
        name: inventory::NAME,
        before: Arc::new(move |tx, contact, now| inventory.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

fn provisioning() -> Attendant {
    let first_sync = provisioning::FirstSync::new(provisioning::Options {
        plan: Some(ProvisioningPlan::default()),
        check_every: 0,
        provider_id: "Transom".to_owned(),
        wakes: true,
    })
    .unwrap();
    let learns = first_sync.clone();
    Attendant {
        name: provisioning::NAME,
        before: Arc::new(move |tx, contact, now| first_sync.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

fn count_statements(keep_idle: bool, collects: bool) {
    let (url, _place) = databases::fresh(Engine::Sqlite).unwrap();
    databases::runtime().block_on(async {
        let store = databases::open(&url).unwrap();
        let mut options = Options { keep_idle, ..Options::default() };
        if collects {
            options.attendants.extend([collecting(), provisioning()]);
        }
        let management = Management::new(store.clone(), options, Metrics::new(), DeviceLimiter::new(0, 0));
        let admin = Admin::new(store, management.clone());
        let id = &format!("COUNTED-DEVICE-OF-THE-IDLE-TEST-{keep_idle}-{collects}");
        let folded = id.to_lowercase();
        let entry: Value = serde_json::json!({ "device_id": id, "user": "u", "secret": "s" });
        admin
            .import(Import::of(entry).unwrap(), &Actor::server("tests"), None, Timestamp(1_700_000_000_000))
            .await
            .unwrap();
        let identity = DeviceIdentity::new(id, "u", "s");
        let mut device =
            Device::new(identity, "https://mdm.example.test/ManagementServer/Mdm.svc", Behaviour::default(), 1);
        for number in 0..3 {
            let before = statements::on_the_thread_of(&folded).len();
            let mut next = Next::Send(device.start_session(Trigger::Schedule));
            let mut message = 0;
            while let Next::Send(said) = next {
                message += 1;
                let request = DeviceRequest {
                    certificate: None,
                    signature: None,
                    tokens: TokenHeaders::default(),
                    authorities: None,
                    lie: None,
                    encoding: Encoding::Xml,
                    body: encode(Encoding::Xml, &said),
                    headers: RequestHeaders::default(),
                    peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
                    received_at: Timestamp(1_700_000_000_000 + number * 60_000 + message * 100),
                };
                let Answer::Reply { body, .. } = management.answer(request).await else { panic!("no reply") };
                next = device.receive(&decode(Encoding::Xml, &body, &Limits::default()).unwrap().message);
            }
            let made: Vec<String> = statements::on_the_thread_of(&folded).split_off(before);
            // The first one also makes the enrollment active, has it looked at for policies, asks whose it is, and brings
            // what the device says of itself.
            let most = if number == 0 { 12 } else { 6 };
            // Facts are asked for in the first one, and not again for hours.
            let asks = collects && number == 0;
            assert!(asks || (3..=most).contains(&made.len()), "check-in {number}: {made:#?}");
            assert!(message >= 2);
        }
    });
}
