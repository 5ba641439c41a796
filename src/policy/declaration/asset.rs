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
