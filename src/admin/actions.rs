//! What is asked of devices as a whole, as JSON.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::{device_filter, named_device};
use super::{Admin, Error, PageJson, Part, Repetition};
use crate::actions::{ArchiveError, Ask, Pieces, Refusal, Request, Verdict};
use crate::management::orders;
use crate::model::{
    Action, ActionFilter, ActionId, ActionKind, ActionState, Actor, AuditRecord, CommandState, Secret, Timestamp,
    from_rfc3339, from_rfc3339_option, parse_rfc3339, rfc3339, rfc3339_option,
};
use crate::store::{Archive, Cancellation, Tx};

/// Something to ask of a device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAction {
    /// What.
    pub action: Request,
    /// The id of the device once more: what takes away what can't be brought back is asked for with it only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Not before (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Not at or after (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActionJson {
    /// Its id.
    pub id: String,
    /// For whom.
    pub device_id: String,
    /// Of which sort.
    pub kind: ActionKind,
    /// Where it stands. `accepted`: the device has taken it on, and has not said yet that it is done.
    pub state: ActionState,
    /// What the device last said of it.
    pub progress: Option<String>,
    /// Why it stands there.
    pub detail: Option<String>,
    /// The command whose outcome decides.
    pub command_id: String,
    /// When it was asked for.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When the device took it on.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<Timestamp>,
    /// When it ended.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
    /// What the device sent for it; only where one action is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveJson>,
}

/// What a device sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArchiveJson {
    /// Its size, once it is here.
    pub bytes: Option<u64>,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: Option<String>,
    /// The address is good until then.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub open_until: Timestamp,
    /// When it arrived.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub received_at: Option<Timestamp>,
    /// When it was deleted, because its time was over.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Timestamp>,
}

/// Which actions.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ActionQuery {
    /// Only those of this device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// How a person says that an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResolveActionAs {
    /// It is done.
    Done,
    /// It is not.
    Failed,
}

impl Admin {
    /// Asks something of a device.
    pub async fn act(
        &self,
        device: &str,
        new: NewAction,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<ActionJson, Error> {
        let time = |at: &str, text: Option<String>| {
            let what = "this is no time; write it like 2026-11-20T22:00:00Z";
            text.map(|text| parse_rfc3339(&text).ok_or_else(|| Error::invalid(at, what))).transpose()
        };
        let (not_before, expires_at) = (time("/not_before", new.not_before)?, time("/expires_at", new.expires_at)?);
        if expires_at.is_some_and(|end| end <= now || not_before.is_some_and(|start| end <= start)) {
            return Err(Error::invalid("/expires_at", "it lies in the past, or before not_before"));
        }
        let mut random = [0_u8; 32];
        rand::fill(&mut random);
        let ask = Ask {
            device: named_device(device)?,
            request: new.action,
            confirm: new.confirm,
            not_before,
            expires_at,
            by: by.name.clone(),
            token: Secret::new(BASE64.encode(random)),
        };
        let actions = self.actions.clone();
        let by = by.clone();
        let asked = self
            .once(repetition, now, move |tx| {
                let asked = ActionJson::from(actions.order(tx, &ask, now)?);
                let record = AuditRecord::new("action.ask", "action", &asked.id)
                    .after(serde_json::json!({"device_id": asked.device_id, "kind": asked.kind}));
                tx.audit(&by, record, now);
                Ok(asked)
            })
            .await?;
        self.management.count_ordered(1);
        Ok(asked)
    }

    /// For each thing that could be asked of a device why it can't be now; nothing where it can.
    pub async fn obstacles(&self, device: &str, requests: Vec<Request>) -> Result<Vec<Option<String>>, Error> {
        let (device, actions) = (named_device(device)?, self.actions.clone());
        let found = self.store.read(move |tx: &mut Tx<'_>| actions.obstacles(tx, &device, &requests)).await?;
        Ok(found.into_iter().map(|refusal| refusal.map(|refusal| refusal.to_string())).collect())
    }

    /// Actions, newest first.
    pub async fn actions(&self, query: ActionQuery) -> Result<PageJson<ActionJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let state = query.state.as_deref().map(|word| {
            ActionState::parse(word).ok_or_else(|| {
                let known: Vec<_> = ActionState::ALL.iter().map(|state| state.as_str()).collect();
                Error::parameter("state", format!("'{word}' is no state; there are {}", known.join(", ")))
            })
        });
        let filter = ActionFilter { device: device_filter(query.device_id.as_deref())?, state: state.transpose()? };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.actions(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, ActionJson::from))
    }

    /// Actions of one device, newest first.
    pub async fn actions_of(&self, device: &str, query: ActionQuery) -> Result<PageJson<ActionJson>, Error> {
        self.device(device).await?;
        self.actions(ActionQuery { device_id: Some(device.to_owned()), ..query }).await
    }

