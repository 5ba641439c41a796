//! Sessions as they should be: each command, each size, each ending, both encodings.

use serde_json::{Value, json};
use transom::protocol::session::LoginStatus;
use transom::protocol::syncml::codec::Encoding;
use transom::simulator::client::{Client, ClientOptions, SessionEnd};
use transom::simulator::device::{Behaviour, Device, Ending};
use transom::simulator::faults::{Fault, FaultPlan};

use super::on_both;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    one_of_each_command_succeeds,
    binary_sessions_are_no_different,
    a_node_that_is_missing_fails_alone,
    an_atomic_that_fails_changes_nothing,
    an_add_of_what_is_there_becomes_a_replace_where_that_is_allowed,
    an_install_is_done_when_the_device_says_so,
    large_values_travel_whole_and_in_chunks,
    an_aborted_session_is_taken_up_again,
    a_session_that_was_left_is_replaced,
    a_device_that_leaves_is_let_go,
    nodes_of_the_user_wait_for_the_user,
    both_sides_prove_who_they_are,
);

const POLICY: &str = "./Device/Vendor/MSFT/Policy/Config";

/// A server, one device, and who gives it orders.
struct Scene {
    site: Site,
    server: Server,
    operator: Operator,
    windows: Windows,
    client: Client,
    device: Device,
}

impl Scene {
    async fn new(site: Site, behaviour: Behaviour) -> Self {
        let site = site.without_rates();
        let server = site.serve();
        let operator = server.operator();
        let windows = Windows::new(server.device_addr, site.root());
        let client = windows.usual();
        let (device, entry) = windows.device("THE-DEVICE", behaviour);
        operator.import(&[entry]).await;
        Self { site, server, operator, windows, client, device }
    }

    async fn order(&self, commands: Value) -> Vec<String> {
        self.operator.order_for("THE-DEVICE", &commands).await
    }

    async fn order_one(&self, command: Value) -> String {
        self.order(json!([command])).await.remove(0)
    }

    async fn session(&mut self) {
        let report = self.windows.session(&self.client, &mut self.device).await;
        assert_eq!(report.ended, Some(SessionEnd::Quiet));
    }

    async fn session_with(&mut self, fault: (usize, Fault)) -> Option<SessionEnd> {
        let mut faults = FaultPlan::scripted([fault]);
        self.windows.session_with(&self.client, &mut self.device, &mut faults).await.unwrap().ended
    }

    async fn states(&self, ids: &[String]) -> Vec<String> {
        let mut states = Vec::new();
        for id in ids {
            states.push(self.operator.state(id).await);
        }
        states
    }

    /// Statuses of the items of a command.
    async fn statuses(&self, id: &str) -> Vec<Value> {
        let command = self.operator.command(id).await;
        command["items"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect()
    }

    /// All went well, to the end.
    fn end(self) {
        self.windows.judge_the_end();
        assert!(!self.site.log().contains("ERROR"), "{}", self.site.log());
        assert_eq!(self.server.terminate(), Some(0));
    }
}

/// What a value may be made of.
const TEXT: &str = "<a b='c'>&amp; ]]> é ☃ 𝄞</a>";

fn one_of_each(text: &str) -> Value {
    json!([
        { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }, { "target": "./DevInfo/DevId" }] },
        { "kind": "replace", "items": [
            { "target": format!("{POLICY}/Camera/AllowCamera"), "format": "int", "data": "0" }] },
        { "kind": "add", "items": [
            { "target": format!("{POLICY}/Trial/Text"), "format": "chr", "data": text }] },
        { "kind": "get", "items": [{ "target": format!("{POLICY}/Trial/Text") }] },
        { "kind": "delete", "items": [{ "target": format!("{POLICY}/Trial/Text") }] },
        { "kind": "delete", "items": [{ "target": format!("{POLICY}/Trial/Never") }] },
        { "kind": "exec", "items": [
            { "target": "./Device/Vendor/MSFT/Defender/Scan", "format": "chr", "data": "1" }] },
        { "kind": "atomic", "commands": [
            { "kind": "replace", "items": [
                { "target": format!("{POLICY}/Trial/One"), "format": "chr", "data": "1" }] },
            { "kind": "add", "items": [{ "target": format!("{POLICY}/Trial/Two"), "format": "chr", "data": "2" }] }] },
        { "kind": "sequence", "commands": [
            { "kind": "delete", "items": [{ "target": format!("{POLICY}/Trial/Two") }] },
            { "kind": "get", "items": [{ "target": format!("{POLICY}/Trial/One") }] }] },
        { "kind": "exec", "items": [{ "target": "./Device/Vendor/MSFT/Reboot/RebootNow" }] },
    ])
}

