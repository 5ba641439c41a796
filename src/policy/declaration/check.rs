//! Declarations held against each other and against the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::catalogue::{Catalogue, Proposed};
use transom_protocol::syncml::Verb;

use super::beside::Beside;
use super::held::held;
use super::hints::meant;
use super::ingest::{Area, ingested, with_ingested};
use super::template::fact;
use super::{
    Activation, Concern, Configuration, Content, Declaration, Document, Identifier, Item, Kind, Level, LocUri, Payload,
    Remark, Rule, Template, Value, assets, compile, hints, secret,
};
use crate::model::{FactName, Facts, Predicate};

/// Most settings of all declarations that are checked together.
pub const MOST_SETTINGS: usize = 20_000;

/// Declarations that are there besides: those that a server has and that a folder does not.
pub type Known<'a> = &'a [Declaration];

/// Everything that is to be said of declarations, in the order in which they are given.
pub fn check(documents: &[Document], known: Known<'_>, catalogue: &Catalogue) -> Vec<Remark> {
    let names = Names::of(documents, known);
    // What a template brings is known to those who are given it.
    let catalogue = &*with_ingested(catalogue, names.all.values().copied());
    let mut remarks = twice(documents);
    let too_many = too_many(documents);
    let is_too_much = too_many.is_some();
    remarks.extend(too_many);
    let depends = |document: &Document| depends(&document.declaration, catalogue);
    let beside = if !is_too_much && documents.iter().any(depends) {
        Beside::of(names.all.values().copied(), catalogue)
    } else {
        Beside::default()
    };
    let mut made = Made { catalogue: (!is_too_much).then_some(catalogue), items: BTreeMap::new() };
    for document in documents {
        match &document.declaration.payload {
            Payload::Configuration(configuration) if is_too_much => {
                references(document, configuration, &names, &mut remarks);
            }
            Payload::Configuration(configuration) => {
                settings(document, configuration, &names, &beside, catalogue, &mut remarks);
                remarks.extend(without_template(document, configuration, &names));
            }
            Payload::Activation(activation) => {
                self::activation(document, activation, &names, &mut remarks);
                remarks.extend(conflicts(document, activation, &names, &mut made));
                remarks.extend(hints::of_activation(document, activation, &names.all));
            }
            Payload::Management(management) => {
                for (number, name) in management.properties.iter().flatten().enumerate() {
                    if fact(name).is_none() {
                        let part = format!("properties/{number}");
                        let what = format!("there is no fact {name:?}{}", hints::meant_fact(name));
                        remarks.push(document.remark(&part, Level::Error, Concern::Condition, what));
                    }
                }
            }
            Payload::Asset(asset) => remarks.extend(hints::of_asset(document, asset)),
        }
        remarks.extend(unused(document, &names));
    }
    remarks
}

/// More settings than are looked at.
fn too_many(documents: &[Document]) -> Option<Remark> {
    let settings = documents.iter().map(|document| match &document.declaration.payload {
        Payload::Configuration(configuration) => configuration.settings.len(),
        Payload::Asset(_) | Payload::Activation(_) | Payload::Management(_) => 0,
    });
    let count: usize = settings.sum();
    let what = format!("there are {count} settings; {MOST_SETTINGS} are the most: divide them into several sets");
    (count > MOST_SETTINGS).then(|| Remark::new(Level::Error, Concern::Shape, what))
}

/// What settings refer to and is not there: all that is looked at where there are too many.
fn references(document: &Document, configuration: &Configuration, names: &Names<'_>, remarks: &mut Vec<Remark>) {
    for (uri, value) in &configuration.settings {
        let part = format!("settings/{}", uri.as_str());
        let wrong = assets(uri, value).into_iter().filter_map(|asset| names.wrong(&asset, Kind::Asset));
        let of = |what| document.remark(&part, Level::Error, Concern::Reference, what).on(uri);
        remarks.extend(wrong.map(of));
    }
}

/// Settings of templates that no configuration gives to devices: these answer 404 where they have them from nobody else.
/// Each template is named once.
fn without_template(document: &Document, configuration: &Configuration, names: &Names<'_>) -> Vec<Remark> {
    let mut told: BTreeSet<Area> = BTreeSet::new();
    let mut remarks = Vec::new();
    for uri in configuration.settings.keys() {
        let Some(area) = Area::of(uri).filter(|area| !names.given.contains(area)) else { continue };
        if !told.insert(area.clone()) {
            continue;
        }
        let what = format!(
            "it belongs to a template {area}, which no declaration here gives to devices: without it they answer 404 (set \
             Policy/ConfigOperations/ADMXInstall to the template, or see that they have it)"
        );
        let part = format!("settings/{}", uri.as_str());
        remarks.push(document.remark(&part, Level::Warning, Concern::Reference, what).on(uri));
    }
    remarks
}

/// Whether some setting works only while others have certain values.
fn depends(declaration: &Declaration, catalogue: &Catalogue) -> bool {
    let Payload::Configuration(configuration) = &declaration.payload else { return false };
    let mut nodes = configuration.settings.keys().filter_map(|uri| catalogue.known(uri)).map(|hit| hit.node);
    nodes.any(|node| catalogue.describe(node).is_some_and(|each| !each.properties.dependencies.is_empty()))
}

