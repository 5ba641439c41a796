//! A format that is none, and the one that was meant.

use crate::csp::short;
use crate::syncml::Format;

/// The formats, in the order in which they are listed to an author.
static KNOWN: [Format; 11] = [
    Format::Chr,
    Format::Int,
    Format::Bool,
    Format::B64,
    Format::Bin,
    Format::Node,
    Format::Null,
    Format::Xml,
    Format::Float,
    Format::Date,
    Format::Time,
];

/// Words that authors bring from elsewhere.
static ALIASES: &[(&str, Format)] = &[
    ("string", Format::Chr),
    ("str", Format::Chr),
    ("text", Format::Chr),
    ("char", Format::Chr),
    ("integer", Format::Int),
    ("int32", Format::Int),
    ("number", Format::Int),
    ("boolean", Format::Bool),
    ("base64", Format::B64),
    ("binary", Format::Bin),
    ("blob", Format::Bin),
    ("none", Format::Null),
    ("double", Format::Float),
    ("decimal", Format::Float),
];

/// What to say to an author who wrote this word.
pub(super) fn unknown(word: &str) -> String {
    let short = short(word, 20);
    if let Some(format) = meant(word) {
        return format!("{short:?} is no format: write {:?}", format.as_str());
    }
    let words: Vec<&str> = KNOWN.iter().map(Format::as_str).collect();
    format!("{short:?} is no format: write one of {}", words.join(", "))
}

/// The format that a word resembles most.
fn meant(word: &str) -> Option<&'static Format> {
    let word = word.to_ascii_lowercase();
    if let Some((_, format)) = ALIASES.iter().find(|(alias, _)| *alias == word) {
        return Some(format);
    }
    // One letter too many, too few, wrong, or two in each other's place.
    KNOWN.iter().find(|format| is_near(format.as_str().as_bytes(), word.as_bytes()))
}

/// Whether one edit leads from one word to the other.
fn is_near(one: &[u8], other: &[u8]) -> bool {
    let same_start = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (one.get(same_start..).unwrap_or_default(), other.get(same_start..).unwrap_or_default());
    match (one, other) {
        ([a, b, rest_one @ ..], [c, d, rest_other @ ..]) if (a, b) == (d, c) && rest_one == rest_other => true,
        ([_, rest_one @ ..], [_, rest_other @ ..]) if rest_one == rest_other => true,
        ([_, rest @ ..], other) if rest == other => true,
        (one, [_, rest @ ..]) => rest == one,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn the_format_that_was_meant_is_named() {
        for (word, format) in [
            ("string", "chr"),
            ("Boolean", "bool"),
            ("integer", "int"),
            ("base64", "b64"),
            ("itn", "int"),
            ("ints", "int"),
            ("nod", "node"),
            ("xmk", "xml"),
            ("chhr", "chr"),
        ] {
            assert_eq!(unknown(word), format!("{word:?} is no format: write {format:?}"));
        }
    }

    #[test]
    fn a_word_like_none_gets_the_list() {
        for word in ["json", "x", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "\u{fc}"] {
            let what = unknown(word);
            assert!(
                what.contains("write one of chr, int, bool, b64, bin, node, null, xml, float, date, time"),
                "{what}"
            );
        }
    }
}
