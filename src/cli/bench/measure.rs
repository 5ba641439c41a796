//! The measurement: rounds, in each of which every server and the baseline do the same, one after the other, so that
//! whatever else the machine does falls on all of them alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;

use super::child::{Child, Memory};
use super::site::{Site, device};
use super::talk::{self, Peer, Spoken};
use super::wire::Dialer;
use crate::simulator::device::Device;

/// The counter of the server that tells how many statements its messages took.
const STATEMENTS: &str = "transom_session_statements_total";

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Effort {
    pub(super) rounds: usize,
    pub(super) commands: usize,
    pub(super) parallel: usize,
    /// Sessions at the same time in the storm.
    pub(super) storm: usize,
}

/// What some sessions cost a server.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) cpu: Duration,
    pub(super) took: Duration,
    pub(super) sessions: usize,
    pub(super) messages: usize,
}

/// One kind of session at one server, round by round.
#[derive(Debug, Clone, Default)]
pub(super) struct Series {
    pub(super) rounds: Vec<Cost>,
    pub(super) latencies: Vec<Duration>,
}

/// What was measured at one server.
pub(super) struct Measured {
    pub(super) size: usize,
    pub(super) imported_in: Duration,
    pub(super) ready_after: Duration,
    pub(super) idle_memory: Memory,
    pub(super) memory: Memory,
    pub(super) full: Series,
    pub(super) idle: Series,
    pub(super) aged: Series,
    /// SQL statements of all idle check-ins.
    pub(super) idle_statements: u64,
    pub(super) storm: Option<Cost>,
}

/// All of it.
pub(super) struct Findings {
    pub(super) servers: Vec<Measured>,
    pub(super) full_floor: Series,
    pub(super) idle_floor: Series,
    pub(super) floor_memory: Memory,
}

/// A site with its server.
struct Arena {
    site: Site,
    server: Child,
    dialer: Dialer,
    measured: Measured,
}

impl Series {
    fn push(&mut self, cost: Cost, sessions: &[Spoken]) {
        self.rounds.push(cost);
        self.latencies.extend(sessions.iter().flat_map(|spoken| &spoken.exchanges).map(|exchange| exchange.took));
    }
}

/// Runs the rounds, after one that is not counted.
pub(super) async fn measure(sites: Vec<Site>, effort: Effort) -> anyhow::Result<Findings> {
    let first = sites.first().context("nothing is to be measured")?;
    let baseline = Child::baseline(&first.data, first.data.with_extension("baseline.log"))?;
    let floor = first.dialer(&baseline)?;
    let mut arenas = Vec::new();
    for site in sites {
        arenas.push(Arena::open(site).await?);
    }
    let (mut full_floor, mut idle_floor) = (Series::default(), Series::default());
    for round in 0..=effort.rounds {
        let counts = round > 0;
        for (is_full, series) in [(true, &mut full_floor), (false, &mut idle_floor)] {
            let mut spoken = Vec::new();
            for arena in &mut arenas {
                spoken = arena.turn(is_full, effort, counts).await?;
            }
            let (cpu, began) = (baseline.cpu()?, Instant::now());
            let latencies = talk::replay(&floor, &spoken, effort.parallel).await?;
            if counts {
                series.rounds.push(Cost::of(baseline.cpu()?.saturating_sub(cpu), began.elapsed(), &spoken));
                series.latencies.extend(latencies);
            }
        }
        for arena in &mut arenas {
            arena.aged_turn(effort, counts).await?;
        }
    }
    let stormy = arenas.iter().position(|arena| arena.site.size >= 10_000).unwrap_or(arenas.len() - 1);
    if let Some(arena) = arenas.get_mut(stormy) {
        arena.storm(effort).await?;
    }
    let floor_memory = baseline.memory()?;
    let mut servers = Vec::new();
    for arena in arenas {
        servers.push(arena.close()?);
    }
    Ok(Findings { servers, full_floor, idle_floor, floor_memory })
}

