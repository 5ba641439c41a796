//! How things stand: values that are looked at now and then, not at each scrape, so that whoever scrapes can't make the
//! server count.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

/// Values that somebody looks at and sets.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    ready: Gauge,
    queue: Family<StateLabels, Gauge>,
    queue_oldest: Family<StateLabels, Gauge>,
    devices: Gauge,
    devices_silent: Gauge,
    journal: Gauge,
    database: Gauge,
    disk_free: Gauge,
    authority_ends: Gauge,
    last_backup: Gauge,
}

/// The process, by the names that everybody's dashboards know.
#[derive(Debug, Clone, Default)]
pub struct Process {
    cpu: Counter<f64, AtomicU64>,
    memory: Gauge,
    open_files: Gauge,
    max_files: Gauge,
    started: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

impl Standing {
    pub(super) fn register(&self, registry: &mut Registry) {
        let mut plain = |name: &str, help: &str, gauge: &Gauge| registry.register(name, help, gauge.clone());
        plain("ready", "1 when the server can do its work, as /readyz says, or 0", &self.ready);
        plain("devices", "Devices under management, counted up to 200,000", &self.devices);
        plain("devices_silent", "Of these, devices that were not heard of for a week", &self.devices_silent);
        registry.register(
            "queue_commands",
            "Commands in a state, counted up to 100,000 in each: queued, sent, deferred, unknown",
            self.queue.clone(),
        );
        registry.register_with_unit(
            "queue_oldest",
            "Age of the oldest command in a state; 0 where there is none",
            Unit::Seconds,
            self.queue_oldest.clone(),
        );
        for (name, help, gauge) in [
            ("journal_size", "Bytes that the journal takes", &self.journal),
            ("database_size", "Bytes of the SQLite file and the files beside it; 0 with PostgreSQL", &self.database),
            ("disk_free", "Bytes that are free where the data folder is", &self.disk_free),
        ] {
            registry.register_with_unit(name, help, Unit::Bytes, gauge.clone());
        }
        for (name, help, gauge) in [
            ("authority_expiry_timestamp", "When the issuing authority ends, in Unix time", &self.authority_ends),
            (
                "last_backup_timestamp",
                "When transom backup last succeeded on this data folder, in Unix time; 0 where it never did",
                &self.last_backup,
            ),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
        }
    }

    /// Whether the server can do its work.
    pub fn ready(&self, is_ready: bool) {
        self.ready.set(i64::from(is_ready));
    }

    /// How many commands are in a state, and the age of the oldest in seconds.
    pub fn queue(&self, state: &'static str, count: i64, oldest: i64) {
        self.queue.get_or_create(&StateLabels { state }).set(count);
        self.queue_oldest.get_or_create(&StateLabels { state }).set(oldest);
    }

    /// How many devices there are, and how many of them are silent.
    pub fn devices(&self, all: i64, silent: i64) {
        self.devices.set(all);
        self.devices_silent.set(silent);
    }

    /// Bytes of the journal.
    pub fn journal(&self, bytes: i64) {
        self.journal.set(bytes);
    }

    /// Bytes of the database's files, and bytes that are free beside them.
    pub fn disk(&self, database: i64, free: i64) {
        self.database.set(database);
        self.disk_free.set(free);
    }

    /// When the issuing authority ends, in Unix time.
    pub fn authority_ends(&self, unix_seconds: i64) {
        self.authority_ends.set(unix_seconds);
    }

    /// When a backup was last made, in Unix time.
    pub fn last_backup(&self, unix_seconds: i64) {
        self.last_backup.set(unix_seconds);
    }
}

impl Process {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "process_cpu",
            "Processor time that the process has used",
            Unit::Seconds,
            self.cpu.clone(),
        );
        registry.register_with_unit(
            "process_resident_memory",
            "Memory that the process holds",
            Unit::Bytes,
            self.memory.clone(),
        );
        registry.register("process_open_fds", "Open files and connections", self.open_files.clone());
        registry.register("process_max_fds", "Open files and connections that are allowed", self.max_files.clone());
        registry.register_with_unit(
            "process_start_time",
            "When the process began, in Unix time",
            Unit::Seconds,
            self.started.clone(),
        );
    }

    /// Processor time in all, in seconds.
    pub fn cpu(&self, seconds: f64) {
        let more = seconds - self.cpu.get();
        if more > 0.0 {
            self.cpu.inc_by(more);
        }
    }

    /// Memory in bytes.
    pub fn memory(&self, bytes: i64) {
        self.memory.set(bytes);
    }

    /// Open files, and how many may be.
    pub fn files(&self, open: i64, most: i64) {
        self.open_files.set(open);
        self.max_files.inner().store(most, Ordering::Relaxed);
    }

    /// When it began, in Unix time.
    pub fn started(&self, unix_seconds: i64) {
        self.started.set(unix_seconds);
    }
}
