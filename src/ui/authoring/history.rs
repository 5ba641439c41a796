//! What was published of a set.

use askama::Template;

use super::super::text::filters;
use super::{Around, Change};
use crate::admin::PolicyRevisionJson;
use crate::ui::Frame;

/// The revisions of a set.
#[derive(Template)]
#[template(path = "authoring/history.html", config = "src/ui/askama.toml")]
pub struct HistoryPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// The revisions.
    pub revisions: &'a [PolicyRevisionJson],
    /// Where the next page is.
    pub next: Option<String>,
}

/// One revision.
#[derive(Template)]
#[template(path = "authoring/revision.html", config = "src/ui/askama.toml")]
pub struct RevisionPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The set.
    pub around: Around<'a>,
    /// The revision.
    pub revision: &'a PolicyRevisionJson,
    /// What it changed.
    pub changes: &'a [Change],
}
