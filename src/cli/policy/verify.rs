//! `transom policy verify`: whether a device has what is wanted, by its own word.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;
use serde::Serialize;
use transom_protocol::csp::Instruction;
use transom_protocol::csp::catalogue::Catalogue;

use super::about::{Known, checked, compiled};
use crate::admin::{CommandJson, NewOrder};
use crate::cli::{
    Global, Output,
    client::{Client, connected},
    command::settled,
    hinted,
    input::duration,
    shown::{count, line, table},
};
use crate::model::CommandState;
use crate::policy::catalogue::builtin;
use crate::policy::declaration::with_ingested;
use crate::policy::reconcile::{Agreement, Key, Observed, Wanted, WantedSetting, agreement, read_back};

/// Most settings that are asked for in one order.
const ORDER: usize = 100;

/// Ask a device whether it has what files of declarations want of it
///
/// Each setting is read back from the device and compared by what it means: numbers, payloads of templates, XML and lists
/// may be written otherwise. Nothing is changed. What can't be read back is said. Fails when a setting is not as wanted.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom policy verify policies/ --device 1A2B
  transom policy verify policies/ --device 1A2B --timeout 30m --json")]
pub(super) struct Verify {
    /// Files, or folders with all .yaml, .yml and .json in and below them; - is standard input
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The device
    #[arg(long, value_name = "ID")]
    device: String,
    #[command(flatten)]
    known: Known,
    /// How long to wait for the device
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Duration,
}

/// What was found out.
#[derive(Debug, Serialize)]
struct Verified {
    device_id: String,
    settings: Vec<Row>,
}

/// One setting.
#[derive(Debug, Serialize)]
struct Row {
    target: String,
    state: State,
    wanted: Option<String>,
    observed: Option<String>,
    why: Option<String>,
}

/// Whether a setting is as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Same,
    Drifted,
    NotVerifiable,
    NotAnswered,
}

impl Verify {
    pub(super) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let catalogue = builtin::catalogue()?;
        let declarations = checked(&self.paths, &catalogue)?;
        let catalogue = with_ingested(&catalogue, &declarations);
        let policy = compiled(&declarations, &catalogue)?;
        let facts = self.known.facts(Some(&self.device), global)?;
        let wanted = policy.wanted(&catalogue, &facts);
        let read = read_back(&wanted, &catalogue);
        if read.asked.is_empty() && read.unreadable.is_empty() {
            return Err(hinted(
                "nothing is wanted of this device",
                "transom policy plan says why: no activation holds for it, or its Windows has none of the settings",
            ));
        }
        let mut rows: Vec<Row> = Vec::new();
        connected(global, async |client| {
            for part in read.asked.chunks(ORDER) {
                rows.extend(self.ask(&client, part, &wanted, &catalogue).await?);
            }
            Ok(())
        })?;
        rows.extend(read.unreadable.into_iter().filter_map(|(key, why)| {
            let setting = wanted.get(&key)?;
            let wanted = setting.value()?.data.clone();
            let target = setting.uri.as_str().to_owned();
            Some(Row { target, state: State::NotVerifiable, wanted, observed: None, why: Some(why) })
        }));
        rows.sort_by(|one, other| one.target.cmp(&other.target));
        self.tell(rows, output)
    }

    /// Reads settings back and waits for the answers.
    async fn ask(
        &self,
        client: &Client,
        asked: &[(Key, Instruction)],
        wanted: &Wanted,
        catalogue: &Catalogue,
    ) -> anyhow::Result<Vec<Row>> {
        // What the catalogue does not know was insisted on in the policy.
        let known =
            |key: &Key| wanted.get(key).and_then(WantedSetting::value).is_some_and(|value| value.node.is_some());
        let insists = asked.iter().any(|(key, _)| !known(key));
        let order = NewOrder {
            device_id: Some(self.device.clone()),
            commands: asked.iter().map(|(_, instruction)| instruction.clone()).collect(),
            unchecked: insists.then(|| "a policy insists on settings that are read back".to_owned()),
            ..NewOrder::default()
        };
        let ordered = client.order(&order, &uuid::Uuid::now_v7().to_string()).await?;
        ensure!(
            ordered.devices.iter().all(|device| device.error.is_none()),
            "{} can't take commands now: transom device show {}",
            line(&self.device),
            line(&self.device)
        );
        let ids: Vec<&String> = ordered.devices.iter().flat_map(|device| &device.commands).collect();
        settled(client, ordered.batch_id.as_deref().unwrap_or_default(), ids.len(), self.timeout).await?;
        let mut rows = Vec::with_capacity(asked.len());
        for (id, (key, _)) in ids.into_iter().zip(asked) {
            let command = client.command(id).await?;
            let Some(setting) = wanted.get(key) else { continue };
            let Some(value) = setting.value() else { continue };
            let (state, observed, why) = judged(&command, |observed| agreement(value, observed, catalogue));
            let target = setting.uri.as_str().to_owned();
            rows.push(Row { target, state, wanted: value.data.clone(), observed, why });
        }
        Ok(rows)
    }

    fn tell(self, settings: Vec<Row>, output: &mut Output) -> anyhow::Result<()> {
        let number = |state: State| settings.iter().filter(|row| row.state == state).count();
        let (drifted, silent) = (number(State::Drifted), number(State::NotAnswered));
        let summary = format!(
            "{}: {} as wanted, {drifted} not, {} can't be verified, {silent} not answered",
            count(settings.len(), "setting"),
            number(State::Same),
            number(State::NotVerifiable),
        );
        if output.is_json() {
            output.document(&Verified { device_id: self.device, settings })?;
        } else {
            let other = settings.iter().filter(|row| row.state != State::Same);
            let rows: Vec<[String; 4]> = other.map(Row::shown).collect();
            if !rows.is_empty() {
                output.text(table(&["SETTING", "STATE", "WANTED", "ON THE DEVICE"], rows))?;
            }
            output.text(&summary)?;
        }
        if drifted > 0 {
            bail!("{} not as wanted", count(drifted, "setting"));
        }
        if silent > 0 {
            return Err(hinted(
                format!("the device did not answer for {}", count(silent, "setting")),
                "it may check in later: --timeout waits longer",
            ));
        }
        Ok(())
    }
}