async fn play_one_of_each(scene: &mut Scene, text: &str) {
    let ids = scene.order(one_of_each(text)).await;
    for _ in 0..2 {
        scene.session().await;
    }
    for (place, id) in ids.iter().enumerate() {
        let command = scene.operator.command(id).await;
        assert_eq!(command["state"], "succeeded", "{command:#}");
        assert_eq!(command["sequence"], place + 1);
        assert_eq!(command["attempts"].as_array().unwrap().len(), 1, "{command:#}");
    }
    let first = scene.operator.command(&ids[0]).await;
    assert_eq!(first["items"][0]["data"], "10.0.26200.9278");
    assert_eq!(first["items"][1]["data"], "THE-DEVICE");
    assert_eq!(scene.operator.command(&ids[3]).await["items"][0]["data"], text);
    assert_eq!(scene.statuses(&ids[5]).await, [404]);
    assert_eq!(scene.device.boots(), 1);
    let tree = scene.device.tree();
    assert_eq!(tree.value(&format!("{POLICY}/Camera/AllowCamera")).as_deref(), Some("0"));
    assert_eq!(tree.value(&format!("{POLICY}/Trial/Two")), None);
}

async fn one_of_each_command_succeeds(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    play_one_of_each(&mut scene, TEXT).await;
    scene.end();
}

async fn binary_sessions_are_no_different(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let options = ClientOptions { encoding: Encoding::Wbxml, ..scene.windows.options.clone() };
    scene.client = scene.windows.client(options);
    // The judge's converter can't show the end of a CDATA section inside a value.
    play_one_of_each(&mut scene, &TEXT.replace("]]>", "")).await;
    scene.end();
}

async fn a_node_that_is_missing_fails_alone(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let id = scene
        .order_one(json!({ "kind": "get", "items": [
            { "target": "./DevDetail/SwV" }, { "target": format!("{POLICY}/Trial/Never") }, { "target": "./DevInfo/Lang" }] }))
        .await;
    scene.session().await;
    let command = scene.operator.command(&id).await;
    assert_eq!(scene.statuses(&id).await, [200, 404, 200], "{command:#}");
    assert_eq!(command["items"][0]["data"], "10.0.26200.9278");
    assert_eq!(command["items"][2]["data"], "en-US");
    assert_eq!(command["state"], "failed");
    assert_eq!(command["items"][1]["error"]["code"], "404", "{command:#}");
    scene.end();
}

async fn an_atomic_that_fails_changes_nothing(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let replace =
        |node: &str| json!({ "kind": "replace", "items": [{ "target": node, "format": "chr", "data": "x" }] });
    let good = format!("{POLICY}/Trial/Good");
    let bad = "./DevDetail/SwV";
    let id = scene.order_one(json!({ "kind": "atomic", "commands": [replace(&good), replace(bad)] })).await;
    let after = scene.order_one(replace(&format!("{POLICY}/Trial/After"))).await;
    scene.session().await;
    let command = scene.operator.command(&id).await;
    assert_eq!(command["state"], "failed", "{command:#}");
    assert_eq!(command["group_status"], 507, "{command:#}");
    assert_eq!(command["items"][0]["status"], 216, "{command:#}");
    assert_eq!(scene.device.tree().value(&good), None);
    assert_eq!(scene.operator.state(&after).await, "succeeded");
    scene.end();
}

