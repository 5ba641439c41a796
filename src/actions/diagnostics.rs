//! Logs of a device, collected by itself and sent to an address that is good once (CSP `DiagnosticLog`).

use serde::{Deserialize, Serialize};
use transom_protocol::csp::{ArchiveDefinition, ArchiveResults, LocUri};
use transom_protocol::syncml::Format;
use utoipa::ToSchema;

use super::Refusal;
use super::plan::{Plan, exec, node};
use super::reading::{Readings, Told, error_code, number};
use super::request::Situation;
use crate::model::ActionId;

/// What to collect. Where nothing is named, what helps most often.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Collection {
    /// Keys of the registry, such as `HKLM\Software\Policies`.
    pub registry_keys: Vec<String>,
    /// Channels of the event log, such as `Application`.
    pub events: Vec<String>,
    /// Commands, of those that Windows allows, such as `%windir%\system32\ipconfig.exe /all`.
    pub commands: Vec<String>,
    /// Files, of the folders and sorts that Windows allows.
    pub files: Vec<String>,
}

/// Entries of one sort at most.
const MOST: usize = 50;

const REGISTRY_KEYS: &[&str] = &["HKLM\\Software\\Policies", "HKLM\\Software\\Microsoft\\PolicyManager"];

const EVENTS: &[&str] = &[
    "Application",
    "System",
    "Setup",
    "Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider/Admin",
    "Microsoft-Windows-BitLocker/BitLocker Management",
    "Microsoft-Windows-Windows Defender/Operational",
];

const COMMANDS: &[&str] = &[
    "%windir%\\system32\\ipconfig.exe /all",
    "%windir%\\system32\\dsregcmd.exe /status",
    "%windir%\\system32\\mdmdiagnosticstool.exe -out %ProgramData%\\temp\\",
];

impl Collection {
    pub(super) fn plan(&self, situation: &Situation<'_>) -> Result<Plan, Refusal> {
        let Some(upload_url) = situation.upload_url.clone() else { return Err(Refusal::NoUploads) };
        self.check()?;
        let is_unsaid = *self == Self::default();
        let default = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let definition = ArchiveDefinition {
            id: situation.id.to_string(),
            upload_url,
            registry_keys: if is_unsaid { default(REGISTRY_KEYS) } else { self.registry_keys.clone() },
            events: if is_unsaid { default(EVENTS) } else { self.events.clone() },
            commands: if is_unsaid { default(COMMANDS) } else { self.commands.clone() },
            files: self.files.clone(),
        };
        let target = node("./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveDefinition")?;
        Ok(Plan::of(exec(target, Some((Format::Chr, definition.to_xml())))))
    }

    fn check(&self) -> Result<(), Refusal> {
        let lists = [
            ("/registry_keys", &self.registry_keys),
            ("/events", &self.events),
            ("/commands", &self.commands),
            ("/files", &self.files),
        ];
        for (at, list) in lists {
            if list.len() > MOST {
                return Err(Refusal::invalid(at, format!("at most {MOST} entries")));
            }
            let is_wrong =
                |entry: &String| entry.trim().is_empty() || entry.len() > 1024 || entry.chars().any(char::is_control);
            if list.iter().any(is_wrong) {
                return Err(Refusal::invalid(at, "each entry has 1 to 1024 characters and stands on one line"));
            }
        }
        Ok(())
    }
}

/// Where the device says what became of its last archive.
pub(super) fn nodes() -> Result<Vec<LocUri>, Refusal> {
    Ok(vec![node("./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveResults")?])
}

/// Only a failure is believed from here: done is what has arrived.
pub(super) fn judge(id: &ActionId, readings: &Readings) -> Result<Told, Refusal> {
    let nodes = nodes()?;
    let Some(value) = nodes.first().and_then(|node| readings.value(node)) else { return Ok(Told::Nothing) };
    let Ok(results) = ArchiveResults::read(value) else { return Ok(Told::Nothing) };
    let is_ours = results.id.trim_matches(['{', '}']).eq_ignore_ascii_case(id.as_str());
    Ok(match number(&results.hresult) {
        _ if !is_ours => Told::Nothing,
        Some(0) => Told::GoesOn("the device says that it sent the archive; it has not arrived".to_owned()),
        Some(code) => Told::Failed(format!("the device could not collect or send it: {}", error_code(code))),
        None => Told::Nothing,
    })
}
