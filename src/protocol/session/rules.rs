//! Bounds and choices of a session that an operator may set.

/// What bounds a session. Times are in milliseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Path of the management door; the path of a message's `Target` has to end with it (case is ignored).
    pub management_path: String,
    /// Whether a credential stands for the session (212) or for one message (200).
    pub auth_mode: AuthMode,
    /// A package is cut to this size, or to the client's `MaxMsgSize` where that is smaller.
    pub package_bytes: usize,
    /// A package holds at most this many commands.
    pub package_commands: usize,
    /// Messages of a client that one session answers with commands. After that nothing more is offered, and a package
    /// that goes on and on is aborted; what is left waits for the next session.
    pub max_messages: u32,
    /// Without a message for so long, a session needs a new credential.
    pub session_timeout: i64,
    /// For so long a repeated message gets the stored reply.
    pub reply_kept: i64,
    /// Unanswered messages after which a command is set aside.
    pub max_unanswered: u32,
    /// Unanswered messages that carried nothing else, after which a command is set aside.
    pub max_unanswered_alone: u32,
    /// How often a device may say "later" (408, 417, 503) to one command.
    pub max_retries: u32,
    /// Wait after the first "later"; doubled each time.
    pub retry_after: i64,
    /// Largest value that a device may send in chunks.
    pub max_upload: u64,
    /// So long after its first chunk a value is to be complete. What is later finds nothing to be added to.
    pub upload_timeout: i64,
}

/// How far a credential reaches (OMA DM Security 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMode {
    /// It is answered with 212 and stands for the whole session.
    PerSession,
    /// It is answered with 200 and a new nonce; every message needs its own.
    PerMessage,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            management_path: "/ManagementServer/Mdm.svc".to_owned(),
            auth_mode: AuthMode::PerSession,
            package_bytes: 256 * 1024,
            package_commands: 100,
            max_messages: 100,
            session_timeout: 30 * 60 * 1000,
            reply_kept: 60 * 60 * 1000,
            max_unanswered: 5,
            max_unanswered_alone: 4,
            max_retries: 5,
            retry_after: 60 * 1000,
            max_upload: 4 * 1024 * 1024,
            upload_timeout: 30 * 60 * 1000,
        }
    }
}
