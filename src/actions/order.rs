//! Asking something of a device.

use transom_protocol::session::{DeviceId, Timestamp};

use super::possible::Standing;
use super::request::Situation;
use super::{Actions, Refusal, Request, follow};
use crate::model::{Action, ActionId, ActionState, BatchId, NewAction, NewCommands, NotEnqueued, Secret};
use crate::store::Tx;

/// What is asked of a device, and by whom.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The device.
    pub device: DeviceId,
    /// What.
    pub request: Request,
    /// The device once more, where it takes away what can't be brought back.
    pub confirm: Option<String>,
    /// Not before.
    pub not_before: Option<Timestamp>,
    /// Not at or after.
    pub expires_at: Option<Timestamp>,
    /// Who asks.
    pub by: String,
    /// Chance, for the address of an archive.
    pub token: Secret<String>,
}

impl Actions {
    /// Asks something of a device, as a part of what else is done in the transaction.
    pub fn order(&self, tx: &mut Tx<'_>, ask: &Ask, now: Timestamp) -> Result<Action, Refusal> {
        let kind = ask.request.kind();
        let device = tx.device(&ask.device)?.ok_or(Refusal::UnknownDevice)?;
        let is_named =
            |name: &String| DeviceId::parse(name.trim()).is_some_and(|named| named.key() == ask.device.key());
        if kind.destroys() && !ask.confirm.as_ref().is_some_and(is_named) {
            return Err(Refusal::Unconfirmed);
        }
        let lives = tx.live_enrollments(&ask.device)?;
        let life = lives.first().ok_or(Refusal::NotEnrolled)?;
        let standing = Standing::of(tx, &device, Some(life.into()))?;
        standing.check(&ask.request)?;
        let facts = standing.facts;
        let id = ActionId::new(now);
        let upload_url = self.upload_base.get().map(|base| format!("{base}{}", ask.token.expose()));
        let situation = Situation { id: &id, facts: &facts, upload_url };
        let mut plan = ask.request.plan(&situation)?;
        for command in &mut plan.commands {
            (command.not_before, command.expires_at) = (ask.not_before, ask.expires_at);
        }
        let new = NewCommands {
            devices: vec![ask.device.clone()],
            commands: plan.commands,
            batch: Some(BatchId::new(now)),
            created_by: ask.by.clone(),
            max_open: self.options.max_open,
            wake: self.options.wakes,
        };
        let enqueued = tx.enqueue(&new, now)?.pop().ok_or(Refusal::UnknownDevice)?;
        let commands = enqueued.commands.map_err(|why| match why {
            NotEnqueued::UnknownDevice => Refusal::UnknownDevice,
            NotEnqueued::NotEnrolled => Refusal::NotEnrolled,
            NotEnqueued::QueueFull => Refusal::QueueFull,
            NotEnqueued::Leaving => Refusal::Leaving,
        })?;
        let command = commands.get(plan.decides).cloned().ok_or(Refusal::QueueFull)?;
        let request =
            serde_json::to_string(&ask.request).map_err(|_| Refusal::Standing("it can't be kept".to_owned()))?;
        let new = NewAction {
            id: id.clone(),
            enrollment: life.enrollment.clone(),
            device_id: device.device_id,
            kind,
            request: Secret::new(request),
            command,
            created_by: ask.by.clone(),
        };
        tx.add_action(&new, now)?;
        if matches!(ask.request, Request::CollectDiagnostics(_)) {
            let open_until = now.plus_millis(self.options.upload_time);
            tx.open_archive(&id, &super::archives::hash_of(ask.token.expose()), open_until)?;
        }
        let action = tx.action(&id)?.ok_or(Refusal::UnknownAction)?;
        follow::tell(tx, &action, ActionState::Queued, &format!("asked for by {}", ask.by), now)?;
        Ok(action)
    }
}
