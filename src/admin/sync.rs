//! Reaching a device: how, and when at the latest, as far as anybody can know.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::devices::named_device;
use super::{Admin, Error};
use crate::model::{Actor, AuditRecord, ChannelState, Timestamp, from_rfc3339_option, rfc3339_option};
use crate::push::next_poll;
use crate::store::Tx;

/// How a device is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncJson {
    /// The device.
    pub device_id: String,
    /// By what.
    pub reach: Reach,
    /// Why so, in a sentence.
    pub why: String,
    /// A push goes out then.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub push_at: Option<Timestamp>,
    /// The device comes by itself then, if it is on and online; `null` where its schedule is not known.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_poll_at: Option<Timestamp>,
    /// Commands that wait for it.
    pub open_commands: i64,
}

/// By what a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// A push, and its schedule where that does not wake it.
    Push,
    /// Its schedule alone.
    Schedule,
}

impl Admin {
    /// Asks a device to come, and says how that is done and when it comes at the latest.
    pub async fn sync(&self, id: &str, by: &Actor, now: Timestamp) -> Result<SyncJson, Error> {
        let (id, by) = (named_device(id)?, by.clone());
        let (wakes, polls) = (self.management.wakes(), self.polls.clone());
        let job = move |tx: &mut Tx<'_>| {
            let device = tx.device(&id)?.ok_or(Error::NotFound("device"))?;
            let life = device.enrollment.filter(|life| life.state.is_live());
            let not_enrolled = || Error::Conflict("the device is not enrolled, so nothing reaches it".to_owned());
            let contact = match life {
                Some(life) => tx.enrollment_for_update(&life.id)?.ok_or_else(not_enrolled)?,
                None => return Err(not_enrolled()),
            };
            let enrollment = contact.enrollment.as_str().to_owned();
            let pushed = wakes && tx.request_pushes(&[enrollment], false, now, now)? > 0;
            tx.audit(&by, AuditRecord::new("device.sync", "device", device.device_id.as_str()), now);
            let record = tx.push_record(&contact.enrollment)?;
            let schedule = polls.as_ref().and_then(|polls| polls.schedule_of(&contact));
            let state = record.as_ref().map(|record| (record.state, record.reason.clone()));
            Ok(SyncJson {
                device_id: device.device_id.to_string(),
                reach: if pushed { Reach::Push } else { Reach::Schedule },
                why: why(wakes, pushed, state),
                push_at: record.filter(|_| pushed).and_then(|record| record.due_at),
                next_poll_at: schedule.map(|(sets, since)| next_poll(sets, since, now)),
                open_commands: contact.open_commands,
            })
        };
        self.store.write(job).await
    }
}

fn why(wakes: bool, pushed: bool, channel: Option<(ChannelState, Option<String>)>) -> String {
    match channel {
        _ if pushed => "it has a channel; whether the push wakes it shows when it comes".to_owned(),
        _ if !wakes => "push is not configured".to_owned(),
        None => "it was not asked for its channel yet".to_owned(),
        Some((state, None)) => format!("its channel is {}", state.as_str()),
        Some((state, Some(reason))) => format!("its channel is {}: {reason}", state.as_str()),
    }
}
