//! What stands in a `SyncBody`: commands, Status and Results (MS-MDM 2.2.6, 2.2.7).

use super::{AlertCode, Item, Meta, StatusCode};

/// One element of a `SyncBody`, or a child of Atomic or Sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most of what a body holds is Status, the largest of them")]
pub enum Command {
    /// Add, Replace, Delete, Get, Exec or Copy.
    Request(Request),
    /// Alert.
    Alert(Alert),
    /// Atomic or Sequence.
    Group(Group),
    /// Status.
    Status(Status),
    /// Results.
    Results(Results),
    /// An element that is no command that we know, or one whose inside could not be understood. Kept, so that it
    /// can be answered in its place and shown.
    Unreadable(Unreadable),
}

/// Verb of a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Create a node (MS-MDM 2.2.7.1).
    Add,
    /// Set a value (MS-MDM 2.2.7.7).
    Replace,
    /// Remove a node (MS-MDM 2.2.7.4).
    Delete,
    /// Read a node (MS-MDM 2.2.7.6).
    Get,
    /// Run what a node stands for (MS-MDM 2.2.7.5).
    Exec,
    /// Not supported by Windows; read so that it can be answered.
    Copy,
}

/// A command that acts on items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub verb: Verb,
    /// `CmdID` as it stands; empty when it is missing.
    pub cmd_id: String,
    /// No Status is wanted.
    pub no_resp: bool,
    /// Applies to all items that do not say otherwise.
    pub meta: Option<Meta>,
    /// At least one; Exec has exactly one.
    pub items: Vec<Item>,
}

/// Atomic or Sequence (MS-MDM 2.2.7.3, 2.2.7.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which of the two.
    pub kind: GroupKind,
    /// `CmdID` as it stands; empty when it is missing.
    pub cmd_id: String,
    /// No Status is wanted.
    pub no_resp: bool,
    /// Applies to all children that do not say otherwise.
    pub meta: Option<Meta>,
    /// The children, in order.
    pub commands: Vec<Command>,
}

/// Which container a [`Group`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// All or nothing.
    Atomic,
    /// In this order.
    Sequence,
}

/// Alert (MS-MDM 2.2.7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `CmdID` as it stands; empty when it is missing.
    pub cmd_id: String,
    /// No Status is wanted.
    pub no_resp: bool,
    /// `Data` of the alert; `None` when the element is missing.
    pub code: Option<AlertCode>,
    /// `Correlator`: read and kept; Windows does not support it.
    pub correlator: Option<String>,
    /// Items of a typed alert (1224, 1226).
    pub items: Vec<Item>,
}

/// Status (MS-MDM 2.2.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `CmdID` as it stands; empty when it is missing.
    pub cmd_id: String,
    /// `MsgID` of the message that is answered.
    pub msg_ref: String,
    /// `CmdID` of the command that is answered; `0` is the header.
    pub cmd_ref: String,
    /// Name of the command that is answered.
    pub cmd: String,
    /// The items that are answered; none means all.
    pub target_refs: Vec<String>,
    /// As `target_refs`, for commands that name a source.
    pub source_refs: Vec<String>,
    /// Credentials (OMA DM Security).
    pub cred: Option<Cred>,
    /// The answerer wants credentials.
    pub chal: Option<Chal>,
    /// The outcome.
    pub code: StatusCode,
    /// `msft:originalerror` on `Data` (MS-MDM 2.2.4.3): the HRESULT behind the code, as it came.
    pub original_error: Option<String>,
    /// Extra information, such as the nonce of a challenge of old clients.
    pub items: Vec<Item>,
}

/// Results (MS-MDM 2.2.7.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// `CmdID` as it stands; empty when it is missing.
    pub cmd_id: String,
    /// `MsgID` of the Get; absent means 1.
    pub msg_ref: Option<String>,
    /// `CmdID` of the Get; absent means 1.
    pub cmd_ref: Option<String>,
    /// Applies to all items that do not say otherwise.
    pub meta: Option<Meta>,
    /// The node that was asked for, when the items do not say.
    pub target_ref: Option<String>,
    /// The node that the values come from, when the items do not say.
    pub source_ref: Option<String>,
    /// The values.
    pub items: Vec<Item>,
}

/// Cred (OMA DM Security 5.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Cred {
    /// `Format` and `Type` (`syncml:auth-md5`, `syncml:auth-basic`).
    pub meta: Option<Meta>,
    /// The credential itself, never printed.
    pub data: String,
}

/// Chal (OMA DM Security 5.2).
#[derive(Clone, PartialEq, Eq)]
pub struct Chal {
    /// `Type`, `Format` and `NextNonce`.
    pub meta: Meta,
}

/// An element that could not be made a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Local name of the element.
    pub name: String,
    /// Its `CmdID`, when it has one.
    pub cmd_id: String,
    /// Why it is here, in a sentence.
    pub why: String,
}

impl Verb {
    /// The element name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Replace => "Replace",
            Self::Delete => "Delete",
            Self::Get => "Get",
            Self::Exec => "Exec",
            Self::Copy => "Copy",
        }
    }
}

impl GroupKind {
    /// The element name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Atomic => "Atomic",
            Self::Sequence => "Sequence",
        }
    }
}

impl Command {
    /// The element name.
    pub fn name(&self) -> &str {
        match self {
            Self::Request(request) => request.verb.as_str(),
            Self::Alert(_) => "Alert",
            Self::Group(group) => group.kind.as_str(),
            Self::Status(_) => "Status",
            Self::Results(_) => "Results",
            Self::Unreadable(element) => &element.name,
        }
    }

    /// `CmdID` as it stands; empty when it is missing.
    pub fn cmd_id(&self) -> &str {
        match self {
            Self::Request(request) => &request.cmd_id,
            Self::Alert(alert) => &alert.cmd_id,
            Self::Group(group) => &group.cmd_id,
            Self::Status(status) => &status.cmd_id,
            Self::Results(results) => &results.cmd_id,
            Self::Unreadable(element) => &element.cmd_id,
        }
    }
}

impl std::fmt::Debug for Cred {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cred")
            .field("type", &self.meta.as_ref().and_then(|meta| meta.mime.as_deref()))
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Chal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chal").field("type", &self.meta.mime).finish_non_exhaustive()
    }
}
