//! Orders: the same commands for one device or many.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Instruction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::busy::{AGAIN_AFTER, unless_busy};
use super::order_check::{OrderFindingJson, reason};
use super::order_rights::allowed;
use super::{Admin, Error, Fault, Repetition};
use crate::management::{Order, OrderError};
use crate::model::{
    Actor, BatchId, CommandId, CommandScope, CommandState, Dependency, DeviceId, Enqueued, EnrollmentState, NewCommand,
    NotEnqueued, OWN, Principal, Rights, Timestamp, parse_command_id, parse_rfc3339,
};
use crate::store::Tx;

/// Most devices that one order may name.
const MAX_DEVICES: usize = 100_000;

/// Most commands that one order may hold.
const MAX_COMMANDS: usize = 1_000;

/// Most commands in the queues together that one order may make.
const MAX_TOGETHER: usize = 200_000;

/// An order, as JSON.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// One device; instead of `devices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The devices, by their own ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// One command; instead of `commands`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::admin::schema::Instruction>)]
    pub command: Option<Instruction>,
    /// Several, in the order in which they are to be sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<crate::admin::schema::Instruction>)]
    pub commands: Vec<Instruction>,
    /// Whose `./User` nodes are meant, such as `bob@contoso.com`; unsaid, those of the enrolled user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Not to be sent before (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// Not to be sent at or after (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Commands that have to succeed before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// Each of `commands` waits until the one before it has succeeded.
    #[serde(default)]
    pub chained: bool,
    /// Why it is to be sent although the catalogue of settings says that it can't work; kept in the audit log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<String>,
    /// Only check.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ordered {
    /// Under this the commands are listed together; `null` after a dry run.
    pub batch_id: Option<String>,
    /// Device by device.
    pub devices: Vec<OrderedDevice>,
    /// What the catalogue of settings says of the commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<OrderFindingJson>,
}

/// What became of an order for one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderedDevice {
    /// The device.
    pub device_id: String,
    /// Ids of the new commands, in order.
    pub commands: Vec<String>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<NotOrdered>,
}

/// Why a device got no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotOrdered {
    /// No such device.
    UnknownDevice,
    /// The device left management.
    NotEnrolled,
    /// Its queue is full.
    QueueFull,
    /// The device is told to leave.
    Leaving,
    /// The store stopped answering before it was this device's turn.
    Unavailable,
}

