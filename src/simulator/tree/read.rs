//! Get: values, names of children, lists and properties (MS-MDM 2.2.7.6).

use transom_protocol::syncml::{Format, StatusCode, Verb};

use super::access::Place;
use super::node::Node;
use super::path::{Property, Query, escape};
use super::rule::Rule;
use super::{Reading, Refusal, Tree};

/// Levels below the node that a list descends.
const LIST_DEPTH: usize = 8;

impl Tree {
    /// Reads a node. More than one reading only for `?list=`.
    pub fn get(&self, loc_uri: &str) -> Result<Vec<Reading>, Refusal> {
        let place = self.place(loc_uri, Verb::Get)?;
        if !place.exists {
            return Err(Refusal::NOT_FOUND);
        }
        let uri = loc_uri.to_owned();
        match place.query {
            Query::Node if place.rule.is_interior() => {
                let names: Vec<String> = children(&place).map(|(name, _, _)| escape(&name)).collect();
                Ok(vec![Reading { uri, format: Format::Node, data: Some(names.join("/")) }])
            }
            Query::Node => {
                let mut reading = leaf(uri, place.rule, place.node);
                if let Some(data) = self.of_node_cache(&place.storage) {
                    reading.data = Some(data);
                }
                Ok(vec![reading])
            }
            Query::List { with_data } if place.rule.csp.is_some_and(|csp| csp.lists) => {
                let root = loc_uri.split('?').next().unwrap_or_default().to_owned();
                let mut readings = Vec::new();
                list(&root, place.rule, place.node, with_data, LIST_DEPTH, &mut readings);
                Ok(readings)
            }
            Query::Property(property) => {
                let data = property_of(&place, property).ok_or(Refusal::status(StatusCode::NOT_SUPPORTED))?;
                Ok(vec![Reading { uri, format: Format::Chr, data: Some(data) }])
            }
            Query::List { .. } | Query::Unknown => Err(Refusal::status(StatusCode::NOT_SUPPORTED)),
        }
    }

    /// The value of a leaf, for the device's own use.
    pub fn value(&self, loc_uri: &str) -> Option<String> {
        self.get(loc_uri).ok()?.into_iter().next()?.data
    }
}

/// A leaf: what was set, or what is there from the start.
fn leaf(uri: String, rule: &Rule, node: Option<&Node>) -> Reading {
    match node.and_then(|node| node.value.as_ref()) {
        Some(stored) => Reading { uri, format: stored.format.clone(), data: Some(stored.data.clone()) },
        None => Reading {
            uri,
            format: rule.formats.first().cloned().unwrap_or_default(),
            data: Some(rule.default.clone().unwrap_or_default()),
        },
    }
}

/// The nodes directly below a place that are there: those that every device has, then those that were made.
fn children<'a>(place: &Place<'a>) -> impl Iterator<Item = (String, &'static Rule, Option<&'a Node>)> {
    below(place.rule, place.node)
}

fn below<'a>(
    rule: &'static Rule,
    node: Option<&'a Node>,
) -> impl Iterator<Item = (String, &'static Rule, Option<&'a Node>)> {
    let stored = move |key: &str| node.and_then(|node| node.children.get(key));
    let named = rule.children.iter().filter_map(move |(key, child)| {
        let node = stored(key);
        (node.is_some() || child.is_permanent()).then(|| (child.name.clone(), child, node))
    });
    let made = node.into_iter().flat_map(|node| &node.children).filter_map(move |(key, child)| {
        let (child_rule, is_named) = rule.child(key)?;
        (!is_named).then(|| (child.name.clone(), child_rule, Some(child)))
    });
    named.chain(made)
}

/// The subtree, parents first.
fn list(
    uri: &str,
    rule: &'static Rule,
    node: Option<&Node>,
    with_data: bool,
    depth: usize,
    readings: &mut Vec<Reading>,
) {
    if rule.is_interior() {
        readings.push(Reading { uri: uri.to_owned(), format: Format::Node, data: None });
    } else if rule.access.allows(Verb::Get) {
        let mut reading = leaf(uri.to_owned(), rule, node);
        if !with_data {
            reading.data = None;
        }
        readings.push(reading);
    }
    if depth > 0 {
        for (name, child_rule, child) in below(rule, node) {
            list(&format!("{uri}/{}", escape(&name)), child_rule, child, with_data, depth - 1, readings);
        }
    }
}

fn property_of(place: &Place<'_>, property: Property) -> Option<String> {
    let rule = place.rule;
    match property {
        Property::Name => Some(place.storage.segments.last().map_or(".", |segment| &segment.name).to_owned()),
        Property::Type => {
            let csp = rule.csp?;
            let is_root = csp.root.split('/').count() == place.storage.segments.len();
            is_root.then(|| csp.version.to_owned())
        }
        Property::Format if rule.is_interior() => Some(Format::Node.as_str().to_owned()),
        Property::Format => Some(leaf(String::new(), rule, place.node).format.as_str().to_owned()),
        Property::Size if rule.is_interior() => None,
        Property::Size => Some(leaf(String::new(), rule, place.node).data.unwrap_or_default().len().to_string()),
        Property::Other => None,
    }
}
