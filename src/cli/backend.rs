//! What is behind the doors: the store, and the capabilities on it.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use transom_protocol::{
    session::{Rules, Timestamp},
    xml::Limits,
};

use super::Installation;
use crate::{
    admin::Admin,
    config::{IdleJournal, Settings},
    http::{
        Readiness,
        api::{Caller, TokenVerifier, Verdict},
    },
    limits::DeviceLimiter,
    management::{Management, Options},
    metrics::Metrics,
    store::{DatabaseUrl, Error, SealKey, Store, StoreOptions, Tx},
};

/// How often overdue things are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// The store and the capabilities on it. Cheap to clone.
#[derive(Clone)]
pub struct Backend {
    /// The database.
    pub store: Store,
    /// What devices talk to.
    pub management: Management,
    /// What operators talk to.
    pub admin: Admin,
}

impl Backend {
    /// Opens the database of an installation, with everything on it. Blocks while it does so.
    pub fn open(installation: &Installation, metrics: Metrics) -> anyhow::Result<Self> {
        let store = open_store(installation)?;
        let door = &installation.settings.device_door;
        let devices = DeviceLimiter::new(door.device_rate, door.device_burst);
        let management = Management::new(store.clone(), options(&installation.settings), metrics, devices);
        let admin = Admin::new(store.clone(), management.clone());
        Ok(Self { store, management, admin })
    }

    /// Judges bearer tokens.
    pub fn tokens(&self) -> TokenVerifier {
        let admin = self.admin.clone();
        Arc::new(move |token| {
            let admin = admin.clone();
            async move {
                match admin.token_holder(token.expose(), now()).await {
                    Ok(Some(holder)) => Verdict::Known(Caller { name: holder.name }),
                    Ok(None) => Verdict::Unknown,
                    Err(error) => {
                        tracing::warn!(%error, "a token can't be judged");
                        Verdict::Unavailable
                    }
                }
            }
            .boxed()
        })
    }

    /// Tells whether the store answers.
    pub fn readiness(&self) -> Readiness {
        let store = self.store.clone();
        Arc::new(move || {
            let store = store.clone();
            // Through the writer: a store that only reads can't serve a device.
            async move { store.write(|_: &mut Tx<'_>| Ok(())).await.map_err(|error: Error| error.to_string()) }.boxed()
        })
    }

    /// Does what has to be done although no device speaks, for as long as it is polled.
    pub async fn tidy_forever(self) {
        let mut interval = tokio::time::interval(TIDY_EVERY);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            match self.management.tidy(now()).await {
                Ok(tidied) if tidied != crate::management::Tidied::default() => {
                    tracing::info!(
                        sessions = tidied.sessions,
                        expired = tidied.expired,
                        unreported = tidied.unreported,
                        "tidied"
                    );
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "maintenance failed; it is tried again in a minute"),
            }
        }
    }
}

/// Opens the database of an installation and makes or updates its tables.
pub fn open_store(installation: &Installation) -> anyhow::Result<Store> {
    let url: DatabaseUrl = installation.database_url().parse()?;
    let key = SealKey::new(*installation.seal_key()?);
    let opened = Store::open(&url, key, &StoreOptions::default());
    opened.with_context(|| format!("can't open the database {}", installation.settings.database))
}

/// The present.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

fn options(settings: &Settings) -> Options {
    let rules = Rules {
        package_bytes: settings.session.package_bytes,
        package_commands: settings.session.package_commands,
        max_messages: settings.session.max_messages,
        session_timeout: millis(settings.session.timeout),
        max_unanswered: settings.queue.max_attempts,
        ..Rules::default()
    };
    Options {
        rules,
        limits: Limits { bytes: settings.device_door.body_limit, ..Limits::default() },
        keep_idle: settings.journal.idle == IdleJournal::Full,
        accepted_timeout: millis(settings.queue.accepted_timeout),
        ..Options::default()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
