//! Others who have something to say to a device beside the operators: its channel is to be known, its facts are to be
//! collected. Management carries their commands and shows them the answers, and knows nothing of what they are about.
//!
//! Capabilities do not know each other: whoever puts them together hands management these functions.

use std::sync::Arc;

use transom_protocol::session::{Decision, Timestamp};

use crate::model::{EnrollmentState, NewCommand, NewCommands, OWN};
use crate::store::{Contact, Error, Tx};

/// What the server wants of a device at a message, before it is answered.
type Before = dyn Fn(&mut Tx<'_>, &Contact, Timestamp) -> Result<Vec<NewCommand>, Error> + Send + Sync;

/// What a message has told.
type After = dyn Fn(&mut Tx<'_>, &Contact, &Decision, Timestamp) -> Result<(), Error> + Send + Sync;

/// Somebody who has something to say to devices. Asked with every message of an authenticated device, in its
/// transaction: whoever has nothing to say makes no statement.
#[derive(Clone)]
pub struct Attendant {
    /// A word: who ordered the commands.
    pub name: &'static str,
    /// What is to be sent with this message.
    pub before: Arc<Before>,
    /// What the message has told.
    pub after: Arc<After>,
}

/// Puts what the server wants of a device into its queue. Whether that was anything.
pub(super) fn before(
    tx: &mut Tx<'_>,
    contact: &Contact,
    attendants: &[Attendant],
    max_open: i64,
    now: Timestamp,
) -> Result<bool, Error> {
    // Nothing comes after the command to leave.
    if contact.state == EnrollmentState::Unenrolling {
        return Ok(false);
    }
    let mut any = false;
    for attendant in attendants {
        let commands = (attendant.before)(tx, contact, now)?;
        if commands.is_empty() {
            continue;
        }
        let created_by = format!("{OWN}{}", attendant.name);
        let new = NewCommands { devices: Vec::new(), commands, batch: None, created_by, max_open, wake: false };
        any |= !tx.enqueue_own(&contact.enrollment, &new, now)?.is_empty();
    }
    Ok(any)
}

/// Shows a message that was processed.
pub(super) fn after(
    tx: &mut Tx<'_>,
    contact: &Contact,
    decision: &Decision,
    attendants: &[Attendant],
    now: Timestamp,
) -> Result<(), Error> {
    attendants.iter().try_for_each(|attendant| (attendant.after)(tx, contact, decision, now))
}

impl std::fmt::Debug for Attendant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attendant").field("name", &self.name).finish_non_exhaustive()
    }
}
