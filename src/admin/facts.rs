//! Facts of devices, as JSON; conditions on them; asking anew.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error, PageJson, Part, SyncJson};
use crate::inventory;
use crate::model::fact::{Changed, Definition, FactChange, catalogue};
use crate::model::{
    Actor, AuditRecord, DeviceId, Fact, FactName, FactValue, NewCommand, NewCommands, NotEnqueued, OWN, Predicate,
    StatusCode, Timestamp, from_rfc3339, rfc3339, rfc3339_text,
};
use crate::store::Tx;

/// A fact of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FactDefinitionJson {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is.
    pub title: Cow<'static, str>,
    /// `text`, `integer`, `boolean`, `time` or `list`.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The node that is read.
    pub node: Cow<'static, str>,
    /// How often: `first contact`, `each session`, `daily`, `every N days`; or who says it, where it is not asked for.
    pub plan: String,
    /// What a number counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'static, str>>,
    /// The first build of Windows that has the node, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_build: Option<u32>,
    /// It is read only while the enrolled user is signed in.
    pub needs_user: bool,
    /// It tells of a person, or makes a device recognizable.
    pub sensitive: bool,
}

/// What is known of a device under one name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactJson {
    /// Which.
    pub name: Cow<'static, str>,
    /// `known`, `odd`: what the device said is not of the fact's type; or `absent`: it has no such node.
    pub state: Cow<'static, str>,
    /// The value: text, number, boolean, time or list; what was said, where that is odd; `null` where it is absent.
    pub value: Value,
    /// Why it is absent or odd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The status that the device gave, where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What a number counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'static, str>>,
    /// When the device said so last.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub observed_at: Timestamp,
    /// Since when it says so.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// What is known of a device, and what is not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactsJson {
    /// The device.
    pub device_id: String,
    /// What it was asked for and answered, in the order of the catalogue.
    pub facts: Vec<FactJson>,
    /// Names of the catalogue that it has not answered yet.
    pub unasked: Vec<Cow<'static, str>>,
}

/// What became of a fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FactChangeJson {
    /// When it was observed.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// In which enrollment of the device.
    pub enrollment_id: String,
    /// As [`FactJson::state`].
    pub state: Cow<'static, str>,
    /// The value since then; `null` for a list, of which only the differences are kept.
    pub value: Value,
    /// Why it is absent or odd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Items that came to a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Items that went from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

/// Which facts are to be read anew.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    /// Names; none for all.
    pub facts: Vec<String>,
}

/// A device is asked anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refreshed {
    /// How many facts it is asked for.
    pub facts: usize,
    /// How and when it is reached.
    #[serde(flatten)]
    pub reach: SyncJson,
}

impl From<&'static Definition> for FactDefinitionJson {
    fn from(fact: &'static Definition) -> Self {
        Self {
            name: fact.name.into(),
            title: fact.title.into(),
            kind: fact.kind.as_str().into(),
            node: fact.node.into(),
            plan: fact.plan.to_string(),
            unit: fact.unit.map(Cow::Borrowed),
            since_build: fact.since,
            needs_user: fact.needs_user(),
            sensitive: fact.sensitive,
        }
    }
}

/// State, value, why, status.
fn shown(value: &FactValue) -> (&'static str, Value, Option<String>, Option<u16>) {
    match value {
        FactValue::Text(text) => ("known", json!(text), None, None),
        FactValue::Integer(number) => ("known", json!(number), None, None),
        FactValue::Bool(yes) => ("known", json!(yes), None, None),
        FactValue::Time(time) => ("known", json!(rfc3339_text(*time)), None, None),
        FactValue::List(items) => ("known", json!(items), None, None),
        FactValue::Odd(said) => {
            ("odd", json!(said), Some("it is not of the fact's type, or too long".to_owned()), None)
        }
        FactValue::Absent(status) => ("absent", Value::Null, Some(why(*status)), Some(status.0)),
    }
}

/// Why a fact is absent.
fn why(status: StatusCode) -> String {
    match status.0 {
        404 => "the device has no such node".to_owned(),
        405 => "the device does not let it be read".to_owned(),
        406 => "the device does not know the node".to_owned(),
        200..300 => "the device answered without a value".to_owned(),
        code => format!("the device could not read it ({code})"),
    }
}

impl From<&Fact> for FactJson {
    fn from(fact: &Fact) -> Self {
        let (state, value, why, status) = shown(&fact.value);
        Self {
            name: fact.name.as_str().into(),
            state: state.into(),
            value,
            why,
            status,
            unit: fact.name.definition().unit.map(Cow::Borrowed),
            observed_at: fact.observed_at,
            changed_at: fact.changed_at,
        }
    }
}

impl From<FactChange> for FactChangeJson {
    fn from(told: FactChange) -> Self {
        let ((state, value, why, _), added, removed) = match told.change {
            Changed::Value(value) => (shown(&value), Vec::new(), Vec::new()),
            Changed::Items { added, removed } => (("known", Value::Null, None, None), added, removed),
        };
        let enrollment_id = told.enrollment.to_string();
        Self { at: told.at, enrollment_id, state: state.into(), value, why, added, removed }
    }
}

