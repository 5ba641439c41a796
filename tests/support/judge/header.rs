//! `SyncHdr` of a reply, and the ids of the whole message.

use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use roxmltree::Node;

use super::client::{ClientMessage, child, leaf, uri};
use super::{Findings, Rule};

/// Smallest `MaxMsgSize` that a server may name without a Windows device aborting on a larger result.
const LEAST_MAX_MSG_SIZE: usize = 512 * 1024;

/// Checks the header by itself.
pub(super) fn check_alone(header: Node<'_, '_>, findings: &mut Findings) {
    if leaf(header, "VerDTD") != "1.2" {
        findings.add(Rule::VerDtd, format!("VerDTD is {:?}", leaf(header, "VerDTD")));
    }
    if leaf(header, "VerProto") != "DM/1.2" {
        findings.add(Rule::VerProto, format!("VerProto is {:?}", leaf(header, "VerProto")));
    }
    if number(&leaf(header, "MsgID")).is_none() {
        findings.add(Rule::MsgIdNumber, format!("MsgID is {:?}", leaf(header, "MsgID")));
    }
    for name in ["NoResp", "RespURI"] {
        if child(header, name).is_some() {
            findings.add(Rule::PlainHeader, format!("the header has {name}"));
        }
    }
    if let Some(meta) = child(header, "Meta") {
        let size = child(meta, "MaxMsgSize").map(|_| leaf(meta, "MaxMsgSize"));
        if size.is_some_and(|size| size.parse().is_ok_and(|size: usize| size < LEAST_MAX_MSG_SIZE)) {
            findings.add(Rule::SmallMaxMsgSize, format!("MaxMsgSize is {}", leaf(meta, "MaxMsgSize")));
        }
    }
    check_credential(header, findings);
}

/// Checks the header against the message that it answers.
pub(super) fn check_against(header: Node<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    let mut same = |rule, what: &str, ours: String, theirs: &str| {
        if !theirs.is_empty() && ours != theirs {
            findings.add(rule, format!("{what} is {ours:?} instead of {theirs:?}"));
        }
    };
    same(Rule::SessionId, "SessionID", leaf(header, "SessionID"), &client.session_id);
    same(Rule::Target, "Target", uri(header, "Target"), &client.source);
    same(Rule::Source, "Source", uri(header, "Source"), &client.target);
}

fn check_credential(header: Node<'_, '_>, findings: &mut Findings) {
    let Some(cred) = child(header, "Cred") else { return };
    let meta = child(cred, "Meta");
    let of = |name| meta.map(|meta| leaf(meta, name)).unwrap_or_default();
    let data = BASE64.decode(leaf(cred, "Data"));
    let well = match of("Type").as_str() {
        "syncml:auth-md5" => data.is_ok_and(|digest| digest.len() == 16),
        "syncml:auth-basic" => data.is_ok_and(|pair| pair.contains(&b':')),
        _ => false,
    };
    if !well || of("Format") != "b64" {
        findings.add(Rule::ServerCred, format!("Cred with Type {:?} and Format {:?}", of("Type"), of("Format")));
    }
    if child(header, "Source").is_none_or(|source| leaf(source, "LocName").is_empty()) {
        findings.add(Rule::ServerCred, "Cred without LocName in Source");
    }
}

/// Checks every `CmdID` of a body, nested ones included.
pub(super) fn check_command_ids(body: Node<'_, '_>, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (place, node) in body.descendants().filter(|node| node.tag_name().name() == "CmdID").enumerate() {
        let id = super::client::text_of(node);
        match number(&id) {
            None => findings.add(Rule::CmdIdNumber, format!("CmdID is {id:?}")),
            Some(value) if place == 0 && value != 1 => {
                findings.add(Rule::CmdIdNumber, format!("the first CmdID is {value}"));
            }
            Some(_) => {}
        }
        if !seen.insert(id.clone()) {
            findings.add(Rule::CmdIdUnique, format!("CmdID {id:?} stands twice"));
        }
    }
}

/// A decimal number from 1 up, written without ornaments.
pub(super) fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}
