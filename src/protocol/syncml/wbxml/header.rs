//! What stands before the first tag (WBXML 1.3, 5.3 to 5.7).

use super::cursor::{Cursor, table_string};
use super::tables::DocumentType;

/// The header of a document, understood.
pub(super) struct Header<'a> {
    pub(super) document_type: DocumentType,
    /// The string table.
    pub(super) strings: &'a [u8],
}

/// Versions 1.1, 1.2 and 1.3, as they are written.
const VERSIONS: std::ops::RangeInclusive<u8> = 0x01..=0x03;

/// Charsets by their IANA `MIBenum` that are UTF-8 or a part of it: none given, US-ASCII, UTF-8.
const CHARSETS: [u32; 3] = [0, 3, 106];

impl<'a> Header<'a> {
    /// Reads a header and leaves the cursor at the first token of the body.
    pub(super) fn read(input: &mut Cursor<'a>) -> Result<Self, String> {
        let version = input.byte()?;
        if !VERSIONS.contains(&version) {
            return Err(format!("WBXML version {}.{} is not known", (version >> 4) + 1, version & 0x0F));
        }
        let public_id = input.number()?;
        let name_index = if public_id == 0 { Some(input.number()?) } else { None };
        let charset = input.number()?;
        if !CHARSETS.contains(&charset) {
            return Err(format!("charset {charset} is not UTF-8"));
        }
        let length = input.number()?;
        let strings = input.take(length)?;
        let document_type = match name_index {
            Some(index) => {
                let name = String::from_utf8_lossy(table_string(strings, index)?);
                DocumentType::from_formal_public_id(&name)
            }
            None => DocumentType::from_public_id(public_id),
        };
        let document_type = document_type.ok_or("the document type is not one of SyncML, MetInf, DevInf or DDF")?;
        Ok(Self { document_type, strings })
    }
}
