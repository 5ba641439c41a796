//! `--wait`: until the device has said how it ended.

use std::time::Duration;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::follow;
use crate::{
    admin::ActionJson,
    cli::{Output, client::Client, hinted, input, progress::Progress},
    model::ActionState,
};

/// The first wait between two looks; it grows to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How long, where nothing is said.
const PATIENCE: Duration = Duration::from_mins(10);

/// Whether to wait, and how long.
#[derive(Debug, Args)]
pub(super) struct Waiting {
    /// Wait until the device has said how it ended, and end with 0 only if it is done
    #[arg(long)]
    pub(super) wait: bool,
    /// How long to wait [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    timeout: Option<Duration>,
}

impl Waiting {
    /// Waits and prints the end. An error unless it is a good one.
    pub(super) async fn for_end(&self, client: &Client, asked: &ActionJson, output: &mut Output) -> anyhow::Result<()> {
        let until = Instant::now() + self.timeout.unwrap_or(PATIENCE);
        let mut progress = Progress::new();
        let mut pause = PAUSE.0;
        let mut action = client.action(&asked.id).await?;
        while action.state.is_open() && Instant::now() < until {
            progress.say(&format!("{}: {}", action.state.as_str(), follow::latest(&action)));
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
            action = client.action(&asked.id).await?;
        }
        drop(progress);
        if output.is_json() {
            output.document(&action)?;
        } else {
            output.text(follow::told(&action))?;
        }
        match action.state {
            ActionState::Done => Ok(()),
            state if state.is_open() => Err(hinted(
                format!("it has not ended yet; it is {}", state.as_str()),
                format!("transom action show {}", action.id),
            )),
            state => Err(anyhow::anyhow!("it ended as {}", state.as_str())),
        }
    }
}
