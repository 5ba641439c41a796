//! What is to be sent again although nothing else is wanted of it, because what it went with is another by now: a template,
//! or settings of the same Atomic. Pure.

use std::collections::BTreeSet;

use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::Catalogue;

use crate::model::{DevicePolicy, GivenOutcome, SettingRecord};
use crate::policy::declaration::{Area, Ingestion};
use crate::policy::reconcile::{Key, Together, Wanted, WantedSetting, WantedValue, together};

/// The templates that a device has taken, by their folded address.
pub(super) type Templates = BTreeSet<String>;

/// Forgets what became of settings that are to be sent again. `had` are the templates that the device had taken before.
pub(super) fn forget(start: &mut DevicePolicy, had: &Templates, wanted: &Wanted, catalogue: &Catalogue) {
    let is_nothing = |setting: &SettingRecord| !setting.by.is_empty() && has(setting, &[GivenOutcome::NotHere]);
    if start.settings.values().any(is_nothing) {
        // What the device does not have need not be taken from it.
        start.settings.retain(|key, setting| wanted.contains_key(key.as_str()) || !is_nothing(setting));
    }
    when_templates_came(start, had);
    let going = wanted.iter().filter(|(key, setting)| {
        let value = setting.value();
        value.is_some_and(|value| is_sent(start, key, value)) && Ingestion::of(&setting.uri).is_some()
    });
    let going: BTreeSet<Area> = going.filter_map(|(_, setting)| Area::given_by(&setting.uri)).collect();
    of_areas(start, &going);
    groups(start, wanted, catalogue);
}

/// The templates that a device has taken.
pub(super) fn templates(policy: &DevicePolicy) -> Templates {
    let taken = policy.settings.iter().filter(|(key, setting)| {
        let is_taken = !setting.by.is_empty() && has(setting, &[GivenOutcome::Applied, GivenOutcome::Drifted]);
        is_taken && template(key, setting).is_some()
    });
    taken.map(|(key, _)| key.clone()).collect()
}

/// What the device refused or did not know may be there since it has taken the template that it belongs to.
pub(super) fn when_templates_came(policy: &mut DevicePolicy, had: &Templates) {
    let new: Templates = templates(policy).difference(had).cloned().collect();
    let came = policy.settings.iter().filter(|(key, _)| new.contains(*key));
    let came: BTreeSet<Area> = came.filter_map(|(key, setting)| template(key, setting)).collect();
    of_areas(policy, &came);
}

/// Why it can't be said of a setting of a template that the device does not have it: that the template is not there.
pub(super) fn missing_template(policy: &DevicePolicy, key: &str) -> Option<String> {
    let uri: LocUri = policy.settings.get(key)?.uri.parse().ok()?;
    let area = Area::of(&uri)?;
    let own = policy.settings.iter().filter(|(key, setting)| template(key, setting).as_ref() == Some(&area));
    let own: Vec<&SettingRecord> = own.map(|(_, setting)| setting).filter(|setting| !setting.by.is_empty()).collect();
    if own.is_empty() {
        return Some(format!("it belongs to a template {area}, which no declaration gives this device"));
    }
    let missing = own.iter().find(|setting| !has(setting, &[GivenOutcome::Applied, GivenOutcome::Drifted]))?;
    Some(format!("the device has not taken the template that it belongs to, {}", missing.uri))
}

fn of_areas(policy: &mut DevicePolicy, areas: &BTreeSet<Area>) {
    if areas.is_empty() {
        return;
    }
    for setting in policy.settings.values_mut().filter(|setting| has_failed(setting)) {
        let own = setting.uri.parse().ok().and_then(|uri: LocUri| Area::of(&uri));
        if own.is_some_and(|own| areas.contains(&own)) {
            setting.send_again();
        }
    }
}

/// What failed as a whole is sent as a whole again, as soon as any part of it is another: a part of it that went alone would
/// be neither all nor nothing.
fn groups(start: &mut DevicePolicy, wanted: &Wanted, catalogue: &Catalogue) {
    let failed = |setting: &SettingRecord| setting.with_others || setting.because_of.is_some();
    if !start.settings.values().any(failed) {
        return;
    }
    let mut going: BTreeSet<Together> = BTreeSet::new();
    for (key, setting) in wanted {
        if setting.value().is_some_and(|value| is_sent(start, key, value)) {
            going.extend(together(setting, catalogue));
        }
    }
    let fails = |key: &str| {
        let setting = start.settings.get(key).filter(|setting| has_failed(setting));
        let given = setting.and_then(|setting| setting.given.as_ref());
        let value = wanted.get(key).and_then(WantedSetting::value);
        given.is_some_and(|given| value.is_some_and(|value| value.token.as_str() == given.token))
    };
    let others = start.settings.iter().filter(|(key, setting)| setting.with_others && !fails(key));
    let torn: BTreeSet<&String> = others.filter_map(|(_, setting)| setting.carrier.as_ref()).collect();
    let mut again: Vec<String> = Vec::new();
    for (key, setting) in wanted {
        let key = key.as_str();
        let record = start.settings.get(key).filter(|record| has_failed(record) && failed(record));
        let Some(record) = record else { continue };
        let is_torn = record.with_others && record.carrier.as_ref().is_some_and(|carrier| torn.contains(carrier));
        let culprit = record.because_of.as_ref().and_then(|uri| uri.parse::<LocUri>().ok());
        let is_mended = culprit.is_some_and(|uri| !fails(Key::of(&uri).as_str()));
        if is_torn || is_mended || together(setting, catalogue).is_none_or(|group| going.contains(&group)) {
            again.push(key.to_owned());
        }
    }
    for key in again {
        if let Some(setting) = start.settings.get_mut(&key) {
            setting.send_again();
        }
    }
}

/// Whether a setting is sent anyway, because something else is wanted than it was given.
fn is_sent(policy: &DevicePolicy, key: &Key, value: &WantedValue) -> bool {
    let known = policy.settings.get(key.as_str()).filter(|setting| !setting.by.is_empty());
    let given = known.and_then(|setting| setting.given.as_ref());
    given.is_none_or(|given| given.token != value.token.as_str())
}

fn has(setting: &SettingRecord, outcomes: &[GivenOutcome]) -> bool {
    setting.given.as_ref().is_some_and(|given| outcomes.contains(&given.outcome))
}

fn has_failed(setting: &SettingRecord) -> bool {
    !setting.by.is_empty() && has(setting, &[GivenOutcome::Failed, GivenOutcome::NotHere])
}

/// Of a setting that is a template.
fn template(key: &str, setting: &SettingRecord) -> Option<Area> {
    if !key.contains("/admxinstall/") {
        return None;
    }
    Area::given_by(&setting.uri.parse().ok()?)
}
