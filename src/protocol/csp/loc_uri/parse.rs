//! The rules for an address (MS-MDM 2.2.3.6, OMA DM TND 4.2; the client's own rules for node names).
//!
//! Microsoft: a `LocURI` must not start with `/`; a segment is not empty, not `*`, and `.` only as the first one;
//! characters of a name that are not alphanumeric are percent-escaped, Unicode as UTF-8. Of the characters that the
//! last rule means we refuse those that no URI can have (RFC 3986: white space, `"<>\^` and the like, everything
//! outside of ASCII) and `#`; the others are taken, because Windows itself writes them, braces above all. A space
//! is refused inside of braces too: where samples have one there, it is a placeholder or a typing error.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{LocUri, LocUriError, Query};
use crate::csp::short;

/// ASCII characters that must be escaped in a name; all others are escaped anyway.
const ESCAPED: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'|');

/// Finds the first rule that a text breaks.
pub(super) fn check(text: &str) -> Result<(), LocUriError> {
    if text.trim().is_empty() {
        return Err(LocUriError::Empty);
    }
    if text.len() > LocUri::MAX_LEN {
        return Err(LocUriError::TooLong(text.len()));
    }
    if text.trim().len() < text.len() {
        return Err(LocUriError::Padded(text.trim().to_owned()));
    }
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    if path.starts_with('/') {
        return Err(LocUriError::LeadingSlash(format!("./{}", path.trim_start_matches('/'))));
    }
    if path.contains("://") {
        return Err(LocUriError::NotANode);
    }
    if path != "." {
        let below_root = path.strip_prefix("./").ok_or_else(|| LocUriError::NotFromRoot(from_root(path)))?;
        let mut before = String::from(".");
        for name in below_root.split('/') {
            segment(name, &before)?;
            before.push('/');
            before.push_str(name);
        }
    }
    match query {
        Some(query) if self::query(query).is_none() => Err(LocUriError::UnknownQuery(short(query, 40))),
        _ => Ok(()),
    }
}

/// What an author may have meant by a path that does not start at the root.
fn from_root(path: &str) -> String {
    let path = path.replace('\\', "/");
    format!("./{}", path.trim_start_matches("../").trim_start_matches("./"))
}

/// The query that a text is; the case of its letters makes no difference.
pub(super) fn query(text: &str) -> Option<Query> {
    Query::ALL.into_iter().find(|query| query.as_str().eq_ignore_ascii_case(text))
}

/// One segment; `before` is the path up to it.
fn segment(name: &str, before: &str) -> Result<(), LocUriError> {
    if name.is_empty() {
        return Err(LocUriError::EmptySegment(before.to_owned()));
    }
    if name.trim_matches(' ').len() < name.len() && !name.trim_matches(' ').is_empty() {
        return Err(LocUriError::Blank(name.to_owned()));
    }
    for character in name.chars() {
        if character.is_ascii_control() {
            return Err(LocUriError::Control(u32::from(character)));
        }
        let escape = utf8_percent_encode(character.encode_utf8(&mut [0; 4]), ESCAPED).to_string();
        if character == '\\' {
            return Err(LocUriError::Backslash);
        }
        if escape.len() > 1 {
            return Err(LocUriError::Unescaped { character, escape });
        }
    }
    match decode(name)?.as_ref() {
        "*" => Err(LocUriError::Wildcard),
        "." | ".." => Err(LocUriError::DotSegment(name.to_owned())),
        decoded => match decoded.chars().find(char::is_ascii_control) {
            Some(character) => Err(LocUriError::Control(u32::from(character))),
            None => Ok(()),
        },
    }
}

