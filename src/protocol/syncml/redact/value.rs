//! Secrets inside a value whose node is none: XML that carries a key or a password among other things, such as a Wi-Fi
//! profile in a declared configuration document, or `parm name="AAUTHSECRET"` in a provisioning document.
//!
//! A value is read loosely here, since nobody promises that it is XML: tags are found in plain spelling (`<a>`) and
//! escaped once more (`&lt;a&gt;`). Every byte is looked at a fixed number of times at most.

use std::ops::Range;

use super::secret::names_secret;

/// Attributes that name what their element stands for.
const NAMING: [&str; 7] = ["name", "id", "path", "key", "uri", "locuri", "node"];

/// The parts of a value that hold secrets, in order and apart from each other.
pub(super) fn secrets(value: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(tag) = Tag::next(value, at) {
        at = tag.end;
        let mut secret = names_secret(local(tag.name));
        let mut carried = None;
        for (key, content) in attributes(value, tag.attributes.clone(), tag.escaped) {
            if NAMING.iter().any(|naming| key.eq_ignore_ascii_case(naming)) {
                secret |= names_secret(value.get(content).unwrap_or_default());
            } else if key.eq_ignore_ascii_case("value") {
                carried = Some(content);
            } else if names_secret(local(key)) {
                found.push(content);
            }
        }
        if secret {
            found.extend(carried);
            if !tag.empty {
                at = tag.inside_ends(value);
                found.push(tag.end..at);
            }
        }
    }
    found.retain(|range| !range.is_empty());
    found.sort_by_key(|range| range.start);
    found
}

/// A start tag in a value.
struct Tag<'a> {
    name: &'a str,
    /// What stands between its name and its end.
    attributes: Range<usize>,
    /// Where the tag is over.
    end: usize,
    /// `<a/>`: nothing stands inside.
    empty: bool,
    /// Its angle brackets are written as `&lt;` and `&gt;`.
    escaped: bool,
}

impl<'a> Tag<'a> {
    /// The first start tag at or after a place.
    fn next(value: &'a str, from: usize) -> Option<Self> {
        let mut at = from;
        loop {
            at += value.get(at..)?.find(['<', '&'])?;
            let rest = value.get(at..)?;
            let (escaped, bracket) = if rest.starts_with("&lt;") { (true, 4) } else { (false, 1) };
            let name = rest.get(bracket..)?;
            let name = name.get(..name.find(|c| !continues_name(c)).unwrap_or(name.len()))?;
            if name.is_empty() || (!escaped && rest.starts_with('&')) {
                at += bracket;
                continue;
            }
            let begin = at + bracket + name.len();
            let (close, end) = tag_end(value, begin, escaped);
            let empty = value.get(begin..close)?.trim_end().ends_with('/');
            return Some(Self { name, attributes: begin..close, end, empty, escaped });
        }
    }

    /// Where the end tag of this element begins; the end of the value when there is none.
    fn inside_ends(&self, value: &str) -> usize {
        let bracket = if self.escaped { "&lt;" } else { "<" };
        let mut at = self.end;
        while let Some(next) = value.get(at..).and_then(|rest| rest.find(bracket)) {
            at += next;
            let end_tag = value
                .get(at + bracket.len()..)
                .and_then(|rest| rest.strip_prefix('/'))
                .and_then(|rest| rest.strip_prefix(self.name))
                .is_some_and(|rest| !rest.starts_with(continues_name));
            if end_tag {
                return at;
            }
            at += bracket.len();
        }
        value.len()
    }
}

/// Where the bracket stands that ends a tag, and where it is over. An attribute may hold brackets.
fn tag_end(value: &str, begin: usize, escaped: bool) -> (usize, usize) {
    let mut at = begin;
    while let Some(next) = value.get(at..).and_then(|rest| rest.find(['>', '"', '\'', '&'])) {
        at += next;
        let rest = value.get(at..).unwrap_or_default();
        if rest.starts_with('>') {
            return (at, at + 1);
        }
        if escaped && rest.starts_with("&gt;") {
            return (at, at + 4);
        }
        at += match quote(rest, escaped) {
            Some(quote) => match rest.get(quote.len()..).and_then(|inside| inside.find(quote)) {
                Some(length) => length + 2 * quote.len(),
                None => break,
            },
            None => 1,
        };
    }
    (value.len(), value.len())
}

