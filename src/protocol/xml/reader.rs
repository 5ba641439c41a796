//! A pull reader over `quick-xml` that refuses what that crate leaves to its caller.
//!
//! It checks: one root, nothing but space around it, every element closed, names, prefixes, attributes, characters,
//! references, `]]>`, and [`Limits`]. It knows at every step where it is: the path of open elements and the byte range
//! of the last event. Names are local ones: a prefix has to be declared, but says nothing here.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::events::{BytesStart, Event as Token};

use super::canonical::Tag;
use super::character::{SPACE, first_illegal, qualified, resolve};
use super::open::OpenElements;
use super::{Limits, Reason, Refusal, attribute, clip};

/// One step through a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// An element begins; its local name.
    Start(&'a str),
    /// Character data inside an element: text with its line ends made `\n`, the inside of a CDATA section, or what one
    /// reference stands for. Data that belongs together may come in several pieces.
    Text(Cow<'a, str>),
    /// An element ends; its local name. An empty-element tag gives a start and an end.
    End(&'a str),
    /// The document ends.
    Eof,
}

/// Reads one document.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// Where the document begins in the text.
    begin: usize,
    source: quick_xml::Reader<&'a [u8]>,
    limits: Limits,
    illegal: Option<(usize, char)>,
    open: OpenElements<'a>,
    elements: usize,
    root_seen: bool,
    ends_at_once: bool,
    span: Range<usize>,
    comments: usize,
    work: usize,
}

/// Levels that no limit can raise, because what reads on top of this recurses.
const DEEPEST: usize = 128;

impl<'a> Reader<'a> {
    /// Begins a document. A byte order mark at its start is passed over.
    pub(crate) fn new(text: &'a str, limits: &Limits) -> Self {
        // `quick-xml` would drop a mark itself, without counting it.
        let body = text.trim_start_matches('\u{FEFF}');
        let mut source = quick_xml::Reader::from_str(body);
        source.config_mut().check_comments = true;
        Self {
            text,
            begin: text.len() - body.len(),
            source,
            limits: Limits { depth: limits.depth.min(DEEPEST), ..*limits },
            illegal: first_illegal(text),
            open: OpenElements::new(),
            elements: 0,
            root_seen: false,
            ends_at_once: false,
            span: 0..0,
            comments: 0,
            work: 0,
        }
    }

    /// The next step. After [`Event::Eof`] there are only more of these; after a refusal nothing is promised.
    pub(crate) fn next(&mut self) -> Result<Event<'a>, Refusal> {
        if self.ends_at_once {
            self.ends_at_once = false;
            self.span = self.span.end..self.span.end;
            return Ok(Event::End(self.open.pop()));
        }
        loop {
            self.work += 1;
            let start = self.position();
            let token = match self.source.read_event() {
                Ok(token) => token,
                Err(error) => return Err(self.malformed(start, &error)),
            };
            self.span = start..self.position();
            if let Some((offset, character)) = self.illegal
                && offset < self.span.end
            {
                return Err(self.refuse(offset, Reason::Character(u32::from(character))));
            }
            return match token {
                Token::Start(tag) => self.start(&tag, 1),
                Token::Empty(tag) => {
                    self.ends_at_once = true;
                    self.start(&tag, 2)
                }
                Token::End(_) => Ok(Event::End(self.open.pop())),
                Token::Text(text) => {
                    if self.open.is_empty() {
                        if text.trim_matches(SPACE).is_empty() {
                            continue;
                        }
                        return Err(self.refuse(start, Reason::OutsideRoot));
                    }
                    if text.contains('>')
                        && let Some(end) = text.find("]]>")
                    {
                        return Err(self.refuse(start + end, Reason::CdataEnd));
                    }
                    Ok(Event::Text(text.xml10_content()))
                }
                Token::CData(text) if !self.open.is_empty() => Ok(Event::Text(text.xml10_content())),
                Token::GeneralRef(name) if !self.open.is_empty() => match resolve(&name) {
                    Ok(character) => Ok(Event::Text(spelled(character))),
                    Err(reason) => Err(self.refuse(start, reason)),
                },
                Token::CData(_) | Token::GeneralRef(_) => Err(self.refuse(start, Reason::OutsideRoot)),
                Token::Comment(_) => {
                    self.comments += 1;
                    continue;
                }
                Token::Decl(_) if start == self.begin => continue,
                Token::Decl(_) | Token::PI(_) => Err(self.refuse(start, Reason::ProcessingInstruction)),
                Token::DocType(_) => Err(self.refuse(start, Reason::DocumentType)),
                Token::Eof if !self.open.is_empty() => Err(self.refuse(start, Reason::Unclosed)),
                Token::Eof if !self.root_seen => Err(self.refuse(start, Reason::NoRoot)),
                Token::Eof => Ok(Event::Eof),
            };
        }
    }

    /// The value of an attribute of the element that just began, by local name.
    pub(crate) fn attribute(&self, local: &str) -> Option<Cow<'a, str>> {
        let open = self.open.last()?;
        attribute::by_local_name(open.tag, open.name_len, local)
    }

    /// Every attribute of the element that just began, by local name.
    pub(crate) fn attributes_here(&self) -> Vec<(&'a str, Cow<'a, str>)> {
        self.open.last().map(|open| attribute::all(open.tag, open.name_len)).unwrap_or_default()
    }

    /// The tag of the element that just began, with its names as they were written.
    pub(crate) fn tag(&self) -> Tag<'a> {
        let tag = self.open.last();
        tag.map_or(Tag { name: "", attributes: Vec::new() }, |open| Tag {
            name: open.name(),
            attributes: attribute::written(open.tag, open.name_len),
        })
    }

    /// How many comments stood in the text so far. They are no events; who has to tell a value that is written in one
    /// piece from one that a comment cuts in two can ask here.
    pub(crate) fn comments(&self) -> usize {
        self.comments
    }

    /// The namespace that the root itself declares for its own name; empty when it declares none.
    pub(crate) fn root_namespace(&self) -> Cow<'a, str> {
        let Some(root) = self.open.first() else { return Cow::Borrowed("") };
        let declaration = match root.name().split_once(':') {
            Some((prefix, _)) => Cow::Owned(format!("xmlns:{prefix}")),
            None => Cow::Borrowed("xmlns"),
        };
        attribute::by_name(root.tag, root.name_len, &declaration).unwrap_or_default()
    }

    /// Byte range of the last event in the text.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Local name of the innermost open element.
    pub(crate) fn name(&self) -> &'a str {
        self.open.last().map_or("", |open| open.local)
    }

    /// A part of the text, as it was written.
    pub(crate) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Steps taken so far, for tests that show that work grows with the text and not faster.
    #[cfg(test)]
    pub(crate) fn work(&self) -> usize {
        self.work
    }

    /// Path of the open elements, such as `SyncML/SyncBody/Alert[2]/Data`; `/` outside the root.
    pub(crate) fn path(&self) -> String {
        self.open.path()
    }

    /// A refusal at the last event.
    pub(crate) fn refuse_here(&self, reason: Reason) -> Refusal {
        self.refuse(self.span.start, reason)
    }

    fn refuse(&self, offset: usize, reason: Reason) -> Refusal {
        Refusal { path: self.path(), offset, reason }
    }

    /// Where the next event begins.
    fn position(&self) -> usize {
        self.text.len() - self.source.get_ref().len()
    }

    fn malformed(&self, start: usize, error: &quick_xml::Error) -> Refusal {
        // What stands before the error may be wrong in a way that says more.
        let reason = match self.illegal {
            Some((offset, character)) if offset < start => Reason::Character(u32::from(character)),
            _ => Reason::Malformed(clip(&error.to_string(), 200).into_owned()),
        };
        self.refuse(start, reason)
    }

    fn start(&mut self, tag: &BytesStart<'_>, closing: usize) -> Result<Event<'a>, Refusal> {
        if self.open.is_empty() && self.root_seen {
            return Err(self.refuse_here(Reason::SecondRoot));
        }
        self.root_seen = true;
        self.elements += 1;
        if self.elements > self.limits.elements {
            return Err(self.refuse_here(Reason::TooManyElements(self.limits.elements)));
        }
        if self.open.len() >= self.limits.depth {
            return Err(self.refuse_here(Reason::TooDeep(self.limits.depth)));
        }
        let name_len = tag.name().0.len();
        // The same text as the event holds, but borrowed from the document.
        let tag = self.text.get(self.span.start + 1..self.span.end - closing).unwrap_or_default();
        let name = tag.get(..name_len).unwrap_or_default();
        let Some((prefix, local)) = qualified(name) else {
            return Err(self.refuse_here(Reason::Name(clip(name, 64).into_owned())));
        };
        self.open.push(local, tag, name_len);
        if name_len < tag.len() {
            self.attributes(tag, name_len)?;
        }
        self.require(prefix)?;
        Ok(Event::Start(local))
    }

    fn attributes(&mut self, tag: &'a str, name_len: usize) -> Result<(), Refusal> {
        let limit = self.limits.attributes;
        let prefixes = match attribute::check(tag, name_len, limit) {
            Ok(prefixes) => prefixes,
            Err(reason) => return Err(self.refuse_here(reason)),
        };
        for prefix in prefixes.declared {
            self.open.declare(prefix);
        }
        if self.open.prefixes() > limit {
            return Err(self.refuse_here(Reason::TooManyPrefixes(limit)));
        }
        prefixes.used.into_iter().try_for_each(|prefix| self.require(prefix))
    }

    /// Refuses a prefix that is not declared here. At most [`Limits::attributes`] have to be looked at.
    fn require(&mut self, prefix: &str) -> Result<(), Refusal> {
        if matches!(prefix, "" | "xml") {
            return Ok(());
        }
        self.work += self.open.prefixes();
        if self.open.declares(prefix) {
            return Ok(());
        }
        Err(self.refuse_here(Reason::Prefix(clip(prefix, 64).into_owned())))
    }
}

