//! What was measured, beside what was promised.

use std::time::Duration;

use comfy_table::{Table, TableComponent, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use super::measure::{Cost, Findings, Measured, Series};

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) settings: Settings,
    servers: Vec<Server>,
    baseline: Server,
    targets: Vec<Target>,
}

/// What was run.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Settings {
    pub(super) database: &'static str,
    pub(super) rounds: usize,
    pub(super) sessions: usize,
    pub(super) commands: usize,
    pub(super) parallel: usize,
    pub(super) history: usize,
}

/// One server. The baseline has no enrollments.
#[derive(Debug, Default, Serialize)]
struct Server {
    devices: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_mib: Option<f64>,
    peak_mib: f64,
    full: Option<Figures>,
    idle: Option<Figures>,
    aged: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statements_per_idle_check_in: Option<f64>,
    storm: Option<Storm>,
}

/// One kind of session: medians of the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    messages: f64,
    cpu_session_us: f64,
    cpu_message_us: f64,
    /// Against the baseline in the same round.
    ratio: Spread,
    sessions_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Storm {
    sessions: usize,
    sessions_per_second: f64,
    cpu_session_us: f64,
}

/// A promise and how far from it we are.
#[derive(Debug, Serialize)]
struct Target {
    what: String,
    measured: f64,
    at_most: f64,
    unit: &'static str,
    met: bool,
}

/// What two numbers of devices, or two histories, may differ by.
const GROWTH: f64 = 1.2;

impl Report {
    pub(super) fn new(settings: Settings, findings: &Findings) -> Self {
        let baseline = Server {
            peak_mib: mib(findings.floor_memory.peak),
            full: Figures::of(&findings.full_floor, &findings.full_floor),
            idle: Figures::of(&findings.idle_floor, &findings.idle_floor),
            ..Server::default()
        };
        let servers = findings.servers.iter().map(|measured| Server::of(measured, findings)).collect();
        Self { settings, targets: targets(findings), servers, baseline }
    }

    /// Whether every promise is kept.
    pub(super) fn all_met(&self) -> bool {
        self.targets.iter().all(|target| target.met)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let Settings { database, rounds, sessions, commands, parallel, history } = &self.settings;
        let intro = format!(
            "{database}; medians of {rounds} rounds of {sessions} sessions, {parallel} at a time, each on a TLS connection of \
             its own;\na full session signs in and carries {commands} commands, an idle one finds nothing waiting, and an aged \
             one is a full one of a device with {history} earlier ones.\nThe baseline is an empty handler with the same TLS, \
             requests and bytes; \"ratio\" is processor time against it in the same round.\n"
        );
        let mut sessions =
            table(["devices", "session", "messages", "CPU", "CPU/message", "ratio (min–max)", "/s", "p50", "p99"]);
        let mut servers =
            table(["devices", "import", "ready", "idle memory", "peak memory", "statements/idle", "storm"]);
        for server in self.servers.iter().chain([&self.baseline]) {
            let name = if server.devices == 0 { "baseline".to_owned() } else { server.devices.to_string() };
            for (kind, figures) in [("full", server.full), ("aged", server.aged), ("idle", server.idle)] {
                let Some(figures) = figures else { continue };
                sessions.add_row([
                    name.clone(),
                    kind.to_owned(),
                    format!("{:.1}", figures.messages),
                    format!("{:.2} ms", figures.cpu_session_us / 1000.0),
                    format!("{:.0} µs", figures.cpu_message_us),
                    format!("{:.2} ({:.2}–{:.2})", figures.ratio.median, figures.ratio.min, figures.ratio.max),
                    format!("{:.0}", figures.sessions_per_second),
                    format!("{:.1} ms", figures.p50_ms),
                    format!("{:.1} ms", figures.p99_ms),
                ]);
            }
            let seconds = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.2} s"));
            servers.add_row([
                name,
                seconds(server.import_seconds),
                seconds(server.ready_seconds),
                server.idle_mib.map_or_else(String::new, |value| format!("{value:.0} MiB")),
                format!("{:.0} MiB", server.peak_mib),
                server.statements_per_idle_check_in.map_or_else(String::new, |value| format!("{value:.1}")),
                server.storm.map_or_else(String::new, |storm| {
                    format!("{} at {:.0}/s", storm.sessions, storm.sessions_per_second)
                }),
            ]);
        }
        let mut targets = table(["target", "at most", "measured", ""]);
        for target in &self.targets {
            targets.add_row([
                target.what.clone(),
                format!("{} {}", target.at_most, target.unit),
                format!("{:.2} {}", target.measured, target.unit),
                if target.met { "✓ met" } else { "✗ missed" }.to_owned(),
            ]);
        }
        format!("{intro}\n{sessions}\n\n{servers}\n\n{targets}")
    }
}

impl Server {
    fn of(measured: &Measured, findings: &Findings) -> Self {
        let idle_sessions: usize = measured.idle.rounds.iter().map(|cost| cost.sessions).sum();
        Self {
            devices: measured.size,
            import_seconds: Some(measured.imported_in.as_secs_f64()),
            ready_seconds: Some(measured.ready_after.as_secs_f64()),
            idle_mib: Some(mib(measured.idle_memory.resident)),
            peak_mib: mib(measured.memory.peak),
            full: Figures::of(&measured.full, &findings.full_floor),
            idle: Figures::of(&measured.idle, &findings.idle_floor),
            aged: Figures::of(&measured.aged, &findings.full_floor),
            statements_per_idle_check_in: Some(share(whole(measured.idle_statements), count(idle_sessions))),
            storm: measured.storm.map(|cost| Storm {
                sessions: cost.sessions,
                sessions_per_second: share(count(cost.sessions), cost.took.as_secs_f64()),
                cpu_session_us: cost.per_session(),
            }),
        }
    }
}