impl Admin {
    /// Puts commands into the queues of devices. A device that can't take them gets none and keeps no other from them;
    /// where no device could, this is an error.
    pub async fn order(
        &self,
        new: NewOrder,
        (by, rights): (&Actor, &Rights),
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Ordered, Error> {
        let (dry_run, alone) = (new.dry_run, new.command.is_some());
        let order = order_of(new, by)?;
        allowed(order.commands.iter().map(|command| &command.instruction), rights)?;
        self.management.check_order(&order, now).map_err(|error| told(error, alone))?;
        self.check_dependencies(&order).await?;
        let findings = self.held_against_the_catalogue(&order, alone).await?;
        if dry_run {
            return Ok(Ordered { findings, ..self.rehearse(order).await? });
        }
        let ordered = self.carry_out(order, findings, repetition, now).await?;
        refusal_of(&ordered.devices).map_or(Ok(ordered), Err)
    }

    /// Orders a command anew that has ended without success, for the same device; with the same values, user and time
    /// limits of its own none.
    pub async fn retry(
        &self,
        id: &str,
        (by, rights): (&Actor, &Rights),
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Ordered, Error> {
        let id = parse_command_id(id).ok_or(Error::NotFound("command"))?;
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.command(&id)).await?;
        let before = found.ok_or(Error::NotFound("command"))?;
        allowed([&before.instruction], rights)?;
        let why_not = match before.record.state {
            CommandState::Failed | CommandState::Expired | CommandState::Canceled | CommandState::Superseded => None,
            CommandState::Unknown => {
                Some("nobody knows whether it has run: resolve it, as 'retry' if it may run again")
            }
            CommandState::Succeeded => Some("it has succeeded"),
            CommandState::Queued | CommandState::Sent | CommandState::Deferred => Some("it has no outcome yet"),
        };
        if let Some(why) = why_not {
            return Err(Error::Conflict(why.to_owned()));
        }
        if before.record.created_by.starts_with(OWN) {
            return Err(Error::Conflict("the server asks this of the device by itself".to_owned()));
        }
        let user = before.record.user.as_deref().map(user_of).transpose()?;
        let command = NewCommand { user, ..NewCommand::new(before.instruction) };
        let unchecked = Some(format!("again: {}", before.record.id));
        let devices = vec![before.record.device_id];
        let order = Order { devices, commands: vec![command], by: by.clone(), unchecked };
        self.management.check_order(&order, now).map_err(|error| told(error, true))?;
        let ordered = self.carry_out(order, Vec::new(), repetition, now).await?;
        refusal_of(&ordered.devices).map_or(Ok(ordered), Err)
    }

    /// Every portion of devices is one transaction; the first claims the request, the last keeps the answer. When the
    /// first finds the database busy nothing has happened, and whoever orders may try again; the others are tried again
    /// here.
    async fn carry_out(
        &self,
        order: Order,
        findings: Vec<OrderFindingJson>,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<Ordered, Error> {
        let (order, batch) = (Arc::new(order), BatchId::new(now));
        let mut ordered = Ordered { batch_id: Some(batch.to_string()), devices: Vec::new(), findings };
        let portions = order.portions().len();
        for portion in 0..portions {
            let (management, whole, batch) = (self.management.clone(), Arc::clone(&order), batch.clone());
            let claims = repetition.clone().filter(|_| portion == 0);
            let keeps =
                repetition.clone().filter(|_| portion + 1 == portions).map(|repetition| (repetition, ordered.clone()));
            let job = move |tx: &mut Tx<'_>| {
                if let Some(before) = claims.map(|claim| claim.begin(tx, now)).transpose()?.flatten() {
                    return Ok(Err(before));
                }
                let some = whole.portions().nth(portion).unwrap_or_default();
                let enqueued = management.enqueue(tx, &whole, some, &batch, now)?;
                tx.audit(&whole.by, whole.record(&batch, &enqueued), now);
                let done: Vec<_> = enqueued.into_iter().map(taken).collect();
                if let Some(refusal) = refusal_of(&done).filter(|_| portions == 1) {
                    return Err(refusal);
                }
                if let Some((repetition, mut ordered)) = keeps {
                    ordered.devices.extend(done.iter().cloned());
                    repetition.end(tx, &ordered)?;
                }
                Ok::<_, Error>(Ok(done))
            };
            let done = if portion == 0 {
                self.store.write(job).await
            } else {
                unless_busy(&AGAIN_AFTER, || self.store.write(job.clone())).await
            };
            match done {
                Ok(Ok(done)) => ordered.devices.extend(done),
                Ok(Err(before)) => return Ok(before),
                Err(error) if portion == 0 => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "an order was broken off");
                    let rest = order.portions().skip(portion);
                    ordered.devices.extend(rest.flatten().map(|device| OrderedDevice {
                        device_id: device.to_string(),
                        commands: Vec::new(),
                        error: Some(NotOrdered::Unavailable),
                    }));
                    break;
                }
            }
        }
        let count = ordered.devices.iter().map(|device| device.commands.len()).sum();
        self.management.count_ordered(count);
        Ok(ordered)
    }

    /// A command that waits for one that is not there would wait for ever.
    async fn check_dependencies(&self, order: &Order) -> Result<(), Error> {
        let on = |dependency: &Dependency| match dependency {
            Dependency::On(id) => Some(id.clone()),
            Dependency::OnEarlier(_) => None,
        };
        let wanted: Vec<CommandId> =
            order.commands.first().map(|first| first.depends_on.iter().filter_map(on).collect()).unwrap_or_default();
        if wanted.is_empty() {
            return Ok(());
        }
        let asked = wanted.clone();
        let known = self.store.read(move |tx: &mut Tx<'_>| tx.command_states(&asked)).await?;
        let missing = wanted.iter().enumerate().filter(|(_, id)| !known.iter().any(|(known, _)| known == *id));
        let faults: Vec<Fault> = missing
            .map(|(place, id)| Fault {
                at: format!("/depends_on/{place}"),
                what: format!("there is no command {}", id.0),
            })
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid { summary: "it depends on commands that are not there".to_owned(), faults })
    }

    /// Says which devices an order would reach.
    async fn rehearse(&self, order: Order) -> Result<Ordered, Error> {
        let count = i64::try_from(order.commands.len()).unwrap_or(i64::MAX);
        let room = self.management.max_open().saturating_sub(count);
        let devices = self
            .store
            .read(move |tx: &mut Tx<'_>| {
                let mut told = Vec::with_capacity(order.devices.len());
                for device in order.devices {
                    let error = match tx.device(&device)? {
                        None => Some(NotOrdered::UnknownDevice),
                        Some(found) => match found.enrollment {
                            Some(life) if !life.state.is_live() => Some(NotOrdered::NotEnrolled),
                            Some(life) if life.state == EnrollmentState::Unenrolling && life.open_commands > 0 => {
                                Some(NotOrdered::Leaving)
                            }
                            Some(life) => (life.open_commands > room).then_some(NotOrdered::QueueFull),
                            None => Some(NotOrdered::NotEnrolled),
                        },
                    };
                    told.push(OrderedDevice { device_id: device.to_string(), commands: Vec::new(), error });
                }
                Ok::<_, Error>(told)
            })
            .await?;
        Ok(Ordered { batch_id: None, devices, findings: Vec::new() })
    }
}

