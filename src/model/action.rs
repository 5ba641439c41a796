//! What is asked of a device as a whole: a restart, a wipe, an install.
//!
//! An action is more than the commands that it becomes: it ends when the device itself has said that it is done, not
//! when the device has taken the command.

use serde::{Deserialize, Serialize};
use transom_protocol::session::{CommandId, CommandState, DeviceId, Reason, Timestamp};
use utoipa::ToSchema;

use super::{ActionId, EnrollmentId, Right, Secret};

/// An action, as lists show it. Without what was asked for, which may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its id.
    pub id: ActionId,
    /// For whom.
    pub device_id: DeviceId,
    /// In which life of the device.
    pub enrollment: EnrollmentId,
    /// Of which sort.
    pub kind: ActionKind,
    /// Where it stands.
    pub state: ActionState,
    /// What the device last said of it.
    pub progress: Option<String>,
    /// Why it stands there.
    pub detail: Option<String>,
    /// The command whose outcome decides.
    pub command: CommandId,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When the device took it on.
    pub accepted_at: Option<Timestamp>,
    /// When it ended.
    pub settled_at: Option<Timestamp>,
}

/// What sort of action it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// Restart, at once or at a time.
    Reboot,
    /// Lock the screen.
    Lock,
    /// Another name for the computer.
    Rename,
    /// Back to the state of the factory.
    Wipe,
    /// Back to a state that is ready for the next user, and still managed.
    AutopilotReset,
    /// New recovery passwords of `BitLocker`.
    RotateRecoveryPasswords,
    /// A new password of the local administrator.
    ResetLapsPassword,
    /// Look for malware.
    Scan,
    /// Fetch the newest signatures of malware.
    UpdateSignatures,
    /// Collect logs and send them.
    CollectDiagnostics,
    /// Install an MSI.
    InstallMsi,
    /// Remove an MSI.
    RemoveMsi,
    /// Trust a root certificate.
    InstallRoot,
    /// Have a certificate issued over SCEP.
    EnrollScep,
    /// Install a certificate with its key.
    InstallPfx,
}

/// Where an action stands. Only what the device has said itself is `done`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// The device has not been told yet.
    Queued,
    /// It was told, and has not answered.
    Sent,
    /// It has taken it on. That is not done.
    Accepted,
    /// It says that it is done.
    Done,
    /// It says that it could not, or would not.
    Failed,
    /// It may or may not have done it: for a person to find out.
    Unknown,
    /// Its time had passed before the device was told.
    Expired,
    /// Taken back before the device was told.
    Canceled,
    /// Something that came later made it pointless.
    Superseded,
}

/// An action to be kept.
#[derive(Debug, Clone)]
pub struct NewAction {
    /// Its id.
    pub id: ActionId,
    /// In which life of which device.
    pub enrollment: EnrollmentId,
    /// The device.
    pub device_id: DeviceId,
    /// Of which sort.
    pub kind: ActionKind,
    /// What was asked for, as JSON.
    pub request: Secret<String>,
    /// The command whose outcome decides.
    pub command: CommandId,
    /// Who asks.
    pub created_by: String,
}

/// An action that has not ended, with all that is needed to see whether it has.
#[derive(Debug, Clone)]
pub struct OpenAction {
    /// The action.
    pub action: Action,
    /// What was asked for, as JSON.
    pub request: Secret<String>,
    /// What the device said before it began: values by node, as JSON.
    pub baseline: Option<Secret<String>>,
    /// The device is asked how far it is, from then on.
    pub ask_at: Option<Timestamp>,
    /// How often it was asked.
    pub asks: u32,
    /// Where the command stands, and why; `None` when it is kept no more.
    pub command: Option<(CommandState, Option<Reason>)>,
    /// The life of the device that it was for has ended.
    pub ended: bool,
    /// The device has begun another life since.
    pub followed: bool,
}

/// What became of an action.
#[derive(Debug, Clone, Default)]
pub struct ActionChange {
    /// It stands elsewhere now.
    pub state: Option<ActionState>,
    /// What the device said of it.
    pub progress: Option<String>,
    /// Why it stands there.
    pub detail: Option<String>,
    /// What the device said before it began.
    pub baseline: Option<Secret<String>>,
    /// The device took it on then.
    pub accepted_at: Option<Timestamp>,
    /// The device is to be asked then, and was asked so often.
    pub ask: Option<(Option<Timestamp>, u32)>,
    /// It ended then.
    pub settled_at: Option<Timestamp>,
}

/// Which actions; newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActionFilter {
    /// Only those of this device.
    pub device: Option<DeviceId>,
    /// Only those in this state.
    pub state: Option<ActionState>,
}

impl ActionKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Reboot,
        Self::Lock,
        Self::Rename,
        Self::Wipe,
        Self::AutopilotReset,
        Self::RotateRecoveryPasswords,
        Self::ResetLapsPassword,
        Self::Scan,
        Self::UpdateSignatures,
        Self::CollectDiagnostics,
        Self::InstallMsi,
        Self::RemoveMsi,
        Self::InstallRoot,
        Self::EnrollScep,
        Self::InstallPfx,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Lock => "lock",
            Self::Rename => "rename",
            Self::Wipe => "wipe",
            Self::AutopilotReset => "autopilot_reset",
            Self::RotateRecoveryPasswords => "rotate_recovery_passwords",
            Self::ResetLapsPassword => "reset_laps_password",
            Self::Scan => "scan",
            Self::UpdateSignatures => "update_signatures",
            Self::CollectDiagnostics => "collect_diagnostics",
            Self::InstallMsi => "install_msi",
            Self::RemoveMsi => "remove_msi",
            Self::InstallRoot => "install_root",
            Self::EnrollScep => "enroll_scep",
            Self::InstallPfx => "install_pfx",
        }
    }

    /// Whether it takes away what can't be brought back.
    pub const fn destroys(self) -> bool {
        matches!(self, Self::Wipe | Self::AutopilotReset)
    }

    /// What whoever asks for it must be allowed.
    pub const fn right(self) -> Right {
        match self {
            Self::Wipe | Self::AutopilotReset => Right::Retire,
            Self::InstallRoot | Self::EnrollScep | Self::InstallPfx => Right::Trust,
            Self::Rename | Self::InstallMsi | Self::RemoveMsi => Right::Command,
            Self::Reboot
            | Self::Lock
            | Self::RotateRecoveryPasswords
            | Self::ResetLapsPassword
            | Self::Scan
            | Self::UpdateSignatures
            | Self::CollectDiagnostics => Right::Act,
        }
    }
}

impl ActionState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sent,
        Self::Accepted,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::Expired,
        Self::Canceled,
        Self::Superseded,
    ];

    /// The word in JSON and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::Superseded => "superseded",
        }
    }

    /// The state that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the device may still say something of it, or be told.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sent | Self::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_json_form() {
        for kind in ActionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for state in ActionState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(ActionState::parse(state.as_str()), Some(state));
        }
    }
}
