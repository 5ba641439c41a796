//! What an author enters, and the value that it is.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use transom_protocol::csp::admx::ElementKind;
use transom_protocol::csp::ddf::{Element, literal, meant, truth};
use transom_protocol::syncml::Format;

use super::{Field, Form};
use crate::policy::declaration::{Identifier, PolicyValue, Value};

/// Most fields that are looked at.
const MOST: usize = 2_000;

/// Fields that make a value, besides those of elements.
const OF_VALUE: [&str; 10] =
    ["asset", "other", "value", "flag", "lines", "empty", "state", "elements", "format", "type"];

/// What the field for an empty value holds where it is chosen.
const CHOSEN: &str = "true";

/// What was entered, by the names of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entries(Vec<(String, String)>);

impl Entries {
    /// Of the fields of a form that was sent. Ends of lines become what they are everywhere else.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields.into_iter().take(MOST).map(|(name, text)| (name, text.replace("\r\n", "\n"))).collect())
    }

    /// The text of a field; nothing where it is not there.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }

    /// Every text of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Whether a field has this text.
    pub fn has(&self, name: &str, text: &str) -> bool {
        self.all(name).any(|known| known == text)
    }

    /// The same with one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.0.push((name.into(), text.into()));
        self
    }

    /// The lines of a field in which something stands.
    fn lines<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.text(name).lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// What makes a value, as a browser sends it: ends of lines are of one kind, and nothing stands for an empty field.
    fn sent(&self) -> Vec<(&str, String)> {
        let makes = |name: &str| OF_VALUE.contains(&name) || name.starts_with("element.");
        let all = self.0.iter().filter(|(name, text)| makes(name) && !text.is_empty());
        let mut sent: Vec<_> =
            all.map(|(name, text)| (name.as_str(), text.replace("\r\n", "\n").replace('\r', "\n"))).collect();
        sent.sort();
        sent
    }
}

impl Form {
    /// The value that was entered. Whether the node takes it is the check's to say.
    pub fn value(&self, entries: &Entries) -> Result<Value, String> {
        self.value_after(entries, None)
    }

    /// The value that was entered in place of another. One whose fields nobody has touched stays as it is, also where
    /// fields can't hold all of it: blanks at the end of a line, kinds of ends of lines, the order of a list.
    pub fn value_after(&self, entries: &Entries, before: Option<&Value>) -> Result<Value, String> {
        if let Some(before) = before
            && entered(self, before).sent() == entries.sent()
        {
            return Ok(before.clone());
        }
        let asset = entries.text("asset").trim();
        if !asset.is_empty() {
            return Identifier::parse(asset).map(Value::Asset).map_err(|error| format!("{asset:?}: {error}"));
        }
        let other = entries.text("other");
        if !other.trim().is_empty() && !matches!(self.field, Field::Node | Field::Free) {
            return Ok(Value::Text(other.to_owned()));
        }
        let written = match &self.field {
            Field::Free if !other.trim().is_empty() => other,
            _ => entries.text("value"),
        };
        let is_empty = entries.has("empty", CHOSEN);
        if is_empty && matches!(self.field, Field::List(_) | Field::Text { .. }) {
            let lines = entries.all("flag").chain(entries.lines("lines")).next();
            if lines.is_some() || !written.trim().is_empty() {
                return Err("it is to be empty, and something stands in it: take one of the two away".to_owned());
            }
            return Ok(Value::Text(String::new()));
        }
        let wanted = || if written.trim().is_empty() { Err("there is no value yet".to_owned()) } else { Ok(written) };
        Ok(match &self.field {
            Field::Node => Value::Node,
            Field::Choice(_) => scalar(wanted()?, &self.format),
            Field::Number(_) => number(wanted()?),
            Field::Truth => scalar(wanted()?, &Format::Bool),
            Field::Flags(_) => {
                let bits = entries.all("flag").map(|flag| literal(flag).ok_or_else(|| format!("{flag:?} is no flag")));
                Value::Integer(bits.collect::<Result<Vec<i64>, String>>()?.into_iter().fold(0, |sum, bit| sum | bit))
            }
            Field::List(_) => {
                let chosen = entries.all("flag").map(str::to_owned);
                let known: &[String] = if let Some(Value::List(items)) = before { items } else { &[] };
                // What was there already keeps its blanks.
                let as_it_was =
                    |line: &str| if known.iter().any(|item| item == line) { line } else { line.trim() }.to_owned();
                let lines = entries.text("lines").lines().filter(|line| !line.trim().is_empty());
                let list: Vec<String> = chosen.chain(lines.map(as_it_was)).collect();
                if list.is_empty() {
                    return Err("there is no value yet".to_owned());
                }
                Value::List(list)
            }
            Field::Text { .. } => Value::Text(wanted()?.to_owned()),
            Field::Policy(elements) => policy(elements.as_deref(), entries)?,
            Field::Free => {
                let format = Format::from(entries.text("format"));
                let mime = Some(entries.text("type").trim().to_owned()).filter(|mime| !mime.is_empty());
                Value::Explicit { value: written.to_owned(), format, mime }
            }
        })
    }
}

