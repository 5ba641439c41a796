//! Values that settings are made of.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use super::DataFolder;

/// The name or address under which devices reach the server, as it stands in its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// A DNS name, lower case.
    Name(String),
    /// An IP address.
    Address(IpAddr),
}

/// Where the data is kept. Neither `Display` nor `Debug` show a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DatabaseUrl {
    /// `sqlite:FILE`, relative to the data folder.
    Sqlite(PathBuf),
    /// `postgres://…`, with whatever it holds.
    Postgres(String),
}

impl Host {
    /// The host as it stands in a URL: IPv6 in brackets.
    pub fn in_url(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(IpAddr::V4(address)) => address.to_string(),
            Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
        }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::Name("localhost".to_owned())
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Ok(Self::Address(address));
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.len() <= 253
            && text.split('.').all(is_label)
            && !text.rsplit('.').next().unwrap_or_default().bytes().all(|byte| byte.is_ascii_digit());
        if is_name {
            Ok(Self::Name(text.to_ascii_lowercase()))
        } else {
            Err("not a host name (letters, digits, hyphens and dots, without scheme or port) or an IP address")
        }
    }
}

impl TryFrom<String> for Host {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl DatabaseUrl {
    /// The URL that the store opens: with its password, and with an absolute path where it is a file.
    pub fn resolve(&self, folder: &DataFolder) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", folder.resolve(file).display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// The URL as it was written, password included: for the settings file and nothing else.
    pub fn reveal(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.display()),
            Self::Postgres(url) => url.clone(),
        }
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("transom.db"))
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    // The text may hold a password, so no error repeats it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = if file.starts_with("///") { file.trim_start_matches("//") } else { file };
            let is_file = !file.is_empty() && !file.starts_with(':') && !file.starts_with("//") && !file.contains('?');
            return if is_file {
                Ok(Self::Sqlite(PathBuf::from(file)))
            } else {
                Err("not a database: write sqlite:FILE, for example sqlite:transom.db")
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err("not a database: write sqlite:FILE or postgres://USER:PASSWORD@SERVER/NAME")
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> Self {
        url.to_string()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => write!(f, "sqlite:{}", file.display()),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                // A password may hold any of `/?@` unescaped, so the last `@` ends it.
                let (user, place) = match rest.rsplit_once('@') {
                    Some((user, place)) => (user.split(':').next(), place),
                    None => (None, rest),
                };
                let place = place.split(['?', '#']).next().unwrap_or_default();
                match user {
                    Some(user) => write!(f, "postgres://{user}@{place}"),
                    None => write!(f, "postgres://{place}"),
                }
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

impl AsRef<Path> for DataFolder {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

/// Durations as `30s`, `10m`, `8h`, `7d`; a day has 24 hours.
pub(super) mod duration {
    use std::time::Duration;

    use jiff::{Span, SpanRelativeTo};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn parse(text: &str) -> Option<Duration> {
        let span: Span = text.parse().ok()?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(length).ok()
    }

    pub(crate) fn format(duration: Duration) -> String {
        let millis = duration.as_millis();
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
        let unit = units.into_iter().find(|(_, length)| millis > 0 && millis.is_multiple_of(*length));
        unit.map_or_else(|| format!("{millis}ms"), |(name, length)| format!("{}{name}", millis / length))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is not a duration such as 30s, 10m, 8h or 7d")))
    }

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*duration))
    }
}

/// Lists as arrays, or as one text with commas or blanks between, which is how the environment has them.
pub(super) mod list {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Array(Vec<String>),
        Text(String),
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        let written = Written::deserialize(deserializer);
        Ok(match written.map_err(|_| D::Error::custom("a list is written as [\"one\", \"another\"]"))? {
            Written::Array(list) => list,
            Written::Text(text) => {
                let words = text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty());
                words.map(str::to_owned).collect()
            }
        })
    }

    pub(crate) fn serialize<S: Serializer>(list: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(list)
    }
}

