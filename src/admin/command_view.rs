//! A command as the API and the command line give it back (design, section 5).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::management::{Explained, REDACTED, hresult, redact_value};
use crate::model::{
    CommandRecord, CommandView, Instruction, ItemOutcome, ReasonCode, ResultValue, SecretNodes, Setting, StatusClass,
    StatusCode, Timestamp, Verb, from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option,
};

/// A command. Lists leave `items` and `attempts` out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandJson {
    /// Its id.
    pub id: String,
    /// For whom.
    pub device_id: String,
    /// Its place in the queue of the device, gapless from 1.
    pub sequence: i64,
    /// `get`, `add`, `replace`, `delete`, `exec`, `atomic` or `sequence`.
    pub kind: String,
    /// Its first node.
    pub target: String,
    /// Whose `./User` nodes it means, where it names a user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub user: Option<String>,
    /// Where it stands.
    pub state: Cow<'static, str>,
    /// Why it stands there, in a stable word.
    pub reason: Option<Cow<'static, str>>,
    /// The reason in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_text: Option<Cow<'static, str>>,
    /// What else there is to say of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason_detail: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Cow<'static, str>>,
    /// Since when the reason holds.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option",
        default
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// How often it has held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When it will be tried again.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option",
        default
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_at: Option<Timestamp>,
    /// What it was ordered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// When it was ordered.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Not to be sent before.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option",
        default
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub not_before: Option<Timestamp>,
    /// Not to be sent at or after.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it got its outcome.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option",
        default
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
    /// Commands that have to succeed before.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub depends_on: Vec<String>,
    /// Status of an Atomic or Sequence itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_status: Option<u16>,
    /// Node by node; for an Atomic or Sequence those of all its children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<ItemJson>>,
    /// Each time that it was put into a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<AttemptJson>>,
}

/// One node of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemJson {
    /// What is done with it.
    pub kind: String,
    /// The node.
    pub target: String,
    /// Status code.
    pub status: Option<u16>,
    /// The code in words.
    pub status_text: Option<Cow<'static, str>>,
    /// What went wrong.
    pub error: Option<ErrorJson>,
    /// Format of `data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// For a Get the value that came back, else the value that is set. Secrets are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Values of nodes below.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub below: Vec<ValueJson>,
}

/// A value of a node below the one that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValueJson {
    /// The node.
    pub uri: String,
    /// Its format.
    pub format: String,
    /// The value. Secrets are left out.
    pub data: String,
}

/// An error code with what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorJson {
    /// The device's own code when it gave one, else the Status code.
    pub code: String,
    /// A short name.
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// What is likely behind it, where the meaning does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to do.
    pub remedy: String,
}

/// One time that a command was put into a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptJson {
    /// In which session.
    pub session_id: String,
    /// In which message of ours.
    pub message: u32,
    /// With which `CmdID`.
    pub cmd_id: u32,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: Timestamp,
    /// When the first answer came.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub answered_at: Option<Timestamp>,
    /// The exchange that carried it out.
    pub sent_in: String,
    /// The exchange that brought the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_in: Option<String>,
}

impl From<&CommandRecord> for CommandJson {
    fn from(record: &CommandRecord) -> Self {
        let reason = record.reason.as_ref();
        let code = reason.map(|reason| reason.code);
        Self {
            id: record.id.to_string(),
            device_id: record.device_id.to_string(),
            sequence: record.sequence,
            kind: record.kind.clone(),
            target: record.target.clone(),
            user: record.user.clone(),
            state: record.state.as_str().into(),
            reason: code.map(|code| code.as_str().into()),
            reason_text: code.map(|code| code.meaning().into()),
            reason_detail: reason.and_then(|reason| reason.detail.clone()),
            remedy: code.map(ReasonCode::remedy).filter(|text| !text.is_empty()).map(Cow::from),
            since: reason.map(|reason| reason.since),
            count: reason.map(|reason| reason.count),
            retry_at: reason.and_then(|reason| reason.retry_at),
            batch_id: record.batch.as_ref().map(ToString::to_string),
            created_at: record.created_at,
            created_by: record.created_by.clone(),
            not_before: record.not_before,
            expires_at: record.expires_at,
            settled_at: record.settled_at,
            depends_on: Vec::new(),
            group_status: None,
            items: None,
            attempts: None,
        }
    }
}

