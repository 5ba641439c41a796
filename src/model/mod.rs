//! What Transom knows about, as values: devices, enrollments, commands, sessions, the journal.
//!
//! The words that the store, the capabilities and the interfaces share. Nothing here does I/O, reads a clock or
//! decides anything; what the protocol already has a value for is not repeated.

mod action;
mod actor;
mod audit;
mod certificate;
mod command;
mod csp;
mod device;
mod directory;
mod dm_client;
mod edge;
mod enroller;
mod enrollment;
mod enrollment_attempt;
mod entra_device;
mod envelope;
pub mod fact;
mod feed;
#[cfg(test)]
mod feed_schema;
mod hex;
mod ids;
mod issued;
mod journal;
mod operator;
mod page;
mod patience;
mod policy;
mod policy_cache;
mod policy_check;
mod policy_draft;
mod policy_search;
mod policy_setting;
mod policy_walk;
pub mod predicate;
mod proof;
mod provisioning;
mod public_certificate;
mod push;
mod recovery_key;
mod saved_filter;
mod secret;
mod secret_nodes;
mod secret_text;
mod session;
mod sign_in;
mod staged;
mod time;
mod token;
mod trace;
mod webhook;

pub use action::{Action, ActionChange, ActionFilter, ActionKind, ActionState, NewAction, OpenAction};
pub use actor::{Actor, ActorKind, is_name_of_nobody, is_name_of_server};
pub use audit::{AuditChain, AuditEntry, AuditFilter, AuditRecord};
pub use certificate::{CertificateFingerprint, KeyFingerprint, SerialNumber};
pub use command::{
    Attempt, CommandFilter, CommandRecord, CommandScope, CommandView, Dependency, Enqueued, NewCommand, NewCommands,
    NotEnqueued, OWN, POLICY_ORDERS, POLICY_READS,
};
pub use csp::{CspDrop, KeptTemplate};
pub use device::{Device, DeviceFilter, DeviceInfo};
pub use directory::{Attribute, Heard, Known, Line, MAX_GROUPS, Person};
pub(crate) use dm_client::{provider_node, user_provider_node, watched_node};
pub use edge::Edge;
pub use enroller::{
    Admission, DeclaredDevice, DeclaredKind, EnrollmentToken, EnrollmentTokenState, EnrollmentUser, NewEnrollmentToken,
    NewEnrollmentUser, UserName,
};
pub use enrollment::{Enrollment, EnrollmentState, EnrollmentType, Made, NewEnrollment};
pub use enrollment_attempt::{
    AttemptFilter, AttemptOutcome, EnrollmentAttempt, EnrollmentStep, FailureSubject, Failures,
};
pub(crate) use entra_device::entra_device;
pub use envelope::{EnvelopeCipher, EnvelopeKeyRecord, EnvelopeKeyUse, Enveloping, KeyTransport};
pub use fact::{Fact, FactName, FactValue, Facts, OsBuild, WatchedFacts, edition_name};
pub use feed::{FeedEvent, FeedFilter, FeedKind, FeedPage, Field, Told};
pub(crate) use hex::{bytes_of_hex, hex};
pub use ids::{
    ActionId, AttemptId, BatchId, DeviceKey, EnrollmentId, EnrollmentTokenId, EnrollmentUserId, EventId, ExchangeId,
    FactChangeId, OperatorId, OperatorLinkId, OperatorSessionId, PushClaim, RecoveryKeyId, SavedFilterId, SessionKey,
    SignInId, TokenId, WebhookClaim, WebhookId, command_id, parse_command_id,
};
pub use issued::{
    CertificateFilter, CertificateRecord, CertificateState, NewCertificate, RevocationReason, RevokedCertificate,
};
pub use journal::{AlertFilter, Event, EventFilter, EventKind, Exchange, ExchangeFilter};
pub use operator::{
    NewOperator, NewOperatorLink, Operator, OperatorLink, OperatorSecrets, OperatorSession, Right, Rights, Role,
};
pub use page::{Cursor, Page};
pub use patience::Patience;
pub use policy::{
    ByState, DEFAULT_POLICY_SET, DevicePolicy, NewPolicyRevision, PUBLISHED_MEANWHILE, PolicyRevision, PolicySecret,
    PolicySecretValue, PolicyStanding, PolicyState, PublishedPolicy, RevisedPolicy,
};
pub use policy_cache::{WatchSaid, WatchState, WatchedNodes};
pub use policy_check::{Checked, MENDS_WITHIN, MOST_MENDS, Mending, ReadVerdict, Reading, Said, SettingCheck};
pub use policy_draft::{PolicyDraft, PolicyDraftHead};
pub use policy_search::{HadBefore, PolicySearch};
pub use policy_setting::{Given, GivenOutcome, MOST_LOST, SettingRecord};
pub use policy_walk::{PolicyLook, PolicyWalk, PolicyWork};
pub use predicate::Predicate;
pub use proof::{Proof, ProofKind, Signing, Verdict};
pub(crate) use provisioning::{AGENT_APPS, LIST_DELIMITER};
pub use provisioning::{
    ExpectedItem, ExpectedKind, FailureChoice, ItemState, MOST_USER_PARTS, PartState, PlanRefused, ProvisionedState,
    Provisioning, ProvisioningPart, ProvisioningPlan, ToldNode,
};
pub use public_certificate::{Challenges, IssuedPublicCertificate, PublicCertificateState};
pub use push::{
    ChannelState, ClaimedPush, MissedWake, PushChannel, PushOutcome, PushRecord, PushResult, PushServiceRecord,
    PushToken, TokenTurn,
};
pub use recovery_key::{NewRecoveryKey, RecoveryKey, RecoveryKeyKind, RecoveryKeyView};
pub use saved_filter::{NewSavedFilter, SavedFilter};
pub use secret::Secret;
pub use secret_nodes::{SecretNodes, secret_node_pattern};
pub use secret_text::SecretText;
pub use session::{AuthenticationMethod, SessionFilter, SessionRecord};
pub use sign_in::{NewSignIn, SignIn};
pub use staged::{
    DeviceStage, EVERYBODY, Outcomes, Stage, StageMove, StagePlan, Staged, StagedState, parse_percent, percent_text,
    share_of,
};
pub use time::{from_rfc3339, from_rfc3339_option, parse_rfc3339, rfc3339, rfc3339_option, rfc3339_text};
pub use token::{ApiToken, Maker, NewApiToken};
pub use trace::{SPANS, Trace, work};
pub use transom_protocol::csp::{Instruction, LocUri, Setting};
pub use transom_protocol::push::PushStatus;
pub use transom_protocol::session::{
    CommandId, CommandState, DeviceId, Ending, ItemOutcome, Means, MsgId, Phase, Principal, Progress, ProofPolicy,
    ProofSet, Reason, ReasonCode, ResultValue, SessionId, SyncType, Timestamp,
};
pub use transom_protocol::syncml::codec::Encoding;
pub use transom_protocol::syncml::{GroupKind, StatusClass, StatusCode, Verb};
pub use webhook::{NewWebhook, Webhook, WebhookProgress, WebhookState, WebhookTried};
