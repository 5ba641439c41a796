//! What is watched is there: every metric that a dashboard or a rule names, and every metric is described.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{Door, Metrics};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/operations")
}

/// Everything counted once: a family without a member is not shown.
fn all_of_them() -> String {
    let metrics = Metrics::new();
    for door in [Door::Device, Door::Admin] {
        metrics.request_began(door);
        metrics.request(door, "management", 200, Duration::from_millis(3));
        metrics.request_ended(door);
        metrics.connection_opened(door);
        metrics.connection_closed(door);
        metrics.transferred(door, 1, 1);
        metrics.refused(door, "rate");
        metrics.certificate_ends(door, 1);
    }
    metrics.session("started");
    metrics.message("processed");
    metrics.command("queued");
    metrics.enrollment("discover", "answered");
    metrics.certificate_refused("expired");
    metrics.signature_refused("missing");
    metrics.envelope_refused("missing");
    metrics.push("accepted");
    metrics.push_wake("woke");
    metrics.push_token("issued");
    metrics.webhook("delivered");
    metrics.webhooks("active", 1);
    metrics.spans("sent", 1);
    metrics.standing().queue("queued", 1, 1);
    metrics.render()
}

/// The names of all samples.
fn samples(page: &str) -> BTreeSet<&str> {
    page.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .filter(|name| !name.is_empty())
        .collect()
}

/// The metrics of ours, and of the process, that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .filter(|word| word.starts_with("transom_") || word.starts_with("process_"))
        .collect()
}

#[test]
fn every_metric_that_a_dashboard_or_a_rule_names_exists() {
    let page = all_of_them();
    let known = samples(&page);
    for file in ["alerts.yml", "dashboard.json"] {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        let names = named(&text);
        assert!(names.len() > 15, "{file}: {names:?}");
        let missing: Vec<_> = names.difference(&known).collect();
        assert!(missing.is_empty(), "{file} names what there is not: {missing:?}");
    }
}

#[test]
fn the_page_on_metrics_shows_each_as_it_is() {
    let page = all_of_them();
    let word = |line: &str, place: usize| line.split(' ').nth(place).unwrap_or_default().to_owned();
    let kinds: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let mut rows: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP "))
        .map(|line| {
            let (name, help) = line.split_once(' ').unwrap();
            let kind = kinds.iter().find(|kind| word(kind, 2) == name).map(|kind| word(kind, 3)).unwrap();
            let end = if kind == "counter" { "_total" } else { "" };
            format!("| `{name}{end}` | {kind} | {} |\n", help.trim_end_matches('.'))
        })
        .collect();
    rows.sort();
    let path = folder().join("metrics.md");
    let written = fs::read_to_string(&path).unwrap();
    let (before, rest) = written.split_once("|---|---|---|\n").unwrap();
    let after: String = rest.split_inclusive('\n').skip_while(|line| line.starts_with('|')).collect();
    let expected = format!("{before}|---|---|---|\n{}{after}", rows.concat());
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert_eq!(written, expected, "run BLESS=1 cargo test --lib metrics::");
    }
}
