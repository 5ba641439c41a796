//! What was measured, as a table.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, TableComponent, presets::UTF8_HORIZONTAL_ONLY};
use serde::Serialize;

use super::asking::Answers;

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(in crate::cli::bench) struct Report {
    database: &'static str,
    questions: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statements: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scans: Vec<Scan>,
    bound_ms: Option<u32>,
}

/// A question to the database that looks through a whole table.
#[derive(Debug, Serialize)]
pub(in crate::cli::bench) struct Scan {
    pub(super) sql: String,
    pub(super) plan: Vec<String>,
}

/// One question.
#[derive(Debug, Serialize)]
struct Line {
    question: String,
    status: u16,
    times: usize,
    p50_ms: f64,
    p95_ms: f64,
    max_ms: f64,
    bytes: usize,
    /// It reads everything that there is, because that is what it is for.
    whole: bool,
    met: bool,
}

impl Report {
    pub(in crate::cli::bench) fn new(
        database: &'static str,
        answers: Vec<Answers>,
        scans: Option<(usize, Vec<Scan>)>,
        bound: Option<u32>,
    ) -> Self {
        let (statements, scans) = scans.map_or((None, Vec::new()), |(count, scans)| (Some(count), scans));
        let questions = answers.into_iter().map(|answers| line(answers, bound)).collect();
        Self { database, questions, statements, scans, bound_ms: bound }
    }

    /// Whether every answer was one, in time, and without a look through a table.
    pub(in crate::cli::bench) fn all_met(&self) -> bool {
        self.scans.is_empty() && self.questions.iter().all(|line| line.met)
    }

    pub(in crate::cli::bench) fn text(&self) -> String {
        let mut table = Table::new();
        table.load_preset(UTF8_HORIZONTAL_ONLY);
        table.remove_style(TableComponent::HorizontalLines);
        table.set_header(["question", "status", "p50", "p95", "max", "bytes", ""]);
        for line in &self.questions {
            let millis = |millis: f64| format!("{millis:.1} ms");
            let mark = match (line.met, line.whole) {
                (false, _) => "✗",
                (true, true) => "reads all",
                (true, false) => "",
            };
            table.add_row([
                line.question.clone(),
                line.status.to_string(),
                millis(line.p50_ms),
                millis(line.p95_ms),
                millis(line.max_ms),
                line.bytes.to_string(),
                mark.to_owned(),
            ]);
        }
        for column in table.column_iter_mut().skip(1).take(5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut text = format!("{}\n{table}", self.database);
        if let Some(statements) = self.statements {
            // Writing to a text does not fail.
            let _ = write!(text, "\n{statements} statements, {} of which look through a whole table", self.scans.len());
        }
        for scan in &self.scans {
            let _ = write!(text, "\n\n{}\n  {}", scan.sql, scan.plan.join("\n  "));
        }
        text
    }
}

fn line(answers: Answers, bound: Option<u32>) -> Line {
    let Answers { question, status, mut took, bytes, is_bounded } = answers;
    took.sort_unstable();
    let times = took.len();
    let at = |percent: usize| took.get((times * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    let millis = |took: Duration| took.as_secs_f64() * 1000.0;
    let p95_ms = millis(at(95));
    let in_time = !is_bounded || bound.is_none_or(|bound| p95_ms <= f64::from(bound));
    Line {
        question,
        status,
        times,
        p50_ms: millis(at(50)),
        p95_ms,
        max_ms: millis(at(100)),
        bytes,
        whole: !is_bounded,
        met: in_time && matches!(status, 200 | 204),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(status: u16, millis: impl Iterator<Item = u64>, is_bounded: bool) -> Answers {
        Answers {
            question: "/".to_owned(),
            status,
            took: millis.map(Duration::from_millis).collect(),
            bytes: 1,
            is_bounded,
        }
    }

    #[test]
    fn a_bound_is_held_by_all_but_one_in_twenty() {
        let measured = line(answers(200, (1..=100).rev(), true), Some(95));
        assert!((measured.p50_ms - 50.0).abs() < 0.01 && (measured.p95_ms - 95.0).abs() < 0.01, "{measured:?}");
        assert!((measured.max_ms - 100.0).abs() < 0.01 && measured.met);
        assert!(!line(answers(200, 1..=100, true), Some(94)).met);
        assert!(line(answers(200, 1..=100, false), Some(94)).met);
        assert!(!line(answers(404, 1..=1, true), None).met);
        let report = Report::new("SQLite", vec![answers(500, 1..=1, true)], None, None);
        assert!(!report.all_met() && report.text().contains('✗'));
    }
}
