//! Exec, and what goes on after a command was answered (MS-MDM 2.2.7.5).

use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::node::{Node, Stored};
use super::path::{Path, Query, Segment};
use super::rule::Action;
use super::write::admit;
use super::{Consequence, Done, Refusal, Tree, Value};
use crate::simulator::notice::Notice;

/// `E_INVALIDARG`, as an alert writes it.
const INVALID_ARGUMENT: i32 = i32::from_be_bytes([0x80, 0x07, 0x00, 0x57]);

/// Something that was started by a command and goes on after its Status.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// An MSI: the node of the job, whether the job can succeed.
    Install { job: Path, result: i32 },
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
            _ => None,
        };
        Ok(Done { code: StatusCode::OK, consequence })
    }

    /// Takes an MSI job: refused when it is none, failed later when it can't work.
    fn start_install(&mut self, job: &Path, stored: Option<Stored>) -> Result<Work, Refusal> {
        let definition = stored.ok_or(Refusal::INVALID)?;
        let product = job.segments.iter().rev().nth(1).map_or("", |segment| segment.name.as_str());
        let is_product_code = product.len() == 38 && product.starts_with('{') && product.ends_with('}');
        if !is_product_code || !definition.data.contains("<MsiInstallJob") {
            return Err(Refusal::INVALID);
        }
        let result = if definition.data.contains("<ContentURL>") { 0 } else { INVALID_ARGUMENT };
        self.root.make(&job.segments).value = Some(definition);
        set(&mut self.root, &sibling(job, "Status"), Format::Int, "10");
        Ok(Work::Install { job: job.clone(), result })
    }
}

/// What a written value starts.
pub(super) fn after_write(root: &mut Node, path: &Path, action: Action) -> Option<Work> {
    match action {
        Action::RegisterPush => {
            let pfn = root.at(&path.segments)?.value.as_ref()?.data.clone();
            let channel = format!("https://wns.example.test/?token={}", super::path::escape(&pfn));
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

/// Ends a piece of work.
pub(super) fn finish(root: &mut Node, work: Work) -> Option<Notice> {
    match work {
        Work::Value { path, data } => {
            set(root, &path, Format::Int, data);
            None
        }
        Work::Install { job, result } => {
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
