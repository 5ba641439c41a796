//! Locks after failures: they grow with each further failure, and decay with time.

use std::time::Duration;

use transom_protocol::session::Timestamp;

use super::Failures;

/// How often one may fail, and what happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Failures that are borne.
    pub allowed: u32,
    /// One is forgiven after each such span.
    pub forgive_every: Duration,
    /// The first lock.
    pub lockout: Duration,
    /// The longest.
    pub max_lockout: Duration,
}

impl Patience {
    /// What is held against somebody after one more failure at `now`.
    pub fn after_failure(&self, before: Option<&Failures>, now: Timestamp) -> Failures {
        let borne = before.map_or(0, |before| {
            // A clock that was set back forgives nothing.
            let quiet = now.millis_since(before.failed_at).max(0);
            let forgiven = quiet.checked_div(millis(self.forgive_every)).unwrap_or(0);
            before.count.saturating_sub(forgiven).max(0)
        });
        let count = borne.saturating_add(1);
        let beyond = count.saturating_sub(i64::from(self.allowed));
        let locked_until = (beyond >= 0).then(|| {
            let doubled = millis(self.lockout).saturating_mul(1 << beyond.min(40));
            now.plus_millis(doubled.min(millis(self.max_lockout)))
        });
        Failures { count, failed_at: now, locked_until, noted: None }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        allowed: 3,
        forgive_every: Duration::from_mins(10),
        lockout: Duration::from_mins(1),
        max_lockout: Duration::from_hours(1),
    };
    const MINUTE: i64 = 60_000;

    fn locked_for(failures: &Failures) -> Option<i64> {
        failures.locked_until.map(|until| until.millis_since(failures.failed_at))
    }

    #[test]
    fn a_lock_comes_with_the_last_allowed_failure_and_grows_to_its_limit() {
        let mut failures = None;
        let mut locks = Vec::new();
        for second in 0..12 {
            let next = PATIENCE.after_failure(failures.as_ref(), Timestamp(second * 1000));
            locks.push(locked_for(&next).map(|millis| millis / MINUTE));
            failures = Some(next);
        }
        let grown = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60].map(Some);
        assert_eq!(locks, [&[None, None][..], &grown].concat());
    }

    #[test]
    fn time_forgives_one_failure_after_the_other() {
        let failed = |count, at| Failures { count, failed_at: Timestamp(at), locked_until: None, noted: None };
        let after = |count, quiet: i64| PATIENCE.after_failure(Some(&failed(count, 0)), Timestamp(quiet)).count;
        assert_eq!(after(5, 10 * MINUTE - 1), 6);
        assert_eq!(after(5, 10 * MINUTE), 5);
        assert_eq!(after(5, 49 * MINUTE), 2);
        assert_eq!(after(5, 1_000 * MINUTE), 1);
        assert_eq!(PATIENCE.after_failure(Some(&failed(5, 1_000)), Timestamp(0)).count, 6, "the clock was set back");
    }

    #[test]
    fn a_lock_ends() {
        let locked = Failures { count: 3, failed_at: Timestamp(0), locked_until: Some(Timestamp(MINUTE)), noted: None };
        assert!(locked.is_locked(Timestamp(MINUTE - 1)));
        assert!(!locked.is_locked(Timestamp(MINUTE)));
    }
}
