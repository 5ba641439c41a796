//! What a device is to have before a person begins to work with it: told by the server, followed by both, and said when
//! it is stuck. The part of a user goes out in a session of that user and in no other.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind;
use transom::protocol::session::SyncType;
use transom::simulator::device::{Behaviour, Device};

use super::on_both;
use crate::support::enrolled;
use crate::support::operator::Operator;
use crate::support::server::{Server, Site};
use crate::support::windows::Windows;

on_both!(
    the_server_waits_for_what_it_promised,
    what_is_stuck_is_said_and_can_be_ended,
    each_user_is_told_in_a_session_of_that_user,
    a_plan_is_set_while_the_device_can_take_it,
);

const ID: &str = "THE-NEW-PC";
const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
const CORTANA: &str = "./User/Vendor/MSFT/Policy/Config/Experience/AllowWindowsSpotlight";
const PRODUCT: &str =
    "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D";
const PAGE: &str = "./Device/Vendor/MSFT/DMClient/Provider/Transom/FirstSyncStatus";
const USER_PAGE: &str = "./User/Vendor/MSFT/DMClient/Provider/Transom/FirstSyncStatus";

struct Desk {
    site: Site,
    server: Server,
    operator: Operator,
    windows: Windows,
}

impl Desk {
    /// A server that expects these things of devices that enroll.
    async fn new(site: Site, settings: &[(&str, &str)]) -> Self {
        let site = site.without_rates().with("PROVISIONING_TRACK", "true").with("PROVISIONING_CHECK_EVERY", "0s");
        let site = settings.iter().fold(site, |site, (name, value)| site.with(&format!("PROVISIONING_{name}"), value));
        let server = site.serve();
        let operator = server.operator();
        let windows = Windows::new(server.device_addr, site.root());
        enrolled::let_enroll(&operator).await;
        Self { site, server, operator, windows }
    }

    async fn enroll(&self) -> Device {
        enrolled::enroll(self.server.device_addr, &self.windows, ID, DeviceKeyKind::P256).await
    }

    async fn session(&self, device: &mut Device) {
        let client = self.windows.usual().for_device(device.identity()).unwrap();
        self.windows.session(&client, device).await;
        assert!(device.complaints().is_empty(), "{:?}", device.complaints());
    }

    async fn provisioning(&self) -> Value {
        self.operator.get(&format!("/api/v1/devices/{ID}/provisioning")).await
    }

    /// The state of the part of the device, or of a user.
    async fn state(&self, user: Option<&str>) -> String {
        let told = self.provisioning().await;
        let parts = told["parts"].as_array().unwrap();
        let part = parts.iter().find(|part| part["user"].as_str() == user);
        part.map_or("none", |part| part["state"].as_str().unwrap()).to_owned()
    }

    async fn events(&self) -> BTreeSet<String> {
        let events = self.operator.list(&format!("/api/v1/devices/{ID}/events")).await;
        events.iter().map(|event| event["code"].as_str().unwrap().to_owned()).collect()
    }

    async fn install(&self, host: &str) {
        let target = format!("{PRODUCT}/DownloadInstall");
        let url = format!("https://{host}/app.msi");
        let job = format!(
            "<MsiInstallJob id=\"x\"><Product Version=\"1.0\"><Download><ContentURLList><ContentURL>{url}</ContentURL>\
             </ContentURLList></Download></Product></MsiInstallJob>"
        );
        let commands = json!([
            { "kind": "add", "items": [{ "target": target }] },
            { "kind": "exec", "items": [{ "target": target, "format": "xml", "data": job }] },
        ]);
        self.operator.order_for(ID, &commands).await;
    }

    async fn set(&self, target: &str) {
        let command = json!({ "kind": "replace", "items": [{ "target": target, "format": "int", "data": "0" }] });
        self.operator.order_for(ID, &json!([command])).await;
    }

    fn end(self) {
        self.windows.judge_the_end();
        assert!(!self.site.log().contains("ERROR"), "{}", self.site.log());
    }
}

fn value(device: &Device, node: &str) -> Option<String> {
    device.tree().value(node)
}

