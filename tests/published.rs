//! Microsoft's own files, where they lie beside the repository (`$TRANSOM_SHARED`, or a folder `shared`). They are not
//! ours, so without them these tests say so and pass.

use std::path::{Path, PathBuf};

use transom::policy::catalogue::archive::descriptions;
use transom::policy::catalogue::builtin;
use transom::policy::import::import;
use transom::protocol::csp::LocUri;
use transom::protocol::csp::catalogue::{Catalogue, Change, Found, Level, Proposed, Rule, Source, diff};
use transom::protocol::csp::ddf::Dialect;
use transom::protocol::syncml::{Format, Verb};

fn published(file: &str) -> Option<Vec<u8>> {
    let shared = std::env::var_os("TRANSOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = shared.join("csp").join(file);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(std::fs::read(path).unwrap())
}

fn drop(file: &str) -> Option<Source> {
    let read = descriptions(file, &published(file)?).unwrap();
    assert_eq!(read.skipped, [], "every file is read");
    Some(read.source)
}

#[test]
fn the_newest_drop_is_read_whole() {
    let Some(source) = drop("DDFv2Feb2026.zip") else { return };
    assert_eq!((source.files.len(), source.trees().count(), source.nodes()), (313, 400, 5_955));
    assert!(source.files.iter().all(|file| file.dialect == Dialect::V2));
    let built = Catalogue::build(&[source]);
    assert_eq!((built.twice.len(), built.catalogue.len()), (0, 5_955));
}

#[test]
fn every_node_is_found_by_its_address_in_any_letters() {
    let Some(source) = drop("DDFv2Feb2026.zip") else { return };
    let catalogue = Catalogue::build(&[source]).catalogue;
    let mut found = 0;
    for node in catalogue.ids() {
        let uri = catalogue.uri(node);
        if uri.contains("{AreaName}") {
            continue;
        }
        let written = uri.replace(['{', '}', ' '], "").to_uppercase();
        let written: LocUri = written.parse().unwrap();
        let Found::Known(hit) = catalogue.find(&written) else { panic!("{written} is not found") };
        assert_eq!(hit.node, node, "{written}");
        found += 1;
    }
    assert_eq!(found, 5_955 - 8, "all but the frames that stand for templates");
}

#[test]
fn the_old_files_are_read_too_and_what_changed_is_told() {
    let (Some(newer), Some(older)) = (drop("DDFv2Feb2026.zip"), drop("ddf-v1-20H2.zip")) else { return };
    assert_eq!((older.files.len(), older.nodes()), (67, 4_821));
    assert!(older.files.iter().all(|file| file.dialect == Dialect::V1));
    let differences = diff(&Catalogue::build(&[older]).catalogue, &Catalogue::build(&[newer]).catalogue);
    let has = |uri: &str, change: fn(&Change) -> bool| {
        differences.iter().any(|difference| difference.uri == uri && change(&difference.change))
    };
    assert!(has("./Device/Vendor/MSFT/LAPS", |change| *change == Change::Added));
    assert!(has("./Vendor/MSFT/Update", |change| *change == Change::Removed));
}

#[test]
fn what_is_built_in_is_what_the_files_say() {
    let Some(source) = drop("DDFv2Feb2026.zip") else { return };
    let facts = builtin::facts().unwrap();
    let built_in = Catalogue::build(&facts.sources[..1]).catalogue;
    assert_eq!(diff(&built_in, &Catalogue::build(&[source]).catalogue), []);
}

/// Commands of a sample, which may stand one after the other without anything around them: verb, address, format, value,
/// whether in an Atomic.
type Command = (Verb, String, Option<Format>, Option<String>, bool);

fn commands(text: &str) -> Option<Vec<Command>> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.split_once("?>") {
        Some((start, rest)) if start.starts_with("<?xml") => rest,
        _ => text,
    };
    let text = format!("<all>{text}</all>");
    let document = roxmltree::Document::parse(&text).ok()?;
    let mut commands = Vec::new();
    for item in document.descendants().filter(|node| node.tag_name().name() == "Item") {
        let Some(command) = item.parent_element() else { continue };
        let verb = match command.tag_name().name() {
            "Add" => Verb::Add,
            "Replace" => Verb::Replace,
            "Delete" => Verb::Delete,
            "Get" => Verb::Get,
            "Exec" => Verb::Exec,
            _ => continue,
        };
        let below = |node: roxmltree::Node<'_, '_>, name: &str| {
            node.descendants()
                .find(|below| below.tag_name().name() == name)
                .map(|below| below.children().map(|part| text_of(&document, part)).collect::<String>())
        };
        let uri = item
            .children()
            .find(|child| child.tag_name().name() == "Target")
            .and_then(|target| below(target, "LocURI"));
        let format = below(item, "Format").map(|format| Format::from(format.as_str()));
        let in_atomic = command.ancestors().any(|node| node.tag_name().name() == "Atomic");
        commands.push((verb, uri.unwrap_or_default().trim().to_owned(), format, below(item, "Data"), in_atomic));
    }
    Some(commands)
}

