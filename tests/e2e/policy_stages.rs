//! Publishing in stages: a bad setting reaches few devices, a good one all; and what failed is sent again.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use transom::model::{DeviceId, share_of};
use transom::simulator::client::Client;
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, until};
use crate::support::windows::Windows;

on_both!(
    a_bad_setting_stops_at_the_first_stage_and_the_others_never_get_it,
    a_good_one_goes_on_by_itself_through_a_crash_until_everybody_has_it,
);

const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";
const CAMERA: &str = "Camera/AllowCamera";
const COUNT: usize = 30;

fn declarations(settings: &Value) -> Value {
    json!([
        {"type": "configuration", "identifier": "base", "payload": {"settings": settings}},
        {"type": "activation", "identifier": "all", "payload": {"configurations": ["base"]}},
    ])
}

fn good(length: u32) -> Value {
    declarations(&json!({(format!("{CONFIG}/{CAMERA}")): 0,
        (format!("{CONFIG}/DeviceLock/MinDevicePasswordLength")): length}))
}

/// Windows protects one of these.
fn bad() -> Value {
    declarations(&json!({(format!("{CONFIG}/{CAMERA}")): 0,
        "./Device/Vendor/MSFT/Defender/Configuration/TamperProtection": "x"}))
}

struct Fleet {
    windows: Windows,
    client: Client,
    devices: Vec<(String, Device)>,
}

impl Fleet {
    async fn enroll(site: &Site, server: &Server) -> Self {
        let windows = Windows::new(server.device_addr, site.root());
        let client = windows.usual();
        let (mut devices, mut entries) = (Vec::new(), Vec::new());
        for number in 0..COUNT {
            let id = format!("DEVICE-{number}");
            let (device, entry) = windows.device(&id, Behaviour::default());
            devices.push((id, device));
            entries.push(entry);
        }
        server.operator().import(&entries).await;
        let mut fleet = Self { windows, client, devices };
        fleet.sessions().await;
        fleet
    }

    async fn sessions(&mut self) {
        for (_, device) in &mut self.devices {
            self.windows.session(&self.client, device).await;
        }
    }

    /// The devices of the first part of all.
    fn first(&self, share: u32) -> BTreeSet<String> {
        let ids = self.devices.iter().map(|(id, _)| id.clone());
        ids.filter(|id| share_of(&DeviceId::parse(id).unwrap()) < share).collect()
    }

    /// Devices to which something was sent.
    fn got(&self, node: &str, value: &str) -> BTreeSet<String> {
        let has = |device: &Device| {
            device.log().effects().iter().any(|effect| effect.target.ends_with(node) && effect.data == value)
        };
        self.devices.iter().filter(|(_, device)| has(device)).map(|(id, _)| id.clone()).collect()
    }
}

async fn apply(operator: &Operator, declarations: &Value, stages: Option<Value>) -> Value {
    let mut body = json!({"message": "because", "declarations": declarations});
    if let Some(stages) = stages {
        body["stages"] = stages;
    }
    let applied = operator.post("/api/v1/policies/apply", &body).await;
    looked_at(operator).await;
    applied
}

async fn looked_at(operator: &Operator) {
    let done = async || (operator.get("/api/v1/policies/progress").await["done"] == true).then_some(());
    until("all devices are looked at", done).await;
}

async fn newest(operator: &Operator) -> Value {
    operator.get("/api/v1/policies/stages").await[0].clone()
}

async fn becomes(operator: &Operator, state: &str) -> Value {
    let there = async || {
        let staged = newest(operator).await;
        (staged["state"] == state).then_some(staged)
    };
    until(&format!("it is {state}"), there).await
}

/// Where settings of a device stand, by the end of their address.
async fn state(operator: &Operator, device: &str, node: &str) -> Option<String> {
    let told = operator.get(&format!("/api/v1/devices/{device}/policies")).await;
    let own = told["settings"].as_array().unwrap().iter();
    let mut own = own.filter(|setting| setting["target"].as_str().unwrap().ends_with(node));
    own.next().map(|setting| setting["state"].as_str().unwrap().to_owned())
}

