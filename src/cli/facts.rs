//! `transom device facts` and `refresh`: what is known of devices.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use super::{
    Global, Output,
    client::connected,
    shown::{count, line, short, table, time},
};
use crate::admin::{FactDefinitionJson, FactJson, FactsJson, Part, Refresh};
use crate::model::Timestamp;
use crate::ui::text::age;

/// Longest value in a line.
const VALUE: usize = 100;

/// Items of a list that are shown; `--json` shows all.
const ITEMS: usize = 5;

/// Show what is known of a device; without a device, the facts that there are
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device facts
  transom device facts 1A2B
  transom device facts 1A2B --history os.build")]
pub(super) struct FactsVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// What became of this fact, newest first
    #[arg(long, value_name = "FACT", requires = "id")]
    history: Option<String>,
}

/// Ask a device for its facts anew
///
/// It is woken where it can be; otherwise it answers when it comes by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device refresh 1A2B
  transom device refresh 1A2B --fact os.build --fact storage.free")]
pub(super) struct RefreshVerb {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
    /// Only this fact; may be given several times
    #[arg(long = "fact", value_name = "FACT")]
    facts: Vec<String>,
}

impl FactsVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| match (&self.id, &self.history) {
            (None, _) => {
                let page = client.fact_definitions().await?;
                output.page(&page, "no facts", catalogue_of)
            }
            (Some(id), None) => {
                let facts = client.facts(id).await?;
                if output.is_json() {
                    return output.document(&facts);
                }
                output.text(format!(
                    "Facts of device {}\n{}",
                    line(&facts.device_id),
                    told(&facts, super::instance::now())
                ))
            }
            (Some(id), Some(name)) => {
                let page = client.fact_history(id, name, &Part::default()).await?;
                output.page(&page, "nothing is known of it", |changes| {
                    let rows = changes.iter().map(|change| {
                        let items = |sign: char, items: &[String]| -> String {
                            items.iter().map(|item| format!("{sign}{item} ")).collect()
                        };
                        let value = match &change.value {
                            Value::Null if change.why.is_none() => {
                                items('+', &change.added) + &items('-', &change.removed)
                            }
                            value => value_text(value),
                        };
                        let why = change.why.as_deref().unwrap_or_default();
                        [time(change.at), short(value.trim(), VALUE), line(why)]
                    });
                    table(&["SINCE", "VALUE", "WHY"], rows)
                })
            }
        })
    }
}

impl RefreshVerb {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let refreshed = client.refresh(&self.id, &Refresh { facts: self.facts }).await?;
            if output.is_json() {
                return output.document(&refreshed);
            }
            let asked = format!("It is asked for {}.", count(refreshed.facts, "fact"));
            output.text(format!("{}\n{asked}", super::sync::told(&refreshed.reach)))
        })
    }
}

fn catalogue_of(facts: &[FactDefinitionJson]) -> String {
    let rows = facts.iter().map(|fact| {
        let kind = fact.unit.as_ref().map_or_else(|| line(&fact.kind), |unit| format!("{} ({unit})", fact.kind));
        [line(&fact.name), kind, line(&fact.plan), line(&fact.title)]
    });
    table(&["FACT", "TYPE", "READ", "WHAT"], rows)
}

/// What is known of a device, in its groups, each with its age.
// Writing to a String does not fail.
pub(super) fn told(facts: &FactsJson, now: Timestamp) -> String {
    let (missing, there): (Vec<&FactJson>, Vec<&FactJson>) =
        facts.facts.iter().partition(|fact| fact.state == "absent");
    let mut text = String::new();
    let mut group = "";
    for fact in there {
        let (of, name) = fact.name.split_once('.').unwrap_or(("", &fact.name));
        if of != group {
            group = of;
            let _ = writeln!(text, "\n  {}", line(of));
        }
        let unit = fact.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
        let odd = if fact.state == "odd" { " (odd)" } else { "" };
        let value = short(&value_text(&fact.value), VALUE);
        let _ = writeln!(text, "    {:<24} {value}{unit}{odd}  [{}]", line(name), age(fact.observed_at, now));
    }
    if !missing.is_empty() {
        let names: Vec<String> = missing
            .iter()
            .map(|fact| {
                fact.status.map_or_else(|| line(&fact.name), |status| format!("{} ({status})", line(&fact.name)))
            })
            .collect();
        let _ = writeln!(
            text,
            "\n  absent: the device has no such node, or does not let it be read\n    {}",
            names.join(", ")
        );
    }
    if !facts.unasked.is_empty() {
        let names: Vec<String> = facts.unasked.iter().map(|name| line(name)).collect();
        let _ = writeln!(text, "\n  not answered yet\n    {}", names.join(", "));
    }
    text
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(items) if items.is_empty() => "(none)".to_owned(),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(ITEMS).map(value_text).collect();
            let more = items.len().saturating_sub(ITEMS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}: {}{more}", items.len(), shown.join(", "))
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_told_in_groups_and_what_is_missing_is_said() {
        let at = "2027-01-15T08:00:00Z";
        let facts: FactsJson = serde_json::from_value(serde_json::json!({
            "device_id": "1A2B",
            "facts": [
                {"name": "device.name", "state": "odd", "value": "a\u{1b}[2J", "observed_at": at, "changed_at": at},
                {"name": "os.build", "state": "known", "value": 22631, "observed_at": at, "changed_at": at},
                {"name": "storage.free", "state": "known", "value": 7, "unit": "MB", "observed_at": at, "changed_at": at},
                {"name": "defender.real_time", "state": "known", "value": false, "observed_at": at, "changed_at": at},
                {"name": "apps.msi", "state": "known", "value": ["a", "b", "c", "d", "e", "f"], "observed_at": at, "changed_at": at},
                {"name": "device.serial", "state": "absent", "value": null, "status": 404, "observed_at": at, "changed_at": at},
            ],
            "unasked": ["apps.user_msi"],
        }))
        .unwrap();
        let now = facts.facts[0].observed_at.plus_millis(3 * 3_600_000);
        assert_eq!(
            told(&facts, now),
            "
  device
    name                     a\\u{1b}[2J (odd)  [3 h ago]

  os
    build                    22631  [3 h ago]

  storage
    free                     7 MB  [3 h ago]

  defender
    real_time                no  [3 h ago]

  apps
    msi                      6: a, b, c, d, e and 1 more  [3 h ago]

  absent: the device has no such node, or does not let it be read
    device.serial (404)

  not answered yet
    apps.user_msi
"
        );
    }

    #[test]
    fn ages_are_in_one_unit() {
        let now = Timestamp(1_800_000_000_000);
        let ago = |minutes: i64| age(now.plus_millis(-minutes * 60_000), now);
        assert_eq!([ago(0), ago(59), ago(60), ago(2880)], ["now", "59 min ago", "1 h ago", "2 days ago"]);
        assert_eq!(ago(-5), "now");
    }
}
