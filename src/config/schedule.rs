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
    /// How often each user comes of a computer that several work on at once.
    #[serde(with = "values::duration")]
    pub users: Duration,
    /// Of those whose time it is, so many at the same moment.
    pub users_in_background: u32,
    /// Of those who sign in, so many.
    pub users_at_logon: u32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            adapt: true,
            eager: PollSet { count: 8, minutes: 15 },
            eager_then: PollSet { count: 10, minutes: 60 },
            calm: seconds(8 * 60 * 60),
            users: seconds(8 * 60 * 60),
            users_in_background: 25,
            users_at_logon: 25,
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
        [Poll::new(0, minutes(self.calm)), Poll::default(), Poll::default()]
    }

    /// Minutes from one session of a user to his next.
    pub fn user_minutes(&self) -> u32 {
        minutes(self.users)
    }

    /// The first setting that no device could follow, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let is_wrong = |sets: [Poll; 3]| -> Result<(), PollRefused> {
            let [first, second, remaining] = sets;
            PollSchedule::new(first, second, remaining, true).map(drop)
        };
        let partial = |time: Duration| !time.as_secs().is_multiple_of(60) || time.subsec_nanos() > 0;
        let one_set = |time: Duration| [Poll::new(0, minutes(time)), Poll::default(), Poll::default()];
        let rules = [
            ("schedule.eager", self.eager.count == 0, "must end: write a count such as 8x15m"),
            ("schedule.eager_then", self.eager_then.count == 0, "must end: write a count such as 10x60m"),
            ("schedule.eager", is_wrong(self.eager_sets()).is_err(), "is no schedule that Windows follows"),
            ("schedule.calm", partial(self.calm), "must be whole minutes"),
            ("schedule.calm", is_wrong(self.calm_sets()).is_err(), "must be at least 1h and at most a year"),
            ("schedule.users", partial(self.users), "must be whole minutes"),
            ("schedule.users", is_wrong(one_set(self.users)).is_err(), "must be at least 1h and at most a year"),
            ("schedule.users_in_background", self.users_in_background == 0, "must not be 0: no user would ever come"),
            ("schedule.users_at_logon", self.users_at_logon == 0, "must not be 0: no user would come who signs in"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

fn minutes(time: Duration) -> u32 {
    u32::try_from(time.as_secs() / 60).unwrap_or(u32::MAX)
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
        with("eager = \"4x5m\"\ncalm = \"1d\"\nusers = \"1h\"\nusers_in_background = 1").unwrap();
        for (text, key) in [
            ("calm = \"59m\"", "schedule.calm"),
            ("calm = \"90s\"", "schedule.calm"),
            ("users = \"59m\"", "schedule.users"),
            ("users = \"90m1s\"", "schedule.users"),
            ("users = \"400d\"", "schedule.users"),
            ("users_in_background = 0", "schedule.users_in_background"),
            ("users_at_logon = 0", "schedule.users_at_logon"),
            ("eager = \"0x15m\"", "schedule.eager"),
            ("eager = \"8x0m\"", "schedule.eager"),
            ("eager_then = \"0x60m\"", "schedule.eager_then"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("{key}:")), "{text}: {error}");
        }
    }
}
