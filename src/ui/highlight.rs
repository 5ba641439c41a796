//! XML of the journal for people: indented, each part marked with what it is, so that a style can colour it.
//!
//! Works on text that a device may have written: reads it once, bounds what it gives, and what is no XML is shown as
//! text. Numbers that refer to a command become links to it.

use super::text::visible;
use super::texts::sessions as texts;

/// Deepest indentation.
const DEEPEST: usize = 8;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a document.
    pub bytes: usize,
    /// Characters of one text.
    pub text: usize,
    /// Lines: what many small elements cost is not their bytes.
    pub lines: usize,
    /// What is said of what is left out, after how many bytes or characters that is.
    pub left_out: &'static str,
}

impl Bounds {
    /// On a page, where a person looks for something.
    pub const PAGE: Self = Self { bytes: 256 * 1024, text: 4_000, lines: 100_000, left_out: texts::MORE_IS_EXPORTED };

    /// In a file, which has all that is kept; its lines are bounded for all documents together.
    pub const FILE: Self =
        Self { bytes: usize::MAX, text: usize::MAX, lines: 200_000, left_out: texts::MORE_IS_EXPORTED_AS_JSON };
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodeLine {
    /// How far it is indented, up to 8.
    pub indent: usize,
    /// What an address may point at.
    pub anchor: Option<String>,
    /// Its parts.
    pub pieces: Vec<Piece>,
}

/// A part of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// `x-tag`, `x-name`, `x-value`, `x-note`, or nothing for text.
    pub class: &'static str,
    /// The text, to be escaped.
    pub text: String,
    /// Which line of the conversation it leads to.
    pub link: Option<String>,
}

/// A document as lines. `prefix` begins the anchors of its commands.
pub fn lines(xml: &str, prefix: &str, bounds: Bounds) -> Vec<CodeLine> {
    let mut end = xml.len().min(bounds.bytes);
    while !xml.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, mut left_out) = xml.split_at(end);
    let mut writer = Writer { prefix, most: bounds.text, left_out: bounds.left_out, ..Writer::default() };
    let mut rest = shown;
    while let Some(start) = rest.find('<') {
        if writer.lines.len() >= bounds.lines {
            left_out = xml.get(shown.len() - rest.len()..).unwrap_or_default();
            rest = "";
            break;
        }
        let (text, markup) = rest.split_at(start);
        writer.text(text);
        let Some(len) = end_of(markup) else {
            rest = markup;
            break;
        };
        let (tag, after) = markup.split_at(len);
        writer.tag(tag, after);
        rest = after;
    }
    writer.text(rest);
    writer.flush();
    if !left_out.is_empty() {
        let note = format!("… {} {}{}", left_out.len(), texts::MORE_BYTES, bounds.left_out);
        writer.lines.push(CodeLine { pieces: vec![piece("x-note", &note)], ..CodeLine::default() });
    }
    writer.lines
}

#[derive(Default)]
struct Writer<'a> {
    prefix: &'a str,
    /// Characters of one text.
    most: usize,
    left_out: &'static str,
    lines: Vec<CodeLine>,
    line: CodeLine,
    depth: usize,
    /// The element that was opened on this line.
    open: Option<&'a str>,
    /// The last `MsgRef`, which the next `CmdRef` belongs to.
    message: String,
}

