//! What a setting is on the wire: address, format, MIME type and data, by the catalogue. Its author gives none of them
//! but the address.

use serde::de::IgnoredAny;
use transom_protocol::csp::LocUriError;
use transom_protocol::csp::admx::{BETWEEN, Payload};
use transom_protocol::csp::catalogue::{Catalogue, Found, NodeId, Proposed};
use transom_protocol::csp::ddf::{Admx, Allowed, Kind, Properties};
use transom_protocol::syncml::wbxml::is_xml_character;
use transom_protocol::syncml::{Format, Verb};

use super::asset::{Assets, Content, packed};
use super::held::{held, of_template};
use super::markup::is_markup;
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
    let varies = written.as_deref().is_some_and(is_open);
    let verb = if matches!(value, Value::Node) { Verb::Add } else { Verb::Replace };
    let data = written.as_deref();
    let (explicit, given_mime) = match value {
        Value::Explicit { format, mime, .. } => (Some(format.clone()), mime.as_deref()),
        _ => (None, None),
    };
    let given = explicit.or_else(|| known.is_none().then(|| format_of(value)));
    // A word that is no format stays none, whatever is put into the value.
    let is_unknown_yet = varies && !(known.is_none() && matches!(given, Some(Format::Other(_))));
    let proposed = Proposed { verb, uri, format: given.as_ref(), data, in_atomic: true };
    let checked = held(catalogue, &proposed, given_mime);
    if not_imported.is_some() {
        // The catalogue says so of the whole policy.
        findings.retain(|finding: &Finding| finding.rule != Rule::NotChecked);
    }
    findings.extend(checked.findings.into_iter().filter(|finding| stays(finding, is_unknown_yet)));
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
            let text = if varies { written } else { text.or(written) }.unwrap_or_default();
            match Template::parse(&text) {
                Ok(template) => {
                    let escaping = escaping(&template, &format, known);
                    Data::Text(template, escaping)
                }
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
    let mut texts = value.texts().into_iter().chain(names.into_iter().map(String::as_str));
    let strange = texts.find_map(|text| text.chars().find(|character| !is_xml_character(*character)))?;
    Some(format!("the character U+{:04X} can't be sent: remove it", u32::from(strange)))
}

/// Whether a text has variables in it: what it comes to is known when they are put in.
fn is_open(text: &str) -> bool {
    Template::parse(text).is_ok_and(|template| template.has_variables())
}

