//! The settings as they hold: value, where it comes from, what it is for.

use askama::Template;

use super::Frame;
use super::text::filters;
use crate::config::Effective;

/// The page.
#[derive(Template)]
#[template(path = "settings.html", config = "src/ui/askama.toml")]
pub struct SettingsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The settings, section by section.
    pub sections: Vec<(&'a str, Vec<&'a Effective>)>,
    /// Whether only those are shown that somebody has set.
    pub only_set: bool,
}

impl<'a> SettingsPage<'a> {
    /// Of all settings.
    pub fn new(frame: Frame<'a>, settings: &'a [Effective], only_set: bool) -> Self {
        let mut sections: Vec<(&str, Vec<&Effective>)> = Vec::new();
        for setting in settings.iter().filter(|setting| !only_set || setting.origin.is_some()) {
            match sections.last_mut() {
                Some((section, of)) if *section == setting.section => of.push(setting),
                _ => sections.push((&setting.section, vec![setting])),
            }
        }
        Self { frame, sections, only_set }
    }
}