/// The entries that make a value.
pub fn entered(form: &Form, value: &Value) -> Entries {
    let none = Entries::default();
    if let Value::Asset(asset) = value {
        return none.with("asset", asset.as_str());
    }
    match (&form.field, value) {
        (Field::Free, Value::Explicit { value, format, mime }) => {
            none.with("value", value).with("format", format.as_str()).with("type", mime.clone().unwrap_or_default())
        }
        (Field::Free, value) => {
            let format = match value {
                Value::Bool(_) => Format::Bool,
                Value::Integer(_) => Format::Int,
                Value::Node => Format::Node,
                _ => Format::Chr,
            };
            none.with("value", plain(value)).with("format", format.as_str())
        }
        (_, Value::Explicit { value, .. }) => none.with("other", value),
        (Field::Choice(choices), value) => {
            let text = plain(value);
            let choice = choices.iter().find(|choice| is_same(&choice.value, &text));
            choice.map_or_else(
                || none.clone().with("other", text.clone()),
                |choice| none.clone().with("value", &choice.value),
            )
        }
        (Field::Truth, value) => match plain(value).as_str() {
            text @ ("true" | "false") => none.with("value", text),
            text => none.with("other", text),
        },
        (Field::Flags(choices), value) => {
            let number = literal(&plain(value));
            let bits: Vec<(&str, i64)> =
                choices.iter().filter_map(|choice| Some((choice.value.as_str(), literal(&choice.value)?))).collect();
            let Some(number) = number else { return none.with("other", plain(value)) };
            let set: Vec<&(&str, i64)> = bits.iter().filter(|(_, bit)| *bit != 0 && number & bit == *bit).collect();
            if set.iter().fold(0, |sum, (_, bit)| sum | bit) != number {
                return none.with("other", plain(value));
            }
            set.into_iter().fold(none, |entries, (word, _)| entries.with("flag", *word))
        }
        (Field::List(_), Value::List(items)) if items.is_empty() => none.with("empty", CHOSEN),
        (Field::List(choices), Value::List(items)) => {
            let (known, others): (Vec<&String>, Vec<&String>) =
                items.iter().partition(|item| choices.iter().any(|choice| choice.value == **item));
            let entries = known.into_iter().fold(none, |entries, item| entries.with("flag", item));
            let others: Vec<&str> = others.into_iter().map(String::as_str).collect();
            entries.with("lines", others.join("\n"))
        }
        (Field::List(_) | Field::Text { .. }, Value::Text(text)) if text.is_empty() => none.with("empty", CHOSEN),
        (Field::List(_), value) => none.with("other", plain(value)),
        (Field::Policy(elements), value) => policy_entries(elements.as_deref(), value),
        (_, value) => none.with("value", plain(value)),
    }
}

fn scalar(text: &str, format: &Format) -> Value {
    match format {
        Format::Int => number(text),
        Format::Bool => truth(text).map_or_else(|| Value::Text(text.to_owned()), Value::Bool),
        _ => Value::Text(text.to_owned()),
    }
}

fn number(text: &str) -> Value {
    let trimmed = text.trim();
    trimmed.parse().map_or_else(|_| Value::Text(trimmed.to_owned()), Value::Integer)
}

