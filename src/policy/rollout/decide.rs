//! What is to be done for one device, of what is wanted, what it is known to have, and what it was given. Pure.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::{Instruction, LocUri};
use transom_protocol::session::{CommandState, Timestamp};

use crate::model::{DevicePolicy, FactName, FactValue, Facts, Given, GivenOutcome, PolicyState, SettingRecord};
use crate::policy::declaration::{Identifier, Token};
use crate::policy::reconcile::{Had, HadSetting, Key, Policy, Standing, State, WantedSetting, plan};

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decided {
    /// What the device is to have, with what it is given now.
    pub(super) policy: DevicePolicy,
    /// What it is given, in this order.
    pub(super) parcels: Vec<Parcel>,
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
    carriers: &BTreeMap<String, CommandState>,
    now: Timestamp,
) -> Decided {
    let mut start = before.clone();
    lost(&mut start, carriers, now);
    let windows = windows(facts);
    if start.windows.is_some() && start.windows != windows {
        // Another Windows may have what the one before did not.
        let not_here = |given: &Given| given.outcome == GivenOutcome::NotHere;
        for setting in start.settings.values_mut().filter(|setting| setting.given.as_ref().is_some_and(not_here)) {
            setting.given = None;
        }
    }
    let wanted = wanted_by.wanted(catalogue, facts);
    let planned = plan(wanted_by, &wanted, &had(&start), catalogue);
    let mut settings = BTreeMap::new();
    for (key, setting) in &wanted {
        let prior = start.settings.get(key.as_str());
        settings.insert(key.as_str().to_owned(), record(setting, prior, now));
    }
    let mut leaving: BTreeSet<String> = BTreeSet::new();
    for (key, prior) in start.settings {
        if settings.contains_key(&key) {
            continue;
        }
        if prior.by.is_empty() {
            settings.insert(key, prior);
        } else if prior.given.is_some() {
            let kept = planned.kept.iter().find(|kept| Key::of(&kept.uri).as_str() == key);
            let state = if kept.is_some() { PolicyState::Kept } else { PolicyState::Retracting };
            if kept.is_none() {
                leaving.insert(key.clone());
            }
            let why = kept.map(|kept| kept.why.clone());
            let given = prior.given.filter(|_| kept.is_none());
            let (uri, by, since) = (prior.uri, Vec::new(), now);
            let (wanted, carrier, status, original_error) = (None, None, None, None);
            let record = SettingRecord { uri, by, state, since, why, wanted, given, carrier, status, original_error };
            settings.insert(key, record);
        }
    }
    let mut parcels = Vec::with_capacity(planned.steps.len());
    for step in planned.steps {
        let mut carried: Vec<String> = Vec::new();
        for key in &step.settings {
            if step.retracts {
                let below = format!("{}/", key.as_str());
                carried
                    .extend(leaving.iter().filter(|name| *name == key.as_str() || name.starts_with(&below)).cloned());
            } else if let Some(setting) = settings.get_mut(key.as_str()) {
                let token = setting.wanted.clone().unwrap_or_default();
                setting.given = Some(Given { token, outcome: GivenOutcome::Pending });
                if setting.state != PolicyState::Pending {
                    setting.since = now;
                }
                setting.state = PolicyState::Pending;
                (setting.why, setting.status, setting.original_error) = (None, None, None);
                carried.push(key.as_str().to_owned());
            }
        }
        parcels.push(Parcel { instruction: step.instruction, settings: carried });
    }
    let mut policy = DevicePolicy { settings, standings: BTreeMap::new(), active: wanted_by.active(facts), windows };
    policy.judge();
    Decided { policy, parcels }
}

impl Decided {
    /// Whether anything is another than before.
    pub(super) fn differs(&self, before: &DevicePolicy) -> bool {
        !self.parcels.is_empty() || self.policy != *before
    }

    /// Whether the device has nothing to do with any declaration.
    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty() && self.policy.settings.is_empty() && self.policy.standings.is_empty()
    }

    /// Notes what carries a parcel.
    pub(super) fn carried_by(&mut self, parcel: usize, carrier: &str) {
        let Some(parcel) = self.parcels.get(parcel) else { return };
        for key in &parcel.settings {
            if let Some(setting) = self.policy.settings.get_mut(key) {
                setting.carrier = Some(carrier.to_owned());
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
            GivenOutcome::Drifted => State::Drifted,
        };
        let token = Token::from(given.token.clone());
        had.insert(Key::of(&uri), HadSetting { uri, token, state });
    }
    had
}

/// Where a setting stands that is wanted, before anything is given.
fn record(setting: &WantedSetting, prior: Option<&SettingRecord>, now: Timestamp) -> SettingRecord {
    // What is being taken back begins anew.
    let prior = prior.filter(|prior| !prior.by.is_empty());
    let given = prior.and_then(|prior| prior.given.clone());
    let wanted = setting.value().map(|value| value.token.to_string());
    let told = prior.filter(|_| given.as_ref().is_some_and(|given| Some(&given.token) == wanted.as_ref()));
    let (state, why) = match &setting.standing {
        Standing::NotApplicable(why) => (PolicyState::NotApplicable, Some(why.clone())),
        Standing::Unresolved(why) => (PolicyState::Unresolved, Some(why.clone())),
        Standing::Conflict => {
            let by: Vec<&str> = setting.by.iter().map(Identifier::as_str).collect();
            (PolicyState::Conflict, Some(format!("{} want different values", by.join(" and "))))
        }
        Standing::Wanted(_) => match given.as_ref().map(|given| given.outcome) {
            None | Some(GivenOutcome::Pending) => (PolicyState::Pending, None),
            Some(GivenOutcome::Applied) => (PolicyState::Applied, None),
            Some(GivenOutcome::Failed) => (PolicyState::Failed, told.and_then(|prior| prior.why.clone())),
            Some(GivenOutcome::NotHere) => (PolicyState::NotApplicable, told.and_then(|prior| prior.why.clone())),
            Some(GivenOutcome::Drifted) => (PolicyState::Drifted, told.and_then(|prior| prior.why.clone())),
        },
    };
    let since = prior.filter(|prior| prior.state == state).map_or(now, |prior| prior.since);
    SettingRecord {
        uri: setting.uri.as_str().to_owned(),
        by: setting.by.iter().map(ToString::to_string).collect(),
        state,
        since,
        why,
        wanted,
        given,
        carrier: prior.and_then(|prior| prior.carrier.clone()),
        status: told.and_then(|prior| prior.status),
        original_error: told.and_then(|prior| prior.original_error.clone()),
    }
}

/// What was carried by something that ended without a message that said how, or is gone.
fn lost(start: &mut DevicePolicy, carriers: &BTreeMap<String, CommandState>, now: Timestamp) {
    let mut gone: Vec<String> = Vec::new();
    for (key, setting) in &mut start.settings {
        let Some(carrier) = setting.carrier.clone().filter(|_| setting.waits()) else { continue };
        let state = carriers.get(&carrier).copied();
        if state.is_some_and(CommandState::is_open) {
            continue;
        }
        let taken = state == Some(CommandState::Succeeded);
        if taken && setting.by.is_empty() {
            gone.push(key.clone());
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
        if matches!(setting.state, PolicyState::Pending | PolicyState::Retracting) {
            setting.state = is;
            setting.since = now;
            setting.why = (!taken).then(|| format!("the command that carried it {what}"));
        }
    }
    start.settings.retain(|key, _| !gone.contains(key));
}
