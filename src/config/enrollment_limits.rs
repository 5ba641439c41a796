//! Who and what may enroll, and how often one may try: `[enrollment_limits]`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{seconds, values};

/// Who and what may enroll, and how often one may try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EnrollmentLimits {
    /// Devices that one user may have enrolled; 0 for no limit. Bulk accounts are exempt, and an account may have a
    /// number of its own.
    pub devices_per_user: u32,
    /// The oldest Windows that may enroll.
    pub minimum_build: BuildLimit,
    /// The newest Windows that may enroll.
    pub maximum_build: BuildLimit,
    /// Editions that may enroll; empty for all.
    pub allowed_editions: Editions,
    /// Device types that may enroll, as the device names them; empty for all.
    #[serde(with = "values::list")]
    pub device_types: Vec<String>,
    /// Whether only devices may enroll that were declared before.
    pub only_declared: bool,
    /// Failed attempts of one account before it is locked.
    pub attempts_per_account: u32,
    /// Failed attempts from one address (one /64 with IPv6) before it is locked.
    pub attempts_per_address: u32,
    /// A failed attempt is forgiven after each such span without another.
    #[serde(with = "values::duration")]
    pub forgive_every: Duration,
    /// How long the first lock lasts; each further failure doubles it.
    #[serde(with = "values::duration")]
    pub lockout: Duration,
    /// How long a lock lasts at most.
    #[serde(with = "values::duration")]
    pub max_lockout: Duration,
    /// Attempts that are kept for reading; the oldest go first. The age is that of the journal.
    pub attempts_kept: u32,
}

/// A build of Windows as a limit, such as `10.0.22621` or `10.0.19045.3803`; a bare `19045` is `10.0.19045`. Empty for
/// none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildLimit(Option<Vec<u32>>);

/// Editions of Windows, by name or by the number that Windows gives them (`GetProductInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Editions(Vec<(String, Vec<u32>)>);

/// Names of editions, and the numbers that Windows has for them and their N variants.
const NAMES: &[(&str, &[u32])] = &[
    ("home", &[98, 99, 100, 101]),
    ("pro", &[48, 49, 138, 139]),
    ("pro-education", &[164, 165]),
    ("pro-workstation", &[161, 162]),
    ("education", &[121, 122]),
    ("enterprise", &[4, 27, 70, 72, 84, 140, 141]),
    ("enterprise-ltsc", &[125, 126, 129, 130]),
    ("enterprise-multi-session", &[175]),
    ("iot-enterprise", &[188, 191]),
    ("se", &[202, 203]),
    ("team", &[119]),
    ("holographic", &[135, 136]),
];

impl Default for EnrollmentLimits {
    fn default() -> Self {
        Self {
            devices_per_user: 15,
            minimum_build: BuildLimit::default(),
            maximum_build: BuildLimit::default(),
            allowed_editions: Editions::default(),
            device_types: Vec::new(),
            only_declared: false,
            attempts_per_account: 5,
            attempts_per_address: 50,
            forgive_every: seconds(10 * 60),
            lockout: seconds(60),
            max_lockout: seconds(60 * 60),
            attempts_kept: 100_000,
        }
    }
}

impl EnrollmentLimits {
    /// The first setting that no server could work with, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let zero = "must not be 0";
        let crossed = match (&self.minimum_build.0, &self.maximum_build.0) {
            (Some(minimum), Some(maximum)) => !is_at_most(minimum, maximum),
            _ => false,
        };
        let rules = [
            ("enrollment_limits.attempts_per_account", self.attempts_per_account == 0, zero),
            ("enrollment_limits.attempts_per_address", self.attempts_per_address == 0, zero),
            ("enrollment_limits.forgive_every", self.forgive_every.as_millis() == 0, zero),
            ("enrollment_limits.lockout", self.lockout.as_millis() == 0, zero),
            ("enrollment_limits.max_lockout", self.max_lockout < self.lockout, "must be at least lockout"),
            ("enrollment_limits.attempts_kept", self.attempts_kept == 0, zero),
            ("enrollment_limits.maximum_build", crossed, "must be at least minimum_build"),
        ];
        rules.into_iter().find(|(_, broken, _)| *broken).map(|(key, _, message)| (key, message))
    }
}

impl BuildLimit {
    /// Whether there is one.
    pub const fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a build is this one or newer.
    pub fn is_reached_by(&self, version: &[u32]) -> bool {
        self.0.as_ref().is_none_or(|limit| !is_below(version, limit))
    }

    /// Whether a build is this one, a revision of it, or older.
    pub fn is_not_passed_by(&self, version: &[u32]) -> bool {
        self.0.as_ref().is_none_or(|limit| is_at_most(version, limit))
    }
}

