//! What a setting is on the wire: address, format, MIME type and data, by the catalogue. Its author gives none of them
//! but the address.

use transom_protocol::csp::LocUriError;
use transom_protocol::csp::admx::Payload;
use transom_protocol::csp::catalogue::{Catalogue, Found, NodeId, Proposed};
use transom_protocol::csp::ddf::{Admx, Allowed, Kind, Properties};
use transom_protocol::syncml::{Format, Verb};

use super::asset::{Assets, Content, packed};
use super::held::{held, of_template};
use super::{Escaping, Finding, Identifier, Level, LocUri, PolicyValue, Rule, Template, Unresolved, Value};
use crate::model::{FactName, Facts};

/// A setting as it is to be, but for what each device puts into it. Knows nothing of how it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The address in the catalogue's spelling; it may have variables.
    pub uri: LocUri,
    /// The node, where the catalogue knows it.
    pub node: Option<NodeId>,
    /// Format of the value.
    pub format: Format,
    /// MIME type of the value, where it is not the usual one.
    pub mime: Option<String>,
    /// The value.
    pub data: Data,
}

/// The value of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// None: the node itself.
    None,
    /// A text, and how what is put into it is escaped.
    Text(Template, Escaping),
    /// What an asset holds.
    Asset(Identifier),
}

/// What became of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// As it is to be; absent where nothing could be made of it.
    pub item: Option<Item>,
    /// What is to be said, the worst first.
    pub findings: Vec<Finding>,
}

/// What stands between the parts of a value of a template.
const BETWEEN: &str = "\u{F000}";

/// Makes of an address and a value what is sent.
pub fn compile(catalogue: &Catalogue, uri: &LocUri, value: &Value) -> Compiled {
    let mut findings = Vec::new();
    let found = catalogue.find(uri);
    let not_imported = of_template(&found, uri);
    let known = match &found {
        Found::Known(hit) => catalogue.describe(hit.node).map(|described| described.properties),
        Found::Unchecked(_) | Found::Missing(_) => not_imported.as_ref(),
    };
    let address = Template::parse(uri.as_str()).map_err(|error| error.to_string());
    if let Some(what) = address.as_ref().err().cloned().or_else(|| unsendable(value)) {
        // It would be sent as it was never meant, or break the message that it is in: nobody can insist on it.
        findings.push(error_of(Rule::Value, what));
        return sorted(None, findings);
    }
    let written = match written(value, known, &mut findings) {
        Ok(written) => written,
        Err(what) => {
            findings.push(error_of(if known.is_some_and(is_admx) { Rule::Payload } else { Rule::Format }, what));
            // What is wrong with the address is to be said as well.
            let proposed = Proposed { verb: Verb::Replace, uri, format: None, data: None, in_atomic: true };
            findings
                .extend(catalogue.check(&proposed, None).findings.into_iter().filter(|finding| stays(finding, true)));
            return sorted(None, findings);
        }
    };
    let varies = written.varies();
    let verb = if matches!(value, Value::Node) { Verb::Add } else { Verb::Replace };
    let data = written.text.as_deref();
    let (explicit, given_mime) = match value {
        Value::Explicit { format, mime, .. } => (Some(format.clone()), mime.as_deref()),
        _ => (None, None),
    };
    let given = explicit.or_else(|| known.is_none().then(|| format_of(value)));
    // A word that is no format stays none, whatever is put into the value.
    let is_open = varies && !(known.is_none() && matches!(given, Some(Format::Other(_))));
    let proposed = Proposed { verb, uri, format: given.as_ref(), data, in_atomic: true };
    let checked = held(catalogue, &proposed, given_mime);
    if not_imported.is_some() {
        // The catalogue says so of the whole policy.
        findings.retain(|finding: &Finding| finding.rule != Rule::NotChecked);
    }
    findings.extend(checked.findings.into_iter().filter(|finding| stays(finding, is_open)));
    let format = match &not_imported {
        Some(policy) => policy.format.clone(),
        None => checked.format.or(known.map(|known| known.format.clone())).unwrap_or_else(|| format_of(value)),
    };
    let mime = match value {
        Value::Explicit { mime: Some(mime), .. } => Some(mime.clone()),
        _ => checked.mime.filter(|mime| !mime.is_empty()),
    };
    let data = match (value, checked.data) {
        (Value::Node, _) => Data::None,
        (Value::Asset(asset), _) => Data::Asset(asset.clone()),
        (_, text) => {
            let text = if varies { written.text } else { text.or(written.text) }.unwrap_or_default();
            match Template::parse(&text) {
                Ok(template) => Data::Text(template, escaping(&text, &format, known)),
                Err(error) => {
                    findings.push(error_of(Rule::Value, error.to_string()));
                    return sorted(None, findings);
                }
            }
        }
    };
    let item = Item { uri: checked.uri, node: checked.node, format, mime, data };
    sorted(Some(item), findings)
}

