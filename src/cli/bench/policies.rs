//! `transom bench policies`: what it costs to bring declarations to many devices, and how long looking at what became of
//! them takes.
//!
//! A server as a process of its own, with devices that are enrolled and known; what is published goes through the same
//! door as always.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::shown::table;
use super::child::Child;
use super::pages::{self, Person};
use super::site::{Peopling, Site, id};
use super::talk::{self, Peer};
use super::{catalogue, say};
use crate::cli::{Installation, Output, now, open_store};
use crate::config::{DataFolder, DatabaseUrl};
use crate::model::{DeviceId, FactName, FactValue};
use crate::policy::catalogue::builtin;
use crate::store::{Error, Tx, settle};

/// Measure what it costs to bring declarations to many devices
///
/// Enrolls devices of four builds and two editions, publishes declarations, changes one setting, publishes something that
/// concerns nobody, and takes all back. How long going through the devices takes, what the server needs for it, and how
/// long the pages and lists about policies take after it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Policies {
    /// Devices
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    devices: usize,
    /// Declarations, of which one in ten says who gets what
    #[arg(long, value_name = "N", default_value_t = 40)]
    declarations: usize,
    /// Settings of each configuration
    #[arg(long, value_name = "N", default_value_t = 2)]
    settings: usize,
    /// Devices that come and take what is for them before something changes
    #[arg(long, value_name = "N", default_value_t = 200)]
    sessions: usize,
    /// Devices that the server may look at in a second: `policy.devices_per_second`
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    devices_per_second: usize,
    /// An empty database, in place of SQLite
    #[arg(long, value_name = "URL", default_value_t)]
    database: DatabaseUrl,
    /// How often each question is asked
    #[arg(long, value_name = "N", default_value_t = 20)]
    times: usize,
    /// Fail when the 95th percentile of a question is above so many milliseconds
    #[arg(long, value_name = "MS")]
    bound: Option<u32>,
    /// Folder for the installation, which must not exist [default: a throw-away folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  transom bench policies
  transom bench policies --devices 100000 --declarations 40 --bound 200
  transom bench policies --devices 10000 --database postgres://transom@localhost/bench --json";

/// Builds of which there are devices, and editions.
const BUILDS: [i64; 4] = [19_045, 22_631, 26_100, 26_200];
const EDITIONS: [i64; 2] = [4, 48];

/// Devices whose facts are written together.
const TOGETHER: usize = 500;

/// How often it is asked how far the server is.
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// Everything that is printed.
#[derive(Debug, Serialize)]
struct Report {
    database: &'static str,
    devices: usize,
    declarations: usize,
    settings: usize,
    sessions: usize,
    walks: Vec<Walk>,
    questions: pages::Report,
}

/// What was published once, and what it took to go through the devices.
#[derive(Debug, Serialize)]
struct Walk {
    what: &'static str,
    /// Until it was published.
    published_ms: f64,
    /// From then on until the last device was looked at.
    took_ms: f64,
    devices: u64,
    /// Of these, devices for which something changed.
    changed: u64,
    /// Processor time of the server.
    cpu_ms: f64,
    /// Memory of the server before it began, and the most while it lasted, in bytes.
    resident: u64,
    peak: u64,
}

impl Policies {
    pub(super) fn run(self, output: &mut Output) -> anyhow::Result<()> {
        ensure!(self.devices > 0 && self.times > 0, "nothing is to be measured");
        ensure!(self.declarations >= 2 && self.settings > 0, "a configuration and an activation are the least");
        ensure!(self.sessions <= self.devices, "there are fewer devices than are to come");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let report = runtime.block_on(self.measure())?;
        if output.is_json() {
            output.document(&report)?;
        } else {
            output.text(report.text())?;
        }
        if !report.questions.all_met() {
            bail!("an answer was not as it should be");
        }
        Ok(())
    }

