//! What is to be done for one device, of what is wanted, what it is known to have, and what it was given. Pure.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::{Instruction, LocUri};
use transom_protocol::session::{CommandState, Timestamp};

use super::drift::{self, Found};
use super::overtaken::{self, Carriers};
use super::search::{self, Move};
use super::staged::AGAIN;
use super::{afresh, hear, watch};
use crate::model::{
    DevicePolicy, FactName, FactValue, Facts, Given, GivenOutcome, PolicyState, Reading, SettingCheck, SettingRecord,
    WatchedNodes,
};
use crate::policy::declaration::{Identifier, Token};
use crate::policy::reconcile::{Had, HadSetting, Key, Policy, Standing, State, WantedSetting, plan};

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decided {
    /// What the device is to have, with what it is given now.
    pub(super) policy: DevicePolicy,
    /// What it is given, in this order.
    pub(super) parcels: Vec<Parcel>,
    /// What it is told to watch, before it is asked, or asked of that.
    pub(super) watching: Option<watch::Step>,
    /// What it is asked for.
    pub(super) questions: Vec<Parcel>,
    /// What its answers came to.
    pub(super) found: Found,
    /// What searches do next, each with its place among them.
    pub(super) moves: Vec<(usize, Move)>,
    /// Commands that were not sent, and are not to be any more.
    pub(super) withdrawn: BTreeSet<String>,
}

/// What is given in one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parcel {
    /// What is to be done.
    pub(super) instruction: Instruction,
    /// The settings that wait for what becomes of it.
    pub(super) settings: Vec<String>,
}

