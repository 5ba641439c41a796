//! Bringing policies to devices: what sessions have to do with it, and the work that goes on by itself.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::instance::now;
use crate::{
    config::Settings,
    management::Attendant,
    model::{Edge, WatchedFacts},
    policy::catalogue::Library,
    policy::rollout::{NAME, Options, Rollout},
    store::Store,
};

/// The capability.
pub(super) fn rollout(
    settings: &Settings,
    provider_id: &str,
    store: &Store,
    watched: WatchedFacts,
    wakes: bool,
    max_open: i64,
) -> Rollout {
    let options = Options {
        devices_per_second: settings.policy.devices_per_second,
        waits_for_facts: settings.inventory.collect,
        wakes,
        max_open,
        reads_back: settings.policy.read_back,
        verify_every: i64::try_from(settings.policy.verify_every.as_millis()).ok().filter(|every| *every > 0),
    };
    let edge = Edge { now: Arc::new(now), jitter: Arc::new(rand::random::<u16>) };
    let rollout = Rollout::new(store.clone(), Library::new(store.clone()), options, edge, watched);
    if settings.policy.node_cache { rollout.watching(provider_id) } else { rollout }
}

/// What sessions have to do with it.
pub(super) fn attendant(rollout: &Rollout) -> Attendant {
    let learns = rollout.clone();
    Attendant {
        name: NAME,
        before: Arc::new(|_, _, _| Ok(Vec::new())),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

/// Begins to go through devices.
pub(super) fn start(rollout: &Rollout) -> JoinHandle<()> {
    tokio::spawn(rollout.clone().run())
}
