//! Identifiers of what Transom keeps: UUID version 7 as text, so that they sort by the time at which they were made, and
//! those of one moment by their order.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use transom_protocol::session::{CommandId, Timestamp};
use uuid::{ContextV7, NoContext, Uuid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new one, made at `now`.
            pub fn new(now: Timestamp) -> Self {
                Self(text(now))
            }

            /// The id that a text is, when it is one.
            pub fn parse(text: &str) -> Option<Self> {
                canonical(text).map(Self)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text).ok_or("an id is a UUID")
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A device, whatever enrollments it has had. The device's own name for itself is
    /// [`DeviceId`](transom_protocol::session::DeviceId).
    DeviceKey;
    /// One life of a device under management: credentials, sessions and queue of its own.
    EnrollmentId;
    /// A management session, as a row of ours; the client's `SessionID` is only unique for a while.
    SessionKey;
    /// One request and its reply.
    ExchangeId;
    /// Something worth telling that happened.
    EventId;
    /// Commands that were ordered together.
    BatchId;
    /// A token for the admin API; the id, not the secret.
    TokenId;
    /// A sign-in at a provider, as a row of ours; the id, not the handle that a device shows for it.
    SignInId;
    /// An account that enrolls devices with a password.
    EnrollmentUserId;
    /// A token that enrolls devices; the id, not the secret.
    EnrollmentTokenId;
    /// An attempt to enroll.
    AttemptId;
    /// A change of a fact.
    FactChangeId;
    /// A claim on pushes: who sends them.
    PushClaim;
    /// A person who runs this server.
    OperatorId;
    /// A sign-in of an operator; the id, not the secret in the browser.
    OperatorSessionId;
    /// A link by which an operator comes in for the first time, or again; the id, not the secret in it.
    OperatorLinkId;
    /// A way to look at devices that an operator keeps.
    SavedFilterId;
    /// A receiver of events.
    WebhookId;
    /// A claim on a receiver of events: who delivers to it.
    WebhookClaim;
    /// Something that was asked of a device as a whole.
    ActionId;
    /// A key or password that gets somebody back into a device; the id, not the secret.
    RecoveryKeyId;
}

/// A new id for a command of the queue, made at `now`.
pub fn command_id(now: Timestamp) -> CommandId {
    CommandId(text(now))
}

/// The id of a command that a text is, when it is one.
pub fn parse_command_id(text: &str) -> Option<CommandId> {
    canonical(text).map(CommandId)
}
/// Counts the ids of one millisecond. A clock that is set back does not make later ids sort before earlier ones.
static LAST: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// No clock that is to be believed goes further: year 2527.
const FAR: u64 = 1 << 44;

/// A UUID of version 7 as text. Times before 1970 count as 1970.
fn text(now: Timestamp) -> String {
    let millis = u64::try_from(now.0).unwrap_or(0).min(FAR);
    let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
    let time = if millis < FAR {
        uuid::Timestamp::from_unix(&LAST, millis / 1000, nanos)
    } else {
        uuid::Timestamp::from_unix(NoContext, millis / 1000, nanos)
    };
    Uuid::new_v7(time).to_string()
}

/// The one spelling of an id that is stored and compared.
fn canonical(text: &str) -> Option<String> {
    Uuid::try_parse(text).ok().map(|id| id.to_string())
}

impl EnrollmentId {
    /// Tells lives apart evenly: what a part of them is to share is taken from this.
    pub fn spread(&self) -> u64 {
        self.0.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made_at() {
        let early = SessionKey::new(Timestamp(1_700_000_000_000));
        let late = SessionKey::new(Timestamp(1_700_000_000_001));
        assert!(early < late);
        assert_ne!(SessionKey::new(Timestamp(5)), SessionKey::new(Timestamp(5)));
    }

    #[test]
    fn ids_of_one_moment_sort_by_their_order() {
        let ids: Vec<_> = (0..1000).map(|_| command_id(Timestamp(1_700_000_000_000))).collect();
        assert!(ids.is_sorted() && ids.first() != ids.last());
        assert!(command_id(Timestamp(5)) > ids[999], "a clock that was set back changes nothing");
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = EnrollmentId::new(Timestamp(1));
        assert_eq!(EnrollmentId::parse(&id.as_str().to_uppercase()), Some(id.clone()));
        assert_eq!(EnrollmentId::parse(&format!("{{{id}}}")), Some(id));
        assert_eq!(EnrollmentId::parse("'; DROP TABLE devices"), None);
        assert!(serde_json::from_str::<EnrollmentId>("\"7\"").is_err());
    }

    #[test]
    fn times_that_can_not_be_are_harmless() {
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            assert!(ExchangeId::parse(ExchangeId::new(Timestamp(millis)).as_str()).is_some());
        }
    }
}
