//! What was imported for the catalogue of settings.

use super::Timestamp;

/// Descriptions of one release, as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CspDrop {
    /// What people call it.
    pub name: String,
    /// SHA-256 of what was imported, as hexadecimal digits.
    pub sha256: String,
    /// When.
    pub imported_at: Timestamp,
    /// By whom.
    pub imported_by: String,
    /// Files that were read.
    pub files: u32,
    /// Files that were not.
    pub skipped: u32,
    /// Trees in them.
    pub trees: u32,
    /// Nodes in them.
    pub nodes: u32,
    /// In use, and as which; the first counts most.
    pub place: Option<u32>,
}

/// An administrative template, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptTemplate {
    /// Name of its file, in small letters; of one that devices are given `app~kind~file`.
    pub file: String,
    /// Under which name devices are given it, and as what (`Policy`, `Preference`); absent: Windows has it.
    pub app: Option<(String, String)>,
    /// SHA-256 of what was imported, as hexadecimal digits.
    pub sha256: String,
    /// When.
    pub imported_at: Timestamp,
    /// By whom.
    pub imported_by: String,
    /// Policies in it.
    pub policies: u32,
}
