//! What a message told beside the answers to commands.

use super::{DevicePreparation, Mark};
use crate::syncml::{AlertCode, Format};

/// Something to keep or to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A session began.
    SessionStarted(SessionTrigger),
    /// An alert with an item; unknown types are kept like known ones (MS-MDM 2.2.7.2).
    Alert {
        /// 1224 or 1226, or what came.
        code: AlertCode,
        /// `Type`, without the prefix `Reversed-Domain-Name:`.
        kind: String,
        /// `Source/LocURI`.
        source: Option<String>,
        /// `Format`.
        format: Option<Format>,
        /// `Mark`: how grave it is.
        mark: Option<Mark>,
        /// `Data`. Tokens are left out.
        data: String,
    },
    /// A value under `./DevInfo` in package 1.
    DeviceInfo {
        /// Last segment of the node: `Man`, `Mod`, `Lang`, `DmV`, `DevId`.
        node: String,
        /// The value.
        value: String,
    },
    /// How far device preparation is (`com.microsoft/MDM/DevicePrepSync`).
    Preparation(DevicePreparation),
    /// The device leaves management (Alert 1226).
    Unenrolled,
    /// The device used credentials that it was offered; the ones before are right no longer.
    CredentialsChanged,
    /// Something that the protocol does not foresee; it was answered and did no harm.
    Anomaly {
        /// A stable word.
        kind: &'static str,
        /// A sentence.
        detail: String,
    },
}

/// Who started a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionTrigger {
    /// Alert 1200: after a push.
    Server,
    /// Alert 1201: schedule, sign-in or user.
    Client,
    /// The first message had neither.
    Unsaid,
}
