//! `transom webhook`: receivers of events.

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    client::connected,
    input::{Moment, moment},
    now,
    shown::{line, table, time},
};
use crate::admin::{NewWebhookJson, Replay, WebhookJson};
use crate::model::{WebhookState, parse_rfc3339};

/// Receivers of events: others are told what happens
#[derive(Debug, Args)]
pub(super) struct Webhook {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Add(Add),
    List(List),
    Show(Named),
    Test(Tested),
    Pause(Paused),
    Resume(Resumed),
    Remove(Removed),
    Replay(Again),
}

/// Set up a receiver and print the secret that deliveries are signed with, once
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom webhook add siem --url https://siem.example.com/transom
  transom webhook add pager --url https://pager.example.com/hook --type command.failed,identity.refused")]
struct Add {
    /// What to call it
    #[arg(value_name = "NAME")]
    name: String,
    /// Where events go: https
    #[arg(long, value_name = "URL")]
    url: String,
    /// Only these types, with commas between; command.* for all that begin so
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events of these devices, with commas between
    #[arg(long = "device", value_name = "ID", value_delimiter = ',')]
    devices: Vec<String>,
    /// From behind this number on; without it, what happens from now on
    #[arg(long, value_name = "NUMBER")]
    after: Option<i64>,
}

/// List receivers: their state and how far they have come
#[derive(Debug, Args)]
struct List {}

/// Show a receiver
#[derive(Debug, Args)]
struct Named {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
}

/// Send a receiver an event that never happened, and see whether it takes it
#[derive(Debug, Args)]
struct Tested {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
}

/// Stop a receiver; it goes on where it stood
#[derive(Debug, Args)]
struct Paused {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
}

/// Let a receiver that is paused or dead go on where it stood
#[derive(Debug, Args)]
struct Resumed {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
}

/// Take a receiver away
#[derive(Debug, Args)]
struct Removed {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
}

/// Send a receiver events again, from a number or a time on
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom webhook replay siem --after 1200
  transom webhook replay siem --since 2026-11-20T22:00:00Z")]
struct Again {
    /// Its name or id
    #[arg(value_name = "NAME")]
    name: String,
    /// From behind this number on; 0 for all that is kept
    #[arg(long, value_name = "NUMBER", required_unless_present = "since", conflicts_with = "since")]
    after: Option<i64>,
    /// From this time on
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
}

impl Webhook {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| match self.verb {
            Verb::Add(add) => {
                let new = NewWebhookJson {
                    name: add.name,
                    url: add.url,
                    types: add.types,
                    devices: add.devices,
                    after: add.after,
                    secret: None,
                };
                let made = client.create_webhook(&new, &uuid::Uuid::now_v7().to_string()).await?;
                if output.is_json() {
                    return output.document(&made);
                }
                output.text(line(made.secret.secret().expose()))?;
                output.text("\nIt is shown this once: the receiver checks signatures with it (docs/events.md).")
            }
            Verb::List(List {}) => {
                let list = client.webhooks().await?;
                if output.is_json() { output.document(&list) } else { output.text(listed(&list.items)) }
            }
            Verb::Show(Named { name }) => shown(&client.webhook(&name).await?, output),
            Verb::Pause(Paused { name }) => shown(&client.pause_webhook(&name).await?, output),
            Verb::Resume(Resumed { name }) => shown(&client.resume_webhook(&name).await?, output),
            Verb::Replay(again) => {
                let since = again.since.and_then(|since| parse_rfc3339(&since.rfc3339(now())));
                shown(&client.replay_webhook(&again.name, &Replay { after: again.after, since }).await?, output)
            }
            Verb::Remove(Removed { name }) => {
                let removed = client.remove_webhook(&name).await?;
                if output.is_json() {
                    return output.document(&removed);
                }
                output.text(format!("{} gets nothing more.", line(&removed.removed)))
            }
            Verb::Test(Tested { name }) => {
                let test = client.test_webhook(&name).await?;
                if output.is_json() {
                    output.document(&test)?;
                } else if test.delivered {
                    output.text(format!("It took the event, in {} ms.", test.millis))?;
                }
                match test.problem {
                    Some(problem) => anyhow::bail!("it did not take the event: {}", line(&problem)),
                    None => Ok(()),
                }
            }
        })
    }
}

fn listed(hooks: &[WebhookJson]) -> String {
    if hooks.is_empty() {
        return "nobody is told: transom webhook add".to_owned();
    }
    let rows = hooks.iter().map(|hook| {
        let state = match hook.state {
            WebhookState::Active if hook.failures > 0 => format!("failing ({})", hook.failures),
            state => state.as_str().to_owned(),
        };
        [line(&hook.name), state, hook.behind.to_string(), hook.delivered.to_string(), line(&hook.url)]
    });
    table(&["NAME", "STATE", "BEHIND", "DELIVERED", "URL"], rows)
}

fn shown(hook: &WebhookJson, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json() {
        return output.document(hook);
    }
    output.text(facts(hook).into_iter().map(|(name, value)| format!("{name:<10} {value}\n")).collect::<String>())
}

fn facts(hook: &WebhookJson) -> Vec<(&'static str, String)> {
    let all_or = |list: &[String]| if list.is_empty() { "all".to_owned() } else { line(&list.join(", ")) };
    let because = hook.reason.as_deref().map(|reason| format!(": {}", line(reason))).unwrap_or_default();
    let mut facts = vec![
        ("name", line(&hook.name)),
        ("id", hook.id.clone()),
        ("url", line(&hook.url)),
        ("types", all_or(&hook.types)),
        ("devices", all_or(&hook.devices)),
        ("state", format!("{} since {}{because}", hook.state.as_str(), time(hook.changed_at))),
        ("position", format!("{} ({} behind)", hook.position, hook.behind)),
        ("delivered", hook.delivered.to_string()),
    ];
    if hook.missed > 0 {
        facts.push(("missed", format!("{} were gone before they were delivered", hook.missed)));
    }
    if let Some(since) = hook.failing_since {
        facts.push(("failing", format!("{} times in a row since {}", hook.failures, time(since))));
    }
    if let Some(problem) = &hook.problem {
        facts.push(("", line(problem)));
    }
    if let Some(at) = hook.retry_at {
        facts.push(("", format!("tried again at {}", time(at))));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_that_fails_shows_it() {
        let hook: WebhookJson = serde_json::from_value(serde_json::json!({
            "id": "I", "name": "siem", "url": "https://siem.example.com/?…", "types": [], "devices": ["pc-1"],
            "state": "active", "changed_at": "2027-01-15T08:00:00Z", "created_at": "2027-01-15T08:00:00Z",
            "created_by": "init", "position": 7, "behind": 3, "delivered": 2, "missed": 0, "failures": 4,
            "failing_since": "2027-01-15T08:00:00Z", "retry_at": "2027-01-15T08:05:00Z",
            "problem": "the receiver answered 500: no success\u{1b}",
        }))
        .unwrap();
        let told: Vec<String> = facts(&hook).into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            told[8..],
            [
                "4 times in a row since 2027-01-15 08:00:00Z",
                "the receiver answered 500: no success\\u{1b}",
                "tried again at 2027-01-15 08:05:00Z",
            ]
        );
        assert!(listed(&[hook]).contains("failing (4)"));
    }
}
