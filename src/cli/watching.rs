//! What is looked at now and then for those who watch the server: how the queue stands, the disk, the process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;
use transom_protocol::session::Timestamp;

use super::{Installation, instance::now, readiness::Readiness};
use crate::config::DatabaseUrl;
use crate::metrics::{Metrics, Process, Standing};
use crate::model::{parse_rfc3339, work};
use crate::pki::LiveAuthorities;
use crate::store::{Store, Tx};

/// How often.
const EVERY: Duration = Duration::from_secs(15);

/// Every so many looks devices are counted as well, which takes longer the more there are: every five minutes.
const COUNTED_EVERY: usize = 20;

/// A device that was not heard of for longer is silent, in milliseconds.
const SILENCE: i64 = 7 * 24 * 60 * 60 * 1000;

/// Who looks.
pub(super) struct Watch {
    pub(super) store: Store,
    pub(super) metrics: Metrics,
    pub(super) readiness: Arc<Readiness>,
    pub(super) authorities: Arc<LiveAuthorities>,
}

/// Where files are that are looked at.
#[derive(Clone)]
struct Places {
    data: PathBuf,
    database: Option<PathBuf>,
    last_backup: PathBuf,
}

impl Watch {
    /// Begins to look.
    pub(super) fn start(self, installation: &Installation) -> JoinHandle<()> {
        let folder = &installation.folder;
        let database = match &installation.settings.database {
            DatabaseUrl::Sqlite(file) => Some(folder.resolve(file)),
            DatabaseUrl::Postgres(_) => None,
        };
        let places = Places { data: folder.path().to_owned(), database, last_backup: folder.last_backup() };
        self.metrics.process().started(now().0 / 1000);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for look in 0_usize.. {
                ticks.tick().await;
                self.look(&places, now()).instrument(work("watch.look")).await;
                if look.is_multiple_of(COUNTED_EVERY) {
                    self.count(now()).instrument(work("watch.count")).await;
                }
            }
        })
    }

    async fn look(&self, places: &Places, now: Timestamp) {
        let standing = self.metrics.standing();
        let health = Arc::clone(&self.readiness).look(Instant::now()).await;
        standing.ready(health.ready);
        if let Some(reason) = health.why_not() {
            tracing::warn!(%reason, "not ready");
        }
        if let Ok(ends) = self.authorities.current().issuing().ends_at() {
            standing.authority_ends(ends.0 / 1000);
        }
        match self.store.read(|tx: &mut Tx<'_>| tx.how_the_queue_stands()).await {
            Ok(queue) => {
                for (state, count, oldest) in queue {
                    let age = oldest.map_or(0, |oldest| now.millis_since(oldest).max(0) / 1000);
                    standing.queue(state.as_str(), count, age);
                }
            }
            Err(error) => tracing::warn!(%error, "can't tell how the queue stands"),
        }
        let (places, standing, process) = (places.clone(), standing.clone(), self.metrics.process().clone());
        // It fails only when the server stops.
        let _ = tokio::task::spawn_blocking(move || {
            places.look(&standing);
            look_at_process(&process);
        })
        .await;
    }

    async fn count(&self, now: Timestamp) {
        match self.store.read(move |tx: &mut Tx<'_>| tx.how_devices_stand(now.plus_millis(-SILENCE))).await {
            Ok(stand) => self.metrics.standing().devices(stand.devices, stand.silent),
            Err(error) => tracing::warn!(%error, "can't tell how the devices stand"),
        }
    }
}

impl Places {
    fn look(&self, standing: &Standing) {
        let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
        let beside = |database: &PathBuf| {
            ["", "-wal", "-shm"].iter().map(|end| size(Path::new(&format!("{}{end}", database.display())))).sum::<u64>()
        };
        let free = rustix::fs::statvfs(&self.data).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        standing.disk(number(self.database.as_ref().map_or(0, beside)), number(free));
        standing.last_backup(self.made_at().unwrap_or_default());
    }

    /// When the last backup was made, as `transom backup` has left word.
    fn made_at(&self) -> Option<i64> {
        let left: serde_json::Value = serde_json::from_slice(&fs::read(&self.last_backup).ok()?).ok()?;
        parse_rfc3339(left.get("made_at")?.as_str()?).map(|at| at.0 / 1000)
    }
}

/// What Linux says of the process; elsewhere nothing.
fn look_at_process(process: &Process) {
    let Some(stat) = fs::read_to_string("/proc/self/stat").ok() else { return };
    // The name of the program, in parentheses, may hold anything; the fields behind it begin with the third.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    #[expect(clippy::cast_precision_loss, reason = "seconds to a hundredth")]
    process.cpu((field(14) + field(15)) as f64 / ticks as f64);
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    process.memory(number(field(24).saturating_mul(page)));
    let open = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let most = getrlimit(Resource::Nofile).current.map_or(0, number);
    process.files(i64::try_from(open).unwrap_or(i64::MAX), most);
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_and_its_disk_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_owned();
        let (database, last_backup) = (data.join("transom.db"), data.join("backup.json"));
        fs::write(&database, [0; 100]).unwrap();
        fs::write(data.join("transom.db-wal"), [0; 11]).unwrap();
        fs::write(&last_backup, r#"{"made_at":"2026-11-21T18:00:00.000Z","bytes":1}"#).unwrap();
        let metrics = Metrics::new();
        Places { data, database: Some(database), last_backup }.look(metrics.standing());
        look_at_process(metrics.process());
        let page = metrics.render();
        for line in ["transom_database_size_bytes 111", "transom_last_backup_timestamp_seconds 1795284000"] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        let value = |name: &str| {
            let line = page.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
        };
        for name in ["transom_disk_free_bytes", "process_resident_memory_bytes", "process_open_fds", "process_max_fds"]
        {
            assert!(value(name) > 0.0, "{name}");
        }
    }
}
