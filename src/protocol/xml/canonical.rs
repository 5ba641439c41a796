//! Exclusive XML Canonicalization 1.0 without comments: the bytes that a signature over XML is about.
//!
//! Works on what [`Reader`](super::Reader) gives, so that what is verified is what everybody else here reads. There are
//! no document type, no processing instructions and no default attributes: the reader refuses or has none of them.
//! `InclusiveNamespaces` is not supported; who asks for it is refused elsewhere.

use std::borrow::Cow;

/// The namespace of the prefix `xml`, which nobody declares.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// A start tag with its names as they were written.
#[derive(Debug, Clone)]
pub(crate) struct Tag<'a> {
    /// Prefix and local name.
    pub(crate) name: &'a str,
    /// Every attribute and namespace declaration.
    pub(crate) attributes: Vec<(&'a str, Cow<'a, str>)>,
}

/// The namespaces that are in force, level by level.
#[derive(Debug, Default)]
pub(crate) struct Namespaces<'a> {
    level: usize,
    declared: Vec<(usize, &'a str, Cow<'a, str>)>,
}

/// A document or a part of one, in canonical form.
#[derive(Debug, Default)]
pub(crate) struct Canonical<'a> {
    written: String,
    open: Vec<&'a str>,
    /// What open elements of the output declare.
    rendered: Vec<(usize, &'a str, String)>,
}

impl<'a> Tag<'a> {
    /// Prefix and local name; the prefix may be empty.
    fn split(name: &'a str) -> (&'a str, &'a str) {
        name.split_once(':').unwrap_or(("", name))
    }

    /// The local name.
    pub(crate) fn local(&self) -> &'a str {
        Self::split(self.name).1
    }
}

impl<'a> Namespaces<'a> {
    /// An element begins.
    pub(crate) fn enter(&mut self, tag: &Tag<'a>) {
        self.level += 1;
        for (name, value) in &tag.attributes {
            match Tag::split(name) {
                ("", "xmlns") => self.declared.push((self.level, "", value.clone())),
                ("xmlns", prefix) => self.declared.push((self.level, prefix, value.clone())),
                _ => {}
            }
        }
    }

    /// The innermost element ends.
    pub(crate) fn leave(&mut self) {
        while self.declared.last().is_some_and(|(level, ..)| *level >= self.level) {
            self.declared.pop();
        }
        self.level = self.level.saturating_sub(1);
    }

    /// What a prefix stands for; empty for no namespace.
    fn resolve(&self, prefix: &str) -> &str {
        if prefix == "xml" {
            return XML;
        }
        let found = self.declared.iter().rev().find(|(_, declared, _)| *declared == prefix);
        found.map_or("", |(.., uri)| uri)
    }

    /// The namespace of an element.
    pub(crate) fn of_element(&self, tag: &Tag<'_>) -> &str {
        self.resolve(tag.name.split_once(':').map_or("", |(prefix, _)| prefix))
    }

    /// The namespace of an attribute: none without a prefix.
    pub(crate) fn of_attribute(&self, name: &str) -> &str {
        name.split_once(':').map_or("", |(prefix, _)| self.resolve(prefix))
    }
}

impl<'a> Canonical<'a> {
    /// An element begins, in whose namespaces were entered already.
    pub(crate) fn start(&mut self, tag: &Tag<'a>, namespaces: &Namespaces<'a>) {
        self.open.push(tag.name);
        self.written.push('<');
        self.written.push_str(tag.name);
        self.declarations(tag, namespaces);
        let mut attributes: Vec<_> = tag
            .attributes
            .iter()
            .filter(|(name, _)| !is_declaration(name))
            .map(|(name, value)| (namespaces.of_attribute(name), Tag::split(name).1, *name, value))
            .collect();
        attributes.sort_by_key(|(uri, local, ..)| (*uri, *local));
        for (_, _, name, value) in attributes {
            self.attribute(name, value);
        }
        self.written.push('>');
    }

