//! Devices, as JSON.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::facts::condition;
use super::{Admin, Error, PageJson, Part, PushJson};
use crate::model::{
    Device, DeviceFilter, DeviceId, DeviceInfo, Enveloping, ProofPolicy, Signing, Timestamp, from_rfc3339,
    from_rfc3339_option, hex, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// A device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceJson {
    /// Its own id.
    pub id: String,
    /// What it said of itself.
    #[serde(flatten)]
    pub info: DeviceInfo,
    /// When it was first heard of.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its last authenticated contact.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// Commands without an outcome.
    pub open_commands: i64,
    /// Its life under management.
    pub enrollment: Option<EnrollmentJson>,
    /// How it is woken; lists leave this out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushJson>,
}

/// One life of a device under management.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentJson {
    /// Its id.
    pub id: String,
    /// Counts the lives of the device.
    pub generation: i32,
    /// `pending`, `active`, `unenrolling`, `replaced`, `unenrolled`, `unknown` or `blocked`.
    pub state: Cow<'static, str>,
    /// When it was made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Its first authenticated contact.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_seen_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The enrolled user, where the device enrolled itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `full` for a user's, `device` for the computer's own, where the device enrolled itself.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'static, str>>,
    /// When its certificate ends, where it has one that counts.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub certificate_ends_at: Option<Timestamp>,
    /// Whether its messages are signed, where that is not as the settings say: `off`, `accept` or `require`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<Signing>,
    /// Since when the device signs its messages, by its own word.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signs_since: Option<Timestamp>,
    /// Whether its messages are enveloped, where that is not as the settings say: `off`, `accept` or `require`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enveloping: Option<Enveloping>,
    /// Since when the device envelopes its messages, by its own word.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub envelopes_since: Option<Timestamp>,
    /// What is enough to believe its messages, where that is not as the settings say; lists leave this out: `standard`, or `certificate`,
    /// `signature`, `digest` and `basic`, joined by `and` and `or`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub proofs: Option<ProofPolicy>,
    /// When the device was given credentials that it has not used yet; lists leave this out.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub credentials_offered_at: Option<Timestamp>,
    /// Since when the device uses the credentials that it was given last; nothing for those that it began with.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub credentials_since: Option<Timestamp>,
}

impl From<Device> for DeviceJson {
    fn from(device: Device) -> Self {
        let life = device.enrollment;
        Self {
            id: device.device_id.to_string(),
            info: device.info,
            created_at: device.created_at,
            last_seen_at: life.as_ref().and_then(|life| life.last_seen_at),
            open_commands: life.as_ref().map_or(0, |life| life.open_commands),
            enrollment: life.map(|life| EnrollmentJson {
                id: life.id.to_string(),
                generation: life.generation,
                state: life.state.as_str().into(),
                created_at: life.created_at,
                first_seen_at: life.first_seen_at,
                ended_at: life.ended_at,
                user: life.upn,
                kind: life.kind.map(|kind| kind.as_str().into()),
                certificate_ends_at: life.certificate_ends,
                signing: life.signing,
                signs_since: life.signing_confirmed_at,
                enveloping: life.enveloping,
                envelopes_since: life.envelopes_since,
                proofs: None,
                credentials_offered_at: None,
                credentials_since: None,
            }),
            push: None,
        }
    }
}

/// Which devices.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DeviceQuery {
    /// Only those whose id, name or user begins so; the case of ASCII letters makes no difference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins_with: Option<String>,
    /// Only those for which this condition on their facts holds, such as `os.build < 22631`.
    #[serde(rename = "where", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Which device somebody means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// None that is known.
    None,
    /// This one.
    One(DeviceId),
    /// One of these, or of more.
    OneOf(Vec<DeviceId>),
}

/// Devices of one name that are told.
const SAME_NAME: i64 = 5;

impl Admin {
    /// Which device somebody means who writes its id, or its whole name.
    pub async fn meant_device(&self, text: &str) -> Result<Meant, Error> {
        let text = text.to_owned();
        let called = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let found = DeviceId::parse(&text).map(|id| tx.device(&id)).transpose()?.flatten();
                match found {
                    Some(device) => Ok(vec![device.device_id]),
                    None => tx.devices_called(&text, SAME_NAME),
                }
            })
            .await?;
        Ok(match <[DeviceId; 1]>::try_from(called) {
            Ok([device]) => Meant::One(device),
            Err(several) if several.is_empty() => Meant::None,
            Err(several) => Meant::OneOf(several),
        })
    }

    /// Devices by id.
    pub async fn devices(&self, query: DeviceQuery) -> Result<PageJson<DeviceJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let filter = DeviceFilter { begins_with: query.begins_with, condition: condition(query.condition.as_deref())? };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.devices(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, DeviceJson::from))
    }

    /// One device.
    pub async fn device(&self, id: &str) -> Result<DeviceJson, Error> {
        let id = named_device(id)?;
        self.store.read(move |tx: &mut Tx<'_>| shown(tx, &id)).await
    }
}

impl DeviceJson {
    /// Another one after each change of what people set of its messages: how they are signed, enveloped and believed.
    pub fn tag(&self) -> String {
        let life = self.enrollment.as_ref();
        tag_of(&life.map(|life| (&life.id, life.signing, life.enveloping, &life.proofs)))
    }
}

/// What stands for a record, as long as it is what it is.
pub(super) fn tag_of(record: &impl Serialize) -> String {
    let text = serde_json::to_vec(record).unwrap_or_default();
    hex(&Sha256::digest(text)).chars().take(24).collect()
}

fn shown(tx: &mut Tx<'_>, id: &DeviceId) -> Result<DeviceJson, Error> {
    let device = tx.device(id)?.ok_or(Error::NotFound("device"))?;
    let life = device.enrollment.as_ref().filter(|life| life.state.is_live());
    let push = life.map(|life| tx.push_record(&life.id)).transpose()?.flatten();
    let account = life.map(|life| tx.account(&life.id)).transpose()?.flatten();
    let mut shown = DeviceJson { push: push.map(PushJson::from), ..DeviceJson::from(device) };
    if let (Some(life), Some(account)) = (&mut shown.enrollment, account) {
        life.credentials_offered_at = account.rotation.offered.last().map(|offered| offered.at);
        life.credentials_since = account.rotation.since;
        life.proofs = account.proofs;
    }
    Ok(shown)
}

/// Refuses a change of what somebody else has set meanwhile, where the caller says what they saw.
pub(super) fn as_seen(tx: &mut Tx<'_>, id: &DeviceId, seen: Option<&str>) -> Result<(), Error> {
    match seen {
        Some(seen) if shown(tx, id)?.tag() != seen => Err(Error::Changed),
        _ => Ok(()),
    }
}

/// The device that a path names.
pub(super) fn named_device(text: &str) -> Result<DeviceId, Error> {
    DeviceId::parse(text).ok_or(Error::NotFound("device"))
}

/// The device that a query asks for.
pub(super) fn device_filter(text: Option<&str>) -> Result<Option<DeviceId>, Error> {
    let parse =
        |text| DeviceId::parse(text).ok_or_else(|| Error::parameter("device_id", "this can't be the id of a device"));
    text.map(parse).transpose()
}
