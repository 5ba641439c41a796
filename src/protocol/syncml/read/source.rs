//! The reader's hands: child by child through a document, each kind of content in its way.

use std::borrow::Cow;

use crate::syncml::{Data, Oddity};
use crate::xml::{Event, Limits, Reader, Reason, Refusal};

/// A document being read, and what was odd about it so far.
pub(super) struct Source<'a> {
    xml: Reader<'a>,
    oddities: Vec<Oddity>,
    kept: usize,
}

/// More are not noted: the first ones tell enough, and what a stranger sends must not fill the journal.
const ODDITIES: usize = 32;

/// More commands and items are refused: four bytes on the wire (`<a/>`) would become half a kilobyte in memory. A
/// message of complete ones that is within the default limit of elements has fewer.
pub(super) const KEPT: usize = 10_000;

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str, limits: &Limits) -> Self {
        Self { xml: Reader::new(text, limits), oddities: Vec::new(), kept: 0 }
    }

    /// The next child of the open element, which is then open itself; `None` when the element ends.
    pub(super) fn child(&mut self) -> Result<Option<&'a str>, Refusal> {
        loop {
            match self.xml.next()? {
                Event::Start(name) => return Ok(Some(name)),
                Event::End(_) | Event::Eof => return Ok(None),
                Event::Text(text) if text.trim_ascii().is_empty() => {}
                Event::Text(_) => self.note("text stands between elements"),
            }
        }
    }

    /// Fills a slot from the element that just began; refuses it when the slot is taken.
    pub(super) fn once<T>(
        &mut self,
        slot: &mut Option<T>,
        parse: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<(), Refusal> {
        self.at_most_once(slot, |source| parse(source).map(Some))
    }

    /// As [`Source::once`], for content that may turn out to be nothing.
    pub(super) fn at_most_once<T>(
        &mut self,
        slot: &mut Option<T>,
        parse: impl FnOnce(&mut Self) -> Result<Option<T>, Refusal>,
    ) -> Result<(), Refusal> {
        if slot.is_some() {
            let name = self.xml.name().to_owned();
            return Err(self.refuse(Reason::Duplicate(name)));
        }
        *slot = parse(self)?;
        Ok(())
    }

    /// Counts a command or an item, which just began.
    pub(super) fn keep(&mut self) -> Result<(), Refusal> {
        self.kept += 1;
        if self.kept > KEPT { Err(self.refuse(Reason::TooManyCommands(KEPT))) } else { Ok(()) }
    }

    /// An identifier, a URI or a code: text without the blanks around it.
    pub(super) fn token(&mut self) -> Result<String, Refusal> {
        let content =
            self.xml.content(|xml| odd(&mut self.oddities, xml, "an element stands in what should be text"))?;
        Ok(content.text.trim_ascii().to_owned())
    }

    /// A token that counts as absent when it is empty.
    pub(super) fn word(&mut self) -> Result<Option<String>, Refusal> {
        self.token().map(|token| Some(token).filter(|token| !token.is_empty()))
    }

    /// A number of bytes; noted and absent when it is none.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, Refusal> {
        let number = decimal(&self.token()?);
        if number.is_none() {
            self.note(&format!("`{name}` is not a number"));
        }
        Ok(number)
    }

    /// An element that says all by being there.
    pub(super) fn flag(&mut self) -> Result<(), Refusal> {
        self.xml.content(|_| {}).map(|_| ())
    }

    /// Content that is kept as it is, blanks and all.
    pub(super) fn data(&mut self) -> Result<Data, Refusal> {
        let content = self.xml.content(|_| {})?;
        Ok(match content.markup {
            Some(markup) => Data::Markup(markup.to_owned()),
            None => Data::Text(content.text.into_owned()),
        })
    }

    /// Skips the element that just began, and notes it.
    pub(super) fn pass_over(&mut self) -> Result<(), Refusal> {
        self.note("not understood and passed over");
        self.flag()
    }

    /// An attribute of the element that just began, by local name.
    pub(super) fn attribute(&self, local: &str) -> Option<Cow<'a, str>> {
        self.xml.attribute(local)
    }

    /// The namespace of the root.
    pub(super) fn namespace(&self) -> Cow<'a, str> {
        self.xml.root_namespace()
    }

    /// Notes something about the open element.
    pub(super) fn note(&mut self, what: &str) {
        odd(&mut self.oddities, &self.xml, what);
    }

    /// A refusal of the element that just began.
    pub(super) fn refuse(&self, reason: Reason) -> Refusal {
        self.xml.refuse_here(reason)
    }

    /// A refusal of the root, which just ended.
    pub(super) fn missing(&self, name: &'static str) -> Refusal {
        Refusal { path: "SyncML".to_owned(), ..self.refuse(Reason::Missing(name)) }
    }

    /// Reads to the end of the document.
    pub(super) fn end(mut self) -> Result<Vec<Oddity>, Refusal> {
        while self.xml.next()? != Event::Eof {}
        Ok(self.oddities)
    }
}

fn odd(oddities: &mut Vec<Oddity>, xml: &Reader<'_>, what: &str) {
    if oddities.len() < ODDITIES {
        oddities.push(Oddity { path: xml.path(), what: what.to_owned() });
    }
}

/// A decimal number without sign; the standard parser alone would take a `+`.
pub(super) fn decimal<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits() {
        assert_eq!(decimal::<u16>("0200"), Some(200));
        for wrong in ["", "+1", "-1", "1.0", "0x10", "65536", "１"] {
            assert_eq!(decimal::<u16>(wrong), None, "{wrong}");
        }
    }
}