/// What an order is answered with that no device took.
fn refusal_of(devices: &[OrderedDevice]) -> Option<Error> {
    let reasons = devices.iter().map(|device| Some((device, device.error?)));
    let reasons: Vec<_> = reasons.collect::<Option<_>>()?;
    if let [(_, reason)] = reasons.as_slice() {
        return Some(match reason {
            NotOrdered::UnknownDevice => Error::NotFound("device"),
            NotOrdered::Unavailable => Error::Busy,
            other => Error::Conflict(other.meaning().to_owned()),
        });
    }
    let faults = reasons.iter().enumerate().map(|(place, (device, reason))| Fault {
        at: format!("/devices/{place}"),
        what: format!("{}: {}", device.device_id, reason.meaning()),
    });
    Some(Error::Invalid { summary: "no device could take it".to_owned(), faults: faults.collect() })
}

fn taken(device: Enqueued) -> OrderedDevice {
    OrderedDevice {
        device_id: device.device.to_string(),
        error: device.commands.as_ref().err().map(|why| (*why).into()),
        commands: device.commands.unwrap_or_default().iter().map(ToString::to_string).collect(),
    }
}

/// The error with the places of its faults as JSON pointers into the order.
fn told(error: OrderError, alone: bool) -> Error {
    match error.into() {
        Error::Invalid { summary, faults } => {
            let faults = faults.into_iter().map(|fault| Fault { at: pointer(&fault.at, alone), ..fault });
            Error::Invalid { summary, faults: faults.collect() }
        }
        other => other,
    }
}

/// From `[2].items[0].target`, or `items[0].target` where there is one command, to a pointer.
pub(super) fn pointer(at: &str, alone: bool) -> String {
    if at.starts_with('/') {
        return at.to_owned();
    }
    let base = match (alone, at.starts_with('[')) {
        (true, _) => "/command",
        (false, true) => "/commands",
        (false, false) => "/commands/0",
    };
    let mut pointer = base.to_owned();
    for step in at.split(['[', ']', '.']).filter(|step| !step.is_empty()) {
        pointer.push('/');
        pointer.push_str(step);
    }
    pointer
}

fn order_of(new: NewOrder, by: &Actor) -> Result<Order, Error> {
    if new.device_id.is_some() && !new.devices.is_empty() {
        return Err(Error::invalid("/device_id", "write either device_id or devices"));
    }
    if new.command.is_some() && !new.commands.is_empty() {
        return Err(Error::invalid("/command", "write either command or commands"));
    }
    let devices = devices_of(&new)?;
    let instructions: Vec<Instruction> = new.command.into_iter().chain(new.commands).collect();
    if instructions.len() > MAX_COMMANDS {
        return Err(Error::invalid("/commands", format!("at most {MAX_COMMANDS} commands in one order")));
    }
    if instructions.len().saturating_mul(devices.len()) > MAX_TOGETHER {
        let what = format!("one order makes at most {MAX_TOGETHER} commands, for all devices together");
        return Err(Error::invalid("/devices", what));
    }
    let not_before = time("/not_before", new.not_before.as_deref())?;
    let expires_at = time("/expires_at", new.expires_at.as_deref())?;
    let depends_on = new.depends_on.iter().enumerate().map(|(place, id)| {
        let id = parse_command_id(id)
            .ok_or_else(|| Error::invalid(format!("/depends_on/{place}"), "this is no id of a command"))?;
        Ok(Dependency::On(id))
    });
    let depends_on: Vec<Dependency> = depends_on.collect::<Result<_, Error>>()?;
    let user = new.user.as_deref().map(user_of).transpose()?;
    let unchecked = reason(new.unchecked.as_deref())?;
    let commands = instructions.into_iter().enumerate().map(|(place, instruction)| {
        let mut depends_on = depends_on.clone();
        if new.chained && place > 0 {
            depends_on.push(Dependency::OnEarlier(place - 1));
        }
        NewCommand { not_before, expires_at, depends_on, user: user.clone(), ..NewCommand::new(instruction) }
    });
    let commands: Vec<NewCommand> = commands.collect();
    if user.is_some() && commands.iter().any(|command| command.scope != CommandScope::User) {
        return Err(Error::invalid("/user", "a user can be named only for nodes below ./User"));
    }
    Ok(Order { devices, commands, by: by.clone(), unchecked })
}