impl Item {
    /// The value for a device; `None` where the node has none.
    pub fn data(&self, facts: &Facts, assets: &impl Assets) -> Result<Option<String>, Unresolved> {
        match &self.data {
            Data::None => Ok(None),
            Data::Text(template, escaping) => template.resolve(escaping, facts, assets).map(Some),
            Data::Asset(asset) => {
                let wants_bytes = matches!(self.format, Format::B64 | Format::Bin);
                match assets.content(asset) {
                    Some(Content::Text(text)) if wants_bytes => Ok(Some(packed(text))),
                    Some(Content::Text(text) | Content::Base64(text)) => Ok(Some(text)),
                    Some(Content::File(_) | Content::Secret) | None => Err(Unresolved::Asset(asset.clone())),
                }
            }
        }
    }

    /// The address for a device.
    pub fn address(&self, facts: &Facts, assets: &impl Assets) -> Result<LocUri, Unresolved> {
        let template = Template::parse(self.uri.as_str()).map_err(|error| Unresolved::Address(error.to_string()))?;
        if !template.has_variables() {
            return Ok(self.uri.clone());
        }
        let text = template.resolve(&Escaping::Segment, facts, assets)?;
        // What was put in is escaped; it may still be too long, or a name that no node can have.
        text.parse().map_err(|error: LocUriError| Unresolved::Address(error.to_string()))
    }

    /// The facts that it needs.
    pub fn facts(&self) -> Vec<FactName> {
        let mut facts: Vec<FactName> =
            Template::parse(self.uri.as_str()).map(|template| template.facts().collect()).unwrap_or_default();
        if let Data::Text(template, _) = &self.data {
            facts.extend(template.facts());
        }
        facts
    }

    /// The assets whose content is in its value.
    pub fn assets(&self) -> Vec<Identifier> {
        match &self.data {
            Data::None => Vec::new(),
            Data::Asset(asset) => vec![asset.clone()],
            Data::Text(template, _) => template.assets().cloned().collect(),
        }
    }

    /// Whether what is sent depends on the device.
    pub fn varies(&self) -> bool {
        let in_address = Template::parse(self.uri.as_str()).is_ok_and(|template| template.has_variables());
        in_address || matches!(&self.data, Data::Text(template, _) if template.has_variables())
    }
}

/// What no message can carry.
fn unsendable(value: &Value) -> Option<String> {
    let names: Vec<&String> = match value {
        Value::Policy(data) => data
            .iter()
            .flat_map(|(id, value)| {
                let named = match value {
                    PolicyValue::Named(named) => Some(named.keys()),
                    _ => None,
                };
                std::iter::once(id).chain(named.into_iter().flatten())
            })
            .collect(),
        _ => Vec::new(),
    };
    let has_nul =
        value.texts().into_iter().chain(names.into_iter().map(String::as_str)).any(|text| text.contains('\0'));
    has_nul.then(|| "the character U+0000 can't be sent: remove it".to_owned())
}

/// A value as text.
struct Written {
    text: Option<String>,
}

impl Written {
    fn varies(&self) -> bool {
        let template = self.text.as_deref().and_then(|text| Template::parse(text).ok());
        template.is_some_and(|template| template.has_variables())
    }
}

fn written(value: &Value, known: Option<&Properties>, findings: &mut Vec<Finding>) -> Result<Written, String> {
    let allowed = known.and_then(|known| known.allowed.as_ref());
    let admx = allowed.and_then(|allowed| match &allowed.kind {
        Kind::Admx(admx) => Some(admx),
        _ => None,
    });
    let text = match (value, admx) {
        (Value::Bool(truth), Some(admx)) => Some(state(*truth, admx, findings)),
        (Value::Text(text), Some(admx)) if ["enabled", "disabled"].contains(&text.trim()) => {
            Some(state(text.trim() == "enabled", admx, findings))
        }
        (Value::Policy(data), Some(admx)) => Some(payload(data, admx)?),
        (Value::Policy(_), None) => {
            return Err("it is no policy of an administrative template: write its value alone".to_owned());
        }
        (Value::Integer(_) | Value::List(_), Some(_)) => {
            return Err("it is a policy of an administrative template: write enabled, disabled or {enabled: true, …}"
                .to_owned());
        }
        (Value::Bool(truth), None) => Some(truth.to_string()),
        (Value::Integer(number), None) => Some(number.to_string()),
        (Value::Text(text), _) => Some(text.clone()),
        (Value::List(items), None) => Some(list(items, allowed)?),
        (Value::Node, _) => {
            if known.is_some_and(|known| known.format != Format::Node) {
                return Err("the node has a value: write it".to_owned());
            }
            None
        }
        (Value::Asset(_), _) => None,
        (Value::Explicit { value, .. }, _) => Some(value.clone()),
    };
    Ok(Written { text })
}

