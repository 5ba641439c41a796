//! Receivers of events, as JSON. Secrets are shown once; of an address what could be one is not shown.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::feed::named_kinds;
use super::{Admin, Error, Repetition, SecretText};
use crate::events::{AddressRefused, Events, SECRET_PREFIX, number, secret_text};
use crate::model::{
    Actor, AuditRecord, DeviceId, FeedFilter, NewWebhook, Secret, Timestamp, Webhook, WebhookId, WebhookState,
    from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// Receivers that there may be.
const MOST: usize = 50;

/// Longest name.
const LONGEST_NAME: usize = 64;

/// Kinds, or devices, that one receiver may name.
const MOST_NAMED: usize = 1000;

/// A receiver, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookJson {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where events go, without what stands behind a question mark.
    pub url: String,
    /// Kinds of events that it gets; all when there is none.
    pub types: Vec<String>,
    /// Devices whose events it gets; all when there is none.
    pub devices: Vec<String>,
    /// `active`, `paused` or `dead`.
    pub state: WebhookState,
    /// Why it is in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the state changed.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
    /// When it was set up.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Everything up to this number was delivered, or is not for it.
    pub position: i64,
    /// Numbers behind it: not all of them need be for it.
    pub behind: i64,
    /// Events that it took.
    pub delivered: i64,
    /// Events that were gone before they were delivered.
    pub missed: i64,
    /// Failures in a row.
    pub failures: u32,
    /// Since when.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// When it is tried again.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_at: Option<Timestamp>,
    /// When it was last tried.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub tried_at: Option<Timestamp>,
    /// Status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A receiver to be set up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhookJson {
    /// What people call it.
    pub name: String,
    /// Where events go.
    pub url: String,
    /// Kinds of events, or how they begin (`command.*`); all when nothing is said.
    #[serde(default)]
    pub types: Vec<String>,
    /// Devices; all when nothing is said.
    #[serde(default)]
    pub devices: Vec<String>,
    /// It gets what is behind this number; what comes from now on when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// What deliveries are signed with (`whsec_…`); made when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretText>,
}

/// A receiver that was just set up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeWebhook {
    /// What is kept of it.
    #[serde(flatten)]
    pub record: WebhookJson,
    /// What deliveries are signed with; it can't be had again.
    #[schema(value_type = String)]
    pub secret: SecretText,
}

/// From where a receiver gets events again: a number, or a time.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// From behind this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// From this moment on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

/// What came of trying a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookTest {
    /// Whether it took the event.
    pub delivered: bool,
    /// Status of its answer.
    pub status: Option<u16>,
    /// Why it does not count as delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took.
    pub millis: u64,
}

/// That a receiver was taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemovedWebhook {
    /// Which one.
    pub removed: String,
}

impl WebhookJson {
    /// Another one after each change that a person makes, or that stops it.
    pub fn tag(&self) -> String {
        format!("{}-{}", self.changed_at.0, self.state.as_str())
    }
}

impl NewWebhookJson {
    fn checked(&self, events: &Events, created_by: &str) -> Result<NewWebhook, Error> {
        let name = self.name.trim();
        let is_name = (1..=LONGEST_NAME).contains(&name.len())
            && WebhookId::parse(name).is_none()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
        if !is_name {
            return Err(Error::invalid("/name", "a name has 1 to 64 letters, digits, '.', '_' and '-'"));
        }
        let refused = |refused: AddressRefused| Error::invalid("/url", refused.to_string());
        let url = events.checked(&self.url).map_err(refused)?;
        if self.types.len().max(self.devices.len()) > MOST_NAMED {
            return Err(Error::invalid("", format!("name at most {MOST_NAMED} types and devices")));
        }
        let words: Vec<&str> = self.types.iter().map(|word| word.trim()).collect();
        let kinds = named_kinds(&words).map_err(|word| {
            Error::invalid("/types", format!("there is no type {word}; write command.failed, command.*, …"))
        })?;
        let devices = self.devices.iter().map(|name| DeviceId::parse(name).map(|device| device.key()));
        let devices = devices.collect::<Option<Vec<_>>>();
        let devices = devices.ok_or_else(|| Error::invalid("/devices", "this can't be the name of a device"))?;
        Ok(NewWebhook {
            name: name.to_owned(),
            url: Secret::new(url.to_string()),
            secret: self.secret()?,
            filter: FeedFilter { kinds, devices },
            created_by: created_by.to_owned(),
            position: self.after.unwrap_or(0).max(0),
        })
    }

