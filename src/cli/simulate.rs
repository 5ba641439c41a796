//! `transom simulate`: devices that try a server, and a table of what happened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use comfy_table::{Table, presets::UTF8_HORIZONTAL_ONLY};
use serde::{Deserialize, Serialize};
use serde_json::json;
use transom_protocol::session::LoginStatus;
use transom_protocol::syncml::codec::{Encoding, decode};
use transom_protocol::syncml::redact::redact;
use transom_protocol::xml::Limits;

use super::{Global, Output, hinted};
use crate::simulator::client::{ClientOptions, Exchange};
use crate::simulator::device::Behaviour;
use crate::simulator::faults::FaultRates;
use crate::simulator::fleet::{Fleet, FleetOptions, FleetReport, Progress};
use crate::simulator::identity::DeviceIdentity;
use crate::simulator::wns::WnsReport;
use enroll::{Enrollment, Walks};

/// Run simulated Windows devices against a server
///
/// The devices do what the server orders, watch whether it keeps the protocol, and forget everything at the end.
/// Ctrl-C lets running sessions end.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Simulate {
    /// JSON file with the server's URL, the file of its CA, and the devices with their credentials
    #[arg(long, value_name = "FILE", conflicts_with = "device_id", required_unless_present_any = ["device_id", "enroll"])]
    identities: Option<PathBuf>,
    /// Address of the management service, in place of the file's
    #[arg(long, value_name = "URL", required_unless_present_any = ["identities", "enroll"])]
    url: Option<String>,
    /// PEM file of the authority that the server's certificate comes from, in place of the file's
    #[arg(long, value_name = "FILE", required_unless_present = "identities")]
    ca: Option<PathBuf>,
    /// One device: its id
    #[arg(long, value_name = "ID", requires = "name", requires = "password")]
    device_id: Option<String>,
    /// One device: the name of its credential
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// One device: the secret of its credential; with --enroll: password or enrollment token of the user
    #[arg(long, value_name = "SECRET", env = "TRANSOM_SIMULATE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    #[command(flatten)]
    enrollment: Enrollment,
    /// Sessions of each device
    #[arg(long, value_name = "N", default_value_t = 1)]
    sessions: usize,
    /// Sessions at the same time, at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    parallel: usize,
    /// What goes wrong: none, all=0.01, or a list such as drop=0.1,abort=0.02
    #[arg(long, value_name = "RATES", default_value = "none")]
    faults: FaultRates,
    /// Seed of the devices and their faults
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Number of the first session of each device [default: from the clock, so that none comes twice]
    #[arg(long, value_name = "N")]
    first_session: Option<u32>,
    /// Speak WBXML
    #[arg(long)]
    wbxml: bool,
    /// Sign every message (MS-Signature), with the certificates of the file; otherwise devices do so when told to
    #[arg(long, conflicts_with = "device_id")]
    sign: bool,
    /// Show no client certificate, as behind a proxy that ends TLS
    #[arg(long)]
    hide_certificate: bool,
    /// Who is signed in
    #[arg(long, value_enum, default_value_t = Login::User)]
    login: Login,
    /// Percent of the nodes that the devices lack
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    lacks: u8,
    /// Several builds and editions of Windows, in turn
    #[arg(long)]
    mixed: bool,
    /// Folder for the messages, without their secrets
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    #[command(flatten)]
    push: push::Push,
}

const EXAMPLES: &str = "Examples:
  transom simulate --identities devices.json
  transom simulate --identities devices.json --sessions 20 --faults drop=0.1,abort=0.02 --seed 7
  transom simulate --identities devices.json --trace messages --wbxml
  transom simulate --enroll https://mdm.example.com:8443 --ca root.pem --user ada@example.com --password TOKEN --keep ada.json
  transom simulate --identities ada.json --renew --keep renewed.json
  transom simulate --identities renewed.json --leave
  transom simulate --identities devices.json --mixed --lacks 50
  transom simulate --identities devices.json --push localhost:8444 --push-folder wns

devices.json: {\"url\": \"https://mdm.example.com:8443/ManagementServer/Mdm.svc\", \"ca\": \"root.pem\",
  \"devices\": [{\"device_id\": \"D1\", \"name\": \"D1\", \"password\": \"…\"}]}";

/// Who is signed in.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Login {
    /// The enrolled user
    User,
    /// Another user
    Others,
    /// Nobody
    None,
}

/// The file of `--identities`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Identities {
    url: String,
    ca: PathBuf,
    devices: Vec<DeviceIdentity>,
}

