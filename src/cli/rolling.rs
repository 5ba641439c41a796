//! Bringing policies to devices: what sessions have to do with it, and the work that goes on by itself.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use transom_protocol::csp::catalogue::Erratum;

use super::{Installation, hinted, instance::now};

use crate::{
    management::Attendant,
    model::{Edge, WatchedFacts},
    policy::catalogue::{Library, builtin},
    policy::rollout::{NAME, Options, Rollout},
    store::Store,
};

/// The capability.
pub(super) fn rollout(
    installation: &Installation,
    provider_id: &str,
    store: &Store,
    watched: WatchedFacts,
    wakes: bool,
    max_open: i64,
) -> anyhow::Result<Rollout> {
    let settings = &installation.settings;
    let options = Options {
        devices_per_second: settings.policy.devices_per_second,
        waits_for_facts: settings.inventory.collect,
        wakes,
        max_open,
        reads_back: settings.policy.read_back,
        verify_every: i64::try_from(settings.policy.verify_every.as_millis()).ok().filter(|every| *every > 0),
    };
    let edge = Edge { now: Arc::new(now), jitter: Arc::new(rand::random::<u16>) };
    let library = Library::new(store.clone()).with_errata(errata(installation)?);
    let rollout = Rollout::new(store.clone(), library, options, edge, watched);
    Ok(if settings.policy.node_cache { rollout.watching(provider_id) } else { rollout })
}

/// Corrections of the catalogue that the installation has of its own.
fn errata(installation: &Installation) -> anyhow::Result<Vec<Erratum>> {
    let path = &installation.settings.policy.errata;
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let path = installation.folder.resolve(path);
    let json =
        std::fs::read_to_string(&path).with_context(|| format!("can't read {} (policy.errata)", path.display()))?;
    builtin::read_errata(&json).map_err(|error| {
        let what = format!("{} can't be used (policy.errata): {error}", path.display());
        hinted(what, "docs/csp.md shows what a correction looks like")
    })
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
