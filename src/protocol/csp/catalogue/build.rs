//! Puts sources together.

use std::collections::HashSet;

use super::{Catalogue, DEVICE, Entry, NodeId, Prefix, Source, USER};
use crate::csp::admx::{PolicyClass, Template};
use crate::csp::ddf::{Access, Admx, Allowed, Dialect, Kind, Node, NodeName, Properties};
use crate::syncml::{Format, Verb};

/// A catalogue with what was odd about its sources.
#[derive(Debug)]
pub struct Built {
    /// The catalogue.
    pub catalogue: Catalogue,
    /// Addresses that stand in two files of one source: the first one counts.
    pub twice: Vec<String>,
}

impl Catalogue {
    /// Puts sources together. What an earlier one describes, a later one does not change: a tree counts as a whole, so
    /// that no mixture of two versions of a CSP, or of an area of policies, comes of it.
    pub fn build(sources: &[Source]) -> Built {
        let recent = sources.iter().flat_map(|source| &source.files).filter(|file| file.dialect == Dialect::V2);
        let recent = recent.flat_map(|file| &file.roots).map(|root| {
            let (_, _, above) = place(&root.path);
            key(&[&above[..], &[word(&root.node.name)]].concat())
        });
        let mut building =
            Building { catalogue: Self::empty(), twice: Vec::new(), taken: HashSet::new(), recent: recent.collect() };
        for (index, source) in sources.iter().enumerate() {
            building.source(u16::try_from(index).unwrap_or(u16::MAX), source);
        }
        let Building { mut catalogue, twice, .. } = building;
        catalogue.settle();
        Built { catalogue, twice }
    }

    fn empty() -> Self {
        let root = || Entry {
            name: NodeName::Fixed(String::new()),
            parent: None,
            fixed: Vec::new(),
            dynamic: Vec::new(),
            properties: None,
            prefix: None,
            source: 0,
            is_old: false,
            frame: false,
        };
        Self { entries: vec![root(), root()] }
    }

    /// The same, and it knows what policies of a template ask for: of a file that descriptions name.
    pub fn learn_template(&mut self, file: &str, template: &Template) {
        for index in 0..self.entries.len() {
            let Some(id) = u32::try_from(index).ok().map(NodeId) else { break };
            let is_user = self.is_user(id);
            let Some(properties) = &mut self.entries[index].properties else { continue };
            let Some(Allowed { kind: Kind::Admx(admx), .. }) = &mut properties.allowed else { continue };
            if !admx.file.eq_ignore_ascii_case(file) {
                continue;
            }
            let fits = |class: PolicyClass| class == PolicyClass::Both || (class == PolicyClass::User) == is_user;
            let named = |policy: &&crate::csp::admx::Policy| policy.name.eq_ignore_ascii_case(&admx.policy);
            let mut policies = template.policies.iter().filter(named);
            let policy = policies.clone().find(|policy| fits(policy.class)).or_else(|| policies.next());
            admx.elements = policy.map(|policy| policy.elements.clone()).or(admx.elements.take());
        }
    }

