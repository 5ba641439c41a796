//! From a decision of the session to rows of the store.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::session::{
    CommandId, Decision, DeviceId, Ending, Event, MsgId, Pending, Phase, ReasonCode, ResultValue, Session, Timestamp,
    UploadStep, alert_meaning,
};
use transom_protocol::syncml::redact;

use super::identity::Mismatch;
use crate::model::{self, DeviceInfo, EnrollmentId, EventKind, ExchangeId, SecretNodes, SessionKey, Told};
use crate::store::{Carrier, CommandChange, Contact, Error, NewAttempt, NewChunk, Tx};

/// Stores what changed in the queue, and which message carried and answered what; in a session, which may have replaced
/// another.
pub(super) fn save_commands(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    (session, replaced): (&SessionKey, Option<&SessionKey>),
    exchange: &ExchangeId,
    now: Timestamp,
) -> Result<(), Error> {
    let mut commands = decision.commands.clone();
    for step in &decision.uploads {
        match step {
            UploadStep::Append { number, data } => {
                let (device, data) = (&contact.device_id, data.as_bytes());
                tx.append_upload_chunk(NewChunk { session, device, number: *number, data, at: now })?;
            }
            UploadStep::Drop => tx.discard_upload(session)?,
            UploadStep::DropReplaced => {
                if let Some(replaced) = replaced {
                    tx.discard_upload(replaced)?;
                }
            }
            UploadStep::Complete { command, item, bytes } => {
                let before = tx.take_upload_chunks(session)?;
                if u64::try_from(before.len()) != Ok(*bytes) {
                    // Half a value would be believed. Without an answer the device begins anew, and is asked again.
                    return Err(Error::Corrupt("upload_chunks.data".to_owned()));
                }
                let pending = commands.iter_mut().find(|pending| pending.id == *command);
                let outcome = pending.and_then(|pending| pending.progress.items.get_mut(*item));
                if let Some(value) = outcome.and_then(|outcome| outcome.result.as_mut()) {
                    complete(value, before);
                }
            }
        }
    }
    let sent: BTreeSet<&CommandId> = decision.attempts.iter().map(|attempt| &attempt.command).collect();
    let changes: Vec<CommandChange> =
        commands.into_iter().map(|command| CommandChange { sent: sent.contains(&command.id), command }).collect();
    tx.save_commands(&contact.enrollment, &changes, now)?;
    let attempts: Vec<NewAttempt> = decision
        .attempts
        .iter()
        .map(|attempt| NewAttempt { command: attempt.command.clone(), number: attempt.number, cmd_id: attempt.cmd_id })
        .collect();
    let message = decision.session.server_message;
    tx.add_attempts(Carrier { session, message, exchange, at: now }, &attempts)?;
    let mut answered: BTreeMap<MsgId, Vec<CommandId>> = BTreeMap::new();
    for answer in &decision.answered {
        answered.entry(answer.message).or_default().push(answer.command.clone());
    }
    for (message, commands) in answered {
        tx.answer_attempts(session, message, &commands, exchange, now)?;
    }
    Ok(())
}

/// Puts what waited for the commands that ended back into the queue: where there was room it has gone out already.
/// `nobody_waits` says that nothing did before the message.
pub(super) fn free_dependent(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    nobody_waits: bool,
) -> Result<(), Error> {
    let is_waiting = |pending: &Pending| {
        pending.reason.as_ref().is_some_and(|reason| reason.code == ReasonCode::WaitingForDependency)
    };
    if nobody_waits && !decision.commands.iter().any(is_waiting) {
        tx.nothing_waits(&contact.enrollment);
        return Ok(());
    }
    if decision.commands.iter().any(|command| !command.state.is_open()) {
        tx.wake_dependents(&contact.enrollment)?;
    }
    Ok(())
}

/// Puts the chunks before the last one, which the value holds.
fn complete(value: &mut ResultValue, before: Vec<u8>) {
    // The chunks were text when they came; together they are.
    let mut whole = String::from_utf8(before).unwrap_or_default();
    whole.push_str(&value.data);
    value.data = whole;
    value.chunked = false;
}

