//! What all devices share of a set of declarations: each setting compiled once.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::{Catalogue, Level, NodeId, Proposed, Rule};
use transom_protocol::syncml::Verb;
use transom_protocol::syncml::redact::REDACTED;

use crate::model::{FactName, Facts, PolicySecretValue, Predicate, Secret};
use crate::policy::declaration::{
    Configuration, Content, Data, Declaration, Drift, Identifier, Item, Payload, compile, held,
};

/// Declarations, ready to be asked about devices.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    pub(super) configurations: BTreeMap<Identifier, Vec<Item>>,
    pub(super) activations: Vec<Activated>,
    pub(super) assets: BTreeMap<Identifier, Content>,
    pub(super) dependencies: BTreeMap<NodeId, Vec<NodeId>>,
    pub(super) secrets: BTreeMap<Identifier, PolicySecretValue>,
    /// The values of secrets are not known here, only that there are some: whether a node takes one can't be said.
    pub(super) stands_in: bool,
    in_values: BTreeSet<FactName>,
    /// What the nodes say to values that are assets, by configuration and address, where that is not to take them as they
    /// are.
    contents: BTreeMap<Identifier, BTreeMap<LocUri, Taken>>,
    /// Configurations that only want to be told where a device has something else.
    reporting: BTreeSet<Identifier>,
}

/// What a node says to a value that is the same for every device.
#[derive(Debug, Clone)]
pub(super) enum Taken {
    /// It takes it in this form.
    As(String),
    /// It does not take it.
    No(String),
}

/// An activation.
#[derive(Debug, Clone)]
pub(super) struct Activated {
    pub(super) identifier: Identifier,
    pub(super) configurations: Vec<Identifier>,
    pub(super) together: bool,
    /// `None`: all devices.
    pub(super) when: Option<Predicate>,
}

impl Policy {
    /// Of declarations that were checked: what can't be made anything of is left out.
    pub fn build(declarations: &[Declaration], catalogue: &Catalogue) -> Self {
        let mut policy = Self::default();
        for declaration in declarations {
            let identifier = declaration.identifier.clone();
            match &declaration.payload {
                Payload::Configuration(configuration) => {
                    if configuration.drift == Drift::Report {
                        policy.reporting.insert(identifier.clone());
                    }
                    let compiled = configuration.settings.iter().map(|(uri, value)| compile(catalogue, uri, value));
                    let items: Vec<Item> = compiled.filter_map(|compiled| compiled.item).collect();
                    for item in &items {
                        policy.depend(item, catalogue);
                        policy.in_values.extend(item.facts());
                    }
                    policy.configurations.insert(identifier, items);
                }
                Payload::Activation(activation) => {
                    let when = activation.when.as_deref().map(Predicate::parse);
                    policy.activations.push(Activated {
                        identifier,
                        configurations: activation.configurations.clone(),
                        together: activation.atomic,
                        // A condition that can't be read selects nobody.
                        when: when.map(|when| when.unwrap_or(Predicate::Always(false))),
                    });
                }
                Payload::Asset(asset) => drop(policy.assets.insert(identifier, asset.content.clone())),
                Payload::Management(_) => {}
            }
        }
        for declaration in declarations {
            if let Payload::Configuration(configuration) = &declaration.payload {
                policy.hold_assets(&declaration.identifier, configuration, catalogue);
            }
        }
        // The same set in another order is the same set.
        policy.activations.sort_by(|one, other| one.identifier.cmp(&other.identifier));
        policy
    }

    /// The same, with the values of secret assets.
    #[must_use]
    pub fn with_secrets(self, secrets: &BTreeMap<String, PolicySecretValue>) -> Self {
        let named = |(name, value): (&String, &PolicySecretValue)| Some((Identifier::parse(name).ok()?, value.clone()));
        Self { secrets: secrets.iter().filter_map(named).collect(), ..self }
    }

    /// The same, with something else in place of the values of secret assets: what would be sent is known but for them.
    #[must_use]
    pub fn with_stand_ins(self, versions: &BTreeMap<String, i64>) -> Self {
        let value = || Secret::new(REDACTED.to_owned());
        let stand_in =
            |(name, version): (&String, &i64)| (name.clone(), PolicySecretValue { version: *version, value: value() });
        Self { stands_in: true, ..self.with_secrets(&versions.iter().map(stand_in).collect()) }
    }

    /// Whether no device gets anything.
    pub fn is_idle(&self) -> bool {
        self.activations.iter().all(|activation| activation.configurations.is_empty())
    }

    /// The facts that decide what a device gets.
    pub fn facts(&self) -> BTreeSet<FactName> {
        let conditions = self.activations.iter().filter_map(|activation| activation.when.as_ref());
        conditions.flat_map(Predicate::facts).chain(self.in_values.iter().copied()).collect()
    }

    /// Whether a setting that these configurations want is mended where a device has something else: as soon as one of
    /// them wants that.
    pub fn mends(&self, by: &[Identifier]) -> bool {
        by.iter().any(|configuration| !self.reporting.contains(configuration))
    }

    #[cfg(test)]
    pub(in crate::policy) fn report_only(&mut self, configuration: &str) {
        self.reporting.extend(Identifier::parse(configuration).ok());
    }

    /// What the node of a setting says to the asset that is its value; nothing where it takes it as it is.
    pub(super) fn taken(&self, by: &Identifier, uri: &LocUri) -> Option<&Taken> {
        self.contents.get(by)?.get(uri)
    }

    /// Holds the assets that are values of settings against their nodes: once for all devices. Secrets are known to nobody
    /// here.
    fn hold_assets(&mut self, by: &Identifier, configuration: &Configuration, catalogue: &Catalogue) {
        let known = |asset: &Identifier| self.assets.get(asset).filter(|content| !content.is_secret()).cloned();
        let mut told = BTreeMap::new();
        for item in self.configurations.get(by).into_iter().flatten() {
            if !matches!(item.data, Data::Asset(_)) {
                continue;
            }
            let Ok(Some(data)) = item.data(&Facts::default(), &known) else { continue };
            let format = item.node.is_none().then_some(&item.format);
            let verb = Verb::Replace;
            let proposed = Proposed { verb, uri: &item.uri, format, data: Some(&data), in_atomic: true };
            let held = held(catalogue, &proposed, None);
            let insists = || configuration.overrides.keys().any(|uri| uri.node_key() == item.uri.node_key());
            let of_value =
                |rule| matches!(rule, Rule::Format | Rule::Value | Rule::Payload | Rule::Pattern | Rule::LeftOut);
            let mut wrong = held.findings.into_iter().filter(|one| one.level == Level::Error && of_value(one.rule));
            match (wrong.next(), held.data) {
                (Some(wrong), _) if !insists() => drop(told.insert(item.uri.clone(), Taken::No(wrong.what))),
                (_, Some(taken)) if taken != data => drop(told.insert(item.uri.clone(), Taken::As(taken))),
                _ => {}
            }
        }
        if !told.is_empty() {
            self.contents.insert(by.clone(), told);
        }
    }

    fn depend(&mut self, item: &Item, catalogue: &Catalogue) {
        let Some(node) = item.node else { return };
        let Some(described) = catalogue.describe(node) else { return };
        let groups = described.properties.dependencies.iter().flat_map(|group| &group.dependencies);
        let on = groups.filter_map(|dependency| {
            let uri = dependency.uri.replace(['{', '}', '[', ']'], "").parse().ok()?;
            catalogue.known(&uri).map(|hit| hit.node)
        });
        self.dependencies.insert(node, on.collect());
    }
}
