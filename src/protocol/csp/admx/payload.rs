//! What a device takes for a policy of a template: `<enabled/><data id="…" value="…"/>` or `<disabled/>`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::{BETWEEN, ElementKind};
use crate::csp::ddf::{Element, truth};
use crate::csp::element::{self, parse};
use crate::csp::short;

/// Longest payload that is looked into, in bytes.
const MAX_PAYLOAD: usize = 4 * 1024 * 1024;

/// Most data of one payload, as many as a policy may ask for.
const MAX_DATA: usize = super::MOST;

/// Most things that are said of one payload.
const MAX_SAID: usize = 50;

/// Most letters of a name that are repeated.
const MOST_SHOWN: usize = 40;

/// Most letters of an id that are repeated.
const MOST_OF_ID: usize = 100;

/// A payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The policy is enabled, with these data: id and value as they are sent.
    Enabled(Vec<(String, String)>),
    /// The policy is disabled. (Not configured is no payload: the node is deleted.)
    Disabled,
}

/// One thing that is wrong with a payload, or with what an author wrote for one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is no payload.
    #[error(
        "the value is no payload of an administrative template ({0}): write <enabled/> or <disabled/>, and <data id=\"…\" value=\"…\"/> for each thing that it asks for"
    )]
    Unreadable(String),
    /// It says neither enabled nor disabled.
    #[error("the value says neither <enabled/> nor <disabled/>: write one of the two first")]
    NoState,
    /// It says so more than once, or both.
    #[error(
        "the value says more than once whether the policy is enabled: write either <enabled/> or <disabled/>, once"
    )]
    States,
    /// Something that no device reads stands within an element: whoever wrote it meant something else.
    #[error("{0}")]
    Misplaced(String),
    /// A `data` that the policy does not ask for.
    #[error("the policy asks for nothing with the id {id:?}{}", these(.known))]
    UnknownId {
        /// What was written.
        id: String,
        /// What it asks for.
        known: Vec<String>,
    },
    /// The same `data` twice.
    #[error("the id {0:?} stands there twice")]
    Twice(String),
    /// A `data` that must be there is not.
    #[error("an enabled policy must have {0:?}")]
    Missing(String),
    /// A value that its `data` does not take.
    #[error("{id}: {what}")]
    Value {
        /// Which.
        id: String,
        /// Why not, and what to write.
        what: String,
    },
    /// Data beside `<disabled/>`.
    #[error("a disabled policy has no data: leave them out")]
    DisabledWithData,
}

fn these(ids: &[String]) -> String {
    if ids.is_empty() { "; it asks for nothing".to_owned() } else { format!("; it asks for {}", ids.join(", ")) }
}

/// A value as an author writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true`, `false`.
    Bool(bool),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
    /// Several lines, or the values of a list.
    Lines(Vec<String>),
    /// The values of a list with their names.
    Named(BTreeMap<String, String>),
}

impl Payload {
    /// Reads a payload, in any of the spellings that are about: `<Enabled/>`, `<Data …>`, space between them.
    pub fn parse(data: &str) -> Result<Self, PayloadError> {
        if data.len() > MAX_PAYLOAD {
            return Err(PayloadError::Unreadable("it is too large".to_owned()));
        }
        let root = parse(&format!("<payload>{data}</payload>"))
            .map_err(|error| PayloadError::Unreadable(error.to_string()))?;
        if root.name != "payload" || !root.trimmed().is_empty() {
            return Err(PayloadError::Unreadable("there is text between its elements".to_owned()));
        }
        let mut state = None;
        let mut found = Vec::new();
        let mut ids = HashSet::new();
        for element in &root.children {
            match element.name.to_ascii_lowercase().as_str() {
                "enabled" | "disabled" if state.is_some() => return Err(PayloadError::States),
                word @ ("enabled" | "disabled") => {
                    nothing_within(word, element)?;
                    state = Some(word == "enabled");
                }
                "data" => {
                    if found.len() >= MAX_DATA {
                        return Err(PayloadError::Unreadable(format!("it has more than {MAX_DATA} data")));
                    }
                    let (id, value) = datum(element)?;
                    if !ids.insert(id.clone()) {
                        return Err(PayloadError::Twice(id));
                    }
                    found.push((id, value));
                }
                other => {
                    return Err(PayloadError::Unreadable(format!(
                        "<{}> does not belong there",
                        short(other, MOST_SHOWN)
                    )));
                }
            }
        }
        match state {
            None => Err(PayloadError::NoState),
            Some(true) => Ok(Self::Enabled(found)),
            Some(false) if found.is_empty() => Ok(Self::Disabled),
            Some(false) => Err(PayloadError::DisabledWithData),
        }
    }

