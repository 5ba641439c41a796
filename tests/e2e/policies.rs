//! Policies, from what an author publishes to what devices have.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use transom::simulator::client::Client;
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site, size, transom, until};
use crate::support::windows::Windows;

on_both!(
    devices_get_what_is_wanted_of_them_and_no_more,
    a_walk_through_the_devices_goes_on_after_the_server_was_killed,
    the_command_line_publishes_a_folder_and_tells_its_history,
);

const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";

/// Builds and editions (Enterprise, Pro) that devices have.
const KINDS: [(u32, u32); 6] = [(19045, 4), (19045, 48), (22631, 4), (22631, 48), (26100, 4), (26100, 48)];

fn baseline(length: u32) -> Value {
    let settings = BTreeMap::from([
        (format!("{CONFIG}/DeviceLock/MinDevicePasswordLength"), json!(length)),
        (format!("{CONFIG}/Camera/AllowCamera"), json!(0)),
        // Since build 22621.
        (format!("{CONFIG}/Start/HideRecommendedSection"), json!(1)),
        // Not for Pro.
        (format!("{CONFIG}/AppVirtualization/AllowAppVClient"), json!("enabled")),
        // Can't be deleted.
        ("./Device/Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall".to_owned(), json!(false)),
        // Windows protects it.
        ("./Device/Vendor/MSFT/Defender/Configuration/TamperProtection".to_owned(), json!("x")),
    ]);
    json!({"type": "configuration", "identifier": "baseline", "payload": {"settings": settings}})
}

fn everyone(when: Option<&str>) -> Value {
    let mut payload = json!({"configurations": ["baseline"]});
    if let Some(when) = when {
        payload["when"] = json!(when);
    }
    json!({"type": "activation", "identifier": "everyone", "payload": payload})
}

fn pilots() -> Vec<Value> {
    let settings = BTreeMap::from([(format!("{CONFIG}/Experience/AllowCortana"), json!(0))]);
    vec![
        json!({"type": "configuration", "identifier": "pilot-settings", "payload": {"settings": settings}}),
        json!({"type": "activation", "identifier": "pilots",
            "payload": {"configurations": ["pilot-settings"], "when": "'pilot' in device.tags"}}),
    ]
}

/// Publishes, and waits until all devices were looked at.
async fn apply(operator: &Operator, message: &str, declarations: &[Value]) -> Value {
    let body = json!({"message": message, "declarations": declarations});
    let applied = operator.post("/api/v1/policies/apply", &body).await;
    looked_at(operator).await;
    applied
}

async fn looked_at(operator: &Operator) {
    let done = async || (operator.get("/api/v1/policies/progress").await["done"] == true).then_some(());
    until("all devices are looked at", done).await;
}

/// Commands that carried settings to a device so far.
async fn commands(operator: &Operator, device: &str) -> usize {
    let all = operator.list(&format!("/api/v1/commands?own=true&device_id={device}")).await;
    all.iter().filter(|command| command["created_by"] == "transom:policy").count()
}

