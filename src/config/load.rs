//! Putting settings together: defaults, file, environment, flags.

use std::{fmt, path::PathBuf};

use toml::{Table, Value};

use super::{DataFolder, Settings};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The settings file.
    File(PathBuf),
    /// A variable of the environment, by its name.
    Environment(String),
    /// A flag of the command line.
    Flag,
}

/// Why settings could not be put together. No message repeats the database URL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file could not be read.
    #[error("can't read the settings file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}, line {line}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// There is no such setting.
    #[error("{origin}: there is no setting {key}")]
    UnknownKey {
        /// Section and key, or the variable.
        key: String,
        /// Where it was found.
        origin: Origin,
        /// The setting that was perhaps meant.
        nearest: Option<String>,
    },
    /// A value does not fit.
    #[error("{origin}: {key}: {message}")]
    Value {
        /// Section and key.
        key: String,
        /// Where the value came from.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
}

/// Settings of an installation: its file, the environment, and flags given as pairs of a dotted key and a value.
pub fn load(
    folder: &DataFolder,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<Settings, Error> {
    load_with_origins(folder, environment, flags).map(|(settings, _)| settings)
}

/// The same, and where each value that somebody has set came from; of several the last counts.
pub fn load_with_origins(
    folder: &DataFolder,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<(Settings, Vec<(String, Origin)>), Error> {
    let path = folder.settings();
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    resolve_with_origins(Some((path, &text)), environment, flags)
}

/// The same from a text that was read already.
pub fn resolve(
    file: Option<(PathBuf, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<Settings, Error> {
    resolve_with_origins(file, environment, flags).map(|(settings, _)| settings)
}

/// The same, and where each value that somebody has set came from; of several the last counts.
pub fn resolve_with_origins(
    file: Option<(PathBuf, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(&str, String)],
) -> Result<(Settings, Vec<(String, Origin)>), Error> {
    let mut layers = Layers::over_defaults();
    if let Some((path, text)) = file {
        layers.add_file(path, text)?;
    }
    // In a fixed order, so that the first error is always the same.
    let mut environment: Vec<_> = environment.into_iter().collect();
    environment.sort();
    for (name, value) in environment {
        layers.add_variable(&name, &value)?;
    }
    for (key, value) in flags {
        layers.add_text(key, value, Origin::Flag)?;
    }
    layers.finish()
}

impl Error {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("make an installation with: transom init --data DIR --host NAME".to_owned())
            }
            Self::UnknownKey { nearest: Some(nearest), .. } => Some(format!("did you mean {nearest}?")),
            Self::UnknownKey { .. } => {
                Some("schema/transom.toml lists every setting; see also: transom serve --help".to_owned())
            }
            Self::Read { .. } | Self::Syntax { .. } | Self::Value { .. } => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Environment(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// Values put over the defaults, and where each came from.
struct Layers {
    values: Table,
    origins: Vec<(String, Origin)>,
}

const PREFIX: &str = "TRANSOM_";

/// What is said of attributes that can't be any.
const NO_ATTRIBUTES: &str = "are names of docs/inventory.md below user, each once, such as department or department=ou";

impl Layers {
    fn over_defaults() -> Self {
        #[expect(clippy::expect_used, reason = "a test holds every default against the settings file")]
        let values = Table::try_from(Settings::default()).expect("defaults are plain values");
        Self { values, origins: Vec::new() }
    }

    fn add_file(&mut self, path: PathBuf, text: &str) -> Result<(), Error> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            // The error's own rendering shows the line, and the line may hold a password.
            Error::Syntax {
                path: path.clone(),
                line: before.matches('\n').count() + 1,
                message: error.message().to_owned(),
            }
        })?;
        let origin = Origin::File(path);
        for (key, value) in table {
            match (value, self.values.get(&key)) {
                (Value::Table(section), Some(Value::Table(_))) => {
                    for (leaf, value) in section {
                        self.put(&format!("{key}.{leaf}"), value, origin.clone())?;
                    }
                }
                (_, Some(Value::Table(_))) => {
                    let message = format!("is a section, written as [{key}]");
                    return Err(Error::Value { key, origin, message });
                }
                (value, _) => self.put(&key, value, origin.clone())?,
            }
        }
        Ok(())
    }

    fn add_variable(&mut self, name: &str, value: &str) -> Result<(), Error> {
        if !name.starts_with(PREFIX) || is_not_a_setting(name) {
            return Ok(());
        }
        let keys = self.keys();
        let Some(key) = keys.iter().find(|key| variable(key) == name) else {
            let nearest = nearest(name, keys.iter().map(|key| variable(key)));
            return Err(Error::UnknownKey {
                key: name.to_owned(),
                origin: Origin::Environment("environment".to_owned()),
                nearest,
            });
        };
        self.add_text(key, value, Origin::Environment(name.to_owned()))
    }

    /// Takes a text for what the default at its place is.
    fn add_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), Error> {
        let wrong =
            |message: &str| Error::Value { key: key.to_owned(), origin: origin.clone(), message: message.into() };
        let value = match self.at(key) {
            Some(Value::Integer(_)) => Value::Integer(text.parse().map_err(|_| wrong("must be a whole number"))?),
            Some(Value::Float(_)) => Value::Float(text.parse().map_err(|_| wrong("must be a number"))?),
            Some(Value::Boolean(_)) => Value::Boolean(text.parse().map_err(|_| wrong("must be true or false"))?),
            _ => Value::String(text.to_owned()),
        };
        self.put(key, value, origin)
    }

    fn put(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), Error> {
        let slot = match key.split_once('.') {
            Some((section, leaf)) => {
                self.values.get_mut(section).and_then(Value::as_table_mut).and_then(|section| section.get_mut(leaf))
            }
            None => self.values.get_mut(key),
        };
        let Some(slot) = slot else {
            let nearest = nearest(key, self.keys().into_iter());
            return Err(Error::UnknownKey { key: key.to_owned(), origin, nearest });
        };
        *slot = value;
        self.origins.push((key.to_owned(), origin));
        Ok(())
    }

    fn at(&self, key: &str) -> Option<&Value> {
        match key.split_once('.') {
            Some((section, leaf)) => self.values.get(section)?.as_table()?.get(leaf),
            None => self.values.get(key),
        }
    }

    fn keys(&self) -> Vec<String> {
        let leaves = |(key, value): (&String, &Value)| match value {
            Value::Table(section) => section.keys().map(|leaf| format!("{key}.{leaf}")).collect(),
            _ => vec![key.clone()],
        };
        self.values.iter().flat_map(leaves).collect()
    }

    fn finish(self) -> Result<(Settings, Vec<(String, Origin)>), Error> {
        let origin_of = |key: &str| {
            let set = self.origins.iter().rev().find(|(set, _)| set == key);
            set.map_or(Origin::Flag, |(_, origin)| origin.clone())
        };
        let settings: Settings = serde_path_to_error::deserialize(self.values.clone()).map_err(|error| {
            let key = error.path().to_string();
            Error::Value { origin: origin_of(&key), message: error.inner().message().trim().to_owned(), key }
        })?;
        match unfit(&settings) {
            Some((key, message)) => {
                Err(Error::Value { key: key.to_owned(), origin: origin_of(key), message: message.to_owned() })
            }
            None => Ok((settings, self.origins)),
        }
    }
}

/// The variable for a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Variables that start alike and mean something else: the command line's own, and those that container platforms
/// inject for a service named `transom`.
fn is_not_a_setting(name: &str) -> bool {
    [
        "TRANSOM_DATA",
        "TRANSOM_SERVER",
        "TRANSOM_TOKEN",
        "TRANSOM_CA_PASSPHRASE",
        "TRANSOM_BACKUP_PASSPHRASE",
        "TRANSOM_PORT",
    ]
    .contains(&name)
        || name.starts_with("TRANSOM_PORT_")
        || name.starts_with("TRANSOM_SERVICE_")
}

/// The known name that was perhaps meant; compared with section and without, because sections are forgotten.
fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let leaf = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = |known: &str| {
        let whole = strsim::normalized_damerau_levenshtein(name, known);
        whole.max(strsim::normalized_damerau_levenshtein(&leaf(name), &leaf(known)) - 0.05)
    };
    let best = known.map(|known| (alike(&known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.6).map(|(_, known)| known)
}

/// The first setting that no server could work with, and why.
fn unfit(settings: &Settings) -> Option<(&'static str, &'static str)> {
    let (device, admin, session) = (&settings.device_door, &settings.admin_door, &settings.session);
    let one_file_of_two = admin.certificate.as_os_str().is_empty() != admin.key.as_os_str().is_empty();
    let (openid, entra) = (&settings.openid, &settings.entra);
    let two_secrets = !openid.client_secret.is_empty() && !openid.client_secret_file.as_os_str().is_empty();
    let zero = "must not be 0";
    let rules = [
        ("device_door.body_limit", device.body_limit < 16 * 1024, "must be at least 16KiB"),
        ("device_door.body_memory", device.body_memory / 2 < device.body_limit, "must be at least twice body_limit"),
        ("device_door.handshake_timeout", device.handshake_timeout.is_zero(), zero),
        ("device_door.head_timeout", device.head_timeout.as_millis() < 1000, "must be at least 1s"),
        ("device_door.body_timeout", device.body_timeout.is_zero(), zero),
        ("device_door.write_timeout", device.write_timeout.is_zero(), zero),
        ("device_door.keep_alive", device.keep_alive.as_millis() < 1000, "must be at least 1s"),
        ("device_door.answer_timeout", device.answer_timeout.is_zero(), zero),
        ("device_door.max_connections", device.max_connections == 0, zero),
        ("device_door.max_connections_per_peer", device.max_connections_per_peer == 0, zero),
        ("device_door.max_in_flight", device.max_in_flight == 0, zero),
        ("admin_door.key", one_file_of_two, "certificate and key belong together"),
        ("admin_door.body_timeout", admin.body_timeout.is_zero(), zero),
        ("admin_door.body_rate", admin.body_rate == 0, zero),
        ("admin_door.max_connections", admin.max_connections == 0, zero),
        ("admin_door.max_connections_per_peer", admin.max_connections_per_peer == 0, zero),
        ("server.workers", settings.server.workers > 512, "must be at most 512"),
        ("session.max_messages", session.max_messages == 0, zero),
        ("session.package_bytes", session.package_bytes < 4 * 1024, "must be at least 4KiB"),
        ("session.package_commands", session.package_commands == 0, zero),
        ("queue.max_attempts", settings.queue.max_attempts == 0, zero),
        (
            "openid.client_id",
            openid.is_configured() && openid.client_id.is_empty(),
            "is missing: the provider gives one",
        ),
        ("openid.client_secret_file", two_secrets, "is set together with client_secret; one of the two is enough"),
        ("openid.user_claim", openid.user_claim.is_empty(), "must not be empty"),
        ("openid.attributes", openid.attribute_claims().is_none(), NO_ATTRIBUTES),
        ("entra.attributes", entra.attribute_claims().is_none(), NO_ATTRIBUTES),
        (
            "entra.audiences",
            entra.is_configured() && entra.audiences.is_empty(),
            "is missing: who are tokens made for?",
        ),
        ("entra.issuers", entra.is_configured() && entra.issuers.is_empty(), "must not be empty"),
    ];
    let broken = rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message));
    broken
        .or_else(|| settings.enrollment_limits.unfit())
        .or_else(|| settings.acme.unfit())
        .or_else(|| settings.people_openid.unfit(&settings.people.address))
        .or_else(|| settings.schedule.unfit())
        .or_else(|| settings.push.unfit())
        .or_else(|| settings.events.unfit())
        .or_else(|| settings.webhooks.unfit())
        .or_else(|| settings.inventory.unfit())
        .or_else(|| settings.policy.unfit())
        .or_else(|| settings.provisioning.unfit())
        .or_else(|| settings.diagnostics.unfit())
        .or_else(|| settings.diagnostics_s3.unfit())
        .or_else(|| settings.telemetry.unfit())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with_file(text: &str) -> Result<Settings, Error> {
        resolve(Some((PathBuf::from("transom.toml"), text)), [], &[])
    }

    fn with_variable(name: &str, value: &str) -> Result<Settings, Error> {
        resolve(None, [(name.to_owned(), value.to_owned())], &[])
    }

    #[test]
    fn the_later_wins_defaults_file_environment_flags() {
        let file = "[device_door]\nkeep_alive = \"1m\"\nhead_timeout = \"2s\"\naddr = \"127.0.0.1:1\"";
        let environment = [
            ("TRANSOM_DEVICE_DOOR_HEAD_TIMEOUT".to_owned(), "3s".to_owned()),
            ("TRANSOM_DEVICE_DOOR_ADDR".to_owned(), "127.0.0.1:2".to_owned()),
        ];
        let flags = [("device_door.addr", "127.0.0.1:3".to_owned())];
        let door = resolve(Some((PathBuf::from("f"), file)), environment, &flags).unwrap().device_door;
        assert_eq!(door.body_timeout, Duration::from_secs(20));
        assert_eq!(door.keep_alive, Duration::from_secs(60));
        assert_eq!(door.head_timeout, Duration::from_secs(3));
        assert_eq!(door.addr.port(), 3);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_origin_and_the_nearest_known_one() {
        let error = with_file("[device_door]\nbody_limt = \"1MiB\"").unwrap_err();
        assert_eq!(error.to_string(), "transom.toml: there is no setting device_door.body_limt");
        assert_eq!(error.hint().unwrap(), "did you mean device_door.body_limit?");
        let error = with_file("keep_alive = \"1m\"").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean device_door.keep_alive?");
        let error = with_variable("TRANSOM_HOTS", "x").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean TRANSOM_HOST?");
        assert!(matches!(with_file("[colours]\nx = 1"), Err(Error::UnknownKey { key, .. }) if key == "colours"));
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for name in ["TRANSOM_DATA", "TRANSOM_PORT_8443_TCP_ADDR", "TRANSOM_SERVICE_HOST", "HOME"] {
            assert!(with_variable(name, "x").is_ok(), "{name}");
        }
    }

    #[test]
    fn values_of_the_environment_are_taken_for_what_the_setting_is() {
        assert_eq!(with_variable("TRANSOM_SESSION_MAX_MESSAGES", "7").unwrap().session.max_messages, 7);
        assert!(with_variable("TRANSOM_ADMIN_DOOR_ALLOW_PLAIN_HTTP", "true").unwrap().admin_door.allow_plain_http);
        let error = with_variable("TRANSOM_SESSION_MAX_MESSAGES", "many").unwrap_err();
        assert_eq!(error.to_string(), "TRANSOM_SESSION_MAX_MESSAGES: session.max_messages: must be a whole number");
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_origin() {
        let error = with_file("[device_door]\nkeep_alive = \"soon\"").unwrap_err().to_string();
        assert!(error.starts_with("transom.toml: device_door.keep_alive: \"soon\" is not a duration"), "{error}");
        let error = with_variable("TRANSOM_DEVICE_DOOR_ADDR", "here").unwrap_err().to_string();
        assert!(error.starts_with("TRANSOM_DEVICE_DOOR_ADDR: device_door.addr: "), "{error}");
        let error = with_file("[device_door]\nbody_memory = \"3MiB\"").unwrap_err().to_string();
        assert_eq!(error, "transom.toml: device_door.body_memory: must be at least twice body_limit");
        let error = with_file("device_door = 3").unwrap_err().to_string();
        assert_eq!(error, "transom.toml: device_door: is a section, written as [device_door]");
    }

    #[test]
    fn no_error_shows_the_password_of_the_database() {
        for text in [
            "database = \"postgre://transom:hunter2@db/mdm\"",
            "database = \"postgres://transom:hunter2@db/mdm",
            "database = \"postgres://transom:hunter2@db/mdm\"\nhost = 5",
        ] {
            let error = with_file(text).unwrap_err();
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
        assert!(matches!(with_file("host = \"x\"\nport ="), Err(Error::Syntax { line: 2, .. })));
    }
}
