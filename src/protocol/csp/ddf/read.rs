//! From the tree of elements to nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::allowed::{self, Admx, Allowed, Choice, Kind};
use super::applicability::{Applicability, editions, releases};
use super::node::{
    Access, Conflict, Dependency, DependencyGroup, Deprecated, Naming, Node, NodeName, Occurrence, Properties, Reboot,
};
use super::{Encoding, MAX_FILE, MAX_NODES, text};
use crate::csp::element::{Element, Space, TreeError, parse};
use crate::csp::short;
use crate::syncml::{Format, Verb};

/// Why a file is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DdfError {
    /// Larger than [`MAX_FILE`].
    #[error("the file has more than {MAX_FILE} bytes")]
    TooLarge,
    /// More nodes than [`MAX_NODES`].
    #[error("the file has more than {MAX_NODES} nodes")]
    TooManyNodes,
    /// It is no XML that is read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// It is XML of another kind.
    #[error("the file is no DDF: its root element is {0}, not MgmtTree")]
    NotDdf(String),
    /// It is a tree in the vocabulary of somebody else.
    #[error(
        "the file is no DDF: its root element MgmtTree is in the namespace {0:?}, not in that of OMA DM or in none"
    )]
    Namespace(String),
    /// It describes nothing.
    #[error("the file describes no node")]
    Empty,
}

/// Which vocabulary a file is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Since December 2022.
    V2,
    /// Until Windows 10 20H2: says nothing of versions and editions.
    V1,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdfFile {
    /// Its vocabulary.
    pub dialect: Dialect,
    /// How its characters were written.
    pub encoding: Encoding,
    /// The trees in it.
    pub roots: Vec<Root>,
    /// Nodes of all trees.
    pub nodes: usize,
    /// Elements that nobody knows, each with how often it came.
    pub unknown: BTreeMap<String, usize>,
    /// What was odd and how it was read.
    pub odd: Vec<String>,
}

/// A tree with where it hangs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The address of the node above it: `./Device/Vendor/MSFT`.
    pub path: String,
    /// The tree.
    pub node: Node,
}

/// What is told of what is odd, at most.
const MAX_ODD: usize = 100;

/// Reads one file.
pub fn read(bytes: &[u8]) -> Result<DdfFile, DdfError> {
    if bytes.len() > MAX_FILE {
        return Err(DdfError::TooLarge);
    }
    let (text, encoding) = text::decode(bytes);
    let tree = parse(&text)?;
    if !tree.is("MgmtTree") {
        if tree.name == "MgmtTree" {
            let space = tree.attribute("xmlns").unwrap_or("that its prefix names");
            return Err(DdfError::Namespace(short(space, 100)));
        }
        return Err(DdfError::NotDdf(clip(&tree.name)));
    }
    let dialect = if speaks_v2(&tree) { Dialect::V2 } else { Dialect::V1 };
    let mut reading = Reading { nodes: 0, is_user: false, unknown: BTreeMap::new(), odd: Vec::new() };
    if let Some(what) = encoding.told() {
        reading.remark(what);
    }
    let mut roots = Vec::new();
    for element in &tree.children {
        if element.is("Node") {
            roots.extend(reading.root(element)?);
        } else if !element.is("VerDTD") && !element.is("Diagnostics") && !element.is("Man") && !element.is("Mod") {
            reading.stranger(element);
        }
    }
    if roots.is_empty() {
        return Err(DdfError::Empty);
    }
    Ok(DdfFile { dialect, encoding, roots, nodes: reading.nodes, unknown: reading.unknown, odd: reading.odd })
}

fn speaks_v2(element: &Element) -> bool {
    let word = ["Applicability", "AllowedValues", "Diagnostics"];
    (element.space == Space::Microsoft && word.contains(&element.name.as_str()))
        || element.children.iter().any(speaks_v2)
}

struct Reading {
    nodes: usize,
    /// The tree is one of users.
    is_user: bool,
    unknown: BTreeMap<String, usize>,
    odd: Vec<String>,
}

impl Reading {
    fn remark(&mut self, what: impl Into<String>) {
        if self.odd.len() < MAX_ODD {
            self.odd.push(what.into());
        }
    }

    fn stranger(&mut self, element: &Element) {
        if self.unknown.len() < MAX_ODD || self.unknown.contains_key(&element.name) {
            *self.unknown.entry(clip(&element.name)).or_default() += 1;
        }
    }