/// Whether two literals mean the same: `0x1` is 1, `True` is `true` is 1.
fn is_same(one: &str, other: &str) -> bool {
    one == other || meant(one).is_some_and(|one| Some(one) == meant(other))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Bool(truth) => truth.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) | Value::Explicit { value: text, .. } => text.clone(),
        Value::List(items) => items.join("\n"),
        Value::Node | Value::Asset(_) | Value::Policy(_) => String::new(),
    }
}

fn policy(elements: Option<&[Element]>, entries: &Entries) -> Result<Value, String> {
    match entries.text("state") {
        "disabled" => return Ok(Value::Text("disabled".to_owned())),
        "enabled" => {}
        _ => return Err("say whether the policy is enabled or disabled".to_owned()),
    }
    let mut data = BTreeMap::new();
    for element in elements.unwrap_or_default() {
        let name = format!("element.{}", element.id);
        if let Some(value) = element_value(&element.kind, &name, entries) {
            data.insert(element.id.clone(), value?);
        }
    }
    // Where nobody knows what it asks for: ID = value, line by line.
    for line in entries.lines("elements") {
        let (id, value) = unknown_id(line).ok_or_else(|| format!("{line:?}: write ID = value"))?;
        data.insert(id, unknown_value(value.trim())?);
    }
    Ok(if data.is_empty() { Value::Text("enabled".to_owned()) } else { Value::Policy(data) })
}

/// What was entered for one thing that a policy asks for; nothing where it is left out.
fn element_value(kind: &ElementKind, name: &str, entries: &Entries) -> Option<Result<PolicyValue, String>> {
    let text = entries.text(name);
    if text.trim().is_empty() {
        return None;
    }
    let number = || text.trim().parse().map_or_else(|_| PolicyValue::Text(text.trim().to_owned()), PolicyValue::Number);
    Some(Ok(match kind {
        ElementKind::Boolean => PolicyValue::Bool(text == "true"),
        ElementKind::Decimal { .. } | ElementKind::Enum { .. } => number(),
        ElementKind::Text { .. } => PolicyValue::Text(text.to_owned()),
        ElementKind::MultiText { .. } => PolicyValue::Lines(text.lines().map(str::to_owned).collect()),
        ElementKind::List { explicit: false } => PolicyValue::Lines(entries.lines(name).map(str::to_owned).collect()),
        ElementKind::List { explicit: true } => {
            let mut named = BTreeMap::new();
            for line in entries.lines(name) {
                let Some((key, value)) = line.split_once('=') else {
                    return Some(Err(format!("{line:?}: write name = value")));
                };
                named.insert(key.trim().to_owned(), value.trim().to_owned());
            }
            PolicyValue::Named(named)
        }
    }))
}

fn policy_entries(elements: Option<&[Element]>, value: &Value) -> Entries {
    let none = Entries::default();
    let data = match value {
        Value::Policy(data) => data,
        Value::Bool(truth) => return none.with("state", if *truth { "enabled" } else { "disabled" }),
        Value::Text(text) if ["enabled", "disabled"].contains(&text.trim()) => return none.with("state", text.trim()),
        other => return none.with("other", plain(other)),
    };
    let mut entries = none.with("state", "enabled");
    let mut unknown = Vec::new();
    for (id, value) in data {
        let known = elements.unwrap_or_default().iter().find(|element| element.id.eq_ignore_ascii_case(id));
        match known.and_then(|element| Some((element, known_text(element, value)?))) {
            Some((element, text)) => entries = entries.with(format!("element.{}", element.id), text),
            None => unknown.push(unknown_line(id, value)),
        }
    }
    if unknown.is_empty() { entries } else { entries.with("elements", unknown.join("\n")) }
}

