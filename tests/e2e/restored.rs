//! A backup that is made under load, a server that is lost, and another that goes on from the backup.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use transom::pki::device::DeviceKeyKind;

use super::crashes::{Load, drain, enroll, order};
use crate::support::databases::Engine;
use crate::support::enrolled;
use crate::support::operator::Operator;
use crate::support::server::{Site, transom};
use crate::support::windows::Windows;
use crate::support::wire::Wire;

const PASSPHRASE: &str = "a passphrase that nobody guesses";

#[test]
fn devices_go_on_with_what_a_backup_under_load_restored() {
    super::on(Engine::Sqlite, lost_and_restored);
}

#[test]
fn the_keys_of_an_instance_are_restored_beside_its_database() {
    super::on(Engine::Postgres, beside_its_database);
}

/// Runs the program to its end; what it said, as JSON, or its refusal.
async fn run(data: PathBuf, arguments: &[&str]) -> Result<Value, String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    let ended = tokio::task::spawn_blocking(move || {
        let mut command = transom(&data);
        command.env("TRANSOM_BACKUP_PASSPHRASE", PASSPHRASE).arg("--json").args(arguments).output().unwrap()
    });
    let ended = ended.await.unwrap();
    if ended.status.success() {
        return Ok(serde_json::from_slice(&ended.stdout).unwrap());
    }
    Err(String::from_utf8(ended.stderr).unwrap())
}

/// Something that must not run twice, something that may, and something that only looks.
fn commands() -> Value {
    let archive = "./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveDefinition";
    json!([
        { "kind": "exec", "items": [{ "target": archive, "format": "chr", "data": "once" }] },
        { "kind": "replace", "items": [
            { "target": "./Device/Vendor/MSFT/Policy/Config/Trial/First", "format": "chr", "data": "again" }] },
        { "kind": "get", "items": [{ "target": "./DevInfo/DevId" }] },
    ])
}

async fn states(operator: &Operator, ids: &[String]) -> Vec<String> {
    let mut states = Vec::new();
    for id in ids {
        states.push(operator.state(id).await);
    }
    states
}

async fn lost_and_restored(site: Site) {
    let site = site.without_rates();
    let wire = Wire::new().await;
    let windows = Arc::new(Windows::new(wire.addr, site.root()));
    let server = site.serve();
    wire.lead_to([server.device_addr]);
    let operator = server.operator();
    enrolled::let_enroll(&operator).await;
    let mut certified = enrolled::enroll(server.device_addr, &windows, "CERTIFIED", DeviceKeyKind::P256).await;
    let own = windows.usual().for_device(certified.identity()).unwrap();
    windows.session(&own, &mut certified).await;
    let mut devices = enroll(&windows, &operator, 7).await;
    let mut waits = devices.pop().unwrap();
    let waiting = operator.order_for(&waits.identity().device_id, &commands()).await;
    let names: Vec<String> = devices.iter().map(|device| device.identity().device_id.clone()).collect();
    order(&operator, &names, 0).await;
    let load = Load::start(&windows, devices);
    load.pass(names.len()).await;

    let file = site.data().with_file_name("backup");
    let out = file.to_str().unwrap();
    let made = run(site.data(), &["backup", "--encrypt", "--out", out]).await.unwrap();
    assert_eq!((&made["sealed"], &made["database"]["engine"]), (&json!(true), &json!("sqlite")), "{made}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(run(site.data(), &["backup", "--out", out]).await.unwrap_err().contains("exists already"));
    let leftovers = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
    let leftovers: Vec<_> = leftovers.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");

    // What happens afterwards is not in it.
    load.pass(names.len()).await;
    windows.session(&windows.usual(), &mut waits).await;
    assert_eq!(states(&operator, &waiting).await, ["succeeded", "succeeded", "succeeded"]);
    let mut devices = load.end().await;
    let seen = operator.get("/api/v1/events?limit=1").await["head"].as_i64().unwrap();
    server.kill();
    fs::remove_dir_all(site.data()).unwrap();

    let data = site.data().with_file_name("restored");
    refusals(&site, &file, &data).await;
    let restored = run(data.clone(), &["restore", out]).await.unwrap();
    assert_eq!(restored["database_restored"], true, "{restored}");
    assert!(restored["commands_doubted"].as_u64().unwrap() >= 1, "{restored}");
    assert!(run(data.clone(), &["restore", out]).await.unwrap_err().contains("not empty"));
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("transom.key"), mode("transom.db")), (0o700, 0o600, 0o600));

    let server = site.serve_copy("restored");
    wire.lead_to([server.device_addr]);
    let operator = server.operator();
    let doubted = operator.command(&waiting[0]).await;
    assert_eq!((&doubted["state"], &doubted["reason"]), (&json!("unknown"), &json!("restored")), "{doubted}");
    windows.session(&windows.usual(), &mut waits).await;
    assert_eq!(states(&operator, &waiting).await, ["unknown", "succeeded", "succeeded"]);
    drain(&windows, &windows.usual(), &operator, &mut devices).await;
    for device in devices.iter().chain([&waits]) {
        assert!(device.log().repeated_execs().is_empty(), "{:#?}", device.log().repeated_execs());
    }

    // Who has a certificate is known by it, and gets what is ordered now.
    let ids = operator.order_for("CERTIFIED", &commands()).await;
    windows.session(&own, &mut certified).await;
    assert_eq!(states(&operator, &ids).await, ["succeeded", "succeeded", "succeeded"]);

    // Whoever followed the events up to the end misses none that came since, and the log of what people did says why.
    let events = operator.get(&format!("/api/v1/events?after={seen}&type=command.unknown&limit=500")).await;
    assert!(!events["items"].as_array().unwrap().is_empty(), "{events:#}");
    let audit = operator.list("/api/v1/audit?action=server.restore").await;
    assert_eq!((audit.len(), &audit[0]["subject"]), (1, &made["made_at"]), "{audit:?}");
}

