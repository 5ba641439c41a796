//! How what was read is kept: as JSON, compressed.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of a document that is read back, at most. The largest release takes 4 MB.
const MAX_DOCUMENT: u64 = 512 * 1024 * 1024;

/// A document that can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of the catalogue can't be read: {0}")]
pub struct DocumentError(String);

/// The bytes of a document.
pub(super) fn pack(document: &impl Serialize, level: Compression) -> Result<Vec<u8>, DocumentError> {
    let wrong = |error: &dyn std::fmt::Display| DocumentError(error.to_string());
    let mut encoder = GzEncoder::new(Vec::new(), level);
    serde_json::to_writer(&mut encoder, document).map_err(|error| wrong(&error))?;
    encoder.flush().map_err(|error| wrong(&error))?;
    encoder.finish().map_err(|error| wrong(&error))
}

/// A document of its bytes.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DocumentError> {
    let wrong = |error: &dyn std::fmt::Display| DocumentError(error.to_string());
    let mut text = Vec::new();
    GzDecoder::new(bytes).take(MAX_DOCUMENT).read_to_end(&mut text).map_err(|error| wrong(&error))?;
    serde_json::from_slice(&text).map_err(|error| wrong(&error))
}
