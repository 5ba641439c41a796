//! The bytes of a reply, and the XML that they are.

use roxmltree::{Document, Node};

use super::{Findings, Rule, model};

/// Namespace of everything but the children of Meta.
pub(super) const SYNCML: &str = "SYNCML:SYNCML1.2";
/// Namespace of the children of Meta.
pub(super) const METINF: &str = "syncml:metinf";

/// Elements whose text is an id, a code or an address.
const UNPADDED: [&str; 18] = [
    "VerDTD",
    "VerProto",
    "SessionID",
    "MsgID",
    "CmdID",
    "MsgRef",
    "CmdRef",
    "Cmd",
    "LocURI",
    "TargetRef",
    "SourceRef",
    "Format",
    "Type",
    "Mark",
    "NextNonce",
    "Size",
    "MaxMsgSize",
    "MaxObjSize",
];

/// Checks the bytes of an XML reply and gives them as text; `None` when they are not even that.
pub(super) fn check_bytes<'a>(body: &'a [u8], findings: &mut Findings) -> Option<&'a str> {
    let Ok(text) = std::str::from_utf8(body) else {
        findings.add(Rule::Utf8, "the body is not UTF-8");
        return None;
    };
    if text.starts_with('\u{feff}') {
        findings.add(Rule::Utf8, "the body begins with a byte order mark");
        return None;
    }
    if let Some(place) = text.find(['\r', '\n']) {
        findings.add(Rule::OneLine, format!("a line break at byte {place}"));
    }
    // In well-formed XML these can't stand in text or in a value.
    for (mark, rule) in [("<![CDATA[", Rule::NoCdata), ("<!DOCTYPE", Rule::NoDoctype), ("<!--", Rule::NoComment)] {
        if let Some(place) = text.find(mark) {
            findings.add(rule, format!("{mark} at byte {place}"));
        }
    }
    let body = match text.strip_prefix("<?xml ") {
        Some(rest) => check_declaration(rest, findings)?,
        None => text,
    };
    if body.contains("<?xml") {
        findings.add(Rule::Declaration, "an XML declaration that is not at the very start");
        return None;
    }
    if body.contains("<?") {
        findings.add(Rule::NoComment, "a processing instruction");
    }
    Some(text)
}

/// Checks an XML declaration and gives what follows it.
fn check_declaration<'a>(rest: &'a str, findings: &mut Findings) -> Option<&'a str> {
    let Some((declaration, body)) = rest.split_once("?>") else {
        findings.add(Rule::WellFormed, "the XML declaration does not end");
        return None;
    };
    let declaration = declaration.replace('\'', "\"");
    if !declaration.contains("version=\"1.0\"") {
        findings.add(Rule::Declaration, format!("version is not 1.0: {declaration}"));
    }
    if declaration.contains("encoding=") && !declaration.to_ascii_lowercase().contains("encoding=\"utf-8\"") {
        findings.add(Rule::Declaration, format!("encoding is not UTF-8: {declaration}"));
    }
    Some(body)
}

/// Checks the header of a WBXML reply (WBXML 1.3 5.4).
pub(super) fn check_wbxml_header(body: &[u8], findings: &mut Findings) {
    // Version, public id 0x1201 and charset 106, each of them a multi-byte integer.
    if !matches!(body, [0x02 | 0x03, 0xA4, 0x01, 0x6A, ..]) {
        let start: Vec<String> = body.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        findings.add(Rule::WbxmlHeader, format!("the body begins with {}", start.join(" ")));
    }
}

/// Checks every element of a reply; `false` when it is not even a `SyncML` with a header and a body.
pub(super) fn check_tree(document: &Document<'_>, findings: &mut Findings) -> bool {
    let root = document.root_element();
    if !root.has_tag_name((SYNCML, "SyncML")) {
        let name = root.tag_name();
        findings.add(Rule::Root, format!("the root is {} in {:?}", name.name(), name.namespace()));
        return false;
    }
    for node in root.descendants().filter(Node::is_element) {
        check_names(node, document.input_text(), findings);
        check_padding(node, findings);
        model::check(node, findings);
    }
    let has = |name| root.children().any(|node| node.has_tag_name((SYNCML, name)));
    has("SyncHdr") && has("SyncBody")
}

fn check_names(node: Node<'_, '_>, input: &str, findings: &mut Findings) {
    let name = node.tag_name().name();
    let in_meta = node.parent_element().filter(|parent| parent.tag_name().name() == "Meta");
    let wanted = if in_meta.is_some() { METINF } else { SYNCML };
    if node.tag_name().namespace() != Some(wanted) {
        findings.add(Rule::Namespace, format!("{name} is in {:?}", node.tag_name().namespace()));
    }
    if in_meta.is_some_and(|meta| meta.default_namespace() == Some(METINF)) {
        findings.add(Rule::MetInfOnChild, format!("{name} inherits its namespace"));
    }
    if !input[node.range()].strip_prefix('<').is_some_and(|tag| tag.starts_with(name)) {
        findings.add(Rule::NoPrefix, format!("{name} has a prefix"));
    }
    if let Some(attribute) = node.attributes().next() {
        findings.add(Rule::NoAttribute, format!("{name} has the attribute {}", attribute.name()));
    }
}

fn check_padding(node: Node<'_, '_>, findings: &mut Findings) {
    let name = node.tag_name().name();
    let text = raw_text(node);
    if UNPADDED.contains(&name) && text != text.trim() {
        findings.add(Rule::NoPadding, format!("{name} is {text:?}"));
    }
}

/// All text of an element, as it stands.
pub(super) fn raw_text(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|node| node.text()).collect()
}
