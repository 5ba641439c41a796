//! A certificate of the device door that an ACME server issues: `[acme]`.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{seconds, values};

/// A certificate for the public name from an ACME server (RFC 8555). Without a directory the files of `[device_door]` are
/// shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Acme {
    /// Directory of the ACME server; empty for none.
    pub directory: String,
    /// Whom the ACME server may write to.
    #[serde(with = "values::list")]
    pub contacts: Vec<String>,
    /// Whether its terms of service were read and are agreed to.
    pub agree_to_terms: bool,
    /// Names that the certificate is for; empty for `host`.
    #[serde(with = "values::list")]
    pub names: Vec<String>,
    /// Kind of its key.
    pub key: AcmeKey,
    /// PEM file with further roots that are trusted in calls, relative to the data folder.
    pub roots: PathBuf,
    /// How long a call may take.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
    /// How long an order may take.
    #[serde(with = "values::duration")]
    pub order_timeout: Duration,
}

/// Kind of a server's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcmeKey {
    /// ECDSA on the curve P-256.
    P256,
    /// RSA with 2048 bits.
    Rsa2048,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            directory: String::new(),
            contacts: Vec::new(),
            agree_to_terms: false,
            names: Vec::new(),
            key: AcmeKey::P256,
            roots: PathBuf::new(),
            timeout: seconds(30),
            order_timeout: seconds(5 * 60),
        }
    }
}

impl Acme {
    /// Whether certificates are ordered.
    pub const fn is_configured(&self) -> bool {
        !self.directory.is_empty()
    }

    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let on = self.is_configured();
        let contacts = self.contacts.iter().all(|contact| contact.starts_with("mailto:"));
        let rules = [
            ("acme.directory", on && !self.directory.starts_with("https://"), "must begin with https://"),
            (
                "acme.agree_to_terms",
                on && !self.agree_to_terms,
                "must be true where directory is set: read the terms of service of the ACME server first",
            ),
            ("acme.contacts", !contacts, "are written as mailto:somebody@example.com"),
            (
                "acme.names",
                !self.names.iter().all(|name| is_name(name)),
                "are DNS names in lower case, without wildcards: a server proves by itself only names of its own",
            ),
            ("acme.names", self.names.len() > 100, "are at most 100"),
            ("acme.timeout", self.timeout.as_millis() < 100, "must be at least 100ms"),
            ("acme.order_timeout", self.order_timeout < self.timeout, "must not be shorter than timeout"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

/// Whether it is a name that a server can prove to have.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label) && name.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve;

    fn with(text: &str) -> Result<Acme, String> {
        let text = format!("[acme]\n{text}");
        resolve(Some((PathBuf::from("f"), &text)), [], &[])
            .map(|settings| settings.acme)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_no_acme_server_would_take_is_refused_with_its_key() {
        let good = "directory = \"https://acme.test/directory\"\nagree_to_terms = true\n";
        let made = with(&format!("{good}names = [\"mdm.example.com\", \"a.b-c.example\"]\nkey = \"rsa2048\"")).unwrap();
        assert!(made.is_configured() && made.key == AcmeKey::Rsa2048 && made.names.len() == 2);
        assert!(!with("").unwrap().is_configured());
        for (text, key) in [
            ("directory = \"https://acme.test/\"".to_owned(), "acme.agree_to_terms"),
            ("directory = \"http://acme.test/\"\nagree_to_terms = true".to_owned(), "acme.directory"),
            (format!("{good}contacts = [\"me@example.com\"]"), "acme.contacts"),
            (format!("{good}names = [\"*.example.com\"]"), "acme.names"),
            (format!("{good}names = [\"192.0.2.7\"]"), "acme.names"),
            (format!("{good}timeout = \"10ms\""), "acme.timeout"),
            (format!("{good}order_timeout = \"1s\""), "acme.order_timeout"),
        ] {
            let said = with(&text).unwrap_err();
            assert!(said.contains(key), "{text}: {said}");
        }
    }
}