/// What stands in a node, elements as they are written.
fn text_of(document: &roxmltree::Document<'_>, node: roxmltree::Node<'_, '_>) -> String {
    if node.is_text() {
        node.text().unwrap_or_default().to_owned()
    } else {
        document.input_text()[node.range()].to_owned()
    }
}

/// Where our expectations stand: a line for each command of a sample, what becomes of it, and why.
const EXPECTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/csp/documentation-samples.txt");

/// What becomes of one command, and each reason.
fn verdict(catalogue: &Catalogue, proposed: &Proposed<'_>) -> String {
    let checked = catalogue.check(proposed, None);
    let word = match () {
        () if checked.is_refused() => "refused",
        () if checked.is_corrected(proposed) => "corrected",
        () => "accepted",
    };
    let mut rules: Vec<String> = checked
        .findings
        .iter()
        .filter(|finding| finding.level != Level::Note || finding.rule == Rule::Spelling)
        .map(|finding| format!("{:?} {:?}", finding.level, finding.rule).to_lowercase())
        .collect();
    rules.dedup();
    if word == "corrected" && checked.uri != *proposed.uri {
        rules.push(format!("to {}", checked.uri));
    }
    if word == "corrected" && checked.data.as_deref() != proposed.data {
        rules.push("value in its own form".to_owned());
    }
    [vec![word.to_owned()], rules].concat().join(", ")
}

/// What becomes of the commands of a sample.
fn verdicts(catalogue: &Catalogue, name: &str, text: &str) -> Vec<String> {
    let number = name.split('-').next().unwrap_or(name);
    let Some(commands) = commands(text) else {
        // The importer does not look at attributes, so that it may read what is no XML.
        return vec![match import(name, text, catalogue) {
            Ok(imported) => format!("{number} is not well-formed; {} settings are read of it", imported.told.len()),
            Err(why) => format!("{number} refused, {why}"),
        }];
    };
    let mut lines = Vec::new();
    for (verb, uri, format, data, in_atomic) in commands {
        let (verb_name, said) = (verb.as_str(), uri.chars().take(120).collect::<String>());
        let line = match uri.parse::<LocUri>() {
            Ok(uri) => {
                let proposed = Proposed { verb, uri: &uri, format: format.as_ref(), data: data.as_deref(), in_atomic };
                verdict(catalogue, &proposed)
            }
            Err(error) => format!("refused, {error}"),
        };
        lines.push(format!("{number} {verb_name} {said}: {line}"));
    }
    if lines.is_empty() {
        lines.push(format!("{number} holds no command"));
    }
    lines.dedup();
    lines
}

#[test]
fn samples_of_the_documentation_are_taken_corrected_or_refused() {
    let (Some(newer), Some(older)) = (drop("DDFv2Feb2026.zip"), drop("ddf-v1-20H2.zip")) else { return };
    let mut catalogue = Catalogue::build(&[newer, older]).catalogue;
    catalogue.correct(&builtin::errata().unwrap());
    let folder = std::env::var_os("TRANSOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("csp/samples");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let of_one = |path: &PathBuf| {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        verdicts(&catalogue, &path.file_name().unwrap().to_string_lossy(), &text)
    };
    let found: Vec<String> = paths.iter().flat_map(of_one).collect();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(EXPECTED, found.join("\n") + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(EXPECTED).unwrap();
    let expected: Vec<&str> = expected.lines().collect();
    let other: Vec<_> = found.iter().filter(|line| !expected.contains(&line.as_str())).collect();
    assert_eq!(found, expected, "not as expected: {other:#?}");
}
