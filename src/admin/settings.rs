//! With which settings the server runs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Admin;
use crate::config::Effective;

/// The settings of a server, as they hold: defaults, file, environment and arguments together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsJson {
    /// Every setting, in the order of the settings file.
    pub items: Vec<Effective>,
}

impl Admin {
    /// With which settings the server runs, as JSON.
    pub fn settings_json(&self) -> SettingsJson {
        SettingsJson { items: self.settings().to_vec() }
    }
}
