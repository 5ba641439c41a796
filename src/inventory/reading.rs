//! From what a device answered to a value. Whatever it is, it becomes one that is short, clean and harmless; what is
//! not of the fact's type is odd.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use quick_xml::events::Event;

use crate::model::fact::{Definition, FactKind, MAX_FACT_ITEMS, MAX_FACT_TEXT, Reading};
use crate::model::{FactValue, OsBuild, parse_rfc3339};

/// Names of a list that are looked at, before the same ones are taken together.
const MOST_NAMES: usize = 10 * MAX_FACT_ITEMS;

/// The value that an answer is.
pub(super) fn read(fact: &Definition, data: &str) -> FactValue {
    let text = data.trim_matches(|char: char| char.is_whitespace() || char == '\0');
    let value = match fact.reading {
        Reading::Plain => plain(fact.kind, text),
        Reading::Words(words) => word(text, words),
        Reading::Build => OsBuild::of_version(text).map(|os| FactValue::Integer(i64::from(os.build))),
        Reading::Revision => OsBuild::of_version(text).map(|os| FactValue::Integer(i64::from(os.revision))),
        Reading::Children => Some(names(text.split('/'))),
        Reading::CspVersions => providers(text).map(|found| names(found.iter().map(String::as_str))),
    };
    value.unwrap_or_else(|| FactValue::Odd(beginning(text)))
}

fn plain(kind: FactKind, text: &str) -> Option<FactValue> {
    match kind {
        FactKind::Text => is_clean(text).then(|| FactValue::Text(text.to_owned())),
        FactKind::Integer => text.parse().ok().map(FactValue::Integer),
        FactKind::Bool => match text {
            "1" => Some(FactValue::Bool(true)),
            "0" => Some(FactValue::Bool(false)),
            _ if text.eq_ignore_ascii_case("true") => Some(FactValue::Bool(true)),
            _ if text.eq_ignore_ascii_case("false") => Some(FactValue::Bool(false)),
            _ => None,
        },
        // Windows writes seven digits behind the point. Without a zone nobody knows when it is.
        FactKind::Time if text.len() <= MAX_FACT_TEXT => parse_rfc3339(text).map(FactValue::Time),
        FactKind::Time => None,
        FactKind::List => Some(names(text.split('/'))),
    }
}

fn word(text: &str, words: &[(i64, &str)]) -> Option<FactValue> {
    let number: i64 = text.parse().ok()?;
    let (_, word) = words.iter().find(|(code, _)| *code == number)?;
    Some(FactValue::Text((*word).to_owned()))
}

/// Names, sorted, each once, so many that a list holds them.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> FactValue {
    let names: BTreeSet<String> = names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .take(MOST_NAMES)
        .map(|name| beginning(&percent_decode_str(beginning_of(name, 4 * MAX_FACT_TEXT)).decode_utf8_lossy()))
        .collect();
    FactValue::List(names.into_iter().take(MAX_FACT_ITEMS).collect())
}

/// `./Vendor/MSFT/Defender 1.3` and so on. `None` where the text is no XML of this kind.
fn providers(xml: &str) -> Option<Vec<String>> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found = Vec::new();
    let mut is_it = false;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return is_it.then_some(found),
            Event::Start(element) | Event::Empty(element) => {
                is_it |= element.local_name().as_ref() == "CSPVersions";
                if element.local_name().as_ref() != "CSP" || found.len() >= MAX_FACT_ITEMS {
                    continue;
                }
                let attribute = |name: &str| {
                    let attribute = element.try_get_attribute(name).ok().flatten()?;
                    Some(attribute.value.into_owned())
                };
                if let (Some(node), Some(version)) = (attribute("Node"), attribute("Version")) {
                    found.push(format!("{node} {version}"));
                }
            }
            _ => {}
        }
    }
}

fn is_clean(text: &str) -> bool {
    !text.chars().any(is_unclean) && text.chars().nth(MAX_FACT_TEXT).is_none()
}

