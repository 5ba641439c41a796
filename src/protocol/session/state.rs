//! The session as a value: what one message needs to know of those before it.

use serde::{Deserialize, Serialize};

use super::{CommandId, MsgId, Nonce, SessionId, SessionUser, Timestamp};

/// A management session of one enrollment, authenticated. There is no other: a message that fails to authenticate
/// makes and changes none.
///
/// Serialized with its nonces: whoever stores it encrypts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Chosen by the client.
    pub session_id: SessionId,
    /// Where it stands.
    pub phase: Phase,
    /// How the device proved who it is.
    pub authentication: Authentication,
    /// The message in which it proved it last.
    pub authenticated_in: MsgId,
    /// The client's last message that was processed.
    pub client_message: MsgId,
    /// SHA-256 of that message's body, in hexadecimal.
    pub client_hash: String,
    /// SHA-256 of the body that the session began with, in hexadecimal.
    pub first_hash: String,
    /// The sessions before this one, the last one first: what comes late of them is not heard.
    pub earlier: Vec<EarlierSession>,
    /// Our last message.
    pub server_message: MsgId,
    /// How many messages of the client were processed.
    pub messages: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When the client's last message was processed.
    pub last_at: Timestamp,
    /// Who is signed in, by the device's own word.
    pub login: LoginStatus,
    /// Which scope the session is for, by the device's own word.
    pub sync_type: SyncType,
    /// Whose session it is, where a token said so.
    #[serde(default)]
    pub user: Option<SessionUser>,
    /// Largest message that the client takes, when it said so.
    pub max_msg_size: Option<u64>,
    /// Largest object that the client takes, when it said so.
    pub max_obj_size: Option<u64>,
    /// What our messages carried and is not fully answered.
    pub in_flight: Vec<Sent>,
    /// A value that the device is sending in chunks.
    pub upload: Option<Upload>,
    /// The last value whose chunks were given up: what still comes of it is no value.
    #[serde(default)]
    pub given_up: Option<UploadOf>,
    /// A value that we are sending in chunks.
    pub download: Option<Download>,
    /// How many messages in a row left no room for the next command.
    pub asked: u32,
    /// How often the device asked for our credential in this session.
    pub server_challenges: u32,
    /// Every message of ours carries our credential.
    pub server_cred: bool,
    /// Our last message only asked for the next one.
    pub nudged: bool,
    /// An Exec that ends the session went out: nothing follows it until it is answered with an error.
    pub ender: Option<CommandId>,
}

impl Session {
    /// A session that begins with this message of the client. Each message that it may have sent before, to be
    /// challenged, was answered by one of ours, so that our counter begins where the client's stands.
    pub const fn begin(session_id: SessionId, message: MsgId, authentication: Authentication, now: Timestamp) -> Self {
        Self {
            session_id,
            phase: Phase::Open,
            authentication,
            authenticated_in: message,
            client_message: message,
            client_hash: String::new(),
            first_hash: String::new(),
            earlier: Vec::new(),
            server_message: message,
            messages: 1,
            started_at: now,
            last_at: now,
            login: LoginStatus::Unsaid,
            sync_type: SyncType::Mixed,
            user: None,
            max_msg_size: None,
            max_obj_size: None,
            in_flight: Vec::new(),
            upload: None,
            given_up: None,
            download: None,
            asked: 0,
            server_challenges: 0,
            server_cred: false,
            nudged: false,
            ender: None,
        }
    }
}

/// What is remembered of a session that another one replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierSession {
    /// Chosen by the client.
    pub session_id: SessionId,
    /// SHA-256 of the body that it began with, in hexadecimal.
    pub first_hash: String,
    /// When the client's last message was processed.
    pub last_at: Timestamp,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Messages go back and forth.
    Open,
    /// We had nothing more to say; the device may still come back.
    Quiet,
    /// Over.
    Ended(Ending),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Alert 1223 of the device.
    AbortedByDevice,
    /// We stopped it: too many messages.
    AbortedByServer,
    /// Another session began.
    Replaced,
    /// Nothing was heard for too long.
    TimedOut,
    /// The device left management.
    Unenrolled,
}

/// How the device proved who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// `syncml:auth-md5`; with the nonce that it was made with, because the same Cred may come again.
    Digest(Nonce),
    /// `syncml:auth-basic`.
    Basic,
    /// The transport proved it (client certificate or message signature).
    Transport,
}

/// `com.microsoft/MDM/LoginStatus` (MS-MDM 3.2.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginStatus {
    /// The device did not say.
    #[default]
    Unsaid,
    /// The enrolled user is signed in: `./User` works.
    User,
    /// Another user is signed in.
    Others,
    /// Nobody is signed in.
    None,
}

/// `com.microsoft.mdm.synctype` (MS-MDM 3.2.5.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncType {
    /// The device did not say, or said `mixed`: both scopes.
    #[default]
    Mixed,
    /// Only device nodes.
    Device,
    /// Only user nodes.
    User,
}

/// One `CmdID` of one of our messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Our message.
    pub message: MsgId,
    /// The `CmdID` in it.
    pub cmd_id: u32,
    /// The command of the queue.
    pub command: CommandId,
    /// Which part of the command.
    pub part: SentPart,
    /// What was heard of it.
    pub answer: SentAnswer,
}

/// What was heard of a [`Sent`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentAnswer {
    /// Nothing that settles it.
    #[default]
    Awaited,
    /// The device took it and will report the end.
    Accepted,
    /// All that was to be said. Kept for a message or two, because devices repeat themselves.
    Settled,
}

/// Which part of a command a `CmdID` stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentPart {
    /// The Atomic or Sequence itself.
    Group,
    /// Some of its nodes, by their place in [`crate::csp::Instruction::settings`].
    Items(Vec<usize>),
    /// A chunk, not the last, of its only node's value.
    Chunk,
}

/// A large object on its way to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// What it is the value of.
    #[serde(flatten)]
    pub of: UploadOf,
    /// `Size` of the first chunk.
    pub announced: u64,
    /// Bytes so far.
    pub received: u64,
    /// Base64 symbols so far.
    pub symbols: u64,
    /// The value is base64 text.
    pub is_base64: bool,
    /// Chunks so far.
    pub chunks: u32,
    /// When the first one came.
    #[serde(default)]
    pub began_at: Timestamp,
}

/// What a large object on its way to us is the value of. Chunks after the first name nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadOf {
    /// The node.
    pub uri: String,
    /// `CmdRef` of the Results; empty for other commands.
    pub cmd_ref: String,
    /// `MsgRef` of the Results; empty for other commands.
    pub msg_ref: String,
}

/// A large object on its way to the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Download {
    /// The command of the queue.
    pub command: CommandId,
    /// Bytes of its value that were sent.
    pub offset: usize,
    /// The device took the last chunk and waits for the next.
    pub acknowledged: bool,
}
