//! From a WBXML body to XML text.
//!
//! One pass over the body, with a stack of the open elements. The text is escaped as it is written: nothing that a
//! device sends can open or close an element that it did not name by a tag.

use super::content::{Binary, Content, is_xml_character, is_xml_text};
use super::cursor::{Cursor, table_string};
use super::header::Header;
use super::tables::DocumentType;
use super::token;
use crate::syncml::Format;
use crate::xml::{Limits, Reason, Refusal};

/// Longest name of a tag in the string table. The longest of the standard tables has 23 letters.
const LONGEST_NAME: usize = 64;

/// Decodes a whole body.
pub(super) fn document(body: &[u8], limits: &Limits) -> Result<String, Refusal> {
    if body.len() > limits.bytes {
        return Err(refusal("/".to_owned(), limits.bytes, Reason::TooLarge(limits.bytes)));
    }
    let mut input = Cursor::new(body);
    let header =
        Header::read(&mut input).map_err(|what| refusal("/".to_owned(), input.offset(), Reason::Malformed(what)))?;
    Decoder::new(input, &header, *limits).run().map(|output| output.text)
}

fn refusal(path: String, offset: usize, reason: Reason) -> Refusal {
    Refusal { path, offset, reason }
}

struct Decoder<'a> {
    input: Cursor<'a>,
    strings: &'a [u8],
    document_type: DocumentType,
    page: u8,
    open: Vec<Element<'a>>,
    output: Output,
    limits: Limits,
    /// Default namespace around the root: set for a document inside of another one.
    outer_namespace: Option<&'static str>,
    root_is_closed: bool,
}

/// What has been written.
#[derive(Default)]
struct Output {
    text: String,
    elements: usize,
}

/// An element whose `END` has not come yet.
struct Element<'a> {
    name: &'a str,
    /// Default namespace inside.
    namespace: &'static str,
    /// Collected and not written yet.
    content: Content<'a>,
    /// Where its content begins in the output.
    start: usize,
    /// What `Format` in the `Meta` of this element said.
    format: Option<Binary>,
    /// Whether `Type` in the `Meta` of this element names a kind of WBXML.
    is_wbxml: Option<bool>,
}

/// Why a step failed; where is known to [`Decoder::run`].
struct Problem(Reason);

const NO_ATTRIBUTES: &str = "SyncML has no attributes";

impl<'a> Decoder<'a> {
    fn new(input: Cursor<'a>, header: &Header<'a>, limits: Limits) -> Self {
        Self {
            input,
            strings: header.strings,
            document_type: header.document_type,
            page: 0,
            open: Vec::new(),
            output: Output::default(),
            limits,
            outer_namespace: None,
            root_is_closed: false,
        }
    }

    fn run(mut self) -> Result<Output, Refusal> {
        while !self.input.is_at_end() {
            let offset = self.input.offset();
            if let Err(Problem(reason)) = self.step() {
                return Err(refusal(self.path(), offset, reason));
            }
        }
        if self.root_is_closed {
            return Ok(self.output);
        }
        let reason = Reason::Malformed("the body ends before the message does".to_owned());
        Err(refusal(self.path(), self.input.offset(), reason))
    }

    /// Path of the element that is open.
    fn path(&self) -> String {
        if self.open.is_empty() {
            return "/".to_owned();
        }
        self.open.iter().map(|element| element.name).collect::<Vec<_>>().join("/")
    }

    /// One token with what belongs to it (WBXML 1.3, 5.8.4).
    fn step(&mut self) -> Result<(), Problem> {
        match self.input.byte()? {
            token::SWITCH_PAGE => self.switch_page(),
            token::END => self.end(),
            token::ENTITY => {
                let number = self.input.number()?;
                let character = char::from_u32(number).filter(|&character| is_xml_character(character));
                let character = character.ok_or("an entity is no character that XML can carry")?;
                self.collect(|content| content.push_character(character))
            }
            token::STR_I => {
                let string = self.input.string()?;
                self.string(string)
            }
            token::STR_T => {
                let index = self.input.number()?;
                self.string(table_string(self.strings, index)?)
            }
            token::OPAQUE => {
                let length = self.input.number()?;
                let bytes = self.input.take(length)?;
                self.collect(|content| content.push_opaque(bytes))
            }
            token::PI => Err("processing instructions are not part of SyncML".into()),
            token::EXT_I_0..=token::EXT_I_2 | token::EXT_T_0..=token::EXT_T_2 | token::EXT_0..=token::EXT_2 => {
                Err("extension tokens are not part of SyncML".into())
            }
            token::LITERAL_A | token::LITERAL_AC => Err(NO_ATTRIBUTES.into()),
            token::LITERAL => self.literal(false),
            token::LITERAL_C => self.literal(true),
            byte => self.tag(byte),
        }
    }

