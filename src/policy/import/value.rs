//! A value on the wire, as its author would have written it.

use std::collections::BTreeMap;

use transom_protocol::csp::admx::{ElementKind, Payload};
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::ddf::{Admx, Kind};
use transom_protocol::syncml::Format;

use crate::policy::declaration::{LocUri, PolicyValue, Value};

/// What stands between the parts of a value of a template.
const BETWEEN: char = '\u{F000}';

/// A value as a profile gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) format: Option<&'a Format>,
    pub(super) mime: Option<&'a str>,
    pub(super) data: &'a str,
    /// The profile does not say it.
    pub(super) is_hidden: bool,
}

/// The value that an author would write; what the catalogue does not know keeps its format.
pub(super) fn value(catalogue: &Catalogue, uri: &LocUri, given: &Given<'_>) -> Value {
    let data = given.data;
    let known = catalogue.known(uri).and_then(|hit| catalogue.describe(hit.node)).map(|known| known.properties);
    let Some(known) = known else {
        if given.format == Some(&Format::Node) {
            return Value::Node;
        }
        let format = given.format.cloned().unwrap_or_default();
        return Value::Explicit { value: data.to_owned(), format, mime: given.mime.map(str::to_owned) };
    };
    let allowed = known.allowed.as_ref();
    if let Some(Kind::Admx(admx)) = allowed.map(|allowed| &allowed.kind) {
        return match Payload::parse(data) {
            Ok(Payload::Disabled) => Value::Text("disabled".to_owned()),
            Ok(Payload::Enabled(data)) if data.is_empty() => Value::Text("enabled".to_owned()),
            Ok(Payload::Enabled(data)) => Value::Policy(data.into_iter().map(|each| element(each, admx)).collect()),
            Err(_) => Value::Text(data.to_owned()),
        };
    }
    let trimmed = data.trim();
    match known.format {
        Format::Node => Value::Node,
        Format::Int => trimmed.parse().map_or_else(|_| Value::Text(trimmed.to_owned()), Value::Integer),
        Format::Bool => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => Value::Text(trimmed.to_owned()),
        },
        _ => match allowed.and_then(|allowed| allowed.delimiter.as_deref()) {
            Some(delimiter) if data.contains(delimiter) => {
                Value::List(data.split(delimiter).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            _ => Value::Text(data.to_owned()),
        },
    }
}

fn element((id, data): (String, String), admx: &Admx) -> (String, PolicyValue) {
    let known = admx.elements.iter().flatten().find(|element| element.id.eq_ignore_ascii_case(&id));
    let kind = known.map(|element| &element.kind);
    let id = known.map_or(id, |element| element.id.clone());
    (id, policy_value(&data, kind))
}

/// What an author writes for one thing that a template asks for.
pub(super) fn policy_value(data: &str, kind: Option<&ElementKind>) -> PolicyValue {
    let parts = || data.split(BETWEEN).map(str::to_owned);
    let number = || data.trim().parse().ok().map(PolicyValue::Number);
    let text = || PolicyValue::Text(data.to_owned());
    match kind {
        Some(ElementKind::Boolean) => PolicyValue::Bool(matches!(data.trim(), "true" | "True" | "1")),
        Some(ElementKind::Decimal { .. } | ElementKind::Enum { .. }) => number().unwrap_or_else(text),
        Some(ElementKind::Text { .. }) => text(),
        Some(ElementKind::MultiText { .. }) => PolicyValue::Lines(parts().collect()),
        Some(ElementKind::List { explicit: false }) => PolicyValue::Lines(parts().skip(1).step_by(2).collect()),
        Some(ElementKind::List { explicit: true }) => PolicyValue::Named(pairs(data)),
        None if data.contains(BETWEEN) && parts().count() % 2 == 0 => PolicyValue::Named(pairs(data)),
        None => match data.trim() {
            "true" => PolicyValue::Bool(true),
            "false" => PolicyValue::Bool(false),
            _ => number().unwrap_or_else(text),
        },
    }
}

fn pairs(data: &str) -> BTreeMap<String, String> {
    let parts: Vec<&str> = data.split(BETWEEN).collect();
    let pair = |pair: &[&str]| Some((pair.first()?.to_string(), pair.get(1).copied().unwrap_or_default().to_owned()));
    parts.chunks(2).filter_map(pair).collect()
}
