//! Whether a text is a document. What a document may begin with, and no device asks for, is no part of the question: a byte
//! order mark, blanks, `<?xml …?>`, comments, a document type.

use transom_protocol::csp::check::is_xml;

/// Whether a text is a document of XML, whole and well-formed.
pub(in crate::policy) fn is_document(text: &str) -> bool {
    let body = body(text);
    body.starts_with('<') && is_xml(body)
}

/// Whether a text is to be read as XML, be it well-formed or not: what is put into it is escaped then. Where this said no
/// of a document that somebody reads less strictly, a value could become markup.
pub(super) fn is_markup(text: &str) -> bool {
    trimmed(text).starts_with('<') && (ends_elements(text) || is_document(text))
}

/// Whether there is a tag that ends an element. `<https://intranet/>` is none: no name ends with a colon.
fn ends_elements(text: &str) -> bool {
    let is_empty_element = |tag: &str| {
        let name = tag.split(|letter: char| letter.is_whitespace() || "/>".contains(letter)).next().unwrap_or_default();
        let fits = |letter: char| letter.is_alphanumeric() || "_-.:".contains(letter);
        let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_') && name.chars().all(fits);
        is_name && !name.ends_with(':') && tag.contains("/>")
    };
    text.contains("</") || text.split('<').skip(1).any(is_empty_element)
}

/// A document from its first element on.
fn body(text: &str) -> &str {
    let mut text = trimmed(text);
    while let Some(rest) = behind_prolog(text) {
        text = trimmed(rest);
    }
    text
}

/// What stands behind the declaration, comment or document type with which a text begins.
fn behind_prolog(text: &str) -> Option<&str> {
    if text.starts_with("<?") {
        return Some(text.split_once("?>")?.1);
    }
    if let Some(comment) = text.strip_prefix("<!--") {
        return Some(comment.split_once("-->")?.1);
    }
    let is_type = text.get(.."<!DOCTYPE".len()).is_some_and(|begin| begin.eq_ignore_ascii_case("<!DOCTYPE"));
    if !is_type {
        return None;
    }
    match text.find(['[', '>'])? {
        at if text[at..].starts_with('[') => {
            // What it declares goes on to the bracket.
            let (_, rest) = text[at..].split_once(']')?;
            rest.trim_start().strip_prefix('>')
        }
        at => text.get(at + 1..),
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_known_whatever_they_begin_with() {
        for document in [
            "<a/>",
            "\n\u{feff} <?xml version=\"1.0\"?>\n<!-- c --><a b='1'>x</a>",
            "<!DOCTYPE a><a/>",
            "<!doctype a [<!ELEMENT a ANY>] >\n<a></a><b/>",
        ] {
            assert!(is_document(document) && is_markup(document), "{document}");
        }
        for other in ["", "hunter2", "<hunter2", "<hunter2>", "<!-- hunter2 -->", "<?hunter2?>", "<!DOCTYPE a", "x<a/>"]
        {
            assert!(!is_document(other) && !is_markup(other), "{other}");
        }
    }

    #[test]
    fn what_is_nearly_xml_is_escaped_as_xml() {
        for nearly in ["<p:a/>", "<p:a b='>'/>", "<a>&nbsp;</a>", "<a><b></a>", "<!DOCTYPE a [<!ENTITY b ']'>]><a></a>"]
        {
            assert!(is_markup(nearly) && !is_document(nearly), "{nearly}");
        }
        for plain in ["<https://a/><https://b/>", "<https://a/?b=1>", "< a />", "<x"] {
            assert!(!is_markup(plain), "{plain}");
        }
    }
}
