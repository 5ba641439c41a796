//! Whose session a message is of, where an enrollment has several beside each other (MS-MDM 3.2.5.1.5).
//!
//! Says it before anything is proved: what is chosen here is only what a message is held against.

use transom_protocol::session::{Header, Introduction, Principal, Session, SyncType, choose};
use transom_protocol::syncml::Message;

use super::exchange::Heard;
use super::tokens::Tokens;
use crate::store::{Contact, Error, Tx};

/// What a message says of its session.
pub(super) fn introduction(message: &Message, tokens: &Tokens) -> Introduction {
    Introduction::of(message, tokens.user())
}

/// The session of the contact becomes the one that a message belongs to, or none where it begins one beside the others.
///
/// Those of users are looked up only for a message that may be of one: most devices have none.
pub(super) fn turn_to(tx: &mut Tx<'_>, contact: &mut Contact, header: &Header, heard: &Heard) -> Result<(), Error> {
    if !may_be_of_user(contact, header, heard) {
        return Ok(());
    }
    let (mut keys, mut sessions) = (Vec::new(), Vec::new());
    let of_users = tx.user_sessions(&contact.enrollment)?;
    for (key, session) in contact.session.take().into_iter().chain(of_users) {
        keys.push(key);
        sessions.push(session);
    }
    let chosen = choose(header, &heard.body_hash, &heard.says, &sessions);
    contact.session = chosen.and_then(|place| keys.into_iter().zip(sessions).nth(place));
    Ok(())
}

/// A session of a user says so in its first package, and its later messages go on with nothing that the device's has.
fn may_be_of_user(contact: &Contact, header: &Header, heard: &Heard) -> bool {
    let goes_on = |session: &Session| {
        session.session_id == header.session
            && (session.client_message.next() == header.message || session.client_hash == heard.body_hash)
    };
    match heard.says.sync_type {
        Some(kind) => kind == SyncType::User,
        None => !contact.session.as_ref().is_some_and(|(_, session)| goes_on(session)),
    }
}

/// Who enrolled the device, where that is known.
pub(super) fn enrolled_user(contact: &Contact) -> Option<Principal> {
    contact.upn.as_deref().and_then(Principal::parse)
}

/// Whose commands a session takes, beside those that name nobody.
pub(super) fn served(contact: &Contact, session: &Session) -> Option<Principal> {
    match (&session.user, session.sync_type) {
        (Some(user), _) => Some(user.name.clone()),
        (None, SyncType::Mixed) => enrolled_user(contact),
        (None, SyncType::Device | SyncType::User) => None,
    }
}
