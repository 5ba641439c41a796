//! What a device says when it is asked: the value of a node, or that it has none.

use std::collections::BTreeMap;

use transom_protocol::csp::LocUri;
use transom_protocol::session::{CommandState, Decision};
use transom_protocol::syncml::{StatusCode, Verb};

/// What was read in one message.
#[derive(Debug, Default)]
pub(super) struct Readings(Vec<(LocUri, StatusCode, Option<String>)>);

/// What a device said before an action began: values by node.
pub(super) type Baseline = BTreeMap<String, String>;

/// What readings say of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing of it.
    Nothing,
    /// It goes on.
    GoesOn(String),
    /// It is done.
    Done(String),
    /// It has failed.
    Failed(String),
}

impl Readings {
    /// The reads that a message has answered.
    pub(super) fn of(decision: &Decision) -> Self {
        let answered = decision
            .commands
            .iter()
            .filter(|command| matches!(command.state, CommandState::Succeeded | CommandState::Failed));
        let items = answered.flat_map(|command| command.instruction.settings().zip(&command.progress.items));
        let read = items.filter_map(|((verb, setting), outcome)| {
            let value = outcome.result.as_ref().map(|value| value.data.clone());
            Some((setting.target.clone(), outcome.status?, value)).filter(|_| verb == Verb::Get)
        });
        Self(read.collect())
    }

    /// Whether nothing was read.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a node.
    pub(super) fn value(&self, node: &LocUri) -> Option<&str> {
        self.find(node)?.2.as_deref().map(str::trim)
    }

    /// The value of a node that is a number, in any of the forms that devices write.
    pub(super) fn number(&self, node: &LocUri) -> Option<i64> {
        number(self.value(node)?)
    }

    /// Whether the device says that there is no such node.
    pub(super) fn is_missing(&self, node: &LocUri) -> bool {
        self.find(node).is_some_and(|(_, status, value)| *status == StatusCode::NOT_FOUND && value.is_none())
    }

    /// What is to be remembered of how it was.
    pub(super) fn baseline(&self, nodes: &[LocUri]) -> Baseline {
        let known = nodes.iter().filter_map(|node| Some((node.as_str().to_owned(), self.value(node)?.to_owned())));
        known.collect()
    }

    fn find(&self, node: &LocUri) -> Option<&(LocUri, StatusCode, Option<String>)> {
        self.0.iter().rev().find(|(target, ..)| node.names_same_node(target.as_str()))
    }
}

/// A number as devices write it: decimal or `0x…`. An HRESULT may come signed or not: here it is not.
pub(super) fn number(text: &str) -> Option<i64> {
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok()?,
        None => text.parse().ok()?,
    };
    let is_negative_hresult = (i64::from(i32::MIN)..0).contains(&value);
    Some(if is_negative_hresult { value + (1 << 32) } else { value })
}

/// An error code for a reader: hexadecimal, with what it means where that is known.
pub(super) fn error_code(code: i64) -> String {
    let Ok(code) = u32::try_from(code) else { return code.to_string() };
    let text = format!("0x{code:08X}");
    match transom_protocol::syncml::hresult(&text) {
        Some(known) => format!("{text} ({}: {})", known.name, known.meaning),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_in_many_forms() {
        for (text, value) in [("70", 70), ("0x0", 0), ("-2147024809", 0x8007_0057), ("0x80070057", 0x8007_0057)] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        assert_eq!(number("soon"), None);
        assert!(error_code(0x8007_0057).starts_with("0x80070057"));
    }
}
