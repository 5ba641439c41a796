//! One message against the store, inside one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use transom_protocol::session::{
    Admission, Admitted, Arrival, CommandId, CommandState, Decision, Guesses, Header, Introduction, Nonce, ProofPolicy,
    RefusalKind, Refused, Rules, SyncType, Timestamp, admit, refuse_stranger,
};
use transom_protocol::syncml::Message;
use transom_protocol::syncml::codec::{Encoding, encode};

use super::attendant::{self, Attendant};
use super::envelope::{EnvelopeOptions, Wrapped};
use super::identity::{Identity, Mismatch, identify};
pub(super) use super::outcome::ExchangeOutcome;
use super::proofs::Proofs;
use super::record::Record;
use super::request::RequestHeaders;
use super::tokens::{self, TokenHeaders, Tokens};
use super::{beside, credentials, effects, enveloping, guessing, leaving, search, signing};
use crate::model::{
    CertificateRecord, CertificateState, EnrollmentId, EnrollmentState, ExchangeId, Patience, SecretNodes, SessionKey,
    Signing,
};
use crate::pki::signature::{MessageSignature, SignatureRefused, Window};
use crate::pki::{Authorities, Presented};
use crate::store::{Contact, Error, Reply, SaveContact, SaveSession, Tx, UploadBytes};

/// Commands that one message looks at, in each scope.
const COMMANDS_LOADED: i64 = 200;

/// A message that was read, and all that is known of how it came.
pub(super) struct Heard {
    pub(super) message: Message,
    /// What it says of its session.
    pub(super) says: Introduction,
    /// What it shows of its user and its device in headers.
    pub(super) shown: TokenHeaders,
    /// What became of all its tokens.
    pub(super) tokens: Tokens,
    /// Redacted and compressed.
    pub(super) kept: Vec<u8>,
    /// Nodes that hold a secret though their names do not tell.
    pub(super) secret_nodes: SecretNodes,
    pub(super) body_hash: String,
    /// As it came.
    pub(super) body: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) headers: RequestHeaders,
    pub(super) peer: IpAddr,
    pub(super) certificate: Option<Arc<Presented>>,
    /// What it says in the name of a proxy and is not believed.
    pub(super) lie: Option<&'static str>,
    /// Read, and vouched for by nobody.
    pub(super) signature: Option<Result<MessageSignature, SignatureRefused>>,
    /// The envelope that it came in; `body` and `signature` are what was inside.
    pub(super) wrapped: Option<Wrapped>,
    /// Whose certificates count now, where there is a certificate or a signature.
    pub(super) authorities: Option<Arc<Authorities>>,
    pub(super) received_at: Timestamp,
    pub(super) started: std::time::Instant,
    pub(super) fresh_nonce: Nonce,
}

/// What came of a message.
pub(super) struct Told {
    pub(super) body: Vec<u8>,
    pub(super) encoding: Encoding,
    pub(super) outcome: ExchangeOutcome,
    pub(super) commands_sent: usize,
    /// Outcomes that commands got.
    pub(super) settled: Vec<CommandState>,
    pub(super) session_began: bool,
    /// The session that the message is of, where it was taken.
    pub(super) session: Option<SessionKey>,
    /// Why the device was turned away.
    pub(super) mismatch: Option<Mismatch>,
    /// The certificate, in DER, that the reply to an envelope is enveloped for: of whoever signed inside.
    pub(super) seal_for: Option<Vec<u8>>,
}

impl Told {
    /// An answer that changed no command.
    fn plain(body: Vec<u8>, encoding: Encoding, outcome: ExchangeOutcome) -> Self {
        Self {
            body,
            encoding,
            outcome,
            commands_sent: 0,
            settled: Vec::new(),
            session_began: false,
            session: None,
            mismatch: None,
            seal_for: None,
        }
    }
}

