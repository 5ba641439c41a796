//! A management session, as it is looked at afterwards.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{Authentication, DeviceId, LoginStatus, Phase, SessionId, SyncType, Timestamp};

use super::{EnrollmentId, SessionKey};

/// A session as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRecord {
    /// Ours.
    pub id: SessionKey,
    /// Whose.
    pub device_id: DeviceId,
    /// What the computer calls itself.
    pub device_name: Option<String>,
    /// In which life of the device.
    pub enrollment: EnrollmentId,
    /// The client's.
    pub session_id: SessionId,
    /// When its first authenticated message came.
    pub started_at: Timestamp,
    /// When its last message came.
    pub last_at: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// How the device proved who it is.
    pub authentication: AuthenticationMethod,
    /// Who is signed in, by the device's own word.
    pub login: LoginStatus,
    /// What it is for.
    pub kind: SyncType,
    /// Whose it is, where a token said so.
    pub user: Option<String>,
    /// Somebody checked that token.
    pub user_verified: bool,
    /// The tenant of that user, where the token was checked.
    pub user_tenant: Option<String>,
    /// The user as the tenant keeps people apart, likewise.
    pub user_object: Option<String>,
    /// `MsgID` of the client's last message.
    pub client_message: u32,
    /// `MsgID` of our last message.
    pub server_message: u32,
    /// How many messages it sent, since it was authenticated.
    pub exchanges: i64,
    /// Commands that were put into messages.
    pub commands_sent: i64,
    /// Commands that were answered.
    pub commands_answered: i64,
}

/// How a device proved who it is; [`Authentication`] without its nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// `syncml:auth-md5`.
    Digest,
    /// `syncml:auth-basic`.
    Basic,
    /// The transport proved it.
    Transport,
}

/// Which sessions; newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those that began then or later.
    pub from: Option<Timestamp>,
    /// Only those that began before.
    pub until: Option<Timestamp>,
    /// Only those in which all of these were said: in the form in which they were noted.
    pub words: Vec<String>,
}

impl AuthenticationMethod {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Digest, Self::Basic, Self::Transport];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Basic => "basic",
            Self::Transport => "transport",
        }
    }
}

impl From<&Authentication> for AuthenticationMethod {
    fn from(authentication: &Authentication) -> Self {
        match authentication {
            Authentication::Digest(_) => Self::Digest,
            Authentication::Basic => Self::Basic,
            Authentication::Transport => Self::Transport,
        }
    }
}
