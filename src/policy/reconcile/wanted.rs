//! What one device is to have.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use transom_protocol::csp::catalogue::{Catalogue, Level, NodeId, Proposed};
use transom_protocol::csp::ddf::{Build, Device};
use transom_protocol::csp::{LocUri, Setting};
use transom_protocol::syncml::{Format, Verb};

use super::conflict::winner;
use super::plan::{Together, belongs_to};
use super::set::Taken;
use super::versions::Versions;
use super::{Key, Policy, Standing, Wanted, WantedSetting, WantedValue};
use crate::model::{Facts, hex};
use crate::policy::declaration::{Content, Identifier, Item, Token, Unresolved, held};

/// A wish of one configuration.
struct Wish {
    by: Identifier,
    setting: WantedSetting,
}

impl Policy {
    /// The activations that hold for a device, with their configurations.
    pub fn active(&self, facts: &Facts) -> BTreeMap<String, Vec<String>> {
        let holds = self.activations.iter().filter(|each| each.when.as_ref().is_none_or(|when| when.holds(facts)));
        holds
            .map(|each| (each.identifier.to_string(), each.configurations.iter().map(ToString::to_string).collect()))
            .collect()
    }

    /// What a device of which these facts are known is to have.
    pub fn wanted(&self, catalogue: &Catalogue, facts: &Facts) -> Wanted {
        let device = Windows { known: device(facts), versions: Versions::of(facts) };
        let mut wishes: BTreeMap<Key, Vec<Wish>> = BTreeMap::new();
        // Two activations may apply the same configuration: where one of them wants all or nothing, that is how it is.
        let mut applied: BTreeMap<&Identifier, Option<&Identifier>> = BTreeMap::new();
        for activation in &self.activations {
            if activation.when.as_ref().is_some_and(|when| !when.holds(facts)) {
                continue;
            }
            for identifier in &activation.configurations {
                let together = applied.entry(identifier).or_default();
                *together = together.or(activation.together.then_some(&activation.identifier));
            }
        }
        for (identifier, together) in applied {
            for item in self.configurations.get(identifier).into_iter().flatten() {
                let setting = self.wish(item, identifier, together, catalogue, facts, &device);
                let wish = Wish { by: identifier.clone(), setting };
                wishes.entry(Key::of(&wish.setting.uri)).or_default().push(wish);
            }
        }
        let settled = wishes.into_iter().filter_map(|(key, wishes)| Some((key, settled(wishes, catalogue)?)));
        let mut wanted: Wanted = settled.collect();
        complete(&mut wanted, catalogue);
        wanted
    }

