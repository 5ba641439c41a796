//! WBXML, the binary form of a `SyncML` message (WBXML 1.3, OMA `SyncML` `RepPro` 7, MS-MDM 2.1).
//!
//! A WBXML body stands for an XML text. [`to_xml`] gives that text, so that one reader understands both forms and
//! the journal shows both alike; [`encode`] writes a message directly. Neither knows what a command means, and
//! neither follows anything that a body points to.
//!
//! # Binary values
//!
//! What `Format` says is not what a sender does with `OPAQUE`: the `OMA` texts have raw bytes under `bin` and
//! base64 text under `b64`, many clients write any string as `OPAQUE`, and libwbxml hands `OPAQUE` on as it is.
//! The XML form knows base64 text only. So this decoder reads the content of `Data`, with the `Format` that holds
//! for it (its own item's, else its command's), as follows:
//!
//! | written as | `bin` | `b64` | any other format, or none |
//! |---|---|---|---|
//! | `STR_I`, `STR_T`, `ENTITY` | the text | the text | the text |
//! | `OPAQUE` | base64 of the bytes | the text if it is base64 already, else base64 of the bytes | the text if it is UTF-8 that XML can carry, else base64 of the bytes |
//!
//! The encoder keeps to the first row under `bin` and `b64`: it writes the base64 text of the message as `STR_I`.
//! What we send is therefore read as the same base64 text, here and by a client that treats `OPAQUE` as raw bytes;
//! nothing is encoded twice. Where no format asks for base64 and the bytes are no text, the base64 is all that XML
//! can show of them; the message then does not say that it is base64.
//!
//! # What is left out
//!
//! `SyncML` has no attributes, processing instructions or extension tokens: they are refused. The attribute
//! `msft:originalerror` has no WBXML form, so [`encode`] leaves it out (only devices write it).

mod content;
mod cursor;
mod decode;
mod encode;
mod header;
mod tables;
mod tag;
mod token;

#[cfg(test)]
mod against_libwbxml;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod vectors;

pub use content::is_xml_character;

use super::Message;
use crate::xml::{Limits, Refusal};

/// The XML text that a WBXML body stands for: versions 1.1 to 1.3, `SyncML` 1.0 to 1.2 with `MetInf`, `DevInf` and
/// DDF content.
///
/// [`Limits::bytes`] bounds the body and also the text, so that references into the string table can't make much
/// out of little. The text is well-formed XML without a declaration; children of `Meta` carry
/// `xmlns="syncml:metinf"`.
pub fn to_xml(body: &[u8], limits: &Limits) -> Result<String, Refusal> {
    decode::document(body, limits)
}

/// Writes a message as WBXML 1.2, public identifier `SyncML` 1.2, UTF-8, without a string table, the children in
/// the order of the DTD.
pub fn encode(message: &Message) -> Vec<u8> {
    encode::message(message)
}