    /// The same, and it knows the settings of a template that devices are given under a name
    /// (`Policy/ConfigOperations/ADMXInstall/<app>/<kind>/…`): `Policy/Config/<app>~<kind>~<categories>/<policy>`. The
    /// categories are the template's own.
    pub fn learn_ingested(&mut self, app: &str, kind: &str, template: &Template) {
        let access = |verbs: &[Verb]| verbs.iter().copied().fold(Access::default(), Access::with);
        for policy in &template.policies {
            let scopes: &[NodeId] = match policy.class {
                PolicyClass::Machine => &[DEVICE],
                PolicyClass::User => &[USER],
                PolicyClass::Both => &[DEVICE, USER],
            };
            for (scope, categories) in
                scopes.iter().flat_map(|scope| policy.given_below().into_iter().map(|below| (*scope, below)))
            {
                let area =
                    categories.iter().fold(format!("{app}~{kind}"), |area, category| format!("{area}~{category}"));
                let above = ["Vendor", "MSFT", "Policy", "Config", &area];
                let area = above.iter().fold(scope, |above, name| self.step(above, name, u16::MAX));
                self.entries[area.0 as usize].properties.get_or_insert_with(|| {
                    let access = access(&[Verb::Add, Verb::Delete, Verb::Get]);
                    Box::new(Properties { access, format: Format::Node, ..Properties::default() })
                });
                let admx = Admx {
                    file: app.to_owned(),
                    area: categories.join("~"),
                    policy: policy.name.clone(),
                    elements: Some(policy.elements.clone()),
                };
                let properties = Properties {
                    access: access(&[Verb::Add, Verb::Delete, Verb::Get, Verb::Replace]),
                    format: Format::Chr,
                    mime: Some("text/plain".to_owned()),
                    allowed: Some(Allowed { kind: Kind::Admx(admx), delimiter: None }),
                    ..Properties::default()
                };
                let id = self.step(area, &policy.name, u16::MAX);
                self.entries[id.0 as usize].properties.get_or_insert_with(|| Box::new(properties));
            }
        }
    }

    fn is_user(&self, id: NodeId) -> bool {
        self.upwards(id).last().is_some_and(|(root, _)| root == USER)
    }

    /// The fixed node of a name below another; it is made where there is none.
    fn step(&mut self, above: NodeId, name: &str, source: u16) -> NodeId {
        let folded = fold(name);
        let fixed = &self.entries[above.0 as usize].fixed;
        match fixed.binary_search_by(|(known, _)| (**known).cmp(&*folded)) {
            Ok(place) => fixed[place].1,
            Err(place) => {
                let id = self.push(NodeName::Fixed(name.to_owned()), above, source);
                self.entries[above.0 as usize].fixed.insert(place, (folded, id));
                id
            }
        }
    }

    fn push(&mut self, name: NodeName, above: NodeId, source: u16) -> NodeId {
        // Four thousand million nodes do not fit into memory.
        let id = NodeId(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.entries.push(Entry {
            name,
            parent: Some(above),
            fixed: Vec::new(),
            dynamic: Vec::new(),
            properties: None,
            prefix: None,
            source,
            is_old: false,
            frame: false,
        });
        id
    }

    /// Marks what stands for templates that are not known: `Policy/Config/{AreaName}` and what is below, and the same
    /// under `Result`.
    fn settle(&mut self) {
        for scope in [DEVICE, USER] {
            for name in ["Config", "Result"] {
                let path = ["vendor", "msft", "policy", &name.to_lowercase()];
                let found = path.iter().try_fold(scope, |above, name| self.fixed_below(above, name));
                let Some(found) = found else { continue };
                let mut waiting = self.entry(found).dynamic.clone();
                while let Some(id) = waiting.pop() {
                    let entry = &mut self.entries[id.0 as usize];
                    entry.frame = true;
                    waiting.extend(entry.dynamic.iter().chain(entry.fixed.iter().map(|(_, below)| below)));
                }
            }
        }
    }

    /// The node of a name in small letters.
    pub(super) fn fixed_below(&self, above: NodeId, folded: &str) -> Option<NodeId> {
        let fixed = &self.entry(above).fixed;
        fixed.binary_search_by(|(known, _)| (**known).cmp(folded)).ok().map(|place| fixed[place].1)
    }
}

/// As names are compared: Windows tells letters of ASCII alike.
pub(super) fn fold(name: &str) -> Box<str> {
    name.to_ascii_lowercase().into_boxed_str()
}

struct Building {
    catalogue: Catalogue,
    twice: Vec<String>,
    /// Trees that earlier sources have described.
    taken: HashSet<String>,
    /// Trees that files since 2022 describe, of whichever source.
    recent: HashSet<String>,
}

/// What is told of what stands there twice, at most.
const MAX_TWICE: usize = 200;

/// Where a file says that its trees hang.
#[derive(Clone, Copy)]
struct Origin {
    scope: NodeId,
    prefix: Prefix,
    source: u16,
    /// The file itself begins a tree there.
    is_root: bool,
    /// The file is of the time before 2022.
    is_old: bool,
}

impl Building {
    fn source(&mut self, number: u16, source: &Source) {
        let mut described = Vec::new();
        for file in &source.files {
            let is_old = file.dialect == Dialect::V1;
            for root in &file.roots {
                let (scope, prefix, above) = place(&root.path);
                if matches!(root.node.name, NodeName::Fixed(_)) {
                    let origin = Origin { scope, prefix, source: number, is_root: true, is_old };
                    self.tree(origin, &above, &root.node, &mut described);
                }
            }
        }
        self.taken.extend(described);
    }

