//! What is to be sent to a device: the difference between what it is to have and what it has, as commands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use transom_protocol::csp::catalogue::{Catalogue, NodeId};
use transom_protocol::csp::ddf::{Access, Naming, NodeName, Reboot};
use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Scope, Setting};
use transom_protocol::syncml::{Format, GroupKind, Verb};

use super::{Had, HadSetting, Key, Policy, Standing, State, Wanted, WantedSetting, WantedValue};
use crate::policy::declaration::Ingestion;

/// Most settings of one command.
pub const BATCH: usize = 20;

/// What is to be sent, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The commands.
    pub steps: Vec<Step>,
    /// Settings that are no longer wanted and can't be taken back.
    pub kept: Vec<Kept>,
    /// Settings that are no longer wanted, can't be deleted and are set to their default, and that this is so.
    pub defaults: BTreeMap<Key, String>,
    /// Nodes that are no longer wanted by themselves, and stay because of what is wanted below them.
    pub needed: BTreeSet<Key>,
    /// Settings of which nobody can say whether they are still wanted, because something in an address is not known: they
    /// stay as they are.
    pub undecided: BTreeSet<Key>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is sent.
    pub instruction: Instruction,
    /// The settings that it is about.
    pub settings: Vec<Key>,
    /// It takes back what is no longer wanted.
    pub retracts: bool,
    /// What it does to the running system.
    pub reboot: Option<Reboot>,
}

/// A setting that can't be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its address.
    pub uri: LocUri,
    /// Why.
    pub why: String,
}

/// What is to be sent so that a device has what is wanted.
pub fn plan(policy: &Policy, wanted: &Wanted, had: &Had, catalogue: &Catalogue) -> Plan {
    let mut plan = Plan::default();
    retract(&mut plan, wanted, had, catalogue);
    let changed = wanted.iter().filter_map(|(key, setting)| {
        let value = setting.value()?;
        let before = had.get(key);
        needs_sending(value, before).then_some(Change { key, setting, value, before })
    });
    apply(&mut plan, in_order(&changed.collect::<Vec<_>>(), policy, catalogue), catalogue);
    plan
}

/// A setting that is to be sent.
#[derive(Clone, Copy)]
struct Change<'a> {
    key: &'a Key,
    setting: &'a WantedSetting,
    value: &'a WantedValue,
    before: Option<&'a HadSetting>,
}

fn needs_sending(value: &WantedValue, before: Option<&HadSetting>) -> bool {
    before.is_none_or(|before| before.token != value.token || before.state == State::Drifted)
}

/// Templates before the settings in them, nodes before what stands below them, what makes a thing before what can only be
/// changed in it, what others depend on before these, the device before its user.
fn in_order<'a>(changes: &[Change<'a>], policy: &Policy, catalogue: &Catalogue) -> Vec<Change<'a>> {
    let mut of_node: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
    for (place, change) in changes.iter().enumerate() {
        if let Some(node) = change.value.node {
            of_node.entry(node).or_default().push(place);
        }
    }
    let rank = |change: &Change<'_>| {
        let uri = &change.setting.uri;
        let waits = change.value.data.is_some() && only_changes(change, catalogue);
        (uri.scope() == Scope::User, !is_template(uri), change.value.data.is_some(), waits, starts_something(uri))
    };
    let mut first: Vec<usize> = (0..changes.len()).collect();
    first.sort_by_key(|place| changes.get(*place).map(|change| (rank(change), change.key)));
    let mut ordered = Vec::with_capacity(changes.len());
    let mut done = vec![false; changes.len()];
    for place in first {
        // A chain of dependencies is short; one that comes back to its beginning ends where it does so.
        let mut open = vec![(place, false)];
        while let Some((place, ready)) = open.pop() {
            let Some(change) = changes.get(place) else { continue };
            if ready {
                ordered.push(*change);
                continue;
            }
            if std::mem::replace(&mut done[place], true) {
                continue;
            }
            open.push((place, true));
            let on = change.value.node.and_then(|node| policy.dependencies.get(&node));
            for other in on.into_iter().flatten().filter_map(|node| of_node.get(node)).flatten() {
                let same_scope = changes.get(*other).is_some_and(|other| rank(other).0 == rank(change).0);
                if same_scope && !done[*other] {
                    open.push((*other, false));
                }
            }
        }
    }
    ordered
}

