//! A Windows 11 device as a value: server's message in, device's answer out (OMA DM Protocol 6 to 8, MS-MDM 3).
//!
//! No socket, no clock, no randomness but the seed. [`Device::start_session`] gives package 1, [`Device::receive`]
//! takes the server's answer and gives the next message, until there is nothing to say. Encoding is the driver's.
//! What took effect stands in [`Device::log`], what the server did against the book in [`Device::complaints`].

mod authenticate;
mod behaviour;
mod complaint;
mod compose;
mod download;
mod execute;
mod group;
mod inspect;
mod interrupt;
mod log;
mod outbox;
mod receive;
mod session;
mod statuses;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rand::{SeedableRng as _, rngs::SmallRng};
use transom_protocol::session::Nonce;
use transom_protocol::syncml::{Message, StatusCode};

pub use behaviour::{Behaviour, SessionIds};
pub use complaint::{Complaint, Violation};
pub use log::{Effect, EffectLog};

use super::identity::DeviceIdentity;
use super::notice::Notice;
use super::tree::{Tree, Upload};
use session::Session;

/// A simulated device.
#[derive(Debug, Clone)]
pub struct Device {
    identity: DeviceIdentity,
    behaviour: Behaviour,
    server_url: String,
    seed: u64,
    random: SmallRng,
    tree: Tree,
    log: EffectLog,
    complaints: Vec<Complaint>,
    /// What the server has to be told in the next session.
    notices: Vec<Notice>,
    /// For the next credential.
    nonce: Option<Nonce>,
    /// The server's next credential is made with it.
    server_nonce: Option<Nonce>,
    session: Option<Session>,
    /// Sessions of this enrollment.
    sessions: u32,
    life: u32,
    boots: u32,
    /// The next session is the last.
    is_leaving: bool,
    is_enrolled: bool,
    /// Bytes of the message that comes next, when the driver said so.
    weight: Option<usize>,
}

/// Why a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trigger {
    /// It was time.
    #[default]
    Schedule,
    /// The user signed in.
    Login,
    /// A push came.
    Push,
}

/// What a device does after a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "it is moved once per message and never kept")]
pub enum Next {
    /// It sends this.
    Send(Message),
    /// The session is over: nothing is left to say.
    Quiet,
    /// The session is over for another reason.
    Ended(Ending),
}

/// Why a session ended before both sides were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server sent Alert 1223.
    AbortedByServer,
    /// The device had sent Alert 1223.
    AbortedByDevice,
    /// The server did not take the device's credential.
    NotAuthenticated,
    /// The server wants a scheme that the account does not have.
    SchemeNotSupported,
    /// The server refused the message.
    Refused(StatusCode),
    /// The server did not prove who it is.
    ServerNotAuthenticated,
    /// The device left management.
    Unenrolled,
    /// The device was wiped.
    Wiped,
    /// The server sent a message that came before: it was not done again.
    RepeatedServerMessage,
    /// No session was open.
    NoSession,
}

impl Ending {
    /// Whether both sides could have wanted it so.
    pub const fn is_peaceful(self) -> bool {
        matches!(self, Self::AbortedByDevice | Self::Unenrolled | Self::Wiped)
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AbortedByServer => "the server aborted the session",
            Self::AbortedByDevice => "the device aborted the session",
            Self::NotAuthenticated => "the server did not take the credential",
            Self::SchemeNotSupported => "the server wants another scheme of credentials",
            Self::Refused(code) => return write!(f, "the server refused the message with {code}"),
            Self::ServerNotAuthenticated => "the server did not prove who it is",
            Self::Unenrolled => "the device left management",
            Self::Wiped => "the device was wiped",
            Self::RepeatedServerMessage => "the server sent a message that came before",
            Self::NoSession => "no session was open",
        })
    }
}

impl Device {
    /// A device that was just enrolled. `server_url` is the address of the management service, with or without its
    /// query; all that is random about the device comes from `seed`.
    pub fn new(identity: DeviceIdentity, server_url: impl Into<String>, behaviour: Behaviour, seed: u64) -> Self {
        let server_url = server_url.into();
        let mut tree = Tree::windows_11(&identity.device_id, &identity.provider_id, &server_url, seed);
        tree.provision(&identity.provider_id, &identity.provisioned);
        tree.differ(behaviour.lacks, &behaviour.says);
        Self {
            nonce: identity.nonce.clone(),
            server_nonce: identity.server.as_ref().and_then(|server| server.nonce.clone()),
            identity,
            behaviour,
            server_url,
            seed,
            random: SmallRng::seed_from_u64(seed),
            tree,
            log: EffectLog::default(),
            complaints: Vec::new(),
            notices: Vec::new(),
            session: None,
            sessions: 0,
            life: 1,
            boots: 0,
            is_leaving: false,
            is_enrolled: true,
            weight: None,
        }
    }

    /// The same device, whose next session has this number: it had sessions before, and nobody remembers them.
    #[must_use]
    pub fn beginning_with_session(mut self, number: u32) -> Self {
        self.sessions = number.saturating_sub(1);
        self
    }

