//! The content models of the DTD, as far as a server of Windows devices uses them (OMA SyncML DTD 1.2, `MetInf` 1.2).

use roxmltree::Node;

use super::{Findings, Rule};

/// Children of an element, in order: `?` none or one, `*` any number, `+` one or more. `#` is every name but `Final`.
const MODELS: [(&str, &str); 18] = [
    ("SyncML", "SyncHdr SyncBody"),
    ("SyncHdr", "VerDTD VerProto SessionID MsgID Target Source RespURI? NoResp? Cred? Meta?"),
    ("SyncBody", "#+ Final?"),
    ("Target", "LocURI LocName?"),
    ("Source", "LocURI LocName?"),
    ("Cred", "Meta? Data"),
    ("Chal", "Meta"),
    ("Meta", "Format? Type? Mark? Size? Anchor? Version? NextNonce? MaxMsgSize? MaxObjSize?"),
    ("Item", "Target? Source? SourceParent? TargetParent? Meta? Data? MoreData?"),
    ("Status", "CmdID MsgRef CmdRef Cmd TargetRef* SourceRef* Cred? Chal? Data Item*"),
    ("Add", "CmdID NoResp? Cred? Meta? Item+"),
    ("Replace", "CmdID NoResp? Cred? Meta? Item+"),
    ("Delete", "CmdID NoResp? Cred? Meta? Item+"),
    ("Get", "CmdID NoResp? Lang? Cred? Meta? Item+"),
    ("Exec", "CmdID NoResp? Cred? Meta? Correlator? Item"),
    ("Alert", "CmdID NoResp? Cred? Data? Correlator? Item*"),
    ("Atomic", "CmdID NoResp? Meta? #*"),
    ("Sequence", "CmdID NoResp? Meta? #*"),
];

/// Elements that hold nothing.
const EMPTY: [&str; 3] = ["Final", "MoreData", "NoResp"];

/// Elements that hold text.
const LEAVES: [&str; 25] = [
    "VerDTD",
    "VerProto",
    "SessionID",
    "MsgID",
    "RespURI",
    "LocURI",
    "LocName",
    "CmdID",
    "MsgRef",
    "CmdRef",
    "Cmd",
    "TargetRef",
    "SourceRef",
    "Data",
    "Correlator",
    "Lang",
    "Format",
    "Type",
    "Mark",
    "Size",
    "Anchor",
    "Version",
    "NextNonce",
    "MaxMsgSize",
    "MaxObjSize",
];

/// Holds one element against its model. A name that the DTD does not have breaks the model of its parent.
pub(super) fn check(node: Node<'_, '_>, findings: &mut Findings) {
    let name = node.tag_name().name();
    let elements: Vec<&str> = node.children().filter(Node::is_element).map(|child| child.tag_name().name()).collect();
    if EMPTY.contains(&name) && node.has_children() {
        findings.add(Rule::EmptyElement, format!("{name} is not empty"));
    }
    if LEAVES.contains(&name) && !elements.is_empty() {
        findings.add(Rule::TextOnly, format!("{name} holds {}", elements.join(", ")));
    }
    if let Some((_, model)) = MODELS.iter().find(|(element, _)| *element == name) {
        let is_text = |child: Node<'_, '_>| child.is_text() && !child.text().unwrap_or_default().trim().is_empty();
        if node.children().any(is_text) {
            findings.add(Rule::TextOnly, format!("text directly in {name}"));
        }
        if let Some(fault) = fault_of(&elements, model) {
            findings.add(Rule::ChildOrder, format!("{name}: {fault}"));
        }
    }
}

/// What is wrong with the order or number of children, if anything is.
fn fault_of(elements: &[&str], model: &str) -> Option<String> {
    let mut rest = elements;
    for part in model.split(' ') {
        let name = part.trim_end_matches(['?', '*', '+']);
        let fits = |element: &str| if name == "#" { element != "Final" } else { element == name };
        let most = if part.ends_with(['*', '+']) { usize::MAX } else { 1 };
        let count = rest.iter().take(most).take_while(|element| fits(element)).count();
        if count == 0 && !part.ends_with(['?', '*']) {
            let wanted = if name == "#" { "a command" } else { name };
            return Some(format!("{wanted} is wanted before {}", rest.first().unwrap_or(&"the end")));
        }
        rest = &rest[count..];
    }
    rest.first().map(|element| format!("{element} is out of its place, one too many, or unknown"))
}
