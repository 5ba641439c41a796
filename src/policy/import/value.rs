//! A value on the wire, as its author would have written it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use transom_protocol::csp::admx::{BETWEEN, ElementKind, Payload};
use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::ddf::{Admx, Kind, Properties, truth};
use transom_protocol::syncml::Format;
use transom_protocol::xml;

use super::Outcome;
use crate::policy::declaration::{LocUri, PolicyValue, Value};

const DIVIDED: &str = "&#xF000; in CDATA was read as what stands between its values, as Microsoft writes it";
const NO_TEXT: &str = "the profile gives it as base64, of which no text can be made: it was taken as it stands";

/// Names that mean something else in a file: a thing that a template calls so is written with its whole payload.
const RESERVED: [&str; 4] = ["enabled", "disabled", "value", "asset"];

/// What has several parts is a list or lines of text, and only the template says which.
const LIST_OR_LINES: &str = "whether it is lines of text or a list of names with values stands in the template, which was \
                             not imported (transom csp admx import): it was taken as it stands, with U+F000 between its \
                             parts";

/// A value as a profile gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) format: Option<&'a Format>,
    pub(super) mime: Option<&'a str>,
    pub(super) data: &'a str,
    /// The profile does not say it.
    pub(super) is_hidden: bool,
    /// What is to be said of it already.
    pub(super) said: Option<Said>,
}

/// What is to be said of a value, and whether a person has to look at it.
pub(super) type Said = (Outcome, &'static str);

impl<'a> Given<'a> {
    /// Nothing but the value.
    pub(super) const fn of(data: &'a str) -> Self {
        Self { format: None, mime: None, data, is_hidden: false, said: None }
    }
}

/// The text of bytes, in any of the encodings of Windows.
pub(super) fn text_of(bytes: &[u8]) -> Option<String> {
    let limits = xml::Limits { bytes: super::MAX_TEXT, ..xml::Limits::default() };
    xml::text(bytes, &limits).ok().filter(|text| !text.contains('\0'))
}

/// The bytes of base64, which may have line ends in it.
pub(super) fn bytes_of(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64.split_whitespace().collect::<String>()).ok()
}

/// The value as the node takes it: as text where the profile has base64 of a text and the node takes no base64.
pub(super) fn plain<'a>(catalogue: &Catalogue, uri: &LocUri, given: &Given<'a>) -> (Cow<'a, str>, Option<Said>) {
    let data = given.data.trim_start_matches('\u{feff}');
    let known = known(catalogue, uri);
    let takes_text =
        known.is_some_and(|known| !matches!(known.format, Format::B64 | Format::Bin | Format::Node | Format::Null));
    let delimiter = known.and_then(|known| known.allowed.as_ref()?.delimiter.as_deref());
    if delimiter.is_some_and(|delimiter| delimiter.contains(BETWEEN)) && data.contains("&#") {
        let divided = divided(data);
        if divided != data {
            return (Cow::Owned(divided), given.said.or(Some((Outcome::Taken, DIVIDED))));
        }
    }
    if given.format != Some(&Format::B64) || !takes_text {
        return (Cow::Borrowed(data), given.said);
    }
    match bytes_of(data).and_then(|bytes| text_of(&bytes)) {
        Some(text) => (Cow::Owned(text), given.said),
        None => (Cow::Borrowed(data), Some((Outcome::Doubtful, NO_TEXT))),
    }
}

/// With U+F000 where the reference to it stands, which Microsoft tells people to write in CDATA as well.
pub(super) fn divided(data: &str) -> String {
    let mut text = data.to_owned();
    for reference in ["&#xF000;", "&#xf000;", "&#XF000;", "&#61440;"] {
        text = text.replace(reference, BETWEEN);
    }
    text
}

fn known<'a>(catalogue: &'a Catalogue, uri: &LocUri) -> Option<&'a Properties> {
    catalogue.known(uri).and_then(|hit| catalogue.describe(hit.node)).map(|known| known.properties)
}

