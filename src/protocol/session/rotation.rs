//! Other credentials for an account that is in use (DDF of the `DMAcc` CSP: `AppAuth/<CLCRED|SRVCRED>/AAuthSecret`).
//!
//! A device takes them at some time, and its answer may be lost. So the old ones and all that were offered are right until
//! the device uses new ones for the first time; then those are the only ones.

use serde::{Deserialize, Serialize};

use super::{Account, Credential, Timestamp};

/// What was offered, and since when the last that was taken is in use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rotation {
    /// Offered and not used yet, the oldest first.
    pub offered: Vec<Offered>,
    /// Since when the device uses what it was given last; nothing for what it began with.
    pub since: Option<Timestamp>,
    /// When the device last refused what it was offered.
    #[serde(default)]
    pub refused_at: Option<Timestamp>,
}

/// Credentials that a device was told, or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// What the device is to prove.
    pub client: Credential,
    /// What we are to prove, where the device knows something of us.
    pub server: Option<Credential>,
    /// When it was ordered.
    pub at: Timestamp,
}

/// Most that are offered at once: each is one more that is right.
pub const MOST_OFFERED: usize = 3;

impl Account {
    /// Offers other credentials. Does not where so many are offered that an old one would have to be forgotten, which the
    /// device may have taken.
    pub fn offer(&mut self, offered: Offered) -> Result<(), TooManyOffered> {
        if self.rotation.offered.len() >= MOST_OFFERED {
            return Err(TooManyOffered);
        }
        self.rotation.offered.push(offered);
        Ok(())
    }

    /// Takes back what was offered at a time: the device said that it did not take it.
    pub fn withdraw(&mut self, at: Timestamp) {
        self.rotation.offered.retain(|offered| offered.at != at);
    }

    /// The device used what was offered at this place: nothing else is right from now on.
    pub(super) fn adopt(&mut self, place: usize, now: Timestamp) {
        let Some(Offered { client, server, .. }) = self.rotation.offered.get(place).cloned() else { return };
        self.client = client;
        self.server = server.or(self.server.take());
        self.rotation = Rotation { since: Some(now), ..Rotation::default() };
    }
}

/// Enough is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the device was offered other credentials {MOST_OFFERED} times and has used none of them; wait until it comes")]
pub struct TooManyOffered;
