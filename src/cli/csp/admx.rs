//! `transom csp admx`: administrative templates.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::archive::read;
use super::drops::remarks;
use crate::admin::{ImportQuery, TemplateJson};
use crate::cli::{
    Global, Output,
    client::connected,
    shown::{line, table, time},
};

/// Administrative templates: what policies ask for
#[derive(Debug, Args)]
pub(super) struct Admx {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Import(Import),
    List(List),
    Remove(Remove),
}

/// Import administrative templates (ADMX)
///
/// With them, the payload of a policy is checked to the last element. Without --app they are Windows' own (its folder
/// `PolicyDefinitions`); with --app devices are given them under this name, and their settings are known then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp admx import C:\\Windows\\PolicyDefinitions
  transom csp admx import chrome.admx --app Chrome")]
struct Import {
    /// A folder, a ZIP or one file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Name under which devices are given the template
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// As what they are given it: Policy or Preference
    #[arg(long, value_name = "KIND", requires = "app")]
    kind: Option<String>,
}

/// List the templates that were imported
#[derive(Debug, Args)]
struct List {}

/// Forget a template
#[derive(Debug, Args)]
struct Remove {
    /// Its file, as the list has it
    #[arg(value_name = "FILE")]
    file: String,
}

impl Admx {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::Import(verb) => verb.run(global, output),
            Verb::List(List {}) => connected(global, async |client| shown(&client.csp_templates().await?, output)),
            Verb::Remove(verb) => {
                connected(global, async |client| shown(&client.forget_template(&verb.file).await?, output))
            }
        }
    }
}

impl Import {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let found = read(&self.path, ".admx")?;
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let query = ImportQuery { name, app: self.app, kind: self.kind };
        connected(global, async |client| {
            let imported = {
                let mut imported = client.import_templates(&query, found.bytes).await?;
                imported.skipped.extend(found.skipped);
                imported
            };
            if output.is_json() {
                return output.document(&imported);
            }
            let policies: u32 = imported.templates.iter().map(|template| template.policies).sum();
            let mut text = format!(
                "{} templates read, {} skipped; {policies} policies\n",
                imported.templates.len(),
                imported.skipped.len()
            );
            remarks(&mut text, "skipped", &imported.skipped);
            remarks(&mut text, "odd", &imported.odd);
            for file in &imported.replaced {
                // Writing to a String does not fail.
                let _ = writeln!(text, "replaced {}", line(file));
            }
            output.text(text)
        })
    }
}

fn shown(templates: &[TemplateJson], output: &mut Output) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(&templates);
    }
    if templates.is_empty() {
        return output.text("no templates");
    }
    let rows = templates.iter().map(|template| {
        let app = match (&template.app, &template.kind) {
            (Some(app), Some(kind)) => format!("{app} ({kind})"),
            _ => String::new(),
        };
        [
            line(&template.file),
            template.policies.to_string(),
            line(&app),
            time(template.imported_at),
            line(&template.imported_by),
        ]
    });
    output.text(table(&["FILE", "POLICIES", "GIVEN AS", "IMPORTED", "BY"], rows))
}