/// The value that an author would write; what the catalogue does not know keeps its format. And why a person has to look at
/// it, where one has to.
pub(super) fn value(catalogue: &Catalogue, uri: &LocUri, given: &Given<'_>) -> (Value, Option<&'static str>) {
    let data = given.data;
    let Some(known) = known(catalogue, uri) else {
        if given.format == Some(&Format::Node) {
            return (Value::Node, None);
        }
        let format = given.format.cloned().unwrap_or_default();
        return (Value::Explicit { value: data.to_owned(), format, mime: given.mime.map(str::to_owned) }, None);
    };
    let allowed = known.allowed.as_ref();
    if let Some(Kind::Admx(admx)) = allowed.map(|allowed| &allowed.kind) {
        return match Payload::parse(data) {
            Ok(Payload::Disabled) => (Value::Text("disabled".to_owned()), None),
            Ok(Payload::Enabled(parts)) if parts.is_empty() => (Value::Text("enabled".to_owned()), None),
            Ok(Payload::Enabled(parts)) => policy(parts, data, admx),
            Err(_) => (Value::Text(data.to_owned()), None),
        };
    }
    let trimmed = data.trim();
    let value = match known.format {
        Format::Node => Value::Node,
        Format::Int => trimmed.parse().map_or_else(|_| Value::Text(trimmed.to_owned()), Value::Integer),
        Format::Bool => truth(trimmed).map_or_else(|| Value::Text(trimmed.to_owned()), Value::Bool),
        _ => match allowed.and_then(|allowed| allowed.delimiter.as_deref()) {
            Some(delimiter) if data.contains(delimiter) => {
                Value::List(data.split(delimiter).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            _ => Value::Text(data.to_owned()),
        },
    };
    (value, None)
}

/// A policy that is enabled, with what it asks for; its payload where a file could not name one of these.
fn policy(parts: Vec<(String, String)>, written: &str, admx: &Admx) -> (Value, Option<&'static str>) {
    let count = parts.len();
    let mut doubt = None;
    let mut data = BTreeMap::new();
    for (id, part) in parts {
        let known = admx.elements.iter().flatten().find(|element| element.id.eq_ignore_ascii_case(&id));
        let (value, odd) = policy_value(&part, known.map(|element| &element.kind));
        doubt = doubt.or(odd);
        data.insert(known.map_or(id, |element| element.id.clone()), value);
    }
    if data.len() < count || data.keys().any(|id| RESERVED.contains(&id.as_str())) {
        return (Value::Text(written.to_owned()), None);
    }
    (Value::Policy(data), doubt)
}

/// What an author writes for one thing that a template asks for, and why a person has to look at it, where one has to.
pub(super) fn policy_value(data: &str, kind: Option<&ElementKind>) -> (PolicyValue, Option<&'static str>) {
    let text = || PolicyValue::Text(data.to_owned());
    let value = match kind {
        Some(ElementKind::Boolean) => truth(data).map_or_else(text, PolicyValue::Bool),
        Some(ElementKind::Decimal { .. }) => data.trim().parse().map_or_else(|_| text(), PolicyValue::Number),
        Some(ElementKind::Enum { .. }) => number(data.trim()).unwrap_or_else(text),
        Some(ElementKind::Text { .. }) => text(),
        Some(ElementKind::MultiText { .. }) => PolicyValue::Lines(data.split(BETWEEN).map(str::to_owned).collect()),
        Some(ElementKind::List { explicit }) => return list(data, *explicit),
        None if data.contains(BETWEEN) => {
            // As it is put together again it has to be what it was.
            let pairs =
                pairs(data).filter(|pairs| is_numbered(pairs) || pairs.is_sorted_by(|one, next| one.0 < next.0));
            return match pairs {
                Some(pairs) => (named(&pairs), None),
                None => (text(), Some(LIST_OR_LINES)),
            };
        }
        None => match data {
            "true" => PolicyValue::Bool(true),
            "false" => PolicyValue::Bool(false),
            _ => number(data).unwrap_or_else(text),
        },
    };
    (value, None)
}

/// The values of a list, with their names where the author gives them.
fn list(data: &str, is_named: bool) -> (PolicyValue, Option<&'static str>) {
    let Some(pairs) = pairs(data) else {
        return (PolicyValue::Text(data.to_owned()), Some("it is to be a list, and one of its names has no value"));
    };
    if is_named {
        let named = named(&pairs);
        let is_whole = matches!(&named, PolicyValue::Named(named) if named.len() == pairs.len());
        return (named, (!is_whole).then_some("a name stands in its list twice: the last value was taken"));
    }
    let is_usual = is_numbered(&pairs) || pairs.iter().all(|(name, value)| name == value);
    let lines = pairs.iter().map(|(_, value)| (*value).to_owned()).collect();
    let doubt =
        "its list has names of its own, which its template does not foresee: the values were taken without them";
    (PolicyValue::Lines(lines), (!is_usual).then_some(doubt))
}

/// A number, where it is written as it is sent: `007` is a text.
fn number(data: &str) -> Option<PolicyValue> {
    data.parse().ok().filter(|number: &i64| number.to_string() == data).map(PolicyValue::Number)
}

/// Names with values, in the order in which they stand.
fn pairs(data: &str) -> Option<Vec<(&str, &str)>> {
    if data.is_empty() {
        return Some(Vec::new());
    }
    let parts: Vec<&str> = data.split(BETWEEN).collect();
    let (pairs, rest) = parts.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[name, value]| (*name, *value)).collect())
}

fn is_numbered(pairs: &[(&str, &str)]) -> bool {
    pairs.iter().enumerate().all(|(place, (name, _))| *name == (place + 1).to_string())
}

fn named(pairs: &[(&str, &str)]) -> PolicyValue {
    PolicyValue::Named(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}