/// Choices that hold for every message.
pub(super) struct Frame<'a> {
    pub(super) rules: &'a Rules,
    pub(super) keep_idle: bool,
    /// Whether sessions are told of in which nothing happened.
    pub(super) tell_idle: bool,
    /// How long a device that was told to leave may take to say that it does, in milliseconds.
    pub(super) leave_timeout: i64,
    /// Whether messages are signed, where nothing else is said for the enrollment.
    pub(super) signing: Signing,
    /// How far the time of a signature may be from now.
    pub(super) window: Window,
    /// Messages in envelopes.
    pub(super) envelopes: &'a EnvelopeOptions,
    /// What is enough to believe a message, where nothing else is said for the enrollment.
    pub(super) proofs: &'a ProofPolicy,
    /// Whether the token of a device is enough, where nothing else is said for the enrollment.
    pub(super) device_token_proves: bool,
    /// How old the credentials of a device may become, in milliseconds.
    pub(super) credentials_max_age: Option<i64>,
    /// What devices know this server as.
    pub(super) provider_id: &'a str,
    /// How many wrong credentials are borne.
    pub(super) patience: Patience,
    /// Who else has something to say to devices.
    pub(super) attendants: &'a [Attendant],
    /// Open commands that one device may have.
    pub(super) max_open: i64,
    pub(super) uploads: UploadLimits,
}

/// Bytes of values that devices have begun to send in chunks, and not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Of one device.
    pub device: u64,
    /// Of all devices together.
    pub all: u64,
}

impl UploadLimits {
    /// What may still come, beside what there is.
    const fn room(self, kept: UploadBytes) -> u64 {
        let (device, all) = (self.device.saturating_sub(kept.device), self.all.saturating_sub(kept.all));
        if device < all { device } else { all }
    }
}

/// Hears a message and decides what is answered. Everything that it changes is committed before the answer leaves.
pub(super) fn exchange(tx: &mut Tx<'_>, heard: &Heard, frame: &Frame<'_>) -> Result<Told, Error> {
    let Ok(header) = Header::parse(&heard.message.header, frame.rules) else {
        return Ok(refused_without_contact(heard, frame));
    };
    let mut proofs = Proofs::default();
    proofs.user_tokens(&heard.tokens);
    let (contact, certificate, by_transport) = match identify(tx, heard, &header, frame, &mut proofs)? {
        Identity::Stranger => return Ok(refused_without_contact(heard, frame)),
        Identity::Mismatch(mismatch, whose) => {
            proofs.turned_away(&mismatch);
            return forbidden(tx, heard, &header, mismatch, whose.as_ref(), &proofs);
        }
        Identity::Contact { contact, certificate, is_proved } => (*contact, certificate, is_proved),
    };
    if let Some(mismatch) = enveloping::refused(heard, &contact, certificate.as_ref(), frame) {
        proofs.turned_away(&mismatch);
        return forbidden(tx, heard, &header, mismatch, Some(&contact.enrollment), &proofs);
    }
    proofs.envelope(heard);
    let seal_for =
        certificate.as_ref().filter(|_| heard.wrapped.is_some()).map(|record| record.certificate.der.clone());
    let told = admitted(tx, heard, frame, (&contact, certificate, by_transport), &mut proofs)?;
    Ok(Told { seal_for, ..told })
}

/// Decides on a message of somebody who is known.
fn admitted(
    tx: &mut Tx<'_>,
    heard: &Heard,
    frame: &Frame<'_>,
    (contact, certificate, by_transport): (&Contact, Option<CertificateRecord>, bool),
    proofs: &mut Proofs,
) -> Result<Told, Error> {
    let key = contact.session.as_ref().map(|(key, _)| key.clone());
    let guesses = if by_transport { Guesses::None } else { guessing::look(tx, heard, contact)? };
    let arrival = |has_reply| arrival(heard, frame, contact, (by_transport, guesses), has_reply);
    let mut admission = admit(arrival(true));
    if matches!(admission, Admission::Repeat) {
        if let Some(reply) = key.as_ref().map(|key| tx.last_reply(key)).transpose()?.flatten() {
            proofs.credential(heard, contact, ExchangeOutcome::Repeated, by_transport);
            return repeated(tx, heard, contact, key.as_ref(), reply, proofs);
        }
        admission = admit(arrival(false));
    }
    match admission {
        // Without a stored reply nothing is a repetition.
        Admission::Repeat => Ok(refused_without_contact(heard, frame)),
        Admission::Refused(refused) => {
            proofs.credential(heard, contact, outcome_of(refused.kind), by_transport);
            if refused.kind == RefusalKind::WrongCredential {
                guessing::hold_against(tx, heard, contact, &frame.patience)?;
            }
            refused_by_contact(tx, heard, frame, contact, key.as_ref(), &refused, proofs)
        }
        Admission::Accepted(admitted) => {
            if let Some(renewed) = certificate.filter(|record| record.state == CertificateState::Next) {
                tx.use_renewed_certificate(&renewed, heard.received_at)?;
            }
            proofs.credential(heard, contact, ExchangeOutcome::Answered, by_transport);
            // Who guesses where the device is, too, stays locked out.
            if guesses == Guesses::Few {
                guessing::forgive(tx, heard, contact)?;
            }
            accepted(tx, heard, frame, contact, key, *admitted, proofs)
        }
    }
}