/// What everything may refer to.
struct Names<'a> {
    all: BTreeMap<&'a Identifier, &'a Declaration>,
    /// Configurations that some activation applies, assets that some setting uses.
    used: BTreeSet<Identifier>,
    /// The facts that may be used; `None`: all.
    properties: Option<BTreeSet<FactName>>,
    /// Of which templates some configuration gives one to devices.
    given: BTreeSet<Area>,
}

impl<'a> Names<'a> {
    fn of(documents: &'a [Document], known: Known<'a>) -> Self {
        let own = documents.iter().map(|document| &document.declaration);
        // What is in the files comes in place of what is known under the same name.
        let all: BTreeMap<_, _> = known.iter().chain(own).map(|each| (&each.identifier, each)).collect();
        let mut used = BTreeSet::new();
        let mut properties: Option<BTreeSet<FactName>> = None;
        let mut given: BTreeSet<Area> = BTreeSet::new();
        for declaration in all.values() {
            match &declaration.payload {
                Payload::Activation(activation) => used.extend(activation.configurations.iter().cloned()),
                Payload::Configuration(configuration) => {
                    used.extend(configuration.assets());
                    given.extend(configuration.settings.keys().filter_map(Area::given_by));
                }
                Payload::Management(management) => {
                    if let Some(names) = &management.properties {
                        properties.get_or_insert_default().extend(names.iter().filter_map(|name| fact(name)));
                    }
                }
                Payload::Asset(_) => {}
            }
        }
        Self { all, used, properties, given }
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

    /// What an asset holds.
    fn content(&self, asset: &Identifier) -> Option<&'a Content> {
        match &self.all.get(asset)?.payload {
            Payload::Asset(asset) => Some(&asset.content),
            _ => None,
        }
    }

    fn may(&self, fact: FactName) -> bool {
        self.properties.as_ref().is_none_or(|properties| properties.contains(&fact))
    }
}

