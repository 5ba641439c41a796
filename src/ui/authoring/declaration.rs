//! One declaration of a set, to be changed.

use askama::Template;

use super::super::text::filters;
use super::{Around, Badge, level, told};
use crate::admin::{Fitting, PolicyRemarkJson};
use crate::policy::declaration::{
    Activation, Asset, Configuration, Content, Declaration, Drift, Identifier, Kind, Management,
};
use crate::ui::Frame;
use crate::ui::text::Folded;

/// A setting that was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSetting {
    /// Its address, with `{names}` that are to be chosen.
    pub uri: String,
    /// What it takes.
    pub takes: String,
    /// What it is for, where that is known.
    pub about: String,
}

/// A configuration.
#[derive(Template)]
#[template(path = "authoring/configuration.html", config = "src/ui/askama.toml")]
pub struct ConfigurationPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What it is called.
    pub identifier: &'a Identifier,
    /// What it says.
    pub configuration: &'a Configuration,
    /// What is to be said of it.
    pub remarks: &'a [PolicyRemarkJson],
    /// What is looked for.
    pub words: &'a str,
    /// What was found.
    pub found: &'a [FoundSetting],
    /// There is more than was found.
    pub has_more: bool,
}

/// An activation.
#[derive(Template)]
#[template(path = "authoring/activation.html", config = "src/ui/askama.toml")]
pub struct ActivationPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What it is called.
    pub identifier: &'a Identifier,
    /// What it says.
    pub activation: &'a Activation,
    /// What is to be said of it.
    pub remarks: &'a [PolicyRemarkJson],
    /// For which devices it holds, or why that can't be said.
    pub fitting: &'a Result<Fitting, String>,
    /// Names of facts.
    pub facts: &'a [&'static str],
}

/// An asset.
#[derive(Template)]
#[template(path = "authoring/asset.html", config = "src/ui/askama.toml")]
pub struct AssetPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What it is called.
    pub identifier: &'a Identifier,
    /// What it says.
    pub asset: &'a Asset,
    /// Whether a secret of this name has a value.
    pub has_value: bool,
    /// What is to be said of it.
    pub remarks: &'a [PolicyRemarkJson],
}

/// Who manages.
#[derive(Template)]
#[template(path = "authoring/management.html", config = "src/ui/askama.toml")]
pub struct ManagementPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// What it is called.
    pub identifier: &'a Identifier,
    /// What it says.
    pub management: &'a Management,
    /// What is to be said of it.
    pub remarks: &'a [PolicyRemarkJson],
}

impl ConfigurationPage<'_> {
    /// Each setting: address, value, the worst of what is said of it.
    fn settings(&self) -> Vec<(&str, Folded, Option<Badge>)> {
        let each = self.configuration.settings.iter().map(|(uri, value)| {
            let said = self.remarks.iter().filter(|remark| remark.setting.as_deref() == Some(uri.as_str()));
            let worst = said.map(|remark| remark.level).min();
            (uri.as_str(), Folded::new(&told(value)), worst.map(level))
        });
        each.collect()
    }

    /// Whether a setting is in it already.
    fn has(&self, uri: &str) -> bool {
        self.configuration.settings.keys().any(|known| known.as_str() == uri)
    }
}

impl ActivationPage<'_> {
    /// Configurations that can be chosen: each with whether it is. Those that it names and that are not there stay.
    fn configurations(&self) -> Vec<(&str, bool)> {
        let chosen = &self.activation.configurations;
        let own = self.around.working.declarations.iter().filter(|each| each.kind() == Kind::Configuration);
        let mut all: Vec<(&str, bool)> =
            own.map(|each: &Declaration| (each.identifier.as_str(), chosen.contains(&each.identifier))).collect();
        for name in chosen {
            if !all.iter().any(|(known, _)| *known == name.as_str()) {
                all.push((name.as_str(), true));
            }
        }
        all
    }
}

impl AssetPage<'_> {
    fn kind(&self) -> &'static str {
        match self.asset.content {
            Content::Text(_) | Content::File(_) => "text",
            Content::Base64(_) => "base64",
            Content::Secret => "secret",
        }
    }

    fn content(&self) -> &str {
        match &self.asset.content {
            Content::Text(text) | Content::Base64(text) => text,
            Content::File(_) | Content::Secret => "",
        }
    }
}

impl ManagementPage<'_> {
    fn properties(&self) -> String {
        self.management.properties.clone().unwrap_or_default().join("\n")
    }
}
