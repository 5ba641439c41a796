//! May this message be processed? Header, repetition, authentication: everything before the queue is touched.

use super::answer::{challenge, header_only};
use super::authenticate::{Freshness, Proof, prove};
use super::relation::Relation;
use super::{
    Account, AuthMode, Authentication, DeviceId, EarlierSession, Event, Guesses, Header, HeaderFault, Introduction,
    MsgId, Nonce, Phase, Principal, Rules, Session, SyncType, Timestamp,
};
use crate::csp::short;
use crate::syncml::{Address, Message, StatusCode, SyncHdr};

/// Sessions before the last one that are remembered.
pub(super) const MAX_EARLIER: usize = 4;

/// A message, and what is known of the one who claims to have sent it.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// What came.
    pub message: &'a Message,
    /// SHA-256 of the body as it came, in hexadecimal.
    pub body_hash: &'a str,
    /// Credentials of the enrollment that `Source` names.
    pub account: Account,
    /// What it says of its session.
    pub says: Introduction,
    /// The session of that enrollment that [`super::choose`] found.
    pub session: Option<Session>,
    /// The reply to that session's last message is still in the store.
    pub has_reply: bool,
    /// The transport proved that this enrollment speaks.
    pub by_transport: bool,
    /// Wrong credentials of this enrollment that came from the same place lately.
    pub guesses: Guesses,
    /// Becomes the next nonce if a credential is accepted: at least 16 random bytes.
    pub fresh_nonce: Nonce,
    /// When it came.
    pub now: Timestamp,
    /// Bounds and choices.
    pub rules: &'a Rules,
}

/// What to do with a message.
#[derive(Debug)]
pub enum Admission<'a> {
    /// It was answered before: send the stored reply again, byte for byte, and change nothing.
    Repeat,
    /// It is answered and not processed.
    Refused(Box<Refused>),
    /// It may be processed.
    Accepted(Box<Admitted<'a>>),
}

/// An answer to a message that is not processed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// What to send.
    pub reply: Message,
    /// Why.
    pub kind: RefusalKind,
    /// To be stored when it is there: counters of wrong credentials.
    pub account: Option<Account>,
    /// To be stored when it is there: our message counter of a session that goes on.
    pub session: Option<Session>,
}

/// Why a message is not processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// Its header violates the specification.
    Header(HeaderFault),
    /// Nobody is enrolled under this name.
    Stranger,
    /// It needs a credential: 407.
    Challenged,
    /// Its credential is wrong: 401, with another challenge the first time.
    WrongCredential,
    /// It is from where too many wrong credentials came from, and proves nothing that only the device could: 401.
    Locked,
    /// It is older than the last one that was processed.
    Stale,
}

/// A message that was authenticated.
#[derive(Debug)]
pub struct Admitted<'a> {
    pub(super) message: &'a Message,
    pub(super) now: Timestamp,
    pub(super) rules: &'a Rules,
    pub(super) account: Account,
    pub(super) account_changed: bool,
    pub(super) session: Session,
    /// The session that this message ended by beginning another.
    pub(super) replaced: Option<Session>,
    pub(super) is_new: bool,
    /// Status of the header.
    pub(super) status: StatusCode,
    /// The nonce for the next credential goes with it.
    pub(super) next_nonce: Option<Nonce>,
    pub(super) events: Vec<Event>,
    /// Who enrolled the device, where that is known.
    pub(super) enrolled_user: Option<Principal>,
    /// Bytes of chunks that may be kept.
    pub(super) upload_room: u64,
}

/// Answers a message whose `Source` is enrolled nowhere: 401 without a challenge ends its session.
pub fn refuse_stranger(message: &Message, rules: &Rules) -> Refused {
    match Header::parse(&message.header, rules) {
        Err(fault) => refuse_header(message, fault),
        Ok(header) => Refused {
            reply: header_only(&message.header, header.message, StatusCode::INVALID_CREDENTIALS, None),
            kind: RefusalKind::Stranger,
            account: None,
            session: None,
        },
    }
}

