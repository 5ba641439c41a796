//! How things are written on pages: what devices said, made visible; sizes, durations and times for people.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::{Timestamp, rfc3339_text};

/// Characters of a value that are shown at once.
const HEAD: usize = 100;

/// Characters of a prose that are shown where its beginning is enough.
const EXCERPT: usize = 160;

/// Characters of a value that can be unfolded on a page; exports have all.
const FOLDED: usize = 20_000;

/// What may stand in a part of a path or a query as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A value that may be long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// What is shown at once.
    pub head: String,
    /// All of it, or as much as a page shows, where there is more than the head.
    pub whole: Option<String>,
    /// Characters that are not on the page.
    pub left_out: usize,
    /// Characters of the whole value.
    pub len: usize,
}

impl Folded {
    /// A value as a page shows it.
    pub fn new(text: &str) -> Self {
        Self::within(text, FOLDED)
    }

    /// All of a value, for a file.
    pub fn all(text: &str) -> Self {
        Self::within(text, usize::MAX)
    }

    fn within(text: &str, most: usize) -> Self {
        let len = text.chars().count();
        if len <= HEAD && !text.contains('\n') {
            return Self { head: visible(text), whole: None, left_out: 0, len };
        }
        let head: String = text.chars().take(HEAD).take_while(|c| *c != '\n').collect();
        let whole: String = text.chars().take(most).collect();
        Self { head: visible(&head), whole: Some(visible_lines(&whole)), left_out: len.saturating_sub(most), len }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The beginning of a prose on one line, cut between words, with a sign that there is more.
pub fn excerpt(text: &str) -> String {
    let mut shown = String::new();
    let mut letters = 0;
    for word in text.split_whitespace() {
        let more = word.chars().count();
        if letters > 0 && letters + 1 + more > EXCERPT {
            shown.push_str(" …");
            break;
        }
        if letters > 0 {
            shown.push(' ');
            letters += 1;
        }
        if more > EXCERPT {
            shown.extend(word.chars().take(EXCERPT));
            shown.push('…');
            break;
        }
        shown.push_str(word);
        letters += more;
    }
    visible(&shown)
}

/// A text on one line: characters that can't be seen, or that turn others around, are written out.
pub fn visible(text: &str) -> String {
    written_out(text, |_| false)
}

/// The same, with the ends of its lines.
pub fn visible_lines(text: &str) -> String {
    written_out(&text.replace("\r\n", "\n"), |c| c == '\n' || c == '\t')
}

fn written_out(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if (c.is_control() && !stays(c)) || turns(c) {
            // Writing to a String does not fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Marks of direction, what has no width, and what makes lines end where nobody sees it.
const fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A part of an address.
pub fn part(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// So many of something.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number of bytes.
pub fn size(bytes: i64) -> String {
    match u64::try_from(bytes).unwrap_or(0) {
        bytes @ 0..=1023 => format!("{bytes} B"),
        bytes @ 1024..=1_048_575 => format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024),
        bytes => format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// A number of microseconds.
pub fn micros(micros: i64) -> String {
    match micros.max(0) {
        micros @ 0..=999 => format!("{micros} µs"),
        micros @ 1000..=999_999 => format!("{} ms", micros / 1000),
        micros => span(micros / 1000),
    }
}

/// A span of time, in milliseconds.
pub fn span(millis: i64) -> String {
    let seconds = millis / 1000;
    match millis.max(0) {
        0..=999 => format!("{} ms", millis.max(0)),
        1000..=59_999 => format!("{seconds}.{} s", millis % 1000 / 100),
        60_000..=3_599_999 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600_000..=172_799_999 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// How long ago something was, in one unit.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    let minutes = now.millis_since(at).max(0) / 60_000;
    match minutes {
        0 => "now".to_owned(),
        1..60 => format!("{minutes} min ago"),
        60..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}

/// A time for a machine.
pub fn machine_time(time: Timestamp) -> String {
    rfc3339_text(time)
}

/// A time in UTC, to the second.
pub fn utc(time: Timestamp) -> String {
    let text = rfc3339_text(time);
    match (text.get(..10), text.get(11..19)) {
        (Some(date), Some(clock)) => format!("{date} {clock} UTC"),
        _ => text,
    }
}

/// What templates call.
pub(super) mod filters {
    #![expect(
        unreachable_pub,
        clippy::inline_always,
        clippy::trivially_copy_pass_by_ref,
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the macro makes what it makes so, and askama wants a result of every filter"
    )]

    use std::fmt::Display;

    use askama::filters::Safe;
    use askama::{Result, Values, filter_fn};

    use super::Timestamp;

    /// A text of a device or a person, on one line.
    #[filter_fn]
    pub(in crate::ui) fn shown(text: impl Display, _: &dyn Values) -> Result<String> {
        Ok(super::visible(&text.to_string()))
    }

    /// A part of an address.
    #[filter_fn]
    pub(in crate::ui) fn part(text: impl Display, _: &dyn Values) -> Result<String> {
        Ok(super::part(&text.to_string()))
    }

    /// A time: UTC in the page, the reader's own where a script can tell it.
    #[filter_fn]
    pub(in crate::ui) fn when(time: &Timestamp, _: &dyn Values) -> Result<Safe<String>> {
        let (machine, utc) = (super::machine_time(*time), super::utc(*time));
        Ok(Safe(format!("<time datetime=\"{machine}\">{utc}</time>")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_written_out() {
        assert_eq!(visible("a\u{202e}b\u{1b}[2J\r\nc"), "a\\u{202e}b\\u{1b}[2J\\u{d}\\u{a}c");
        assert_eq!(visible_lines("a\r\nb\tc\u{0}"), "a\nb\tc\\u{0}");
        assert_eq!(visible("Büro 中文 🖥"), "Büro 中文 🖥");
    }

    #[test]
    fn a_large_value_is_folded_and_bounded() {
        let short = Folded::new("12");
        assert_eq!((short.head.as_str(), short.whole), ("12", None));
        let long = Folded::new(&"x".repeat(1_000_000));
        assert_eq!((long.head.len(), long.whole.unwrap().len(), long.left_out), (HEAD, FOLDED, 1_000_000 - FOLDED));
        let all = Folded::all(&"x".repeat(1_000_000));
        assert_eq!((all.head.len(), all.whole.unwrap().len(), all.left_out), (HEAD, 1_000_000, 0));
        let lines = Folded::new("one\ntwo");
        assert_eq!((lines.head.as_str(), lines.whole.as_deref()), ("one", Some("one\ntwo")));
    }

    #[test]
    fn a_prose_is_cut_between_words_and_says_so() {
        assert_eq!(excerpt("WLAN schema.\n Link\tto it"), "WLAN schema. Link to it");
        let long = excerpt(&"word ".repeat(100));
        assert!(long.ends_with("word …") && long.chars().count() <= EXCERPT + 2, "{long}");
        let one = excerpt(&"x".repeat(1000));
        assert!(one.ends_with("x…") && one.chars().count() == EXCERPT + 1, "{one}");
        assert_eq!((excerpt(""), excerpt("a\u{202e}b")), (String::new(), "a\\u{202e}b".to_owned()));
    }

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([size(12), size(2048), size(1_572_864)], ["12 B", "2.0 KiB", "1.5 MiB"]);
        assert_eq!([micros(12), micros(1500), span(1250), span(90_000)], ["12 µs", "1 ms", "1.2 s", "1 min 30 s"]);
        assert_eq!(utc(Timestamp(1_800_000_000_123)), "2027-01-15 08:00:00 UTC");
        assert_eq!(part("a/b c?<"), "a%2Fb%20c%3F%3C");
    }
}
