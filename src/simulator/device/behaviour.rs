//! The switches of a device: what real devices do differently, and what only some can.

use std::collections::BTreeMap;

use transom_protocol::session::{LoginStatus, SyncType};

/// How a device behaves. The default is a Windows 11 device as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behaviour {
    /// Who is signed in.
    pub login: LoginStatus,
    /// What its sessions are for, where it says so. One for users, or for the device beside them, answers 405 to nodes
    /// of the other scope.
    pub sync_type: Option<SyncType>,
    /// Whose sessions they are: the UPN in the token that it shows (`AADUserToken`).
    pub user: Option<String>,
    /// The token that it shows of them, in place of one that nobody has signed.
    pub user_token: Option<String>,
    /// The token in `Authorization: Bearer`, where it has one.
    pub bearer: Option<String>,
    /// The token in `DeviceToken`, where it has one.
    pub device_token: Option<String>,
    /// How far its preparation is, where it says so (`DevicePrepSync`).
    pub device_prep: Option<String>,
    /// How it writes its `SessionID`s.
    pub session_ids: SessionIds,
    /// It sends a credential with the nonce of the last session in its first message. Recorded devices never do.
    pub remembers_nonce: bool,
    /// It demands the server's credential.
    pub authenticates_server: bool,
    /// `MaxMsgSize` that it announces. Recorded devices announce none.
    pub max_msg_size: Option<u64>,
    /// `MaxObjSize` that it announces.
    pub max_obj_size: Option<u64>,
    /// It cuts its answers when the server's `MaxMsgSize` says so. Recorded devices abort the session with 1223.
    pub large_objects: bool,
    /// It sends its answers over several messages of this many commands each, without `Final` but in the last.
    pub split_answers: Option<usize>,
    /// It sends the keep-alive alert before each answer to commands.
    pub keep_alive: bool,
    /// It repeats the Results of one message in the next, as was recorded.
    pub repeats_results: bool,
    /// The address of the channel that it has once it was given a package family name, from the next session on.
    pub channel: Option<String>,
    /// It has that channel at once.
    pub registers_at_once: bool,
    /// Percent of the nodes that other devices have and this one lacks.
    pub lacks: u8,
    /// What it says under some nodes in place of what others say.
    pub says: BTreeMap<String, String>,
    /// An installation takes so many sessions beyond the first.
    pub install_sessions: u8,
    /// It erases itself at once when it is told to, without a word.
    pub wipes_silently: bool,
    /// Where an Atomic fails it does not say because of which command: all of them are "not executed".
    pub hides_culprits: bool,
    /// The tests promise that no Exec is ordered twice with the same target and data: a second one is a complaint.
    pub execs_are_unique: bool,
}

/// How a device writes its `SessionID`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionIds {
    /// 1, 2, 3, …
    #[default]
    Decimal,
    /// 0, 1, 2, …: legal, and seen.
    DecimalFromZero,
    /// `01`, …, `6D`, …: two-byte form of `SyncApplicationVersion` 2.0.
    Hex,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            login: LoginStatus::User,
            sync_type: None,
            user: None,
            user_token: None,
            bearer: None,
            device_token: None,
            device_prep: None,
            session_ids: SessionIds::Decimal,
            remembers_nonce: false,
            authenticates_server: false,
            max_msg_size: None,
            max_obj_size: None,
            large_objects: false,
            split_answers: None,
            keep_alive: false,
            repeats_results: false,
            channel: None,
            registers_at_once: false,
            lacks: 0,
            says: BTreeMap::new(),
            install_sessions: 0,
            wipes_silently: false,
            hides_culprits: false,
            execs_are_unique: false,
        }
    }
}

impl SessionIds {
    /// The id of the session with this number, counted from 1.
    pub(super) fn write(self, number: u32) -> String {
        match self {
            Self::Decimal => number.to_string(),
            Self::DecimalFromZero => number.saturating_sub(1).to_string(),
            Self::Hex => format!("{:02X}", number & 0xFFFF),
        }
    }
}
