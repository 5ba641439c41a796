//! Declarations: what authors want of devices, as values. They are pure: nothing here does I/O, and nothing knows how a
//! setting travels to a device.
//!
//! [`source`] reads YAML and JSON with the place of each thing, [`read`](read()) makes declarations of it, [`check`](check())
//! holds them against each other and against the catalogue, [`compile`](compile()) says what a setting is on the wire,
//! [`to_yaml`] writes them down.

mod asset;
mod beside;
mod check;
mod compile;
mod held;
mod hints;
mod ingest;
mod markup;
mod once;
mod read;
mod remark;
#[cfg(test)]
mod schema;
mod secret;
pub mod source;
mod template;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use transom_protocol::syncml::Format;

pub use asset::{Asset, Content};
pub use check::{Known, MOST_SETTINGS, check};
pub use compile::{Compiled, Data, Item, compile};
pub(in crate::policy) use held::held;
pub use ingest::{Area, IngestError, Ingested, Ingestion, all_ingested, with_ingested};
pub(in crate::policy) use markup::is_document;
pub use once::{each_once, each_once_if_any};
pub use read::{Document, Read, read, read_json, read_text};
pub use remark::{Concern, Remark};
pub(in crate::policy) use secret::{only_counts, stands_in, stands_in_value, without_assets};
pub use template::{Escaping, Part, Template, TemplateError, Unresolved};
pub use write::to_yaml;

/// What an author gives for something that a template of policies asks for.
pub use transom_protocol::csp::admx::Value as PolicyValue;
/// Names that declarations share with the catalogue.
pub use transom_protocol::csp::{
    LocUri,
    catalogue::{Finding, Level, Rule},
};

/// What a declaration is called. All kinds share one space of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier(String);

/// A text that is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an identifier has 1 to {MAX_IDENTIFIER} letters, digits, dots, dashes and underscores, and begins with a letter or digit"
)]
pub struct IdentifierError;

/// Longest identifier.
const MAX_IDENTIFIER: usize = 128;

/// Kinds of declarations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A set of settings.
    Configuration,
    /// What settings refer to.
    Asset,
    /// Applies configurations to devices.
    Activation,
    /// Who manages, and what conditions may ask.
    Management,
}

/// What is equal when, and only when, the content of a declaration is: the beginning of its SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Token(String);

/// A declaration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// What it is called.
    pub identifier: Identifier,
    /// What it says.
    pub payload: Payload,
}

/// What a declaration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A set of settings.
    Configuration(Configuration),
    /// What settings refer to.
    Asset(Asset),
    /// Applies configurations to devices.
    Activation(Activation),
    /// Who manages, and what conditions may ask.
    Management(Management),
}

/// A set of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configuration {
    /// What it is for.
    pub description: Option<String>,
    /// The settings with their values. An address may have variables in it.
    pub settings: BTreeMap<LocUri, Value>,
    /// Settings on which the author insists though the check refuses them, with the reason.
    pub overrides: BTreeMap<LocUri, String>,
    /// What is done where a device has something else by now.
    pub drift: Drift,
}

/// What is done where a device has something else by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Drift {
    /// It gets what is wanted again, a few times a day at most.
    #[default]
    Repair,
    /// It is told, and left as it is.
    Report,
}

/// The value of a setting as its author gives it. Format, delimiter and escaping are the catalogue's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text; of an administrative template also `enabled` and `disabled`. May have variables in it.
    Text(String),
    /// Several values, of a node that takes several.
    List(Vec<String>),
    /// A policy of an administrative template that is enabled, with what it asks for: `{enabled: true, ELEMENT: …}`.
    Policy(BTreeMap<String, PolicyValue>),
    /// The node itself, which has no value: `{}`.
    Node,
    /// The content of an asset: `{asset: NAME}`.
    Asset(Identifier),
    /// With what the catalogue can't know: `{value: …, format: …, type: …}`.
    Explicit {
        /// As it is sent.
        value: String,
        /// Its format.
        format: Format,
        /// Its MIME type.
        mime: Option<String>,
    },
}

/// Applies configurations to the devices that a condition selects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activation {
    /// What it is for.
    pub description: Option<String>,
    /// Which.
    pub configurations: Vec<Identifier>,
    /// All of their settings, or none.
    pub atomic: bool,
    /// A condition on the facts of a device; absent: all devices.
    pub when: Option<String>,
}

/// Who manages, and what conditions may ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Management {
    /// The organization that manages the devices.
    pub organization: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// The facts that conditions and variables may use; absent: all.
    pub properties: Option<Vec<String>>,
}

impl Identifier {
    /// The identifier that a text is.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let fits = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        if begins && text.len() <= MAX_IDENTIFIER && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentifierError)
        }
    }

    /// What something is called that came without a name.
    pub(in crate::policy) fn imported() -> Self {
        Self("imported".to_owned())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Identifier {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0
    }
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Drift {
    /// Each.
    pub const ALL: [Self; 2] = [Self::Repair, Self::Report];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repair => "repair",
            Self::Report => "report",
        }
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Configuration, Self::Asset, Self::Activation, Self::Management];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Asset => "asset",
            Self::Activation => "activation",
            Self::Management => "management",
        }
    }

    /// What a declaration of this kind says that says nothing.
    fn empty(self) -> Payload {
        match self {
            Self::Configuration => Payload::Configuration(Configuration::default()),
            // Of a secret nobody knows what is in it.
            Self::Asset => Payload::Asset(Asset { description: None, content: Content::Secret }),
            Self::Activation => Payload::Activation(Activation::default()),
            Self::Management => Payload::Management(Management::default()),
        }
    }

    /// The kind that a word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Token {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Declaration {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self.payload {
            Payload::Configuration(_) => Kind::Configuration,
            Payload::Asset(_) => Kind::Asset,
            Payload::Activation(_) => Kind::Activation,
            Payload::Management(_) => Kind::Management,
        }
    }
}

impl Configuration {
    /// The assets that it refers to: in the values of settings, and in their addresses.
    pub fn assets(&self) -> BTreeSet<Identifier> {
        self.settings.iter().flat_map(|(uri, value)| assets(uri, value)).collect()
    }
}

/// The assets that a setting refers to.
fn assets(uri: &LocUri, value: &Value) -> BTreeSet<Identifier> {
    let address = Template::parse(uri.as_str());
    let in_address = address.iter().flat_map(Template::assets).cloned();
    value.assets().into_iter().chain(in_address).collect()
}

impl Value {
    /// Every text of it that may have variables.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) | Self::Explicit { value: text, .. } => vec![text],
            Self::List(items) => items.iter().map(String::as_str).collect(),
            Self::Policy(data) => data
                .values()
                .flat_map(|value| match value {
                    PolicyValue::Text(text) => vec![text.as_str()],
                    PolicyValue::Lines(lines) => lines.iter().map(String::as_str).collect(),
                    PolicyValue::Named(named) => named.values().map(String::as_str).collect(),
                    PolicyValue::Bool(_) | PolicyValue::Number(_) => Vec::new(),
                })
                .collect(),
            Self::Bool(_) | Self::Integer(_) | Self::Node | Self::Asset(_) => Vec::new(),
        }
    }

    /// The assets that it refers to.
    pub fn assets(&self) -> Vec<Identifier> {
        if let Self::Asset(asset) = self {
            return vec![asset.clone()];
        }
        let templates = self.texts().into_iter().filter_map(|text| Template::parse(text).ok());
        templates.flat_map(|template| template.assets().cloned().collect::<Vec<_>>()).collect()
    }
}
