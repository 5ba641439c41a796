//! What installs the program: the unit, the package and the program fit each other.

use std::fs;
use std::path::{Path, PathBuf};

use transom::config::Settings;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn unit(name: &str) -> String {
    fs::read_to_string(root().join("packaging").join(name)).unwrap()
}

/// What a unit says to a key.
fn said<'a>(unit: &'a str, key: &str) -> &'a str {
    let line = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("{key} is not in the unit"))
}

#[test]
fn who_stops_the_server_waits_longer_than_it_takes() {
    let grace = Settings::default().server.stop_grace.as_secs();
    let waits: u64 = said(&unit("transom.service"), "TimeoutStopSec").trim_end_matches('s').parse().unwrap();
    assert!(waits > grace, "{waits} s, and the server takes {grace} s");
}

#[test]
fn the_units_run_what_the_package_brings_where_it_is_made() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let deb = &manifest["package"]["metadata"]["deb"];
    let mut brought = Vec::new();
    for asset in deb["assets"].as_array().unwrap() {
        let (from, to) = (asset[0].as_str().unwrap(), asset[1].as_str().unwrap());
        let is_there = from.starts_with("target/") || root().join(from.trim_end_matches("**/*")).exists();
        assert!(is_there, "{from} is not there");
        let name = Path::new(from).file_name().unwrap().to_str().unwrap();
        brought.push(if to.ends_with('/') { format!("/{to}{name}") } else { format!("/{to}") });
    }
    for file in deb["conf-files"].as_array().unwrap() {
        assert!(brought.iter().any(|path| path == file.as_str().unwrap()), "{file}");
    }
    for name in ["transom.service", "transom-backup.service"] {
        let unit = unit(name);
        let program = said(&unit, "ExecStart").split(' ').next().unwrap();
        assert!(brought.iter().any(|path| path == program), "{name} runs {program}");
        assert_eq!(said(&unit, "User"), "transom");
        let data = said(&unit, "Environment").strip_prefix("TRANSOM_DATA=").unwrap();
        assert_eq!(said(&unit, "ConditionPathExists"), format!("{data}/transom.toml"));
        let made = format!("/var/lib/{}/", said(&unit, "StateDirectory").split(' ').next().unwrap());
        assert!(data.starts_with(&made), "{data} is not in {made}");
    }
    let script = fs::read_to_string(root().join("packaging/debian/postinst")).unwrap();
    assert!(script.contains("adduser --system --group") && script.contains("transom"));
}