/// Stores alerts, anomalies and changes of what the device says of itself; `alerts` is the header `MDM-GenericAlert`.
pub(super) fn save_events(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    (session, exchange): (&SessionKey, &ExchangeId),
    alerts: Option<&str>,
    nodes: &SecretNodes,
    now: Timestamp,
) -> Result<(), Error> {
    let blank = || model::Event {
        device: Some(contact.device_id.clone()),
        enrollment: Some(contact.enrollment.clone()),
        session: Some(session.clone()),
        exchange: Some(exchange.clone()),
        ..model::Event::new(EventKind::Alert, "", now)
    };
    let mut changed = Vec::new();
    for event in &decision.events {
        if let Event::Preparation(state) = event
            && tx.note_preparation(&contact.enrollment, *state, now)?
        {
            changed.push(*state);
        }
    }
    let mut events: Vec<model::Event> = decision
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Alert { code, kind, source, format, mark, data } => Some(model::Event {
                code: code.to_string(),
                mime: Some(kind.clone()),
                data: Some(without_secret(source.as_deref(), data, nodes)),
                source: source.clone(),
                format: format.as_ref().map(|format| format.as_str().to_owned()),
                mark: mark.map(|mark| mark.as_str().to_owned()),
                detail: alert_meaning(kind, data),
                ..blank()
            }),
            Event::Preparation(state) if changed.contains(state) => Some(model::Event {
                kind: EventKind::Enrollment,
                code: "device_preparation".to_owned(),
                detail: Some(state.meaning().to_owned()),
                ..blank()
            }),
            Event::Unenrolled => Some(model::Event {
                kind: EventKind::Enrollment,
                code: "unenrolled".to_owned(),
                detail: Some("the device left management".to_owned()),
                ..blank()
            }),
            Event::SessionStarted(_) | Event::DeviceInfo { .. } | Event::Preparation(_) => None,
            Event::CredentialsChanged => Some(model::Event {
                kind: EventKind::Security,
                code: "credentials_changed".to_owned(),
                detail: Some("the device uses its new credentials; the old ones are retired".to_owned()),
                ..blank()
            }),
            Event::Anomaly { kind, detail } => Some(model::Event {
                kind: EventKind::Anomaly,
                code: (*kind).to_owned(),
                detail: Some(detail.clone()),
                ..blank()
            }),
        })
        .collect();
    if let Some(alerts) = urgent_alerts(alerts).filter(|_| decision.is_new) {
        let detail = Some(format!("the device began the session because of {alerts}"));
        events.push(model::Event { code: "urgent_alert".to_owned(), detail, ..blank() });
    }
    if events.is_empty() { Ok(()) } else { tx.add_events(&events) }
}

/// Tells that a session began, or came to its end.
pub(super) fn tell_session(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    session: &SessionKey,
    exchange: &ExchangeId,
    now: Timestamp,
) {
    let of_message = |told: Told| Told {
        session_id: Some(session.clone()),
        exchange_id: Some(exchange.clone()),
        ..of_contact(contact, told)
    };
    // A device may come back after the end: that is a beginning as well.
    if decision.is_new || open_session(contact).is_none() {
        tx.tell(of_message(Told { at: now, ..Told::session_started(&decision.session) }));
    }
    if let Some(ended) = Told::session_ended(&decision.session, now) {
        tx.tell(of_message(ended));
    }
}

/// Whether a message is all that there is of its session: it begins with it, and ends.
pub(super) fn is_whole(contact: &Contact, decision: &Decision) -> bool {
    decision.session.phase != Phase::Open && (decision.is_new || open_session(contact).is_none())
}

/// Tells that another session took the place of one that had not come to its end.
pub(super) fn tell_replaced(tx: &mut Tx<'_>, contact: &Contact, decision: &Decision, now: Timestamp) {
    let Some((key, session)) = open_session(contact).filter(|_| decision.is_new) else { return };
    let replaced = Session { phase: Phase::Ended(Ending::Replaced), ..session.clone() };
    if let Some(ended) = Told::session_ended(&replaced, now) {
        tx.tell(Told { session_id: Some(key.clone()), ..of_contact(contact, ended) });
    }
}

