//! Reconciling: what is wanted of a device, held against what it has, gives what is to be sent. Pure: values in, values
//! out. It knows nothing of sessions, and but for the last step nothing of how a setting travels.
//!
//! [`Policy::build`] makes of declarations what every device shares, [`Policy::wanted`] says what one device is to have,
//! [`plan`](plan()) what is to be sent to it. Where nothing differs, nothing is sent. [`read_back`] says what to ask a device
//! for to see whether it has all that, and [`agreement`] what its answer means.

mod conflict;
mod observe;
mod plan;
mod set;
#[cfg(test)]
mod tests;
mod versions;
mod wanted;

use std::collections::BTreeMap;

use serde::Serialize;
use transom_protocol::csp::LocUri;
use transom_protocol::csp::catalogue::NodeId;
use transom_protocol::syncml::Format;

use super::declaration::{Identifier, Token};

pub use observe::{Agreement, Observed, ReadBack, agreement, read_back, restart, unreadable};
pub use plan::{BATCH, Kept, Plan, Step, Together, plan, together};
pub use set::Policy;
pub use wanted::token_of;

/// A setting by its address, however it is spelled: small letters, `./Vendor` as `./Device/Vendor`, nothing escaped that need
/// not be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Key(String);

/// What one device is to have.
pub type Wanted = BTreeMap<Key, WantedSetting>;

/// What one device has confirmed of what it was sent.
pub type Had = BTreeMap<Key, HadSetting>;

/// A setting that a device is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSetting {
    /// Its address.
    pub uri: LocUri,
    /// The configurations that want it.
    pub by: Vec<Identifier>,
    /// Whether it can be had.
    pub standing: Standing,
    /// The activation that wants all of its settings or none.
    pub all_or_none: Option<Identifier>,
    /// Where configurations want different values and the description says which holds: what each wants, and that.
    pub ruled: Option<String>,
}

/// Whether a setting can be had on a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is to be so.
    Wanted(WantedValue),
    /// The device's build, edition or provider does not have it.
    NotApplicable(String),
    /// Several configurations want different values, and nothing says which holds.
    Conflict,
    /// Something that it needs is not known.
    Unresolved(String),
}

/// The value of a setting for a device.
#[derive(Clone, PartialEq, Eq)]
pub struct WantedValue {
    /// The node, where the catalogue knows it.
    pub node: Option<NodeId>,
    /// Format of the value.
    pub format: Format,
    /// MIME type of the value.
    pub mime: Option<String>,
    /// The value; `None`: the node alone.
    pub data: Option<String>,
    /// What is equal when what is sent is. Of a secret it tells nothing.
    pub token: Token,
    /// A secret is in it: it is shown to nobody.
    pub is_secret: bool,
}

/// A setting that a device was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HadSetting {
    /// Its address.
    pub uri: LocUri,
    /// Of what it was last sent.
    pub token: Token,
    /// Whether it is so.
    pub state: State,
    /// Whether the device may have anything of it: what it has refused need not be taken from it.
    pub may_be_there: bool,
    /// Whether the device made it for us; false: it was there before. `None` where nobody knows.
    pub made: Option<bool>,
}

/// Whether a setting that was sent is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// The device has not answered.
    Pending,
    /// The device has taken it.
    Applied,
    /// The device has refused it. It is not sent again until something else is wanted.
    Failed,
    /// The device has something else by now.
    Drifted,
}

/// What is kept by it is found by its text as well.
impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Key {
    /// Of an address.
    pub fn of(uri: &LocUri) -> Self {
        let folded = plain(uri.path()).to_ascii_lowercase();
        Self(match folded.strip_prefix("./vendor/") {
            Some(rest) => format!("./device/vendor/{rest}"),
            None => folded,
        })
    }

    /// Whether it stands below an address.
    pub fn is_below(&self, above: &Self) -> bool {
        self.0.strip_prefix(&above.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether an address with variables, of which this is the key, may come to be this one.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        self.0.split('/').count() == other.0.split('/').count() && self.fits(other)
    }

    /// Whether an address with variables, of which this is the key, may come to stand below this one.
    pub(super) fn may_be_below(&self, above: &Self) -> bool {
        self.0.split('/').count() > above.0.split('/').count() && self.fits(above)
    }

    /// Whether the segments that both have may be the same. What is put in for a variable has no slash.
    fn fits(&self, other: &Self) -> bool {
        let fit = |(own, other): (&str, &str)| match (own.split_once("${"), own.rsplit_once('}')) {
            (Some((begin, _)), Some((_, end))) => other.starts_with(begin) && other.ends_with(end),
            _ => own == other,
        };
        self.0.split('/').zip(other.0.split('/')).all(fit)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for WantedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, format, mime, data, token, is_secret } = self;
        let data = if *is_secret { Some("…") } else { data.as_deref() };
        let mut shown = f.debug_struct("WantedValue");
        shown.field("node", node).field("format", format).field("mime", mime).field("data", &data);
        shown.field("token", token).field("is_secret", is_secret).finish()
    }
}

/// The path without escapes of what can stand there as it is (RFC 3986, 2.3).
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut parts = path.split('%');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        let needless = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_' | '~');
        if let (Some(char), Some(rest)) = (byte.filter(needless), part.get(2..)) {
            plain.push(char);
            plain.push_str(rest);
        } else {
            plain.push('%');
            plain.push_str(part);
        }
    }
    plain
}

/// What a device has that took all that is wanted of it.
pub fn taken(wanted: &Wanted) -> Had {
    let each = wanted.iter().filter_map(|(key, setting)| {
        let token = setting.value()?.token.clone();
        Some((
            key.clone(),
            HadSetting { uri: setting.uri.clone(), token, state: State::Applied, may_be_there: true, made: Some(true) },
        ))
    });
    each.collect()
}

impl WantedSetting {
    /// The value, where it can be had.
    pub const fn value(&self) -> Option<&WantedValue> {
        match &self.standing {
            Standing::Wanted(value) => Some(value),
            Standing::NotApplicable(_) | Standing::Conflict | Standing::Unresolved(_) => None,
        }
    }
}
