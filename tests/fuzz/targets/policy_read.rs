//! Any text as declarations, and as a profile that is imported: what an import makes can be read as declarations.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use transom::policy::catalogue::builtin;
use transom::policy::declaration::{read_json, read_text};
use transom::policy::import::import;
use transom_protocol::csp::catalogue::Catalogue;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| builtin::catalogue().expect("it is built in"));

fuzz_target!(|text: &str| {
    let _ = read_text("fuzz.yaml", text);
    let _ = read_text("fuzz.json", text);
    if let Ok(json) = serde_json::from_str(text) {
        let _ = read_json(&json);
    }
    let _ = import("fuzz", text, &CATALOGUE);
});
