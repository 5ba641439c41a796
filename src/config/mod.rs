//! The settings of one installation.
//!
//! Defaults, then `transom.toml`, then the `TRANSOM_*` environment, then flags: the later wins. An unknown key is an
//! error that names it. Nothing here is global: whoever needs a setting is handed the section that it is in.
//! `schema/transom.toml` shows every key with its default and is compared with this file by a test.

mod acme;
mod diagnostics;
mod diagnostics_s3;
mod effective;
mod enrollment;
mod enrollment_limits;
mod events;
mod folder;
mod inventory;
mod load;
mod people;
mod policy;
mod provisioning;
mod proxy;
mod push;
mod schedule;
mod sign_in;
mod telemetry;
mod trust;
mod values;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

pub use acme::{Acme, AcmeKey};
pub use diagnostics::Diagnostics;
pub use diagnostics_s3::DiagnosticsS3;
pub use effective::{Effective, effective};
pub use enrollment::{Enrollment, PollSet};
pub use enrollment_limits::{BuildLimit, Editions, EnrollmentLimits, version_numbers};
pub use events::{Events, Webhooks};
pub use folder::DataFolder;
pub use inventory::Inventory;
pub use load::{Error, Origin, load, load_with_origins, resolve, resolve_with_origins};
pub use people::{People, PeopleOpenId};
pub use policy::Policy;
pub use provisioning::Provisioning;
pub use proxy::{HeaderName, Network, Proxy};
pub use push::{Push, TokenForm};
pub use schedule::Schedule;
pub use sign_in::{CertificateSignIn, Entra, OpenId, SecretText};
pub use telemetry::{Sampling, Telemetry, pairs as header_pairs};
pub use trust::Trust;
pub(crate) use values::duration::{format as format_duration, parse as parse_duration};
pub use values::{DatabaseUrl, Host};

/// The settings file with every key, its default and what it is for.
pub const TEMPLATE: &str = include_str!("../../schema/transom.toml");

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Name or address under which devices reach the device door.
    pub host: Host,
    /// Where the data is kept.
    pub database: DatabaseUrl,
    /// What both doors have in common.
    pub server: Server,
    /// The door that devices knock at.
    pub device_door: DeviceDoor,
    /// A certificate for the public name from an ACME server.
    pub acme: Acme,
    /// The door for people and their scripts.
    pub admin_door: AdminDoor,
    /// The OMA-DM session.
    pub session: Session,
    /// Delivery of commands.
    pub queue: Queue,
    /// What an enrolled device is told.
    pub enrollment: Enrollment,
    /// Who and what may enroll, and how often one may try.
    pub enrollment_limits: EnrollmentLimits,
    /// Proxies in front of the doors.
    pub proxy: Proxy,
    /// What proves who sends a message.
    pub trust: Trust,
    /// When enrolled devices come by themselves.
    pub schedule: Schedule,
    /// Waking devices.
    pub push: Push,
    /// What happened, kept for programs that read it.
    pub events: Events,
    /// Receivers that events are sent to.
    pub webhooks: Webhooks,
    /// Knowing devices.
    pub inventory: Inventory,
    /// Bringing policies to devices.
    pub policy: Policy,
    /// What a device is to have before a person begins to work with it.
    pub provisioning: Provisioning,
    /// Archives that devices are asked for.
    pub diagnostics: Diagnostics,
    /// A bucket that they are kept in.
    pub diagnostics_s3: DiagnosticsS3,
    /// What was said, kept for reading.
    pub journal: Journal,
    /// Federated sign-in with an OpenID Connect provider.
    pub openid: OpenId,
    /// Entra ID: join and work account.
    pub entra: Entra,
    /// Sign-in with a certificate from a provisioning package.
    pub certificate_sign_in: CertificateSignIn,
    /// The people who run the server.
    pub people: People,
    /// Where they sign in.
    pub people_openid: PeopleOpenId,
    /// The log on standard error.
    pub log: Log,
    /// Spans for a collector.
    pub telemetry: Telemetry,
}

/// What both doors have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Threads that serve devices; 0 for one per processor.
    pub workers: usize,
    /// How long a stop waits for requests that are running.
    #[serde(with = "values::duration")]
    pub stop_grace: Duration,
}