/// What an answered Get says of its setting.
fn judged(
    command: &CommandJson,
    agrees: impl Fn(Observed<'_>) -> Agreement,
) -> (State, Option<String>, Option<String>) {
    let item = command.items.as_ref().and_then(|items| items.first());
    let missing = item.is_some_and(|item| item.status == Some(404));
    let data: Option<String> = item.and_then(|item| item.data.clone());
    let is_open = CommandState::parse(&command.state).is_some_and(CommandState::is_open);
    let why = || item.and_then(|item| item.status_text.clone()).or_else(|| command.reason_text.clone());
    if missing {
        return (State::Drifted, None, Some("the device has no such node".to_owned()));
    }
    if is_open {
        return (State::NotAnswered, None, None);
    }
    if command.state != CommandState::Succeeded.as_str() {
        let why = why().map_or_else(|| "the device did not say its value".to_owned(), |why| why.to_string());
        return (State::NotVerifiable, None, Some(why));
    }
    // The server leaves out what is a secret.
    let Some(data) = data else {
        return match agrees(Observed::Value("")) {
            Agreement::Same => (State::Same, None, None),
            _ => (State::NotVerifiable, None, Some("its value is a secret and is not shown".to_owned())),
        };
    };
    match agrees(Observed::Value(&data)) {
        Agreement::Same => (State::Same, Some(data), None),
        Agreement::Drifted => (State::Drifted, Some(data), None),
        Agreement::Hidden => (State::NotVerifiable, None, Some("the device hides its value".to_owned())),
    }
}

impl Row {
    fn shown(&self) -> [String; 4] {
        let short = |text: &Option<String>| {
            let text = line(text.as_deref().unwrap_or_default());
            if text.chars().count() > 60 { text.chars().take(59).chain(['…']).collect() } else { text }
        };
        let state = match self.state {
            State::Same => "as wanted",
            State::Drifted => "drifted",
            State::NotVerifiable => "not verifiable",
            State::NotAnswered => "not answered",
        };
        let observed = if self.why.is_some() { short(&self.why) } else { short(&self.observed) };
        [line(&self.target), state.to_owned(), short(&self.wanted), observed]
    }
}
