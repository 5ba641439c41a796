//! Attributes of one start tag: what `quick-xml` leaves to the caller (XML 1.0, 3.1; Namespaces in XML 1.0, 3 and 5).

use std::borrow::Cow;

use quick_xml::events::attributes::{AttrError, Attributes};

use super::character::{qualified, resolve};
use super::{Reason, clip};

/// What the attributes of a start tag say about prefixes.
#[derive(Debug, Default)]
pub(super) struct Prefixes<'a> {
    /// Prefixes that the tag declares.
    pub(super) declared: Vec<&'a str>,
    /// Prefixes that its attributes use.
    pub(super) used: Vec<&'a str>,
}

/// Checks the attributes of a start tag, which is given without its angle brackets, from the end of its name on.
pub(super) fn check(tag: &str, name_len: usize, limit: usize) -> Result<Prefixes<'_>, Reason> {
    let mut prefixes = Prefixes::default();
    let mut count = 0;
    let mut attributes = Attributes::new(tag, name_len);
    for attribute in attributes.with_checks(false) {
        let attribute = attribute.map_err(|_| written_wrong())?;
        count += 1;
        if count > limit {
            return Err(Reason::TooManyAttributes(limit));
        }
        let name = attribute.key.0;
        let (prefix, local) = qualified(name).ok_or_else(|| Reason::Name(clip(name, 64).into_owned()))?;
        value(&attribute.value)?;
        match prefix {
            "" => {}
            "xmlns" if attribute.value.is_empty() => {
                return Err(Reason::Malformed("a prefix is declared as nothing".to_owned()));
            }
            "xmlns" => prefixes.declared.push(local),
            used => prefixes.used.push(used),
        }
    }
    // One attribute can't stand twice, and nearly every tag of a message has at most one.
    if count > 1 {
        for attribute in Attributes::new(tag, name_len) {
            if let Err(AttrError::Duplicated(start, _)) = attribute {
                let name = tag.get(start..).and_then(|rest| rest.split(['=', ' ', '\t', '\r', '\n']).next());
                return Err(Reason::DuplicateAttribute(clip(name.unwrap_or_default(), 64).into_owned()));
            }
        }
    }
    Ok(prefixes)
}

/// The value of an attribute with this local name, whatever its prefix, of a tag that was checked.
pub(super) fn by_local_name<'a>(tag: &'a str, name_len: usize, local: &str) -> Option<Cow<'a, str>> {
    find(tag, name_len, |name| qualified(name).is_some_and(|(prefix, name)| prefix != "xmlns" && name == local))
}

/// Every attribute of a tag that was checked, by local name; declarations of prefixes are none.
pub(super) fn all(tag: &str, name_len: usize) -> Vec<(&str, Cow<'_, str>)> {
    let local = |(name, value)| match qualified(name)? {
        ("xmlns", _) | ("", "xmlns") => None,
        (_, local) => Some((local, value)),
    };
    written(tag, name_len).into_iter().filter_map(local).collect()
}

/// Every attribute and declaration by its name as it was written, of a tag that was checked.
pub(super) fn written(tag: &str, name_len: usize) -> Vec<(&str, Cow<'_, str>)> {
    let mut attributes = Attributes::new(tag, name_len);
    let attributes = attributes.with_checks(false).flatten();
    attributes
        .filter_map(|attribute| {
            let value = match attribute.value {
                Cow::Borrowed(raw) => value(raw).ok()?,
                Cow::Owned(raw) => Cow::Owned(value(&raw).ok()?.into_owned()),
            };
            Some((attribute.key.0, value))
        })
        .collect()
}

/// The value of an attribute with exactly this name, of a tag that was checked.
pub(super) fn by_name<'a>(tag: &'a str, name_len: usize, wanted: &str) -> Option<Cow<'a, str>> {
    find(tag, name_len, |name| name == wanted)
}

fn find(tag: &str, name_len: usize, wanted: impl Fn(&str) -> bool) -> Option<Cow<'_, str>> {
    let mut attributes = Attributes::new(tag, name_len);
    match attributes.with_checks(false).flatten().find(|attribute| wanted(attribute.key.0))?.value {
        Cow::Borrowed(raw) => value(raw).ok(),
        Cow::Owned(raw) => value(&raw).ok().map(|value| Cow::Owned(value.into_owned())),
    }
}

/// A value with references resolved and white space made blanks (XML 1.0, 3.3.3).
fn value(raw: &str) -> Result<Cow<'_, str>, Reason> {
    if !raw.contains(['<', '&', '\t', '\r', '\n']) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, from)) = rest.find(['<', '&', '\t', '\r', '\n']).and_then(|at| rest.split_at_checked(at)) {
        value.push_str(before);
        if let Some(reference) = from.strip_prefix('&') {
            let (name, after) = reference.split_once(';').ok_or_else(written_wrong)?;
            value.push(resolve(name)?);
            rest = after;
        } else if from.starts_with('<') {
            return Err(Reason::Malformed("`<` stands in an attribute".to_owned()));
        } else {
            value.push(' ');
            rest = from.strip_prefix("\r\n").or_else(|| from.get(1..)).unwrap_or_default();
        }
    }
    value.push_str(rest);
    Ok(Cow::Owned(value))
}

fn written_wrong() -> Reason {
    Reason::Malformed("an attribute is not written as name=\"value\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_told_apart() {
        let prefixes = check("a xmlns='n' xmlns:p=\"m\" p:b='' q:c='' d=''", 1, 9).unwrap();
        assert_eq!(prefixes.declared, ["p"]);
        assert_eq!(prefixes.used, ["p", "q"]);
    }

    #[test]
    fn wrong_attributes_have_their_reasons() {
        let code = |tag| check(tag, 1, 3).map(|_| ()).map_err(|reason| reason.code());
        assert_eq!(code("a b='1' c='2' d='3'"), Ok(()));
        assert_eq!(code("a b='1' c='2' d='3' e='4'"), Err("too_many_attributes"));
        assert_eq!(code("a b='1' b='2'"), Err("duplicate_attribute"));
        assert_eq!(code("a b='&nbsp;'"), Err("entity"));
        assert_eq!(code("a b='&#1;'"), Err("character"));
        assert_eq!(code("a 1b='1'"), Err("name"));
        for malformed in ["a b", "a b=1", "a b='<'", "a b='&amp'", "a b='", "a xmlns:p=''"] {
            assert_eq!(code(malformed), Err("malformed"), "{malformed}");
        }
    }

    #[test]
    fn duplicate_is_named() {
        assert_eq!(check("a x:b = '1' x:b = '2'", 1, 3).err(), Some(Reason::DuplicateAttribute("x:b".to_owned())));
    }

    #[test]
    fn all_attributes_have_local_names_and_declarations_are_none() {
        let all = all("a xmlns='n' xmlns:p='m' p:b='1' b='&lt;' xml:lang='en'", 1);
        let all: Vec<_> = all.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        assert_eq!(all, [("b", "1"), ("b", "<"), ("lang", "en")]);
    }

    #[test]
    fn values_are_found_by_local_name() {
        let tag = "Data xmlns:originalerror='no' m:originalerror='0x8&#x36;&amp;\r\n\t1'";
        assert_eq!(by_local_name(tag, 4, "originalerror").as_deref(), Some("0x86&  1"));
        assert_eq!(by_local_name(tag, 4, "error"), None);
    }
}
