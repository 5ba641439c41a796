//! Status and alert codes (OMA `RepPro` 10, MS-MDM 2.2.6.1, 2.2.7.2), and the errors of Windows behind them: what
//! they are, and what they mean in words. Which outcome a command has, [`crate::session`] decides.

mod alerts;
mod causes;
mod errors;
#[cfg(test)]
mod schema;
mod statuses;

use serde::{Deserialize, Serialize};

pub use errors::{Explained, hresult};

/// A Status code, as it stands on the wire; codes that nobody defined are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatusCode(pub u16);

/// An Alert code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AlertCode(pub u16);

/// What a Status code means for the item that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusClass {
    /// Done.
    Done,
    /// Accepted or in progress: the end comes later (101, 202).
    Accepted,
    /// A chunk was taken; the next one is awaited (213).
    Buffered,
    /// Not run, or undone, because of a sibling (215, 216).
    RolledBack,
    /// Worth another try later (408, 417, 503).
    Later,
    /// Failed for good.
    Failed,
}

impl StatusCode {
    /// 200.
    pub const OK: Self = Self(200);
    /// 202: accepted, the end comes later.
    pub const ACCEPTED: Self = Self(202);
    /// 211: there was nothing to delete.
    pub const ITEM_NOT_DELETED: Self = Self(211);
    /// 212: authenticated for the session.
    pub const AUTHENTICATED: Self = Self(212);
    /// 213: chunk accepted and buffered.
    pub const BUFFERED: Self = Self(213);
    /// 215: not executed.
    pub const NOT_EXECUTED: Self = Self(215);
    /// 216: rolled back.
    pub const ROLLED_BACK: Self = Self(216);
    /// 400: bad request.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401: wrong credentials.
    pub const INVALID_CREDENTIALS: Self = Self(401);
    /// 404: no such node.
    pub const NOT_FOUND: Self = Self(404);
    /// 405: not allowed on this node.
    pub const NOT_ALLOWED: Self = Self(405);
    /// 406: optional feature not supported.
    pub const NOT_SUPPORTED: Self = Self(406);
    /// 407: credentials are missing.
    pub const MISSING_CREDENTIALS: Self = Self(407);
    /// 411: the first chunk names no size.
    pub const SIZE_REQUIRED: Self = Self(411);
    /// 413: too large.
    pub const TOO_LARGE: Self = Self(413);
    /// 415: wrong format or type.
    pub const WRONG_FORMAT: Self = Self(415);
    /// 416: the announced size is too large.
    pub const SIZE_TOO_BIG: Self = Self(416);
    /// 418: the node exists.
    pub const ALREADY_EXISTS: Self = Self(418);
    /// 424: the object is not as long as announced.
    pub const SIZE_MISMATCH: Self = Self(424);
    /// 500: failed.
    pub const COMMAND_FAILED: Self = Self(500);
    /// 501: not implemented.
    pub const NOT_IMPLEMENTED: Self = Self(501);
    /// 505: version of the DTD not supported.
    pub const DTD_VERSION: Self = Self(505);
    /// 507: the Atomic failed.
    pub const ATOMIC_FAILED: Self = Self(507);
    /// 513: version of the protocol not supported.
    pub const PROTOCOL_VERSION: Self = Self(513);
    /// 516: rolling back failed.
    pub const ROLL_BACK_FAILED: Self = Self(516);

    /// What the code means for an item.
    pub const fn class(self) -> StatusClass {
        match self.0 {
            101 | 202 => StatusClass::Accepted,
            213 => StatusClass::Buffered,
            215 | 216 => StatusClass::RolledBack,
            408 | 417 | 503 => StatusClass::Later,
            200..=299 => StatusClass::Done,
            _ => StatusClass::Failed,
        }
    }

    /// The code in a few words.
    pub fn name(self) -> &'static str {
        statuses::find(self.0).map_or("unknown code", |row| row.name)
    }

    /// What it says about the command that it answers, in a sentence for people who are no specialists.
    pub fn meaning(self) -> &'static str {
        match statuses::find(self.0) {
            Some(row) => row.meaning,
            None => match self.class() {
                StatusClass::Done => "The device says that it is done, with a code that no standard explains.",
                _ => "The device gave a code that no standard explains.",
            },
        }
    }

    /// What is likely behind it, where the meaning does not say it.
    pub fn cause(self) -> Option<&'static str> {
        causes::STATUSES.iter().find(|(code, _)| *code == self.0).map(|(_, cause)| *cause)
    }

    /// What to do about it, in a sentence; empty where there is nothing to do.
    pub fn remedy(self) -> &'static str {
        match statuses::find(self.0) {
            Some(row) => row.remedy,
            None => match self.class() {
                StatusClass::Done => "",
                _ => {
                    "Look at the original error, if the device gave one, and into its event log for device management."
                }
            },
        }
    }
}