    /// A tree; none where the file has begun one and says nothing in it.
    fn root(&mut self, element: &Element) -> Result<Option<Root>, DdfError> {
        let path = element.child("Path").map_or("", Element::trimmed).trim_end_matches('/').trim();
        let mut path = match path {
            "" | "." => ".".to_owned(),
            below if below.starts_with("./") => below.to_owned(),
            bare => format!("./{}", bare.trim_start_matches('/')),
        };
        self.is_user = path.split('/').nth(1).is_some_and(|scope| scope.eq_ignore_ascii_case("User"));
        let node = self.node(element)?;
        let NodeName::Fixed(name) = &node.name else {
            // No address can say which one it is.
            self.remark(format!("a root below {} without a name of its own: it is not in the catalogue", clip(&path)));
            return Ok(Some(Root { path, node }));
        };
        if name.eq_ignore_ascii_case("Root") && node.children.is_empty() && node.properties.format == Format::Node {
            self.remark(format!("a root {path}/{name} with nothing in it: passed over"));
            return Ok(None);
        }
        // One old file has the name of its tree in the path to it as well.
        if let Some((above, last)) = path.rsplit_once('/')
            && last.eq_ignore_ascii_case(name)
        {
            self.remark(format!("{path}/{name} names itself twice: read as {above}/{name}"));
            let above = above.len();
            path.truncate(above);
        }
        Ok(Some(Root { path, node }))
    }