    fn wish(
        &self,
        item: &Item,
        by: &Identifier,
        together: Option<&Identifier>,
        catalogue: &Catalogue,
        facts: &Facts,
        device: &Windows,
    ) -> WantedSetting {
        let assets = |asset: &Identifier| self.assets.get(asset).cloned();
        let of = |uri, standing| WantedSetting {
            uri,
            by: vec![by.clone()],
            standing,
            all_or_none: together.cloned(),
            ruled: None,
        };
        let uri = match item.address(facts, &assets) {
            Ok(uri) => uri,
            Err(missing) => return of(item.uri.clone(), Standing::Unresolved(self.in_address(&missing))),
        };
        // What no Windows has by the description may be in a preview: its author was warned.
        if let Some(why) = item.node.and_then(|node| device.lacks(node, &uri, catalogue)) {
            return of(uri, Standing::NotApplicable(why));
        }
        let is_secret = item.assets().iter().any(|asset| self.is_secret(asset));
        let mut data = match item.data(facts, &|asset: &Identifier| self.content(asset, Shown::AsItIs)) {
            Ok(data) => data,
            Err(missing) => return of(uri, Standing::Unresolved(self.missing(&missing))),
        };
        // What depends on the device could not be checked before.
        if item.varies() && !(is_secret && self.stands_in) {
            let format = item.node.is_none().then_some(&item.format);
            let proposed = Proposed { verb: Verb::Replace, uri: &uri, format, data: data.as_deref(), in_atomic: true };
            let checked = held(catalogue, &proposed, None);
            let wrong = checked.findings.iter().find(|finding| finding.level == Level::Error);
            if let Some(wrong) = wrong.filter(|_| data.is_some()) {
                // What is wrong with a secret can't be said without telling of it.
                let what = if is_secret { "the node does not take the value of its secret" } else { &wrong.what };
                return of(uri, Standing::Unresolved(what.to_owned()));
            }
            data = checked.data.or(data);
        } else if !is_secret && let Some(taken) = self.taken(by, &item.uri) {
            match taken {
                Taken::As(text) => data = Some(text.clone()),
                Taken::No(why) => return of(uri, Standing::Unresolved(why.clone())),
            }
        }
        let (format, mime) = (item.format.clone(), item.mime.clone());
        let parts = [uri.as_str(), format.as_str(), mime.as_deref().unwrap_or_default()];
        let token = if is_secret {
            // The version stands for the value: who sees the token can't try what the value may be.
            let marked = item.data(facts, &|asset: &Identifier| self.content(asset, Shown::ByVersion));
            token(parts, marked.ok().flatten().as_deref())
        } else {
            token(parts, data.as_deref())
        };
        let value = WantedValue { node: item.node, format, mime, data, token, is_secret };
        of(uri, Standing::Wanted(value))
    }

    fn is_secret(&self, asset: &Identifier) -> bool {
        self.assets.get(asset).is_some_and(Content::is_secret)
    }

    /// What an asset holds; a secret as it is, or by what stands for it.
    fn content(&self, asset: &Identifier, shown: Shown) -> Option<Content> {
        let content = self.assets.get(asset)?;
        if !content.is_secret() {
            return Some(content.clone());
        }
        let secret = self.secrets.get(asset)?;
        Some(Content::Text(match shown {
            Shown::AsItIs => secret.value.expose().clone(),
            Shown::ByVersion => format!("{asset}\0{}", secret.version),
        }))
    }

    /// An address is shown everywhere.
    fn in_address(&self, missing: &Unresolved) -> String {
        match missing {
            Unresolved::Asset(asset) if self.is_secret(asset) => {
                format!("the secret {asset} stands in an address, where it would be shown")
            }
            other => other.to_string(),
        }
    }

    fn missing(&self, missing: &Unresolved) -> String {
        match missing {
            Unresolved::Asset(asset) if self.is_secret(asset) => {
                format!("the secret {asset} has no value here: transom policy secret set {asset}")
            }
            other => other.to_string(),
        }
    }
}

/// What of a device decides whether it has a node.
struct Windows {
    known: Device,
    versions: Versions,
}

impl Windows {
    /// Why it does not have a node.
    fn lacks(&self, node: NodeId, uri: &LocUri, catalogue: &Catalogue) -> Option<String> {
        let by_version = || self.versions.lack(uri, || catalogue.applicability(node), self.known.build);
        catalogue.fit(node, &self.known).told().or_else(by_version)
    }
}

/// How a secret is put in.
#[derive(Clone, Copy)]
enum Shown {
    AsItIs,
    ByVersion,
}

/// What of a device's facts the catalogue asks for.
fn device(facts: &Facts) -> Device {
    let build =
        facts.os_build().map(|os| Build { number: os.build, revision: (os.revision > 0).then_some(os.revision) });
    let edition = facts.integer("os.edition_id").and_then(|edition| u32::try_from(edition).ok());
    Device { build, edition }
}

