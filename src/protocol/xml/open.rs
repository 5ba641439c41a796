//! The elements that are open at one place of a document: where that is, and which prefixes are in force.

use super::clip;

/// The elements that were begun and not ended, outermost first.
#[derive(Debug)]
pub(super) struct OpenElements<'a> {
    elements: Vec<Open<'a>>,
    /// Each prefix with the level that declares it, outermost first.
    prefixes: Vec<(usize, &'a str)>,
}

/// An element that was not ended yet.
#[derive(Debug)]
pub(super) struct Open<'a> {
    /// Its name without prefix.
    pub(super) local: &'a str,
    /// Its start tag without angle brackets.
    pub(super) tag: &'a str,
    /// Bytes of the name at the start of the tag.
    pub(super) name_len: usize,
    /// Which one it is among the siblings of its name, from 1; 0 when that was not counted.
    number: u32,
    /// How many children of each name came so far. What does not fit is not counted, so that a step costs the same
    /// however many names a stranger invents.
    children: [(&'a str, u32); 6],
}

/// Bytes of a path after which it is cut.
const PATH: usize = 200;

impl<'a> OpenElements<'a> {
    pub(super) fn new() -> Self {
        Self { elements: Vec::with_capacity(8), prefixes: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    pub(super) fn first(&self) -> Option<&Open<'a>> {
        self.elements.first()
    }

    pub(super) fn last(&self) -> Option<&Open<'a>> {
        self.elements.last()
    }

    /// An element begins.
    pub(super) fn push(&mut self, local: &'a str, tag: &'a str, name_len: usize) {
        let number = self.elements.last_mut().map_or(0, |parent| parent.count(local));
        self.elements.push(Open { local, tag, name_len, number, children: [("", 0); 6] });
    }

    /// The innermost element ends; gives its local name.
    pub(super) fn pop(&mut self) -> &'a str {
        let level = self.len();
        while self.prefixes.last().is_some_and(|(declared_at, _)| *declared_at >= level) {
            self.prefixes.pop();
        }
        self.elements.pop().map_or("", |open| open.local)
    }

    /// The innermost element declares a prefix.
    pub(super) fn declare(&mut self, prefix: &'a str) {
        self.prefixes.push((self.len(), prefix));
    }

    /// How many prefixes are in force.
    pub(super) fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// Whether a prefix is in force.
    pub(super) fn declares(&self, prefix: &str) -> bool {
        self.prefixes.iter().any(|(_, declared)| *declared == prefix)
    }

    /// Path of the elements, such as `SyncML/SyncBody/Alert[2]/Data`; `/` when there are none. Cut when it is long.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.elements {
            if path.len() > PATH {
                path.push_str("/…");
                break;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&clip(open.local, 40));
            if open.number > 1 {
                path.extend(["[", &open.number.to_string(), "]"]);
            }
        }
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

impl<'a> Open<'a> {
    /// The name as it stands in the tag.
    pub(super) fn name(&self) -> &'a str {
        self.tag.get(..self.name_len).unwrap_or_default()
    }

    /// The number of a child among its namesakes.
    fn count(&mut self, local: &'a str) -> u32 {
        for (name, count) in &mut self.children {
            if *count == 0 {
                *name = local;
            }
            if *name == local {
                *count += 1;
                return *count;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> String {
        let mut open = OpenElements::new();
        for name in names {
            open.push(name, name, name.len());
        }
        open.path()
    }

    #[test]
    fn path_counts_namesakes() {
        let mut open = OpenElements::new();
        assert_eq!(open.path(), "/");
        open.push("a", "a", 1);
        for (name, wanted) in [("b", "a/b"), ("c", "a/c"), ("b", "a/b[2]"), ("b", "a/b[3]"), ("c", "a/c[2]")] {
            open.push(name, name, 1);
            assert_eq!(open.path(), wanted);
            assert_eq!(open.pop(), name);
        }
    }

    #[test]
    fn path_without_number_where_names_are_too_many() {
        let mut open = OpenElements::new();
        open.push("a", "a", 1);
        for name in ["b", "c", "d", "e", "f", "g", "h", "h"] {
            open.push(name, name, 1);
            open.pop();
        }
        open.push("h", "h", 1);
        assert_eq!(open.path(), "a/h");
        open.pop();
        open.push("g", "g", 1);
        assert_eq!(open.path(), "a/g[2]");
    }

    #[test]
    fn path_stays_short() {
        assert!(path(&["é".repeat(50_000).as_str()]).len() < 60);
        let deep = path(&["abcdefghijklmnopqrstuvwxyz"; 100]);
        assert!(deep.len() < 260 && deep.ends_with("/…"), "{deep}");
    }

    #[test]
    fn prefixes_end_with_their_element() {
        let mut open = OpenElements::new();
        open.push("a", "a", 1);
        open.declare("p");
        open.push("b", "b", 1);
        open.declare("q");
        open.declare("r");
        assert!(open.declares("p") && open.declares("q") && open.declares("r"));
        open.pop();
        assert!(open.declares("p") && !open.declares("q"));
        open.pop();
        assert_eq!(open.prefixes(), 0);
    }
}