/// The newest session, where it has not come to its end.
fn open_session(contact: &Contact) -> Option<&(SessionKey, Session)> {
    contact.session.as_ref().filter(|(_, session)| session.phase == Phase::Open)
}

/// The same, and whom it is about.
pub(super) fn of_contact(contact: &Contact, told: Told) -> Told {
    Told { device_id: Some(contact.device_id.clone()), enrollment_id: Some(contact.enrollment.clone()), ..told }
}

/// The types in the header `MDM-GenericAlert` (`<type1><type2>`, MS-MDM 2.1), for a reader.
fn urgent_alerts(header: Option<&str>) -> Option<String> {
    let names = header?.split(['<', '>']).map(str::trim).filter(|name| !name.is_empty()).take(MAX_URGENT);
    let shown = |name: &str| name.chars().filter(|character| !character.is_control()).take(128).collect::<String>();
    let names: Vec<String> = names.map(shown).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Types of urgent alerts that are named.
const MAX_URGENT: usize = 8;

fn without_secret(source: Option<&str>, data: &str, nodes: &SecretNodes) -> String {
    redact::redact_value_also(source.unwrap_or_default(), data, &|uri| nodes.hold(uri)).into_owned()
}

/// What the device says of itself, when it says something new.
pub(super) fn device_info(known: &DeviceInfo, events: &[Event]) -> Option<DeviceInfo> {
    let mut info = known.clone();
    for event in events {
        let Event::DeviceInfo { node, value } = event else { continue };
        let value: String = value.chars().filter(|character| !character.is_control()).take(255).collect();
        let field = match node.to_ascii_lowercase().as_str() {
            "man" => &mut info.manufacturer,
            "mod" => &mut info.model,
            "lang" => &mut info.language,
            "dmv" => &mut info.dm_version,
            _ => continue,
        };
        *field = (!value.is_empty()).then_some(value);
    }
    (info != *known).then_some(info)
}

/// Tells that a certificate of ours, or a signature, came with a message that it does not go with: once an hour, so that nobody can fill
/// the tables.
pub(super) fn tell_mismatch(
    tx: &mut Tx<'_>,
    enrollment: &EnrollmentId,
    mismatch: &Mismatch,
    claimed: &DeviceId,
    exchange: &ExchangeId,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(device) = tx.device_of(enrollment)? else { return Ok(()) };
    if tx.was_told(&device, mismatch.as_str(), now.plus_millis(-TOLD_EVERY))? {
        return Ok(());
    }
    let claim = if claimed.key() == device.key() { String::new() } else { format!("; the message was {claimed}'s") };
    tx.add_events(&[model::Event {
        device: Some(device),
        enrollment: Some(enrollment.clone()),
        exchange: Some(exchange.clone()),
        detail: Some(format!("{}{claim}", mismatch.meaning())),
        ..model::Event::new(EventKind::Security, mismatch.as_str(), now)
    }])
}

/// The same alarm of the same device is told again after an hour.
pub(super) const TOLD_EVERY: i64 = 60 * 60 * 1000;

/// An event of the device that an exchange was with.
pub(super) fn of_exchange(contact: &Contact, exchange: &ExchangeId, event: model::Event) -> model::Event {
    model::Event {
        device: Some(contact.device_id.clone()),
        enrollment: Some(contact.enrollment.clone()),
        exchange: Some(exchange.clone()),
        ..event
    }
}

/// Tells an event of a device that no message of it is about.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    contact: &Contact,
    (kind, code): (EventKind, &str),
    detail: String,
    now: Timestamp,
) -> Result<(), Error> {
    tx.add_events(&[model::Event {
        device: Some(contact.device_id.clone()),
        enrollment: Some(contact.enrollment.clone()),
        detail: Some(detail),
        ..model::Event::new(kind, code, now)
    }])
}
