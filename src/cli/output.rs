//! Standard output: the only place that writes to it.

use std::io::{self, ErrorKind, StdoutLock, Write as _};

use serde::Serialize;

use super::shown::{json, line};
use crate::admin::PageJson;

/// Where a command says what it has to say.
pub struct Output {
    json: bool,
    stream: StdoutLock<'static>,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json, stream: io::stdout().lock() }
    }

    /// Whether one JSON document is wanted instead of text.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints lines for people.
    pub fn text(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        let text = text.as_ref().trim_end();
        written(writeln!(self.stream, "{text}").and_then(|()| self.stream.flush()))
    }

    /// Prints the document for programs.
    pub fn document(&mut self, document: &impl Serialize) -> anyhow::Result<()> {
        let document = json(&serde_json::to_string_pretty(document)?);
        written(writeln!(self.stream, "{document}").and_then(|()| self.stream.flush()))
    }

    /// Prints a page of a list: the document for programs; for people `none` where it is empty, or else what `told`
    /// makes of its entries, and how to go on.
    pub fn page<T: Serialize>(
        &mut self,
        page: &PageJson<T>,
        none: &str,
        told: impl FnOnce(&[T]) -> String,
    ) -> anyhow::Result<()> {
        if self.is_json() {
            return self.document(page);
        }
        if page.items.is_empty() {
            return self.text(none);
        }
        self.text(told(&page.items))?;
        match &page.next_cursor {
            Some(cursor) => self.text(format!("There are more: --cursor {}", line(cursor))),
            None => Ok(()),
        }
    }

    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        written(self.stream.flush())
    }
}

/// A reader that has seen enough, such as `head`, is no failure.
fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}
