//! What is asked of devices as a whole: the capability with what it works with, and the work that goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;

use super::{Installation, instance::now, waking};
use crate::{
    actions::{Actions, ArchiveError, Archives, Bucket, BucketOptions, Options},
    config::Settings,
    management::Attendant,
    model::{Secret, work},
    store::Store,
};

/// How often it is looked for what became of actions otherwise than by a message.
const SETTLE_EVERY: Duration = Duration::from_secs(10);

/// How often it is looked for archives that are to be moved or deleted, beside when one arrives.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// How long a store of archives that did not do what it should is left alone, or until another archive arrives.
const REST: Duration = Duration::from_mins(5);

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
pub(super) fn archives(installation: &Installation, actions: &Actions) -> anyhow::Result<Archives> {
    let settings = &installation.settings.diagnostics;
    let bytes = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
    let folder = installation.folder.resolve(&settings.folder);
    let archives = Archives::new(actions.clone(), folder, bytes(settings.max_bytes), bytes(settings.all_bytes));
    Ok(match bucket(installation)? {
        Some(bucket) => archives.with_bucket(bucket),
        None => archives,
    })
}

/// The bucket that they are moved to, where there is one.
fn bucket(installation: &Installation) -> anyhow::Result<Option<Bucket>> {
    let settings = &installation.settings.diagnostics_s3;
    if !settings.is_configured() {
        return Ok(None);
    }
    let secret = waking::secret(
        installation,
        &settings.secret_access_key,
        &settings.secret_access_key_file,
        "the secret of diagnostics_s3.access_key_id",
    )?;
    let options = BucketOptions {
        endpoint: settings.endpoint.clone(),
        bucket: settings.bucket.clone(),
        region: settings.region.clone(),
        path_style: settings.path_style,
        prefix: settings.prefix.clone(),
        access_key_id: settings.access_key_id.clone(),
        secret_access_key: Secret::new(secret.to_string()),
        roots: waking::roots(installation, &settings.roots, "diagnostics_s3.roots")?,
        timeout: settings.timeout,
    };
    Ok(Some(Bucket::new(&options)?))
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

/// Begins to look after what no message tells.
pub(super) fn start(actions: &Actions) -> JoinHandle<()> {
    tokio::spawn(look_after(actions.clone()))
}

async fn look_after(actions: Actions) {
    let mut ticks = tokio::time::interval(SETTLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = actions.settle(now()).instrument(work("actions.settle")).await {
            tracing::error!(%error, "could not look after actions");
        }
    }
}

/// Begins to move archives where they are kept, and to delete those whose time is over.
pub(super) fn start_keeping(archives: &Archives, keep: Duration) -> JoinHandle<()> {
    let archives = archives.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TIDY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = archives.arrival() => {}
            }
            if let Err(error) = tidy(&archives, keep).instrument(work("archives.keep")).await {
                tracing::error!(%error, cause = std::error::Error::source(&error), "archives of diagnostics stay where they are");
                ticks.reset_after(REST);
            }
        }
    })
}

async fn tidy(archives: &Archives, keep: Duration) -> Result<(), ArchiveError> {
    let deleted = archives.expire(now().plus_millis(-millis(keep)), now()).await?;
    if deleted > 0 {
        tracing::info!(deleted, "archives of diagnostics were deleted, their time was over");
    }
    let moved = archives.move_away(now()).await?;
    if moved > 0 {
        tracing::info!(moved, "archives of diagnostics were moved to the bucket");
    }
    Ok(())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
