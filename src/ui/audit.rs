//! The audit log: who did what, and whether the record of it is whole.

use askama::Template;
use serde_json::Value;

use super::Frame;
use super::text::{Folded, filters};
use crate::admin::{AuditJson, AuditProof};
use crate::model::ActorKind;

/// The page of the log.
#[derive(Template)]
#[template(path = "audit.html", config = "src/ui/askama.toml")]
pub struct AuditPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What is looked for.
    pub looked_for: LookedFor<'a>,
    /// What is wrong with that.
    pub error: Option<&'a str>,
    /// The entries.
    pub entries: &'a [AuditJson],
    /// Where the next page is.
    pub next: Option<String>,
    /// What a walk along the chain has found, where one was asked for.
    pub proof: Option<&'a AuditProof>,
}

/// What is looked for, as it was written.
#[derive(Debug, Clone, Copy)]
pub struct LookedFor<'a> {
    /// Who.
    pub actor: &'a str,
    /// What was done, or how that begins where it ends in a dot.
    pub action: &'a str,
    /// To what.
    pub subject: &'a str,
    /// From when on.
    pub since: &'a str,
    /// Until when.
    pub until: &'a str,
}

impl LookedFor<'_> {
    /// As a query, to be put behind an address.
    pub fn query(&self) -> String {
        let parts = [
            ("actor", self.actor),
            ("action", self.action),
            ("subject", self.subject),
            ("since", self.since),
            ("until", self.until),
        ];
        let given = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let given: Vec<String> = given.map(|(name, text)| format!("{name}={}", super::text::part(text))).collect();
        given.join("&")
    }
}

impl AuditPage<'_> {
    fn is_filtered(&self) -> bool {
        !self.looked_for.query().is_empty()
    }
}

/// What somebody is.
pub(super) const fn kind(entry: &AuditJson) -> &'static str {
    match entry.kind {
        ActorKind::Operator => "operator",
        ActorKind::Token => "token",
        ActorKind::Server => "server",
        ActorKind::Device => "device",
    }
}

/// A value of before or after on one line.
pub(super) fn value(value: &Value) -> Folded {
    Folded::new(&value.to_string())
}

/// One line of a table for a spreadsheet (RFC 4180). A cell that a spreadsheet would take for a formula begins with an
/// apostrophe, which makes it text.
pub fn csv_line(cells: &[String]) -> String {
    let cell = |text: &String| {
        let text = super::text::visible(text);
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        format!("\"{}{}\"", if is_formula { "'" } else { "" }, text.replace('"', "\"\""))
    };
    let cells: Vec<String> = cells.iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

/// What stands above the columns.
pub fn csv_head() -> String {
    let names = ["number", "at", "who", "kind", "from", "action", "subject kind", "subject", "before", "after", "hash"];
    csv_line(&names.map(str::to_owned))
}

/// An entry as such a line.
pub fn csv_entry(entry: &AuditJson) -> String {
    let json = |value: &Option<Value>| value.as_ref().map(Value::to_string).unwrap_or_default();
    csv_line(&[
        entry.seq.to_string(),
        super::text::machine_time(entry.at),
        entry.actor.clone(),
        kind(entry).to_owned(),
        entry.from.map(|from| from.to_string()).unwrap_or_default(),
        entry.action.clone(),
        entry.subject_kind.clone(),
        entry.subject.clone(),
        json(&entry.before),
        json(&entry.after),
        entry.hash.clone(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for formula in ["=HYPERLINK(\"http://evil.test\")", "+1", "-1+2", "@SUM(A1)"] {
            let line = csv_line(&[formula.to_owned()]);
            assert!(line.starts_with("\"'") && line.ends_with("\"\r\n"), "{line}");
        }
        assert_eq!(csv_line(&["a\"b".into(), "c,d\n=1".into()]), "\"a\"\"b\",\"c,d\\u{a}=1\"\r\n");
    }
}