async fn an_add_of_what_is_there_becomes_a_replace_where_that_is_allowed(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let node = format!("{POLICY}/Trial/There");
    let add = |data: &str| json!({ "kind": "add", "items": [{ "target": node, "format": "chr", "data": data }] });
    let mut replacing = add("third");
    replacing["if_exists"] = json!("replace");
    let ids = scene.order(json!([add("first"), add("second"), replacing])).await;
    scene.session().await;
    assert_eq!(scene.states(&ids).await, ["succeeded", "failed", "succeeded"]);
    assert_eq!(scene.statuses(&ids[1]).await, [418]);
    assert_eq!(scene.device.tree().value(&node).as_deref(), Some("third"));
    scene.end();
}

async fn an_install_is_done_when_the_device_says_so(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let product = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B6F6A4B4E-1B1C-4B8C-9A5D-0F5B1C2D3E4F%7D";
    let job = |inside: &str| {
        format!(
            "<MsiInstallJob id=\"x\"><Product Version=\"1.0\"><Download><ContentURLList>{inside}</ContentURLList></Download></Product></MsiInstallJob>"
        )
    };
    let ids = scene
        .order(json!([
            { "kind": "add", "items": [{ "target": format!("{product}/DownloadInstall") , "format": "xml", "data": job("") }] },
            { "kind": "exec", "items": [{ "target": format!("{product}/DownloadInstall"), "format": "xml",
                "data": job("<ContentURL>https://files.example.test/a.msi</ContentURL>") }] },
        ]))
        .await;
    scene.session().await;
    let accepted = scene.operator.command(&ids[1]).await;
    assert_eq!(accepted["items"][0]["status"], 200, "{accepted:#}");
    assert_ne!(accepted["state"], "succeeded", "accepted is not done");
    assert!(scene.device.wants_session());
    scene.session().await;
    scene.session().await;
    let done = scene.operator.command(&ids[1]).await;
    assert_eq!(done["state"], "succeeded", "{done:#}");
    assert_eq!(scene.device.log().effects().iter().filter(|effect| effect.data.contains("ContentURL>")).count(), 1);
    scene.end();
}

async fn large_values_travel_whole_and_in_chunks(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let node = format!("{POLICY}/Trial/Large");
    let pieces: Vec<String> = (0..120_000).map(|number| format!("{number:06}&é")).collect();
    let value = pieces.concat()[..999_999].to_owned();
    let ids = scene
        .order(json!([
            { "kind": "replace", "items": [{ "target": node, "format": "chr", "data": value }] },
            { "kind": "get", "items": [{ "target": node }] },
        ]))
        .await;
    scene.session().await;
    assert_eq!(scene.states(&ids).await, ["succeeded", "succeeded"]);
    assert!(scene.device.tree().value(&node).as_deref() == Some(&value), "what the device has");
    let command = scene.operator.command(&ids[1]).await;
    assert!(command["items"][0]["data"] == value, "what the device sent whole");

    let behaviour = Behaviour { large_objects: true, max_msg_size: Some(20_000), ..Behaviour::default() };
    scene.device.behave(behaviour);
    let ids = scene
        .order(json!([
            { "kind": "replace", "items": [{ "target": node, "format": "chr", "data": format!("2{value}") }] },
            { "kind": "get", "items": [{ "target": node }] },
            { "kind": "get", "items": [{ "target": "./DevInfo/DevId" }] },
        ]))
        .await;
    scene.session().await;
    assert_eq!(scene.states(&ids).await, ["succeeded", "succeeded", "succeeded"]);
    assert!(scene.device.tree().value(&node) == Some(format!("2{value}")), "what the device has, in chunks");
    let command = scene.operator.command(&ids[1]).await;
    assert!(command["items"][0]["data"] == format!("2{value}"), "what the device sent in chunks");
    scene.end();
}

async fn an_aborted_session_is_taken_up_again(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let ids = scene.order(json!([
        { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] },
        { "kind": "exec", "items": [{ "target": "./Device/Vendor/MSFT/Defender/Scan", "format": "chr", "data": "1" }] },
    ])).await;
    // The third message would bring the answers: they never come.
    assert_eq!(scene.session_with((3, Fault::Abort)).await, Some(SessionEnd::Ended(Ending::AbortedByDevice)));
    scene.session().await;
    assert_eq!(scene.states(&ids).await, ["succeeded", "unknown"]);
    assert_eq!(scene.device.log().execs_of("./Device/Vendor/MSFT/Defender/Scan").count(), 1);
    let resolved =
        scene.operator.post(&format!("/api/v1/commands/{}/resolve", ids[1]), &json!({ "as": "succeeded" })).await;
    assert_eq!(resolved["state"], "succeeded");
    assert_eq!(scene.server.terminate(), Some(0));
}

