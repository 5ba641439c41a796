//! Whether a condition holds for a device, in memory. `store` asks the database the same.

use std::cmp::Ordering;

use super::{Comparison, Literal, Predicate, Test};
use crate::model::{FactValue, Facts};

impl Predicate {
    /// Whether it holds for a device of which these facts are known.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::Always(always) => *always,
            Self::Fact(name, test) => {
                facts.value(*name).filter(|value| value.is_known()).is_some_and(|value| test.holds(value))
            }
            Self::All(all) => all.iter().all(|one| one.holds(facts)),
            Self::Any(any) => any.iter().any(|one| one.holds(facts)),
            Self::Not(not) => !not.holds(facts),
        }
    }
}

impl Test {
    fn holds(&self, value: &FactValue) -> bool {
        match (self, value) {
            (Self::Has, _) => true,
            (Self::Compare(comparison, literal), value) => {
                order(value, literal).is_some_and(|order| comparison.is(order))
            }
            (Self::OneOf(any), value) => any.iter().any(|literal| order(value, literal) == Some(Ordering::Equal)),
            (Self::Contains(part), FactValue::Text(text)) => text.contains(part),
            (Self::StartsWith(beginning), FactValue::Text(text)) => text.starts_with(beginning),
            (Self::Includes(item), FactValue::List(items)) => items.contains(item),
            (Self::Contains(_) | Self::StartsWith(_) | Self::Includes(_), _) => false,
        }
    }
}

/// How a value stands to a literal; `None` for values of different types.
fn order(value: &FactValue, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (FactValue::Text(value), Literal::Text(literal)) => Some(value.as_str().cmp(literal)),
        (FactValue::Integer(value), Literal::Integer(literal)) => Some(value.cmp(literal)),
        (FactValue::Bool(value), Literal::Bool(literal)) => Some(value.cmp(literal)),
        (FactValue::Time(value), Literal::Time(literal)) => Some(value.0.cmp(&literal.0)),
        _ => None,
    }
}

impl Comparison {
    const fn is(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Below => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }
}

#[cfg(test)]
mod tests {
    use transom_protocol::session::Timestamp;
    use transom_protocol::syncml::StatusCode;

    use super::*;
    use crate::model::{EnrollmentId, Fact, FactName};

    fn device() -> Facts {
        let fact = |(name, value): (&str, FactValue)| Fact {
            name: FactName::parse(name).unwrap(),
            value,
            observed_at: Timestamp(0),
            changed_at: Timestamp(0),
            enrollment: EnrollmentId::new(Timestamp(0)),
        };
        [
            ("os.build", FactValue::Integer(22631)),
            ("os.edition", FactValue::Text("Pro".to_owned())),
            ("defender.real_time", FactValue::Bool(false)),
            ("device.serial", FactValue::Absent(StatusCode(404))),
            ("storage.free", FactValue::Odd("plenty".to_owned())),
            ("update.last_scan_at", FactValue::Time(Timestamp(1_800_000_000_000))),
            ("apps.msi", FactValue::List(vec!["{A}".to_owned(), "{B}".to_owned()])),
        ]
        .map(fact)
        .into_iter()
        .collect()
    }

    #[test]
    fn conditions_hold_for_what_is_known() {
        for (text, holds) in [
            ("os.build < 22631", false),
            ("os.build <= 22631", true),
            ("22000 <= os.build", true),
            ("device.os.build >= 22000", true),
            ("os.edition == 'Pro'", true),
            ("os.edition == \"pro\"", false),
            ("os.edition in ['Home', 'Pro']", true),
            ("os.build in [1, 2]", false),
            ("os.edition.startsWith('P') && os.edition.contains('r')", true),
            ("defender.real_time", false),
            ("!defender.real_time", true),
            ("not defender.real_time and os.build > 1", true),
            ("os.build < 1 or os.edition != 'Home'", true),
            ("'{A}' in apps.msi", true),
            ("apps.msi.contains('{C}')", false),
            ("has(os.build) && !has(device.serial)", true),
            ("update.last_scan_at > '2027-01-01T00:00:00Z'", true),
            ("update.last_scan_at > timestamp('2028-01-01T00:00:00Z')", false),
            ("true", true),
        ] {
            assert_eq!(Predicate::parse(text).unwrap().holds(&device()), holds, "{text}");
        }
    }

    #[test]
    fn what_is_not_known_fulfills_nothing() {
        for text in [
            "device.serial == 'x'",
            "device.serial != 'x'",
            "storage.free > 0",
            "storage.free <= 0",
            "has(storage.free)",
            "battery.charge < 100",
            "'x' in certificates.root",
        ] {
            let predicate = Predicate::parse(text).unwrap();
            assert!(!predicate.holds(&device()), "{text}");
            assert!(Predicate::Not(Box::new(predicate)).holds(&device()), "!({text})");
        }
    }
}