/// `enabled` or `disabled` alone.
fn state(enabled: bool, admx: &Admx, findings: &mut Vec<Finding>) -> String {
    if !enabled {
        return Payload::Disabled.to_string();
    }
    if admx.elements.is_none() {
        let what = format!(
            "what {} asks for besides is in {}, which was not imported (transom csp admx import): not checked",
            admx.policy, admx.file
        );
        findings.push(Finding { level: Level::Note, rule: Rule::NotChecked, what });
    }
    Payload::Enabled(Vec::new()).to_string()
}

fn payload(data: &std::collections::BTreeMap<String, PolicyValue>, admx: &Admx) -> Result<String, String> {
    if let Some(elements) = &admx.elements {
        let payload = Payload::typed(data, elements);
        return payload
            .map(|payload| payload.to_string())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    let mut plain = Vec::new();
    for (id, value) in data {
        let text = match value {
            PolicyValue::Bool(truth) => truth.to_string(),
            PolicyValue::Number(number) => number.to_string(),
            PolicyValue::Text(text) => text.clone(),
            PolicyValue::Named(named) => {
                named.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]).collect::<Vec<_>>().join(BETWEEN)
            }
            PolicyValue::Lines(_) => {
                return Err(format!(
                    "whether {id} is a list or lines of text stands in {}, which was not imported: transom csp admx \
                     import, or write names with values",
                    admx.file
                ));
            }
        };
        plain.push((id.clone(), text));
    }
    Ok(Payload::Enabled(plain).to_string())
}

fn list(items: &[String], allowed: Option<&Allowed>) -> Result<String, String> {
    let Some(delimiter) = allowed.and_then(|allowed| allowed.delimiter.as_deref()) else {
        return Err("the node takes one value, not a list".to_owned());
    };
    match items.iter().find(|item| item.contains(delimiter)) {
        Some(item) => Err(format!("{item:?} has {delimiter:?} in it, which stands between values here: divide it")),
        None => Ok(items.join(delimiter)),
    }
}

fn is_admx(known: &Properties) -> bool {
    matches!(known.allowed, Some(Allowed { kind: Kind::Admx(_), .. }))
}

fn escaping(text: &str, format: &Format, known: Option<&Properties>) -> Escaping {
    let allowed = known.and_then(|known| known.allowed.as_ref());
    let kind = allowed.map(|allowed| &allowed.kind);
    let delimiter = allowed.and_then(|allowed| allowed.delimiter.clone());
    let start = text.trim_start();
    match kind {
        Some(Kind::Admx(_) | Kind::Xsd) => Escaping::Xml,
        Some(Kind::Json) => Escaping::Json,
        _ if *format == Format::Xml || start.starts_with('<') => Escaping::Xml,
        _ => match delimiter {
            Some(delimiter) => Escaping::Part(delimiter),
            None if start.starts_with('{') || start.starts_with("[{") => Escaping::Json,
            None => Escaping::Plain,
        },
    }
}

/// The format of a value of which nothing is known.
fn format_of(value: &Value) -> Format {
    match value {
        Value::Bool(_) => Format::Bool,
        Value::Integer(_) => Format::Int,
        Value::Node => Format::Node,
        Value::Explicit { format, .. } => format.clone(),
        Value::Text(_) | Value::List(_) | Value::Policy(_) | Value::Asset(_) => Format::Chr,
    }
}

/// Which words of the catalogue count here: the server chooses between Add and Replace and makes the Atomic, and what
/// a device puts in is checked when it is known.
fn stays(finding: &Finding, varies: bool) -> bool {
    match finding.rule {
        Rule::AddOrReplace | Rule::Atomic => false,
        Rule::Value | Rule::Pattern | Rule::Format | Rule::Payload | Rule::LeftOut => !varies,
        _ => true,
    }
}

fn error_of(rule: Rule, what: String) -> Finding {
    Finding { level: Level::Error, rule, what }
}

fn sorted(item: Option<Item>, mut findings: Vec<Finding>) -> Compiled {
    findings.sort_by_key(|finding| finding.level);
    Compiled { item, findings }
}
