//! Policies: what is published, on how many devices it stands where, and why.

use std::collections::BTreeMap;

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::everywhere;
use crate::admin::{
    DeviceSettingJson, PolicyDetailJson, PolicyDeviceJson, PolicyJson, PolicyProgressJson, SettingCheckJson,
};
use crate::model::Right;

/// The page of the list.
#[derive(Template)]
#[template(path = "policies.html", config = "src/ui/askama.toml")]
pub struct PoliciesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The declarations.
    pub policies: &'a [PolicyJson],
    /// How far what was published last went.
    pub progress: &'a PolicyProgressJson,
}

/// The page of one declaration.
#[derive(Template)]
#[template(path = "policy.html", config = "src/ui/askama.toml")]
pub struct PolicyPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The declaration.
    pub policy: &'a PolicyDetailJson,
    /// What it says, in lines.
    pub text: &'a str,
    /// The state that is looked for; none for all.
    pub state: &'a str,
    /// Devices on which it stands somewhere.
    pub devices: &'a [PolicyDeviceJson],
    /// Where the next page is.
    pub next: Option<String>,
}

/// A count with its state: class, word, number.
type Counted = (&'static str, String, i64);

/// How a state looks, and what it is called.
pub(super) fn state(word: &str) -> (&'static str, String) {
    let class = match word {
        "applied" => "good",
        "failed" | "conflict" => "bad",
        "pending" | "retracting" | "drifted" | "unresolved" => "open",
        _ => "",
    };
    (class, word.replace('_', " "))
}

/// On how many devices something stands where.
pub(super) fn counts(devices: &BTreeMap<String, i64>) -> Vec<Counted> {
    let each = devices.iter().map(|(word, count)| {
        let (class, name) = state(word);
        (class, name, *count)
    });
    each.collect()
}

/// What a device is called.
pub(super) fn device(device: &PolicyDeviceJson) -> &str {
    device.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&device.device_id)
}

/// The last parts of an address, which tell settings apart.
pub(super) fn short(target: &str) -> &str {
    let start = target.rmatch_indices('/').nth(1).map_or(0, |(place, _)| place + 1);
    target.get(start..).unwrap_or(target)
}

/// What is wanted of a device that has something else.
pub(super) fn wanted(check: &SettingCheckJson) -> &str {
    check.wanted.as_deref().unwrap_or(super::texts::policies::NOTHING)
}

/// What it has.
pub(super) fn observed(check: &SettingCheckJson) -> &str {
    check.observed.as_deref().unwrap_or(super::texts::policies::NOTHING)
}

/// Why a setting stands where it stands.
pub(super) fn why(setting: &DeviceSettingJson) -> String {
    let told = setting.why.clone().unwrap_or_default();
    match &setting.error {
        Some(error) => {
            let cause = error.cause.as_ref().map(|cause| format!(" {} {cause}", everywhere::LIKELY_CAUSE));
            format!("{told}: {}{} {}", error.meaning, cause.unwrap_or_default(), error.remedy)
        }
        None => told,
    }
}

impl PolicyPage<'_> {
    /// Whether something could be sent again.
    fn may_retry(&self) -> bool {
        let any = ["failed", "drifted"].iter().any(|state| self.policy.policy.devices.contains_key(*state));
        any && self.frame.may(Right::Author)
    }

    /// Each state that there is, with its number: class, word, word of the address, number.
    fn states(&self) -> Vec<(&'static str, String, &str, i64)> {
        let each = self.policy.policy.devices.iter().map(|(word, count)| {
            let (class, name) = state(word);
            (class, name, word.as_str(), *count)
        });
        each.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_address_tells_settings_apart() {
        assert_eq!(short("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera"), "Camera/AllowCamera");
        assert_eq!((short("x"), short("a/b")), ("x", "a/b"));
        assert_eq!(state("not_applicable"), ("", "not applicable".to_owned()));
    }
}
