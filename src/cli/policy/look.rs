//! `transom policy status`, `history`, `diff` and `export`: what is published, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use super::files::declarations_of;
use crate::admin::{
    ChangedPolicyJson, DevicePolicyQuery, DeviceSettingJson, PageJson, PolicyDeviceJson, PolicyDiffQuery, PolicyJson,
    PolicyProgressJson, PolicyRevisionQuery, PolicySetQuery,
};
use crate::cli::{
    Global, Output,
    client::connected,
    hinted,
    shown::{json, line, table, time},
};
use crate::policy::declaration::to_yaml;

/// Show what is published and on how many devices it stands where; one declaration; or one device
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy status
  transom policy status baseline
  transom policy status baseline --state failed
  transom policy status --device 1A2B")]
pub(super) struct Status {
    /// One declaration, with the devices on which it stands somewhere
    #[arg(value_name = "IDENTIFIER")]
    identifier: Option<String>,
    /// One device, with its settings
    #[arg(long, value_name = "ID", conflicts_with = "identifier")]
    device: Option<String>,
    /// Only devices on which the declaration stands there, such as failed
    #[arg(long, value_name = "STATE", requires = "identifier")]
    state: Option<String>,
    /// How many devices, up to 500 [default: 50]
    #[arg(long, value_name = "N", requires = "identifier")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR", requires = "identifier")]
    cursor: Option<String>,
}

/// Show what was published, by whom and why, newest first
#[derive(Debug, Args)]
pub(super) struct History {
    /// Only this set
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Show what a revision changed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy diff 12
  transom policy diff 12 --from 7")]
pub(super) struct Diff {
    /// The revision
    #[arg(value_name = "REVISION")]
    revision: i64,
    /// An earlier one [default: the one before, of the same set]
    #[arg(long, value_name = "REVISION")]
    from: Option<i64>,
}

/// Print what is published of a set as YAML, as `transom policy apply` takes it
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The set; needed where there are several
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// What is published, as JSON.
#[derive(Serialize)]
struct Standing {
    policies: Vec<PolicyJson>,
    progress: PolicyProgressJson,
}

impl Status {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match (&self.identifier, &self.device) {
            (Some(identifier), _) => self.of_declaration(identifier, global, output),
            (None, Some(device)) => of_device(device, global, output),
            (None, None) => of_all(global, output),
        }
    }

    fn of_declaration(&self, identifier: &str, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = DevicePolicyQuery { state: self.state.clone(), limit: self.limit, cursor: self.cursor.clone() };
        connected(global, async |client| devices(&client.policy_devices(identifier, &query).await?, output))
    }
}

/// The devices on which something stands.
pub(super) fn devices(page: &PageJson<PolicyDeviceJson>, output: &mut Output) -> anyhow::Result<()> {
    output.page(page, "it stands nowhere", |devices| {
        let rows = devices.iter().map(|device| {
            let because: Vec<String> = device.because.iter().map(reason).collect();
            let name = device.name.as_deref().map(line).unwrap_or_default();
            [line(&device.device_id), name, device.state.clone(), time(device.since), because.join("; ")]
        });
        table(&["DEVICE", "NAME", "STATE", "SINCE", "BECAUSE"], rows)
    })
}

