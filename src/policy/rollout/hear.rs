//! What the outcome of commands says of the settings that they carried. Pure.

use transom_protocol::csp::{Instruction, LocUri, Setting};
use transom_protocol::session::{ItemOutcome, Pending, Timestamp};
use transom_protocol::syncml::{StatusClass, StatusCode, Verb};

use super::{afresh, search};
use crate::model::{CommandState, DevicePolicy, Given, GivenOutcome, PolicyState, SettingRecord};
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
    let templates_before = afresh::templates(policy);
    for command in commands {
        if command.state.is_open() {
            any |= hear_in_part(policy, command, now);
            continue;
        }
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
        let parts = parts(command);
        let culprit = culprit(command, &parts);
        let carried: Vec<String> = mine.clone();
        for key in mine {
            let retracts = policy.settings.get(&key).is_some_and(|setting| setting.by.is_empty());
            let no_template = answer(&key, &parts, retracts).0.filter(|status| is_absent(status.0));
            let no_template = no_template.and_then(|_| afresh::missing_template(policy, &key));
            let is_fixed = |uri: &LocUri| no_template.is_none() && is_fixed(uri);
            let Some(setting) = policy.settings.get_mut(&key) else { continue };
            (setting.because_of, setting.with_others) = (None, false);
            if is_lost(command, culprit.as_ref()) && lose(setting, &key, command, &parts, now) {
                continue;
            }
            if heard(setting, &key, command, &parts, &is_fixed, now) {
                if !begins_anew(setting) {
                    policy.settings.remove(&key);
                }
                continue;
            }
            if setting.by.is_empty() && begins_anew(setting) {
                continue;
            }
            if let Some(no_template) = no_template
                && let Some(setting) = policy.settings.get_mut(&key).filter(|setting| has_failed(setting))
                && setting.status.is_some_and(is_absent)
            {
                let answered = setting.why.take().unwrap_or_default();
                setting.why = Some(format!("{answered}: {no_template}"));
            }
            // It was taken, and undone because of another; or not come to.
            if let Some(culprit) = culprit.as_ref().filter(|culprit| Key::of(culprit).as_str() != key)
                && let Some(setting) = policy.settings.get_mut(&key)
                && setting.state == PolicyState::Failed
                && !setting.status.map(StatusCode).is_some_and(search::is_own)
            {
                let is_torn = setting.status == Some(StatusCode::ROLL_BACK_FAILED.0);
                let because = if is_torn { torn(culprit.as_str()) } else { search::because(culprit.as_str()) };
                setting.why = Some(because);
                setting.because_of = Some(culprit.as_str().to_owned());
            }
        }
        if command.state == CommandState::Failed && culprit.is_none() {
            let wanted = |key: &String| policy.settings.get(key).is_some_and(|setting| !setting.by.is_empty());
            let failed: Vec<String> = carried.iter().filter(|key| wanted(key)).cloned().collect();
            search::begin(policy, command, &failed);
        }
        if command.state == CommandState::Failed && carried.len() > 1 && is_group(command) {
            for key in &carried {
                if let Some(setting) = policy.settings.get_mut(key) {
                    setting.with_others = has_failed(setting);
                }
            }
        }
    }
    afresh::when_templates_came(policy, &templates_before);
    if any {
        policy.judge();
    }
    any
}

fn parts(command: &Pending) -> Vec<Part<'_>> {
    let answered = command.instruction.settings().zip(&command.progress.items);
    answered.map(|((verb, setting), outcome)| (verb, setting, outcome)).collect()
}

/// What is answered of a command of which not all is known yet. Each part of it stands for itself.
fn hear_in_part(policy: &mut DevicePolicy, command: &Pending, now: Timestamp) -> bool {
    if is_group(command) || command.progress.items.iter().all(|item| item.status.is_none()) {
        return false;
    }
    let parts = parts(command);
    let mut any = false;
    for (key, setting) in &mut policy.settings {
        if setting.carrier.as_deref() != Some(command.id.0.as_str()) || !setting.waits() || setting.by.is_empty() {
            continue;
        }
        let (status, _) = answer(key, &parts, false);
        match status.map(StatusCode::class) {
            Some(StatusClass::Done) => {
                any = true;
                heard(setting, key, command, &parts, &|_| false, now);
            }
            Some(StatusClass::Accepted) if setting.status != status.map(|status| status.0) => {
                any = true;
                setting.status = status.map(|status| status.0);
                if setting.state == PolicyState::Pending {
                    setting.why = Some("the device has accepted it, and is to say when it is done".to_owned());
                }
            }
            _ => {}
        }
    }
    if any {
        policy.judge();
    }
    any
}

