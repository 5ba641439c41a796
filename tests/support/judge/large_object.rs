//! Large objects on their way to the client (OMA DM Protocol 7).

use roxmltree::Node;

use super::client::{ClientMessage, child, leaf, uri};
use super::commands::{GROUPS, items_of, leaves};
use super::form::raw_text;
use super::memory::Memory;
use super::{Findings, Parts, Rule, items};

/// A large object of which the client has some chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Download {
    pub(super) verb: String,
    pub(super) target: String,
    /// What `Size` of the first chunk said.
    pub(super) announced: usize,
    /// Bytes so far, and those of the last chunk among them.
    pub(super) sent: usize,
    pub(super) last: usize,
    /// Our message that carried the last chunk, and its `CmdID` there.
    pub(super) message: String,
    pub(super) cmd_id: String,
}

/// Takes in what the client says of our last chunk: it wants no more of the object, or it did not even take the message.
pub(super) fn hear(open: &mut Option<Download>, client: &ClientMessage) {
    let Some(download) = open else { return };
    let answered = |cmd_ref: &str, refuses: fn(&str) -> bool| {
        client.commands.iter().any(|command| {
            let ours = command.msg_ref == download.message && command.cmd_ref == cmd_ref;
            command.name == "Status" && ours && refuses(&command.code)
        })
    };
    let message_refused = answered("0", |code| !code.starts_with('2'));
    let chunk_refused = answered(&download.cmd_id, |code| code != "213");
    if chunk_refused || client.has_alert("1223") || client.has_alert("1225") {
        *open = None;
    } else if message_refused {
        download.sent -= download.last;
        download.last = 0;
        if download.sent == 0 {
            *open = None;
        }
    }
}

/// Checks the chunks of an accepted reply; gives the object that is open after it.
pub(super) fn check(
    parts: &Parts<'_, '_>,
    client: &ClientMessage,
    memory: &Memory,
    findings: &mut Findings,
) -> Option<Download> {
    let own = parts.own_commands();
    let Some(first) = own.first() else { return memory.download.clone() };
    let mut open = memory.download.clone();
    if let Some(download) = &open
        && (first.tag_name().name() != download.verb || own_target(*first) != download.target)
    {
        findings.add(Rule::ChunkContinues, format!("{} is in the middle", download.target));
        open = None;
    }
    let wanted = [client.max_msg_size, client.max_obj_size, memory.max_msg_size, memory.max_obj_size];
    for command in own.iter().copied().flat_map(leaves) {
        for item in items_of(command) {
            let continues = open.is_some() && uri(item, "Target") == own_target(*first);
            if continues {
                open = next_chunk(open.take(), command, item, parts, findings);
            } else if child(item, "MoreData").is_some() {
                if wanted.iter().all(Option::is_none) {
                    findings.add(Rule::ChunkWanted, format!("{} in chunks", uri(item, "Target")));
                }
                open = first_chunk(command, item, parts, findings);
            } else if items::announced(item).is_some() {
                findings.add(Rule::ChunkSize, format!("Size on {}, which comes whole", uri(item, "Target")));
            }
            check_object_size(item, client, memory, findings);
        }
    }
    check_last(parts, findings);
    open
}

fn first_chunk(
    command: Node<'_, '_>,
    item: Node<'_, '_>,
    parts: &Parts<'_, '_>,
    findings: &mut Findings,
) -> Option<Download> {
    let target = uri(item, "Target");
    let Some(announced) = items::announced(item) else {
        findings.add(Rule::ChunkSize, format!("no Size on the first chunk of {target}"));
        return None;
    };
    Some(Download {
        verb: command.tag_name().name().to_owned(),
        target,
        announced,
        sent: length(item),
        last: length(item),
        message: parts.msg_id(),
        cmd_id: leaf(command, "CmdID"),
    })
}

fn next_chunk(
    open: Option<Download>,
    command: Node<'_, '_>,
    item: Node<'_, '_>,
    parts: &Parts<'_, '_>,
    findings: &mut Findings,
) -> Option<Download> {
    let mut download = open?;
    if items::announced(item).is_some() {
        findings.add(Rule::ChunkSize, format!("Size on a later chunk of {}", download.target));
    }
    download.last = length(item);
    download.sent += download.last;
    download.message = parts.msg_id();
    download.cmd_id = leaf(command, "CmdID");
    let goes_on = child(item, "MoreData").is_some();
    let (sent, announced) = (download.sent, download.announced);
    if (goes_on && sent >= announced) || (!goes_on && sent != announced) {
        findings.add(Rule::ChunkTotal, format!("{sent} bytes of {announced}, more to come: {goes_on}"));
    }
    goes_on.then_some(download)
}

fn check_object_size(item: Node<'_, '_>, client: &ClientMessage, memory: &Memory, findings: &mut Findings) {
    let limit = client.max_obj_size.or(memory.max_obj_size).unwrap_or(usize::MAX);
    let size = items::announced(item).unwrap_or_else(|| length(item));
    if size > limit {
        let target = uri(item, "Target");
        findings.add(Rule::MaxObjSize, format!("{target} has {size} bytes for a client that takes {limit}"));
    }
}

/// An item that goes on is the last of the body, and in no container.
fn check_last(parts: &Parts<'_, '_>, findings: &mut Findings) {
    for more in parts.body.descendants().filter(|node| node.tag_name().name() == "MoreData") {
        let Some(item) = more.parent_element() else { continue };
        let command = item.parent_element();
        let in_group = command
            .and_then(|command| command.parent_element())
            .is_some_and(|group| GROUPS.contains(&group.tag_name().name()));
        let after = |node: Node<'_, '_>| {
            let next = node.next_sibling_element();
            next.is_some_and(|next| next.tag_name().name() != "Final")
        };
        if in_group || after(item) || command.is_some_and(after) {
            findings.add(Rule::ChunkLast, format!("{} goes on", uri(item, "Target")));
        }
    }
}

/// Target of a command that has a single item.
fn own_target(command: Node<'_, '_>) -> String {
    items_of(command).next().map(|item| uri(item, "Target")).unwrap_or_default()
}

fn length(item: Node<'_, '_>) -> usize {
    child(item, "Data").map(raw_text).unwrap_or_default().len()
}
