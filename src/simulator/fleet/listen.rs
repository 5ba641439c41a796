//! Devices that wait for pushes, and come when there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tokio::task::JoinSet;

use super::report::Tally;
use super::{Fleet, FleetReport, Progress};
use crate::simulator::device::Trigger;
use crate::simulator::wns::Pushes;

impl Fleet {
    /// So many sessions of every device, and then one for each push, as Windows does: until so many sessions have begun
    /// by a push, or somebody says [`Stop::stop`](super::Stop::stop). Pushes that come to a device while it waits for its
    /// turn are one; of those that come while it is in a session one is followed by another.
    pub async fn run_and_listen(&mut self, rounds: usize, pushes: &mut Pushes, most: Option<usize>) -> FleetReport {
        let started = Instant::now();
        let total = self.members.len().saturating_mul(rounds);
        let mut tally = Tally::default();
        tally.report.devices = self.members.len();
        for _ in 0..rounds {
            if !self.stop.is_stopped() {
                self.round(&mut tally, total).await;
            }
        }
        self.listen(&mut tally, pushes, most.unwrap_or(usize::MAX)).await;
        tally.report.gone = self.devices().filter(|device| !device.is_enrolled()).count();
        tally.close(started.elapsed())
    }

    async fn listen(&mut self, tally: &mut Tally, pushes: &mut Pushes, most: usize) {
        let mut at_home: BTreeMap<usize, _> = std::mem::take(&mut self.members).into_iter().enumerate().collect();
        let mut due: BTreeSet<usize> = BTreeSet::new();
        let mut running = JoinSet::new();
        let mut is_open = true;
        loop {
            let goes_on = !self.stop.is_stopped() && tally.report.pushed < most;
            while goes_on
                && running.len() < self.parallel
                && tally.report.pushed < most
                && let Some(place) = due.iter().copied().find(|place| at_home.contains_key(place))
            {
                due.remove(&place);
                let Some(mut member) = at_home.remove(&place) else { break };
                if !member.device.is_enrolled() {
                    at_home.insert(place, member);
                    continue;
                }
                tally.report.pushed += 1;
                running.spawn(async move {
                    let client = member.client.triggered(Trigger::Push);
                    let session = client.run_session(&mut member.device, &mut member.faults).await;
                    (place, member, session)
                });
            }
            let is_over = self.stop.is_stopped() || tally.report.pushed >= most || !is_open && due.is_empty();
            if is_over && running.is_empty() {
                break;
            }
            tokio::select! {
                () = self.stop.stopped(), if !is_over => {}
                pushed = pushes.recv(), if is_open && !is_over => match pushed {
                    Some(place) => _ = due.insert(place),
                    None => is_open = false,
                },
                Some(ended) = running.join_next(), if !running.is_empty() => match ended {
                    Err(panic) => tally.lost(&panic.to_string()),
                    Ok((place, member, session)) => {
                        tally.count(member.device.identity(), &session);
                        if let Some(watcher) = &self.watcher {
                            let (done, device) = (tally.report.sessions, &member.device);
                            watcher(&Progress { device, session: &session, done, total: done });
                        }
                        at_home.insert(place, member);
                    }
                },
            }
        }
        self.members = at_home.into_values().collect();
    }
}
