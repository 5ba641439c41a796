//! Managing a device over OMA-DM: what happens between the bytes of a message and the bytes of its reply
//! (MS-MDM 3; design, section 2).
//!
//! [`Management::answer`] is the door's side, [`orders`](Management::order) the operators'. Each message is one
//! transaction of the store: what the device may do is decided by [`transom_protocol::session`], and nothing leaves
//! before it is committed.

mod attendant;
mod beside;
pub mod conversation;
mod credentials;
mod effects;
mod envelope;
mod enveloping;
mod exchange;
mod guessing;
mod identity;
pub mod import;
mod journal;
mod leaving;
mod maintenance;
pub(crate) mod orders;
mod outcome;
mod proofs;
mod record;
mod request;
pub mod restored;
mod search;
mod service;
mod signature;
mod signing;
mod sufficient;
mod tokens;

pub use attendant::Attendant;
pub use credentials::RotationError;
pub use envelope::EnvelopeOptions;
pub use enveloping::{EnvelopingError, EnvelopingSet};
pub use exchange::UploadLimits;
pub(crate) use journal::text_of;
pub use leaving::{LeaveError, Left};
pub use maintenance::Tidied;
pub use orders::{DEVICES_TOGETHER, Order, OrderError, Resolution};
pub use request::{Answer, DeviceRequest, RequestHeaders, SignatureHeader};
pub use search::words_asked_for;
pub use service::{Management, Options};
pub use signing::{SigningError, SigningSet};
pub use sufficient::{PolicyError, PolicySet, ProofPolicy};
pub use tokens::{TokenDenied, TokenDevice, TokenHeaders, TokenUser, TokenVerifier};
pub use transom_protocol::syncml::{
    Explained, hresult,
    redact::{REDACTED, redact_value},
};