impl Simulate {
    pub(super) fn run(self, _global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (report, walks, wns) = runtime.block_on(simulate(&self))?;
        if output.is_json() {
            let mut document = document(&report);
            document["enrolled"] = walks.enrolled.into();
            document["renewed"] = walks.renewed.into();
            document["enrollment_problems"] = json!(walks.problems);
            if let Some(wns) = &wns {
                document["push"] = json!({
                    "tokens": wns.tokens, "pushes": wns.pushes, "sessions": report.pushed, "problems": wns.problems,
                });
            }
            output.document(&document)?;
        } else {
            let pushes = wns.as_ref().map(|wns| pushes(&report, wns)).unwrap_or_default();
            output.text([walks.to_text(), text(&report), pushes].concat())?;
        }
        let wrong = walks.problems.len() + wns.map_or(0, |wns| wns.problems.len());
        if report.is_clean() && wrong == 0 {
            return Ok(());
        }
        let complaints = report.complaints + wrong;
        let what = format!("{} sessions failed, {complaints} complaints about the server", report.failed);
        Err(hinted(what, "--trace DIR writes down what was said"))
    }
}

/// Runs the devices.
async fn simulate(args: &Simulate) -> anyhow::Result<(FleetReport, Walks, Option<WnsReport>)> {
    let (Identities { url, ca, devices }, walks) = enroll::devices(args).await?;
    let pem = authority(&ca)?;
    if let Some(folder) = &args.trace {
        std::fs::create_dir_all(folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
    }
    let options = FleetOptions {
        parallel: args.parallel,
        behaviour: Behaviour { login: args.login.into(), lacks: args.lacks, ..Behaviour::default() },
        mixed: args.mixed,
        client: ClientOptions {
            encoding: if args.wbxml { Encoding::Wbxml } else { Encoding::Xml },
            keeps_bodies: args.trace.is_some(),
            signs: args.sign,
            hides_certificate: args.hide_certificate,
            ..ClientOptions::default()
        },
        faults: args.faults.clone(),
        seed: args.seed,
        first_session: args.first_session.unwrap_or_else(session_from_clock),
    };
    if args.sign && devices.iter().any(|device| device.certificate.is_none()) {
        return Err(hinted(
            "a device without a certificate can sign nothing",
            "see the file in: transom simulate --help",
        ));
    }
    let mut fleet = Fleet::new(devices, &url, &pem, &options)?;
    if let Some(folder) = args.trace.clone() {
        fleet = fleet.watched_by(move |progress| trace(&folder, progress));
    }
    let pushing = args.push.start(&mut fleet)?;
    let stop = fleet.stop();
    let interrupt = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.stop();
        }
    });
    let (report, wns) = match pushing {
        Some(pushing) => {
            let (report, wns) = pushing.run(&mut fleet, args.sessions).await;
            (report, Some(wns))
        }
        None if args.enrollment.leave => (fleet.run_and_leave(args.sessions).await, None),
        None => (fleet.run(args.sessions).await, None),
    };
    interrupt.abort();
    Ok((report, walks, wns))
}

/// The authorities that the devices trust.
fn authority(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("can't read the authority {}", file.display()))
}

/// The devices: from the file, or the one of the flags.
fn identities(args: &Simulate) -> anyhow::Result<Identities> {
    let mut identities = match (&args.identities, &args.device_id) {
        (Some(file), _) => {
            let text = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
            let mut identities: Identities =
                serde_json::from_slice(&text).with_context(|| format!("{} is no list of devices", file.display()))?;
            // A relative path is meant from the file on.
            identities.ca = file.parent().unwrap_or(Path::new("")).join(&identities.ca);
            identities
        }
        (None, Some(device_id)) => {
            let [name, password] = [&args.name, &args.password].map(|text| text.clone().unwrap_or_default());
            let device = DeviceIdentity::new(device_id, name, password);
            Identities { url: String::new(), ca: PathBuf::new(), devices: vec![device] }
        }
        (None, None) => bail!("name the devices with --identities, --device-id or --enroll"),
    };
    if let Some(url) = &args.url {
        identities.url.clone_from(url);
    }
    if let Some(ca) = &args.ca {
        identities.ca.clone_from(ca);
    }
    Ok(identities)
}

/// A number that no earlier run has begun with.
#[expect(clippy::disallowed_methods, reason = "the command line is where time enters")]
fn session_from_clock() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Hundredths of a second: fewer sessions than those of one device can be had one after the other.
    u32::try_from(now.as_millis() / 10 % u128::from(u32::MAX / 2)).unwrap_or(1).max(1)
}

