//! `DeviceManageability/Capabilities/CSPVersions`: the one long value that every device has, about 16 KB of XML.

use super::catalogue::CSPS;

/// Where it stands.
pub(super) const PATH: &str = "Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions";

/// Length that the document is filled up to, as on a real device.
const LENGTH: usize = 16 * 1024;

/// The document: the providers of this tree, then capability classes up to the usual length.
pub(super) fn document() -> String {
    let mut text = String::with_capacity(LENGTH + 256);
    text.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    text.push_str("<DeviceManageability Version=\"com.microsoft/1.1/MDM/DeviceManageability\">\n");
    text.push_str("  <Capabilities>\n    <CSPVersions>\n");
    for csp in CSPS {
        push(&mut text, &format!("./{}", csp.root), csp.version);
    }
    for number in 1.. {
        if text.len() >= LENGTH {
            break;
        }
        push(&mut text, &format!("./cimv2/Simulated_Capability{number:03}"), "1.0");
    }
    text.push_str("    </CSPVersions>\n  </Capabilities>\n</DeviceManageability>");
    text
}

fn push(text: &mut String, root: &str, version: &str) {
    text.push_str("      <CSP Node=\"");
    text.push_str(root);
    text.push_str("\" Version=\"");
    text.push_str(version);
    text.push_str("\"></CSP>\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_long_well_formed_and_names_every_provider() {
        let text = document();
        assert!((16_000..17_000).contains(&text.len()), "{}", text.len());
        let parsed = roxmltree::Document::parse(&text).unwrap();
        let nodes: Vec<_> = parsed.descendants().filter_map(|node| node.attribute("Node")).collect();
        assert!(CSPS.iter().all(|csp| nodes.contains(&format!("./{}", csp.root).as_str())));
    }
}
