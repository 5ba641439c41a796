//! `transom device reboot|lock|rename|wipe|…`: asking something of a device.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{certificates, follow, software, wait::Waiting};
use crate::{
    actions::{Collection, Depth, Reboot, Rename, Request, Scan, Wipe, WipeVariant},
    admin::NewAction,
    cli::{
        Global, Output,
        client::connected,
        hinted,
        input::{self, Moment},
        instance::now,
    },
    model::DeviceId,
};

/// Asking something of a device.
#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    Reboot(RebootVerb),
    Lock(Plain),
    Rename(RenameVerb),
    Wipe(WipeVerb),
    AutopilotReset(Destructive),
    RotateRecoveryPasswords(RotateRecovery),
    ResetLapsPassword(ResetLaps),
    Scan(ScanVerb),
    UpdateSignatures(UpdateSignatures),
    CollectDiagnostics(CollectVerb),
    #[command(disable_version_flag = true)]
    InstallMsi(software::Install),
    RemoveMsi(software::Remove),
    InstallRoot(certificates::Root),
    EnrollScep(certificates::Scep),
    InstallPfx(certificates::Pfx),
}

/// Of which device, when, and whether to wait.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Id of the device
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// Not before: a time, or a time from now such as 2h
    #[arg(long, value_name = "WHEN", value_parser = input::moment)]
    not_before: Option<Moment>,
    /// Not at or after: a time, or a time from now such as 24h
    #[arg(long, value_name = "WHEN", value_parser = input::moment)]
    expires: Option<Moment>,
    /// A word of your own: sent again with the same one, it is asked only once
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
}

/// Restart a device, at once or at a time
///
/// At once, it is done when the device is back. At a time, it is done when the device has it on its schedule.
#[derive(Debug, Args)]
#[command(
    name = "reboot",
    after_help = "Examples:
  transom device reboot 1A2B --wait
  transom device reboot 1A2B --at 2026-11-20T03:00:00"
)]
pub(crate) struct RebootVerb {
    #[command(flatten)]
    common: Common,
    /// When, by the clock of the device, such as 2026-11-20T03:00:00
    #[arg(long, value_name = "LOCAL_TIME")]
    at: Option<String>,
}

/// Lock the screen of a device
///
/// Devices without a PIN or password refuse it, and so do many that are no phones.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  transom device lock 1A2B")]
pub(crate) struct Plain {
    #[command(flatten)]
    common: Common,
}

/// Give a device another name
///
/// Done when the device says that it is called so, which takes a restart.
#[derive(Debug, Args)]
#[command(
    name = "rename",
    after_help = "Examples:
  transom device rename 1A2B DESK-7 --reboot
  transom device rename 1A2B PC-%SERIAL%"
)]
pub(crate) struct RenameVerb {
    #[command(flatten)]
    common: Common,
    /// 1 to 15 letters, digits and hyphens; %SERIAL% and %RAND:n% may be part of it
    #[arg(value_name = "NAME")]
    name: String,
    /// Restart behind it
    #[arg(long)]
    reboot: bool,
}

/// Erase a device: what is on it can't be brought back
///
/// Asks before it does so. The device is told once, never again: where its answer is lost, the outcome is unknown until
/// somebody has looked. What waits for it is superseded as soon as it takes the wipe.
#[derive(Debug, Args)]
#[command(
    name = "wipe",
    after_help = "Examples:
  transom device wipe 1A2B
  transom device wipe 1A2B --variant keep-user-data --yes

Variants: normal, protected, keep-user-data, keep-provisioned-data, cloud, cloud-keep-user-data,
cloud-keep-provisioned-data. A protected wipe can't be broken off, and a device whose wipe fails may not start again."
)]
pub(crate) struct WipeVerb {
    #[command(flatten)]
    common: Common,
    /// How
    #[arg(long, value_name = "VARIANT", default_value = "normal")]
    variant: WipeVariant,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Make a device ready for its next user: what its users have on it can't be brought back
///
/// It stays enrolled. Asks before it does so.
#[derive(Debug, Args)]
#[command(
    name = "autopilot-reset",
    after_help = "Examples:
  transom device autopilot-reset 1A2B --yes"
)]
pub(crate) struct Destructive {
    #[command(flatten)]
    common: Common,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Have a device change the recovery passwords of its drives
///
/// Windows hands the new ones to Entra ID or Active Directory, not to this server; see transom device keep-recovery-key.
#[derive(Debug, Args)]
#[command(
    name = "rotate-recovery-passwords",
    visible_alias = "rotate-bitlocker",
    after_help = "Examples:
  transom device rotate-recovery-passwords 1A2B --wait"
)]
pub(crate) struct RotateRecovery {
    #[command(flatten)]
    common: Common,
}

/// Have a device change the password of the administrator that LAPS looks after
///
/// Windows hands the new one to Entra ID or Active Directory, not to this server; see transom device keep-recovery-key.
#[derive(Debug, Args)]
#[command(
    name = "reset-laps-password",
    visible_alias = "rotate-laps",
    after_help = "Examples:
  transom device reset-laps-password 1A2B --wait"
)]
pub(crate) struct ResetLaps {
    #[command(flatten)]
    common: Common,
}

