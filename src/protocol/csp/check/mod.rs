//! Author-time refusal of what can never work.
//!
//! Everything wrong is found at once, each with its place and with what to write instead. Only what no device could
//! ever do is refused here: whether a node exists, and what values it takes, is the catalogue's to say.

mod format;
mod group;
#[cfg(test)]
mod tests;
mod value;
mod xml;

use super::{Instruction, Operation, Setting};
use crate::syncml::{Format, Verb};

/// Most nodes that one instruction names.
pub const MAX_ITEMS: usize = 500;

/// Most commands in one group.
pub const MAX_COMMANDS: usize = 500;

/// One thing that is wrong with an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the JSON, such as `commands[1].items[0].data`.
    pub at: String,
    /// What, and what to write instead.
    pub what: String,
}

/// Finds everything in an instruction that no device could ever do.
///
/// `max_data` bounds the bytes of one value.
pub fn check(instruction: &Instruction, max_data: usize) -> Result<(), Vec<Problem>> {
    let mut problems = Problems { found: Vec::new(), max_data };
    match instruction {
        Instruction::Single(operation) => problems.operation(operation, &Place::root()),
        Instruction::Group { kind, operations } => problems.group(*kind, operations),
    }
    if problems.found.is_empty() { Ok(()) } else { Err(problems.found) }
}

/// Whether a text is XML: elements that are closed, beside each other or in one.
pub fn is_xml(text: &str) -> bool {
    xml::wrong(text).is_none()
}

/// What was found so far.
struct Problems {
    found: Vec<Problem>,
    max_data: usize,
}

/// A place in the JSON.
struct Place(String);

impl Place {
    fn root() -> Self {
        Self(String::new())
    }

    fn command(index: usize) -> Self {
        Self(format!("commands[{index}]."))
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}items[{index}].", self.0))
    }

    fn field(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }
}

impl Problems {
    fn add(&mut self, at: String, what: impl Into<String>) {
        self.found.push(Problem { at, what: what.into() });
    }

    fn operation(&mut self, operation: &Operation, place: &Place) {
        let items = place.field("items");
        if operation.verb == Verb::Copy {
            self.add(place.field("kind"), "Windows has no Copy: get the value and write it with add");
        }
        match operation.items.len() {
            0 => self.add(items, "there is nothing to act on: write at least one node"),
            1 => {}
            count if operation.verb == Verb::Exec => {
                self.add(
                    items,
                    format!("an exec runs exactly one node, this one has {count}: write one exec for each"),
                );
            }
            count if count > MAX_ITEMS => {
                self.add(
                    items,
                    format!("{count} nodes are too many, {MAX_ITEMS} are the most: write several commands"),
                );
                return;
            }
            _ => {}
        }
        for (index, setting) in operation.items.iter().enumerate() {
            self.setting(operation.verb, setting, &place.item(index));
        }
    }

    fn setting(&mut self, verb: Verb, setting: &Setting, place: &Place) {
        if let Some(query) = setting.target.query()
            && verb != Verb::Get
        {
            let path = setting.target.path();
            self.add(
                place.field("target"),
                format!("?{} asks, so only a get can have it: write {path}", query.as_str()),
            );
        }
        if let Some(what) = setting.mime.as_deref().and_then(wrong_mime) {
            self.add(place.field("type"), what);
        }
        match verb {
            Verb::Get | Verb::Delete => self.only_names_a_node(verb, setting, place),
            Verb::Add | Verb::Replace | Verb::Exec | Verb::Copy => self.carries_a_value(verb, setting, place),
        }
    }

    fn only_names_a_node(&mut self, verb: Verb, setting: &Setting, place: &Place) {
        let kind = if verb == Verb::Get { "a get" } else { "a delete" };
        let fields =
            [("data", setting.data.is_some()), ("format", setting.format.is_some()), ("type", setting.mime.is_some())];
        for (field, is_there) in fields {
            if is_there {
                self.add(place.field(field), format!("{kind} only names its node: leave {field:?} out"));
            }
        }
    }

    fn carries_a_value(&mut self, verb: Verb, setting: &Setting, place: &Place) {
        if let Some(Format::Other(word)) = &setting.format {
            self.add(place.field("format"), format::unknown(word));
            return;
        }
        let Some(data) = setting.data.as_deref() else {
            if let Some(what) = missing_data(verb, setting) {
                self.add(place.field("data"), what);
            }
            return;
        };
        if data.len() > self.max_data {
            let (len, max) = (data.len(), self.max_data);
            let what = format!("the value has {len} bytes, {max} are the most: let the device fetch it from a server");
            self.add(place.field("data"), what);
            return;
        }
        if let Some(what) = value::wrong(setting.format.as_ref().unwrap_or(&Format::Chr), data) {
            self.add(place.field("data"), what);
        }
    }
}

/// What is wrong with a value of a format, and what to write instead.
pub(super) fn wrong_value(format: &Format, data: &str) -> Option<String> {
    value::wrong(format, data)
}

/// The bytes that a value in base64 stands for.
pub(super) fn bytes_of(data: &str) -> Option<Vec<u8>> {
    value::bytes(data)
}

/// Why a value must be there. Three kinds do without: formats that have no value, a type that stands for one (the
/// `application/x-nodemon-…` of `NodeCache`), and an Add that says nothing at all, which announces a node (an MSI
/// install begins so).
fn missing_data(verb: Verb, setting: &Setting) -> Option<&'static str> {
    let stands_for_a_value = setting.mime.as_deref().is_some_and(|mime| mime.starts_with("application/x-nodemon-"));
    match (verb, &setting.format) {
        (Verb::Exec, _) | (_, Some(Format::Node | Format::Null)) => None,
        (Verb::Add, None) if setting.mime.is_none() => None,
        _ if stands_for_a_value => None,
        (_, None | Some(Format::Chr)) => Some(
            "the value is missing: write \"data\", with \"\" for an empty text, or the format \"node\" for an inner node",
        ),
        _ => Some("the value is missing: write \"data\", or the format \"node\" or \"null\" for a node that has none"),
    }
}

/// What is wrong with a MIME type.
fn wrong_mime(mime: &str) -> Option<&'static str> {
    let is_plain = mime.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if mime.trim().is_empty() {
        Some("the type is empty: leave it out, or write a MIME type such as \"text/plain\"")
    } else if !is_plain || mime.trim() != mime || mime.len() > 255 {
        Some("the type is no MIME type: write one such as \"text/plain\"")
    } else {
        None
    }
}