    /// What an author wrote, as a payload of a policy that asks for these elements. A text that `is_open` has a part that
    /// is put in later: it is taken as it stands, and is to be checked then.
    pub fn typed(
        values: &BTreeMap<String, Value>,
        elements: &[Element],
        is_open: impl Fn(&str) -> bool,
    ) -> Result<Self, Vec<PayloadError>> {
        let mut errors = Vec::new();
        let mut data = Vec::new();
        let known: HashMap<String, &Element> =
            elements.iter().rev().map(|element| (element.id.to_ascii_lowercase(), element)).collect();
        // What was written, though wrong, is not missing besides.
        let mut written = HashSet::new();
        for (id, value) in values {
            match known.get(&id.to_ascii_lowercase()) {
                None => errors.push(unknown(id, elements)),
                Some(element) => match sent(value, &element.kind, &is_open) {
                    Ok(sent) => data.push((element.id.clone(), sent)),
                    Err(what) => {
                        written.insert(element.id.as_str());
                        errors.push(PayloadError::Value { id: element.id.clone(), what });
                    }
                },
            }
        }
        let payload = Self::Enabled(data);
        let others = payload.wrong_but(elements, &is_open).into_iter();
        errors.extend(
            others
                .filter(|error| !matches!(error, PayloadError::Missing(id) if written.contains(id.as_str())))
                .chain(payload.twice()),
        );
        errors.truncate(MAX_SAID);
        if errors.is_empty() { Ok(payload.canonical(elements)) } else { Err(errors) }
    }

    /// The first id that stands there twice: authors may write one in two spellings.
    fn twice(&self) -> Option<PayloadError> {
        let Self::Enabled(data) = self else { return None };
        let mut ids = HashSet::new();
        data.iter().find(|(id, _)| !ids.insert(id)).map(|(id, _)| PayloadError::Twice(id.clone()))
    }

    /// Everything in it that a policy which asks for these elements does not take; of very much the first.
    pub fn wrong(&self, elements: &[Element]) -> Vec<PayloadError> {
        self.wrong_but(elements, &|_| false)
    }

    /// The same, but for values that are open.
    fn wrong_but(&self, elements: &[Element], is_open: &dyn Fn(&str) -> bool) -> Vec<PayloadError> {
        let Self::Enabled(data) = self else { return Vec::new() };
        let known = by_id(elements);
        let mut errors = Vec::new();
        for (id, value) in data {
            match known.get(id.as_str()) {
                None => errors.push(unknown(id, elements)),
                Some(element) => {
                    if let Some(what) = wrong_value(value, &element.kind).filter(|_| !is_open(value)) {
                        errors.push(PayloadError::Value { id: id.clone(), what });
                    }
                }
            }
            if errors.len() >= MAX_SAID {
                return errors;
            }
        }
        let given: HashSet<&str> = data.iter().map(|(id, _)| id.as_str()).collect();
        let missing = elements.iter().filter(|element| element.required && !given.contains(element.id.as_str()));
        errors.extend(missing.map(|element| PayloadError::Missing(element.id.clone())).take(MAX_SAID));
        errors
    }

    /// The same with its values in the one spelling that devices are sent.
    #[must_use]
    pub fn canonical(self, elements: &[Element]) -> Self {
        let Self::Enabled(mut data) = self else { return self };
        let known = by_id(elements);
        for (id, value) in &mut data {
            if let Some(spelled) = known.get(id.as_str()).and_then(|element| spelled(value, &element.kind)) {
                *value = spelled;
            }
        }
        Self::Enabled(data)
    }

    /// Things that the policy asks for and that are not given, though it does not insist.
    pub fn left_out<'a>(&'a self, elements: &'a [Element]) -> impl Iterator<Item = &'a str> {
        let given: Option<HashSet<&str>> = match self {
            Self::Enabled(data) => Some(data.iter().map(|(id, _)| id.as_str()).collect()),
            Self::Disabled => None,
        };
        let is_left_out = move |id: &str| given.as_ref().is_some_and(|given| !given.contains(id));
        elements
            .iter()
            .filter(move |element| !element.required && is_left_out(&element.id))
            .map(|element| element.id.as_str())
    }
}

