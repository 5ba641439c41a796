//! Because of which setting an Atomic failed, where the device does not say. Pure.
//!
//! A device answers an Atomic that failed with 507, and its children with 215 (not come to), 216 (undone) and, for the one
//! that failed, its own code. Where that code is missing, the settings are tried: first the device is asked what it has, then
//! it is given Atomics of the first half, of the first quarter and so on, each with all that the later ones depend on. Each
//! try is followed at once by what gives the device back what it had, in the same queue, so that no part of what was to be
//! had as a whole stays. What can't be read, or can't be taken back, is not tried.

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::{IfExists, Instruction, Operation, Setting};
use transom_protocol::session::{CommandState, Pending};
use transom_protocol::syncml::{GroupKind, StatusClass, StatusCode, Verb};

use super::decide::Parcel;
use crate::model::{DevicePolicy, GivenOutcome, HadBefore, PolicySearch, PolicyState};
use crate::policy::reconcile::{Had, HadSetting, Key, Policy, State, Wanted, WantedSetting, plan, taken, unreadable};

/// Most settings of an Atomic that are tried: six tries at most.
const MOST_SETTINGS: usize = 64;

/// Bytes of what a device had that are kept until the search is over.
const MOST_BYTES: usize = 64 * 1024;

/// Most searches of one device at the same time.
const MOST_SEARCHES: usize = 4;

/// What a search does next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Move {
    /// Ask the device what it has.
    Ask(Parcel),
    /// Try some of the settings, and give back what was there.
    Try {
        /// The Atomic.
        attempt: Instruction,
        /// What takes it back, in this order.
        back: Vec<Instruction>,
    },
}

/// Whether a status says that this very setting failed: not that the Atomic did, or that it was undone or not come to.
pub(super) fn is_own(status: StatusCode) -> bool {
    status.class() == StatusClass::Failed && !matches!(status.0, 507 | 516 | 517)
}

/// Begins to search where an Atomic of these settings failed, and nothing says why.
pub(super) fn begin(policy: &mut DevicePolicy, command: &Pending, settings: &[String]) {
    let is_atomic = matches!(&command.instruction, Instruction::Group { kind: GroupKind::Atomic, .. });
    let refused = command.progress.group_status.is_some_and(|status| status.class() == StatusClass::Failed);
    let names_one = command.progress.items.iter().filter_map(|item| item.status).any(is_own);
    let is_one = !(2..=MOST_SETTINGS).contains(&settings.len());
    if !is_atomic || !refused || names_one || is_one || policy.searches.len() >= MOST_SEARCHES {
        return;
    }
    // In the order in which they were sent.
    let mut ordered: Vec<String> = Vec::with_capacity(settings.len());
    for (_, item) in command.instruction.settings() {
        let key = Key::of(&item.target).as_str().to_owned();
        if settings.contains(&key) && !ordered.contains(&key) {
            ordered.push(key);
        }
    }
    let token = |key: &String| Some(policy.settings.get(key)?.given.as_ref()?.token.clone());
    let Some(tokens) = ordered.iter().map(token).collect::<Option<Vec<String>>>() else { return };
    for key in &ordered {
        if let Some(setting) = policy.settings.get_mut(key) {
            setting.why = Some(SEARCHING.to_owned());
        }
    }
    policy.searches.push(PolicySearch {
        taken: 0,
        failing: ordered.len(),
        settings: ordered,
        tokens,
        status: command.progress.group_status.map(|status| status.0),
        before: None,
        carrier: None,
    });
}

const SEARCHING: &str =
    "its Atomic failed as a whole, and the device does not say because of which setting: that is being looked for";

/// Takes what a command says that a search has sent. Whether that was anything.
pub(super) fn hear(policy: &mut DevicePolicy, commands: &[Pending]) -> bool {
    let mut any = false;
    for command in commands.iter().filter(|command| !command.state.is_open()) {
        let of_this = |search: &&mut PolicySearch| search.carrier.as_deref() == Some(command.id.0.as_str());
        let Some(search) = policy.searches.iter_mut().find(of_this) else { continue };
        any = true;
        search.carrier = None;
        if search.before.is_none() {
            search.before = Some(had_before(search, command));
            continue;
        }
        let Some(next) = search.next() else { continue };
        if command.state == CommandState::Succeeded {
            search.taken = next;
            continue;
        }
        let refused = command.progress.group_status.is_some_and(|status| status.class() == StatusClass::Failed);
        if command.state != CommandState::Failed || !refused {
            // Whether the device takes these nobody knows: to guess would name a setting that is not to blame.
            search.end_unanswered();
            continue;
        }
        search.failing = next;
        // It may say now what it did not say before.
        let parts = command.instruction.settings().zip(&command.progress.items);
        let mut own = parts.filter_map(|((_, item), outcome)| Some((Key::of(&item.target), outcome.status?)));
        let named = own.find(|(_, status)| is_own(*status));
        if let Some((key, status)) = named
            && let Some(place) = search.settings.iter().position(|setting| setting == key.as_str())
        {
            (search.taken, search.failing) = (place, place + 1);
            search.status = Some(status.0);
        }
    }
    any
}