/// The name behind its percent escapes.
fn decode(name: &str) -> Result<Cow<'_, str>, LocUriError> {
    for (index, _) in name.match_indices('%') {
        let digits = name.as_bytes().get(index + 1..index + 3);
        if !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) {
            let escape = short(name.get(index..).unwrap_or_default(), 3);
            return Err(LocUriError::BadEscape(escape));
        }
    }
    percent_decode_str(name).decode_utf8().map_err(|_| LocUriError::NotUtf8(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        check(text).unwrap_err().to_string()
    }

    #[test]
    fn addresses_that_windows_uses_are_valid() {
        for text in [
            ".",
            "./DevDetail/Ext/Microsoft/LocalTime",
            "./SyncML/DMAcc",
            "./Device/Vendor/MSFT/Policy/Config/ContosoApp~Policy~Root~Sub/PolicyName",
            "./Vendor/MSFT/NodeCache/MS%20DM%20Server/CacheVersion",
            "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B1803A630-3C38-4D2B-9B9A-0CB37243539C%7D",
            "./Device/Vendor/MSFT/Firewall/MdmStore/FirewallRules/{1803A630-3C38-4D2B-9B9A-0CB37243539C}",
            "./Vendor/MSFT/DiagnosticLog/EtwLog/Channels/Microsoft-Client-Licensing-Platform%2FAdmin/Export",
            "./cimv2/Win32_LogicalDisk/Win32_LogicalDisk.DeviceID='C:'/FreeSpace",
            "./Vendor/MSFT/Policy/Result/ApplicationManagement/AllowAllTrustedApps?list=StructData",
            "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement?prop=Type",
            "./Vendor/MSFT/WiFi/Profile/Gr%C3%BCn%20%2A/WlanXml",
            "./Vendor/MSFT/.hidden/a.b/...",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn each_refusal_says_what_to_write() {
        for (text, says) in [
            ("", "must not be empty"),
            (" \n", "must not be empty"),
            (" ./A", "white space at its start or end: write ./A"),
            ("./A\n", "white space at its start or end: write ./A"),
            ("/Vendor/MSFT", "must not start with a slash: write ./Vendor/MSFT"),
            ("//x", "must not start with a slash: write ./x"),
            ("Vendor/MSFT", "starts with ./ : write ./Vendor/MSFT"),
            ("../A", "starts with ./ : write ./A"),
            ("..", "starts with ./ : write ./.."),
            ("https://mdm.example/A", "not a web address"),
            ("./A//B", "remove the extra slash after ./A"),
            ("./A/", "remove the extra slash after ./A"),
            ("./", "remove the extra slash after ."),
            ("./A/./B", "\".\" can't be the name of a node"),
            ("./A/../B", "\"..\" can't be the name of a node"),
            ("./A/%2E%2e/B", "\"%2E%2e\" can't be the name of a node"),
            ("./A/*", "must not be \"*\""),
            ("./A/%2A/B", "must not be \"*\""),
            ("./A\u{1}", "control character U+0001"),
            ("./A/%00", "control character U+0000"),
            ("./A/%0aB", "control character U+000A"),
            ("./Device /Vendor", "the name \"Device \": leave it out"),
            ("./A/ B/C", "the name \" B\": leave it out"),
            ("./A/B C", "' ' can't stand in a LocURI: write %20"),
            ("./A/{license id}", "write %20"),
            (".\\Vendor\\MSFT", "starts with ./ : write ./Vendor/MSFT"),
            ("./Vendor\\MSFT", "write / between segments"),
            ("./A/gr\u{fc}n", "write %C3%BC"),
            ("./A/a#b", "write %23"),
            ("./A/\"a\"", "write %22"),
            ("./A/100%", "\"%\" is no percent escape: write %25"),
            ("./A/%zz", "\"%zz\" is no percent escape"),
            ("./A/%\u{fc}", "write %C3%BC"),
            ("./A/%FF", "are not UTF-8"),
            ("./A?", "\"?\" is no query"),
            ("./A?list=all", "\"?list=all\" is no query"),
            ("./A?prop=Type?prop=Name", "is no query"),
            ("./A?/B", "write %3F for a question mark"),
        ] {
            assert!(refusal(text).contains(says), "{text:?}: {}", refusal(text));
        }
    }

    #[test]
    fn length_is_bounded() {
        let longest = format!("./{}", "a".repeat(LocUri::MAX_LEN - 2));
        assert_eq!(check(&longest), Ok(()));
        assert_eq!(check(&format!("{longest}a")), Err(LocUriError::TooLong(LocUri::MAX_LEN + 1)));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = check(&text);
            let uri = LocUri(text);
            uri.names_same_node(uri.as_str());
            let _ = (uri.scope(), uri.query(), uri.ends_session(), uri.works_asynchronously());
        }

        #[test]
        fn a_name_with_its_escapes_is_valid(name in "[^./*\u{0}-\u{1f}\u{7f}][^/\u{0}-\u{1f}\u{7f}]{0,20}") {
            let escaped = utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
            let text = format!("./Vendor/{escaped}");
            prop_assert_eq!(check(&text), Ok(()));
            prop_assert!(LocUri(text.clone()).names_same_node(&text.to_ascii_lowercase()));
            prop_assert!(LocUri("./vendor".to_owned()).is_ancestor_of(&text));
        }
    }
}
