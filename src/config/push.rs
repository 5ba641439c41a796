//! Waking devices: `[push]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use transom_protocol::push::TestHost;

use super::{SecretText, seconds, values};

/// Waking devices through the Windows Push Notification Services. Without a package family name devices are not woken:
/// they come when their schedule says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Push {
    /// Package family name of the registration; empty for no push.
    pub pfn: String,
    /// Package SID, or id of the Entra application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretText,
    /// File that holds the secret, relative to the data folder; instead of `client_secret`.
    pub client_secret_file: PathBuf,
    /// How a token is asked for.
    pub token_form: TokenForm,
    /// Where a token is asked for; empty for `login.live.com`.
    pub token_url: String,
    /// Pushes a second, of all instances together.
    pub rate: u32,
    /// For how long WNS keeps a push for a device that is not connected.
    #[serde(with = "values::duration")]
    pub ttl: Duration,
    /// How long a call may take.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
    /// How long after a push a session may begin for the push to count as having woken the device.
    #[serde(with = "values::duration")]
    pub wake_timeout: Duration,
    /// How often a device is asked for its channel.
    #[serde(with = "values::duration")]
    pub channel_refresh: Duration,
    /// PEM file with further roots that are trusted in calls, relative to the data folder.
    pub roots: PathBuf,
    /// For tests: hosts with ports that are called in place of Microsoft's.
    #[serde(with = "values::list")]
    pub test_hosts: Vec<String>,
}

/// How a token is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenForm {
    /// `login.live.com`, with a package SID and its secret.
    Live,
    /// Entra, with an application and its secret.
    Entra,
}

/// Devices renew their channels after 15 days, and WNS forgets them after 30.
const LONGEST_REFRESH: u64 = 15 * 24 * 60 * 60;

impl Default for Push {
    fn default() -> Self {
        Self {
            pfn: String::new(),
            client_id: String::new(),
            client_secret: SecretText::default(),
            client_secret_file: PathBuf::new(),
            token_form: TokenForm::Live,
            token_url: String::new(),
            rate: 50,
            ttl: seconds(60 * 60),
            timeout: seconds(10),
            wake_timeout: seconds(15 * 60),
            channel_refresh: seconds(5 * 24 * 60 * 60),
            roots: PathBuf::new(),
            test_hosts: Vec::new(),
        }
    }
}

impl Push {
    /// Whether devices are woken.
    pub const fn is_configured(&self) -> bool {
        !self.pfn.is_empty()
    }

    /// Where a token is asked for.
    pub fn token_endpoint(&self) -> &str {
        if self.token_url.is_empty() { "https://login.live.com/accesstoken.srf" } else { &self.token_url }
    }

    /// Hosts for tests.
    pub fn hosts(&self) -> Vec<TestHost> {
        self.test_hosts.iter().filter_map(|host| TestHost::parse(host)).collect()
    }

    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let configured = self.is_configured();
        let zero = "must not be 0";
        let has_file = !self.client_secret_file.as_os_str().is_empty();
        let is_name = self.pfn.len() <= 255
            && self.pfn.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let no_endpoint = self.token_form == TokenForm::Entra && self.token_url.is_empty();
        let rules = [
            ("push.pfn", !is_name, "must be a package family name such as Contoso.Management_8wekyb3d8bbwe"),
            ("push.client_id", configured && self.client_id.trim().is_empty(), "must be set where pfn is"),
            (
                "push.client_secret",
                configured && self.client_secret.is_empty() && !has_file,
                "must be set where pfn is, or client_secret_file",
            ),
            ("push.client_secret_file", has_file && !self.client_secret.is_empty(), "one secret is enough"),
            (
                "push.token_url",
                configured && no_endpoint,
                "must be set with token_form = \"entra\": https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
            ),
            ("push.token_url", !self.token_endpoint().starts_with("https://"), "must begin with https://"),
            ("push.rate", self.rate == 0, zero),
            ("push.rate", self.rate > 10_000, "must be at most 10000"),
            ("push.ttl", self.ttl.as_secs() == 0, "must be at least 1s"),
            ("push.timeout", self.timeout.as_millis() < 100, "must be at least 100ms"),
            ("push.wake_timeout", self.wake_timeout.is_zero(), zero),
            ("push.channel_refresh", self.channel_refresh.as_secs() < 60, "must be at least 1m"),
            (
                "push.channel_refresh",
                self.channel_refresh.as_secs() > LONGEST_REFRESH,
                "must be at most 15d: a channel is dead after 30",
            ),
            (
                "push.test_hosts",
                self.test_hosts.len() != self.hosts().len(),
                "must be names with ports, such as localhost:4433",
            ),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;

    fn with(text: &str) -> Result<Push, String> {
        let text = format!("[push]\n{text}");
        resolve(Some((PathBuf::from("f"), &text)), [], &[])
            .map(|settings| settings.push)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_belongs_together_is_set_together() {
        assert!(!with("").unwrap().is_configured());
        let whole =
            with("pfn = \"Contoso.Mdm_8wekyb3d8bbwe\"\nclient_id = \"S-1\"\nclient_secret = \"hunter2\"").unwrap();
        assert_eq!(whole.client_secret.expose(), "hunter2");
        assert_eq!(whole.token_endpoint(), "https://login.live.com/accesstoken.srf");
        for (text, key) in [
            ("pfn = \"a_b\"", "push.client_id"),
            ("pfn = \"a_b\"\nclient_id = \"x\"", "push.client_secret"),
            ("pfn = \"a b\"", "push.pfn"),
            ("client_secret = \"x\"\nclient_secret_file = \"y\"", "push.client_secret_file"),
            ("pfn = \"a_b\"\nclient_id = \"x\"\nclient_secret = \"y\"\ntoken_form = \"entra\"", "push.token_url"),
            ("token_url = \"http://login.live.com/\"", "push.token_url"),
            ("channel_refresh = \"16d\"", "push.channel_refresh"),
            ("test_hosts = [\"localhost\"]", "push.test_hosts"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("{key}:")), "{text}: {error}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let push = with("client_secret = \"hunter2\"").unwrap();
        assert!(!format!("{push:?}").contains("hunter2"));
        assert!(!toml::Value::try_from(&push).unwrap().to_string().contains("hunter2"));
        assert!(!with("client_secret = 123454321").unwrap_err().contains("123454321"));
    }
}
