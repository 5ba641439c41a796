//! Secrets that stand in a value in clear.

use transom_protocol::syncml::redact::redact_value;

/// How a reference to an asset begins.
const REFERENCE: &str = "${asset.";

/// Whether a text has a secret in it that would stand in a file: what the check of declarations would find. Where secrets
/// stand as assets already, all others are looked for one by one: what stands around one is none (the kind of a key).
pub(super) fn is_in(text: &str) -> bool {
    let bare = without_assets(text);
    if bare == text {
        return is_redacted(text);
    }
    let elements = bare.replace("&lt;", "<").replace("&gt;", ">");
    elements.split('<').skip(1).filter_map(alone).any(|element| is_redacted(&element))
}

fn is_redacted(text: &str) -> bool {
    // An address that is none of a secret: what counts is what stands in the text.
    redact_value("./X", text) != text
}

/// An element with its own text, from behind its first bracket to the next one.
fn alone(piece: &str) -> Option<String> {
    let (tag, text) = piece.split_once('>')?;
    let name =
        tag.split(|letter: char| letter.is_whitespace() || letter == '/').next().filter(|name| !name.is_empty())?;
    let text = text.trim();
    Some(if tag.ends_with('/') { format!("<{tag}>") } else { format!("<{tag}>{text}</{name}>") })
}

/// A text without what stands in it for assets.
pub(super) fn without_assets(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(REFERENCE) {
        bare.push_str(before);
        rest = if let Some((_, behind)) = from.split_once('}') {
            behind
        } else {
            bare.push_str(REFERENCE);
            from
        };
    }
    bare.push_str(rest);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_no_secret_and_a_passphrase_beside_it_is_one() {
        assert!(is_in("<a><keyMaterial>hunter22</keyMaterial></a>"));
        assert!(!is_in("<a><keyMaterial>${asset.wifi}</keyMaterial></a>"));
        assert!(is_in("<a><keyMaterial>${asset.wifi}</keyMaterial><password>x</password></a>"));
        let shared = |key: &str, also: &str| {
            format!(
                "<sharedKey>\n <keyType>passPhrase</keyType>\n <keyMaterial>{key}</keyMaterial>{also}\n</sharedKey>"
            )
        };
        assert!(!is_in(&shared("${asset.wifi}", "")) && is_in(&shared("hunter22", "")));
        for also in [
            "<keyMaterial>x</keyMaterial>",
            "<parm name=\"AAUTHSECRET\" value=\"x\"/>",
            "&lt;password&gt;x&lt;/password&gt;",
        ] {
            assert!(is_in(&shared("${asset.wifi}", also)), "{also}");
        }
        assert!(!is_in("<a>${asset.open</a>"));
    }
}
