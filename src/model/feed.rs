//! The feed: what happened, as it is told to programs of others. Its names are a contract (`schema/events.schema.json`).
//!
//! Never holds a secret: values of nodes stay in the results of commands, and the data of alerts is redacted.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use transom_protocol::session::{DeviceId, Ending, Phase, Session, Timestamp};
use utoipa::ToSchema;

use super::{
    AuthenticationMethod, EnrollmentAttempt, EnrollmentId, Event, EventId, EventKind, ExchangeId, SessionKey,
    from_rfc3339, rfc3339,
};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $word:literal as $fields:ident;)*) => {
        /// What sort of thing happened. The words are stable: kinds are added, and never mean something else.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum FeedKind {
            $($(#[doc = $doc])+ #[serde(rename = $word)] $name,)*
        }

        impl FeedKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in JSON, in the database and in filters.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it says, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)*
                }
            }

            /// What belongs to it.
            pub const fn fields(self) -> &'static [Field] {
                match self {
                    $(Self::$name => $fields,)*
                }
            }
        }
    };
}

kinds! {
    /// A device enrolled, and has a certificate of its own.
    DeviceEnrolled = "device.enrolled" as NOTICE;
    /// A device renewed its certificate.
    DeviceRenewed = "device.renewed" as NOTICE;
    /// A device is to be told to leave management.
    DeviceUnenrolling = "device.unenrolling" as NOTICE;
    /// A device left management, by its own word.
    DeviceUnenrolled = "device.unenrolled" as NOTICE;
    /// A device was cut off.
    DeviceBlocked = "device.blocked" as NOTICE;
    /// A device was told to leave and has not been heard of since.
    DeviceLost = "device.lost" as NOTICE;
    /// Something else about the enrollment of a device or about the device itself.
    DeviceNotice = "device.notice" as NOTICE;
    /// A device sent an alert.
    DeviceAlert = "device.alert" as ALERT;
    /// A device said something that matches nothing that is known.
    DeviceAnomaly = "device.anomaly" as NOTICE;
    /// A management session began: the device has proved who it is.
    SessionStarted = "session.started" as STARTED;
    /// A management session came to its end.
    SessionEnded = "session.ended" as ENDED;
    /// The device did what it was told.
    CommandSucceeded = "command.succeeded" as COMMAND;
    /// The device did not do what it was told, or could not.
    CommandFailed = "command.failed" as COMMAND;
    /// Nobody knows whether the device did it; a person decides.
    CommandUnknown = "command.unknown" as COMMAND;
    /// The time of a command passed before it was sent.
    CommandExpired = "command.expired" as COMMAND;
    /// A command was taken back.
    CommandCanceled = "command.canceled" as COMMAND;
    /// Another command took the place of this one.
    CommandSuperseded = "command.superseded" as COMMAND;
    /// The push service took a push; a session proves that it woke the device.
    PushSent = "push.sent" as PUSH;
    /// A push did not go through.
    PushFailed = "push.failed" as PUSH;
    /// A push was taken, and no session followed in time.
    PushUnanswered = "push.unanswered" as NOTICE;
    /// Something about the channel through which a device is woken.
    PushNotice = "push.notice" as NOTICE;
    /// A credential, a certificate or a signature was refused, or does not go with who used it.
    IdentityRefused = "identity.refused" as NOTICE;
    /// Wrong credentials came for a device so often that they count no longer for a while.
    IdentityLocked = "identity.locked" as NOTICE;
    /// Two devices say that they are the same hardware.
    IdentityConflict = "identity.conflict" as NOTICE;
    /// Somebody said by what a device has to prove who it is.
    ProofsOrdered = "proofs.ordered" as NOTICE;
    /// Somebody said whether a device is to sign its messages.
    SigningOrdered = "signing.ordered" as NOTICE;
    /// A device signs its messages from now on.
    SigningOn = "signing.on" as NOTICE;
    /// A device signs its messages no more.
    SigningOff = "signing.off" as NOTICE;
    /// Somebody said whether a device is to envelope its messages.
    EnvelopingOrdered = "enveloping.ordered" as NOTICE;
    /// A device envelopes its messages from now on.
    EnvelopingOn = "enveloping.on" as NOTICE;
    /// A device envelopes its messages no more.
    EnvelopingOff = "enveloping.off" as NOTICE;
    /// A device is told of a newer key for envelopes.
    EnvelopeKeyOffered = "envelope_key.offered" as NOTICE;
    /// A device uses the newer key for envelopes.
    EnvelopeKeyChanged = "envelope_key.changed" as NOTICE;
    /// A device is offered new credentials.
    CredentialsOffered = "credentials.offered" as NOTICE;
    /// A device uses its new credentials.
    CredentialsChanged = "credentials.changed" as NOTICE;
    /// A device did not take the credentials that it was offered; the old ones stay.
    CredentialsDeclined = "credentials.declined" as NOTICE;
    /// A recovery key of a device is kept.
    RecoveryKeyKept = "recovery_key.kept" as NOTICE;
    /// Somebody looked at a recovery key of a device.
    RecoveryKeyShown = "recovery_key.shown" as NOTICE;
    /// Something else that concerns the security of a device.
    SecurityNotice = "security.notice" as NOTICE;
    /// An attempt to enroll was refused. What it claims is only a claim.
    EnrollmentRefused = "enrollment.refused" as REFUSED;
    /// A revision of policies goes to the devices of its next stage.
    PolicyAdvanced = "policy.advanced" as STAGE;
    /// Too many devices have failed because of a revision of policies: it goes to no more.
    PolicyStopped = "policy.stopped" as STAGE;
    /// A revision of policies went to all devices.
    PolicyFinished = "policy.finished" as STAGE;
    /// A device has something else than policies want and it had taken.
    PolicyDrifted = "policy.drifted" as POLICY;
    /// A device has again what policies want, by its own word.
    PolicyRepaired = "policy.repaired" as POLICY;
    /// Somebody tries whether a receiver hears. It is in no list.
    WebhookTest = "webhook.test" as NOTICE;
}