/// Decides. `carriers` says what became of commands that carry something which is waited for: those that are not among them
/// are gone.
pub(super) fn decide(
    wanted_by: &Policy,
    catalogue: &Catalogue,
    facts: &Facts,
    before: &DevicePolicy,
    carriers: &Carriers<'_>,
    checks: drift::Plan<'_>,
    now: Timestamp,
) -> Decided {
    let mut start = before.clone();
    lost(&mut start, carriers, now);
    drift::lost(&mut start, carriers.states);
    watch::lost(&mut start.watched, carriers.states);
    let windows = windows(facts);
    if start.windows.is_some() && start.windows != windows {
        // Another Windows may have what the one before did not.
        let not_here = |given: &Given| given.outcome == GivenOutcome::NotHere;
        for setting in start.settings.values_mut().filter(|setting| setting.given.as_ref().is_some_and(not_here)) {
            setting.given = setting.before.take();
        }
        start.watched = WatchedNodes::default();
    }
    let wanted = wanted_by.wanted(catalogue, facts);
    let withdrawn = overtaken::withdraw(&mut start, carriers, &wanted, catalogue);
    let held = overtaken::held(&start, carriers, &wanted, catalogue);
    afresh::forget(&mut start, &afresh::templates(before), &wanted, catalogue);
    for setting in start.settings.values_mut().filter(|setting| setting.is_taken_back_again()) {
        setting.by.push(AGAIN.to_owned());
    }
    watch::judge(&mut start);
    let mut found = drift::judge(&mut start, &wanted, wanted_by, catalogue, now);
    let mut had = had(&start);
    held.hide(&mut had, &wanted, catalogue);
    let planned = plan(wanted_by, &wanted, &had, catalogue);
    let mut settings = BTreeMap::new();
    for (key, setting) in &wanted {
        let prior = start.settings.get(key.as_str());
        let record = if let Some(prior) = prior.filter(|prior| prior.by.is_empty() && held.has(key.as_str())) {
            // It is wanted again: what becomes of taking it back is waited for.
            SettingRecord {
                wanted: Some(setting.value().map(|value| value.token.to_string()).unwrap_or_default()),
                was_by: setting.by.iter().map(ToString::to_string).collect(),
                ..prior.clone()
            }
        } else {
            let mut record = record(setting, prior, now);
            let waits = record.carrier.is_some() && record.waits();
            record.held_by = held.by(key, setting, catalogue).filter(|_| !waits);
            record
        };
        settings.insert(key.as_str().to_owned(), record);
    }
    let mut leaving: BTreeSet<String> = BTreeSet::new();
    for (key, prior) in start.settings {
        if settings.contains_key(&key) {
            continue;
        }
        if planned.needed.contains(key.as_str()) {
            settings.insert(key, needed(prior, now));
            continue;
        }
        if held.has(&key) {
            // It is taken back when it is known what became of it.
            let wanted = (!prior.by.is_empty()).then(String::new);
            settings.insert(key, SettingRecord { wanted, ..prior });
            continue;
        }
        if prior.by.is_empty() || planned.undecided.contains(key.as_str()) {
            let by = prior.by.into_iter().filter(|by| by != AGAIN).collect();
            settings.insert(key, SettingRecord { by, ..prior });
        } else if prior.may_be_there() {
            let kept = planned.kept.iter().find(|kept| Key::of(&kept.uri).as_str() == key);
            let state = if kept.is_some() { PolicyState::Kept } else { PolicyState::Retracting };
            if kept.is_none() {
                leaving.insert(key.clone());
            }
            let default = planned.defaults.get(key.as_str()).cloned();
            let why = kept.map(|kept| kept.why.clone()).or(default);
            let mut prior = prior;
            prior.set_out(None);
            let is_again = prior.by.iter().any(|by| by == AGAIN);
            let (was_by, lost) = if is_again { (prior.was_by, prior.lost) } else { (prior.by, 0) };
            let (uri, by, since) = (prior.uri, Vec::new(), now);
            let (wanted, carrier, status, original_error) = (None, None, None, None);
            settings.insert(
                key,
                SettingRecord {
                    uri,
                    by,
                    was_by,
                    state,
                    since,
                    why,
                    wanted,
                    given: None,
                    before: prior.before,
                    made: prior.made,
                    held_by: None,
                    carrier,
                    first: None,
                    status,
                    original_error,
                    because_of: None,
                    with_others: false,
                    lost,
                    check: SettingCheck::default(),
                },
            );
        }
    }
    let mut parcels = Vec::with_capacity(planned.steps.len());
    for step in planned.steps {
        let mut carried: Vec<String> = Vec::new();
        for key in &step.settings {
            if step.retracts {
                let below = format!("{}/", key.as_str());
                carried.extend(leaving.extract_if(.., |name| name == key.as_str() || name.starts_with(&below)));
            } else if let Some(setting) = settings.get_mut(key.as_str()) {
                setting.set_out(Some(setting.wanted.clone().unwrap_or_default()));
                (setting.carrier, setting.first) = (None, None);
                (setting.status, setting.original_error, setting.because_of) = (None, None, None);
                setting.with_others = false;
                // What is mended stays where it stands until the device has taken it.
                if !setting.check.is_mending() {
                    if setting.state != PolicyState::Pending {
                        setting.since = now;
                    }
                    let ruled = wanted.get(key).and_then(|wanted| wanted.ruled.clone());
                    (setting.state, setting.why) = (PolicyState::Pending, ruled);
                }
                carried.push(key.as_str().to_owned());
            }
        }
        parcels.push(Parcel { instruction: step.instruction, settings: carried });
    }
    // Nothing is known that could be done about them.
    settings.retain(|key, _| !leaving.contains(key));
    let (all, next) = checks.turn(start.sweep_at, now);
    let mut watched = start.watched;
    found.answered.append(&mut watched.done);
    let (watching, questions) = drift::ask(&mut settings, &mut watched, (&wanted, catalogue), checks, all, now);
    let sweep_at = (!settings.is_empty()).then_some(next);
    let (standings, active) = (BTreeMap::new(), wanted_by.active(facts));
    let searches = start.searches;
    let mut policy =
        DevicePolicy { settings, standings, active, windows, sweep_at, searches, watched, ..DevicePolicy::default() };
    let is_lost = |carrier: &str| !carriers.states.get(carrier).copied().is_some_and(CommandState::is_open);
    let moves = search::go_on(&mut policy, wanted_by, &wanted, catalogue, &is_lost);
    policy.judge();
    Decided { policy, parcels, watching, questions, found, moves, withdrawn }
}

impl Decided {
    /// Whether anything is another than before.
    pub(super) fn differs(&self, before: &DevicePolicy) -> bool {
        !self.parcels.is_empty()
            || !self.withdrawn.is_empty()
            || !self.questions.is_empty()
            || !self.moves.is_empty()
            || self.watching.is_some()
            || self.policy != *before
    }

