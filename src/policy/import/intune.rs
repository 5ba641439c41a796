//! What Intune exports as JSON: settings catalogues (`deviceManagementConfigurationPolicy`) and custom profiles with
//! OMA-URIs (`windows10CustomConfiguration`), one or a list of them.
//!
//! The ids of a settings catalogue are addresses in small letters with `_` between their names; what a template asks for
//! is added to the id of its policy, and a choice is the id of what it is for with the value behind it.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;
use transom_protocol::csp::admx::ElementKind;
use transom_protocol::csp::catalogue::{Catalogue, NodeId};
use transom_protocol::csp::ddf::{Admx, Kind, Properties};
use transom_protocol::syncml::Format;

use super::gather::Gathered;
use super::names::Names;
use super::value::{Given, policy_value};
use super::{ImportError, Imported, Outcome, asr, custom, text_of};
use crate::policy::declaration::{LocUri, PolicyValue, Value};

/// How settings of passwords that Windows keeps begin.
const LAPS: &str = "device_vendor_msft_laps_policies_";

/// Deepest group of settings.
const MAX_DEPTH: usize = 32;

/// What a template does not say is not known: a policy or its parts that were made for one app.
const INGESTED: &str = "it comes from a template that devices are given (an app's own): give the template to the server \
                        (transom csp admx import --app) and import this there (transom policy import --on-server), or \
                        write the setting by its address";

