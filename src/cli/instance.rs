//! Everything behind the doors, put together: the store, what works on it, and the work that needs no device.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use transom_protocol::session::{Rules, Timestamp};
use transom_protocol::xml::Limits;

use super::{Installation, hinted, readiness::Readiness, waking};
use crate::{
    admin::Admin,
    config::{IdleJournal, Settings},
    enrollment::{Enrolling, Plan, applicant::Gate},
    http::{self, Parts},
    limits::DeviceLimiter,
    management::{Management, Options, UploadLimits},
    metrics::Metrics,
    pki::signature::Window,
    store::{DatabaseUrl, RetentionRules, SealKey, Store, StoreOptions},
};

/// How often sessions, overdue commands and the journal are looked after.
const TIDY_EVERY: Duration = Duration::from_secs(30);

/// The clocks of instances on one database may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);

/// A server without its doors.
pub struct Instance {
    /// What the doors are doors to.
    pub parts: Parts,
    /// What operators may do.
    pub admin: Admin,
    working: Vec<JoinHandle<()>>,
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
        }
        let management = Management::new(store.clone(), options, metrics.clone(), devices);
        let admin = Admin::new(store.clone(), management.clone()).with_polls(polls);
        let sign_ins = installation.sign_ins(store.clone())?;
        let gate = Gate::with_sign_ins(store.clone(), settings.enrollment_limits.clone(), sign_ins);
        let authorities = Arc::new(installation.authorities()?);
        let enrolling = Enrolling::new(
            store.clone(),
            gate.clone(),
            authorities.clone(),
            Plan::new(&settings.host, &settings.enrollment)?.with_signing(settings.trust.message_signing),
            metrics.clone(),
        );
        let mut working = vec![tokio::spawn(tidy(management.clone(), retention(settings)))];
        working.extend(push.iter().flat_map(waking::start));
        let parts = Parts {
            answering: http::answering(Arc::new(management)),
            enrolling: http::enrolling(enrolling),
            identity: installation.identity()?,
            authorities,
            admin_identity: installation.admin_identity()?,
            readiness: Readiness::new(store).check(),
            tokens: http::api::verifier(admin.clone()),
            gate,
            admin: admin.clone(),
            metrics,
        };
        Ok(Self { parts, admin, working })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.working.iter().for_each(JoinHandle::abort);
    }
}

/// Looks after what no device's message would.
async fn tidy(management: Management, retention: RetentionRules) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match management.tidy(now()).await {
            Ok(done) if done != crate::management::Tidied::default() => tracing::info!(?done, "tidied"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not tidy"),
        }
        match management.prune(retention, now()).await {
            Ok(gone) if gone.exchanges + gone.commands > 0 => tracing::info!(?gone, "pruned"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not prune the journal"),
        }
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
        accepted_timeout: millis(settings.queue.accepted_timeout),
        leave_timeout: millis(settings.enrollment.leave_timeout),
        provider_id: settings.enrollment.provider_id.clone(),
        signing: settings.trust.message_signing,
        signing_window: Window { past: settings.trust.signing_window, future: settings.trust.signing_window },
        uploads: UploadLimits { device: bytes(session.device_upload_bytes), all: bytes(session.all_upload_bytes) },
        ..Options::default()
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
        journal_bytes: bytes(journal.max_bytes),
        upload_age: settings.session.upload_timeout.saturating_add(CLOCKS_DIFFER),
        ..RetentionRules::default()
    }
}

/// Makes what lies in the database of a new installation: its schema and the first token of the admin API.
pub(super) fn prepare(installation: &Installation) -> anyhow::Result<crate::model::Secret<String>> {
    let store = open_store(installation)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("can't start")?;
    let made = runtime.block_on(Admin::make_token(&store, "init", None, now()))?;
    Ok(made.token)
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").finish_non_exhaustive()
    }
}
