//! The web interface in a real browser: the helpdesk's flows, looked at by axe-core. Screenshots are left in
//! `target/screenshots`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use transom::model::FactValue;
use transom::simulator::device::{Next, Trigger};

use crate::scenarios;
use crate::support::admin_door::AdminDoor;
use crate::support::databases::{Engine, TestStore};
use crate::support::server::until;

scenarios!(the_flows_of_the_helpdesk, what_failed_of_policies_is_seen);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/browser")
}

/// Whether there is a browser; says so where there is none.
pub(super) fn has_browser() -> bool {
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let has_all = folder().join("node_modules/playwright-core").is_dir() && Path::new(&chromium).is_file();
    let hint = "install Chromium, then npm ci --prefix tests/support/browser";
    let required = std::env::var("REQUIRE_BROWSER").as_deref() == Ok("1");
    assert!(has_all || !required, "REQUIRE_BROWSER=1, and there is no browser; {hint}");
    if !has_all {
        println!("skipped: there is no browser; {hint}");
    }
    has_all
}

/// A script in a browser that tells what it wants done and waits until it is.
pub(super) struct Flow {
    pub(super) browser: Child,
    pub(super) answer: ChildStdin,
    pub(super) said: UnboundedReceiver<String>,
}

impl Flow {
    /// Of somebody named `ada`, with screenshots in a folder for each engine.
    pub(super) fn begin(script: &str, shots: &str, door: &AdminDoor, test: &TestStore) -> Self {
        let engine = match test.engine {
            Engine::Sqlite => "sqlite",
            Engine::Postgres => "postgres",
        };
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/screenshots").join(format!("{shots}{engine}"));
        let mut browser = Command::new("node")
            .arg(folder().join(script))
            .args([door.base.as_str(), "ada", super::people::PASSWORD])
            .arg(kept)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answer = browser.stdin.take().unwrap();
        let lines = BufReader::new(browser.stdout.take().unwrap()).lines();
        let (tell, said) = mpsc::unbounded_channel();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { browser, answer, said }
    }
}

async fn the_flows_of_the_helpdesk(test: &TestStore) {
    if !has_browser() {
        return;
    }
    let door = AdminDoor::open(&test.store).await;
    super::people::operator(&door, "ada", "admin").await;
    let mut device = door.enroll_named("D1", "LAPTOP-ADA").await;
    let hostile = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}";
    let serial = [("device.serial", FactValue::Text("PF2ABCDE".into())), ("os.build", FactValue::Integer(26_100))];
    door.knows("D1", &serial).await;
    let key =
        json!({"kind": "bitlocker", "name": "C:", "secret": "111111-222222-333333-444444-555555-666666-777777-888888"});
    assert_eq!(door.post("/devices/D1/recovery-keys", &key).await.status, 201);
    door.enroll_named("D2", &format!("LAPTOP-ADA{hostile}")).await;
    let commands = json!([
        {"kind": "get", "items": [{"target": "./DevDetail/SwV"}]},
        {"kind": "replace", "items": [{"target": "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "format": "int", "data": "0"}]},
        {"kind": "replace", "items": [{"target": "./Vendor/Contoso/Text", "format": "chr", "data": hostile.repeat(50)}]},
        {"kind": "get", "items": [{"target": "./Vendor/MSFT/Nope"}]},
    ]);
    door.post("/commands", &json!({"device_id": "D1", "commands": commands})).await;
    door.check_in(&mut device).await;

    let Flow { mut browser, mut answer, mut said } = Flow::begin("flow.mjs", "", &door, test);
    let mut next = Next::Send(device.start_session(Trigger::Schedule));
    let mut last = String::new();
    while let Some(line) = said.recv().await {
        match line.as_str() {
            // As far as the first message with a command in the reply.
            "please begin a session" => {
                for _ in 0..2 {
                    if let Next::Send(message) = &next {
                        next = door.say(&mut device, message).await;
                    }
                }
                answer.write_all(b"done\n").unwrap();
            }
            "please go on" => {
                while let Next::Send(message) = &next {
                    next = door.say(&mut device, message).await;
                }
                answer.write_all(b"done\n").unwrap();
            }
            _ => last = line,
        }
    }
    assert!(browser.wait().unwrap().success(), "the flow ended after: {last}");
    assert_eq!(last, "done");
    door.close().await;
}

async fn what_failed_of_policies_is_seen(test: &TestStore) {
    const CONFIG: &str = "./Device/Vendor/MSFT/Policy/Config";
    if !has_browser() {
        return;
    }
    let door = AdminDoor::open_with_policies(&test.store).await;
    super::people::operator(&door, "ada", "admin").await;
    let mut device = door.enroll_named("8D1F6A0C4B7E4E0BA6C2F3D5E7A91B20", "DESKTOP-ACCOUNTING-07").await;
    door.check_in(&mut device).await;
    let long = format!(
        "<WLANProfile xmlns=\"http://www.microsoft.com/networking/WLAN/profile/v1\"><name>{}</name></WLANProfile>",
        "x".repeat(3000)
    );
    let refused = "./Device/Vendor/MSFT/Defender/Configuration/TamperProtection";
    let settings = json!({(refused): "x", (format!("{CONFIG}/Camera/AllowCamera")): 0,
        (format!("{CONFIG}/UserRights/BackupFilesAndDirectories")): "",
        "./Device/Vendor/MSFT/WiFi/Profile/office/WlanXml": long});
    let declarations = json!([
        {"type": "configuration", "identifier": "baseline-of-all-computers", "payload": {"settings": settings}},
        {"type": "configuration", "identifier": "protection", "payload": {"settings": {(refused): "x"}}},
        {"type": "activation", "identifier": "all",
            "payload": {"configurations": ["baseline-of-all-computers", "protection"]}},
    ]);
    let applied = door.post("/policies/apply", &json!({"message": "x", "declarations": declarations})).await;
    assert_eq!(applied.json()["revision"], 1);
    let done = async || (door.get("/policies/progress").await.json()["done"] == true).then_some(());
    until("all devices are looked at", done).await;
    door.check_in(&mut device).await;
    let Flow { mut browser, mut said, .. } = Flow::begin("policies.mjs", "policies-", &door, test);
    let mut last = String::new();
    while let Some(line) = said.recv().await {
        last = line;
    }
    assert!(browser.wait().unwrap().success(), "the flow ended after: {last}");
    assert_eq!(last, "done");
    door.close().await;
}
