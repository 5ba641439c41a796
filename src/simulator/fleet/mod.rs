//! Many devices at once, each with its own seed, tree and faults: for trials and measurements.

mod listen;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::JoinSet;

use report::Tally;
pub use report::{FleetReport, Percentiles};

use super::client::{Client, ClientError, ClientOptions, SessionFailure, SessionReport};
use super::device::{Behaviour, Device};
use super::faults::{FaultPlan, FaultRates};
use super::identity::DeviceIdentity;

/// How a fleet behaves.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// Sessions that run at the same time, at most.
    pub parallel: usize,
    /// The switches of every device.
    pub behaviour: Behaviour,
    /// How every device connects.
    pub client: ClientOptions,
    /// What goes wrong.
    pub faults: FaultRates,
    /// Everything that is random about the devices and their faults comes from it.
    pub seed: u64,
    /// Devices run several builds and editions of Windows, in turn.
    pub mixed: bool,
    /// Number of the first session of every device. A server that knows the devices from before must not take the
    /// first message for one that it has answered.
    pub first_session: u32,
}

/// Ends a [`Fleet::run`] early: sessions that run are finished, no others begin.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<(AtomicBool, Notify)>);

/// One session that just ended, for whoever watches.
#[derive(Debug)]
pub struct Progress<'a> {
    /// The device.
    pub device: &'a Device,
    /// Its session.
    pub session: &'a Result<SessionReport, SessionFailure>,
    /// Sessions that have ended, this one included.
    pub done: usize,
    /// Sessions that this run will have, unless devices leave.
    pub total: usize,
}

/// Who is told of every session as it ends.
pub type Watcher = dyn Fn(&Progress<'_>) + Send + Sync;

/// A fleet of devices. They keep their trees, logs and nonces from run to run.
pub struct Fleet {
    members: Vec<Member>,
    parallel: usize,
    stop: Stop,
    watcher: Option<Box<Watcher>>,
}

/// A device with its wire and its bad luck.
struct Member {
    device: Device,
    client: Client,
    faults: FaultPlan,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            parallel: 16,
            behaviour: Behaviour::default(),
            client: ClientOptions::default(),
            faults: FaultRates::default(),
            seed: 1,
            mixed: false,
            first_session: 1,
        }
    }
}

impl Stop {
    /// From now on no session begins.
    pub fn stop(&self) {
        self.0.0.store(true, Ordering::Relaxed);
        self.0.1.notify_one();
    }

    /// Whether that was said.
    pub fn is_stopped(&self) -> bool {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Until that is said. One may wait for it.
    async fn stopped(&self) {
        if !self.is_stopped() {
            self.0.1.notified().await;
        }
    }
}

/// The seed of one device of a fleet. Neighbouring seeds of one generator are alike; of another one they are not.
pub const fn seed_of(fleet: u64, number: u64) -> u64 {
    fleet.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

/// Versions of Windows that are in use, and editions as `GetProductInfo` counts them.
const WINDOWS: [(&str, &str); 6] = [
    ("10.0.26200.9278", "48"),
    ("10.0.26100.4652", "4"),
    ("10.0.22631.5624", "48"),
    ("10.0.22621.4317", "121"),
    ("10.0.19045.6093", "48"),
    ("10.0.19044.6093", "125"),
];

/// Makes a device one of the several that a fleet is made of.
fn mix(behaviour: &mut Behaviour, number: u64) {
    let at = usize::try_from(number % 6).unwrap_or_default();
    let (version, edition) = WINDOWS[at];
    for (node, value) in [("./DevDetail/SwV", version), ("./Vendor/MSFT/DeviceStatus/OS/Edition", edition)] {
        behaviour.says.entry(node.to_owned()).or_insert_with(|| value.to_owned());
    }
}

impl Fleet {
    /// A fleet of devices that are enrolled with the management service at `url`; `ca_pem` as for [`Client::new`].
    pub fn new(
        identities: Vec<DeviceIdentity>,
        url: &str,
        ca_pem: &[u8],
        options: &FleetOptions,
    ) -> Result<Self, ClientError> {
        let client = Client::new(url, ca_pem, options.client.clone())?;
        let mut members = Vec::with_capacity(identities.len());
        for (identity, number) in identities.into_iter().zip(0_u64..) {
            let seed = seed_of(options.seed, number);
            let own = client.for_device(&identity)?;
            let mut behaviour = options.behaviour.clone();
            if options.mixed {
                mix(&mut behaviour, number);
            }
            members.push(Member {
                device: Device::new(identity, url, behaviour, seed).beginning_with_session(options.first_session),
                client: own,
                faults: FaultPlan::seeded(options.faults.clone(), seed),
            });
        }
        Ok(Self { members, parallel: options.parallel.max(1), stop: Stop::default(), watcher: None })
    }

    /// Tells `watcher` of every session as it ends.
    #[must_use]
    pub fn watched_by(mut self, watcher: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// The token that ends a run early.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// The devices, in the order of their identities.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.members.iter().map(|member| &member.device)
    }

    /// The devices, to be told something between runs.
    pub fn devices_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.members.iter_mut().map(|member| &mut member.device)
    }

    /// So many sessions of every device that is still enrolled: a round begins when the one before is over.
    ///
    /// Panics of a device's task are reported as errors. Needs a runtime of `tokio`.
    pub async fn run(&mut self, rounds: usize) -> FleetReport {
        self.rounds(rounds, false).await
    }

    /// The same, and then a last session in which every device leaves management (Alert 1226).
    pub async fn run_and_leave(&mut self, rounds: usize) -> FleetReport {
        self.rounds(rounds, true).await
    }

    async fn rounds(&mut self, rounds: usize, leave: bool) -> FleetReport {
        let started = Instant::now();
        let total = self.members.len().saturating_mul(rounds.saturating_add(usize::from(leave)));
        let mut tally = Tally::default();
        tally.report.devices = self.members.len();
        for _ in 0..rounds {
            if !self.stop.is_stopped() {
                self.round(&mut tally, total).await;
            }
        }
        if leave && !self.stop.is_stopped() {
            self.devices_mut().for_each(Device::unenroll);
            self.round(&mut tally, total).await;
        }
        tally.report.gone = self.devices().filter(|device| !device.is_enrolled()).count();
        tally.close(started.elapsed())
    }

    /// One session of every device.
    async fn round(&mut self, tally: &mut Tally, total: usize) {
        let mut waiting = std::mem::take(&mut self.members).into_iter().enumerate();
        let mut back: Vec<(usize, Member)> = Vec::with_capacity(waiting.len());
        let mut running = JoinSet::new();
        loop {
            while running.len() < self.parallel
                && !self.stop.is_stopped()
                && let Some((place, mut member)) = waiting.next()
            {
                if member.device.is_enrolled() {
                    running.spawn(async move {
                        let session = member.client.run_session(&mut member.device, &mut member.faults).await;
                        (place, member, session)
                    });
                } else {
                    back.push((place, member));
                }
            }
            match running.join_next().await {
                None => break,
                Some(Err(panic)) => tally.lost(&panic.to_string()),
                Some(Ok((place, member, session))) => {
                    tally.count(member.device.identity(), &session);
                    if let Some(watcher) = &self.watcher {
                        watcher(&Progress {
                            device: &member.device,
                            session: &session,
                            done: tally.report.sessions,
                            total,
                        });
                    }
                    back.push((place, member));
                }
            }
        }
        back.extend(waiting);
        back.sort_by_key(|(place, _)| *place);
        self.members = back.into_iter().map(|(_, member)| member).collect();
    }
}
