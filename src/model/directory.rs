//! The directory: what is known of the people whose devices these are. Their provider says it when they sign in to enroll,
//! or operators bring it along; devices have it as facts, so that conditions and variables can use it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;

use super::UserName;
use super::fact::{FactKind, FactName, FactValue, MAX_FACT_TEXT, Plan, catalogue};

/// Most groups of one person.
pub const MAX_GROUPS: usize = 500;

/// Something that is known of a person under the name of a fact, such as `department` for `user.department`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Attribute(FactName);

/// The name of a group, or what an attribute says: one line of 1 to [`MAX_FACT_TEXT`] characters, trimmed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Line(String);

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// The groups that they are in.
    pub groups: BTreeSet<Line>,
    /// What else is known.
    pub attributes: BTreeMap<Attribute, Line>,
}

/// What somebody says of a person: what is not said leaves what is known as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// The groups that they are in; nothing where none were spoken of.
    pub groups: Option<BTreeSet<Line>>,
    /// What else was said.
    pub attributes: BTreeMap<Attribute, Line>,
}

/// A person of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// What they enroll with.
    pub name: UserName,
    /// What is known of them.
    pub known: Known,
    /// When that changed last.
    pub changed_at: Timestamp,
    /// Who said so.
    pub changed_by: String,
}

impl Attribute {
    /// Every attribute, in the order of the catalogue.
    pub fn all() -> impl Iterator<Item = Self> {
        let of_directory = catalogue().iter().filter(|fact| fact.plan == Plan::Directory);
        let texts = of_directory.filter(|fact| fact.kind == FactKind::Text).map(super::fact::Definition::fact_name);
        texts.filter(|name| *name != FactName::USER_NAME).map(Self)
    }

    /// The attribute of a name, with or without `user.` before it.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix(GROUP).unwrap_or(text);
        Self::all().find(|attribute| attribute.as_str() == bare)
    }

    /// Its name: that of the fact, without the group.
    pub fn as_str(self) -> &'static str {
        let name = self.0.as_str();
        name.strip_prefix(GROUP).unwrap_or(name)
    }

    /// The fact that devices have of it.
    pub const fn fact(self) -> FactName {
        self.0
    }
}

/// What stands before the names of the facts.
const GROUP: &str = "user.";

impl Line {
    /// The line that a text is, when it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.trim();
        // U+F000 stands between the values of a list on devices: with it, one value would be several.
        let is_odd = |character: char| character.is_control() || character == '\u{F000}';
        let fits = !line.is_empty() && line.chars().count() <= MAX_FACT_TEXT && !line.chars().any(is_odd);
        fits.then(|| Self(line.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Known {
    /// The same, with what somebody says by now.
    #[must_use]
    pub fn told(mut self, heard: Heard) -> Self {
        if let Some(groups) = heard.groups {
            self.groups = groups;
        }
        self.attributes.extend(heard.attributes);
        self
    }

    /// The facts that devices of this person have of it.
    pub fn facts(&self) -> Vec<(FactName, FactValue)> {
        let text = |line: &Line| line.as_str().to_owned();
        let groups = (FactName::USER_GROUPS, FactValue::List(self.groups.iter().map(text).collect()));
        let attributes =
            self.attributes.iter().map(|(attribute, said)| (attribute.fact(), FactValue::Text(text(said))));
        std::iter::once(groups).chain(attributes).collect()
    }
}

impl Heard {
    /// Whether nothing was said.
    pub fn is_silent(&self) -> bool {
        self.groups.is_none() && self.attributes.is_empty()
    }
}

impl TryFrom<String> for Attribute {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| {
            let all: Vec<&str> = Self::all().map(Self::as_str).collect();
            format!("there is no attribute {text:?}; there are {}", all.join(", "))
        })
    }
}

impl From<Attribute> for String {
    fn from(attribute: Attribute) -> Self {
        attribute.as_str().to_owned()
    }
}

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("write 1 to 256 characters, none of them a control character")
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::parse(text).unwrap()
    }

    #[test]
    fn an_attribute_is_a_fact_that_nobody_is_asked_for() {
        let all: Vec<Attribute> = Attribute::all().collect();
        assert!(all.len() >= 20, "{all:?}");
        for attribute in all {
            assert!(attribute.fact().is_given() && !attribute.fact().is_asked());
            assert_eq!(Attribute::parse(attribute.as_str()), Some(attribute));
            assert_eq!(Attribute::parse(attribute.fact().as_str()), Some(attribute));
        }
        for other in ["", "name", "groups", "login", "user.login", "device.tags", "Department"] {
            assert_eq!(Attribute::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_is_bounded_and_has_no_control_characters() {
        assert_eq!(line(" Domain Users\t").as_str(), "Domain Users");
        assert!(Line::parse(&"x".repeat(256)).is_some());
        for wrong in ["", "  ", "a\nb", "a\0", &"x".repeat(257)] {
            assert_eq!(Line::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_divides_values_on_devices_is_no_part_of_one() {
        assert!(Line::parse("Sales").is_some());
        assert!(Line::parse("x\u{F000}*S-1-1-0").is_none());
    }

    #[test]
    fn what_is_not_said_stays() {
        let department = Attribute::parse("department").unwrap();
        let email = Attribute::parse("email").unwrap();
        let known = Known {
            groups: BTreeSet::from([line("staff")]),
            attributes: BTreeMap::from([(department, line("Sales")), (email, line("a@b.test"))]),
        };
        let silent = Heard::default();
        assert!(silent.is_silent());
        assert_eq!(known.clone().told(silent), known);
        let moved = Heard { groups: None, attributes: BTreeMap::from([(department, line("Legal"))]) };
        let after = known.clone().told(moved);
        assert_eq!((&after.groups, after.attributes.len()), (&known.groups, 2));
        assert_eq!(after.attributes.get(&department), Some(&line("Legal")));
        // In no group is another thing than nothing said of groups.
        let alone = known.told(Heard { groups: Some(BTreeSet::new()), attributes: BTreeMap::new() });
        assert_eq!(alone.facts().first(), Some(&(FactName::USER_GROUPS, FactValue::List(Vec::new()))));
    }

    #[test]
    fn it_is_kept_as_json_that_can_be_read() {
        let known = Known {
            groups: BTreeSet::from([line("b"), line("a")]),
            attributes: BTreeMap::from([(Attribute::parse("custom_1").unwrap(), line("x"))]),
        };
        let json = serde_json::to_string(&known).unwrap();
        assert_eq!(json, r#"{"groups":["a","b"],"attributes":{"custom_1":"x"}}"#);
        assert_eq!(serde_json::from_str::<Known>(&json).unwrap(), known);
    }
}
