//! What the catalogue is made of.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use transom_protocol::csp::catalogue::Change;

use super::archive::{name_of, read};
use crate::admin::{CspInfoJson, DiffQuery, ImportQuery, RemarkJson, UseDrops};
use crate::cli::{
    Global, Output,
    client::connected,
    shown::{line, table, time},
};

/// Show what the catalogue is made of
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp info")]
pub(super) struct Info {}

/// Import Microsoft's descriptions of settings (DDF)
///
/// What is imported first is used at once; others are kept beside it until they are chosen with `transom csp use`, as are
/// files of Windows 10 20H2 and before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp import DDFv2Feb2026.zip
  transom csp import ./drop --as in-house")]
pub(super) struct Import {
    /// A ZIP as Microsoft publishes it, a folder, or one XML file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// What to call it [default: the name of the file]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

/// List what was imported
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp list")]
pub(super) struct List {}

/// Choose which imports count, the first most; none: only what is built in
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp use DDFv2Feb2026
  transom csp use")]
pub(super) struct Use {
    /// Names, as the list has them
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Forget an import
#[derive(Debug, Args)]
pub(super) struct Remove {
    /// Its name, as the list has it
    #[arg(value_name = "NAME")]
    name: String,
}

/// Compare two imports, node by node
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom csp diff DDFv2Feb25 DDFv2Feb2026
  transom csp diff builtin DDFv2Feb2026")]
pub(super) struct Diff {
    /// Name of an import, or builtin
    #[arg(value_name = "FROM")]
    from: String,
    /// Name of another
    #[arg(value_name = "TO")]
    to: String,
}

impl Info {
    #[expect(clippy::unused_self, reason = "every verb is run in the same way")]
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let info = client.csp_info().await?;
            if output.is_json() { output.document(&info) } else { output.text(told(&info)) }
        })
    }
}

impl Import {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let found = read(&self.path, ".xml")?;
        let name = self.name.map_or_else(|| name_of(&self.path), Ok)?;
        let query = ImportQuery { name, ..ImportQuery::default() };
        connected(global, async |client| {
            let mut imported = client.import_csp(&query, found.bytes).await?;
            imported.drop.skipped += u32::try_from(found.skipped.len()).unwrap_or(u32::MAX);
            imported.skipped.extend(found.skipped);
            if output.is_json() {
                return output.document(&imported);
            }
            let drop = &imported.drop;
            let mut text = format!(
                "{}: {} files read, {} skipped; {} trees, {} nodes\n",
                line(&drop.name),
                drop.files,
                drop.skipped,
                drop.trees,
                drop.nodes
            );
            remarks(&mut text, "skipped", &imported.skipped);
            remarks(&mut text, "odd", &imported.odd);
            for uri in &imported.twice {
                // Writing to a String does not fail.
                let _ = writeln!(text, "twice    {}: the first one counts", line(uri));
            }
            if let Some(before) = &imported.replaced {
                let used = if before.place.is_some() { ", which is in use" } else { "" };
                let _ = writeln!(
                    text,
                    "replaced {}{used}: it had {} trees, {} nodes",
                    line(&before.name),
                    before.trees,
                    before.nodes
                );
            }
            if drop.place.is_none() {
                let _ = writeln!(text, "It is kept. To use it: transom csp use {}", line(&drop.name));
            }
            output.text(text)
        })
    }
}

impl List {
    #[expect(clippy::unused_self, reason = "every verb is run in the same way")]
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let info = client.csp_info().await?;
            if output.is_json() {
                return output.document(&info.drops);
            }
            if info.drops.is_empty() {
                return output.text("nothing was imported; what is built in is used: transom csp info");
            }
            let rows = info.drops.iter().map(|drop| {
                let used = drop.place.map_or_else(String::new, |place| place.to_string());
                [used, line(&drop.name), drop.nodes.to_string(), time(drop.imported_at), line(&drop.imported_by)]
            });
            output.text(table(&["USED", "NAME", "NODES", "IMPORTED", "BY"], rows))
        })
    }
}

impl Use {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let names = UseDrops { names: self.names };
        connected(global, async |client| {
            let info = client.use_csp(&names).await?;
            if output.is_json() { output.document(&info) } else { output.text(told(&info)) }
        })
    }
}

impl Remove {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let info = client.forget_csp(&self.name).await?;
            if output.is_json() { output.document(&info) } else { output.text(told(&info)) }
        })
    }
}

impl Diff {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = DiffQuery { from: self.from, to: self.to };
        connected(global, async |client| {
            let found = client.diff_csp(&query).await?;
            if output.is_json() {
                return output.document(&found);
            }
            let mut text = String::new();
            for difference in &found.differences {
                let told = match &difference.change {
                    Change::Added => "added    ".to_owned(),
                    Change::Removed => "removed  ".to_owned(),
                    Change::Changed(_) => "changed  ".to_owned(),
                };
                let what = match &difference.change {
                    Change::Changed(what) => format!(": {}", what.join(", ")),
                    Change::Added | Change::Removed => String::new(),
                };
                let _ = writeln!(text, "{told}{}{}", line(&difference.uri), line(&what));
            }
            let _ = writeln!(text, "{} added, {} removed, {} changed", found.added, found.removed, found.changed);
            output.text(text)
        })
    }
}

fn told(info: &CspInfoJson) -> String {
    let mut text = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    fact("nodes", format!("{} in {} trees", info.nodes, info.trees));
    for (number, source) in info.sources.iter().enumerate() {
        fact(if number == 0 { "made of" } else { "" }, line(source));
    }
    for from in &info.builtin {
        fact(
            "built in",
            format!(
                "{} nodes of {} (sha256 {}), made {}",
                from.nodes,
                line(&from.name),
                line(&from.sha256),
                line(&from.made)
            ),
        );
    }
    let kept = info.drops.iter().filter(|drop| drop.place.is_none()).count();
    if kept > 0 {
        fact("kept", format!("{kept} imports that are not used: transom csp list"));
    }
    if info.templates > 0 {
        fact("templates", format!("{} administrative templates", info.templates));
    }
    text
}

/// What is to be said of files.
pub(super) fn remarks(text: &mut String, word: &str, remarks: &[RemarkJson]) {
    for remark in remarks {
        let _ = writeln!(text, "{word:<8} {}: {}", line(&remark.file), line(&remark.what));
    }
}