fn arrival<'a>(
    heard: &'a Heard,
    frame: &'a Frame<'_>,
    contact: &Contact,
    (by_transport, guesses): (bool, Guesses),
    has_reply: bool,
) -> Arrival<'a> {
    Arrival {
        message: &heard.message,
        body_hash: &heard.body_hash,
        account: contact.account.clone(),
        says: heard.says.clone(),
        session: contact.session.as_ref().map(|(_, session)| session.clone()),
        has_reply: has_reply && contact.session.is_some(),
        by_transport,
        guesses,
        fresh_nonce: heard.fresh_nonce.clone(),
        now: heard.received_at,
        rules: frame.rules,
    }
}

fn accepted(
    tx: &mut Tx<'_>,
    heard: &Heard,
    frame: &Frame<'_>,
    contact: &Contact,
    previous: Option<SessionKey>,
    admitted: Admitted<'_>,
    proofs: &Proofs,
) -> Result<Told, Error> {
    let now = heard.received_at;
    let concerned = admitted.concerned();
    let activating = contact.state == EnrollmentState::Pending;
    if activating {
        tx.activate_enrollment(&contact.enrollment, now)?;
    }
    let offered = enveloping::offer_newer(tx, heard, contact, frame, now)?;
    let wanted = attendant::before(tx, contact, frame.attendants, frame.max_open, now)?;
    let mut pending = Vec::new();
    // Unsaid, somebody may.
    let mut nobody_waits = false;
    if contact.open_commands > 0 || wanted || offered || !concerned.is_empty() {
        let user = beside::served(contact, admitted.session());
        pending = tx.pending_commands_for(&contact.enrollment, &concerned, user.as_ref(), now, COMMANDS_LOADED)?;
        let mut more = Vec::new();
        if admitted.brings_reports() {
            more.extend(tx.accepted_commands(&contact.enrollment, now, COMMANDS_LOADED)?);
        }
        if admitted.brings_answers() {
            let dependent = tx.dependent_commands(&contact.enrollment, now, COMMANDS_LOADED)?;
            nobody_waits = dependent.is_empty();
            more.extend(dependent);
        }
        let known: BTreeSet<CommandId> = pending.iter().map(|command| command.id.clone()).collect();
        pending.extend(more.into_iter().filter(|command| !known.contains(&command.id)));
    }
    let settled = states_depended_on(tx, &pending)?;
    let admitted =
        if admitted.brings_chunks() { admitted.with_upload_room(upload_room(tx, contact, frame)?) } else { admitted };
    let admitted = admitted.with_enrolled_user(beside::enrolled_user(contact));
    let decision = admitted.process(pending, &settled);
    let (key, replaced) = if decision.is_new { (None, previous) } else { (previous, None) };
    let key = key.unwrap_or_else(|| SessionKey::new(now));
    let exchange = ExchangeId::new(now);

    let body = encode(heard.encoding, &decision.reply);
    let reply = Reply { encoding: heard.encoding, body };
    let info = effects::device_info(&contact.info, &decision.events);
    effects::save_commands(tx, contact, &decision, (&key, replaced.as_ref()), &exchange, now)?;
    effects::free_dependent(tx, contact, &decision, nobody_waits)?;
    tx.save_contact(SaveContact {
        enrollment: &contact.enrollment,
        device_id: &contact.device_id,
        now,
        account: decision.account.as_ref(),
        info: info.as_ref(),
        session: Some(SaveSession {
            key: &key,
            session: &decision.session,
            is_new: decision.is_new,
            reply: Some(&reply),
            commands_sent: u32::try_from(decision.attempts.len()).unwrap_or(u32::MAX),
            commands_answered: u32::try_from(decision.answered.len()).unwrap_or(u32::MAX),
        }),
    })?;
    if let (Some(replaced), SyncType::User) = (&replaced, decision.session.sync_type) {
        tx.forget_user_session(replaced)?;
        tx.note_replaced(replaced)?;
    }
    if let Some(replaced) = replaced.filter(|_| !frame.keep_idle) {
        tx.forget_idle_session(&replaced)?;
    }
    let alerts = heard.headers.generic_alert.as_deref();
    effects::save_events(tx, contact, &decision, (&key, &exchange), alerts, &heard.secret_nodes, now)?;
    tokens::follow(tx, contact, heard, &exchange)?;
    effects::tell_replaced(tx, contact, &decision, now);
    let is_idle = is_idle(&heard.message, &decision);
    if frame.tell_idle || !is_idle || !effects::is_whole(contact, &decision) {
        effects::tell_session(tx, contact, &decision, &key, &exchange, now);
    }
    if frame.keep_idle || !is_idle {
        let record = Record {
            id: exchange,
            outcome: ExchangeOutcome::Answered,
            detail: oddities(&heard.message),
            session: Some(key.clone()),
            contact: Some(contact),
            proofs,
        };
        tx.record_exchange(&record.of(heard, Some(&decision.reply), &reply.body))?;
        // Nobody looks for a check-in in which nothing happened, and it shall cost little.
        if !is_idle {
            tx.note_words(&key, &search::words_said(&heard.message, &decision.reply, &heard.secret_nodes))?;
        }
    }
    signing::follow(tx, contact, &decision, now)?;
    enveloping::follow(tx, heard, contact, &decision, now)?;
    credentials::follow(tx, contact, &decision, now)?;
    credentials::renew_old(tx, contact, &decision, frame, now)?;
    attendant::after(tx, contact, &decision, frame.attendants, now)?;
    leaving::follow(tx, contact, &decision, frame.leave_timeout, now)?;
    Ok(Told {
        commands_sent: decision.attempts.len(),
        settled: decision.commands.iter().map(|command| command.state).filter(|state| !state.is_open()).collect(),
        session_began: decision.is_new,
        session: Some(key),
        ..Told::plain(reply.body, heard.encoding, ExchangeOutcome::Answered)
    })
}

