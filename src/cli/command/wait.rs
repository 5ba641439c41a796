//! `transom command send --wait`: until every command has its outcome.

use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::{list, show};
use crate::{
    admin::{CommandJson, CommandQuery, MAX_LIMIT, Ordered, OrderedDevice},
    cli::{
        Output,
        client::{Client, ClientError},
        hinted,
        progress::Progress,
        shown::{Paint, count},
    },
    model::CommandState,
};

/// The first wait between two looks; it grows to the second.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// So many commands are told in full.
const TOLD: usize = 5;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Outcomes {
    batch_id: Option<String>,
    devices: Vec<OrderedDevice>,
    commands: Vec<CommandJson>,
}

/// Waits for the outcomes of what was ordered and prints them. An error unless all of them are good.
pub(super) async fn for_outcomes(
    client: &Client,
    ordered: Ordered,
    patience: Duration,
    output: &mut Output,
) -> anyhow::Result<()> {
    let ids: Vec<&String> = ordered.devices.iter().flat_map(|device| &device.commands).collect();
    let batch = ordered.batch_id.clone().unwrap_or_default();
    let waited = settled(client, &batch, ids.len(), patience).await?;
    let mut commands = Vec::with_capacity(ids.len());
    if output.is_json() || ids.len() <= TOLD {
        let mut progress = Progress::new();
        for (place, id) in ids.iter().enumerate() {
            progress.say(&format!("reading outcome {} of {}", place + 1, ids.len()));
            commands.push(client.command(id).await?);
        }
    } else {
        commands = all(client, &batch).await?;
    }
    let failure = failure(&commands, waited, &batch);
    if output.is_json() {
        output.document(&Outcomes { batch_id: ordered.batch_id, devices: ordered.devices, commands })?;
    } else if commands.len() <= TOLD {
        for command in &commands {
            output.text(show::told(command, Paint::of_output()))?;
        }
    } else {
        output.text(list::table_of(&commands))?;
    }
    failure.map_or(Ok(()), Err)
}

/// Waits until nothing of a batch is open any more; whether that came in time.
pub(in crate::cli) async fn settled(
    client: &Client,
    batch: &str,
    commands: usize,
    patience: Duration,
) -> Result<bool, ClientError> {
    let until = Instant::now() + patience;
    let mut progress = Progress::new();
    let mut pause = WAIT.0;
    let watch = async {
        loop {
            let open = open(client, batch).await?;
            if open == 0 {
                return Ok(());
            }
            progress.say(&format!("waiting: {} of {}", commands - open.min(commands), count(commands, "outcome")));
            sleep(pause).await;
            pause = (pause * 2).min(WAIT.1);
        }
    };
    timeout_at(until, watch).await.map_or(Ok(false), |watched: Result<(), ClientError>| watched.map(|()| true))
}

/// How many commands of a batch are open; where there are many, at least so many.
async fn open(client: &Client, batch: &str) -> Result<usize, ClientError> {
    let mut open = 0;
    for state in CommandState::ALL.into_iter().filter(|state| state.is_open()) {
        let query = CommandQuery { state: Some(state.as_str().to_owned()), ..of_batch(batch, None) };
        open += client.commands(&query).await?.items.len();
    }
    Ok(open)
}

/// The commands of a batch in the order in which they were made.
async fn all(client: &Client, batch: &str) -> Result<Vec<CommandJson>, ClientError> {
    let mut commands = Vec::new();
    let mut cursor = None;
    loop {
        let page = client.commands(&of_batch(batch, cursor)).await?;
        commands.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            commands.reverse();
            return Ok(commands);
        }
    }
}

fn of_batch(batch: &str, cursor: Option<String>) -> CommandQuery {
    CommandQuery { batch_id: Some(batch.to_owned()), limit: Some(MAX_LIMIT), cursor, ..CommandQuery::default() }
}

/// Why waiting for these outcomes ends with an error.
fn failure(commands: &[CommandJson], waited: bool, batch: &str) -> Option<anyhow::Error> {
    let is = |command: &&CommandJson, state: CommandState| command.state == state.as_str();
    let good = commands.iter().filter(|command| is(command, CommandState::Succeeded)).count();
    if good == commands.len() {
        return None;
    }
    let what = format!("{good} of {} succeeded", count(commands.len(), "command"));
    let look = match commands {
        [one] => format!("transom command show {}", one.id),
        _ => format!("transom command list --batch {batch}"),
    };
    Some(if waited {
        hinted(what, format!("look at them again with: {look}"))
    } else {
        hinted(
            format!("{what} in time"),
            format!("a device may check in later (--timeout waits longer); look again with: {look}"),
        )
    })
}