/// One field of what belongs to a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// `string` or `integer`.
    pub json: &'static str,
    /// Whether it is always there.
    pub always: bool,
    /// What it says.
    pub meaning: &'static str,
}

const fn always(name: &'static str, json: &'static str, meaning: &'static str) -> Field {
    Field { name, json, always: true, meaning }
}

const fn maybe(name: &'static str, json: &'static str, meaning: &'static str) -> Field {
    Field { name, json, always: false, meaning }
}

const NOTICE: &[Field] = &[
    always("code", "string", "What exactly, in a word."),
    maybe("detail", "string", "The same in a sentence, for a person."),
];
const ALERT: &[Field] = &[
    always("code", "string", "The alert code: 1201, 1224, 1226, …"),
    maybe("type", "string", "Meta/Type of its item."),
    maybe("source", "string", "The node that it is about."),
    maybe("format", "string", "Meta/Format of its item."),
    maybe("mark", "string", "Meta/Mark of its item: how grave it is."),
    maybe("data", "string", "Its data, redacted, and cut to 4096 characters."),
];
const STARTED: &[Field] = &[
    always("session", "string", "The device's own SessionID."),
    always("authentication", "string", "How the device proved who it is."),
];
const ENDED: &[Field] = &[
    always("session", "string", "The device's own SessionID."),
    always("ending", "string", "`done`, or what ended it: aborted_by_device, timed_out, replaced, …"),
    always("messages", "integer", "How many messages of the device were processed."),
];
const COMMAND: &[Field] = &[
    always("command_id", "string", "The command, as /api/v1/commands/{id} shows it."),
    always("sequence", "integer", "Its place in the queue of the device."),
    always("kind", "string", "get, replace, add, delete, exec, atomic, …"),
    always("target", "string", "Its first node."),
    always("created_by", "string", "Who ordered it."),
    maybe("batch_id", "string", "The commands that were ordered together."),
    maybe("status", "integer", "The device's last Status code."),
    maybe("reason", "string", "Why, in a word."),
];
const POLICY: &[Field] = &[
    always("target", "string", "The setting, or the first of several."),
    always("settings", "integer", "How many settings of the device."),
];
const PUSH: &[Field] = &[
    always("outcome", "string", "accepted, dropped, throttled, failed, no_token, retired or refused."),
    maybe("detail", "string", "The same in a sentence, for a person."),
];
const STAGE: &[Field] = &[
    always("revision", "integer", "The revision."),
    always("set", "string", "The set that it is of."),
    always("stage", "integer", "The stage, from 1."),
    always("stages", "integer", "How many there are."),
    maybe("detail", "string", "Why, in a sentence, for a person."),
];
const REFUSED: &[Field] = &[
    always("step", "string", "What was asked for."),
    always("peer", "string", "Where it came from."),
    maybe("reason", "string", "Why, in a word."),
    maybe("detail", "string", "The same in a sentence, for a person."),
    maybe("user", "string", "Who it says it is."),
];

