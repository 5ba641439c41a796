//! `transom serve`.

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use transom_protocol::session::Timestamp;

use super::{Global, Installation, Instance, Output, discovery::Addresses, logging, telemetry::Telemetry};
use crate::{
    http::{self, Parts, Running},
    model::rfc3339_text,
};

/// Run the server until it is told to stop
///
/// SIGTERM or Ctrl-C finish what is running and exit with 0; a second one exits at once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Serve {
    /// Address of the device door; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    device_addr: Option<SocketAddr>,
    /// Address of the admin door; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    admin_addr: Option<SocketAddr>,
}

const EXAMPLES: &str = "Examples:
  transom serve
  transom serve --data /var/lib/transom --device-addr 0.0.0.0:443
  TRANSOM_LOG_FORMAT=json transom serve

Settings come from transom.toml in the data folder, then from TRANSOM_* variables, then from flags.";

/// A device's certificate should not become shorter, and a rotation takes as long as one lives.
const ROTATE_SOON_MILLIS: i64 = 400 * 24 * 60 * 60 * 1000;

/// A month: time enough to get another certificate.
const EXPIRES_SOON_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;

impl Serve {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let mut flags = Vec::new();
        flags.extend(self.device_addr.map(|addr| ("device_door.addr", addr.to_string())));
        flags.extend(self.admin_addr.map(|addr| ("admin_door.addr", addr.to_string())));
        let installation = Installation::open(global.folder(), &flags)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let telemetry = Telemetry::new(&installation, runtime.handle())?;
        logging::start(&installation.settings.log, telemetry.as_ref().map(Telemetry::layer))?;
        let _lock = installation.lock()?;
        allow_open_files(&installation);
        runtime.block_on(async {
            let served = serve(&installation, telemetry.as_ref(), output).await;
            if let Some(telemetry) = telemetry {
                telemetry.stop().await;
            }
            served
        })
    }
}

async fn serve(installation: &Installation, telemetry: Option<&Telemetry>, output: &mut Output) -> anyhow::Result<()> {
    // Before anything else, so that no signal finds nobody listening.
    let mut signals = Signals::listen()?;
    let mut instance = Instance::assemble(installation)?;
    if let Some(telemetry) = telemetry {
        telemetry.counted_by(&instance.parts.metrics);
    }
    instance.secure().await?;
    warn_of_expiry(&instance.parts);
    let mut running = http::start(&installation.settings, instance.parts.clone()).await?;
    instance.reached_at(&installation.settings, running.device_addr.port());
    let addresses = announce(installation, &running, output)?;
    notify(&[NotifyState::Ready, NotifyState::Status("the doors are open")]);
    let failed = tokio::select! {
        () = signals.next() => None,
        error = running.failed() => Some(error),
    };
    tracing::info!("stopping");
    notify(&[NotifyState::Stopping, NotifyState::Status("finishing what is running")]);
    let all_finished = tokio::select! {
        all_finished = running.stop() => all_finished,
        () = signals.next() => false,
    };
    instance.stop().await;
    addresses.remove(&installation.folder).context("can't remove run/addresses.json")?;
    tracing::info!(all_finished, "stopped");
    match failed {
        Some(error) => Err(error).context("the server stopped by itself"),
        None => Ok(()),
    }
}

/// Tells systemd, where it started the server and wants to know.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd can't be told");
    }
}

/// Tells people and programs where the doors are.
fn announce(installation: &Installation, running: &Running, output: &mut Output) -> anyhow::Result<Addresses> {
    let settings = &installation.settings;
    let has_tls = settings.admin_door.has_tls();
    let addresses = Addresses::new(&settings.host, running.device_addr, running.admin_addr, has_tls);
    addresses.write(&installation.folder).context("can't write run/addresses.json")?;
    tracing::info!(device = %running.device_addr, admin = %running.admin_addr, "ready");
    if output.is_json() {
        output.document(&addresses)?;
    } else {
        let (device, admin) = (&addresses.device, &addresses.admin);
        output.text(format!("Devices: {device} (listening on {})\nAdmin:   {admin}", running.device_addr))?;
    }
    Ok(addresses)
}

fn warn_of_expiry(parts: &Parts) {
    let now = Timestamp(jiff::Timestamp::now().as_millisecond());
    if let Ok(ends) = parts.authorities.current().issuing().ends_at()
        && ends.millis_since(now) < ROTATE_SOON_MILLIS
    {
        let at = rfc3339_text(ends);
        tracing::warn!(at, "the certificate authority ends, and no device certificate lives longer: transom ca rotate");
    }
    let shown = parts.public.current(now).map(|(_, identity)| identity);
    for identity in
        [Some(shown.as_ref().unwrap_or(&parts.identity)), parts.admin_identity.as_ref()].into_iter().flatten()
    {
        let ends = identity.expires_at();
        if ends.millis_since(now) < EXPIRES_SOON_MILLIS {
            let at = jiff::Timestamp::from_millisecond(ends.0).map(|at| at.to_string()).unwrap_or_default();
            tracing::warn!(at, "the server certificate ends soon or has ended; no device will connect after that");
        }
    }
}

/// Each connection is an open file, and many systems allow 1,024 of them until asked for more.
fn allow_open_files(installation: &Installation) {
    let settings = &installation.settings;
    let wanted = settings.device_door.max_connections + settings.admin_door.max_connections + 256;
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let allowed = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum });
    if raised.is_err() || allowed < wanted {
        tracing::warn!(wanted, allowed, "fewer files may be open than connections are configured");
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
