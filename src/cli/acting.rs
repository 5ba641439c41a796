//! What is asked of devices as a whole: the capability with what it works with, and the work that goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::{Installation, instance::now};
use crate::{
    actions::{Actions, Archives, Options},
    config::Settings,
    management::Attendant,
    store::Store,
};

/// How often it is looked for what became of actions otherwise than by a message.
const SETTLE_EVERY: Duration = Duration::from_secs(10);

/// The capability.
pub(super) fn actions(settings: &Settings, store: &Store, max_open: i64, wakes: bool) -> Actions {
    let options = Options {
        max_open,
        wakes,
        accepted_timeout: millis(settings.queue.action_timeout),
        upload_time: millis(settings.diagnostics.upload_time),
    };
    Actions::new(store.clone(), options)
}

/// Where archives go.
pub(super) fn archives(installation: &Installation, actions: &Actions) -> Archives {
    let settings = &installation.settings.diagnostics;
    let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    let folder = installation.folder.resolve(&settings.folder);
    Archives::new(actions.clone(), folder, bytes(settings.max_bytes), bytes(settings.all_bytes))
}

/// What sessions have to do with it.
pub(super) fn attendant(actions: &Actions) -> Attendant {
    let (asks, learns) = (actions.clone(), actions.clone());
    Attendant {
        name: "actions",
        before: Arc::new(move |tx, contact, now| asks.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

/// Begins to look after what no message tells, and deletes archives whose time is over.
pub(super) fn start(actions: &Actions, archives: &Archives, keep: Duration) -> JoinHandle<()> {
    tokio::spawn(look_after(actions.clone(), archives.clone(), keep))
}

async fn look_after(actions: Actions, archives: Archives, keep: Duration) {
    let mut ticks = tokio::time::interval(SETTLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = actions.settle(now()).await {
            tracing::error!(%error, "could not look after actions");
        }
        match archives.expire(now().plus_millis(-millis(keep)), now()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "archives of diagnostics were deleted, their time was over"),
            Err(error) => tracing::error!(%error, "could not delete old archives of diagnostics"),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
