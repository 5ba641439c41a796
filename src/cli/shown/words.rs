//! Times, numbers and tables.

use comfy_table::{ContentArrangement, Table, TableComponent, presets::NOTHING};
use transom_protocol::session::Timestamp;

use crate::model::rfc3339_text;

/// Blanks behind a column, and one more before the next.
const GAP: u16 = 2;

/// A time to the second, in UTC.
pub(in crate::cli) fn time(at: Timestamp) -> String {
    let text = rfc3339_text(at);
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {}Z", clock.split('.').next().unwrap_or_default())
}

/// The time of day to the millisecond, in UTC.
pub(in crate::cli) fn time_of_day(at: Timestamp) -> String {
    let text = rfc3339_text(at);
    text.split_once('T').map_or_else(|| text.clone(), |(_, clock)| clock.trim_end_matches('Z').to_owned())
}

/// A number with its noun.
pub(in crate::cli) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A table; its cells are escaped already. Empty without rows.
pub(in crate::cli) fn table<R: IntoIterator<Item = String>>(
    head: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(head);
    for under_head in [TableComponent::HeaderLines, TableComponent::MiddleHeaderIntersections] {
        table.set_style(under_head, '─');
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    if table.is_empty() { String::new() } else { ends(&table.to_string()) }
}

/// The lines without blanks at their ends.
fn ends(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc() {
        let at = Timestamp(1_800_000_000_125);
        assert_eq!(time(at), "2027-01-15 08:00:00Z");
        assert_eq!(time_of_day(at), "08:00:00.125");
    }

    #[test]
    fn numbers_have_their_noun() {
        assert_eq!((count(1, "device"), count(0, "device")), ("1 device".to_owned(), "0 devices".to_owned()));
    }

    #[test]
    fn a_table_has_a_head_and_no_blanks_at_the_ends() {
        let rows = [["1", "x"], ["2", "yz"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&["ID", "NAME"], rows), "ID   NAME\n───────────\n1    x\n2    yz");
        assert_eq!(table(&["ID"], Vec::<[String; 1]>::new()), "");
    }
}
