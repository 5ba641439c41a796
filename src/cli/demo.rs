//! `transom demo`: the main job on one command, with nothing left behind.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::{Table, TableComponent, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;
use serde_json::json;

use super::{Global, Installation, Instance, Output, init, logging, now};
use crate::{
    admin::{Admin, CommandJson, CommandQuery, NewEnrollmentTokenJson, SessionQuery},
    config::{DatabaseUrl, Host},
    http,
    model::{Actor, Right},
    simulator::{
        client::{Client, ClientOptions},
        device::{Behaviour, Device},
        enrollment::{EnrollOptions, Enroller, Machine, SignIn},
        faults::FaultPlan,
    },
};

/// Try it: a server, three simulated Windows devices and one of each command, in a throw-away folder
///
/// Starts the server on the embedded database, lets the devices enroll and check in, and shows what was asked of them and what
/// they answered. Then it keeps running, so that you can look around, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// End when the table is printed; with 0 only if every command succeeded
    #[arg(long)]
    exit: bool,
    /// Show the log of the server
    #[arg(long)]
    verbose: bool,
}

const EXAMPLES: &str = "Examples:
  transom demo                             look around while it runs
  transom demo --exit                      only the table; the exit code tells whether all went well";

/// The simulated devices: id, name of the computer.
const DEVICES: [(&str, &str); 3] = [
    ("5D0C2B7E61F84A3C9B2E7D1A4F60C8E1", "LAPTOP-ADA"),
    ("8E4F1A9D3C7B42E6A5D08B6F2C91E7D2", "LAPTOP-GRACE"),
    ("B7A3E5C1094D4F8E8C6A2D9B5E13F7A3", "KIOSK-LOBBY"),
];

/// Rounds of check-ins until everything must have been answered.
const ROUNDS: usize = 4;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    succeeded: bool,
    commands: Vec<CommandJson>,
    complaints: Vec<String>,
}

impl Demo {
    pub(super) fn run(self, _global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let place = tempfile::Builder::new().prefix("transom-demo-").tempdir().context("can't make a folder")?;
        let data = place.path().join("data");
        let host = Host::default();
        init::make(&data, &host, &DatabaseUrl::default(), now(), init::prepare_store)?;
        let flags = [("device_door.addr", "127.0.0.1:0"), ("admin_door.addr", "127.0.0.1:0")];
        let mut flags: Vec<_> = flags.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
        if !self.verbose {
            flags.push(("log.level", "error".to_owned()));
        }
        let installation = Installation::open(crate::config::DataFolder::new(&data), &flags)?;
        logging::start(&installation.settings.log, None)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.play(&installation, &data, output))
    }

    async fn play(&self, installation: &Installation, data: &Path, output: &mut Output) -> anyhow::Result<()> {
        let mut instance = Instance::assemble(installation)?;
        instance.secure().await?;
        let running = http::start(&installation.settings, instance.parts.clone()).await?;
        instance.reached_at(&installation.settings, running.device_addr.port());
        let addresses = super::discovery::Addresses::new(
            &installation.settings.host,
            running.device_addr,
            running.admin_addr,
            installation.settings.admin_door.has_tls(),
        );
        addresses.write(&installation.folder).context("can't write run/addresses.json")?;
        let ca = installation.authority()?.certificate_pem()?;
        let server = format!("https://localhost:{}", running.device_addr.port());
        let (mut devices, mut complaints) = enroll(&instance.admin, &server, &ca).await?;
        order(&instance.admin).await?;
        complaints.extend(check_in(&mut devices).await?);
        let commands = outcomes(&instance.admin).await?;
        let succeeded = complaints.is_empty() && commands.iter().all(|command| command.state == "succeeded");
        if output.is_json() {
            output.document(&Report { succeeded, commands, complaints: complaints.clone() })?;
        } else {
            output.text(table(&commands))?;
            for complaint in &complaints {
                output.text(format!("a device complains: {complaint}"))?;
            }
            if !self.exit {
                output.text(invitation(&instance.admin, data, &addresses.admin).await?)?;
            }
        }
        if !self.exit {
            tokio::signal::ctrl_c().await.context("can't wait for Ctrl-C")?;
        }
        running.stop().await;
        if !succeeded {
            bail!("not every command succeeded");
        }
        Ok(())
    }
}

/// A device with the connection that shows its certificate.
type Connected = (Device, Client);

/// Lets the three devices enroll, each with a token of its own; gives them, and what they had to say against the server.
async fn enroll(admin: &Admin, server: &str, ca: &[u8]) -> anyhow::Result<(Vec<Connected>, Vec<String>)> {
    let enroller = Enroller::new(server, ca, EnrollOptions::default())?;
    let options = ClientOptions { timeout: Duration::from_secs(10), ..ClientOptions::default() };
    let (mut devices, mut problems) = (Vec::new(), Vec::new());
    for ((device_id, name), seed) in DEVICES.into_iter().zip(1..) {
        let user = format!("{}@example.com", name.to_lowercase());
        let token = NewEnrollmentTokenJson { user: user.clone(), uses: Some(1), expires_at: None };
        let token = admin.create_enrollment_token(token, &Actor::server("demo"), None, now()).await?.token;
        let machine = Machine { device_id: device_id.to_owned(), name: name.to_owned(), ..Machine::seeded(seed) };
        let enrolled = enroller.enroll(&machine, &SignIn::password(user, token.secret().expose().as_str())).await?;
        let client = Client::new(&enrolled.address, ca, options.clone())?.for_device(&enrolled.identity)?;
        devices.push((Device::new(enrolled.identity, enrolled.address, Behaviour::default(), seed), client));
        problems.extend(enrolled.problems);
    }
    Ok((devices, problems))
}

