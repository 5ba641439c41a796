//! Guesses at the credential of a device (OMA DM Security 5; threats T05): counted by enrollment and address together.
//!
//! Everybody may name a device, so that a lock by its id alone would let anybody shut it out. Who guesses from one address
//! is locked out there, for growing times; the device itself, should it come from the same one, is still believed when
//! it uses the nonce that it was told last, because that is nothing to guess passwords with. A message that is proved by
//! certificate or signature is not asked for a credential, and not counted.

use std::time::Duration;

use transom_protocol::session::Guesses;

use super::effects::tell;
use super::exchange::Heard;
use crate::model::{EventKind, FailureSubject, Patience, rfc3339_text};
use crate::store::{Contact, Error, Tx};

/// One failure is forgotten after each such span.
pub(super) const FORGIVE_EVERY: Duration = Duration::from_mins(10);

/// What is held against the address that a message comes from.
///
/// Asked only while the account counts wrong credentials since the last right one: a check-in in which nothing is wrong
/// costs no statement. So who was locked out gets one guess more each time that the device has been there.
pub(super) fn look(tx: &mut Tx<'_>, heard: &Heard, contact: &Contact) -> Result<Guesses, Error> {
    if heard.message.header.cred.is_none() || contact.account.failures == 0 {
        return Ok(Guesses::None);
    }
    Ok(match tx.failures(&subject(heard, contact))? {
        Some(failures) if failures.is_locked(heard.received_at) => Guesses::Many,
        Some(_) => Guesses::Few,
        None => Guesses::None,
    })
}

/// A wrong credential came.
pub(super) fn hold_against(
    tx: &mut Tx<'_>,
    heard: &Heard,
    contact: &Contact,
    patience: &Patience,
) -> Result<(), Error> {
    let (subject, now) = (subject(heard, contact), heard.received_at);
    let before = tx.failures_for_update(&subject)?;
    let after = patience.after_failure(before.as_ref(), now);
    tx.save_failures(&subject, &after)?;
    let Some(until) = after.locked_until else { return Ok(()) };
    tracing::warn!(peer = %heard.peer, failures = after.count, "wrong credentials of a device; they count no longer");
    let detail =
        format!("{} wrong credentials from {}; locked there until {}", after.count, heard.peer, rfc3339_text(until));
    tell(tx, contact, (EventKind::Security, "credential_locked"), detail, now)
}

/// A right credential came.
pub(super) fn forgive(tx: &mut Tx<'_>, heard: &Heard, contact: &Contact) -> Result<(), Error> {
    tx.forgive(&subject(heard, contact))
}

fn subject(heard: &Heard, contact: &Contact) -> FailureSubject {
    FailureSubject::of_credential(&contact.enrollment, heard.peer)
}