/// Whether it can't make the thing that it belongs to: a firewall rule is there once its name or its ports are written, and
/// then what it does can be.
fn only_changes(change: &Change<'_>, catalogue: &Catalogue) -> bool {
    let access = access(change.value, catalogue);
    let of_a_thing = || catalogue.known(&change.setting.uri).is_some_and(|hit| !hit.chosen.is_empty());
    access.allows(Verb::Replace) && !access.allows(Verb::Add) && of_a_thing()
}

/// Whether writing it begins what all settings beside it are for: a PFX is installed when its content is written.
fn starts_something(uri: &LocUri) -> bool {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    name.eq_ignore_ascii_case("PFXCertBlob")
}

/// What has to be in one Atomic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Together {
    /// An activation that applies all or nothing, and the scope: they never share one.
    Activation(String, bool),
    /// A node that is to be written in one Atomic, with all below it.
    Node(Key),
}

fn apply(plan: &mut Plan, changes: Vec<Change<'_>>, catalogue: &Catalogue) {
    let mut groups: BTreeMap<Together, usize> = BTreeMap::new();
    for change in changes {
        let access = access(change.value, catalogue);
        let reboot =
            change.value.node.and_then(|node| catalogue.describe(node)).and_then(|node| node.properties.reboot);
        let together = together(change.setting, catalogue);
        let operations = operations(&change, access, together.is_some(), catalogue);
        if let Some(together) = together {
            if let Some(step) = groups.get(&together).and_then(|place| plan.steps.get_mut(*place)) {
                step.extend(operations, change.key, reboot);
                continue;
            }
            groups.insert(together, plan.steps.len());
            let instruction = Instruction::Group { kind: GroupKind::Atomic, operations };
            plan.steps.push(Step { instruction, settings: vec![change.key.clone()], retracts: false, reboot });
            continue;
        }
        for operation in operations {
            plan.push(operation, change.key, false, reboot);
        }
    }
}

/// The verbs that take a value to its node.
fn operations(change: &Change<'_>, access: Access, in_atomic: bool, catalogue: &Catalogue) -> Vec<Operation> {
    let item = Setting {
        target: change.setting.uri.clone(),
        format: Some(change.value.format.clone()),
        mime: change.value.mime.clone(),
        data: change.value.data.clone(),
    };
    let add = |if_exists| Operation { verb: Verb::Add, items: vec![item.clone()], if_exists };
    let replace = || Operation { verb: Verb::Replace, items: vec![item.clone()], if_exists: IfExists::Fail };
    let was_there = change.before.is_some_and(|before| before.state != State::Failed);
    if change.value.data.is_none() {
        // A node that is there already is as good as one that was made.
        return vec![add(IfExists::Replace)];
    }
    if access.is_empty() || access.allows(Verb::Replace) {
        // Some providers answer 404 to a Replace of what belongs to a thing that is not there yet (a certificate, an account).
        let is_known = change.before.is_some_and(|before| before.state == State::Applied);
        let of_a_thing = || catalogue.known(&change.setting.uri).is_some_and(|hit| !hit.chosen.is_empty());
        let makes = access.allows(Verb::Add) && !is_known && of_a_thing();
        return vec![if makes { add(IfExists::Replace) } else { replace() }];
    }
    if !access.allows(Verb::Add) {
        // Its author insists.
        return vec![replace()];
    }
    // What can't be replaced is taken away and made anew.
    if was_there && access.allows(Verb::Delete) {
        let target = Setting::bare(item.target.clone());
        return vec![
            Operation { verb: Verb::Delete, items: vec![target], if_exists: IfExists::Fail },
            add(IfExists::Fail),
        ];
    }
    vec![add(if in_atomic { IfExists::Fail } else { IfExists::Replace })]
}

fn access(value: &WantedValue, catalogue: &Catalogue) -> Access {
    let described = value.node.and_then(|node| catalogue.describe(node));
    described.map(|described| described.properties.access).unwrap_or_default()
}

/// The Atomic that a setting has to be in, if it has to be in one and can be had.
pub fn together(setting: &WantedSetting, catalogue: &Catalogue) -> Option<Together> {
    setting.value()?;
    belongs_to(setting, catalogue)
}