    /// Whether the device has nothing to do with any declaration.
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty() && self.policy.settings.is_empty() && self.policy.standings.is_empty()
    }

    /// Notes what carries a question.
    pub(super) fn asked_by(&mut self, question: usize, carrier: &str) {
        let Some(question) = self.questions.get(question) else { return };
        for key in &question.settings {
            if let Some(setting) = self.policy.settings.get_mut(key) {
                setting.check.reading = Some(Reading { carrier: carrier.to_owned(), said: None });
            }
        }
    }

    /// Notes what carries a parcel.
    pub(super) fn carried_by(&mut self, parcel: usize, carrier: &str) {
        let Some(parcel) = self.parcels.get(parcel) else { return };
        for key in &parcel.settings {
            if let Some(setting) = self.policy.settings.get_mut(key) {
                setting.first = setting.carrier.replace(carrier.to_owned());
            }
        }
    }
}

/// Build and edition, which decide what there is.
fn windows(facts: &Facts) -> Option<String> {
    let number = |name| match facts.value(name) {
        Some(FactValue::Integer(number)) => number.to_string(),
        _ => "?".to_owned(),
    };
    let known = facts.get(FactName::OS_BUILD).is_some() || facts.get(FactName::OS_EDITION_ID).is_some();
    known.then(|| format!("{}/{}", number(FactName::OS_BUILD), number(FactName::OS_EDITION_ID)))
}

/// What the plan is to know of what the device was given. What is being taken back does not count: if it is wanted again it
/// is given anew, behind that.
fn had(start: &DevicePolicy) -> Had {
    let mut had = Had::new();
    for setting in start.settings.values().filter(|setting| !setting.by.is_empty()) {
        let Some(given) = &setting.given else { continue };
        let Ok(uri) = setting.uri.parse::<LocUri>() else { continue };
        let state = match given.outcome {
            GivenOutcome::Pending => State::Pending,
            GivenOutcome::Applied => State::Applied,
            GivenOutcome::Failed | GivenOutcome::NotHere => State::Failed,
            // What is only told stays as the device has it.
            GivenOutcome::Drifted if !setting.check.is_mending() => State::Applied,
            GivenOutcome::Drifted => State::Drifted,
        };
        let token = Token::from(given.token.clone());
        let (may_be_there, made) = (setting.may_be_there(), setting.made);
        had.insert(Key::of(&uri), HadSetting { uri, token, state, may_be_there, made });
    }
    had
}

/// A node that is no longer wanted by itself. It goes when nothing below it is wanted any more.
fn needed(prior: SettingRecord, now: Timestamp) -> SettingRecord {
    let (is_again, is_kept) = (prior.by.iter().any(|by| by == AGAIN), prior.state == PolicyState::Kept);
    SettingRecord {
        was_by: if is_again { prior.was_by } else { prior.by },
        by: Vec::new(),
        state: PolicyState::Kept,
        since: if is_kept { prior.since } else { now },
        why: Some("something below it is still wanted".to_owned()),
        wanted: None,
        given: Some(Given::UNKNOWN),
        check: SettingCheck::default(),
        ..prior
    }
}

