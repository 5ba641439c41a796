//! Servers that are killed under load: nothing is lost, no Exec runs twice, the order is kept (T51, T52, T61).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use transom::simulator::client::{Client, ClientOptions};
use transom::simulator::device::{Behaviour, Device};
use transom::simulator::faults::FaultPlan;

use super::on_both;
use crate::support::databases::{Direct, Engine};
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, size};
use crate::support::windows::Windows;
use crate::support::wire::Wire;

on_both!(a_killed_server_loses_nothing_and_repeats_no_exec);

mod instances {
    #[test]
    fn two_instances_that_are_killed_in_turn_lose_nothing_and_repeat_no_exec() {
        let engine = crate::support::databases::Engine::Postgres;
        crate::e2e::on(engine, super::two_instances_that_are_killed_in_turn_lose_nothing_and_repeat_no_exec);
    }
}

/// Commands that each device gets before every round, each with a value that nobody else has.
fn commands(round: usize, device: &str) -> Value {
    let policy = "./Device/Vendor/MSFT/Policy/Config";
    let archive = "./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveDefinition";
    json!([
        { "kind": "get", "items": [{ "target": "./DevInfo/DevId" }] },
        { "kind": "replace", "items": [
            { "target": format!("{policy}/Trial/First"), "format": "chr", "data": format!("{device} {round} 1") }] },
        { "kind": "exec", "items": [{ "target": archive, "format": "chr", "data": format!("{device} {round} 2") }] },
        { "kind": "atomic", "commands": [
            { "kind": "replace", "items": [
                { "target": format!("{policy}/Trial/Second"), "format": "chr", "data": format!("{device} {round} 3") }] }] },
        { "kind": "exec", "items": [{ "target": archive, "format": "chr", "data": format!("{device} {round} 4") }] },
        { "kind": "add", "items": [{ "target": format!("{policy}/Trial/Round{round}"), "format": "chr",
            "data": format!("{device} {round} 5") }] },
    ])
}

/// A fleet that checks in again and again until it is told to stop.
pub(super) struct Load {
    running: JoinSet<Device>,
    over: Arc<AtomicBool>,
    /// Messages that were answered.
    answered: Arc<AtomicUsize>,
}

impl Load {
    pub(super) fn start(windows: &Arc<Windows>, devices: Vec<Device>) -> Self {
        let mut load = Self { running: JoinSet::new(), over: Arc::default(), answered: Arc::default() };
        for (number, mut device) in devices.into_iter().enumerate() {
            // Some try again for as long as it takes, some give up early and come back with a new session.
            let retries = [1, 2, 200][number % 3];
            let client = windows.client(ClientOptions { retries, ..windows.options.clone() });
            let (windows, over, answered) = (Arc::clone(windows), Arc::clone(&load.over), Arc::clone(&load.answered));
            load.running.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let outcome = windows.session_with(&client, &mut device, &mut FaultPlan::none()).await;
                    let report = match &outcome {
                        Ok(report) => report,
                        Err(failure) => &failure.report,
                    };
                    answered.fetch_add(report.replies, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                device
            });
        }
        load
    }

    /// Waits until so many more messages were answered.
    pub(super) async fn pass(&self, messages: usize) {
        let goal = self.answered.load(Ordering::Relaxed) + messages;
        let what = format!("{messages} answers");
        crate::support::server::until(&what, async || (self.answered.load(Ordering::Relaxed) >= goal).then_some(()))
            .await;
    }

    /// Ends it; gives the devices back.
    pub(super) async fn end(self) -> Vec<Device> {
        self.over.store(true, Ordering::Relaxed);
        self.running.join_all().await
    }
}

/// Devices whose Execs are all different, enrolled.
pub(super) async fn enroll(windows: &Windows, operator: &Operator, count: usize) -> Vec<Device> {
    let behaviour = Behaviour { execs_are_unique: true, ..Behaviour::default() };
    let made = (0..count).map(|number| windows.device(&format!("DEVICE-{number:04}"), behaviour.clone()));
    let (devices, entries): (Vec<_>, Vec<_>) = made.unzip();
    operator.import(&entries).await;
    devices
}

/// Orders a round of commands for each device, for several at once: with hundreds of devices under load one after the
/// other would take longer than the load lasts.
pub(super) async fn order(operator: &Operator, devices: &[String], round: usize) {
    let orders =
        devices.iter().map(|device| async move { operator.order_patiently(device, &commands(round, device)).await });
    futures_util::stream::iter(orders).buffer_unordered(16).collect::<Vec<_>>().await;
}

/// Lets all devices check in with a server that stays, until no command waits.
pub(super) async fn drain(windows: &Windows, client: &Client, operator: &Operator, devices: &mut [Device]) {
    for _ in 0..10 {
        for device in devices.iter_mut() {
            windows.session(client, device).await;
        }
        let mut open = 0;
        for state in ["queued", "sent", "deferred"] {
            open += operator.list(&format!("/api/v1/commands?state={state}")).await.len();
        }
        if open == 0 {
            return;
        }
    }
    let open = operator.list("/api/v1/commands?state=sent").await;
    panic!("commands stay open: {open:#?}");
}

