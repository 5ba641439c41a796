//! `transom simulate --push`: the program plays WNS to a server, and its devices come when they are pushed.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Child, Stdio};

use serde_json::{Value, json};
use transom::model::Timestamp;
use transom::pki::{CertificateAuthority, ServerNames};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, transom, until};
use crate::support::windows::Windows;

on_both!(simulated_devices_come_when_they_are_pushed);

const DEVICES: usize = 3;

/// The program, which is gone when the test is.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn simulated_devices_come_when_they_are_pushed(site: Site) {
    // The server reads the root before the program that plays WNS is there: so the folder is filled here.
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    let authority = CertificateAuthority::create("Simulated WNS", now).unwrap();
    let names = ServerNames { dns: vec!["localhost".into()], addresses: Vec::new() };
    let identity = authority.issue_server(&names, now).unwrap();
    std::fs::write(file("root.pem"), authority.certificate_pem().unwrap()).unwrap();
    std::fs::write(file("wns.pem"), identity.chain_pem().unwrap()).unwrap();
    transom::pki::write_secret(&file("wns.key"), &identity.key_pem().unwrap()).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let place = format!("localhost:{port}");
    let site = site
        .without_rates()
        .with("PUSH_PFN", "Example.Simulated_8wekyb3d8bbwe")
        .with("PUSH_CLIENT_ID", "simulated")
        .with("PUSH_CLIENT_SECRET", "simulated")
        .with("PUSH_TOKEN_URL", &format!("https://{place}/token"))
        .with("PUSH_TEST_HOSTS", &place)
        .with("PUSH_ROOTS", file("root.pem").to_str().unwrap());
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut entries, mut devices) = (Vec::new(), Vec::new());
    for number in 0..DEVICES {
        let (_, entry) = windows.device(&format!("PC-{number}"), Behaviour::default());
        devices.push(json!({
            "device_id": entry["device_id"], "name": entry["user"], "password": entry["secret"],
        }));
        entries.push(entry);
    }
    operator.import(&entries).await;
    std::fs::write(file("ca.pem"), site.root()).unwrap();
    let identities = json!({ "url": windows.url(), "ca": "ca.pem", "devices": devices });
    std::fs::write(file("devices.json"), identities.to_string()).unwrap();

    let mut simulate = transom(&site.data());
    simulate.args(["--json", "simulate", "--identities", file("devices.json").to_str().unwrap()]);
    simulate.args(["--push", &place, "--push-folder", folder.path().to_str().unwrap(), "--pushed-sessions", "3"]);
    let mut simulate = Running(simulate.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    until("all devices have channels", async || {
        (operator.get("/api/v1/push").await["channels"]["live"] == json!(DEVICES)).then_some(())
    })
    .await;
    let names: Vec<String> = (0..DEVICES).map(|number| format!("PC-{number}")).collect();
    let command = json!({"kind": "get", "items": [{ "target": "./DevDetail/SwV" }]});
    operator.order(&json!({ "devices": names, "command": command })).await;
    let status = until("the program ends", async || simulate.0.try_wait().unwrap()).await;
    let text = |mut pipe: Box<dyn Read>| {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    };
    let (out, err) = (simulate.0.stdout.take().unwrap(), simulate.0.stderr.take().unwrap());
    assert_eq!(status.code(), Some(0), "{}", text(Box::new(err)));
    let report: Value = serde_json::from_str(&text(Box::new(out))).unwrap();
    assert_eq!(report["sessions"], 2 * DEVICES, "{report:#}");
    assert_eq!(
        (&report["push"]["pushes"], &report["push"]["sessions"]),
        (&json!(DEVICES), &json!(DEVICES)),
        "{report:#}"
    );
    assert_eq!(report["push"]["problems"], json!([]), "{report:#}");
    assert_eq!(operator.list("/api/v1/commands?state=succeeded").await.len(), DEVICES);
    // Whether a push counts as what woke the device is not looked at: so near to it a session may begin before the server has
    // written down that its push was taken.
}