/// Bytes of chunks that may be kept. Far below the bound of all devices together, messages that are decided at the same
/// moment can't reach it, and need not wait for each other.
fn upload_room(tx: &mut Tx<'_>, contact: &Contact, frame: &Frame<'_>) -> Result<u64, Error> {
    let mut kept = tx.upload_bytes(&contact.device_id)?;
    if kept.all > frame.uploads.all / 2 {
        tx.lock_uploads()?;
        kept = tx.upload_bytes(&contact.device_id)?;
    }
    Ok(frame.uploads.room(kept))
}

/// States of commands that pending ones depend on and that are not pending themselves.
fn states_depended_on(
    tx: &mut Tx<'_>,
    pending: &[transom_protocol::session::Pending],
) -> Result<BTreeMap<CommandId, CommandState>, Error> {
    let here = |id: &CommandId| pending.iter().any(|command| command.id == *id);
    let elsewhere: Vec<CommandId> =
        pending.iter().flat_map(|command| &command.depends_on).filter(|id| !here(id)).cloned().collect();
    if elsewhere.is_empty() { Ok(BTreeMap::new()) } else { Ok(tx.command_states(&elsewhere)?.into_iter().collect()) }
}

/// A check-in in which nothing happened: nothing was answered, nothing goes out.
fn is_idle(message: &Message, decision: &Decision) -> bool {
    decision.attempts.is_empty()
        && decision.answered.is_empty()
        && decision.events.iter().all(|event| {
            matches!(
                event,
                transom_protocol::session::Event::SessionStarted(_)
                    | transom_protocol::session::Event::DeviceInfo { .. }
            )
        })
        && message.oddities.is_empty()
}