fn of_all(global: &Global, output: &mut Output) -> anyhow::Result<()> {
    connected(global, async |client| {
        let policies = client.policies(&PolicySetQuery::default()).await?;
        if output.is_json() {
            let progress = client.policy_progress().await?;
            return output.document(&Standing { policies, progress });
        }
        if policies.is_empty() {
            return output.text("nothing is published");
        }
        let rows = policies.iter().map(|policy| {
            let (name, kind, set) = (line(&policy.identifier), line(&policy.r#type), line(&policy.set));
            let kind = if policy.removed { format!("{kind}, removed") } else { kind };
            [name, kind, set, policy.revision.to_string(), counts(&policy.devices)]
        });
        output.text(table(&["IDENTIFIER", "TYPE", "SET", "REVISION", "DEVICES"], rows))?;
        output.text(format!("\n{}", progress(&client.policy_progress().await?)))
    })
}

fn of_device(device: &str, global: &Global, output: &mut Output) -> anyhow::Result<()> {
    connected(global, async |client| {
        let told = client.device_policies(device).await?;
        if output.is_json() {
            return output.document(&told);
        }
        if told.settings.is_empty() {
            return output.text("no policy concerns this device");
        }
        let rows = told.settings.iter().map(|setting| {
            let by = setting.configurations.join(", ");
            let (state, since) = (setting.state.clone(), time(setting.since));
            let why = format!("{}{}", why(setting), shown_by(setting));
            [line(&setting.target), state, line(&by), since, verified(setting), why]
        });
        output.text(table(&["SETTING", "STATE", "CONFIGURATIONS", "SINCE", "VERIFIED", "WHY"], rows))
    })
}

fn counts(devices: &BTreeMap<String, i64>) -> String {
    let each: Vec<String> =
        devices.iter().map(|(state, count)| format!("{count} {}", state.replace('_', " "))).collect();
    each.join(", ")
}

fn progress(progress: &PolicyProgressJson) -> String {
    if progress.done {
        return "all devices were looked at since the last change".to_owned();
    }
    format!("{} of {} devices were looked at since the last change", progress.looked, progress.total)
}

fn reason(setting: &DeviceSettingJson) -> String {
    format!("{}: {}{}", line(&setting.target), why(setting), shown_by(setting))
}

/// The command, session and message that showed it.
fn shown_by(setting: &DeviceSettingJson) -> String {
    let check = setting.checked.as_ref().filter(|_| setting.state == "drifted");
    let is_refused = setting.status.is_some() || setting.state == "failed";
    let named = match check {
        Some(check) => [&check.command_id, &check.session_id, &check.shown_in],
        None if is_refused => [&setting.command_id, &setting.session_id, &setting.shown_in],
        None => return String::new(),
    };
    let named = ["command", "session", "message"].into_iter().zip(named);
    let named: Vec<String> = named.filter_map(|(what, id)| Some(format!("{what} {}", line(id.as_deref()?)))).collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

/// When the device last said that it has it.
fn verified(setting: &DeviceSettingJson) -> String {
    match &setting.checked {
        Some(check) if check.verdict == "not_verifiable" => "can't be verified".to_owned(),
        Some(check) => time(check.at),
        None => String::new(),
    }
}

fn why(setting: &DeviceSettingJson) -> String {
    let told = setting.why.as_deref().map(line).unwrap_or_default();
    if let Some(check) = setting.checked.as_ref().filter(|_| setting.state == "drifted") {
        let value = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), line);
        return format!("{told}; wanted {}, on the device {}", value(&check.wanted), value(&check.observed));
    }
    let unknown = setting.checked.as_ref().filter(|check| check.verdict == "not_verifiable");
    if let Some(why) = unknown.and_then(|check| check.why.as_deref()).filter(|_| setting.state == "applied") {
        return if told.is_empty() { line(why) } else { format!("{told}; {}", line(why)) };
    }
    match &setting.error {
        Some(error) => {
            let cause =
                error.cause.as_deref().map(|cause| format!(" Likely cause: {}", line(cause))).unwrap_or_default();
            format!("{told}: {} {}{cause} {}", error.code, line(&error.meaning), line(&error.remedy))
        }
        None => told,
    }
}

impl History {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = PolicyRevisionQuery { set: self.set, limit: self.limit, cursor: self.cursor };
        connected(global, async |client| {
            let page = client.policy_revisions(&query).await?;
            output.page(&page, "nothing was published", |revisions| {
                let rows = revisions.iter().map(|revision| {
                    let changes = format!("+{} ~{} -{}", revision.added, revision.changed, revision.removed);
                    let (set, author) = (line(&revision.set), line(&revision.author));
                    [revision.number.to_string(), time(revision.at), set, author, changes, line(&revision.message)]
                });
                table(&["REVISION", "AT", "SET", "AUTHOR", "CHANGES", "MESSAGE"], rows)
            })
        })
    }
}

impl Diff {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = PolicyDiffQuery { from: self.from };
        connected(global, async |client| {
            let diff = client.policy_diff(self.revision, &query).await?;
            if output.is_json() {
                return output.document(&diff);
            }
            for change in &diff.changes {
                output.text(told(change))?;
            }
            for secret in &diff.secrets {
                let (name, what, by) = (line(&secret.name), line(&secret.what), line(&secret.by));
                output.text(format!("~ value of the secret {name}: {what} {} by {by}", time(secret.at)))?;
            }
            if diff.changes.is_empty() && diff.secrets.is_empty() { output.text("nothing differs") } else { Ok(()) }
        })
    }
}

fn told(change: &ChangedPolicyJson) -> String {
    let sign = match (&change.before, &change.after) {
        (None, _) => "+",
        (_, None) => "-",
        _ => "~",
    };
    let shown = |sign: &str, value: &Option<serde_json::Value>| {
        let payload = value.as_ref().and_then(|value| value.get("payload"));
        payload.map(|payload| format!("\n    {sign} {}", json(&payload.to_string()))).unwrap_or_default()
    };
    let (name, kind) = (line(&change.identifier), line(&change.r#type));
    format!("{sign} {kind} {name}{}{}", shown("-", &change.before), shown("+", &change.after))
}

/// What several sets have can't be published as one.
fn only_set(policies: &[PolicyJson]) -> anyhow::Result<()> {
    let published = policies.iter().filter(|policy| !policy.removed);
    let sets: BTreeSet<&str> = published.map(|policy| policy.set.as_str()).collect();
    if sets.len() < 2 {
        return Ok(());
    }
    let names: Vec<String> = sets.into_iter().map(line).collect();
    Err(hinted(
        format!("there are {} sets: {}", names.len(), names.join(", ")),
        "write them one by one, with --set NAME: a set is published by itself",
    ))
}

impl Export {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = PolicySetQuery { set: self.set };
        connected(global, async |client| {
            if query.set.is_none() {
                only_set(&client.policies(&query).await?)?;
            }
            let exported = client.export_policies(&query).await?;
            if output.is_json() {
                return output.document(&exported);
            }
            output.text(to_yaml(&declarations_of(&exported.declarations)?).trim_end())
        })
    }
}
