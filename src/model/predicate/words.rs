//! `and`, `or` and `not` as people write them, for `&&`, `||` and `!` of CEL.

/// The condition with signs for words; what stands in quotes is left alone. As long as it was, so that places stay.
pub(super) fn signs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' => quoted(rest, first),
            _ if is_of_name(first) => rest.find(|char| !is_of_name(char)).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (part, after) = rest.split_at(length);
        out.push_str(match part {
            "and" | "AND" => " &&",
            "or" | "OR" => "||",
            "not" | "NOT" => "  !",
            other => other,
        });
        rest = after;
    }
    out
}

const fn is_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '.')
}

/// How long the quoted text at the beginning is; all of it where the quote does not end.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return at + char.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_signs_outside_of_quotes() {
        assert_eq!(signs("a and b OR not c"), "a  && b ||   ! c");
        assert_eq!(signs("a == 'x and \\' or' and b"), "a == 'x and \\' or'  && b");
        assert_eq!(signs("band.or == \"not\""), "band.or == \"not\"");
        assert_eq!(signs("'open and"), "'open and");
        assert_eq!(signs("é and ü"), "é  && ü");
    }
}
