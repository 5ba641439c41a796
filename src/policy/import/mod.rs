//! What people have already, made into declarations: SyncML profiles (also those of Fleet and of csp-builder), custom
//! OMA-URI profiles and settings catalogues of Intune. Pure: texts in, values out.
//!
//! Each import says of every setting what became of it. Whom a profile was assigned to is not imported: activations say
//! that here.

mod asr;
mod custom;
mod gather;
mod intune;
mod names;
mod syncml;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value as Json;
use transom_protocol::csp::catalogue::Catalogue;

use super::declaration::{Declaration, Document, Identifier, Level, check, read_json};
use gather::Gathered;
use names::Names;

/// Longest text that is read.
pub const MAX_TEXT: usize = 16 * 1024 * 1024;

/// What an import has made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Configurations and assets.
    pub declarations: Vec<Declaration>,
    /// What became of each setting.
    pub told: Vec<Told>,
}

/// What became of one thing that stood in a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The configuration that it was to be in.
    pub configuration: String,
    /// Its address, or what it is called where it comes from.
    pub setting: String,
    /// Whether it was taken.
    pub outcome: Outcome,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
}

/// Whether a setting was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As it was.
    Taken,
    /// A person has to look at it.
    Doubtful,
    /// Not at all.
    LeftOut,
}

/// Why nothing could be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is longer than any profile.
    #[error("it has more than {MAX_TEXT} bytes")]
    TooLong,
    /// It is in no encoding that is known.
    #[error("it is neither UTF-8 nor UTF-16")]
    NoText,
    /// It is neither XML nor JSON.
    #[error("it is neither XML (SyncML) nor JSON (an export of Intune)")]
    Unknown,
    /// It is XML, but not well-formed.
    #[error("it can't be read as XML: {0}")]
    Xml(String),
    /// It is JSON, but not well-formed.
    #[error("it can't be read as JSON: {0}")]
    Json(String),
    /// It is JSON, but no profile.
    #[error(
        "it is JSON, but no export of Intune that is known: neither a settings catalogue (settings) nor a custom profile (omaSettings) for Windows"
    )]
    NoProfile,
    /// It is XML, but has no commands.
    #[error("there is no Add, Replace, Delete or Exec with an Item in it")]
    NoCommands,
}

/// The text of a profile, in any of the encodings in which editors and shells of Windows write one.
pub fn text(bytes: &[u8]) -> Result<String, ImportError> {
    if bytes.len() > MAX_TEXT {
        return Err(ImportError::TooLong);
    }
    value::text_of(bytes).ok_or(ImportError::NoText)
}

/// Reads a profile. `name` is what its configuration is called where the profile has no name of its own.
pub fn import(name: &str, text: &str, catalogue: &Catalogue) -> Result<Imported, ImportError> {
    import_beside(name, text, catalogue, BTreeSet::new())
}

/// The same beside what is there: nothing that comes is called as one of these.
pub fn import_beside(
    name: &str,
    text: &str,
    catalogue: &Catalogue,
    taken: BTreeSet<Identifier>,
) -> Result<Imported, ImportError> {
    if text.len() > MAX_TEXT {
        return Err(ImportError::TooLong);
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    let mut imported = Imported::default();
    let mut names = Names::beside(taken);
    match text.chars().next() {
        Some('<') => {
            let mut gathered = Gathered::new(name, None, catalogue, &mut names);
            syncml::read(text, &mut gathered)?;
            gathered.finish(&mut imported);
        }
        Some('{' | '[') => {
            let json = serde_json::from_str(text).map_err(|error| ImportError::Json(error.to_string()))?;
            intune::read(name, &json, catalogue, &mut names, &mut imported)?;
        }
        _ => return Err(ImportError::Unknown),
    }
    refused(&mut imported, catalogue);
    Ok(imported)
}

/// Tells what the check refuses of what was made.
fn refused(imported: &mut Imported, catalogue: &Catalogue) {
    let documents: Vec<Document> =
        imported.declarations.iter().flat_map(|made| read_json(&made.to_json()).documents).collect();
    let places: HashMap<(String, String), usize> = imported
        .told
        .iter()
        .enumerate()
        .filter(|(_, told)| told.outcome != Outcome::LeftOut)
        .map(|(place, told)| ((told.configuration.clone(), told.setting.clone()), place))
        .collect();
    for remark in check(&documents, &[], catalogue).into_iter().filter(|remark| remark.level == Level::Error) {
        let setting = remark.setting.unwrap_or_else(|| "all of it".to_owned());
        let configuration = remark.identifier.unwrap_or_default();
        let what = format!("the check refuses it: {}", remark.what);
        let key = (configuration, setting);
        match places.get(&key).and_then(|place| imported.told.get_mut(*place)) {
            Some(told) if told.what.contains(&remark.what) => told.outcome = Outcome::Doubtful,
            Some(told) => {
                told.outcome = Outcome::Doubtful;
                told.what = if told.what.is_empty() { what } else { format!("{}; {what}", told.what) };
            }
            None => imported.told.push(Told { configuration: key.0, setting: key.1, outcome: Outcome::Doubtful, what }),
        }
    }
}

/// An identifier that is like a name.
pub fn identifier(name: &str) -> Identifier {
    let mut text = String::new();
    for character in name.chars() {
        let fits = character.is_ascii_alphanumeric() || "._".contains(character);
        match character.to_ascii_lowercase() {
            lower if fits => text.push(lower),
            _ if text.is_empty() || text.ends_with('-') => {}
            _ => text.push('-'),
        }
        if text.len() >= 100 {
            break;
        }
    }
    let text = text.trim_matches(['-', '.', '_']);
    Identifier::parse(text).unwrap_or_else(|_| Identifier::imported())
}

/// A text of a JSON object.
fn text_of<'a>(json: &'a Json, name: &str) -> Option<&'a str> {
    json.get(name).and_then(Json::as_str).filter(|text| !text.trim().is_empty())
}
