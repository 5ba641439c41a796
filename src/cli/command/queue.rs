//! `transom command cancel`, `clear` and `resolve`: what an operator decides about commands.

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::{list, send, show};
use crate::{
    admin::{CommandJson, ResolveAs},
    cli::{
        Global, Output,
        client::connected,
        shown::{Paint, count, line},
    },
};

/// Take commands back that wait, or that may be repeated and were not answered yet
///
/// A command that the device may be carrying out just now, and that must not be repeated, can't be taken back: its
/// outcome has to be awaited.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom command cancel 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44")]
pub(super) struct Cancel {
    /// Ids of the commands
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

/// Take back all that waits in the queue of a device
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom command clear --device 1A2B")]
pub(super) struct Clear {
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
}

/// Order a command anew that ended without success
///
/// The same device gets the same command again, as a new one. What failed is kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom command list --state failed
  transom command retry 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44")]
pub(super) struct Retry {
    /// Id of the command
    #[arg(value_name = "ID")]
    id: String,
}

/// Say what became of a command whose outcome is unknown
///
/// A command such as a reboot or a wipe that was sent and never answered is not repeated by itself: it may have run.
/// Find out on the device, and say it here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom command list --state unknown
  transom command resolve 0193b7a2-8c1e-7d10-b6a5-3f2d9c1e0a44 --as retry")]
pub(super) struct Resolve {
    /// Id of the command
    #[arg(value_name = "ID")]
    id: String,
    /// What became of it
    #[arg(long = "as", value_enum, value_name = "OUTCOME")]
    how: How,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// It has not run, or may run again: send it again
    Retry,
    /// It has run
    Succeeded,
    /// It has not run, and shall not
    Failed,
}

impl Cancel {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let mut canceled: Vec<CommandJson> = Vec::with_capacity(self.ids.len());
            let mut failures = Vec::new();
            for id in &self.ids {
                match client.cancel(id).await {
                    Ok(command) => canceled.push(command),
                    Err(error) => failures.push((id, error)),
                }
            }
            if output.is_json() {
                output.document(&serde_json::json!({ "items": canceled }))?;
            } else if !canceled.is_empty() {
                output.text(list::table_of(&canceled))?;
            }
            if let ([(_, _)], [_]) = (failures.as_slice(), self.ids.as_slice()) {
                return failures.pop().map_or(Ok(()), |(_, error)| Err(error.into()));
            }
            if !failures.is_empty() {
                let each: Vec<String> =
                    failures.iter().map(|(id, error)| format!("\n  {}: {error}", line(id))).collect();
                bail!("{} could not be canceled:{}", count(failures.len(), "command"), each.concat());
            }
            Ok(())
        })
    }
}

impl Clear {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let cleared = client.clear(&self.device).await?;
            if output.is_json() {
                return output.document(&cleared);
            }
            let device = line(&cleared.device_id);
            match cleared.canceled {
                0 => output.text(format!("Nothing was waiting for {device}.")),
                canceled => output.text(format!("Canceled {} of {device}.", count(canceled, "command"))),
            }
        })
    }
}

impl Retry {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let ordered = client.retry(&self.id, &uuid::Uuid::now_v7().to_string()).await?;
            if output.is_json() { output.document(&ordered) } else { output.text(send::told(&ordered, false)) }
        })
    }
}

impl Resolve {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let how = match self.how {
            How::Retry => ResolveAs::Retry,
            How::Succeeded => ResolveAs::Succeeded,
            How::Failed => ResolveAs::Failed,
        };
        connected(global, async |client| {
            let command = client.resolve(&self.id, how).await?;
            if output.is_json() {
                output.document(&command)
            } else {
                output.text(show::told(&command, Paint::of_output()))
            }
        })
    }
}
