//! Challenges and refusals (OMA DM Security 5.3).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use roxmltree::Node;

use super::client::{ClientMessage, child, leaf, text_of};
use super::{Findings, Parts, Rule};

/// Checks every Chal of a reply, and what a refusal brings along.
pub(super) fn check(parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    check_place(parts, findings);
    if let Some(chal) = parts.chal() {
        check_form(chal, findings);
    }
    let wrong_kind = match (parts.code(), parts.chal().is_some()) {
        (407, has_chal) => client.cred || !has_chal,
        (401, true) => !client.cred,
        _ => false,
    };
    if wrong_kind {
        let has = |yes: bool| if yes { "a" } else { "no" };
        let (chal, cred) = (has(parts.chal().is_some()), has(client.cred));
        findings.add(Rule::ChallengeKind, format!("{} with {chal} Chal, for {cred} credential", parts.code()));
    }
    if !parts.is_accepted() {
        check_alone(parts, findings);
    }
}

fn check_place(parts: &Parts<'_, '_>, findings: &mut Findings) {
    let ours = parts.chal().map(|chal| chal.id());
    for chal in parts.body.descendants().filter(|node| node.tag_name().name() == "Chal") {
        if Some(chal.id()) != ours || !matches!(parts.code(), 200 | 212 | 401 | 407) {
            findings.add(Rule::ChalPlace, format!("a Chal while the header is answered {}", parts.code()));
        }
    }
}

fn check_form(chal: Node<'_, '_>, findings: &mut Findings) {
    let Some(meta) = child(chal, "Meta") else {
        return findings.add(Rule::ChalForm, "a Chal without Meta");
    };
    let (format, kind) = (leaf(meta, "Format"), leaf(meta, "Type"));
    let nonce = child(meta, "NextNonce").map(text_of);
    let well = match (kind.as_str(), &nonce) {
        ("syncml:auth-md5", Some(nonce)) => BASE64.decode(nonce).is_ok_and(|bytes| bytes.len() >= 16),
        ("syncml:auth-basic", None) => true,
        _ => false,
    };
    if !well || format != "b64" {
        findings.add(Rule::ChalForm, format!("Format {format:?}, Type {kind:?}, NextNonce {nonce:?}"));
    }
}

fn check_alone(parts: &Parts<'_, '_>, findings: &mut Findings) {
    let challenged = matches!(parts.code(), 401 | 407);
    for command in &parts.commands {
        let (name, code) = (command.tag_name().name(), leaf(*command, "Data"));
        // A session that can't go on may be aborted, one that is to authenticate may not.
        if challenged || name != "Alert" || code != "1223" {
            findings.add(Rule::ChallengeAlone, format!("{name} beside {}", parts.code()));
        }
    }
    for status in parts.statuses.iter().skip(1) {
        if leaf(*status, "Data").parse().is_ok_and(|code: u16| code < 300) {
            let answer = format!("{} is answered {}", leaf(*status, "Cmd"), leaf(*status, "Data"));
            findings.add(Rule::ChallengeAlone, format!("{answer} beside {}", parts.code()));
        }
    }
}
