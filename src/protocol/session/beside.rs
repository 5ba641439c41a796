//! Which of the sessions that an enrollment has beside each other a message belongs to (MS-MDM 3.2.5.1.5).
//!
//! A computer that several users work on at once, as in Azure Virtual Desktop, opens one session for itself and one for
//! each of them, all under one enrollment. A session of the device ends when the next one of the device begins, that of
//! a user when the next one of that user begins, and none of them ends another.

use super::{Header, LoginStatus, Session, SessionUser, SyncType};
use crate::syncml::{AlertCode, Command, Message};

/// What package 1 says of its session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Introduction {
    /// `com.microsoft.mdm.synctype`. A package 1 without it is for everything; no other message has to say it.
    pub sync_type: Option<SyncType>,
    /// The user whom a token names.
    pub user: Option<SessionUser>,
}

/// The place of a session among those of one enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    /// The one of the device, or of everything: there is one.
    Device,
    /// One of a user; one for each name, and those without a name are told apart by their `SessionID` alone.
    User(Option<&'a SessionUser>),
}

impl Introduction {
    /// What a message says; `user` is what a token in it says, and whether that was checked.
    pub fn of(message: &Message, user: Option<SessionUser>) -> Self {
        Self { sync_type: said_type(message).or_else(|| begins(message).then_some(SyncType::Mixed)), user }
    }

    fn place(&self) -> Option<Place<'_>> {
        self.sync_type.map(|kind| match kind {
            SyncType::User => Place::User(self.user.as_ref()),
            SyncType::Mixed | SyncType::Device => Place::Device,
        })
    }
}

impl Place<'_> {
    /// May be one and the same: a name that was not said may be any.
    fn may_be(self, other: Self) -> bool {
        match (self, other) {
            (Self::Device, Self::Device) | (Self::User(None), Self::User(_)) | (Self::User(_), Self::User(None)) => {
                true
            }
            (Self::User(Some(one)), Self::User(Some(other))) => one.name == other.name,
            _ => false,
        }
    }
}

impl Session {
    /// Sessions of users that one enrollment may have beside that of the device. One more takes the place of the one
    /// that was silent longest.
    pub const MAX_USERS: usize = 32;

    const fn place(&self) -> Place<'_> {
        match self.sync_type {
            SyncType::User => Place::User(self.user.as_ref()),
            SyncType::Mixed | SyncType::Device => Place::Device,
        }
    }
}

/// Which of the last sessions of an enrollment a message goes on with, repeats, or takes the place of; `None` when it
/// begins one beside them.
///
/// There is at most one session of the device among them. The message proves nothing by being put there: that is for
/// [`super::admit`].
pub fn choose(header: &Header, body_hash: &str, says: &Introduction, sessions: &[Session]) -> Option<usize> {
    let place = says.place();
    let fits = |session: &Session| place.is_none_or(|place| place.may_be(session.place()));
    let of_users = |session: &Session| session.sync_type == SyncType::User;
    let fitting = || sessions.iter().enumerate().filter(|(_, session)| fits(session));
    // Users may number their sessions each for himself, so that the number alone does not tell.
    let named = || fitting().filter(|(_, session)| session.session_id == header.session);
    let again = || named().find(|(_, session)| session.client_hash == body_hash || session.first_hash == body_hash);
    let next = || named().find(|(_, session)| session.client_message.next() == header.message);
    let latest = || named().max_by_key(|(_, session)| session.last_at);
    let late = || fitting().find(|(_, session)| session.earlier.iter().any(|old| old.session_id == header.session));
    let known = again().or_else(next).or_else(latest).or_else(late);
    if let Some((at, _)) = known {
        return Some(at);
    }
    match place {
        Some(Place::User(user)) => {
            let own = || {
                let same = |session: &Session| {
                    user.is_some() && session.user.as_ref().map(|u| &u.name) == user.map(|u| &u.name)
                };
                sessions.iter().position(|session| of_users(session) && same(session))
            };
            let full = sessions.iter().filter(|session| of_users(session)).count() >= Session::MAX_USERS;
            let oldest = || {
                let users = sessions.iter().enumerate().filter(|(_, session)| of_users(session));
                users.min_by_key(|(_, session)| session.last_at).map(|(at, _)| at)
            };
            own().or_else(|| full.then(oldest).flatten())
        }
        Some(Place::Device) | None => sessions.iter().position(|session| !of_users(session)),
    }
}

/// Whether a message is package 1, which begins a session.
fn begins(message: &Message) -> bool {
    message.body.commands.iter().any(|command| match command {
        Command::Alert(alert) => {
            matches!(alert.code, Some(AlertCode::SERVER_INITIATED | AlertCode::CLIENT_INITIATED))
        }
        _ => false,
    })
}

/// The last `synctype` of a message.
fn said_type(message: &Message) -> Option<SyncType> {
    let events = message.body.commands.iter().filter_map(|command| match command {
        Command::Alert(alert) if matches!(alert.code, Some(AlertCode::CLIENT_EVENT | AlertCode::GENERIC)) => {
            Some(&alert.items)
        }
        _ => None,
    });
    let mut kinds =
        events.flatten().filter(|item| super::hear::kind_of(item).eq_ignore_ascii_case("com.microsoft.mdm.synctype"));
    kinds.next_back().map(|item| SyncType::parse(item.text()))
}

impl SyncType {
    /// The kind that a word names; what is not known is for everything, as where nothing is said.
    pub fn parse(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "user" => Self::User,
            "device" => Self::Device,
            _ => Self::Mixed,
        }
    }

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mixed => "mixed",
            Self::Device => "device",
            Self::User => "user",
        }
    }

    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Mixed, Self::Device, Self::User];
}

impl LoginStatus {
    /// In words, for who asks why a command waits.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Unsaid => "the device did not say who is signed in",
            Self::User => "the enrolled user is signed in",
            Self::Others => "another user is signed in",
            Self::None => "nobody is signed in",
        }
    }
}