    async fn measure(&self) -> anyhow::Result<Report> {
        let throw_away = tempfile::Builder::new().prefix("transom-bench-").tempdir().context("can't make a folder")?;
        let data = self.keep.clone().unwrap_or_else(|| throw_away.path().join("policies"));
        say(&format!("making {} enrollments", self.devices));
        let people = Peopling { size: self.devices, fresh: self.sessions, aged: 0 };
        let mut site = Site::make(data.clone(), &self.database, people).await?;
        let installation = Installation::open(DataFolder::new(&data), &[])?;
        say("writing down what they are");
        know(&installation, self.devices).await?;
        let url = installation.database_url().parse()?;
        tokio::task::spawn_blocking(move || settle(&url)).await??;
        let pace = self.devices_per_second.to_string();
        let server = Child::serve_with(&data, site.log(), &[("TRANSOM_POLICY_DEVICES_PER_SECOND", &pace)]).await?;
        let person = Person::come_in(&installation, server.admin.clone()).await?;
        let mut walks = Vec::new();
        let all = self.all(None)?;
        say(&format!("bringing {} declarations to {} devices", all.len(), self.devices));
        walks.push(self.publish(&server, &person, "all that they lack", &all).await?);
        if !site.fresh.is_empty() {
            say(&format!("letting {} devices take it", site.fresh.len()));
            let devices = std::mem::take(&mut site.fresh);
            talk::sessions(&Peer::Server(site.dialer(&server)?), devices, 16).await?;
        }
        say("bringing what differs");
        walks.push(self.publish(&server, &person, "one setting is another", &self.all(Some(0))?).await?);
        let mut more = self.all(Some(0))?;
        more.push(configuration("for-nobody", &[("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera", "0")]));
        walks.push(self.publish(&server, &person, "nothing that concerns them", &more).await?);
        say(&format!("asking each question {} times", self.times));
        let answers = pages::ask_of_policies(&person, self.devices, self.times).await?;
        let database = if matches!(self.database, DatabaseUrl::Postgres(_)) { "PostgreSQL" } else { "SQLite" };
        let questions = pages::Report::new(database, answers, None, self.bound);
        say("taking it back");
        walks.push(self.publish(&server, &person, "all is taken back", &[]).await?);
        server.stop()?;
        let settings = self.configurations() * self.settings;
        let (devices, declarations, sessions) = (self.devices, self.declarations, self.sessions);
        Ok(Report { database, devices, declarations, settings, sessions, walks, questions })
    }

    fn activations(&self) -> usize {
        (self.declarations / 10).max(1)
    }

    fn configurations(&self) -> usize {
        self.declarations - self.activations()
    }

    /// The declarations; of one configuration the first setting may have another value.
    fn all(&self, other: Option<usize>) -> anyhow::Result<Vec<Value>> {
        let values = catalogue::takeable(&builtin::catalogue()?, self.configurations() * self.settings)?;
        let values: Vec<(&str, &str)> = values.iter().map(|(uri, value)| (uri.as_str(), value.as_str())).collect();
        ensure!(values.len() == self.configurations() * self.settings, "there are only {} such settings", values.len());
        let named: Vec<(String, Vec<(&str, &str)>)> = values
            .chunks(self.settings)
            .enumerate()
            .map(|(place, values)| (format!("bench-{place:03}"), values.to_vec()))
            .collect();
        let mut all: Vec<Value> = named
            .iter()
            .enumerate()
            .map(|(place, (name, values))| {
                let mut values = values.clone();
                if let Some(first) = values.first_mut().filter(|_| other == Some(place)) {
                    // The first of all is one that is on or off.
                    first.1 = if first.1 == "0" { "1" } else { "0" };
                }
                configuration(name, &values)
            })
            .collect();
        let share = named.len().div_ceil(self.activations()).max(1);
        for (place, named) in named.chunks(share).enumerate() {
            let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
            let when = ["os.build >= 19041", "os.build >= 22000", "os.edition_id == 4", "os.build < 26200"][place % 4];
            let payload = json!({ "configurations": names, "when": when });
            all.push(json!({ "type": "activation", "identifier": format!("bench-for-{place}"), "payload": payload }));
        }
        Ok(all)
    }