async fn a_session_that_was_left_is_replaced(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    let ids = scene.order(json!([
        { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }] },
        { "kind": "exec", "items": [{ "target": "./Device/Vendor/MSFT/Defender/Scan", "format": "chr", "data": "1" }] },
        { "kind": "get", "items": [{ "target": "./DevInfo/Man" }] },
    ])).await;
    assert_eq!(scene.session_with((2, Fault::DieAfterwards)).await, Some(SessionEnd::Died));
    assert_eq!(scene.states(&ids).await, ["sent", "sent", "sent"]);
    scene.session().await;
    assert_eq!(scene.states(&ids).await, ["succeeded", "unknown", "succeeded"]);
    let sessions = scene.operator.list("/api/v1/sessions?device_id=THE-DEVICE").await;
    assert_eq!(sessions.len(), 2, "{sessions:#?}");
    assert!(sessions.iter().all(|session| session["phase"] != "open"), "{sessions:#?}");
    assert_eq!(scene.server.terminate(), Some(0));
}

async fn a_device_that_leaves_is_let_go(site: Site) {
    let mut scene = Scene::new(site, Behaviour::default()).await;
    scene.session().await;
    let later = "2099-01-01T00:00:00Z";
    let order = json!({ "device_id": "THE-DEVICE", "not_before": later,
        "command": { "kind": "get", "items": [{ "target": "./DevInfo/Man" }] } });
    let waiting = scene.operator.order(&order).await.remove(0).remove(0);
    let mut back = scene.device.clone();
    scene.device.unenroll();
    scene.windows.session(&scene.client, &mut scene.device).await;
    assert!(!scene.device.is_enrolled());
    assert_eq!(scene.operator.state(&waiting).await, "canceled");
    let device = scene.operator.get("/api/v1/devices/THE-DEVICE").await;
    assert!(device["enrollment"]["state"] != "active", "{device:#}");
    // Its old credential is worth nothing now.
    let report = scene.windows.session_with(&scene.client, &mut back, &mut FaultPlan::none()).await;
    let ended = report.unwrap().ended;
    assert!(matches!(ended, Some(SessionEnd::Ended(Ending::NotAuthenticated | Ending::Refused(_)))), "{ended:?}");
    assert_eq!(scene.server.terminate(), Some(0));
}

async fn nodes_of_the_user_wait_for_the_user(site: Site) {
    let nobody = Behaviour { login: LoginStatus::None, ..Behaviour::default() };
    let mut scene = Scene::new(site, nobody).await;
    let of_user = "./User/Vendor/MSFT/Policy/Config/Trial/Mine";
    let ids = scene
        .order(json!([
            { "kind": "replace", "items": [{ "target": of_user, "format": "chr", "data": "x" }] },
            { "kind": "get", "items": [{ "target": "./DevInfo/Man" }] },
        ]))
        .await;
    scene.session().await;
    let states = scene.states(&ids).await;
    assert!(["queued", "deferred"].contains(&states[0].as_str()) && states[1] == "succeeded", "{states:?}");
    assert_eq!(scene.device.tree().value(of_user), None);
    scene.device.behave(Behaviour::default());
    scene.session().await;
    assert_eq!(scene.operator.state(&ids[0]).await, "succeeded");
    scene.end();
}

async fn both_sides_prove_who_they_are(site: Site) {
    let behaviour = Behaviour { authenticates_server: true, ..Behaviour::default() };
    let mut scene = Scene::new(site, behaviour).await;
    for _ in 0..3 {
        let ids = scene.order(json!([{ "kind": "get", "items": [{ "target": "./DevInfo/Man" }] }])).await;
        scene.session().await;
        assert_eq!(scene.states(&ids).await, ["succeeded"]);
    }
    scene.end();
}
