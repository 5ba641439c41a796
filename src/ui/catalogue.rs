//! What is known of settings: found, and shown one by one.

use askama::Template;

use super::Frame;
use super::text::filters;
use super::texts::catalogue as texts;
use crate::admin::{CspInfoJson, CspNodeJson};
use crate::model::edition_name;
use crate::policy::catalogue::{Kind, Reboot};

/// The page on which settings are searched.
#[derive(Template)]
#[template(path = "catalogue.html", config = "src/ui/askama.toml")]
pub struct CataloguePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What the catalogue is made of.
    pub info: &'a CspInfoJson,
    /// What is looked for.
    pub words: &'a str,
    /// What was found.
    pub nodes: &'a [CspNodeJson],
    /// What is wrong with what was asked.
    pub error: Option<&'a str>,
}

/// The page of one setting.
#[derive(Template)]
#[template(path = "setting.html", config = "src/ui/askama.toml")]
pub struct SettingPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The setting.
    pub node: &'a CspNodeJson,
}

/// The verbs that a node takes.
pub(super) fn verbs(node: &CspNodeJson) -> String {
    let verbs: Vec<String> = node.access.verbs().map(|verb| format!("{verb:?}")).collect();
    if verbs.is_empty() { texts::NOT_SAID.to_owned() } else { verbs.join(", ") }
}

impl SettingPage<'_> {
    fn scope(&self) -> &'static str {
        match self.node.uri.trim_start_matches("./").split('/').next() {
            Some("Device") => texts::OF_DEVICE,
            Some("User") => texts::OF_USER,
            _ => texts::OF_BOTH,
        }
    }

    /// Values that it takes, each with what it means.
    fn choices(&self) -> Vec<(&str, &str)> {
        match self.node.allowed.as_ref().map(|allowed| &allowed.kind) {
            Some(Kind::Enum(choices) | Kind::Flags(choices)) => {
                choices.iter().map(|choice| (choice.value.as_str(), choice.label.as_deref().unwrap_or(""))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn delimiter(&self) -> Option<&str> {
        self.node.allowed.as_ref()?.delimiter.as_deref()
    }

    /// Builds of Windows that have it.
    fn since(&self) -> Option<String> {
        let applicability = self.node.applicability.as_ref()?;
        if !applicability.is_released() {
            return Some(texts::NOT_RELEASED.to_owned());
        }
        let builds: Vec<String> = applicability.released().map(|build| build.to_string()).collect();
        Some(builds.join(", ")).filter(|builds| !builds.is_empty())
    }

    /// Editions of Windows that have it, by name where that is known.
    fn editions(&self) -> String {
        let editions = self.node.applicability.iter().flat_map(|applicability| &applicability.editions);
        let name =
            |edition: &u32| edition_name(i64::from(*edition)).map_or_else(|| format!("{edition:#x}"), str::to_owned);
        editions.map(name).collect::<Vec<_>>().join(", ")
    }

    const fn reboot(&self) -> Option<&'static str> {
        match self.node.reboot {
            Some(Reboot::Automatic) => Some(texts::REBOOT_SELF),
            Some(Reboot::ServerInitiated) => Some(texts::REBOOT_ORDERED),
            None => None,
        }
    }

    /// Nodes below it: name and address.
    fn below(&self) -> Vec<(&str, String)> {
        let address = |name: &str| format!("{}/{}", self.node.uri, name.trim_end_matches('/'));
        self.node.below.iter().map(|name| (name.as_str(), address(name))).collect()
    }
}
