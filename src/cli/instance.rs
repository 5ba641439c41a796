//! Everything behind the doors, put together: the store, what works on it, and the work that needs no device.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;
use transom_protocol::session::{Rules, Timestamp};
use transom_protocol::xml::Limits;

use super::{
    Installation, acting, hinted, knowing, provisioning, readiness::Readiness, rolling, securing, telling, vouching,
    waking, watching::Watch,
};
use crate::{
    acme::Acme,
    actions::Actions,
    admin::Admin,
    config::{self, IdleJournal, Settings},
    enrollment::{Enrolling, Plan, applicant::Gate},
    http::{self, Parts},
    limits::DeviceLimiter,
    management::{EnvelopeOptions, Management, Options, UploadLimits},
    metrics::Metrics,
    model::{Actor, Enveloping, NewApiToken, Patience, WatchedFacts, work},
    pki::{envelope::Making, public::PublicCertificate, signature::Window},
    policy::rollout::Rollout,
    provisioning::FirstSync,
    store::{DatabaseUrl, RetentionRules, SealKey, Store, StoreOptions},
};

/// How often sessions, overdue commands and the journal are looked after.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// So many rounds of the journal are an hour: then all that is old is looked through, and what has to stay as well.
const ROUNDS_AN_HOUR: u32 = 120;

/// The clocks of instances on one database may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// A server without its doors.
pub struct Instance {
    /// What the doors are doors to.
    pub parts: Parts,
    /// What operators may do.
    pub admin: Admin,
    working: Vec<JoinHandle<()>>,
    rollout: Rollout,
    actions: Actions,
    acme: Option<Acme>,
}

/// The time.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// Opens the store of an installation. Blocks while it does so.
pub fn open_store(installation: &Installation) -> anyhow::Result<Store> {
    let url: DatabaseUrl = installation.database_url().parse()?;
    let key = SealKey::new(*installation.seal_key()?);
    Store::open(&url, key, &StoreOptions::default()).map_err(|error| {
        let what = format!("can't open the database {}: {error}", installation.settings.database);
        hinted(what, "look at `database` in transom.toml; for PostgreSQL, see that the server runs and the user may create tables")
    })
}