fn repeated(
    tx: &mut Tx<'_>,
    heard: &Heard,
    contact: &Contact,
    key: Option<&SessionKey>,
    reply: Reply,
    proofs: &Proofs,
) -> Result<Told, Error> {
    let record = Record {
        id: ExchangeId::new(heard.received_at),
        outcome: ExchangeOutcome::Repeated,
        detail: Some("the same message came again and got the same reply".to_owned()),
        session: key.cloned(),
        contact: Some(contact),
        proofs,
    };
    tx.record_exchange(&record.of(heard, None, &reply.body))?;
    Ok(Told::plain(reply.body, reply.encoding, ExchangeOutcome::Repeated))
}

fn refused_by_contact(
    tx: &mut Tx<'_>,
    heard: &Heard,
    frame: &Frame<'_>,
    contact: &Contact,
    key: Option<&SessionKey>,
    refused: &Refused,
    proofs: &Proofs,
) -> Result<Told, Error> {
    if refused.account.is_some() || refused.session.is_some() {
        let session = key.zip(refused.session.as_ref());
        tx.save_standing(&contact.enrollment, refused.account.as_ref(), session)?;
    }
    let body = encode(heard.encoding, &refused.reply);
    let outcome = outcome_of(refused.kind);
    let record = Record {
        id: ExchangeId::new(heard.received_at),
        outcome,
        detail: None,
        session: key.filter(|_| refused.session.is_some()).cloned(),
        contact: Some(contact),
        proofs,
    };
    // Every check-in begins with a challenge: it is part of those in which nothing happens.
    if frame.keep_idle || outcome != ExchangeOutcome::Challenged {
        tx.record_exchange(&record.of(heard, Some(&refused.reply), &body))?;
    }
    Ok(Told::plain(body, heard.encoding, outcome))
}

/// Someone who is not enrolled here, or whose header says nothing: answered, counted, and not written down, so that
/// nobody can fill the journal from outside.
fn refused_without_contact(heard: &Heard, frame: &Frame<'_>) -> Told {
    let refused = refuse_stranger(&heard.message, frame.rules);
    Told::plain(encode(heard.encoding, &refused.reply), heard.encoding, outcome_of(refused.kind))
}

const fn outcome_of(kind: RefusalKind) -> ExchangeOutcome {
    match kind {
        RefusalKind::Header(_) => ExchangeOutcome::HeaderRefused,
        RefusalKind::Stranger => ExchangeOutcome::Stranger,
        RefusalKind::Challenged => ExchangeOutcome::Challenged,
        RefusalKind::WrongCredential => ExchangeOutcome::WrongCredential,
        RefusalKind::Locked => ExchangeOutcome::Locked,
        RefusalKind::Stale => ExchangeOutcome::Stale,
    }
}

/// Someone whose certificate or signature does not go with the message. Nothing changes; it is counted, kept where the
/// device is known, and told where it is known whose it was to be.
fn forbidden(
    tx: &mut Tx<'_>,
    heard: &Heard,
    header: &Header,
    mismatch: Mismatch,
    whose: Option<&EnrollmentId>,
    proofs: &Proofs,
) -> Result<Told, Error> {
    if whose.is_some() || tx.device(&header.device)?.is_some() {
        let record = Record {
            id: ExchangeId::new(heard.received_at),
            outcome: ExchangeOutcome::Forbidden,
            detail: Some(mismatch.meaning()),
            session: None,
            contact: None,
            proofs,
        };
        let exchange = record.id.clone();
        tx.record_exchange(&record.of(heard, None, &[]))?;
        if let Some(enrollment) = whose {
            effects::tell_mismatch(tx, enrollment, &mismatch, &header.device, &exchange, heard.received_at)?;
        }
    }
    let told = Told::plain(Vec::new(), heard.encoding, ExchangeOutcome::Forbidden);
    Ok(Told { mismatch: Some(mismatch), ..told })
}

fn oddities(message: &Message) -> Option<String> {
    let told: Vec<String> =
        message.oddities.iter().take(8).map(|oddity| format!("{}: {}", oddity.path, oddity.what)).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// How long a device is told to wait when the store is busy.
pub(super) const BUSY: Duration = Duration::from_secs(5);
