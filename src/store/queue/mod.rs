//! The queue of commands, and its history: one table, in which a command stays from its order to its outcome and
//! beyond.

mod enqueue;
mod load;
mod operate;
mod overdue;
mod pending;
mod save;

pub use operate::{Cancellation, Resolution};
pub use overdue::Lapsed;
pub use save::{Carrier, CommandChange, NewAttempt};

use diesel::prelude::*;
use sha2::{Digest as _, Sha256};
use transom_protocol::session::{CommandState, Principal, Reason, ReasonCode, Timestamp};

use super::schema::commands;
use super::seal::Place;
use super::{Error, words};

/// When something is to be done about a command. Follows from its other columns and is there to be indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, AsChangeset)]
#[diesel(table_name = commands, treat_none_as_null = true)]
#[expect(clippy::struct_field_names, reason = "the columns are called so")]
pub(in crate::store) struct Timers {
    /// A message may take it from then on.
    ready_at: Option<i64>,
    /// It expires then, unless it is sent before.
    lapses_at: Option<i64>,
    /// Since when the device has been working on it.
    accepted_at: Option<i64>,
}

/// The lane of commands that name a user. Two users may share one, which costs room and nothing else.
fn lane_of(user: &Principal) -> i32 {
    let hash = Sha256::digest(user.key().as_bytes());
    let number = hash.iter().take(3).fold(0, |number, byte| number << 8 | i32::from(*byte));
    FIRST_NAMED_LANE + number
}

/// Lanes below are those of the device and of the enrolled user.
const FIRST_NAMED_LANE: i32 = 2;

/// Why a command stands where it stands.
#[derive(Debug, Default, AsChangeset)]
#[diesel(table_name = commands, treat_none_as_null = true)]
pub(in crate::store) struct ReasonColumns {
    reason: Option<String>,
    reason_since: Option<i64>,
    reason_count: Option<i64>,
    retry_at: Option<i64>,
    reason_detail: Option<String>,
}

impl ReasonColumns {
    pub(in crate::store) fn of(reason: Option<&Reason>) -> Result<Self, Error> {
        let Some(reason) = reason else { return Ok(Self::default()) };
        Ok(Self {
            reason: Some(words::word(&reason.code)?),
            reason_since: Some(reason.since.0),
            reason_count: Some(i64::from(reason.count)),
            retry_at: words::millis(reason.retry_at),
            reason_detail: words::optional_text(reason.detail.as_ref()),
        })
    }
}

impl Timers {
    fn of(
        state: CommandState,
        reason: Option<&Reason>,
        not_before: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    ) -> Self {
        let retry_at = reason.and_then(|reason| reason.retry_at);
        let ready_at = Some(not_before.max(retry_at).map_or(0, |time| time.0));
        let lapses_at = expires_at.map(|time| time.0);
        match (state, reason.map(|reason| reason.code)) {
            (CommandState::Deferred, Some(ReasonCode::Accepted)) => {
                Self { accepted_at: reason.map(|reason| reason.since.0), ..Self::default() }
            }
            (CommandState::Deferred, Some(ReasonCode::WaitingForDependency)) => Self { lapses_at, ..Self::default() },
            (CommandState::Queued | CommandState::Deferred, _) => Self { ready_at, lapses_at, accepted_at: None },
            _ => Self::default(),
        }
    }
}

pub(in crate::store) const fn instruction_of(command: &str) -> Place<'_> {
    Place { column: "commands.instruction", row: command }
}

pub(in crate::store) const fn progress_of(command: &str) -> Place<'_> {
    Place { column: "commands.progress", row: command }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: ReasonCode, retry_at: Option<i64>) -> Reason {
        Reason { code, since: Timestamp(7), count: 1, retry_at: retry_at.map(Timestamp), detail: None }
    }

    #[test]
    fn what_waits_for_the_device_or_another_command_is_not_ready() {
        let expires = Some(Timestamp(99));
        let of = |state, reason: Option<&Reason>| Timers::of(state, reason, Some(Timestamp(5)), expires);
        let ready = |at| Timers { ready_at: Some(at), lapses_at: Some(99), accepted_at: None };
        assert_eq!(of(CommandState::Queued, None), ready(5));
        assert_eq!(of(CommandState::Deferred, Some(&reason(ReasonCode::RetryLater, Some(8)))), ready(8));
        assert_eq!(of(CommandState::Deferred, Some(&reason(ReasonCode::WaitingForUser, None))), ready(5));
        let waiting = of(CommandState::Deferred, Some(&reason(ReasonCode::WaitingForDependency, None)));
        assert_eq!(waiting, Timers { lapses_at: Some(99), ..Timers::default() });
        let accepted = of(CommandState::Deferred, Some(&reason(ReasonCode::Accepted, None)));
        assert_eq!(accepted, Timers { accepted_at: Some(7), ..Timers::default() });
        for settled in CommandState::ALL.into_iter().filter(|state| !state.is_open()) {
            assert_eq!(of(settled, None), Timers::default());
        }
        assert_eq!(of(CommandState::Sent, None), Timers::default(), "what was sent does not expire");
        assert_eq!(Timers::of(CommandState::Queued, None, None, None).ready_at, Some(0));
    }
}
