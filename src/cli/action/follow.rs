//! `transom action`: what became of what was asked of devices.

use std::{fmt::Write as _, io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    admin::{ActionJson, ActionQuery, ResolveActionAs},
    cli::{
        Global, Output,
        client::connected,
        shown::{line, short, table, time},
    },
    model::ActionState,
};

/// Longest text in a line of a table.
const LONGEST: usize = 80;

/// What was asked of devices (reboot, wipe, install): list it, look at it, take it back
#[derive(Debug, Args)]
pub(crate) struct ActionVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Cancel(Cancel),
    Resolve(Resolve),
    Download(Download),
}

/// List actions, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom action list --device 1A2B
  transom action list --state accepted")]
struct List {
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those in this state: queued, sent, accepted, done, failed, unknown, expired, canceled or superseded
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Show one action: where it stands, and what the device last said of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom action show 01900000-0000-7000-8000-000000000000")]
struct Show {
    /// Id of the action
    #[arg(value_name = "ACTION")]
    id: String,
}

/// Take an action back that the device was not told of yet
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom action cancel 01900000-0000-7000-8000-000000000000")]
struct Cancel {
    /// Id of the action
    #[arg(value_name = "ACTION")]
    id: String,
}

/// Say how an action ended that is in doubt
///
/// For an action that is unknown, or that the device has accepted and says nothing more of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom action resolve 01900000-0000-7000-8000-000000000000 --as done")]
struct Resolve {
    /// Id of the action
    #[arg(value_name = "ACTION")]
    id: String,
    /// How it ended
    #[arg(long = "as", value_name = "HOW")]
    how: How,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum How {
    /// It is done
    Done,
    /// It is not
    Failed,
}

/// Save what a device sent for an action
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom action download 01900000-0000-7000-8000-000000000000 --to logs.zip")]
struct Download {
    /// Id of the action
    #[arg(value_name = "ACTION")]
    id: String,
    /// The file to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

impl ActionVerb {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::List(list) => list.run(global, output),
            Verb::Show(show) => connected(global, async |client| shown(output, &client.action(&show.id).await?)),
            Verb::Cancel(cancel) => {
                connected(global, async |client| shown(output, &client.cancel_action(&cancel.id).await?))
            }
            Verb::Resolve(resolve) => connected(global, async |client| {
                let how = match resolve.how {
                    How::Done => ResolveActionAs::Done,
                    How::Failed => ResolveActionAs::Failed,
                };
                shown(output, &client.resolve_action(&resolve.id, how).await?)
            }),
            Verb::Download(download) => download.run(global, output),
        }
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = ActionQuery { device_id: self.device, state: self.state, limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.actions(&query).await?;
            output.page(&page, "no actions", table_of)
        })
    }
}

impl Download {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let mut archive = client.archive(&self.id).await?;
            let cannot = || format!("can't write {}", self.to.display());
            let mut file = std::fs::File::create_new(&self.to).with_context(cannot)?;
            let mut bytes = 0_usize;
            while let Some(piece) = archive.chunk().await.context("the download broke off")? {
                file.write_all(&piece).with_context(cannot)?;
                bytes += piece.len();
            }
            file.sync_all().with_context(cannot)?;
            if output.is_json() {
                return output.document(&serde_json::json!({ "file": self.to, "bytes": bytes }));
            }
            output.text(format!("{} has {bytes} bytes.", self.to.display()))
        })
    }
}

fn shown(output: &mut Output, action: &ActionJson) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(action);
    }
    output.text(told(action))
}

fn table_of(actions: &[ActionJson]) -> String {
    let rows = actions.iter().map(|action| {
        [
            line(&action.id),
            line(&action.device_id),
            action.kind.as_str().replace('_', " "),
            action.state.as_str().to_owned(),
            time(action.created_at),
            short(latest(action), LONGEST),
        ]
    });
    table(&["ACTION", "DEVICE", "WHAT", "STATE", "ASKED FOR", "LAST"], rows)
}

/// The last that is known of an action.
pub(super) fn latest(action: &ActionJson) -> &str {
    let of_end = action.detail.as_deref().filter(|_| !action.state.is_open());
    of_end.or(action.progress.as_deref()).or(action.detail.as_deref()).unwrap_or_default()
}

/// An action, for a reader.
pub(super) fn told(action: &ActionJson) -> String {
    let mut text = format!(
        "{} of {}: {}\n  action     {}\n  asked for  {} by {}",
        action.kind.as_str().replace('_', " "),
        line(&action.device_id),
        meaning(action.state),
        line(&action.id),
        time(action.created_at),
        line(&action.created_by),
    );
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(text, "\n  {name:<9}  {value}");
        }
    };
    add("accepted", action.accepted_at.map(time));
    add("ended", action.settled_at.map(time));
    add("device", action.progress.as_deref().map(line));
    add("because", action.detail.as_deref().map(line));
    if let Some(archive) = &action.archive {
        let bytes =
            archive.bytes.map(|bytes| format!("{bytes} bytes; transom action download {} --to FILE", action.id));
        add("archive", Some(bytes.unwrap_or_else(|| format!("awaited until {}", time(archive.open_until)))));
    }
    text
}

const fn meaning(state: ActionState) -> &'static str {
    match state {
        ActionState::Queued => "queued, the device is told when it comes next",
        ActionState::Sent => "sent, the device has not answered yet",
        ActionState::Accepted => "accepted by the device, not done yet",
        ActionState::Done => "done",
        ActionState::Failed => "failed",
        ActionState::Unknown => "unknown, the device may or may not have done it",
        ActionState::Expired => "expired before the device was told",
        ActionState::Canceled => "taken back",
        ActionState::Superseded => "superseded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_is_not_told_as_done() {
        let action: ActionJson = serde_json::from_value(serde_json::json!({
            "id": "01900000-0000-7000-8000-000000000000", "device_id": "1A\u{1b}2B", "kind": "wipe", "state": "accepted",
            "progress": null, "detail": null, "command_id": "c", "created_at": "2027-01-15T08:00:00Z",
            "created_by": "alice", "accepted_at": "2027-01-15T08:01:00Z", "settled_at": null,
        }))
        .unwrap();
        assert_eq!(
            told(&action),
            "wipe of 1A\\u{1b}2B: accepted by the device, not done yet
  action     01900000-0000-7000-8000-000000000000
  asked for  2027-01-15 08:00:00Z by alice
  accepted   2027-01-15 08:01:00Z"
        );
    }
}
