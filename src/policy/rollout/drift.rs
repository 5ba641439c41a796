//! What devices have by their own word: what is read back when, and what the answers mean. Pure.

use std::collections::BTreeMap;

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Scope, Setting};
use transom_protocol::session::{CommandState, ItemOutcome, Pending, Timestamp};
use transom_protocol::syncml::redact::redact_value;
use transom_protocol::syncml::{StatusClass, StatusCode, Verb};

use super::decide::Parcel;
use super::watch;
use crate::model::{
    Checked, DevicePolicy, GivenOutcome, MOST_MENDS, PolicyState, ReadVerdict, Reading, Said, SettingRecord,
    WatchedNodes,
};
use crate::policy::reconcile::{
    Agreement, Key, Observed, Policy, Wanted, WantedSetting, agreement, restart, unreadable,
};

/// Most nodes of one Get: few enough for the reply to fit into one message of any client.
const NODES: usize = 16;

/// Bytes of one value that are kept until it is compared.
const LONGEST: usize = 64 * 1024;

/// Bytes of all values of a device that are kept until they are compared.
const MOST_BYTES: usize = 512 * 1024;

/// Characters of a value that are shown.
const SHOWN: usize = 200;

/// How long it takes until a device is looked at again where nothing is read back by plan, in milliseconds: by then
/// somebody may have changed that.
const UNPLANNED: i64 = 24 * 60 * 60 * 1000;

/// When devices are asked for what they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan<'a> {
    /// Where they keep what they watch by themselves; `None`: they are not told to.
    pub(super) watch: Option<&'a LocUri>,
    /// Once they have taken it.
    pub(super) after_applying: bool,
    /// And again each time that this has passed, in milliseconds; `None`: never.
    pub(super) every: Option<i64>,
    /// Tells devices apart, so that not all are asked at the same time.
    pub(super) spread: u64,
}

/// What answers came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// Settings of which the device has something else now.
    pub(super) drifted: Vec<String>,
    /// Settings that were mended, and are as wanted again by the device's own word.
    pub(super) mended: Vec<String>,
    /// Questions whose answers show nothing that anybody would look at.
    pub(super) answered: Vec<String>,
}

impl Plan<'_> {
    /// When all is read back again, after this moment: the same time of each day, or whatever the interval is.
    fn next(self, now: Timestamp) -> Timestamp {
        let every = self.every.unwrap_or(UNPLANNED).max(1);
        let share = i64::try_from(self.spread % every.unsigned_abs()).unwrap_or(0);
        let begun = now.0 - now.0.rem_euclid(every) + share;
        Timestamp(if begun > now.0 { begun } else { begun + every })
    }

    /// Whether it is time for all settings, and when it is the next time.
    pub(super) fn turn(self, sweep_at: Option<Timestamp>, now: Timestamp) -> (bool, Timestamp) {
        match sweep_at {
            Some(at) if at <= now => (self.every.is_some(), self.next(now)),
            // The interval was made shorter.
            Some(at) => (false, at.min(self.next(now))),
            None => (false, self.next(now)),
        }
    }
}

/// Takes what commands of a message say of the settings that they read. Whether that was anything.
pub(super) fn hear(policy: &mut DevicePolicy, commands: &[Pending], now: Timestamp) -> bool {
    let mut any = false;
    let mut kept = 0;
    for command in commands.iter().filter(|command| !command.state.is_open()) {
        let mut answers: Option<BTreeMap<Key, &ItemOutcome>> = None;
        for (key, setting) in &mut policy.settings {
            let Some(reading) = setting.check.reading.as_mut().filter(|reading| reading.said.is_none()) else {
                continue;
            };
            if reading.carrier != command.id.0 {
                continue;
            }
            any = true;
            let answers = answers.get_or_insert_with(|| {
                let items = command.instruction.settings().zip(&command.progress.items);
                items.map(|((_, item), outcome)| (Key::of(&item.target), outcome)).collect()
            });
            let outcome = answers.get(key.as_str()).copied();
            reading.said = Some(said(outcome, &mut kept, now));
        }
    }
    any
}

/// Whether commands of a message are among those that read settings.
pub(super) fn concerns(policy: &DevicePolicy, command: &Pending) -> bool {
    let reads =
        |setting: &SettingRecord| setting.check.reading.as_ref().is_some_and(|reading| reading.carrier == command.id.0);
    policy.settings.values().any(reads)
}

fn said(outcome: Option<&ItemOutcome>, kept: &mut usize, now: Timestamp) -> Said {
    let value = outcome.and_then(|outcome| outcome.result.as_ref()).map(|result| result.data.clone());
    let fits = |value: &String| value.len() <= LONGEST && *kept + value.len() <= MOST_BYTES;
    let is_long = value.as_ref().is_some_and(|value| !fits(value));
    let value = value.filter(fits);
    *kept += value.as_ref().map_or(0, String::len);
    Said { at: now, status: outcome.and_then(|outcome| outcome.status).map(|status| status.0), value, is_long }
}