async fn a_bad_setting_stops_at_the_first_stage_and_the_others_never_get_it(site: Site) {
    let site = site.without_rates().with("POLICY_DEVICES_PER_SECOND", "10000");
    let server = site.serve();
    let operator = server.operator();
    let mut fleet = Fleet::enroll(&site, &server).await;
    apply(&operator, &good(8), None).await;
    fleet.sessions().await;
    let few = fleet.first(2_000);
    assert!((2..15).contains(&few.len()), "{few:?}");

    let wrong = json!({"message": "x", "declarations": bad(), "stages": {"stages": ["50%", "10%"]}});
    let (status, problem) = operator.refused("/api/v1/policies/apply", &wrong).await;
    assert!(status == 422 || status == 400, "{problem}");
    let stages = json!({"stages": ["20%"], "stop_at_failures": "5%", "minimum_devices": 2});
    let applied = apply(&operator, &bad(), Some(stages.clone())).await;
    assert_eq!(applied["revision"], 2, "{applied}");
    let staged = newest(&operator).await;
    assert_eq!((&staged["state"], &staged["stage"]), (&json!("running"), &json!(1)), "{staged}");
    assert_eq!(staged["waiting"], few.len(), "{staged}");
    fleet.sessions().await;
    let staged = becomes(&operator, "stopped").await;
    assert_eq!((&staged["failed"], &staged["judged"]), (&json!(few.len()), &json!(few.len())), "{staged}");
    assert!(staged["why"].as_str().unwrap().contains("devices failed"), "{staged}");
    looked_at(&operator).await;
    fleet.sessions().await;

    // Only those of the stage ever got it; the others have what they had.
    for (id, _) in &fleet.devices {
        let expected = few.contains(id).then(|| "failed".to_owned());
        assert_eq!(state(&operator, id, "TamperProtection").await, expected, "{id}");
        let before = state(&operator, id, "MinDevicePasswordLength").await;
        assert_eq!(before.is_none(), few.contains(id), "{id}: {before:?}");
    }
    let told = operator.get("/api/v1/events?type=policy.stopped").await["items"].as_array().unwrap().clone();
    assert_eq!((told.len(), &told[0]["data"]["revision"]), (1, &json!(2)), "{told:?}");
    let attention = operator.get("/api/v1/devices/DEVICE-0/policies").await;
    assert!(!attention["declarations"].as_object().unwrap().keys().any(|name| name.contains(':')), "{attention}");
    // Nobody else publishes in stages meanwhile, and by hand it does not go on before somebody says that it may.
    let other = json!({"message": "x", "set": "other", "stages": stages, "declarations": [
        {"type": "configuration", "identifier": "more", "payload": {"settings": {}}}]});
    assert_eq!(operator.refused("/api/v1/policies/apply", &other).await.0, 409);
    assert_eq!(operator.refused("/api/v1/policies/stages/2/advance", &json!({})).await.0, 409);

    // What failed is sent again when somebody says so.
    let one = few.first().unwrap().clone();
    let sent = async || {
        let all = operator.list(&format!("/api/v1/commands?own=true&device_id={one}")).await;
        all.iter().filter(|command| command["target"].as_str().unwrap().contains("TamperProtection")).count()
    };
    let before = sent().await;
    operator.post("/api/v1/policies/retry", &json!({"device_id": one})).await;
    let again = async || (state(&operator, &one, "TamperProtection").await.as_deref() == Some("pending")).then_some(());
    until("it is sent again", again).await;
    fleet.sessions().await;
    assert_eq!(state(&operator, &one, "TamperProtection").await.as_deref(), Some("failed"));
    assert_eq!(sent().await, before + 1);
    operator.post("/api/v1/policies/retry", &json!({"identifier": "base"})).await;
    until("it is sent again", again).await;
    fleet.sessions().await;
    assert_eq!(sent().await, before + 2);

    // Back to what was: what the few had is taken back, the others have nothing to do.
    let back = json!({"revision": 1, "message": "no good"});
    operator.post("/api/v1/policies/rollback", &back).await;
    looked_at(&operator).await;
    fleet.sessions().await;
    assert_eq!(newest(&operator).await["state"], "replaced");
    for (id, _) in &fleet.devices {
        assert_eq!(state(&operator, id, "MinDevicePasswordLength").await.as_deref(), Some("applied"), "{id}");
    }
    fleet.windows.judge_the_end();
}

async fn a_good_one_goes_on_by_itself_through_a_crash_until_everybody_has_it(site: Site) {
    let site = site.without_rates().with("POLICY_DEVICES_PER_SECOND", "10000");
    let server = site.serve();
    let operator = server.operator();
    let mut fleet = Fleet::enroll(&site, &server).await;
    operator.post("/api/v1/devices/DEVICE-3/tags", &json!({"add": ["pilot"]})).await;
    apply(&operator, &good(8), None).await;
    fleet.sessions().await;
    let stages = json!({"stages": ["'pilot' in device.tags", "50%"], "minimum_devices": 1});
    apply(&operator, &good(12), Some(stages)).await;
    fleet.sessions().await;
    let node = "MinDevicePasswordLength";
    assert_eq!(fleet.got(node, "12"), BTreeSet::from(["DEVICE-3".to_owned()]));
    // Held, nobody else gets it, whatever they are called by now.
    operator.post("/api/v1/policies/stages/2/pause", &json!({})).await;
    operator.post("/api/v1/devices/DEVICE-4/tags", &json!({"add": ["pilot"]})).await;
    looked_at(&operator).await;
    fleet.sessions().await;
    assert_eq!(fleet.got(node, "12").len(), 1);
    operator.post("/api/v1/policies/stages/2/resume", &json!({})).await;
    let advanced = operator.post("/api/v1/policies/stages/2/advance", &json!({})).await;
    assert_eq!(advanced["stage"], 2, "{advanced}");
    // It is known after a crash.
    server.kill();
    let server = site.serve();
    let operator = server.operator();
    looked_at(&operator).await;
    assert_eq!(newest(&operator).await["stage"], 2);
    let mut half = fleet.first(5_000);
    half.extend(["DEVICE-3".to_owned(), "DEVICE-4".to_owned()]);
    let there = async || {
        let mut pending = BTreeSet::new();
        for (id, _) in &fleet.devices {
            let state = state(&operator, id, node).await;
            if state.as_deref() == Some("pending") || id == "DEVICE-3" {
                pending.insert(id.clone());
            }
        }
        (pending == half).then_some(())
    };
    until("half of them get it", there).await;
    operator.post("/api/v1/policies/stages/2/advance", &json!({})).await;
    becomes(&operator, "done").await;
    for (id, _) in &fleet.devices {
        let state = state(&operator, id, node).await;
        assert!(matches!(state.as_deref(), Some("pending" | "applied")), "{id}: {state:?}");
    }
    let told = operator.get("/api/v1/events?type=policy.finished").await["items"].as_array().unwrap().clone();
    assert_eq!(told.len(), 1, "{told:?}");
}
