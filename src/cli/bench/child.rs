//! A server as a process of its own, and what the kernel says that it costs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::discovery::Addresses;
use crate::config::DataFolder;

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is asked of a server that is not about devices: limits that one address, which all simulated devices share,
/// would run into.
const LIMITS: [(&str, &str); 6] = [
    ("TRANSOM_DEVICE_DOOR_PEER_RATE", "1000000"),
    ("TRANSOM_DEVICE_DOOR_PEER_BURST", "1000000"),
    ("TRANSOM_DEVICE_DOOR_RATE", "1000000"),
    ("TRANSOM_DEVICE_DOOR_BURST", "1000000"),
    ("TRANSOM_DEVICE_DOOR_DEVICE_BURST", "1000000"),
    // What is measured is what was ordered: the same in every session.
    ("TRANSOM_INVENTORY_COLLECT", "false"),
];

/// A running server. It ends when this is dropped.
pub(super) struct Child {
    process: process::Child,
    log: PathBuf,
    /// Its device door.
    pub(super) addr: SocketAddr,
    /// Its admin door, where it has one.
    pub(super) admin: String,
    /// From its start until it said that it is ready.
    pub(super) ready_after: Duration,
}

/// Memory of a process, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    pub(super) resident: u64,
    pub(super) peak: u64,
}

impl Child {
    /// Starts `transom serve` on an installation, and waits until it is ready.
    pub(super) async fn serve(data: &Path, log: PathBuf) -> anyhow::Result<Self> {
        Self::serve_with(data, log, &[]).await
    }

    /// The same, with settings by their names in the environment.
    pub(super) async fn serve_with(data: &Path, log: PathBuf, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let started = Instant::now();
        let arguments = ["serve", "--device-addr", "127.0.0.1:0", "--admin-addr", "127.0.0.1:0"];
        let mut command = transom(data, &arguments, &log)?;
        let process = command.envs(settings.iter().copied()).stdout(Stdio::null()).spawn()?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut child = Self { process, log, addr, admin: String::new(), ready_after: Duration::ZERO };
        let folder = DataFolder::new(data);
        let client = reqwest::Client::builder().no_proxy().build()?;
        loop {
            if let Some(addresses) = Addresses::read(&folder).ok().flatten() {
                let asked = client.get(format!("{}/readyz", addresses.admin)).send().await;
                if asked.is_ok_and(|reply| reply.status().is_success()) {
                    child.ready_after = started.elapsed();
                    child.addr = addresses.device_addr;
                    child.admin = addresses.admin;
                    return Ok(child);
                }
            }
            child.still_runs()?;
            ensure!(started.elapsed() < PATIENCE, "the server was not ready within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts the server that does nothing.
    pub(super) fn baseline(data: &Path, log: PathBuf) -> anyhow::Result<Self> {
        let started = Instant::now();
        let arguments = ["bench", "--baseline"];
        let mut process = transom(data, &arguments, &log)?.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().context("the baseline has no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let port: u16 =
            line.trim().parse().map_err(|_| anyhow::anyhow!("the baseline did not start:\n{}", tail(&log)))?;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self { process, log, addr, admin: String::new(), ready_after: started.elapsed() })
    }

    /// Processor time that it has used so far, in user mode and in the kernel, to the hundredth of a second.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.proc("stat")?;
        // The name of the program stands in parentheses and may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok());
        let (Some(user), Some(kernel)) = (ticks(11), ticks(12)) else { bail!("can't read the time of a process") };
        let second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_micros((user + kernel) * 1_000_000 / second))
    }

    /// Its memory.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        let status = self.proc("status")?;
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let bytes = |name| value(name).map(|kib| kib * 1024).context("can't read the memory of a process");
        Ok(Memory { resident: bytes("VmRSS:")?, peak: bytes("VmHWM:")? })
    }

    /// A counter of its metrics.
    pub(super) async fn counter(&self, name: &str) -> anyhow::Result<u64> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let page = client.get(format!("{}/metrics", self.admin)).send().await?.text().await?;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("the server does not count {name}"))
    }

    /// Asks it to stop and waits for that.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        let pid =
            i32::try_from(self.process.id()).ok().and_then(Pid::from_raw).context("a process without a number")?;
        kill_process(pid, Signal::TERM)?;
        let ended = self.process.wait()?;
        ensure!(ended.success(), "the server ended with {ended}:\n{}", tail(&self.log));
        Ok(())
    }

    fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(ended) => bail!("the server ended with {ended}:\n{}", tail(&self.log)),
        }
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.process.id());
        fs::read_to_string(&path).with_context(|| format!("can't read {path}: measuring needs Linux"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// This program, on a data folder, with nothing of our own environment in its settings.
fn transom(data: &Path, arguments: &[&str], log: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRANSOM_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--data").arg(data).envs(LIMITS);
    command.stdin(Stdio::null()).stderr(File::create(log)?);
    Ok(command)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(10).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
