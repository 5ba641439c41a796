//! One door for both encodings: XML text and WBXML.

use super::Message;
use crate::xml::{Limits, Refusal};

/// How a message is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/vnd.syncml.dm+xml`.
    Xml,
    /// `application/vnd.syncml.dm+wbxml`.
    Wbxml,
}

/// A message together with the XML text that it was read from (for WBXML the text that it stands for).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The message.
    pub message: Message,
    /// Its text, for the journal.
    pub text: String,
}

impl Encoding {
    /// The encoding that a `Content-Type` names, parameters ignored; `None` for anything else.
    pub fn from_content_type(value: &str) -> Option<Self> {
        let media_type = value.split(';').next().unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case(Self::Xml.content_type()) {
            Some(Self::Xml)
        } else if media_type.eq_ignore_ascii_case(Self::Wbxml.content_type()) {
            Some(Self::Wbxml)
        } else {
            None
        }
    }

    /// The media type of a reply in this encoding.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Xml => "application/vnd.syncml.dm+xml",
            Self::Wbxml => "application/vnd.syncml.dm+wbxml",
        }
    }

    /// The word that the journal uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Wbxml => "wbxml",
        }
    }
}

/// Reads a body.
pub fn decode(encoding: Encoding, body: &[u8], limits: &Limits) -> Result<Decoded, Refusal> {
    let text = match encoding {
        Encoding::Xml => crate::xml::text(body, limits)?,
        Encoding::Wbxml => super::wbxml::to_xml(body, limits)?,
    };
    let message = super::read::read(&text, limits)?;
    Ok(Decoded { message, text })
}

/// Writes a body.
pub fn encode(encoding: Encoding, message: &Message) -> Vec<u8> {
    match encoding {
        Encoding::Xml => super::write::write(message).into_bytes(),
        Encoding::Wbxml => super::wbxml::encode(message),
    }
}

#[cfg(test)]
mod tests;
