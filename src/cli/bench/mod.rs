//! `transom bench`: what devices cost the server, as ratios within one run.
//!
//! Servers with different numbers of enrollments and a baseline that does nothing run side by side as processes of their
//! own; one client drives them in turn with the same handshakes, requests and bytes, and the kernel tells what each
//! has used. Nothing here is part of what a server does.

mod baseline;
mod catalogue;
mod child;
mod measure;
mod pages;
mod policies;
mod report;
mod signatures;
mod site;
mod talk;
mod turns;
mod wire;

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};

use super::{Global, Output, hinted};
use crate::config::DatabaseUrl;
use catalogue::CatalogueBench;
use measure::Effort;
use pages::Pages;
use policies::Policies;
use report::{Report, Settings};
use signatures::Signatures;
use site::{Peopling, Site};

/// Measure what devices cost a server, against a handler that does nothing
///
/// Makes installations in a throw-away folder, starts a server for each, and lets simulated devices check in over TLS.
/// Figures are ratios within the run: what else the machine does falls on both sides.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    part: Option<Part>,
    /// Enrolled devices: a server for each number, smallest first
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    devices: Vec<usize>,
    /// An empty database for each server, in place of SQLite
    #[arg(long, value_name = "URL,…", value_delimiter = ',')]
    database: Vec<DatabaseUrl>,
    /// Commands of a full session
    #[arg(long, value_name = "N", default_value_t = 10)]
    commands: usize,
    /// Rounds, of which medians are taken
    #[arg(long, value_name = "N", default_value_t = 11)]
    rounds: usize,
    /// Sessions of each kind in a round
    #[arg(long, value_name = "N", default_value_t = 300)]
    sessions: usize,
    /// Sessions at the same time
    #[arg(long, value_name = "N", default_value_t = 16)]
    parallel: usize,
    /// Earlier sessions of the devices that have a history
    #[arg(long, value_name = "N", default_value_t = 100)]
    history: usize,
    /// Little of everything: shows that it runs, not how fast
    #[arg(long)]
    quick: bool,
    /// Fail when a target is missed
    #[arg(long)]
    assert: bool,
    /// Folder for the installations, which must not exist [default: a throw-away folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Be the baseline, on the certificate of the data folder
    #[arg(long, hide = true)]
    baseline: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    Catalogue(CatalogueBench),
    Signatures(Signatures),
    Pages(Pages),
    Policies(Policies),
}

const EXAMPLES: &str = "Examples:
  transom bench
  transom bench --quick
  transom bench signatures
  transom bench pages --devices 100000 --bound 200
  transom bench policies --devices 100000 --bound 200
  transom bench catalogue --drop DDFv2.zip
  transom bench --devices 1000,10000 --rounds 5 --json
  transom bench --devices 1000 --database postgres://transom@localhost/bench";

/// Sessions at the same time in the storm.
const STORM: usize = 256;

impl Bench {
    pub(super) fn run(mut self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.part.take() {
            Some(Part::Catalogue(catalogue)) => return catalogue.run(output),
            Some(Part::Signatures(signatures)) => return signatures.run(output),
            Some(Part::Pages(pages)) => return pages.run(output),
            Some(Part::Policies(policies)) => return policies.run(output),
            None => {}
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        if self.baseline {
            return runtime.block_on(baseline::serve(&global.data, output));
        }
        if self.quick {
            self.devices = vec![100, 500];
            (self.rounds, self.sessions, self.history) =
                (self.rounds.min(2), self.sessions.min(20), self.history.min(5));
        }
        self.check()?;
        let report = runtime.block_on(self.measure())?;
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.text(report.text())?;
        }
        if self.assert && !report.all_met() {
            bail!("a target is missed");
        }
        Ok(())
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(!self.devices.is_empty() && self.rounds > 0 && self.sessions > 0, "nothing is to be measured");
        ensure!(self.devices.is_sorted(), "--devices are to be given smallest first");
        if !self.database.is_empty() && self.database.len() != self.devices.len() {
            return Err(hinted(
                "a database is needed for each number of --devices",
                "make them empty, and drop them afterwards",
            ));
        }
        Ok(())
    }

    async fn measure(&self) -> anyhow::Result<Report> {
        let throw_away = tempfile::Builder::new().prefix("transom-bench-").tempdir().context("can't make a folder")?;
        let place = self.keep.as_deref().unwrap_or(throw_away.path());
        let mut sites = Vec::new();
        for (number, size) in self.devices.iter().copied().enumerate() {
            let database = self.database.get(number).cloned().unwrap_or_default();
            let fresh = self.sessions.min(size * 2 / 3).max(1);
            // One history is enough to tell whether it matters.
            let aged = if number == 0 && self.history > 0 { (fresh / 3).min(size - fresh) } else { 0 };
            say(&format!("making {size} enrollments"));
            let mut site = Site::make(place.join(size.to_string()), &database, Peopling { size, fresh, aged }).await?;
            if aged > 0 {
                say(&format!("letting {aged} devices live through {} sessions", self.history));
            }
            site.age(self.history, self.commands, self.parallel).await?;
            sites.push(site);
        }
        say(&format!("measuring {} rounds", self.rounds));
        let (commands, parallel, rounds) = (self.commands, self.parallel, self.rounds);
        let findings = measure::measure(sites, Effort { rounds, commands, parallel, storm: STORM }).await?;
        let is_postgres = matches!(self.database.first(), Some(DatabaseUrl::Postgres(_)));
        let settings = Settings {
            database: if is_postgres { "PostgreSQL" } else { "SQLite" },
            rounds,
            sessions: self.sessions,
            commands,
            parallel,
            history: self.history,
        };
        Ok(Report::new(settings, &findings))
    }
}

/// What takes a while is said, where it does not disturb the output.
fn say(text: &str) {
    use std::io::Write as _;
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "{text} …");
}