    /// The declarations of the prefixes that the tag itself uses, unless an ancestor in the output has them already.
    fn declarations(&mut self, tag: &Tag<'a>, namespaces: &Namespaces<'a>) {
        let of_attributes = tag.attributes.iter().filter(|(name, _)| !is_declaration(name));
        let mut used: Vec<&'a str> =
            of_attributes.map(|(name, _)| Tag::split(name).0).filter(|prefix| !prefix.is_empty()).collect();
        used.push(Tag::split(tag.name).0);
        used.sort_unstable();
        used.dedup();
        for prefix in used.into_iter().filter(|prefix| *prefix != "xml") {
            let uri = namespaces.resolve(prefix);
            let before = self.rendered.iter().rev().find(|(_, declared, _)| *declared == prefix);
            // Nothing declares the default namespace as none at the top.
            if before.map_or("", |(.., uri)| uri) == uri {
                continue;
            }
            let uri = uri.to_owned();
            match prefix {
                "" => self.attribute("xmlns", &uri),
                prefix => self.attribute(&format!("xmlns:{prefix}"), &uri),
            }
            self.rendered.push((self.open.len(), prefix, uri));
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.written.extend([" ", name, "=\""]);
        for character in value.chars() {
            match character {
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '"' => self.written.push_str("&quot;"),
                '\t' => self.written.push_str("&#x9;"),
                '\n' => self.written.push_str("&#xA;"),
                '\r' => self.written.push_str("&#xD;"),
                other => self.written.push(other),
            }
        }
        self.written.push('"');
    }

    /// Character data inside an element.
    pub(crate) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '>' => self.written.push_str("&gt;"),
                '\r' => self.written.push_str("&#xD;"),
                other => self.written.push(other),
            }
        }
    }

    /// The innermost element ends.
    pub(crate) fn end(&mut self) {
        let level = self.open.len();
        if let Some(name) = self.open.pop() {
            self.written.extend(["</", name, ">"]);
        }
        while self.rendered.last().is_some_and(|(declared_at, ..)| *declared_at >= level) {
            self.rendered.pop();
        }
    }

    /// What was written.
    pub(crate) fn into_text(self) -> String {
        self.written
    }
}

/// Whether an attribute declares a namespace.
fn is_declaration(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Limits, Reader};
    use super::*;

    fn canonical(text: &str) -> String {
        let mut reader = Reader::new(text, &Limits::default());
        let (mut namespaces, mut canonical) = (Namespaces::default(), Canonical::default());
        loop {
            match reader.next().unwrap() {
                Event::Start(_) => {
                    let tag = reader.tag();
                    namespaces.enter(&tag);
                    canonical.start(&tag, &namespaces);
                }
                Event::Text(text) => canonical.text(&text),
                Event::End(_) => {
                    canonical.end();
                    namespaces.leave();
                }
                Event::Eof => return canonical.into_text(),
            }
        }
    }

    #[test]
    fn namespaces_stand_where_they_are_used_and_once() {
        for (text, expected) in [
            ("<a xmlns='n' xmlns:unused='u'><b/></a>", "<a xmlns=\"n\"><b></b></a>"),
            (
                "<s:a xmlns:s='n' xmlns:q='m'><q:b/><q:c><q:d/></q:c></s:a>",
                "<s:a xmlns:s=\"n\"><q:b xmlns:q=\"m\"></q:b><q:c xmlns:q=\"m\"><q:d></q:d></q:c></s:a>",
            ),
            (
                "<a xmlns='n'><b xmlns=''><c xmlns='n'/></b></a>",
                "<a xmlns=\"n\"><b xmlns=\"\"><c xmlns=\"n\"></c></b></a>",
            ),
            ("<a xmlns=''><b/></a>", "<a><b></b></a>"),
            (
                "<p:a xmlns:p='n'><p:b xmlns:p='m'/><p:c/></p:a>",
                "<p:a xmlns:p=\"n\"><p:b xmlns:p=\"m\"></p:b><p:c></p:c></p:a>",
            ),
            ("<a xmlns:x='u' x:b='1'/>", "<a xmlns:x=\"u\" x:b=\"1\"></a>"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn attributes_are_sorted_by_namespace_and_name() {
        let text = "<a z='1' b='2' xmlns:y='n1' xmlns:x='n2' x:a='3' y:c='4' xml:lang='en'/>";
        let expected = "<a xmlns:x=\"n2\" xmlns:y=\"n1\" b=\"2\" z=\"1\" xml:lang=\"en\" y:c=\"4\" x:a=\"3\"></a>";
        assert_eq!(canonical(text), expected);
    }

    #[test]
    fn one_text_has_one_spelling() {
        let text = "<?xml version='1.0'?>\n<!-- c --><a b='&lt;&quot;&#9;\n&apos;>'>\r\n&amp;&gt;&#13;<!-- c -->\
                    <![CDATA[<x>&]]>'\"</a>\n";
        let expected = "<a b=\"&lt;&quot;&#x9; '>\">\n&amp;&gt;&#xD;&lt;x&gt;&amp;'\"</a>";
        assert_eq!(canonical(text), expected);
        assert_eq!(canonical(expected), expected);
    }
}