/// Something that happened, before it has its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Told {
    /// Its id: the same in every delivery.
    #[schema(value_type = String)]
    pub id: EventId,
    /// What sort of thing.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: FeedKind,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// To which device, by its own name.
    #[schema(value_type = Option<String>)]
    pub device_id: Option<DeviceId>,
    /// In which life of the device.
    #[schema(value_type = Option<String>)]
    pub enrollment_id: Option<EnrollmentId>,
    /// In which session, as `/api/v1/sessions/{id}` shows it.
    #[schema(value_type = Option<String>)]
    pub session_id: Option<SessionKey>,
    /// In which exchange.
    #[schema(value_type = Option<String>)]
    pub exchange_id: Option<ExchangeId>,
    /// In which request: its id in the log and in its reply.
    pub trace_id: Option<String>,
    /// What the client called that request (`MS-CV`).
    pub correlation: Option<String>,
    /// What belongs to the kind.
    pub data: Value,
}

/// An event with its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FeedEvent {
    /// Its place: it grows, and whoever has seen one has seen all before it. 0 for what has none.
    pub number: i64,
    /// What happened.
    #[serde(flatten)]
    pub told: Told,
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedFilter {
    /// Of these kinds; of all when there is none.
    pub kinds: Vec<FeedKind>,
    /// Of these devices, as they are compared; of all when there is none.
    pub devices: Vec<String>,
}

/// A part of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// The events, in their order.
    pub items: Vec<FeedEvent>,
    /// Everything up to this number was looked at.
    pub next: i64,
    /// The last number that there is.
    pub head: i64,
    /// The first number that is still kept.
    pub oldest: i64,
}

/// Longest text that is told.
const MOST: usize = 4096;

impl FeedKind {
    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// As what an event of the journal is told.
    pub fn of_journal(kind: EventKind, code: &str) -> Self {
        match (kind, code) {
            (EventKind::Alert, _) => Self::DeviceAlert,
            (EventKind::Anomaly, _) => Self::DeviceAnomaly,
            (EventKind::Security, code) => Self::of_security(code),
            (EventKind::Push, "slept") => Self::PushUnanswered,
            (EventKind::Push, _) => Self::PushNotice,
            (EventKind::Enrollment, "enrolled") => Self::DeviceEnrolled,
            (EventKind::Enrollment, "renewed") => Self::DeviceRenewed,
            (EventKind::Enrollment, "unenrolling") => Self::DeviceUnenrolling,
            (EventKind::Enrollment, "unenrolled") => Self::DeviceUnenrolled,
            (EventKind::Enrollment, "blocked") => Self::DeviceBlocked,
            (EventKind::Enrollment, "unknown") => Self::DeviceLost,
            _ => Self::DeviceNotice,
        }
    }

    /// What was refused says what it was that was refused; everything else has a word of its own.
    fn of_security(code: &str) -> Self {
        const PROOFS: [&str; 6] = ["certificate_", "credential_", "proxy_", "signature_", "envelope_", "proof_"];
        match code {
            "credential_locked" => Self::IdentityLocked,
            "hardware_id_conflict" => Self::IdentityConflict,
            "proofs_set" => Self::ProofsOrdered,
            "signing_set" => Self::SigningOrdered,
            "signing" => Self::SigningOn,
            "not_signing" => Self::SigningOff,
            "enveloping_set" => Self::EnvelopingOrdered,
            "enveloping" => Self::EnvelopingOn,
            "not_enveloping" => Self::EnvelopingOff,
            "envelope_key_offered" => Self::EnvelopeKeyOffered,
            "envelope_key_changed" => Self::EnvelopeKeyChanged,
            "credentials_offered" => Self::CredentialsOffered,
            "credentials_changed" => Self::CredentialsChanged,
            "credentials_refused" => Self::CredentialsDeclined,
            "recovery_key_kept" => Self::RecoveryKeyKept,
            "recovery_key_shown" => Self::RecoveryKeyShown,
            "user_token_refused" | "device_token_refused" => Self::IdentityRefused,
            code if PROOFS.iter().any(|proof| code.starts_with(proof)) => Self::IdentityRefused,
            _ => Self::SecurityNotice,
        }
    }

