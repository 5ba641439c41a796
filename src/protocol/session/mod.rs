//! The OMA-DM session (MS-MDM 3, OMA DM Protocol 8).
//!
//! Takes what the device sent and what is known of it, gives what to answer and what to keep. Knows no HTTP, no
//! database and no clock. A session is a value: it is loaded, handed one message, and handed back.
//!
//! [`admit`] decides whether a message may be processed at all: it checks the header (MS-MDM 2.2.4.2), recognises a
//! message that was answered before, and authenticates (OMA DM Security 5). Only an [`Admitted`] message can be
//! [processed](Admitted::process) against the queue, so nothing else can change a command. [`close`] settles what a
//! session left open.

mod account;
mod admit;
mod alert;
mod answer;
mod authenticate;
mod beside;
mod build;
mod close;
mod command;
mod correlate;
mod download;
mod event;
mod explain;
mod flight;
mod header;
mod hear;
mod ids;
mod nodes;
mod package;
mod policy;
mod preview;
mod process;
mod queue;
mod ready;
mod relation;
mod report;
mod respond;
mod rotation;
mod rules;
mod settle;
#[cfg(test)]
mod simulation;
mod state;
#[cfg(test)]
mod tests;
mod trust;
mod upload;
mod user;

pub use account::{A1, Account, AuthScheme, Credential, Nonce, Secret32};
pub use admit::{Admission, Admitted, Arrival, RefusalKind, Refused, admit, refuse_stranger};
pub use alert::{DevicePreparation, Mark, alert_meaning};
pub use authenticate::Guesses;
pub use beside::{Introduction, choose};
pub use close::{Closed, close};
pub use command::{CommandState, ItemOutcome, Outcome, Pending, Progress, Reason, ReasonCode, ResultValue};
pub use event::{Event, SessionTrigger};
pub use header::{Header, HeaderFault};
pub use ids::{CommandId, DeviceId, MsgId, SessionId, Timestamp};
pub use policy::{Enough, Means, NoPolicy, ProofPolicy, ProofSet};
pub use preview::preview;
pub use process::{Answered, Attempted, Decision, UploadStep};
pub use rotation::{MOST_OFFERED, Offered, Rotation, TooManyOffered};
pub use rules::{AuthMode, Rules};
pub use state::{
    Authentication, Download, EarlierSession, Ending, LoginStatus, Phase, Sent, SentAnswer, SentPart, Session,
    SyncType, Upload, UploadOf,
};
pub use user::{DirectoryUser, Principal, SessionUser, claimed_user, user_token};
