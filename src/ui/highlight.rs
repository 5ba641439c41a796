//! XML of the journal for people: indented, each part marked with what it is, so that a style can colour it.
//!
//! Works on text that a device may have written: reads it once, bounds what it gives, and what is no XML is shown as
//! text. Numbers that refer to a command become links to it.

use super::text::visible;

/// Bytes of a document that are shown.
const SHOWN: usize = 256 * 1024;

/// Characters of one text that are shown.
const TEXT: usize = 4_000;

/// Deepest indentation.
const DEEPEST: usize = 8;

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
pub fn lines(xml: &str, prefix: &str) -> Vec<CodeLine> {
    let mut end = xml.len().min(SHOWN);
    while !xml.is_char_boundary(end) {
        end -= 1;
    }
    let (shown, left_out) = xml.split_at(end);
    let mut writer = Writer { prefix, ..Writer::default() };
    let mut rest = shown;
    while let Some(start) = rest.find('<') {
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
        let note = format!("… {} more bytes; the export has all of it", left_out.len());
        writer.lines.push(CodeLine { pieces: vec![piece("x-note", &note)], ..CodeLine::default() });
    }
    writer.lines
}

#[derive(Default)]
struct Writer<'a> {
    prefix: &'a str,
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
        let mut shown: String = trimmed.chars().take(TEXT).collect();
        let more = trimmed.chars().count().saturating_sub(TEXT);
        shown = visible(&shown);
        self.line.pieces.push(Piece { class: "", text: shown, link });
        if more > 0 {
            self.line.pieces.push(piece("x-note", &format!("… {more} more characters")));
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
        lines(xml, "q").iter().map(line).collect()
    }

    #[test]
    fn elements_are_indented_and_values_stay_on_their_line() {
        let xml = "<A xmlns=\"x\"><B><CmdID>3</CmdID><Final/></B><C></C></A>";
        assert_eq!(
            plain(xml),
            ["<A xmlns=\"x\">", "  <B>", "    <CmdID>3</CmdID>", "    <Final/>", "  </B>", "  <C></C>", "</A>"]
        );
        assert!(lines(xml, "q").iter().any(|line| line.anchor.as_deref() == Some("q3")));
    }

    #[test]
    fn a_status_leads_to_the_command_that_it_answers() {
        let found = lines("<Status><MsgRef>2</MsgRef><CmdRef>5</CmdRef></Status>", "q");
        let links: Vec<_> =
            found.iter().flat_map(|line| &line.pieces).filter_map(|piece| piece.link.as_deref()).collect();
        assert_eq!(links, ["m2c5"]);
        let hostile = lines("<Status><MsgRef>\"x</MsgRef><CmdRef>5</CmdRef></Status>", "q");
        assert!(hostile.iter().flat_map(|line| &line.pieces).all(|piece| piece.link.is_none()));
    }

    #[test]
    fn what_is_no_xml_is_text_and_everything_is_bounded() {
        assert_eq!(plain("no xml at all"), ["no xml at all"]);
        assert_eq!(plain("<a b=\">\" c"), ["<a b=\">\" c"]);
        assert_eq!(plain("</a></b>"), ["</a>", "</b>"]);
        let large = lines(&format!("<a>{}</a>", "x".repeat(1_000_000)), "q");
        let len: usize = large.iter().flat_map(|line| &line.pieces).map(|piece| piece.text.len()).sum();
        assert!(len < TEXT + 200, "{len}");
        assert!(lines(&"<a>".repeat(50_000), "q").iter().all(|line| line.indent <= DEEPEST));
        assert!(lines("<a>\u{202e}\u{0}</a>", "q")[0].pieces.iter().all(|piece| !piece.text.contains('\u{202e}')));
    }
}
