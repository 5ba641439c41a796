//! What the documents name is there.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, as one text.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let names: Vec<&str> = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|word| word.matches('_').count() >= 3 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let sources = sources(&root().join("src")) + &sources(&root().join("tests"));
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "docs/security.md names {name}, and there is no such test");
    }
}

#[test]
fn every_proxy_configuration_is_described() {
    let page = fs::read_to_string(root().join("docs/proxies.md")).unwrap();
    for entry in fs::read_dir(root().join("docs/proxies")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        assert!(page.contains(&format!("(proxies/{name})")), "{name}");
    }
}

/// The rows of the table in docs/inventory.md, as the code has them.
fn facts() -> String {
    let row = |fact: &transom::model::fact::Definition| {
        let unit = fact.unit.map(|unit| format!(" ({unit})")).unwrap_or_default();
        let since = fact.since.map(|build| build.to_string()).unwrap_or_default();
        let (name, kind, title) = (fact.name, fact.kind.as_str(), fact.title);
        format!("| `{name}` | {kind}{unit} | {title} | `{}` | {} | {since} |", fact.node, fact.plan)
    };
    transom::model::fact::catalogue().iter().map(|fact| row(fact) + "\n").collect()
}

#[test]
fn the_page_on_inventory_shows_every_fact() {
    let path = root().join("docs/inventory.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("|---|---|---|---|---|---|\n").unwrap();
    let after: String = rest.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    let written = format!("{before}|---|---|---|---|---|---|\n{}{after}", facts());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &written).unwrap();
    } else {
        assert_eq!(page, written, "run BLESS=1 cargo test --test integration documents");
    }
}

#[test]
fn the_table_of_facts_is_as_in_the_code() {
    let path = root().join("schema/facts.json");
    let table = transom::admin::Admin::fact_definitions().items;
    let text = serde_json::to_string_pretty(&table).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        text,
        "run BLESS=1 cargo test --test integration documents"
    );
}