    /// One tree, as a whole or not at all: in both scopes, since a release that has a CSP in one of them only means it.
    /// Policies are as many trees as there are areas: new files describe each on its own, old ones all of them within one.
    fn tree(&mut self, origin: Origin, above: &[&str], node: &Node, described: &mut Vec<String>) {
        let name = word(&node.name);
        let path = [above, &[name]].concat();
        let holds_trees = is_policy(&path) || is_policy(above) && name.eq_ignore_ascii_case("Config");
        let whole = key(&path);
        // What only holds trees is in each scope for itself.
        let key = if holds_trees { format!("{}\n{whole}", origin.scope.0) } else { whole.clone() };
        let is_new = !self.taken.contains(&key);
        if !is_new && !holds_trees {
            return;
        }
        let parent = above.iter().fold(origin.scope, |above, name| self.catalogue.step(above, name, origin.source));
        if is_new {
            let origin = Origin { is_old: origin.is_old && !self.recent.contains(&whole), ..origin };
            let id = self.one(parent, node, origin);
            let is_area = above.len() == 4 && matches!(node.name, NodeName::Fixed(_));
            if origin.is_root || is_area || self.catalogue.prefix(id) != origin.prefix {
                self.catalogue.entries[id.0 as usize].prefix.get_or_insert(origin.prefix);
            }
            described.push(key);
            if !holds_trees {
                node.children.iter().for_each(|child| self.node(id, child, origin));
            }
        }
        if holds_trees {
            let origin = Origin { is_root: false, ..origin };
            node.children.iter().for_each(|child| self.tree(origin, &path, child, described));
        }
    }

    /// A node with all that is below it.
    fn node(&mut self, above: NodeId, node: &Node, origin: Origin) {
        let id = self.one(above, node, origin);
        node.children.iter().for_each(|child| self.node(id, child, origin));
    }