    /// Whether somebody should look at who it was.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::IdentityRefused | Self::IdentityLocked | Self::IdentityConflict)
    }
}

impl Told {
    /// One of which nothing else is known. What is `null` in `data` is left out.
    pub fn new(kind: FeedKind, at: Timestamp, data: Value) -> Self {
        let data = match data {
            Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).map(cut).collect(),
            other => other,
        };
        Self {
            id: EventId::new(at),
            kind,
            at,
            device_id: None,
            enrollment_id: None,
            session_id: None,
            exchange_id: None,
            trace_id: None,
            correlation: None,
            data,
        }
    }

    /// What the journal keeps of a device.
    pub fn of_journal(event: &Event) -> Self {
        let kind = FeedKind::of_journal(event.kind, &event.code);
        let data = if kind == FeedKind::DeviceAlert {
            serde_json::json!({
                "code": event.code, "type": event.mime, "source": event.source, "format": event.format,
                "mark": event.mark, "data": event.data,
            })
        } else {
            serde_json::json!({ "code": event.code, "detail": event.detail })
        };
        Self {
            id: event.id.clone(),
            device_id: event.device.clone(),
            enrollment_id: event.enrollment.clone(),
            session_id: event.session.clone(),
            exchange_id: event.exchange.clone(),
            ..Self::new(kind, event.at, data)
        }
    }

    /// An attempt to enroll that was refused.
    pub fn of_attempt(attempt: &EnrollmentAttempt) -> Self {
        let data = serde_json::json!({
            "step": attempt.step.as_str(), "peer": attempt.peer, "reason": attempt.reason, "detail": attempt.detail,
            "user": attempt.user,
        });
        Self {
            device_id: attempt.device.clone(),
            trace_id: Some(attempt.trace_id.clone()),
            ..Self::new(FeedKind::EnrollmentRefused, attempt.at, data)
        }
    }

    /// A session began.
    pub fn session_started(session: &Session) -> Self {
        let authentication = AuthenticationMethod::from(&session.authentication).as_str();
        let data = serde_json::json!({ "session": session.session_id.as_str(), "authentication": authentication });
        Self::new(FeedKind::SessionStarted, session.started_at, data)
    }

    /// A session came to its end: `None` while it goes on.
    pub fn session_ended(session: &Session, at: Timestamp) -> Option<Self> {
        let ending = match session.phase {
            Phase::Open => return None,
            Phase::Quiet => Value::from("done"),
            Phase::Ended(ending) => ending_word(ending),
        };
        let (id, messages) = (session.session_id.as_str(), session.messages);
        let data = serde_json::json!({ "session": id, "ending": ending, "messages": messages });
        Some(Self::new(FeedKind::SessionEnded, at, data))
    }
}

fn ending_word(ending: Ending) -> Value {
    serde_json::to_value(ending).unwrap_or_default()
}

fn cut((name, value): (String, Value)) -> (String, Value) {
    match value {
        Value::String(text) if text.len() > MOST => (name, text.chars().take(MOST).collect::<String>().into()),
        value => (name, value),
    }
}

impl FeedFilter {
    /// Whether an event is one of these.
    pub fn wants(&self, told: &Told) -> bool {
        let of_device = || told.device_id.as_ref().is_some_and(|device| self.devices.contains(&device.key()));
        (self.kinds.is_empty() || self.kinds.contains(&told.kind)) && (self.devices.is_empty() || of_device())
    }
}

#[cfg(test)]
mod tests;
