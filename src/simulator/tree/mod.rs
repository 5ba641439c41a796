//! The management tree of a simulated Windows 11 device (MS-MDM 2.2.3.6, OMA DM TND).
//!
//! What every device has in common (which nodes there may be, the verbs that they allow, their formats and first
//! values) is one table that all devices share; a [`Tree`] keeps only what differs. It knows no session: who asks,
//! what was sent and what is answered is [`super::device`]'s. Status codes are those that a real device gives, as far
//! as they are known.

mod access;
mod catalogue;
mod csp_versions;
mod exec;
mod first_sync;
mod node;
mod node_cache;
mod path;
mod read;
mod rule;
mod seed;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::session::LoginStatus;
use transom_protocol::syncml::{Format, StatusCode};

use super::notice::Notice;
pub use exec::Upload;

use exec::Work;
use node::Node;

/// The tree of one device.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What was set, and what makes this device differ from others.
    root: Node,
    /// Who is signed in.
    login: LoginStatus,
    /// What was started and is not finished.
    work: Vec<Work>,
    /// Percent of the nodes that it lacks.
    lacks: u8,
    /// How many sessions an installation takes beyond the first.
    install_sessions: u8,
    /// What is to be sent after the session.
    uploads: Vec<Upload>,
    /// Ids of what was collected.
    collected: BTreeSet<String>,
    /// What the operating system lets nobody change any more.
    protected: Vec<path::Path>,
    /// The address of the channel that it gets when it registers for pushes.
    channel: Option<String>,
}

/// A value as a command carries it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// `Format`; absent means that the node's own is meant.
    pub format: Option<Format>,
    /// `Data`; absent when the element is missing.
    pub data: Option<String>,
}

/// A value as a Get answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The node, as it was asked for.
    pub uri: String,
    /// Format of the value.
    pub format: Format,
    /// The value; `None` for an interior node in a list.
    pub data: Option<String>,
}

/// A command that the tree did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// 200, or 202 when the end comes later.
    pub code: StatusCode,
    /// What happens to the device because of it.
    pub consequence: Option<Consequence>,
}

/// What an Exec does to the device as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// It restarts when the session is over.
    Reboot,
    /// It loses everything when the session is over.
    Wipe,
    /// It leaves management at once, without another word in this session.
    Unenroll,
}

/// A command that the tree did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The Status.
    pub code: StatusCode,
    /// The HRESULT behind it, where one is known.
    pub original_error: Option<u32>,
}

impl Value {
    /// Data without a format.
    pub fn text(data: impl Into<String>) -> Self {
        Self { format: None, data: Some(data.into()) }
    }
}

impl Done {
    const fn with(code: StatusCode) -> Self {
        Self { code, consequence: None }
    }
}

impl Refusal {
    /// A status without a known HRESULT.
    pub const fn status(code: StatusCode) -> Self {
        Self { code, original_error: None }
    }

    /// `0x86000002`: there is no such node.
    const NOT_FOUND: Self = Self { code: StatusCode::NOT_FOUND, original_error: Some(0x8600_0002) };
    /// `E_INVALIDARG`.
    const INVALID: Self = Self { code: StatusCode::COMMAND_FAILED, original_error: Some(0x8007_0057) };
    /// `E_ACCESSDENIED`.
    const DENIED: Self = Self { code: StatusCode(425), original_error: Some(0x8007_0005) };
}

impl Tree {
    /// Who is signed in from now on: `./User` answers only to the enrolled user.
    pub fn sign_in(&mut self, login: LoginStatus) {
        self.login = login;
    }

    /// Finishes what was started; gives what the device has to tell its server.
    pub fn settle(&mut self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for mut work in std::mem::take(&mut self.work) {
            if exec::goes_on(&mut self.root, &mut work) {
                self.work.push(work);
            } else {
                notices.extend(exec::finish(&mut self.root, work));
            }
        }
        self.go_on_with_pages();
        notices
    }

    /// Installations take so many sessions beyond the first.
    pub fn install_slowly(&mut self, sessions: u8) {
        self.install_sessions = sessions;
    }

    /// What makes this device another than most: nodes that it lacks, in percent, and what it says under some.
    pub fn differ(&mut self, lacks: u8, says: &BTreeMap<String, String>) {
        self.lacks = lacks;
        for (uri, value) in says {
            self.root.plant(uri, Format::Chr, value.as_str());
        }
    }

    /// Somebody at the device sets a value, or takes it away: no rule of management holds for that.
    pub fn change(&mut self, uri: &str, value: Option<&str>) {
        let Ok((path, _)) = path::Path::parse(uri) else { return };
        let segments = path.storage().segments;
        let Some(data) = value.map(str::to_owned) else { return self.root.remove(&segments) };
        let before = self.root.at(&segments).and_then(|node| node.value.as_ref());
        let format = before.map_or(Format::Chr, |stored| stored.format.clone());
        self.root.make(&segments).value = Some(node::Stored { format, data });
    }

    /// The operating system lets nobody change this place from now on, its server neither; or lets them again.
    pub fn protect(&mut self, uri: &str, does: bool) {
        let Ok((path, _)) = path::Path::parse(uri) else { return };
        let path = path.storage();
        self.protected.retain(|each| *each != path);
        self.protected.extend(does.then_some(path));
    }

    /// The device gets this channel as soon as it is given a package family name.
    pub fn registers_for(&mut self, uri: &str) {
        self.channel = Some(uri.to_owned());
    }

    /// The device has a channel for pushes, if it was given a package family name.
    pub fn open_channel(&mut self, provider_id: &str, uri: &str) {
        let push = format!("./Vendor/MSFT/DMClient/Provider/{}/Push", path::escape(provider_id));
        if self.get(&format!("{push}/PFN")).is_ok() {
            self.root.plant(&format!("{push}/ChannelURI"), Format::Chr, uri);
            self.root.plant(&format!("{push}/Status"), Format::Int, "0");
        }
    }

    /// Whether something was started that [`Tree::settle`] will finish with a notice.
    pub fn is_busy(&self) -> bool {
        self.work.iter().any(Work::ends_with_notice)
    }
}
