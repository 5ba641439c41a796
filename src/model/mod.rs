//! What Transom knows about, as values: devices, enrollments, commands, sessions, the journal.
//!
//! The words that the store, the capabilities and the interfaces share. Nothing here does I/O, reads a clock or
//! decides anything; what the protocol already has a value for is not repeated.

mod certificate;
mod command;
mod device;
mod enroller;
mod enrollment;
mod enrollment_attempt;
mod ids;
mod issued;
mod journal;
mod page;
mod proof;
mod push;
mod secret;
mod session;
mod sign_in;
mod time;
mod token;

pub use certificate::{CertificateFingerprint, KeyFingerprint, SerialNumber};
pub use command::{
    Attempt, CommandFilter, CommandRecord, CommandScope, CommandView, Dependency, Enqueued, NewCommand, NewCommands,
    NotEnqueued, OWN,
};
pub use device::{Device, DeviceFilter, DeviceInfo};
pub use enroller::{
    Admission, DeclaredDevice, DeclaredKind, EnrollmentToken, EnrollmentTokenState, EnrollmentUser, NewEnrollmentToken,
    NewEnrollmentUser, UserName,
};
pub use enrollment::{Enrollment, EnrollmentState, EnrollmentType, Made, NewEnrollment};
pub use enrollment_attempt::{
    AttemptFilter, AttemptOutcome, EnrollmentAttempt, EnrollmentStep, FailureSubject, Failures,
};
pub use ids::{
    AttemptId, BatchId, DeviceKey, EnrollmentId, EnrollmentTokenId, EnrollmentUserId, EventId, ExchangeId, PushClaim,
    SessionKey, SignInId, TokenId, command_id, parse_command_id,
};
pub use issued::{CertificateRecord, CertificateState, NewCertificate, RevocationReason, RevokedCertificate};
pub use journal::{Event, EventFilter, EventKind, Exchange, ExchangeFilter};
pub use page::{Cursor, Page};
pub use proof::{Proof, ProofKind, Signing, Verdict};
pub use push::{
    ChannelState, ClaimedPush, MissedWake, PushChannel, PushOutcome, PushRecord, PushResult, PushServiceRecord,
    PushToken, TokenTurn,
};
pub use secret::Secret;
pub use session::{AuthenticationMethod, SessionFilter, SessionRecord};
pub use sign_in::{NewSignIn, SignIn};
pub use time::{from_rfc3339, from_rfc3339_option, parse_rfc3339, rfc3339, rfc3339_option, rfc3339_text};
pub use token::ApiToken;
pub use transom_protocol::csp::{Instruction, Setting};
pub use transom_protocol::push::PushStatus;
pub use transom_protocol::session::{
    CommandId, CommandState, DeviceId, Ending, ItemOutcome, MsgId, Phase, Progress, Reason, ReasonCode, ResultValue,
    SessionId, Timestamp,
};
pub use transom_protocol::syncml::codec::Encoding;
pub use transom_protocol::syncml::{StatusClass, StatusCode, Verb};
