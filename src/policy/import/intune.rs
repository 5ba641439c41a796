//! What Intune exports as JSON: settings catalogues (`deviceManagementConfigurationPolicy`) and custom profiles with
//! OMA-URIs (`windows10CustomConfiguration`), one or a list of them.
//!
//! The ids of a settings catalogue are addresses in small letters with `_` between their names; what a template asks for
//! is added to the id of its policy, and a choice is the id of what it is for with the value behind it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;
use transom_protocol::csp::catalogue::{Catalogue, NodeId};
use transom_protocol::csp::ddf::{Admx, Kind, Properties};
use transom_protocol::syncml::Format;

use super::gather::Gathered;
use super::value::{Given, policy_value, value};
use super::{ImportError, Imported, Outcome, identifier, text_of};
use crate::policy::declaration::{LocUri, PolicyValue, Value};

/// Deepest group of settings.
const MAX_DEPTH: usize = 32;

/// What a template does not say is not known: a policy or its parts that were made for one app.
const INGESTED: &str = "it comes from a template that devices are given (an app's own): import the template with \
                        `transom csp admx import` and write the setting by its address";

/// Reads an export.
pub(super) fn read(name: &str, json: &Json, catalogue: &Catalogue, imported: &mut Imported) -> Result<(), ImportError> {
    let profiles: Vec<&Json> = match json {
        Json::Array(profiles) => profiles.iter().collect(),
        // An answer of Graph.
        Json::Object(_) => match json.get("value").and_then(Json::as_array) {
            Some(profiles) => profiles.iter().collect(),
            None => vec![json],
        },
        _ => return Err(ImportError::NoProfile),
    };
    let index = Index::of(catalogue);
    let mut any = false;
    for (number, profile) in profiles.iter().enumerate() {
        let own = text_of(profile, "name").or_else(|| text_of(profile, "displayName"));
        let name = match own {
            Some(own) => own.to_owned(),
            None if profiles.len() == 1 => name.to_owned(),
            None => format!("{name}-{}", number + 1),
        };
        let mut named = identifier(&name);
        if imported.declarations.iter().any(|declaration| declaration.identifier == named) {
            named = identifier(&format!("{name}-{}", number + 1));
        }
        let description = text_of(profile, "description").map(str::to_owned);
        let mut gathered = Gathered::new(named, description, catalogue);
        if let Some(settings) = profile.get("omaSettings").and_then(Json::as_array) {
            any = true;
            for setting in settings {
                custom(setting, &mut gathered);
            }
        }
        if let Some(settings) = profile.get("settings").and_then(Json::as_array) {
            for setting in settings {
                any = true;
                let instance = setting.get("settingInstance").unwrap_or(setting);
                Reading { index: &index, gathered: &mut gathered }.instance(instance, &[], 0);
            }
        }
        gathered.finish(imported);
    }
    if any { Ok(()) } else { Err(ImportError::NoProfile) }
}

/// A setting of a custom profile.
fn custom(setting: &Json, gathered: &mut Gathered<'_>) {
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
    let data = match setting.get("value") {
        Some(Json::String(text)) if kind == "StringXml" => decoded(text),
        Some(Json::String(text)) => text.clone(),
        Some(Json::Bool(_) | Json::Number(_)) => setting.get("value").map(ToString::to_string).unwrap_or_default(),
        _ if is_hidden => String::new(),
        _ => return gathered.tell(address, Outcome::LeftOut, "it has no value"),
    };
    gathered.sent(address, &Given { format: format.as_ref(), mime: None, data: &data, is_hidden });
}

/// The text of an XML value, which exports keep as base64.
fn decoded(text: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.unwrap_or_else(|| text.to_owned())
}

/// Nodes by the ids that Intune makes of their addresses.
struct Index(HashMap<String, NodeId>);

impl Index {
    fn of(catalogue: &Catalogue) -> Self {
        let mut nodes = HashMap::new();
        for node in catalogue.ids() {
            let uri = catalogue.uri(node);
            let id = uri.trim_start_matches("./").to_ascii_lowercase().replace('/', "_");
            if id.starts_with("vendor_") {
                nodes.entry(format!("device_{id}")).or_insert(node);
            }
            nodes.entry(id).or_insert(node);
        }
        Self(nodes)
    }

    /// The node of an id, and what of the id is left behind it.
    fn find<'i>(&self, id: &'i str) -> Option<(NodeId, &'i str)> {
        if let Some(node) = self.0.get(id) {
            return Some((*node, ""));
        }
        let mut ends = id.rmatch_indices('_').map(|(at, _)| at);
        ends.find_map(|at| Some((*self.0.get(&id[..at])?, &id[at + 1..])))
    }
}