fn user_of(name: &str) -> Result<Principal, Error> {
    let what = "a name of a user is not empty, not longer than 320 bytes and has no blanks and control characters";
    Principal::parse(name).ok_or_else(|| Error::invalid("/user", what))
}

/// The devices, each once.
fn devices_of(new: &NewOrder) -> Result<Vec<DeviceId>, Error> {
    if new.devices.len() > MAX_DEVICES {
        return Err(Error::invalid("/devices", format!("at most {MAX_DEVICES} devices in one order")));
    }
    let mut seen = BTreeSet::new();
    let mut devices = Vec::new();
    let one = new.device_id.iter().map(|name| ("/device_id".to_owned(), name));
    let many = new.devices.iter().enumerate().map(|(place, name)| (format!("/devices/{place}"), name));
    for (at, name) in one.chain(many) {
        let what = "an id of a device is not empty, not longer than 255 bytes and has no control characters";
        let device = DeviceId::parse(name).ok_or_else(|| Error::invalid(at, what))?;
        if seen.insert(device.key()) {
            devices.push(device);
        }
    }
    Ok(devices)
}

fn time(at: &str, text: Option<&str>) -> Result<Option<Timestamp>, Error> {
    let parse = |text| {
        parse_rfc3339(text).ok_or_else(|| Error::invalid(at, "this is no time; write it like 2026-11-20T22:00:00Z"))
    };
    text.map(parse).transpose()
}

impl NotOrdered {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownDevice => "unknown_device",
            Self::NotEnrolled => "not_enrolled",
            Self::QueueFull => "queue_full",
            Self::Leaving => "leaving",
            Self::Unavailable => "unavailable",
        }
    }

    /// What it means, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::UnknownDevice => "there is no such device",
            Self::NotEnrolled => "the device has left management",
            Self::QueueFull => "the queue of the device is full",
            Self::Leaving => "the device is told to leave management, so nothing more reaches it",
            Self::Unavailable => "the database stopped answering before it was this device's turn; order it again",
        }
    }
}

impl From<NotEnqueued> for NotOrdered {
    fn from(why: NotEnqueued) -> Self {
        match why {
            NotEnqueued::UnknownDevice => Self::UnknownDevice,
            NotEnqueued::NotEnrolled => Self::NotEnrolled,
            NotEnqueued::QueueFull => Self::QueueFull,
            NotEnqueued::Leaving => Self::Leaving,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_pointers() {
        assert_eq!(pointer("items[0].target", true), "/command/items/0/target");
        assert_eq!(pointer("commands[1].items[2].data", true), "/command/commands/1/items/2/data");
        assert_eq!(pointer("items", false), "/commands/0/items");
        assert_eq!(pointer("[3].items[0].data", false), "/commands/3/items/0/data");
        assert_eq!(pointer("/expires_at", true), "/expires_at");
    }

    #[test]
    fn words_are_those_of_the_json_form() {
        use NotOrdered::{Leaving, NotEnrolled, QueueFull, Unavailable, UnknownDevice};
        for why in [UnknownDevice, NotEnrolled, QueueFull, Leaving, Unavailable] {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }

    #[test]
    fn a_device_that_is_named_twice_is_meant_once() {
        let new = NewOrder { devices: ["a", "A", " a ", "b"].map(str::to_owned).to_vec(), ..NewOrder::default() };
        let devices = devices_of(&new).unwrap();
        assert_eq!(devices.iter().map(DeviceId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
