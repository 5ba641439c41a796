//! Nodes that hold a secret though neither their name nor a description says so: an author has put one there.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// Stands for one segment of an address that differs from device to device.
const ANY: &str = "*";

/// The addresses to which secrets were sent, for whoever shows or keeps values of nodes. Cheap to clone; all clones are the
/// same.
#[derive(Debug, Clone, Default)]
pub struct SecretNodes(Arc<RwLock<Arc<Known>>>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Known {
    /// Addresses that are the same on every device, as segments.
    fixed: BTreeSet<Vec<String>>,
    /// Those with [`ANY`] in them.
    varied: Vec<Vec<String>>,
}

impl SecretNodes {
    /// These are they from now on.
    pub fn set<'a>(&self, patterns: impl IntoIterator<Item = &'a str>) {
        let mut known = Known::default();
        for pattern in patterns {
            let segments = segments(pattern);
            if segments.iter().any(|segment| segment == ANY) {
                known.varied.push(segments);
            } else {
                known.fixed.insert(segments);
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
    }

    /// Whether a secret was sent to this node, or to one that it stands below.
    pub fn hold(&self, loc_uri: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if *known == Known::default() {
            return false;
        }
        let own = segments(loc_uri);
        let fixed = (1..=own.len()).any(|count| own.get(..count).is_some_and(|part| known.fixed.contains(part)));
        fixed || known.varied.iter().any(|pattern| begins(&own, pattern))
    }
}

/// The form in which an address is kept: what a variable stands for is one segment, whatever it is.
pub fn secret_node_pattern(loc_uri: &str) -> String {
    let each = loc_uri.split('/').map(|segment| if segment.contains("${") { ANY } else { segment });
    each.collect::<Vec<_>>().join("/")
}

fn begins(own: &[String], pattern: &[String]) -> bool {
    own.len() >= pattern.len() && own.iter().zip(pattern).all(|(own, pattern)| pattern == ANY || own == pattern)
}

/// An address without escapes, capitals, and what can be left out of it.
fn segments(loc_uri: &str) -> Vec<String> {
    let path = loc_uri.trim().split('?').next().unwrap_or_default();
    let decoded = |segment: &str| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().to_lowercase();
    // A slash that is escaped in the whole address divides it all the same.
    let path = if path.contains('/') { path.to_owned() } else { decoded(path) };
    let mut segments: Vec<String> = path
        .split('/')
        .map(|segment| decoded(segment.trim()))
        .filter(|segment| !segment.is_empty() && segment != ".")
        .collect();
    if segments.first().is_some_and(|first| first == "device") {
        segments.remove(0);
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_hides_nothing_and_shows_nothing() {
        let nodes = SecretNodes::default();
        assert!(!nodes.hold("./Device/Vendor/Contoso/Agent/Note"));
        let varied = secret_node_pattern("./Device/Vendor/Contoso/${device.serial}/Greeting");
        nodes.set(["./Device/Vendor/Contoso/Agent/Note", varied.as_str()]);
        for uri in [
            "./Device/Vendor/Contoso/Agent/Note",
            "./Vendor/Contoso/Agent/Note",
            " ./vendor/contoso//AGENT/Note/ ",
            "./Vendor/Contoso/Agent/N%6Fte",
            "./Vendor/Contoso/Agent/Note?list=StructData",
            "./Vendor/Contoso/Agent/Note/Below",
            ".%2FVendor%2FContoso%2FAgent%2FNote",
            "./Vendor/Contoso/1234/Greeting",
        ] {
            assert!(nodes.hold(uri), "{uri}");
        }
        for uri in [
            "",
            ".",
            "./Vendor/Contoso/Agent",
            "./Vendor/Contoso/Agent/Notes",
            "./User/Vendor/Contoso/Agent/Note",
            "./Vendor/Contoso/1234/5678/Greeting",
        ] {
            assert!(!nodes.hold(uri), "{uri}");
        }
        let clone = nodes.clone();
        clone.set([]);
        assert!(!nodes.hold("./Vendor/Contoso/Agent/Note"), "all clones are the same");
    }
}
