//! `transom device`: what is managed.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::{
    Global, Output,
    action::{Ask, Keys},
    client::connected,
    credentials::RotateVerb,
    directory::PersonVerb,
    enveloping::EnvelopingVerb,
    facts::{self, FactsVerb, RefreshVerb},
    instance::now,
    leaving::{Block, Leave},
    provisioning::{ProvisioningVerb, StuckVerb},
    push,
    shown::{Ink, Paint, line, short, table, time},
    signing::SigningVerb,
    sync::Sync,
    tagging::TagVerb,
    trust::TrustVerb,
};
use crate::admin::{DeviceJson, DeviceQuery, EnrollmentJson, EventJson, Part};

/// Events that are shown with a device.
const EVENTS: usize = 10;

/// Longest value in a line.
const VALUE: usize = 100;

/// Devices: list them, look at one, ask something of one, let them leave
#[derive(Debug, Args)]
pub(super) struct Device {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(List),
    Show(Show),
    Signing(SigningVerb),
    Enveloping(EnvelopingVerb),
    Trust(TrustVerb),
    RotateCredentials(RotateVerb),
    Unenroll(Leave),
    Block(Block),
    Sync(Sync),
    Facts(FactsVerb),
    Tag(TagVerb),
    Person(PersonVerb),
    Refresh(RefreshVerb),
    Provisioning(ProvisioningVerb),
    Stuck(StuckVerb),
    #[command(flatten)]
    Ask(Ask),
    #[command(flatten)]
    Keys(Keys),
}

/// List devices by their ids
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device list
  transom device list --begins-with LAPTOP
  transom device list --where 'os.build < 22631'
  transom device list --where \"os.edition == 'Pro' and not defender.real_time\"

`transom device facts` lists the facts that a condition may name.")]
struct List {
    /// Only those whose id or name begins so, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    begins_with: Option<String>,
    /// Only those for which this condition on their facts holds
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,
    /// How many, up to 500 [default: 50]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Go on where a list ended
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// Show one device: its enrollment, its facts, and what happened to it lately
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device show 1A2B
  transom device show 1A2B --json")]
struct Show {
    /// Id of the device
    #[arg(value_name = "ID")]
    id: String,
}

impl Device {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        match self.verb {
            Verb::List(list) => list.run(global, output),
            Verb::Show(show) => show.run(global, output),
            Verb::Signing(signing) => signing.run(global, output),
            Verb::Enveloping(enveloping) => enveloping.run(global, output),
            Verb::Trust(trust) => trust.run(global, output),
            Verb::RotateCredentials(rotate) => rotate.run(global, output),
            Verb::Unenroll(leave) => leave.run(global, output),
            Verb::Block(block) => block.run(global, output),
            Verb::Sync(sync) => sync.run(global, output),
            Verb::Tag(tag) => tag.run(global, output),
            Verb::Person(person) => person.run(global, output),
            Verb::Facts(facts) => facts.run(global, output),
            Verb::Refresh(refresh) => refresh.run(global, output),
            Verb::Stuck(verb) => verb.run(global, output),
            Verb::Provisioning(provisioning) => provisioning.run(global, output),
            Verb::Ask(ask) => ask.run(global, output),
            Verb::Keys(keys) => keys.run(global, output),
        }
    }
}

impl List {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let query = DeviceQuery {
            begins_with: self.begins_with,
            condition: self.condition,
            limit: self.limit,
            cursor: self.cursor,
        };
        connected(global, async |client| {
            let page = client.devices(&query).await?;
            output.page(&page, "no devices", table_of)
        })
    }
}

impl Show {
    fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        connected(global, async |client| {
            let device = client.device(&self.id).await?;
            if output.is_json() {
                return output.document(&device);
            }
            let part = Part { limit: Some(EVENTS), cursor: None };
            let events = client.events(&self.id, &part).await?;
            let known = client.facts(&self.id).await?;
            output.text(told(&device, &events.items, &facts::told(&known, now()), Paint::of_output()))
        })
    }
}

fn table_of(devices: &[DeviceJson]) -> String {
    let rows = devices.iter().map(|device| {
        let said = |text: &Option<String>| text.as_deref().map(|text| short(text, VALUE)).unwrap_or_default();
        [
            line(&device.id),
            said(&device.info.name),
            said(&device.info.os_version),
            said(&device.info.model),
            state_of(device),
            device.last_seen_at.map_or_else(|| "never".to_owned(), time),
            device.open_commands.to_string(),
            certificate_of(device),
        ]
    });
    table(&["ID", "NAME", "WINDOWS", "MODEL", "STATE", "LAST SEEN", "WAITING", "CERTIFICATE UNTIL"], rows)
}

fn state_of(device: &DeviceJson) -> String {
    device.enrollment.as_ref().map_or_else(|| "not enrolled".to_owned(), |life| line(&life.state))
}