impl Instance {
    /// Puts everything together, within a runtime; nothing listens yet. Blocks while the database is opened.
    pub fn assemble(installation: &Installation) -> anyhow::Result<Self> {
        let store = open_store(installation)?;
        let settings = &installation.settings;
        let metrics = Metrics::new();
        let door = &settings.device_door;
        let devices = DeviceLimiter::new(door.device_rate, door.device_burst);
        let mut options = options(settings);
        let push = waking::push(installation, &store, &metrics, &options.provider_id)?;
        if let Some(push) = &push {
            options.wakes = true;
            options.attendants.push(waking::attendant(push));
        }
        let polls = waking::polls(settings, &options.provider_id)?;
        if settings.schedule.adapt {
            options.attendants.push(waking::schedules(&polls));
            options.attendants.push(waking::user_schedules(settings, &options.provider_id)?);
        }
        let watched = WatchedFacts::default();
        if settings.inventory.collect {
            options.attendants.push(knowing::attendant(&settings.inventory, watched.clone()));
        }
        let first_sync = FirstSync::new(crate::provisioning::Options {
            plan: settings.provisioning.plan(),
            check_every: millis(settings.provisioning.check_every),
            provider_id: options.provider_id.clone(),
            wakes: options.wakes,
        })?;
        options.attendants.push(provisioning::attendant(&first_sync));
        let actions = acting::actions(settings, &store, options.max_open, options.wakes);
        options.attendants.push(acting::attendant(&actions));
        let (wakes, max_open) = (options.wakes, options.max_open);
        let rollout = rolling::rollout(installation, &options.provider_id, &store, watched, wakes, max_open)?;
        let rollout = rollout.telling(options.secret_nodes.clone());
        options.attendants.push(rolling::attendant(&rollout));
        let archives = acting::archives(installation, &actions)?;
        let sign_ins = installation.sign_ins(store.clone())?;
        options.tokens = vouching::verifier(&sign_ins);
        let authorities = Arc::new(installation.authorities()?);
        options.envelopes.authorities = Some(authorities.clone());
        let management = Management::new(store.clone(), options, metrics.clone(), devices);
        let events = telling::events(installation, &store, &metrics)?;
        let public = Arc::new(PublicCertificate::default());
        let acme = securing::acme(installation, &store, &public)?;
        let admin = Admin::new(store.clone(), management.clone())
            .with_public_certificate(acme.is_some())
            .with_polls(polls)
            .with_first_sync(first_sync.clone())
            .with_people(&settings.people)
            .with_settings(config::effective(settings, &installation.origins))
            .with_federation(installation.operator_sign_in()?, &settings.people_openid)
            .with_policies(rollout.clone())
            .with_events(events.clone())
            .with_actions(actions.clone(), archives.clone())
            .with_checked_orders(settings.queue.check_settings);
        let gate = Gate::with_sign_ins(store.clone(), settings.enrollment_limits.clone(), sign_ins);
        let enrolling = Enrolling::new(
            store.clone(),
            gate.clone(),
            authorities.clone(),
            Plan::new(&settings.host, &settings.enrollment)?.with_signing(settings.trust.message_signing),
            metrics.clone(),
        );
        let readiness = Arc::new(Readiness::new(store.clone(), authorities.clone(), installation));
        let watch = Watch {
            store: store.clone(),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            authorities: authorities.clone(),
        };
        let mut working = vec![
            tokio::spawn(tidy(management.clone())),
            tokio::spawn(prune(management.clone(), retention(settings), metrics.clone())),
            watch.start(installation),
        ];
        working.extend(push.iter().flat_map(waking::start));
        working.extend(telling::start(&events));
        working.push(acting::start(&actions));
        working.push(acting::start_keeping(&archives, settings.diagnostics.keep));
        working.push(provisioning::start(&first_sync, &store));
        working.push(rolling::start(&rollout));
        let parts = Parts {
            answering: http::answering(Arc::new(management)),
            enrolling: http::enrolling(enrolling),
            identity: installation.identity()?,
            public,
            authorities,
            admin_identity: installation.admin_identity()?,
            readiness: readiness.check(),
            tokens: http::api::verifier(admin.clone()),
            gate,
            admin: admin.clone(),
            archives,
            metrics,
        };
        Ok(Self { parts, admin, working, rollout, actions, acme })
    }

    /// Before the doors open: learns what must not be shown, shows the public certificate that there is, and from now on
    /// orders one whenever it is time. Waits for nobody but the database.
    pub async fn secure(&mut self) -> anyhow::Result<()> {
        // Before a message is heard, whose secrets nobody would know.
        self.rollout.learn_secret_nodes().await.context("can't look for the nodes that hold secrets")?;
        if let Some(acme) = &self.acme {
            acme.look().await.context("can't look for the public certificate")?;
            self.working.push(tokio::spawn(acme.clone().run()));
        }
        Ok(())
    }

    /// Ends what is done in the background, and lets others, or this one after its start, go on with it at once.
    pub async fn stop(&mut self) {
        for job in self.working.drain(..) {
            job.abort();
            // It is told that it was aborted, which is what was wanted.
            let _ = job.await;
        }
        if let Err(error) = self.rollout.release().await {
            tracing::warn!(%error, "policies go on half a minute after a start");
        }
    }

    /// The device door listens at this port: devices are told addresses at it.
    pub fn reached_at(&self, settings: &Settings, port: u16) {
        let configured = settings.enrollment.url.trim();
        let host = settings.host.in_url();
        self.actions.reached_at(&match (configured, port) {
            ("", 443) => format!("https://{host}"),
            ("", port) => format!("https://{host}:{port}"),
            (url, _) => url.to_owned(),
        });
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.working.iter().for_each(JoinHandle::abort);
    }
}

/// Looks after what no device's message would.
async fn tidy(management: Management) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match management.tidy(now()).instrument(work("tidy")).await {
            Ok(done) if done != crate::management::Tidied::default() => tracing::info!(?done, "tidied"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not tidy"),
        }
    }
}

/// Keeps history within its bounds. Beside what is due for devices: the first time there may be much to delete.
async fn prune(management: Management, retention: RetentionRules, metrics: Metrics) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in (0..ROUNDS_AN_HOUR).cycle() {
        ticks.tick().await;
        prune_once(&management, retention, &metrics, round == 0).instrument(work("prune")).await;
    }
}

