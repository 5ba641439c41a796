//! YAML and JSON as trees in which everything has its place, so that a message can say where.
//!
//! Files may be anybody's: depth and size are bounded, aliases and tags are refused, a key stands once.

use std::collections::HashMap;

use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

use super::once::Unique;

/// Largest text that is read, in bytes.
pub const MAX_TEXT: usize = 8 * 1024 * 1024;

/// What is said of a larger one.
pub const TOO_LARGE: &str = "the file is larger than 8 MiB: divide it";

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
        return Err(SourceError { place: Place::default(), what: TOO_LARGE.to_owned() });
    }
    if let Some((character, place)) = strange(text) {
        let what = format!(
            "U+{:04X} can't stand in YAML: remove it, or write it as \"\\u{0:04x}\" in double quotes",
            u32::from(character)
        );
        return Err(SourceError { place, what });
    }
    parsed(text)
}

fn parsed(text: &str) -> Result<Vec<Node>, SourceError> {
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
    let Unique(json) = value;
    let value = Node::of_json(&json);
    // JSON is YAML but for some of its escapes: read so, everything has its place.
    let mut read = parsed(text).unwrap_or_default();
    let node = match (read.pop(), read.is_empty()) {
        (Some(node), true) if node.is_same(&value) => node,
        _ if has_fraction(&json) => {
            let what = "a number with a point in it would be written otherwise: put it in quotes".to_owned();
            return Err(SourceError { place: Place::default(), what });
        }
        _ => value,
    };
    Ok(match node.tree {
        Tree::List(documents) => documents,
        _ => vec![node],
    })
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
            // A number stays as it is written.
            (Tree::Text(one), Tree::Text(other)) if one != other => {
                matches!((one.parse::<f64>(), other.parse::<f64>()), (Ok(one), Ok(other)) if one.total_cmp(&other).is_eq())
            }
            (one, other) => one == other,
        }
    }
}

/// Whether a number is in it of which only the value is known, not how it is written.
fn has_fraction(json: &serde_json::Value) -> bool {
    use serde_json::Value;
    match json {
        Value::Number(number) => !number.is_i64() && !number.is_u64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(map) => map.values().any(has_fraction),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

/// The first character that YAML does not allow, and where it stands. The parser takes U+0000 for the end of the file, and
/// nobody would learn of what comes after it.
fn strange(text: &str) -> Option<(char, Place)> {
    let (at, character) = text.char_indices().find(|(_, character)| !is_printable(*character))?;
    let before = text.get(..at).unwrap_or_default();
    let lines = before.replace("\r\n", "\n");
    let line = lines.matches(['\n', '\r']).count() + 1;
    let column = lines.rsplit(['\n', '\r']).next().map_or(0, |line| line.chars().count()) + 1;
    Some((character, Place { line, column }))
}

/// What may stand in a file (YAML 1.2, 5.1).
pub(super) const fn is_printable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' => true,
        '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => true,
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
                    // Without braces, the parser has it begin behind its first name.
                    let place = entries.first().map_or(place, |first| place.min(first.place));
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
                if text == "<<" {
                    let what = "merge keys (<<) are not read: write the values again".to_owned();
                    return Err(SourceError { place: node.place, what });
                }
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

#[cfg(test)]
mod tests {
    use super::{Tree, json, yaml};

    #[test]
    fn numbers_of_json_stay_as_they_are_written() {
        let of = |number: &str| match &json(&format!("[{{\"a\": {number}}}]")).unwrap()[0].tree {
            Tree::Map(entries) => (entries[0].node.tree.clone(), entries[0].node.place.column),
            _ => panic!(),
        };
        for number in ["1e3", "0.10", "-0.5E-2", "100000000000000000000000", "9223372036854775808", "-0"] {
            assert_eq!(of(number), (Tree::Text(number.to_owned()), 8));
        }
        assert_eq!(of("-12").0, Tree::Integer(-12));
        // What YAML can't read has no places, and of its numbers nobody knows how they are written.
        assert!(json("[{\"a\": \"\\ud83d\\ude00\", \"b\": 12}]").is_ok());
        assert!(json("[{\"a\": \"\\ud83d\\ude00\", \"b\": 0.10}]").unwrap_err().what.contains("in quotes"));
    }

    #[test]
    fn merge_keys_are_refused() {
        assert!(yaml("a:\n  <<: {b: 1}\n").unwrap_err().what.contains("merge keys"));
    }

    #[test]
    fn nothing_behind_a_strange_character_is_lost() {
        for (text, line, column, says) in [
            ("a: 1\n---\nb: \0\n---\nc: 3\n", 3, 4, "U+0000"),
            ("# \u{e4}\r\na: \"x\0\"\r\n", 2, 6, "U+0000"),
            ("\0", 1, 1, "U+0000"),
            ("a: b # \u{1b}[2J", 1, 8, "U+001B"),
            ("a: \u{7f}", 1, 4, "U+007F"),
        ] {
            let wrong = yaml(text).unwrap_err();
            assert_eq!((wrong.place.line, wrong.place.column), (line, column), "{text:?}");
            assert!(wrong.what.contains(says), "{}", wrong.what);
        }
        assert_eq!(yaml("a: \"\\0\t\\u007f\" # \u{85}\u{1F600}\n...\n---\nb: 1\n").unwrap().len(), 2);
        let of_json = json("[{\"a\": \"\u{7f}\"}]").unwrap();
        assert_eq!((of_json.len(), of_json[0].place.column), (1, 2), "it is allowed in JSON");
    }
}
