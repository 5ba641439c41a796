//! How devices are woken, as JSON. The addresses of channels are nobody's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Admin, Error};
use crate::model::{
    ChannelState, PushOutcome, PushRecord, PushStatus, Timestamp, from_rfc3339, from_rfc3339_option, rfc3339,
    rfc3339_option,
};
use crate::store::Tx;

/// How a device is woken, and what became of the pushes to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushJson {
    /// `registering`, `live`, `unavailable`, `refused` or `retired`.
    pub channel: ChannelState,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `Push/Status` of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    /// That in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_text: Option<String>,
    /// When the device last said something of its channel.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub observed_at: Option<Timestamp>,
    /// Pushes that WNS took.
    pub pushes: u32,
    /// Of these, followed by a session in time.
    pub woke: u32,
    /// Of these, not followed by one in time.
    pub slept: u32,
    /// WNS took a push then, and no session has begun yet.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub awaiting_since: Option<Timestamp>,
    /// When WNS last took one.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub pushed_at: Option<Timestamp>,
    /// When a push last woke the device.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub woke_at: Option<Timestamp>,
    /// A push waits and goes out then.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// What became of the last push.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastPushJson>,
}

/// What became of the last push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastPushJson {
    /// `accepted`, `dropped`, `throttled`, `failed`, `no_token`, `retired` or `refused`.
    pub outcome: PushOutcome,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// In a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How pushes go in general.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushServiceJson {
    /// Whether there is a package family name: without one nothing is sent.
    pub configured: bool,
    /// When the token ends.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub token_ends: Option<Timestamp>,
    /// Why there is no token, in the words of who refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Since when.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub problem_at: Option<Timestamp>,
    /// WNS asked to be left alone until then.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub paused_until: Option<Timestamp>,
    /// Pushes that wait to be sent, counted up to 1,000.
    pub waiting: i64,
    /// Pushes that WNS took and no session has followed yet, counted up to 1,000.
    pub awaiting: i64,
    /// Enrolled devices by the state of their channel, counted up to 1,000 in each.
    pub channels: BTreeMap<String, i64>,
}

impl From<PushRecord> for PushJson {
    fn from(record: PushRecord) -> Self {
        Self {
            channel: record.state,
            reason: record.reason,
            status_text: record.status.map(|status| PushStatus(status).meaning().to_owned()),
            status: record.status,
            observed_at: record.observed_at,
            pushes: record.pushes,
            woke: record.woke,
            slept: record.slept,
            awaiting_since: record.awaiting_since,
            pushed_at: record.pushed_at,
            woke_at: record.woke_at,
            due_at: record.due_at,
            last: record.outcome.zip(record.outcome_at).map(|(outcome, at)| LastPushJson {
                outcome,
                at,
                detail: record.outcome_detail,
            }),
        }
    }
}

impl Admin {
    /// How pushes go in general.
    pub async fn push_service(&self, now: Timestamp) -> Result<PushServiceJson, Error> {
        let record = self.store.read(|tx: &mut Tx<'_>| tx.push_service()).await?;
        Ok(PushServiceJson {
            configured: self.management.wakes(),
            token_ends: record.token_ends.filter(|ends| *ends > now),
            problem: record.problem,
            problem_at: record.problem_at,
            paused_until: record.paused_until.filter(|until| *until > now),
            waiting: record.waiting,
            awaiting: record.awaiting,
            channels: record.channels.into_iter().map(|(state, count)| (state.as_str().to_owned(), count)).collect(),
        })
    }
}
