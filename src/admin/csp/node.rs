//! One node as people are shown it.

use super::CspNodeJson;
use crate::admin::Error;
use crate::model::Verb;
use crate::policy::catalogue::{Access, Catalogue, Format, Hit, InUse, LocUri, NodeId, NodeName, Shape};

/// An address as somebody writes or copies it: what stands in braces is called so by the catalogue, and stands for a name.
pub(super) fn address(written: &str) -> Result<LocUri, Error> {
    let mut plain = String::new();
    let mut rest = written.trim();
    while let Some((before, behind)) = rest.split_once('{') {
        plain.push_str(before);
        let Some((within, behind)) = behind.split_once('}') else {
            rest = behind;
            continue;
        };
        let before = plain.len();
        plain.extend(
            within.chars().filter(|character| character.is_ascii_alphanumeric() || "._-%".contains(*character)),
        );
        if plain.len() == before {
            plain.push_str("name");
        }
        rest = behind;
    }
    plain.push_str(rest);
    plain.parse().map_err(|error| Error::parameter("uri", format!("{error}")))
}

/// What was found at an address.
pub(super) fn of_hit(in_use: &InUse, hit: &Hit) -> Option<CspNodeJson> {
    let mut node = of(&in_use.catalogue, &in_use.sources, hit.node, true)?;
    if hit.is_result {
        // What a policy has come to can be read and nothing else; what holds for writing it is said where it is written.
        node.uri = node.uri.replacen("/Policy/Config", "/Policy/Result", 1);
        node.access = Access::default().with(Verb::Get);
        node.atomic = false;
        node.reboot = None;
        node.depends_on = Vec::new();
        node.default = None;
    }
    Some(node)
}

/// What is known of a node.
pub(super) fn of(catalogue: &Catalogue, sources: &[String], node: NodeId, with_below: bool) -> Option<CspNodeJson> {
    let described = catalogue.describe(node)?;
    let properties = described.properties;
    let depends_on = properties.dependencies.iter().flat_map(|group| &group.dependencies).map(|dependency| {
        let not = if dependency.not { "not " } else { "" };
        format!("{}: {not}{}", dependency.uri, dependency.allowed)
    });
    Some(CspNodeJson {
        uri: catalogue.uri(node),
        access: properties.access,
        format: properties.format.clone(),
        mime: properties.mime.clone(),
        allowed: properties.allowed.clone(),
        allowed_text: properties.allowed.as_ref().map(ToString::to_string),
        default: properties.default.clone(),
        applicability: catalogue.applicability(node),
        deprecated: catalogue.deprecated(node),
        reboot: properties.reboot,
        atomic: catalogue.is_atomic(node),
        depends_on: depends_on.collect(),
        description: properties.description.clone(),
        source: described
            .source
            .and_then(|source| sources.get(source).cloned())
            .unwrap_or_else(|| "a template that devices are given".to_owned()),
        below: if with_below { below(catalogue, node) } else { Vec::new() },
    })
}

/// A step on the way to nodes, which no file describes: `./Vendor/MSFT`.
pub(super) fn on_the_way(in_use: &InUse, uri: &LocUri) -> Option<CspNodeJson> {
    let node = in_use.catalogue.on_the_way(uri)?;
    let mut below = below(&in_use.catalogue, node);
    let mut shown = in_use.catalogue.uri(node);
    if uri.path() == "." {
        ".".clone_into(&mut shown);
        below.push("User/".to_owned());
    }
    Some(CspNodeJson {
        uri: shown,
        access: Access::default(),
        format: Format::Node,
        mime: None,
        allowed: None,
        allowed_text: None,
        default: None,
        applicability: None,
        deprecated: None,
        reboot: None,
        atomic: false,
        depends_on: Vec::new(),
        description: None,
        source: "no description: it only holds others".to_owned(),
        below,
    })
}

fn below(catalogue: &Catalogue, node: NodeId) -> Vec<String> {
    let name = |below: NodeId| match catalogue.name(below) {
        NodeName::Fixed(name) if catalogue.shape(below) == Shape::Inner => format!("{name}/"),
        NodeName::Fixed(name) => name.clone(),
        NodeName::Dynamic { placeholder, .. } => format!("{{{}}}", placeholder.as_deref().unwrap_or("name")),
    };
    catalogue.below(node).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_shown_can_be_asked_for() {
        for (written, read) in [
            (
                "./Vendor/MSFT/ActiveSync/Accounts/{Account GUID}/Domain",
                "./Vendor/MSFT/ActiveSync/Accounts/AccountGUID/Domain",
            ),
            ("./Vendor/MSFT/A/{1803A630-3C38}/B", "./Vendor/MSFT/A/1803A630-3C38/B"),
            ("./Vendor/MSFT/A/{a/b <c>}/B{ }", "./Vendor/MSFT/A/abc/Bname"),
            (" ./Vendor/MSFT/A ", "./Vendor/MSFT/A"),
        ] {
            assert_eq!(address(written).unwrap().as_str(), read, "{written}");
        }
        assert!(address("./Vendor/MSFT/A B").is_err(), "outside of braces a blank is none of a name");
    }
}
