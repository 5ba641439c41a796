//! Variables in values: `${device.serial}` stands for a fact of the device, `${asset.NAME}` for an asset.
//!
//! What is put in is escaped for where it stands, so that no value of a device can become markup or another path.
//! `$${` stands for `${` itself.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use transom_protocol::csp::admx::BETWEEN;

use super::Identifier;
use super::asset::{Assets, Content};
use super::hints::nearest_fact;
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
            Self::Xml => Some(BETWEEN),
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

    /// What it says with the same text in place of each variable.
    pub(super) fn filled(&self, with: &str) -> String {
        let of = |part: &Part| match part {
            Part::Literal(literal) => literal.clone(),
            Part::Fact(_) | Part::Asset(_) => with.to_owned(),
        };
        self.parts.iter().map(of).collect()
    }

    /// The text for a device.
    pub fn resolve(&self, escaping: &Escaping, facts: &Facts, assets: &impl Assets) -> Result<String, Unresolved> {
        let (mut text, mut sections) = (String::new(), Sections::default());
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Fact(name) => {
                    let value = facts.value(*name).and_then(told).ok_or(Unresolved::Fact(*name))?;
                    // What an author puts in may be several values; what a device or a directory says is one.
                    if let Some(divider) = escaping.divider().filter(|divider| value.contains(*divider)) {
                        return Err(Unresolved::Divided { fact: *name, divider: divider.to_owned() });
                    }
                    escape(&mut text, &value, escaping, &mut sections);
                }
                Part::Asset(asset) => {
                    let value = match assets.content(asset) {
                        Some(Content::Text(text) | Content::Base64(text)) => text,
                        Some(Content::File(_) | Content::Secret) | None => {
                            return Err(Unresolved::Asset(asset.clone()));
                        }
                    };
                    escape(&mut text, &value, escaping, &mut sections);
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
    let fact = fact(name).ok_or_else(|| TemplateError::UnknownFact {
        name: short(name),
        nearest: nearest_fact(name).map(str::to_owned),
    })?;
    if fact.definition().kind == crate::model::fact::FactKind::List {
        return Err(TemplateError::List(fact));
    }
    Ok(Part::Fact(fact))
}

/// The fact of a name, which may say that it is the device's.
pub(super) fn fact(name: &str) -> Option<FactName> {
    FactName::parse(name).or_else(|| FactName::parse(name.strip_prefix("device.")?))
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

fn escape(text: &mut String, value: &str, escaping: &Escaping, sections: &mut Sections) {
    match escaping {
        Escaping::Xml if !sections.is_cdata(text) => escape_xml(text, value),
        // Nothing is escaped there: what could end the section stands between two of them.
        Escaping::Xml if value.is_empty() || value.contains([']', '>']) => {
            text.push_str(CDATA_END);
            escape_xml(text, value);
            text.push_str(CDATA);
        }
        Escaping::Plain | Escaping::Part(_) | Escaping::Xml => text.push_str(value),
        Escaping::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            text.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
        }
        Escaping::Segment => text.extend(utf8_percent_encode(value, SEGMENT)),
    }
}

fn escape_xml(text: &mut String, value: &str) {
    value.chars().for_each(|character| match character {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '>' => text.push_str("&gt;"),
        '"' => text.push_str("&quot;"),
        '\'' => text.push_str("&apos;"),
        // A reader would make spaces of them in an attribute.
        '\t' => text.push_str("&#x9;"),
        '\n' => text.push_str("&#xA;"),
        '\r' => text.push_str("&#xD;"),
        other => text.push(other),
    });
}

/// How far a text of XML was looked at, and the end of the comment or CDATA section that is open there.
#[derive(Default)]
struct Sections {
    looked: usize,
    end: Option<&'static str>,
}

impl Sections {
    /// Whether what comes behind a text stands in a CDATA section; the text only grows.
    fn is_cdata(&mut self, text: &str) -> bool {
        loop {
            let rest = text.get(self.looked..).unwrap_or_default();
            if let Some(end) = self.end {
                let Some(at) = rest.find(end) else {
                    // The first part of its end may stand there.
                    let part = rest.len() - rest.trim_end_matches([']', '-']).len();
                    self.looked = text.len() - part.min(end.len() - 1);
                    return end == CDATA_END;
                };
                self.looked += at + end.len();
                self.end = None;
            } else {
                let Some(at) = rest.find("<!") else {
                    self.looked = text.len();
                    return false;
                };
                let rest = rest.get(at..).unwrap_or_default();
                let known = [("<!--", "-->"), (CDATA, CDATA_END), ("<!", "")];
                let found = known.into_iter().find(|(begin, _)| rest.starts_with(begin));
                self.looked += at + found.map_or(2, |(begin, _)| begin.len());
                self.end = found.map(|(_, end)| end).filter(|end| !end.is_empty());
            }
        }
    }
}

const CDATA: &str = "<![CDATA[";
const CDATA_END: &str = "]]>";

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
