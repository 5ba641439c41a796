//! XML as a tree, for tests that compare what a text means and not how it is spelt.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// An element. White space that only indents is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Node {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Self>,
}

/// The root of a well-formed text; a panic says what is wrong with any other.
pub(super) fn parse(xml: &str) -> Node {
    let mut reader = NsReader::from_str(xml);
    let mut open = vec![Node::default()];
    loop {
        let (namespace, event) = reader.read_resolved_event().unwrap_or_else(|error| panic!("{error} in {xml}"));
        let node = |start: &BytesStart<'_>| Node {
            namespace: match &namespace {
                ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
                ResolveResult::Unbound => String::new(),
                ResolveResult::Unknown(prefix) => panic!("undeclared prefix {prefix} in {xml}"),
            },
            name: start.local_name().as_ref().to_owned(),
            ..Node::default()
        };
        match event {
            Event::Start(start) => open.push(node(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(node(&start)),
            Event::End(_) => close(&mut open),
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.xml_content(XmlVersion::Explicit1_0)),
            Event::CData(text) => open.last_mut().unwrap().text.push_str(&text.xml_content(XmlVersion::Explicit1_0)),
            Event::GeneralRef(reference) => {
                let text = match (reference.resolve_char_ref().unwrap(), &*reference) {
                    (Some(character), _) => character.to_string(),
                    (None, name) => quick_xml::escape::resolve_predefined_entity(name).unwrap().to_owned(),
                };
                open.last_mut().unwrap().text.push_str(&text);
            }
            Event::Eof => break,
            Event::DocType(_) | Event::Decl(_) => {}
            other => panic!("unexpected {other:?} in {xml}"),
        }
    }
    assert_eq!(open.len(), 1, "elements are left open in {xml}");
    let outside = open.remove(0);
    assert!(outside.text.trim().is_empty() && outside.children.len() == 1, "no single root in {xml}");
    outside.children.into_iter().next().unwrap()
}

fn close(open: &mut Vec<Node>) {
    let mut node = open.pop().unwrap();
    if !node.children.is_empty() && node.text.trim().is_empty() {
        node.text.clear();
    }
    open.last_mut().unwrap().children.push(node);
}
