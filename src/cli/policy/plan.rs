//! `transom policy plan`: which commands a device would need, without a server or with the facts that one has.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use transom_protocol::csp::Instruction;

use super::about::{Known, checked, compiled, placed, sound};
use super::files;
use crate::admin::{PlanPolicies, PlannedDeclarationJson};
use crate::cli::{
    Global, Output,
    client::connected,
    input,
    shown::{count, json, line, table},
};
use crate::policy::catalogue::{Catalogue, Reboot, builtin};
use crate::policy::declaration::with_ingested;
use crate::policy::reconcile::{self, Standing, Wanted, plan, restart, taken};

/// Say which commands a device needs to become as files of declarations want it
///
/// Nothing is sent. The device is one of the server's, whose facts are asked for, or one that the options describe. With
/// --before, files as they were when the device last got its settings: only the difference is planned, and what is no
/// longer wanted is taken back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy plan policies/ --fact os.build=22631 --fact os.edition_id=48
  transom policy plan policies/ --device 1A2B --before last/policies/
  transom policy plan policies/ --on-server
  transom policy plan policies/ --device 1A2B --on-server
  transom policy plan policies/ --device 1A2B --commands | transom command send --device 1A2B --file -")]
pub(super) struct Plan {
    /// Files, or folders with all .yaml, .yml and .json in and below them; - is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The files as they were before
    #[arg(long, value_name = "PATH")]
    before: Vec<PathBuf>,
    /// A device of the server, for its facts
    #[arg(long, value_name = "ID")]
    device: Option<String>,
    /// Have the server plan it: on how many devices each declaration changes something and, for a device, what it is sent, by the
    /// server's own catalogue, with its other sets, and given what the device has already
    #[arg(long, conflicts_with_all = ["before", "facts"])]
    on_server: bool,
    /// The set that the files are to be, where the server plans [default: default]
    #[arg(long, value_name = "NAME", requires = "on_server")]
    set: Option<String>,
    #[command(flatten)]
    known: Known,
    /// Print the commands only, as JSON that `transom command send --file` takes
    #[arg(long)]
    commands: bool,
}

/// What was planned, as JSON.
#[derive(Serialize)]
struct Planned<'a> {
    commands: Vec<&'a Instruction>,
    /// Settings that are not sent.
    left_out: Vec<LeftOut>,
    /// Settings that restart the device, or take effect with its next restart.
    restarts: Vec<Restarts>,
}

/// A setting that has to do with a restart.
#[derive(Serialize)]
struct Restarts {
    target: String,
    what: &'static str,
}

/// A setting that is not sent.
#[derive(Serialize)]
struct LeftOut {
    target: String,
    /// `not_applicable`, `conflict`, `unresolved`, `kept`.
    state: &'static str,
    why: String,
}

impl Plan {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        if self.on_server {
            return self.ask(global, output);
        }
        let catalogue = builtin::catalogue()?;
        let after = checked(&self.paths, &catalogue)?;
        let before = if self.before.is_empty() { Vec::new() } else { checked(&self.before, &catalogue)? };
        let catalogue = with_ingested(&catalogue, &before);
        let catalogue = with_ingested(&catalogue, &after);
        let policy = compiled(&after, &catalogue)?;
        let before = if before.is_empty() { None } else { Some(compiled(&before, &catalogue)?) };
        let facts = self.known.facts(self.device.as_deref(), global)?;
        let wanted = policy.wanted(&catalogue, &facts);
        let had = before.map(|before| taken(&before.wanted(&catalogue, &facts))).unwrap_or_default();
        let planned = plan(&policy, &wanted, &had, &catalogue);
        let commands: Vec<&Instruction> = planned.steps.iter().map(|step| &step.instruction).collect();
        if self.commands {
            return output.document(&commands);
        }
        let kept = planned.kept.iter().map(|kept| LeftOut {
            target: kept.uri.as_str().to_owned(),
            state: "kept",
            why: kept.why.clone(),
        });
        let left_out: Vec<LeftOut> = left_out(&wanted).into_iter().chain(kept).collect();
        let restarts = restarts(&planned, &wanted, &catalogue);
        if output.is_json() {
            return output.document(&Planned { commands, left_out, restarts });
        }
        for command in &commands {
            output.text(json(&serde_json::to_string(command)?))?;
        }
        for setting in &left_out {
            output.text(format!("not sent: {}: {}", line(&setting.target), line(&setting.why)))?;
        }
        for setting in &restarts {
            output.text(format!("restart: {}: {}", line(&setting.target), setting.what))?;
        }
        output.text(format!(
            "{} of {} wanted, in {}",
            planned.steps.iter().filter(|step| !step.retracts).map(|step| step.settings.len()).sum::<usize>(),
            count(wanted.len(), "setting"),
            count(commands.len(), "command")
        ))
    }
}