    /// One action.
    pub async fn action(&self, id: &str) -> Result<ActionJson, Error> {
        let id = named_action(id)?;
        self.store.read(move |tx: &mut Tx<'_>| shown(tx, &id)).await
    }

    /// Takes an action back that the device was not told of yet.
    pub async fn cancel_action(&self, id: &str, by: &Actor, now: Timestamp) -> Result<ActionJson, Error> {
        let (id, by, actions) = (named_action(id)?, by.clone(), self.actions.clone());
        self.store
            .write(move |tx: &mut Tx<'_>| {
                let action = tx.action(&id)?.ok_or(Error::NotFound("action"))?;
                match orders::cancel(tx, &action.command, &by.name, now)? {
                    Cancellation::Canceled | Cancellation::Settled(CommandState::Canceled) => {}
                    Cancellation::Sent => {
                        let why = "the device was told already: its outcome has to be awaited";
                        return Err(Error::Conflict(why.to_owned()));
                    }
                    Cancellation::Settled(_) => {
                        let state = action.state.as_str();
                        return Err(Error::Conflict(format!("it is too late: the action is {state}")));
                    }
                }
                actions.refresh(tx, &action.enrollment, now)?;
                tx.audit(&by, AuditRecord::new("action.cancel", "action", id.as_str()), now);
                shown(tx, &id)
            })
            .await
    }

    /// A person says how an action ended that the device says nothing more of.
    pub async fn resolve_action(
        &self,
        id: &str,
        how: ResolveActionAs,
        by: &Actor,
        now: Timestamp,
    ) -> Result<ActionJson, Error> {
        let verdict = match how {
            ResolveActionAs::Done => Verdict::Done,
            ResolveActionAs::Failed => Verdict::Failed,
        };
        let (id, by, actions) = (named_action(id)?, by.clone(), self.actions.clone());
        self.store
            .write(move |tx: &mut Tx<'_>| {
                actions.resolve(tx, &id, (verdict, &by.name), now)?;
                let record =
                    AuditRecord::new("action.resolve", "action", id.as_str()).after(serde_json::json!({"as": how}));
                tx.audit(&by, record, now);
                shown(tx, &id)
            })
            .await
    }

    /// The archive that a device sent for an action, and its size. What is in it nobody knows beforehand: that somebody
    /// took it is recorded before the first byte goes out.
    pub async fn archive(&self, id: &str, by: &Actor, now: Timestamp) -> Result<(Pieces, u64), Error> {
        let archives = self.archives.as_ref().ok_or(Error::NotFound("archive"))?;
        let id = named_action(id)?;
        let bytes = match archives.archive(&id).await? {
            Archive { deleted_at: Some(_), .. } => {
                return Err(Error::Conflict("the archive was deleted, because its time was over".to_owned()));
            }
            Archive { received_at: None, .. } => {
                return Err(Error::Conflict("the archive has not arrived".to_owned()));
            }
            Archive { bytes, .. } => bytes.unwrap_or_default(),
        };
        let (subject, by) = (id.to_string(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.audit(&by, AuditRecord::new("action.archive", "action", subject), now);
            Ok::<_, Error>(())
        };
        self.store.write(job).await?;
        Ok((archives.read(&id, now).await?, bytes))
    }
}

fn shown(tx: &mut Tx<'_>, id: &ActionId) -> Result<ActionJson, Error> {
    let action = tx.action(id)?.ok_or(Error::NotFound("action"))?;
    let archive = tx.archive(id)?.map(|archive| ArchiveJson {
        bytes: archive.bytes,
        sha256: archive.sha256,
        open_until: archive.open_until,
        received_at: archive.received_at,
        deleted_at: archive.deleted_at,
    });
    Ok(ActionJson { archive, ..ActionJson::from(action) })
}

/// The action that a path names.
fn named_action(text: &str) -> Result<ActionId, Error> {
    ActionId::parse(text).ok_or(Error::NotFound("action"))
}

impl From<Action> for ActionJson {
    fn from(action: Action) -> Self {
        Self {
            id: action.id.to_string(),
            device_id: action.device_id.to_string(),
            kind: action.kind,
            state: action.state,
            progress: action.progress,
            detail: action.detail,
            command_id: action.command.to_string(),
            created_at: action.created_at,
            created_by: action.created_by,
            accepted_at: action.accepted_at,
            settled_at: action.settled_at,
            archive: None,
        }
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Store(error) => error.into(),
            other => Self::Elsewhere(other.to_string()),
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let what = refusal.to_string();
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::UnknownDevice => Self::NotFound("device"),
            Refusal::UnknownAction => Self::NotFound("action"),
            Refusal::Invalid { at, .. } => Self::invalid(format!("/action{at}"), what),
            Refusal::Unnameable(_) => Self::invalid("/action", what),
            Refusal::Unconfirmed => Self::invalid("/confirm", what),
            Refusal::Unsuitable(_)
            | Refusal::UnderWay(_)
            | Refusal::NoUploads
            | Refusal::NotEnrolled
            | Refusal::Leaving
            | Refusal::QueueFull
            | Refusal::Standing(_) => Self::Conflict(what),
        }
    }
}
