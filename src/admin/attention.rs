//! What needs a person's attention: the few things that are worst or newest, never a count of all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Admin, CommandJson, DeviceJson, Error, EventJson, PolicyStageJson, policies::stopped};
use crate::model::{ByState, CommandFilter, CommandState, EventKind, FeedKind, PolicyState, Timestamp};
use crate::store::Tx;

/// Entries of each kind.
const SHOWN: i64 = 8;

/// A device that was not heard of for longer is silent, in milliseconds.
const SILENCE: i64 = 7 * 24 * 60 * 60 * 1000;

/// A certificate that ends sooner is near its end, in milliseconds. Devices renew theirs six weeks before.
const ENDING: i64 = 21 * 24 * 60 * 60 * 1000;

/// Events that are looked at for refused identities.
const LOOKED_AT: i64 = 200;

/// Where configurations stand that need a person, the worst first. What is not known yet, or not answered, needs time.
const TROUBLE: [PolicyState; 3] = [PolicyState::Failed, PolicyState::Conflict, PolicyState::Drifted];

/// A configuration that devices refuse, that contradicts others on them, or that they no longer have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TroubledPolicyJson {
    /// What it is called.
    pub identifier: String,
    /// On how many devices it stands where: `failed`, `conflict`, `drifted`.
    pub devices: BTreeMap<String, i64>,
}

/// What somebody should look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    /// Devices that were not heard of for a week, longest first.
    pub silent: Vec<DeviceJson>,
    /// Devices whose certificate ends within three weeks, soonest first.
    pub ending: Vec<DeviceJson>,
    /// Commands that failed last, newest first.
    pub failed: Vec<CommandJson>,
    /// Commands whose outcome nobody knows, newest first.
    pub unknown: Vec<CommandJson>,
    /// Identities that were refused, or that contradict each other, newest first.
    pub security: Vec<EventJson>,
    /// Configurations that have failed on devices, are in conflict there or have drifted, the worst first.
    #[serde(default)]
    pub policies: Vec<TroubledPolicyJson>,
    /// A revision of policies that goes to no more devices because too many have failed.
    #[serde(default)]
    pub stopped: Option<PolicyStageJson>,
}

impl Admin {
    /// What needs attention.
    pub async fn attention(&self, now: Timestamp) -> Result<Attention, Error> {
        let in_state = |state| CommandFilter { state: Some(state), ..CommandFilter::default() };
        let (failed, unknown) = (in_state(CommandState::Failed), in_state(CommandState::Unknown));
        let shown = usize::try_from(SHOWN).unwrap_or_default();
        self.store
            .read(move |tx: &mut Tx<'_>| {
                let devices = |devices: Vec<_>| devices.into_iter().map(DeviceJson::from).collect();
                Ok(Attention {
                    stopped: stopped(tx)?,
                    policies: tx.troubled_policies(&TROUBLE, shown)?.into_iter().map(troubled).collect(),
                    silent: devices(tx.silent_devices(now.plus_millis(-SILENCE), SHOWN)?),
                    ending: devices(tx.devices_with_ending_certificates(now.plus_millis(ENDING), SHOWN)?),
                    failed: tx.commands(&failed, None, shown)?.items.iter().map(CommandJson::from).collect(),
                    unknown: tx.commands(&unknown, None, shown)?.items.iter().map(CommandJson::from).collect(),
                    security: tx
                        .last_events(EventKind::Security, LOOKED_AT)?
                        .into_iter()
                        .filter(|event| FeedKind::of_journal(event.kind, &event.code).is_refusal())
                        .take(shown)
                        .map(EventJson::from)
                        .collect(),
                })
            })
            .await
    }
}

fn troubled((identifier, counts): (String, ByState)) -> TroubledPolicyJson {
    let devices = counts.into_iter().map(|(state, devices)| (state.to_string(), devices)).collect();
    TroubledPolicyJson { identifier, devices }
}