fn had_before(search: &PolicySearch, command: &Pending) -> Vec<HadBefore> {
    let mut bytes = 0;
    let parts: Vec<_> = command.instruction.settings().zip(&command.progress.items).collect();
    let of = |key: &String| {
        let part = parts.iter().find(|((_, item), _)| Key::of(&item.target).as_str() == key);
        let outcome = part.map(|(_, outcome)| outcome);
        let value = outcome.and_then(|outcome| outcome.result.as_ref()).filter(|result| !result.chunked);
        match (outcome.and_then(|outcome| outcome.status), value) {
            (Some(StatusCode(404)), _) => HadBefore::Nothing,
            (Some(status), Some(value)) if status.class() == StatusClass::Done => {
                bytes += value.data.len();
                if bytes > MOST_BYTES { HadBefore::Unknown } else { HadBefore::Value(value.data.clone()) }
            }
            _ => HadBefore::Unknown,
        }
    };
    search.settings.iter().map(of).collect()
}

/// Goes on with the searches that wait for nothing, and says what came of those that are over. `is_lost` says of what was
/// sent that it ended without an answer.
pub(super) fn go_on(
    policy: &mut DevicePolicy,
    wanted_by: &Policy,
    wanted: &Wanted,
    catalogue: &Catalogue,
    is_lost: &dyn Fn(&str) -> bool,
) -> Vec<(usize, Move)> {
    let mut moves = Vec::new();
    let mut going: Vec<PolicySearch> = Vec::new();
    for search in std::mem::take(&mut policy.searches) {
        if !is_of_now(policy, &search) {
            continue;
        }
        if let Some(carrier) = &search.carrier {
            if is_lost(carrier) {
                give_up(policy, &search, "the device did not answer");
            } else {
                going.push(search);
            }
            continue;
        }
        if let Some(found) = search.found() {
            tell(policy, &search, found);
            continue;
        }
        match step(&search, wanted_by, wanted, catalogue) {
            Ok(step) => {
                moves.push((going.len(), step));
                going.push(search);
            }
            Err(why) => give_up(policy, &search, &why),
        }
    }
    policy.searches = going;
    moves
}

/// Whether what failed is what is wanted still.
fn is_of_now(policy: &DevicePolicy, search: &PolicySearch) -> bool {
    search.settings.iter().zip(&search.tokens).all(|(key, token)| {
        policy.settings.get(key).is_some_and(|setting| {
            let has_failed = |outcome| matches!(outcome, GivenOutcome::Failed | GivenOutcome::NotHere);
            setting.wanted.as_ref() == Some(token)
                && setting.given.as_ref().is_some_and(|given| given.token == *token && has_failed(given.outcome))
        })
    })
}

fn step(search: &PolicySearch, wanted_by: &Policy, wanted: &Wanted, catalogue: &Catalogue) -> Result<Move, String> {
    let of = |key: &String| wanted.get_key_value(key.as_str());
    let Some(all) = search.settings.iter().map(of).collect::<Option<Vec<_>>>() else {
        return Err("it is no longer wanted".to_owned());
    };
    let Some(before) = &search.before else {
        for (_, setting) in &all {
            if let Some(why) = setting.value().and_then(|value| unreadable(setting, value, catalogue)) {
                return Err(why);
            }
        }
        let item = |uri: &transom_protocol::csp::LocUri| Setting::bare(uri.clone());
        let items = all.iter().map(|(_, setting)| item(&setting.uri)).collect();
        let operation = Operation { verb: Verb::Get, items, if_exists: IfExists::Fail };
        return Ok(Move::Ask(Parcel {
            instruction: Instruction::Single(operation),
            settings: search.settings.clone(),
        }));
    };
    if before.contains(&HadBefore::Unknown) {
        return Err("the device does not say what it has, so that nothing can be tried and taken back".to_owned());
    }
    let count = search.next().unwrap_or(search.failing);
    let tried: Wanted = all.iter().take(count).copied().map(cloned).collect();
    let mut steps = plan(wanted_by, &tried, &Had::new(), catalogue).steps;
    let (Some(attempt), true) = (steps.pop(), steps.is_empty()) else {
        return Err("its settings do not go into one Atomic any more".to_owned());
    };
    let back = back(search, before, (count, &tried), wanted, wanted_by, catalogue)?;
    Ok(Move::Try { attempt: attempt.instruction, back })
}

