//! Variables in values: `${device.serial}` stands for a fact of the device, `${asset.NAME}` for an asset.
//!
//! What is put in is escaped for where it stands, so that no value of a device can become markup or another path.
//! `$${` stands for `${` itself.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Identifier;
use super::asset::{Assets, Content};
use crate::model::fact::catalogue;
use crate::model::{FactName, FactValue, Facts, rfc3339_text};

/// A text with variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it is.
    Literal(String),
    /// A fact of the device.
    Fact(FactName),
    /// The content of an asset.
    Asset(Identifier),
}

/// Where a text stands, which says how a value is escaped in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Escaping {
    /// As it is.
    Plain,
    /// As it is, in a node that takes several values with this between them: what a device says is one of them.
    Part(String),
    /// In XML, in an element or an attribute. U+F000 divides the values of a template there.
    Xml,
    /// In a string of JSON.
    Json,
    /// As a segment of an address.
    Segment,
}

/// Why a text with variables can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is not closed.
    #[error("the variable {0:?} has no end: write ${{name}}, or $${{ where no variable is meant")]
    Open(String),
    /// There is no such fact.
    #[error("there is no fact {name:?}{}; write $${{ where no variable is meant", nearest.as_deref().map(|near| format!(", did you mean ${{{near}}}?")).unwrap_or_default())]
    UnknownFact {
        /// As it was written.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
    },
    /// A fact of which no text can be made.
    #[error("the fact {0} is a list and can't stand in a value")]
    List(FactName),
    /// No asset can be called so.
    #[error("{0:?} is no name of an asset")]
    Asset(String),
}

/// What a text needs and nobody has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// The device has not said so.
    #[error("the device has no {0}")]
    Fact(FactName),
    /// The asset has no content.
    #[error("the asset {0} has no content")]
    Asset(Identifier),
    /// What the device says would be several values.
    #[error("the device's {fact} has {divider:?} in it, which stands between values here")]
    Divided {
        /// The fact.
        fact: FactName,
        /// What stands between values.
        divider: String,
    },
    /// With what is put into it, it is no address.
    #[error("it becomes no address: {0}")]
    Address(String),
}

impl Escaping {
    /// What stands between values.
    fn divider(&self) -> Option<&str> {
        match self {
            Self::Part(divider) => Some(divider),
            Self::Xml => Some("\u{F000}"),
            Self::Plain | Self::Json | Self::Segment => None,
        }
    }
}

impl Template {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            if start > 0 && rest.as_bytes().get(start - 1) == Some(&b'$') {
                literal.push_str(rest.get(..start - 1).unwrap_or_default());
                literal.push_str("${");
                rest = rest.get(start + 2..).unwrap_or_default();
                continue;
            }
            literal.push_str(rest.get(..start).unwrap_or_default());
            let after = rest.get(start + 2..).unwrap_or_default();
            let end = after.find('}').ok_or_else(|| TemplateError::Open(short(after)))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(variable(after.get(..end).unwrap_or_default())?);
            rest = after.get(end + 1..).unwrap_or_default();
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts })
    }

    /// Whether it has variables.
    pub fn has_variables(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Literal(_)))
    }

    /// The facts that it needs.
    pub fn facts(&self) -> impl Iterator<Item = FactName> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fact(name) => Some(*name),
            Part::Literal(_) | Part::Asset(_) => None,
        })
    }

    /// The assets that it needs.
    pub fn assets(&self) -> impl Iterator<Item = &Identifier> {
        self.parts.iter().filter_map(|part| match part {
            Part::Asset(asset) => Some(asset),
            Part::Literal(_) | Part::Fact(_) => None,
        })
    }

    /// What stands in it beside variables.
    pub(super) fn literals(&self) -> String {
        let of = |part: &Part| match part {
            Part::Literal(literal) => Some(literal.as_str().to_owned()),
            Part::Fact(_) | Part::Asset(_) => None,
        };
        self.parts.iter().filter_map(of).collect()
    }

    /// What it says by itself, with something in place of assets.
    pub(super) fn with_assets(&self, content: impl Fn(&Identifier) -> String) -> String {
        let of = |part: &Part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Fact(name) => format!("${{{name}}}"),
            Part::Asset(asset) => content(asset),
        };
        self.parts.iter().map(of).collect()
    }

    /// The text for a device.
    pub fn resolve(&self, escaping: &Escaping, facts: &Facts, assets: &impl Assets) -> Result<String, Unresolved> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Fact(name) => {
                    let value = facts.value(*name).and_then(told).ok_or(Unresolved::Fact(*name))?;
                    // What an author puts in may be several values; what a device or a directory says is one.
                    if let Some(divider) = escaping.divider().filter(|divider| value.contains(*divider)) {
                        return Err(Unresolved::Divided { fact: *name, divider: divider.to_owned() });
                    }
                    escape(&mut text, &value, escaping);
                }
                Part::Asset(asset) => {
                    let value = match assets.content(asset) {
                        Some(Content::Text(text) | Content::Base64(text)) => text,
                        Some(Content::File(_) | Content::Secret) | None => {
                            return Err(Unresolved::Asset(asset.clone()));
                        }
                    };
                    escape(&mut text, &value, escaping);
                }
            }
        }
        Ok(text)
    }
}

fn variable(name: &str) -> Result<Part, TemplateError> {
    if let Some(asset) = name.strip_prefix("asset.") {
        return Identifier::parse(asset).map(Part::Asset).map_err(|_| TemplateError::Asset(short(asset)));
    }
    let fact = FactName::parse(name).or_else(|| FactName::parse(name.strip_prefix("device.")?));
    let fact = fact.ok_or_else(|| {
        let near = catalogue().iter().map(|fact| (strsim::jaro_winkler(fact.name, name), fact.name));
        let near = near.filter(|(likeness, _)| *likeness > 0.8).max_by(|one, other| one.0.total_cmp(&other.0));
        TemplateError::UnknownFact { name: short(name), nearest: near.map(|(_, name)| name.to_owned()) }
    })?;
    if fact.definition().kind == crate::model::fact::FactKind::List {
        return Err(TemplateError::List(fact));
    }
    Ok(Part::Fact(fact))
}

fn told(value: &FactValue) -> Option<String> {
    match value {
        FactValue::Text(text) => Some(text.clone()),
        FactValue::Integer(number) => Some(number.to_string()),
        FactValue::Bool(truth) => Some(truth.to_string()),
        FactValue::Time(time) => Some(rfc3339_text(*time)),
        FactValue::List(_) | FactValue::Odd(_) | FactValue::Absent(_) => None,
    }
}

/// What stays as it is in a segment of an address (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn escape(text: &mut String, value: &str, escaping: &Escaping) {
    match escaping {
        Escaping::Plain | Escaping::Part(_) => text.push_str(value),
        Escaping::Xml => value.chars().for_each(|character| match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&apos;"),
            other => text.push(other),
        }),
        Escaping::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            text.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
        }
        Escaping::Segment => text.extend(utf8_percent_encode(value, SEGMENT)),
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