/// A value as text; nothing for what has none of its own.
fn written(value: &Value, known: Option<&Properties>, findings: &mut Vec<Finding>) -> Result<Option<String>, String> {
    let allowed = known.and_then(|known| known.allowed.as_ref());
    let admx = allowed.and_then(|allowed| match &allowed.kind {
        Kind::Admx(admx) => Some(admx),
        _ => None,
    });
    Ok(match (value, admx) {
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
    })
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
        let payload = Payload::typed(data, elements, is_open);
        return payload
            .map(|payload| payload.to_string())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    }
    let mut plain = Vec::new();
    for (id, value) in data {
        let text = match value {
            PolicyValue::Bool(truth) => truth.to_string(),
            PolicyValue::Number(number) => number.to_string(),
            // A text of an element is one line: what has several is lines, and so are they sent.
            PolicyValue::Text(text) if text.contains('\n') => text.lines().collect::<Vec<_>>().join(BETWEEN),
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

/// How variables are escaped: by what the node takes, and where nobody says so, by what the text is.
fn escaping(template: &Template, format: &Format, known: Option<&Properties>) -> Escaping {
    if !template.has_variables() {
        return Escaping::Plain;
    }
    let allowed = known.and_then(|known| known.allowed.as_ref());
    match allowed.map(|allowed| &allowed.kind) {
        Some(Kind::Admx(_) | Kind::Xsd) => return Escaping::Xml,
        Some(Kind::Json) => return Escaping::Json,
        _ if *format == Format::Xml => return Escaping::Xml,
        _ => {}
    }
    if let Some(delimiter) = allowed.and_then(|allowed| allowed.delimiter.clone()) {
        return Escaping::Part(delimiter);
    }
    // `<https://intranet>` and `{0}` are no documents, though they begin as such do.
    let (of_xml, of_json) = (template.filled("x"), template.filled("0"));
    if is_markup(&of_xml) {
        Escaping::Xml
    } else if ["{", "[{", "[\""].iter().any(|begin| of_json.trim_start().starts_with(begin))
        && serde_json::from_str::<IgnoredAny>(&of_json).is_ok()
    {
        Escaping::Json
    } else {
        Escaping::Plain
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

#[cfg(test)]
mod tests {
    use transom_protocol::session::Timestamp;

    use super::*;
    use crate::model::{EnrollmentId, Fact, FactValue};
    use crate::policy::catalogue::builtin;

    /// What is sent to a device of somebody whose department is called so.
    fn sent(uri: &str, value: &str, department: &str) -> String {
        let fact = Fact {
            name: FactName::parse("user.department").unwrap(),
            value: FactValue::Text(department.to_owned()),
            observed_at: Timestamp(0),
            changed_at: Timestamp(0),
            enrollment: EnrollmentId::new(Timestamp(0)),
        };
        let compiled = compile(&builtin::catalogue().unwrap(), &uri.parse().unwrap(), &Value::Text(value.to_owned()));
        let none = |_: &Identifier| None;
        compiled.item.unwrap().data(&[fact].into_iter().collect(), &none).unwrap().unwrap()
    }

    #[test]
    fn what_is_no_document_is_not_escaped_as_one() {
        let pages = "./Device/Vendor/MSFT/Policy/Config/Browser/HomePages";
        let value = "<https://intranet/?a=1&dept=${user.department}><https://b/>";
        assert_eq!(sent(pages, value, "R&D \"x\""), "<https://intranet/?a=1&dept=R&D \"x\"><https://b/>");
        let oem = "./Vendor/OEM/X";
        for plain in ["<${user.department}", "{${user.department}", "{0} ${user.department}", "[${user.department}]]"] {
            assert_eq!(sent(oem, plain, "R&\"D"), plain.replace("${user.department}", "R&\"D"), "{plain}");
        }
        assert_eq!(sent(oem, " <a b='${user.department}'/><c/>", "R&D"), " <a b='R&amp;D'/><c/>");
        assert_eq!(sent(oem, "[{\"a\": \"${user.department}\"}]", "\"D"), "[{\"a\": \"\\\"D\"}]");
        assert_eq!(sent(oem, "{\"a\": ${user.department}}", "1"), "{\"a\": 1}");
    }

    #[test]
    fn what_is_not_quite_xml_is_escaped_as_xml() {
        for around in [
            "\n<?xml version='1.0'?><a>{}</a>",
            "\u{feff}<a>{}</a>",
            "<!DOCTYPE a><a>{}</a>",
            "<p:a>{}</p:a>",
            "<p:a b='{}'/>",
        ] {
            let value = around.replace("{}", "${user.department}");
            let wanted = around.replace("{}", "&lt;b/&gt;&#xA;");
            assert_eq!(sent("./Vendor/OEM/X", &value, "<b/>\n"), wanted);
        }
    }

    #[test]
    fn nothing_is_escaped_in_a_section_and_nothing_ends_it() {
        let sent = |value: &str, department: &str| sent("./Vendor/OEM/X", value, department);
        let section = "<a><!-- <![CDATA[ --><b>${user.department}</b><![CDATA[<${user.department}>]]></a>";
        assert_eq!(sent(section, "R&D"), "<a><!-- <![CDATA[ --><b>R&amp;D</b><![CDATA[<R&D>]]></a>");
        assert_eq!(
            sent("<a><![CDATA[${user.department}]]>${user.department}</a>", "]]><b/>"),
            "<a><![CDATA[]]>]]&gt;&lt;b/&gt;<![CDATA[]]>]]&gt;&lt;b/&gt;</a>"
        );
    }
}