impl Plan {
    /// Has the server plan it.
    fn ask(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        if self.commands && self.device.is_none() {
            return Err(input::usage("--commands with --on-server needs --device: commands are of one device"));
        }
        let read = files::read(&self.paths)?;
        sound(&read.remarks)?;
        let declarations = read.documents.iter().map(|document| document.declaration.to_json()).collect();
        let plan = PlanPolicies { device_id: self.device, set: self.set, declarations: Some(declarations) };
        let planned = connected(global, async |client| {
            Ok(client.plan_policies(&plan).await.map_err(|error| placed(error, &read.documents))?)
        })?;
        if self.commands {
            return output.document(&planned.commands);
        }
        if output.is_json() {
            return output.document(&planned);
        }
        if planned.declarations.is_empty() {
            output.text("no declaration is another than those that are published")?;
        } else {
            output.text(concerned(&planned.declarations))?;
        }
        if plan.device_id.is_none() {
            return Ok(());
        }
        for command in &planned.commands {
            output.text(json(&serde_json::to_string(command)?))?;
        }
        for setting in &planned.left_out {
            output.text(format!("not sent: {}: {}", line(&setting.target), line(&setting.why)))?;
        }
        let (wanted, commands) = (count(planned.wanted, "setting"), count(planned.commands.len(), "command"));
        output.text(format!("{wanted} wanted, {commands} to send"))
    }
}

/// What differs, with how many devices that concerns.
fn concerned(declarations: &[PlannedDeclarationJson]) -> String {
    let rows = declarations.iter().map(|each| {
        let devices = match each.devices {
            Some(devices) if each.has_more => format!("{devices} or more"),
            Some(devices) => devices.to_string(),
            None => "not counted".to_owned(),
        };
        [line(&each.identifier), line(&each.r#type), line(&each.change), devices]
    });
    table(&["IDENTIFIER", "TYPE", "CHANGE", "DEVICES"], rows)
}

/// What of that which is sent has to do with a restart.
fn restarts(planned: &reconcile::Plan, wanted: &Wanted, catalogue: &Catalogue) -> Vec<Restarts> {
    let sent = planned.steps.iter().filter(|step| !step.retracts).flat_map(|step| &step.settings);
    let told = sent.filter_map(|key| {
        let setting = wanted.get(key)?;
        let what = match restart(setting.value()?, catalogue)? {
            Reboot::Automatic => "the device restarts by itself after this",
            Reboot::ServerInitiated => "it takes effect with the next restart of the device",
        };
        Some(Restarts { target: setting.uri.as_str().to_owned(), what })
    });
    told.collect()
}

/// As if the device had taken all that was wanted.
fn left_out(wanted: &Wanted) -> Vec<LeftOut> {
    let each = wanted.values().filter_map(|setting| {
        let (state, why) = match &setting.standing {
            Standing::Wanted(_) => return None,
            Standing::NotApplicable(why) => ("not_applicable", why.clone()),
            Standing::Unresolved(why) => ("unresolved", why.clone()),
            Standing::Conflict => {
                let by: Vec<String> = setting.by.iter().map(ToString::to_string).collect();
                ("conflict", format!("{} want different values", by.join(" and ")))
            }
        };
        Some(LeftOut { target: setting.uri.as_str().to_owned(), state, why })
    });
    each.collect()
}
