//! Puts sources together.

use std::collections::HashSet;

use super::{Catalogue, DEVICE, Entry, NodeId, Prefix, Source, USER};
use crate::csp::admx::{PolicyClass, Template};
use crate::csp::ddf::{Access, Admx, Allowed, Kind, Node, NodeName, Properties};
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
    /// that no mixture of two versions of a CSP comes of it.
    pub fn build(sources: &[Source]) -> Built {
        let mut building = Building { catalogue: Self::empty(), twice: Vec::new(), taken: HashSet::new() };
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
    /// (`Policy/ConfigOperations/ADMXInstall/<app>/<kind>/…`): `Policy/Config/<app>~<kind>~<categories>/<policy>`.
    pub fn learn_ingested(&mut self, app: &str, kind: &str, template: &Template) {
        for policy in &template.policies {
            let area =
                policy.categories.iter().fold(format!("{app}~{kind}"), |area, category| format!("{area}~{category}"));
            let scopes: &[NodeId] = match policy.class {
                PolicyClass::Machine => &[DEVICE],
                PolicyClass::User => &[USER],
                PolicyClass::Both => &[DEVICE, USER],
            };
            for scope in scopes {
                let above = ["Vendor", "MSFT", "Policy", "Config", &area];
                let area = above.iter().fold(*scope, |above, name| self.step(above, name, u16::MAX));
                let access = [Verb::Add, Verb::Delete, Verb::Get, Verb::Replace];
                let admx = Admx {
                    file: app.to_owned(),
                    area: policy.categories.join("~"),
                    policy: policy.name.clone(),
                    elements: Some(policy.elements.clone()),
                };
                let properties = Properties {
                    access: access.into_iter().fold(Access::default(), Access::with),
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
}

/// What is told of what stands there twice, at most.
const MAX_TWICE: usize = 200;

impl Building {
    fn source(&mut self, number: u16, source: &Source) {
        let mut described = Vec::new();
        for root in source.trees() {
            let (scope, prefix, above) = place(&root.path);
            let NodeName::Fixed(name) = &root.node.name else { continue };
            let key = format!("{}\n{}\n{}", scope.0, above.join("/").to_ascii_lowercase(), name.to_ascii_lowercase());
            if self.taken.contains(&key) {
                continue;
            }
            described.push(key);
            let above = above.iter().fold(scope, |above, name| self.catalogue.step(above, name, number));
            let id = self.node(above, &root.node, number);
            let entry = &mut self.catalogue.entries[id.0 as usize];
            entry.prefix.get_or_insert(prefix);
        }
        self.taken.extend(described);
    }

    fn node(&mut self, above: NodeId, node: &Node, source: u16) -> NodeId {
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
        } else if self.twice.len() < MAX_TWICE {
            self.twice.push(self.catalogue.uri(id));
        }
        for child in &node.children {
            self.node(id, child, source);
        }
        id
    }
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
