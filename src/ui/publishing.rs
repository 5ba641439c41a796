//! What is published: which secrets have a value, and what goes to devices in stages.

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::publishing as texts;
use crate::admin::{PolicySecretsJson, PolicyStageJson};
use crate::model::Right;

/// The page of secrets.
#[derive(Template)]
#[template(path = "policy_secrets.html", config = "src/ui/askama.toml")]
pub struct PolicySecretsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Which have a value, and which wait for one.
    pub secrets: &'a PolicySecretsJson,
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