/// Writes the messages of a session. A message that can't be read may hold a part of a secret: only its length is told.
fn trace(folder: &Path, progress: &Progress<'_>) {
    let report = match progress.session {
        Ok(report) => report,
        Err(failure) => &failure.report,
    };
    let device: String =
        progress.device.identity().device_id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    for (exchange, number) in report.exchanges.iter().zip(1..) {
        let stem = format!("{device}-{}-{number:03}", report.session_id);
        let Exchange { encoding, request, status, reply, fault } = exchange;
        let request = readable(*encoding, request);
        let reply = status.map_or("no reply came".to_owned(), |status| {
            if status == 200 { readable(*encoding, reply) } else { format!("HTTP status {status}") }
        });
        let fault = fault.map(|fault| format!("-{}", fault.as_str())).unwrap_or_default();
        for (what, text) in [("request", request), ("reply", reply)] {
            let path = folder.join(format!("{stem}{fault}-{what}.xml"));
            if let Err(error) = std::fs::write(&path, text) {
                tracing::warn!(path = %path.display(), %error, "a message could not be written");
            }
        }
    }
}

/// The text of a body without its secrets.
fn readable(encoding: Encoding, body: &[u8]) -> String {
    match decode(encoding, body, &Limits::default()) {
        Ok(decoded) => redact(&decoded.text),
        Err(refusal) => format!("{} bytes that are no message: {refusal}", body.len()),
    }
}

/// The report for people: a table, then what went wrong.
fn text(report: &FleetReport) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_HORIZONTAL_ONLY);
    let latency = report.latency;
    let rows = [
        ("devices", format!("{}, of which {} left", report.devices, report.gone)),
        ("sessions", format!("{}, of which {} failed", report.sessions, report.failed)),
        ("ended", counts(report.endings.iter())),
        ("requests", format!("{} ({} again, {} put off)", report.requests, report.retries, report.postponed)),
        ("bytes", format!("{} sent, {} received", report.bytes_sent, report.bytes_received)),
        ("answers", counts(report.statuses.iter())),
        ("faults", counts(report.faults.iter().map(|(fault, count)| (fault.as_str(), count)))),
        (
            "reply time",
            format!(
                "p50 {:.1?}, p90 {:.1?}, p99 {:.1?}, max {:.1?}",
                latency.p50, latency.p90, latency.p99, latency.max
            ),
        ),
        (
            "run",
            format!(
                "{:.1?}, {:.1} sessions/s, {:.1} requests/s",
                report.elapsed,
                report.sessions_per_second(),
                report.requests_per_second()
            ),
        ),
        ("errors", report.errors.values().sum::<usize>().to_string()),
        ("complaints", report.complaints.to_string()),
    ];
    for (name, value) in rows {
        table.add_row([name.to_owned(), value]);
    }
    let errors = report.errors.iter().map(|(error, count)| format!("error ({count}): {error}"));
    let complaints = report.first_complaints.iter().map(|complaint| format!("complaint: {complaint}"));
    let lines: Vec<String> = std::iter::once(table.to_string()).chain(errors).chain(complaints).collect();
    lines.join("\n")
}

/// What there is to say of pushes.
fn pushes(report: &FleetReport, wns: &WnsReport) -> String {
    let counts = format!("\npushes: {}, sessions that one began: {}", wns.pushes, report.pushed);
    let problems = wns.problems.iter().map(|problem| format!("\ncomplaint: {problem}"));
    std::iter::once(counts).chain(problems).collect()
}

/// The report for programs.
fn document(report: &FleetReport) -> serde_json::Value {
    let millis = |duration: Duration| duration.as_secs_f64() * 1000.0;
    let faults: BTreeMap<&str, usize> = report.faults.iter().map(|(fault, count)| (fault.as_str(), *count)).collect();
    json!({
        "devices": report.devices,
        "gone": report.gone,
        "sessions": report.sessions,
        "failed": report.failed,
        "endings": report.endings,
        "requests": report.requests,
        "bytes_sent": report.bytes_sent,
        "bytes_received": report.bytes_received,
        "retries": report.retries,
        "postponed": report.postponed,
        "statuses": report.statuses,
        "faults": faults,
        "errors": report.errors,
        "complaints": report.complaints,
        "first_complaints": report.first_complaints,
        "reply_ms": {
            "p50": millis(report.latency.p50),
            "p90": millis(report.latency.p90),
            "p99": millis(report.latency.p99),
            "max": millis(report.latency.max),
        },
        "elapsed_ms": millis(report.elapsed),
    })
}

/// `200: 14, 404: 2`, or a dash.
fn counts<K: std::fmt::Display + Ord>(entries: impl Iterator<Item = (K, impl std::borrow::Borrow<usize>)>) -> String {
    let entries: BTreeMap<K, usize> = entries.map(|(key, count)| (key, *count.borrow())).collect();
    let words: Vec<String> = entries.iter().map(|(key, count)| format!("{key}: {count}")).collect();
    if words.is_empty() { "–".to_owned() } else { words.join(", ") }
}

impl From<Login> for LoginStatus {
    fn from(login: Login) -> Self {
        match login {
            Login::User => Self::User,
            Login::Others => Self::Others,
            Login::None => Self::None,
        }
    }
}

mod enroll;
mod push;
#[cfg(test)]
mod tests;
