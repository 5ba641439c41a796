//! What a reply as a whole may be, after what the client said and in what state it is (OMA DM Protocol 6 to 8).

use super::client::{ClientMessage, leaf, uri};
use super::commands::{is_user, items_of, leaves, targets};
use super::memory::Memory;
use super::{Findings, Parts, Rule};

/// Largest reply that carries more than one command.
const MAX_PACKAGE: usize = 512 * 1024;

/// Checks a reply of so many bytes.
pub(super) fn check(parts: &Parts<'_, '_>, client: &ClientMessage, memory: &Memory, findings: &mut Findings) {
    check_final(parts, client, findings);
    if parts.is_accepted() {
        check_alerts(parts, client, memory, findings);
        check_moment(parts, client, findings);
        check_scope(parts, client, memory, findings);
    }
}

fn check_final(parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    let over = !parts.is_accepted() || client.has_alert("1223") || parts.has_alert("1223");
    let may_miss = !client.is_final || parts.sends_chunk();
    let must_miss = may_miss && !over;
    match parts.is_final {
        true if must_miss => findings.add(Rule::FinalEarly, "Final although something goes on"),
        false if !may_miss => findings.add(Rule::FinalMissing, "no Final although nothing goes on"),
        _ => {}
    }
}

fn check_alerts(parts: &Parts<'_, '_>, client: &ClientMessage, memory: &Memory, findings: &mut Findings) {
    let (asks, over) = (parts.has_alert("1222"), client.has_alert("1223") || parts.has_alert("1223"));
    let buffered = client.more_data() && parts.statuses.iter().any(|status| leaf(*status, "Data") == "213");
    let must_ask = !over && (!client.is_final || (buffered && parts.own_commands().is_empty()));
    if must_ask && !asks {
        findings.add(Rule::NextMessage, "Alert 1222 is wanted");
    }
    // A client that takes little may leave no room beside the answers: then asking keeps the session going.
    let limited = client.max_msg_size.or(memory.max_msg_size).is_some() && parts.own_commands().is_empty();
    if asks && client.is_final && !client.more_data() && !limited {
        findings.add(Rule::NextMessage, "Alert 1222 although nothing is to come");
    }
    if parts.has_alert("1223") && !parts.own_commands().is_empty() {
        findings.add(Rule::AbortAlone, "Alert 1223 beside commands");
    }
    for alert in parts.alerts("1225") {
        let named: Vec<String> = items_of(alert).flat_map(|item| [uri(item, "Source"), uri(item, "Target")]).collect();
        let broken_off = memory.upload.as_ref().filter(|open| named.contains(open));
        let goes_on = client
            .commands
            .iter()
            .flat_map(|command| &command.items)
            .any(|item| memory.upload.as_ref().is_some_and(|open| item.source == *open || item.target == *open));
        if broken_off.is_none() || goes_on {
            findings.add(Rule::EndOfData, format!("it names {named:?}, open is {:?}", memory.upload));
        }
    }
}

fn check_moment(parts: &Parts<'_, '_>, client: &ClientMessage, findings: &mut Findings) {
    if parts.own_commands().is_empty() {
        return;
    }
    let count = format!("{} commands", parts.own_commands().len());
    if !client.is_final {
        findings.add(Rule::CommandsTooEarly, count.clone());
    }
    if client.has_alert("1223") {
        findings.add(Rule::AfterAbort, count.clone());
    }
    if client.alert_data("1224", "com.microsoft.mdm.requestpending").next().is_some() {
        findings.add(Rule::WhileBusy, count.clone());
    }
    if client.alert_data("1226", "com.microsoft:mdm.unenrollment.userrequest").next().is_some() {
        findings.add(Rule::AfterUnenroll, count);
    }
}

fn check_scope(parts: &Parts<'_, '_>, client: &ClientMessage, memory: &Memory, findings: &mut Findings) {
    let login = client.login().or(memory.login.as_deref()).unwrap_or_default();
    let sync = client.sync_type().or(memory.sync_type.as_deref()).unwrap_or_default();
    for target in parts.own_commands().into_iter().flat_map(leaves).flat_map(targets) {
        let fits = if is_user(&target) {
            sync != "device" && (login == "user" || matches!(sync, "user" | "mixed"))
        } else {
            sync != "user"
        };
        if !fits {
            findings.add(Rule::UserScope, format!("{target} while login is {login:?} and synctype {sync:?}"));
        }
    }
}

/// Checks the bytes of a reply against what the client takes.
pub(super) fn check_size(
    parts: &Parts<'_, '_>,
    bytes: usize,
    client: &ClientMessage,
    memory: &Memory,
    findings: &mut Findings,
) {
    let commands = parts.own_commands().len();
    let limit = client.max_msg_size.or(memory.max_msg_size).unwrap_or(usize::MAX);
    // What only answers can't be made smaller.
    if bytes > limit && commands > 0 {
        findings.add(Rule::MaxMsgSize, format!("{bytes} bytes for a client that takes {limit}"));
    }
    if bytes > MAX_PACKAGE && commands > 1 {
        findings.add(Rule::PackageSize, format!("{bytes} bytes with {commands} commands"));
    }
}
