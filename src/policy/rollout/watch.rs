//! Devices that watch nodes by themselves (CSP `NodeCache`): one question tells which of them have changed, and only those are
//! read. Pure.
//!
//! A device is told which nodes to watch where all of them are read anyway, right before they are read: what it then expects
//! is what it has at that moment, and what it has is compared right afterwards, so that nothing slips in between. Nodes that
//! were changed since, by us or by others, count as changed and are read; when they become many, it is told anew.

use std::collections::BTreeMap;

use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::session::{CommandState, Pending, Timestamp};
use transom_protocol::syncml::{Format, Verb};

use crate::model::{Checked, DevicePolicy, GivenOutcome, ReadVerdict, WatchSaid, WatchState, WatchedNodes};

/// Fewer are read faster than they are watched.
const FEWEST: usize = 8;

/// Most nodes that a device is told to watch.
const MOST: usize = 500;

/// Items of one command.
const ITEMS: usize = 20;

/// Bytes of what a device says has changed that are looked at.
const LONGEST: usize = 16 * 1024;

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// It is told what to watch.
    Build(Vec<Instruction>),
    /// It is asked what has changed.
    Ask(Instruction),
}

/// What is to be sent to a device of which all these settings are to be verified; what remains to be read.
pub(super) fn step(
    watched: &mut WatchedNodes,
    root: &LocUri,
    all: &mut Vec<(String, LocUri)>,
    version: String,
) -> Option<Step> {
    let fits = (FEWEST..=MOST).contains(&all.len());
    if !fits || watched.state == WatchState::Unable || watched.carriers().next().is_some() {
        return None;
    }
    if watched.state == WatchState::Ready && all.iter().all(|(key, _)| watched.nodes.contains_key(key)) {
        all.clear();
        let items = ["CacheVersion", "ChangedNodes"].into_iter().filter_map(|name| item(root, name, None)).collect();
        return Some(Step::Ask(single(Verb::Get, items)));
    }
    *watched = WatchedNodes { state: WatchState::Building, version, ..WatchedNodes::default() };
    for ((key, _), number) in all.iter().zip(1..) {
        watched.nodes.insert(key.clone(), number);
    }
    Some(Step::Build(build(root, all, &watched.version)))
}

fn build(root: &LocUri, all: &[(String, LocUri)], version: &str) -> Vec<Instruction> {
    let node = Some((Format::Node, None));
    let mut items: Vec<Setting> = item(root, "", node.clone()).into_iter().collect();
    for ((_, uri), number) in all.iter().zip(1..) {
        let text = Some((Format::Chr, Some(uri.as_str().to_owned())));
        items.extend(item(root, &format!("Nodes/{number}"), node.clone()));
        items.extend(item(root, &format!("Nodes/{number}/NodeURI"), text));
        items.extend(item(root, &format!("Nodes/{number}/AutoSetExpectedValue"), Some((Format::Null, None))));
    }
    let gone = single(Verb::Delete, item(root, "", None).into_iter().collect());
    let told = items.chunks(ITEMS).map(|some| single(Verb::Add, some.to_vec()));
    let version = item(root, "CacheVersion", Some((Format::Chr, Some(version.to_owned()))));
    let last = single(Verb::Replace, version.into_iter().collect());
    std::iter::once(gone).chain(told).chain(std::iter::once(last)).collect()
}

fn single(verb: Verb, items: Vec<Setting>) -> Instruction {
    Instruction::Single(Operation { verb, items, if_exists: IfExists::Fail })
}

fn item(root: &LocUri, below: &str, value: Option<(Format, Option<String>)>) -> Option<Setting> {
    let target = if below.is_empty() { root.clone() } else { format!("{}/{below}", root.path()).parse().ok()? };
    let (format, data) = value.map_or((None, None), |(format, data)| (Some(format), data));
    Some(Setting { target, format, mime: None, data })
}

/// Takes what commands of a message say of what a device watches. Whether that was anything.
pub(super) fn hear(watched: &mut WatchedNodes, commands: &[Pending], now: Timestamp) -> bool {
    let mut any = false;
    for command in commands.iter().filter(|command| !command.state.is_open()) {
        if watched.building.contains(&command.id.0) {
            any = true;
            watched.building.retain(|id| *id != command.id.0);
            if command.state == CommandState::Succeeded {
                watched.done.push(command.id.0.clone());
                if watched.building.is_empty() {
                    watched.state = WatchState::Ready;
                }
            } else {
                *watched = unable();
            }
        } else if watched.question.as_deref() == Some(command.id.0.as_str()) {
            any = true;
            watched.done.extend(watched.question.take());
            let value = |place: usize| {
                let result = command.progress.items.get(place)?.result.as_ref()?;
                (!result.chunked && result.data.len() <= LONGEST).then_some(result.data.as_str())
            };
            let numbers = |text: &str| -> Option<Vec<u32>> {
                text.split(',').map(str::trim).filter(|number| !number.is_empty()).map(|it| it.parse().ok()).collect()
            };
            let (version, changed) = (value(0).map(str::to_owned), value(1).and_then(numbers));
            watched.said = Some(WatchSaid { at: now.0, version, changed });
        }
    }
    any
}

fn unable() -> WatchedNodes {
    WatchedNodes { state: WatchState::Unable, ..WatchedNodes::default() }
}

/// What ended without an answer is not waited for: then nobody knows what the device watches.
pub(super) fn lost(watched: &mut WatchedNodes, carriers: &BTreeMap<String, CommandState>) {
    let is_open = |id: &String| carriers.get(id).copied().is_some_and(CommandState::is_open);
    if !watched.carriers().all(is_open) {
        *watched = WatchedNodes::default();
    }
}

/// What the answer of a device means: what has not changed is as it was found; what has is to be read.
pub(super) fn judge(policy: &mut DevicePolicy) {
    let Some(said) = policy.watched.said.take() else { return };
    let is_ours = said.version.as_ref() == Some(&policy.watched.version) && !policy.watched.version.is_empty();
    let changed = said.changed.filter(|_| is_ours);
    let nodes = std::mem::take(&mut policy.watched.nodes);
    for (key, setting) in &mut policy.settings {
        let Some(number) = nodes.get(key) else { continue };
        let Some(given) = &setting.given else { continue };
        if !matches!(given.outcome, GivenOutcome::Applied | GivenOutcome::Drifted) {
            continue;
        }
        let is_same = changed.as_ref().is_some_and(|changed| !changed.contains(number))
            && given.outcome == GivenOutcome::Applied
            && setting.check.reading.is_none();
        match &mut setting.check.last {
            Some(last) if is_same && last.verdict == ReadVerdict::Same => {
                *last = Checked { at: Timestamp(said.at), ..last.clone() };
            }
            _ => setting.check.changed = true,
        }
    }
    match changed {
        Some(changed) if changed.len() <= nodes.len() / 4 => policy.watched.nodes = nodes,
        // It is told anew when all is read the next time.
        _ => policy.watched = WatchedNodes::default(),
    }
}
