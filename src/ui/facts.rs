//! What is known of a device: in groups, in words, each with its age.

use serde_json::Value;

use super::text::{self, Folded};
use super::texts::facts as texts;
use crate::admin::{FactJson, FactsJson};
use crate::model::{FactName, Timestamp, parse_rfc3339};

/// Items of a list that are shown at once.
const ITEMS: usize = 3;

/// Groups by the first part of names, as people call them.
const GROUPS: [(&str, &str); 17] = [
    ("device", texts::DEVICE),
    ("os", texts::OS),
    ("hardware", texts::HARDWARE),
    ("storage", texts::STORAGE),
    ("battery", texts::BATTERY),
    ("network", texts::NETWORK),
    ("security", texts::SECURITY),
    ("bitlocker", texts::BITLOCKER),
    ("defender", texts::DEFENDER),
    ("firewall", texts::FIREWALL),
    ("hello", texts::HELLO),
    ("update", texts::UPDATE),
    ("apps", texts::APPS),
    ("certificates", texts::CERTIFICATES),
    ("accounts", texts::ACCOUNTS),
    ("client", texts::CLIENT),
    ("user", texts::USER),
];

/// What is known of a device, now.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What is known.
    pub facts: &'a FactsJson,
    /// The time, for ages.
    pub now: Timestamp,
}

/// Facts that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) rows: Vec<Row>,
}

/// A fact.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) value: Folded,
    /// What is strange about it.
    pub(super) odd: Option<&'static str>,
    /// When the device said so last, in UTC.
    pub(super) at: String,
    pub(super) age: String,
}

impl Known<'_> {
    /// Whether the device has said nothing yet.
    pub(super) fn is_empty(&self) -> bool {
        self.facts.facts.is_empty()
    }

    /// The value of a fact, in words.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let fact = self.there().find(|fact| fact.name == name)?;
        match &fact.value {
            Value::Array(items) if items.is_empty() => None,
            Value::Array(items) => Some(joined(items, ", ")),
            value => Some(in_words(value, None)),
        }
    }

    /// All that it has answered, in the order of the catalogue.
    pub(super) fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for fact in self.there() {
            let name = group(&fact.name);
            let row = self.row(fact);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { name, rows: vec![row] }),
            }
        }
        groups
    }

    /// What it does not have.
    pub(super) fn absent(&self) -> String {
        let absent = self.facts.facts.iter().filter(|fact| fact.state == "absent").map(|fact| title(&fact.name));
        absent.collect::<Vec<_>>().join(", ")
    }

    /// What it has not answered yet.
    pub(super) fn unasked(&self) -> String {
        self.facts.unasked.iter().map(|name| title(name)).collect::<Vec<_>>().join(", ")
    }

    fn there(&self) -> impl Iterator<Item = &FactJson> {
        self.facts.facts.iter().filter(|fact| fact.state != "absent")
    }

    fn row(&self, fact: &FactJson) -> Row {
        let value = match &fact.value {
            Value::Array(items) if items.len() > ITEMS => {
                let (first, all) = (joined(items.get(..ITEMS).unwrap_or_default(), ", "), joined(items, "\n"));
                Folded { head: text::visible(&format!("{}: {first}", items.len())), ..Folded::new(&all) }
            }
            Value::Array(items) => Folded::new(&joined(items, ", ")),
            value => Folded::new(&in_words(value, fact.unit.as_deref())),
        };
        Row {
            title: title(&fact.name),
            value,
            odd: (fact.state == "odd").then_some(texts::ODD),
            at: text::utc(fact.observed_at),
            age: text::age(fact.observed_at, self.now),
        }
    }
}

fn joined(items: &[Value], by: &str) -> String {
    items.iter().map(|item| in_words(item, None)).collect::<Vec<_>>().join(by)
}

fn in_words(value: &Value, unit: Option<&str>) -> String {
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    match value {
        Value::String(text) => parse_rfc3339(text).map_or_else(|| text.clone(), text::utc),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        other => format!("{other}{unit}"),
    }
}

fn group(name: &str) -> &'static str {
    let word = name.split('.').next().unwrap_or_default();
    GROUPS.iter().find(|(group, _)| *group == word).map_or(texts::DEVICE, |(_, name)| name)
}

fn title(name: &str) -> &'static str {
    FactName::parse(name).map_or("", |name| name.definition().title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fact::catalogue;

    #[test]
    fn every_group_has_a_name() {
        for fact in catalogue() {
            assert!(GROUPS.iter().any(|(group, _)| *group == fact.group()), "{}", fact.name);
        }
    }

    #[test]
    fn facts_are_told_in_groups_with_their_age() {
        let at = "2027-01-15T08:00:00Z";
        let fact = |name: &str, state: &str, value: Value| serde_json::json!({"name": name, "state": state, "value": value, "observed_at": at, "changed_at": at});
        let apps: Vec<String> = (0..5).map(|number| format!("app{number}")).collect();
        let facts = FactsJson {
            device_id: "D1".to_owned(),
            facts: serde_json::from_value(serde_json::json!([
                fact("device.serial", "known", "SN-1".into()),
                fact("os.build", "odd", "\u{202e}x".into()),
                fact("security.encrypted", "known", true.into()),
                fact("battery.charge", "absent", Value::Null),
                fact("network.wifi_profiles", "known", apps.into()),
            ]))
            .unwrap(),
            unasked: vec!["storage.free".into()],
        };
        let known = Known { facts: &facts, now: Timestamp(1_800_000_000_000 + 7_200_000) };
        let groups = known.groups();
        assert_eq!(
            groups.iter().map(|group| group.name).collect::<Vec<_>>(),
            [texts::DEVICE, texts::OS, texts::SECURITY, texts::NETWORK]
        );
        let row = |place: usize| &groups[place].rows[0];
        assert_eq!((row(0).value.head.as_str(), row(0).age.as_str()), ("SN-1", "2 h ago"));
        assert_eq!((row(1).value.head.as_str(), row(1).odd), ("\\u{202e}x", Some(texts::ODD)));
        assert_eq!((row(2).title, row(2).value.head.as_str()), ("encrypted", "yes"));
        assert_eq!(row(3).value.head, "5: app0, app1, app2");
        assert!(row(3).value.whole.as_deref().unwrap().ends_with("app3\napp4"));
        assert_eq!((known.absent().as_str(), known.unasked().as_str()), ("charge", "free storage"));
        assert_eq!(known.value("device.serial").as_deref(), Some("SN-1"));
    }
}