    fn switch_page(&mut self) -> Result<(), Problem> {
        let page = self.input.byte()?;
        if self.document_type.page(page).is_none() {
            return Err(format!("code page {page} is not known").into());
        }
        self.page = page;
        Ok(())
    }

    /// A tag of the current code page.
    fn tag(&mut self, byte: u8) -> Result<(), Problem> {
        if byte & token::HAS_ATTRIBUTES != 0 {
            return Err(NO_ATTRIBUTES.into());
        }
        let identity = byte & token::IDENTITY;
        let page = self.document_type.page(self.page);
        let Some((page, name)) = page.and_then(|page| page.tag(identity).map(|name| (page, name))) else {
            return Err(format!("tag {identity:#04x} of code page {} is not known", self.page).into());
        };
        self.start(name, page.namespace, byte & token::HAS_CONTENT != 0)
    }

    /// A tag whose name stands in the string table. It belongs to the namespace around it.
    fn literal(&mut self, has_content: bool) -> Result<(), Problem> {
        let index = self.input.number()?;
        let name = table_string(self.strings, index)?;
        let is_name = name.len() <= LONGEST_NAME
            && name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
        let name = std::str::from_utf8(name).ok().filter(|_| is_name).ok_or("a tag has a name that XML can't have")?;
        let page = self.document_type.page(self.page);
        let namespace = self.namespace().or_else(|| page.map(|page| page.namespace)).unwrap_or_default();
        self.start(name, namespace, has_content)
    }

    fn start(&mut self, name: &'a str, namespace: &'static str, has_content: bool) -> Result<(), Problem> {
        if self.root_is_closed {
            return Err("an element stands after the end of the message".into());
        }
        self.flush()?;
        self.output.elements += 1;
        if self.output.elements > self.limits.elements {
            return Err(format!("there are more than {} elements", self.limits.elements).into());
        }
        if self.open.len() >= self.limits.depth {
            return Err(format!("elements are nested more than {} deep", self.limits.depth).into());
        }
        let declares = self.namespace() != Some(namespace);
        let text = &mut self.output.text;
        text.push('<');
        text.push_str(name);
        if declares {
            text.push_str(" xmlns=\"");
            text.push_str(namespace);
            text.push('"');
        }
        if has_content {
            text.push('>');
            let start = text.len();
            let content = Content::default();
            self.open.push(Element { name, namespace, content, start, format: None, is_wbxml: None });
        } else {
            text.push_str("/>");
            self.root_is_closed = self.open.is_empty();
        }
        self.check_size()
    }