/// Decides whether a message may be processed.
pub fn admit(arrival: Arrival<'_>) -> Admission<'_> {
    let header = match Header::parse(&arrival.message.header, arrival.rules) {
        Ok(header) => header,
        Err(fault) => return Admission::Refused(Box::new(refuse_header(arrival.message, fault))),
    };
    let relation = Relation::of(&arrival, &header);
    if relation == Relation::Repetition {
        return if may_hear_again(&arrival) {
            Admission::Repeat
        } else {
            Admission::Refused(Box::new(refuse(arrival, &header, false)))
        };
    }
    let open = match relation {
        Relation::Continues { timed_out: false } => arrival.session.as_ref(),
        _ => None,
    };
    match prove(&arrival, &header, open) {
        // Only a credential that was never used shows that an old number is a new beginning. Without any, the device is
        // asked for one: 200 would make it believe that it was heard.
        Proof::Transport | Proof::Fresh(_, Freshness::Previous, _) if relation == Relation::Older => {
            Admission::Refused(Box::new(stale(arrival, &header)))
        }
        Proof::Missing => Admission::Refused(Box::new(refuse(arrival, &header, false))),
        Proof::Wrong => Admission::Refused(Box::new(refuse(arrival, &header, true))),
        Proof::Fresh(_, Freshness::Previous, _) if !may_use_previous(&arrival, &header) => {
            Admission::Refused(Box::new(refuse(arrival, &header, true)))
        }
        proof => Admission::Accepted(Box::new(accept(arrival, &header, relation, proof))),
    }
}

/// A stored reply goes only to who proves what was proved when it was written.
fn may_hear_again(arrival: &Arrival<'_>) -> bool {
    let by_transport = |session: &Session| session.authentication == Authentication::Transport;
    arrival.by_transport || !arrival.session.as_ref().is_some_and(by_transport)
}

/// The nonce before the last is taken where a lost reply explains it: in the first message of another session, after one
/// that never went on from the message whose reply told the new nonce.
fn may_use_previous(arrival: &Arrival<'_>, header: &Header) -> bool {
    let lost =
        |session: &Session| session.session_id != header.session && session.client_message == session.authenticated_in;
    header.message == MsgId::FIRST && arrival.session.as_ref().is_some_and(lost)
}

fn refuse_header(message: &Message, fault: HeaderFault) -> Refused {
    let msg_id = MsgId::parse(&message.header.msg_id).unwrap_or(MsgId::FIRST);
    Refused {
        reply: header_only(&clipped(&message.header), msg_id, fault.status(), None),
        kind: RefusalKind::Header(fault),
        account: None,
        session: None,
    }
}

/// What a reply echoes of a header that was not found good: no more than a good one could hold.
fn clipped(wire: &SyncHdr) -> SyncHdr {
    let clip = |text: &str| short(text, DeviceId::MAX_LEN);
    SyncHdr {
        session_id: clip(&wire.session_id),
        msg_id: clip(&wire.msg_id),
        target: Address::uri(clip(&wire.target.loc_uri)),
        source: Address::uri(clip(&wire.source.loc_uri)),
        ..SyncHdr::default()
    }
}

/// 407 or 401. The nonce is derived, so that a message which proves nothing changes nothing but counters.
fn refuse(arrival: Arrival<'_>, header: &Header, wrong: bool) -> Refused {
    let Arrival { message, mut account, session, guesses, .. } = arrival;
    let locked = wrong && guesses == Guesses::Many;
    // Who names a device from elsewhere does not take its challenge away.
    let offer = !locked && (!wrong || account.reject(header) || guesses == Guesses::None);
    let nonce = account.challenge_nonce(&header.device, &header.session, header.message);
    let chal = offer.then(|| challenge(&account, &nonce));
    let (code, kind) = if locked {
        (StatusCode::INVALID_CREDENTIALS, RefusalKind::Locked)
    } else if wrong {
        (StatusCode::INVALID_CREDENTIALS, RefusalKind::WrongCredential)
    } else {
        (StatusCode::MISSING_CREDENTIALS, RefusalKind::Challenged)
    };
    // Inside a session that goes on, our counter counts, also where its last message comes again too late; before one,
    // each of our messages answers one of theirs.
    let going_on = session.filter(|session| {
        session.session_id == header.session
            && header.message != MsgId::FIRST
            && header.message >= session.client_message
            && !matches!(session.phase, Phase::Ended(_))
    });
    let counted = going_on.map(counted);
    let number = counted.as_ref().map_or(header.message, |session| session.server_message);
    Refused {
        reply: header_only(&message.header, number, code, chal),
        kind,
        account: (wrong && !locked).then_some(account),
        session: counted,
    }
}

/// An old message: 200 and nothing else, because what it said was heard.
fn stale(arrival: Arrival<'_>, header: &Header) -> Refused {
    let Arrival { message, session, .. } = arrival;
    let counted = session.filter(|session| session.session_id == header.session).map(counted);
    let number = counted.as_ref().map_or(header.message, |session| session.server_message);
    Refused {
        reply: header_only(&message.header, number, StatusCode::OK, None),
        kind: RefusalKind::Stale,
        account: None,
        session: counted,
    }
}

/// The session after one more message of ours, in which nothing was said.
fn counted(session: Session) -> Session {
    Session { server_message: session.server_message.next(), ..session }
}

fn accept<'a>(arrival: Arrival<'a>, header: &Header, relation: Relation, proof: Proof) -> Admitted<'a> {
    let Arrival { message, body_hash, mut account, says, session, fresh_nonce, now, rules, .. } = arrival;
    let per_session = rules.auth_mode == AuthMode::PerSession;
    let continues = matches!(relation, Relation::Continues { .. });
    let accepted = if per_session { StatusCode::AUTHENTICATED } else { StatusCode::OK };
    let mut events = Vec::new();
    let (status, next_nonce, authentication) = match proof {
        Proof::Fresh(authentication, freshness, offered) => {
            account.accept(&header.session, &authentication, freshness, fresh_nonce.clone());
            if let Some(place) = offered {
                account.adopt(place, now);
                events.push(Event::CredentialsChanged);
            }
            let is_digest = matches!(authentication, Authentication::Digest(_));
            (accepted, is_digest.then_some(fresh_nonce), Some(authentication))
        }
        Proof::Transport if !continues => (StatusCode::AUTHENTICATED, None, Some(Authentication::Transport)),
        Proof::InSession { cred: true } => (accepted, None, None),
        Proof::Transport | Proof::InSession { cred: false } | Proof::Missing | Proof::Wrong => {
            (StatusCode::OK, None, None)
        }
    };
    let account_changed = matches!(authentication, Some(Authentication::Digest(_) | Authentication::Basic));
    let (session, replaced) = match session {
        Some(session) if continues => {
            // A challenge takes a number too, and leaves none in the session.
            if !account_changed {
                note_gap(&session, header, &mut events);
            }
            let authenticated_in = if authentication.is_some() { header.message } else { session.authenticated_in };
            let authentication = authentication.unwrap_or(session.authentication);
            let server_message = session.server_message.next();
            let messages = session.messages.saturating_add(1);
            let user = session.user.clone().or(says.user);
            (Session { authentication, authenticated_in, server_message, messages, user, ..session }, None)
        }
        other => {
            let authentication = authentication.unwrap_or(Authentication::Transport);
            let earlier = other.as_ref().map(|session| remember(session, header)).unwrap_or_default();
            let first_hash = body_hash.to_owned();
            let server_message = first_number(other.as_ref(), header);
            let begun = Session::begin(header.session.clone(), header.message, authentication, now);
            let begun = Session { first_hash, earlier, server_message, ..begun };
            (introduced(begun, says, other.as_ref()), other)
        }
    };
    let session = Session {
        client_message: header.message,
        client_hash: body_hash.to_owned(),
        last_at: now,
        phase: Phase::Open,
        ..session
    };
    Admitted {
        message,
        now,
        rules,
        account,
        account_changed,
        session,
        replaced,
        is_new: !continues,
        status,
        next_nonce,
        events,
        enrolled_user: None,
        upload_room: u64::MAX,
    }
}