/// The form that every Windows takes.
impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Disabled => f.write_str("<disabled/>"),
            Self::Enabled(data) => {
                f.write_str("<enabled/>")?;
                data.iter().try_for_each(|(id, value)| {
                    f.write_str("<data id=\"")?;
                    escape(f, id)?;
                    f.write_str("\" value=\"")?;
                    escape(f, value)?;
                    f.write_str("\"/>")
                })
            }
        }
    }
}

fn escape(f: &mut std::fmt::Formatter<'_>, text: &str) -> std::fmt::Result {
    text.chars().try_for_each(|character| match character {
        '&' => f.write_str("&amp;"),
        '<' => f.write_str("&lt;"),
        '>' => f.write_str("&gt;"),
        '"' => f.write_str("&quot;"),
        // What a reader would make a space of, and what is no character that one sees.
        other if "\t\n\r".contains(other) || BETWEEN.contains(other) => write!(f, "&#x{:X};", u32::from(other)),
        other => f.write_char(other),
    })
}

/// Refuses what would be lost if the element were written again: nothing stands within `<enabled/>`.
fn nothing_within(word: &str, element: &element::Element) -> Result<(), PayloadError> {
    let misplaced = |what: String| Err(PayloadError::Misplaced(what));
    no_element_within(element, || (format!("<{word}>"), format!(": write it behind <{word}/>")))?;
    if !element.trimmed().is_empty() {
        return misplaced(format!("there is text within <{word}>: write <{word}/>"));
    }
    match element.attributes.iter().find(|(name, _)| name != "xmlns") {
        Some((name, _)) => {
            let name = short(name, MOST_SHOWN);
            misplaced(format!("<{word}> has the attribute {name:?}, and takes none: write <{word}/>"))
        }
        None => Ok(()),
    }
}

/// Refuses elements within one; `of` says how it is called and what to write.
fn no_element_within(element: &element::Element, of: impl Fn() -> (String, String)) -> Result<(), PayloadError> {
    let Some(within) = element.children.first() else { return Ok(()) };
    let ((whole, advice), within) = (of(), short(&within.name, MOST_SHOWN));
    Err(PayloadError::Misplaced(format!("<{within}> stands within {whole}{advice}")))
}

/// Id and value of a `data`; nothing else may be in it.
fn datum(element: &element::Element) -> Result<(String, String), PayloadError> {
    let id = element.attribute("id").ok_or_else(|| PayloadError::Unreadable("a data without id".to_owned()))?;
    let shown = short(id, MOST_OF_ID);
    let misplaced = |what: String| Err(PayloadError::Misplaced(what));
    let advice = ", which has no elements: write its value as an attribute";
    no_element_within(element, || (format!("the data {shown:?}"), advice.to_owned()))?;
    let mut words = HashSet::new();
    for (name, _) in element.attributes.iter().filter(|(name, _)| name != "xmlns") {
        let name = name.to_ascii_lowercase();
        if name != "id" && name != "value" || !words.insert(name.clone()) {
            let name = short(&name, MOST_SHOWN);
            return misplaced(format!("the data {shown:?} has the attribute {name:?}: it takes one id and one value"));
        }
    }
    match element.attribute("value") {
        Some(_) if !element.trimmed().is_empty() => {
            misplaced(format!("the data {shown:?} has a value and text besides: leave one of them out"))
        }
        Some(value) => Ok((id.to_owned(), value.to_owned())),
        None => Ok((id.to_owned(), element.text.clone())),
    }
}

/// The elements by their ids; of two with the same the first.
fn by_id(elements: &[Element]) -> HashMap<&str, &Element> {
    elements.iter().rev().map(|element| (element.id.as_str(), element)).collect()
}

/// A value in the spelling that devices are sent, where it has another.
fn spelled(value: &str, kind: &ElementKind) -> Option<String> {
    let word = value.trim();
    match kind {
        ElementKind::Boolean => truth(word).map(|truth| truth.to_string()),
        ElementKind::Decimal { .. } => word.parse::<u64>().ok().map(|number| number.to_string()),
        ElementKind::Enum { values } if !values.iter().any(|each| each == value) => {
            values.iter().find(|each| each.eq_ignore_ascii_case(word)).cloned()
        }
        _ => None,
    }
}

