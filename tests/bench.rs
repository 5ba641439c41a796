//! What `transom bench pages` asks is answered, on both databases, and no question to the database looks through a table;
//! `transom bench policies` brings what is published to every device.
//!
//! How long it takes is nobody's business here.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use transom::http::PAGES;
use transom::http::api::route;
use transom::store::DatabaseUrl;

use crate::support::databases::{Engine, fresh};

/// Runs the program on an empty database, and gives what it found.
fn measured(engine: Engine) -> Option<Value> {
    let report = reported(engine, &["bench", "pages", "--devices", "300", "--times", "2", "--plans", "--json"])?;
    assert_eq!(report["scans"].as_array().map_or(0, Vec::len), 0, "{:#}", report["scans"]);
    Some(report)
}

fn reported(engine: Engine, arguments: &[&str]) -> Option<Value> {
    let (url, place) = fresh(engine)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_transom"));
    command.args(arguments);
    if let DatabaseUrl::Postgres(url) = &url {
        command.args(["--database", url]);
    }
    let ended = command.env("TRANSOM_LOG_LEVEL", "error").output().unwrap();
    drop(place);
    let said = String::from_utf8_lossy(&ended.stderr);
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert!(ended.status.success(), "{report:#}\n{said}");
    Some(report)
}

fn everything_is_asked_and_answered(engine: Engine) {
    let Some(report) = measured(engine) else { return };
    let questions = report["questions"].as_array().unwrap();
    for question in questions {
        assert!([200, 204].contains(&question["status"].as_u64().unwrap()), "{question}");
        assert_eq!(question["times"], 2, "{question}");
    }
    let is_asked = |path: &str| {
        questions.iter().any(|question| question["question"].as_str().unwrap().split(['?', ' ']).next() == Some(path))
    };
    // What leads elsewhere, is good once, does not end, or is a file that no device has sent.
    let apart = ["/events/stream", "/actions/{id}/archive", "/join/", "/sign-in/openid"];
    let of_api = route::all().filter(|route| route.method == "GET").map(|route| ("/api/v1", route.path));
    for (base, path) in of_api.chain(PAGES.iter().map(|path| ("", *path))) {
        let is_apart = apart.iter().any(|beginning| path.starts_with(beginning));
        assert_ne!(is_asked(&format!("{base}{path}")), is_apart, "{base}{path}");
    }
    assert!(report["statements"].as_u64().unwrap() > 60, "{}", report["statements"]);
}

fn policies_come_to_every_device(engine: Engine) {
    let small = ["--devices", "60", "--sessions", "20", "--declarations", "10", "--times", "1", "--json"];
    let Some(report) = reported(engine, &[["bench", "policies"].as_slice(), &small].concat()) else { return };
    let walks = report["walks"].as_array().unwrap();
    assert_eq!(walks.len(), 4, "{walks:#?}");
    assert!(walks.iter().all(|walk| walk["devices"] == 60), "{walks:#?}");
    let changed: Vec<u64> = walks.iter().map(|walk| walk["changed"].as_u64().unwrap()).collect();
    assert_eq!((changed[0], changed[2]), (60, 0), "{walks:#?}");
    assert!(changed[1] > 0 && changed[3] == 60, "{walks:#?}");
    let questions = report["questions"]["questions"].as_array().unwrap();
    let asked = questions.iter().filter(|question| question["question"].as_str().unwrap().contains("polic")).count();
    assert!(asked > 15, "{questions:#?}");
}

#[test]
fn policies_on_sqlite() {
    policies_come_to_every_device(Engine::Sqlite);
}

#[test]
fn policies_on_postgres() {
    policies_come_to_every_device(Engine::Postgres);
}

#[test]
fn sqlite() {
    everything_is_asked_and_answered(Engine::Sqlite);
}

#[test]
fn postgres() {
    everything_is_asked_and_answered(Engine::Postgres);
}

/// Both ways: what the source registers is in the table of pages, and what is in the table is registered.
#[test]
fn every_page_is_in_the_table() {
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let mut registered = Vec::new();
    for file in std::fs::read_dir(http.join("pages")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for resource in text.split("web::resource(").skip(1) {
            if resource.split("web::resource(").next().unwrap().contains("web::get()") {
                registered.push(resource.split('"').nth(1).unwrap().to_owned());
            }
        }
    }
    assert!(registered.len() > 10, "{registered:?}");
    let of_people = ["/account", "/join/", "/sign-in"];
    let is_of_people = |path: &&&str| of_people.iter().any(|beginning| path.starts_with(beginning));
    for path in &registered {
        assert!(PAGES.contains(&path.as_str()), "{path} is not in http::PAGES");
    }
    for path in PAGES.iter().filter(|path| !is_of_people(path)) {
        assert!(registered.iter().any(|known| known == path), "{path} is no page");
    }
    // Their paths stand in scopes, so they are counted.
    let people = std::fs::read_to_string(http.join("people/mod.rs")).unwrap();
    assert_eq!(people.matches("web::get()").count(), PAGES.iter().filter(is_of_people).count());
}
