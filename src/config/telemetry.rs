//! Where spans go: `[telemetry]`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{SecretText, seconds, values};

/// A collector of OpenTelemetry that takes spans over OTLP/HTTP. Without an endpoint there are none, and no cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Where it takes traces, such as `https://collector.example.com/v1/traces`; empty for none.
    pub endpoint: String,
    /// Headers of each call, as `name=value`, separated by commas.
    pub headers: SecretText,
    /// File that holds the same, relative to the data folder; instead of `headers`.
    pub headers_file: PathBuf,
    /// Which part of the traces is sent.
    pub sampling: Sampling,
    /// What this server is called there.
    pub service_name: String,
    /// PEM file with further roots that are trusted in calls, relative to the data folder.
    pub roots: PathBuf,
    /// How long one call may take.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
}

/// A part of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling(u32);

impl Sampling {
    /// Everything.
    pub const ALL: Self = Self(Self::WHOLE);

    const WHOLE: u32 = 1_000_000;

    /// Parts of a million.
    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl Serialize for Sampling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(f64::from(self.0) / f64::from(Self::WHOLE))
    }
}

impl<'de> Deserialize<'de> for Sampling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || serde::de::Error::custom("must be a number from 0 to 1");
        let part = f64::deserialize(deserializer).map_err(|_| wrong())?;
        if !(0.0..=1.0).contains(&part) {
            return Err(wrong());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million, by the line above"
        )]
        Ok(Self((part * f64::from(Self::WHOLE)).round() as u32))
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            headers: SecretText::default(),
            headers_file: PathBuf::new(),
            sampling: Sampling::ALL,
            service_name: "transom".to_owned(),
            roots: PathBuf::new(),
            timeout: seconds(10),
        }
    }
}

impl Telemetry {
    /// Whether spans are sent.
    pub const fn is_configured(&self) -> bool {
        !self.endpoint.is_empty()
    }

    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let has_file = !self.headers_file.as_os_str().is_empty();
        let url = reqwest::Url::parse(&self.endpoint).ok();
        let is_endpoint = url.as_ref().is_some_and(is_endpoint);
        let in_the_open = url.is_some_and(|url| url.scheme() == "http" && !is_here(&url));
        let rules = [
            (
                "telemetry.endpoint",
                self.is_configured() && !is_endpoint,
                "must be https:// or http://, a host and a path such as /v1/traces, without user name, query and fragment",
            ),
            (
                "telemetry.endpoint",
                in_the_open && (has_file || !self.headers.is_empty()),
                "must be https:// where headers are sent along, unless it is on this machine",
            ),
            ("telemetry.headers_file", has_file && !self.headers.is_empty(), "one place for headers is enough"),
            (
                "telemetry.headers",
                !self.headers.is_empty() && pairs(self.headers.expose()).is_none(),
                "must be name=value, separated by commas, in visible ASCII",
            ),
            (
                "telemetry.service_name",
                self.service_name.is_empty() || self.service_name.len() > 255,
                "must be 1 to 255 bytes long",
            ),
            (
                "telemetry.timeout",
                self.timeout.is_zero() || self.timeout > seconds(60),
                "must be more than 0 and at most 1m",
            ),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

/// Headers in a text, as `name=value` separated by commas or line ends; nothing where one of them can't be one.
pub fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let written = text.split([',', '\n']).map(str::trim).filter(|pair| !pair.is_empty());
    written
        .map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let (name, value) = (name.trim(), value.trim());
            let is_name =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
            let is_value = value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
            (is_name && is_value).then(|| (name.to_ascii_lowercase(), value.to_owned()))
        })
        .collect()
}

fn is_endpoint(url: &reqwest::Url) -> bool {
    matches!(url.scheme(), "https" | "http")
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_here(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;

    fn with(text: &str) -> Result<Telemetry, String> {
        let text = format!("[telemetry]\n{text}");
        resolve(Some((PathBuf::from("f"), &text)), [], &[])
            .map(|settings| settings.telemetry)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_is_a_number_in_the_file_and_in_the_environment() {
        assert_eq!(with("").unwrap().sampling, Sampling::ALL);
        for (text, millionths) in [("0.05", 50_000), ("0", 0), ("1", 1_000_000), ("1.0", 1_000_000), ("0.000001", 1)] {
            assert_eq!(with(&format!("sampling = {text}")).unwrap().sampling.millionths(), millionths, "{text}");
            let variable = [("TRANSOM_TELEMETRY_SAMPLING".to_owned(), text.to_owned())];
            assert_eq!(resolve(None, variable, &[]).unwrap().telemetry.sampling.millionths(), millionths, "{text}");
        }
        for wrong in ["1.5", "-0.1", "nan", "\"half\""] {
            let error = with(&format!("sampling = {wrong}")).unwrap_err();
            assert!(error.contains("telemetry.sampling: must be a number from 0 to 1"), "{wrong}: {error}");
        }
        let variable = [("TRANSOM_TELEMETRY_SAMPLING".to_owned(), "half".to_owned())];
        assert!(resolve(None, variable, &[]).unwrap_err().to_string().contains("TRANSOM_TELEMETRY_SAMPLING"));
    }

    #[test]
    fn what_belongs_together_is_set_together() {
        assert!(!with("").unwrap().is_configured());
        for good in [
            "endpoint = \"https://collector.example.test/v1/traces\"\nheaders = \"authorization=Bearer x, x-scope=a\"",
            "endpoint = \"http://collector:4318/v1/traces\"",
            "endpoint = \"http://127.0.0.1:4318/v1/traces\"\nheaders = \"a=b\"",
        ] {
            assert!(with(good).unwrap().is_configured(), "{good}");
        }
        for (text, key) in [
            ("endpoint = \"collector:4318\"", "endpoint"),
            ("endpoint = \"https://user:x@collector.example.test/v1/traces\"", "endpoint"),
            ("endpoint = \"https://collector.example.test/v1/traces?key=x\"", "endpoint"),
            ("endpoint = \"http://collector:4318/v1/traces\"\nheaders = \"a=b\"", "endpoint"),
            ("headers = \"a=b\"\nheaders_file = \"y\"", "headers_file"),
            ("headers = \"a b\"", "headers"),
            ("service_name = \"\"", "service_name"),
            ("timeout = \"0s\"", "timeout"),
            ("timeout = \"2m\"", "timeout"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("telemetry.{key}:")), "{text}: {error}");
        }
    }

    #[test]
    fn headers_are_not_shown() {
        let shown = with("headers = \"authorization=hunter2\"").unwrap();
        assert!(!format!("{shown:?}").contains("hunter2"));
        assert!(!toml::Value::try_from(&shown).unwrap().to_string().contains("hunter2"));
        let error = with("headers = \"hunter2\"").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn pairs_are_read_as_other_programs_write_them() {
        let read = pairs("Authorization = Basic YTpi==,\nx-scope=1,").unwrap();
        let expected = [("authorization", "Basic YTpi=="), ("x-scope", "1")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(pairs("a=\u{7f}"), None);
        assert_eq!(pairs("=b"), None);
    }
}
