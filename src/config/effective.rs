//! The settings as they hold, for people to look at: each with its value, what it is for, and where it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Value;
use utoipa::ToSchema;

use super::{Origin, Settings, TEMPLATE};

/// A setting as it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SettingJson)]
pub struct Effective {
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

/// Every setting, in the order of `schema/transom.toml`.
pub fn effective(settings: &Settings, origins: &[(String, Origin)]) -> Vec<Effective> {
    let (values, defaults) = (leaves(settings), leaves(&Settings::default()));
    let mut found = Vec::with_capacity(values.len());
    let (mut section, mut about) = (String::new(), Vec::new());
    for line in TEMPLATE.lines() {
        if let Some(text) = line.strip_prefix('#') {
            about.push(text.trim());
        } else if let Some(name) = line.strip_prefix('[') {
            name.trim_end_matches(']').clone_into(&mut section);
            about.clear();
        } else if let Some((name, _)) = line.split_once(" = ") {
            let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            let text = |of: &BTreeMap<String, String>| of.get(&key).cloned().unwrap_or_default();
            let origin = origins.iter().rev().find(|(set, _)| *set == key).map(|(_, origin)| origin.to_string());
            let (value, default) = (text(&values), text(&defaults));
            let (section, name) = (section.clone(), name.to_owned());
            found.push(Effective { section, name, value, default, origin, about: about.join(" ") });
            about.clear();
        } else {
            about.clear();
        }
    }
    found
}

/// Each value by its key. Secrets write themselves as an ellipsis, the URL of a database without its password.
fn leaves(settings: &Settings) -> BTreeMap<String, String> {
    let table = toml::Table::try_from(settings).unwrap_or_default();
    let leaves = table.into_iter().flat_map(|(key, value)| match value {
        Value::Table(section) => section.into_iter().map(|(leaf, value)| (format!("{key}.{leaf}"), value)).collect(),
        value => vec![(key, value)],
    });
    leaves.map(|(key, value)| (key, value.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve_with_origins;

    #[test]
    fn every_setting_is_told_with_where_it_comes_from_and_without_secrets() {
        let file = "database = \"postgres://transom:hunter2@db/mdm\"\n[openid]\nclient_secret = \"hunter2\"";
        let environment = [("TRANSOM_QUEUE_MAX_ATTEMPTS".to_owned(), "9".to_owned())];
        let (settings, origins) = resolve_with_origins(Some(("transom.toml".into(), file)), environment, &[]).unwrap();
        let told = effective(&settings, &origins);
        let of = |section: &str, name: &str| {
            told.iter().find(|setting| setting.section == section && setting.name == name).unwrap()
        };
        let attempts = of("queue", "max_attempts");
        assert_eq!((attempts.value.as_str(), attempts.default.as_str()), ("9", "5"));
        assert_eq!(attempts.origin.as_deref(), Some("TRANSOM_QUEUE_MAX_ATTEMPTS"));
        assert!(!attempts.about.is_empty());
        assert_eq!(of("openid", "client_secret").value, "\"…\"");
        assert_eq!(of("openid", "client_secret").origin.as_deref(), Some("transom.toml"));
        assert_eq!(of("queue", "accepted_timeout").origin, None);
        assert!(!format!("{told:?}").contains("hunter2"));
        let keys: usize = leaves(&settings).len();
        assert_eq!(told.len(), keys, "each is in the template");
    }
}