fn twice(documents: &[Document]) -> Vec<Remark> {
    let mut seen: BTreeMap<&Identifier, &Document> = BTreeMap::new();
    let mut remarks = Vec::new();
    for document in documents {
        if let Some(first) = seen.get(&document.declaration.identifier) {
            // What came as a value has no line.
            let place = match (first.place("").line, first.file.as_deref()) {
                (0, None) => "already".to_owned(),
                (0, Some(file)) => format!("in {file}"),
                (line, None) => format!("in line {line}"),
                (line, Some(file)) => format!("in line {line} of {file}"),
            };
            let what = format!("the identifier is taken {place}");
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
    beside: &Beside<'_>,
    catalogue: &Catalogue,
    remarks: &mut Vec<Remark>,
) {
    let with = beside.with(&document.declaration.identifier);
    for (uri, value) in &configuration.settings {
        let part = format!("settings/{}", uri.as_str());
        let place = document.place(&part);
        let identifier = &document.declaration.identifier;
        let compiled = compile(catalogue, uri, value);
        // What is beside it says whether what it depends on is given.
        let findings = compiled.findings.into_iter().filter(|finding| finding.rule != Rule::Dependency);
        let mut own: Vec<Remark> = findings.map(Remark::of_finding).collect();
        own.extend(compiled.item.iter().flat_map(|item| content(item, names, catalogue)));
        own.extend(beside.remarks(uri, &with, catalogue));
        own.extend(secret::in_value(uri, value, |asset| names.content(asset)));
        if let Some(Err(error)) = ingested(uri, value, &names.all) {
            own.push(Remark::new(Level::Error, Concern::Setting(Rule::Value), error.to_string()));
        }
        for asset in assets(uri, value) {
            let wrong = names.wrong(&asset, Kind::Asset);
            own.extend(wrong.map(|what| Remark::new(Level::Error, Concern::Reference, what)));
        }
        own.extend(secret::in_address(uri, |asset| names.content(asset)));
        for used in facts(uri, value).into_iter().filter(|fact| !names.may(*fact)) {
            let what = format!("{used} is not among the properties that management allows");
            own.push(Remark::new(Level::Error, Concern::Variable, what));
        }
        insisted(uri, configuration, compiled.item.is_some(), &mut own);
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

/// What the node says to the content of assets, where that is all that a value needs.
fn content(item: &Item, names: &Names<'_>, catalogue: &Catalogue) -> Vec<Remark> {
    let assets = item.assets();
    if assets.is_empty() || !item.facts().is_empty() {
        return Vec::new();
    }
    let known = |asset: &Identifier| names.content(asset).filter(|content| !content.is_secret()).cloned();
    // That an asset is not there, or is not to be read, is said elsewhere.
    let (Ok(uri), Ok(Some(data))) = (item.address(&Facts::default(), &known), item.data(&Facts::default(), &known))
    else {
        return Vec::new();
    };
    let format = item.node.is_none().then_some(&item.format);
    let proposed = Proposed { verb: Verb::Replace, uri: &uri, format, data: Some(&data), in_atomic: true };
    let of_value = |rule| matches!(rule, Rule::Format | Rule::Value | Rule::Pattern | Rule::Payload | Rule::LeftOut);
    let findings = held(catalogue, &proposed, None).findings.into_iter().filter(|finding| of_value(finding.rule));
    let whose = assets.iter().map(Identifier::as_str).collect::<Vec<_>>().join(", ");
    let told = findings.map(|mut finding| {
        finding.what = format!("with the content of {whose}: {}", finding.what);
        Remark::of_finding(finding)
    });
    told.collect()
}

/// Where the author insists, errors are warnings. Nobody can insist on a secret in a file, on a reference that leads
/// nowhere, or on a value of which nothing could be made: the setting would be left out without a word.
fn insisted(uri: &LocUri, configuration: &Configuration, is_made: bool, remarks: &mut Vec<Remark>) {
    let Some(reason) = configuration.overrides.get(uri) else { return };
    let mut any = false;
    for remark in remarks.iter_mut().filter(|remark| remark.level == Level::Error) {
        any = true;
        if is_made && matches!(remark.rule, Concern::Setting(_)) {
            remark.level = Level::Warning;
            remark.what = format!("{} (its author insists: {reason})", remark.what);
        }
    }
    if !any {
        remarks.push(Remark::new(Level::Note, Concern::Override, "nothing needs the override any more: leave it out"));
    }
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
}

/// A setting of a configuration.
type OfConfiguration<'a> = (&'a Identifier, &'a LocUri);

/// What is made of settings whose values are written otherwise, each once: many activations may name the same two.
struct Made<'a> {
    /// Absent where there are too many settings: they are compared as they are written.
    catalogue: Option<&'a Catalogue>,
    items: BTreeMap<OfConfiguration<'a>, Option<Item>>,
}

impl<'a> Made<'a> {
    /// Whether two settings of one node come to the same on a device: `12` and `'12'` do.
    fn is_same(&mut self, one: (OfConfiguration<'a>, &Value), other: (OfConfiguration<'a>, &Value)) -> bool {
        if one.1 == other.1 {
            return true;
        }
        let Some(catalogue) = self.catalogue else { return false };
        for (of, value) in [one, other] {
            self.items.entry(of).or_insert_with(|| compile(catalogue, of.1, value).item);
        }
        let made = |of: OfConfiguration<'a>| self.items.get(&of).and_then(Option::as_ref);
        match (made(one.0), made(other.0)) {
            (Some(one), Some(other)) => {
                (&one.format, &one.mime, &one.data) == (&other.format, &other.mime, &other.data)
            }
            _ => false,
        }
    }
}

/// The same setting with two values in one activation: one of them can't be.
fn conflicts<'a>(
    document: &Document,
    activation: &'a Activation,
    names: &Names<'a>,
    made: &mut Made<'a>,
) -> Vec<Remark> {
    let mut seen: BTreeMap<String, (OfConfiguration<'a>, &Value)> = BTreeMap::new();
    let mut remarks = Vec::new();
    for (number, identifier) in activation.configurations.iter().enumerate() {
        let Some(Declaration { payload: Payload::Configuration(configuration), .. }) = names.all.get(identifier) else {
            continue;
        };
        for (uri, value) in &configuration.settings {
            let key = uri.node_key();
            let own = ((identifier, uri), value);
            match seen.get(&key) {
                Some(first) if first.0.0 != identifier && !made.is_same(*first, own) => {
                    let first = first.0.0;
                    let what = format!("{first} and {identifier} want different values");
                    let part = format!("configurations/{number}");
                    remarks.push(document.remark(&part, Level::Warning, Concern::Conflict, what).on(uri));
                }
                Some(_) => {}
                None => drop(seen.insert(key, own)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::catalogue::builtin;
    use crate::policy::declaration::read_text;

    fn configuration(settings: &str) -> Declaration {
        let text = format!("type: configuration\nidentifier: a\npayload:\n  settings: {settings}\n");
        read_text("p.yaml", &text).documents.remove(0).declaration
    }

    #[test]
    fn all_assets_of_a_configuration_are_known() {
        let made = configuration(
            "{'./Vendor/OEM/${asset.name}': '${asset.pw} ${asset.pw}', ./Vendor/OEM/Y: {asset: other}, ./Vendor/OEM/Z: 1}",
        );
        let Payload::Configuration(configuration) = &made.payload else { panic!("{made:?}") };
        let assets: Vec<String> = configuration.assets().iter().map(ToString::to_string).collect();
        assert_eq!(assets, ["name", "other", "pw"]);
    }

    #[test]
    fn what_has_no_lines_is_in_none() {
        let document = Document::new(configuration("{./Vendor/OEM/X: 1}"));
        let told = check(&[document.clone(), document], &[], &builtin::catalogue().unwrap());
        assert!(told.iter().any(|remark| remark.what == "the identifier is taken already"), "{told:?}");
    }
}
