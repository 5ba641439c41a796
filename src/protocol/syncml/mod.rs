//! The `SyncML` message of OMA-DM as Windows speaks it (MS-MDM 2.2).
//!
//! [`Message`] is what travels, as values and unjudged: identifiers are text as they came, because a wrong
//! `VerDTD` or `MsgID` is answered with a Status by [`crate::session`], not refused by the reader. [`read`] and
//! [`mod@write`] are the XML form, [`wbxml`] the binary one, [`codec`] chooses between them.

pub mod codec;
mod codes;
mod command;
mod item;
mod message;
mod meta;
pub mod read;
pub mod redact;
pub mod wbxml;
pub mod write;

pub use codes::{AlertCode, Explained, StatusClass, StatusCode, hresult};
pub use command::{Alert, Chal, Command, Cred, Group, GroupKind, Request, Results, Status, Unreadable, Verb};
pub use item::{Data, Item};
pub use message::{Address, Message, Oddity, SyncBody, SyncHdr};
pub use meta::{Format, Meta};