struct Reading<'r, 'a> {
    index: &'r Index,
    gathered: &'r mut Gathered<'a>,
}

impl Reading<'_, '_> {
    /// One setting, or a group of them. `names` stand for what is chosen, from the outside in.
    fn instance(&mut self, instance: &Json, names: &[String], depth: usize) {
        let Some(id) = text_of(instance, "settingDefinitionId") else {
            return self.gathered.tell("a setting", Outcome::LeftOut, "it has no settingDefinitionId");
        };
        if depth >= MAX_DEPTH {
            return self.gathered.tell(id, Outcome::LeftOut, "it is nested too deeply");
        }
        let groups = instance.get("groupSettingCollectionValue").and_then(Json::as_array);
        if let Some(groups) = groups {
            for (number, group) in groups.iter().enumerate() {
                let mut names = names.to_vec();
                names.push(self.gathered.name_of(number + 1));
                children(group).for_each(|child| self.instance(child, &names, depth + 1));
            }
            return;
        }
        if let Some(group) = instance.get("groupSettingValue") {
            return children(group).for_each(|child| self.instance(child, names, depth + 1));
        }
        let id = id.to_ascii_lowercase();
        let Some((node, rest)) = self.index.find(&id) else {
            let why = if id.contains("~policy~") { INGESTED } else { "no setting of the catalogue has this id" };
            return self.gathered.tell(&id, Outcome::LeftOut, why);
        };
        if !rest.is_empty() {
            let why = if id.contains("~policy~") {
                INGESTED
            } else {
                "a part that Intune has made up: write the setting by its address"
            };
            return self.gathered.tell(&id, Outcome::LeftOut, why);
        }
        let catalogue = self.gathered.catalogue;
        let Some(known) = catalogue.describe(node) else { return };
        let Ok(uri) = named(&catalogue.uri(node), names).parse::<LocUri>() else {
            return self.gathered.tell(&id, Outcome::LeftOut, "its address can't be read");
        };
        if let Some(Kind::Admx(admx)) = known.properties.allowed.as_ref().map(|allowed| &allowed.kind) {
            return self.template(&id, &uri, instance, admx);
        }
        self.plain(&id, &uri, instance, known.properties);
        if let Some(chosen) = instance.get("choiceSettingValue") {
            children(chosen).for_each(|child| self.instance(child, names, depth + 1));
        }
    }

    fn plain(&mut self, id: &str, uri: &LocUri, instance: &Json, known: &Properties) {
        if is_secret(instance) {
            return self.gathered.sent(uri.as_str(), &Given { format: None, mime: None, data: "", is_hidden: true });
        }
        let Some(values) = values(id, instance) else {
            return self.gathered.tell(uri.as_str(), Outcome::LeftOut, "its value has a form that is not known");
        };
        let delimiter = known.allowed.as_ref().and_then(|allowed| allowed.delimiter.as_deref());
        match (values.as_slice(), delimiter) {
            ([one], None) => {
                self.gathered.sent(uri.as_str(), &Given { format: None, mime: None, data: one, is_hidden: false });
            }
            (several, Some(_)) => {
                let value = match several {
                    [one] => value(
                        self.gathered.catalogue,
                        uri,
                        &Given { format: None, mime: None, data: one, is_hidden: false },
                    ),
                    several => Value::List(several.to_vec()),
                };
                self.gathered.put(uri.clone(), value, None);
            }
            _ => self.gathered.tell(uri.as_str(), Outcome::LeftOut, "it has several values, and the node takes one"),
        }
    }

    /// A policy of an administrative template, with what it asks for.
    fn template(&mut self, id: &str, uri: &LocUri, instance: &Json, admx: &Admx) {
        let chosen = instance.get("choiceSettingValue");
        let state = chosen.and_then(|chosen| text_of(chosen, "value")).and_then(|text| behind(id, text));
        let value = match state.as_deref() {
            Some("0") => Value::Text("disabled".to_owned()),
            Some("1") => {
                let mut data = BTreeMap::new();
                let mut wrong = None;
                for child in chosen.into_iter().flat_map(children) {
                    match part(id, child, admx) {
                        Ok((name, value)) => drop(data.insert(name, value)),
                        Err(what) => drop(wrong.get_or_insert(what)),
                    }
                }
                if let Some(what) = wrong {
                    return self.gathered.tell(uri.as_str(), Outcome::LeftOut, what);
                }
                if data.is_empty() { Value::Text("enabled".to_owned()) } else { Value::Policy(data) }
            }
            _ => return self.gathered.tell(uri.as_str(), Outcome::LeftOut, "it is neither enabled nor disabled"),
        };
        let spelled = admx.elements.is_some() || !matches!(value, Value::Policy(_));
        let doubt = (!spelled).then(|| {
            let what = format!(
                "the letter case of what it asks for is lost in the export: import {} (transom csp admx import) and \
                 import this again",
                admx.file
            );
            (Outcome::Doubtful, what)
        });
        self.gathered.put(uri.clone(), value, doubt);
    }
}

