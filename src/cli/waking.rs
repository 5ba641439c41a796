//! Waking devices: the capability with what it works with, and the work that goes on by itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;
use transom_protocol::enrollment::{Poll, PollSchedule};
use transom_protocol::push::{TokenForm, TokenRequest};
use zeroize::Zeroizing;

use super::{Installation, hinted, instance::now};
use crate::{
    config,
    management::Attendant,
    metrics::Metrics,
    model::{Edge, work},
    pki::read_secret,
    push::{Options, Plans, Polls, Push, UserPlan, UserPolls},
    store::Store,
};

/// Rounds of pushes that go on at the same time: one that hangs does not hold up the others.
const WORKERS: usize = 3;

/// How often it is looked for devices that did not wake.
const WATCH_EVERY: Duration = Duration::from_secs(30);

/// The capability, where it is configured.
pub(super) fn push(
    installation: &Installation,
    store: &Store,
    metrics: &Metrics,
    provider_id: &str,
) -> anyhow::Result<Option<Push>> {
    let settings = &installation.settings.push;
    if !settings.is_configured() {
        return Ok(None);
    }
    let options = Options {
        package: settings.pfn.clone(),
        provider_id: provider_id.to_owned(),
        token: TokenRequest {
            form: match settings.token_form {
                config::TokenForm::Live => TokenForm::Live,
                config::TokenForm::Entra => TokenForm::Entra,
            },
            client_id: settings.client_id.trim().to_owned(),
            client_secret: secret(
                installation,
                &settings.client_secret,
                &settings.client_secret_file,
                "the secret of push.client_id",
            )?,
        },
        token_url: settings.token_endpoint().to_owned(),
        test_hosts: settings.hosts(),
        roots: roots(installation, &settings.roots, "push.roots")?,
        rate: settings.rate,
        ttl: settings.ttl,
        timeout: settings.timeout,
        wake_timeout: millis(settings.wake_timeout),
        channel_refresh: millis(settings.channel_refresh),
    };
    let edge = Edge { now: Arc::new(now), jitter: Arc::new(rand::random::<u16>) };
    Ok(Some(Push::new(store.clone(), options, metrics.clone(), edge)?))
}

/// The schedules of devices.
pub(super) fn polls(settings: &config::Settings, provider_id: &str) -> anyhow::Result<Polls> {
    let (enrollment, schedule) = (&settings.enrollment, &settings.schedule);
    let set = |set: config::PollSet| Poll::new(set.count, set.minutes);
    let [first, second, remaining] =
        [enrollment.poll_first, enrollment.poll_second, enrollment.poll_remaining].map(set);
    let initial = PollSchedule::new(first, second, remaining, enrollment.poll_on_login)?;
    let plans = Plans::new(initial, schedule.eager_sets(), schedule.calm_sets())?;
    Ok(Polls::new(plans, provider_id)?)
}

/// What sessions have to do with them.
pub(super) fn schedules(polls: &Polls) -> Attendant {
    let (asks, learns) = (polls.clone(), polls.clone());
    Attendant {
        name: "schedule",
        before: Arc::new(move |tx, contact, now| asks.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

/// The same for the users of computers that several work on at once.
pub(super) fn user_schedules(settings: &config::Settings, provider_id: &str) -> anyhow::Result<Attendant> {
    let schedule = &settings.schedule;
    let plan = UserPlan::new(schedule.user_minutes(), schedule.users_in_background, schedule.users_at_logon)?;
    let asks = UserPolls::new(plan, provider_id)?;
    let learns = asks.clone();
    Ok(Attendant {
        name: "user-schedule",
        before: Arc::new(move |tx, contact, now| asks.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    })
}

/// What sessions have to do with pushes.
pub(super) fn attendant(push: &Push) -> Attendant {
    let (asks, learns) = (push.clone(), push.clone());
    Attendant {
        name: "push",
        before: Arc::new(move |tx, contact, now| asks.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

/// Begins to send what waits, and to look for what did not wake.
pub(super) fn start(push: &Push) -> Vec<JoinHandle<()>> {
    let mut working: Vec<_> = (0..WORKERS).map(|_| tokio::spawn(push.clone().run())).collect();
    working.push(tokio::spawn(watch(push.clone())));
    working
}

async fn watch(push: Push) {
    let mut ticks = tokio::time::interval(WATCH_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match push.watch().instrument(work("push.watch")).await {
            Ok(0) => {}
            Ok(slept) => tracing::info!(slept, "devices did not come after a push"),
            Err(error) => tracing::error!(%error, "could not look for devices that did not wake"),
        }
    }
}

/// A secret that the settings hold, or the file that they name under `key`.
pub(super) fn secret(
    installation: &Installation,
    text: &config::SecretText,
    file: &Path,
    key: &str,
) -> anyhow::Result<Zeroizing<String>> {
    if !text.is_empty() {
        return Ok(Zeroizing::new(text.expose().to_owned()));
    }
    let path = installation.folder.resolve(file);
    let bytes = read_secret(&path)?;
    let text = std::str::from_utf8(&bytes).ok().map(str::trim).filter(|text| !text.is_empty());
    let wrong = || hinted(format!("{} holds no secret", path.display()), format!("it holds {key}, as text"));
    text.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(wrong)
}

/// The roots in a file that the settings name under `key`; none where they name none.
pub(super) fn roots(installation: &Installation, file: &Path, key: &str) -> anyhow::Result<Vec<reqwest::Certificate>> {
    if file.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    let path = installation.folder.resolve(file);
    let pem = std::fs::read(&path).with_context(|| format!("can't read {} ({key})", path.display()))?;
    reqwest::Certificate::from_pem_bundle(&pem).with_context(|| format!("{} is no PEM ({key})", path.display()))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
