//! Declarations held against each other and against the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::syncml::redact::{is_secret, redact_value};

use super::ingest::{ingested, with_ingested};
use super::read::meant;
use super::{
    Activation, Concern, Configuration, Declaration, Document, Identifier, Kind, Level, LocUri, Payload, Remark, Rule,
    Template, Value, compile,
};
use crate::model::{FactName, Predicate};

/// Declarations that are there besides: those that a server has and that a folder does not.
pub type Known<'a> = &'a [Declaration];

/// Everything that is to be said of declarations, in the order in which they are given.
pub fn check(documents: &[Document], known: Known<'_>, catalogue: &Catalogue) -> Vec<Remark> {
    let names = Names::of(documents, known);
    // What a template brings is known to those who are given it.
    let catalogue = &*with_ingested(catalogue, names.all.values().copied());
    let mut remarks = twice(documents);
    for document in documents {
        match &document.declaration.payload {
            Payload::Configuration(configuration) => {
                settings(document, configuration, &names, catalogue, &mut remarks);
            }
            Payload::Activation(activation) => self::activation(document, activation, &names, &mut remarks),
            Payload::Management(management) => {
                for (number, name) in management.properties.iter().flatten().enumerate() {
                    if fact(name).is_none() {
                        let part = format!("properties/{number}");
                        let what = format!("there is no fact {name:?}");
                        remarks.push(document.remark(&part, Level::Error, Concern::Condition, what));
                    }
                }
            }
            Payload::Asset(_) => {}
        }
        remarks.extend(unused(document, &names));
    }
    remarks
}

/// What everything may refer to.
struct Names<'a> {
    all: BTreeMap<&'a Identifier, &'a Declaration>,
    /// Configurations that some activation applies, assets that some setting uses.
    used: BTreeSet<Identifier>,
    /// The facts that may be used; `None`: all.
    properties: Option<BTreeSet<FactName>>,
}

impl<'a> Names<'a> {
    fn of(documents: &'a [Document], known: Known<'a>) -> Self {
        let own = documents.iter().map(|document| &document.declaration);
        // What is in the files comes in place of what is known under the same name.
        let all: BTreeMap<_, _> = known.iter().chain(own).map(|each| (&each.identifier, each)).collect();
        let mut used = BTreeSet::new();
        let mut properties: Option<BTreeSet<FactName>> = None;
        for declaration in all.values() {
            match &declaration.payload {
                Payload::Activation(activation) => used.extend(activation.configurations.iter().cloned()),
                Payload::Configuration(configuration) => {
                    used.extend(configuration.settings.iter().flat_map(|(uri, value)| assets(uri, value)));
                }
                Payload::Management(management) => {
                    if let Some(names) = &management.properties {
                        properties.get_or_insert_default().extend(names.iter().filter_map(|name| fact(name)));
                    }
                }
                Payload::Asset(_) => {}
            }
        }
        Self { all, used, properties }
    }

    /// What is wrong with a reference, if anything is.
    fn wrong(&self, to: &Identifier, kind: Kind) -> Option<String> {
        match self.all.get(to) {
            Some(declaration) if declaration.kind() == kind => None,
            Some(declaration) => {
                Some(format!("{to} is of type {}, not {}", declaration.kind().as_str(), kind.as_str()))
            }
            None => {
                let known: Vec<&str> =
                    self.all.values().filter(|each| each.kind() == kind).map(|each| each.identifier.as_str()).collect();
                Some(format!("there is no {} {to}{}", kind.as_str(), meant(to.as_str(), &known)))
            }
        }
    }

    fn may(&self, fact: FactName) -> bool {
        self.properties.as_ref().is_none_or(|properties| properties.contains(&fact))
    }
}

fn fact(name: &str) -> Option<FactName> {
    FactName::parse(name).or_else(|| FactName::parse(name.strip_prefix("device.")?))
}

