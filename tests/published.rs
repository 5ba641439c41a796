//! Microsoft's own files, where they lie beside the repository (`$TRANSOM_SHARED`, or a folder `shared`). They are not
//! ours, so without them these tests say so and pass.

use std::path::{Path, PathBuf};

use transom::policy::catalogue::archive::descriptions;
use transom::policy::catalogue::builtin;
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
    assert_eq!((older.files.len(), older.nodes()), (67, 4_823));
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

/// Commands of a sample, as far as they can be read: verb, address, format, value, whether in an Atomic.
type Command = (Verb, String, Option<Format>, Option<String>, bool);

fn commands(text: &str) -> Option<Vec<Command>> {
    let document = roxmltree::Document::parse_with_options(
        text.trim_start_matches('\u{feff}').trim_start(),
        roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() },
    );
    let document = document.ok()?;
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

#[test]
fn samples_of_the_documentation_are_taken_corrected_or_refused() {
    let (Some(newer), Some(older)) = (drop("DDFv2Feb2026.zip"), drop("ddf-v1-20H2.zip")) else { return };
    let mut catalogue = Catalogue::build(&[newer, older]).catalogue;
    catalogue.correct(&builtin::errata().unwrap());
    let folder = std::env::var_os("TRANSOM_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
        .join("csp/samples");
    let (mut read, mut unreadable, mut refused, mut checked) = (0, 0, Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(commands) = std::fs::read_to_string(&path).ok().and_then(|text| commands(&text)) else {
            unreadable += 1;
            continue;
        };
        read += 1;
        for (verb, uri, format, data, in_atomic) in commands {
            let Ok(uri) = uri.parse::<LocUri>() else { continue };
            checked += 1;
            let proposed = Proposed { verb, uri: &uri, format: format.as_ref(), data: data.as_deref(), in_atomic };
            for finding in catalogue.check(&proposed, None).findings {
                if finding.level == Level::Error {
                    refused.push((name.clone(), uri.to_string(), finding.rule, finding.what));
                }
            }
        }
    }
    println!("{read} read, {unreadable} not; {checked} commands, {} refused", refused.len());
    for (name, uri, rule, what) in &refused {
        println!("{name} {uri} {rule:?} {what}");
    }
    assert!(read > 90 && checked > 140, "{read} {checked}");
    // What is refused does not exist any more, or is a slip of the documentation; nothing that works is among it.
    let wrong: Vec<_> = refused.iter().filter(|(_, _, rule, _)| !matches!(rule, Rule::UnknownNode)).collect();
    assert!(wrong.len() < 40, "{wrong:#?}");
    let is_known = |uri: &str| catalogue.known(&uri.parse().unwrap()).is_some();
    assert!(refused.iter().filter(|(_, _, rule, _)| *rule == Rule::UnknownNode).all(|(_, uri, _, _)| !is_known(uri)));
}