impl<'a> Writer<'a> {
    fn text(&mut self, text: &'a str) {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return;
        }
        if self.line.pieces.is_empty() {
            self.line.indent = self.depth.min(DEEPEST);
        }
        let mut link = None;
        match self.open {
            Some("MsgRef") => trimmed.clone_into(&mut self.message),
            Some("CmdRef") if trimmed != "0" && is_number(trimmed) && is_number(&self.message) => {
                link = Some(format!("m{}c{trimmed}", self.message));
            }
            Some("CmdID") if is_number(trimmed) => self.line.anchor = Some(format!("{}{trimmed}", self.prefix)),
            _ => {}
        }
        let end = trimmed.char_indices().nth(self.most).map_or(trimmed.len(), |(end, _)| end);
        let (shown, more) = trimmed.split_at(end);
        self.line.pieces.push(Piece { class: "", text: visible(shown), link });
        if !more.is_empty() {
            let note = format!("… {} {}{}", more.chars().count(), texts::MORE_TEXT, self.left_out);
            self.line.pieces.push(piece("x-note", &note));
        }
    }

    fn tag(&mut self, tag: &'a str, after: &str) {
        let inner = tag.trim_start_matches('<').trim_end_matches('>');
        if tag.starts_with("<?") || tag.starts_with("<!") {
            self.flush();
            self.line.indent = self.depth.min(DEEPEST);
            self.line.pieces.push(piece("x-note", tag));
            self.flush();
        } else if let Some(name) = inner.strip_prefix('/') {
            self.depth = self.depth.saturating_sub(1);
            if self.open.take() != Some(name.trim()) {
                self.flush();
                self.line.indent = self.depth.min(DEEPEST);
            }
            self.line.pieces.push(piece("x-tag", tag));
            self.flush();
        } else {
            self.flush();
            self.line.indent = self.depth.min(DEEPEST);
            let is_empty = inner.ends_with('/');
            let name = inner.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
            self.element(inner, name);
            if is_empty {
                self.open = None;
                self.flush();
            } else {
                self.depth += 1;
                self.open = Some(name);
                // An element with elements in it has its own line.
                if after.starts_with('<') && !after.starts_with("</") {
                    self.open = None;
                    self.flush();
                }
            }
        }
    }

    fn element(&mut self, inner: &str, name: &str) {
        self.line.pieces.push(piece("x-tag", &format!("<{name}")));
        let mut rest = inner.strip_prefix(name).unwrap_or_default();
        while let Some(equals) = rest.find('=') {
            let (attribute, after) = rest.split_at(equals + 1);
            let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
            let len = after.get(1..).and_then(|text| text.find(quote)).map_or(after.len(), |at| at + 2);
            let (value, after) = after.split_at(len);
            self.line.pieces.push(piece("x-name", attribute));
            self.line.pieces.push(piece("x-value", value));
            rest = after;
        }
        self.line.pieces.push(piece("x-tag", &format!("{rest}>")));
    }

    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.pieces.is_empty() {
            self.lines.push(line);
        }
    }
}

fn piece(class: &'static str, text: &str) -> Piece {
    Piece { class, text: visible(text), link: None }
}

/// Bytes of the markup at the beginning, up to its `>`, which may not stand in quotes.
fn end_of(markup: &str) -> Option<usize> {
    let mut quote = None;
    for (place, c) in markup.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(place + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(xml: &str) -> Vec<String> {
        let line = |line: &CodeLine| {
            "  ".repeat(line.indent) + &line.pieces.iter().map(|piece| piece.text.as_str()).collect::<String>()
        };
        lines(xml, "q", Bounds::PAGE).iter().map(line).collect()
    }

    #[test]
    fn elements_are_indented_and_values_stay_on_their_line() {
        let xml = "<A xmlns=\"x\"><B><CmdID>3</CmdID><Final/></B><C></C></A>";
        assert_eq!(
            plain(xml),
            ["<A xmlns=\"x\">", "  <B>", "    <CmdID>3</CmdID>", "    <Final/>", "  </B>", "  <C></C>", "</A>"]
        );
        assert!(lines(xml, "q", Bounds::PAGE).iter().any(|line| line.anchor.as_deref() == Some("q3")));
    }

    #[test]
    fn a_status_leads_to_the_command_that_it_answers() {
        let found = lines("<Status><MsgRef>2</MsgRef><CmdRef>5</CmdRef></Status>", "q", Bounds::PAGE);
        let links: Vec<_> =
            found.iter().flat_map(|line| &line.pieces).filter_map(|piece| piece.link.as_deref()).collect();
        assert_eq!(links, ["m2c5"]);
        let hostile = lines("<Status><MsgRef>\"x</MsgRef><CmdRef>5</CmdRef></Status>", "q", Bounds::PAGE);
        assert!(hostile.iter().flat_map(|line| &line.pieces).all(|piece| piece.link.is_none()));
    }

    #[test]
    fn what_is_no_xml_is_text_and_everything_is_bounded() {
        assert_eq!(plain("no xml at all"), ["no xml at all"]);
        assert_eq!(plain("<a b=\">\" c"), ["<a b=\">\" c"]);
        assert_eq!(plain("</a></b>"), ["</a>", "</b>"]);
        let large = format!("<a>{}</a>", "x".repeat(1_000_000));
        let len = |bounds| -> usize {
            lines(&large, "q", bounds).iter().flat_map(|line| &line.pieces).map(|piece| piece.text.len()).sum()
        };
        assert!(len(Bounds::PAGE) < Bounds::PAGE.text + 200);
        assert_eq!(len(Bounds::FILE), large.len());
        let many = lines(&"<a>".repeat(500_000), "q", Bounds::FILE);
        assert_eq!(many.len(), Bounds::FILE.lines + 1);
        assert!(many.last().unwrap().pieces[0].text.contains("900000 more bytes"), "{:?}", many.last());
        assert!(lines(&"<a>".repeat(50_000), "q", Bounds::PAGE).iter().all(|line| line.indent <= DEEPEST));
        assert!(
            lines("<a>\u{202e}\u{0}</a>", "q", Bounds::PAGE)[0]
                .pieces
                .iter()
                .all(|piece| !piece.text.contains('\u{202e}'))
        );
    }
}
