//! Exec, and what goes on after a command was answered (MS-MDM 2.2.7.5).

use transom_protocol::csp::{ArchiveDefinition, ArchiveResults};
use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::node::{Node, Stored};
use super::path::{Path, Query, Segment};
use super::rule::Action;
use super::write::admit;
use super::{Consequence, Done, Refusal, Tree, Value};
use crate::simulator::notice::Notice;

/// `E_INVALIDARG`, as an alert writes it.
const INVALID_ARGUMENT: i32 = i32::from_be_bytes([0x80, 0x07, 0x00, 0x57]);

/// `ERROR_INTERNET_NAME_NOT_RESOLVED`.
const NAME_NOT_RESOLVED: i32 = i32::from_be_bytes([0x80, 0x07, 0x2E, 0xE7]);

/// When the first scan ended.
const FIRST_SCAN: &str = "2026-11-20 08:00:00";

/// An archive that the device is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id of what was collected.
    pub id: String,
    /// Where to.
    pub url: String,
}

/// Something that was started by a command and goes on after its Status.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// An MSI: the node of the job, whether the job can succeed, and how many sessions it still takes.
    Install { job: Path, result: i32, sessions: u8 },
    /// A node gets its last value.
    Value { path: Path, data: &'static str },
}

impl Work {
    pub(super) const fn ends_with_notice(&self) -> bool {
        matches!(self, Self::Install { .. })
    }
}

impl Tree {
    /// Runs what a node stands for.
    pub fn exec(&mut self, loc_uri: &str, value: &Value) -> Result<Done, Refusal> {
        let place = self.place(loc_uri, Verb::Exec)?;
        if !place.exists {
            return Err(Refusal::NOT_FOUND);
        }
        if place.query != Query::Node {
            return Err(Refusal::status(StatusCode::NOT_SUPPORTED));
        }
        let (rule, path) = (place.rule, place.storage);
        let stored = match &value.data {
            Some(_) if value.format != Some(Format::Null) => admit(rule, value)?,
            _ => None,
        };
        let consequence = match rule.action {
            Action::Reboot => Some(Consequence::Reboot),
            Action::Wipe => Some(Consequence::Wipe),
            Action::Unenroll => Some(Consequence::Unenroll),
            Action::InstallMsi => {
                let work = self.start_install(&path, stored)?;
                self.work.push(work);
                None
            }
            Action::RotateRecovery => {
                let request = stored.map(|stored| stored.data).filter(|id| !id.is_empty()).ok_or(Refusal::INVALID)?;
                let status = sibling(&path, "Status/RotateRecoveryPasswordsStatus");
                set(&mut self.root, &sibling(&path, "Status/RotateRecoveryPasswordsRequestID"), Format::Chr, request);
                set(&mut self.root, &status, Format::Int, "1");
                self.work.push(Work::Value { path: status, data: "0" });
                None
            }
            Action::Redeploy => {
                let status = sibling(&path, "Status");
                set(&mut self.root, &status, Format::Int, "10");
                self.work.push(Work::Value { path: status, data: "1" });
                Some(Consequence::Reboot)
            }
            other => {
                self.begin(other, &path, stored)?;
                None
            }
        };
        Ok(Done { code: StatusCode::OK, consequence })
    }

