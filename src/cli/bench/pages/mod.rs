//! `transom bench pages`: how long pages and lists take on a database of a given size.
//!
//! A few simulated devices live; what they leave behind is copied until the database is as large as wanted. Then a server
//! in this process is asked for every page and every route that looks, over HTTP, one question after the other.

mod asking;
mod questions;
mod sample;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use super::say;
use crate::cli::{Installation, Output, now};
use crate::config::{DataFolder, DatabaseUrl};
use crate::model::Timestamp;
use crate::store::{self, Copies, Multiplied, SealKey};
pub(super) use asking::{Person, of_policies as ask_of_policies};
use sample::COMMANDS;
pub(super) use table::Report;
use table::Scan;

/// Measure how long pages and lists take on a large database
///
/// Fills a database with copies of what simulated devices left behind, starts a server on it, and asks for every page of the
/// web interface and everything that the API shows. Each is asked for often, with other devices each time.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Pages {
    /// Devices
    #[arg(long, value_name = "N", default_value_t = 500)]
    devices: usize,
    /// Commands, of all devices together [default: ten for each device]
    #[arg(long, value_name = "N")]
    commands: Option<usize>,
    /// Messages, of all devices together [default: fifty for each device]
    #[arg(long, value_name = "N")]
    messages: Option<usize>,
    /// One device in so many keeps the bodies of its messages: a message takes 3 KB with them, and 1 KB without
    #[arg(long, value_name = "N", default_value_t = 1)]
    bodies: usize,
    /// An empty database, in place of SQLite
    #[arg(long, value_name = "URL", default_value_t)]
    database: DatabaseUrl,
    /// How often each question is asked
    #[arg(long, value_name = "N", default_value_t = 20)]
    times: usize,
    /// Fail when the 95th percentile of a question is above so many milliseconds
    #[arg(long, value_name = "MS")]
    bound: Option<u32>,
    /// Look at the plans of all questions to the database, and fail when one looks through a whole table
    #[arg(long)]
    plans: bool,
    /// Folder for the installation; one that was filled before is measured as it is [default: a throw-away folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  transom bench pages
  transom bench pages --devices 100000 --keep /var/tmp/large --bound 200
  transom bench pages --keep /var/tmp/large --times 50 --json
  transom bench pages --devices 100000 --database postgres://transom@localhost/bench";

/// What happened is spread over so many days.
const DAYS: i64 = 20;

/// A day, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Entries of the feed, which a server bounds.
const FEED: usize = 500_000;

impl Pages {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<()> {
        ensure!(self.devices > 0 && self.times > 0, "nothing is to be measured");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let report = runtime.block_on(self.measure())?;
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.text(report.text())?;
        }
        if !report.all_met() {
            bail!("an answer was not as it should be");
        }
        Ok(())
    }

    async fn measure(&self) -> anyhow::Result<Report> {
        let throw_away = tempfile::Builder::new().prefix("transom-bench-").tempdir().context("can't make a folder")?;
        let data = self.keep.clone().unwrap_or_else(|| throw_away.path().join("pages"));
        if !DataFolder::new(&data).settings().exists() {
            self.fill(&data).await?;
        }
        // Filling asked questions of its own.
        if self.plans {
            store::listen()?;
        }
        // Nothing that was made goes while it is measured.
        let flags = [
            ("device_door.addr", "127.0.0.1:0"),
            ("admin_door.addr", "127.0.0.1:0"),
            ("journal.max_age", "365d"),
            ("journal.max_bytes", "1TiB"),
            ("events.max_age", "365d"),
        ];
        let flags = flags.map(|(key, value)| (key, value.to_owned()));
        let installation = Installation::open(DataFolder::new(&data), &flags)?;
        say(&format!("asking each question {} times", self.times));
        let answers = asking::ask(&installation, self.devices, self.times).await?;
        let scans = if self.plans { Some(scans(&installation).await?) } else { None };
        let is_postgres = matches!(installation.settings.database, DatabaseUrl::Postgres(_));
        Ok(Report::new(if is_postgres { "PostgreSQL" } else { "SQLite" }, answers, scans, self.bound))
    }

    async fn fill(&self, data: &Path) -> anyhow::Result<()> {
        let of_each = |all: Option<usize>, usual: usize| all.map_or(usual, |all| all / self.devices);
        let full = of_each(self.commands, 2 * COMMANDS).div_ceil(COMMANDS).max(1);
        say("letting a few devices live");
        let (installation, copies) = sample::live(data, &self.database, full).await?;
        let url: store::DatabaseUrl = installation.database_url().parse()?;
        let key = SealKey::new(*installation.seal_key()?);
        let messages = of_each(self.messages, 50);
        let until = now();
        let copies = Copies {
            devices: self.devices,
            // A session in vain is two messages, one with commands three.
            repeated: (messages.saturating_sub(3 * full) / 2).max(1),
            from: Timestamp(until.0 - DAYS * DAY),
            until,
            audit: self.devices.max(1000),
            feed: FEED,
            bodies: self.bodies,
            ..copies
        };
        say(&format!("making {} devices", self.devices));
        let began = Instant::now();
        let made = tokio::task::spawn_blocking(move || {
            let mut told = Instant::now();
            store::multiply(&url, &key, &copies, |made: &Multiplied| {
                if told.elapsed().as_secs() >= 10 {
                    told = Instant::now();
                    say(&format!("{} messages, {} commands", made.messages, made.commands));
                }
            })
        })
        .await??;
        say(&format!(
            "made {} devices, {} sessions, {} messages, {} commands in {} s",
            made.devices,
            made.sessions,
            made.messages,
            made.commands,
            began.elapsed().as_secs()
        ));
        Ok(())
    }
}

/// The questions to the database that looked through a whole table.
async fn scans(installation: &Installation) -> anyhow::Result<(usize, Vec<Scan>)> {
    let url: store::DatabaseUrl = installation.database_url().parse()?;
    let looked = tokio::task::spawn_blocking(move || store::looked(&url)).await??;
    let count = looked.len();
    let scans = looked.into_iter().filter(|looked| looked.scans);
    Ok((count, scans.map(|looked| Scan { sql: looked.sql, plan: looked.plan }).collect()))
}
