//! What operators do with queues: order, take back, clear, end a doubt.

use std::sync::Arc;

use transom_protocol::csp::Instruction;
use transom_protocol::csp::check::{Problem, check};
use transom_protocol::session::{CommandId, DeviceId, Timestamp};
use transom_protocol::syncml::Verb;

use super::Management;
use crate::model::{Actor, AuditRecord, BatchId, Enqueued, NewCommand, NewCommands};
use crate::store::{Cancellation, Error, Tx};

pub use crate::store::Resolution;

/// Devices whose queues one transaction fills at most.
pub const DEVICES_TOGETHER: usize = 500;

/// Commands that one transaction puts into queues, where one device does not get more: others wait for it.
const COMMANDS_TOGETHER: usize = 5_000;

/// Commands for one device or many.
#[derive(Debug, Clone)]
pub struct Order {
    /// For whom.
    pub devices: Vec<DeviceId>,
    /// What, in the order in which it is to be sent.
    pub commands: Vec<NewCommand>,
    /// Who orders it.
    pub by: Actor,
    /// Why it is sent although the catalogue of settings says that it can't work.
    pub unchecked: Option<String>,
}

/// Nodes that the audit log names of an order, and devices.
const NAMED: usize = 100;

impl Order {
    /// Its devices, in the portions whose queues one transaction fills.
    pub fn portions(&self) -> std::slice::Chunks<'_, DeviceId> {
        let together = COMMANDS_TOGETHER / self.commands.len().max(1);
        self.devices.chunks(together.clamp(1, DEVICES_TOGETHER))
    }

    /// What the audit log keeps of it: for whom and which nodes, never a value.
    pub fn record(&self, batch: &BatchId, enqueued: &[Enqueued]) -> AuditRecord {
        let taken: Vec<&str> =
            enqueued.iter().filter(|one| one.commands.is_ok()).map(|one| one.device.as_str()).collect();
        let nodes = || self.commands.iter().flat_map(|command| command.instruction.settings());
        let named = nodes().take(NAMED).map(|(verb, setting)| {
            serde_json::json!({"kind": verb.as_str().to_lowercase(), "target": setting.target.as_str()})
        });
        let mut asked = serde_json::json!({
            "commands": self.commands.len(),
            "nodes": nodes().count(),
            "named": named.collect::<Vec<_>>(),
            "device_count": taken.len(),
            "devices": taken.iter().take(NAMED).collect::<Vec<_>>(),
        });
        if let Some(reason) = &self.unchecked {
            asked["unchecked"] = reason.as_str().into();
        }
        let first = taken.first().copied().unwrap_or_default();
        match taken.len() {
            1 => AuditRecord::new("command.order", "device", first).after(asked),
            _ => AuditRecord::new("command.order", "batch", batch.as_str()).after(asked),
        }
    }
}