/// Look for malware on a device
///
/// Done when the device names a newer scan; an offline scan, when it is back.
#[derive(Debug, Args)]
#[command(
    name = "scan",
    after_help = "Examples:
  transom device scan 1A2B
  transom device scan 1A2B --depth full"
)]
pub(crate) struct ScanVerb {
    #[command(flatten)]
    common: Common,
    /// quick, full, or offline: after a restart, before Windows runs
    #[arg(long, value_name = "DEPTH", default_value = "quick")]
    depth: Depth,
}

/// Have a device fetch the newest signatures of malware
#[derive(Debug, Args)]
#[command(
    name = "update-signatures",
    after_help = "Examples:
  transom device update-signatures 1A2B"
)]
pub(crate) struct UpdateSignatures {
    #[command(flatten)]
    common: Common,
}

/// Have a device collect logs and send them here
///
/// The device gets an address that is good once. With nothing named, it collects what helps most often. The archive is
/// had with transom action download.
#[derive(Debug, Args)]
#[command(
    name = "collect-diagnostics",
    visible_alias = "diagnostics",
    after_help = "Examples:
  transom device collect-diagnostics 1A2B --wait --timeout 30m
  transom device collect-diagnostics 1A2B --events Application --command '%windir%\\system32\\ipconfig.exe /all'"
)]
pub(crate) struct CollectVerb {
    #[command(flatten)]
    common: Common,
    /// A key of the registry; can be given several times
    #[arg(long, value_name = "KEY")]
    registry_key: Vec<String>,
    /// A channel of the event log; can be given several times
    #[arg(long, value_name = "CHANNEL")]
    events: Vec<String>,
    /// A command, of those that Windows allows; can be given several times
    #[arg(long, value_name = "COMMAND")]
    command: Vec<String>,
    /// Files, of those that Windows allows; can be given several times
    #[arg(long, value_name = "PATTERN")]
    files: Vec<String>,
}

impl Ask {
    pub(crate) fn run(self, global: &Global, output: &mut Output) -> anyhow::Result<()> {
        let (common, request, yes) = self.parts()?;
        let confirm = if request.kind().destroys() { Some(confirmed(&common.id, yes)?) } else { None };
        let new = NewAction {
            action: request,
            confirm,
            not_before: common.not_before.map(|moment| moment.rfc3339(now())),
            expires_at: common.expires.map(|moment| moment.rfc3339(now())),
        };
        let key = common.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        connected(global, async |client| {
            let action = client.act(&common.id, &new, &key).await?;
            if common.waiting.wait {
                return common.waiting.for_end(&client, &action, output).await;
            }
            if output.is_json() {
                return output.document(&action);
            }
            output.text(follow::told(&action))
        })
    }

    fn parts(self) -> anyhow::Result<(Common, Request, bool)> {
        Ok(match self {
            Self::Reboot(verb) => (verb.common, Request::Reboot(Reboot { at: verb.at }), false),
            Self::Lock(verb) => (verb.common, Request::Lock {}, false),
            Self::Rename(verb) => {
                (verb.common, Request::Rename(Rename { name: verb.name, reboot: verb.reboot }), false)
            }
            Self::Wipe(verb) => (verb.common, Request::Wipe(Wipe { variant: verb.variant }), verb.yes),
            Self::AutopilotReset(verb) => (verb.common, Request::AutopilotReset {}, verb.yes),
            Self::RotateRecoveryPasswords(verb) => (verb.common, Request::RotateRecoveryPasswords {}, false),
            Self::ResetLapsPassword(verb) => (verb.common, Request::ResetLapsPassword {}, false),
            Self::Scan(verb) => (verb.common, Request::Scan(Scan { depth: verb.depth }), false),
            Self::UpdateSignatures(verb) => (verb.common, Request::UpdateSignatures {}, false),
            Self::CollectDiagnostics(verb) => {
                let collection = Collection {
                    registry_keys: verb.registry_key,
                    events: verb.events,
                    commands: verb.command,
                    files: verb.files,
                };
                (verb.common, Request::CollectDiagnostics(collection), false)
            }
            Self::InstallMsi(verb) => {
                let (common, request) = verb.parts()?;
                (common, request, false)
            }
            Self::RemoveMsi(verb) => {
                let (common, request) = verb.parts();
                (common, request, false)
            }
            Self::InstallRoot(verb) => {
                let (common, request) = verb.parts()?;
                (common, request, false)
            }
            Self::EnrollScep(verb) => {
                let (common, request) = verb.parts()?;
                (common, request, false)
            }
            Self::InstallPfx(verb) => {
                let (common, request) = verb.parts()?;
                (common, request, false)
            }
        })
    }
}

/// The device as it was named a second time: by `--yes`, or typed.
fn confirmed(id: &str, yes: bool) -> anyhow::Result<String> {
    if yes {
        return Ok(id.to_owned());
    }
    if !std::io::stdin().is_terminal() {
        return Err(hinted(
            "this takes away what can't be brought back, and there is nobody to ask".to_owned(),
            "with --yes it is done without asking",
        ));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "This takes away what can't be brought back. Type the id of the device to go on: ")?;
    stderr.flush()?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).context("can't read what was typed")?;
    let same = |one: &str, other: &str| {
        DeviceId::parse(one).zip(DeviceId::parse(other)).is_some_and(|(one, other)| one.key() == other.key())
    };
    if !same(typed.trim(), id) {
        bail!("that is not {id}; nothing was done");
    }
    Ok(id.to_owned())
}
