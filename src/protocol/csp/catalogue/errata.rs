//! What is known to be wrong in the files.

use serde::{Deserialize, Serialize};

use super::Catalogue;
use crate::csp::ddf::{Access, Allowed};
use crate::csp::{LocUri, LocUriError};
use crate::syncml::Format;

/// A correction of one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erratum {
    /// The node; any name stands for one that is chosen.
    pub uri: String,
    /// What it takes in truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Allowed>,
    /// The format that it has in truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The verbs that it takes in truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// How one knows.
    pub reason: String,
}

/// Why a correction was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErratumProblem {
    /// Its address is none.
    #[error("{0:?} is no address: {1}")]
    Address(String, LocUriError),
    /// No file describes the node: the correction waits for one that does.
    #[error("no file describes {0}")]
    Unknown(String),
}

impl Catalogue {
    /// Makes corrections; hands back those that could not be made.
    pub fn correct(&mut self, errata: &[Erratum]) -> Vec<ErratumProblem> {
        let mut problems = Vec::new();
        for erratum in errata {
            let hit = match erratum.uri.parse::<LocUri>() {
                Err(error) => Err(ErratumProblem::Address(erratum.uri.clone(), error)),
                Ok(uri) => self.known(&uri).ok_or_else(|| ErratumProblem::Unknown(erratum.uri.clone())),
            };
            let hit = match hit {
                Ok(hit) => hit,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            if let Some(properties) = &mut self.entries[hit.node.0 as usize].properties {
                if let Some(allowed) = &erratum.allowed {
                    properties.allowed = Some(allowed.clone());
                }
                if let Some(format) = &erratum.format {
                    properties.format = format.clone();
                }
                if let Some(access) = erratum.access {
                    properties.access = access;
                }
            }
        }
        problems
    }
}
