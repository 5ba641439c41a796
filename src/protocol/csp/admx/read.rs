//! Reads a template: its policies, where they stand and what they ask for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ElementKind, MOST};
use crate::csp::ddf::{Element, MAX_FILE, text};
use crate::csp::element::{self, parse};
use crate::csp::{TreeError, short};

/// Why a template is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdmxError {
    /// Larger than [`MAX_FILE`].
    #[error("the file has more than {MAX_FILE} bytes")]
    TooLarge,
    /// It is no XML that is read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// It is XML of another kind.
    #[error("the file is no administrative template: its root element is {0}, not policyDefinitions")]
    NotAdmx(String),
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// The namespace that it defines, such as `Microsoft.Policies.BITS`.
    pub namespace: String,
    /// Its policies, in its order.
    pub policies: Vec<Policy>,
    /// What was odd.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odd: Vec<String>,
}

/// A policy of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub class: PolicyClass,
    /// The categories above it, the outermost first, as names without prefixes.
    pub categories: Vec<String>,
    /// How many of these, counted from the innermost, are the template's own; only the outermost may be another's.
    /// `None`: nobody knows what Windows makes of it, or the template was read before this was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<usize>,
    /// What it asks for when it is enabled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

impl Policy {
    /// The categories below which devices have the policy when they are given the template. Windows knows no other
    /// templates then, so that theirs are left out. Where it is not known whose the outermost is, both may be.
    pub fn given_below(&self) -> Vec<&[String]> {
        let all = &self.categories[..];
        match self.own {
            Some(own) => vec![&all[all.len().saturating_sub(own)..]],
            None if all.is_empty() => vec![all],
            None => vec![all, &all[1..]],
        }
    }
}

/// Whose a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyClass {
    /// The device's.
    Machine,
    /// The user's.
    User,
    /// Either's.
    Both,
}

/// Deepest chain of categories that is followed.
const DEEPEST: usize = 32;

/// Reads a template. `.adml` files, which hold its words, are not needed.
pub fn read(bytes: &[u8]) -> Result<Template, AdmxError> {
    if bytes.len() > MAX_FILE {
        return Err(AdmxError::TooLarge);
    }
    let (text, encoding) = text::decode(bytes);
    let root = parse(&text)?;
    if root.name != "policyDefinitions" {
        return Err(AdmxError::NotAdmx(short(&root.name, 60)));
    }
    let target = root.named("policyNamespaces").and_then(|spaces| spaces.named("target"));
    let target = |name: &str| target.and_then(|target| target.attribute(name)).unwrap_or_default();
    let (namespace, prefix) = (target("namespace").to_owned(), target("prefix"));
    let mut parents: BTreeMap<&str, &str> = BTreeMap::new();
    for category in root.each("categories").flat_map(|categories| categories.each("category")) {
        if let Some(name) = category.attribute("name") {
            let parent =
                category.named("parentCategory").and_then(|parent| parent.attribute("ref")).unwrap_or_default();
            parents.entry(name).or_insert(parent);
        }
    }
    let mut odd: Vec<String> = encoding.told().map(str::to_owned).into_iter().collect();
    let mut names = BTreeSet::new();
    let mut policies = Vec::new();
    for policy in root.each("policies").flat_map(|policies| policies.each("policy")) {
        let Some(name) = policy.attribute("name").map(str::trim).filter(|name| !name.is_empty()) else {
            odd.push("a policy without a name".to_owned());
            continue;
        };
        let class = match policy.attribute("class") {
            Some("User") => PolicyClass::User,
            Some("Machine") => PolicyClass::Machine,
            _ => PolicyClass::Both,
        };
        if !names.insert((name, class == PolicyClass::User)) {
            odd.push(format!("the policy {name} stands there twice: the first one counts"));
            continue;
        }
        let parent = policy.named("parentCategory").and_then(|parent| parent.attribute("ref")).unwrap_or_default();
        let (categories, own) = chain(parent, &parents, prefix);
        let elements = policy.each("elements").flat_map(|elements| &elements.children).take(MOST);
        policies.push(Policy {
            name: name.to_owned(),
            class,
            categories,
            own,
            elements: elements.filter_map(element_of).collect(),
        });
    }
    Ok(Template { namespace, policies, odd })
}

/// The categories above a policy, and how many of them are the template's own. One of another template
/// (`windows:WindowsComponents`) ends the chain: its parents stand there. The template's own prefix says nothing.
fn chain(parent: &str, parents: &BTreeMap<&str, &str>, prefix: &str) -> (Vec<String>, Option<usize>) {
    let mut chain: Vec<String> = Vec::new();
    let mut is_foreign = false;
    let mut next = parent;
    while !next.is_empty() && chain.len() < DEEPEST {
        let (of, name) = next.rsplit_once(':').unwrap_or((prefix, next));
        if !of.trim().eq_ignore_ascii_case(prefix) {
            is_foreign = true;
            chain.push(name.to_owned());
            break;
        }
        if chain.iter().any(|known| known == name) {
            break;
        }
        chain.push(name.to_owned());
        next = parents.get(name).copied().unwrap_or("");
    }
    chain.reverse();
    let own = if is_foreign { Some(chain.len() - 1).filter(|own| *own > 0) } else { Some(chain.len()) };
    (chain, own)
}

fn element_of(element: &element::Element) -> Option<Element> {
    let number = |name: &str| element.attribute(name).and_then(|text| text.trim().parse::<u64>().ok());
    let count = |name: &str| number(name).and_then(|number| u32::try_from(number).ok());
    let is = |name: &str| element.attribute(name).is_some_and(|text| text == "true" || text == "1");
    let kind = match element.name.as_str() {
        "boolean" => ElementKind::Boolean,
        "decimal" | "longDecimal" => ElementKind::Decimal {
            min: number("minValue").unwrap_or(0),
            // The schema's default; nothing larger fits into the registry value either.
            max: number("maxValue").unwrap_or(if element.name == "decimal" { 9_999 } else { u64::MAX }),
        },
        "text" => ElementKind::Text { max: count("maxLength") },
        "multiText" => ElementKind::MultiText { max: count("maxStrings").filter(|max| *max > 0) },
        "enum" => ElementKind::Enum { values: element.each("item").take(MOST).filter_map(item_value).collect() },
        "list" => ElementKind::List { explicit: is("explicitValue") },
        _ => return None,
    };
    Some(Element { id: element.attribute("id")?.to_owned(), required: is("required"), kind })
}

/// What an item of an enumeration writes: `<value><decimal value="7"/></value>` or `<value><string>x</string></value>`.
fn item_value(item: &element::Element) -> Option<String> {
    let value = item.named("value")?.children.first()?;
    match value.name.as_str() {
        "string" => Some(value.text.clone()),
        "delete" => None,
        _ => value.attribute("value").map(str::to_owned),
    }
}