/// One thing that a template asks for.
fn part(policy: &str, child: &Json, admx: &Admx) -> Result<(String, PolicyValue), String> {
    let id = text_of(child, "settingDefinitionId").unwrap_or_default().to_ascii_lowercase();
    let name = behind(policy, &id).ok_or_else(|| format!("{id} does not belong to it"))?;
    let known = admx.elements.iter().flatten().find(|element| element.id.eq_ignore_ascii_case(&name));
    let kind = known.map(|element| &element.kind);
    let spelled = known.map_or(name, |element| element.id.clone());
    if let Some(groups) = child.get("groupSettingCollectionValue").and_then(Json::as_array) {
        let pairs = groups.iter().filter_map(pair).collect::<BTreeMap<_, _>>();
        return Ok((spelled, PolicyValue::Named(pairs)));
    }
    let values = values(&id, child).ok_or_else(|| format!("the value of {spelled} has a form that is not known"))?;
    let is_list = child.get("simpleSettingCollectionValue").is_some();
    let value = match values.as_slice() {
        several if is_list => PolicyValue::Lines(several.to_vec()),
        // A checkbox is a choice between 0 and 1.
        [one] if matches!(kind, Some(transom_protocol::csp::admx::ElementKind::Boolean)) => {
            PolicyValue::Bool(matches!(one.as_str(), "1" | "true"))
        }
        [one] => policy_value(one, kind),
        _ => return Err(format!("{spelled} has several values")),
    };
    Ok((spelled, value))
}

/// A name with its value: two settings whose ids end so.
fn pair(group: &Json) -> Option<(String, String)> {
    let find = |end: &str| {
        children(group).find_map(|child| {
            let id = text_of(child, "settingDefinitionId")?;
            id.to_ascii_lowercase().ends_with(end).then(|| scalar(child.get("simpleSettingValue")?))?
        })
    };
    Some((find("_key")?, find("_value").unwrap_or_default()))
}

/// The values of a setting; a choice is what stands behind its id.
fn values(id: &str, instance: &Json) -> Option<Vec<String>> {
    let choice = |json: &Json| behind(id, text_of(json, "value")?);
    if let Some(chosen) = instance.get("choiceSettingValue") {
        return Some(vec![choice(chosen)?]);
    }
    if let Some(chosen) = instance.get("choiceSettingCollectionValue").and_then(Json::as_array) {
        return chosen.iter().map(choice).collect();
    }
    if let Some(simple) = instance.get("simpleSettingValue") {
        return Some(vec![scalar(simple)?]);
    }
    instance.get("simpleSettingCollectionValue").and_then(Json::as_array)?.iter().map(scalar).collect()
}

fn scalar(json: &Json) -> Option<String> {
    match json.get("value")? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn is_secret(instance: &Json) -> bool {
    let simple = instance.get("simpleSettingValue");
    simple.and_then(|simple| text_of(simple, "@odata.type")).is_some_and(|kind| kind.ends_with("SecretSettingValue"))
}

/// What of an id stands behind another.
fn behind(id: &str, longer: &str) -> Option<String> {
    let (begins, rest) = longer.split_at_checked(id.len())?;
    let rest = rest.strip_prefix('_')?;
    begins.eq_ignore_ascii_case(id).then(|| rest.to_owned())
}

fn children(json: &Json) -> impl Iterator<Item = &Json> {
    json.get("children").and_then(Json::as_array).into_iter().flatten()
}

/// An address with names in place of what is chosen.
fn named(uri: &str, names: &[String]) -> String {
    let mut names = names.iter();
    let segment = |segment: &str| {
        let is_chosen = segment.starts_with('{') && segment.ends_with('}');
        is_chosen.then(|| names.next().cloned()).flatten().unwrap_or_else(|| segment.to_owned())
    };
    uri.split('/').map(segment).collect::<Vec<_>>().join("/")
}