/// The door that devices knock at: TLS, never a client's word believed before it is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeviceDoor {
    /// Address and port to listen on; port 0 takes any free one.
    pub addr: SocketAddr,
    /// PEM file of the server certificate and its intermediates, relative to the data folder.
    pub certificate: PathBuf,
    /// PEM file of its private key, relative to the data folder.
    pub key: PathBuf,
    /// Largest body that is read, in bytes.
    #[serde(with = "values::size")]
    pub body_limit: usize,
    /// Bytes of all bodies that are held at once.
    #[serde(with = "values::size")]
    pub body_memory: usize,
    /// How long a TLS handshake may take.
    #[serde(with = "values::duration")]
    pub handshake_timeout: Duration,
    /// How long the head of a request may take.
    #[serde(with = "values::duration")]
    pub head_timeout: Duration,
    /// How long the body of a request may take, from its first byte to its last.
    #[serde(with = "values::duration")]
    pub body_timeout: Duration,
    /// How long a client may take to receive a reply.
    #[serde(with = "values::duration")]
    pub write_timeout: Duration,
    /// How long an idle connection is kept open.
    #[serde(with = "values::duration")]
    pub keep_alive: Duration,
    /// How long deciding on a message may take before the device is asked to come back.
    #[serde(with = "values::duration")]
    pub answer_timeout: Duration,
    /// What a device is told to wait when it comes at a bad time.
    #[serde(with = "values::duration")]
    pub retry_after: Duration,
    /// Up to so much longer by chance, so that those who are sent away together do not come back together.
    #[serde(with = "values::duration")]
    pub retry_spread: Duration,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address (of one /64 with IPv6).
    pub max_connections_per_peer: usize,
    /// Messages that are decided on at once.
    pub max_in_flight: usize,
    /// Requests a second of everybody; 0 for no limit.
    pub rate: u32,
    /// Requests of everybody that may come at once above the rate.
    pub burst: u32,
    /// Connections and requests a second of one address; 0 for no limit.
    pub peer_rate: u32,
    /// The same, at once above the rate.
    pub peer_burst: u32,
    /// Messages a second of one device; 0 for no limit.
    pub device_rate: u32,
    /// Messages of one device that may come at once above the rate.
    pub device_burst: u32,
}

/// The door for people and their scripts. It shares no route with the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminDoor {
    /// Address and port to listen on; port 0 takes any free one.
    pub addr: SocketAddr,
    /// PEM file of a server certificate, relative to the data folder; empty for plain HTTP.
    pub certificate: PathBuf,
    /// PEM file of its private key, relative to the data folder.
    pub key: PathBuf,
    /// Plain HTTP on an address that others can reach, for a proxy that speaks TLS in front.
    pub allow_plain_http: bool,
    /// Largest body that is read, in bytes.
    #[serde(with = "values::size")]
    pub body_limit: usize,
    /// How long the body of a request may take, and how long it may pause.
    #[serde(with = "values::duration")]
    pub body_timeout: Duration,
    /// Bytes of a body that earn it a second more.
    #[serde(with = "values::size")]
    pub body_rate: usize,
    /// Open connections.
    pub max_connections: usize,
    /// Open connections of one address (of one /64 with IPv6).
    pub max_connections_per_peer: usize,
}

/// The OMA-DM session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// Messages in one session; after that nothing more is offered in it.
    pub max_messages: u32,
    /// How long nothing may be heard in a session before it counts as over.
    #[serde(with = "values::duration")]
    pub timeout: Duration,
    /// Largest message that is sent, unless the device allows less, in bytes.
    #[serde(with = "values::size")]
    pub package_bytes: usize,
    /// Most commands in one message.
    pub package_commands: usize,
    /// Largest value that a device may send in pieces, in bytes.
    #[serde(with = "values::size")]
    pub upload_bytes: usize,
    /// Bytes of pieces that are kept of one device.
    #[serde(with = "values::size")]
    pub device_upload_bytes: usize,
    /// Bytes of pieces that are kept of all devices together.
    #[serde(with = "values::size")]
    pub all_upload_bytes: usize,
    /// How long a value may take from its first piece to its last.
    #[serde(with = "values::duration")]
    pub upload_timeout: Duration,
}

/// Delivery of commands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// How often a command is sent without an answer before it is set aside.
    pub max_attempts: u32,
    /// How long a command that was accepted may take to report its end.
    #[serde(with = "values::duration")]
    pub accepted_timeout: Duration,
    /// How long an action that a device has taken on may go without a word of its end.
    #[serde(with = "values::duration")]
    pub action_timeout: Duration,
    /// Commands are held against the catalogue of settings; what it says can't work is refused.
    pub check_settings: bool,
}

/// What was said, kept for reading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// Older entries are deleted.
    #[serde(with = "values::duration")]
    pub max_age: Duration,
    /// The oldest entries are deleted above this, in bytes.
    #[serde(with = "values::size")]
    pub max_bytes: usize,
    /// What is kept of a check-in in which nothing happened.
    pub idle: IdleJournal,
}

