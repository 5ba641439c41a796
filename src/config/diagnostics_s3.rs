//! Where archives are kept in place of a folder: `[diagnostics_s3]`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{SecretText, seconds, values};

/// A bucket of S3, or of a store that speaks as S3 does. Without an endpoint archives stay in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiagnosticsS3 {
    /// Where the store answers, such as `https://s3.eu-central-1.amazonaws.com`; empty for none.
    pub endpoint: String,
    /// Name of the bucket.
    pub bucket: String,
    /// Region that signatures are made for.
    pub region: String,
    /// Whether the bucket stands in the path of an address, and not in its host.
    pub path_style: bool,
    /// What the names of objects begin with.
    pub prefix: String,
    /// Who asks.
    pub access_key_id: String,
    /// Their secret.
    pub secret_access_key: SecretText,
    /// File that holds the secret, relative to the data folder; instead of `secret_access_key`.
    pub secret_access_key_file: PathBuf,
    /// PEM file with further roots that are trusted in calls, relative to the data folder.
    pub roots: PathBuf,
    /// How long sending or getting one archive may take.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
}

impl Default for DiagnosticsS3 {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            bucket: String::new(),
            region: "us-east-1".to_owned(),
            path_style: true,
            prefix: String::new(),
            access_key_id: String::new(),
            secret_access_key: SecretText::default(),
            secret_access_key_file: PathBuf::new(),
            roots: PathBuf::new(),
            timeout: seconds(15 * 60),
        }
    }
}

impl DiagnosticsS3 {
    /// Whether archives go there.
    pub const fn is_configured(&self) -> bool {
        !self.endpoint.is_empty()
    }

    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let (configured, region) = (self.is_configured(), self.region.as_bytes());
        let has_file = !self.secret_access_key_file.as_os_str().is_empty();
        let is_region = !region.is_empty()
            && region.len() <= 64
            && region.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        let is_prefix = self.prefix.len() <= 500
            && !self.prefix.starts_with('/')
            && self.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=".contains(&byte))
            && self.prefix.split('/').all(|part| part != "." && part != "..")
            && !self.prefix.contains("//");
        let rules = [
            (
                "diagnostics_s3.endpoint",
                configured && !is_endpoint(&self.endpoint),
                "must be https:// and a host, without path, user name and query; http:// only to this machine itself",
            ),
            (
                "diagnostics_s3.bucket",
                configured && !is_bucket(&self.bucket),
                "must be the name of a bucket: 3 to 63 small letters, digits, points and hyphens",
            ),
            ("diagnostics_s3.region", !is_region, "must be a word such as eu-central-1"),
            (
                "diagnostics_s3.prefix",
                !is_prefix,
                "may hold letters, digits, - _ . = and /, begins with no / and has no part . or ..",
            ),
            (
                "diagnostics_s3.access_key_id",
                configured && self.access_key_id.is_empty(),
                "must be set where endpoint is",
            ),
            (
                "diagnostics_s3.secret_access_key",
                configured && self.secret_access_key.is_empty() && !has_file,
                "must be set where endpoint is, or secret_access_key_file",
            ),
            (
                "diagnostics_s3.secret_access_key_file",
                has_file && !self.secret_access_key.is_empty(),
                "one secret is enough",
            ),
            ("diagnostics_s3.timeout", self.timeout.as_secs() == 0, "must be at least 1s"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

/// A place that may be called: what is private about archives does not go over a network in the open.
fn is_endpoint(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let Some(host) = url.host_str() else { return false };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    is_bare && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

fn is_bucket(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(byte))
        && is_end(bytes.first())
        && is_end(bytes.last())
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;

    const WHOLE: &str = "endpoint = \"https://s3.example.test\"\nbucket = \"diagnostics\"\naccess_key_id = \"AK\"\n";

    fn with(text: &str) -> Result<DiagnosticsS3, String> {
        let text = format!("[diagnostics_s3]\n{text}");
        resolve(Some((PathBuf::from("f"), &text)), [], &[])
            .map(|settings| settings.diagnostics_s3)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_belongs_together_is_set_together() {
        assert!(!with("").unwrap().is_configured());
        let whole = with(&format!("{WHOLE}secret_access_key = \"hunter2\"\nprefix = \"transom/one=1/\"")).unwrap();
        assert_eq!(whole.secret_access_key.expose(), "hunter2");
        for (text, key) in [
            (WHOLE, "secret_access_key"),
            ("endpoint = \"https://s3.example.test\"", "bucket"),
            ("endpoint = \"https://s3.example.test\"\nbucket = \"One\"", "bucket"),
            ("endpoint = \"https://s3.example.test\"\nbucket = \"a/b\"", "bucket"),
            ("endpoint = \"https://s3.example.test\"\nbucket = \"one\"", "access_key_id"),
            ("secret_access_key = \"x\"\nsecret_access_key_file = \"y\"", "secret_access_key_file"),
            ("region = \"eu central\"", "region"),
            ("region = \"\"", "region"),
            ("prefix = \"/a\"", "prefix"),
            ("prefix = \"a/../\"", "prefix"),
            ("prefix = \"a?b\"", "prefix"),
            ("timeout = \"0s\"", "timeout"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("diagnostics_s3.{key}:")), "{text}: {error}");
        }
    }

    #[test]
    fn only_places_that_keep_a_secret_are_called() {
        for good in ["https://s3.example.test", "https://10.1.2.3:9000/", "http://127.0.0.1:9000", "http://[::1]:9000"]
        {
            assert!(is_endpoint(good), "{good}");
        }
        for bad in [
            "http://s3.example.test",
            "http://10.1.2.3:9000",
            "http://localhost.evil.test",
            "https://user@s3.example.test",
            "https://s3.example.test/path",
            "https://s3.example.test/?a=b",
            "ftp://localhost",
            "s3.example.test",
        ] {
            assert!(!is_endpoint(bad), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_not_shown() {
        let shown = with(&format!("{WHOLE}secret_access_key = \"hunter2\"")).unwrap();
        assert!(!format!("{shown:?}").contains("hunter2"));
        assert!(!toml::Value::try_from(&shown).unwrap().to_string().contains("hunter2"));
    }
}