    fn secret(&self) -> Result<Secret<Vec<u8>>, Error> {
        let Some(given) = &self.secret else {
            let mut random = [0_u8; 32];
            rand::fill(&mut random);
            return Ok(Secret::new(random.to_vec()));
        };
        let text = given.secret();
        let bytes = text.expose().strip_prefix(SECRET_PREFIX).and_then(|text| BASE64.decode(text).ok());
        let what = "a secret is whsec_ and 24 to 64 bytes in Base64; leave it out to have one made";
        let bytes = bytes.filter(|bytes| (24..=64).contains(&bytes.len()));
        bytes.map(Secret::new).ok_or_else(|| Error::invalid("/secret", what))
    }
}

impl Admin {
    fn teller(&self) -> Result<&Events, Error> {
        self.events.as_ref().ok_or(Error::NotFound("service for webhooks"))
    }

    /// Sets a receiver up.
    pub async fn create_webhook(
        &self,
        new: NewWebhookJson,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<MadeWebhook, Error> {
        let (checked, by) = (new.checked(self.teller()?, &by.name)?, by.clone());
        let from_now = new.after.is_none();
        number(&self.store).await?;
        let job = move |tx: &mut Tx<'_>| {
            if tx.webhooks()?.len() >= MOST {
                return Err(Error::Conflict(format!("there are {MOST} webhooks; remove one first")));
            }
            let head = tx.feed_head()?;
            let position = if from_now { head } else { checked.position.min(head) };
            let hook = tx.add_webhook(&NewWebhook { position, ..checked }, now)?;
            let secret = SecretText::new(secret_text(hook.secret.expose()));
            tx.audit(&by, record("webhook.create", &hook).after(asked(&hook)), now);
            Ok(MadeWebhook { record: shown(&hook, head), secret })
        };
        self.once(repetition, now, job).await
    }

