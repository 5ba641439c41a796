//! What is on its way to a device and is no longer what is wanted of it. Where it was not sent yet it never is; where it was,
//! what is wanted by now waits for what becomes of it: no answer that is lost can so turn the order around. Pure.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::Catalogue;

use crate::model::{CommandState, DevicePolicy, Given, GivenOutcome, PolicyState, SettingRecord};
use crate::policy::reconcile::{Had, HadSetting, Key, State, Together, Wanted, WantedSetting, together};

/// Where the commands stand that carry something.
pub(super) struct Carriers<'a> {
    /// All that are there.
    pub(super) states: &'a BTreeMap<String, CommandState>,
    /// Those that were never sent.
    pub(super) unsent: &'a BTreeSet<String>,
}

impl Carriers<'_> {
    fn is_open(&self, carrier: &str) -> bool {
        self.states.get(carrier).copied().is_some_and(CommandState::is_open)
    }

    /// Whether nothing of what carries a setting was sent.
    pub(super) fn is_unsent(&self, setting: &SettingRecord) -> bool {
        let mut all = setting.first.iter().chain(&setting.carrier);
        setting.carrier.is_some() && all.all(|carrier| self.unsent.contains(carrier))
    }

    /// Whether something of what carries a setting was sent, and nobody knows yet what became of it.
    fn is_under_way(&self, setting: &SettingRecord) -> bool {
        let is_open = setting.carrier.as_ref().is_some_and(|carrier| self.is_open(carrier));
        setting.waits() && is_open && !self.is_unsent(setting)
    }
}

/// The settings that nothing is decided of, because something of them is under way.
#[derive(Debug, Default)]
pub(super) struct Held {
    keys: BTreeSet<String>,
    groups: BTreeMap<Together, String>,
}

/// Takes what is no longer wanted out of what was not sent yet: the device is where it was before. The commands that are not to
/// be sent any more.
pub(super) fn withdraw(
    start: &mut DevicePolicy,
    carriers: &Carriers<'_>,
    wanted: &Wanted,
    catalogue: &Catalogue,
) -> BTreeSet<String> {
    if carriers.unsent.is_empty() {
        return BTreeSet::new();
    }
    let is_new = |key: &str, wanted: &WantedSetting| {
        let token = wanted.value().map(|value| value.token.as_str());
        let given = start.settings.get(key).and_then(|setting| setting.given.as_ref());
        token.is_some() && given.map(|given| given.token.as_str()) != token
    };
    // What comes into an Atomic changes all of it.
    let changed = wanted.iter().filter(|(key, setting)| is_new(key.as_str(), setting));
    let changed: BTreeSet<Together> = changed.filter_map(|(_, setting)| together(setting, catalogue)).collect();
    let is_overtaken = |key: &str, setting: &SettingRecord| {
        let wanted = wanted.get(key);
        let value = wanted.and_then(WantedSetting::value);
        if setting.by.is_empty() {
            return value.is_some();
        }
        let Some(value) = value else { return true };
        let is_same = setting.given.as_ref().is_some_and(|given| given.token == value.token.as_str());
        let group = wanted.filter(|_| !changed.is_empty()).and_then(|wanted| together(wanted, catalogue));
        !is_same || group.is_some_and(|group| changed.contains(&group))
    };
    let mut withdrawn: BTreeSet<String> = BTreeSet::new();
    for (key, setting) in start.settings.iter().filter(|(_, setting)| setting.waits()) {
        let Some(carrier) = &setting.carrier else { continue };
        if carriers.is_unsent(setting) && carriers.is_open(carrier) && is_overtaken(key, setting) {
            let first = setting.first.iter().filter(|first| carriers.is_open(first));
            withdrawn.extend(first.chain([carrier]).cloned());
        }
    }
    if withdrawn.is_empty() {
        return withdrawn;
    }
    start.settings.retain(|_, setting| {
        let is_its = setting.waits() && setting.carrier.as_ref().is_some_and(|carrier| withdrawn.contains(carrier));
        if !is_its {
            return true;
        }
        (setting.carrier, setting.first) = (None, None);
        setting.given = setting.before.take();
        if setting.by.is_empty() {
            setting.by = std::mem::take(&mut setting.was_by);
        }
        let mending = |given: &Given| given.outcome == GivenOutcome::Drifted;
        setting.state = match &setting.given {
            Some(given) if mending(given) => PolicyState::Drifted,
            Some(given) if given.outcome == GivenOutcome::Applied => PolicyState::Applied,
            _ => PolicyState::Pending,
        };
        setting.why = None;
        setting.given.is_some()
    });
    withdrawn
}

/// What is to be left alone, because something of it is under way. Of an Atomic that is all of it.
pub(super) fn held(start: &DevicePolicy, carriers: &Carriers<'_>, wanted: &Wanted, catalogue: &Catalogue) -> Held {
    let under_way = start.settings.iter().filter(|(_, setting)| carriers.is_under_way(setting));
    let keys: BTreeSet<String> = under_way.map(|(key, _)| key.clone()).collect();
    let group = |key: &String| {
        let carrier = start.settings.get(key)?.carrier.clone()?;
        Some((together(wanted.get(key.as_str())?, catalogue)?, carrier))
    };
    let groups = keys.iter().filter_map(group).collect();
    Held { keys, groups }
}

impl Held {
    /// Whether something of this setting is under way.
    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// What carries something of the Atomic of a setting.
    pub(super) fn by(&self, key: &Key, setting: &WantedSetting, catalogue: &Catalogue) -> Option<String> {
        if self.groups.is_empty() || self.has(key.as_str()) {
            return None;
        }
        self.groups.get(&together(setting, catalogue)?).cloned()
    }

    /// What a device has, for who plans: as if it had what is held, or were not to lose it.
    pub(super) fn hide(&self, had: &mut Had, wanted: &Wanted, catalogue: &Catalogue) {
        if self.keys.is_empty() {
            return;
        }
        had.retain(|key, _| wanted.contains_key(key) || !self.has(key.as_str()));
        for (key, setting) in wanted {
            let Some(value) = setting.value() else { continue };
            if self.has(key.as_str()) || self.by(key, setting, catalogue).is_some() {
                let (uri, token) = (setting.uri.clone(), value.token.clone());
                let held = HadSetting { uri, token, state: State::Pending, may_be_there: true, made: None };
                had.insert(key.clone(), held);
            }
        }
    }
}
