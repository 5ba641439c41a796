//! Assets: what settings refer to, so that it can change alone.

use super::Identifier;

/// Something that settings refer to: a certificate, a profile, a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// What it is for.
    pub description: Option<String>,
    /// What it is.
    pub content: Content,
}

/// What an asset is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// Bytes, as base64 text.
    Base64(String),
    /// A file beside the declaration; it is read where the declaration is checked or applied.
    File(String),
    /// A secret: its value is never in a file, the server is given it by itself.
    Secret,
}

impl Content {
    /// Whether the server alone knows its value.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret)
    }

    /// The same content, read from the file that it names.
    #[must_use]
    pub fn of_file(bytes: Vec<u8>) -> Self {
        use base64::Engine as _;
        match String::from_utf8(bytes) {
            // The mark that some editors put before a text is no part of it.
            Ok(text) => Self::Text(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned)),
            Err(error) => Self::Base64(base64::engine::general_purpose::STANDARD.encode(error.into_bytes())),
        }
    }
}

/// A text as the bytes of a node: base64 however its lines are broken, what stands in PEM, or else the text itself.
pub(super) fn packed(text: String) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let dense = |text: &str| {
        // Words with blanks between them may look like base64 without these: only lines are joined.
        let dense: String = text.lines().map(str::trim).collect();
        (!dense.is_empty() && STANDARD.decode(&dense).is_ok()).then_some(dense)
    };
    if let Some(bytes) = dense(&text) {
        return bytes;
    }
    match text.matches(PEM_BEGIN).count() {
        0 => STANDARD.encode(text),
        // What is in it is no base64, or it is encrypted: whoever checks it says so.
        1 => pem(&text).and_then(dense).unwrap_or(text),
        // Nobody knows which of several is meant.
        _ => text,
    }
}

/// How something in PEM begins.
const PEM_BEGIN: &str = "-----BEGIN ";

/// What stands between the lines that begin and end PEM.
fn pem(text: &str) -> Option<&str> {
    let (_, after) = text.split_once(PEM_BEGIN)?;
    let (_, after) = after.split_once("-----")?;
    after.split_once("-----END ").map(|(body, _)| body)
}

/// What assets hold, for whoever puts their content into settings.
pub trait Assets {
    /// The content of an asset. A secret comes as text.
    fn content(&self, asset: &Identifier) -> Option<Content>;
}

impl<F: Fn(&Identifier) -> Option<Content>> Assets for F {
    fn content(&self, asset: &Identifier) -> Option<Content> {
        self(asset)
    }
}

#[cfg(test)]
mod tests {
    use super::packed;

    #[test]
    fn bytes_are_packed_once() {
        let of = |text: &str| packed(text.to_owned());
        assert_eq!(of("MIIB\r\nAgME\n"), "MIIBAgME");
        let pem = "Bag Attributes\n-----BEGIN CERTIFICATE-----\nMIIB\nAgME\n-----END CERTIFICATE-----\n";
        assert_eq!(of(pem), "MIIBAgME");
        assert_eq!(of("no base64"), "bm8gYmFzZTY0");
        // What can't be told is left for the check to refuse.
        let two = format!("{pem}{pem}");
        assert_eq!(of(&two), two);
        let encrypted =
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n-----END RSA PRIVATE KEY-----";
        assert_eq!(of(encrypted), encrypted);
    }
}