fn assets(uri: &LocUri, value: &Value) -> Vec<Identifier> {
    let mut assets = value.assets();
    if let Ok(template) = Template::parse(uri.as_str()) {
        assets.extend(template.assets().cloned());
    }
    assets
}

fn twice(documents: &[Document]) -> Vec<Remark> {
    let mut seen: BTreeMap<&Identifier, &Document> = BTreeMap::new();
    let mut remarks = Vec::new();
    for document in documents {
        if let Some(first) = seen.get(&document.declaration.identifier) {
            let file = first.file.as_deref().map(|file| format!(" of {file}")).unwrap_or_default();
            let what = format!("the identifier is taken in line {}{file}", first.place("").line);
            remarks.push(document.remark("", Level::Error, Concern::Twice, what));
        } else {
            seen.insert(&document.declaration.identifier, document);
        }
    }
    remarks
}

fn settings(
    document: &Document,
    configuration: &Configuration,
    names: &Names<'_>,
    catalogue: &Catalogue,
    remarks: &mut Vec<Remark>,
) {
    for (uri, value) in &configuration.settings {
        let part = format!("settings/{}", uri.as_str());
        let place = document.place(&part);
        let identifier = &document.declaration.identifier;
        let mut own: Vec<Remark> =
            compile(catalogue, uri, value).findings.into_iter().map(Remark::of_finding).collect();
        own.extend(secret(uri, value));
        if let Some(Err(error)) = ingested(uri, value, &names.all) {
            own.push(Remark::new(Level::Error, Concern::Setting(Rule::Value), error.to_string()));
        }
        for asset in assets(uri, value) {
            let wrong = names.wrong(&asset, Kind::Asset);
            own.extend(wrong.map(|what| Remark::new(Level::Error, Concern::Reference, what)));
        }
        own.extend(secret_in_address(uri, names));
        for used in facts(uri, value).into_iter().filter(|fact| !names.may(*fact)) {
            let what = format!("{used} is not among the properties that management allows");
            own.push(Remark::new(Level::Error, Concern::Variable, what));
        }
        insisted(uri, configuration, &mut own);
        remarks.extend(
            own.into_iter().map(|remark| remark.of(identifier).on(uri).at(place).in_file(document.file.as_deref())),
        );
    }
    for uri in configuration.overrides.keys().filter(|uri| !configuration.settings.contains_key(*uri)) {
        let part = format!("overrides/{}", uri.as_str());
        let what = "the override is for a setting that is not there";
        remarks.push(document.remark(&part, Level::Warning, Concern::Override, what).on(uri));
    }
}

/// Where the author insists, errors are warnings. Nobody can insist on a reference that leads nowhere, or on a value of
/// which nothing could be made.
fn insisted(uri: &LocUri, configuration: &Configuration, remarks: &mut Vec<Remark>) {
    let Some(reason) = configuration.overrides.get(uri) else { return };
    let mut any = false;
    for remark in remarks.iter_mut().filter(|remark| remark.level == Level::Error) {
        any = true;
        let overridable = match remark.rule {
            Concern::Setting(rule) => rule != Rule::Payload || !remark.what.contains("stands in"),
            Concern::Secret => true,
            _ => false,
        };
        if overridable {
            remark.level = Level::Warning;
            remark.what = format!("{} (its author insists: {reason})", remark.what);
        }
    }
    if !any {
        remarks.push(Remark::new(Level::Note, Concern::Override, "nothing needs the override any more: leave it out"));
    }
}

/// A secret that stands in the file.
fn secret(uri: &LocUri, value: &Value) -> Option<Remark> {
    if matches!(value, Value::Asset(_) | Value::Node | Value::Bool(_)) || !value.assets().is_empty() {
        return None;
    }
    let texts = value.texts();
    let what = "a secret does not belong in a file: make an asset with secret: true and write ${asset.NAME}";
    if texts.iter().any(|text| redact_value("./X", text) != *text) {
        return Some(Remark::new(Level::Error, Concern::Secret, what));
    }
    if !is_secret(uri.as_str()) {
        return None;
    }
    let is_document = texts.iter().any(|text| text.trim_start().starts_with('<'));
    let level = if is_document { Level::Note } else { Level::Error };
    let what = if is_document { "it may hold a secret: that belongs in an asset with secret: true" } else { what };
    Some(Remark::new(level, Concern::Secret, what))
}

