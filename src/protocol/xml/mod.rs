//! Reading XML that a stranger sent: limits, and refusals that say where and why.

/// Bounds on what a reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole body.
    pub bytes: usize,
    /// Levels of nesting.
    pub depth: usize,
    /// Elements in a whole body.
    pub elements: usize,
    /// Attributes and namespace declarations on one element.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024, depth: 32, elements: 50_000, attributes: 32 }
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset} in {path}")]
pub struct Refusal {
    /// Path of the element that was open, such as `SyncML/SyncBody/Alert`; `/` before the root.
    pub path: String,
    /// Byte offset into the text.
    pub offset: usize,
    /// What was wrong.
    pub reason: Reason,
}

/// What was wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// More bytes than [`Limits::bytes`].
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Placeholder for the reader's own reasons.
    #[error("{0}")]
    Malformed(String),
}

/// A body as UTF-8 text: byte order marks and UTF-16 are decoded, a UTF-16 label on UTF-8 bytes is ignored.
pub fn text(_body: &[u8], _limits: &Limits) -> Result<String, Refusal> {
    todo!()
}