async fn prune_once(management: &Management, retention: RetentionRules, metrics: &Metrics, all: bool) {
    let pruned =
        if all { management.prune(retention, now()).await } else { management.prune_oldest(retention, now()).await };
    match pruned {
        Ok(gone) => {
            metrics.standing().journal(gone.journal_bytes);
            if gone.exchanges + gone.commands > 0 {
                tracing::info!(?gone, "pruned");
            }
        }
        Err(error) => tracing::error!(%error, "could not prune the journal"),
    }
}

/// What of the settings concerns messages and queues.
fn options(settings: &Settings) -> Options {
    let session = &settings.session;
    Options {
        rules: Rules {
            max_messages: session.max_messages,
            session_timeout: millis(session.timeout),
            package_bytes: session.package_bytes,
            package_commands: session.package_commands,
            max_unanswered: settings.queue.max_attempts,
            max_unanswered_alone: settings.queue.max_attempts.saturating_sub(1).max(1),
            max_upload: bytes(session.upload_bytes),
            upload_timeout: millis(session.upload_timeout),
            ..Rules::default()
        },
        limits: Limits { bytes: settings.device_door.body_limit, ..Limits::default() },
        keep_idle: settings.journal.idle == IdleJournal::Full,
        tell_idle: settings.events.idle_sessions,
        accepted_timeout: millis(settings.queue.accepted_timeout),
        leave_timeout: millis(settings.enrollment.leave_timeout),
        provider_id: settings.enrollment.provider_id.clone(),
        signing: settings.trust.message_signing,
        signing_window: Window { past: settings.trust.signing_window, future: settings.trust.signing_window },
        envelopes: envelopes(settings),
        proofs: settings.trust.proofs.clone(),
        device_token_proves: settings.trust.device_token_proves,
        credentials_max_age: Some(millis(settings.trust.credentials_max_age)).filter(|age| *age > 0),
        patience: Patience {
            allowed: settings.trust.credential_attempts,
            lockout: settings.trust.credential_lockout,
            max_lockout: settings.trust.credential_max_lockout,
            ..Options::default().patience
        },
        uploads: UploadLimits { device: bytes(session.device_upload_bytes), all: bytes(session.all_upload_bytes) },
        ..Options::default()
    }
}

/// What of the settings concerns messages in envelopes.
fn envelopes(settings: &Settings) -> EnvelopeOptions {
    let trust = &settings.trust;
    let content_type = trust.envelope_content_type.trim();
    EnvelopeOptions {
        enveloping: if trust.message_envelopes { Enveloping::Accept } else { Enveloping::Off },
        making: Making { cipher: trust.envelope_cipher, transport: trust.envelope_key_transport },
        taken: trust.envelope_ciphers.clone(),
        content_type: (!content_type.is_empty()).then(|| content_type.to_owned()),
        despite_offline_revocation: trust.envelope_despite_offline_revocation,
        authorities: None,
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

/// The bounds of the journal, and of what else is kept for a time.
fn retention(settings: &Settings) -> RetentionRules {
    let journal = &settings.journal;
    RetentionRules {
        age: journal.max_age,
        attempts: i64::from(settings.enrollment_limits.attempts_kept),
        audit_age: settings.people.audit_age,
        journal_bytes: bytes(journal.max_bytes),
        feed_age: settings.events.max_age,
        feed_events: i64::from(settings.events.max_count),
        upload_age: settings.session.upload_timeout.saturating_add(CLOCKS_DIFFER),
        ..RetentionRules::default()
    }
}

/// How long the link for the first operator is good, in milliseconds.
const FIRST_LINK: i64 = 24 * 3600 * 1000;

/// Makes what lies in the database of a new installation: its schema, the first token of the admin API, and the link by
/// which the first operator comes in.
pub(super) fn prepare(
    installation: &Installation,
) -> anyhow::Result<(crate::model::Secret<String>, crate::admin::SecretText)> {
    let store = open_store(installation)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("can't start")?;
    let made = runtime.block_on(Admin::make_token(
        &store,
        NewApiToken::admin("init"),
        &Actor::server("transom:init"),
        now(),
    ))?;
    let by = Actor::server("transom:init");
    let ends = now().plus_millis(FIRST_LINK);
    let door = format!("http://{}", installation.settings.admin_door.addr);
    let link = runtime.block_on(Admin::first_link(&store, &door, &by, ends, now()))?;
    Ok((made.token, link.link))
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
