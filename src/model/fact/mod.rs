//! Facts of devices: what is known of one, since when, and what could not be read.
//!
//! A fact has a name of the [catalogue](catalogue()) and a value of its type. That a device lacks a node is a fact as
//! well ([`FactValue::Absent`]), and so is a value that is not of its type ([`FactValue::Odd`]). Everything here came
//! from a device and is bounded before it gets here; it is to be escaped where it is shown.

mod catalogue;
mod definition;
mod editions;

pub use catalogue::catalogue;
pub use definition::{Definition, FactKind, Plan, Reading};
pub use editions::edition_name;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::StatusCode;

use super::EnrollmentId;

/// Longest text of a fact or of an item of a list, in characters.
pub const MAX_FACT_TEXT: usize = 256;

/// Most items of a list.
pub const MAX_FACT_ITEMS: usize = 1000;

/// The name of a fact of the catalogue, such as `os.build`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactName(&'static str);

/// What is known under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Which.
    pub name: FactName,
    /// What the device said.
    pub value: FactValue,
    /// When it said so last.
    pub observed_at: Timestamp,
    /// When it first said so, with another value or none before.
    pub changed_at: Timestamp,
    /// The life of the device in which it was observed.
    pub enrollment: EnrollmentId,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactValue {
    /// Text of at most [`MAX_FACT_TEXT`] characters.
    Text(String),
    /// A number, in the unit of the definition.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
    /// A point in time.
    Time(Timestamp),
    /// At most [`MAX_FACT_ITEMS`] texts, sorted, each once.
    List(Vec<String>),
    /// What the device said is not of the fact's type, or too long: the beginning of it, as text. Equal to nothing.
    Odd(String),
    /// The device has no such node (404), does not let it be read (405), does not know it (406), or answered with
    /// another status and no value.
    Absent(StatusCode),
}

/// A build of Windows, as in `10.0.22631.4460`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OsBuild {
    /// The third number: which Windows it is. 22000 and above is Windows 11.
    pub build: u32,
    /// The fourth number: the monthly update. 0 when it is not said.
    pub revision: u32,
}

/// Facts of one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(BTreeMap<FactName, Fact>);

/// Facts whose changes somebody wants to know of. All clones are the same.
#[derive(Debug, Clone, Default)]
pub struct WatchedFacts(Arc<RwLock<Option<BTreeSet<FactName>>>>);

/// A fact that became another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactChange {
    /// When it was observed.
    pub at: Timestamp,
    /// In which life of the device.
    pub enrollment: EnrollmentId,
    /// What became of it.
    pub change: Changed,
}

/// What became of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// It has this value since.
    Value(FactValue),
    /// Items came to a list and went from it.
    Items {
        /// Those that came.
        added: Vec<String>,
        /// Those that went.
        removed: Vec<String>,
    },
}

impl WatchedFacts {
    /// From now on these.
    pub fn set(&self, names: BTreeSet<FactName>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(names);
    }

    /// Whether one of these is among them. Until it is known which they are, every fact may be.
    pub fn concern(&self, names: &[FactName]) -> bool {
        let watched = self.0.read().unwrap_or_else(PoisonError::into_inner);
        names.iter().any(|name| watched.as_ref().is_none_or(|watched| watched.contains(name)))
    }
}

impl FactName {
    /// The build of Windows.
    pub const OS_BUILD: Self = Self("os.build");
    /// The monthly update of Windows.
    pub const OS_REVISION: Self = Self("os.revision");

    /// What operators call a device.
    pub const TAGS: Self = Self("device.tags");
    /// Who is signed in, by the device's own word: `user` (the enrolled one), `others` or `none`.
    pub const USER_LOGIN: Self = Self("user.login");
    /// The name of the person whose device it is.
    pub const USER_NAME: Self = Self("user.name");
    /// The groups that this person is in.
    pub const USER_GROUPS: Self = Self("user.groups");
    /// The configuration service providers, each with its version.
    pub const PROVIDERS: Self = Self("client.providers");
    /// The edition of Windows, as a number.
    pub const OS_EDITION_ID: Self = Self("os.edition_id");

    /// The name that a text is, when the catalogue has it.
    pub fn parse(text: &str) -> Option<Self> {
        catalogue().iter().find(|fact| fact.name == text).map(|fact| Self(fact.name))
    }

    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// Whether it is set here, by operators or by what the directory knows, and devices are never asked. What it is does not
    /// end with a life of a device.
    pub fn is_given(self) -> bool {
        matches!(self.definition().plan, Plan::Given | Plan::Directory)
    }

    /// Every name of [`Self::is_given`].
    pub fn all_given() -> impl Iterator<Item = Self> {
        catalogue().iter().map(Definition::fact_name).filter(|name| name.is_given())
    }

