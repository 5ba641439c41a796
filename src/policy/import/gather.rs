//! The settings of one profile, as they come.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::syncml::redact::is_secret;

use super::names::Names;
use super::value::{Given, plain, value};
use super::{Imported, Outcome, Told};
use crate::policy::declaration::{
    Asset, Configuration, Content, Declaration, Identifier, Level, LocUri, Payload, Template, Value, compile,
    is_document, only_counts, read_json, stands_in, stands_in_value, without_assets,
};

/// A profile while it is read.
pub(super) struct Gathered<'a> {
    pub(super) catalogue: &'a Catalogue,
    names: &'a mut Names,
    identifier: Identifier,
    description: Option<String>,
    settings: BTreeMap<LocUri, Value>,
    /// How the nodes of the settings are written.
    nodes: HashMap<String, LocUri>,
    assets: BTreeMap<Identifier, String>,
    /// Those of them whose value was asked for where they were made.
    asked: BTreeSet<Identifier>,
    /// The assets that stand for secrets of another server, by the names that these have there.
    foreign: BTreeMap<String, Identifier>,
    told: Vec<Told>,
}

impl<'a> Gathered<'a> {
    /// `name` is what its configuration is to be called like.
    pub(super) fn new(name: &str, description: Option<String>, catalogue: &'a Catalogue, names: &'a mut Names) -> Self {
        let identifier = names.free(name);
        Self {
            catalogue,
            names,
            identifier,
            description,
            settings: BTreeMap::new(),
            nodes: HashMap::new(),
            assets: BTreeMap::new(),
            asked: BTreeSet::new(),
            foreign: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    /// A setting with its value on the wire.
    pub(super) fn sent(&mut self, address: &str, given: &Given<'_>) {
        let address = address.trim();
        let (written, unknown) = self.variables(address);
        let uri: LocUri = match written.parse() {
            Ok(uri) => uri,
            Err(error) => return self.tell(address, Outcome::LeftOut, format!("the address can't be read: {error}")),
        };
        if let Some(what) = unknown {
            return self.tell(address, Outcome::LeftOut, what);
        }
        if Template::parse(&written).is_ok_and(|template| template.assets().next().is_some()) {
            let what = "a secret can't stand in an address, which is shown everywhere: write what it stands for";
            return self.tell(address, Outcome::LeftOut, what);
        }
        let (data, said) = plain(self.catalogue, &uri, given);
        let (data, unknown) = self.variables(&data);
        let (value, doubt) = value(self.catalogue, &uri, &Given { data: &data, ..*given });
        // Where a secret of the other server stands, one of ours does now.
        let bare = without_assets(&data);
        let is_secret = is_secret(uri.as_str()) && !is_document(&bare) && !bare.trim().is_empty();
        if given.is_hidden || is_secret && !only_counts(&uri, &value) || stands_in(&data) {
            return self.put_secret(uri);
        }
        let unknown = unknown.map(|what| (Outcome::Doubtful, what));
        let said = said.map(|(outcome, what)| (outcome, what.to_owned()));
        let doubt = doubt.map(|what| (Outcome::Doubtful, what.to_owned()));
        self.put(uri, value, unknown.into_iter().chain(said).chain(doubt).collect());
    }

    /// A setting whose value the profile does not say, or must not say here.
    pub(super) fn put_secret(&mut self, uri: LocUri) {
        let asset = self.secret(&uri);
        let what = format!("its value is a secret and was not taken over: give it to the asset {asset}");
        self.put(uri, Value::Asset(asset), vec![(Outcome::Doubtful, what)]);
    }

    /// A setting with a value as authors write it, and what is to be said of it.
    pub(super) fn put(&mut self, uri: LocUri, value: Value, mut said: Vec<(Outcome, String)>) {
        if stands_in_value(&value) {
            return self.put_secret(uri);
        }
        if let Some(what) = unreadable(&uri, &value) {
            return self.tell(uri.as_str(), Outcome::LeftOut, format!("it can't be written in a file: {what}"));
        }
        let compiled = compile(self.catalogue, &uri, &value);
        let uri = match &compiled.item {
            // In the catalogue's spelling.
            Some(item) => item.uri.clone(),
            None => uri,
        };
        let known = self.nodes.insert(uri.node_key(), uri.clone());
        let before = known.and_then(|known| self.settings.remove(&known));
        let are_secrets = matches!((&before, &value), (Some(Value::Asset(_)), Value::Asset(_)));
        let twice = !are_secrets && before.as_ref().is_some_and(|before| *before != value);
        if let Some(Value::Asset(asset)) = before {
            self.assets.remove(&asset);
        }
        if !said.iter().any(|(outcome, _)| *outcome == Outcome::Doubtful) {
            let finding = compiled.findings.first().filter(|finding| finding.level != Level::Note);
            said.extend(finding.map(|finding| (Outcome::Doubtful, finding.what.clone())));
        }
        if twice {
            let what = "the profile has it twice, with different values: the last one was taken";
            said.insert(0, (Outcome::Doubtful, what.to_owned()));
        }
        // The same one may stand in a value very often.
        let assets: BTreeSet<Identifier> = value.assets().into_iter().collect();
        let unasked = assets.iter().filter(|asset| !self.asked.contains(*asset));
        said.extend(
            unasked
                .map(|asset| (Outcome::Taken, format!("give the asset {asset} its value (transom policy secret set)"))),
        );
        let is_doubtful = said.iter().any(|(outcome, _)| *outcome == Outcome::Doubtful);
        let what: Vec<String> = said.into_iter().map(|(_, what)| what).collect();
        self.tell(uri.as_str(), if is_doubtful { Outcome::Doubtful } else { Outcome::Taken }, what.join("; "));
        self.settings.insert(uri, value);
    }

    /// Something that is no setting, or can't be one here.
    pub(super) fn tell(&mut self, setting: &str, outcome: Outcome, what: impl Into<String>) {
        let setting = setting.chars().filter(|character| !character.is_control()).take(500).collect();
        self.told.push(Told { configuration: self.identifier.to_string(), setting, outcome, what: what.into() });
    }

    /// What a node that is made for a nameless thing is called.
    pub(super) fn name_of(&self, number: usize) -> String {
        format!("{}-{number}", self.identifier)
    }

    pub(super) fn finish(self, imported: &mut Imported) {
        let Self { identifier, description, settings, assets, told, .. } = self;
        imported.told.extend(told);
        // What stood for a secret may have become a part of another one, or have been left out.
        let used: BTreeSet<Identifier> = settings.values().flat_map(Value::assets).collect();
        let assets = assets.into_iter().filter(|(asset, _)| used.contains(asset));
        imported.declarations.extend(assets.map(|(identifier, description)| Declaration {
            identifier,
            payload: Payload::Asset(Asset { description: Some(description), content: Content::Secret }),
        }));
        if !settings.is_empty() {
            let overrides = BTreeMap::new();
            let payload =
                Payload::Configuration(Configuration { description, settings, overrides, ..Configuration::default() });
            imported.declarations.push(Declaration { identifier, payload });
        }
    }

    /// A new asset for the secret of a node. Whoever makes one asks for its value.
    pub(super) fn secret(&mut self, uri: &LocUri) -> Identifier {
        let name = self.names.secret(&self.identifier, uri, self.assets.len() + 1);
        self.asked.insert(name.clone());
        self.assets.insert(name.clone(), format!("The value of {}", uri.as_str()));
        name
    }

    /// The asset that stands for a secret of another server.
    fn foreign(&mut self, name: &str, secret: &str) -> Identifier {
        if let Some(asset) = self.foreign.get(name) {
            return asset.clone();
        }
        let asset = self.names.free(secret);
        self.foreign.insert(name.to_owned(), asset.clone());
        self.assets.insert(asset.clone(), format!("What was the secret {name}"));
        asset
    }

    /// Brings the variables of other servers into our form, and says what is wrong with the first that was left as it is.
    fn variables(&mut self, text: &str) -> (String, Option<String>) {
        const KNOWN: [(&str, &str); 2] =
            [("FLEET_VAR_HOST_HARDWARE_SERIAL", "device.serial"), ("FLEET_VAR_HOST_COMPUTER_NAME", "device.name")];
        let mut written = String::with_capacity(text.len());
        let mut unknown = None;
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            written.push_str(before);
            let after = &from[1..];
            let braced = after.starts_with('{');
            let name_at = if braced { &after[1..] } else { after };
            let length = name_at.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name_at.len());
            let (name, behind) = name_at.split_at(length);
            let behind = if braced { behind.strip_prefix('}') } else { Some(behind) };
            match behind.filter(|_| name.starts_with("FLEET_")) {
                // Behind a `$`, what we would write would be no variable.
                Some(behind) if written.ends_with('$') => {
                    unknown.get_or_insert_with(|| {
                        format!("{name} stands behind a $, where nothing can be put in: write all of it into an asset")
                    });
                    written.push_str(if braced { "$${" } else { "$" });
                    let name_ends = name_at.len() - behind.len();
                    written.push_str(&name_at[..name_ends]);
                    rest = behind;
                }
                Some(behind) => {
                    if let Some((_, fact)) = KNOWN.iter().find(|(known, _)| *known == name) {
                        written.push_str("${");
                        written.push_str(fact);
                        written.push('}');
                    } else if let Some(secret) = name.strip_prefix("FLEET_SECRET_") {
                        written.push_str("${asset.");
                        written.push_str(self.foreign(name, secret).as_str());
                        written.push('}');
                    } else {
                        unknown.get_or_insert_with(|| format!("nothing is known that {name} could stand for"));
                        written.push('$');
                        written.push_str(&from[1..from.len() - behind.len()]);
                    }
                    rest = behind;
                }
                None if braced => {
                    // Where it comes from it is no variable.
                    written.push_str("$${");
                    rest = &after[1..];
                }
                None => {
                    written.push('$');
                    rest = after;
                }
            }
        }
        written.push_str(rest);
        (written, unknown)
    }
}

/// Why a setting would be another when it is read again, if it would.
fn unreadable(uri: &LocUri, value: &Value) -> Option<String> {
    let settings = BTreeMap::from([(uri.clone(), value.clone())]);
    let payload = Payload::Configuration(Configuration { settings, ..Configuration::default() });
    let declaration = Declaration { identifier: Identifier::imported(), payload };
    let read = read_json(&declaration.to_json());
    if let Some(remark) = read.remarks.into_iter().find(|remark| remark.level == Level::Error) {
        return Some(remark.what);
    }
    let is_same = read.documents.first().is_some_and(|document| document.declaration == declaration);
    (!is_same).then(|| "what it asks for has a name that means something else there".to_owned())
}
