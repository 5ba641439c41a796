//! Commands of a reply, by themselves (OMA DM Protocol 6, MS-MDM 2.2.7).

use roxmltree::Node;

use super::client::{child, leaf, uri};
use super::{Findings, Parts, Rule, items};

/// Commands that act on nodes.
pub(super) const ON_NODES: [&str; 5] = ["Add", "Delete", "Replace", "Get", "Exec"];
/// Commands that hold others.
pub(super) const GROUPS: [&str; 2] = ["Atomic", "Sequence"];

/// What a check of data must know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Binary data was carried as base64 text, so that it can be looked at.
    pub(super) text: bool,
    /// Target of the large object that is on its way.
    pub(super) open_object: Option<&'a str>,
}

/// Checks every command of a reply.
pub(super) fn check(parts: &Parts<'_, '_>, known: Known<'_>, findings: &mut Findings) {
    for command in &parts.commands {
        let name = command.tag_name().name();
        if name == "Alert" {
            check_alert(*command, findings);
        } else if !ON_NODES.contains(&name) && !GROUPS.contains(&name) {
            findings.add(Rule::CommandAllowed, format!("{name} from a server"));
        }
        check_command(*command, false, known, findings);
    }
    check_session_end(parts, findings);
    for meta in parts.root.descendants().filter(|node| node.tag_name().name() == "Meta") {
        check_meta_place(meta, findings);
    }
}

fn check_alert(alert: Node<'_, '_>, findings: &mut Findings) {
    let code = leaf(alert, "Data");
    if !matches!(code.as_str(), "1222" | "1223" | "1225") {
        findings.add(Rule::AlertAllowed, format!("Alert {code:?}"));
    }
}

fn check_command(command: Node<'_, '_>, in_atomic: bool, known: Known<'_>, findings: &mut Findings) {
    let name = command.tag_name().name();
    if child(command, "NoResp").is_some() {
        findings.add(Rule::NoNoResp, format!("{name} has NoResp"));
    }
    if in_atomic && matches!(name, "Get" | "Atomic") {
        findings.add(Rule::NotInAtomic, format!("{name} inside an Atomic"));
    }
    if GROUPS.contains(&name) {
        check_group(command, in_atomic || name == "Atomic", known, findings);
    } else if ON_NODES.contains(&name) {
        items::check(command, known, findings);
    }
}

fn check_group(group: Node<'_, '_>, in_atomic: bool, known: Known<'_>, findings: &mut Findings) {
    let name = group.tag_name().name();
    let children: Vec<_> = children_of(group).collect();
    if children.is_empty() {
        findings.add(Rule::GroupContent, format!("{name} is empty"));
    }
    for command in &children {
        let child_name = command.tag_name().name();
        if !ON_NODES.contains(&child_name) && !GROUPS.contains(&child_name) {
            findings.add(Rule::GroupContent, format!("{name} holds {child_name}"));
        }
        check_command(*command, in_atomic, known, findings);
    }
    if name == "Atomic" {
        check_atomic(group, findings);
    }
}

fn check_atomic(atomic: Node<'_, '_>, findings: &mut Findings) {
    let nodes: Vec<(&str, String)> = leaves(atomic)
        .into_iter()
        .flat_map(|command| targets(command).map(move |target| (command.tag_name().name(), target)))
        .collect();
    let user = nodes.iter().filter(|(_, target)| is_user(target)).count();
    if user > 0 && user < nodes.len() {
        findings.add(Rule::MixedScope, format!("{user} of {} nodes of an Atomic are the user's", nodes.len()));
    }
    for (_, added) in nodes.iter().filter(|(verb, _)| *verb == "Add") {
        if nodes.iter().any(|(verb, target)| *verb == "Replace" && target == added) {
            findings.add(Rule::ReplaceAfterAdd, format!("Add and Replace of {added}"));
        }
    }
}

fn check_session_end(parts: &Parts<'_, '_>, findings: &mut Findings) {
    let ending = parts.own_commands().into_iter().flat_map(leaves).filter(|command| {
        let mut targets = targets(*command);
        command.tag_name().name() == "Exec" && targets.any(|target| ends_session(&target))
    });
    if ending.count() > 0 && parts.own_commands().len() > 1 {
        findings.add(Rule::EndsSession, format!("it is one of {} commands", parts.own_commands().len()));
    }
}

fn check_meta_place(meta: Node<'_, '_>, findings: &mut Findings) {
    let parent = meta.parent_element().map_or("", |node| node.tag_name().name());
    for name in meta.children().filter(Node::is_element).map(|node| node.tag_name().name()) {
        let fits = match name {
            "MaxMsgSize" | "MaxObjSize" => parent == "SyncHdr",
            "NextNonce" => parent == "Chal",
            "Size" | "Mark" => parent == "Item",
            _ => true,
        };
        if !fits {
            findings.add(Rule::MetaPlace, format!("{name} in the Meta of {parent}"));
        }
    }
}

/// Commands inside an Atomic or Sequence.
fn children_of<'a, 'input>(group: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    let properties = ["CmdID", "NoResp", "Meta"];
    group.children().filter(move |node| node.is_element() && !properties.contains(&node.tag_name().name()))
}

/// The command itself, or everything inside it that acts on nodes.
pub(super) fn leaves<'a, 'input>(command: Node<'a, 'input>) -> Vec<Node<'a, 'input>> {
    if GROUPS.contains(&command.tag_name().name()) {
        children_of(command).flat_map(leaves).collect()
    } else {
        vec![command]
    }
}

/// Items of a command that acts on nodes.
pub(super) fn items_of<'a, 'input>(command: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    command.children().filter(|node| node.tag_name().name() == "Item")
}

/// Target of each item.
pub(super) fn targets(command: Node<'_, '_>) -> impl Iterator<Item = String> {
    items_of(command).map(|item| uri(item, "Target"))
}

/// Whether a node is in the user's part of the tree.
pub(super) fn is_user(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    target == "./user" || target.starts_with("./user/")
}

/// Whether an Exec of this node ends the session or the enrollment.
fn ends_session(target: &str) -> bool {
    let target = target.to_ascii_lowercase();
    target.ends_with("/reboot/rebootnow")
        || target.contains("/remotewipe/")
        || (target.contains("/dmclient/") && target.ends_with("/unenroll"))
}
