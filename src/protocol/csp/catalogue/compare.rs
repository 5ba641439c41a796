//! Whether two values of a node mean the same: what was wanted, and what a device says that it has.
//!
//! Windows gives back what it has understood, not the characters that it was sent: numbers without their zeros, templates
//! with their data in another order, XML that is laid out anew.

use std::collections::BTreeMap;

use super::{Catalogue, NodeId};
use crate::csp::admx::Payload;
use crate::csp::check::bytes_of;
use crate::csp::ddf::{Kind, number, truth};
use crate::csp::element::{Element, parse};
use crate::syncml::Format;

/// Longest value that is looked into; longer ones are compared as they are.
const MAX_LOOK: usize = 4 * 1024 * 1024;

impl Catalogue {
    /// Whether two values of a node mean the same. `node`: where the catalogue knows it.
    ///
    /// Numbers and truth values count by what they mean, base64 by its bytes, payloads of templates without the order of
    /// their data, XML without its layout, JSON as values, lists with a delimiter without the order of their parts.
    /// Everything else is compared as it is, but for the way in which lines end.
    pub fn same_value(&self, node: Option<NodeId>, format: &Format, one: &str, other: &str) -> bool {
        if one == other {
            return true;
        }
        if one.len().max(other.len()) > MAX_LOOK {
            return false;
        }
        let described = node.and_then(|node| self.describe(node));
        let allowed = described.as_ref().and_then(|described| described.properties.allowed.as_ref());
        let kind = allowed.map_or(&Kind::Any, |allowed| &allowed.kind);
        let parts = allowed.and_then(|allowed| allowed.delimiter.as_deref()).filter(|delimiter| !delimiter.is_empty());
        match (kind, parts) {
            (Kind::Admx(_), _) => same_payload(one, other),
            (Kind::Json, _) => same_json(one, other),
            (Kind::Xsd, _) => same_xml(one, other),
            (kind, Some(delimiter)) => {
                let (mut left, mut right) = (split(one, delimiter), split(other, delimiter));
                left.sort_unstable();
                right.sort_unstable();
                left.len() == right.len() && left.iter().zip(&right).all(|(one, other)| same(format, kind, one, other))
            }
            (kind, None) => same(format, kind, one, other),
        }
    }
}

/// The parts of a list; an empty one ends many.
fn split<'a>(value: &'a str, delimiter: &str) -> Vec<&'a str> {
    value.split(delimiter).map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn same(format: &Format, kind: &Kind, one: &str, other: &str) -> bool {
    match format {
        Format::Int => matches!((number(one.trim()), number(other.trim())), (Some(one), Some(other)) if one == other),
        Format::Bool => matches!((truth(one), truth(other)), (Some(one), Some(other)) if one == other),
        Format::Float => {
            let value = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
            matches!((value(one), value(other)), (Some(one), Some(other)) if one.to_bits() == other.to_bits())
        }
        Format::B64 | Format::Bin => {
            matches!((bytes_of(one), bytes_of(other)), (Some(one), Some(other)) if one == other)
        }
        Format::Xml => same_xml(one, other),
        Format::Date | Format::Time => one.trim() == other.trim(),
        _ if matches!(kind, Kind::Enum(_)) => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => {
            let lines = |text: &str| text.replace("\r\n", "\n");
            // Many documents are texts by their description: Windows may give them back laid out anew.
            let is_markup = |text: &str| text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
            lines(one) == lines(other) || is_markup(one) && is_markup(other) && same_xml(one, other)
        }
    }
}

fn same_json(one: &str, other: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((value(one), value(other)), (Some(one), Some(other)) if one == other)
}

fn same_payload(one: &str, other: &str) -> bool {
    let sorted = |text: &str| match Payload::parse(text).ok()? {
        Payload::Disabled => Some(None),
        Payload::Enabled(data) => Some(Some(data.into_iter().collect::<BTreeMap<_, _>>())),
    };
    matches!((sorted(one), sorted(other)), (Some(one), Some(other)) if one == other)
}