impl Cost {
    fn of(cpu: Duration, took: Duration, sessions: &[Spoken]) -> Self {
        let messages = sessions.iter().map(|spoken| spoken.exchanges.len()).sum();
        Self { cpu, took, sessions: sessions.len(), messages }
    }
}

impl Arena {
    async fn open(site: Site) -> anyhow::Result<Self> {
        let server = Child::serve(&site.data, site.log()).await?;
        let dialer = site.dialer(&server)?;
        let measured = Measured {
            size: site.size,
            imported_in: site.imported_in,
            ready_after: server.ready_after,
            idle_memory: server.memory()?,
            memory: Memory::default(),
            full: Series::default(),
            idle: Series::default(),
            aged: Series::default(),
            idle_statements: 0,
            storm: None,
        };
        Ok(Self { site, server, dialer, measured })
    }

    /// One session of every fresh device.
    async fn turn(&mut self, is_full: bool, effort: Effort, counts: bool) -> anyhow::Result<Vec<Spoken>> {
        let commands = if is_full { effort.commands } else { 0 };
        let devices = std::mem::take(&mut self.site.fresh);
        let before = self.server.counter(STATEMENTS).await?;
        let (devices, spoken, cost) = self.sessions(devices, commands, effort.parallel).await?;
        self.site.fresh = devices;
        if counts && is_full {
            self.measured.full.push(cost, &spoken);
        } else if counts {
            self.measured.idle.push(cost, &spoken);
            self.measured.idle_statements += self.server.counter(STATEMENTS).await? - before;
        }
        Ok(spoken)
    }

    /// The same with the devices that have a history.
    async fn aged_turn(&mut self, effort: Effort, counts: bool) -> anyhow::Result<()> {
        let devices = std::mem::take(&mut self.site.aged);
        if devices.is_empty() {
            return Ok(());
        }
        let (devices, spoken, cost) = self.sessions(devices, effort.commands, effort.parallel).await?;
        self.site.aged = devices;
        if counts {
            self.measured.aged.push(cost, &spoken);
        }
        Ok(())
    }

    async fn sessions(
        &mut self,
        devices: Vec<Device>,
        commands: usize,
        parallel: usize,
    ) -> anyhow::Result<(Vec<Device>, Vec<Spoken>, Cost)> {
        self.site.order(&devices, commands).await?;
        let peer = Peer::Server(self.dialer.clone());
        let (cpu, began) = (self.server.cpu()?, Instant::now());
        let batch = talk::sessions(&peer, devices, parallel).await?;
        let cost = Cost::of(self.server.cpu()?.saturating_sub(cpu), began.elapsed(), &batch.sessions);
        let done: usize = batch.sessions.iter().map(|spoken| spoken.done).sum();
        let wanted = commands * batch.sessions.len();
        ensure!(done == wanted, "{done} of {wanted} commands were done: this measures something else");
        Ok((batch.devices, batch.sessions, cost))
    }

    /// Every other device at once, as after a push to all.
    async fn storm(&mut self, effort: Effort) -> anyhow::Result<()> {
        let numbers: Arc<[usize]> = self.site.others().take(10_000).collect();
        let next = Arc::new(AtomicUsize::new(0));
        let peer = Peer::Server(self.dialer.clone());
        let (cpu, began) = (self.server.cpu()?, Instant::now());
        let mut running = JoinSet::new();
        for _ in 0..effort.storm {
            let (numbers, next, peer) = (numbers.clone(), next.clone(), peer.clone());
            running.spawn(async move {
                let mut messages = 0;
                while let Some(number) = numbers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    messages += talk::session(&peer, &mut device(*number)).await?.exchanges.len();
                }
                anyhow::Ok(messages)
            });
        }
        let mut messages = 0;
        while let Some(ended) = running.join_next().await {
            messages += ended??;
        }
        let cpu = self.server.cpu()?.saturating_sub(cpu);
        self.measured.storm = Some(Cost { cpu, took: began.elapsed(), sessions: numbers.len(), messages });
        Ok(())
    }

    fn close(mut self) -> anyhow::Result<Measured> {
        self.measured.memory = self.server.memory()?;
        self.server.stop()?;
        Ok(self.measured)
    }
}
