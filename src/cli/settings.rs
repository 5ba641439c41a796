//! `transom settings`: with which settings the server runs.

use clap::Args;

use super::{
    Global, Output,
    client::connected,
    shown::{line, short, table},
};

/// Longest value in a table.
const VALUE: usize = 60;

/// Show with which settings the server runs
///
/// Defaults, the settings file, the environment and arguments together, as the server has them. A secret that is set is
/// shown as an ellipsis.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom settings --set
  transom settings --json")]
pub(super) struct Settings {
    /// Only those that somebody has set
    #[arg(long)]
    set: bool,
}

impl Settings {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let mut told = client.settings().await?;
            told.items.retain(|setting| !self.set || setting.origin.is_some());
            if output.is_json() {
                return output.document(&told);
            }
            let rows = told.items.iter().map(|setting| {
                let key = format!("{}.{}", setting.section, setting.name);
                let origin = setting.origin.as_deref().unwrap_or_default();
                [line(key.trim_start_matches('.')), short(&line(&setting.value), VALUE), line(origin)]
            });
            output.text(table(&["SETTING", "VALUE", "SET BY"], rows))
        })
    }
}
