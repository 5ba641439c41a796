//! What a node takes (`MSFT:AllowedValues`; `MSFT:SupportedValues` and `ADMXBacked` in the old vocabulary).

use serde::{Deserialize, Serialize};

use crate::csp::admx::BETWEEN;

/// What a node takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Allowed {
    /// Of which kind.
    #[serde(rename = "k")]
    pub kind: Kind,
    /// What stands between several values, where a node takes several.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
}

/// Kinds of what nodes take.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing was said.
    Any,
    /// One of these.
    Enum(Vec<Choice>),
    /// The sum of some of these.
    Flags(Vec<Choice>),
    /// A number in one of these; for text its length.
    Range(Vec<Range>),
    /// A text of this form.
    Regex(String),
    /// A policy of an administrative template.
    Admx(Admx),
    /// XML that a schema describes. The schema is not kept: no two of them say what devices take.
    Xsd,
    /// JSON.
    Json,
    /// A security descriptor.
    Sddl,
}

/// A value with what it means.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Choice {
    /// As it is sent.
    #[serde(rename = "v")]
    pub value: String,
    /// In words, where there are any.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// From one number to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range(pub i64, pub i64);

/// Which policy of which administrative template.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Admx {
    /// Such as `bits.admx`.
    pub file: String,
    /// Its categories: `Bits~AT~Network~BITS`.
    pub area: String,
    /// The policy's name in the template.
    pub policy: String,
    /// What it asks for besides "enabled", where the template is known. `None`: the template was not imported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elements: Option<Vec<Element>>,
}

/// One thing that an administrative template asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Element {
    /// Its name in the payload.
    pub id: String,
    /// An enabled policy must have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it takes.
    pub kind: crate::csp::admx::ElementKind,
}

impl Allowed {
    /// Anything.
    pub const ANY: Self = Self { kind: Kind::Any, delimiter: None };

    pub(crate) fn strip_prose(&mut self) {
        if let Kind::Enum(choices) | Kind::Flags(choices) = &mut self.kind {
            for choice in choices {
                choice.label = None;
            }
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} to {}", self.0, self.1)
    }
}

/// Reads `[0-100]`, `[(-1)-2147483647]`, `[0]`, `[6,17]`. In a node's own values the comma is a slip for the dash
/// (`[0,4320]`); in a dependency it divides numbers.
pub(super) fn ranges(text: &str, comma_is_dash: bool) -> Option<Vec<Range>> {
    let inside = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    if comma_is_dash && let Some((low, high)) = inside.split_once(',') {
        return Some(vec![Range(number(low)?, number(high)?)]);
    }
    inside.split(',').map(range).collect()
}

fn range(text: &str) -> Option<Range> {
    let text = text.trim();
    // The dash that divides is the first one outside of parentheses that does not lead.
    let mut depth = 0_u32;
    let dash = text.char_indices().skip(1).find(|(_, character)| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *character == '-' && depth == 0 && !text.starts_with('(')
    });
    let dash = dash.map(|(index, _)| index).or_else(|| text.find(")-").map(|index| index + 1));
    let range = match dash {
        Some(dash) => Range(number(&text[..dash])?, number(&text[dash + 1..])?),
        None => Range(number(text)?, number(text)?),
    };
    (range.0 <= range.1).then_some(range)
}

/// A number as these files write it: decimal or hexadecimal, perhaps in parentheses.
pub(crate) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    literal(text.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')).unwrap_or(text))
}

/// A number as authors write it: decimal or hexadecimal.
pub fn literal(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        // The sign of a number stands before all of it.
        Some(digits) if digits.starts_with(['+', '-']) => None,
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The number that a literal means: truth values are numbers as well.
pub fn meant(text: &str) -> Option<i64> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(1),
        "false" => Some(0),
        _ => literal(text),
    }
}

/// The truth that a word means: `True`, `0`.
pub fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// What stands between values: `0xF000` and `\xF000` both mean U+F000.
pub(super) fn delimiter(text: &str) -> Option<String> {
    match text {
        "" => None,
        "0xF000" | "\\xF000" | "&#xF000;" => Some(BETWEEN.to_owned()),
        other => Some(other.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_range() {
        assert_eq!(ranges("[0-100]", true), Some(vec![Range(0, 100)]));
        assert_eq!(ranges("[(-1)-2147483647]", true), Some(vec![Range(-1, 2_147_483_647)]));
        assert_eq!(ranges("[-10-(-5)]", true), Some(vec![Range(-10, -5)]));
        assert_eq!(ranges("[0,4320]", true), Some(vec![Range(0, 4320)]));
        assert_eq!(ranges("[6,17]", false), Some(vec![Range(6, 6), Range(17, 17)]));
        assert_eq!(ranges("[0]", false), Some(vec![Range(0, 0)]));
        for wrong in ["", "[]", "[a-b]", "0-5", "[5-1]", "[--]", "[1-]", "[(1]"] {
            assert_eq!(ranges(wrong, true), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_may_be_hexadecimal() {
        assert_eq!((number("0x1F"), number(" 12 "), number("(-3)"), number("x")), (Some(31), Some(12), Some(-3), None));
        assert_eq!(["0x-5", "0x+30", "0x"].map(literal), [None; 3]);
    }
}
