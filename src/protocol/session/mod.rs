//! The OMA-DM session (MS-MDM 3, OMA DM Protocol 8).
//!
//! Takes what the device sent and what is known of it, gives what to answer and what to keep. Knows no HTTP, no
//! database and no clock. A session is a value: it is loaded, handed one message, and handed back.

mod account;
mod command;
mod ids;
mod state;

pub use account::{A1, Account, AuthScheme, Credential, Nonce, Secret32};
pub use command::{CommandState, ItemOutcome, Outcome, Pending, Progress, Reason, ReasonCode, ResultValue};
pub use ids::{CommandId, DeviceId, MsgId, SessionId, Timestamp};
pub use state::{Authentication, Download, Ending, LoginStatus, Phase, Sent, SentPart, Session, SyncType, Upload};
