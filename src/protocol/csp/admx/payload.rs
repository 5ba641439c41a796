//! What a device takes for a policy of a template: `<enabled/><data id="…" value="…"/>` or `<disabled/>`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::ElementKind;
use crate::csp::ddf::Element;
use crate::csp::element::parse;

/// What stands between the parts of a value that has several.
const BETWEEN: char = '\u{F000}';

/// Longest payload that is looked into, in bytes.
const MAX_PAYLOAD: usize = 4 * 1024 * 1024;

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
    /// It says neither enabled nor disabled, or both.
    #[error("the value says neither <enabled/> nor <disabled/>: write one of the two first")]
    NoState,
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
        for element in &root.children {
            match element.name.to_ascii_lowercase().as_str() {
                "enabled" if state.is_none() => state = Some(true),
                "disabled" if state.is_none() => state = Some(false),
                "enabled" | "disabled" => return Err(PayloadError::NoState),
                "data" => {
                    let word = |name: &str| element.attribute(name).map(str::to_owned);
                    let id = word("id").ok_or_else(|| PayloadError::Unreadable("a data without id".to_owned()))?;
                    let value = word("value").unwrap_or_else(|| element.text.clone());
                    if found.iter().any(|(known, _)| *known == id) {
                        return Err(PayloadError::Twice(id));
                    }
                    found.push((id, value));
                }
                other => {
                    return Err(PayloadError::Unreadable(format!(
                        "<{}> does not belong there",
                        other.chars().take(40).collect::<String>()
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

    /// What an author wrote, as a payload of a policy that asks for these elements.
    pub fn typed(values: &BTreeMap<String, Value>, elements: &[Element]) -> Result<Self, Vec<PayloadError>> {
        let mut errors = Vec::new();
        let mut data = Vec::new();
        for (id, value) in values {
            match elements.iter().find(|element| element.id.eq_ignore_ascii_case(id)) {
                None => errors.push(unknown(id, elements)),
                Some(element) => match sent(value, &element.kind) {
                    Ok(sent) => data.push((element.id.clone(), sent)),
                    Err(what) => errors.push(PayloadError::Value { id: element.id.clone(), what }),
                },
            }
        }
        let payload = Self::Enabled(data);
        errors.extend(payload.wrong(elements));
        if errors.is_empty() { Ok(payload) } else { Err(errors) }
    }

    /// Everything in it that a policy which asks for these elements does not take.
    pub fn wrong(&self, elements: &[Element]) -> Vec<PayloadError> {
        let Self::Enabled(data) = self else { return Vec::new() };
        let mut errors = Vec::new();
        for (id, value) in data {
            match elements.iter().find(|element| element.id == *id) {
                None => errors.push(unknown(id, elements)),
                Some(element) => {
                    if let Some(what) = wrong_value(value, &element.kind) {
                        errors.push(PayloadError::Value { id: id.clone(), what });
                    }
                }
            }
        }
        let missing =
            elements.iter().filter(|element| element.required && !data.iter().any(|(id, _)| *id == element.id));
        errors.extend(missing.map(|element| PayloadError::Missing(element.id.clone())));
        errors
    }

    /// Things that the policy asks for and that are not given, though it does not insist.
    pub fn left_out<'a>(&'a self, elements: &'a [Element]) -> impl Iterator<Item = &'a str> {
        let data = match self {
            Self::Enabled(data) => Some(data),
            Self::Disabled => None,
        };
        let given = move |id: &str| data.is_none_or(|data| data.iter().any(|(known, _)| known == id));
        elements
            .iter()
            .filter(move |element| !element.required && !given(&element.id))
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
        '\t' | '\n' | '\r' | BETWEEN => write!(f, "&#x{:X};", u32::from(character)),
        other => f.write_char(other),
    })
}

fn unknown(id: &str, elements: &[Element]) -> PayloadError {
    let known = elements.iter().take(20).map(|element| element.id.clone()).collect();
    PayloadError::UnknownId { id: id.chars().take(100).collect(), known }
}

/// An author's value as it is sent.
fn sent(value: &Value, kind: &ElementKind) -> Result<String, String> {
    match (kind, value) {
        (ElementKind::Boolean, Value::Bool(truth)) => Ok(truth.to_string()),
        (ElementKind::Boolean, _) => Err("write true or false".to_owned()),
        (ElementKind::Decimal { .. } | ElementKind::Enum { .. } | ElementKind::Text { .. }, Value::Number(number)) => {
            Ok(number.to_string())
        }
        (ElementKind::Decimal { .. }, _) => Err("write a number".to_owned()),
        (ElementKind::Enum { .. } | ElementKind::Text { .. } | ElementKind::MultiText { .. }, Value::Text(text)) => {
            Ok(text.clone())
        }
        (ElementKind::MultiText { .. }, Value::Lines(lines)) => Ok(lines.join(&BETWEEN.to_string())),
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
    parts.join(&BETWEEN.to_string())
}

fn wrong_value(value: &str, kind: &ElementKind) -> Option<String> {
    let count = |text: &str| text.chars().count();
    match kind {
        ElementKind::Boolean => {
            let is_truth = ["true", "false", "1", "0"].iter().any(|word| value.eq_ignore_ascii_case(word));
            (!is_truth).then(|| "write true or false".to_owned())
        }
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
