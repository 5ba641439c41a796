//! A document as a small tree, for messages of which every part has one place.

use std::borrow::Cow;

use super::Why;
use crate::xml::{Event, Limits, Reader, Refusal};

/// One element.
#[derive(Debug, Default)]
pub(crate) struct Element<'a> {
    /// Its local name.
    pub(crate) name: &'a str,
    /// Its attributes by local name, in document order; two prefixes can give one name twice.
    attributes: Vec<(&'a str, Cow<'a, str>)>,
    /// Character data directly inside.
    text: Cow<'a, str>,
    /// Whether a comment stands directly inside.
    comment: bool,
    /// The elements directly inside.
    pub(crate) children: Vec<Self>,
}

impl<'a> Element<'a> {
    /// Reads a document; its root.
    pub(crate) fn read(text: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let mut reader = Reader::new(text, limits);
        let mut open: Vec<Self> = Vec::new();
        let mut root = Self::default();
        let mut comments = 0;
        loop {
            let event = reader.next()?;
            if reader.comments() > comments {
                comments = reader.comments();
                if let Some(element) = open.last_mut() {
                    element.comment = true;
                }
            }
            match event {
                Event::Start(name) => {
                    open.push(Self { name, attributes: reader.attributes_here(), ..Self::default() });
                }
                Event::Text(part) => {
                    if let Some(element) = open.last_mut() {
                        if element.text.is_empty() {
                            element.text = part;
                        } else {
                            element.text.to_mut().push_str(&part);
                        }
                    }
                }
                Event::End(_) => {
                    if let Some(ended) = open.pop() {
                        match open.last_mut() {
                            Some(parent) => parent.children.push(ended),
                            None => root = ended,
                        }
                    }
                }
                Event::Eof => return Ok(root),
            }
        }
    }

    /// The one child of a name, if there is one; two are refused.
    pub(crate) fn child(&self, name: &'static str) -> Result<Option<&Self>, Why> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        if found.next().is_some() { Err(Why::Twice(name)) } else { Ok(first) }
    }

    /// The one child of a name, which has to be there.
    pub(crate) fn required(&self, name: &'static str) -> Result<&Self, Why> {
        self.child(name)?.ok_or(Why::Missing(name))
    }

    /// An attribute by local name, without the blanks around it; refused when two prefixes give it twice.
    pub(crate) fn attribute(&self, name: &'static str) -> Result<Option<&str>, Why> {
        Ok(self.attribute_value(name)?.map(str::trim_ascii))
    }

    /// As [`Element::attribute`], with its blanks.
    pub(crate) fn attribute_value(&self, name: &'static str) -> Result<Option<&str>, Why> {
        let mut found = self.attributes.iter().filter(|(local, _)| *local == name);
        let first = found.next();
        if found.next().is_some() { Err(Why::Twice(name)) } else { Ok(first.map(|(_, value)| value.as_ref())) }
    }

    /// Every attribute, by local name.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (*name, value.as_ref()))
    }

    /// The value of an element in which nothing but text may stand, as it was written.
    ///
    /// A comment inside is refused: of `<Username>ada<!-- -->@example.com</Username>` one reader sees `ada`, another the
    /// whole, and who signed one thing must not be taken for having signed the other (threat T24).
    pub(crate) fn value(&self, place: &'static str) -> Result<&str, Why> {
        if self.comment {
            return Err(Why::Value { place, what: "a comment stands inside" });
        }
        if !self.children.is_empty() {
            return Err(Why::Value { place, what: "an element stands in what should be text" });
        }
        Ok(&self.text)
    }

    /// The value of an identifier: without the blanks around it.
    pub(crate) fn token(&self, place: &'static str) -> Result<&str, Why> {
        self.value(place).map(str::trim_ascii)
    }

    /// The identifier in the one child of a name; absent when it is empty or nil.
    pub(crate) fn word(&self, name: &'static str) -> Result<Option<&str>, Why> {
        let Some(child) = self.child(name)? else { return Ok(None) };
        Ok(Some(child.token(name)?).filter(|word| !word.is_empty()))
    }

    /// This element and all below, parents first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        let mut waiting = vec![self];
        std::iter::from_fn(move || {
            let next = waiting.pop()?;
            waiting.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Element<'_> {
        Element::read(text, &Limits::default()).unwrap()
    }

    #[test]
    fn a_tree_has_names_attributes_text_and_order() {
        let root = read("<p:a xmlns:p='n'> <b p:c=' 1 '>x&amp;<![CDATA[y]]></b><d/> </p:a>");
        assert_eq!((root.name, root.children.len()), ("a", 2));
        let b = root.required("b").unwrap();
        assert_eq!((b.value("b").unwrap(), b.attribute("c").unwrap()), ("x&y", Some("1")));
        assert_eq!(root.all().map(|element| element.name).collect::<Vec<_>>(), ["a", "b", "d"]);
        assert_eq!(root.word("d").unwrap(), None);
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        let root = read("<a xmlns:p='n'><b/><b/><c p:d='1' d='2'>x<!-- -->y</c><e>x<f/></e><!-- between --></a>");
        assert!(matches!(root.child("b"), Err(Why::Twice("b"))));
        assert!(matches!(root.required("z"), Err(Why::Missing("z"))));
        let c = root.required("c").unwrap();
        assert!(matches!(c.attribute("d"), Err(Why::Twice("d"))));
        assert!(matches!(c.value("c"), Err(Why::Value { place: "c", .. })));
        assert!(matches!(root.word("e"), Err(Why::Value { place: "e", .. })));
    }
}