/// The Atomic that a setting has to be in, if it has to be in one.
pub(super) fn belongs_to(setting: &WantedSetting, catalogue: &Catalogue) -> Option<Together> {
    let is_user = setting.uri.scope() == Scope::User;
    // The settings of a template exist when the device has taken it, and not before.
    if is_template(&setting.uri) {
        return None;
    }
    if let Some(activation) = &setting.all_or_none {
        return Some(Together::Activation(activation.to_string(), is_user));
    }
    let node = match setting.value() {
        Some(value) => value.node?,
        None => catalogue.known(&setting.uri)?.node,
    };
    if !catalogue.is_atomic(node) {
        return None;
    }
    // The node that says so stands somewhere above: the highest that is still in the Atomic.
    let mut highest = setting.uri.clone();
    while let Some(above) = parent(&highest) {
        match catalogue.known(&above) {
            Some(hit) if catalogue.is_atomic(hit.node) => highest = above,
            _ => break,
        }
    }
    Some(Together::Node(Key::of(&highest)))
}

fn parent(uri: &LocUri) -> Option<LocUri> {
    let (above, _) = uri.path().rsplit_once('/')?;
    above.parse().ok()
}

/// Takes back what a device has and is not to have.
fn retract(plan: &mut Plan, wanted: &Wanted, had: &Had, catalogue: &Catalogue) {
    // What is still wanted and can't be had for now stays as it is.
    let mut gone: Vec<(&Key, &HadSetting)> =
        had.iter().filter(|(key, setting)| setting.may_be_there && !wanted.contains_key(*key)).collect();
    // What stands below goes first, and templates after the settings in them.
    gone.sort_by(|one, other| is_template(&one.1.uri).cmp(&is_template(&other.1.uri)).then_with(|| other.0.cmp(one.0)));
    let mut deleted: BTreeSet<Key> = BTreeSet::new();
    let mut planned: Vec<(Operation, Key)> = Vec::new();
    let open: Vec<&Key> = wanted.iter().filter(|(_, setting)| is_undecided(setting)).map(|(key, _)| key).collect();
    for (key, setting) in gone {
        if open.iter().any(|pattern| pattern.may_be(key)) {
            plan.undecided.insert(key.clone());
            continue;
        }
        if deleted.iter().any(|above| above == key || key.is_below(above)) {
            continue;
        }
        let made = |above: &Key| {
            let its = || had.get(above).into_iter().chain(below(had, above).map(|(_, own)| own)).map(|own| own.made);
            its().any(|made| made == Some(true)) && its().all(|made| made != Some(false))
        };
        match way_back(setting, wanted, &open, &made, catalogue) {
            WayBack::Delete(target) => {
                let above = Key::of(&target);
                // What is deleted above takes with it what was planned below.
                planned.retain(|(_, key)| !key.is_below(&above));
                let item = Setting::bare(target);
                planned.push((
                    Operation { verb: Verb::Delete, items: vec![item], if_exists: IfExists::Fail },
                    above.clone(),
                ));
                deleted.insert(above);
            }
            WayBack::Default(item) => {
                let value = item.data.as_deref().unwrap_or_default();
                let why = format!("it can't be deleted, and is set to what its description calls the default: {value}");
                plan.defaults.insert(key.clone(), why);
                let operation = Operation { verb: Verb::Replace, items: vec![item], if_exists: IfExists::Fail };
                planned.push((operation, key.clone()));
            }
            WayBack::Needed => drop(plan.needed.insert(key.clone())),
            WayBack::None(why) => plan.kept.push(Kept { uri: setting.uri.clone(), why: why.to_owned() }),
        }
    }
    for user in [false, true] {
        for (operation, key) in planned.iter().filter(|(operation, _)| is_user(operation) == user) {
            plan.push(operation.clone(), key, true, None);
        }
    }
}

enum WayBack {
    Delete(LocUri),
    Default(Setting),
    /// What is wanted below it would go with it.
    Needed,
    None(&'static str),
}

/// What stands below a node, of what is kept by key.
fn below<'a, T>(all: &'a BTreeMap<Key, T>, above: &Key) -> impl Iterator<Item = (&'a Key, &'a T)> {
    let from = format!("{}/", above.as_str());
    let its = all.range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded));
    its.take_while(move |(key, _)| key.as_str().starts_with(&from))
}