    /// Devices are asked for it.
    pub fn is_asked(self) -> bool {
        !matches!(self.definition().plan, Plan::Given | Plan::Directory | Plan::Told)
    }

    /// What the catalogue says of it.
    pub fn definition(self) -> &'static Definition {
        // A name is made from the catalogue alone.
        catalogue().iter().find(|fact| fact.name == self.0).unwrap_or(&catalogue()[0])
    }
}

impl std::fmt::Display for FactName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl FactValue {
    /// Whether it is a value of the fact's type: neither odd nor absent.
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Odd(_) | Self::Absent(_))
    }
}

impl OsBuild {
    /// The build in a version such as `10.0.22631.4460`; the fourth number may be missing.
    pub fn of_version(version: &str) -> Option<Self> {
        let mut numbers = version.trim().split('.');
        let (_, _) = (numbers.next()?.parse::<u32>().ok()?, numbers.next()?.parse::<u32>().ok()?);
        let build = numbers.next()?.parse().ok()?;
        let revision = numbers.next().map_or(Some(0), |number| number.parse().ok())?;
        numbers.next().is_none().then_some(Self { build, revision })
    }
}

impl std::fmt::Display for OsBuild {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.build, self.revision)
    }
}

impl Facts {
    /// What is known under a name, whether it has a value or not.
    pub fn get(&self, name: FactName) -> Option<&Fact> {
        self.0.get(&name)
    }

    /// The value under a name.
    pub fn value(&self, name: FactName) -> Option<&FactValue> {
        self.get(name).map(|fact| &fact.value)
    }

    /// The text under a name of the catalogue.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(FactName::parse(name)?)? {
            FactValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number under a name of the catalogue.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.value(FactName::parse(name)?)? {
            FactValue::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Yes or no under a name of the catalogue.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.value(FactName::parse(name)?)? {
            FactValue::Bool(yes) => Some(*yes),
            _ => None,
        }
    }

    /// The list under a name of the catalogue.
    pub fn list(&self, name: &str) -> Option<&[String]> {
        match self.value(FactName::parse(name)?)? {
            FactValue::List(items) => Some(items),
            _ => None,
        }
    }

    /// Which build of Windows the device runs, as far as it said so.
    pub fn os_build(&self) -> Option<OsBuild> {
        let number = |name| match self.value(name) {
            Some(FactValue::Integer(number)) => u32::try_from(*number).ok(),
            _ => None,
        };
        Some(OsBuild {
            build: number(FactName::OS_BUILD)?,
            revision: number(FactName::OS_REVISION).unwrap_or_default(),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.values()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Fact> for Facts {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        Self(facts.into_iter().map(|fact| (fact.name, fact)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_counts_until_it_is_known_which_do() {
        let (watched, names) = (WatchedFacts::default(), [FactName::OS_BUILD, FactName::TAGS]);
        assert!(watched.concern(&names[1..]) && !watched.concern(&[]), "what nobody said yet may count");
        watched.set(BTreeSet::from([FactName::OS_BUILD]));
        assert_eq!((watched.concern(&names), watched.concern(&names[1..])), (true, false));
    }

    fn fact(name: &str, value: FactValue) -> Fact {
        Fact {
            name: FactName::parse(name).unwrap(),
            value,
            observed_at: Timestamp(1),
            changed_at: Timestamp(1),
            enrollment: EnrollmentId::new(Timestamp(1)),
        }
    }

    #[test]
    fn a_build_is_the_third_number_of_a_version() {
        let build = |version| OsBuild::of_version(version).map(|os| (os.build, os.revision));
        assert_eq!(build("10.0.22631.4460"), Some((22631, 4460)));
        assert_eq!(build(" 10.0.19045 "), Some((19045, 0)));
        for odd in ["", "10", "10.0", "10.0.x.1", "10.0.1.2.3", "10.0.-1.2", "10.0.99999999999.1"] {
            assert_eq!(build(odd), None, "{odd}");
        }
    }

    #[test]
    fn facts_are_looked_up_by_type() {
        let facts: Facts = [
            fact("os.build", FactValue::Integer(22631)),
            fact("os.revision", FactValue::Integer(4460)),
            fact("device.serial", FactValue::Absent(StatusCode(404))),
            fact("storage.free", FactValue::Odd("plenty".to_owned())),
        ]
        .into_iter()
        .collect();
        assert_eq!(facts.os_build(), Some(OsBuild { build: 22631, revision: 4460 }));
        assert_eq!(facts.integer("os.build"), Some(22631));
        assert_eq!(facts.text("os.build"), None);
        assert_eq!(facts.text("device.serial"), None);
        assert_eq!(facts.integer("storage.free"), None);
        assert_eq!(facts.integer("no.such"), None);
        assert_eq!(Facts::default().os_build(), None);
    }
}
