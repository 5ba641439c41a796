//! The shape of the tree: who may use whom, how large a file may be, what stands at the top.
//!
//! The tables below are those of `docs/ARCHITECTURE.md`. Paths are found in the tokens of each file, so that a
//! `crate::store::…` in the middle of an expression or a macro counts as much as a `use` line, and one in a comment
//! does not.

mod scan;
mod tree;

use std::collections::BTreeMap;

use scan::Reference;
use tree::{root, source_files, text_files};

/// Whom each module of the package may use. `protocol` is the crate below `src/protocol`.
///
/// `config`, `limits` and `metrics` are leaves that rules and doors share; nothing below the rules knows of them.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("limits", &[]),
    ("metrics", &[]),
    ("model", &["protocol"]),
    ("config", &["model", "protocol"]),
    ("pki", &["model", "protocol"]),
    ("store", &["model", "protocol"]),
    ("acme", RULES),
    ("actions", RULES),
    ("enrollment", RULES),
    ("events", RULES),
    ("management", RULES),
    ("policy", RULES),
    ("push", RULES),
    ("inventory", RULES),
    ("provisioning", RULES),
    (
        "admin",
        &[
            "actions",
            "config",
            "enrollment",
            "events",
            "inventory",
            "limits",
            "management",
            "metrics",
            "model",
            "policy",
            "provisioning",
            "push",
            "store",
        ],
    ),
    ("http", DOORS_AND_PAGES),
    ("ui", DOORS),
    ("simulator", &["pki", "protocol"]),
    ("cli", EVERYTHING),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// What the capabilities stand on.
const RULES: &[&str] = &["config", "limits", "metrics", "model", "pki", "protocol", "store"];

/// What the doors stand on: never the store.
const DOORS: &[&str] = &[
    "actions",
    "admin",
    "config",
    "enrollment",
    "events",
    "inventory",
    "limits",
    "management",
    "metrics",
    "model",
    "pki",
    "policy",
    "protocol",
    "provisioning",
    "push",
];

/// What the doors themselves stand on: the pages as well.
const DOORS_AND_PAGES: &[&str] = &[
    "actions",
    "admin",
    "config",
    "enrollment",
    "events",
    "inventory",
    "limits",
    "management",
    "metrics",
    "model",
    "pki",
    "policy",
    "protocol",
    "provisioning",
    "push",
    "ui",
];

/// What the command line may use.
const EVERYTHING: &[&str] = &[
    "acme",
    "actions",
    "admin",
    "config",
    "enrollment",
    "events",
    "http",
    "inventory",
    "limits",
    "management",
    "metrics",
    "model",
    "pki",
    "policy",
    "protocol",
    "provisioning",
    "push",
    "simulator",
    "store",
    "ui",
];

/// The same inside the protocol crate.
const INSIDE_PROTOCOL: &[(&str, &[&str])] = &[
    ("xml", &[]),
    ("push", &[]),
    ("soap", &["xml"]),
    ("syncml", &["xml"]),
    ("csp", &["syncml", "xml"]),
    ("enrollment", &["csp", "soap", "xml"]),
    ("session", &["csp", "syncml", "xml"]),
    ("lib", &[]),
];

/// Crates that the protocol may depend on: codecs, text, hashes, errors, derives. Nothing that opens a socket, a file or a
/// clock.
const PROTOCOL_CRATES: &[&str] = &[
    "base64",
    "cms",
    "der",
    "encoding_rs",
    "hmac",
    "md-5",
    "percent-encoding",
    "quick-xml",
    "regex",
    "serde",
    "serde_json",
    "sha1",
    "sha2",
    "strsim",
    "subtle",
    "thiserror",
    "x509-cert",
    "zeroize",
];

/// What stands at the top of the tree.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".dockerignore",
    ".git",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "docker-compose.yml",
    "docs",
    "fixtures",
    "migrations",
    "packaging",
    "rustfmt.toml",
    "schema",
    "src",
    "tests",
];

/// What a build or a run leaves there, as `.gitignore` has it.
const LEFT_BEHIND: &[&str] = &["target", "transom-data"];

/// Longest file of source, in lines. A file that wants a table of contents is two files.
const LONGEST: usize = 500;

/// First line of a file that a program wrote: it may be longer.
const GENERATED: &str = "// @generated";

#[test]
fn modules_use_only_what_stands_below_them() {
    assert_none(&references(MAY_USE, false));
}

#[test]
fn the_protocol_keeps_its_own_floors() {
    assert_none(&references(INSIDE_PROTOCOL, true));
}