/// Reads an export.
pub(super) fn read(
    name: &str,
    json: &Json,
    catalogue: &Catalogue,
    names: &mut Names,
    imported: &mut Imported,
) -> Result<(), ImportError> {
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
        let description = text_of(profile, "description").map(str::to_owned);
        let mut gathered = Gathered::new(&name, description, catalogue, names);
        if let Some(what) = unread(profile) {
            let kind = text_of(profile, "@odata.type").unwrap_or(&name);
            gathered.tell(kind.trim_start_matches("#microsoft.graph."), Outcome::LeftOut, what);
        }
        if let Some(settings) = profile.get("omaSettings").and_then(Json::as_array) {
            any = true;
            for setting in settings {
                custom::take(setting, &mut gathered);
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

/// Why nothing of a profile is read, where nothing is.
fn unread(profile: &Json) -> Option<&'static str> {
    let settings = |name: &str| profile.get(name).and_then(Json::as_array);
    match (settings("omaSettings"), settings("settings")) {
        _ if !profile.is_object() => Some("it is no profile"),
        (None, None) => Some(
            "a profile of this kind is not read, only settings catalogues and custom profiles: make a settings catalogue of \
             it, or write its settings by their addresses",
        ),
        (oma, catalogue) => {
            let is_empty = oma.into_iter().chain(catalogue).all(Vec::is_empty);
            is_empty.then_some("it has no settings")
        }
    }
}

/// Nodes by the ids that Intune makes of their addresses.
struct Index {
    nodes: HashMap<String, NodeId>,
    /// Bytes of the longest id.
    longest: usize,
}

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
        let longest = nodes.keys().map(String::len).max().unwrap_or_default();
        Self { nodes, longest }
    }

    /// The node of an id, and what of the id is left behind it.
    fn find<'i>(&self, id: &'i str) -> Option<(NodeId, &'i str)> {
        if let Some(node) = self.nodes.get(id) {
            return Some((*node, ""));
        }
        // An id may be as long as its author likes: what is longer than all of ours is none of them.
        let mut ends = id.rmatch_indices('_').map(|(at, _)| at).skip_while(|at| *at > self.longest);
        ends.find_map(|at| Some((*self.nodes.get(&id[..at])?, &id[at + 1..])))
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
        let id = id.to_ascii_lowercase();
        let groups = instance.get("groupSettingCollectionValue").and_then(Json::as_array);
        if let Some(groups) = groups {
            if id == asr::GROUP {
                return self.rules(groups);
            }
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
        let node = match self.node(&id) {
            Ok(node) => node,
            Err(why) => {
                self.gathered.tell(&id, Outcome::LeftOut, why);
                return self.beside(&id, instance, names, depth);
            }
        };
        let catalogue = self.gathered.catalogue;
        let Some(known) = catalogue.describe(node) else { return };
        let Ok(uri) = named(&catalogue.uri(node), names).parse::<LocUri>() else {
            self.gathered.tell(&id, Outcome::LeftOut, "its address can't be read");
            return self.beside(&id, instance, names, depth);
        };
        if let Some(Kind::Admx(admx)) = known.properties.allowed.as_ref().map(|allowed| &allowed.kind) {
            return self.template(&id, &uri, instance, admx);
        }
        self.plain(&id, &uri, instance, known.properties);
        below(instance).for_each(|child| self.instance(child, names, depth + 1));
    }

    /// The node that an id is for; why there is none where there is none.
    fn node(&self, id: &str) -> Result<NodeId, String> {
        let is_of_an_app = id.contains("~policy~");
        match self.index.find(id) {
            Some((node, "")) => Ok(node),
            // For where passwords are kept in Entra ID, and for where they are in Active Directory.
            Some((node, "aad" | "ad")) if id.starts_with(LAPS) => Ok(node),
            _ if is_of_an_app => Err(INGESTED.to_owned()),
            Some((node, _)) if self.is_setting(node) => {
                let address = self.gathered.catalogue.uri(node);
                Err(format!("a part of it is of Intune's own making: write what it sets at {address}"))
            }
            _ => Err("no setting of the catalogue has this id".to_owned()),
        }
    }

    /// Whether a node has a value, and is not one below which settings are.
    fn is_setting(&self, node: NodeId) -> bool {
        self.gathered.catalogue.describe(node).is_some_and(|known| known.properties.format != Format::Node)
    }

    /// What is asked for with something that was left out, but for its own parts.
    fn beside(&mut self, id: &str, instance: &Json, names: &[String], depth: usize) {
        for child in below(instance) {
            let own = text_of(child, "settingDefinitionId").and_then(|other| behind(id, other));
            if own.is_some() && depth < MAX_DEPTH {
                self.beside(id, child, names, depth + 1);
            } else {
                self.instance(child, names, depth + 1);
            }
        }
    }

    /// Rules of attack surface reduction: settings of Intune, one value of Windows.
    fn rules(&mut self, groups: &[Json]) {
        let mut rules = Vec::new();
        for child in groups.iter().flat_map(children) {
            let id = text_of(child, "settingDefinitionId").unwrap_or("a rule").to_ascii_lowercase();
            match asr::rule(child) {
                Some(rule) => rules.push(rule),
                None => self.gathered.tell(
                    &id,
                    Outcome::LeftOut,
                    format!("no rule with this state is known: add it as ID=STATE at {}", asr::ADDRESS),
                ),
            }
            for inner in below(child) {
                let id =
                    text_of(inner, "settingDefinitionId").unwrap_or("what a rule leaves alone").to_ascii_lowercase();
                let what = format!("what a rule leaves alone is not taken over: write it at {}", asr::EXCLUSIONS);
                self.gathered.tell(&id, Outcome::LeftOut, what);
            }
        }
        if !rules.is_empty() {
            self.gathered.sent(asr::ADDRESS, &Given::of(&rules.join("|")));
        }
    }

    fn plain(&mut self, id: &str, uri: &LocUri, instance: &Json, known: &Properties) {
        if is_secret(instance) {
            return self.gathered.put_secret(uri.clone());
        }
        let Some(values) = values(id, instance) else {
            return self.gathered.tell(uri.as_str(), Outcome::LeftOut, "its value has a form that is not known");
        };
        let takes_several = known.allowed.as_ref().is_some_and(|allowed| allowed.delimiter.is_some());
        match values.as_slice() {
            [one] => self.gathered.sent(uri.as_str(), &Given::of(one)),
            several if takes_several => {
                let several = several.iter().map(|one| literal(one)).collect();
                self.gathered.put(uri.clone(), Value::List(several), Vec::new());
            }
            _ => self.gathered.tell(uri.as_str(), Outcome::LeftOut, "it has several values, and the node takes one"),
        }
    }

    /// A policy of an administrative template, with what it asks for.
    fn template(&mut self, id: &str, uri: &LocUri, instance: &Json, admx: &Admx) {
        let chosen = instance.get("choiceSettingValue");
        let state = chosen.and_then(|chosen| text_of(chosen, "value")).and_then(|text| behind(id, text));
        let mut parts = Parts::default();
        let value = match state.as_deref() {
            Some("0") => Value::Text("disabled".to_owned()),
            Some("1") => {
                if let Err(what) = below(instance).try_for_each(|child| parts.take(id, child, admx, 0)) {
                    return self.gathered.tell(uri.as_str(), Outcome::LeftOut, what);
                }
                for name in &parts.secrets {
                    let asset = self.gathered.secret(uri);
                    parts.doubts.push(format!(
                        "the value of {name} is a secret and was not taken over: give it to the asset {asset}"
                    ));
                    parts.data.insert(name.clone(), PolicyValue::Text(format!("${{asset.{asset}}}")));
                }
                if parts.data.is_empty() { Value::Text("enabled".to_owned()) } else { Value::Policy(parts.data) }
            }
            _ => return self.gathered.tell(uri.as_str(), Outcome::LeftOut, "it is neither enabled nor disabled"),
        };
        if admx.elements.is_none() && matches!(value, Value::Policy(_)) {
            parts.doubts.push(format!(
                "the letter case of what it asks for is lost in the export: give {} to the server (transom csp admx \
                 import) and import this there (transom policy import --on-server)",
                admx.file
            ));
        }
        let doubts = parts.doubts.into_iter().map(|doubt| (Outcome::Doubtful, doubt)).collect();
        self.gathered.put(uri.clone(), value, doubts);
    }
}

