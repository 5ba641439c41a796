//! The tables in `schema/` are the tables of the code. `BLESS=1` writes them anew.

use std::path::Path;

use serde::Serialize;

use super::{StatusCode, alerts, errors, statuses};

#[derive(Serialize)]
struct StatusCodes {
    statuses: Vec<Status>,
    original_errors: Vec<OriginalError>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    name: &'static str,
    class: &'static str,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    remedy: &'static str,
}

#[derive(Serialize)]
struct OriginalError {
    code: &'static str,
    name: &'static str,
    meaning: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'static str>,
    remedy: &'static str,
}

#[derive(Serialize)]
struct AlertCodes {
    alerts: Vec<Alert>,
}

#[derive(Serialize)]
struct Alert {
    code: u16,
    name: &'static str,
    meaning: &'static str,
}

fn compare(file: &str, table: &impl Serialize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schema").join(file);
    let text = serde_json::to_string_pretty(table).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "schema/{file} differs from the code: run BLESS=1 cargo test -p transom-protocol");
}

#[test]
fn status_codes_and_original_errors() {
    let statuses = statuses::all().map(|row| Status {
        code: row.code,
        name: row.name,
        class: StatusCode(row.code).class().as_str(),
        meaning: row.meaning,
        cause: StatusCode(row.code).cause(),
        remedy: row.remedy,
    });
    let original_errors = errors::all().map(|error| OriginalError {
        code: error.code,
        name: error.name,
        meaning: error.meaning,
        cause: error.cause(),
        remedy: error.remedy,
    });
    let table = StatusCodes { statuses: statuses.collect(), original_errors: original_errors.collect() };
    compare("status-codes.json", &table);
}

#[test]
fn alert_codes() {
    let alerts = alerts::ALERTS.iter().map(|row| Alert { code: row.code, name: row.name, meaning: row.meaning });
    compare("alert-codes.json", &AlertCodes { alerts: alerts.collect() });
}
