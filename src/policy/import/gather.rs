//! The settings of one profile, as they come.

use std::collections::BTreeMap;

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::syncml::redact::is_secret;

use super::value::{Given, value};
use super::{Imported, Outcome, Told};
use crate::policy::declaration::{
    Asset, Configuration, Content, Declaration, Identifier, Level, LocUri, Payload, Value, compile,
};

/// A profile while it is read.
pub(super) struct Gathered<'a> {
    pub(super) catalogue: &'a Catalogue,
    identifier: Identifier,
    description: Option<String>,
    settings: BTreeMap<LocUri, Value>,
    assets: BTreeMap<Identifier, String>,
    told: Vec<Told>,
}

impl<'a> Gathered<'a> {
    pub(super) const fn new(identifier: Identifier, description: Option<String>, catalogue: &'a Catalogue) -> Self {
        Self {
            catalogue,
            identifier,
            description,
            settings: BTreeMap::new(),
            assets: BTreeMap::new(),
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
        if let Some(name) = unknown {
            return self.tell(address, Outcome::LeftOut, format!("nothing is known that {name} could stand for"));
        }
        let is_document = given.data.trim_start().starts_with('<');
        if given.is_hidden || (is_secret(uri.as_str()) && !is_document && !given.data.trim().is_empty()) {
            let asset = self.secret(&uri);
            let what = format!("its value is a secret and was not taken over: give it to the asset {asset}");
            self.put(uri, Value::Asset(asset), Some((Outcome::Doubtful, what)));
            return;
        }
        let (data, unknown) = self.variables(given.data);
        let value = value(self.catalogue, &uri, &Given { data: &data, ..*given });
        let doubt = unknown.map(|name| (Outcome::Doubtful, format!("nothing is known that {name} could stand for")));
        self.put(uri, value, doubt);
    }

    /// A setting with a value as authors write it.
    pub(super) fn put(&mut self, uri: LocUri, value: Value, doubt: Option<(Outcome, String)>) {
        let compiled = compile(self.catalogue, &uri, &value);
        let uri = match &compiled.item {
            // In the catalogue's spelling.
            Some(item) => item.uri.clone(),
            None => uri,
        };
        let key = self.settings.keys().find(|known| known.as_str().eq_ignore_ascii_case(uri.as_str())).cloned();
        let (outcome, what) = match (key, doubt) {
            (Some(key), _) if self.settings.get(&key).is_some_and(|known| *known != value) => {
                let what = "the profile has it twice, with different values: the last one was taken".to_owned();
                self.settings.remove(&key);
                (Outcome::Doubtful, what)
            }
            (_, Some(doubt)) => doubt,
            (_, None) => match compiled.findings.first().filter(|finding| finding.level != Level::Note) {
                Some(finding) => (Outcome::Doubtful, finding.what.clone()),
                None => (Outcome::Taken, String::new()),
            },
        };
        self.tell(uri.as_str(), outcome, what);
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
        imported.declarations.extend(assets.into_iter().map(|(identifier, description)| Declaration {
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

    fn secret(&mut self, uri: &LocUri) -> Identifier {
        let last = uri.as_str().rsplit('/').next().unwrap_or_default();
        let name = super::identifier(&format!("{}-{last}-{}", self.identifier, self.assets.len() + 1));
        self.assets.insert(name.clone(), format!("The value of {}", uri.as_str()));
        name
    }

    /// Brings the variables of other servers into our form, and says which one has no match.
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
                Some(behind) => {
                    if let Some((_, fact)) = KNOWN.iter().find(|(known, _)| *known == name) {
                        written.push_str("${");
                        written.push_str(fact);
                        written.push('}');
                    } else if let Some(secret) = name.strip_prefix("FLEET_SECRET_") {
                        let asset = super::identifier(secret);
                        written.push_str("${asset.");
                        written.push_str(asset.as_str());
                        written.push('}');
                        self.assets.insert(asset, format!("What was the secret {name}"));
                    } else {
                        unknown.get_or_insert_with(|| name.to_owned());
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
