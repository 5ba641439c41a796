//! What authors and devices write is text on every page: it never becomes markup, and moves nothing of what stands around
//! it (T36).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use transom::http::PAGES;
use transom::simulator::device::Behaviour;

use super::on_both;
use crate::support::server::{Site, until};
use crate::support::windows::Windows;

on_both!(what_anybody_writes_is_text_on_every_page);

const HOSTILE: &str = "\"><img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}";

/// Declarations that say it wherever a text may stand.
fn declarations() -> Vec<Value> {
    let config = "./Device/Vendor/MSFT/Policy/Config";
    let settings = BTreeMap::from([
        (format!("{config}/DeviceLock/MinDevicePasswordLength"), json!(12)),
        ("./Device/Vendor/MSFT/Defender/Configuration/TamperProtection".to_owned(), json!(HOSTILE)),
    ]);
    vec![
        json!({"type": "configuration", "identifier": "odd", "payload": {"settings": settings}}),
        json!({"type": "activation", "identifier": "everyone", "payload": {
            "configurations": ["odd"], "when": format!("os.build >= 1 || device.model == '{}'", HOSTILE.replace('"', "")),
        }}),
    ]
}

async fn what_anybody_writes_is_text_on_every_page(site: Site) {
    let server = site.serve();
    let operator = server.operator();
    let windows = Windows::new(server.device_addr, site.root());
    let (mut device, mut entry) = windows.device("ODD", Behaviour::default());
    entry["name"] = json!(HOSTILE);
    operator.import(&[entry]).await;
    let published = json!({"message": HOSTILE, "declarations": declarations()});
    let applied = operator.post("/api/v1/policies/apply", &published).await;
    assert_eq!(applied["revision"], 1, "{applied}");
    let done = async || (operator.get("/api/v1/policies/progress").await["done"] == true).then_some(());
    until("the device is looked at", done).await;
    windows.session(&windows.usual(), &mut device).await;

    let viewer = operator.viewer("ada", "admin").await;
    let mut paths: Vec<String> =
        PAGES.iter().filter(|path| !path.contains('{')).map(|path| (*path).to_owned()).collect();
    paths.extend(["/policies/odd", "/policies/everyone", "/devices/ODD"].map(ToOwned::to_owned));
    let query = "%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E";
    for (page, name) in [
        ("/alerts", "device"),
        ("/catalogue", "q"),
        ("/catalogue/setting", "uri"),
        ("/events", "type"),
        ("/events", "device"),
        ("/policies", "set"),
        ("/policies/odd", "set"),
        ("/policies/odd", "state"),
        ("/provisioning", "state"),
        ("/enrollment/tokens", "cursor"),
        ("/people", "cursor"),
    ] {
        paths.push(format!("{page}?{name}={query}"));
    }
    let (mut says_it, mut files) = (0, Vec::new());
    for path in paths {
        let (status, html) = viewer.see(&path).await;
        assert!(status < 500, "{path}: {html}");
        // Files are text to a browser, and what they hold is what was written.
        if !html.starts_with("<!DOCTYPE html>") {
            files.push(path);
            continue;
        }
        for part in ["<script>alert", "<img", "\u{202e}"] {
            assert!(!html.contains(part), "{path} has {part:?}: {html}");
        }
        says_it += usize::from(html.contains("alert(2)"));
    }
    files.retain(|file| !file.starts_with("/sign-in"));
    assert_eq!(files, ["/audit/export.csv", "/audit/export.jsonl"]);
    assert!(says_it >= 4, "the text is shown: {says_it}");
}