    /// Begins a session; one that was open is forgotten. Gives package 1, which has no credential unless
    /// [`Behaviour::remembers_nonce`] is set.
    pub fn start_session(&mut self, trigger: Trigger) -> Message {
        self.tree.sign_in(self.behaviour.login);
        if let Some(channel) = &self.behaviour.channel {
            self.tree.open_channel(&self.identity.provider_id, channel);
            if self.behaviour.registers_at_once {
                self.tree.registers_for(channel);
            }
        }
        self.tree.install_slowly(self.behaviour.install_sessions);
        self.notices.extend(self.tree.settle());
        self.take_new_credentials();
        self.sessions = self.sessions.saturating_add(1);
        let mut session = Session {
            id: self.behaviour.session_ids.write(self.sessions),
            sends_cred: self.behaviour.remembers_nonce && self.nonce.is_some(),
            notices_sent: self.notices.len(),
            is_last: self.is_leaving,
            ..Session::default()
        };
        let body = self.package_one(trigger);
        let message = self.message(&mut session, None, body, true);
        self.session = Some(session);
        message
    }

    /// Archives to be sent now that the session is over.
    pub fn take_uploads(&mut self) -> Vec<Upload> {
        self.tree.take_uploads()
    }

    /// What became of an archive.
    pub fn uploaded(&mut self, id: &str, succeeded: bool) {
        self.tree.uploaded(id, succeeded);
    }

    /// Who it is.
    pub const fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// Its switches.
    pub const fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Sets its switches; they hold from the next message on.
    pub fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
    }

    /// Its management tree.
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Somebody at the device sets a value, or takes it away, without its server.
    pub fn is_changed(&mut self, loc_uri: &str, value: Option<&str>) {
        self.tree.change(loc_uri, value);
    }

    /// The device lets nobody change a value from now on, or anybody again.
    pub fn protects(&mut self, loc_uri: &str, does: bool) {
        self.tree.protect(loc_uri, does);
    }

    /// What took effect, oldest first.
    pub const fn log(&self) -> &EffectLog {
        &self.log
    }

    /// What the server did against the book, oldest first.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// How often it restarted.
    pub const fn boots(&self) -> u32 {
        self.boots
    }

    /// `SessionID` of the session that is open.
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.id.as_str())
    }

    /// Whether it is still under management: not wiped, and not gone after its last word.
    pub const fn is_enrolled(&self) -> bool {
        self.is_enrolled
    }

    /// Whether it has something to tell: a real device would open a session by itself.
    pub fn wants_session(&self) -> bool {
        self.is_enrolled && (!self.notices.is_empty() || self.tree.is_busy())
    }

    /// Types of the notices that are `fatal` or `critical`: the header `MDM-GenericAlert` names them (MS-MDM 2.1).
    pub fn urgent_notices(&self) -> impl Iterator<Item = &str> {
        let is_urgent = |notice: &&Notice| matches!(notice.mark.as_deref(), Some("fatal" | "critical"));
        self.notices.iter().filter(is_urgent).map(|notice| notice.kind.as_str())
    }

    /// Whether the server has told it to sign its messages (`RequireMessageSigning`).
    pub fn signs_messages(&self) -> bool {
        let node = format!("./Vendor/MSFT/DMClient/Provider/{}/RequireMessageSigning", self.identity.provider_id);
        self.tree.value(&node).is_some_and(|value| value == "true")
    }

    /// The certificates of the server that it envelopes its messages for, DER, where it was told to sign and encrypt them
    /// (`EnhancedAppLayerSecurity`). As on Windows, the one that is named has to be installed.
    pub fn envelopes_for(&self) -> Vec<Vec<u8>> {
        let node = |name: &str| {
            let provider = &self.identity.provider_id;
            self.tree.value(&format!("./Vendor/MSFT/DMClient/Provider/{provider}/EnhancedAppLayerSecurity/{name}"))
        };
        if node("SecurityMode").is_none_or(|mode| mode != "3") {
            return Vec::new();
        }
        let named = ["Cert0", "Cert1"].into_iter().filter_map(|name| BASE64.decode(node(name)?.trim()).ok());
        let is_installed = |der: &Vec<u8>| {
            let thumbprint: String = openssl::sha::sha1(der).iter().map(|byte| format!("{byte:02X}")).collect();
            let place = format!("./Device/Vendor/MSFT/CertificateStore/MY/System/{thumbprint}/EncodedCertificate");
            self.tree.value(&place).is_some()
        };
        named.filter(is_installed).collect()
    }

    /// `EntDMID`, which the header `client-request-id` carries.
    pub fn ent_dm_id(&self) -> Option<String> {
        self.tree.value(&format!("./Vendor/MSFT/DMClient/Provider/{}/EntDMID", self.identity.provider_id))
    }

    /// The major number of `SyncApplicationVersion`, 1 where none can be read.
    pub fn sync_application_version(&self) -> u32 {
        let uri = format!("./Vendor/MSFT/DMClient/Provider/{}/SyncApplicationVersion", self.identity.provider_id);
        let version = self.tree.value(&uri).unwrap_or_default();
        version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(1)
    }
}
