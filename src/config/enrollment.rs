//! What an enrolled device is told: `[enrollment]`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{DAY, seconds, values};

/// What an enrolled device is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Enrollment {
    /// The beginning of every URL that devices are told, such as `https://mdm.example.com`; empty for the host and the
    /// port of the device door.
    pub url: String,
    /// `PROVIDER-ID`: what devices know this server as.
    pub provider_id: String,
    /// What people read in the settings of Windows.
    pub provider_name: String,
    /// How long a certificate of a device is good.
    #[serde(with = "values::duration")]
    pub certificate_lifetime: Duration,
    /// How long before its end a device asks for another.
    #[serde(with = "values::duration")]
    pub renew_before: Duration,
    /// How long it waits before it tries that again.
    #[serde(with = "values::duration")]
    pub renew_retry: Duration,
    /// How long after its end a certificate may still be exchanged for another.
    #[serde(with = "values::duration")]
    pub renew_grace: Duration,
    /// How often a device comes at first.
    pub poll_first: PollSet,
    /// How often it comes after that.
    pub poll_second: PollSet,
    /// How often it comes from then on.
    pub poll_remaining: PollSet,
    /// Whether it comes when a user signs in.
    pub poll_on_login: bool,
    /// How long a device that was told to leave may take to say that it does.
    #[serde(with = "values::duration")]
    pub leave_timeout: Duration,
}

/// How often a device comes, and in which interval: `5x15m`; `0x1d` is for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollSet {
    /// How often; 0 for ever.
    pub count: u32,
    /// Minutes from one time to the next.
    pub minutes: u32,
}

impl Default for Enrollment {
    fn default() -> Self {
        Self {
            url: String::new(),
            provider_id: "Transom".to_owned(),
            provider_name: "Transom".to_owned(),
            certificate_lifetime: seconds(365 * DAY),
            renew_before: seconds(60 * DAY),
            renew_retry: seconds(4 * DAY),
            renew_grace: seconds(7 * DAY),
            poll_first: PollSet { count: 5, minutes: 15 },
            poll_second: PollSet { count: 10, minutes: 60 },
            poll_remaining: PollSet { count: 0, minutes: 24 * 60 },
            poll_on_login: true,
            leave_timeout: seconds(DAY),
        }
    }
}

impl FromStr for PollSet {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "write a number and an interval, such as 5x15m, or 0x1d for once a day for ever";
        let (count, interval) = text.trim().split_once('x').ok_or(WRONG)?;
        let interval = values::duration::parse(interval.trim()).ok_or(WRONG)?;
        if interval.as_secs() % 60 != 0 || interval.subsec_nanos() > 0 {
            return Err("an interval has whole minutes");
        }
        let minutes = u32::try_from(interval.as_secs() / 60).map_err(|_| WRONG)?;
        Ok(Self { count: count.trim().parse().map_err(|_| WRONG)?, minutes })
    }
}

impl fmt::Display for PollSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            minutes if minutes > 0 && minutes % (24 * 60) == 0 => write!(f, "{}x{}d", self.count, minutes / (24 * 60)),
            minutes => write!(f, "{}x{minutes}m", self.count),
        }
    }
}

impl Serialize for PollSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PollSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_polls_is_written_as_it_is_read() {
        for (text, count, minutes) in [("5x15m", 5, 15), ("0x1d", 0, 1440), ("3x90m", 3, 90), ("0x0m", 0, 0)] {
            let set: PollSet = text.parse().unwrap();
            assert_eq!((set.count, set.minutes), (count, minutes));
            assert_eq!(set.to_string(), text);
        }
        assert_eq!("1x1h".parse::<PollSet>().unwrap().to_string(), "1x60m");
        for wrong in ["", "5", "x5m", "5x", "-1x5m", "5x30s", "5x1500ms", "5 times"] {
            assert!(wrong.parse::<PollSet>().is_err(), "{wrong}");
        }
    }
}
