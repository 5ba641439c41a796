//! Read-back: what a device is asked to say, and whether what it says is what is wanted.

use transom_protocol::csp::catalogue::Catalogue;
use transom_protocol::csp::ddf::Reboot;
use transom_protocol::csp::{IfExists, Instruction, LocUri, Operation, Setting};
use transom_protocol::syncml::Verb;
use transom_protocol::syncml::redact::is_secret;

use super::{Key, Wanted, WantedSetting, WantedValue};
use crate::policy::declaration::Ingestion;

/// What is asked of a device to see whether it has what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadBack {
    /// One Get for each setting: a node that is missing is an answer, and takes no other along.
    pub asked: Vec<(Key, Instruction)>,
    /// Settings that can't be read back.
    pub unreadable: Vec<(Key, String)>,
}

/// What a device said of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observed<'a> {
    /// The node is there, with this value.
    Value(&'a str),
    /// There is no such node.
    Missing,
}

/// Whether a device has what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// It does.
    Same,
    /// It has something else, or nothing.
    Drifted,
    /// What it says tells nothing: it shows stars where a secret is.
    Hidden,
}

/// What to ask of a device that is to have all of this.
pub fn read_back(wanted: &Wanted, catalogue: &Catalogue) -> ReadBack {
    let mut read = ReadBack::default();
    for (key, setting) in wanted {
        let Some(value) = setting.value() else { continue };
        match unreadable(setting, value, catalogue) {
            Some(why) => read.unreadable.push((key.clone(), why)),
            None => read.asked.push((key.clone(), get(&setting.uri))),
        }
    }
    read
}

/// Why a setting can't be read back; nothing where it can.
pub fn unreadable(setting: &WantedSetting, value: &WantedValue, catalogue: &Catalogue) -> Option<String> {
    if value.is_secret || is_secret(setting.uri.as_str()) {
        return Some("its value is a secret, which is not read back".to_owned());
    }
    if Ingestion::of(&setting.uri).is_some() {
        return Some("a template is not read back: its settings are".to_owned());
    }
    if value.data.as_deref().is_some_and(|data| has_macro(&setting.uri, data)) {
        return Some("the device makes its value of it, and shows that".to_owned());
    }
    let properties = value.node.and_then(|node| catalogue.describe(node)).map(|described| described.properties)?;
    let readable = properties.access.is_empty() || properties.access.allows(Verb::Get);
    (!readable).then(|| format!("{} can be written and not read: its description has no Get", setting.uri))
}

/// What a setting does to the running system, where it takes effect with a restart: until then the device shows what it had.
pub fn restart(value: &WantedValue, catalogue: &Catalogue) -> Option<Reboot> {
    value.node.and_then(|node| catalogue.describe(node)).and_then(|described| described.properties.reboot)
}

/// Names of computers in which the device puts something for `%SERIAL%` and `%RAND:6%` (CSPs `DevDetail`, `Accounts`).
const NAMES: [&str; 2] =
    ["./devdetail/ext/microsoft/dnscomputername", "./device/vendor/msft/accounts/domain/computername"];

fn has_macro(uri: &LocUri, data: &str) -> bool {
    let data = data.to_ascii_uppercase();
    NAMES.contains(&Key::of(uri).as_str()) && (data.contains("%SERIAL%") || data.contains("%RAND:"))
}

fn get(uri: &LocUri) -> Instruction {
    let item = Setting::bare(uri.clone());
    Instruction::Single(Operation { verb: Verb::Get, items: vec![item], if_exists: IfExists::Fail })
}

/// Whether what a device said is what is wanted.
pub fn agreement(value: &WantedValue, observed: Observed<'_>, catalogue: &Catalogue) -> Agreement {
    match (&value.data, observed) {
        // The node alone is wanted, and it is there.
        (None, Observed::Value(_)) => Agreement::Same,
        (Some(wanted), Observed::Value(said)) if catalogue.same_value(value.node, &value.format, wanted, said) => {
            Agreement::Same
        }
        (Some(_), Observed::Value(said)) if is_hidden(said) => Agreement::Hidden,
        (_, Observed::Missing) | (Some(_), Observed::Value(_)) => Agreement::Drifted,
    }
}

/// Windows gives stars for passwords and keys.
fn is_hidden(said: &str) -> bool {
    said.len() >= 3 && said.chars().all(|character| character == '*')
}