async fn states(operator: &Operator, device: &str) -> BTreeMap<String, String> {
    let told = operator.get(&format!("/api/v1/devices/{device}/policies")).await;
    let each = told["settings"].as_array().unwrap().iter();
    each.map(|setting| {
        let name = setting["target"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        (name, setting["state"].as_str().unwrap().to_owned())
    })
    .collect()
}

async fn devices_of(operator: &Operator, declaration: &str) -> Value {
    operator.get(&format!("/api/v1/policies/declarations/{declaration}")).await["devices"].clone()
}

/// Waits until so many devices stand there.
async fn stand(operator: &Operator, declaration: &str, state: &str, count: usize) {
    let there = async || (devices_of(operator, declaration).await[state] == count).then_some(());
    until(&format!("{count} devices of {declaration} are {state}"), there).await;
}

struct Fleet {
    windows: Windows,
    client: Client,
    devices: Vec<(String, (u32, u32), Device)>,
}

impl Fleet {
    async fn enroll(site: &Site, server: &Server, count: usize) -> Self {
        let windows = Windows::new(server.device_addr, site.root());
        let client = windows.usual();
        let mut devices = Vec::new();
        let mut entries = Vec::new();
        for number in 0..count {
            let (build, edition) = KINDS[number % KINDS.len()];
            let says = [
                ("./DevDetail/SwV", format!("10.0.{build}.1")),
                ("./Vendor/MSFT/DeviceStatus/OS/Edition", edition.to_string()),
            ];
            let says = says.map(|(node, value)| (node.to_owned(), value)).into();
            let id = format!("DEVICE-{number}");
            let (device, entry) = windows.device(&id, Behaviour { says, ..Behaviour::default() });
            devices.push((id, (build, edition), device));
            entries.push(entry);
        }
        server.operator().import(&entries).await;
        Self { windows, client, devices }
    }

    async fn sessions(&mut self) {
        for (_, _, device) in &mut self.devices {
            self.windows.session(&self.client, device).await;
        }
    }
}

async fn devices_get_what_is_wanted_of_them_and_no_more(site: Site) {
    let site = site.without_rates().with("INVENTORY_COLLECT", "true").with("POLICY_DEVICES_PER_SECOND", "10000");
    let server = site.serve();
    let operator = server.operator();
    let count = size("E2E_POLICY", 24).next_multiple_of(KINDS.len());
    let mut fleet = Fleet::enroll(&site, &server, count).await;
    let both = |length| [&[baseline(length), everyone(None)][..], &pilots()].concat();
    let applied = apply(&operator, "first", &both(8)).await;
    assert_eq!(applied["revision"], 1, "{applied}");
    // What can't work is not published.
    let wrong = json!({"message": "x", "declarations": [{"type": "configuration", "identifier": "wrong",
        "payload": {"settings": {(format!("{CONFIG}/Camera/AllowCamra")): 0}}}]});
    let (status, problem) = operator.refused("/api/v1/policies/apply", &wrong).await;
    assert!(status == 422 || status == 400, "{status} {problem}");
    assert!(problem.to_string().contains("did you mean"), "{problem}");

    // The first session tells what the devices are, the next one brings what is wanted of them.
    fleet.sessions().await;
    stand(&operator, "baseline", "pending", count).await;
    fleet.sessions().await;
    stand(&operator, "baseline", "failed", count).await;
    for (id, (build, edition), _) in &fleet.devices {
        let states = states(&operator, id).await;
        let state = |name: &str| states[name].as_str();
        assert_eq!(state("MinDevicePasswordLength"), "applied", "{id}");
        assert_eq!((state("AllowCamera"), state("EnableFirewall")), ("applied", "applied"), "{id}");
        let newer = if *build >= 22621 { "applied" } else { "not_applicable" };
        assert_eq!(state("HideRecommendedSection"), newer, "{id}");
        assert_eq!(state("AllowAppVClient"), if *edition == 4 { "applied" } else { "not_applicable" }, "{id}");
        assert_eq!((state("TamperProtection"), states.len()), ("failed", 6), "{id}");
    }
    // Why: with its meaning, what helps, and the message that showed it.
    let failing = operator.list("/api/v1/policies/declarations/everyone/devices?state=failed").await;
    assert_eq!(failing.len(), count);
    let because = &failing[0]["because"][0];
    assert_eq!((&because["status"], failing[0]["because"].as_array().unwrap().len()), (&json!(425), 1), "{because}");
    assert!(because["error"]["remedy"].is_string() && because["error"]["meaning"].is_string(), "{because}");
    let told = operator.get("/api/v1/devices/DEVICE-0/policies").await;
    let failed = told["settings"].as_array().unwrap().iter().find(|setting| setting["state"] == "failed").unwrap();
    let session = operator.get(&format!("/api/v1/sessions/{}", failed["session_id"].as_str().unwrap())).await;
    assert!(failed["shown_in"].is_string() && session["device_id"] == "DEVICE-0", "{failed} {session}");

    // The same again changes nothing; one setting is one command for each device.
    let before = commands(&operator, "DEVICE-2").await;
    let again = apply(&operator, "again", &both(8)).await;
    assert!(again["revision"].is_null() && again["unchanged"] == 4, "{again}");
    assert_eq!(commands(&operator, "DEVICE-2").await, before);
    apply(&operator, "longer", &both(10)).await;
    for (id, ..) in &fleet.devices {
        assert_eq!(commands(&operator, id).await, before + 1, "{id}");
        assert_eq!(states(&operator, id).await["MinDevicePasswordLength"], "pending", "{id}");
    }
    fleet.sessions().await;
    assert_eq!(states(&operator, "DEVICE-2").await["MinDevicePasswordLength"], "applied");

    // A tag.
    let tags = operator.post("/api/v1/devices/DEVICE-1/tags", &json!({"add": ["pilot"]})).await;
    assert_eq!(tags["tags"], json!(["pilot"]));
    stand(&operator, "pilots", "pending", 1).await;
    fleet.sessions().await;
    assert_eq!(states(&operator, "DEVICE-1").await["AllowCortana"], "applied");
    assert_eq!(devices_of(&operator, "pilot-settings").await, json!({"applied": 1}));

    // Enrolled anew, a device gets all again, and is still called what operators call it.
    let had = commands(&operator, "DEVICE-1").await;
    let (again, entry) = fleet.windows.device("DEVICE-1", fleet.devices[1].2.behaviour().clone());
    operator.import(&[entry]).await;
    fleet.devices[1].2 = again;
    fleet.sessions().await;
    stand(&operator, "pilots", "pending", 1).await;
    assert!(commands(&operator, "DEVICE-1").await > had);
    fleet.sessions().await;
    let states_of_one = states(&operator, "DEVICE-1").await;
    assert_eq!((states_of_one["AllowCortana"].as_str(), states_of_one["AllowCamera"].as_str()), ("applied", "applied"));
    assert_eq!(devices_of(&operator, "everyone").await, json!({"failed": count}), "the life before counts no more");

    // No longer for all: what some devices had is taken back from them.
    let some = [&[baseline(10), everyone(Some("os.build >= 22000"))][..], &pilots()].concat();
    let applied = apply(&operator, "only Windows 11", &some).await;
    assert_eq!(applied["changed"], json!(["everyone"]), "{applied}");
    assert_eq!(states(&operator, "DEVICE-0").await["AllowCamera"], "retracting");
    fleet.sessions().await;
    for (id, (build, _), _) in &fleet.devices {
        let states = states(&operator, id).await;
        assert_eq!(states.contains_key("AllowCamera"), *build >= 22000, "{id}: {states:?}");
    }
    // And back, as it was with a revision.
    let back = json!({"revision": 1, "message": "no good"});
    let back = operator.post("/api/v1/policies/rollback", &back).await;
    assert_eq!((&back["revision"], &back["changed"]), (&json!(4), &json!(["baseline", "everyone"])), "{back}");
    looked_at(&operator).await;
    fleet.sessions().await;
    assert_eq!(states(&operator, "DEVICE-0").await["AllowCamera"], "applied");
    let history = operator.list("/api/v1/policies/revisions").await;
    let messages: Vec<&str> = history.iter().map(|each| each["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["no good", "only Windows 11", "longer", "first"]);
    fleet.windows.judge_the_end();
}

async fn a_walk_through_the_devices_goes_on_after_the_server_was_killed(site: Site) {
    let site = site.without_rates().with("POLICY_DEVICES_PER_SECOND", "40");
    let server = site.serve();
    let count = 60;
    let mut fleet = Fleet::enroll(&site, &server, count).await;
    fleet.sessions().await;
    let operator = server.operator();
    let body = json!({"message": "x", "declarations": [baseline(8), everyone(None)]});
    operator.post("/api/v1/policies/apply", &body).await;
    let begun = async || {
        let progress = operator.get("/api/v1/policies/progress").await;
        (progress["looked"].as_u64().unwrap() > 0).then_some(progress)
    };
    let progress = until("the walk begins", begun).await;
    assert!(progress["done"] == false && progress["total"] == count, "{progress}");
    server.kill();
    let server = site.serve();
    let operator = server.operator();
    looked_at(&operator).await;
    let progress = operator.get("/api/v1/policies/progress").await;
    assert_eq!(progress["looked"], count, "each once: {progress}");
    for (id, ..) in &fleet.devices {
        assert_eq!(commands(&operator, id).await, 1, "{id}");
    }
}

async fn the_command_line_publishes_a_folder_and_tells_its_history(site: Site) {
    let _server = site.serve();
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = transom(&site.data()).current_dir(folder.path()).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let ok = |arguments: &[&str]| {
        let (code, out, err) = run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    };
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    let write = |name: &str, declaration: &Value| {
        std::fs::write(folder.path().join("policies").join(name), declaration.to_string()).unwrap();
    };
    write("a.json", &baseline(8));
    write("b.json", &everyone(None));
    let applied = ok(&["policy", "apply", "policies", "--message", "first"]);
    assert!(applied.contains("+ baseline") && applied.contains("revision 1 of the set default"), "{applied}");
    assert!(ok(&["policy", "apply", "policies", "--message", "again"]).contains("nothing changes"));
    write("a.json", &baseline(10));
    let checked = ok(&["policy", "apply", "policies", "--message", "longer", "--dry-run"]);
    assert!(checked.contains("~ baseline") && checked.contains("nothing was published"), "{checked}");
    ok(&["policy", "apply", "policies", "--message", "longer"]);
    let diff = ok(&["policy", "diff", "2"]);
    assert!(diff.contains("~ configuration baseline") && diff.contains("MinDevicePasswordLength\":10"), "{diff}");
    // Another set owns what it has, and leaves this one alone.
    let other = json!({"type": "activation", "identifier": "nobody", "payload": {"configurations": ["baseline"], "when": "false"}});
    std::fs::write(folder.path().join("other.json"), other.to_string()).unwrap();
    ok(&["policy", "apply", "other.json", "--set", "other", "--message", "x"]);
    let (code, _, err) = run(&["policy", "apply", "policies/b.json", "--message", "x"]);
    assert!(code == 1 && err.contains("nobody of the set other needs it"), "{err}");
    let (code, _, err) = run(&["policy", "apply", "other.json", "--message", "x"]);
    assert!(code == 1 && err.contains("belongs to the set other"), "{err}");
    ok(&["policy", "rollback", "1", "--message", "no good"]);
    let history = ok(&["policy", "history", "--set", "default"]);
    let lines: Vec<&str> = history.lines().filter(|line| line.contains("default")).collect();
    assert!(lines.len() == 3 && lines[0].contains("no good") && lines[2].contains("first"), "{history}");
    std::fs::write(folder.path().join("exported.yaml"), ok(&["policy", "export", "--set", "default"])).unwrap();
    assert!(ok(&["policy", "apply", "exported.yaml", "--message", "same"]).contains("nothing changes"));
    let status = ok(&["policy", "status"]);
    assert!(status.contains("baseline") && status.contains("nobody"), "{status}");
}