    /// Publishes, and waits until every device was looked at.
    async fn publish(
        &self,
        server: &Child,
        person: &Person,
        what: &'static str,
        declarations: &[Value],
    ) -> anyhow::Result<Walk> {
        let (memory, cpu) = (server.memory()?, server.cpu()?);
        let mut peak = memory.resident;
        let body = json!({ "set": "bench", "message": what, "declarations": declarations });
        let began = Instant::now();
        person.json(Method::POST, "/policies/apply", Some(&body)).await?;
        let published = began.elapsed();
        loop {
            let progress = person.json(Method::GET, "/policies/progress", None).await?;
            peak = peak.max(server.memory()?.resident);
            let number = |name: &str| progress.get(name).and_then(Value::as_u64).unwrap_or_default();
            if progress.get("done") == Some(&Value::Bool(true)) {
                let took = began.elapsed().saturating_sub(published);
                return Ok(Walk {
                    what,
                    published_ms: millis(published),
                    took_ms: millis(took),
                    devices: number("looked"),
                    changed: number("changed"),
                    cpu_ms: millis(server.cpu()?.saturating_sub(cpu)),
                    resident: memory.resident,
                    peak,
                });
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
}

fn configuration(name: &str, values: &[(&str, &str)]) -> Value {
    let settings: serde_json::Map<String, Value> =
        values.iter().map(|(uri, value)| ((*uri).to_owned(), Value::from(*value))).collect();
    json!({ "type": "configuration", "identifier": name, "payload": { "settings": settings } })
}

/// Writes down of every device what it is, and that it has come once: only those are managed.
async fn know(installation: &Installation, devices: usize) -> anyhow::Result<()> {
    let store = open_store(installation)?;
    for first in (0..devices).step_by(TOGETHER) {
        let last = devices.min(first + TOGETHER);
        let job = move |tx: &mut Tx<'_>| {
            for number in first..last {
                let Some(device) = DeviceId::parse(&id(number)) else { continue };
                let Some(known) = tx.device(&device)? else { continue };
                let Some(life) = known.enrollment else { continue };
                tx.save_facts(&known.key, &life.id, &facts(number), 10, now())?;
                tx.activate_enrollment(&life.id, now())?;
            }
            // Nothing is published yet: there is nothing to look for.
            for look in tx.policy_looks(now(), i64::try_from(TOGETHER).unwrap_or(1))? {
                tx.end_policy_look(&look)?;
            }
            Ok::<_, Error>(())
        };
        store.write(job).await?;
    }
    Ok(())
}

fn facts(number: usize) -> Vec<(FactName, FactValue)> {
    let build = BUILDS[number % BUILDS.len()];
    let edition = EDITIONS[number / BUILDS.len() % EDITIONS.len()];
    let known = [("os.build", FactValue::Integer(build)), ("os.edition_id", FactValue::Integer(edition))];
    known.into_iter().filter_map(|(name, value)| Some((FactName::parse(name)?, value))).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Report {
    fn text(&self) -> String {
        let mib = |bytes: u64| format!("{} MiB", bytes / (1024 * 1024));
        let rows = self.walks.iter().map(|walk| {
            let seconds = |millis: f64| format!("{:.1} s", millis / 1000.0);
            [
                walk.what.to_owned(),
                seconds(walk.published_ms),
                seconds(walk.took_ms),
                walk.devices.to_string(),
                walk.changed.to_string(),
                seconds(walk.cpu_ms),
                mib(walk.resident),
                mib(walk.peak),
            ]
        });
        let head = ["", "PUBLISHED IN", "BROUGHT IN", "DEVICES", "CHANGED", "CPU", "MEMORY BEFORE", "AT MOST"];
        let mut text = format!(
            "{} devices, {} declarations with {} settings; {} devices came\n\n{}",
            self.devices,
            self.declarations,
            self.settings,
            self.sessions,
            table(&head, rows)
        );
        // Writing to a text does not fail.
        let _ = write!(text, "\n{}", self.questions.text());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::declaration::read_json;

    fn bench() -> Policies {
        Policies {
            devices: 10,
            declarations: 40,
            settings: 2,
            sessions: 0,
            devices_per_second: 1,
            database: DatabaseUrl::default(),
            times: 1,
            bound: None,
            keep: None,
        }
    }

    #[test]
    fn there_are_as_many_declarations_as_are_asked_for() {
        let (before, after) = (bench().all(None).unwrap(), bench().all(Some(0)).unwrap());
        assert_eq!((before.len(), after.len()), (40, 40));
        let differ = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert_eq!(differ, 1, "one declaration is another");
        let remarks: Vec<_> = after.iter().flat_map(|declaration| read_json(declaration).remarks).collect();
        assert!(remarks.is_empty(), "{remarks:?}");
    }
}
