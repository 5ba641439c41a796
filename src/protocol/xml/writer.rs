//! Writes elements so that they can't be wrong: every text is escaped on its way out, every name is a constant.

use super::character::is_allowed;

/// Where a [`Writer`] puts its text.
pub(crate) trait Sink {
    /// Takes the next piece.
    fn put(&mut self, text: &str);
}

/// A sink that only counts bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) usize);

/// Writes one line of XML without a declaration, CDATA or comments.
#[derive(Debug, Default)]
pub(crate) struct Writer<S> {
    sink: S,
}

impl Sink for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Sink for Count {
    fn put(&mut self, text: &str) {
        self.0 += text.len();
    }
}

impl<S: Sink> Writer<S> {
    /// Writes into a sink.
    pub(crate) fn new(sink: S) -> Self {
        Self { sink }
    }

    /// What was written.
    pub(crate) fn into_sink(self) -> S {
        self.sink
    }

    /// A start tag.
    pub(crate) fn open(&mut self, name: &'static str) {
        self.tag("<", name, ">");
    }

    /// A start tag with attributes.
    pub(crate) fn open_with(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.begin(name, attributes);
        self.sink.put(">");
    }

    /// An element with attributes and without content.
    pub(crate) fn empty_with(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.begin(name, attributes);
        self.sink.put("/>");
    }

    /// An element with attributes and nothing but character data.
    pub(crate) fn leaf_with(&mut self, name: &'static str, attributes: &[(&'static str, &str)], text: &str) {
        self.open_with(name, attributes);
        self.text(text);
        self.close(name);
    }

    fn begin(&mut self, name: &'static str, attributes: &[(&'static str, &str)]) {
        self.tag("<", name, "");
        for (attribute, value) in attributes {
            self.tag(" ", attribute, "=\"");
            escape(value, Place::Attribute, &mut self.sink);
            self.sink.put("\"");
        }
    }

    /// An end tag.
    pub(crate) fn close(&mut self, name: &'static str) {
        self.tag("</", name, ">");
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, name: &'static str) {
        self.tag("<", name, "/>");
    }

    /// Character data.
    pub(crate) fn text(&mut self, text: &str) {
        escape(text, Place::Text, &mut self.sink);
    }

    /// An element with nothing but character data.
    pub(crate) fn leaf(&mut self, name: &'static str, text: &str) {
        if text.is_empty() {
            self.empty(name);
        } else {
            self.open(name);
            self.text(text);
            self.close(name);
        }
    }

    fn tag(&mut self, before: &str, name: &str, after: &str) {
        self.sink.put(before);
        self.sink.put(name);
        self.sink.put(after);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Attribute,
}

/// Writes a text so that a conforming reader gives it back as it was. A carriage return becomes a reference, because a
/// reader would make `\n` of it; so does a line feed, because a message is one line, and in an attribute a tab. A character
/// that XML 1.0 can't express becomes U+FFFD: data that needs it has to travel as base64.
fn escape(text: &str, place: Place, sink: &mut impl Sink) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let (escaped, length) = match byte {
            b'&' => ("&amp;", 1),
            b'<' => ("&lt;", 1),
            b'>' => ("&gt;", 1),
            b'"' => ("&quot;", 1),
            b'\r' => ("&#xD;", 1),
            b'\t' if place == Place::Attribute => ("&#x9;", 1),
            b'\n' => ("&#xA;", 1),
            b'\t' | b' '..0xEF | 0xF0.. => continue,
            0xEF if text.get(at..).and_then(|rest| rest.chars().next()).is_none_or(is_allowed) => continue,
            0xEF => ("\u{FFFD}", 3),
            _ => ("\u{FFFD}", 1),
        };
        sink.put(text.get(written..at).unwrap_or_default());
        sink.put(escaped);
        written = at + length;
    }
    sink.put(text.get(written..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Event, Limits, Reader};

    fn written(write: impl Fn(&mut Writer<String>)) -> String {
        let mut writer = Writer::new(String::new());
        write(&mut writer);
        writer.into_sink()
    }

    #[test]
    fn text_can_not_become_markup() {
        let hostile = "</a><b c=\"d\">&amp;]]><![CDATA['\r\n\t";
        assert_eq!(
            written(|writer| writer.leaf("a", hostile)),
            "<a>&lt;/a&gt;&lt;b c=&quot;d&quot;&gt;&amp;amp;]]&gt;&lt;![CDATA['&#xD;&#xA;\t</a>"
        );
        assert_eq!(
            written(|writer| writer.open_with("a", &[("b", "\"'<\r\n\t ")])),
            "<a b=\"&quot;'&lt;&#xD;&#xA;&#x9; \">"
        );
    }

    #[test]
    fn characters_that_xml_forbids_are_replaced() {
        assert_eq!(
            written(|writer| writer.text("a\0b\u{1B}c\u{FFFE}d\u{FFFF}")),
            "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}"
        );
        let kept = "\u{F000}\u{FEFF}\u{FFFD}é😀\u{7F}\u{85}";
        assert_eq!(written(|writer| writer.text(kept)), kept);
    }

    #[test]
    fn attributes_and_text_come_back() {
        let value = " \r\n\t<&>\"' é";
        let text = written(|writer| {
            writer.open_with("a", &[("b", value)]);
            writer.text(value);
            writer.close("a");
        });
        let mut reader = Reader::new(&text, &Limits::default());
        assert_eq!(reader.next(), Ok(Event::Start("a")));
        assert_eq!(reader.attribute("b").as_deref(), Some(value));
        assert_eq!(reader.content(|_| {}).unwrap().text, value);
    }

    #[test]
    fn counting_is_writing() {
        let write = |text: &str| {
            let mut count = Writer::new(Count::default());
            count.leaf("a", text);
            count.into_sink().0
        };
        for text in ["", "a<b", "é\u{FFFF}\0"] {
            assert_eq!(write(text), written(|writer| writer.leaf("a", text)).len());
        }
    }
}
