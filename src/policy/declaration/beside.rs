//! What a setting needs of others: whether those that are there beside it give it.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::{Catalogue, Hit, NodeId};
use transom_protocol::csp::ddf::{Allowed, Dependency, DependencyGroup, Kind, meant};

use super::{Concern, Declaration, Identifier, Level, LocUri, Payload, Remark, Rule, Value};

/// The settings of all configurations, by their nodes.
#[derive(Default)]
pub(super) struct Beside<'a> {
    settings: BTreeMap<NodeId, Vec<Setting<'a>>>,
    /// What is applied together: the configurations of each activation, and whether it holds for every device.
    activations: Vec<(&'a [Identifier], bool)>,
}

/// A setting of some configuration.
struct Setting<'a> {
    configuration: &'a Identifier,
    hit: Hit,
    value: &'a Value,
}

/// Whether a dependency is met.
enum Met<'a> {
    Yes,
    No(&'a Identifier),
    /// Nothing there says so.
    Unknown,
}

impl<'a> Beside<'a> {
    /// Of declarations.
    pub(super) fn of(declarations: impl Iterator<Item = &'a Declaration>, catalogue: &Catalogue) -> Self {
        let mut beside = Self::default();
        for declaration in declarations {
            match &declaration.payload {
                Payload::Configuration(configuration) => {
                    for (uri, value) in &configuration.settings {
                        let Some(hit) = catalogue.known(uri) else { continue };
                        let configuration = &declaration.identifier;
                        beside.settings.entry(hit.node).or_default().push(Setting { configuration, hit, value });
                    }
                }
                Payload::Activation(activation) => {
                    beside.activations.push((&activation.configurations, activation.when.is_none()));
                }
                Payload::Asset(_) | Payload::Management(_) => {}
            }
        }
        beside
    }

    /// The configurations that a device has wherever it has this one.
    pub(super) fn with(&self, configuration: &'a Identifier) -> BTreeSet<&'a Identifier> {
        let together = self.activations.iter().filter(|(names, for_all)| *for_all || names.contains(configuration));
        together.flat_map(|(names, _)| *names).chain([configuration]).collect()
    }

    /// What is to be said of what a setting needs.
    pub(super) fn remarks(&self, uri: &LocUri, with: &BTreeSet<&Identifier>, catalogue: &Catalogue) -> Vec<Remark> {
        let Some(hit) = catalogue.known(uri) else { return Vec::new() };
        let Some(described) = catalogue.describe(hit.node) else { return Vec::new() };
        let groups = &described.properties.dependencies;
        let met: Vec<Vec<(&Dependency, Met<'_>)>> = groups
            .iter()
            .map(|DependencyGroup { dependencies, .. }| {
                dependencies.iter().map(|each| (each, self.met(each, &hit, with, catalogue))).collect()
            })
            .collect();
        // One group is enough, all of it.
        if met.iter().any(|group| group.iter().all(|(_, met)| matches!(met, Met::Yes))) {
            return Vec::new();
        }
        let none_can = met.iter().all(|group| group.iter().any(|(_, met)| matches!(met, Met::No(_))));
        let told = met.iter().flatten().filter_map(|(dependency, met)| {
            let not = if dependency.not { "not " } else { "" };
            let what = format!("it works only while {} {not}has {}", dependency.uri, dependency.allowed);
            let (level, what) = match met {
                Met::Yes => return None,
                Met::No(configuration) if none_can => {
                    (Level::Warning, format!("{what}, and {configuration} wants something else there"))
                }
                Met::No(_) | Met::Unknown => (Level::Note, what),
            };
            Some(Remark::new(level, Concern::Setting(Rule::Dependency), what))
        });
        told.collect()
    }

    fn met(&self, dependency: &Dependency, of: &Hit, with: &BTreeSet<&Identifier>, catalogue: &Catalogue) -> Met<'a> {
        let address: Option<LocUri> = dependency.uri.replace(['{', '}', '[', ']'], "").parse().ok();
        let Some(node) = address.and_then(|address| catalogue.known(&address)).map(|hit| hit.node) else {
            return Met::Unknown;
        };
        let same_thing = |other: &Hit| {
            other
                .chosen
                .iter()
                .all(|(id, name)| of.chosen.iter().all(|(own, chosen)| own != id || chosen.eq_ignore_ascii_case(name)))
        };
        let there = self.settings.get(&node).into_iter().flatten();
        let there = there.filter(|setting| with.contains(setting.configuration) && same_thing(&setting.hit));
        let mut answer = Met::Unknown;
        for setting in there {
            match takes(&dependency.allowed, setting.value) {
                Some(takes) if takes != dependency.not => return Met::Yes,
                Some(_) => answer = Met::No(setting.configuration),
                // It may be the one that gives it.
                None => return Met::Unknown,
            }
        }
        answer
    }
}

/// Whether a value is one of those; nothing where that can't be said.
fn takes(allowed: &Allowed, value: &Value) -> Option<bool> {
    let text = match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) | Value::Explicit { value: text, .. } if !text.contains("${") => text.trim().to_owned(),
        _ => return None,
    };
    match &allowed.kind {
        Kind::Any => Some(true),
        Kind::Enum(choices) => Some(choices.iter().any(|choice| is_same(choice.value.trim(), &text))),
        Kind::Range(ranges) => {
            let number = meant(&text)?;
            Some(ranges.iter().any(|range| (range.0..=range.1).contains(&number)))
        }
        Kind::Flags(_) | Kind::Regex(_) | Kind::Admx(_) | Kind::Xsd | Kind::Json | Kind::Sddl => None,
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || meant(one).is_some_and(|one| meant(other) == Some(one))
}
