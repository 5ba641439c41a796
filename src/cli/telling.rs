//! Telling others what happens: the capability with what it works with, and the work that goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;

use super::{Installation, instance::now};
use crate::{
    events::{Events, Hosts, Options},
    metrics::Metrics,
    model::{Edge, work},
    store::Store,
};

/// How often receivers are counted.
const WATCH_EVERY: Duration = Duration::from_secs(15);

/// The capability.
pub(super) fn events(installation: &Installation, store: &Store, metrics: &Metrics) -> anyhow::Result<Events> {
    let settings = &installation.settings.webhooks;
    let options = Options {
        hosts: Hosts { private: settings.hosts(), plain: settings.allow_http },
        roots: roots(installation)?,
        timeout: settings.timeout,
        retry_first: millis(settings.retry_first),
        retry_most: millis(settings.retry_most),
        dead_after: millis(settings.dead_after),
        max_followers: installation.settings.events.max_followers,
    };
    let edge = Edge { now: Arc::new(now), jitter: Arc::new(rand::random::<u16>) };
    Ok(Events::new(store.clone(), options, metrics.clone(), edge)?)
}

/// Begins to follow the feed, and to send receivers what is in it.
pub(super) fn start(events: &Events) -> Vec<JoinHandle<()>> {
    vec![
        tokio::spawn(events.clone().read()),
        tokio::spawn(events.clone().dispatch()),
        tokio::spawn(watch(events.clone())),
    ]
}

async fn watch(events: Events) {
    let mut ticks = tokio::time::interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = events.watch().instrument(work("webhooks.watch")).await {
            tracing::error!(%error, "webhooks could not be counted");
        }
    }
}

fn roots(installation: &Installation) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let settings = &installation.settings.webhooks;
    if settings.roots.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let path = installation.folder.resolve(&settings.roots);
    let pem = std::fs::read(&path).with_context(|| format!("can't read {} (webhooks.roots)", path.display()))?;
    reqwest::Certificate::from_pem_bundle(&pem)
        .with_context(|| format!("{} is no PEM (webhooks.roots)", path.display()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
