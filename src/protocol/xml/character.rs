//! Which characters XML allows, and where (XML 1.0 fifth edition, 2.2, 2.3, 4.1; Namespaces in XML 1.0, 4).

use super::Reason;

/// The four characters that XML calls white space.
pub(super) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether a character may stand in a document at all (production 2, `Char`).
pub(super) const fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{1_0000}'..)
}

/// Where the first character stands that may not stand in a document, and which it is.
///
/// It is looked for once and in the whole text, because the rule holds in names, comments and attributes alike.
pub(super) fn first_illegal(text: &str) -> Option<(usize, char)> {
    // In UTF-8 only bytes below 0x20 and three-byte characters that begin with 0xEF can be illegal.
    let suspicious = |byte: u8| matches!(byte, 0..0x09 | 0x0B | 0x0C | 0x0E..0x20 | 0xEF);
    for (number, chunk) in text.as_bytes().chunks(64).enumerate() {
        if !chunk.iter().fold(false, |found, &byte| found | suspicious(byte)) {
            continue;
        }
        for (at, &byte) in chunk.iter().enumerate() {
            let offset = 64 * number + at;
            if suspicious(byte)
                && let Some(character) = text.get(offset..).and_then(|rest| rest.chars().next())
                && !is_allowed(character)
            {
                return Some((offset, character));
            }
        }
    }
    None
}

/// Prefix (empty when there is none) and local part of a qualified name; `None` when it is not one.
pub(super) fn qualified(name: &str) -> Option<(&str, &str)> {
    // Nearly every name of a message.
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Some(("", name));
    }
    match name.split_once(':') {
        None => is_name(name).then_some(("", name)),
        Some((prefix, local)) => (is_name(prefix) && is_name(local)).then_some((prefix, local)),
    }
}

/// Whether a text is a name without a colon (`NCName`).
fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

const fn starts_name(character: char) -> bool {
    matches!(character,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{1_0000}'..='\u{E_FFFF}')
}

const fn continues_name(character: char) -> bool {
    starts_name(character)
        || matches!(character, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// What a reference stands for, given without `&` and `;`: one of XML's five entities or a character by number.
pub(super) fn resolve(reference: &str) -> Result<char, Reason> {
    let number = match reference {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => reference.strip_prefix('#').ok_or(Reason::Entity)?,
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` alone would take a sign.
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(Reason::Malformed("a character reference is not a number".to_owned()));
    }
    let number = u32::from_str_radix(digits, radix).unwrap_or(u32::MAX);
    char::from_u32(number).filter(|&character| is_allowed(character)).ok_or(Reason::Character(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn illegal_characters_are_found_anywhere() {
        assert_eq!(first_illegal("<a>\t\r\n\u{7F}\u{85}\u{FEFF}\u{F000}\u{FFFD}😀</a>"), None);
        for illegal in ['\0', '\u{1}', '\u{B}', '\u{C}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
            for before in [0, 1, 62, 63, 64, 200] {
                let text = format!("{}{illegal}\u{0}", "x".repeat(before));
                assert_eq!(first_illegal(&text), Some((before, illegal)));
            }
        }
    }

    #[test]
    fn names_have_at_most_one_prefix() {
        assert_eq!(qualified("SyncML"), Some(("", "SyncML")));
        assert_eq!(qualified("msft:original-error.1"), Some(("msft", "original-error.1")));
        for wrong in ["", ":", "a:", ":a", "a:b:c", "1a", "-a", "a/", "a<b", "a&b", "a b", "a:1", "a\""] {
            assert_eq!(qualified(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn references_are_five_names_and_legal_numbers() {
        assert_eq!(resolve("amp"), Ok('&'));
        assert_eq!(resolve("#xF000"), Ok('\u{F000}'));
        assert_eq!(resolve("#13"), Ok('\r'));
        assert_eq!(resolve("#x1f600"), Ok('😀'));
        assert_eq!(resolve("nbsp"), Err(Reason::Entity));
        assert_eq!(resolve(""), Err(Reason::Entity));
        assert_eq!(resolve("#0"), Err(Reason::Character(0)));
        assert_eq!(resolve("#xD800"), Err(Reason::Character(0xD800)));
        assert_eq!(resolve("#xFFFE"), Err(Reason::Character(0xFFFE)));
        assert_eq!(resolve("#x99999999999"), Err(Reason::Character(u32::MAX)));
        for wrong in ["#", "#x", "#X41", "#+65", "#x-1", "#6 5", "#1a"] {
            assert!(matches!(resolve(wrong), Err(Reason::Malformed(_))), "{wrong}");
        }
    }
}
