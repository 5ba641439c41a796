//! What the program brings along: facts about the settings of Windows, made by `transom csp builtin` of the files that
//! Microsoft publishes. Descriptions and the words for values are not among them.

use flate2::Compression;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use transom_protocol::csp::catalogue::{Catalogue, Erratum, Source};
use transom_protocol::csp::{LocUri, LocUriError};

use super::archive::{ArchiveError, descriptions};
use super::document::{DocumentError, pack, unpack};
use crate::model::hex;

/// The facts, compressed.
const FACTS: &[u8] = include_bytes!("../../../schema/csp-facts.json.gz");

/// What is known to be wrong in Microsoft's files.
const ERRATA: &str = include_str!("../../../schema/csp-errata.json");

/// What has to be said of the facts.
pub const NOTICE: &str = "Facts about the settings of Windows, derived from the DDF files that Microsoft publishes for its \
     configuration service providers, (c) Microsoft, CC BY 4.0. No descriptions are among them.";

/// The facts with where they are from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    /// What has to be said of them.
    pub notice: String,
    /// Where they are from, the newest first.
    pub provenance: Vec<Provenance>,
    /// The facts, in the same order.
    pub sources: Vec<Source>,
}

/// Which files the facts of a source were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// What Microsoft calls them.
    pub name: String,
    /// SHA-256 of the archive.
    pub sha256: String,
    /// The day on which the facts were made of it.
    pub made: String,
    /// Files, trees and nodes of it that are among the facts.
    pub files: usize,
    /// Trees.
    pub trees: usize,
    /// Nodes.
    pub nodes: usize,
}

/// Why the facts can't be made.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinError {
    /// An archive can't be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// They can't be read or written.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The corrections can't be read.
    #[error("the corrections of the catalogue can't be read: {0}")]
    Errata(#[from] serde_json::Error),
}

/// Why corrections can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ErrataError {
    /// They have another form.
    #[error(transparent)]
    Form(#[from] serde_json::Error),
    /// One is of nothing.
    #[error("{0:?} is no address: {1}")]
    Address(String, LocUriError),
}

/// The facts that the program brings along.
pub fn facts() -> Result<Facts, DocumentError> {
    unpack(FACTS)
}

/// The corrections that the program brings along.
pub fn errata() -> Result<Vec<Erratum>, serde_json::Error> {
    serde_json::from_str(ERRATA)
}

/// Corrections that somebody else wrote, in the same form.
pub fn read_errata(json: &str) -> Result<Vec<Erratum>, ErrataError> {
    let errata: Vec<Erratum> = serde_json::from_str(json)?;
    for erratum in &errata {
        if let Err(error) = erratum.uri.parse::<LocUri>() {
            return Err(ErrataError::Address(erratum.uri.clone(), error));
        }
    }
    Ok(errata)
}

/// The catalogue of what the program brings along, for whoever asks without a server.
pub fn catalogue() -> Result<Catalogue, BuiltinError> {
    let mut catalogue = Catalogue::build(&facts()?.sources).catalogue;
    // One that can't be made is told by the server.
    drop(catalogue.correct(&errata()?));
    Ok(catalogue)
}

/// Makes the facts of archives, the newest first. Of an older one only the trees stay that no newer one has.
pub fn make(archives: &[(&str, &[u8])], day: &str) -> Result<Vec<u8>, BuiltinError> {
    let mut facts = Facts { notice: NOTICE.to_owned(), provenance: Vec::new(), sources: Vec::new() };
    let mut known = std::collections::HashSet::new();
    for (name, bytes) in archives {
        let mut source = descriptions(name, bytes)?.source;
        source.strip_prose();
        let mut here = Vec::new();
        for file in &mut source.files {
            file.roots.retain(|root| {
                let key = tree_key(&root.path, &root.node.name);
                let is_new = !known.contains(&key);
                here.push(key);
                is_new
            });
        }
        source.files.retain(|file| !file.roots.is_empty());
        known.extend(here);
        facts.provenance.push(Provenance {
            name: (*name).to_owned(),
            sha256: hex(&Sha256::digest(bytes)),
            made: day.to_owned(),
            files: source.files.len(),
            trees: source.trees().count(),
            nodes: source.nodes(),
        });
        facts.sources.push(source);
    }
    Ok(pack(&facts, Compression::best())?)
}

/// A CSP is one in both scopes.
fn tree_key(path: &str, name: &transom_protocol::csp::ddf::NodeName) -> String {
    let path = path.to_ascii_lowercase();
    format!("{} {name:?}", path.replace("./device/", "./").replace("./user/", "./"))
}