/// The attributes in a part of a value: names, and where the values stand.
fn attributes(value: &str, part: Range<usize>, escaped: bool) -> Vec<(&str, Range<usize>)> {
    let mut found = Vec::new();
    let text = value.get(part.clone()).unwrap_or_default();
    let mut at = 0;
    while let Some(equals) = text.get(at..).and_then(|rest| rest.find('=')) {
        let equals = at + equals;
        let key = text.get(at..equals).unwrap_or_default().split_whitespace().next_back().unwrap_or_default();
        let after = text.get(equals + 1..).unwrap_or_default();
        let blanks = after.len() - after.trim_start().len();
        let after = after.trim_start();
        let quote = quote(after, escaped).unwrap_or_default();
        let inside = after.get(quote.len()..).unwrap_or_default();
        let length = if quote.is_empty() { inside.find(char::is_whitespace) } else { inside.find(quote) };
        let start = equals + 1 + blanks + quote.len();
        let end = start + length.unwrap_or(inside.len());
        found.push((key, part.start + start..part.start + end));
        at = end + if length.is_some() { quote.len() } else { 0 };
    }
    found
}

/// The quotation mark that a text begins with.
fn quote(text: &str, escaped: bool) -> Option<&'static str> {
    let marks = if escaped { &["\"", "'", "&quot;", "&apos;"][..] } else { &["\"", "'"] };
    marks.iter().copied().find(|mark| text.starts_with(mark))
}

fn continues_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':')
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value with every secret in it as `*`.
    fn hidden(value: &str) -> String {
        let mut out = String::new();
        let mut at = 0;
        for range in secrets(value) {
            out.push_str(&value[at..range.start]);
            out.push('*');
            at = range.end;
        }
        out + &value[at..]
    }

    #[test]
    fn content_of_telling_elements_is_hidden() {
        for (value, wanted) in [
            ("<sharedKey2/><keyMaterial>abc</keyMaterial>x", "<sharedKey2/><keyMaterial>*</keyMaterial>x"),
            ("<w:keyMaterial a='>'>a&lt;b</w:keyMaterial>", "<w:keyMaterial a='>'>*</w:keyMaterial>"),
            ("&lt;password&gt;a&lt;/password&gt;b", "&lt;password&gt;*&lt;/password&gt;b"),
            ("&lt;password>a&lt;/password>b", "&lt;password>*&lt;/password>b"),
            ("<password>a</passwordx></password>b", "<password>*</password>b"),
            ("<Password>a", "<Password>*"),
            ("<sharedKey><a>b</a></sharedKey>", "<sharedKey>*</sharedKey>"),
            ("<password/>a<password></password>", "<password/>a<password></password>"),
            ("<passwordLength>8</passwordLength>", "<passwordLength>8</passwordLength>"),
            ("a < b & password > c", "a < b & password > c"),
            ("<é><password>é</password></é>", "<é><password>*</password></é>"),
        ] {
            assert_eq!(hidden(value), wanted);
        }
    }

    #[test]
    fn telling_attributes_are_hidden() {
        for (value, wanted) in [
            ("<a password=\"x\" b='y'/>", "<a password=\"*\" b='y'/>"),
            ("<a password = x b='y'/>", "<a password = * b='y'/>"),
            ("<parm name=\"AAUTHSECRET\" value=\"x\"/>", "<parm name=\"AAUTHSECRET\" value=\"*\"/>"),
            ("<parm value='x' name='AAUTHSECRET'>y</parm>", "<parm value='*' name='AAUTHSECRET'>*</parm>"),
            (
                "<URI path='Profile/Net/WlanXml' type='chr'>y</URI>",
                "<URI path='Profile/Net/WlanXml' type='chr'>*</URI>",
            ),
            (
                "&lt;data id=&quot;ProxyPassword&quot; value=&quot;x&quot;/&gt;",
                "&lt;data id=&quot;ProxyPassword&quot; value=&quot;*&quot;/&gt;",
            ),
            (
                "<data id='OSRecoveryPasswordUsageDropDown_Name' value='2'/>",
                "<data id='OSRecoveryPasswordUsageDropDown_Name' value='2'/>",
            ),
            ("<a password='x", "<a password='*"),
            ("<a ='", "<a ='"),
        ] {
            assert_eq!(hidden(value), wanted);
        }
    }

    #[test]
    fn nothing_is_out_of_order() {
        let value = "<a password='1' value='2' name='token'>3</a><b value='4' password='5' id='secret'/>";
        assert_eq!(
            hidden(value),
            "<a password='*' value='*' name='token'>*</a><b value='*' password='*' id='secret'/>"
        );
    }
}