/// Why an order is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// No device is named.
    #[error("no device is named")]
    NoDevice,
    /// No command is given.
    #[error("no command is given")]
    NoCommand,
    /// A command can never work, on any device.
    #[error("this can never work on any device")]
    NeverWorks(Vec<Problem>),
    /// The command would already have expired.
    #[error("expires_at lies in the past, or before not_before")]
    Expired,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Management {
    /// Checks an order without carrying it out.
    pub fn check_order(&self, order: &Order, now: Timestamp) -> Result<(), OrderError> {
        if order.devices.is_empty() {
            return Err(OrderError::NoDevice);
        }
        if order.commands.is_empty() {
            return Err(OrderError::NoCommand);
        }
        let mut problems = Vec::new();
        for (place, command) in order.commands.iter().enumerate() {
            if let Err(found) = check(&command.instruction, self.options().max_data) {
                let prefix = if order.commands.len() > 1 { format!("[{place}].") } else { String::new() };
                problems.extend(
                    found.into_iter().map(|problem| Problem { at: format!("{prefix}{}", problem.at), ..problem }),
                );
            }
            let too_late = command
                .expires_at
                .is_some_and(|end| end <= now || command.not_before.is_some_and(|start| end <= start));
            if too_late {
                return Err(OrderError::Expired);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(OrderError::NeverWorks(problems)) }
    }

    /// Puts commands into the queues of devices, and says for each device what became of it.
    ///
    /// For many devices this takes several transactions: each device gets all of the commands or none.
    pub async fn order(&self, order: Order, now: Timestamp) -> Result<(BatchId, Vec<Enqueued>), OrderError> {
        self.check_order(&order, now)?;
        let (order, batch) = (Arc::new(order), BatchId::new(now));
        let mut enqueued = Vec::with_capacity(order.devices.len());
        for portion in 0..order.portions().len() {
            let (management, order, batch) = (self.clone(), Arc::clone(&order), batch.clone());
            let job = move |tx: &mut Tx<'_>| {
                let some = order.portions().nth(portion).unwrap_or_default();
                let enqueued = management.enqueue(tx, &order, some, &batch, now)?;
                tx.audit(&order.by, order.record(&batch, &enqueued), now);
                Ok(enqueued)
            };
            enqueued.extend(self.store().write(job).await.map_err(OrderError::Store)?);
        }
        self.count_ordered(enqueued.iter().filter_map(|device| device.commands.as_ref().ok()).map(Vec::len).sum());
        Ok((batch, enqueued))
    }

    /// Puts the commands of an order that was checked into the queues of some of its devices, as a part of what else is
    /// done in the transaction.
    pub fn enqueue(
        &self,
        tx: &mut Tx<'_>,
        order: &Order,
        devices: &[DeviceId],
        batch: &BatchId,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, Error> {
        let new = NewCommands {
            devices: devices.to_vec(),
            commands: order.commands.clone(),
            batch: Some(batch.clone()),
            created_by: order.by.name.clone(),
            max_open: self.options().max_open,
            wake: self.options().wakes,
        };
        tx.enqueue(&new, now)
    }

    /// Counts commands that were put into queues.
    pub fn count_ordered(&self, count: usize) {
        for _ in 0..count {
            self.metrics().command("queued");
        }
    }

    /// Whether devices are woken for what is ordered for them.
    pub fn wakes(&self) -> bool {
        self.options().wakes
    }

    /// Open commands that one device may have.
    pub fn max_open(&self) -> i64 {
        self.options().max_open
    }
}

/// Takes a command back. One that was sent can only be kept from being sent again, and only where repeating it is what
/// could happen: an Exec that may be running is left to its outcome.
pub(crate) fn cancel(tx: &mut Tx<'_>, id: &CommandId, by: &str, now: Timestamp) -> Result<Cancellation, Error> {
    let view = tx.command(id)?.ok_or(Error::NotFound("command"))?;
    tx.cancel(id, is_repeatable(&view.instruction), by, now)
}

/// Whether carrying it out twice does no harm.
pub(super) fn is_repeatable(instruction: &Instruction) -> bool {
    instruction.settings().all(|(verb, _)| verb != Verb::Exec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_takes_no_more_devices_than_commands_allow() {
        let instruction: Instruction =
            serde_json::from_str(r#"{"kind":"get","items":[{"target":"./DevDetail/SwV"}]}"#).unwrap();
        let portions = |devices: usize, commands: usize| {
            let devices = (0..devices).filter_map(|number| DeviceId::parse(&format!("d{number}"))).collect();
            let commands = vec![NewCommand::new(instruction.clone()); commands];
            let order = Order { devices, commands, by: Actor::server("test"), unchecked: None };
            order.portions().map(<[DeviceId]>::len).collect::<Vec<_>>()
        };
        assert_eq!(portions(1001, 1), [500, 500, 1]);
        assert_eq!(portions(120, 100), [50, 50, 20]);
        assert_eq!(portions(7, 1000), [5, 2]);
        assert_eq!(portions(2, 9000), [1, 1]);
    }
}
