//! Commands: order, list, look at, take back, resolve.

use serde::{Deserialize, Serialize};
use transom_protocol::csp::Instruction;

use super::{Admin, CommandJson, Error, PageJson, Part};
use crate::management::{Order, Resolution};
use crate::model::{
    BatchId, CommandFilter, CommandId, CommandState, Dependency, DeviceId, Enqueued, NewCommand, NotEnqueued,
    Timestamp, TokenId, parse_rfc3339,
};
use crate::store::{Cancellation, Claim, Tx};

/// Most devices that one order may name.
const MAX_DEVICES: usize = 100_000;

/// Most commands that one order may hold.
const MAX_COMMANDS: usize = 1_000;

/// An order, as JSON.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// One device; instead of `devices`.
    #[serde(default)]
    pub device_id: Option<String>,
    /// The devices, by their own ids.
    #[serde(default)]
    pub devices: Vec<String>,
    /// One command; instead of `commands`.
    #[serde(default)]
    pub command: Option<Instruction>,
    /// Several, in the order in which they are to be sent.
    #[serde(default)]
    pub commands: Vec<Instruction>,
    /// Not to be sent before (RFC 3339).
    #[serde(default)]
    pub not_before: Option<String>,
    /// Not to be sent at or after (RFC 3339).
    #[serde(default)]
    pub expires_at: Option<String>,
    /// Commands of the same device that have to succeed before.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Each of `commands` waits until the one before it has succeeded.
    #[serde(default)]
    pub chained: bool,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ordered {
    /// Under this the commands are listed together; `null` after a dry run.
    pub batch_id: Option<String>,
    /// Device by device.
    pub devices: Vec<OrderedDevice>,
}

/// A request that may come again: with the same key it gets the first answer.
#[derive(Debug, Clone)]
pub struct Repetition {
    /// Whose key it is.
    pub token: TokenId,
    /// `Idempotency-Key`.
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// What became of an order for one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderedDevice {
    /// The device.
    pub device_id: String,
    /// Ids of the new commands, in order.
    pub commands: Vec<String>,
    /// Why there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'static str>,
}

/// Which commands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandQuery {
    /// Only those of this device.
    #[serde(default, alias = "device")]
    pub device_id: Option<String>,
    /// Only those in this state.
    #[serde(default)]
    pub state: Option<String>,
    /// Only those that were ordered together.
    #[serde(default, alias = "batch")]
    pub batch_id: Option<String>,
    /// Entries at most.
    #[serde(default)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// What a person knows of a command whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResolveAs {
    /// Send it again.
    Retry,
    /// It was done.
    Succeeded,
    /// It was not.
    Failed,
}

impl Admin {
    /// Puts commands into the queues of devices. The answer is JSON, so that a repetition gets the same bytes.
    pub async fn order(
        &self,
        new: NewOrder,
        by: &str,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let dry_run = new.dry_run;
        let order = order_of(new, by)?;
        self.management.check_order(&order, now)?;
        if dry_run {
            return json(&self.rehearse(order).await?);
        }
        let Some(repetition) = repetition else {
            let (batch, enqueued) = self.management.order(order, now).await?;
            return json(&ordered(&batch, enqueued));
        };
        let Repetition { token, key, request_hash } = repetition;
        let claim = {
            let (token, key) = (token.clone(), key.clone());
            self.store.write(move |tx: &mut Tx<'_>| tx.claim_request(&token, &key, &request_hash, now)).await?
        };
        match claim {
            Claim::Done { response, .. } => return Ok(response),
            Claim::OtherRequest => {
                let why = "this Idempotency-Key was used for another request; use a new one";
                return Err(Error::Conflict(why.to_owned()));
            }
            Claim::Unfinished => {
                let why = "a request with this Idempotency-Key was begun and not finished; look for its commands";
                return Err(Error::Conflict(why.to_owned()));
            }
            Claim::New => {}
        }
        let (batch, enqueued) = self.management.order(order, now).await?;
        let answer = json(&ordered(&batch, enqueued))?;
        let kept = answer.clone();
        self.store.write(move |tx: &mut Tx<'_>| tx.complete_request(&token, &key, 201, &kept)).await?;
        Ok(answer)
    }

    /// Says which devices an order would reach.
    async fn rehearse(&self, order: Order) -> Result<Ordered, Error> {
        let devices = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let mut told = Vec::with_capacity(order.devices.len());
                for device in order.devices {
                    let error = match tx.device(&device)? {
                        None => Some(why_not(NotEnqueued::UnknownDevice)),
                        Some(found) => match found.enrollment {
                            Some(life) if life.state.is_live() => None,
                            _ => Some(why_not(NotEnqueued::NotEnrolled)),
                        },
                    };
                    told.push(OrderedDevice { device_id: device.to_string(), commands: Vec::new(), error });
                }
                Ok::<_, Error>(told)
            })
            .await?;
        Ok(Ordered { batch_id: None, devices })
    }