impl Figures {
    /// `None` where nothing was measured.
    fn of(series: &Series, floor: &Series) -> Option<Self> {
        if series.rounds.is_empty() {
            return None;
        }
        let median = |of: &dyn Fn(&Cost) -> f64| Spread::of(series.rounds.iter().map(of).collect()).median;
        let ratios = series.rounds.iter().zip(&floor.rounds);
        let mut latencies: Vec<f64> = series.latencies.iter().map(|took| took.as_secs_f64() * 1000.0).collect();
        latencies.sort_by(f64::total_cmp);
        Some(Self {
            messages: median(&|cost| share(count(cost.messages), count(cost.sessions))),
            cpu_session_us: median(&Cost::per_session),
            cpu_message_us: median(&Cost::per_message),
            ratio: Spread::of(ratios.map(|(one, floor)| share(one.per_session(), floor.per_session())).collect()),
            sessions_per_second: median(&|cost| share(count(cost.sessions), cost.took.as_secs_f64())),
            p50_ms: rank(&latencies, 50),
            p99_ms: rank(&latencies, 99),
        })
    }
}

impl Cost {
    /// Microseconds of processor time.
    fn per_session(&self) -> f64 {
        share(micros(self.cpu), count(self.sessions))
    }

    fn per_message(&self) -> f64 {
        share(micros(self.cpu), count(self.messages))
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (values.first(), values.last()) else { return Self::default() };
        Self { median: rank(&values, 50), min: *min, max: *max }
    }
}

/// The design's figures.
fn targets(findings: &Findings) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut target = |what: String, measured: f64, at_most: f64, unit| {
        targets.push(Target { what, measured, at_most, unit, met: measured <= at_most });
    };
    let servers = &findings.servers;
    for server in servers {
        if let Some(full) = Figures::of(&server.full, &findings.full_floor) {
            let what = format!("CPU of a full session against the baseline, {} devices", server.size);
            target(what, full.ratio.median, 2.0, "×");
        }
    }
    if let (Some(few), Some(many)) = (servers.first(), servers.last())
        && few.size < many.size
    {
        let what = |kind| format!("CPU of a {kind} session, {} devices against {}", many.size, few.size);
        target(what("full"), growth(&many.full, &few.full), GROWTH, "×");
        target(what("idle"), growth(&many.idle, &few.idle), GROWTH, "×");
    }
    for server in servers.iter().filter(|server| !server.aged.rounds.is_empty()) {
        let what = format!("CPU of a full session, with a history against without, {} devices", server.size);
        target(what, growth(&server.aged, &server.full), GROWTH, "×");
    }
    for server in servers {
        let sessions: usize = server.idle.rounds.iter().map(|cost| cost.sessions).sum();
        let statements = share(whole(server.idle_statements), count(sessions));
        target(format!("statements of an idle check-in, {} devices", server.size), statements, 6.0, "");
        target(format!("idle memory, {} devices", server.size), mib(server.idle_memory.resident), 64.0, "MiB");
        if let Some(storm) = server.storm {
            let what = format!("memory in a storm of {} devices", storm.sessions);
            target(what, mib(server.memory.peak), 256.0, "MiB");
        }
        target(format!("start to ready, {} devices", server.size), server.ready_after.as_secs_f64(), 2.0, "s");
    }
    targets
}

/// How much more the one costs, round by round.
fn growth(one: &Series, other: &Series) -> f64 {
    let rounds = one.rounds.iter().zip(&other.rounds);
    Spread::of(rounds.map(|(one, other)| share(one.per_message(), other.per_message())).collect()).median
}

/// The nearest rank of what is sorted.
fn rank(sorted: &[f64], percent: usize) -> f64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000_000.0
}

fn mib(bytes: u64) -> f64 {
    whole(bytes) / (1024.0 * 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}

fn count(number: usize) -> f64 {
    whole(u64::try_from(number).unwrap_or(u64::MAX))
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table.set_header(header);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(micros: &[u64]) -> Series {
        let cost = |cpu: &u64| Cost {
            cpu: Duration::from_micros(*cpu),
            took: Duration::from_millis(10),
            sessions: 10,
            messages: 30,
        };
        Series { rounds: micros.iter().map(cost).collect(), latencies: vec![Duration::from_millis(2)] }
    }

    #[test]
    fn a_ratio_is_taken_within_each_round() {
        // A slow round is slow for both.
        let figures = Figures::of(&series(&[2000, 9000, 2200]), &series(&[1000, 4500, 1000])).unwrap();
        assert!((figures.ratio.median - 2.0).abs() < 1e-9 && (figures.ratio.max - 2.2).abs() < 1e-9);
        assert!((figures.cpu_session_us - 220.0).abs() < 1e-9 && (figures.cpu_message_us - 2200.0 / 30.0).abs() < 1e-9);
        assert!(Figures::of(&Series::default(), &series(&[1])).is_none());
    }

    #[test]
    fn ranks_are_of_what_was_measured() {
        assert!((rank(&[1.0, 2.0, 3.0, 4.0], 50) - 2.0).abs() < 1e-9);
        assert!((rank(&[1.0, 2.0, 3.0], 99) - 3.0).abs() < 1e-9);
        assert!(rank(&[], 50).abs() < 1e-9);
    }

    #[test]
    fn growth_compares_the_same_round() {
        assert!((growth(&series(&[1200, 120]), &series(&[1000, 100])) - 1.2).abs() < 1e-9);
    }
}
