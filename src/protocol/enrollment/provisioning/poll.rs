//! When a device comes by itself (CSP `DMClient`, `Poll`).

use super::wap::{DataType, Wap};

/// One of the three sets of a schedule, which run one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Poll {
    /// How often; 0 with an interval means without end.
    pub count: u32,
    /// Minutes between two sessions; 0 with a count of 0 means that there is no such set.
    pub minutes: u32,
}

/// A schedule that a device can follow and a server can bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollSchedule {
    first: Poll,
    second: Poll,
    remaining: Poll,
    on_login: bool,
}

/// Why three sets are no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PollRefused {
    /// Nothing in any set.
    #[error("the schedule is empty: at least one of the three sets needs an interval")]
    Empty,
    /// A count without an interval.
    #[error("the {0} set has a count and no interval")]
    NoInterval(&'static str),
    /// A set after one without end.
    #[error("the {0} set never runs, because one before it has no end (count 0)")]
    NeverRuns(&'static str),
    /// Without end, and so often that the device does little else.
    #[error("the {0} set has no end (count 0), so its interval has to be at least {MIN_ENDLESS} minutes")]
    Endless(&'static str),
    /// The last set more often than once a day.
    #[error("the remaining set needs an interval of at least {MIN_REMAINING} minutes")]
    Remaining,
    /// A number that Windows can't count to.
    #[error("counts and intervals go up to {MOST}")]
    Large,
}

/// Fewest minutes between two sessions of a set without end. Windows takes 1 and then comes every minute for good.
const MIN_ENDLESS: u32 = 60;
/// Fewest minutes in the last set, as Microsoft has it.
const MIN_REMAINING: u32 = 1440;
/// A year of minutes.
const MOST: u32 = 525_600;

impl Poll {
    /// A set: so many times, so many minutes apart.
    pub const fn new(count: u32, minutes: u32) -> Self {
        Self { count, minutes }
    }

    /// Whether there is no such set.
    const fn is_none(self) -> bool {
        self.count == 0 && self.minutes == 0
    }

    /// Whether it never ends.
    const fn is_endless(self) -> bool {
        self.count == 0 && self.minutes > 0
    }
}

impl PollSchedule {
    /// Three sets, which have to make sense together.
    pub fn new(first: Poll, second: Poll, remaining: Poll, on_login: bool) -> Result<Self, PollRefused> {
        let mut endless = false;
        for (name, set) in [("first", first), ("second", second), ("remaining", remaining)] {
            if set.count > MOST || set.minutes > MOST {
                return Err(PollRefused::Large);
            }
            if set.is_none() {
                continue;
            }
            if set.minutes == 0 {
                return Err(PollRefused::NoInterval(name));
            }
            if endless {
                return Err(PollRefused::NeverRuns(name));
            }
            if set.is_endless() && set.minutes < MIN_ENDLESS {
                return Err(PollRefused::Endless(name));
            }
            endless = set.is_endless();
        }
        if first.is_none() && second.is_none() && remaining.is_none() {
            return Err(PollRefused::Empty);
        }
        if !remaining.is_none() && remaining.minutes < MIN_REMAINING {
            return Err(PollRefused::Remaining);
        }
        Ok(Self { first, second, remaining, on_login })
    }

    /// The three sets in their order.
    pub const fn sets(&self) -> [Poll; 3] {
        [self.first, self.second, self.remaining]
    }

    /// Whether it also comes when somebody signs in.
    pub const fn on_login(&self) -> bool {
        self.on_login
    }

    pub(super) fn write(&self, wap: &mut Wap) {
        let sets = [
            ("NumberOfFirstRetries", "IntervalForFirstSetOfRetries", self.first),
            ("NumberOfSecondRetries", "IntervalForSecondSetOfRetries", self.second),
            ("NumberOfRemainingScheduledRetries", "IntervalForRemainingScheduledRetries", self.remaining),
        ];
        wap.characteristic("Poll", |wap| {
            for (count, interval, set) in sets {
                wap.typed(count, &set.count.to_string(), DataType::Integer);
                wap.typed(interval, &set.minutes.to_string(), DataType::Integer);
            }
            wap.typed("PollOnLogin", if self.on_login { "true" } else { "false" }, DataType::Boolean);
        });
    }
}

impl Default for PollSchedule {
    /// What Microsoft names as default: often in the first hours, then once a day, and whenever somebody signs in.
    fn default() -> Self {
        Self { first: Poll::new(5, 15), second: Poll::new(10, 60), remaining: Poll::new(0, 1440), on_login: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(first: (u32, u32), second: (u32, u32), remaining: (u32, u32)) -> Result<(), PollRefused> {
        let set = |(count, minutes)| Poll::new(count, minutes);
        PollSchedule::new(set(first), set(second), set(remaining), true).map(|_| ())
    }

    #[test]
    fn schedules_that_make_sense_are_taken() {
        for (first, second, remaining) in [
            ((8, 15), (5, 3), (0, 1560)),
            ((5, 15), (10, 60), (0, 1440)),
            ((0, 1440), (0, 0), (0, 0)),
            ((8, 3), (0, 480), (0, 0)),
            ((8, 3), (0, 0), (0, 0)),
            ((0, 0), (0, 0), (3, 1440)),
        ] {
            assert_eq!(schedule(first, second, remaining), Ok(()));
        }
        let default = PollSchedule::default();
        let [first, second, remaining] = default.sets();
        assert_eq!(PollSchedule::new(first, second, remaining, true), Ok(default));
    }

    #[test]
    fn schedules_that_windows_or_a_server_suffers_from_are_refused() {
        for (first, second, remaining, why) in [
            ((0, 0), (0, 0), (0, 0), PollRefused::Empty),
            ((0, 1), (0, 0), (0, 0), PollRefused::Endless("first")),
            ((5, 15), (0, 59), (0, 0), PollRefused::Endless("second")),
            ((0, 60), (5, 15), (0, 0), PollRefused::NeverRuns("second")),
            ((0, 60), (0, 0), (0, 1440), PollRefused::NeverRuns("remaining")),
            ((5, 15), (0, 60), (0, 1440), PollRefused::NeverRuns("remaining")),
            ((5, 0), (0, 0), (0, 1440), PollRefused::NoInterval("first")),
            ((5, 15), (10, 60), (0, 1439), PollRefused::Remaining),
            ((5, 15), (10, 60), (7, 60), PollRefused::Remaining),
            ((5, 525_601), (0, 0), (0, 0), PollRefused::Large),
        ] {
            assert_eq!(schedule(first, second, remaining), Err(why));
        }
    }
}
