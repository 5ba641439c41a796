//! What the outcome of commands says of the settings that they carried. Pure.

use transom_protocol::csp::{Instruction, LocUri, Setting};
use transom_protocol::session::{ItemOutcome, Pending, Timestamp};
use transom_protocol::syncml::{StatusClass, StatusCode, Verb};

use super::search;
use crate::model::{CommandState, DevicePolicy, GivenOutcome, PolicyState, SettingRecord};
use crate::policy::reconcile::Key;

/// One part of a command, with its answer.
type Part<'a> = (Verb, &'a Setting, &'a ItemOutcome);

/// Takes what commands of a message say. Whether that was anything. `is_fixed` says of an address that by the catalogue it is
/// there on every device that has it at all: then "not found" means that this one does not.
pub(super) fn hear(
    policy: &mut DevicePolicy,
    commands: &[Pending],
    is_fixed: &dyn Fn(&LocUri) -> bool,
    now: Timestamp,
) -> bool {
    let mut any = false;
    for command in commands.iter().filter(|command| !command.state.is_open()) {
        let mine: Vec<String> = policy
            .settings
            .iter()
            .filter(|(_, setting)| setting.carrier.as_deref() == Some(command.id.0.as_str()) && setting.waits())
            .map(|(key, _)| key.clone())
            .collect();
        if mine.is_empty() {
            continue;
        }
        any = true;
        let parts: Vec<Part<'_>> = command
            .instruction
            .settings()
            .zip(&command.progress.items)
            .map(|((verb, setting), outcome)| (verb, setting, outcome))
            .collect();
        let culprit = culprit(command, &parts);
        let failed: Vec<String> = mine.clone();
        for key in mine {
            let Some(setting) = policy.settings.get_mut(&key) else { continue };
            setting.because_of = None;
            if heard(setting, &key, command, &parts, is_fixed, now) {
                policy.settings.remove(&key);
                continue;
            }
            // It was taken, and undone because of another; or not come to.
            if let Some(culprit) = culprit.as_ref().filter(|culprit| Key::of(culprit).as_str() != key)
                && let Some(setting) = policy.settings.get_mut(&key)
                && setting.state == PolicyState::Failed
                && !setting.status.map(StatusCode).is_some_and(search::is_own)
            {
                setting.why = Some(search::because(culprit.as_str()));
                setting.because_of = Some(culprit.as_str().to_owned());
            }
        }
        if command.state == CommandState::Failed && culprit.is_none() {
            let wanted = |key: &String| policy.settings.get(key).is_some_and(|setting| !setting.by.is_empty());
            let failed: Vec<String> = failed.into_iter().filter(wanted).collect();
            search::begin(policy, command, &failed);
        }
    }
    if any {
        policy.judge();
    }
    any
}

/// The setting because of which a group failed, where the device says so.
fn culprit(command: &Pending, parts: &[Part<'_>]) -> Option<LocUri> {
    if !matches!(command.instruction, Instruction::Group { .. }) {
        return None;
    }
    let own = parts.iter().find(|(_, _, outcome)| outcome.status.is_some_and(search::is_own));
    own.map(|(_, item, _)| item.target.clone())
}

/// Takes what a command says of one setting. Whether it is gone.
fn heard(
    setting: &mut SettingRecord,
    key: &str,
    command: &Pending,
    parts: &[Part<'_>],
    is_fixed: &dyn Fn(&LocUri) -> bool,
    now: Timestamp,
) -> bool {
    let concerns = |target: &LocUri| {
        let at = Key::of(target);
        at.as_str() == key || key.strip_prefix(at.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    // Of a value that is taken away and set anew the last part counts, unless it was not come to.
    let own = parts.iter().filter(|(_, item, _)| concerns(&item.target));
    let (mut status, mut original): (Option<StatusCode>, Option<String>) = (None, None);
    for (_, _, outcome) in own {
        status = outcome.status.or(status);
        original.clone_from(&outcome.original_error);
    }
    let is_group = matches!(command.instruction, Instruction::Group { .. });
    let is_done = |status: Option<StatusCode>| status.is_some_and(|status| status.class() == StatusClass::Done);
    let succeeded = command.state == CommandState::Succeeded || !is_group && is_done(status);
    if is_group && !succeeded && (status.is_none() || is_done(status)) {
        // It was taken, and undone because of another.
        status = command.progress.group_status.filter(|group| !is_done(Some(*group))).or(status);
        original.clone_from(&command.progress.group_error);
    }
    let absent = status == Some(StatusCode(404));
    if setting.by.is_empty() {
        if succeeded || absent {
            return true;
        }
        (setting.state, setting.since) = (PolicyState::Failed, now);
        setting.why = Some(format!("it could not be taken back: {}", why(command, status)));
        (setting.status, setting.original_error) = (status.map(|status| status.0), original);
        setting.given = None;
        return false;
    }
    let fixed = || setting.uri.parse().is_ok_and(|uri: LocUri| is_fixed(&uri));
    let outcome = match status {
        _ if succeeded => GivenOutcome::Applied,
        Some(StatusCode(406)) => GivenOutcome::NotHere,
        Some(StatusCode(404 | 405)) if fixed() => GivenOutcome::NotHere,
        _ => GivenOutcome::Failed,
    };
    if let Some(given) = &mut setting.given {
        given.outcome = outcome;
    }
    setting.check.unread = outcome == GivenOutcome::Applied;
    // What can't be had for another reason by now stays where it stands.
    if !matches!(setting.state, PolicyState::Pending | PolicyState::Drifted) {
        return false;
    }
    setting.since = now;
    setting.status = status.filter(|_| !succeeded).map(|status| status.0);
    setting.original_error = original.filter(|_| !succeeded);
    (setting.state, setting.why) = match outcome {
        GivenOutcome::Applied => (PolicyState::Applied, None),
        GivenOutcome::NotHere => {
            (PolicyState::NotApplicable, Some("the device says that it does not have it".to_owned()))
        }
        GivenOutcome::Pending | GivenOutcome::Failed | GivenOutcome::Drifted => {
            (PolicyState::Failed, Some(why(command, status)))
        }
    };
    false
}

fn why(command: &Pending, status: Option<StatusCode>) -> String {
    match (status, &command.reason) {
        (Some(status), _) if status.class() == StatusClass::RolledBack => {
            "another setting of the same Atomic failed, so that this one was undone".to_owned()
        }
        (Some(status), _) => format!("the device answered {status}"),
        (None, Some(reason)) if reason.detail.is_some() => reason.detail.clone().unwrap_or_default(),
        (None, _) => format!("the command is {}", command.state.as_str()),
    }
}
