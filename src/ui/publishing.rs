//! What is published: which secrets have a value, and what goes to devices in stages.

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::publishing as texts;
use crate::admin::{DeviceJson, DeviceSettingJson, PolicyDeviceJson, PolicySecretsJson, PolicyStageJson};
use crate::model::Right;

/// The page of secrets.
#[derive(Template)]
#[template(path = "policy_secrets.html", config = "src/ui/askama.toml")]
pub struct PolicySecretsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Which have a value, and which wait for one.
    pub secrets: &'a PolicySecretsJson,
    /// Which one is to be set, where the way here said so or what was entered was refused.
    pub name: &'a str,
    /// Why something was not done.
    pub error: Option<&'a str>,
}

impl PolicySecretsPage<'_> {
    fn may_author(&self) -> bool {
        self.frame.may(Right::Author)
    }
}

/// The page of what goes to devices in stages.
#[derive(Template)]
#[template(path = "policy_stages.html", config = "src/ui/askama.toml")]
pub struct PolicyStagesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Revisions in stages, newest first.
    pub stages: &'a [PolicyStageJson],
    /// What was done just now.
    pub done: Option<&'static str>,
    /// Why something was not done.
    pub error: Option<&'a str>,
}

impl PolicyStagesPage<'_> {
    fn may_author(&self) -> bool {
        self.frame.may(Right::Author)
    }
}

/// The page of one revision in stages, with its devices.
#[derive(Template)]
#[template(path = "policy_stage.html", config = "src/ui/askama.toml")]
pub struct PolicyStagePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The revision.
    pub staged: &'a PolicyStageJson,
    /// The state that is looked for; none for all.
    pub state: &'a str,
    /// Devices that have it, or are to have it.
    pub devices: &'a [PolicyDeviceJson],
    /// Where the next page is.
    pub next: Option<String>,
}

impl PolicyStagePage<'_> {
    /// Whether its devices are no longer followed by it.
    fn has_ended(&self) -> bool {
        matches!(self.staged.state.as_str(), "done" | "replaced")
    }
}

/// Asks before something is sent again to a device.
#[derive(Template)]
#[template(path = "policy_retry.html", config = "src/ui/askama.toml")]
pub struct PolicyRetryPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The device.
    pub device: &'a DeviceJson,
    /// What would be sent again.
    pub settings: &'a [DeviceSettingJson],
}

/// Whether a setting is one that can be sent again.
pub fn is_retried(setting: &DeviceSettingJson) -> bool {
    matches!(setting.state.as_str(), "failed" | "drifted" | "kept")
}

/// How long a revision stays in each stage where it goes on by itself.
pub(super) fn goes_on(staged: &PolicyStageJson) -> Option<String> {
    staged.advance_after_seconds.map(|seconds| super::text::span(seconds.saturating_mul(1000)))
}

/// How a state looks, and what it is called.
pub(super) fn state(staged: &PolicyStageJson) -> (&'static str, &'static str) {
    match staged.state.as_str() {
        "running" => ("open", texts::RUNNING),
        "paused" => ("open", texts::PAUSED),
        "stopped" => ("bad", texts::STOPPED),
        "done" => ("good", texts::DONE),
        _ => ("", texts::REPLACED),
    }
}

/// Each stage, and whether it is the one that it is in.
pub(super) fn stages(staged: &PolicyStageJson) -> Vec<(&str, bool)> {
    staged.stages.iter().enumerate().map(|(place, stage)| (stage.as_str(), place + 1 == staged.stage)).collect()
}

/// What can be done: the word in the address, and its name.
pub(super) fn deeds(staged: &PolicyStageJson) -> Vec<(&'static str, &'static str)> {
    let has_next = staged.stage < staged.stages.len();
    match staged.state.as_str() {
        "running" if has_next => vec![("advance", texts::ADVANCE), ("pause", texts::PAUSE)],
        "running" => vec![("pause", texts::PAUSE)],
        "paused" if has_next => vec![("resume", texts::RESUME), ("advance", texts::ADVANCE)],
        "paused" => vec![("resume", texts::RESUME)],
        "stopped" => vec![("resume", texts::RESUME_ALL_THE_SAME)],
        _ => Vec::new(),
    }
}
