//! From trees to declarations. Everything that is wrong is said, not only the first thing.

use std::collections::{BTreeMap, HashSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::de::IgnoredAny;
use transom_protocol::syncml::Format;

use super::hints::meant;
use super::source::{self, Entry, Node, Place, SourceError, Tree};
use super::{
    Activation, Asset, Concern, Configuration, Content, Declaration, Drift, Identifier, Kind, Level, LocUri,
    Management, Payload, PolicyValue, Remark, Value,
};

/// A declaration with where its parts stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The declaration.
    pub declaration: Declaration,
    /// The file that it is in.
    pub file: Option<String>,
    places: BTreeMap<String, Place>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// The declarations that could be read.
    pub documents: Vec<Document>,
    /// The others of which the name is known, without what they say: a reference to one leads somewhere.
    pub broken: Vec<Declaration>,
    /// What is to be said of the others.
    pub remarks: Vec<Remark>,
}

impl Document {
    /// Without places.
    pub const fn new(declaration: Declaration) -> Self {
        Self { declaration, file: None, places: BTreeMap::new() }
    }

    /// Where a part stands (`when`, `settings/URI`, `configurations/0`), or else the declaration.
    pub fn place(&self, part: &str) -> Place {
        self.places.get(part).or_else(|| self.places.get("")).copied().unwrap_or_default()
    }

    /// Something that is to be said of a part.
    pub fn remark(&self, part: &str, level: Level, rule: Concern, what: impl Into<String>) -> Remark {
        let remark = Remark::new(level, rule, what).at(self.place(part)).of(&self.declaration.identifier);
        remark.in_file(self.file.as_deref())
    }
}

/// Reads the text of a file; the name says whether it is JSON, and of standard input (`-`) the text does.
pub fn read_text(file: &str, text: &str) -> Read {
    let is_json = match file {
        // YAML that begins with a list has no declarations in it.
        "-" => text.trim_start().starts_with('[') || serde_json::from_str::<IgnoredAny>(text).is_ok(),
        _ => file.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json")),
    };
    match if is_json { source::json(text) } else { source::yaml(text) } {
        Ok(nodes) => read(Some(file), &nodes),
        Err(SourceError { place, what }) => {
            let remark = Remark::new(Level::Error, Concern::Syntax, what).at(place).in_file(Some(file));
            Read { remarks: vec![remark], ..Read::default() }
        }
    }
}

/// Reads one declaration that is JSON.
pub fn read_json(json: &serde_json::Value) -> Read {
    read(None, &[Node::of_json(json)])
}

/// Reads documents.
pub fn read(file: Option<&str>, nodes: &[Node]) -> Read {
    let mut read = Read::default();
    for node in nodes {
        let mut reader = Reader { remarks: Vec::new(), places: BTreeMap::new(), identifier: None, kind: None };
        let declaration = reader.declaration(node);
        let is_whole = reader.remarks.iter().all(|remark| remark.level != Level::Error);
        read.remarks.extend(reader.remarks.into_iter().map(|remark| remark.in_file(file)));
        if let Some(declaration) = declaration.filter(|_| is_whole) {
            let (file, places) = (file.map(str::to_owned), reader.places);
            read.documents.push(Document { declaration, file, places });
        } else if let (Some(identifier), Some(kind)) = (reader.identifier, reader.kind) {
            read.broken.push(Declaration { identifier, payload: kind.empty() });
        }
    }
    read
}

/// Reads one document.
struct Reader {
    remarks: Vec<Remark>,
    places: BTreeMap<String, Place>,
    identifier: Option<Identifier>,
    kind: Option<Kind>,
}

impl Reader {
    fn wrong(&mut self, place: Place, what: impl Into<String>) {
        let remark = Remark::new(Level::Error, Concern::Shape, what).at(place);
        let remark = self.identifier.as_ref().map_or(remark.clone(), |identifier| remark.of(identifier));
        self.remarks.push(remark);
    }

    fn declaration(&mut self, node: &Node) -> Option<Declaration> {
        self.places.insert(String::new(), node.place);
        let map = self.map(node, "a declaration", &["type", "identifier", "payload", "token"])?;
        let identifier = self.wanted(node, map, "identifier").and_then(|node| self.identifier(node));
        self.identifier.clone_from(&identifier);
        let kind = self.wanted(node, map, "type").and_then(|node| self.kind(node));
        self.kind = kind;
        let payload = self.wanted(node, map, "payload")?;
        let (identifier, kind) = (identifier?, kind?);
        let payload = match kind {
            Kind::Configuration => Payload::Configuration(self.configuration(payload)?),
            Kind::Asset => Payload::Asset(self.asset(payload)?),
            Kind::Activation => Payload::Activation(self.activation(payload)?),
            Kind::Management => Payload::Management(self.management(payload)?),
        };
        Some(Declaration { identifier, payload })
    }