fn cloned((key, setting): (&Key, &WantedSetting)) -> (Key, WantedSetting) {
    (key.clone(), setting.clone())
}

/// What gives a device back what it had: what it did not have is taken away, the last first; then the values that it had.
fn back(
    search: &PolicySearch,
    before: &[HadBefore],
    (count, tried): (usize, &Wanted),
    wanted: &Wanted,
    wanted_by: &Policy,
    catalogue: &Catalogue,
) -> Result<Vec<Instruction>, String> {
    let mut made = Had::new();
    let mut items: Vec<Setting> = Vec::new();
    for (key, had) in search.settings.iter().zip(before).take(count) {
        let Some((key, setting)) = tried.get_key_value(key.as_str()) else { continue };
        let Some(value) = setting.value() else { continue };
        match had {
            HadBefore::Nothing => {
                let (uri, token) = (setting.uri.clone(), value.token.clone());
                made.insert(
                    key.clone(),
                    HadSetting { uri, token, state: State::Applied, may_be_there: true, made: Some(true) },
                );
            }
            // A node has no value of its own.
            HadBefore::Value(data) if value.data.is_some() => {
                let (format, mime) = (Some(value.format.clone()), value.mime.clone());
                items.push(Setting { target: setting.uri.clone(), format, mime, data: Some(data.clone()) });
            }
            HadBefore::Value(_) => {}
            HadBefore::Unknown => return Err("the device does not say what it has".to_owned()),
        }
    }
    // Nothing else that is wanted is written or taken away by this.
    let kept: Wanted = wanted.iter().filter(|(key, _)| !made.contains_key(*key)).map(cloned).collect();
    let had: Had = made.into_iter().chain(taken(&kept)).collect();
    let taken_back = plan(wanted_by, &kept, &had, catalogue);
    if let Some(stays) = taken_back.kept.first() {
        return Err(format!("{} could not be taken back", stays.uri));
    }
    if let Some(needed) = taken_back.needed.iter().chain(&taken_back.undecided).next() {
        return Err(format!("{} could not be taken back without something else that is wanted", needed.as_str()));
    }
    let mut back: Vec<Instruction> = taken_back.steps.into_iter().map(|step| step.instruction).collect();
    if !items.is_empty() {
        back.push(Instruction::Single(Operation { verb: Verb::Replace, items, if_exists: IfExists::Fail }));
    }
    Ok(back)
}

fn tell(policy: &mut DevicePolicy, search: &PolicySearch, found: &String) {
    let uri = policy.settings.get(found).map(|setting| setting.uri.clone()).unwrap_or_default();
    let code = search.status.map(|status| StatusCode(status).to_string()).unwrap_or_default();
    for key in &search.settings {
        let Some(setting) = policy.settings.get_mut(key) else { continue };
        if key == found {
            setting.why = Some(format!(
                "the device answered {code}: found by trying, with the {} before it its Atomic is taken, with it not",
                search.taken
            ));
            setting.status = search.status;
            setting.because_of = None;
        } else {
            setting.why = Some(because(&uri));
            setting.because_of = Some(uri.clone());
        }
    }
}

fn give_up(policy: &mut DevicePolicy, search: &PolicySearch, why: &str) {
    for key in &search.settings {
        if let Some(setting) = policy.settings.get_mut(key).filter(|setting| setting.state == PolicyState::Failed) {
            setting.why = Some(format!(
                "one of the {} settings of its Atomic failed; the device does not say which, and it was not found by \
                 trying: {why}",
                search.settings.len()
            ));
        }
    }
}

/// What is said of a setting that was undone because of another.
pub(super) fn because(uri: &str) -> String {
    format!("it was undone because {uri} failed, in the same Atomic")
}
