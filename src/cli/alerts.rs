//! `transom alerts`: what devices reported, across all of them.

use clap::Args;

use super::{
    Global, Output,
    client::connected,
    input::{Moment, moment},
    now,
    shown::{line, short, table, time},
};
use crate::admin::{AlertQuery, EventJson};

/// Longest value in a table.
const VALUE: usize = 48;

/// List alerts of devices, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom alerts --device 1A2B
  transom alerts --code 1226 --since 2026-11-20T22:00:00Z --json")]
pub(super) struct Alerts {
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those with this code: 1201, 1224, 1226, …
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Only those of this type (Meta/Type)
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Only those about this node
    #[arg(long, value_name = "LOCURI")]
    source: Option<String>,
    /// Only from this time on
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Only before this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl Alerts {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = AlertQuery {
            device_id: self.device,
            code: self.code,
            mime: self.kind,
            source: self.source,
            since: self.since.map(|moment| moment.rfc3339(now())),
            until: self.until.map(|moment| moment.rfc3339(now())),
            limit: self.limit,
            cursor: self.cursor,
        };
        connected(global, async |client| {
            let page = client.alerts(&query).await?;
            output.page(&page, "no alerts", table_of)
        })
    }
}

fn table_of(alerts: &[EventJson]) -> String {
    let rows = alerts.iter().map(|alert| {
        let shown = |text: Option<&String>| text.map_or_else(|| "-".to_owned(), |text| short(&line(text), VALUE));
        [
            time(alert.at),
            shown(alert.device_id.as_ref()),
            line(&alert.code),
            shown(alert.mark.as_ref()),
            shown(alert.mime.as_ref()),
            shown(alert.source.as_ref().or(alert.detail.as_ref())),
        ]
    });
    table(&["AT", "DEVICE", "CODE", "MARK", "TYPE", "ABOUT"], rows)
}
