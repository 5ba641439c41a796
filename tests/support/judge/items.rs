//! Items of a command that acts on nodes: address, format, data (MS-MDM 2.2.5).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use roxmltree::Node;

use super::client::{child, leaf, text_of, uri};
use super::commands::{Known, items_of};
use super::form::raw_text;
use super::{Findings, Rule};

/// Formats of the specification.
const FORMATS: [&str; 11] = ["chr", "int", "bool", "b64", "bin", "node", "null", "xml", "float", "date", "time"];

/// Checks the items of one command.
pub(super) fn check(command: Node<'_, '_>, known: Known<'_>, findings: &mut Findings) {
    // Once for all items: a command may have thousands.
    let outer = [Some(command), command.parent_element()].into_iter().flatten().find_map(format_of);
    let outer = outer.unwrap_or_else(|| "chr".to_owned());
    for item in items_of(command) {
        check_address(item, command.tag_name().name(), findings);
        check_data(item, command.tag_name().name(), &outer, known, findings);
    }
}

fn check_address(item: Node<'_, '_>, verb: &str, findings: &mut Findings) {
    let target = uri(item, "Target");
    if target.is_empty() || child(item, "Source").is_some() {
        findings.add(Rule::ItemTarget, format!("an item of {verb} has Target {target:?}, or a Source"));
        return;
    }
    if let Some(fault) = fault_of(&target, verb) {
        findings.add(Rule::LocUri, format!("{target:?} {fault}"));
    }
}

/// What is wrong with a `LocURI`, if anything is.
fn fault_of(target: &str, verb: &str) -> Option<&'static str> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let bytes = target.as_bytes();
    let escape =
        |place: usize| bytes.get(place + 1..place + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    let broken_escape = bytes.iter().enumerate().any(|(place, byte)| *byte == b'%' && !escape(place));
    if target.contains(char::is_whitespace) || target.contains(char::is_control) {
        Some("has white space")
    } else if !target.is_ascii() {
        Some("is not escaped")
    } else if broken_escape {
        Some("has a broken escape")
    } else if path.starts_with('/') {
        Some("begins with a slash")
    } else if path.split('/').any(str::is_empty) {
        Some("has an empty segment")
    } else if path.split('/').skip(1).any(|segment| segment == "." || segment == "..") {
        Some("has a dot that is not first")
    } else if path.split('/').any(|segment| segment == "*") {
        Some("has a segment that is only *")
    } else if query.is_some() && verb != "Get" {
        Some("asks a question that only Get can ask")
    } else {
        None
    }
}

fn check_data(item: Node<'_, '_>, verb: &str, outer: &str, known: Known<'_>, findings: &mut Findings) {
    let target = uri(item, "Target");
    let data = child(item, "Data").map(raw_text);
    let format = format_of(item).unwrap_or_else(|| outer.to_owned());
    if !FORMATS.contains(&format.as_str()) {
        findings.add(Rule::FormatKnown, format!("Format of {target} is {format:?}"));
    }
    let in_chunks = child(item, "MoreData").is_some() || known.open_object == Some(target.as_str());
    let has_no_data = matches!(format.as_str(), "node" | "null");
    match (verb, &data) {
        ("Get" | "Delete", Some(_)) => findings.add(Rule::NoData, format!("{verb} of {target} carries Data")),
        // The documents of `EnterpriseDesktopAppManagement` add this node bare, and run it with the data.
        ("Add", None) if target.ends_with("/DownloadInstall") => {}
        ("Add" | "Replace", None) if !has_no_data => {
            findings.add(Rule::DataWanted, format!("{verb} of {target} carries no Data"));
        }
        ("Add" | "Replace", Some(data)) if has_no_data && !data.is_empty() => {
            findings.add(Rule::DataWanted, format!("{verb} of {target} carries Data of format {format}"));
        }
        (_, Some(data)) if !in_chunks && !fits(&format, data, known.text) => {
            findings.add(Rule::DataFits, format!("Data of {target} is no {format}"));
        }
        _ => {}
    }
}

/// Whether data is what a format says.
fn fits(format: &str, data: &str, text: bool) -> bool {
    match format {
        "int" => data.parse::<i64>().is_ok() && !data.starts_with('+'),
        "bool" => matches!(data, "true" | "false"),
        "float" => data.parse::<f64>().is_ok(),
        // In WBXML it may have been carried as bytes.
        "b64" | "bin" if text => BASE64.decode(data).is_ok(),
        _ => true,
    }
}

/// Format that an item, a command or a container names in its own Meta.
fn format_of(node: Node<'_, '_>) -> Option<String> {
    child(node, "Meta").and_then(|meta| child(meta, "Format")).map(text_of)
}

/// Size that an item announces.
pub(super) fn announced(item: Node<'_, '_>) -> Option<usize> {
    child(item, "Meta").filter(|meta| child(*meta, "Size").is_some()).and_then(|meta| leaf(meta, "Size").parse().ok())
}
