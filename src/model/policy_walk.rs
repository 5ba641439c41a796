//! What is to be done about policies: going through all devices, and devices to be looked at again.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;

use super::EnrollmentId;

/// A device to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyLook {
    /// Which.
    pub enrollment: EnrollmentId,
    /// Taken with it, and handed in when it is done: what was asked for meanwhile stays.
    pub ticket: i64,
}

/// What was published last, and how far it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWork {
    /// Grows with each change of what is wanted.
    pub generation: i64,
    /// When that was.
    pub changed_at: Timestamp,
    /// How far it went through the devices.
    pub walk: PolicyWalk,
}

/// A walk through all devices. It goes round: what changes meanwhile is carried on from where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyWalk {
    /// For which generation.
    pub generation: i64,
    /// With which catalogue.
    pub catalogue: i64,
    /// The last device that was looked at.
    pub position: String,
    /// Where it began.
    pub began_behind: String,
    /// It came to the end and goes on from the beginning.
    pub wrapped: bool,
    /// It is done.
    pub done: bool,
    /// Devices that were looked at.
    pub looked: u64,
    /// Of these, devices for which something changed.
    pub changed: u64,
    /// Devices that there were when it began.
    pub total: u64,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
}

impl PolicyWalk {
    /// Begins anew, from where it stands, for another generation.
    #[must_use]
    pub fn begin(&self, generation: i64, catalogue: i64, total: u64, now: Timestamp) -> Self {
        let (position, began_behind) = (self.position.clone(), self.position.clone());
        let wrapped = began_behind.is_empty();
        Self { generation, catalogue, position, began_behind, wrapped, total, began_at: Some(now), ..Self::default() }
    }

    /// Goes on to the devices that were found behind its position when it asked for so many; gives those that it comes
    /// to.
    pub fn advance(&mut self, found: Vec<EnrollmentId>, asked: usize, now: Timestamp) -> Vec<EnrollmentId> {
        let is_end = found.len() < asked;
        let until = (self.wrapped && !self.began_behind.is_empty()).then(|| self.began_behind.clone());
        let next: Vec<EnrollmentId> =
            found.into_iter().take_while(|id| until.as_deref().is_none_or(|until| id.as_str() <= until)).collect();
        self.looked += u64::try_from(next.len()).unwrap_or(0);
        let came_round = until.is_some() && (is_end || next.len() < asked);
        if let Some(last) = next.last() {
            last.as_str().clone_into(&mut self.position);
        }
        if self.wrapped && (is_end || came_round) {
            self.done = true;
            self.done_at = Some(now);
            self.position.clear();
        } else if is_end {
            self.wrapped = true;
            self.position.clear();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_is_overtaken_goes_on_from_where_it_stands_and_comes_to_all() {
        let now = Timestamp(1_800_000_000_000);
        let mut all: Vec<EnrollmentId> = (0..10).map(|step| EnrollmentId::new(now.plus_millis(step))).collect();
        all.sort();
        let behind = |position: &str, limit: usize| -> Vec<EnrollmentId> {
            all.iter().filter(|id| id.as_str() > position).take(limit).cloned().collect()
        };
        for (limit, before) in [(3, 2), (3, 0), (4, 1), (1, 7), (5, 1), (20, 1), (2, 4)] {
            let mut walk = PolicyWalk::default().begin(1, 0, 10, now);
            for _ in 0..before {
                walk.advance(behind(&walk.position.clone(), limit), limit, now);
            }
            let mut walk = walk.begin(2, 0, 10, now);
            let mut seen = Vec::new();
            for _ in 0..100 {
                if walk.done {
                    break;
                }
                seen.extend(walk.advance(behind(&walk.position.clone(), limit), limit, now));
            }
            assert!(walk.done, "{limit} {before}: {walk:?}");
            seen.sort();
            assert_eq!(seen, all, "{limit} {before}: each once");
            assert_eq!((walk.looked, walk.done_at), (10, Some(now)));
        }
    }
}
