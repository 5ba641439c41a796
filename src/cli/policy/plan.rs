//! `transom policy plan`: which commands a device would need, without a server or with the facts that one has.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use serde_json::Value;
use transom_protocol::csp::Instruction;
use transom_protocol::csp::catalogue::Catalogue;

use super::files;
use crate::cli::{
    Global, Output,
    client::connected,
    hinted, now,
    shown::{count, json, line},
};
use crate::model::fact::FactKind;
use crate::model::{EnrollmentId, Fact, FactName, FactValue, Facts, parse_rfc3339};
use crate::policy::catalogue::builtin;
use crate::policy::declaration::{Declaration, Level, check};
use crate::policy::reconcile::{Had, HadSetting, Policy, Standing, State, Wanted, plan};

/// Say which commands a device needs to become as files of declarations want it
///
/// Nothing is sent. The device is one of the server's, whose facts are asked for, or one that the options describe. With
/// --before, files as they were when the device last got its settings: only the difference is planned, and what is no
/// longer wanted is taken back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy plan policies/ --fact os.build=22631 --fact os.edition_id=48
  transom policy plan policies/ --device 1A2B --before last/policies/
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
    /// What is known of the device, such as os.build=22631; counts before what the server knows
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
    facts: Vec<(FactName, FactValue)>,
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
        let catalogue = builtin::catalogue()?;
        let policy = compiled(&self.paths, &catalogue)?;
        let before = if self.before.is_empty() { None } else { Some(compiled(&self.before, &catalogue)?) };
        let facts = self.known(global)?;
        let wanted = policy.wanted(&catalogue, &facts);
        let had = before.map(|before| had(&before.wanted(&catalogue, &facts))).unwrap_or_default();
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
        if output.is_json() {
            return output.document(&Planned { commands, left_out });
        }
        for command in &commands {
            output.text(json(&serde_json::to_string(command)?))?;
        }
        for setting in &left_out {
            output.text(format!("not sent: {}: {}", line(&setting.target), line(&setting.why)))?;
        }
        output.text(format!(
            "{} of {} wanted, in {}",
            planned.steps.iter().filter(|step| !step.retracts).map(|step| step.settings.len()).sum::<usize>(),
            count(wanted.len(), "setting"),
            count(commands.len(), "command")
        ))
    }

    fn known(&self, global: &Global) -> anyhow::Result<Facts> {
        let mut known: Vec<(FactName, FactValue)> = Vec::new();
        if let Some(device) = &self.device {
            connected(global, async |client| {
                let told = client.facts(device).await?;
                known.extend(told.facts.iter().filter(|fact| fact.state == "known").filter_map(|fact| {
                    let name = FactName::parse(&fact.name)?;
                    Some((name, value(name, &fact.value)?))
                }));
                Ok(())
            })?;
        }
        known.extend(self.facts.iter().cloned());
        let (at, enrollment) = (now(), EnrollmentId::new(now()));
        // The last of a name counts.
        let fact =
            |(name, value)| Fact { name, value, observed_at: at, changed_at: at, enrollment: enrollment.clone() };
        Ok(known.into_iter().map(fact).collect())
    }
}

/// Declarations in which nothing is wrong, compiled.
fn compiled(paths: &[PathBuf], catalogue: &Catalogue) -> anyhow::Result<Policy> {
    let read = files::read(paths)?;
    let mut remarks = read.remarks;
    remarks.extend(check(&read.documents, &[], catalogue));
    let errors: Vec<String> =
        remarks.iter().filter(|remark| remark.level == Level::Error).map(|remark| line(&remark.to_string())).collect();
    if !errors.is_empty() {
        bail!("{} to be mended:\n  {}", count(errors.len(), "error"), errors.join("\n  "));
    }
    let declarations: Vec<Declaration> = read.documents.into_iter().map(|document| document.declaration).collect();
    let policy = Policy::build(&declarations, catalogue);
    if policy.is_idle() {
        return Err(hinted(
            "no activation applies anything",
            "a declaration of type activation says which devices get what",
        ));
    }
    Ok(policy)
}

/// As if the device had taken all that was wanted.
fn had(wanted: &Wanted) -> Had {
    let taken = wanted.iter().filter_map(|(key, setting)| {
        let token = setting.value()?.token.clone();
        Some((key.clone(), HadSetting { uri: setting.uri.clone(), token, state: State::Applied }))
    });
    taken.collect()
}

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

/// A fact as people write it.
fn fact(text: &str) -> Result<(FactName, FactValue), String> {
    let (name, written) = text.split_once('=').ok_or("write NAME=VALUE, such as os.build=22631")?;
    let name = FactName::parse(name).ok_or_else(|| format!("there is no fact {name:?}: transom device facts"))?;
    let json = match name.definition().kind {
        FactKind::Integer => written.parse::<i64>().map(Value::from).ok(),
        FactKind::Bool => written.parse::<bool>().map(Value::from).ok(),
        FactKind::List => Some(written.split(',').map(Value::from).collect()),
        FactKind::Text | FactKind::Time => Some(Value::from(written)),
    };
    let value = json.as_ref().and_then(|json| value(name, json));
    value.map(|value| (name, value)).ok_or_else(|| format!("{written:?} is no value of {name}"))
}

fn value(name: FactName, json: &Value) -> Option<FactValue> {
    Some(match name.definition().kind {
        FactKind::Text => FactValue::Text(json.as_str()?.to_owned()),
        FactKind::Integer => FactValue::Integer(json.as_i64()?),
        FactKind::Bool => FactValue::Bool(json.as_bool()?),
        FactKind::Time => FactValue::Time(parse_rfc3339(json.as_str()?)?),
        FactKind::List => {
            let items = json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
            FactValue::List(items.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_by_their_types() {
        let read = |text: &str| fact(text).map(|(_, value)| value);
        assert_eq!(read("os.build=22631"), Ok(FactValue::Integer(22631)));
        assert_eq!(read("device.serial=A=B"), Ok(FactValue::Text("A=B".to_owned())));
        assert_eq!(read("apps.msi=a,b"), Ok(FactValue::List(vec!["a".to_owned(), "b".to_owned()])));
        assert!(read("os.build=new").unwrap_err().contains("no value of os.build"));
        assert!(read("os.bild=1").unwrap_err().contains("there is no fact"));
        assert!(read("os.build").is_err());
    }
}
