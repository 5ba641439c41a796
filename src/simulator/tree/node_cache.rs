//! Which nodes have changed since the server last said what it expects of them (CSP `NodeCache`).

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use transom_protocol::syncml::Format;

use super::Tree;
use super::node::{Node, Stored};
use super::path::{Path, Segment, escape};

/// A node that is not as expected.
struct Changed {
    /// Its number, as the server gave it.
    id: String,
    /// Its address; empty where the server gave none.
    uri: String,
    /// What it has.
    value: Option<String>,
}

impl Tree {
    /// The value of a node of a cache that is not kept, but worked out when it is read.
    pub(super) fn of_node_cache(&self, path: &Path) -> Option<String> {
        let (last, above) = path.segments.split_last()?;
        let keys: Vec<&str> = above.iter().map(|segment| segment.key.as_str()).collect();
        let ["device" | "user", "vendor", "msft", "nodecache", _] = keys.as_slice() else { return None };
        match last.key.as_str() {
            "changednodes" => {
                let ids: Vec<String> = self.changed_nodes(above).into_iter().map(|changed| changed.id).collect();
                Some(ids.join(","))
            }
            "changednodesdata" => {
                let node = |changed: Changed| {
                    let value = BASE64.encode(changed.value.unwrap_or_default());
                    let (id, uri) = (attribute(&changed.id), attribute(&changed.uri));
                    format!("<Node Id=\"{id}\" Uri=\"{uri}\">{value}</Node>")
                };
                let nodes: String = self.changed_nodes(above).into_iter().map(node).collect();
                Some(format!("<Nodes>{nodes}</Nodes>"))
            }
            _ => None,
        }
    }

    fn changed_nodes(&self, cache: &[Segment]) -> Vec<Changed> {
        let nodes = self.root.at(cache).and_then(|cache| cache.children.get("nodes"));
        let mut changed = Vec::new();
        for node in nodes.into_iter().flat_map(|nodes| nodes.children.values()) {
            let uri = child(node, "nodeuri").map(|stored| stored.data.clone()).unwrap_or_default();
            let value = self.value(&uri);
            let is_expected = match child(node, "expectedvalue") {
                Some(Stored { format: Format::Null, .. }) => value.is_none(),
                Some(expected) => value.as_deref() == Some(expected.data.as_str()),
                None => false,
            };
            if uri.is_empty() || !is_expected {
                changed.push(Changed { id: escape(&node.name), uri, value });
            }
        }
        changed
    }

    /// `AutoSetExpectedValue`: what the node has now is what is expected.
    pub(super) fn expect_what_is(&mut self, path: &Path) {
        let Some((last, above)) = path.segments.split_last() else { return };
        let keys: Vec<&str> = above.iter().map(|segment| segment.key.as_str()).collect();
        let is_it = matches!(keys.as_slice(), ["device" | "user", "vendor", "msft", "nodecache", _, "nodes", _]);
        if !is_it || last.key != "autosetexpectedvalue" {
            return;
        }
        let uri = self.root.at(above).and_then(|node| child(node, "nodeuri")).map(|stored| stored.data.clone());
        let expected = match uri.and_then(|uri| self.value(&uri)) {
            Some(data) => Stored { format: Format::Chr, data },
            None => Stored { format: Format::Null, data: String::new() },
        };
        let place: Vec<Segment> = above.iter().cloned().chain([Segment::new("ExpectedValue")]).collect();
        self.root.make(&place).value = Some(expected);
    }
}

fn child<'a>(node: &'a Node, name: &str) -> Option<&'a Stored> {
    node.children.get(name)?.value.as_ref()
}

/// As it stands in an attribute.
fn attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    const CACHE: &str = "./Device/Vendor/MSFT/NodeCache/Transom";
    const CAMERA: &str = "./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera";

    fn tree() -> Tree {
        let mut tree = Tree::windows_11("D", "Transom", "https://mdm.example.test/", 7);
        let node = Value { format: Some(Format::Node), data: None };
        for uri in [CACHE.to_owned(), format!("{CACHE}/Nodes/1"), format!("{CACHE}/Nodes/2")] {
            tree.add(&uri, &node).unwrap();
        }
        tree.add(&format!("{CACHE}/Nodes/1/NodeURI"), &Value::text(CAMERA)).unwrap();
        tree
    }

    fn changed(tree: &Tree) -> String {
        tree.value(&format!("{CACHE}/ChangedNodes")).unwrap()
    }

    #[test]
    fn a_node_that_is_not_as_expected_has_changed() {
        let mut tree = tree();
        assert_eq!(changed(&tree), "1,2", "nothing is expected of the first, the second has no address");
        tree.delete(&format!("{CACHE}/Nodes/2")).unwrap();
        tree.add(&format!("{CACHE}/Nodes/1/ExpectedValue"), &Value::text("0")).unwrap();
        assert_eq!(changed(&tree), "1");
        tree.change(CAMERA, Some("0"));
        assert_eq!(changed(&tree), "");
        tree.change(CAMERA, Some("<1>"));
        assert_eq!(changed(&tree), "1");
        let data = tree.value(&format!("{CACHE}/ChangedNodesData")).unwrap();
        assert_eq!(data, format!("<Nodes><Node Id=\"1\" Uri=\"{CAMERA}\">PDE+</Node></Nodes>"));
    }

    #[test]
    fn what_is_there_may_be_what_is_expected() {
        let mut tree = tree();
        tree.delete(&format!("{CACHE}/Nodes/2")).unwrap();
        let auto = format!("{CACHE}/Nodes/1/AutoSetExpectedValue");
        tree.add(&auto, &Value { format: Some(Format::Null), data: None }).unwrap();
        assert_eq!(changed(&tree), "", "nothing was there, and nothing is");
        tree.change(CAMERA, Some("1"));
        assert_eq!(changed(&tree), "1");
    }

    #[test]
    fn a_cache_keeps_its_version() {
        let mut tree = tree();
        let version = format!("{CACHE}/CacheVersion");
        assert_eq!(tree.value(&version).as_deref(), Some(""));
        tree.replace(&version, &Value::text("7")).unwrap();
        assert_eq!(tree.value(&version).as_deref(), Some("7"));
        tree.delete(CACHE).unwrap();
        assert_eq!(tree.value(&version), None);
    }
}
