//! `transom policy stages`, `advance`, `pause`, `resume` and `retry`: what goes to devices in stages, and what is sent again.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::look;
use crate::admin::{
    DevicePolicyQuery, PolicyStageJson, PolicyStagesJson, RetryDevicePolicies, RetryPolicies, StageDeed,
};
use crate::cli::{
    Global, Output,
    client::connected,
    input,
    shown::{line, table, time},
};

/// In which stages a revision goes to devices.
#[derive(Debug, Args)]
pub(super) struct Stages {
    /// Publish in stages: a share of all devices (10%), or a condition ("'pilot' in device.tags"); several times for several.
    /// Everybody comes last
    #[arg(long = "stage", id = "stages", value_name = "STAGE")]
    each: Vec<String>,
    /// Stop when this share of the devices that said what became of it has failed [default: 5%]
    #[arg(long, value_name = "SHARE", requires = "stages")]
    stop_at_failures: Option<String>,
    /// Devices that have to have said so before that counts [default: 5]
    #[arg(long, value_name = "N", requires = "stages")]
    minimum_devices: Option<u32>,
    /// Go on by itself after so long in a stage, such as 4h; otherwise `transom policy advance` does
    #[arg(long, value_name = "TIME", value_parser = input::duration, requires = "stages")]
    advance_after: Option<Duration>,
}

/// Show what goes, or went, to devices in stages: where it stands, and what became of it; or the devices of one revision
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy stages
  transom policy stages 13
  transom policy stages 13 --state failed")]
pub(super) struct List {
    /// One revision, with the devices that have it
    #[arg(value_name = "REVISION")]
    revision: Option<i64>,
    /// Only devices on which it stands there, such as failed
    #[arg(long, value_name = "STATE", requires = "revision")]
    state: Option<String>,
    /// How many devices, up to 500 [default: 50]
    #[arg(long, value_name = "N", requires = "revision")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR", requires = "revision")]
    cursor: Option<String>,
}

/// Let what was published in stages go on to the devices of its next stage
#[derive(Debug, Args)]
pub(super) struct Advance {
    /// The revision [default: the one that goes to devices just now]
    #[arg(value_name = "REVISION")]
    revision: Option<i64>,
}

/// Hold what was published in stages: no more devices get it for now
#[derive(Debug, Args)]
pub(super) struct Pause {
    /// The revision [default: the one that goes to devices just now]
    #[arg(value_name = "REVISION")]
    revision: Option<i64>,
}

/// Let what was paused or has stopped go on in its stage; what has failed until now does not count any more
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The revision [default: the one that goes to devices just now]
    #[arg(value_name = "REVISION")]
    revision: Option<i64>,
}

/// Send settings again that failed, drifted, or could not be taken back
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy retry baseline
  transom policy retry --device 1A2B
  transom policy retry --all")]
pub(super) struct Retry {
    /// Only those of this declaration
    #[arg(value_name = "IDENTIFIER", required_unless_present_any = ["device", "all"])]
    identifier: Option<String>,
    /// Only those of this device
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Those of all declarations on all devices
    #[arg(long, conflicts_with_all = ["identifier", "device"])]
    all: bool,
}

impl Stages {
    /// As the server takes them; nothing where all devices get it at once.
    pub(super) fn plan(self) -> Option<PolicyStagesJson> {
        let Self { each: stages, stop_at_failures, minimum_devices, advance_after } = self;
        let advance_after_seconds = advance_after.map(|after| after.as_secs());
        let any = !stages.is_empty();
        any.then_some(PolicyStagesJson { stages, stop_at_failures, minimum_devices, advance_after_seconds })
    }
}

impl List {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        if let Some(revision) = self.revision {
            let query = DevicePolicyQuery { state: self.state, limit: self.limit, cursor: self.cursor };
            return connected(global, async |client| {
                look::devices(&client.policy_stage_devices(revision, &query).await?, output)
            });
        }
        connected(global, async |client| {
            let stages = client.policy_stages().await?;
            if output.is_json() {
                return output.document(&stages);
            }
            if stages.is_empty() {
                return output.text("nothing was published in stages");
            }
            let rows = stages.iter().map(|staged| {
                let stage = staged.stages.get(staged.stage.saturating_sub(1)).map(|stage| line(stage));
                let at = format!("{} of {}: {}", staged.stage, staged.stages.len(), stage.unwrap_or_default());
                let devices = format!("{} of {} failed, {} to come", staged.failed, staged.judged, staged.waiting);
                let why = staged.why.as_deref().map(line).unwrap_or_default();
                let (revision, set, since) = (staged.revision.to_string(), line(&staged.set), time(staged.stage_since));
                [revision, set, staged.state.clone(), at, since, devices, why]
            });
            output.text(table(&["REVISION", "SET", "STATE", "STAGE", "SINCE", "DEVICES", "WHY"], rows))
        })
    }
}

impl Advance {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        change(self.revision, StageDeed::Advance, global, output)
    }
}

impl Pause {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        change(self.revision, StageDeed::Pause, global, output)
    }
}

impl Resume {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        change(self.revision, StageDeed::Resume, global, output)
    }
}

fn change(revision: Option<i64>, deed: StageDeed, global: &Global, output: &mut Output) -> anyhow::Result<()> {
    connected(global, async |client| {
        let revision = if let Some(revision) = revision {
            revision
        } else {
            let is_open = |staged: &&PolicyStageJson| ["running", "paused", "stopped"].contains(&&*staged.state);
            let all = client.policy_stages().await?;
            let Some(open) = all.iter().find(is_open) else { bail!("nothing goes to devices in stages just now") };
            open.revision
        };
        let staged = client.change_policy_stage(revision, deed).await?;
        if output.is_json() {
            return output.document(&staged);
        }
        output.text(sentence(&staged))
    })
}

/// Where it stands, in a line.
fn sentence(staged: &PolicyStageJson) -> String {
    let stage = staged.stages.get(staged.stage.saturating_sub(1)).map(|stage| line(stage)).unwrap_or_default();
    format!(
        "revision {} is {} in stage {} of {}: {stage}",
        staged.revision,
        staged.state,
        staged.stage,
        staged.stages.len()
    )
}

impl Retry {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let Self { identifier, device, .. } = self;
        connected(global, async |client| {
            let asked = match device {
                Some(device) => client.retry_device_policies(&device, &RetryDevicePolicies { identifier }).await?,
                None => client.retry_policies(&RetryPolicies { identifier, device_id: None }).await?,
            };
            if output.is_json() { output.document(&asked) } else { output.text("what failed is sent again") }
        })
    }
}