impl StatusClass {
    /// The word in JSON and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Accepted => "accepted",
            Self::Buffered => "buffered",
            Self::RolledBack => "rolled_back",
            Self::Later => "later",
            Self::Failed => "failed",
        }
    }
}

impl AlertCode {
    /// 1200: session started by the server.
    pub const SERVER_INITIATED: Self = Self(1200);
    /// 1201: session started by the client.
    pub const CLIENT_INITIATED: Self = Self(1201);
    /// 1222: next message, please.
    pub const NEXT_MESSAGE: Self = Self(1222);
    /// 1223: session aborted.
    pub const SESSION_ABORT: Self = Self(1223);
    /// 1224: client event.
    pub const CLIENT_EVENT: Self = Self(1224);
    /// 1225: the end of a chunked object did not come.
    pub const NO_END_OF_DATA: Self = Self(1225);
    /// 1226: generic alert.
    pub const GENERIC: Self = Self(1226);

    /// The code in a few words.
    pub fn name(self) -> &'static str {
        alerts::find(self.0).map_or("unknown code", |row| row.name)
    }

    /// What it says, in a sentence for people who are no specialists.
    pub fn meaning(self) -> &'static str {
        alerts::find(self.0).map_or("The device sent an alert that no standard explains.", |row| row.meaning)
    }
}

impl std::fmt::Display for StatusCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for AlertCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_is_given_for_everything_that_is_not_done() {
        for row in statuses::all() {
            let is_well = matches!(StatusCode(row.code).class(), StatusClass::Done | StatusClass::Buffered);
            assert_eq!(StatusCode(row.code).remedy().is_empty(), is_well, "{}", row.code);
        }
    }

    #[test]
    fn every_code_of_the_standard_is_explained() {
        let codes = [101..=101, 200..=216, 300..=305, 400..=428, 500..=514, 516..=517];
        let codes: Vec<u16> = codes.into_iter().flatten().collect();
        assert_eq!(statuses::all().map(|row| row.code).collect::<Vec<_>>(), codes);
    }

    #[test]
    fn words_are_whole_sentences() {
        let statuses = statuses::all().flat_map(|row| [row.meaning, row.remedy]);
        let errors = errors::all().flat_map(|error| [error.meaning, error.remedy]);
        let alerts = alerts::ALERTS.iter().map(|row| row.meaning);
        let causes = causes::STATUSES.iter().map(|(_, cause)| *cause);
        let causes = causes.chain(causes::ERRORS.iter().map(|(_, cause)| *cause));
        for sentence in statuses.chain(errors).chain(alerts).chain(causes).filter(|sentence| !sentence.is_empty()) {
            let begins = sentence.chars().next().is_some_and(char::is_uppercase);
            assert!(begins && sentence.ends_with('.') && !sentence.contains("  "), "{sentence:?}");
        }
        assert!(errors::all().all(|error| !error.meaning.is_empty() && !error.remedy.is_empty()));
    }

    #[test]
    fn causes_are_of_codes_that_are_explained_and_stand_once() {
        for (place, (code, _)) in causes::STATUSES.iter().enumerate() {
            assert!(statuses::find(*code).is_some_and(|row| !row.remedy.is_empty()), "{code}");
            assert!(causes::STATUSES.iter().skip(place + 1).all(|(other, _)| other != code), "{code} stands twice");
        }
        for (place, (code, cause)) in causes::ERRORS.iter().enumerate() {
            assert_eq!(hresult(code).and_then(Explained::cause), Some(*cause), "{code}");
            assert!(causes::ERRORS.iter().skip(place + 1).all(|(other, _)| other != code), "{code} stands twice");
        }
        assert!(causes::STATUSES.len() + causes::ERRORS.len() >= 40);
        assert_eq!(hresult("-2016345708").and_then(Explained::cause), StatusCode::NOT_FOUND.cause());
        assert_eq!(StatusCode::OK.cause(), None);
    }

    #[test]
    fn unknown_codes_are_explained_by_their_class() {
        assert_eq!(StatusCode(599).name(), "unknown code");
        assert!(!StatusCode(599).remedy().is_empty());
        assert_eq!(StatusCode(299).remedy(), "");
        assert_eq!(AlertCode(9).name(), "unknown code");
        assert_eq!(AlertCode::CLIENT_EVENT.name(), "event");
    }
}
