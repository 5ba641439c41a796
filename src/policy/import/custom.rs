//! Settings of custom profiles of Intune: addresses with values, which it puts into its messages as they are written.

use serde_json::Value as Json;
use transom_protocol::syncml::Format;

use super::gather::Gathered;
use super::value::{self, Given, Said, divided};
use super::{Outcome, syncml, text_of};

const CDATA: &str = "<![CDATA[";
const NO_XML: &str = "it is to be XML, and no text can be made of it: it was taken as it stands";
const IN_CDATA: &str = "it was read as what stands in its CDATA, which is how Intune sends it";
const ODD_CDATA: &str = "its CDATA can't be read: it was taken as it stands";
const REFERENCES: &str = "it was read as Intune sends it, &#xF000; as U+F000";
const MAY_BE_MEANT: &str = "its references (such as &amp;) were read as what they stand for, which is how Intune sends it: see whether that was meant";

/// A setting of a custom profile.
pub(super) fn take(setting: &Json, gathered: &mut Gathered<'_>) {
    let called = text_of(setting, "displayName").unwrap_or("a setting");
    let Some(address) = text_of(setting, "omaUri") else {
        return gathered.tell(called, Outcome::LeftOut, "it has no omaUri");
    };
    let kind = text_of(setting, "@odata.type").and_then(|kind| kind.rsplit("omaSetting").next()).unwrap_or_default();
    let format = match kind {
        "Integer" => Some(Format::Int),
        "Boolean" => Some(Format::Bool),
        "StringXml" => Some(Format::Xml),
        "Base64" => Some(Format::B64),
        "FloatingPoint" => Some(Format::Float),
        "DateTime" => Some(Format::Time),
        "String" => Some(Format::Chr),
        _ => None,
    };
    let is_hidden = setting.get("isEncrypted").and_then(Json::as_bool) == Some(true);
    let (data, said) = match setting.get("value") {
        Some(Json::String(text)) if kind == "StringXml" && !is_hidden => decoded(text),
        Some(Json::String(text)) if kind == "String" && !is_hidden => embedded(text),
        Some(Json::String(text)) => (text.clone(), None),
        Some(value @ (Json::Bool(_) | Json::Number(_))) => (value.to_string(), None),
        _ if is_hidden => (String::new(), None),
        _ => return gathered.tell(address, Outcome::LeftOut, "it has no value"),
    };
    gathered.sent(address, &Given { format: format.as_ref(), mime: None, data: &data, is_hidden, said });
}

/// The text of an XML value, which exports keep as base64; and what is to be said where it can't be read.
fn decoded(text: &str) -> (String, Option<Said>) {
    if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
        return (text.to_owned(), None);
    }
    match value::bytes_of(text).and_then(|bytes| value::text_of(&bytes)) {
        Some(text) => (text, None),
        None => (text.to_owned(), Some((Outcome::Doubtful, NO_XML))),
    }
}

/// The text of a string, which Intune puts into its message as it is written: CDATA and references mean there what they
/// mean in XML. What is no content of XML is left as it is.
fn embedded(text: &str) -> (String, Option<Said>) {
    let has_literal = text.contains(CDATA);
    if !has_literal && !text.contains('&') {
        return (text.to_owned(), None);
    }
    match syncml::content(text) {
        Ok(Some(read)) if has_literal => (read, Some((Outcome::Taken, IN_CDATA))),
        Ok(Some(read)) if read == divided(text) => (read, Some((Outcome::Taken, REFERENCES))),
        Ok(Some(read)) => (read, Some((Outcome::Doubtful, MAY_BE_MEANT))),
        // A document may have CDATA of its own.
        Ok(None) if !text.trim_start().starts_with(CDATA) => (text.to_owned(), None),
        Ok(None) | Err(_) => (text.to_owned(), has_literal.then_some((Outcome::Doubtful, ODD_CDATA))),
    }
}
