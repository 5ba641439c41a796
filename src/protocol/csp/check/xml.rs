//! Whether a value is XML: elements that are closed, beside each other or in one (ADMX-backed policies have several).

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use crate::csp::short;
use crate::syncml::wbxml::is_xml_character;

/// What is wrong with a fragment, and where; its characters were looked at before.
pub(super) fn wrong(fragment: &str) -> Option<String> {
    let mut reader = NsReader::from_str(fragment);
    let (mut open, mut elements) = (Vec::new(), 0_usize);
    loop {
        let offset = reader.buffer_position();
        let what = match reader.read_event() {
            Ok(Event::Start(start)) => {
                elements += 1;
                open.push(start.name().as_ref().to_owned());
                element(&reader, &start)
            }
            Ok(Event::Empty(start)) => {
                elements += 1;
                element(&reader, &start)
            }
            Ok(Event::End(_)) => {
                open.pop();
                None
            }
            Ok(Event::GeneralRef(reference)) => entity(&reference),
            Ok(Event::Text(text)) if text.contains("]]>") => Some("write ]]&gt; in place of ]]>".to_owned()),
            Ok(Event::Decl(_)) if offset > 0 => Some("write <?xml …?> at the very start or not at all".to_owned()),
            Ok(Event::DocType(_)) => Some("leave the DOCTYPE out, devices refuse it".to_owned()),
            Ok(Event::Eof) => break,
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        if let Some(what) = what {
            return Some(format!("the value is not well-formed XML, at byte {offset}: {what}"));
        }
    }
    match open.last() {
        Some(name) => Some(format!("the value is not well-formed XML: {name:?} is not closed, write </{name}>")),
        None if elements == 0 => {
            Some("the value has no XML element: write one, or the format \"chr\" for text".to_owned())
        }
        None => None,
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Option<String> {
    let resolver = reader.resolver();
    if !is_name(start.name()) {
        return Some(format!("{:?} is no name for an element", start.name().as_ref()));
    }
    if let (ResolveResult::Unknown(prefix), _) = resolver.resolve_element(start.name()) {
        return Some(format!("the prefix {prefix:?} is not declared, write xmlns:{prefix}=\"…\""));
    }
    for attribute in start.attributes() {
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => return Some(error.to_string()),
        };
        if !is_name(attribute.key) {
            return Some(format!("{:?} is no name for an attribute", attribute.key.as_ref()));
        }
        if attribute.value.contains('<') {
            return Some("write &lt; in place of < in an attribute".to_owned());
        }
        if let Err(error) = attribute.normalized_value(XmlVersion::Explicit1_0) {
            return Some(error.to_string());
        }
        if let (ResolveResult::Unknown(prefix), _) = resolver.resolve_attribute(attribute.key) {
            return Some(format!("the prefix {prefix:?} is not declared, write xmlns:{prefix}=\"…\""));
        }
    }
    None
}

/// Whether a name begins as names do; the reader ends it where names end.
fn is_name(name: QName<'_>) -> bool {
    name.as_ref().split(':').all(|part| part.starts_with(|first: char| first.is_alphabetic() || first == '_'))
}

fn entity(reference: &BytesRef<'_>) -> Option<String> {
    let is_known = match reference.resolve_char_ref() {
        Ok(Some(character)) => is_xml_character(character),
        Ok(None) => resolve_predefined_entity(reference).is_some(),
        Err(_) => false,
    };
    let name = short(reference, 20);
    (!is_known).then(|| format!("&{name}; is not defined in XML, write the character itself"))
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn fragments_of_several_elements_are_right() {
        for value in [
            "<a/>",
            "<enabled/><data id=\"x\" value=\"1&#xF000;2 &amp; 3\"/>",
            "<?xml version=\"1.0\"?>\n<a xmlns=\"urn:x\" xmlns:p=\"urn:y\"><p:b p:c='1'>&lt;&#65;</p:b><!-- c --></a>",
            "<a><![CDATA[<not & markup>]]></a>",
            "text <b>and</b> elements",
            "<\u{e4}/>",
        ] {
            assert_eq!(wrong(value), None, "{value}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_named() {
        for (value, says) in [
            ("", "has no XML element"),
            ("text", "has no XML element"),
            ("<a>", "\"a\" is not closed, write </a>"),
            ("<a><b></a>", "at byte 6"),
            ("</a>", "at byte 0"),
            ("<a", "at byte 0"),
            ("<1a/>", "no name for an element"),
            ("<a 1b='x'/>", "no name for an attribute"),
            ("<a b=1/>", "at byte 0"),
            ("<a b='1' b='2'/>", "at byte 0"),
            ("<a b='<'/>", "write &lt;"),
            ("<a b='&nope;'/>", "at byte 0"),
            ("<a>&nope;</a>", "&nope; is not defined"),
            ("<a>&#0;</a>", "&#0; is not defined"),
            ("<a>&#xFFFE;</a>", "is not defined"),
            ("<a>a & b</a>", "at byte 5"),
            ("<a>]]></a>", "write ]]&gt;"),
            ("\n<?xml version='1.0'?><a/>", "at the very start"),
            ("<!DOCTYPE a><a/>", "leave the DOCTYPE out"),
            ("<p:a/>", "the prefix \"p\" is not declared"),
            ("<a p:b='1'/>", "the prefix \"p\" is not declared"),
        ] {
            let what = wrong(value).unwrap_or_else(|| panic!("{value} was taken"));
            assert!(what.contains(says), "{value}: {what}");
        }
    }
}