    /// All receivers, by name.
    pub async fn webhooks(&self) -> Result<Vec<WebhookJson>, Error> {
        let job = |tx: &mut Tx<'_>| {
            let head = tx.feed_head()?;
            Ok::<_, Error>(tx.webhooks()?.iter().map(|hook| shown(hook, head)).collect())
        };
        self.store.read(job).await
    }

    /// One receiver, by id or name.
    pub async fn webhook(&self, name: &str) -> Result<WebhookJson, Error> {
        let name = name.to_owned();
        let job = move |tx: &mut Tx<'_>| Ok::<_, Error>(shown(&named(tx, &name)?, tx.feed_head()?));
        self.store.read(job).await
    }

    /// Takes a receiver away.
    pub async fn remove_webhook(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<RemovedWebhook, Error> {
        let (name, by) = (name.to_owned(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let hook = as_seen(tx, &name, seen.as_deref())?;
            tx.remove_webhook(&hook.id)?;
            tx.audit(&by, record("webhook.remove", &hook).before(asked(&hook)), now);
            Ok::<_, Error>(RemovedWebhook { removed: hook.name })
        };
        self.store.write(job).await
    }

    /// Stops a receiver: it goes on where it stood.
    pub async fn pause_webhook(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<WebhookJson, Error> {
        self.set_webhook(name, seen, (WebhookState::Paused, Some(format!("by {}", by.name))), by, now).await
    }

    /// Lets a receiver that is paused or dead go on where it stood.
    pub async fn resume_webhook(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<WebhookJson, Error> {
        self.set_webhook(name, seen, (WebhookState::Active, None), by, now).await
    }

    async fn set_webhook(
        &self,
        name: &str,
        seen: Option<String>,
        (state, reason): (WebhookState, Option<String>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<WebhookJson, Error> {
        let (name, by) = (name.to_owned(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let hook = as_seen(tx, &name, seen.as_deref())?;
            if hook.state != state {
                tx.set_webhook_state(&hook.id, state, reason.as_deref(), now)?;
                let was = serde_json::json!({"state": hook.state});
                let is = serde_json::json!({"state": state});
                tx.audit(&by, record("webhook.state", &hook).before(was).after(is), now);
            }
            Ok::<_, Error>(shown(&named(tx, hook.id.as_str())?, tx.feed_head()?))
        };
        self.store.write(job).await
    }

    /// Sends a receiver events again, from a number or a time on.
    pub async fn replay_webhook(
        &self,
        name: &str,
        from: Replay,
        seen: Option<String>,
        (by, repetition): (&Actor, Option<Repetition>),
        now: Timestamp,
    ) -> Result<WebhookJson, Error> {
        let (name, by) = (name.to_owned(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let hook = as_seen(tx, &name, seen.as_deref())?;
            let position = match (from.after, from.since) {
                (Some(after), None) => after,
                (None, Some(since)) => tx.feed_before(since)?,
                _ => return Err(Error::invalid("", "say from where: after, or since")),
            };
            tx.move_webhook(&hook.id, position, now)?;
            tx.audit(&by, record("webhook.replay", &hook).after(serde_json::json!({"position": position})), now);
            Ok(shown(&named(tx, hook.id.as_str())?, tx.feed_head()?))
        };
        self.once(repetition, now, job).await
    }

    /// Sends a receiver an event that never happened.
    pub async fn test_webhook(&self, name: &str, by: &Actor, now: Timestamp) -> Result<WebhookTest, Error> {
        let (events, name, by) = (self.teller()?, name.to_owned(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let hook = named(tx, &name)?;
            tx.audit(&by, record("webhook.test", &hook), now);
            Ok::<_, Error>(hook)
        };
        let hook = self.store.write(job).await?;
        let attempt = events.test(&hook).await;
        let delivered = attempt.problem.is_none();
        Ok(WebhookTest { delivered, status: attempt.status, problem: attempt.problem, millis: attempt.millis })
    }
}

fn record(action: &'static str, hook: &Webhook) -> AuditRecord {
    AuditRecord::new(action, "webhook", hook.id.as_str())
}

/// What the audit log keeps of a receiver: never what stands behind the question mark of its address.
fn asked(hook: &Webhook) -> serde_json::Value {
    let kinds: Vec<_> = hook.filter.kinds.iter().map(|kind| kind.as_str()).collect();
    let url = hook.url.expose().split('?').next().unwrap_or_default();
    serde_json::json!({"name": hook.name, "url": url, "types": kinds, "devices": hook.filter.devices})
}

fn named(tx: &mut Tx<'_>, name: &str) -> Result<Webhook, Error> {
    let found = match WebhookId::parse(name) {
        Some(id) => tx.webhook(&id)?,
        None => tx.webhooks()?.into_iter().find(|hook| hook.name == name),
    };
    found.ok_or(Error::NotFound("webhook"))
}

/// A receiver, unless it is another than whoever changes it has seen.
fn as_seen(tx: &mut Tx<'_>, name: &str, seen: Option<&str>) -> Result<Webhook, Error> {
    let hook = named(tx, name)?;
    match seen {
        Some(seen) if shown(&hook, 0).tag() != seen => Err(Error::Changed),
        _ => Ok(hook),
    }
}

fn shown(hook: &Webhook, head: i64) -> WebhookJson {
    let url = hook.url.expose();
    let progress = &hook.progress;
    WebhookJson {
        id: hook.id.to_string(),
        name: hook.name.clone(),
        url: url.split_once('?').map_or_else(|| url.clone(), |(before, _)| format!("{before}?…")),
        types: hook.filter.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        devices: hook.filter.devices.clone(),
        state: hook.state,
        reason: hook.reason.clone(),
        changed_at: hook.changed_at,
        created_at: hook.created_at,
        created_by: hook.created_by.clone(),
        position: progress.position,
        behind: (head - progress.position).max(0),
        delivered: progress.delivered,
        missed: progress.missed,
        failures: progress.failures,
        failing_since: progress.failing_since,
        retry_at: progress.retry_at,
        tried_at: progress.tried_at,
        status: progress.status,
        problem: progress.problem.clone(),
    }
}
