//! When devices come by themselves: `[schedule]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use transom_protocol::enrollment::{Poll, PollRefused, PollSchedule};

use super::{PollSet, seconds, values};

/// How the schedules of enrolled devices follow what waits for them. What they begin with is told when they enroll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Whether schedules are changed at all.
    pub adapt: bool,
    /// How often a device comes at first when something waits for it.
    pub eager: PollSet,
    /// How often it comes after that; then once a day.
    pub eager_then: PollSet,
    /// How often a device comes that nothing waits for.
    #[serde(with = "values::duration")]
    pub calm: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            adapt: true,
            eager: PollSet { count: 8, minutes: 15 },
            eager_then: PollSet { count: 10, minutes: 60 },
            calm: seconds(8 * 60 * 60),
        }
    }
}

impl Schedule {
    /// The three sets of a device that something waits for.
    pub fn eager_sets(&self) -> [Poll; 3] {
        let set = |set: PollSet| Poll::new(set.count, set.minutes);
        [set(self.eager), set(self.eager_then), Poll::new(0, 24 * 60)]
    }

    /// The three sets of a device that nothing waits for.
    pub fn calm_sets(&self) -> [Poll; 3] {
        let minutes = u32::try_from(self.calm.as_secs() / 60).unwrap_or(u32::MAX);
        [Poll::new(0, minutes), Poll::default(), Poll::default()]
    }

    /// The first setting that no device could follow, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let is_wrong = |sets: [Poll; 3]| -> Result<(), PollRefused> {
            let [first, second, remaining] = sets;
            PollSchedule::new(first, second, remaining, true).map(drop)
        };
        let partial = !self.calm.as_secs().is_multiple_of(60) || self.calm.subsec_nanos() > 0;
        let rules = [
            ("schedule.eager", self.eager.count == 0, "must end: write a count such as 8x15m"),
            ("schedule.eager_then", self.eager_then.count == 0, "must end: write a count such as 10x60m"),
            ("schedule.eager", is_wrong(self.eager_sets()).is_err(), "is no schedule that Windows follows"),
            ("schedule.calm", partial, "must be whole minutes"),
            ("schedule.calm", is_wrong(self.calm_sets()).is_err(), "must be at least 1h and at most a year"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::resolve;

    #[test]
    fn schedules_below_the_limits_are_refused() {
        let with = |text: &str| {
            let text = format!("[schedule]\n{text}");
            resolve(Some((PathBuf::from("f"), &text)), [], &[]).map(drop).map_err(|error| error.to_string())
        };
        with("eager = \"4x5m\"\ncalm = \"1d\"").unwrap();
        for (text, key) in [
            ("calm = \"59m\"", "schedule.calm"),
            ("calm = \"90s\"", "schedule.calm"),
            ("eager = \"0x15m\"", "schedule.eager"),
            ("eager = \"8x0m\"", "schedule.eager"),
            ("eager_then = \"0x60m\"", "schedule.eager_then"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("{key}:")), "{text}: {error}");
        }
    }
}