/// Every reference that a table does not allow.
fn references(table: &[(&str, &[&str])], inside_protocol: bool) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = table.iter().copied().collect();
    let files = source_files().into_iter().filter(|file| file.in_protocol == inside_protocol);
    let mut found = Vec::new();
    for file in files {
        let place = file.path.display();
        let Some(allowed) = table.get(file.module()) else {
            found.push(format!("{place}: {} stands on no floor of the table", file.module()));
            continue;
        };
        for Reference { line, to } in scan::references(&file.text, &file.module_path) {
            if to != file.module() && !allowed.contains(&to.as_str()) {
                found.push(format!("{place}:{line}: {} must not use {to}", file.module()));
            }
        }
    }
    found
}

#[test]
fn the_protocol_depends_on_codecs_and_hashes_only() {
    let manifest: toml::Table = read("src/protocol/Cargo.toml").parse().unwrap();
    let target_or_build = ["target", "build-dependencies"].iter().find(|key| manifest.contains_key(**key));
    assert_eq!(target_or_build, None, "the protocol builds the same everywhere");
    let listed = manifest["dependencies"].as_table().unwrap().keys();
    let strangers: Vec<_> = listed.filter(|name| !PROTOCOL_CRATES.contains(&name.as_str())).collect();
    assert!(strangers.is_empty(), "src/protocol/Cargo.toml lists {strangers:?}");
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let long = source_files().into_iter().filter(|file| !file.text.starts_with(GENERATED)).filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LONGEST).then(|| format!("{}: {lines} lines", file.path.display()))
    });
    assert_none(&long.collect::<Vec<_>>());
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent = source_files().into_iter().filter(|file| {
        let mut lines = file.text.lines().skip_while(|line| line.starts_with(GENERATED));
        !lines.next().unwrap_or_default().starts_with("//! ")
    });
    assert_none(&silent.map(|file| format!("{}: no //! on the first line", file.path.display())).collect::<Vec<_>>());
}

#[test]
fn nothing_is_unsafe() {
    let found = source_files().into_iter().flat_map(|file| {
        let lines = scan::lines_of(&file.text, "unsafe");
        lines.into_iter().map(move |line| format!("{}:{line}: unsafe", file.path.display()))
    });
    assert_none(&found.collect::<Vec<_>>());
}

#[test]
fn modules_are_named_after_what_they_hold() {
    let vague = ["common", "helper", "helpers", "manager", "misc", "util", "utils"];
    let found = source_files().into_iter().filter(|file| file.module_path.iter().any(|name| vague.contains(&&**name)));
    assert_none(&found.map(|file| file.path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn the_top_of_the_tree_is_fixed() {
    let entries = std::fs::read_dir(root()).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
    let strangers = entries.filter(|name| {
        let left = LEFT_BEHIND.contains(&&**name)
            || std::path::Path::new(name).extension().is_some_and(|end| end == "profraw");
        !TOP.contains(&&**name) && !left
    });
    assert_none(&strangers.collect::<Vec<_>>());
}

#[test]
fn the_papers_are_there() {
    let papers = [
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "README.md",
        "SECURITY.md",
        "docs/ARCHITECTURE.md",
        "docs/errors.md",
        "docs/operations.md",
        "docs/quickstart.md",
        "docs/security.md",
    ];
    let missing: Vec<_> = papers.into_iter().filter(|paper| !root().join(paper).is_file()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The project speaks of itself: no path of the machine that it was written on, and what lies beside the tree is for
/// tests only, which do without it.
#[test]
fn no_file_knows_whose_machine_it_was_written_on() {
    let folders = [["/ro", "ot/"], ["/ho", "me/"], ["/wo", "rk/"]].map(|halves| halves.concat());
    let beside = ["sha", "red/"].concat();
    let found = text_files().into_iter().flat_map(|(path, text)| {
        let in_tests = path.iter().any(|name| name == "tests" || name == "tests.rs");
        let bad =
            |line: &str| folders.iter().any(|folder| line.contains(folder)) || (!in_tests && line.contains(&beside));
        let lines = text.lines().enumerate().filter(|(_, line)| bad(line));
        lines.map(|(number, line)| format!("{}:{}: {line}", path.display(), number + 1)).collect::<Vec<_>>()
    });
    assert_none(&found.collect::<Vec<_>>());
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in text_files() {
        if path.extension().is_none_or(|suffix| suffix != "md") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = target.split('#').next().unwrap_or_default();
                let here = root().join(&path).parent().unwrap().join(file);
                if !target.contains("://") && !file.is_empty() && !here.exists() {
                    broken.push(format!("{}:{}: {target}", path.display(), number + 1));
                }
            }
        }
    }
    assert_none(&broken);
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}