/// A character as text; the ones that are written as references day by day without allocating.
fn spelled(character: char) -> Cow<'static, str> {
    Cow::Borrowed(match character {
        '<' => "<",
        '>' => ">",
        '&' => "&",
        '"' => "\"",
        '\'' => "'",
        '\r' => "\r",
        '\n' => "\n",
        other => return Cow::Owned(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All events of a document, or code, path and offset of the refusal.
    fn events(text: &str) -> Result<Vec<Event<'_>>, (&'static str, String, usize)> {
        let mut reader = Reader::new(text, &Limits::default());
        let mut events = Vec::new();
        loop {
            match reader.next() {
                Ok(Event::Eof) => return Ok(events),
                Ok(event) => events.push(event),
                Err(refusal) => return Err((refusal.reason.code(), refusal.path, refusal.offset)),
            }
        }
    }

    fn refused(text: &str, code: &'static str, path: &str, offset: usize) {
        assert_eq!(events(text), Err((code, path.to_owned(), offset)), "{text}");
    }

    /// Steps that a document took, whether it was read or refused.
    fn work(text: &str, limits: &Limits) -> usize {
        let mut reader = Reader::new(text, limits);
        while !matches!(reader.next(), Ok(Event::Eof) | Err(_)) {}
        reader.work()
    }

    #[test]
    fn events_have_local_names_and_joined_spellings() {
        let text =
            "<?xml version='1.0'?>\n<!-- a --><p:a xmlns:p='n' b='c'>x\r\ny&lt;<![CDATA[<z>]]><b/></p:a>\n<!-- c -->\n";
        let piece = |text: &'static str| Event::Text(Cow::Borrowed(text));
        assert_eq!(
            events(text).unwrap(),
            [
                Event::Start("a"),
                piece("x\ny"),
                piece("<"),
                piece("<z>"),
                Event::Start("b"),
                Event::End("b"),
                Event::End("a")
            ]
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        refused("", "no_root", "/", 0);
        refused(" <!-- --> ", "no_root", "/", 10);
        refused("text", "outside_root", "/", 0);
        refused("<a/>text", "outside_root", "/", 4);
        refused("<a/>&lt;", "outside_root", "/", 4);
        refused("<![CDATA[ ]]><a/>", "outside_root", "/", 0);
        refused("\u{FEFF}<a/>\u{FEFF}", "outside_root", "/", 7);
        refused("<a/><b/>", "second_root", "/", 4);
        refused("<a><b>", "unclosed", "a/b", 6);
        refused("<a><b></a>", "malformed", "a/b", 6);
        refused("<a></a></a>", "malformed", "/", 7);
        refused("<a", "malformed", "/", 0);
        refused("<a b='", "malformed", "/", 0);
        refused("<a><!-- ", "malformed", "a", 3);
        refused("<a><!-- -- --></a>", "malformed", "a", 3);
        refused("<a><![CDATA[", "malformed", "a", 3);
        refused("<a>]]></a>", "cdata_end", "a", 3);
        refused("<a></a x='y'>", "malformed", "a", 3);
        refused("<1/>", "name", "/", 0);
        refused("<a><b<c/></a>", "name", "a", 3);
        refused("<a:b:c/>", "name", "/", 0);
        refused("< a/>", "name", "/", 0);
    }

    #[test]
    fn nothing_is_declared_fetched_or_expanded() {
        refused("<!DOCTYPE a><a/>", "document_type", "/", 0);
        refused("<!doctype a [<!ENTITY x 'y'>]><a>&x;</a>", "document_type", "/", 0);
        refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document_type", "/", 0);
        refused("<a><!DOCTYPE a></a>", "document_type", "a", 3);
        refused("<!ENTITY x 'y'><a/>", "malformed", "/", 0);
        refused("<a>&x;</a>", "entity", "a", 3);
        refused("<a b='&x;'/>", "entity", "a", 0);
        refused("<a>&nbsp;</a>", "entity", "a", 3);
        refused("<a>& </a>", "malformed", "a", 3);
        refused("<a>&amp</a>", "malformed", "a", 3);
        refused("<?php x?><a/>", "processing_instruction", "/", 0);
        refused("<a><?xml version='1.0'?></a>", "processing_instruction", "a", 3);
        refused(" <?xml version='1.0'?><a/>", "processing_instruction", "/", 1);
        refused("<?xml version='1.0'?><?xml version='1.0'?><a/>", "processing_instruction", "/", 21);
    }

    #[test]
    fn characters_that_xml_forbids_are_refused_wherever_they_stand() {
        refused("<a>x\u{1}</a>", "character", "a", 4);
        refused("<a><![CDATA[\u{0}]]></a>", "character", "a", 12);
        refused("<a><!-- \u{B} --></a>", "character", "a", 8);
        refused("<a b='\u{1F}'/>", "character", "/", 6);
        refused("<a\u{FFFE}/>", "character", "/", 2);
        refused("<a>&#xFFFF;</a>", "character", "a", 3);
        refused("<a>&#x8;</a>", "character", "a", 3);
        // What was wrong before is what is told.
        refused("<a>\u{1}&</a>", "character", "a", 3);
    }

    #[test]
    fn prefixes_have_to_be_declared_around() {
        assert!(events("<a xmlns:p='n'><p:b p:c=''/><p:d/></a>").is_ok());
        assert!(events("<a xml:lang='en' p:b='' xmlns:p='n'/>").is_ok());
        refused("<p:a/>", "prefix", "a", 0);
        refused("<a p:b=''/>", "prefix", "a", 0);
        refused("<a><b xmlns:p='n'/><p:c/></a>", "prefix", "a/c", 19);
        refused("<a><b xmlns:p='n'></b><p:c/></a>", "prefix", "a/c", 22);
        refused("<xmlns:a/>", "prefix", "a", 0);
    }

    #[test]
    fn limits_are_exact() {
        let limits = Limits { depth: 3, elements: 5, attributes: 2, ..Limits::default() };
        let code = |text: &str| {
            let mut reader = Reader::new(text, &limits);
            loop {
                match reader.next() {
                    Ok(Event::Eof) => return "",
                    Ok(_) => {}
                    Err(refusal) => return refusal.reason.code(),
                }
            }
        };
        assert_eq!(code("<a><a><a/></a></a>"), "");
        assert_eq!(code("<a><a><a><a/></a></a></a>"), "too_deep");
        assert_eq!(code("<a><b/><b/><b/><b/></a>"), "");
        assert_eq!(code("<a><b/><b/><b/><b/><b/></a>"), "too_many_elements");
        assert_eq!(code("<a b='' c=''/>"), "");
        assert_eq!(code("<a b='' c='' d=''/>"), "too_many_attributes");
        assert_eq!(code("<a b='' b=''/>"), "duplicate_attribute");
        assert_eq!(code("<a xmlns:p='n' xmlns:q='n'><b xmlns:q='n'/></a>"), "too_many_prefixes");
        assert_eq!(code("<a xmlns:p='n'><b xmlns:q='n'/><b xmlns:q='n'/></a>"), "");
    }

    #[test]
    fn spans_are_those_of_the_text() {
        let text = "\u{FEFF}<a>é<b/>&amp;</a>";
        let mut reader = Reader::new(text, &Limits::default());
        let mut spans = Vec::new();
        while reader.next().unwrap() != Event::Eof {
            spans.push(&text[reader.span()]);
        }
        assert_eq!(spans, ["<a>", "é", "<b/>", "", "&amp;", "</a>"]);
    }

    #[test]
    fn root_namespace_is_the_one_of_its_prefix() {
        let namespace = |text| {
            let mut reader = Reader::new(text, &Limits::default());
            reader.next().unwrap();
            reader.root_namespace().into_owned()
        };
        assert_eq!(namespace("<a xmlns='n' xmlns:p='m'/>"), "n");
        assert_eq!(namespace("<p:a xmlns='n' xmlns:p='m'/>"), "m");
        assert_eq!(namespace("<a xmlns:p='m'/>"), "");
    }

    /// Twice the text is at most twice the work, for every shape that is known to hurt readers.
    #[test]
    fn work_grows_with_the_text_and_not_faster() {
        let numbered =
            |n: usize, part: &str| (0..n).map(|i| part.replace('#', &i.to_string())).collect::<Vec<_>>().concat();
        let shapes: [(&str, &dyn Fn(usize) -> String); 9] = [
            ("tiny elements", &|n| format!("<a>{}</a>", "<b/>".repeat(n))),
            ("different names", &|n| format!("<a>{}</a>", numbered(n, "<b#/>"))),
            ("deep", &|n| "<a>".repeat(n)),
            ("references", &|n| format!("<a>{}</a>", "&amp;".repeat(n))),
            ("comments", &|n| format!("<a>{}</a>", "<!---->".repeat(n))),
            ("cdata", &|n| format!("<a>{}</a>", "<![CDATA[]]>".repeat(n))),
            ("attributes", &|n| format!("<a {}/>", numbered(n, " b#=''"))),
            ("prefixes", &|n| format!("<a xmlns:p='n'>{}</a>", "<b xmlns:q='n'><p:c/><q:c/></b>".repeat(n))),
            ("nested prefixes", &|n| numbered(n, "<a xmlns:p#='n'>")),
        ];
        let limits = Limits { depth: usize::MAX, elements: usize::MAX, attributes: usize::MAX, ..Limits::default() };
        for (shape, document) in shapes {
            let (half, whole) = (work(&document(1000), &limits), work(&document(2000), &limits));
            assert!(whole <= 2 * half + 10, "{shape}: {half} steps became {whole}");
        }
    }
}