async fn the_server_waits_for_what_it_promised(site: Site) {
    let (policies, msi) = (format!("{CAMERA} "), format!("{PRODUCT}/Status;2"));
    let settings = [("POLICIES", policies.as_str()), ("MSI", &msi), ("TIMEOUT", "30m"), ("ON_FAILURE", "retry")];
    let desk = Desk::new(site, &settings).await;
    let mut device = desk.enroll().await;
    device.behave(Behaviour { install_sessions: 2, ..Behaviour::default() });
    desk.session(&mut device).await;
    let page = |device: &Device, name: &str| value(device, &format!("{PAGE}/{name}")).unwrap_or_default();
    assert_eq!(page(&device, "ExpectedPolicies"), CAMERA);
    assert_eq!(page(&device, "ExpectedMSIAppPackages"), msi);
    assert_eq!(
        (page(&device, "SkipDeviceStatusPage"), page(&device, "TimeOutUntilSyncFailure")),
        ("false".into(), "30".into())
    );
    assert_eq!(page(&device, "BlockInStatusPage"), "2");
    assert_eq!(page(&device, "ServerHasFinishedProvisioning"), "false");
    let told = desk.provisioning().await;
    let stuck: Vec<&str> =
        told["stuck"].as_array().unwrap().iter().map(|stuck| stuck["what"].as_str().unwrap()).collect();
    assert_eq!(stuck, [CAMERA, &format!("{PRODUCT}/Status")], "{told:#}");
    assert!(told["stuck"][1]["remedy"].as_str().unwrap().contains("install-msi"), "{told:#}");

    // One of two is not enough, however often it comes.
    desk.set(CAMERA).await;
    for _ in 0..3 {
        desk.session(&mut device).await;
        assert_eq!(
            (desk.state(None).await.as_str(), page(&device, "ServerHasFinishedProvisioning")),
            ("waiting", "false".into())
        );
    }
    desk.install("files.contoso.test").await;
    let mut sessions = 0;
    while desk.state(None).await != "done" {
        let was_told = page(&device, "ServerHasFinishedProvisioning") == "true";
        let status = value(&device, &format!("{PRODUCT}/Status"));
        assert!(!was_told || status.is_some(), "it was told before the installation had reached it");
        desk.session(&mut device).await;
        sessions += 1;
        assert!(sessions < 10, "{:#}", desk.provisioning().await);
    }
    assert_eq!(
        (page(&device, "IsSyncDone"), page(&device, "WasDeviceSuccessfullyProvisioned")),
        ("true".into(), "1".into())
    );
    let told = desk.provisioning().await;
    assert_eq!((&told["stuck"], &told["parts"][0]["locked"]), (&json!([]), &json!(true)), "{told:#}");
    let codes = desk.events().await;
    for code in ["began", "waits", "arrived", "told", "done"] {
        assert!(codes.contains(&format!("provisioning_{code}")), "{codes:?}");
    }
    desk.end();
}

async fn what_is_stuck_is_said_and_can_be_ended(site: Site) {
    let msi = format!("{PRODUCT}/Status");
    let desk = Desk::new(site, &[("MSI", &msi)]).await;
    let mut device = desk.enroll().await;
    desk.session(&mut device).await;
    // Its file exists nowhere.
    desk.install("files.invalid").await;
    for _ in 0..5 {
        desk.session(&mut device).await;
    }
    let told = desk.provisioning().await;
    assert_eq!(told["parts"][0]["state"], "failed", "{told:#}");
    assert_eq!(told["parts"][0]["provisioned"], "failed", "{told:#}");
    let stuck = &told["stuck"][0];
    assert!(stuck["why"].as_str().unwrap().contains("60") && stuck["remedy"].as_str().unwrap().contains("LastError"));
    assert!(desk.events().await.contains("provisioning_failed"));

    let end = format!("/api/v1/devices/{ID}/provisioning/end");
    let (status, refusal) =
        desk.operator.refused(&end, &json!({ "succeeded": true, "user": "nobody@contoso.test" })).await;
    assert_eq!(status, 404, "{refusal}");
    desk.operator.post(&end, &json!({ "succeeded": true })).await;
    for _ in 0..2 {
        desk.session(&mut device).await;
    }
    assert_eq!(desk.state(None).await, "done");
    assert_eq!(value(&device, &format!("{PAGE}/WasDeviceSuccessfullyProvisioned")).as_deref(), Some("1"));
    let (status, _) = desk.operator.refused(&end, &json!({ "succeeded": false })).await;
    assert_eq!(status, 409);
    let audit = desk.operator.list("/api/v1/audit").await;
    assert!(audit.iter().any(|entry| entry["action"] == "device.provisioning_end"), "{audit:#?}");
    desk.end();
}

