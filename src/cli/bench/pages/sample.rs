//! A few devices that really live: what they leave behind is what is copied.

use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::super::site::{SETTINGS, command, device, entry, id};
use super::super::talk::{self, Peer};
use crate::actions::Request;
use crate::admin::{Admin, Import, NewAction};
use crate::cli::{Installation, acting, init, now, open_store};
use crate::config::{DataFolder, DatabaseUrl, Host};
use crate::limits::DeviceLimiter;
use crate::management::{Management, Options};
use crate::metrics::Metrics;
use crate::model::{Actor, DeviceId, FactName, FactValue, Right, Timestamp};
use crate::simulator::device::Device;
use crate::store::{Copies, Store, Tx};

/// Devices that live.
const LIVES: usize = 4;

/// Commands of a session that carries any.
pub(super) const COMMANDS: usize = 5;

/// What is known of each: text, or numbers.
const FACTS: [(&str, &[&str]); 8] = [
    ("device.name", &["LAPTOP-A", "LAPTOP-B", "LAPTOP-C", "LAPTOP-D"]),
    ("device.serial", &["SN-A", "SN-B", "SN-C", "SN-D"]),
    ("device.model", &["Latitude 7440", "ThinkPad X1", "EliteBook 840", "Surface Laptop 6"]),
    ("device.manufacturer", &["Dell Inc.", "LENOVO", "HP", "Microsoft Corporation"]),
    ("os.version", &["10.0.22631.4460", "10.0.26100.2314", "10.0.19045.5131", "10.0.26100.1742"]),
    ("os.edition", &["Enterprise", "Professional", "Enterprise", "Education"]),
    ("security.antivirus", &["on", "on", "on", "disabled"]),
    ("security.firewall", &["on", "on", "partly off", "on"]),
];

const NUMBERS: [(&str, [i64; LIVES]); 4] = [
    ("os.build", [22631, 26100, 19045, 26100]),
    ("hardware.memory", [16_384, 32_768, 8_192, 16_384]),
    ("storage.free", [120_000, 480_000, 9_000, 64_000]),
    ("bitlocker.status", [0, 0, 1, 0]),
];

/// Makes an installation in which a few devices have lived: once in vain, then so often with commands.
pub(super) async fn live(data: &Path, database: &DatabaseUrl, full: usize) -> anyhow::Result<(Installation, Copies)> {
    let (made, url) = (data.to_owned(), database.clone());
    tokio::task::spawn_blocking(move || {
        init::make(&made, &Host::default(), &url, now(), |_| Ok(init::Prepared::default()))
    })
    .await??;
    let installation = Installation::open(DataFolder::new(data), &[])?;
    let store = open_store(&installation)?;
    let management = Management::new(store.clone(), Options::default(), Metrics::new(), DeviceLimiter::new(0, 0));
    let actions = acting::actions(&installation.settings, &store, 1000, false);
    let archives = acting::archives(&installation, &actions)?;
    let admin = Admin::new(store.clone(), management.clone()).with_actions(actions, archives);
    let numbers = usize::MAX - LIVES..usize::MAX;
    let entries: Vec<Value> = numbers.clone().map(entry).collect();
    let imported = admin.import(Import::of(Value::Array(entries))?, &by(), None, now()).await?;
    ensure!(imported.refused == 0, "an enrollment was refused; the database must be empty");
    let mut cuts = vec![next_moment().await];
    let inside = Peer::Inside(management);
    let mut devices: Vec<Device> = numbers.clone().map(device).collect();
    devices = talk::sessions(&inside, devices, LIVES).await?.devices;
    let mut settings = SETTINGS.iter().cycle();
    for _ in 0..full {
        cuts.push(next_moment().await);
        let mut commands: Vec<Value> = settings.by_ref().take(COMMANDS - 1).map(command).collect();
        commands.push(json!({ "kind": "get", "items": [{ "target": "./Vendor/MSFT/Nope" }] }));
        order(&admin, numbers.clone(), &commands).await?;
        devices = talk::sessions(&inside, devices, LIVES).await?.devices;
    }
    cuts.push(next_moment().await);
    // What waits: a command for some, and a restart for one.
    order(&admin, numbers.start..numbers.start + LIVES / 2, &[command(&SETTINGS[0])]).await?;
    let restart: Request = serde_json::from_value(json!({ "kind": "reboot" }))?;
    let restart = NewAction { action: restart, confirm: None, not_before: None, expires_at: None };
    admin.act(&id(numbers.start), restart, &by(), None, now()).await.context("can't ask for a restart")?;
    let mut of = Vec::new();
    for (number, place) in numbers.zip(0..) {
        let device = DeviceId::parse(&id(number)).context("a device has no id")?;
        know(&store, device.clone(), place).await?;
        of.push(device);
    }
    let (from, until) = (Timestamp(0), Timestamp(0));
    let named = |number| (id(number), format!("PC-{number:06}"));
    Ok((installation, Copies { of, cuts, devices: 0, repeated: 0, from, until, audit: 0, feed: 0, bodies: 1, named }))
}

fn by() -> Actor {
    Actor::server("bench")
}

/// Nothing is of this moment yet.
async fn next_moment() -> Timestamp {
    let before = now();
    while now() == before {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    now()
}

async fn order(admin: &Admin, numbers: std::ops::Range<usize>, commands: &[Value]) -> anyhow::Result<()> {
    let devices: Vec<String> = numbers.map(id).collect();
    let order = json!({ "devices": devices, "commands": commands });
    admin
        .order(serde_json::from_value(order)?, (&by(), &Right::ALL.into()), None, now())
        .await
        .context("can't order")?;
    Ok(())
}

async fn know(store: &Store, device: DeviceId, place: usize) -> anyhow::Result<()> {
    let texts =
        FACTS.iter().filter_map(|(name, words)| Some((*name, FactValue::Text((*words.get(place)?).to_owned()))));
    let numbers = NUMBERS.iter().filter_map(|(name, numbers)| Some((*name, FactValue::Integer(*numbers.get(place)?))));
    let updates = ["KB5046633", "KB5045935", "KB5048667"].map(str::to_owned).to_vec();
    let observed: Vec<(FactName, FactValue)> = texts
        .chain(numbers)
        .chain([("update.installed", FactValue::List(updates))])
        .filter_map(|(name, value)| Some((FactName::parse(name)?, value)))
        .collect();
    let save = move |tx: &mut Tx<'_>| {
        let Some(known) = tx.device(&device)? else { return Ok(()) };
        let Some(life) = known.enrollment else { return Ok(()) };
        tx.save_facts(&known.key, &life.id, &observed, 10, now()).map(drop)
    };
    Ok(store.write::<(), crate::store::Error, _>(save).await?)
}