fn unknown(id: &str, elements: &[Element]) -> PayloadError {
    let known = elements.iter().take(20).map(|element| element.id.clone()).collect();
    PayloadError::UnknownId { id: short(id, MOST_OF_ID), known }
}

/// An author's value as it is sent.
fn sent(value: &Value, kind: &ElementKind, is_open: &dyn Fn(&str) -> bool) -> Result<String, String> {
    match (kind, value) {
        // Which word or number it is shows when its parts are put in.
        (ElementKind::Boolean | ElementKind::Decimal { .. }, Value::Text(text)) if is_open(text) => Ok(text.clone()),
        (ElementKind::Boolean, Value::Bool(truth)) => Ok(truth.to_string()),
        (ElementKind::Boolean, _) => Err("write true or false".to_owned()),
        (ElementKind::Decimal { .. } | ElementKind::Enum { .. } | ElementKind::Text { .. }, Value::Number(number)) => {
            Ok(number.to_string())
        }
        // A number in quotation marks is one as well.
        (ElementKind::Decimal { .. }, Value::Text(text)) if text.trim().parse::<u64>().is_ok() => Ok(text.clone()),
        (ElementKind::Decimal { .. }, _) => Err("write a number".to_owned()),
        (ElementKind::Enum { .. } | ElementKind::Text { .. }, Value::Text(text)) => Ok(text.clone()),
        // Lines of a text are lines here as well.
        (ElementKind::MultiText { .. }, Value::Text(text)) => Ok(text.lines().collect::<Vec<_>>().join(BETWEEN)),
        (ElementKind::MultiText { .. }, Value::Lines(lines)) => Ok(lines.join(BETWEEN)),
        (ElementKind::List { explicit: true }, Value::Named(named)) => {
            Ok(joined(named.iter().map(|(name, value)| (name.clone(), value.clone()))))
        }
        (ElementKind::List { explicit: false }, Value::Lines(lines)) => {
            Ok(joined(lines.iter().enumerate().map(|(index, value)| ((index + 1).to_string(), value.clone()))))
        }
        (ElementKind::List { explicit: true }, _) => Err("write names with their values".to_owned()),
        (ElementKind::List { explicit: false }, _) => Err("write a list of values".to_owned()),
        (ElementKind::Enum { values }, _) => Err(format!("write one of {}", some_of(values))),
        (ElementKind::Text { .. }, _) => Err("write a text".to_owned()),
        (ElementKind::MultiText { .. }, _) => Err("write a list of lines".to_owned()),
    }
}

fn joined(pairs: impl Iterator<Item = (String, String)>) -> String {
    let parts: Vec<String> = pairs.flat_map(|(name, value)| [name, value]).collect();
    parts.join(BETWEEN)
}

fn wrong_value(value: &str, kind: &ElementKind) -> Option<String> {
    let count = |text: &str| text.chars().count();
    match kind {
        ElementKind::Boolean => truth(value).is_none().then(|| "write true or false".to_owned()),
        ElementKind::Decimal { min, max } => {
            let fits = value.trim().parse::<u64>().is_ok_and(|number| (*min..=*max).contains(&number));
            (!fits).then(|| format!("write a number from {min} to {max}"))
        }
        ElementKind::Enum { values } => (!values.is_empty()
            && !values.iter().any(|each| each.eq_ignore_ascii_case(value.trim())))
        .then(|| format!("write one of {}", some_of(values))),
        ElementKind::Text { max: Some(max) } if count(value) > *max as usize => {
            Some(format!("it has {} characters, {max} are the most", count(value)))
        }
        ElementKind::MultiText { max: Some(max) } if value.split(BETWEEN).count() > *max as usize => {
            Some(format!("it has more than {max} lines"))
        }
        ElementKind::List { .. } if !value.is_empty() && !value.split(BETWEEN).count().is_multiple_of(2) => {
            Some("a list is pairs of name and value, with U+F000 (&#xF000;) between all of them".to_owned())
        }
        ElementKind::Text { .. } | ElementKind::MultiText { .. } | ElementKind::List { .. } => None,
    }
}

fn some_of(values: &[String]) -> String {
    let shown: Vec<&str> = values.iter().take(12).map(String::as_str).collect();
    let more = if values.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