    fn node(&mut self, element: &Element) -> Result<Node, DdfError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(DdfError::TooManyNodes);
        }
        let name = element.child("NodeName").map_or("", Element::trimmed);
        let empty = Element {
            space: Space::Oma,
            name: String::new(),
            attributes: Vec::new(),
            text: String::new(),
            children: Vec::new(),
        };
        let described = element.child("DFProperties").unwrap_or(&empty);
        let mut properties = self.properties(described, name);
        let children: Vec<Node> = element.all("Node").map(|child| self.node(child)).collect::<Result<_, _>>()?;
        for child in &element.children {
            let known = ["NodeName", "Path", "DFProperties", "Node", "RTProperties", "Value"];
            if !known.iter().any(|name| child.is(name)) {
                self.stranger(child);
            }
        }
        if !children.is_empty() && properties.format != Format::Node {
            // One old file leaves the format of inner nodes out.
            properties.format = Format::Node;
        }
        let naming =
            described.child("DynamicNodeNaming").and_then(|naming| naming.children.first()).and_then(naming_of);
        let name = if name.is_empty() || name == "*" {
            let placeholder = described.child("DFTitle").map(Element::trimmed).filter(|title| !title.is_empty());
            NodeName::Dynamic { placeholder: placeholder.map(str::to_owned), naming }
        } else {
            NodeName::Fixed(name.to_owned())
        };
        Ok(Node { name, properties: Box::new(properties), children })
    }

    fn properties(&mut self, described: &Element, name: &str) -> Properties {
        let mut properties = Properties::default();
        for element in &described.children {
            if element.space == Space::Other {
                self.stranger(element);
                continue;
            }
            match element.name.as_str() {
                "AccessType" => properties.access = access(element),
                "DFFormat" => properties.format = format(element),
                "DefaultValue" => properties.default = some(&element.text),
                "Description" => properties.description = some(element.trimmed()),
                "Occurrence" => properties.occurrence = occurrence(element),
                "Scope" => properties.permanent = element.child("Permanent").is_some(),
                "CaseSense" => properties.case_sensitive = element.child("CS").is_some(),
                "DFType" => properties.mime = element.child("MIME").and_then(|mime| some(mime.trimmed())),
                "Applicability" => properties.applicability = Some(self.applicability(element, name)),
                "AllowedValues" => properties.allowed = self.allowed(element, name, true),
                "Deprecated" => {
                    let since = element.attribute("OsBuildDeprecated").and_then(|build| build.parse().ok());
                    properties.deprecated = Some(Deprecated { since });
                }
                "DependencyBehavior" => {
                    properties.dependencies =
                        element.all("DependencyGroup").map(|group| self.group(group, name)).collect();
                }
                "ConflictResolution" => match conflict(element.trimmed()) {
                    Some(known) => properties.conflict = Some(known),
                    None => self.remark(format!("{name}: conflict resolution {:?}", clip(element.trimmed()))),
                },
                "RebootBehavior" => {
                    properties.reboot = match element.trimmed() {
                        "Automatic" => Some(Reboot::Automatic),
                        "ServerInitiated" => Some(Reboot::ServerInitiated),
                        _ => None,
                    };
                }
                "AtomicRequired" => properties.atomic = true,
                "DFTitle" | "DynamicNodeNaming" | "GpMapping" | "RWAccess" | "CommonErrorResults"
                | "ReplaceBehavior" => {}
                _ => self.old(element, &mut properties),
            }
        }
        if described.child("ADMXBacked").is_some() {
            properties.allowed = admx_v1(described).or(properties.allowed);
        }
        if let Some(separator) = described.child("SubStringSeparatorChar") {
            let delimiter = allowed::delimiter(separator.trimmed());
            properties.allowed.get_or_insert(Allowed::ANY).delimiter = delimiter;
        }
        properties
    }

    /// The vocabulary of the old files.
    fn old(&mut self, element: &Element, properties: &mut Properties) {
        match element.name.as_str() {
            "SupportedValues" => properties.allowed = supported(element),
            "XMLSchema" => properties.allowed = Some(Allowed { kind: Kind::Xsd, delimiter: None }),
            "ADMXBacked"
            | "ADMXCategory"
            | "ADMXPolicyName"
            | "ADMXMapped"
            | "ADMXMappedElement"
            | "GPDBMappedName"
            | "GPDBMappedCategory"
            | "GPRegistryMappedName"
            | "GPRegistryMappedCategory"
            | "NotSupportedOnPlatform"
            | "SubStringSeparatorChar"
            | "MinValue"
            | "MaxValue"
            | "MaxLength"
            | "StartOSVerison"
            | "StartOSVersion" => {}
            _ => self.stranger(element),
        }
    }

    fn applicability(&mut self, element: &Element, name: &str) -> Applicability {
        let text = |child: &str| element.child(child).map_or("", Element::trimmed);
        let (releases, odd) = releases(text("OsBuildVersion"));
        for entry in odd {
            self.remark(format!("{name}: {:?} is no build", clip(&entry)));
        }
        let csp_version = some(text("CspVersion")).filter(|version| version != "9.9");
        Applicability { releases, csp_version, editions: editions(text("EditionAllowList")) }
    }

    fn allowed(&mut self, element: &Element, name: &str, comma_is_dash: bool) -> Option<Allowed> {
        let delimiter = element.child("List").and_then(|list| allowed::delimiter(list.attribute("Delimiter")?));
        let value = element.child("Value").map_or("", Element::trimmed);
        let kind = match element.attribute("ValueType").unwrap_or("None") {
            "None" => Kind::Any,
            "ENUM" => Kind::Enum(choices(element)),
            "Flag" => Kind::Flags(choices(element)),
            "Range" => match self.ranges(element, name, comma_is_dash) {
                Some(ranges) => Kind::Range(ranges),
                None => Kind::Any,
            },
            "RegEx" if value.is_empty() => Kind::Any,
            "RegEx" => Kind::Regex(value.to_owned()),
            "ADMX" => {
                let backed = element.child("AdmxBacked")?;
                let word = |name: &str| backed.attribute(name).unwrap_or_default().to_owned();
                Kind::Admx(Admx { file: word("File"), area: word("Area"), policy: word("Name"), elements: None })
            }
            "XSD" => Kind::Xsd,
            "JSON" => Kind::Json,
            "SDDL" => Kind::Sddl,
            other => {
                self.remark(format!("{name}: values of the kind {:?}", clip(other)));
                Kind::Any
            }
        };
        Some(Allowed { kind, delimiter })
    }

    fn ranges(&mut self, element: &Element, name: &str, comma_is_dash: bool) -> Option<Vec<allowed::Range>> {
        let mut ranges = Vec::new();
        for value in element.all("Value") {
            match allowed::ranges(value.trimmed(), comma_is_dash) {
                Some(found) => ranges.extend(found),
                None => self.remark(format!("{name}: {:?} is no range", clip(value.trimmed()))),
            }
        }
        (!ranges.is_empty()).then_some(ranges)
    }

    fn group(&mut self, element: &Element, name: &str) -> DependencyGroup {
        let mut dependencies = Vec::new();
        for dependency in element.all("Dependency") {
            let uri = dependency.child("DependencyUri").map_or("", Element::trimmed);
            let allowed =
                dependency.child("DependencyAllowedValue").and_then(|allowed| self.allowed(allowed, name, false));
            dependencies.push(Dependency {
                uri: self.dependency_uri(uri),
                not: dependency.attribute("Type") == Some("Not"),
                allowed: allowed.unwrap_or(Allowed::ANY),
            });
        }
        let changed =
            element.child("DependencyChangedAllowedValues").and_then(|allowed| self.allowed(allowed, name, true));
        DependencyGroup { dependencies, changed }
    }

    /// Where a dependency is: files leave the root out, and most of them the scope, which is then that of their own tree.
    fn dependency_uri(&self, uri: &str) -> String {
        let bare = uri.trim_start_matches("./").replace('[', "{").replace(']', "}");
        let first = bare.split('/').next().unwrap_or_default();
        let has_scope = ["Device", "User"].iter().any(|scope| first.eq_ignore_ascii_case(scope));
        if self.is_user && !has_scope { format!("./User/{bare}") } else { format!("./{bare}") }
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn clip(text: &str) -> String {
    short(text, 60)
}

fn access(element: &Element) -> Access {
    element.children.iter().fold(Access::default(), |access, verb| match verb.name.as_str() {
        "Add" => access.with(Verb::Add),
        "Delete" => access.with(Verb::Delete),
        "Get" => access.with(Verb::Get),
        // Two old files say "Set".
        "Replace" | "Set" => access.with(Verb::Replace),
        "Exec" => access.with(Verb::Exec),
        "Copy" => access.with(Verb::Copy),
        _ => access,
    })
}

fn format(element: &Element) -> Format {
    element.children.first().map_or(Format::Chr, |format| Format::from(format.name.as_str()))
}

fn occurrence(element: &Element) -> Option<Occurrence> {
    let occurrence = element.children.first()?;
    let number = || occurrence.trimmed().parse().unwrap_or(u32::MAX);
    Some(match occurrence.name.as_str() {
        "One" => Occurrence::One,
        "ZeroOrOne" => Occurrence::ZeroOrOne,
        "ZeroOrMore" => Occurrence::ZeroOrMore,
        "OneOrMore" => Occurrence::OneOrMore,
        "ZeroOrN" => Occurrence::ZeroOrN(number()),
        "OneOrN" => Occurrence::OneOrN(number()),
        _ => return None,
    })
}

fn naming_of(element: &Element) -> Option<Naming> {
    match element.name.as_str() {
        "UniqueName" => Some(Naming::UniqueName),
        "ClientInventory" => Some(Naming::ClientInventory),
        "ServerGeneratedUniqueIdentifier" => Some(Naming::ServerGenerated),
        _ => None,
    }
}

fn conflict(word: &str) -> Option<Conflict> {
    Some(match word {
        "LastWrite" => Conflict::LastWrite,
        "LowestValueMostSecure" => Conflict::LowestValueMostSecure,
        "HighestValueMostSecure" => Conflict::HighestValueMostSecure,
        "LowestValueMostSecureZeroHasNoLimits" => Conflict::LowestValueMostSecureZeroHasNoLimits,
        "HighestValueMostSecureZeroHasNoLimits" => Conflict::HighestValueMostSecureZeroHasNoLimits,
        "NoMerge" => Conflict::NoMerge,
        _ => return None,
    })
}

fn choices(element: &Element) -> Vec<Choice> {
    let choice = |entry: &Element| {
        let value = entry.child("Value")?.trimmed().to_owned();
        Some(Choice { value, label: entry.child("ValueDescription").and_then(|label| some(label.trimmed())) })
    };
    element.all("Enum").filter_map(choice).collect()
}

/// `<MSFT:SupportedValues low="0" high="1">` or `AllowedValues="0,1"`, with words for some of them.
fn supported(element: &Element) -> Option<Allowed> {
    let label = |value: &str| {
        let described = element.all("SupportedValue").find(|each| each.attribute("value") == Some(value))?;
        some(described.attribute("description")?.trim())
    };
    let kind = if let Some(list) = element.attribute("AllowedValues") {
        let values = list.split(',').map(str::trim).filter(|value| !value.is_empty());
        Kind::Enum(values.map(|value| Choice { value: value.to_owned(), label: label(value) }).collect())
    } else {
        let bound = |name: &str| element.attribute(name).and_then(allowed::number);
        let (low, high) = (bound("low")?, bound("high")?);
        if low > high {
            return None;
        }
        Kind::Range(vec![allowed::Range(low, high)])
    };
    Some(Allowed { kind, delimiter: None })
}

fn admx_v1(described: &Element) -> Option<Allowed> {
    let word = |name: &str| described.child(name).map(|element| element.trimmed().to_owned());
    let admx = Admx {
        file: word("ADMXBacked")?,
        area: word("ADMXCategory")?,
        policy: word("ADMXPolicyName")?,
        elements: None,
    };
    Some(Allowed { kind: Kind::Admx(admx), delimiter: None })
}
