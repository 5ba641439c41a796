//! `transom policy import`: what people have already, made into declarations, without a server or by what one knows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde::Serialize;

use super::files::declarations_of;
use crate::admin::ImportPolicies;
use crate::cli::{
    Global, Output,
    client::connected,
    input,
    progress::note,
    shown::{count, line},
};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::to_yaml;
use crate::policy::import::{Imported, MAX_TEXT, Outcome, Told, import, text};

/// Make declarations of profiles that other servers have
///
/// Reads SyncML (Replace and Add commands, with or without a message around them; also the profiles of Fleet and what
/// csp-builder writes) and exports of Intune as JSON: settings catalogues and custom profiles with OMA-URIs. Prints the
/// declarations, and on standard error what became of each setting. Assignments are not read: write an activation. Templates
/// that were imported are known to the server: --on-server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy import bitlocker.xml > policies/bitlocker.yaml
  transom policy import --out policies/intune.yaml exports/*.json
  transom policy import --on-server edge.json > policies/edge.yaml
  transom policy import --json profile.xml")]
pub(super) struct Import {
    /// Files with a profile each; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// What the configuration is called, where a file has no name for it [default: the file's name]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Have the server import it: by its own catalogue, with the descriptions and templates that it was given
    #[arg(long)]
    on_server: bool,
    /// Write the declarations to this file, which must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What was made, as JSON.
#[derive(Serialize)]
struct Made<'a> {
    taken: usize,
    doubtful: usize,
    left_out: usize,
    declarations: Vec<serde_json::Value>,
    settings: &'a [Told],
}

impl Import {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let catalogue = builtin::catalogue()?;
        let mut all = Imported::default();
        for file in &self.files {
            let cant = || format!("can't import {file}");
            let text = text(&input::bytes(file, MAX_TEXT)?).with_context(cant)?;
            let name = self.name.clone().unwrap_or_else(|| stem(file));
            let imported = if self.on_server {
                ask(name, text, global).with_context(cant)?
            } else {
                import(&name, &text, &catalogue).with_context(cant)?
            };
            for declaration in &imported.declarations {
                if all.declarations.iter().any(|known| known.identifier == declaration.identifier) {
                    bail!(
                        "{file}: {} is there already: import the file by itself, with --as NAME",
                        declaration.identifier
                    );
                }
            }
            all.declarations.extend(imported.declarations);
            all.told.extend(imported.told);
        }
        let of = |outcome: Outcome| all.told.iter().filter(|told| told.outcome == outcome).count();
        let (taken, doubtful, left_out) = (of(Outcome::Taken), of(Outcome::Doubtful), of(Outcome::LeftOut));
        if let Some(path) = self.out.as_ref().filter(|_| !all.declarations.is_empty()) {
            write_new(path, &to_yaml(&all.declarations))?;
        }
        if output.is_json() {
            let declarations = all.declarations.iter().map(crate::policy::declaration::Declaration::to_json).collect();
            output.document(&Made { taken, doubtful, left_out, declarations, settings: &all.told })?;
        } else {
            if self.out.is_none() && !all.declarations.is_empty() {
                output.text(to_yaml(&all.declarations).trim_end())?;
            }
            for told in all.told.iter().filter(|told| told.outcome != Outcome::Taken || !told.what.is_empty()) {
                let word = match told.outcome {
                    Outcome::Taken => "taken",
                    Outcome::Doubtful => "look at it",
                    Outcome::LeftOut => "left out",
                };
                note(&line(&format!("{word}: {}: {}: {}", told.configuration, told.setting, told.what)));
            }
            let settings = count(all.told.len(), "setting");
            note(&format!("{settings}: {taken} taken, {doubtful} to be looked at, {left_out} left out"));
        }
        if all.declarations.is_empty() {
            bail!("nothing could be taken over");
        }
        Ok(())
    }
}

/// Has the server import it.
fn ask(name: String, text: String, global: &Global) -> anyhow::Result<Imported> {
    let profile = ImportPolicies { name: Some(name), text };
    let imported = connected(global, async |client| Ok(client.import_policies(&profile).await?))?;
    let declarations = declarations_of(&imported.declarations)?;
    let told = imported.settings.into_iter().map(|setting| Told {
        configuration: setting.configuration,
        setting: setting.setting,
        outcome: match setting.outcome.as_str() {
            "taken" => Outcome::Taken,
            "left_out" => Outcome::LeftOut,
            _ => Outcome::Doubtful,
        },
        what: setting.what,
    });
    Ok(Imported { declarations, told: told.collect() })
}

fn stem(file: &str) -> String {
    let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    stem.filter(|stem| stem != input::STDIN).unwrap_or_else(|| "imported".to_owned())
}

fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file =
        std::fs::File::create_new(path).with_context(|| format!("can't make the file {}", path.display()))?;
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        // Half of it is no set, and would be in the way of the next try.
        drop(std::fs::remove_file(path));
    }
    written.with_context(|| format!("can't write {}", path.display()))
}
