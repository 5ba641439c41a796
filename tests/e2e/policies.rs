//! Policies, from what an author publishes to what devices have.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use transom::policy::catalogue::{Format, builtin};
use transom::protocol::csp::LocUri;
use transom::protocol::csp::catalogue::{Level, Proposed};
use transom::protocol::csp::ddf::{self as catalogue, Fit};
use transom::protocol::syncml::Verb;
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
    a_hundred_settings_come_to_all_kinds_of_devices_and_stay_there,
    because_of_which_setting_an_atomic_failed_is_found_by_trying,
    settings_of_a_template_come_after_it_and_go_before_it,
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

/// Waits until all devices are looked at.
async fn looked_at(operator: &Operator) {
    goes_on(async || {
        let progress = operator.get("/api/v1/policies/progress").await;
        if progress["done"] == true { Ok(()) } else { Err(progress["looked"].to_string()) }
    })
    .await;
}

/// Waits until something is so: as long as what it is instead changes at least once a minute, however many devices there are.
async fn goes_on(is_so: impl AsyncFn() -> Result<(), String>) {
    let (mut last, mut since) = (String::new(), Instant::now());
    while let Err(instead) = is_so().await {
        if instead != last {
            (last, since) = (instead, Instant::now());
        }
        assert!(since.elapsed() < Duration::from_mins(1), "nothing goes on any more: {last}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
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
    goes_on(async || {
        let devices = devices_of(operator, declaration).await;
        let is_so = devices[state] == count;
        if is_so { Ok(()) } else { Err(format!("{count} devices of {declaration} are to be {state}: {devices}")) }
    })
    .await;
}

struct Fleet {
    windows: Windows,
    client: Client,
    devices: Vec<(String, (u32, u32), Device)>,
}

impl Fleet {
    async fn enroll(site: &Site, server: &Server, count: usize) -> Self {
        Self::of(site, server, count, &KINDS, |_| Behaviour::default()).await
    }

    /// Devices of these kinds, in turn.
    async fn of(
        site: &Site,
        server: &Server,
        count: usize,
        kinds: &[(u32, u32)],
        behaviour: impl Fn(usize) -> Behaviour,
    ) -> Self {
        let windows = Windows::new(server.device_addr, site.root());
        let client = windows.usual();
        let mut devices = Vec::new();
        let mut entries = Vec::new();
        for number in 0..count {
            let (build, edition) = kinds[number % kinds.len()];
            let says = [
                ("./DevDetail/SwV", format!("10.0.{build}.1")),
                ("./Vendor/MSFT/DeviceStatus/OS/Edition", edition.to_string()),
            ];
            let says = says.map(|(node, value)| (node.to_owned(), value)).into();
            let id = format!("DEVICE-{number}");
            let (device, entry) = windows.device(&id, Behaviour { says, ..behaviour(number) });
            devices.push((id, (build, edition), device));
            entries.push(entry);
        }
        server.operator().import(&entries).await;
        Self { windows, client, devices }
    }

    /// A session of each, a few at a time.
    async fn sessions(&mut self) {
        for some in self.devices.chunks_mut(8) {
            let sessions = some.iter_mut().map(|(_, _, device)| self.windows.session(&self.client, device));
            futures_util::future::join_all(sessions).await;
        }
    }

    fn device(&mut self, id: &str) -> &mut Device {
        self.devices.iter_mut().find(|(own, ..)| own == id).map(|(_, _, device)| device).unwrap()
    }

    /// A session of one.
    async fn session(&mut self, id: &str) {
        let device = self.devices.iter_mut().find(|(own, ..)| own == id).map(|(_, _, device)| device).unwrap();
        self.windows.session(&self.client, device).await;
    }

    /// Sessions of one that has another length now, for as long as it is asked for what it has, until that is known. How
    /// often it was mended before: that may happen in the session in which it is found.
    async fn is_found_drifted(&mut self, operator: &Operator, id: &str, length: Option<&str>) -> usize {
        let mut mended = 0;
        self.is_changed(id, LENGTH, length);
        let deadline = Instant::now() + Duration::from_mins(12);
        while setting(operator, id, LENGTH).await["state"] != "drifted" {
            assert!(Instant::now() < deadline, "{id} is not drifted");
            if is_asked(operator, id).await {
                self.session(id).await;
            }
            if self.value(id, LENGTH).as_deref() != length {
                mended += 1;
                self.is_changed(id, LENGTH, length);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        mended
    }

    fn is_changed(&mut self, id: &str, uri: &str, value: Option<&str>) {
        self.device(id).is_changed(uri, value);
    }

    fn value(&mut self, id: &str, uri: &str) -> Option<String> {
        self.device(id).tree().value(uri)
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
    let (code, _, err) = run(&["policy", "rollback", "1", "--message", "no good", "--after", "1"]);
    assert!(code == 1 && err.contains("changed"), "somebody else was faster: {err}");
    assert!(err.contains("the last revision of the set default is 2, by"), "{err}");
    // What the server refuses has its place in the file.
    let wrong = "type: configuration\nidentifier: wrong\npayload:\n  settings:\n    ./Vendor/MSFT/Policy/Config/Camera/AllowCamera: 7\n";
    std::fs::write(folder.path().join("wrong.yaml"), wrong).unwrap();
    for more in
        [&["apply", "wrong.yaml", "--message", "x", "--set", "third"][..], &["plan", "wrong.yaml", "--on-server"]]
    {
        let (code, _, err) = run(&[&["policy"], more].concat());
        assert!(code == 1 && err.contains("wrong.yaml:5:5: wrong: ./"), "{err}");
    }
    let (code, _, err) = run(&["policy", "plan", "wrong.yaml", "--on-server", "--commands"]);
    assert!(code == 2 && err.contains("needs --device"), "{code} {err}");
    ok(&["policy", "rollback", "1", "--message", "no good", "--after", "2"]);
    let history = ok(&["policy", "history", "--set", "default"]);
    let lines: Vec<&str> = history.lines().filter(|line| line.contains("default")).collect();
    assert!(lines.len() == 3 && lines[0].contains("no good") && lines[2].contains("first"), "{history}");
    std::fs::write(folder.path().join("exported.yaml"), ok(&["policy", "export", "--set", "default"])).unwrap();
    assert!(ok(&["policy", "apply", "exported.yaml", "--message", "same"]).contains("nothing changes"));
    let (code, _, err) = run(&["policy", "export"]);
    assert!(code == 1 && err.contains("there are 2 sets: default, other"), "{err}");
    let status: Value = serde_json::from_str(&ok(&["policy", "status", "--json"])).unwrap();
    assert!(status["policies"][0]["identifier"] == "baseline" && status["progress"]["total"].is_u64(), "{status}");
    let status = ok(&["policy", "status"]);
    assert!(status.contains("baseline") && status.contains("nobody"), "{status}");
}

/// Four builds, two editions (Enterprise, Pro).
const EIGHT: [(u32, u32); 8] =
    [(19045, 4), (19045, 48), (22621, 4), (22621, 48), (22631, 4), (22631, 48), (26100, 4), (26100, 48)];

const LENGTH: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";

/// A hundred settings that the catalogue takes, some of which only newer builds or one of the editions have; each with the
/// kinds of devices that have it.
fn hundred() -> BTreeMap<String, (i64, Vec<(u32, u32)>)> {
    let catalogue = builtin::catalogue().unwrap();
    let config: LocUri = CONFIG.parse().unwrap();
    let has = |node, (build, edition): (u32, u32)| {
        let device = catalogue::Device {
            build: Some(catalogue::Build { number: build, revision: Some(1) }),
            edition: Some(edition),
        };
        matches!(catalogue.fit(node, &device), Fit::Yes | Fit::NotReleased)
    };
    let mut all: BTreeMap<String, (i64, Vec<(u32, u32)>)> = BTreeMap::new();
    let (mut some, mut everywhere) = (0, 0);
    for area in catalogue.below(catalogue.known(&config).unwrap().node) {
        for node in catalogue.below(area) {
            let uri: LocUri = catalogue.uri(node).parse().unwrap();
            let properties = catalogue.describe(node).unwrap().properties;
            if properties.format != Format::Int || !properties.dependencies.is_empty() || properties.reboot.is_some() {
                continue;
            }
            let takes = |value: i64| {
                let data = value.to_string();
                let proposed = Proposed {
                    verb: Verb::Replace,
                    uri: &uri,
                    format: None,
                    data: Some(data.as_str()),
                    in_atomic: false,
                };
                catalogue.check(&proposed, None).findings.iter().all(|finding| finding.level != Level::Error)
            };
            let Some(value) = [1, 0].into_iter().find(|value| takes(*value)) else { continue };
            let kinds: Vec<(u32, u32)> = EIGHT.into_iter().filter(|kind| has(node, *kind)).collect();
            let counter = if kinds.len() == EIGHT.len() { &mut everywhere } else { &mut some };
            let most = if kinds.len() == EIGHT.len() { 64 } else { 35 };
            if *counter < most && !uri.as_str().eq_ignore_ascii_case(LENGTH) {
                *counter += 1;
                all.insert(uri.as_str().to_owned(), (value, kinds));
            }
        }
    }
    all.insert(LENGTH.to_owned(), (8, EIGHT.to_vec()));
    assert_eq!(all.len(), 100, "{everywhere} that all have, {some} that some have");
    all
}

async fn a_hundred_settings_come_to_all_kinds_of_devices_and_stay_there(site: Site) {
    let count = size("E2E_POLICY", 16).next_multiple_of(EIGHT.len());
    let every = if count > 100 { "5m" } else { "5s" };
    let site = site.without_rates().with("INVENTORY_COLLECT", "true").with("POLICY_DEVICES_PER_SECOND", "10000");
    let site = site.with("POLICY_VERIFY_EVERY", every);
    let server = site.serve();
    let operator = server.operator();
    let settings = hundred();
    let mut fleet = Fleet::of(&site, &server, count, &EIGHT, |_| Behaviour::default()).await;
    let declarations = |length: i64, drift: &str, configurations: &[&str]| {
        let mut values: BTreeMap<&String, i64> = settings.iter().map(|(uri, (value, _))| (uri, *value)).collect();
        values.insert(settings.get_key_value(LENGTH).unwrap().0, length);
        let payload = json!({"settings": values, "drift": drift});
        [
            json!({"type": "configuration", "identifier": "hundred", "payload": payload}),
            json!({"type": "activation", "identifier": "all", "payload": {"configurations": configurations}}),
        ]
    };
    apply(&operator, "first", &declarations(8, "repair", &["hundred"])).await;
    fleet.sessions().await;
    stand(&operator, "hundred", "pending", count).await;
    fleet.sessions().await;
    stand(&operator, "hundred", "applied", count).await;
    let all_right = async |fleet: &Fleet, length: i64| {
        for (id, kind, device) in &fleet.devices {
            let states = addresses(&operator, id).await;
            assert_eq!(states.len(), 100, "{id}");
            for (uri, (value, kinds)) in &settings {
                let (state, has) = (states[uri].as_str(), device.tree().value(uri));
                let value = if uri == LENGTH { length } else { *value };
                if kinds.contains(kind) {
                    assert_eq!((state, has), ("applied", Some(value.to_string())), "{id} {kind:?} {uri}");
                } else {
                    assert_eq!((state, has), ("not_applicable", None), "{id} {kind:?} {uri}");
                }
            }
        }
    };
    all_right(&fleet, 8).await;

    // One setting changes: one command for each device, with one setting.
    let mut before = Vec::new();
    for (id, ..) in &fleet.devices {
        before.push(commands(&operator, id).await);
    }
    apply(&operator, "longer", &declarations(10, "repair", &["hundred"])).await;
    fleet.sessions().await;
    stand(&operator, "hundred", "applied", count).await;
    for ((id, ..), before) in fleet.devices.iter().zip(&before) {
        assert_eq!(commands(&operator, id).await, before + 1, "{id}");
    }
    all_right(&fleet, 10).await;

    // Somebody changes a value at a device. It is found when the device is asked by plan, and mended alone.
    let had = commands(&operator, "DEVICE-3").await;
    let seen = operator.get("/api/v1/events?limit=1").await["head"].as_i64().unwrap();
    let before = fleet.is_found_drifted(&operator, "DEVICE-3", Some("4")).await;
    stand(&operator, "hundred", "drifted", 1).await;
    let found = setting(&operator, "DEVICE-3", LENGTH).await;
    let checked = &found["checked"];
    assert_eq!((&found["state"], &checked["verdict"]), (&json!("drifted"), &json!("drifted")), "{found}");
    assert_eq!((&checked["wanted"], &checked["observed"]), (&json!("10"), &json!("4")), "{found}");
    assert!(checked["at"].is_string() && checked["shown_in"].is_string() && checked["session_id"].is_string());
    let because = operator.list("/api/v1/policies/declarations/hundred/devices?state=drifted").await;
    assert_eq!((&because[0]["device_id"], &because[0]["because"][0]["target"]), (&json!("DEVICE-3"), &json!(LENGTH)));
    fleet.session("DEVICE-3").await;
    assert_eq!(fleet.value("DEVICE-3", LENGTH).as_deref(), Some("10"));
    stand(&operator, "hundred", "applied", count).await;
    assert_eq!(commands(&operator, "DEVICE-3").await, had + 1 + before);
    let mended = async |fleet: &mut Fleet| {
        fleet.session("DEVICE-3").await;
        let events = operator.get(&format!("/api/v1/events?after={seen}&type=policy.*&limit=500")).await;
        let kinds: Vec<String> =
            events["items"].as_array().unwrap().iter().map(|event| event["type"].to_string()).collect();
        (kinds.len() >= 2 + 2 * before).then_some(kinds)
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    let kinds = loop {
        if let Some(kinds) = mended(&mut fleet).await {
            break kinds;
        }
        assert!(Instant::now() < deadline, "the device was not asked whether it is mended");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(kinds, ["\"policy.drifted\"", "\"policy.repaired\""].repeat(1 + before));
    let verified = setting(&operator, "DEVICE-3", LENGTH).await;
    assert_eq!((&verified["checked"]["verdict"], &verified["checked"]["mended"]), (&json!("same"), &json!(1 + before)));

    // Where it is only to be told, nothing is sent.
    apply(&operator, "only told", &declarations(10, "report", &["hundred"])).await;
    let had = commands(&operator, "DEVICE-2").await;
    fleet.is_found_drifted(&operator, "DEVICE-2", None).await;
    stand(&operator, "hundred", "drifted", 1).await;
    fleet.session("DEVICE-2").await;
    let told = setting(&operator, "DEVICE-2", LENGTH).await;
    assert!(told["state"] == "drifted" && told["why"].as_str().unwrap().contains("not mended"), "{told}");
    assert!(told["checked"]["observed"].is_null() && fleet.value("DEVICE-2", LENGTH).is_none(), "{told}");
    assert_eq!(commands(&operator, "DEVICE-2").await, had);
    let shown = transom(&site.data()).args(["policy", "status", "--device", "DEVICE-2"]).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("wanted 10, on the device nothing") && shown.contains("VERIFIED"), "{shown}");
    // Its author thinks better of it.
    apply(&operator, "mended", &declarations(10, "repair", &["hundred"])).await;
    fleet.session("DEVICE-2").await;
    assert_eq!(fleet.value("DEVICE-2", LENGTH).as_deref(), Some("10"));

    // Enrolled anew, a device gets all again.
    let (again, entry) = fleet.windows.device("DEVICE-5", fleet.devices[5].2.behaviour().clone());
    operator.import(&[entry]).await;
    fleet.devices[5].2 = again;
    fleet.session("DEVICE-5").await;
    stand(&operator, "hundred", "pending", 1).await;
    fleet.session("DEVICE-5").await;
    stand(&operator, "hundred", "applied", count).await;
    all_right(&fleet, 10).await;

    // No longer wanted: all is taken back.
    apply(&operator, "nothing", &declarations(10, "repair", &[])).await;
    fleet.sessions().await;
    for (id, _, device) in &fleet.devices {
        assert!(addresses(&operator, id).await.is_empty(), "{id}");
        assert!(settings.keys().all(|uri| device.tree().value(uri).is_none()), "{id}");
    }
    fleet.windows.judge_the_end();
}

async fn because_of_which_setting_an_atomic_failed_is_found_by_trying(site: Site) {
    let site = site.without_rates().with("INVENTORY_COLLECT", "false").with("POLICY_DEVICES_PER_SECOND", "10000");
    let server = site.serve();
    let operator = server.operator();
    let behaviour = |number: usize| Behaviour { hides_culprits: number == 0, ..Behaviour::default() };
    let mut fleet = Fleet::of(&site, &server, 2, &EIGHT, behaviour).await;
    fleet.sessions().await;
    let (camera, cortana) = (format!("{CONFIG}/Camera/AllowCamera"), format!("{CONFIG}/Experience/AllowCortana"));
    let protected = "./Device/Vendor/MSFT/Defender/Configuration/TamperProtection";
    let settings = json!({(camera.clone()): 0, (cortana.clone()): 0, LENGTH: 8, (protected): "x"});
    let all = json!({"configurations": ["together"], "atomic": true});
    let declarations = [
        json!({"type": "configuration", "identifier": "together", "payload": {"settings": settings}}),
        json!({"type": "activation", "identifier": "all-or-none", "payload": all}),
    ];
    // What the device had before it has afterwards.
    for (_, _, device) in &mut fleet.devices {
        device.is_changed(&cortana, Some("1"));
    }
    apply(&operator, "x", &declarations).await;
    fleet.sessions().await;
    stand(&operator, "together", "failed", 2).await;
    let found = async |id: &str| {
        let camera = setting(&operator, id, &camera).await;
        (camera["because_of"] == protected).then_some(())
    };
    // One says so at once.
    assert!(found("DEVICE-1").await.is_some());
    assert_eq!(setting(&operator, "DEVICE-1", protected).await["status"], 425);
    let mut sessions = 0;
    while found("DEVICE-0").await.is_none() {
        assert!(sessions < 100, "{}", operator.get("/api/v1/devices/DEVICE-0/policies").await);
        fleet.session("DEVICE-0").await;
        sessions += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let culprit = setting(&operator, "DEVICE-0", protected).await;
    assert!(culprit["status"] == 507 && culprit["why"].as_str().unwrap().contains("by trying"), "{culprit}");
    for id in ["DEVICE-0", "DEVICE-1"] {
        for (uri, state) in addresses(&operator, id).await {
            assert_eq!(state, "failed", "{id} {uri}");
        }
        assert_eq!(fleet.value(id, &camera), None, "{id}");
        assert_eq!((fleet.value(id, &cortana).as_deref(), fleet.value(id, LENGTH)), (Some("1"), None), "{id}");
    }
    // And no more comes of it.
    let had = commands(&operator, "DEVICE-0").await;
    fleet.session("DEVICE-0").await;
    fleet.session("DEVICE-0").await;
    assert_eq!(commands(&operator, "DEVICE-0").await, had);
    fleet.windows.judge_the_end();
}

/// Each setting of a device, by its whole address, with where it stands.
async fn addresses(operator: &Operator, device: &str) -> BTreeMap<String, String> {
    let told = operator.get(&format!("/api/v1/devices/{device}/policies")).await;
    let each = told["settings"].as_array().unwrap().iter();
    each.map(|setting| (setting["target"].as_str().unwrap().to_owned(), setting["state"].as_str().unwrap().to_owned()))
        .collect()
}

async fn setting(operator: &Operator, device: &str, uri: &str) -> Value {
    let told = operator.get(&format!("/api/v1/devices/{device}/policies")).await;
    told["settings"].as_array().unwrap().iter().find(|setting| setting["target"] == uri).unwrap().clone()
}

/// Whether a question waits for the device.
async fn is_asked(operator: &Operator, device: &str) -> bool {
    let all = operator.list(&format!("/api/v1/commands?own=true&state=queued&device_id={device}")).await;
    all.iter().any(|command| command["created_by"] == "transom:verify")
}

/// A template of a vendor as an author has it beside the declarations.
const TEMPLATE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<policyDefinitions xmlns="http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions" revision="1.0" schemaVersion="1.0">
  <policyNamespaces><target prefix="acme" namespace="Acme.Policies"/></policyNamespaces>
  <resources minRequiredRevision="1.0"/>
  <categories><category name="acme" displayName="$(string.acme)"/></categories>
  <policies>
    <policy name="Proxy" class="Both" displayName="$(string.Proxy)" key="Software\Policies\Acme">
      <parentCategory ref="acme"/>
      <elements><text id="Server" valueName="Server" required="true"/></elements>
    </policy>
  </policies>
</policyDefinitions>
"#;

async fn settings_of_a_template_come_after_it_and_go_before_it(site: Site) {
    let site = site.without_rates().with("POLICY_DEVICES_PER_SECOND", "10000");
    let server = site.serve();
    let operator = server.operator();
    let mut fleet = Fleet::enroll(&site, &server, 1).await;
    // A device that has not been heard of gets nothing yet.
    fleet.sessions().await;
    let install = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Acme/Policy/AcmeAdmx";
    let proxy = format!("{CONFIG}/Acme~Policy~acme/Proxy");
    let declarations = |server: &str| {
        vec![
            json!({"type": "asset", "identifier": "acme-admx", "payload": {"text": TEMPLATE}}),
            json!({"type": "configuration", "identifier": "acme", "payload": {"settings": {
                proxy.as_str(): {"enabled": true, "Server": server},
                "./User/Vendor/MSFT/Policy/Config/Acme~Policy~acme/Proxy": "disabled",
                install: {"asset": "acme-admx"},
            }}}),
            json!({"type": "activation", "identifier": "all", "payload": {"configurations": ["acme"], "atomic": true}}),
        ]
    };
    apply(&operator, "with its template", &declarations("proxy.example")).await;
    // The catalogue of the server knows its settings from then on, for orders and for whoever looks.
    let uri: String = proxy.chars().map(|sign| if sign == '~' { "%7E".to_owned() } else { sign.to_string() }).collect();
    let told = operator.get(&format!("/api/v1/csp/node?uri={uri}")).await;
    assert!(told.to_string().contains("Server"), "{told}");
    for _ in 0..3 {
        fleet.sessions().await;
    }
    let (id, _, device) = &fleet.devices[0];
    let standing = states(&operator, id).await;
    assert_eq!(standing["AcmeAdmx"], "applied", "{standing:?}");
    assert_eq!(standing["Proxy"], "applied", "{standing:?}");
    let has = |place: &str| device.tree().get(place);
    assert!(format!("{:?}", has(&proxy)).contains("proxy.example"), "{:?}", has(&proxy));
    // What is no longer wanted goes in the other order: a setting of a template that is not there is not found.
    apply(&operator, "no longer", &[]).await;
    for _ in 0..3 {
        fleet.sessions().await;
    }
    let (id, _, _) = &fleet.devices[0];
    assert!(states(&operator, id).await.is_empty(), "{:?}", states(&operator, id).await);
    let all = operator.list(&format!("/api/v1/commands?own=true&device_id={id}")).await;
    let failed: Vec<_> = all.iter().filter(|command| command["state"] != "succeeded").collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
