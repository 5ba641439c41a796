//! `transom events`: what happened, and what happens.

use std::{fmt::Write as _, time::Duration};

use clap::Args;
use serde_json::Value;
use tokio::time::sleep;

use super::{
    Global, Output,
    client::{Client, ClientError, connected},
    input,
    progress::warn,
    shown::{json, line, time_of_day},
};
use crate::{
    admin::{FeedJson, FeedQuery, MAX_LIMIT},
    model::FeedEvent,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// Failures in a row after which following ends.
const PATIENCE: u32 = 20;

/// Longest value in a line.
const VALUE: usize = 120;

/// Show what happened, and with --follow what happens, until Ctrl-C
///
/// With --json, one document; with --json and --follow, one line of JSON for each event as it comes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Events {
    /// Go on telling what happens
    #[arg(long, short)]
    follow: bool,
    /// Only of these devices, with commas between
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only of these types, with commas between; command.* for all that begin so
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only behind this number; with --follow, without it, only what happens from now on
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    limit: Option<usize>,
    /// End after so long
    #[arg(long = "for", value_name = "DURATION", value_parser = input::duration, requires = "follow")]
    duration: Option<Duration>,
}

const EXAMPLES: &str = "Examples:
  transom events
  transom events --follow --type 'command.*,device.alert'
  transom events --device 1A2B --after 1200 --json";

impl Events {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            if !self.follow {
                let page = client.feed(&self.query(self.after, self.limit)).await?;
                return if output.is_json() { output.document(&page) } else { told(&page, output) };
            }
            let end = async {
                match self.duration {
                    Some(duration) => sleep(duration).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = self.followed(&client, output) => ended,
                _ = tokio::signal::ctrl_c() => Ok(()),
                () = end => Ok(()),
            }
        })
    }

    fn query(&self, after: Option<i64>, limit: Option<usize>) -> FeedQuery {
        FeedQuery { after, limit, kind: self.kind.clone(), device: self.device.clone() }
    }

    async fn followed(&self, client: &Client, output: &mut Output) -> anyhow::Result<()> {
        let mut after = match self.after {
            Some(after) => after,
            None => {
                client.feed(&FeedQuery { after: Some(i64::MAX), limit: Some(1), ..FeedQuery::default() }).await?.head
            }
        };
        let mut failures = 0;
        loop {
            match client.feed(&self.query(Some(after), Some(MAX_LIMIT))).await {
                Ok(page) => {
                    failures = 0;
                    if page.oldest > after + 1 {
                        warn(&format!("{} events before these are no longer kept", page.oldest - 1 - after));
                    }
                    for event in &page.items {
                        let text = if output.is_json() { json(&serde_json::to_string(event)?) } else { row(event) };
                        output.text(text)?;
                    }
                    after = page.next;
                    if page.more {
                        continue;
                    }
                }
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Unreadable { .. }))
                    if failures < PATIENCE =>
                {
                    if failures == 0 {
                        warn(&format!("{error}; trying again"));
                    }
                    failures += 1;
                }
                Err(error) => return Err(error.into()),
            }
            sleep(PAUSE).await;
        }
    }
}

fn told(page: &FeedJson, output: &mut Output) -> anyhow::Result<()> {
    for event in &page.items {
        output.text(row(event))?;
    }
    if page.more {
        output.text(format!("\nThere is more: --after {}", page.next))?;
    }
    Ok(())
}

/// One line: number, time, device, type, and what belongs to it.
fn row(event: &FeedEvent) -> String {
    let told = &event.told;
    let device = told.device_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let mut text = format!("{}  {}  {}  {}", event.number, time_of_day(told.at), line(&device), told.kind.as_str());
    for (name, value) in told.data.as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let short: String = value.chars().take(VALUE).collect();
        // Writing to a String does not fail.
        let _ = write!(text, "  {}={}", line(name), line(&short));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeviceId, FeedKind, Timestamp, Told};

    #[test]
    fn an_event_is_one_line_whatever_a_device_said() {
        let data = serde_json::json!({ "code": "1226", "data": "a\n\u{1b}[31mb" });
        let mut told = Told::new(FeedKind::DeviceAlert, Timestamp(1_800_000_000_000), data);
        told.device_id = DeviceId::parse("PC-1");
        let shown = row(&FeedEvent { number: 12, told });
        assert_eq!(shown, "12  08:00:00.000  PC-1  device.alert  code=1226  data=a\\n\\u{1b}[31mb");
    }
}
