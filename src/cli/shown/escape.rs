//! What devices and servers say must not command the terminal that shows it.

use std::fmt::Write as _;

/// The text on one line, with everything escaped that is not seen, or that changes how the rest is seen.
pub(in crate::cli) fn line(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same for text that may have several lines.
pub(in crate::cli) fn lines(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

/// The text on one line, cut to so many characters; where it is cut it says how long it was.
pub(in crate::cli) fn short(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return line(text);
    }
    let beginning: String = text.chars().take(longest).collect();
    format!("{}… ({length} characters)", line(&beginning))
}

/// The same document with what a terminal would obey in the escapes of JSON. Outside of texts there is nothing of it.
pub(in crate::cli) fn json(document: &str) -> String {
    let mut shown = String::with_capacity(document.len());
    for character in document.chars() {
        if character != '\n' && is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

fn escaped(text: &str, passes: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' if passes(character) => shown.push(character),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ if is_unseen(character) => {
                // Writing to a String does not fail.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// Controls (ESC and the C1 ones begin commands to terminals), what turns the direction of writing, what breaks lines,
/// and what has no width.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_obey() {
        let hostile = "PC\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\r\nlevel=ERROR\u{202e}cod.exe\u{200b}\u{7f}\0";
        let shown = line(hostile);
        assert_eq!(
            shown,
            "PC\\u{1b}]0;owned\\u{7}\\u{1b}[2J\\u{9b}31m\\r\\nlevel=ERROR\\u{202e}cod.exe\\u{200b}\\u{7f}\\u{0}"
        );
        assert!(!shown.chars().any(char::is_control));
    }

    #[test]
    fn text_of_several_lines_keeps_them_and_nothing_else() {
        assert_eq!(lines("<a>\n\t<b/>\u{1b}\r\n"), "<a>\n\t<b/>\\u{1b}\\r\n");
    }

    #[test]
    fn a_document_says_the_same_in_escapes() {
        let value = serde_json::json!({"name": "a\u{1b}\u{9b}31m\u{202e}\u{e0041}\u{7f}\n\"b\" ü🦀"});
        let shown = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!shown.chars().any(|character| character != '\n' && is_unseen(character)), "{shown}");
        assert!(shown.contains("ü🦀"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn plain_text_of_any_language_stays_as_it_is() {
        for text in ["", "ünïcödé", "漢字", "שלום", "🦀", "C:\\Windows\\\"x\""] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn what_is_cut_says_how_long_it_was() {
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("äbcdefg", 3), "äbc… (7 characters)");
        assert_eq!(short("\u{1b}\u{1b}\u{1b}", 2), "\\u{1b}\\u{1b}… (3 characters)");
    }
}
