//! How a message stands to the last session of its enrollment: next, again, too late or a new beginning
//! (OMA DM Protocol 8, design promise 2). Who sent it is another question.

use super::{Arrival, EarlierSession, Header, MsgId, Phase};

/// How a message stands to the last session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The last message again, and its reply is still there.
    Repetition,
    /// A later message of the session, or its last one with another body.
    Continues {
        /// Too long ago: it needs a credential.
        timed_out: bool,
    },
    /// It was heard already, it is earlier than one that was, or it belongs to the session before.
    Older,
    /// Of no session that could go on.
    Begins,
}

impl Relation {
    pub(super) fn of(arrival: &Arrival<'_>, header: &Header) -> Self {
        let Some(session) = &arrival.session else { return Self::Begins };
        let is_first = header.message == MsgId::FIRST;
        if session.session_id != header.session {
            // What is left on the wire of sessions before must not end this one.
            let late = |earlier: &EarlierSession| {
                let recent = arrival.now.millis_since(earlier.last_at) <= arrival.rules.reply_kept;
                let again = arrival.body_hash == earlier.first_hash && recent;
                earlier.session_id == header.session && (again || !is_first)
            };
            return if session.earlier.iter().any(late) { Self::Older } else { Self::Begins };
        }
        let age = arrival.now.millis_since(session.last_at);
        let silent = age > arrival.rules.session_timeout;
        let is_last = header.message == session.client_message && arrival.body_hash == session.client_hash;
        if is_last && arrival.has_reply && age <= arrival.rules.reply_kept {
            return Self::Repetition;
        }
        if is_last || (is_first && arrival.body_hash == session.first_hash) {
            // A device that gives all its sessions one name begins another like this, but not in the midst of one.
            return if is_first && silent { Self::Begins } else { Self::Older };
        }
        if is_first {
            Self::Begins
        } else if header.message < session.client_message {
            Self::Older
        } else if matches!(session.phase, Phase::Ended(_)) {
            Self::Begins
        } else {
            Self::Continues { timed_out: silent }
        }
    }
}