    fn kind(&mut self, node: &Node) -> Option<Kind> {
        let word = self.text(node, "type")?;
        let kind = Kind::parse(&word);
        if kind.is_none() {
            let known = Kind::ALL.map(Kind::as_str);
            self.wrong(
                node.place,
                format!("{word:?} is no type{}: write one of {}", meant(&word, &known), known.join(", ")),
            );
        }
        kind
    }

    fn identifier(&mut self, node: &Node) -> Option<Identifier> {
        let text = self.text(node, "an identifier")?;
        Identifier::parse(&text).map_err(|error| self.wrong(node.place, format!("{text:?}: {error}"))).ok()
    }

    fn configuration(&mut self, node: &Node) -> Option<Configuration> {
        let map = self.map(node, "the payload", &["description", "settings", "overrides", "drift"])?;
        let description = self.optional_text(map, "description");
        let mut settings: BTreeMap<LocUri, Value> = BTreeMap::new();
        if let Some(wanted) = self.wanted(node, map, "settings") {
            let entries = self.entries(wanted, "settings")?;
            let mut seen = HashSet::with_capacity(entries.len());
            for entry in entries {
                let Some(uri) = self.uri(entry) else { continue };
                if !seen.insert(uri.node_key()) {
                    self.wrong(entry.place, format!("{} stands there twice", uri.as_str()));
                    continue;
                }
                self.places.insert(format!("settings/{}", uri.as_str()), entry.place);
                if let Some(value) = self.value(&entry.node) {
                    settings.insert(uri, value);
                }
            }
        }
        let mut overrides = BTreeMap::new();
        if let Some(entry) = map.iter().find(|entry| entry.key == "overrides") {
            for entry in self.entries(&entry.node, "overrides")? {
                let Some(uri) = self.uri(entry) else { continue };
                self.places.insert(format!("overrides/{}", uri.as_str()), entry.place);
                match self.text(&entry.node, "the reason of an override") {
                    Some(reason) if reason.trim().is_empty() => {
                        self.wrong(entry.node.place, "an override needs its reason");
                    }
                    Some(reason) => drop(overrides.insert(uri, reason)),
                    None => {}
                }
            }
        }
        let drift = map.iter().find(|entry| entry.key == "drift").map(|entry| self.drift(&entry.node));
        Some(Configuration { description, settings, overrides, drift: drift.unwrap_or_default() })
    }

    fn drift(&mut self, node: &Node) -> Drift {
        let known = Drift::ALL.map(Drift::as_str);
        let Some(word) = self.text(node, "drift") else { return Drift::default() };
        Drift::ALL.into_iter().find(|drift| drift.as_str() == word).unwrap_or_else(|| {
            let what = format!("{word:?} is not known here{}: write one of {}", meant(&word, &known), known.join(", "));
            self.wrong(node.place, what);
            Drift::default()
        })
    }

    fn uri(&mut self, entry: &Entry) -> Option<LocUri> {
        entry.key.parse().map_err(|error| self.wrong(entry.place, format!("{}: {error}", entry.key))).ok()
    }

    fn value(&mut self, node: &Node) -> Option<Value> {
        match &node.tree {
            Tree::Null => {
                let what = "it has no value: leave the setting out, and it is taken back where it was set";
                self.wrong(node.place, what);
                None
            }
            Tree::Bool(truth) => Some(Value::Bool(*truth)),
            Tree::Integer(number) => Some(Value::Integer(*number)),
            Tree::Text(text) => Some(Value::Text(text.clone())),
            Tree::List(items) => {
                let items: Vec<Option<String>> =
                    items.iter().map(|item| self.scalar(item, "each of several values")).collect();
                items.into_iter().collect::<Option<_>>().map(Value::List)
            }
            Tree::Map(entries) if entries.is_empty() => Some(Value::Node),
            Tree::Map(entries) => self.compound(node, entries),
        }
    }

