//! What a device says of the versions of its configuration service providers, held against the version that brought a node.
//! Decision 15 says what is made of it, and why no more.

use std::collections::BTreeMap;

use transom_protocol::csp::LocUri;
use transom_protocol::csp::ddf::{Applicability, Build};

use super::Key;
use crate::model::{FactName, Facts};

/// Providers of which real devices have more than the version tells that they name: their number was not raised.
const UNCOUNTED: [&str; 6] = ["devdetail", "dmacc", "healthattestation", "passportforwork", "vpnv2", "wifi"];

/// The versions that a device names, by the root of their provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Versions(BTreeMap<String, Version>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

impl Versions {
    /// Of the facts of a device; nothing where it did not name any.
    pub(super) fn of(facts: &Facts) -> Self {
        let mut versions: BTreeMap<String, Version> = BTreeMap::new();
        for named in facts.list(FactName::PROVIDERS.as_str()).unwrap_or_default() {
            let Some((node, version)) = named.rsplit_once(' ') else { continue };
            let Some(uri) = node.parse::<LocUri>().ok() else { continue };
            let (Some(version), key) = (Version::parse(version), Key::of(&uri)) else { continue };
            // What stands below a provider counts for itself.
            if root(&key) == Some(key.as_str()) {
                let known = versions.entry(key.as_str().to_owned()).or_insert(version);
                *known = version.max(*known);
            }
        }
        Self(versions)
    }

    /// Why a device does not have a node, where it names an older version of its provider. That it does not name the provider
    /// says nothing, nor does the version of a node that came to its build with an update.
    pub(super) fn lack(
        &self,
        uri: &LocUri,
        said: impl FnOnce() -> Option<Applicability>,
        build: Option<Build>,
    ) -> Option<String> {
        let key = Key::of(uri);
        let root = root(&key)?;
        let has = *self.0.get(root)?;
        let name = root.rsplit('/').next().unwrap_or_default();
        if UNCOUNTED.contains(&name) {
            return None;
        }
        let said = said()?;
        let needs = Version::parse(said.csp_version.as_deref()?)?;
        let with_build = |build: Build| {
            let mut releases = said.released();
            releases.any(|release| release.revision.is_none() && release.number <= build.number)
        };
        let by_update = build.is_some_and(|build| said.is_released() && !with_build(build));
        (has < needs && !by_update).then(|| {
            format!("it came with version {needs} of the provider {}, and the device names {has}", name_of(uri, root))
        })
    }
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The part of an address that names its provider: `./device/vendor/msft/bitlocker`, `./devdetail`.
fn root(key: &Key) -> Option<&str> {
    let parts = match key.as_str().split('/').nth(1)? {
        "device" | "user" => 5,
        "syncml" => 3,
        _ => 2,
    };
    let end = key.as_str().match_indices('/').nth(parts - 1).map_or(key.as_str().len(), |(place, _)| place);
    let root = key.as_str().get(..end)?;
    (root.split('/').count() == parts).then_some(root)
}

/// The provider as the address spells it.
fn name_of<'a>(uri: &'a LocUri, root: &'a str) -> &'a str {
    let folded = root.rsplit('/').next().unwrap_or(root);
    uri.path().split('/').find(|part| part.eq_ignore_ascii_case(folded)).unwrap_or(folded)
}