/// What is not whole, or not ours to open, leaves nothing behind.
async fn refusals(site: &Site, file: &Path, data: &Path) {
    let out = file.to_str().unwrap();
    run(site.data(), &["restore", "--check", out]).await.unwrap();
    let other = file.with_file_name("passphrase");
    fs::write(&other, "another passphrase").unwrap();
    let other = other.to_str().unwrap();
    let said = run(data.to_owned(), &["restore", out, "--passphrase-file", other]).await.unwrap_err();
    assert!(said.contains("the passphrase does not open it"), "{said}");
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let broken = file.with_file_name("broken");
    fs::write(&broken, &bytes).unwrap();
    run(data.to_owned(), &["restore", broken.to_str().unwrap()]).await.unwrap_err();
    fs::write(&broken, &bytes[..middle]).unwrap();
    run(data.to_owned(), &["restore", broken.to_str().unwrap()]).await.unwrap_err();
    assert!(!data.exists());
}

async fn beside_its_database(site: Site) {
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let devices = enroll(&windows, &operator, 1).await;
    let waiting = operator.order_for(&devices[0].identity().device_id, &commands()).await;
    let file = site.data().with_file_name("backup");
    let out = file.to_str().unwrap();
    let made = run(site.data(), &["backup", "--out", out]).await.unwrap();
    assert_eq!((&made["sealed"], &made["database"]["engine"]), (&json!(false), &json!("postgres")), "{made}");

    // One more instance on the database that is in use: nothing in it is touched.
    let place = |name: &str| site.data().with_file_name(name);
    let restored = run(place("second"), &["restore", out]).await.unwrap();
    assert_eq!(restored["database_restored"], false);
    let second = site.serve_copy("second");
    assert_eq!(states(&second.operator(), &waiting).await, ["queued", "queued", "queued"]);
    second.kill();
    server.kill();

    let restored = run(place("third"), &["restore", out, "--database-restored"]).await.unwrap();
    assert_eq!(restored["commands_doubted"], 1, "{restored}");
    let third = site.serve_copy("third");
    assert_eq!(states(&third.operator(), &waiting).await, ["unknown", "queued", "queued"]);
}