/// A value may hold several elements beside each other.
fn same_xml(one: &str, other: &str) -> bool {
    let tree = |text: &str| {
        let text = text.trim().trim_start_matches('\u{feff}');
        let inside = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
            Some((_, rest)) => rest,
            None => text,
        };
        parse(&format!("<value>{inside}</value>")).ok()
    };
    matches!((tree(one), tree(other)), (Some(one), Some(other)) if same_element(&one, &other))
}

fn same_element(one: &Element, other: &Element) -> bool {
    let attributes = |element: &Element| element.attributes.iter().cloned().collect::<BTreeMap<_, _>>();
    one.name == other.name
        && one.space == other.space
        && one.trimmed() == other.trimmed()
        && attributes(one) == attributes(other)
        && one.children.len() == other.children.len()
        && one.children.iter().zip(&other.children).all(|(one, other)| same_element(one, other))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn none() -> Catalogue {
        Catalogue::build(&[]).catalogue
    }

    #[test]
    fn values_that_mean_the_same_are_the_same() {
        for (format, one, other, expected) in [
            (Format::Int, "7", "007", true),
            (Format::Chr, "<a b='1'><c/></a>", "<?xml version=\"1.0\"?>\r\n<a b=\"1\">\n  <c></c>\n</a>", true),
            (Format::Chr, "<a>1</a>", "<a>2</a>", false),
            (Format::Chr, "<a", "<a ", false),
            (Format::Chr, "a b", "a  b", false),
            (Format::Int, "0x10", "16", true),
            (Format::Int, " 1\n", "1", true),
            (Format::Int, "1", "2", false),
            (Format::Int, "one", "One", false),
            (Format::Bool, "true", "1", true),
            (Format::Bool, "True", "false", false),
            (Format::Float, "1.50", "1.5", true),
            (Format::Float, "NaN", "nan", false),
            (Format::B64, "QUJD", "QUJ\r\nD", true),
            (Format::B64, "QUJD", "QUJE", false),
            (Format::B64, "QQ", "QQ==", true),
            (Format::Bin, "Q Q", "QQ==\r\n", true),
            (Format::Chr, "a\r\nb", "a\nb", true),
            (Format::Chr, "a", "A", false),
            (Format::Chr, "a ", "a", false),
            (Format::Xml, "<a  x='1' y='2'><b/></a>", "<a y=\"2\" x=\"1\">\n  <b></b>\n</a>", true),
            (Format::Xml, "<?xml version=\"1.0\"?><a>1</a>", "<a>1</a>", true),
            (Format::Xml, "<a><b/><c/></a>", "<a><c/><b/></a>", false),
            (Format::Xml, "<a>", "<a >", false),
        ] {
            assert_eq!(none().same_value(None, &format, one, other), expected, "{format:?} {one} {other}");
        }
    }

    #[test]
    fn templates_lists_and_words_follow_their_kind() {
        let payload = "<enabled/><data id=\"a\" value=\"1\"/><data id=\"b\" value=\"2\"/>";
        assert!(same_payload(payload, "<Enabled/>\n<Data id='b' value='2'/><Data id='a' value='1'/>"));
        assert!(!same_payload(payload, "<enabled/><data id=\"a\" value=\"1\"/>"));
        assert!(!same_payload("<enabled/>", "<disabled/>"));
        assert!(same_json("{\"a\":1,\"b\":[2]}", "{ \"b\": [2], \"a\": 1 }"));
        assert!(same(&Format::Chr, &Kind::Enum(Vec::new()), "Allow", "allow"));
        assert_eq!(split("a; b;", ";"), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn comparing_never_panics_and_has_no_direction(one in ".{0,60}", other in ".{0,60}") {
            for format in [Format::Int, Format::Bool, Format::Float, Format::B64, Format::Chr, Format::Xml] {
                prop_assert!(none().same_value(None, &format, &one, &one));
                let (there, back) = (none().same_value(None, &format, &one, &other), none().same_value(None, &format, &other, &one));
                prop_assert_eq!(there, back);
            }
        }
    }
}