/// Where a setting stands that is wanted, before anything is given.
fn record(setting: &WantedSetting, prior: Option<&SettingRecord>, now: Timestamp) -> SettingRecord {
    // What is being taken back begins anew; what could not be taken back the device still has.
    let left = prior.filter(|prior| prior.by.is_empty() && prior.state == PolicyState::Failed);
    let prior = prior.filter(|prior| !prior.by.is_empty());
    let given = prior.and_then(|prior| prior.given.clone()).or_else(|| left?.before.clone());
    let wanted = setting.value().map(|value| value.token.to_string());
    let told = prior.filter(|_| given.as_ref().is_some_and(|given| Some(&given.token) == wanted.as_ref()));
    let check = told.map(|prior| prior.check.clone()).unwrap_or_default();
    let mends = check.is_mending();
    let (state, why) = match &setting.standing {
        Standing::NotApplicable(why) => (PolicyState::NotApplicable, Some(why.clone())),
        Standing::Unresolved(why) => (PolicyState::Unresolved, Some(why.clone())),
        Standing::Conflict => {
            let by: Vec<&str> = setting.by.iter().map(Identifier::as_str).collect();
            (PolicyState::Conflict, Some(format!("{} want different values", by.join(" and "))))
        }
        Standing::Wanted(_) => match given.as_ref().map(|given| given.outcome) {
            Some(GivenOutcome::Pending) if mends => (PolicyState::Drifted, Some(drift::MENDING.to_owned())),
            None | Some(GivenOutcome::Pending) => (PolicyState::Pending, setting.ruled.clone()),
            Some(_) if given.as_ref().is_some_and(|given| given.token.is_empty()) => {
                (PolicyState::Pending, setting.ruled.clone())
            }
            Some(GivenOutcome::Applied) => {
                let accepted = told.filter(|prior| prior.is_accepted()).and_then(|prior| prior.why.clone());
                (PolicyState::Applied, accepted.or_else(|| setting.ruled.clone()))
            }
            Some(GivenOutcome::Failed) => (PolicyState::Failed, told.and_then(|prior| prior.why.clone())),
            Some(GivenOutcome::NotHere) => (PolicyState::NotApplicable, told.and_then(|prior| prior.why.clone())),
            Some(GivenOutcome::Drifted) => (PolicyState::Drifted, told.and_then(|prior| prior.why.clone())),
        },
    };
    let since = prior.filter(|prior| prior.state == state).map_or(now, |prior| prior.since);
    let lost = prior.filter(|prior| prior.wanted == wanted).map_or(0, |prior| prior.lost);
    SettingRecord {
        uri: setting.uri.as_str().to_owned(),
        by: setting.by.iter().map(ToString::to_string).collect(),
        was_by: Vec::new(),
        state,
        since,
        why,
        wanted,
        given,
        before: prior.and_then(|prior| prior.before.clone()),
        made: prior.or(left).and_then(|prior| prior.made),
        held_by: None,
        carrier: prior.and_then(|prior| prior.carrier.clone()),
        first: prior.and_then(|prior| prior.first.clone()),
        status: told.and_then(|prior| prior.status),
        original_error: told.and_then(|prior| prior.original_error.clone()),
        because_of: told.and_then(|prior| prior.because_of.clone()),
        with_others: told.is_some_and(|prior| prior.with_others),
        lost,
        check,
    }
}

/// What was carried by something that ended without a message that said how, or is gone: it is sent again a few times.
fn lost(start: &mut DevicePolicy, carriers: &Carriers<'_>, now: Timestamp) {
    let mut gone: Vec<String> = Vec::new();
    for (key, setting) in &mut start.settings {
        let Some(carrier) = setting.carrier.clone().filter(|_| setting.waits()) else { continue };
        let state = carriers.states.get(&carrier).copied();
        if state.is_some_and(CommandState::is_open) {
            continue;
        }
        // It said that it has accepted it, and never what came of that: what it has is read.
        let accepted = setting.is_accepted();
        let taken = state == Some(CommandState::Succeeded) || accepted;
        if taken && setting.by.is_empty() {
            gone.push(key.clone());
            continue;
        }
        if !taken && state != Some(CommandState::Failed) && setting.lose(carriers.is_unsent(setting)) {
            continue;
        }
        let outcome = if taken { GivenOutcome::Applied } else { GivenOutcome::Failed };
        let is = if taken { PolicyState::Applied } else { PolicyState::Failed };
        let what = state.map_or("is gone", |state| match state {
            CommandState::Canceled => "was canceled",
            CommandState::Expired => "expired",
            CommandState::Superseded => "was superseded",
            CommandState::Unknown => "has no outcome that anybody knows",
            _ => "could not be delivered",
        });
        if let Some(given) = &mut setting.given {
            given.outcome = outcome;
        }
        if taken {
            (setting.check.unread, setting.lost) = (true, 0);
        }
        if matches!(setting.state, PolicyState::Pending | PolicyState::Retracting | PolicyState::Drifted) {
            setting.state = is;
            setting.since = now;
            setting.why = match (taken, accepted) {
                (_, true) => Some(hear::ACCEPTED.to_owned()),
                (true, false) => None,
                (false, false) => Some(format!("the command that carried it {what}")),
            };
        }
    }
    start.settings.retain(|key, _| !gone.contains(key));
}