    /// Begins what shows its end in a node, or goes on after the session.
    fn begin(&mut self, action: Action, path: &Path, stored: Option<Stored>) -> Result<(), Refusal> {
        match action {
            Action::ResetLaps => {
                let status = sibling(path, "ResetPasswordStatus");
                // `E_PENDING`.
                set(&mut self.root, &status, Format::Int, "-2147483638");
                self.work.push(Work::Value { path: status, data: "0" });
            }
            Action::EnrollScep => {
                // Beside `Install`, which the node stands in.
                let mut install = path.clone();
                install.segments.pop();
                let status = sibling(&install, "Status");
                set(&mut self.root, &sibling(&install, "CertThumbprint"), Format::Chr, "AB".repeat(20));
                set(&mut self.root, &status, Format::Int, "2");
                self.work.push(Work::Value { path: status, data: "1" });
            }
            Action::Scan => {
                let is_full = stored.is_some_and(|stored| stored.data == "2");
                let name = if is_full { "Health/FullScanTime" } else { "Health/QuickScanTime" };
                let path = sibling(path, name);
                let before = self.root.at(&path.segments).and_then(|node| node.value.as_ref());
                let data = match before.map(|stored| stored.data.as_str()) {
                    Some(FIRST_SCAN) => "2026-11-21 08:00:00",
                    _ => FIRST_SCAN,
                };
                self.work.push(Work::Value { path, data });
            }
            Action::UpdateSignatures => {
                self.work.push(Work::Value { path: sibling(path, "Health/SignatureOutOfDate"), data: "false" });
            }
            Action::Collect => {
                let definition = stored.ok_or(Refusal::INVALID)?;
                // What is no definition is taken as well, and nothing comes of it.
                let Ok(definition) = ArchiveDefinition::read(&definition.data) else { return Ok(()) };
                // A device does the same id once.
                if self.collected.insert(definition.id.clone()) {
                    self.uploads.push(Upload { id: definition.id, url: definition.upload_url });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What is to be sent now that the session is over.
    pub fn take_uploads(&mut self) -> Vec<Upload> {
        std::mem::take(&mut self.uploads)
    }

    /// What became of an archive.
    pub fn uploaded(&mut self, id: &str, succeeded: bool) {
        let hresult = if succeeded { "0" } else { "-2147012889" };
        let results = ArchiveResults { id: id.to_owned(), hresult: hresult.to_owned() };
        let node = "./Device/Vendor/MSFT/DiagnosticLog/DiagnosticArchive/ArchiveResults";
        self.root.plant(node, Format::Chr, results.to_xml());
    }

    /// Takes an MSI job: refused when it is none, failed later when it can't work.
    fn start_install(&mut self, job: &Path, stored: Option<Stored>) -> Result<Work, Refusal> {
        let definition = stored.ok_or(Refusal::INVALID)?;
        let product = job.segments.iter().rev().nth(1).map_or("", |segment| segment.name.as_str());
        let is_product_code = product.len() == 38 && product.starts_with('{') && product.ends_with('}');
        if !is_product_code || !definition.data.contains("<MsiInstallJob") {
            return Err(Refusal::INVALID);
        }
        let result = match definition.data.contains("<ContentURL>") {
            // Names that end so exist nowhere (RFC 2606).
            true if definition.data.contains(".invalid/") => NAME_NOT_RESOLVED,
            true => 0,
            false => INVALID_ARGUMENT,
        };
        self.root.make(&job.segments).value = Some(definition);
        set(&mut self.root, &sibling(job, "Status"), Format::Int, "10");
        Ok(Work::Install { job: job.clone(), result, sessions: self.install_sessions })
    }
}

/// What a written value starts.
pub(super) fn after_write(root: &mut Node, path: &Path, action: Action, channel: Option<&str>) -> Option<Work> {
    match action {
        Action::RegisterPush => {
            let pfn = root.at(&path.segments)?.value.as_ref()?.data.clone();
            let made_up = || format!("https://wns.example.test/?token={}", super::path::escape(&pfn));
            let channel = channel.map_or_else(made_up, str::to_owned);
            set(root, &sibling(path, "ChannelURI"), Format::Chr, channel);
            set(root, &sibling(path, "Status"), Format::Int, "0");
            None
        }
        Action::FetchImage => {
            let name = path.segments.last()?.name.to_ascii_lowercase().replace("url", "Status");
            let status = sibling(path, &name);
            set(root, &status, Format::Int, "2");
            Some(Work::Value { path: status, data: "1" })
        }
        Action::Encrypt => {
            let is_wanted = root.at(&path.segments)?.value.as_ref()?.data == "1";
            let path = sibling(path, "Status/DeviceEncryptionStatus");
            is_wanted.then_some(Work::Value { path, data: "0" })
        }
        _ => None,
    }
}

/// Whether a piece of work goes on beyond this session; what shows of it then.
pub(super) fn goes_on(root: &mut Node, work: &mut Work) -> bool {
    match work {
        Work::Install { job, sessions, .. } if *sessions > 0 => {
            *sessions -= 1;
            set(root, &sibling(job, "Status"), Format::Int, "50");
            true
        }
        _ => false,
    }
}

/// Ends a piece of work.
pub(super) fn finish(root: &mut Node, work: Work) -> Option<Notice> {
    match work {
        Work::Value { path, data } => {
            set(root, &path, Format::Int, data);
            None
        }
        Work::Install { job, result, .. } => {
            // Deleted meanwhile: the job was called off.
            root.at(&job.segments)?;
            set(root, &sibling(&job, "Status"), Format::Int, if result == 0 { "70" } else { "60" });
            set(root, &sibling(&job, "LastError"), Format::Int, result.to_string());
            // The braces of the product code stay as they are, although the server escaped them.
            let names: Vec<&str> = job.segments.iter().map(|segment| segment.name.as_str()).collect();
            Some(Notice::msi_installed(format!("./{}", names.join("/")), result))
        }
    }
}

/// The node beside, or below the node beside, another one.
fn sibling(path: &Path, names: &str) -> Path {
    let mut segments = path.segments.clone();
    segments.pop();
    segments.extend(names.split('/').map(Segment::new));
    Path { segments }
}

fn set(root: &mut Node, path: &Path, format: Format, data: impl Into<String>) {
    root.make(&path.segments).value = Some(Stored { format, data: data.into() });
}
