//! The tables in `schema/` are the tables of the code. `BLESS=1` writes them anew.

use std::path::Path;

use serde::Serialize;

use super::{Explained, StatusCode, alerts, errors, statuses};

#[derive(Serialize)]
struct StatusCodes {
    statuses: Vec<Status>,
    original_errors: Vec<&'static Explained>,
}

#[derive(Serialize)]
struct Status {
    code: u16,
    name: &'static str,
    class: &'static str,
    meaning: &'static str,
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
        remedy: row.remedy,
    });
    let table = StatusCodes { statuses: statuses.collect(), original_errors: errors::all().collect() };
    compare("status-codes.json", &table);
}

#[test]
fn alert_codes() {
    let alerts = alerts::ALERTS.iter().map(|row| Alert { code: row.code, name: row.name, meaning: row.meaning });
    compare("alert-codes.json", &AlertCodes { alerts: alerts.collect() });
}