    /// A node alone.
    fn one(&mut self, above: NodeId, node: &Node, origin: Origin) -> NodeId {
        let source = origin.source;
        let id = match &node.name {
            NodeName::Fixed(name) => self.catalogue.step(above, name, source),
            NodeName::Dynamic { .. } => {
                let alike = self.catalogue.entry(above).dynamic.iter().copied();
                let same = alike.into_iter().find(|id| self.catalogue.entry(*id).name == node.name);
                same.unwrap_or_else(|| {
                    let id = self.catalogue.push(node.name.clone(), above, source);
                    self.catalogue.entries[above.0 as usize].dynamic.push(id);
                    id
                })
            }
        };
        let entry = &mut self.catalogue.entries[id.0 as usize];
        if entry.properties.is_none() {
            entry.properties = Some(node.properties.clone());
            entry.source = source;
            entry.is_old = origin.is_old;
        } else if self.twice.len() < MAX_TWICE {
            self.twice.push(self.catalogue.uri(id));
        }
        id
    }
}

/// By what a tree is known in whichever scope it is.
fn key(path: &[&str]) -> String {
    path.join("\n").to_ascii_lowercase()
}

fn word(name: &NodeName) -> &str {
    match name {
        NodeName::Fixed(name) => name,
        NodeName::Dynamic { .. } => "{}",
    }
}

/// Whether a path, without its scope, is the root of the policies.
fn is_policy(path: &[&str]) -> bool {
    let policy = ["Vendor", "MSFT", "Policy"];
    path.len() == policy.len() && path.iter().zip(policy).all(|(name, wanted)| name.eq_ignore_ascii_case(wanted))
}

/// Whose tree a path is in, how its addresses begin, and the names on the way.
fn place(path: &str) -> (NodeId, Prefix, Vec<&str>) {
    let relative = path.strip_prefix("./").unwrap_or(path.trim_start_matches('.'));
    let mut names: Vec<&str> = relative.split('/').map(str::trim).filter(|name| !name.is_empty()).collect();
    match names.first() {
        Some(first) if first.eq_ignore_ascii_case("Device") => {
            names.remove(0);
            (DEVICE, Prefix::Device, names)
        }
        Some(first) if first.eq_ignore_ascii_case("User") => {
            names.remove(0);
            (USER, Prefix::User, names)
        }
        _ => (DEVICE, Prefix::Bare, names),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{V1, V2, source};
    use super::super::{Level, Proposed, Rule};
    use super::*;

    fn knows(catalogue: &Catalogue, uri: &str) -> bool {
        catalogue.known(&uri.parse().unwrap()).is_some()
    }

    #[test]
    fn a_csp_is_of_one_source_in_both_scopes() {
        let newer = source("new", &[("OldKiosk.xml", V1)]);
        let of_users = V1.replace("<Path>./Vendor/MSFT</Path>", "<Path>./User/Vendor/MSFT</Path>");
        assert_ne!(of_users, V1);
        let older = source("old", &[("OldKiosk.xml", &of_users)]);
        let catalogue = Catalogue::build(&[newer, older]).catalogue;
        assert!(knows(&catalogue, "./Vendor/MSFT/OldKiosk/Level"));
        assert!(!knows(&catalogue, "./User/Vendor/MSFT/OldKiosk/Level"));
        // One source may describe both.
        let both = source("both", &[("a.xml", V1), ("b.xml", &of_users)]);
        let catalogue = Catalogue::build(&[both]).catalogue;
        assert!(knows(&catalogue, "./User/Vendor/MSFT/OldKiosk/Level"));
    }

    #[test]
    fn what_only_old_files_describe_is_told() {
        let told = |sources: &[Source], uri: &str, data: &str| {
            let uri = uri.parse().unwrap();
            let proposed = Proposed { verb: Verb::Replace, uri: &uri, format: None, data: Some(data), in_atomic: true };
            let findings = Catalogue::build(sources).catalogue.check(&proposed, None).findings;
            let findings = findings.iter().filter(|finding| finding.level != Level::Note);
            findings.map(|finding| (finding.level, finding.rule)).collect::<Vec<_>>()
        };
        let (new, old) = (source("new", &[("Kiosk.xml", V2)]), source("old", &[("OldKiosk.xml", V1)]));
        let both = [new, old.clone()];
        assert_eq!(told(&both, "./Vendor/MSFT/Kiosk/Mode", "1"), []);
        assert_eq!(told(&both, "./Vendor/MSFT/OldKiosk/Level", "1"), [(Level::Warning, Rule::Older)]);
        // A newer file has it as well, and somebody chose the old one.
        let newer = source("newer", &[("OldKiosk.xml", &V2.replace("<NodeName>Kiosk ", "<NodeName>OldKiosk "))]);
        assert_eq!(told(&[old, newer], "./Vendor/MSFT/OldKiosk/Level", "1"), []);
    }

    #[test]
    fn steps_on_the_way_are_found() {
        let catalogue = Catalogue::build(&[source("new", &[("Kiosk.xml", V2)])]).catalogue;
        let on_the_way = |uri: &str| catalogue.on_the_way(&uri.parse().unwrap()).map(|node| catalogue.uri(node));
        for (asked, found) in [
            (".", "./Device"),
            ("./Device", "./Device"),
            ("./User", "./User"),
            ("./vendor", "./Device/Vendor"),
            ("./User/Vendor/MSFT", "./User/Vendor/MSFT"),
        ] {
            assert_eq!(on_the_way(asked).as_deref(), Some(found), "{asked}");
        }
        assert_eq!(on_the_way("./Vendor/MSFT/Kiosk"), None, "it is described");
        assert_eq!(on_the_way("./Vendor/None"), None);
    }
}
