//! YAML and JSON as trees in which everything has its place, so that a message can say where.
//!
//! Files may be anybody's: depth and size are bounded, aliases and tags are refused, a key stands once.

use std::collections::HashMap;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

/// Largest text that is read, in bytes.
pub const MAX_TEXT: usize = 8 * 1024 * 1024;

/// Deepest nesting.
const MAX_DEPTH: usize = 32;

/// Where something stands; both count from 1. Zero: nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// What it is.
    pub tree: Tree,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number that is written as people write them.
    Integer(i64),
    /// Everything else: a number with a point or with leading zeros stays as it was written.
    Text(String),
    /// Several values.
    List(Vec<Node>),
    /// Values with names, in the order of the file.
    Map(Vec<Entry>),
}

/// A value with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// Where the name stands.
    pub place: Place,
    /// The value.
    pub node: Node,
}

/// Why a text can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// Where.
    pub place: Place,
    /// Why, and what to do.
    pub what: String,
}

impl Node {
    /// The same of JSON that has no places.
    pub fn of_json(json: &serde_json::Value) -> Self {
        use serde_json::Value;
        let tree = match json {
            Value::Null => Tree::Null,
            Value::Bool(truth) => Tree::Bool(*truth),
            Value::Number(number) => number.as_i64().map_or_else(|| Tree::Text(number.to_string()), Tree::Integer),
            Value::String(text) => Tree::Text(text.clone()),
            Value::Array(items) => Tree::List(items.iter().map(Self::of_json).collect()),
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: key.clone(),
                    place: Place::default(),
                    node: Self::of_json(value),
                };
                Tree::Map(map.iter().map(entry).collect())
            }
        };
        Self { place: Place::default(), tree }
    }
}

impl Tree {
    /// What it is, in words.
    pub const fn told(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "names with values",
        }
    }
}

/// The documents of a YAML file. Empty ones are left out.
pub fn yaml(text: &str) -> Result<Vec<Node>, SourceError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.len() > MAX_TEXT {
        let what = format!("the file is larger than {MAX_TEXT} bytes: divide it");
        return Err(SourceError { place: Place::default(), what });
    }
    let mut parser = Parser::new_from_str(text);
    let mut reader = Reader::default();
    loop {
        let (event, mark) = parser.next_token().map_err(|error| SourceError {
            place: place(*error.marker()),
            what: format!("it can't be read: {}", error.info()),
        })?;
        if event == Event::StreamEnd {
            return Ok(reader.documents);
        }
        reader.take(event, place(mark))?;
    }
}

/// The documents of a JSON file: one, or those of a list.
pub fn json(text: &str) -> Result<Vec<Node>, SourceError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let told = |error: &serde_json::Error| if error.is_data() { "it can't be read" } else { "it is no JSON" };
    let value: Unique = serde_json::from_str(text).map_err(|error| SourceError {
        place: Place { line: error.line(), column: error.column() },
        what: format!("{}: {error}", told(&error)),
    })?;
    let value = Node::of_json(&value.0);
    // JSON is YAML but for some of its escapes: read so, everything has its place.
    let mut read = yaml(text).unwrap_or_default();
    let node = match (read.pop(), read.is_empty()) {
        (Some(node), true) if node.is_same(&value) => node,
        _ => value,
    };
    Ok(match node.tree {
        Tree::List(documents) => documents,
        _ => vec![node],
    })
}

