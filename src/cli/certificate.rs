//! `transom certificate`: the certificates that devices were given.

use clap::{Args, Subcommand, ValueEnum};

use super::{
    Global, Output,
    client::connected,
    input::{Moment, moment},
    now,
    shown::{line, short, table, time},
};
use crate::admin::{CertificateJson, CertificateQuery};

/// Longest name in a table.
const VALUE: usize = 40;

/// Certificates of devices: which there are, and when they end
///
/// A certificate is taken back with its device: transom device block.
#[derive(Debug, Args)]
pub(super) struct Certificate {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
}

/// List certificates, the first to end first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom certificate list --state current --ends-before 30d
  transom certificate list --device 1A2B")]
struct List {
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Only those in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<State>,
    /// Only those that end before: a time, or one from now such as 30d
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    ends_before: Option<Moment>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// Speaks for its device
    Current,
    /// A renewal that was not used yet
    Next,
    /// Over: a newer one is in use
    Superseded,
    /// Over: taken back
    Revoked,
}

impl Certificate {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Verb::List(list) = self.verb;
        let query = CertificateQuery {
            device_id: list.device,
            state: list.state.and_then(|state| state.to_possible_value()).map(|value| value.get_name().to_owned()),
            ends_before: list.ends_before.map(|moment| moment.rfc3339(now())),
            limit: list.limit,
            cursor: list.cursor,
        };
        connected(global, async |client| {
            let page = client.certificates(&query).await?;
            output.page(&page, "no certificates", table_of)
        })
    }
}

fn table_of(certificates: &[CertificateJson]) -> String {
    let rows = certificates.iter().map(|certificate| {
        let state = match certificate.reason {
            Some(reason) => format!("{} ({})", certificate.state.as_str(), reason.as_str()),
            None => certificate.state.as_str().to_owned(),
        };
        let used = certificate.first_used_at.map_or_else(|| "never".to_owned(), time);
        [
            short(&line(&certificate.device_id), VALUE),
            time(certificate.not_after),
            state,
            used,
            line(&certificate.serial),
        ]
    });
    table(&["DEVICE", "ENDS", "STATE", "FIRST USED", "SERIAL"], rows)
}
