//! What was found: right or wrong, why, and what to do.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::shown::{count, line};

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It can be like that, but one should know.
    Warning,
    /// No device, or not every one, will get through.
    Failed,
    /// Could not be looked at.
    Skipped,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) subject: String,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

/// Everything that was found; what `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) host: String,
    pub(super) domain: Option<String>,
    pub(super) succeeded: bool,
    pub(super) findings: Vec<Finding>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Ok, found)
    }

    pub(super) fn skipped(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Skipped, found)
    }

    pub(super) fn warning(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Warning, found)
    }

    pub(super) fn failed(check: &'static str, subject: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Failed, found)
    }

    fn new(check: &'static str, subject: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { check, subject: subject.into(), verdict, found: found.into(), cause: None, remedy: None }
    }

    /// Why it is so, and what helps.
    pub(super) fn because(mut self, cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self.remedy = Some(remedy.into());
        self
    }
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "WARNING",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

impl Report {
    pub(super) fn new(host: String, domain: Option<String>, findings: Vec<Finding>) -> Self {
        let succeeded = findings.iter().all(|finding| finding.verdict != Verdict::Failed);
        Self { host, domain, succeeded, findings }
    }

    pub(super) fn number_of(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    // Writing to a String does not fail.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let (verdict, check, subject) = (finding.verdict.word(), finding.check, line(&finding.subject));
            let _ = writeln!(text, "{verdict:<8} {check:<12} {subject}: {}", line(&finding.found));
            for (label, more) in [("cause", &finding.cause), ("remedy", &finding.remedy)] {
                if let Some(more) = more {
                    let _ = writeln!(text, "{:<22}{label}: {}", "", line(more));
                }
            }
        }
        let warnings = count(self.number_of(Verdict::Warning), "warning");
        let end = if self.succeeded { "Devices can enroll here" } else { "Devices can't enroll here yet" };
        let _ = write!(text, "\n{end}: {} failed, {warnings}.", count(self.number_of(Verdict::Failed), "check"));
        text
    }
}
