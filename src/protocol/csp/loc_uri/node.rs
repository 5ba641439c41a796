//! The node that an address names, whatever its spelling. Takes any text: devices write addresses too.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The address without its query.
pub(super) fn path(uri: &str) -> &str {
    uri.split('?').next().unwrap_or_default()
}

/// The segments from the root on, percent escapes decoded. `./Device` counts as the root where something follows
/// (ITP: `./Vendor/…` is `./Device/Vendor/…`); empty segments are passed over.
pub(in crate::csp) fn segments(uri: &str) -> impl Iterator<Item = Cow<'_, [u8]>> {
    written_segments(uri).map(|segment| percent_decode_str(segment).into())
}

/// The same, as they are written.
pub(in crate::csp) fn written_segments(uri: &str) -> impl Iterator<Item = &str> {
    let path = path(uri).trim();
    let below_root = if path == "." { "" } else { path.strip_prefix("./").unwrap_or(path) };
    let relative = match below_root.split_once('/') {
        Some((first, rest)) if first.eq_ignore_ascii_case("Device") => rest,
        _ => below_root,
    };
    relative.split('/').filter(|segment| !segment.is_empty())
}

/// Whether two segments name the same node. Windows compares ASCII letters without their case.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// Whether an address has the form of a pattern without its scope; `*` stands for any one segment.
pub(super) fn matches(uri: &str, pattern: &str) -> bool {
    let mut found = segments(uri).peekable();
    found.next_if(|first| is_same(first, b"User"));
    let mut wanted = pattern.split('/');
    let all = found
        .by_ref()
        .all(|found| wanted.next().is_some_and(|wanted| wanted == "*" || is_same(&found, wanted.as_bytes())));
    all && wanted.next().is_none()
}

/// A text that is equal for two valid addresses exactly when [`is_same`] holds for all their segments. What divides
/// the segments is a character that no valid name has.
pub(super) fn key(uri: &str) -> String {
    let mut key = String::new();
    for segment in segments(uri) {
        key.push('\n');
        key.extend(segment.iter().map(|byte| char::from(byte.to_ascii_lowercase())));
    }
    key
}
