//! What works, though not as its author may think.

use std::collections::{BTreeMap, BTreeSet};

use transom_protocol::csp::Scope;

use super::{Activation, Asset, Concern, Content, Declaration, Document, Identifier, Level, Payload, Remark, Template};
use crate::model::fact::catalogue;

/// A variable in an asset is a text like any other.
pub(super) fn of_asset(document: &Document, asset: &Asset) -> Option<Remark> {
    let Content::Text(text) = &asset.content else { return None };
    Template::parse(text).ok().filter(Template::has_variables)?;
    let what = "the variables in it are not filled in: what has some goes into the value of the setting";
    Some(document.remark("content", Level::Warning, Concern::Variable, what))
}

/// What is for the device and what is for its user can't go in one Atomic.
pub(super) fn of_activation(
    document: &Document,
    activation: &Activation,
    all: &BTreeMap<&Identifier, &Declaration>,
) -> Option<Remark> {
    let configurations = activation.configurations.iter().filter_map(|name| match &all.get(name)?.payload {
        Payload::Configuration(configuration) => Some(configuration),
        _ => None,
    });
    let is_of_user = |scope: Scope| scope == Scope::User;
    let scopes: BTreeSet<bool> =
        configurations.flat_map(|each| each.settings.keys()).map(|uri| is_of_user(uri.scope())).collect();
    let what = "settings of the device and of its user go in two Atomics: one of them may fail alone";
    (activation.atomic && scopes.len() > 1).then(|| document.remark("", Level::Warning, Concern::Shape, what))
}

/// The fact that may have been meant.
pub(super) fn nearest_fact(name: &str) -> Option<&'static str> {
    let known = || catalogue().iter().map(|fact| fact.name);
    // Conditions know some by their last word alone.
    known().find(|known| known.rsplit('.').next() == Some(name)).or_else(|| nearest(name, known()))
}

/// The word that may have been meant.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.map(|known| (strsim::jaro_winkler(known, word), known));
    let near = near.filter(|(likeness, _)| *likeness > 0.75).max_by(|one, other| one.0.total_cmp(&other.0));
    near.map(|(_, known)| known)
}

/// What may have been meant, as the end of a clause.
pub(super) fn meant(word: &str, known: &[&str]) -> String {
    did_you_mean(nearest(word, known.iter().copied()))
}

/// The same of a fact.
pub(super) fn meant_fact(name: &str) -> String {
    did_you_mean(nearest_fact(name))
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(", did you mean {near:?}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::policy::catalogue::builtin;
    use crate::policy::declaration::{check, read_text};

    fn told(text: &str) -> Vec<String> {
        let read = read_text("p.yaml", text);
        let mut remarks = read.remarks;
        remarks.extend(check(&read.documents, &read.broken, &builtin::catalogue().unwrap()));
        remarks.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_an_author_may_not_expect_is_said() {
        let says = |text: &str, what: &str| {
            let told = told(text);
            assert!(told.iter().any(|told| told.contains(what)), "{told:#?}");
        };
        let asset = |text: &str| format!("type: asset\nidentifier: a\npayload:\n  text: '{text}'\n");
        says(&asset("<a>${device.serial}</a>"), "p.yaml:4:3: warning: a: the variables in it are not filled in");
        for text in ["$${device.serial}", "${env:PATH}", "${"] {
            assert!(!told(&asset(text)).iter().any(|told| told.contains("variables")), "{text}");
        }
        let atomic = |uri: &str, atomic: bool| {
            format!(
                "type: configuration\nidentifier: a\npayload:\n  settings: {{./Vendor/OEM/X: 1, {uri}: 1}}\n---\n\
                 type: activation\nidentifier: all\npayload: {{configurations: [a], atomic: {atomic}}}\n"
            )
        };
        says(&atomic("./User/Vendor/OEM/Y", true), "warning: all: settings of the device and of its user");
        for text in [atomic("./User/Vendor/OEM/Y", false), atomic("./Device/Vendor/OEM/Y", true)] {
            assert!(!told(&text).iter().any(|told| told.contains("two Atomics")));
        }
        let management = |fact: &str| format!("type: management\nidentifier: us\npayload: {{properties: [{fact}]}}\n");
        says(&management("groups"), "there is no fact \"groups\", did you mean \"user.groups\"?");
        says(&management("os.biuld"), "did you mean \"os.build\"?");
        // One mistake is told once.
        let broken = atomic("./Vendor", true).replace("./Vendor: 1", "OEM: 1");
        assert_eq!(told(&broken).iter().filter(|told| told.contains("error")).count(), 1, "{:#?}", told(&broken));
    }
}