/// Puts one of each command into each queue, and one that ends the session into the last.
async fn order(admin: &Admin) -> anyhow::Result<()> {
    let policy = "./Device/Vendor/MSFT/Policy/Config";
    let everyone: Vec<&str> = DEVICES.iter().map(|(id, _)| *id).collect();
    let all = json!({ "devices": everyone, "commands": [
        { "kind": "get", "items": [{ "target": "./DevDetail/SwV" }, { "target": "./DevDetail/Ext/Microsoft/OSPlatform" }] },
        { "kind": "replace", "items": [
            { "target": format!("{policy}/DeviceLock/MinDevicePasswordLength"), "format": "int", "data": "12" }] },
        { "kind": "add", "items": [
            { "target": "./Device/Vendor/MSFT/WiFi/Profile/Office/WlanXml", "format": "chr",
              "data": "<WLANProfile><name>Office</name><keyMaterial>correct horse battery</keyMaterial></WLANProfile>" }] },
        { "kind": "atomic", "commands": [
            { "kind": "replace", "items": [
                { "target": format!("{policy}/Camera/AllowCamera"), "format": "int", "data": "0" }] },
            { "kind": "replace", "items": [
                { "target": format!("{policy}/Experience/AllowCortana"), "format": "int", "data": "0" }] }] },
        { "kind": "sequence", "commands": [
            { "kind": "delete", "items": [{ "target": format!("{policy}/Camera/AllowCamera") }] },
            { "kind": "get", "items": [{ "target": format!("{policy}/Experience/AllowCortana") }] }] },
    ]});
    admin.order(serde_json::from_value(all)?, (&Actor::server("demo"), &Right::ALL.into()), None, now()).await?;
    let kiosk = json!({ "device_id": DEVICES[2].0, "command":
        { "kind": "exec", "items": [{ "target": "./Device/Vendor/MSFT/Reboot/RebootNow" }] } });
    admin.order(serde_json::from_value(kiosk)?, (&Actor::server("demo"), &Right::ALL.into()), None, now()).await?;
    Ok(())
}

/// Lets the devices check in until nothing waits for them any more; gives what they had to say against the server.
async fn check_in(devices: &mut [Connected]) -> anyhow::Result<Vec<String>> {
    let mut complaints = Vec::new();
    for round in 0..ROUNDS {
        for (device, client) in devices.iter_mut() {
            if round > 0 && !device.wants_session() {
                continue;
            }
            let report = client.run_session(device, &mut FaultPlan::none()).await?;
            complaints.extend(report.complaints.iter().map(ToString::to_string));
            complaints.extend(report.problems);
        }
    }
    Ok(complaints)
}

/// Every command with its outcome, in the order in which they were ordered.
async fn outcomes(admin: &Admin) -> anyhow::Result<Vec<CommandJson>> {
    let mut commands = Vec::new();
    for (device, _) in DEVICES {
        let query = CommandQuery { device_id: Some(device.to_owned()), limit: Some(100), ..CommandQuery::default() };
        let mut ids: Vec<_> = admin.commands(query).await?.items;
        ids.sort_by_key(|command| command.sequence);
        for command in ids {
            commands.push(admin.command(&command.id).await?);
        }
    }
    Ok(commands)
}

fn table(commands: &[CommandJson]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY).remove_style(TableComponent::HorizontalLines);
    table.remove_style(TableComponent::MiddleIntersections);
    table.set_header(["device", "#", "command", "node", "value", "answer"]);
    for command in commands {
        let device = DEVICES.iter().find(|(id, _)| *id == command.device_id).map_or("", |(_, name)| *name);
        for (place, item) in command.items.iter().flatten().enumerate() {
            let first = place == 0;
            let grouped = if command.kind == item.kind {
                item.kind.clone()
            } else {
                format!("{} in {}", item.kind, command.kind)
            };
            let status = item.status.map_or_else(
                || "no answer".to_owned(),
                |code| format!("{code} {}", item.status_text.as_deref().unwrap_or_default()),
            );
            table.add_row([
                if first { device.to_owned() } else { String::new() },
                if first { command.sequence.to_string() } else { String::new() },
                grouped,
                shortened(&item.target, 46),
                shortened(item.data.as_deref().unwrap_or_default(), 24),
                if first && command.state != "succeeded" { format!("{status} ({})", command.state) } else { status },
            ]);
        }
    }
    table.to_string()
}

/// The end of a long node is what tells it from others.
fn shortened(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        text.to_owned()
    } else {
        format!("…{}", text.chars().skip(length + 1 - most).collect::<String>())
    }
}

/// What to try next, with ids that exist.
async fn invitation(admin: &Admin, data: &Path, server: &str) -> anyhow::Result<String> {
    let sessions = admin.sessions(SessionQuery { limit: Some(1), ..SessionQuery::default() }).await?;
    let session = sessions.items.first().map(|session| session.id.clone()).unwrap_or_default();
    let data = data.display();
    Ok(format!(
        "\nThe server keeps running at {server} until Ctrl-C; then everything is deleted. In another terminal:\n\
         \n  export TRANSOM_DATA={data}\n  transom device list\n  transom session show {session}\n  \
         transom command send --device {} get ./DevDetail/SwV\n",
        DEVICES[0].0
    ))
}
