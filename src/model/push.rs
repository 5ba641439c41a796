//! How a device is woken: its channel, the push that waits for it, and what became of earlier ones.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{DeviceId, Timestamp};
use utoipa::ToSchema;

use super::{EnrollmentId, PushClaim, Secret};

/// The channel of an enrollment, as the device reported it.
#[derive(Debug, Clone)]
pub struct PushChannel {
    /// Whether it can be used.
    pub state: ChannelState,
    /// Why it is in this state, in a sentence.
    pub reason: Option<String>,
    /// The package family name that the device was given.
    pub package: Option<String>,
    /// The address, where it may be called.
    pub uri: Option<Secret<String>>,
    /// SHA-256 of the address that was last reported, whatever became of it: one that was retired is not used again.
    pub uri_hash: Option<String>,
    /// `Push/Status`.
    pub status: Option<i64>,
    /// When the device last said something of it.
    pub observed_at: Option<Timestamp>,
    /// When the state changed.
    pub changed_at: Timestamp,
}

/// Whether a channel can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// The device was given the package family name and has no channel yet.
    Registering,
    /// It can.
    Live,
    /// The device says that it has none.
    Unavailable,
    /// What the device reported is no address of WNS: it is never called.
    Refused,
    /// WNS says that it is of no use any more; the device is asked for another.
    Retired,
}

/// A push that this instance sends now.
#[derive(Debug, Clone)]
pub struct ClaimedPush {
    /// For which enrollment.
    pub enrollment: EnrollmentId,
    /// Until the claim runs out nobody else sends it.
    pub claim: PushClaim,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// How often it was tried before.
    pub attempts: u32,
    /// Where to.
    pub uri: Secret<String>,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushOutcome {
    /// WNS took it.
    Accepted,
    /// WNS threw it away.
    Dropped,
    /// WNS gets too many.
    Throttled,
    /// WNS has trouble, or can't be reached.
    Failed,
    /// There is no token.
    NoToken,
    /// The channel is of no use any more.
    Retired,
    /// WNS would not have it, or something that is not WNS answered.
    Refused,
}

/// What is to be kept of a try.
#[derive(Debug, Clone)]
pub struct PushResult {
    /// What became of it.
    pub outcome: PushOutcome,
    /// A sentence, without secrets.
    pub detail: Option<String>,
    /// When it is tried again; `None` when it is over.
    pub again_at: Option<Timestamp>,
}

/// A channel and what became of its pushes, to be looked at. Without the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushRecord {
    /// Whether it can be used.
    pub state: ChannelState,
    /// Why it is in this state.
    pub reason: Option<String>,
    /// `Push/Status`.
    pub status: Option<i64>,
    /// When the device last said something of it.
    pub observed_at: Option<Timestamp>,
    /// Pushes that WNS took.
    pub pushes: u32,
    /// Of these, followed by a session in time.
    pub woke: u32,
    /// Of these, not followed by one in time.
    pub slept: u32,
    /// WNS took a push then, and no session has begun since.
    pub awaiting_since: Option<Timestamp>,
    /// When WNS last took one.
    pub pushed_at: Option<Timestamp>,
    /// When a push last woke the device.
    pub woke_at: Option<Timestamp>,
    /// What became of the last try.
    pub outcome: Option<PushOutcome>,
    /// When.
    pub outcome_at: Option<Timestamp>,
    /// In a sentence.
    pub outcome_detail: Option<String>,
    /// A push waits and goes out then.
    pub due_at: Option<Timestamp>,
}

/// A push that no session followed in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedWake {
    /// The device.
    pub device: DeviceId,
    /// Its enrollment.
    pub enrollment: EnrollmentId,
    /// When WNS took the push.
    pub since: Timestamp,
}

/// A token for WNS.
#[derive(Debug, Clone)]
pub struct PushToken {
    /// The token.
    pub token: Secret<String>,
    /// Counts the tokens, so that one that was refused is known.
    pub number: i64,
}

/// Where a token is to be had.
#[derive(Debug, Clone)]
pub enum TokenTurn {
    /// Here.
    Ready(PushToken),
    /// Another instance is asking for one.
    Wait,
    /// This instance is to ask, and to say what came of it.
    Ask,
    /// Nobody is to ask before then; the last answer is why.
    NotNow {
        /// Not before.
        until: Timestamp,
        /// Why there is none.
        problem: String,
    },
}

/// How pushes go in general.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushServiceRecord {
    /// When the token ends; `None` without one.
    pub token_ends: Option<Timestamp>,
    /// Why there is no token, in the words of who refused it.
    pub problem: Option<String>,
    /// Since when.
    pub problem_at: Option<Timestamp>,
    /// WNS asked to be left alone until then.
    pub paused_until: Option<Timestamp>,
    /// Pushes that wait.
    pub waiting: i64,
    /// Pushes that WNS took and no session has followed yet.
    pub awaiting: i64,
    /// How many enrollments have a channel in each state.
    pub channels: Vec<(ChannelState, i64)>,
}

impl ChannelState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Registering, Self::Live, Self::Unavailable, Self::Refused, Self::Retired];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registering => "registering",
            Self::Live => "live",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Retired => "retired",
        }
    }
}

impl PushOutcome {
    /// The word in JSON, in the database and in counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Dropped => "dropped",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::NoToken => "no_token",
            Self::Retired => "retired",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json_form() {
        use PushOutcome::{Accepted, Dropped, Failed, NoToken, Refused, Retired, Throttled};
        for state in ChannelState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for outcome in [Accepted, Dropped, Throttled, Failed, NoToken, Retired, Refused] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }
}