/// A session as its first message introduces it. One that goes on under its name after it was over, or after another of
/// the same user began, without saying it all again, is what it was.
fn introduced(begun: Session, says: Introduction, before: Option<&Session>) -> Session {
    // A message that says nothing is put to a session of a user only where its SessionID is known there.
    let of_user = before.filter(|before| before.sync_type == SyncType::User);
    match of_user.filter(|_| says.sync_type.is_none()) {
        Some(before) => {
            let user = says.user.or_else(|| before.user.clone());
            Session { sync_type: before.sync_type, login: before.login, user, ..begun }
        }
        None => Session { sync_type: says.sync_type.unwrap_or_default(), user: says.user, ..begun },
    }
}

/// What a new session remembers of the one before, and of those that this one remembered.
fn remember(before: &Session, header: &Header) -> Vec<EarlierSession> {
    let last = EarlierSession {
        session_id: before.session_id.clone(),
        first_hash: before.first_hash.clone(),
        last_at: before.last_at,
    };
    let earlier = std::iter::once(last).chain(before.earlier.iter().cloned());
    earlier.filter(|earlier| earlier.session_id != header.session).take(MAX_EARLIER).collect()
}

/// Our first number in a session. Each earlier message of the client, if there was one, was answered by one of ours, so
/// that our counter begins where the client's stands; and where a device gives a session the name of the one before, it
/// goes on, so that no answer to the old one fits the new.
fn first_number(before: Option<&Session>, header: &Header) -> MsgId {
    let same = before.filter(|before| before.session_id == header.session);
    same.map_or(header.message, |before| before.server_message.next().max(header.message))
}

fn note_gap(session: &Session, header: &Header, events: &mut Vec<Event>) {
    let expected = session.client_message.next();
    if header.message > expected {
        let detail = format!("MsgID {} came where {expected} was due; a message may be lost", header.message);
        events.push(Event::Anomaly { kind: "message_gap", detail });
    } else if header.message < expected {
        let detail = format!("MsgID {} came again with another body", header.message);
        events.push(Event::Anomaly { kind: "message_changed", detail });
    }
}
