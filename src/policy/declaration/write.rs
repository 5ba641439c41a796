//! Declarations as JSON, which tokens are made of, and as YAML.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlEmitter};

use super::source::is_printable;
use super::{
    Activation, Asset, Configuration, Content, Declaration, Drift, Management, Payload, PolicyValue, Token, Value,
};
use crate::model::hex;

/// Bytes of the hash that are shown.
const TOKEN_BYTES: usize = 16;

impl Declaration {
    /// The declaration as JSON: the form that files have. Equal declarations give equal texts.
    pub fn to_json(&self) -> Json {
        json!({"type": self.kind().as_str(), "identifier": self.identifier.as_str(), "payload": self.payload.to_json()})
    }

    /// What is equal when its content is.
    pub fn token(&self) -> Token {
        // The keys of an object are sorted.
        let hash = Sha256::digest(self.to_json().to_string().as_bytes());
        Token(hex(hash.get(..TOKEN_BYTES).unwrap_or(&hash)))
    }
}

impl Payload {
    fn to_json(&self) -> Json {
        let mut map = Map::new();
        match self {
            Self::Configuration(Configuration { description, settings, overrides, drift }) => {
                put(&mut map, "description", description.as_ref());
                let settings = settings.iter().map(|(uri, value)| (uri.as_str().to_owned(), value.to_json()));
                map.insert("settings".to_owned(), Json::Object(settings.collect()));
                if !overrides.is_empty() {
                    let each = overrides.iter().map(|(uri, reason)| (uri.as_str().to_owned(), json!(reason)));
                    map.insert("overrides".to_owned(), Json::Object(each.collect()));
                }
                // What is left out says the same.
                if *drift != Drift::default() {
                    map.insert("drift".to_owned(), json!(drift.as_str()));
                }
            }
            Self::Asset(Asset { description, content }) => {
                put(&mut map, "description", description.as_ref());
                match content {
                    Content::Text(text) => put(&mut map, "text", Some(text)),
                    Content::Base64(text) => put(&mut map, "base64", Some(text)),
                    Content::File(path) => put(&mut map, "file", Some(path)),
                    Content::Secret => {
                        map.insert("secret".to_owned(), json!(true));
                    }
                }
            }
            Self::Activation(Activation { description, configurations, atomic, when }) => {
                put(&mut map, "description", description.as_ref());
                map.insert("configurations".to_owned(), json!(configurations));
                if *atomic {
                    map.insert("atomic".to_owned(), json!(true));
                }
                put(&mut map, "when", when.as_ref());
            }
            Self::Management(Management { organization, contact, properties }) => {
                put(&mut map, "organization", organization.as_ref());
                put(&mut map, "contact", contact.as_ref());
                if let Some(properties) = properties {
                    map.insert("properties".to_owned(), json!(properties));
                }
            }
        }
        Json::Object(map)
    }
}

impl Value {
    /// The value as it stands in a file.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Bool(truth) => json!(truth),
            Self::Integer(number) => json!(number),
            Self::Text(text) => json!(text),
            Self::List(items) => json!(items),
            Self::Policy(data) => {
                let mut map = Map::from_iter([("enabled".to_owned(), json!(true))]);
                map.extend(data.iter().map(|(id, value)| (id.clone(), policy_value(value))));
                Json::Object(map)
            }
            Self::Node => json!({}),
            Self::Asset(asset) => json!({"asset": asset}),
            Self::Explicit { value, format, mime } => {
                let mut map = Map::new();
                put(&mut map, "value", Some(value));
                put(&mut map, "format", Some(&format.as_str().to_owned()));
                put(&mut map, "type", mime.as_ref());
                Json::Object(map)
            }
        }
    }
}

fn policy_value(value: &PolicyValue) -> Json {
    match value {
        PolicyValue::Bool(truth) => json!(truth),
        PolicyValue::Number(number) => json!(number),
        PolicyValue::Text(text) => json!(text),
        PolicyValue::Lines(lines) => json!(lines),
        PolicyValue::Named(named) => json!(named),
    }
}

fn put(map: &mut Map<String, Json>, name: &str, text: Option<&String>) {
    if let Some(text) = text {
        map.insert(name.to_owned(), json!(text));
    }
}

/// Declarations as one YAML file, that reads as they do.
pub fn to_yaml(declarations: &[Declaration]) -> String {
    let mut text = String::new();
    for (number, declaration) in declarations.iter().enumerate() {
        let mut one = String::new();
        // Writing to a String does not fail.
        let _ = YamlEmitter::new(&mut one).dump(&yaml(&declaration.to_json()));
        // Each begins with the line that divides documents; the first needs none.
        let one = if number == 0 { one.strip_prefix("---\n").unwrap_or(&one) } else { &one };
        text.push_str(one);
        text.push('\n');
    }
    text
}

/// In the order in which people write it: type, identifier, payload.
fn yaml(json: &Json) -> Yaml {
    match json {
        Json::Null => Yaml::Null,
        Json::Bool(truth) => Yaml::Boolean(*truth),
        Json::Number(number) => number.as_i64().map_or_else(|| Yaml::Real(number.to_string()), Yaml::Integer),
        Json::String(text) => text_of(text),
        Json::Array(items) => Yaml::Array(items.iter().map(yaml).collect()),
        Json::Object(map) => {
            let first = ["type", "identifier", "description", "enabled", "value"];
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by_key(|key| (first.iter().position(|name| name == key).unwrap_or(first.len()), *key));
            let entries = keys.into_iter().filter_map(|key| Some((text_of(key), yaml(map.get(key)?))));
            Yaml::Hash(entries.collect::<Hash>())
        }
    }
}

/// A text; where it has characters that may not stand in a file, as JSON writes it, which is YAML too.
fn text_of(text: &str) -> Yaml {
    if text.chars().all(is_printable) {
        return Yaml::String(text.to_owned());
    }
    let mut quoted = String::new();
    for character in Json::from(text).to_string().chars() {
        if is_printable(character) {
            quoted.push(character);
        } else {
            // Writing to a String does not fail.
            let _ = write!(quoted, "\\u{:04x}", u32::from(character));
        }
    }
    // What is written as it stands.
    Yaml::Real(quoted)
}