    /// Default namespace where the next element begins.
    fn namespace(&self) -> Option<&'static str> {
        self.open.last().map_or(self.outer_namespace, |element| Some(element.namespace))
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.flush()?;
        let element = self.open.pop().ok_or("an END stands where no element is open")?;
        self.remember_meta(&element);
        let text = &mut self.output.text;
        text.push_str("</");
        text.push_str(element.name);
        text.push('>');
        self.root_is_closed = self.open.is_empty();
        self.check_size()
    }

    /// Keeps what `Format` and `Type` say for the element whose `Meta` they stand in; some clients have them
    /// directly in the `Item` (MS-MDM 3.2.5.1.5).
    fn remember_meta(&mut self, element: &Element<'a>) {
        let said = self.output.text.get(element.start..).unwrap_or_default();
        let format = (element.name == "Format").then(|| Binary::of(&Format::from(said)));
        let is_wbxml = (element.name == "Type").then(|| said.trim().to_ascii_lowercase().ends_with("+wbxml"));
        if format.is_none() && is_wbxml.is_none() {
            return;
        }
        let is_in_meta = self.open.last().is_some_and(|parent| parent.name == "Meta");
        if let Some(owner) = self.open.iter_mut().nth_back(usize::from(is_in_meta)) {
            owner.format = format.or(owner.format);
            owner.is_wbxml = is_wbxml.or(owner.is_wbxml);
        }
    }

    fn string(&mut self, bytes: &'a [u8]) -> Result<(), Problem> {
        let text = std::str::from_utf8(bytes).map_err(|_| "a string is not UTF-8")?;
        if !is_xml_text(text) {
            return Err("a string holds a character that XML can't carry".into());
        }
        self.collect(|content| content.push_text(text))
    }

    /// Adds to the content of the innermost element.
    fn collect(&mut self, add: impl FnOnce(&mut Content<'a>)) -> Result<(), Problem> {
        let element = self.open.last_mut().ok_or("text stands outside of the message")?;
        add(&mut element.content);
        self.check_size()
    }

    /// Writes what the innermost element has collected.
    fn flush(&mut self) -> Result<(), Problem> {
        let Some(element) = self.open.last_mut() else { return Ok(()) };
        let content = std::mem::take(&mut element.content);
        let text = match element.name {
            "Data" => {
                // What the nearest Meta says holds: that of the item, else that of the command.
                let binary = self.open.iter().rev().find_map(|element| element.format).unwrap_or(Binary::No);
                let is_wbxml = self.open.iter().rev().find_map(|element| element.is_wbxml).unwrap_or(false);
                if is_wbxml
                    && binary == Binary::No
                    && let Some(document) = content.as_document()
                    && self.document_inside(document)?
                {
                    return Ok(());
                }
                content.into_text(binary)?
            }
            "NextNonce" => content.into_text(Binary::Base64)?,
            _ => content.into_plain_text()?,
        };
        self.write_escaped(&text)
    }

    /// Writes a document that stands in `Data` as markup. Gives false, and writes nothing, when it can't be read:
    /// then the bytes are a value like any other.
    fn document_inside(&mut self, body: &'a [u8]) -> Result<bool, Problem> {
        let mut input = Cursor::new(body);
        let Ok(header) = Header::read(&mut input) else { return Ok(false) };
        let limits = Limits {
            bytes: self.limits.bytes.saturating_sub(self.output.text.len()),
            depth: self.limits.depth.saturating_sub(self.open.len()),
            elements: self.limits.elements.saturating_sub(self.output.elements),
            ..self.limits
        };
        // A document inside of that one would be a second level of recursion, and nobody writes it.
        if self.outer_namespace.is_some() {
            return Ok(false);
        }
        let mut inner = Self::new(input, &header, limits);
        inner.outer_namespace = self.namespace();
        match inner.run() {
            Ok(output) => {
                self.output.text.push_str(&output.text);
                self.output.elements += output.elements;
                Ok(true)
            }
            Err(Refusal { reason: Reason::TooLarge(_), .. }) => Err(self.too_large()),
            Err(_) => Ok(false),
        }
    }

    fn write_escaped(&mut self, text: &str) -> Result<(), Problem> {
        let mut rest = text;
        while let Some((plain, special)) = rest.find(['&', '<', '>', '\r']).map(|index| rest.split_at(index)) {
            self.output.text.push_str(plain);
            let mut characters = special.chars();
            self.output.text.push_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                _ => "&#13;",
            });
            self.check_size()?;
            rest = characters.as_str();
        }
        self.output.text.push_str(rest);
        self.check_size()
    }

    /// Bounds what is written together with what waits to be written.
    fn check_size(&self) -> Result<(), Problem> {
        let waiting = self.open.last().map_or(0, |element| element.content.len());
        if self.output.text.len() + waiting > self.limits.bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Problem {
        Problem(Reason::TooLarge(self.limits.bytes))
    }
}

impl From<&str> for Problem {
    fn from(what: &str) -> Self {
        Self(Reason::Malformed(what.to_owned()))
    }
}

impl From<String> for Problem {
    fn from(what: String) -> Self {
        Self(Reason::Malformed(what))
    }
}