/// JSON in which each name stands once: of two, readers take one without a word.
struct Unique(serde_json::Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Unique, E> {
        Ok(Unique(truth.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Unique, E> {
        Ok(Unique(number.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Unique, E> {
        Ok(Unique(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Unique, E> {
        Ok(Unique(text.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Unique, E> {
        Ok(Unique(serde_json::Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Unique(items.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Unique, A::Error> {
        let mut map = serde_json::Map::new();
        while let Some(name) = from.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom(format!("{name:?} stands there twice")));
            }
            let Unique(value) = from.next_value()?;
            map.insert(name, value);
        }
        Ok(Unique(map.into()))
    }
}

impl Node {
    /// Whether it is the same, wherever it stands.
    fn is_same(&self, other: &Self) -> bool {
        match (&self.tree, &other.tree) {
            (Tree::List(one), Tree::List(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
            (Tree::Map(one), Tree::Map(other)) => {
                let known: HashMap<&str, &Self> = other.iter().map(|entry| (entry.key.as_str(), &entry.node)).collect();
                let same = |entry: &Entry| known.get(entry.key.as_str()).is_some_and(|other| entry.node.is_same(other));
                one.len() == other.len() && one.iter().all(same)
            }
            (one, other) => one == other,
        }
    }
}

fn place(mark: Marker) -> Place {
    Place { line: mark.line(), column: mark.col() + 1 }
}

/// Makes trees of events.
#[derive(Default)]
struct Reader {
    documents: Vec<Node>,
    open: Vec<Open>,
}

/// A list or a map that has not come to its end.
struct Open {
    place: Place,
    tree: Half,
}

enum Half {
    List(Vec<Node>),
    /// What is in it, where each name stands, and the name whose value comes next.
    Map(Vec<Entry>, HashMap<String, Place>, Option<(String, Place)>),
}

impl Reader {
    fn take(&mut self, event: Event, place: Place) -> Result<(), SourceError> {
        let wrong = |what: &str| Err(SourceError { place, what: what.to_owned() });
        match event {
            Event::Alias(_) => wrong("aliases (*name) are not read: write the value again"),
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                wrong("tags (!name) are not read: leave it out")
            }
            Event::Scalar(text, style, _, None) => {
                let tree = if style == TScalarStyle::Plain { plain(text) } else { Tree::Text(text) };
                self.put(Node { place, tree })
            }
            Event::SequenceStart(..) => self.begin(place, Half::List(Vec::new())),
            Event::MappingStart(..) => self.begin(place, Half::Map(Vec::new(), HashMap::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { place, tree: Half::List(items) }) => self.put(Node { place, tree: Tree::List(items) }),
                Some(Open { place, tree: Half::Map(entries, ..) }) => {
                    self.put(Node { place, tree: Tree::Map(entries) })
                }
                None => wrong("it ends what never began"),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn begin(&mut self, place: Place, tree: Half) -> Result<(), SourceError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(SourceError { place, what: "it is nested too deeply".to_owned() });
        }
        self.open.push(Open { place, tree });
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), SourceError> {
        match self.open.last_mut().map(|open| &mut open.tree) {
            None if node.tree == Tree::Null => {}
            None => self.documents.push(node),
            Some(Half::List(items)) => items.push(node),
            Some(Half::Map(_, places, key @ None)) => {
                let text = match node.tree {
                    Tree::Text(text) => text,
                    Tree::Integer(number) => number.to_string(),
                    Tree::Bool(truth) => truth.to_string(),
                    other => {
                        let what = format!("a name is a text, not {}", other.told());
                        return Err(SourceError { place: node.place, what });
                    }
                };
                if let Some(before) = places.insert(text.clone(), node.place) {
                    let what = format!("{text:?} stands in line {} already", before.line);
                    return Err(SourceError { place: node.place, what });
                }
                *key = Some((text, node.place));
            }
            Some(Half::Map(entries, _, key)) => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry { key, place, node });
                }
            }
        }
        Ok(())
    }
}

/// A scalar without quotes, by the core schema of YAML 1.2: `no` and `on` are texts.
fn plain(text: String) -> Tree {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Tree::Null,
        "true" | "True" | "TRUE" => Tree::Bool(true),
        "false" | "False" | "FALSE" => Tree::Bool(false),
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Tree::Integer(number),
            _ => Tree::Text(text),
        },
    }
}
