//! The inside of an element, taken whole.

use std::borrow::Cow;

use super::{Event, Reader, Refusal};

/// What stood inside an element.
#[derive(Debug, Default)]
pub(crate) struct Content<'a> {
    /// Character data directly inside.
    pub(crate) text: Cow<'a, str>,
    /// When elements stood inside: everything between the tags, exactly as it was written.
    pub(crate) markup: Option<&'a str>,
}

impl<'a> Reader<'a> {
    /// Reads to the end of the element that just began. `on_element` is told of each element directly inside, while that
    /// one is open.
    pub(crate) fn content(&mut self, mut on_element: impl FnMut(&Self)) -> Result<Content<'a>, Refusal> {
        let inside = self.span().end;
        let depth = self.depth();
        let mut content = Content::default();
        let mut elements = false;
        loop {
            match self.next()? {
                Event::Text(part) if self.depth() == depth => {
                    if content.text.is_empty() {
                        content.text = part;
                    } else {
                        content.text.to_mut().push_str(&part);
                    }
                }
                Event::Start(_) => {
                    elements = true;
                    if self.depth() == depth + 1 {
                        on_element(self);
                    }
                }
                Event::End(_) if self.depth() < depth => break,
                Event::Eof => break,
                Event::Text(_) | Event::End(_) => {}
            }
        }
        if elements {
            content.markup = Some(self.slice(inside..self.span().start));
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Limits;

    #[test]
    fn content_is_text_or_markup_as_it_was_written() {
        let inside = |text: &str| {
            let mut reader = Reader::new(text, &Limits::default());
            reader.next().unwrap();
            let content = reader.content(|_| {}).unwrap();
            assert_eq!(reader.next(), Ok(Event::Eof));
            (content.text.into_owned(), content.markup.map(str::to_owned))
        };
        assert_eq!(inside("<a/>"), (String::new(), None));
        assert_eq!(inside("<a> b<!-- c -->&amp;<![CDATA[d]]></a>"), (" b&d".to_owned(), None));
        assert_eq!(
            inside("<a> b <c x='&lt;'>d</c>e</a>"),
            (" b e".to_owned(), Some(" b <c x='&lt;'>d</c>e".to_owned()))
        );
        assert_eq!(inside("<a><b/></a>"), (String::new(), Some("<b/>".to_owned())));
    }
}
