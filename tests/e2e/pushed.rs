//! A crowd is woken at once, and WNS answers a part of it badly: nothing is lost, nobody is pushed to twice, and how long
//! it takes from the order to the outcome is measured.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::databases::Direct;
use crate::support::operator::Operator;
use crate::support::server::{Site, size, until};
use crate::support::windows::Windows;
use crate::support::wns::{Does, Wns};

on_both!(a_crowd_is_woken_whatever_wns_answers);

/// Devices that are in a session at the same time.
const AT_ONCE: usize = 16;

/// Longer than it takes a busy machine; nobody waits so long when all goes well.
const PATIENCE: Duration = Duration::from_mins(10);

/// What WNS answers to the first push to a device, by its number.
fn script(number: usize) -> Option<Does> {
    match number % 10 {
        0 => Some(Does::status(410)),
        1 => Some(Does::with(200, "X-WNS-Status", "dropped")),
        2 => Some(Does::status(503)),
        3 => Some(Does::Hang),
        // Everybody has to wait after one of these: a few are enough.
        4 if number < 50 => Some(Does::with(429, "Retry-After", "1")),
        5 if number < 10 => Some(Does::status(401)),
        _ => None,
    }
}

/// Whether a push wakes the device in the end.
const fn is_woken(number: usize) -> bool {
    !matches!(number % 10, 0 | 1)
}

fn name(number: usize) -> String {
    format!("PC-{number}")
}

/// A session of each of some devices, a few at a time.
async fn sessions(windows: &Arc<Windows>, devices: HashMap<usize, Device>) -> HashMap<usize, Device> {
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, mut device) in devices {
        let (windows, turns) = (windows.clone(), turns.clone());
        running.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            windows.session(&windows.usual(), &mut device).await;
            (number, device)
        });
    }
    running.join_all().await.into_iter().collect()
}

async fn order(operator: &Operator, count: usize, target: &str) {
    for first in (0..count).step_by(200) {
        let names: Vec<String> = (first..count.min(first + 200)).map(name).collect();
        let command = json!({"kind": "get", "items": [{ "target": target }]});
        operator.order(&json!({ "devices": names, "command": command })).await;
    }
}

async fn a_crowd_is_woken_whatever_wns_answers(site: Site) {
    let count = size("E2E_PUSHED", 60);
    let wns = Wns::start();
    let site = site
        .without_rates()
        .with("PUSH_PFN", "Contoso.Mdm_8wekyb3d8bbwe")
        .with("PUSH_CLIENT_ID", "S-1-15-2-1")
        .with("PUSH_CLIENT_SECRET", "hunter2")
        .with("PUSH_TOKEN_URL", &wns.token_url())
        .with("PUSH_TEST_HOSTS", &wns.host())
        .with("PUSH_ROOTS", wns.root().1.to_str().unwrap())
        .with("PUSH_TIMEOUT", "10s")
        .with("PUSH_RATE", "500");
    let server = site.serve();
    let operator = server.operator();
    let windows = Arc::new(Windows::new(server.device_addr, site.root()));
    let mut devices = HashMap::new();
    let mut entries = Vec::new();
    for number in 0..count {
        let behaviour = Behaviour { channel: Some(wns.channel(&name(number))), ..Behaviour::default() };
        let (device, entry) = windows.device(&name(number), behaviour);
        devices.insert(number, device);
        entries.push(entry);
    }
    operator.import(&entries).await;
    devices = sessions(&windows, devices).await;
    Direct::connect(site.url()).execute("UPDATE enrollments SET channel_due_at = 0");
    devices = sessions(&windows, devices).await;
    let service = operator.get("/api/v1/push").await;
    assert_eq!(service["channels"]["live"], json!(count), "{service}");
    for number in 0..count {
        wns.script(&name(number), script(number));
    }

    // Two orders for each, and one push is enough for both.
    let began = Instant::now();
    order(&operator, count, "./DevDetail/SwV").await;
    order(&operator, count, "./DevInfo/Man").await;
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    let mut waiting: Vec<usize> = (0..count).filter(|number| is_woken(*number)).collect();
    while !waiting.is_empty() {
        assert!(began.elapsed() < PATIENCE, "never woken: {waiting:?}");
        let answers = wns.answers();
        let is_pushed = |number: &usize| answers.get(&name(*number)).is_some_and(|all| all.iter().any(|a| a == "200"));
        let (pushed, rest): (Vec<usize>, Vec<usize>) = waiting.into_iter().partition(is_pushed);
        waiting = rest;
        for number in pushed {
            let mut device = devices.remove(&number).unwrap();
            let (windows, turns) = (windows.clone(), turns.clone());
            running.spawn(async move {
                let _turn = turns.acquire().await.unwrap();
                windows.session(&windows.usual(), &mut device).await;
                began.elapsed()
            });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut took = running.join_all().await;
    took.sort();
    let (median, last) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{:?}, {count} devices: from order to outcome: median {median:?}, 99th {last:?}", site.engine);

    // Who can't be woken comes by itself, and does what waits.
    let asleep = std::mem::take(&mut devices);
    assert_eq!(asleep.len(), (0..count).filter(|number| !is_woken(*number)).count());
    sessions(&windows, asleep).await;
    until("all pushes are settled", async || {
        let service = operator.get("/api/v1/push").await;
        (service["waiting"] == 0).then_some(())
    })
    .await;
    let done = operator.list("/api/v1/commands?state=succeeded").await;
    assert_eq!(done.len(), 2 * count, "nothing is lost");
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (channel, answers) in wns.answers() {
        let taken = answers.iter().filter(|answer| *answer == "200").count();
        let number: usize = channel.strip_prefix("PC-").unwrap().parse().unwrap();
        // One whose push was thrown away, or that has another address now, may be woken by the order that came later.
        assert!((usize::from(is_woken(number))..=1).contains(&taken), "{channel}: {answers:?}");
        assert!(answers.len() <= 3, "{channel}: {answers:?}");
        for answer in answers {
            *kinds.entry(answer).or_default() += 1;
        }
    }
    println!("{:?}: answers of WNS: {kinds:?}", site.engine);
    assert!(
        ["200", "401", "410", "503", "dropped", "hang", "429"].iter().all(|answer| kinds.contains_key(*answer)),
        "{kinds:?}"
    );
    assert_eq!(server.terminate(), Some(0));
}
