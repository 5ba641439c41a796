//! Commands: as they are ordered, and as they are read back.

use serde::{Deserialize, Serialize};
use transom_protocol::csp::{Instruction, Scope};
use transom_protocol::session::{CommandId, CommandState, DeviceId, Principal, Progress, Reason, Timestamp};
use transom_protocol::syncml::Verb;

use super::{BatchId, EnrollmentId, ExchangeId, SessionKey};

/// The same commands for one device or many.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCommands {
    /// For whom.
    pub devices: Vec<DeviceId>,
    /// What, in the order in which it is to be sent.
    pub commands: Vec<NewCommand>,
    /// What they are listed under together.
    pub batch: Option<BatchId>,
    /// Who ordered them.
    pub created_by: String,
    /// A queue with more open commands than this afterwards takes none of them.
    pub max_open: i64,
    /// Devices that have a channel are to be woken for them.
    pub wake: bool,
}

/// A command to be put into a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCommand {
    /// What to do.
    pub instruction: Instruction,
    /// Whose part of the tree it touches.
    pub scope: CommandScope,
    /// Whose `./User` nodes it means; unsaid, those of the enrolled user.
    pub user: Option<Principal>,
    /// Its record proves that something drastic was done (wipe, reboot, unenrollment) and is kept longer.
    pub proof: bool,
    /// Not to be sent before.
    pub not_before: Option<Timestamp>,
    /// Not to be sent at or after.
    pub expires_at: Option<Timestamp>,
    /// What must have succeeded before.
    pub depends_on: Vec<Dependency>,
}

/// What a command waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dependency {
    /// A command that was ordered before.
    On(CommandId),
    /// A command of the same order, by its place in it; for each device its own.
    OnEarlier(usize),
}

/// Whose part of the management tree a command touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandScope {
    /// Only nodes of the device.
    Device,
    /// Only nodes of the user: it goes out while the enrolled user is signed in.
    User,
    /// Nodes of both.
    Mixed,
}

/// What became of an order, for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// The device.
    pub device: DeviceId,
    /// The new commands in the order that was given, or why there are none.
    pub commands: Result<Vec<CommandId>, NotEnqueued>,
}

/// Why a device got no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotEnqueued {
    /// No such device.
    UnknownDevice,
    /// The device left management.
    NotEnrolled,
    /// Its queue is full.
    QueueFull,
    /// It is told to leave.
    Leaving,
}

/// A command as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandRecord {
    /// Its id.
    pub id: CommandId,
    /// For whom.
    pub device_id: DeviceId,
    /// In whose queue.
    pub enrollment: EnrollmentId,
    /// Its place in the queue, gapless from 1.
    pub sequence: i64,
    /// What it was ordered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// `get`, `add`, `replace`, `delete`, `exec`, `atomic` or `sequence`.
    pub kind: String,
    /// Its first node.
    pub target: String,
    /// Whose part of the tree it touches.
    pub scope: CommandScope,
    /// Whose `./User` nodes it means; unsaid, those of the enrolled user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Where it stands.
    pub state: CommandState,
    /// Why it stands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When it was ordered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Not to be sent before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Not to be sent at or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How often it was put into a message.
    #[serde(rename = "attempt_count")]
    pub attempts: u32,
    /// When it was last put into a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When it got its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

/// A command with all that is known of it. Holds values that were set on or read from a device.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandView {
    /// What lists show.
    pub record: CommandRecord,
    /// What to do.
    pub instruction: Instruction,
    /// What is known of its outcome, item by item.
    pub progress: Progress,
    /// What must have succeeded before.
    pub depends_on: Vec<CommandId>,
    /// Each time that it was put into a message.
    pub attempts: Vec<Attempt>,
}

/// One time that a command was put into a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// In which session.
    #[serde(rename = "session_id")]
    pub session: SessionKey,
    /// In which message of ours.
    pub message: u32,
    /// With which `CmdID`.
    pub cmd_id: u32,
    /// The exchange that carried it out.
    pub sent_in: ExchangeId,
    /// When.
    pub sent_at: Timestamp,
    /// The exchange that brought the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_in: Option<ExchangeId>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// Which commands; newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandFilter {
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those in this state.
    pub state: Option<CommandState>,
    /// Only those that were ordered together.
    pub batch: Option<BatchId>,
    /// Also what the server asks of devices for itself.
    pub own: bool,
}

/// What the server asks of devices for itself is ordered by this and a word.
pub const OWN: &str = "transom:";

/// Who orders the commands that carry settings of policies.
pub const POLICY_ORDERS: &str = "transom:policy";

/// Who orders the reading back of what policies have set.
pub const POLICY_READS: &str = "transom:verify";

impl NewCommand {
    /// A command to be sent as soon as possible.
    pub fn new(instruction: Instruction) -> Self {
        let proof = instruction.settings().any(|(verb, node)| verb == Verb::Exec && node.target.ends_session());
        Self {
            scope: CommandScope::of(&instruction),
            user: None,
            proof,
            instruction,
            not_before: None,
            expires_at: None,
            depends_on: Vec::new(),
        }
    }
}

impl CommandScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Device, Self::User, Self::Mixed];

    /// The scope of an instruction.
    pub fn of(instruction: &Instruction) -> Self {
        let user = instruction.settings().any(|(_, node)| node.target.scope() == Scope::User);
        let device = instruction.settings().any(|(_, node)| node.target.scope() == Scope::Device);
        match (device, user) {
            (true, true) => Self::Mixed,
            (false, true) => Self::User,
            (_, false) => Self::Device,
        }
    }

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::User => "user",
            Self::Mixed => "mixed",
        }
    }
}