/// What a template asks for, as it is gathered.
#[derive(Default)]
struct Parts {
    data: BTreeMap<String, PolicyValue>,
    /// What of it is a secret.
    secrets: Vec<String>,
    /// Why a person has to look at it.
    doubts: Vec<String>,
}

impl Parts {
    /// One thing that a template asks for, and what is asked for with it.
    fn take(&mut self, policy: &str, child: &Json, admx: &Admx, depth: usize) -> Result<(), String> {
        let id = text_of(child, "settingDefinitionId").unwrap_or_default().to_ascii_lowercase();
        if depth >= MAX_DEPTH {
            return Err(format!("{id} is nested too deeply"));
        }
        let name = behind(policy, &id).ok_or_else(|| format!("{id} does not belong to it"))?;
        let known = admx.elements.iter().flatten().find(|element| element.id.eq_ignore_ascii_case(&name));
        let spelled = known.map_or(name, |element| element.id.clone());
        if is_secret(child) {
            self.secrets.push(spelled.clone());
            // Its value is put there when all the others are known to be right.
            self.put(spelled, PolicyValue::Text(String::new()))?;
        } else {
            let (value, doubt) = part(&id, child, &spelled, known.map(|element| &element.kind))?;
            self.doubts.extend(doubt.map(|doubt| format!("{spelled}: {doubt}")));
            self.put(spelled, value)?;
        }
        below(child).try_for_each(|child| self.take(policy, child, admx, depth + 1))
    }

    fn put(&mut self, name: String, value: PolicyValue) -> Result<(), String> {
        if self.data.contains_key(&name) {
            return Err(format!("{name} stands there twice"));
        }
        self.data.insert(name, value);
        Ok(())
    }
}

/// The value of one thing that a template asks for, and what is to be said of it.
fn part(
    id: &str,
    child: &Json,
    spelled: &str,
    kind: Option<&ElementKind>,
) -> Result<(PolicyValue, Option<&'static str>), String> {
    if let Some(groups) = child.get("groupSettingCollectionValue").and_then(Json::as_array) {
        let pairs: Option<Vec<(String, String)>> = groups.iter().map(pair).collect();
        let pairs = pairs.ok_or_else(|| format!("the groups of {spelled} have a form that is not known"))?;
        let count = pairs.len();
        let named: BTreeMap<String, String> = pairs.into_iter().collect();
        if named.len() < count {
            return Err(format!("{spelled} has a name twice"));
        }
        return Ok((PolicyValue::Named(named), None));
    }
    let values = values(id, child).ok_or_else(|| format!("the value of {spelled} has a form that is not known"))?;
    let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
    match values.as_slice() {
        several if child.get("simpleSettingCollectionValue").is_some() => {
            Ok((PolicyValue::Lines(several.to_vec()), None))
        }
        [one] => Ok(policy_value(one, kind)),
        _ => Err(format!("{spelled} has several values")),
    }
}

/// A name with its value: two settings whose ids end so. A secret is none that could be taken.
fn pair(group: &Json) -> Option<(String, String)> {
    let find = |end: &str| {
        children(group).find_map(|child| {
            let id = text_of(child, "settingDefinitionId")?;
            let value = id.to_ascii_lowercase().ends_with(end).then(|| scalar(child.get("simpleSettingValue")?))??;
            Some(literal(&value))
        })
    };
    if children(group).any(is_secret) {
        return None;
    }
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
    let is = |value: &Json| text_of(value, "@odata.type").is_some_and(|kind| kind.ends_with("SecretSettingValue"));
    let several = instance.get("simpleSettingCollectionValue").and_then(Json::as_array);
    instance.get("simpleSettingValue").is_some_and(is) || several.is_some_and(|several| several.iter().any(is))
}

/// A text in which nothing is a variable: Intune has none.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// What is asked for where something is chosen.
fn below(instance: &Json) -> impl Iterator<Item = &Json> {
    let several = instance.get("choiceSettingCollectionValue").and_then(Json::as_array);
    instance.get("choiceSettingValue").into_iter().chain(several.into_iter().flatten()).flat_map(children)
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