/// The numbers of a version such as `10.0.22621.1`, when it is one.
pub fn version_numbers(text: &str) -> Option<Vec<u32>> {
    let numbers: Option<Vec<u32>> = text.trim().split('.').map(number).collect();
    numbers.filter(|numbers| (1..=4).contains(&numbers.len()))
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn is_below(version: &[u32], limit: &[u32]) -> bool {
    let padded = (0..limit.len().max(version.len())).map(|place| version.get(place).copied().unwrap_or(0));
    padded.lt((0..limit.len().max(version.len())).map(|place| limit.get(place).copied().unwrap_or(0)))
}

/// A limit that says nothing of the revision allows every revision.
fn is_at_most(version: &[u32], limit: &[u32]) -> bool {
    !is_below(limit, version.get(..limit.len()).unwrap_or(version))
}

impl FromStr for BuildLimit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self(None));
        }
        let wrong = "not a build of Windows: write one such as 10.0.22621, 10.0.19045.3803 or 19045";
        let mut numbers = version_numbers(text).ok_or(wrong)?;
        if let [build] = numbers[..] {
            numbers = vec![10, 0, build];
        }
        if numbers.len() < 3 { Err(wrong) } else { Ok(Self(Some(numbers))) }
    }
}

impl fmt::Display for BuildLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().flatten().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

impl Serialize for BuildLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BuildLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Editions {
    /// From names and numbers.
    pub fn of(words: &[String]) -> Result<Self, String> {
        words.iter().map(|word| Ok((word.clone(), edition(word)?))).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all are allowed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this one is among them.
    pub fn contains(&self, edition: u32) -> bool {
        self.0.iter().any(|(_, numbers)| numbers.contains(&edition))
    }

    /// The name of an edition, where it has one here.
    pub fn name(edition: u32) -> Option<&'static str> {
        NAMES.iter().find(|(_, numbers)| numbers.contains(&edition)).map(|(name, _)| *name)
    }
}

fn edition(word: &str) -> Result<Vec<u32>, String> {
    if let Some(number) = number(word) {
        return Ok(vec![number]);
    }
    let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    named.map(|(_, numbers)| numbers.to_vec()).ok_or_else(|| {
        let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        format!("{word:?} is no edition; write its number, or one of {}", known.join(", "))
    })
}

impl fmt::Display for Editions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| word.as_str()).collect();
        f.write_str(&words.join(", "))
    }
}

impl Serialize for Editions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|(word, _)| word))
    }
}

impl<'de> Deserialize<'de> for Editions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(&values::list::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(text: &str) -> BuildLimit {
        text.parse().unwrap()
    }

    fn version(text: &str) -> Vec<u32> {
        version_numbers(text).unwrap()
    }

    #[test]
    fn a_build_is_compared_number_by_number() {
        for (least, reached) in [
            ("", "6.1.7601"),
            ("19045", "10.0.19045"),
            ("10.0.19045", "10.0.19045.1"),
            ("10.0.19045.3803", "10.0.19045.3803"),
            ("10.0.9999", "10.0.10240"),
            ("10.0.22621", "11.0.1"),
        ] {
            assert!(limit(least).is_reached_by(&version(reached)), "{reached} reaches {least}");
        }
        for (least, below) in [("19045", "10.0.19044.9999"), ("10.0.19045.3803", "10.0.19045"), ("22621", "10.0.9999")]
        {
            assert!(!limit(least).is_reached_by(&version(below)), "{below} is below {least}");
        }
        for (most, fits) in [("", "99.0"), ("22631", "10.0.22631.9999"), ("10.0.22631.5", "10.0.22631.5")] {
            assert!(limit(most).is_not_passed_by(&version(fits)), "{fits} is at most {most}");
        }
        for (most, above) in [("22631", "10.0.26100"), ("10.0.22631.5", "10.0.22631.6"), ("22631", "11.0")] {
            assert!(!limit(most).is_not_passed_by(&version(above)), "{above} is above {most}");
        }
    }

    #[test]
    fn what_is_no_build_is_refused() {
        for text in ["11", "10.0", "10.0.x", "10.0.1.2.3", "-1", "10..19045", "+19045.1.1"] {
            let read = text.parse::<BuildLimit>();
            assert!(text == "11" || read.is_err(), "{text} is {read:?}");
        }
        assert_eq!(limit("19045").to_string(), "10.0.19045");
        assert_eq!(limit("").to_string(), "");
    }

    #[test]
    fn an_edition_has_a_name_or_a_number() {
        let editions = Editions::of(&["Enterprise".to_owned(), "48".to_owned()]).unwrap();
        assert!(editions.contains(4) && editions.contains(27) && editions.contains(48));
        assert!(!editions.contains(49) && !editions.contains(101));
        let error = Editions::of(&["ultimate".to_owned()]).unwrap_err();
        assert!(error.starts_with("\"ultimate\" is no edition") && error.contains("home, pro"), "{error}");
        assert_eq!(Editions::name(101), Some("home"));
    }

    #[test]
    fn limits_that_can_not_work_are_refused() {
        let limits = EnrollmentLimits::default();
        assert_eq!(limits.unfit(), None);
        let crossed =
            EnrollmentLimits { minimum_build: limit("22621"), maximum_build: limit("19045"), ..limits.clone() };
        assert_eq!(crossed.unfit().unwrap().0, "enrollment_limits.maximum_build");
        let same = EnrollmentLimits { minimum_build: limit("10.0.22621.5"), maximum_build: limit("22621"), ..limits };
        assert_eq!(same.unfit(), None);
    }
}