    fn compound(&mut self, node: &Node, entries: &[Entry]) -> Option<Value> {
        let has = |name: &str| entries.iter().any(|entry| entry.key == name);
        if has("asset") {
            let map = self.map(node, "a reference to an asset", &["asset"])?;
            let asset = self.wanted(node, map, "asset")?;
            return self.identifier(asset).map(Value::Asset);
        }
        if has("value") {
            let map = self.map(node, "a value with its format", &["value", "format", "type"])?;
            let value = self.wanted(node, map, "value").and_then(|node| self.scalar(node, "value"))?;
            let format = self.optional_text(map, "format").map_or(Format::Chr, |format| Format::from(format.as_str()));
            let mime = self.optional_text(map, "type");
            return Some(Value::Explicit { value, format, mime });
        }
        let is_state = |entry: &Entry| ["enabled", "disabled"].contains(&entry.key.as_str());
        let state = entries.iter().find(|entry| is_state(entry));
        let Some(state) = state else {
            let what = "a value of several parts begins with enabled: true (a policy of a template), or is {asset: NAME} \
                        or {value: …, format: …}";
            self.wrong(node.place, what);
            return None;
        };
        let Tree::Bool(truth) = state.node.tree else {
            self.wrong(state.node.place, format!("{} is true or false", state.key));
            return None;
        };
        let others: Vec<&Entry> = entries.iter().filter(|entry| entry.key != state.key).collect();
        let is_enabled = truth == (state.key == "enabled");
        let misplaced = others.iter().find_map(|entry| {
            let what = if is_state(entry) {
                "it says twice whether the policy is enabled: leave one of them out"
            } else if !is_enabled {
                "a disabled policy has nothing else: leave it out"
            } else if state.key == "disabled" {
                "what a policy asks for stands beside enabled: true: write that in place of disabled"
            } else {
                return None;
            };
            Some((entry.place, what))
        });
        if let Some((place, what)) = misplaced {
            self.wrong(place, what);
            return None;
        }
        if !is_enabled {
            return Some(Value::Text("disabled".to_owned()));
        }
        let mut data = BTreeMap::new();
        for entry in others {
            data.insert(entry.key.clone(), self.policy_value(&entry.node)?);
        }
        Some(Value::Policy(data))
    }

    fn policy_value(&mut self, node: &Node) -> Option<PolicyValue> {
        Some(match &node.tree {
            Tree::Bool(truth) => PolicyValue::Bool(*truth),
            Tree::Integer(number) => PolicyValue::Number(*number),
            Tree::Text(text) => PolicyValue::Text(text.clone()),
            Tree::List(items) => {
                let lines: Vec<Option<String>> = items.iter().map(|item| self.scalar(item, "each line")).collect();
                PolicyValue::Lines(lines.into_iter().collect::<Option<_>>()?)
            }
            Tree::Map(entries) => {
                let mut named = BTreeMap::new();
                for entry in entries {
                    named.insert(entry.key.clone(), self.scalar(&entry.node, "each value")?);
                }
                PolicyValue::Named(named)
            }
            Tree::Null => {
                self.wrong(node.place, "it has no value: leave it out");
                return None;
            }
        })
    }

    fn asset(&mut self, node: &Node) -> Option<Asset> {
        let kinds = ["text", "base64", "file", "secret"];
        let map = self.map(node, "the payload", &["description", "text", "base64", "file", "secret"])?;
        let description = self.optional_text(map, "description");
        let given: Vec<&Entry> = map.iter().filter(|entry| kinds.contains(&entry.key.as_str())).collect();
        let [entry] = given[..] else {
            self.wrong(node.place, "an asset has one of text, base64, file and secret: true");
            return None;
        };
        self.places.insert("content".to_owned(), entry.place);
        let content = if entry.key == "secret" {
            if entry.node.tree != Tree::Bool(true) {
                let what = "the value of a secret does not belong in a file: write secret: true and give the server \
                            the value by itself";
                self.wrong(entry.node.place, what);
                return None;
            }
            Content::Secret
        } else {
            let text = self.text(&entry.node, &entry.key)?;
            match entry.key.as_str() {
                "base64" => {
                    let packed: String = text.split_whitespace().collect();
                    if STANDARD.decode(&packed).is_err() {
                        self.wrong(entry.node.place, "it is no base64");
                        return None;
                    }
                    Content::Base64(packed)
                }
                "file" => Content::File(text),
                _ => Content::Text(text),
            }
        };
        Some(Asset { description, content })
    }