/// Whether its address is not known, because something in it is not.
fn is_undecided(setting: &WantedSetting) -> bool {
    matches!(setting.standing, Standing::Unresolved(_)) && setting.uri.path().contains("${")
}

/// Whether the device is managed through it: its account, and the server that it reports to.
fn is_management(key: &Key) -> bool {
    let below = |root: &str| key.as_str().strip_prefix(root).is_some_and(|name| !name.contains('/'));
    below("./device/vendor/msft/dmclient/provider/") || below("./syncml/dmacc/")
}

/// `open` are the addresses that are wanted and not known; `made` says whether the device made a thing for us.
fn way_back(
    had: &HadSetting,
    wanted: &Wanted,
    open: &[&Key],
    made: &dyn Fn(&Key) -> bool,
    catalogue: &Catalogue,
) -> WayBack {
    let uri = &had.uri;
    if is_management(&Key::of(uri)) {
        return WayBack::None("the device is managed through it: it stays");
    }
    let has_below =
        |above: &Key| below(wanted, above).next().is_some() || open.iter().any(|pattern| pattern.may_be_below(above));
    if has_below(&Key::of(uri)) {
        return WayBack::Needed;
    }
    let Some(hit) = catalogue.known(uri) else { return WayBack::Delete(uri.clone()) };
    let Some(described) = catalogue.describe(hit.node) else { return WayBack::Delete(uri.clone()) };
    let properties = described.properties;
    if properties.access.is_empty() || properties.access.allows(Verb::Delete) {
        if properties.format == Format::Node && had.made == Some(false) {
            return WayBack::None("it was on the device before, with what is in it: it stays");
        }
        return WayBack::Delete(hit.uri);
    }
    // A leaf that can't be deleted goes with the thing that it belongs to, where that came from us and nothing else of it is
    // wanted.
    let mut above = parent(uri);
    while let Some(uri) = above {
        let key = Key::of(&uri);
        if wanted.contains_key(&key) || has_below(&key) || is_management(&key) {
            break;
        }
        if let Some(hit) = catalogue.known(&uri)
            && let Some(described) = catalogue.describe(hit.node)
            && let NodeName::Dynamic { naming, .. } = described.name
            && *naming != Some(Naming::ClientInventory)
            && described.properties.access.allows(Verb::Delete)
            && made(&key)
        {
            return WayBack::Delete(hit.uri);
        }
        above = parent(&uri);
    }
    match &properties.default {
        Some(default) if properties.access.allows(Verb::Replace) => WayBack::Default(Setting {
            target: hit.uri,
            format: Some(properties.format.clone()),
            mime: properties.mime.clone().filter(|mime| !mime.is_empty()),
            data: Some(default.clone()),
        }),
        _ => WayBack::None("the node can't be deleted and its description has no default: it stays as it is"),
    }
}

fn is_template(uri: &LocUri) -> bool {
    Ingestion::of(uri).is_some()
}

/// Whether it gives a template to a device, or takes one back: that is done before anything else goes on.
fn of_template(operation: &Operation) -> bool {
    operation.items.first().is_some_and(|item| is_template(&item.target))
}

fn is_user(operation: &Operation) -> bool {
    operation.items.first().is_some_and(|item| item.target.scope() == Scope::User)
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Puts an operation into the last command where it belongs with it, or into one of its own.
    fn push(&mut self, operation: Operation, key: &Key, retracts: bool, reboot: Option<Reboot>) {
        let user = is_user(&operation);
        if let Some(Step { instruction: Instruction::Single(last), settings, retracts: before, reboot: None }) =
            self.steps.last_mut()
            && reboot.is_none()
            && *before == retracts
            && (last.verb, last.if_exists) == (operation.verb, operation.if_exists)
            && is_user(last) == user
            && !of_template(last)
            && !of_template(&operation)
            && last.items.len() < BATCH
        {
            last.items.extend(operation.items);
            settings.push(key.clone());
            return;
        }
        let settings = vec![key.clone()];
        self.steps.push(Step { instruction: Instruction::Single(operation), settings, retracts, reboot });
    }
}

impl Step {
    fn extend(&mut self, more: Vec<Operation>, key: &Key, reboot: Option<Reboot>) {
        if let Instruction::Group { operations, .. } = &mut self.instruction {
            operations.extend(more);
        }
        self.settings.push(key.clone());
        self.reboot = self.reboot.or(reboot);
    }
}
