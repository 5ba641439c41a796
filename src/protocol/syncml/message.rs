//! `SyncML`, `SyncHdr`, `SyncBody` (MS-MDM 2.2.4).

use super::{Command, Cred, Meta};

/// A whole `SyncML` message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks to whom, in which session.
    pub header: SyncHdr,
    /// The commands, in document order.
    pub body: SyncBody,
    /// What the reader tolerated, for the journal. A writer ignores it.
    pub oddities: Vec<Oddity>,
}

/// `SyncHdr` (MS-MDM 2.2.4.2), as text: [`crate::session`] validates it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncHdr {
    /// `1.2`. Empty when the element is missing.
    pub ver_dtd: String,
    /// `DM/1.2`. Empty when the element is missing.
    pub ver_proto: String,
    /// Opaque, chosen by the client. Empty when the element is missing.
    pub session_id: String,
    /// Decimal number, counted by the sender. Empty when the element is missing.
    pub msg_id: String,
    /// Who is spoken to. Its `loc_uri` is empty when the element is missing.
    pub target: Address,
    /// Who speaks. Its `loc_uri` is empty when the element is missing.
    pub source: Address,
    /// `RespURI`: read and kept, never followed.
    pub resp_uri: Option<String>,
    /// `NoResp` stood in the header.
    pub no_resp: bool,
    /// Credentials of the sender (OMA DM Security 5).
    pub cred: Option<Cred>,
    /// `MaxMsgSize` and `MaxObjSize` of the sender.
    pub meta: Option<Meta>,
}

/// `SyncBody` (MS-MDM 2.2.4.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncBody {
    /// Everything between the start of the body and `Final`.
    pub commands: Vec<Command>,
    /// `Final` stood at the end: the package is complete.
    pub is_final: bool,
}

/// `Target` or `Source` (MS-MDM 2.2.3.11, 2.2.3.12).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// `LocURI`, trimmed.
    pub loc_uri: String,
    /// `LocName`, trimmed: in a header the user name of the credential.
    pub loc_name: Option<String>,
}

/// Something that the reader tolerated although the specification does not have it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// Where: element path, such as `SyncML/SyncBody/Alert[2]/Data`.
    pub path: String,
    /// What, in a sentence.
    pub what: String,
}

impl Address {
    /// An address that is only a URI.
    pub fn uri(loc_uri: impl Into<String>) -> Self {
        Self { loc_uri: loc_uri.into(), loc_name: None }
    }
}
