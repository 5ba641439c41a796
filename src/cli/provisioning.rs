//! `transom device provisioning`: what a device is to have before a person begins, and what has not arrived; and what
//! sessions have to do with that.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;

use super::{
    Global, Output,
    client::connected,
    input,
    instance::now,
    shown::{line, table, time},
};
use crate::{
    admin::{EndProvisioning, ProvisioningJson, ProvisioningPartJson, ProvisioningQuery, SetProvisioning},
    management::Attendant,
    model::{ItemState, ProvisioningPlan, work},
    provisioning::{FirstSync, NAME},
    store::Store,
};

/// How often it is looked for what was not there in time.
const WATCH_EVERY: Duration = Duration::from_secs(30);

/// Show what a device is to have before a person begins to work with it, and what has not arrived
///
/// What is expected of devices that enroll stands in [provisioning] of transom.toml. A plan for one device is a file like
/// the "plan" that --json shows; it can be set until the device was told that all was sent.
#[derive(Debug, Args)]
#[command(
    name = "provisioning",
    after_help = "Examples:
  transom device provisioning 1A2B
  transom device provisioning 1A2B --plan kiosk.json
  transom device provisioning 1A2B --end success

kiosk.json: {\"show_device_page\": true, \"timeout_minutes\": 30,
  \"policies\": [\"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera\"]}"
)]
pub(super) struct ProvisioningVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Expect what stands in this JSON file; - reads standard input
    #[arg(long, value_name = "FILE")]
    plan: Option<String>,
    /// Expect what the settings say, from the beginning
    #[arg(long, conflicts_with = "plan")]
    again: bool,
    /// End the page, whatever it waits for
    #[arg(long, value_enum, value_name = "HOW", conflicts_with_all = ["plan", "again"])]
    end: Option<End>,
    /// The page of this user
    #[arg(long, value_name = "NAME", requires = "end")]
    user: Option<String>,
}

/// How a page ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// It says that all is there
    Success,
    /// It says that it failed
    Failure,
}

/// List devices that wait for what they are to have, the first to give up first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device stuck
  transom device stuck --failed --json")]
pub(super) struct StuckVerb {
    /// Those that failed instead, the last to fail first
    #[arg(long)]
    failed: bool,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

impl StuckVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let state = self.failed.then(|| "failed".to_owned());
        let query = ProvisioningQuery { state, limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.provisionings(&query).await?;
            output.page(&page, "no device waits for anything", table_of)
        })
    }
}

/// A line for each thing that is waited for; one for a device of which nothing is known to be missing.
fn table_of(devices: &[ProvisioningJson]) -> String {
    let rows = devices.iter().flat_map(|device| {
        let states: Vec<String> = device.parts.iter().map(words).collect();
        let (id, state) = (line(&device.device_id), states.join(", "));
        let stuck = device.stuck.iter().map(|stuck| {
            [id.clone(), state.clone(), line(&stuck.what), time(stuck.since), line(&stuck.why), line(&stuck.remedy)]
        });
        let rows: Vec<[String; 6]> = stuck.collect();
        if rows.is_empty() {
            let nothing = || "-".to_owned();
            return vec![[id, state, nothing(), nothing(), nothing(), nothing()]];
        }
        rows
    });
    table(&["DEVICE", "STATE", "STUCK AT", "SINCE", "WHY", "WHAT HELPS"], rows)
}

impl ProvisioningVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let plan = self.plan.as_deref().map(read_plan).transpose()?;
        connected(global, async |client| {
            let told = match self.end {
                Some(end) => {
                    let end = EndProvisioning { succeeded: end == End::Success, user: self.user.clone() };
                    client.end_provisioning(&self.id, &end).await?
                }
                None if self.again || plan.is_some() => {
                    client.set_provisioning(&self.id, &SetProvisioning { plan: plan.clone() }).await?
                }
                None => client.provisioning(&self.id).await?,
            };
            if output.is_json() {
                return output.document(&told);
            }
            output.text(text(&told))
        })
    }
}

fn read_plan(file: &str) -> anyhow::Result<ProvisioningPlan> {
    serde_json::from_str(&input::read(file)?).with_context(|| format!("{file} is no plan"))
}

// Writing to a String does not fail.
fn text(told: &ProvisioningJson) -> String {
    let mut text = format!("Provisioning of device {}\n", line(&told.device_id));
    for part in &told.parts {
        let whose = part.user.as_deref().map_or_else(|| "Device".to_owned(), |user| format!("User {}", line(user)));
        let (state, since, items) = (words(part), time(part.since), part.items.len());
        let there = part.items.iter().filter(|item| item.state == ItemState::Done).count();
        let _ = writeln!(text, "\n{whose}: {state}, since {since}; {there} of {items} are there");
        if !part.state.is_final() {
            let _ = writeln!(text, "The device gives up at {}.", time(part.deadline));
        }
    }
    if told.stuck.is_empty() {
        let _ = write!(text, "\nNothing is waited for.");
        return text;
    }
    let rows = told.stuck.iter().map(|stuck| {
        let whose = stuck.user.as_deref().map_or_else(|| "device".to_owned(), line);
        [whose, line(&stuck.what), time(stuck.since), line(&stuck.why), line(&stuck.remedy)]
    });
    let _ = write!(text, "\n{}", table(&["STUCK", "AT", "SINCE", "WHY", "WHAT HELPS"], rows));
    text
}

fn words(part: &ProvisioningPartJson) -> String {
    part.state.as_str().replace('_', " ")
}

/// What sessions have to do with it.
pub(super) fn attendant(first_sync: &FirstSync) -> Attendant {
    let (asks, learns) = (first_sync.clone(), first_sync.clone());
    Attendant {
        name: NAME,
        before: Arc::new(move |tx, contact, now| asks.before_message(tx, contact, now)),
        after: Arc::new(move |tx, contact, decision, now| learns.after_message(tx, contact, decision, now)),
    }
}

/// Begins to look for what was not there in time.
pub(super) fn start(first_sync: &FirstSync, store: &Store) -> JoinHandle<()> {
    let (first_sync, store) = (first_sync.clone(), store.clone());
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(WATCH_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match first_sync.watch(&store, now()).instrument(work("provisioning.watch")).await {
                Ok(0) => {}
                Ok(late) => tracing::info!(late, "devices did not have in time what was expected"),
                Err(error) => tracing::error!(%error, "could not look for devices that are not ready in time"),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_arrived_is_told_with_a_remedy() {
        let told: ProvisioningJson = serde_json::from_value(serde_json::json!({
            "device_id": "1A2B", "plan": {},
            "parts": [{
                "user": null, "state": "timed_out", "since": "2027-01-15T08:00:00Z", "locked": false,
                "started_at": "2027-01-15T07:00:00Z", "deadline": "2027-01-15T08:00:00Z", "sync_done": null,
                "provisioned": null, "items": [],
            }],
            "stuck": [{
                "user": "bob@contoso.test", "what": "./X/\u{1b}[31mStatus", "since": "2027-01-15T07:30:00Z",
                "why": "it is not there", "remedy": "order it",
            }],
        }))
        .unwrap();
        let shown = text(&told);
        assert!(shown.contains("Device: timed out, since 2027-01-15 08:00:00Z; 0 of 0 are there"), "{shown}");
        assert!(shown.contains("bob@contoso.test") && shown.contains("order it") && !shown.contains('\u{1b}'));
        assert!(!shown.contains("gives up"));
    }
}
