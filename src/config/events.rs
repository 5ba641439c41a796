//! Telling others what happened: `[events]` and `[webhooks]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{DAY, seconds, values};

/// What happened, kept for programs that read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Events {
    /// Events go at this age.
    #[serde(with = "values::duration")]
    pub max_age: Duration,
    /// The oldest events go when there are more than these.
    pub max_count: u32,
    /// Whether sessions are told of in which nothing happened.
    pub idle_sessions: bool,
    /// How many may follow the stream of one instance at once.
    pub max_followers: usize,
}

/// Receivers that events are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// How long a call may take.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
    /// How long after the first failure it is tried again.
    #[serde(with = "values::duration")]
    pub retry_first: Duration,
    /// At most so long after a failure.
    #[serde(with = "values::duration")]
    pub retry_most: Duration,
    /// A receiver that has failed for so long is dead.
    #[serde(with = "values::duration")]
    pub dead_after: Duration,
    /// Hosts that may be in a private network.
    #[serde(with = "values::list")]
    pub private_hosts: Vec<String>,
    /// Whether those may be called without TLS.
    pub allow_http: bool,
    /// PEM file with further roots that are trusted in calls, relative to the data folder.
    pub roots: PathBuf,
}

impl Default for Events {
    fn default() -> Self {
        Self { max_age: seconds(7 * DAY), max_count: 1_000_000, idle_sessions: false, max_followers: 64 }
    }
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            timeout: seconds(10),
            retry_first: seconds(5),
            retry_most: seconds(15 * 60),
            dead_after: seconds(3 * DAY),
            private_hosts: Vec::new(),
            allow_http: false,
            roots: PathBuf::new(),
        }
    }
}

impl Events {
    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let rules = [
            ("events.max_age", self.max_age.as_secs() < 60 * 60, "must be at least 1h"),
            ("events.max_count", self.max_count < 1000, "must be at least 1000"),
            ("events.max_followers", self.max_followers == 0, "must not be 0"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

impl Webhooks {
    /// Hosts that may be in a private network, as they are compared.
    pub fn hosts(&self) -> Vec<String> {
        self.private_hosts.iter().map(|host| host.trim().trim_matches(['[', ']']).to_ascii_lowercase()).collect()
    }

    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let is_host = |host: &String| {
            !host.is_empty() && (host.parse::<std::net::IpAddr>().is_ok() || !host.contains(['/', ':', '*', '@', ' ']))
        };
        let rules = [
            ("webhooks.timeout", self.timeout.as_millis() < 100, "must be at least 100ms"),
            ("webhooks.retry_first", self.retry_first.as_millis() < 10, "must be at least 10ms"),
            ("webhooks.retry_most", self.retry_most < self.retry_first, "must not be less than retry_first"),
            ("webhooks.dead_after", self.dead_after.is_zero(), "must not be 0"),
            (
                "webhooks.private_hosts",
                !self.hosts().iter().all(is_host),
                "must be names or addresses without a port, such as siem.corp.example",
            ),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::resolve;

    #[test]
    fn what_no_server_could_work_with_is_refused_by_name() {
        let with = |text: &str| resolve(Some((PathBuf::from("f"), text)), [], &[]).map_err(|error| error.to_string());
        let good = with("[webhooks]\nprivate_hosts = [\"SIEM.corp\", \"10.0.0.9\", \"[fd00::1]\"]").unwrap();
        assert_eq!(good.webhooks.hosts(), ["siem.corp", "10.0.0.9", "fd00::1"]);
        for (text, key) in [
            ("[events]\nmax_age = \"5m\"", "events.max_age"),
            ("[events]\nmax_count = 0", "events.max_count"),
            ("[webhooks]\ntimeout = \"1ms\"", "webhooks.timeout"),
            ("[webhooks]\nretry_first = \"1h\"", "webhooks.retry_most"),
            ("[webhooks]\nprivate_hosts = [\"*.corp\"]", "webhooks.private_hosts"),
            ("[webhooks]\nprivate_hosts = [\"https://a\"]", "webhooks.private_hosts"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("{key}:")), "{text}: {error}");
        }
    }
}
