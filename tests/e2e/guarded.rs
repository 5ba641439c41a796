//! Two people publish one set: who was slower is told, and nothing of the other is lost.

use std::path::Path;
use std::process::Output;

use super::on_both;
use crate::support::server::{Site, transom};

on_both!(a_set_is_published_only_behind_the_revision_that_was_seen);

fn apply(site: &Site, file: &Path, more: &[&str]) -> Output {
    let mut command = transom(&site.data());
    command.args(["policy", "apply"]).arg(file).args(["--message", "by hand"]).args(more);
    command.output().unwrap()
}

async fn a_set_is_published_only_behind_the_revision_that_was_seen(site: Site) {
    let server = site.serve();
    let file = site.data().join("baseline.yaml");
    let write = |length: u32| {
        let target = "./Device/Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength";
        let text =
            format!("type: configuration\nidentifier: baseline\npayload:\n  settings:\n    {target}: {length}\n");
        std::fs::write(&file, text).unwrap();
    };
    tokio::task::block_in_place(|| {
        write(8);
        let first = apply(&site, &file, &[]);
        assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
        write(10);
        assert!(apply(&site, &file, &["--after", "1"]).status.success());
        write(12);
        let late = apply(&site, &file, &["--after", "1"]);
        assert_eq!(late.status.code(), Some(1), "{}", String::from_utf8_lossy(&late.stdout));
    });
    let published = server.operator().get("/api/v1/policies/declarations/baseline").await.to_string();
    // With the name of the setting: a time of day may have such numbers too.
    let holds = |length: u32| published.contains(&format!("MinDevicePasswordLength\":{length}"));
    assert!(holds(10) && !holds(12), "{published}");
}
