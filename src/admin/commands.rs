//! Commands: list, look at, take back, resolve.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::devices::{device_filter, named_device};
use super::order_rights::allowed;
use super::{Admin, CommandJson, DeviceJson, Error, PageJson, Part, Repetition};
use crate::management::{Resolution, orders};
use crate::model::{
    Actor, AuditRecord, BatchId, CommandFilter, CommandId, CommandState, EnrollmentId, Rights, SecretNodes, Timestamp,
    parse_command_id,
};
use crate::store::{Cancellation, Tx};

/// Which commands.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct CommandQuery {
    /// Only those of this device.
    #[serde(default, alias = "device", skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only those that were ordered together.
    #[serde(default, alias = "batch", skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// Also what the server asks of devices for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<bool>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a person knows of a command whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResolveAs {
    /// Send it again.
    Retry,
    /// It was done.
    Succeeded,
    /// It was not.
    Failed,
}

/// What a clearing took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cleared {
    /// The device.
    pub device_id: String,
    /// Commands that were waiting and are canceled now.
    pub canceled: usize,
}

impl Admin {
    /// Commands, newest first.
    pub async fn commands(&self, query: CommandQuery) -> Result<PageJson<CommandJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let state = query.state.as_deref().map(|word| {
            CommandState::parse(word).ok_or_else(|| {
                let known: Vec<_> = CommandState::ALL.iter().map(|state| state.as_str()).collect();
                Error::parameter("state", format!("'{word}' is no state; there are {}", known.join(", ")))
            })
        });
        let batch = query
            .batch_id
            .as_deref()
            .map(|text| BatchId::parse(text).ok_or_else(|| Error::parameter("batch_id", "this is no id of a batch")));
        let filter = CommandFilter {
            device: device_filter(query.device_id.as_deref())?,
            state: state.transpose()?,
            batch: batch.transpose()?,
            own: query.own.unwrap_or_default(),
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.commands(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, |record| CommandJson::from(&record)))
    }

    /// The last command of a device that failed, in its present life under management.
    pub async fn last_failure(&self, device: &DeviceJson) -> Result<Option<CommandJson>, Error> {
        let Some(life) = device.enrollment.as_ref().and_then(|life| EnrollmentId::parse(&life.id)) else {
            return Ok(None);
        };
        let failed = self.store.read(move |tx: &mut Tx<'_>| tx.last_failure(&life)).await?;
        Ok(failed.as_ref().map(CommandJson::from))
    }

    /// One command with all that is known of it.
    pub async fn command(&self, id: &str) -> Result<CommandJson, Error> {
        let id = named_command(id)?;
        let nodes = self.secret_nodes();
        self.store.read(move |tx: &mut Tx<'_>| shown(tx, &id, &nodes)).await
    }

    /// Takes a command back.
    pub async fn cancel(
        &self,
        id: &str,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<CommandJson, Error> {
        let (id, by, nodes) = (named_command(id)?, by.clone(), self.secret_nodes());
        self.once(repetition, now, move |tx| match orders::cancel(tx, &id, &by.name, now)? {
            Cancellation::Canceled => {
                tx.audit(&by, AuditRecord::new("command.cancel", "command", id.0.as_str()), now);
                shown(tx, &id, &nodes)
            }
            // Asked for twice, it is done once.
            Cancellation::Settled(CommandState::Canceled) => shown(tx, &id, &nodes),
            Cancellation::Sent => Err(Error::Conflict(
                "it is on its way: the device may be carrying it out, so its outcome has to be awaited".to_owned(),
            )),
            Cancellation::Settled(state) => {
                Err(Error::Conflict(format!("it has its outcome already: {}", state.as_str())))
            }
        })
        .await
    }

    /// Takes back all that waits in the queue of a device.
    pub async fn clear(
        &self,
        device: &str,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Cleared, Error> {
        let (device, by) = (named_device(device)?, by.clone());
        self.once(repetition, now, move |tx| {
            let found = tx.device(&device)?.ok_or(Error::NotFound("device"))?;
            let canceled = found.enrollment.map(|life| tx.clear(&life.id, &by.name, now)).transpose()?;
            let canceled = canceled.unwrap_or_default();
            let record = AuditRecord::new("device.clear", "device", found.device_id.as_str());
            tx.audit(&by, record.after(serde_json::json!({"canceled": canceled})), now);
            Ok(Cleared { device_id: found.device_id.to_string(), canceled })
        })
        .await
    }

    /// Ends the doubt about a command whose outcome is unknown.
    pub async fn resolve(
        &self,
        id: &str,
        how: ResolveAs,
        (by, rights): (&Actor, &Rights),
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<CommandJson, Error> {
        let resolution = match how {
            ResolveAs::Retry => Resolution::Retry,
            ResolveAs::Succeeded => Resolution::Succeeded,
            ResolveAs::Failed => Resolution::Failed,
        };
        let (id, by, nodes) = (named_command(id)?, by.clone(), self.secret_nodes());
        let rights = rights.clone();
        self.once(repetition, now, move |tx| {
            let found = tx.command(&id)?.ok_or(Error::NotFound("command"))?;
            allowed([&found.instruction], &rights)?;
            tx.resolve_unknown(&id, resolution, &by.name, now)?;
            let record = AuditRecord::new("command.resolve", "command", id.0.as_str());
            tx.audit(&by, record.after(serde_json::json!({"as": how})), now);
            shown(tx, &id, &nodes)
        })
        .await
    }
}

/// A command with all that is known of it.
fn shown(tx: &mut Tx<'_>, id: &CommandId, nodes: &SecretNodes) -> Result<CommandJson, Error> {
    let mut command = tx.command(id)?.as_ref().map(CommandJson::from).ok_or(Error::NotFound("command"))?;
    command.hide(nodes);
    Ok(command)
}

/// The command that a path names.
fn named_command(text: &str) -> Result<CommandId, Error> {
    parse_command_id(text).ok_or(Error::NotFound("command"))
}