/// All or nothing: where a part of an Atomic can't be had because something is not known, or because two want it differently,
/// the others wait for that. What this device does not have at all is no part of it here.
fn complete(wanted: &mut Wanted, catalogue: &Catalogue) {
    let mut lacks: BTreeMap<Together, String> = BTreeMap::new();
    for setting in wanted.values() {
        let why = match &setting.standing {
            Standing::Unresolved(why) => why.clone(),
            Standing::Conflict => "several configurations want different values of it".to_owned(),
            Standing::Wanted(_) | Standing::NotApplicable(_) => continue,
        };
        if let Some(group) = belongs_to(setting, catalogue) {
            lacks.entry(group).or_insert_with(|| format!("it goes in one Atomic with {}: {why}", setting.uri));
        }
    }
    if lacks.is_empty() {
        return;
    }
    for setting in wanted.values_mut() {
        let lack = setting.value().and_then(|_| lacks.get(&belongs_to(setting, catalogue)?));
        if let Some(why) = lack {
            setting.standing = Standing::Unresolved(why.clone());
        }
    }
}

/// One wish of several for the same setting.
fn settled(wishes: Vec<Wish>, catalogue: &Catalogue) -> Option<WantedSetting> {
    let mut by: Vec<Identifier> = wishes.iter().map(|wish| wish.by.clone()).collect();
    by.sort();
    by.dedup();
    let mut settings: Vec<WantedSetting> = wishes.into_iter().map(|wish| wish.setting).collect();
    // All that can be had say the same, or the description says which holds.
    let values: Vec<(usize, &WantedValue)> =
        settings.iter().enumerate().filter_map(|(place, setting)| Some((place, setting.value()?))).collect();
    let mut ruled = None;
    let place = match values[..] {
        [] => 0,
        [(first, value), ref rest @ ..] => {
            if rest.iter().all(|(_, other)| other.token == value.token) {
                // All or nothing, where one of them asks for that.
                let whole = |place: &usize| settings.get(*place).is_some_and(|setting| setting.all_or_none.is_some());
                values.iter().map(|(place, _)| *place).find(whole).unwrap_or(first)
            } else {
                let rule =
                    value.node.and_then(|node| catalogue.describe(node)).and_then(|node| node.properties.conflict);
                let data: Vec<Option<&str>> = values.iter().map(|(_, value)| value.data.as_deref()).collect();
                let held = winner(rule, &data).and_then(|place| values.get(place)).map(|(place, _)| *place);
                let all_or_none = settings.iter().find_map(|setting| setting.all_or_none.clone());
                let Some(place) = held else {
                    let uri = settings.swap_remove(first).uri;
                    return Some(WantedSetting { uri, by, standing: Standing::Conflict, all_or_none, ruled: None });
                };
                ruled = Some(told(&settings, place));
                if let Some(held) = settings.get_mut(place) {
                    held.all_or_none = all_or_none;
                }
                place
            }
        }
    };
    (place < settings.len()).then(|| WantedSetting { by, ruled, ..settings.swap_remove(place) })
}

/// What several want, and what holds. No secret is told.
fn told(settings: &[WantedSetting], holds: usize) -> String {
    let shown = |value: &WantedValue| match &value.data {
        Some(data) if !value.is_secret => data.clone(),
        _ => "another value".to_owned(),
    };
    let each = |setting: &WantedSetting| {
        let by = setting.by.first()?;
        Some(format!("{by} wants {}", shown(setting.value()?)))
    };
    let mut wishes: Vec<String> = settings.iter().filter_map(each).collect();
    wishes.sort();
    wishes.dedup();
    let held = settings.get(holds).and_then(WantedSetting::value).map(shown).unwrap_or_default();
    format!("{}: the safest holds, {held}", wishes.join(", "))
}

/// Of what is sent.
pub fn token_of(setting: &Setting) -> Token {
    let format = setting.format.as_ref().map_or("chr", Format::as_str);
    let mime = setting.mime.as_deref().unwrap_or_default();
    token([setting.target.as_str(), format, mime], setting.data.as_deref())
}

fn token(parts: [&str; 3], data: Option<&str>) -> Token {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    if let Some(data) = data {
        hash.update([1]);
        hash.update(data.as_bytes());
    }
    let hash = hash.finalize();
    Token::from(hex(hash.get(..16).unwrap_or(&hash)))
}
