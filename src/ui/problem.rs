//! The page that says that something went wrong, and what to do.

use askama::Template;

use super::Frame;
use super::text::filters;

/// The page.
#[derive(Template)]
#[template(path = "problem.html", config = "src/ui/askama.toml")]
pub struct ProblemPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The HTTP status.
    pub status: u16,
    /// In a few words.
    pub title: &'a str,
    /// In a sentence.
    pub detail: Option<&'a str>,
    /// Id of the request, under which the log knows more.
    pub request: &'a str,
}