/// The day on which its certificate ends; nothing for an imported enrollment.
fn certificate_of(device: &DeviceJson) -> String {
    let ends = device.enrollment.as_ref().and_then(|life| life.certificate_ends_at);
    ends.map(|at| time(at).chars().take(10).collect()).unwrap_or_default()
}

// Writing to a String does not fail.
fn told(device: &DeviceJson, events: &[EventJson], facts: &str, paint: Paint) -> String {
    let name = device.info.name.as_deref().map(|name| format!(" ({})", line(name))).unwrap_or_default();
    let mut text = format!("Device {}{name}\n", paint.ink(Ink::Strong, &line(&device.id)));
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(text, "  {name:<12} {value}");
        }
    };
    let said = |text: &Option<String>| text.as_deref().map(line);
    fact("state", Some(state_of(device)));
    fact("manufacturer", said(&device.info.manufacturer));
    fact("model", said(&device.info.model));
    fact("Windows", said(&device.info.os_version));
    fact("language", said(&device.info.language));
    fact("DM client", said(&device.info.dm_version));
    fact("known since", Some(time(device.created_at)));
    fact("last seen", Some(device.last_seen_at.map_or_else(|| "never".to_owned(), time)));
    fact("waiting", Some(format!("{} of its commands have no outcome yet", device.open_commands)));
    if let Some(life) = &device.enrollment {
        fact("enrollment", Some(format!("{}, number {} of this device", line(&life.id), life.generation)));
        fact("enrolled", Some(time(life.created_at)));
        fact("by", said(&life.user));
        fact("certificate", life.certificate_ends_at.map(|at| format!("good until {}", time(at))));
        fact("signing", life.signing.map(|signing| signing.as_str().to_owned()));
        fact("signs since", life.signs_since.map(time));
        fact("enveloping", life.enveloping.map(|enveloping| enveloping.as_str().to_owned()));
        fact("envelopes since", life.envelopes_since.map(time));
        fact("believed by", life.proofs.as_ref().map(ToString::to_string));
        fact("credentials", credentials_told(life));
        fact("ended", life.ended_at.map(time));
    }
    for (name, value) in device.push.iter().flat_map(push::told_of_device) {
        fact(name, Some(value));
    }
    if !facts.is_empty() {
        text.push_str("\nFacts\n");
        text.push_str(facts);
    }
    if !events.is_empty() {
        text.push_str("\nLately\n");
    }
    for event in events {
        let _ = writeln!(text, "  {}", event_told(event));
    }
    text
}

/// Whether the device has other credentials than those that it began with.
fn credentials_told(life: &EnrollmentJson) -> Option<String> {
    let changed = life.credentials_since.map(|at| format!("changed {}", time(at)));
    let offered = life.credentials_offered_at.map(|at| format!("new ones offered {}, not used yet", time(at)));
    let told: Vec<String> = changed.into_iter().chain(offered).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// An event in one line.
pub(super) fn event_told(event: &EventJson) -> String {
    let mut text = format!("{}  {} {}", time(event.at), line(&event.kind), line(&event.code));
    for part in [&event.mime, &event.source, &event.mark, &event.detail].into_iter().flatten() {
        let _ = write!(text, ", {}", short(part, VALUE));
    }
    if let Some(data) = &event.data {
        let _ = write!(text, ": {}", short(data, VALUE));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceJson {
        serde_json::from_value(serde_json::json!({
            "id": "1A2B",
            "name": "LAPTOP\u{1b}[2J",
            "os_version": "10.0.26100.1",
            "created_at": "2027-01-15T08:00:00Z",
            "last_seen_at": null,
            "open_commands": 2,
            "enrollment": {
                "id": "E1", "generation": 1, "state": "pending", "created_at": "2027-01-15T08:00:00Z",
                "first_seen_at": null, "ended_at": null,
            },
        }))
        .unwrap()
    }

    fn event() -> EventJson {
        serde_json::from_value(serde_json::json!({
            "id": "V1", "device_id": "1A2B", "session_id": null, "at": "2027-01-15T08:00:00Z", "kind": "alert",
            "code": "1226", "type": "com.example:x", "source": "./A", "data": "a\r\nb",
        }))
        .unwrap()
    }

    #[test]
    fn a_device_is_told_without_what_a_terminal_would_obey() {
        assert_eq!(
            told(&device(), &[event()], "\n  os\n    build\n", Paint::PLAIN),
            "Device 1A2B (LAPTOP\\u{1b}[2J)
  state        pending
  Windows      10.0.26100.1
  known since  2027-01-15 08:00:00Z
  last seen    never
  waiting      2 of its commands have no outcome yet
  enrollment   E1, number 1 of this device
  enrolled     2027-01-15 08:00:00Z

Facts

  os
    build

Lately
  2027-01-15 08:00:00Z  alert 1226, com.example:x, ./A: a\\r\\nb
"
        );
    }

    #[test]
    fn the_table_has_a_line_for_each_device() {
        let shown = table_of(&[device()]);
        assert!(shown.contains("1A2B   LAPTOP\\u{1b}[2J   10.0.26100.1           pending   never       2"), "{shown}");
    }
}