/// Holds every command against what its device did.
pub(super) async fn settle_accounts(operator: &Operator, devices: &[Device], rounds: usize) {
    let mut doubtful = 0;
    for device in devices {
        let id = &device.identity().device_id;
        let mut listed = operator.list(&format!("/api/v1/commands?device_id={id}")).await;
        listed.sort_by_key(|command| command["sequence"].as_i64());
        let sequence: Vec<i64> = listed.iter().map(|command| command["sequence"].as_i64().unwrap()).collect();
        assert!(sequence.iter().copied().eq(1..=i64::try_from(rounds * 6).unwrap()), "{id}: {sequence:?}");

        let mut done: BTreeMap<&str, usize> = BTreeMap::new();
        let mut first: Vec<&str> = Vec::new();
        for effect in device.log().effects() {
            let times = done.entry(&effect.data).or_default();
            *times += 1;
            if *times == 1 {
                first.push(&effect.data);
            }
        }
        assert!(device.log().repeated_execs().is_empty(), "{id}: {:#?}", device.log().repeated_execs());
        let mut expected: Vec<String> = Vec::new();
        for (place, command) in listed.iter().enumerate() {
            let (round, number) = (place / 6, place % 6);
            let value = format!("{id} {round} {number}");
            let times = done.get(value.as_str()).copied().unwrap_or_default();
            match (command["kind"].as_str().unwrap(), command["state"].as_str().unwrap()) {
                ("get", "succeeded") => continue,
                ("exec", "unknown") => {
                    doubtful += 1;
                    assert!(times <= 1, "{value} ran {times} times");
                }
                ("exec", "succeeded") => assert_eq!(times, 1, "{value}"),
                (_, "succeeded") => assert!(times >= 1, "{value} was never done"),
                (kind, state) => {
                    let command = operator.command(command["id"].as_str().unwrap()).await;
                    panic!("{id}: the {kind} {value} is {state}: {command:#}")
                }
            }
            if times > 0 {
                expected.push(value);
            }
        }
        assert_eq!(first, expected, "{id}: the order");
    }
    let execs = devices.len() * rounds * 2;
    assert!(doubtful * 2 < execs, "{doubtful} of {execs} Execs are in doubt");
}

/// Servers that die again and again are no fault of the commands that were on their way: none is set aside for it.
pub(super) fn patient(site: Site, deaths: usize) -> Site {
    site.without_rates().with("QUEUE_MAX_ATTEMPTS", &(deaths * 2 + 5).to_string())
}

async fn a_killed_server_loses_nothing_and_repeats_no_exec(site: Site) {
    let (count, rounds) = (size("E2E_DEVICES", 12), size("E2E_ROUNDS", 5));
    let site = patient(site, rounds);
    let seed = u64::try_from(size("E2E_SEED", 20)).unwrap();
    let mut random = SmallRng::seed_from_u64(seed);
    let wire = Wire::new().await;
    let windows = Arc::new(Windows::new(wire.addr, site.root()));
    let mut server = site.serve();
    wire.lead_to([server.device_addr]);
    let devices = enroll(&windows, &server.operator(), count).await;
    let names: Vec<String> = devices.iter().map(|device| device.identity().device_id.clone()).collect();
    let load = Load::start(&windows, devices);
    for round in 0..rounds {
        order(&server.operator(), &names, round).await;
        load.pass(random.random_range(1..count * 2)).await;
        server.kill();
        let started = Instant::now();
        server = site.serve();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(5), "seed {seed}: starting again took {took:?}");
        wire.lead_to([server.device_addr]);
    }
    let mut devices = load.end().await;
    drain(&windows, &windows.usual(), &server.operator(), &mut devices).await;
    settle_accounts(&server.operator(), &devices, rounds).await;
    finish(&site, vec![server]).await;
}

async fn two_instances_that_are_killed_in_turn_lose_nothing_and_repeat_no_exec(site: Site) {
    let (count, rounds) = (size("E2E_DEVICES", 12), size("E2E_ROUNDS", 5));
    let site = patient(site, rounds);
    let mut random = SmallRng::seed_from_u64(u64::try_from(size("E2E_SEED", 21)).unwrap());
    let wire = Wire::new().await;
    let windows = Arc::new(Windows::new(wire.addr, site.root()));
    let mut servers = vec![site.serve(), site.serve_copy("other")];
    wire.lead_to(servers.iter().map(|server| server.device_addr));
    let devices = enroll(&windows, &servers[0].operator(), count).await;
    let names: Vec<String> = devices.iter().map(|device| device.identity().device_id.clone()).collect();
    let load = Load::start(&windows, devices);
    for round in 0..rounds {
        order(&servers[round % 2].operator(), &names, round).await;
        load.pass(random.random_range(1..count * 2)).await;
        let killed = random.random_range(0..2_usize);
        servers.swap_remove(killed).kill();
        // The other one goes on alone; the wire still leads to both for a while.
        load.pass(random.random_range(1..count)).await;
        let again = if killed == 0 { site.serve() } else { site.serve_copy("other") };
        servers.insert(killed.min(servers.len()), again);
        wire.lead_to(servers.iter().map(|server| server.device_addr));
    }
    let mut devices = load.end().await;
    drain(&windows, &windows.usual(), &servers[0].operator(), &mut devices).await;
    settle_accounts(&servers[1].operator(), &devices, rounds).await;
    finish(&site, servers).await;
}

/// The servers end in good order, and the database is whole.
pub(super) async fn finish(site: &Site, servers: Vec<Server>) {
    for server in servers {
        assert_eq!(server.operator().counter("transom_http_panics_total", "").await, 0);
        assert_eq!(server.terminate(), Some(0));
    }
    if site.engine == Engine::Sqlite {
        let mut direct = Direct::connect(site.url());
        assert_eq!(direct.texts("SELECT integrity_check AS text FROM pragma_integrity_check"), ["ok"]);
    }
}
