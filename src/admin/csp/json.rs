//! The catalogue of settings as JSON.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::model::{CspDrop, KeptTemplate, Timestamp, from_rfc3339, rfc3339};
use crate::policy::catalogue::archive::Remark;
use crate::policy::catalogue::{
    Access, Allowed, Applicability, Build, Deprecated, Difference, Finding, Format, LocUri, Reboot,
};

/// A drop that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CspDropJson {
    /// What people call it.
    pub name: String,
    /// SHA-256 of what was imported.
    pub sha256: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
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
    /// In use, and as which: 1 counts most. Absent: kept only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<u32>,
}

/// What the catalogue is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CspInfoJson {
    /// Nodes that are known.
    pub nodes: usize,
    /// CSPs and areas of policies that are known, each scope by itself.
    pub trees: usize,
    /// What it is made of, in the order in which it counts.
    pub sources: Vec<String>,
    /// What is built in.
    pub builtin: Vec<ProvenanceJson>,
    /// What was imported.
    pub drops: Vec<CspDropJson>,
    /// Administrative templates that were imported.
    pub templates: usize,
    /// Another number after every change: the `ETag` is made of it.
    pub generation: i64,
}

/// What built-in facts were made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvenanceJson {
    /// What Microsoft calls the files.
    pub name: String,
    /// SHA-256 of their archive.
    pub sha256: String,
    /// The day on which the facts were made.
    pub made: String,
    /// Nodes among the facts.
    pub nodes: usize,
}

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedDropJson {
    /// What is kept.
    pub drop: CspDropJson,
    /// What was kept under this name before, and is no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<CspDropJson>,
    /// Files that were not read, with the reason.
    pub skipped: Vec<RemarkJson>,
    /// What was odd in those that were.
    pub odd: Vec<RemarkJson>,
    /// Addresses that stand in it twice: the first one counts.
    pub twice: Vec<String>,
}

/// Something to be said of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemarkJson {
    /// Which.
    pub file: String,
    /// What.
    pub what: String,
}

/// An administrative template that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateJson {
    /// Its file; of one that devices are given `app~kind~file`.
    pub file: String,
    /// Under which name devices are given it; absent: Windows has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// `Policy` or `Preference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// SHA-256 of what was imported.
    pub sha256: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub imported_at: Timestamp,
    /// By whom.
    pub imported_by: String,
    /// Policies in it.
    pub policies: u32,
}

/// What became of an import of templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportedTemplatesJson {
    /// What is kept.
    pub templates: Vec<TemplateJson>,
    /// Files of those in whose place it is: they were there before.
    pub replaced: Vec<String>,
    /// Files that were not read, with the reason.
    pub skipped: Vec<RemarkJson>,
    /// What was odd in those that were.
    pub odd: Vec<RemarkJson>,
}

/// Which drops count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UseDrops {
    /// Their names, the first counting most. None: only what is built in.
    pub names: Vec<String>,
}

/// Under which name something is imported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// Its name; for templates that of the file.
    pub name: String,
    /// Templates only: devices are given it under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Templates only: `Policy` (the default) or `Preference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Which two are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct DiffQuery {
    /// A drop, or `builtin`.
    pub from: String,
    /// Another.
    pub to: String,
}

/// What differs between two drops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiffJson {
    /// Nodes that only the second has.
    pub added: usize,
    /// Nodes that only the first has.
    pub removed: usize,
    /// Nodes that are not the same.
    pub changed: usize,
    /// Each of them.
    #[schema(value_type = Vec<crate::admin::schema::Difference>)]
    pub differences: Vec<Difference>,
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct SearchQuery {
    /// Words of the address.
    pub words: String,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

/// Nodes that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CspNodesJson {
    /// The nodes.
    pub items: Vec<CspNodeJson>,
    /// There are more than were asked for: ask for more, or with more words.
    pub more: bool,
}

/// Which node is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct NodeQuery {
    /// Its address, in any spelling.
    pub uri: String,
}

/// A node of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CspNodeJson {
    /// Its address; chosen names stand in braces.
    pub uri: String,
    /// The verbs that it takes, a letter for each: Add, Delete, Get, Replace, Exec.
    #[schema(value_type = String)]
    pub access: Access,
    /// Format of its value.
    #[schema(value_type = String)]
    pub format: Format,
    /// MIME type of its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// What it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::admin::schema::Allowed>)]
    pub allowed: Option<Allowed>,
    /// That in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_text: Option<String>,
    /// What the description says it holds by itself; it is often wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Which Windows has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::admin::schema::Applicability>)]
    pub applicability: Option<Applicability>,
    /// It, or what is above it, is going away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::admin::schema::Deprecated>)]
    pub deprecated: Option<Deprecated>,
    /// A change needs a reboot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reboot: Option<Reboot>,
    /// It is written within an Atomic.
    pub atomic: bool,
    /// Other nodes that must have certain values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
    /// What it is for, where imported files say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it is from.
    pub source: String,
    /// The nodes below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub below: Vec<String>,
}

/// A setting that an author thinks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSetting {
    /// `get`, `add`, `replace`, `delete`, `exec`.
    #[serde(default = "replace")]
    pub kind: String,
    /// The node.
    #[schema(value_type = String)]
    pub target: LocUri,
    /// Format of the value; absent: the catalogue knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub format: Option<Format>,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// For a device with this build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub build: Option<Build>,
    /// For a device with this edition (`GetProductInfo`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<u32>,
}

fn replace() -> String {
    "replace".to_owned()
}

/// What is to be said of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckedJson {
    /// `accepted`, `corrected` or `refused`.
    pub verdict: String,
    /// The address as it is to be sent.
    #[schema(value_type = String)]
    pub target: LocUri,
    /// The format as it is to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub format: Option<Format>,
    /// The MIME type as it is to be sent.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    /// The value as it is to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What was found, the worst first.
    #[schema(value_type = Vec<crate::admin::schema::Finding>)]
    pub findings: Vec<Finding>,
}

impl From<CspDrop> for CspDropJson {
    fn from(drop: CspDrop) -> Self {
        Self {
            name: drop.name,
            sha256: drop.sha256,
            imported_at: drop.imported_at,
            imported_by: drop.imported_by,
            files: drop.files,
            skipped: drop.skipped,
            trees: drop.trees,
            nodes: drop.nodes,
            place: drop.place.map(|place| place + 1),
        }
    }
}

impl From<KeptTemplate> for TemplateJson {
    fn from(template: KeptTemplate) -> Self {
        let (app, kind) = template.app.unzip();
        Self {
            file: template.file,
            app,
            kind,
            sha256: template.sha256,
            imported_at: template.imported_at,
            imported_by: template.imported_by,
            policies: template.policies,
        }
    }
}

impl From<Remark> for RemarkJson {
    fn from(remark: Remark) -> Self {
        Self { file: remark.file, what: remark.what }
    }
}