/// What was taken back, or could not be, is wanted again by now: it is given once more.
fn begins_anew(setting: &mut SettingRecord) -> bool {
    if setting.wanted.is_none() {
        return false;
    }
    setting.by = std::mem::take(&mut setting.was_by);
    let has = setting.state == PolicyState::Failed;
    setting.given = setting.before.take().filter(|_| has);
    (setting.state, setting.why, setting.status, setting.original_error) = (PolicyState::Pending, None, None, None);
    // Nothing carries it: it is looked at once.
    (setting.held_by, setting.first) = (setting.carrier.take(), None);
    true
}

/// Whether the device made something for us, where an answer says so.
fn made(key: &str, command: &Pending, parts: &[Part<'_>]) -> Option<bool> {
    let own = parts.iter().rfind(|(verb, item, _)| *verb == Verb::Add && Key::of(&item.target).as_str() == key);
    let (_, _, outcome) = own?;
    let was_there = outcome.as_replace || outcome.status == Some(StatusCode::ALREADY_EXISTS);
    // What was there may have come with the same command, of which an answer was lost.
    Some(!was_there || command.progress.maybe_applied)
}

const fn is_group(command: &Pending) -> bool {
    matches!(command.instruction, Instruction::Group { .. })
}

/// Whether it is wanted, and the device has refused it.
fn has_failed(setting: &SettingRecord) -> bool {
    setting.state == PolicyState::Failed && !setting.by.is_empty()
}

/// Whether a code says that there is nothing at an address.
const fn is_absent(status: u16) -> bool {
    matches!(status, 404 | 405)
}

/// Whether nobody knows what became of a command.
fn is_lost(command: &Pending, culprit: Option<&LocUri>) -> bool {
    culprit.is_none() && !matches!(command.state, CommandState::Succeeded | CommandState::Failed)
}

/// Takes note that nobody knows what became of one setting, unless the device has said so of it alone. Whether it is to be
/// sent once more.
fn lose(setting: &mut SettingRecord, key: &str, command: &Pending, parts: &[Part<'_>], now: Timestamp) -> bool {
    let is_answered = answer(key, parts, setting.by.is_empty()).0.is_some();
    if is_answered && !is_group(command) || !setting.lose(false) {
        return false;
    }
    let state = if setting.by.is_empty() { PolicyState::Retracting } else { PolicyState::Pending };
    // What can't be had for another reason by now stays where it stands.
    if matches!(setting.state, PolicyState::Pending | PolicyState::Drifted | PolicyState::Retracting) {
        if setting.state != state {
            setting.since = now;
        }
        (setting.state, setting.why) = (state, None);
    }
    true
}

/// What the device said of one setting. What is taken back may go with what stands above it. Of a value that is taken away and
/// set anew the last part counts, unless it was not come to.
fn answer(key: &str, parts: &[Part<'_>], retracts: bool) -> (Option<StatusCode>, Option<String>) {
    let concerns = |target: &LocUri| {
        let at = Key::of(target);
        let is_above = || key.strip_prefix(at.as_str()).is_some_and(|rest| rest.starts_with('/'));
        at.as_str() == key || retracts && is_above()
    };
    let (mut status, mut original): (Option<StatusCode>, Option<String>) = (None, None);
    for (_, _, outcome) in parts.iter().filter(|(_, item, _)| concerns(&item.target)) {
        status = outcome.status.or(status);
        original.clone_from(&outcome.original_error);
    }
    (status, original)
}

/// The setting because of which a group failed, where the device says so.
fn culprit(command: &Pending, parts: &[Part<'_>]) -> Option<LocUri> {
    if !is_group(command) {
        return None;
    }
    // What an answer that was lost may have made is there already, and no fault.
    let is_own = |outcome: &ItemOutcome| {
        let may_be_ours = outcome.status == Some(StatusCode::ALREADY_EXISTS) && command.progress.maybe_applied;
        outcome.status.is_some_and(search::is_own) && !may_be_ours
    };
    let own = parts.iter().find(|(_, _, outcome)| is_own(outcome));
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
    let (mut status, mut original) = answer(key, parts, setting.by.is_empty());
    // An earlier try may have made what is there.
    let tried = setting.lost > 0 || setting.before.as_ref() == Some(&Given::UNKNOWN);
    let is_group = is_group(command);
    let is_done = |status: Option<StatusCode>| status.is_some_and(|status| status.class() == StatusClass::Done);
    let succeeded = command.state == CommandState::Succeeded || !is_group && is_done(status);
    if is_group && !succeeded && (status.is_none() || is_done(status)) {
        // It was taken, and undone because of another.
        status = command.progress.group_status.filter(|group| !is_done(Some(*group))).or(status);
        original.clone_from(&command.progress.group_error);
    }
    if succeeded || status.is_some() {
        setting.lost = 0;
    }
    let absent = status == Some(StatusCode(404));
    // What became of it the device tells nobody any more: what it has is read.
    let accepted = !succeeded && !is_group && status.is_some_and(|status| status.class() == StatusClass::Accepted);
    if setting.by.is_empty() {
        if succeeded || absent || accepted {
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
        _ if succeeded || accepted => GivenOutcome::Applied,
        Some(StatusCode(406)) => GivenOutcome::NotHere,
        Some(StatusCode(404 | 405)) if fixed() => GivenOutcome::NotHere,
        _ => GivenOutcome::Failed,
    };
    let mut is_current = true;
    if let Some(given) = &mut setting.given {
        given.outcome = outcome;
        is_current = setting.wanted.as_ref() == Some(&given.token);
    }
    if outcome == GivenOutcome::Applied {
        setting.before = None;
        let made = made(key, command, parts).filter(|made| *made || !tried);
        setting.made = if setting.made == Some(true) { Some(true) } else { made.or(setting.made) };
    }
    if outcome == GivenOutcome::Failed && status == Some(StatusCode::ROLL_BACK_FAILED) {
        // The device could not undo it.
        setting.before.get_or_insert(Given::UNKNOWN);
    }
    setting.check.unread = outcome == GivenOutcome::Applied;
    // Something else is wanted by now, which waited for this.
    if !is_current {
        return false;
    }
    // What can't be had for another reason by now stays where it stands.
    if !matches!(setting.state, PolicyState::Pending | PolicyState::Drifted) {
        return false;
    }
    setting.since = now;
    setting.status = status.filter(|_| !succeeded).map(|status| status.0);
    setting.original_error = original.filter(|_| !succeeded);
    (setting.state, setting.why) = match outcome {
        GivenOutcome::Applied if accepted => (PolicyState::Applied, Some(ACCEPTED.to_owned())),
        // Why this value holds is still so.
        GivenOutcome::Applied => {
            let why = setting.why.take().filter(|_| setting.state == PolicyState::Pending);
            (PolicyState::Applied, why)
        }
        GivenOutcome::NotHere => {
            (PolicyState::NotApplicable, Some("the device says that it does not have it".to_owned()))
        }
        GivenOutcome::Pending | GivenOutcome::Failed | GivenOutcome::Drifted => {
            (PolicyState::Failed, Some(why(command, status)))
        }
    };
    false
}

/// What is said of a setting that the device was to undo, and could not (516).
fn torn(culprit: &str) -> String {
    format!(
        "{culprit} failed in the same Atomic, and the device could not undo the others: nobody knows whether it has this"
    )
}

/// What is said of a setting that the device has accepted, and of which it did not say how it ended.
pub(super) const ACCEPTED: &str = "the device has accepted it, and did not say that it is done";

fn why(command: &Pending, status: Option<StatusCode>) -> String {
    match (status, &command.reason) {
        (Some(status), _) if status.class() == StatusClass::RolledBack && is_group(command) => {
            "another setting of the same Atomic failed, so that this one was undone".to_owned()
        }
        (Some(status), _) => format!("the device answered {status}"),
        (None, Some(reason)) if reason.detail.is_some() => reason.detail.clone().unwrap_or_default(),
        (None, _) => format!("the command is {}", command.state.as_str()),
    }
}
