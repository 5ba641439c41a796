//! Whether a device has what a policy wants of it, by its own word.

use serde_json::{Value, json};
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, transom};
use crate::support::windows::Windows;

on_both!(a_device_says_what_it_has_and_what_is_otherwise_is_told);

const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";
const LENGTH: &str = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
const COPIES: &str = "./Device/Vendor/MSFT/Policy/Config/Privacy/AllowCrossDeviceClipboard";

async fn a_device_says_what_it_has_and_what_is_otherwise_is_told(site: Site) {
    let site = site.without_rates();
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, entry) = windows.device("PC-1", Behaviour::default());
    operator.import(&[entry]).await;
    let client = windows.usual();
    let set = |target: &str, data: &str| json!({ "kind": "replace", "items": [{ "target": target, "format": "int", "data": data }] });
    operator.order_for("PC-1", &json!([set(CAMERA, "0"), set(LENGTH, "12")])).await;
    windows.session(&client, &mut device).await;

    let policy = site.data().join("policy.yaml");
    let activation = "type: activation\nidentifier: all\npayload: {configurations: [a]}\n";
    let settings = format!("{{{CAMERA}: 0, {LENGTH}: '0x0C'}}");
    let written = |settings: &str| {
        let configuration = format!("type: configuration\nidentifier: a\npayload:\n  settings: {settings}\n");
        std::fs::write(&policy, format!("{configuration}---\n{activation}")).unwrap();
    };
    let mut verified = async || {
        let mut command = transom(&site.data());
        command.args(["--json", "policy", "verify", "--device", "PC-1", "--timeout", "60s"]).arg(&policy);
        let mut asked = tokio::task::spawn_blocking(move || command.output().unwrap());
        loop {
            tokio::select! {
                output = &mut asked => break output.unwrap(),
                _ = windows.session(&client, &mut device) => {}
            }
        }
    };
    let states = |output: &std::process::Output| -> Vec<(String, String, Value)> {
        let said: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let row = |row: &Value| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("target"), text("state"), row["observed"].clone())
        };
        said["settings"].as_array().unwrap().iter().map(row).collect()
    };

    // A number may be written otherwise than the device says it.
    written(&settings);
    let output = verified().await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        states(&output),
        [(CAMERA.to_owned(), "same".to_owned(), json!("0")), (LENGTH.to_owned(), "same".to_owned(), json!("12"))]
    );

    // Somebody changes one on the device, and one was never set.
    operator.order_for("PC-1", &json!([set(CAMERA, "1")])).await;
    written(&format!("{{{CAMERA}: 0, {LENGTH}: 12, {COPIES}: 0}}"));
    let output = verified().await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        states(&output),
        [
            (CAMERA.to_owned(), "drifted".to_owned(), json!("1")),
            (LENGTH.to_owned(), "same".to_owned(), json!("12")),
            (COPIES.to_owned(), "drifted".to_owned(), Value::Null)
        ]
    );
    windows.judge_the_end();
}