/// Control characters, and those that turn the direction of what stands beside them.
fn is_unclean(char: char) -> bool {
    char.is_control() || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// The beginning of a text, and nothing in it that a terminal or a page would obey.
fn beginning(text: &str) -> String {
    text.chars().take(MAX_FACT_TEXT).map(|char| if is_unclean(char) { '\u{fffd}' } else { char }).collect()
}

/// At most so many bytes of a text.
fn beginning_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactName;

    fn of(name: &str, data: &str) -> FactValue {
        read(FactName::parse(name).unwrap().definition(), data)
    }

    fn text(text: &str) -> FactValue {
        FactValue::Text(text.to_owned())
    }

    fn odd(text: &str) -> FactValue {
        FactValue::Odd(text.to_owned())
    }

    fn list(items: &[&str]) -> FactValue {
        FactValue::List(items.iter().map(|item| (*item).to_owned()).collect())
    }

    #[test]
    fn values_are_read_by_the_type_of_their_fact() {
        assert_eq!(of("os.build", "10.0.26200.9278"), FactValue::Integer(26_200));
        assert_eq!(of("os.revision", "10.0.26200.9278"), FactValue::Integer(9278));
        assert_eq!(of("os.version", "10.0.26200.9278"), text("10.0.26200.9278"));
        assert_eq!(of("os.edition", "48"), text("Pro"));
        assert_eq!(of("os.edition_id", "48"), FactValue::Integer(48));
        assert_eq!(of("security.secure_boot", "1"), text("on"));
        assert_eq!(of("storage.free", " 43690\r\n"), FactValue::Integer(43_690));
        for yes in ["true", "True", "1"] {
            assert_eq!(of("defender.real_time", yes), FactValue::Bool(true));
        }
        let scanned = of("update.last_scan_at", "2026-11-20T03:12:44Z");
        assert_eq!(scanned, FactValue::Time(parse_rfc3339("2026-11-20T03:12:44Z").unwrap()));
        assert!(matches!(of("device.local_time", "2026-11-20T09:00:00.0000000+01:00"), FactValue::Time(_)));
        assert_eq!(of("device.domain", ""), text(""));
        assert_eq!(of("apps.msi", "%7BB%7D/%7BA%7D/%7BA%7D"), list(&["{A}", "{B}"]));
        assert_eq!(of("apps.msi", ""), list(&[]));
        let xml = "<?xml version=\"1.0\"?>\n<DeviceManageability Version=\"x\"><Capabilities><CSPVersions>\
                   <CSP Node=\"./DevDetail\" Version=\"1.2\"></CSP><CSP Node=\"./DevInfo\" Version=\"1.0\"/>\
                   <CSP Node=\"./Half\"/></CSPVersions></Capabilities></DeviceManageability>";
        assert_eq!(of("client.providers", xml), list(&["./DevDetail 1.2", "./DevInfo 1.0"]));
    }

    #[test]
    fn what_is_not_of_the_type_is_odd() {
        assert_eq!(of("os.build", "eleven"), odd("eleven"));
        assert_eq!(of("os.edition", "4711"), odd("4711"));
        assert_eq!(of("storage.free", "99999999999999999999"), odd("99999999999999999999"));
        assert_eq!(of("defender.real_time", "on"), odd("on"));
        assert_eq!(of("update.last_scan_at", "yesterday"), odd("yesterday"));
        assert_eq!(of("device.name", "a\u{1b}[2Jb\u{202e}c"), odd("a\u{fffd}[2Jb\u{fffd}c"));
        assert_eq!(of("client.providers", "none"), odd("none"));
        assert_eq!(of("client.providers", "<CSPVersions><CSP Node='"), odd("<CSPVersions><CSP Node='"));
    }

    #[test]
    fn what_is_large_is_cut() {
        let megabyte = "x\u{e9}".repeat(400_000);
        for name in ["device.name", "os.build", "defender.real_time", "update.last_scan_at", "client.providers"] {
            let FactValue::Odd(said) = of(name, &megabyte) else { panic!("{name}") };
            assert_eq!(said.chars().count(), MAX_FACT_TEXT, "{name}");
        }
        let FactValue::List(items) = of("apps.msi", &megabyte) else { panic!() };
        assert_eq!((items.len(), items[0].chars().count()), (1, MAX_FACT_TEXT));
        let many: String = (0..50_000).map(|number| format!("%00{number}/")).collect();
        let FactValue::List(items) = of("apps.msi", &many) else { panic!() };
        assert_eq!(items.len(), MAX_FACT_ITEMS);
        assert!(items.iter().all(|item| item.starts_with('\u{fffd}')));
    }
}