impl From<&CommandView> for CommandJson {
    fn from(view: &CommandView) -> Self {
        let attempts = view.attempts.iter().map(|attempt| AttemptJson {
            session_id: attempt.session.to_string(),
            message: attempt.message,
            cmd_id: attempt.cmd_id,
            sent_at: attempt.sent_at,
            answered_at: attempt.answered_at,
            sent_in: attempt.sent_in.to_string(),
            answered_in: attempt.answered_in.as_ref().map(ToString::to_string),
        });
        Self {
            depends_on: view.depends_on.iter().map(ToString::to_string).collect(),
            group_status: view.progress.group_status.map(|code| code.0),
            items: Some(items(&view.instruction, &view.progress.items)),
            attempts: Some(attempts.collect()),
            ..Self::from(&view.record)
        }
    }
}

impl CommandJson {
    /// Hides the values of nodes that hold a secret though their names do not tell.
    pub(super) fn hide(&mut self, nodes: &SecretNodes) {
        let hide = |uri: &str, data: &mut String| {
            if !data.is_empty() && nodes.hold(uri) {
                REDACTED.clone_into(data);
            }
        };
        for item in self.items.iter_mut().flatten() {
            if let Some(data) = &mut item.data {
                hide(&item.target, data);
            }
            item.below.iter_mut().for_each(|value| hide(&value.uri, &mut value.data));
        }
    }
}

fn items(instruction: &Instruction, outcomes: &[ItemOutcome]) -> Vec<ItemJson> {
    let unknown = ItemOutcome::default();
    let outcomes = outcomes.iter().chain(std::iter::repeat(&unknown));
    instruction.settings().zip(outcomes).map(|((verb, setting), outcome)| item(verb, setting, outcome)).collect()
}

fn item(verb: Verb, setting: &Setting, outcome: &ItemOutcome) -> ItemJson {
    let target = setting.target.as_str();
    let (format, data) = match (verb, &outcome.result) {
        (Verb::Get, Some(value)) => (Some(value.format.as_str().to_owned()), Some(shown(value))),
        (Verb::Get, None) => (None, None),
        _ => {
            let data = setting.data.as_ref().map(|data| without_secret(target, data));
            (setting.format.as_ref().map(|format| format.as_str().to_owned()), data)
        }
    };
    let below = outcome.below.iter().map(|value| ValueJson {
        uri: value.uri.clone(),
        format: value.format.as_str().to_owned(),
        data: shown(value),
    });
    ItemJson {
        kind: verb.as_str().to_lowercase(),
        target: target.to_owned(),
        status: outcome.status.map(|code| code.0),
        status_text: outcome.status.map(|code| code.name().into()),
        error: outcome.status.and_then(|code| ErrorJson::of(code, outcome.original_error.as_deref())),
        format,
        data,
        below: below.collect(),
    }
}

fn shown(value: &ResultValue) -> String {
    without_secret(&value.uri, &value.data)
}

fn without_secret(uri: &str, data: &str) -> String {
    redact_value(uri, data).into_owned()
}

impl ErrorJson {
    /// What a Status means when it is not a good one. The device's own code says more where it is known.
    pub fn of(code: StatusCode, original: Option<&str>) -> Option<Self> {
        if !matches!(code.class(), StatusClass::Failed | StatusClass::RolledBack | StatusClass::Later) {
            return None;
        }
        let known = original.and_then(hresult);
        Some(Self {
            code: original.map_or_else(|| code.to_string(), str::to_owned),
            name: known.map_or_else(|| code.name().to_owned(), |known| known.name.to_owned()),
            meaning: known.map_or_else(|| code.meaning().to_owned(), |known| known.meaning.to_owned()),
            cause: known.map_or_else(|| code.cause(), Explained::cause).map(str::to_owned),
            remedy: known.map_or_else(|| code.remedy().to_owned(), |known| known.remedy.to_owned()),
        })
    }
}
