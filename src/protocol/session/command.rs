//! A command of the queue as the session sees it, and what became of it.

use serde::{Deserialize, Serialize};

use super::{CommandId, Principal, Timestamp};
use crate::csp::Instruction;
use crate::syncml::{Format, StatusCode};

/// A command that is not settled yet: waiting, or sent and not fully answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Its id.
    pub id: CommandId,
    /// Its place in the queue of the enrollment, gapless from 1.
    pub sequence: i64,
    /// What to do.
    pub instruction: Instruction,
    /// Whose `./User` nodes it means; unsaid, those of the enrolled user.
    pub user: Option<Principal>,
    /// What is known so far.
    pub progress: Progress,
    /// Where it stands.
    pub state: CommandState,
    /// Why it stands there.
    pub reason: Option<Reason>,
    /// How often it was put into a message.
    pub attempts: u32,
    /// Not to be sent before.
    pub not_before: Option<Timestamp>,
    /// Not to be sent at or after.
    pub expires_at: Option<Timestamp>,
    /// Commands that must have succeeded before. Those that are not among the pending ones are looked up in
    /// `settled` of the exchange.
    pub depends_on: Vec<CommandId>,
}

/// Delivery state (design, promise 7). Each means one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waits to be sent.
    Queued,
    /// In a message that was recorded; not answered yet.
    Sent,
    /// Held back, or accepted by the device and not done; the reason says which.
    Deferred,
    /// Outcome: done.
    Succeeded,
    /// Outcome: the device refused or failed, or it can't be delivered.
    Failed,
    /// Outcome: it may or may not have run, and repeating it could do harm.
    Unknown,
    /// Outcome: its time had passed before it was sent.
    Expired,
    /// Outcome: taken back.
    Canceled,
    /// Outcome: replaced by something newer.
    Superseded,
}

/// How a settled command ended; the subset of [`CommandState`] that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done.
    Succeeded,
    /// Failed.
    Failed,
    /// May or may not have run.
    Unknown,
    /// Too late.
    Expired,
    /// Taken back.
    Canceled,
    /// Replaced.
    Superseded,
}

/// Why a command stands where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which one.
    pub code: ReasonCode,
    /// Since when.
    pub since: Timestamp,
    /// How often it has held so far.
    pub count: u32,
    /// For a command held back: not before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
    /// What else there is to say, such as the Status code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Reasons, in stable words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Deferred: a `./User` node waits until its user is signed in and has a session.
    WaitingForUser,
    /// Deferred: this session is for the other scope (`com.microsoft.mdm.synctype`).
    WaitingForScope,
    /// Deferred: a command that it depends on is not done yet.
    WaitingForDependency,
    /// Deferred: the device accepted it and will report the end later.
    Accepted,
    /// Deferred: the device asked to try again later.
    RetryLater,
    /// Queued again: an earlier message was never answered.
    Unanswered,
    /// Queued again: Add met an existing node and goes out as Replace.
    SentAsReplace,
    /// Failed: the device answered with an error.
    RefusedByDevice,
    /// Failed: the device answered 200 to a Get and sent no value, again and again.
    NoResult,
    /// Failed: larger than this device takes.
    TooLarge,
    /// Failed: the device refused every message that carried it.
    MessageRefused,
    /// Unknown: sent, never answered, and not to be repeated.
    Interrupted,
    /// Unknown, or failed where it only reads: sent several times, alone at last, and never answered.
    NeverAnswered,
    /// Unknown: accepted, and nothing was heard since.
    NoReport,
    /// Unknown: it waited when the backup was made that the server was restored from, and may have run since.
    Restored,
    /// Canceled: a command that it depends on did not succeed.
    DependencyFailed,
    /// Canceled by an operator.
    ByOperator,
    /// Canceled: the device left management.
    Unenrolled,
    /// Superseded: the device enrolled anew.
    NewEnrollment,
    /// Superseded: the device was told to erase itself, and took it on.
    Erased,
    /// Failed: what is stored of it can't be read any more.
    Undecodable,
}

/// What is known of a command's outcome, item by item.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Status of the Atomic or Sequence itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_status: Option<StatusCode>,
    /// `msft:originalerror` of the Atomic or Sequence itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_error: Option<String>,
    /// One entry for each node, in the order of [`Instruction::settings`].
    pub items: Vec<ItemOutcome>,
    /// Messages that carried it and were never answered, one after the other.
    #[serde(default)]
    pub unanswered: u32,
    /// Of these, messages that carried nothing else.
    #[serde(default)]
    pub unanswered_alone: u32,
    /// A message that was never answered carried it: the device may have done it already.
    #[serde(default)]
    pub maybe_applied: bool,
    /// How often the device asked to try again later.
    #[serde(default)]
    pub later: u32,
}

/// What is known of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ItemOutcome {
    /// The last Status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusCode>,
    /// `msft:originalerror`, as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_error: Option<String>,
    /// Value of the node itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultValue>,
    /// Values of nodes below it (`?list=StructData`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<ResultValue>,
    /// The Add met an existing node and goes out as Replace.
    #[serde(default)]
    pub as_replace: bool,
    /// The end was reported by an alert, after the device had accepted the command.
    #[serde(default)]
    pub reported: bool,
}

/// A value that a device reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultValue {
    /// The node, as the device wrote it.
    pub uri: String,
    /// Its format; devices leave `chr` out.
    #[serde(default)]
    pub format: Format,
    /// Its MIME type, when the device gave one.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The value.
    pub data: String,
    /// The value came in chunks: `data` is the last one, the ones before are in the store.
    #[serde(default)]
    pub chunked: bool,
}

impl CommandState {
    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
        }
    }

    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sent,
        Self::Deferred,
        Self::Succeeded,
        Self::Failed,
        Self::Unknown,
        Self::Expired,
        Self::Canceled,
        Self::Superseded,
    ];

    /// The state that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The outcome, when the state is final.
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Queued | Self::Sent | Self::Deferred => None,
            Self::Succeeded => Some(Outcome::Succeeded),
            Self::Failed => Some(Outcome::Failed),
            Self::Unknown => Some(Outcome::Unknown),
            Self::Expired => Some(Outcome::Expired),
            Self::Canceled => Some(Outcome::Canceled),
            Self::Superseded => Some(Outcome::Superseded),
        }
    }

    /// Whether the command is still in the queue.
    pub const fn is_open(self) -> bool {
        self.outcome().is_none()
    }
}

impl Progress {
    /// Nothing known yet of an instruction.
    pub fn new(instruction: &Instruction) -> Self {
        Self { items: instruction.settings().map(|_| ItemOutcome::default()).collect(), ..Self::default() }
    }
}

impl Pending {
    /// A command that was just put into the queue.
    pub fn new(id: CommandId, sequence: i64, instruction: Instruction) -> Self {
        Self {
            id,
            sequence,
            progress: Progress::new(&instruction),
            instruction,
            user: None,
            state: CommandState::Queued,
            reason: None,
            attempts: 0,
            not_before: None,
            expires_at: None,
            depends_on: Vec::new(),
        }
    }
}