async fn each_user_is_told_in_a_session_of_that_user(site: Site) {
    let both = format!("{CAMERA} {CORTANA}");
    let desk = Desk::new(site, &[("POLICIES", &both), ("SHOW_USER_PAGE", "true")]).await;
    let device = desk.enroll().await;
    let part = |number: u32, user: Option<&str>| {
        let sync_type = Some(if user.is_some() { SyncType::User } else { SyncType::Device });
        let mut part = device.clone().beginning_with_session(number);
        part.behave(Behaviour { sync_type, user: user.map(str::to_owned), ..Behaviour::default() });
        part
    };
    let (mut pc, mut bob, mut carol) =
        (part(1, None), part(1000, Some("bob@contoso.test")), part(2000, Some("carol@contoso.test")));
    desk.set(CAMERA).await;
    for _ in 0..4 {
        desk.session(&mut pc).await;
    }
    assert_eq!(desk.state(None).await, "done");
    assert_eq!(desk.state(Some("bob@contoso.test")).await, "none", "nobody came yet");

    // The simulator complains of whatever is out of scope.
    desk.session(&mut bob).await;
    desk.session(&mut bob).await;
    assert_eq!(desk.state(Some("bob@contoso.test")).await, "waiting");
    assert_eq!(value(&bob, &format!("{USER_PAGE}/ExpectedPolicies")).as_deref(), Some(CORTANA));
    assert_eq!(value(&pc, &format!("{USER_PAGE}/ExpectedPolicies")), None);
    desk.session(&mut pc).await;
    desk.session(&mut carol).await;
    let order = json!({ "device_id": ID, "user": "bob@contoso.test", "commands": [
        { "kind": "replace", "items": [{ "target": CORTANA, "format": "int", "data": "0" }] }] });
    desk.operator.order(&order).await;
    for _ in 0..4 {
        desk.session(&mut carol).await;
        desk.session(&mut bob).await;
    }
    let told = desk.provisioning().await;
    assert_eq!(desk.state(Some("bob@contoso.test")).await, "done", "{told:#}");
    assert_eq!(value(&bob, &format!("{USER_PAGE}/ServerHasFinishedProvisioning")).as_deref(), Some("true"));
    assert_eq!(desk.state(Some("carol@contoso.test")).await, "waiting");
    assert_eq!(value(&carol, &format!("{USER_PAGE}/ServerHasFinishedProvisioning")).as_deref(), Some("false"));
    assert!(told["stuck"].as_array().unwrap().iter().all(|stuck| stuck["user"] == "carol@contoso.test"), "{told:#}");
    desk.end();
}

async fn a_plan_is_set_while_the_device_can_take_it(site: Site) {
    let desk = Desk::new(site, &[]).await;
    let path = format!("/api/v1/devices/{ID}/provisioning");
    let mut device = desk.enroll().await;
    let wrong = json!({ "plan": { "policies": [], "timeout_minutes": 0 } });
    let (status, refusal) = desk.operator.refused(&path, &wrong).await;
    assert!(status == 422 && refusal.to_string().contains("/plan/timeout_minutes"), "{refusal}");
    let plan = json!({ "plan": { "policies": [CAMERA], "win32": ["Agent/App"] } });
    let told = desk.operator.post(&path, &plan).await;
    assert_eq!(told["parts"][0]["items"].as_array().unwrap().len(), 2, "{told:#}");
    desk.session(&mut device).await;
    let agent = "./Device/Vendor/MSFT/EnrollmentStatusTracking/Setup/Apps";
    let created = format!("{agent}/PolicyProviders/Agent/TrackingPoliciesCreated");
    assert_eq!(value(&device, &created).as_deref(), Some("true"));
    let told = desk.provisioning().await;
    assert!(told["stuck"].to_string().contains("agent Agent"), "{told:#}");

    // Another plan, of which all is there.
    desk.set(CAMERA).await;
    desk.session(&mut device).await;
    desk.operator.post(&path, &json!({ "plan": { "policies": [CAMERA] } })).await;
    for _ in 0..3 {
        desk.session(&mut device).await;
    }
    assert_eq!(desk.state(None).await, "done", "{:#}", desk.provisioning().await);
    let (status, refusal) = desk.operator.refused(&path, &plan).await;
    assert_eq!(status, 409, "{refusal}");
    desk.end();
}
