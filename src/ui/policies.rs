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

/// The order in which states are shown: what needs somebody first, then what is under way, then the rest.
pub(super) fn rank(word: &str) -> u8 {
    match word {
        "failed" => 0,
        "conflict" => 1,
        "drifted" => 2,
        "unresolved" => 3,
        "pending" | "retracting" => 4,
        _ => 5,
    }
}

/// Settings as they are shown: by their states, and those in the same place by address, as they were handed over.
pub(super) fn ordered(settings: &[DeviceSettingJson]) -> Vec<&DeviceSettingJson> {
    let mut all: Vec<&DeviceSettingJson> = settings.iter().collect();
    all.sort_by_key(|setting| rank(&setting.state));
    all
}

/// How many settings need somebody, by their states.
pub(super) fn in_trouble(settings: &[DeviceSettingJson]) -> Vec<Counted> {
    let count = |word: &str| settings.iter().filter(|setting| setting.state == word).count();
    let each = ["failed", "conflict", "drifted", "unresolved"].map(|word| {
        let (class, name) = state(word);
        (class, name, i64::try_from(count(word)).unwrap_or(i64::MAX))
    });
    each.into_iter().filter(|(_, _, count)| *count > 0).collect()
}

/// The setting that failed last, itself and not because of another.
pub(super) fn last_failed(settings: &[DeviceSettingJson]) -> Option<&DeviceSettingJson> {
    let failed = settings.iter().filter(|setting| setting.state == "failed");
    failed.min_by_key(|setting| (std::cmp::Reverse(setting.since), setting.because_of.is_some()))
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
    use crate::model::Timestamp;

    #[test]
    fn the_end_of_an_address_tells_settings_apart() {
        assert_eq!(short("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera"), "Camera/AllowCamera");
        assert_eq!((short("x"), short("a/b")), ("x", "a/b"));
        assert_eq!(state("not_applicable"), ("", "not applicable".to_owned()));
    }

    fn setting(target: &str, state: &str, since: i64) -> DeviceSettingJson {
        DeviceSettingJson {
            target: target.to_owned(),
            state: state.to_owned(),
            since: Timestamp(since),
            configurations: vec!["base".to_owned()],
            why: None,
            status: None,
            error: None,
            command_id: None,
            session_id: None,
            shown_in: None,
            because_of: None,
            checked: None,
        }
    }

    #[test]
    fn what_needs_somebody_stands_first_and_each_group_by_address() {
        let states =
            ["applied", "failed", "pending", "drifted", "unresolved", "conflict", "failed", "kept", "retracting"];
        let settings: Vec<_> =
            states.iter().enumerate().map(|(place, state)| setting(&format!("./{place}"), state, 1)).collect();
        let shown: Vec<&str> = ordered(&settings).into_iter().map(|setting| setting.target.as_str()).collect();
        assert_eq!(shown, ["./1", "./6", "./5", "./3", "./4", "./2", "./8", "./0", "./7"]);
        let counted: Vec<(String, i64)> =
            in_trouble(&settings).into_iter().map(|(_, name, count)| (name, count)).collect();
        let expected = [("failed", 2), ("conflict", 1), ("drifted", 1), ("unresolved", 1)];
        assert_eq!(counted, expected.map(|(name, count)| (name.to_owned(), count)));
        assert!(in_trouble(&settings[..1]).is_empty());
    }

    #[test]
    fn the_last_failure_is_the_newest_and_the_one_because_of_which_others_failed() {
        let mut settings = [setting("./A", "failed", 5), setting("./B", "failed", 5), setting("./C", "failed", 4)];
        settings[0].because_of = Some("./B".to_owned());
        assert_eq!(last_failed(&settings).unwrap().target, "./B");
        assert!(last_failed(&[setting("./A", "applied", 1)]).is_none());
    }
}
