//! `transom policy check`: what is to be said of files, without a server.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::files;
use crate::cli::{
    Output,
    shown::{count, line},
};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{Document, Level, Payload, Remark, check};

/// Check files of declarations, without a server
///
/// The settings are held against the catalogue that the program brings along. Ends with 1 where something is wrong, with 0
/// where there is only something to be said.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy check policies/
  transom policy check --strict baseline.yaml pilots.yaml
  generate-policies | transom policy check -")]
pub(super) struct Check {
    /// Files, or folders with all .yaml, .yml and .json in and below them; - is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// End with 1 for warnings too
    #[arg(long)]
    strict: bool,
    /// Show errors and warnings only
    #[arg(long)]
    quiet: bool,
}

/// What was found, as JSON.
#[derive(Serialize)]
struct Found<'a> {
    errors: usize,
    warnings: usize,
    notes: usize,
    declarations: Vec<Told<'a>>,
    remarks: &'a [Remark],
}

/// A declaration.
#[derive(Serialize)]
struct Told<'a> {
    r#type: &'static str,
    identifier: &'a str,
    token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl Check {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<()> {
        let read = files::read(&self.paths)?;
        let catalogue = builtin::catalogue()?;
        let mut remarks = read.remarks;
        remarks.extend(check(&read.documents, &read.broken, &catalogue));
        let of = |level: Level| remarks.iter().filter(|remark| remark.level == level).count();
        let (errors, warnings, notes) = (of(Level::Error), of(Level::Warning), of(Level::Note));
        if output.is_json() {
            let declarations = read.documents.iter().map(told).collect();
            output.document(&Found { errors, warnings, notes, declarations, remarks: &remarks })?;
        } else {
            for remark in remarks.iter().filter(|remark| !self.quiet || remark.level != Level::Note) {
                output.text(line(&remark.to_string()))?;
            }
            let settings: usize = read.documents.iter().filter_map(settings).sum();
            output.text(format!(
                "{} with {}: {}, {}, {}",
                count(read.documents.len(), "declaration"),
                count(settings, "setting"),
                count(errors, "error"),
                count(warnings, "warning"),
                count(notes, "note")
            ))?;
        }
        if errors > 0 {
            bail!("{} to be mended", count(errors, "error"));
        }
        if self.strict && warnings > 0 {
            bail!("{} (--strict)", count(warnings, "warning"));
        }
        Ok(())
    }
}

fn settings(document: &Document) -> Option<usize> {
    match &document.declaration.payload {
        Payload::Configuration(configuration) => Some(configuration.settings.len()),
        _ => None,
    }
}

fn told(document: &Document) -> Told<'_> {
    let declaration = &document.declaration;
    Told {
        r#type: declaration.kind().as_str(),
        identifier: declaration.identifier.as_str(),
        token: declaration.token().to_string(),
        settings: settings(document),
        file: document.file.as_deref(),
    }
}