/// What the journal keeps of a check-in in which nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleJournal {
    /// Its messages, like those of any other session.
    Full,
    /// That the last one took place, and how many there were.
    Counters,
}

/// The log on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,transom::http=debug`.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Server {
    fn default() -> Self {
        Self { workers: 0, stop_grace: seconds(25) }
    }
}

impl Default for DeviceDoor {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([0, 0, 0, 0], 8443)),
            certificate: PathBuf::from("server.pem"),
            key: PathBuf::from("server.key"),
            body_limit: 2 * MIB,
            body_memory: 16 * MIB,
            handshake_timeout: seconds(5),
            head_timeout: seconds(5),
            body_timeout: seconds(20),
            write_timeout: seconds(30),
            keep_alive: seconds(30),
            answer_timeout: seconds(30),
            retry_after: seconds(30),
            retry_spread: seconds(60),
            max_connections: 10_000,
            max_connections_per_peer: 1_000,
            max_in_flight: 256,
            rate: 10_000,
            burst: 20_000,
            peer_rate: 2_000,
            peer_burst: 4_000,
            device_rate: 10,
            device_burst: 200,
        }
    }
}

impl Default for AdminDoor {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 8080)),
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            allow_plain_http: false,
            body_limit: 8 * MIB,
            body_timeout: seconds(20),
            body_rate: 16 * 1024,
            max_connections: 1_000,
            max_connections_per_peer: 100,
        }
    }
}

impl Default for Session {
    fn default() -> Self {
        Self {
            max_messages: 100,
            timeout: seconds(30 * 60),
            package_bytes: 256 * 1024,
            package_commands: 100,
            upload_bytes: 4 * MIB,
            device_upload_bytes: 8 * MIB,
            all_upload_bytes: 256 * MIB,
            upload_timeout: seconds(30 * 60),
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            accepted_timeout: seconds(DAY),
            action_timeout: seconds(14 * DAY),
            check_settings: true,
        }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { max_age: seconds(30 * DAY), max_bytes: 1024 * MIB, idle: IdleJournal::Full }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

impl AdminDoor {
    /// Whether the door speaks TLS.
    pub fn has_tls(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    /// Whether the door would show tokens to a network in clear, without having been told to.
    pub fn is_exposed(&self) -> bool {
        !self.addr.ip().is_loopback() && !self.has_tls() && !self.allow_plain_http
    }
}

/// The settings file of a new installation: its own values, and every default as a comment, so that a later release
/// may improve it.
pub fn initial_file(host: &Host, database: &DatabaseUrl) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some(("host", _)) => format!("host = {}\n", toml::Value::String(host.to_string())),
        Some(("database", _)) => format!("database = {}\n", toml::Value::String(database.reveal())),
        Some((key, _)) if !key.starts_with('#') => format!("#{line}\n"),
        _ => format!("{line}\n"),
    };
    TEMPLATE.lines().map(line).collect()
}

const MIB: usize = 1024 * 1024;
pub(super) const DAY: u64 = 24 * 60 * 60;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_file_shows_every_key_with_its_default() {
        let shown: toml::Table = TEMPLATE.parse().unwrap();
        let defaults = toml::Table::try_from(Settings::default()).unwrap();
        assert_eq!(keys(&shown), keys(&defaults));
        let read: Settings = toml::from_str(TEMPLATE).unwrap();
        assert_eq!(read, Settings::default());
    }

    #[test]
    fn every_key_of_the_settings_file_is_explained() {
        let mut explained = false;
        for line in TEMPLATE.lines() {
            let is_key = line.contains(" = ") && !line.starts_with('#');
            assert!(!is_key || explained, "no comment above: {line}");
            explained = line.starts_with('#');
        }
    }

    #[test]
    fn the_file_of_a_new_installation_sets_only_what_is_its_own() {
        let host: Host = "mdm.example.test".parse().unwrap();
        let database: DatabaseUrl = "postgres://transom:a\"b@db/mdm".parse().unwrap();
        let file = initial_file(&host, &database);
        let read = resolve(Some((PathBuf::from("transom.toml"), &file)), [], &[]).unwrap();
        assert_eq!(read, Settings { host, database, ..Settings::default() });
        let set: toml::Table = file.parse().unwrap();
        let set: Vec<String> = keys(&set);
        assert_eq!(set, ["database", "host"]);
    }

    fn keys(table: &toml::Table) -> Vec<String> {
        let mut keys: Vec<String> = table
            .iter()
            .flat_map(|(key, value)| match value {
                toml::Value::Table(inner) => inner.keys().map(|leaf| format!("{key}.{leaf}")).collect(),
                _ => vec![key.clone()],
            })
            .collect();
        keys.sort();
        keys
    }
}