/// Sizes as `64KiB`, `2MiB`, `1GiB`, or a number of bytes.
pub(super) mod size {
    use bytesize::ByteSize;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Bytes(u64),
        Text(String),
    }

    pub(crate) fn parse(text: &str) -> Option<usize> {
        let size: ByteSize = text.parse().ok()?;
        usize::try_from(size.as_u64()).ok()
    }

    pub(crate) fn format(bytes: usize) -> String {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let unit = units.into_iter().find(|(_, size)| bytes > 0 && bytes.is_multiple_of(*size));
        unit.map_or_else(|| bytes.to_string(), |(name, size)| format!("{}{name}", bytes / size))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
        const WANTED: &str = "a size is written as 64KiB, 2MiB, 1GiB or a number of bytes";
        match Written::deserialize(deserializer).map_err(|_| D::Error::custom(WANTED))? {
            Written::Bytes(bytes) => usize::try_from(bytes).map_err(|_| D::Error::custom(WANTED)),
            Written::Text(text) => parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?}: {WANTED}"))),
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(crate) fn serialize<S: Serializer>(bytes: &usize, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn durations_are_read_and_written_in_their_largest_whole_unit() {
        for (text, millis) in
            [("250ms", 250), ("90s", 90_000), ("10m", 600_000), ("8h", 28_800_000), ("7d", 604_800_000)]
        {
            assert_eq!(duration::parse(text), Some(Duration::from_millis(millis)), "{text}");
            assert_eq!(duration::format(Duration::from_millis(millis)), text);
        }
        assert_eq!(duration::parse("1h 30m"), Some(Duration::from_secs(5400)));
        for text in ["", "30", "-5s", "soon", "1 month"] {
            assert_eq!(duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_written_in_their_largest_whole_unit() {
        for (text, bytes) in [("1000", 1000), ("64KiB", 65_536), ("2MiB", 2_097_152), ("1GiB", 1_073_741_824)] {
            assert_eq!(size::parse(text), Some(bytes), "{text}");
            assert_eq!(size::format(bytes), text);
        }
        assert_eq!(size::parse("2MB"), Some(2_000_000));
        for text in ["", "-1", "much"] {
            assert_eq!(size::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_of_the_database_is_never_shown() {
        let shown = [
            ("postgres://transom:hunter2@db.example.test:5432/mdm", "postgres://transom@db.example.test:5432/mdm"),
            ("postgresql://transom:hunt/er2?@db/mdm?password=hunter2", "postgres://transom@db/mdm"),
            ("postgres://db/mdm?user=transom&password=hunter2", "postgres://db/mdm"),
            ("postgres://transom:hunter2@db/mdm?options=hunter2@x", "postgres://transom@x"),
        ];
        for (written, expected) in shown {
            let url: DatabaseUrl = written.parse().unwrap();
            assert_eq!(url.to_string(), expected);
            assert!(!format!("{url:?}").contains("hunt"));
            assert_eq!(url.resolve(&DataFolder::new("/data")), written);
        }
        let refused = "postgre://transom:hunter2@db/mdm".parse::<DatabaseUrl>().unwrap_err();
        assert!(!refused.contains("hunter2"));
    }

    #[test]
    fn a_database_file_starts_in_the_data_folder() {
        let folder = DataFolder::new("/data");
        assert_eq!("sqlite:transom.db".parse::<DatabaseUrl>().unwrap().resolve(&folder), "sqlite:/data/transom.db");
        assert_eq!("sqlite:///x.db".parse::<DatabaseUrl>().unwrap().resolve(&folder), "sqlite:/x.db");
        assert_eq!("sqlite:/var/x.db".parse::<DatabaseUrl>().unwrap().resolve(&folder), "sqlite:/var/x.db");
        for text in ["transom.db", "sqlite:", "sqlite::memory:", "sqlite://x", "sqlite:x?mode=ro", "mysql://x"] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_more() {
        assert_eq!("MDM.Example.test".parse(), Ok(Host::Name("mdm.example.test".to_owned())));
        assert_eq!("[::1]".parse::<Host>().unwrap().in_url(), "[::1]");
        assert_eq!("192.0.2.7".parse::<Host>().unwrap().in_url(), "192.0.2.7");
        for text in ["", "https://x", "x:8443", "a..b", "-a", "a b", "*.x.test", "1.2.3", "ünï.test"] {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