/// What is entered into the field of an element; nothing where the field could not give the value back.
fn known_text(element: &Element, value: &PolicyValue) -> Option<String> {
    let text = one_text(value).unwrap_or_else(|| match value {
        PolicyValue::Lines(lines) => lines.join("\n"),
        PolicyValue::Named(named) => {
            named.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join("\n")
        }
        PolicyValue::Bool(_) | PolicyValue::Number(_) | PolicyValue::Text(_) => String::new(),
    });
    let can_be_shown = match &element.kind {
        ElementKind::Boolean => ["true", "false"].contains(&text.as_str()),
        ElementKind::Enum { values } => values.contains(&text),
        ElementKind::Decimal { .. } | ElementKind::Text { .. } => !text.contains(['\n', '\r']),
        ElementKind::MultiText { .. } | ElementKind::List { .. } => !text.contains('\r'),
    };
    let entries = Entries::default().with("element", text.clone());
    let again = element_value(&element.kind, "element", &entries)?.ok()?;
    // A number and a text that say the same are the same for a device.
    let is_same = again == *value || one_text(&again).is_some_and(|again| Some(again) == one_text(value));
    (can_be_shown && is_same).then_some(text)
}

/// The text of a value that has one part.
fn one_text(value: &PolicyValue) -> Option<String> {
    match value {
        PolicyValue::Bool(truth) => Some(truth.to_string()),
        PolicyValue::Number(number) => Some(number.to_string()),
        PolicyValue::Text(text) => Some(text.clone()),
        PolicyValue::Lines(_) | PolicyValue::Named(_) => None,
    }
}

/// The name at the beginning of a line, and what stands behind the `=`.
fn unknown_id(line: &str) -> Option<(String, &str)> {
    if !line.starts_with('"') {
        return line.split_once('=').map(|(id, value)| (id.trim().to_owned(), value));
    }
    let mut quoted = serde_json::Deserializer::from_str(line).into_iter::<String>();
    let id = quoted.next()?.ok()?;
    let value = line.get(quoted.byte_offset()..)?.trim_start().strip_prefix('=')?;
    Some((id, value))
}

/// A value of something that nobody knows: a word or number as it is, anything with more to it as JSON.
fn unknown_value(text: &str) -> Result<PolicyValue, String> {
    match text {
        "true" | "false" => return Ok(PolicyValue::Bool(text == "true")),
        _ if text.starts_with(['"', '[', '{']) => {}
        _ => return Ok(text.parse().map_or_else(|_| PolicyValue::Text(text.to_owned()), PolicyValue::Number)),
    }
    match serde_json::from_str(text) {
        Ok(json) => of_json(&json).ok_or_else(|| format!("{text:?}: write texts and numbers in it, nothing deeper")),
        // A GUID stands between such brackets too.
        Err(_) if !["\"", "[\"", "{\""].iter().any(|begin| text.starts_with(begin)) => {
            Ok(PolicyValue::Text(text.to_owned()))
        }
        Err(error) => Err(format!("{text:?} can't be read as JSON: {error}")),
    }
}

fn of_json(json: &Json) -> Option<PolicyValue> {
    let scalar = |json: &Json| match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    Some(match json {
        Json::Array(items) => PolicyValue::Lines(items.iter().map(scalar).collect::<Option<_>>()?),
        Json::Object(map) => {
            let pairs = map.iter().map(|(name, value)| Some((name.clone(), scalar(value)?)));
            PolicyValue::Named(pairs.collect::<Option<_>>()?)
        }
        other => PolicyValue::Text(scalar(other)?),
    })
}

/// The line of something that nobody knows, so that it is read as it was.
fn unknown_line(id: &str, value: &PolicyValue) -> String {
    let quoted = |text: &str| Json::from(text).to_string();
    let is_plain = !id.is_empty() && id.trim() == id && !id.contains(['=', '"', '\n', '\r']);
    let id = if is_plain { id.to_owned() } else { quoted(id) };
    let short = one_text(value).filter(|text| text.trim() == text && !text.contains(['\n', '\r']));
    let text = short.filter(|short| unknown_value(short).as_ref() == Ok(value));
    let text = text.unwrap_or_else(|| match value {
        PolicyValue::Lines(lines) => Json::from(lines.clone()).to_string(),
        PolicyValue::Named(named) => {
            let named = named.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str())));
            Json::Object(named.collect()).to_string()
        }
        other => quoted(&one_text(other).unwrap_or_default()),
    });
    format!("{id} = {text}")
}
