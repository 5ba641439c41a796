//! A file as a tree of elements: what is left of XML when comments, instructions and the document type are gone. For
//! files that people have, not for messages of devices: these go through [`crate::xml`], which refuses more.

use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

/// Most levels of one file.
const MAX_DEPTH: usize = 128;

/// Most elements of one file. The largest that Microsoft has published has 60,000.
const MAX_ELEMENTS: usize = 500_000;

/// Why a file is no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nested deeper than 128 levels.
    #[error("the file is nested too deep")]
    TooDeep,
    /// More elements than 500,000.
    #[error("the file has more than {MAX_ELEMENTS} elements")]
    TooMany,
    /// Its document type declares entities: nothing good comes of them.
    #[error("the file declares entities (<!ENTITY>), which are never read")]
    DeclaresEntities,
    /// It uses an entity that XML does not bring along.
    #[error("the file uses the entity &{0};, which it does not explain")]
    Entity(String),
    /// It is not XML.
    #[error("the file is not well-formed at byte {at}: {why}")]
    Malformed {
        /// Where.
        at: u64,
        /// Why.
        why: String,
    },
}

/// Which vocabulary an element is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Space {
    /// OMA's: no namespace, or the one that its schema names and no file uses.
    Oma,
    /// Microsoft's, whatever its prefix.
    Microsoft,
    /// Any other.
    Other,
}

/// An element with what is in it.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) space: Space,
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
    pub(crate) children: Vec<Self>,
}

const MICROSOFT: &str = "http://schemas.microsoft.com/MobileDevice/DM";
const OMA: &str = "http://tempuri.org/DM_DDF-V1_2";

/// Most attributes of one element.
const MAX_ATTRIBUTES: usize = 64;

impl Element {
    /// The first child of a name, in either of the two vocabularies.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(name))
    }

    /// All children of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.space != Space::Other && self.name == name
    }

    /// The first child of a local name, whatever its vocabulary.
    pub(crate) fn named(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of a local name, whatever their vocabulary.
    pub(crate) fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// An attribute by its local name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The text without the space around it.
    pub(crate) fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// Reads a document. Space before its declaration is passed over: some files begin with blank lines.
pub(crate) fn parse(text: &str) -> Result<Element, TreeError> {
    let mut reader = NsReader::from_str(text.trim_start());
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let at = reader.buffer_position();
        let (space, event) = reader.read_resolved_event().map_err(|error| malformed(at, &error))?;
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(TreeError::TooDeep);
                }
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return Err(TreeError::TooMany);
                }
                if root.is_some() {
                    return Err(TreeError::Malformed { at, why: "a second root element".to_owned() });
                }
                let element = begin(&space, start, at)?;
                if matches!(event, Event::Empty(_)) {
                    close(element, &mut open, &mut root);
                } else {
                    open.push(element);
                }
            }
            Event::End(_) => {
                if let Some(element) = open.pop() {
                    close(element, &mut open, &mut root);
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match open.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => {
                        return Err(TreeError::Malformed { at, why: "text outside of the root element".to_owned() });
                    }
                }
            }
            Event::CData(data) => {
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&data.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| malformed(at, &error))?;
                let name: &str = &reference;
                let Some(element) = open.last_mut() else { continue };
                match (character, resolve_predefined_entity(name)) {
                    (Some(character), _) => element.text.push(character),
                    (None, Some(known)) => element.text.push_str(known),
                    (None, None) => return Err(TreeError::Entity(super::short(name, 60))),
                }
            }
            Event::DocType(document_type) => {
                if document_type.contains("<!ENTITY") {
                    return Err(TreeError::DeclaresEntities);
                }
            }
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if !open.is_empty() {
        return Err(TreeError::Malformed { at: reader.buffer_position(), why: "the file ends too early".to_owned() });
    }
    root.ok_or(TreeError::Malformed { at: 0, why: "there is no element".to_owned() })
}

fn begin(space: &ResolveResult<'_>, start: &quick_xml::events::BytesStart<'_>, at: u64) -> Result<Element, TreeError> {
    let name = start.local_name().into_inner().to_owned();
    // Some old files never declare the prefix that they use.
    let space = match space {
        ResolveResult::Bound(uri) if uri.as_ref() == MICROSOFT => Space::Microsoft,
        ResolveResult::Bound(uri) if uri.as_ref() == OMA => Space::Oma,
        ResolveResult::Unbound => Space::Oma,
        ResolveResult::Unknown(prefix) if prefix == "MSFT" => Space::Microsoft,
        ResolveResult::Bound(_) | ResolveResult::Unknown(_) => Space::Other,
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(at, &error))?;
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(TreeError::Malformed { at, why: "an element has too many attributes".to_owned() });
        }
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|error| malformed(at, &error))?
            .into_owned();
        let key = attribute.key.local_name().into_inner().to_owned();
        attributes.push((key, value));
    }
    Ok(Element { space, name, attributes, text: String::new(), children: Vec::new() })
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn malformed(at: u64, error: &dyn std::fmt::Display) -> TreeError {
    TreeError::Malformed { at, why: error.to_string() }
}
