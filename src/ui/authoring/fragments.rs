//! Parts of pages that are made anew while somebody writes.

use askama::Template;

use super::super::text::filters;
use crate::admin::{Fitting, PolicyRemarkJson};

/// What is said of a setting.
#[derive(Template)]
#[template(path = "authoring/setting_said.html", config = "src/ui/askama.toml")]
pub struct SettingSaid<'a> {
    /// What is said.
    pub remarks: &'a [PolicyRemarkJson],
    /// What is missing before anything can be said.
    pub missing: Option<&'a str>,
}

/// For which devices a condition holds.
#[derive(Template)]
#[template(path = "authoring/condition_said.html", config = "src/ui/askama.toml")]
pub struct ConditionSaid<'a> {
    /// That, or why it can't be said.
    pub fitting: &'a Result<Fitting, String>,
}
