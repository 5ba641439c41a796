//! What a run of a fleet was like.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::simulator::client::{SessionFailure, SessionReport};
use crate::simulator::faults::Fault;
use crate::simulator::identity::DeviceIdentity;

/// Complaints and problems that are kept in words; all are counted.
const KEPT: usize = 100;

/// Many sessions of many devices.
#[derive(Debug, Clone, Default)]
pub struct FleetReport {
    /// Devices of the fleet.
    pub devices: usize,
    /// Devices that have left: wiped or unenrolled.
    pub gone: usize,
    /// Sessions that ended or failed.
    pub sessions: usize,
    /// Of these, those that a push began.
    pub pushed: usize,
    /// Sessions that failed, or ended although nothing had gone wrong on request.
    pub failed: usize,
    /// How sessions ended, in words.
    pub endings: BTreeMap<String, usize>,
    /// Requests, repetitions included.
    pub requests: usize,
    /// Bytes of all requests.
    pub bytes_sent: u64,
    /// Bytes of all replies.
    pub bytes_received: u64,
    /// Requests that were sent again because of the network, a 5xx or a 429.
    pub retries: usize,
    /// Times that the server asked to come back later.
    pub postponed: usize,
    /// How often the devices answered with which Status.
    pub statuses: BTreeMap<u16, usize>,
    /// Faults that happened.
    pub faults: BTreeMap<Fault, usize>,
    /// Why sessions failed, and how often.
    pub errors: BTreeMap<String, usize>,
    /// How much the devices and their wires had to say against the server.
    pub complaints: usize,
    /// The first of it, in words.
    pub first_complaints: Vec<String>,
    /// How long the replies took.
    pub latency: Percentiles,
    /// How long the run took.
    pub elapsed: Duration,
}

/// A report in the making.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) report: FleetReport,
    latencies: Vec<Duration>,
}

/// How long something took, over many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them took no longer.
    pub p50: Duration,
    /// Nine in ten took no longer.
    pub p90: Duration,
    /// 99 in a hundred took no longer.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Percentiles {
    /// Of measurements in any order; zero without any.
    pub fn of(mut measured: Vec<Duration>) -> Self {
        measured.sort_unstable();
        // The nearest rank: the smallest value that so many percent do not exceed.
        let rank = |percent: usize| {
            let at = (measured.len() * percent).div_ceil(100).max(1) - 1;
            measured.get(at).copied().unwrap_or_default()
        };
        Self { p50: rank(50), p90: rank(90), p99: rank(99), max: rank(100) }
    }
}

impl FleetReport {
    /// Nothing failed, and nobody complained.
    pub fn is_clean(&self) -> bool {
        self.failed == 0 && self.complaints == 0
    }

    /// Sessions in a second.
    pub fn sessions_per_second(&self) -> f64 {
        per_second(self.sessions, self.elapsed)
    }

    /// Requests in a second.
    pub fn requests_per_second(&self) -> f64 {
        per_second(self.requests, self.elapsed)
    }

    fn complain(&mut self, words: String) {
        self.complaints += 1;
        if self.first_complaints.len() < KEPT {
            self.first_complaints.push(words);
        }
    }
}

impl Tally {
    /// One session more.
    pub(super) fn count(&mut self, identity: &DeviceIdentity, session: &Result<SessionReport, SessionFailure>) {
        let total = &mut self.report;
        total.sessions += 1;
        let (report, error) = match session {
            Ok(report) => (report, broken_off(report)),
            Err(failure) => (failure.report.as_ref(), Some(failure.cause.to_string())),
        };
        if let Some(error) = error {
            total.failed += 1;
            *total.errors.entry(error).or_default() += 1;
        }
        *total.endings.entry(report.ended.map_or("failed".to_owned(), |end| end.to_string())).or_default() += 1;
        total.requests += report.requests;
        total.bytes_sent += report.bytes_sent;
        total.bytes_received += report.bytes_received;
        total.retries += report.retries;
        total.postponed += report.postponed;
        for (code, count) in &report.statuses {
            *total.statuses.entry(*code).or_default() += count;
        }
        for fault in &report.faults {
            *total.faults.entry(*fault).or_default() += 1;
        }
        self.latencies.extend(&report.latencies);
        let complaints = report.complaints.iter().map(ToString::to_string);
        for words in complaints.chain(report.problems.iter().cloned()) {
            total.complain(format!("{}: {words}", identity.device_id));
        }
    }

    /// A device whose task did not come back.
    pub(super) fn lost(&mut self, why: &str) {
        self.report.sessions += 1;
        self.report.failed += 1;
        *self.report.errors.entry(format!("a device was lost: {why}")).or_default() += 1;
    }

    /// The run is over.
    pub(super) fn close(mut self, elapsed: Duration) -> FleetReport {
        self.report.elapsed = elapsed;
        self.report.latency = Percentiles::of(self.latencies);
        self.report
    }
}

fn per_second(count: usize, elapsed: Duration) -> f64 {
    let count = u32::try_from(count).map_or(f64::MAX, f64::from);
    if elapsed.is_zero() { 0.0 } else { count / elapsed.as_secs_f64() }
}

/// Why a session ended that should have gone on. One in which something went wrong on request may end as it likes.
fn broken_off(report: &SessionReport) -> Option<String> {
    let end = report.ended.filter(|end| !end.is_peaceful())?;
    report.faults.is_empty().then(|| end.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_nearest_ranks() {
        let measured = (1..=200).rev().map(Duration::from_millis).collect();
        let expected = [100, 180, 198, 200].map(Duration::from_millis);
        let Percentiles { p50, p90, p99, max } = Percentiles::of(measured);
        assert_eq!([p50, p90, p99, max], expected);
        assert_eq!(Percentiles::of(vec![]), Percentiles::default());
        assert_eq!(Percentiles::of(vec![Duration::from_secs(1)]).p50, Duration::from_secs(1));
    }

    #[test]
    fn complaints_are_counted_beyond_those_that_are_kept() {
        let mut report = FleetReport::default();
        for number in 0..KEPT + 5 {
            report.complain(number.to_string());
        }
        assert_eq!((report.complaints, report.first_complaints.len()), (KEPT + 5, KEPT));
        assert!(!report.is_clean());
    }
}