    /// Commands, newest first.
    pub async fn commands(&self, query: CommandQuery) -> Result<PageJson<CommandJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit(), part.cursor()?);
        let state = query.state.as_deref().map(|word| {
            CommandState::parse(word).ok_or_else(|| {
                let known: Vec<_> = CommandState::ALL.iter().map(|state| state.as_str()).collect();
                Error::invalid("/state", format!("'{word}' is no state; there are {}", known.join(", ")))
            })
        });
        let batch = query
            .batch_id
            .as_deref()
            .map(|text| BatchId::parse(text).ok_or_else(|| Error::invalid("/batch_id", "this is no id of a batch")));
        let filter = CommandFilter {
            device: query.device_id.as_deref().map(device_id).transpose()?,
            state: state.transpose()?,
            batch: batch.transpose()?,
        };
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.commands(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, |record| CommandJson::from(&record)))
    }

    /// One command with all that is known of it.
    pub async fn command(&self, id: &str) -> Result<CommandJson, Error> {
        let id = command_id(id)?;
        let view = self.store.read(move |tx: &mut Tx<'_>| tx.command(&id)).await?;
        view.as_ref().map(CommandJson::from).ok_or(Error::NotFound("command"))
    }

    /// Takes a command back.
    pub async fn cancel(&self, id: &str, by: &str, now: Timestamp) -> Result<CommandJson, Error> {
        match self.management.cancel(command_id(id)?, by.to_owned(), now).await? {
            Cancellation::Canceled => self.command(id).await,
            Cancellation::Sent => Err(Error::Conflict(
                "it is on its way: the device may be carrying it out, so its outcome has to be awaited".to_owned(),
            )),
            Cancellation::Settled(state) => {
                Err(Error::Conflict(format!("it has its outcome already: {}", state.as_str())))
            }
        }
    }

    /// Takes back all that waits in the queue of a device; says how many commands that were.
    pub async fn clear(&self, device: &str, by: &str, now: Timestamp) -> Result<usize, Error> {
        let device = device_id(device)?;
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.device(&device)).await?;
        let enrollment = found.and_then(|device| device.enrollment).ok_or(Error::NotFound("device"))?;
        Ok(self.management.clear(enrollment.id, by.to_owned(), now).await?)
    }

    /// Ends the doubt about a command whose outcome is unknown.
    pub async fn resolve(&self, id: &str, how: ResolveAs, by: &str, now: Timestamp) -> Result<CommandJson, Error> {
        let resolution = match how {
            ResolveAs::Retry => Resolution::Retry,
            ResolveAs::Succeeded => Resolution::Succeeded,
            ResolveAs::Failed => Resolution::Failed,
        };
        self.management.resolve(command_id(id)?, resolution, by.to_owned(), now).await?;
        self.command(id).await
    }
}

fn ordered(batch: &BatchId, enqueued: Vec<Enqueued>) -> Ordered {
    let devices = enqueued.into_iter().map(|device| OrderedDevice {
        device_id: device.device.to_string(),
        error: device.commands.as_ref().err().map(|why| why_not(*why)),
        commands: device.commands.unwrap_or_default().iter().map(ToString::to_string).collect(),
    });
    Ordered { batch_id: Some(batch.to_string()), devices: devices.collect() }
}

fn json(ordered: &Ordered) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(ordered).map_err(|error| Error::Conflict(error.to_string()))
}

fn order_of(new: NewOrder, by: &str) -> Result<Order, Error> {
    let names: Vec<String> = new.device_id.into_iter().chain(new.devices).collect();
    let instructions: Vec<Instruction> = new.command.into_iter().chain(new.commands).collect();
    if names.len() > MAX_DEVICES {
        return Err(Error::invalid("/devices", format!("at most {MAX_DEVICES} devices in one order")));
    }
    if instructions.len() > MAX_COMMANDS {
        return Err(Error::invalid("/commands", format!("at most {MAX_COMMANDS} commands in one order")));
    }
    let devices = names.iter().map(|name| device_id(name)).collect::<Result<_, _>>()?;
    let time = |at: &str, text: Option<String>| {
        let parse = |text: String| {
            parse_rfc3339(&text)
                .ok_or_else(|| Error::invalid(at, format!("'{text}' is no time; write it like 2026-11-20T22:00:00Z")))
        };
        text.map(parse).transpose()
    };
    let not_before = time("/not_before", new.not_before)?;
    let expires_at = time("/expires_at", new.expires_at)?;
    let depends_on: Vec<Dependency> =
        new.depends_on.iter().map(|id| command_id(id).map(Dependency::On)).collect::<Result<_, _>>()?;
    let commands = instructions.into_iter().enumerate().map(|(place, instruction)| {
        let mut depends_on = depends_on.clone();
        if new.chained && place > 0 {
            depends_on.push(Dependency::OnEarlier(place - 1));
        }
        NewCommand { not_before, expires_at, depends_on, ..NewCommand::new(instruction) }
    });
    Ok(Order { devices, commands: commands.collect(), by: by.to_owned() })
}

pub(super) fn device_id(text: &str) -> Result<DeviceId, Error> {
    DeviceId::parse(text).ok_or_else(|| Error::invalid("/device_id", "this can't be the id of a device"))
}

fn command_id(text: &str) -> Result<CommandId, Error> {
    let known = crate::model::parse_command_id(text);
    known.ok_or(Error::NotFound("command"))
}

const fn why_not(why: NotEnqueued) -> &'static str {
    match why {
        NotEnqueued::UnknownDevice => "unknown_device",
        NotEnqueued::NotEnrolled => "not_enrolled",
        NotEnqueued::QueueFull => "queue_full",
    }
}