/// Questions that ended without an answer, or are gone, are no longer waited for.
pub(super) fn lost(policy: &mut DevicePolicy, carriers: &BTreeMap<String, CommandState>) {
    for setting in policy.settings.values_mut().filter(|setting| setting.check.reads()) {
        let carrier = setting.check.reading.as_ref().map(|reading| reading.carrier.as_str()).unwrap_or_default();
        if !carriers.get(carrier).copied().is_some_and(CommandState::is_open) {
            setting.check.reading = None;
        }
    }
}

/// What the answers of a device mean, and what of it is to be mended.
pub(super) fn judge(
    policy: &mut DevicePolicy,
    wanted: &Wanted,
    wanted_by: &Policy,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Found {
    let mut found = Found::default();
    let mut shows: BTreeMap<String, bool> = BTreeMap::new();
    let told = policy.settings.values().filter(|setting| setting.check.was_told());
    shows.extend(told.filter_map(|setting| Some((setting.check.reading.as_ref()?.carrier.clone(), false))));
    for (key, wanted) in wanted {
        let Some(setting) = policy.settings.get_mut(key.as_str()) else { continue };
        let told = setting.check.reading.take_if(|reading| reading.said.is_some());
        if let Some(Reading { carrier, said: Some(said) }) = told
            && let Some(checked) = of_current(setting, wanted, &said, catalogue)
        {
            if checked.verdict == ReadVerdict::Drifted {
                shows.insert(carrier.clone(), true);
            }
            take(setting, checked, carrier, &mut found, now);
        }
        // Somebody may have changed what is to be done about it.
        if !drifted(setting) || setting.check.is_mending() {
            continue;
        }
        setting.why = Some(if !wanted_by.mends(&wanted.by) {
            REPORTED.to_owned()
        } else if setting.check.mend(now) {
            MENDING.to_owned()
        } else {
            format!(
                "something on the device changes it back: it was mended {MOST_MENDS} times within a day; until \
                 that day is over this is only told"
            )
        });
    }
    let silent = shows.into_iter().filter(|(_, shows)| !shows);
    found.answered = silent.map(|(carrier, _)| carrier).collect();
    found
}

/// What is said of a setting that is being mended.
pub(super) const MENDING: &str = "the device has something else; what is wanted is on its way to it again";

/// What is said of a setting that is not to be mended.
const REPORTED: &str = "the device has something else, which its configuration wants to be told and not mended";

/// What is said of a setting that the device has taken and does not show yet.
pub(super) const RESTART: &str =
    "it takes effect with the next restart of the device, which shows what it had until then";

fn drifted(setting: &SettingRecord) -> bool {
    setting.given.as_ref().is_some_and(|given| given.outcome == GivenOutcome::Drifted)
}

/// What an answer says, if it is of what is wanted now and the device had taken that.
fn of_current(setting: &SettingRecord, wanted: &WantedSetting, said: &Said, catalogue: &Catalogue) -> Option<Checked> {
    let value = wanted.value()?;
    let given = setting.given.as_ref()?;
    let is_taken = matches!(given.outcome, GivenOutcome::Applied | GivenOutcome::Drifted);
    if !is_taken || given.token != value.token.as_str() {
        return None;
    }
    let mut checked =
        Checked { at: said.at, verdict: ReadVerdict::Same, wanted: None, observed: None, why: None, carrier: None };
    let mut unknown = |why: String| {
        checked.verdict = ReadVerdict::NotVerifiable;
        checked.why = Some(why);
    };
    let observed = match (said.status.map(StatusCode), &said.value) {
        (Some(StatusCode(404)), _) => Some(Observed::Missing),
        (Some(status), Some(said)) if status.class() == StatusClass::Done => Some(Observed::Value(said)),
        (Some(status), None) if status.class() == StatusClass::Done && value.data.is_none() => {
            Some(Observed::Value(""))
        }
        (Some(status), None) if status.class() == StatusClass::Done && said.is_long => {
            unknown("what the device has is too long to be compared".to_owned());
            None
        }
        (Some(status), _) if status.class() != StatusClass::Done => {
            unknown(format!("the device answered {status}"));
            None
        }
        _ => {
            unknown("the device did not say its value".to_owned());
            None
        }
    };
    let Some(observed) = observed else { return Some(checked) };
    // It may not have restarted since it took it; only what it has shown once can have been changed by somebody.
    let waits = given.outcome == GivenOutcome::Applied && !setting.check.shown && restart(value, catalogue).is_some();
    match agreement(value, observed, catalogue) {
        Agreement::Same => {}
        Agreement::Hidden => unknown("the device hides its value".to_owned()),
        Agreement::Drifted => {
            checked.verdict = if waits { ReadVerdict::NotVerifiable } else { ReadVerdict::Drifted };
            checked.why = waits.then(|| RESTART.to_owned());
            let shown = |text: &str| redact_value(wanted.uri.as_str(), text).chars().take(SHOWN).collect::<String>();
            checked.wanted = value.data.as_deref().map(shown);
            if let Observed::Value(said) = observed {
                checked.observed = Some(shown(said));
            }
        }
    }
    Some(checked)
}

fn take(setting: &mut SettingRecord, mut checked: Checked, carrier: String, found: &mut Found, now: Timestamp) {
    let was_drifted = drifted(setting);
    match checked.verdict {
        ReadVerdict::Drifted => {
            setting.check.shown = false;
            checked.carrier = Some(carrier);
            if !was_drifted {
                found.drifted.push(setting.uri.clone());
                setting.since = now;
            }
            if let Some(given) = &mut setting.given {
                given.outcome = GivenOutcome::Drifted;
            }
            setting.state = PolicyState::Drifted;
            // Mended it was, and it is not as wanted: that was no mending.
            if let Some(mending) = &mut setting.check.mending {
                mending.open = false;
            }
        }
        ReadVerdict::Same => {
            setting.check.shown = true;
            if setting.is_accepted() {
                (setting.status, setting.original_error, setting.why) = (None, None, None);
            }
            if setting.check.is_mending() || was_drifted {
                found.mended.push(setting.uri.clone());
            }
            if let Some(mending) = &mut setting.check.mending {
                mending.open = false;
            }
            if was_drifted {
                if let Some(given) = &mut setting.given {
                    given.outcome = GivenOutcome::Applied;
                }
                (setting.state, setting.since, setting.why) = (PolicyState::Applied, now, None);
            }
        }
        ReadVerdict::NotVerifiable => {}
    }
    setting.check.last = Some(checked);
}

/// The questions to a device: for what it has taken and was not asked for since, or for all that it has.
pub(super) fn ask(
    settings: &mut BTreeMap<String, SettingRecord>,
    watched: &mut WatchedNodes,
    (wanted, catalogue): (&Wanted, &Catalogue),
    plan: Plan<'_>,
    all: bool,
    now: Timestamp,
) -> (Option<watch::Step>, Vec<Parcel>) {
    let mut asked: [Vec<(String, LocUri)>; 2] = [Vec::new(), Vec::new()];
    for (key, setting) in wanted {
        let Some(record) = settings.get_mut(key.as_str()) else { continue };
        let is_taken = record.given.as_ref().is_some_and(|given| {
            let is_current = record.wanted.as_ref() == Some(&given.token);
            is_current && matches!(given.outcome, GivenOutcome::Applied | GivenOutcome::Drifted)
        });
        let is_new = record.check.unread && plan.after_applying || record.check.changed;
        if is_taken {
            (record.check.unread, record.check.changed) = (false, false);
        }
        if !is_taken || !(is_new || all) || record.check.reading.is_some() {
            continue;
        }
        let Some(value) = setting.value() else { continue };
        if let Some(why) = unreadable(setting, value, catalogue) {
            let is_known = record.check.last.as_ref().is_some_and(|last| last.why.as_ref() == Some(&why));
            if !is_known {
                let verdict = ReadVerdict::NotVerifiable;
                let (at, why) = (now, Some(why));
                record.check.last = Some(Checked { at, verdict, wanted: None, observed: None, why, carrier: None });
            }
            continue;
        }
        let of_user = usize::from(setting.uri.scope() == Scope::User);
        if let Some(asked) = asked.get_mut(of_user) {
            asked.push((key.as_str().to_owned(), setting.uri.clone()));
        }
    }
    let [of_device, _] = &mut asked;
    let root = plan.watch.filter(|_| all);
    let step = root.and_then(|root| watch::step(watched, root, of_device, format!("{:x}-{:x}", now.0, plan.spread)));
    let parcel = |some: &[(String, LocUri)]| {
        let item = |(_, uri): &(String, LocUri)| Setting::bare(uri.clone());
        let items = some.iter().map(item).collect();
        let operation = Operation { verb: Verb::Get, items, if_exists: IfExists::Fail };
        Parcel {
            instruction: Instruction::Single(operation),
            settings: some.iter().map(|(key, _)| key.clone()).collect(),
        }
    };
    (step, asked.iter().flat_map(|asked| asked.chunks(NODES)).map(parcel).collect())
}