/// The condition of a list.
pub(super) fn condition(text: Option<&str>) -> Result<Option<Predicate>, Error> {
    text.map(|text| Predicate::parse(text).map_err(|error| Error::parameter("where", error.to_string()))).transpose()
}

fn named_fact(text: &str) -> Result<FactName, Error> {
    FactName::parse(text).ok_or(Error::NotFound("fact"))
}

impl Admin {
    /// Every fact that there is.
    pub fn fact_definitions() -> PageJson<FactDefinitionJson> {
        PageJson { items: catalogue().iter().map(FactDefinitionJson::from).collect(), next_cursor: None }
    }

    /// What is known of a device.
    pub async fn facts(&self, id: &str) -> Result<FactsJson, Error> {
        let id = named_device(id)?;
        let look = move |tx: &mut Tx<'_>| {
            let Some(device) = tx.device(&id)? else { return Ok(None) };
            Ok::<_, Error>(Some((device.device_id, tx.facts(&device.key)?)))
        };
        let (device, known) = self.store.read(look).await?.ok_or(Error::NotFound("device"))?;
        let (mut facts, mut unasked) = (Vec::new(), Vec::new());
        for fact in catalogue() {
            match known.get(fact.fact_name()) {
                Some(fact) => facts.push(FactJson::from(fact)),
                // What is set here is no device's to answer.
                None if fact.fact_name().is_given() => {}
                None => unasked.push(Cow::Borrowed(fact.name)),
            }
        }
        Ok(FactsJson { device_id: device.to_string(), facts, unasked })
    }

    /// What became of a fact of a device, newest first.
    pub async fn fact_history(&self, id: &str, name: &str, part: Part) -> Result<PageJson<FactChangeJson>, Error> {
        let (id, name) = (named_device(id)?, named_fact(name)?);
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let look = move |tx: &mut Tx<'_>| {
            let device = tx.device(&id)?.ok_or(Error::NotFound("device"))?;
            tx.fact_changes(&device.key, name, cursor.as_ref(), limit).map_err(Error::from)
        };
        Ok(PageJson::of(self.store.read(look).await?, FactChangeJson::from))
    }

    /// Asks a device anew for facts, and for it to come.
    pub async fn refresh(&self, id: &str, refresh: Refresh, by: &Actor, now: Timestamp) -> Result<Refreshed, Error> {
        let names = refreshed(&refresh)?;
        let device = named_device(id)?;
        let facts = names.len();
        let commands = inventory::questions(&names);
        // Without names it is all of them.
        let named = names.iter().map(|name| name.as_str().to_owned());
        let asked: Vec<String> = if refresh.facts.is_empty() { Vec::new() } else { named.collect() };
        let (wake, max_open) = (self.management.wakes(), self.management.max_open());
        let asker = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            let record = AuditRecord::new("device.refresh", "device", device.to_string());
            tx.audit(&asker, record.after(json!({"facts": asked})), now);
            enqueue(tx, device, commands, wake, max_open, now)
        };
        self.store.write(job).await?;
        Ok(Refreshed { facts, reach: self.sync(id, by, now).await? })
    }
}

fn refreshed(refresh: &Refresh) -> Result<Vec<FactName>, Error> {
    if refresh.facts.is_empty() {
        return Ok(catalogue().iter().map(Definition::fact_name).filter(|name| name.is_asked()).collect());
    }
    let named = |(place, name): (usize, &String)| {
        let unknown = || Error::invalid(format!("/facts/{place}"), format!("there is no fact {name}"));
        let given = || {
            Error::invalid(format!("/facts/{place}"), format!("{name} is no question: devices are not asked for it"))
        };
        let found = FactName::parse(name).ok_or_else(unknown)?;
        if found.is_asked() { Ok(found) } else { Err(given()) }
    };
    refresh.facts.iter().take(catalogue().len()).enumerate().map(named).collect()
}

fn enqueue(
    tx: &mut Tx<'_>,
    device: DeviceId,
    commands: Vec<NewCommand>,
    wake: bool,
    max_open: i64,
    now: Timestamp,
) -> Result<(), Error> {
    let created_by = format!("{OWN}{}", inventory::NAME);
    let new = NewCommands { devices: vec![device], commands, batch: None, created_by, max_open, wake };
    let taken = tx.enqueue(&new, now)?.into_iter().next();
    match taken.map(|taken| taken.commands) {
        Some(Ok(_)) => Ok(()),
        Some(Err(NotEnqueued::UnknownDevice)) | None => Err(Error::NotFound("device")),
        Some(Err(NotEnqueued::NotEnrolled)) => {
            Err(Error::Conflict("the device is not enrolled, so nothing reaches it".to_owned()))
        }
        Some(Err(NotEnqueued::Leaving)) => Err(Error::Conflict("the device was told to leave".to_owned())),
        Some(Err(NotEnqueued::QueueFull)) => Err(Error::Conflict("too many commands wait for the device".to_owned())),
    }
}
