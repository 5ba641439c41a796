//! `transom command list`.

use clap::Args;

use crate::{
    admin::{CommandJson, CommandQuery},
    cli::{
        Global, Output,
        client::connected,
        shown::{line, short, table, time},
    },
    model::CommandState,
};

/// Longest target in a table.
const TARGET: usize = 72;

/// List commands, newest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct List {
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those in this state: queued, sent, deferred, succeeded, failed, unknown, expired, canceled or superseded
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<CommandState>,
    /// Only those that were sent together
    #[arg(long, value_name = "BATCH_ID")]
    batch: Option<String>,
    /// Also what the server asks of devices for itself
    #[arg(long)]
    own: bool,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

const EXAMPLES: &str = "Examples:
  transom command list --device 1A2B
  transom command list --state unknown     what waits for somebody's decision
  transom command list --json --limit 500";

impl List {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = CommandQuery {
            device_id: self.device,
            state: self.state.map(|state| state.as_str().to_owned()),
            batch_id: self.batch,
            own: self.own.then_some(true),
            limit: self.limit,
            cursor: self.cursor,
        };
        connected(global, async |client| {
            let page = client.commands(&query).await?;
            output.page(&page, "no commands", table_of)
        })
    }
}

fn state(text: &str) -> Result<CommandState, String> {
    CommandState::parse(text).ok_or_else(|| {
        let known: Vec<_> = CommandState::ALL.iter().map(|state| state.as_str()).collect();
        format!("write one of {}", known.join(", "))
    })
}

/// Commands as a table.
pub(super) fn table_of(commands: &[CommandJson]) -> String {
    let rows = commands.iter().map(|command| {
        [
            line(&command.id),
            line(&command.device_id),
            state_of(command),
            format!("{} {}", line(&command.kind), short(&command.target, TARGET)),
            time(command.created_at),
        ]
    });
    table(&["ID", "DEVICE", "STATE", "COMMAND", "ORDERED"], rows)
}

fn state_of(command: &CommandJson) -> String {
    match &command.reason {
        Some(reason) => format!("{}: {}", line(&command.state), line(reason)),
        None => line(&command.state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command::show::tests::command;

    #[test]
    fn a_table_has_a_line_for_each_command_and_escapes_what_devices_said() {
        let mut failed = command();
        failed.device_id = "PC\u{1b}[2J".to_owned();
        failed.state = "failed".into();
        failed.reason = Some("refused_by_device".into());
        let shown = table_of(&[command(), failed]);
        assert_eq!(shown.lines().count(), 4, "{shown}");
        assert!(shown.contains("PC\\u{1b}[2J   failed: refused_by_device   get ./DevDetail/SwV "), "{shown}");
        assert!(shown.contains(" succeeded "), "{shown}");
        assert!(shown.lines().next().unwrap().ends_with("ORDERED"), "{shown}");
    }

    #[test]
    fn a_state_that_is_none_is_refused_with_those_that_are() {
        assert_eq!(state("sent"), Ok(CommandState::Sent));
        assert!(state("done").unwrap_err().contains("queued, sent, deferred, succeeded"));
    }
}
