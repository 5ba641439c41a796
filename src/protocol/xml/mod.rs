//! XML as this protocol needs it: read what a stranger sent, write what a strict client takes.
//!
//! [`text`] makes characters of bytes, `Reader` makes elements of characters, `Writer` makes characters of values.
//! What the reader lets through is well-formed in the sense of XML 1.0 and its namespaces, and within [`Limits`];
//! anything else is a [`Refusal`] that says where and why. It takes time in proportion to the text.
//!
//! Nothing here follows a reference out of the document: a document type declaration is refused, so that there are no
//! entities to expand and nothing to fetch. Nothing here knows what the elements mean.

mod attribute;
mod canonical;
mod character;
mod content;
mod encoding;
mod open;
mod reader;
mod refusal;
mod writer;

pub(crate) use canonical::{Canonical, Namespaces, Tag};
pub use encoding::text;
pub(crate) use reader::{Event, Reader};
pub(crate) use refusal::clip;
pub use refusal::{Reason, Refusal};
pub(crate) use writer::{Count, Sink, Writer};

/// Bounds on what a reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole body, as it was received.
    pub bytes: usize,
    /// Levels of nesting. More than 128 are never accepted, whatever stands here: readers recurse.
    pub depth: usize,
    /// Elements in a whole body.
    pub elements: usize,
    /// Attributes and namespace declarations on one element; also the prefixes that may be declared at any one place.
    pub attributes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 2 * 1024 * 1024, depth: 32, elements: 50_000, attributes: 32 }
    }
}
