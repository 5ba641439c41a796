//! With which settings the server runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use crate::config::Effective;

/// The settings of a server, as they hold: defaults, file, environment and arguments together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsJson {
    /// Every setting, in the order of the settings file.
    pub items: Vec<SettingJson>,
}

/// A setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingJson {
    /// Its section; empty at the top.
    pub section: String,
    /// Its name there.
    pub name: String,
    /// Its value as it would be written in the settings file; of a secret only that there is one.
    pub value: String,
    /// What it is when nobody sets it.
    pub default: String,
    /// Who has set it; nothing where it is the default.
    pub origin: Option<String>,
    /// What it is for.
    pub about: String,
}

impl Admin {
    /// With which settings the server runs, as JSON.
    pub fn settings_json(&self) -> SettingsJson {
        SettingsJson { items: self.settings().iter().map(SettingJson::from).collect() }
    }
}

impl From<&Effective> for SettingJson {
    fn from(setting: &Effective) -> Self {
        Self {
            section: setting.section.clone(),
            name: setting.name.clone(),
            value: setting.value.clone(),
            default: setting.default.clone(),
            origin: setting.origin.clone(),
            about: setting.about.clone(),
        }
    }
}
