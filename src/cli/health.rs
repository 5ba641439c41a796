//! `transom health`.

use clap::Args;

use super::{
    Global, Output,
    client::connected,
    shown::{line, table},
};
use crate::admin::{Condition, Health as Report};

/// Tell whether the server can do its work, part by part
///
/// The exit code is 1 when it can't; a part that will fail soon is shown and does not count.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom health
  transom health --json")]
pub(super) struct Health {}

impl Health {
    #[expect(clippy::unused_self, reason = "as every verb")]
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let report = connected(global, async |client| Ok(client.health().await?))?;
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.text(told(&report))?;
        }
        match report.why_not() {
            Some(why) => Err(anyhow::anyhow!("the server is not ready: {}", line(&why))),
            None => Ok(()),
        }
    }
}

fn told(report: &Report) -> String {
    let rows = report.parts.iter().map(|part| {
        let condition = match part.condition {
            Condition::Fine => "fine",
            Condition::Warning => "warning",
            Condition::Failed => "FAILED",
        };
        [line(&part.part), condition.to_owned(), line(&part.detail)]
    });
    table(&["PART", "", ""], rows)
}
