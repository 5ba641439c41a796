//! What a device is to have before a person begins to work with it: `[provisioning]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{seconds, values};
use crate::model::{FailureChoice, ProvisioningPlan};

/// What is expected of devices that enroll, and how their status page behaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provisioning {
    /// Whether devices that enroll are told what to expect.
    pub track: bool,
    /// Whether a device shows its page.
    pub show_device_page: bool,
    /// Whether it shows one to each user.
    pub show_user_page: bool,
    /// When the device gives up.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
    /// How long nothing is asked that was asked just now.
    #[serde(with = "values::duration")]
    pub check_every: Duration,
    /// What the page offers when it fails: `reset`, `retry`, `continue`.
    #[serde(with = "values::list")]
    pub on_failure: Vec<String>,
    /// What the page says when it fails.
    pub error_text: String,
    /// Whether the page offers to collect logs.
    pub collect_logs: bool,
    /// Nodes of policies and other settings.
    #[serde(with = "values::list")]
    pub policies: Vec<String>,
    /// Nodes of network and VPN profiles.
    #[serde(with = "values::list")]
    pub networks: Vec<String>,
    /// Nodes of certificates that come by SCEP.
    #[serde(with = "values::list")]
    pub scep: Vec<String>,
    /// Nodes of certificates with their keys.
    #[serde(with = "values::list")]
    pub pfx: Vec<String>,
    /// `Status` nodes of MSI jobs.
    #[serde(with = "values::list")]
    pub msi: Vec<String>,
    /// `Name` nodes of packages.
    #[serde(with = "values::list")]
    pub modern: Vec<String>,
    /// Apps that an agent reports.
    #[serde(with = "values::list")]
    pub win32: Vec<String>,
}

impl Default for Provisioning {
    fn default() -> Self {
        Self {
            track: false,
            show_device_page: true,
            show_user_page: false,
            timeout: seconds(60 * 60),
            check_every: seconds(60),
            on_failure: Vec::new(),
            error_text: String::new(),
            collect_logs: false,
            policies: Vec::new(),
            networks: Vec::new(),
            scep: Vec::new(),
            pfx: Vec::new(),
            msi: Vec::new(),
            modern: Vec::new(),
            win32: Vec::new(),
        }
    }
}

impl Provisioning {
    /// What is expected of a device that enrolls; nothing where devices are not told.
    pub fn plan(&self) -> Option<ProvisioningPlan> {
        self.track.then(|| self.written())
    }

    fn written(&self) -> ProvisioningPlan {
        ProvisioningPlan {
            show_device_page: self.show_device_page,
            show_user_page: self.show_user_page,
            timeout_minutes: u32::try_from(self.timeout.as_secs() / 60).unwrap_or(u32::MAX),
            on_failure: self.on_failure.iter().filter_map(|word| choice(word)).collect(),
            error_text: self.error_text.clone(),
            collect_logs: self.collect_logs,
            policies: self.policies.clone(),
            networks: self.networks.clone(),
            scep: self.scep.clone(),
            pfx: self.pfx.clone(),
            msi: self.msi.clone(),
            modern: self.modern.clone(),
            win32: self.win32.clone(),
        }
    }

    /// The first setting that no device could follow, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        if !self.timeout.as_secs().is_multiple_of(60) || self.timeout.subsec_nanos() > 0 {
            return Some(("provisioning.timeout", "must be whole minutes"));
        }
        if self.on_failure.iter().any(|word| choice(word).is_none()) {
            return Some(("provisioning.on_failure", "must be of reset, retry and continue"));
        }
        let field = self.written().check().err()?.field;
        Some(match field {
            "timeout_minutes" => ("provisioning.timeout", "must be from 1m to 24h"),
            "error_text" => ("provisioning.error_text", "must be one line of at most 500 characters"),
            "networks" => ("provisioning.networks", NODES),
            "scep" => ("provisioning.scep", NODES),
            "pfx" => ("provisioning.pfx", NODES),
            "msi" => ("provisioning.msi", "must be Status nodes of MSI jobs, each perhaps with ;COUNT behind it"),
            "modern" => ("provisioning.modern", "must be nodes, each perhaps with ;COUNT behind it"),
            "win32" => ("provisioning.win32", "must be AGENT/APP each"),
            _ => ("provisioning.policies", NODES),
        })
    }
}

const NODES: &str = "must be nodes, as ./Device/Vendor/MSFT/…, and no more than 100 together";

fn choice(word: &str) -> Option<FailureChoice> {
    match word {
        "reset" => Some(FailureChoice::Reset),
        "retry" => Some(FailureChoice::Retry),
        "continue" => Some(FailureChoice::Continue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use crate::config::resolve;

    #[test]
    fn what_no_device_could_follow_is_refused_by_its_name() {
        let with = |text: &str| {
            let text = format!("[provisioning]\n{text}");
            resolve(Some((PathBuf::from("f"), &text)), [], &[]).map(drop).map_err(|error| error.to_string())
        };
        with("track = true\npolicies = [\"./Vendor/MSFT/Policy/Config/Camera/AllowCamera\"]\non_failure = [\"retry\"]")
            .unwrap();
        for (text, key) in [
            ("timeout = \"30s\"", "provisioning.timeout"),
            ("timeout = \"25h\"", "provisioning.timeout"),
            ("on_failure = [\"panic\"]", "provisioning.on_failure"),
            ("policies = [\"x\"]", "provisioning.policies"),
            ("msi = [\"./Vendor/MSFT/X/Y\"]", "provisioning.msi"),
            ("win32 = [\"x\"]", "provisioning.win32"),
        ] {
            let error = with(text).unwrap_err();
            assert!(error.contains(&format!("{key}:")), "{text}: {error}");
        }
    }
}