    fn activation(&mut self, node: &Node) -> Option<Activation> {
        let map = self.map(node, "the payload", &["description", "configurations", "atomic", "when"])?;
        let description = self.optional_text(map, "description");
        let mut configurations = Vec::new();
        let wanted = self.wanted(node, map, "configurations")?;
        for (number, item) in self.items(wanted, "configurations")?.iter().enumerate() {
            self.places.insert(format!("configurations/{number}"), item.place);
            configurations.extend(self.identifier(item));
        }
        let mut atomic = false;
        if let Some(entry) = map.iter().find(|entry| entry.key == "atomic") {
            match entry.node.tree {
                Tree::Bool(truth) => atomic = truth,
                _ => self.wrong(entry.node.place, "atomic is true or false"),
            }
        }
        let when = map.iter().find(|entry| entry.key == "when").and_then(|entry| {
            self.places.insert("when".to_owned(), entry.node.place);
            match entry.node.tree {
                Tree::Bool(truth) => Some(truth.to_string()),
                _ => self.text(&entry.node, "a condition"),
            }
        });
        Some(Activation { description, configurations, atomic, when })
    }

    fn management(&mut self, node: &Node) -> Option<Management> {
        let map = self.map(node, "the payload", &["organization", "contact", "properties"])?;
        let organization = self.optional_text(map, "organization");
        let contact = self.optional_text(map, "contact");
        let properties = match map.iter().find(|entry| entry.key == "properties") {
            None => None,
            Some(entry) => {
                let mut names = Vec::new();
                for (number, item) in self.items(&entry.node, "properties")?.iter().enumerate() {
                    self.places.insert(format!("properties/{number}"), item.place);
                    names.extend(self.text(item, "a fact"));
                }
                Some(names)
            }
        };
        Some(Management { organization, contact, properties })
    }

    /// The entries of a map that has only these.
    fn map<'a>(&mut self, node: &'a Node, what: &str, known: &[&str]) -> Option<&'a [Entry]> {
        let entries = self.entries(node, what)?;
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let near = meant(&entry.key, known);
            self.wrong(entry.place, format!("{what} has no {:?}{near}; it has {}", entry.key, known.join(", ")));
        }
        Some(entries)
    }

    fn entries<'a>(&mut self, node: &'a Node, what: &str) -> Option<&'a [Entry]> {
        if let Tree::Map(entries) = &node.tree {
            return Some(entries);
        }
        self.wrong(node.place, format!("{what}: write names with values, not {}", node.tree.told()));
        None
    }

    fn items<'a>(&mut self, node: &'a Node, what: &str) -> Option<&'a [Node]> {
        if let Tree::List(items) = &node.tree {
            return Some(items);
        }
        self.wrong(node.place, format!("{what}: write a list, not {}", node.tree.told()));
        None
    }

    fn wanted<'a>(&mut self, node: &Node, map: &'a [Entry], name: &str) -> Option<&'a Node> {
        let found = map.iter().find(|entry| entry.key == name).map(|entry| &entry.node);
        if found.is_none() {
            self.wrong(node.place, format!("{name:?} is missing"));
        }
        found
    }

    fn optional_text(&mut self, map: &[Entry], name: &str) -> Option<String> {
        map.iter().find(|entry| entry.key == name).and_then(|entry| self.text(&entry.node, name))
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.tree {
            Tree::Text(text) => Some(text.clone()),
            Tree::Integer(number) => Some(number.to_string()),
            other => {
                self.wrong(node.place, format!("{what}: write a text, not {}", other.told()));
                None
            }
        }
    }

    fn scalar(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.tree {
            Tree::Bool(truth) => Some(truth.to_string()),
            _ => self.text(node, what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_enabled_or_disabled_once() {
        let read = |value: &str| {
            let settings = format!("  settings: {{./Vendor/OEM/X: {value}}}");
            read_text("p.yaml", &format!("type: configuration\nidentifier: a\npayload:\n{settings}\n"))
        };
        for wrong in [
            "{enabled: true, disabled: true}",
            "{disabled: false, enabled: true}",
            "{disabled: false, X: 1}",
            "{disabled: true, X: 1}",
            "{enabled: false, X: 1}",
        ] {
            let read = read(wrong);
            assert_eq!((read.documents.len(), read.remarks.len()), (0, 1), "{wrong}");
        }
        for fine in ["{disabled: false}", "{enabled: false}", "{enabled: true, X: 1}"] {
            assert_eq!(read(fine).remarks, [], "{fine}");
        }
    }
}