/// An address is shown everywhere, and no override changes that.
fn secret_in_address(uri: &LocUri, names: &Names<'_>) -> Option<Remark> {
    let template = Template::parse(uri.as_str()).ok()?;
    let is_secret = |asset: &&Identifier| {
        let named = names.all.get(*asset).map(|declaration| &declaration.payload);
        matches!(named, Some(Payload::Asset(asset)) if asset.content.is_secret())
    };
    let asset = template.assets().find(is_secret)?;
    let what = format!("the secret {asset} can't stand in an address, which is shown everywhere");
    Some(Remark::new(Level::Error, Concern::Reference, what))
}

fn facts(uri: &LocUri, value: &Value) -> Vec<FactName> {
    let texts = value.texts().into_iter().chain([uri.as_str()]);
    let templates = texts.filter_map(|text| Template::parse(text).ok());
    templates.flat_map(|template| template.facts().collect::<Vec<_>>()).collect()
}

fn activation(document: &Document, activation: &Activation, names: &Names<'_>, remarks: &mut Vec<Remark>) {
    let mut error = |part: &str, rule, what: String| remarks.push(document.remark(part, Level::Error, rule, what));
    let mut named = BTreeSet::new();
    for (number, configuration) in activation.configurations.iter().enumerate() {
        let part = format!("configurations/{number}");
        if !named.insert(configuration) {
            error(&part, Concern::Twice, format!("{configuration} stands there twice"));
        }
        if let Some(what) = names.wrong(configuration, Kind::Configuration) {
            error(&part, Concern::Reference, what);
        }
    }
    match activation.when.as_deref().map(Predicate::parse) {
        Some(Err(wrong)) => error("when", Concern::Condition, wrong.to_string()),
        Some(Ok(predicate)) => {
            for fact in predicate.facts().into_iter().filter(|fact| !names.may(*fact)) {
                let what = format!("{fact} is not among the properties that management allows");
                error("when", Concern::Condition, what);
            }
        }
        None => {}
    }
    remarks.extend(conflicts(document, activation, names));
}

/// The same setting with two values in one activation: one of them can't be.
fn conflicts(document: &Document, activation: &Activation, names: &Names<'_>) -> Vec<Remark> {
    let mut seen: BTreeMap<String, (&Identifier, &Value)> = BTreeMap::new();
    let mut remarks = Vec::new();
    for (number, identifier) in activation.configurations.iter().enumerate() {
        let Some(Declaration { payload: Payload::Configuration(configuration), .. }) = names.all.get(identifier) else {
            continue;
        };
        for (uri, value) in &configuration.settings {
            let key = uri.as_str().to_ascii_lowercase();
            match seen.get(&key) {
                Some((first, other)) if *other != value && *first != identifier => {
                    let what = format!("{first} and {identifier} want different values");
                    let part = format!("configurations/{number}");
                    remarks.push(document.remark(&part, Level::Warning, Concern::Conflict, what).on(uri));
                }
                Some(_) => {}
                None => drop(seen.insert(key, (identifier, value))),
            }
        }
    }
    remarks
}

fn unused(document: &Document, names: &Names<'_>) -> Option<Remark> {
    let declaration = &document.declaration;
    let what = match declaration.kind() {
        Kind::Configuration => "no activation applies it, so no device gets it",
        Kind::Asset => "no setting uses it",
        Kind::Activation | Kind::Management => return None,
    };
    (!names.used.contains(&declaration.identifier)).then(|| document.remark("", Level::Note, Concern::Unused, what))
}
