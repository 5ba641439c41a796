//! What is kept of one setting of one device: what it is to be, what the device was given, and what became of that.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::{StatusClass, StatusCode};

use super::{PolicyState, SettingCheck};

/// How often in a row a setting is sent again of which nobody knows what became of it.
pub const MOST_LOST: u32 = 3;

/// One setting of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingRecord {
    /// Its address.
    pub uri: String,
    /// The configurations that want it; none: it is being taken back.
    #[serde(default)]
    pub by: Vec<String>,
    /// The configurations that wanted it last, where it is being taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub was_by: Vec<String>,
    /// Where it stands.
    pub state: PolicyState,
    /// Since when.
    pub since: Timestamp,
    /// Why, where its state alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of what is wanted, where it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the device was last given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
    /// What the device had of it before that was sent, as far as anybody knows, where it did not answer with success since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Given>,
    /// Whether the device made it for us; false: it was there before. `None` where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<bool>,
    /// Something of the same Atomic is under way, carried by this: until it is known what became of it nothing is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// What carries it to the device, or carried it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// What takes the value before away, ahead of the carrier, where the device does not replace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The code that the device answered with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error behind the code, as the device wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_error: Option<String>,
    /// The address of the setting of the same Atomic because of which it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because_of: Option<String>,
    /// It failed with all of its Atomic, and what carried them is what they have in common.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_others: bool,
    /// How often in a row nobody knows what became of what carried it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u32,
    /// What is known of it by reading it back.
    #[serde(default, skip_serializing_if = "SettingCheck::is_nothing")]
    pub check: SettingCheck,
}

/// What a device was given of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Of what was sent.
    pub token: String,
    /// What became of it.
    pub outcome: GivenOutcome,
}

/// What became of something that a device was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenOutcome {
    /// The device has not answered.
    Pending,
    /// The device has taken it.
    Applied,
    /// The device has refused it.
    Failed,
    /// The device does not have such a setting.
    NotHere,
    /// The device has something else by now.
    Drifted,
}

impl Given {
    /// Something that the device may have, whatever it is.
    pub const UNKNOWN: Self = Self { token: String::new(), outcome: GivenOutcome::Failed };

    /// Nothing: it has refused what it was given.
    pub const NOTHING: Self = Self { token: String::new(), outcome: GivenOutcome::NotHere };
}

impl SettingRecord {
    /// Whether its outcome is waited for.
    pub fn waits(&self) -> bool {
        let is_given = || self.given.as_ref().is_some_and(|given| given.outcome == GivenOutcome::Pending);
        self.carrier.is_some() && (matches!(self.state, PolicyState::Pending | PolicyState::Retracting) || is_given())
    }

    /// Nobody knows what became of what carried it, or it `was_never_sent`. It is to be sent once more, since to write the same
    /// twice does no harm; false, and nothing is noted, where that was done too often.
    pub fn lose(&mut self, was_never_sent: bool) -> bool {
        if self.lost >= MOST_LOST {
            return false;
        }
        self.lost += 1;
        (self.carrier, self.first) = (None, None);
        if was_never_sent && !self.by.is_empty() {
            self.given = self.before.take();
        } else {
            self.send_again();
        }
        true
    }

    /// It goes to the device now. What that has by its own word, or may have, is known for as long as it does not say more.
    pub fn set_out(&mut self, token: Option<String>) {
        let is_there = |given: &Given| {
            *given == Given::UNKNOWN || matches!(given.outcome, GivenOutcome::Applied | GivenOutcome::Drifted)
        };
        if let Some(given) = self.given.take().filter(is_there) {
            self.before = Some(given);
        }
        self.given = token.map(|token| Given { token, outcome: GivenOutcome::Pending });
    }

    /// Whether the device may have something of ours there. What it has refused it does not have, unless it had something
    /// before, or could not undo what went with it.
    pub fn may_be_there(&self) -> bool {
        let given = |given: &Given| {
            let refused = matches!(given.outcome, GivenOutcome::Failed | GivenOutcome::NotHere);
            !refused || *given == Given::UNKNOWN
        };
        self.before.is_some() || self.given.as_ref().is_some_and(given)
    }

    /// Whether the device has accepted it and did not say how it ended.
    pub fn is_accepted(&self) -> bool {
        self.status.is_some_and(|status| StatusCode(status).class() == StatusClass::Accepted)
    }

    /// It is to be sent once more, or taken back once more. Whether the device may have something of it is not forgotten by
    /// that: what it may have is taken back if it is no longer wanted by then, what it has refused is not.
    pub fn send_again(&mut self) {
        let has_none = !self.by.is_empty() && !self.may_be_there();
        self.given = Some(if has_none { Given::NOTHING } else { Given::UNKNOWN });
    }

    /// Whether it is to be taken back once more.
    pub fn is_taken_back_again(&self) -> bool {
        self.by.is_empty() && self.given.as_ref().is_some_and(|given| given.outcome == GivenOutcome::Failed)
    }

    /// The configurations that it counts for: those that want it, again too while it is still being taken back, and of what
    /// could not be taken back those that did.
    pub fn counts_for(&self) -> &[String] {
        let again = || self.wanted.as_ref().is_some_and(|wanted| !wanted.is_empty());
        let is_left = self.by.is_empty() && (self.state == PolicyState::Failed || again());
        if is_left { &self.was_by } else { &self.by }
    }

    /// Whether it is to be sent, and nothing was done about that yet.
    pub(super) fn is_to_be_sent(&self) -> bool {
        let is_again = self.given.as_ref().is_some_and(|given| {
            // Something else is wanted by now, which waited for what became of this.
            let is_overtaken = given.outcome != GivenOutcome::Pending && self.wanted.as_ref() != Some(&given.token);
            given.token.is_empty() || is_overtaken && self.held_by.is_none()
        });
        // What is kept goes when nothing holds it any more, which only another revision can change.
        let goes = self.is_taken_back_again() && self.state != PolicyState::Kept;
        !self.by.is_empty() && self.wanted.is_some() && is_again || goes
    }

    /// Whether the device has taken it, and was not asked for it since.
    pub(super) fn is_unread(&self) -> bool {
        self.check.unread
            && !self.check.reads()
            && self.given.as_ref().is_some_and(|given| {
                given.outcome == GivenOutcome::Applied && self.wanted.as_ref() == Some(&given.token)
            })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}
