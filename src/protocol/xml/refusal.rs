//! Why a body was not read, and where.

use std::borrow::Cow;

/// Why a body was not read. It quotes names of elements, never their content: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {offset} in {path}")]
pub struct Refusal {
    /// Path of the element that was open, such as `SyncML/SyncBody/Alert[2]`; `/` before the root. Cut when it is long.
    pub path: String,
    /// Byte offset into the text; into the body while the text was still being decoded.
    pub offset: usize,
    /// What was wrong.
    pub reason: Reason,
}

/// What was wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// More bytes than [`Limits::bytes`](super::Limits::bytes).
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// Not well-formed, in a way that has no variant of its own.
    #[error("{0}")]
    Malformed(String),
    /// The bytes are not the characters that they claim to be; the encoding that was tried.
    #[error("the body is not valid {0}")]
    Encoding(&'static str),
    /// More levels than [`Limits::depth`](super::Limits::depth).
    #[error("elements are nested more than {0} deep")]
    TooDeep(usize),
    /// More elements than [`Limits::elements`](super::Limits::elements).
    #[error("there are more than {0} elements")]
    TooManyElements(usize),
    /// More commands and items than a reader keeps, whatever the limit of elements.
    #[error("there are more than {0} commands and items")]
    TooManyCommands(usize),
    /// More attributes than [`Limits::attributes`](super::Limits::attributes) on one element.
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    /// More prefixes than [`Limits::attributes`](super::Limits::attributes) in force at one place.
    #[error("more than {0} namespace prefixes are in force")]
    TooManyPrefixes(usize),
    /// `<!DOCTYPE`, whatever stands in it.
    #[error("a document type declaration is not accepted")]
    DocumentType,
    /// `<?…?>` other than the XML declaration at the very start.
    #[error("a processing instruction is not accepted")]
    ProcessingInstruction,
    /// A reference to anything but the five entities of XML itself.
    #[error("an entity is named that XML does not define")]
    Entity,
    /// A character that XML 1.0 does not allow, plain or as a reference.
    #[error("character U+{0:04X} may not stand in XML")]
    Character(u32),
    /// `]]>` in plain text.
    #[error("`]]>` stands outside a CDATA section")]
    CdataEnd,
    /// A name that is none.
    #[error("`{0}` is not a name")]
    Name(String),
    /// A prefix that no element around declares.
    #[error("the prefix `{0}` is not declared")]
    Prefix(String),
    /// An attribute stands twice.
    #[error("the attribute `{0}` stands twice")]
    DuplicateAttribute(String),
    /// The text ends while elements are open.
    #[error("the text ends inside an element")]
    Unclosed,
    /// There is no element at all.
    #[error("there is no element")]
    NoRoot,
    /// A second element beside the root.
    #[error("there is a second root element")]
    SecondRoot,
    /// Characters before or after the root.
    #[error("text stands outside the root element")]
    OutsideRoot,
    /// The root is another element than expected.
    #[error("the root is `{0}`, not SyncML")]
    Root(String),
    /// A part that must be there is not.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// A part that may stand once stands again.
    #[error("`{0}` stands twice")]
    Duplicate(String),
}

impl Refusal {
    /// A refusal before any element was open.
    pub(crate) fn at(offset: usize, reason: Reason) -> Self {
        Self { path: "/".to_owned(), offset, reason }
    }
}

impl Reason {
    /// One stable word for counters and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too_large",
            Self::Malformed(_) => "malformed",
            Self::Encoding(_) => "encoding",
            Self::TooDeep(_) => "too_deep",
            Self::TooManyElements(_) => "too_many_elements",
            Self::TooManyCommands(_) => "too_many_commands",
            Self::TooManyAttributes(_) => "too_many_attributes",
            Self::TooManyPrefixes(_) => "too_many_prefixes",
            Self::DocumentType => "document_type",
            Self::ProcessingInstruction => "processing_instruction",
            Self::Entity => "entity",
            Self::Character(_) => "character",
            Self::CdataEnd => "cdata_end",
            Self::Name(_) => "name",
            Self::Prefix(_) => "prefix",
            Self::DuplicateAttribute(_) => "duplicate_attribute",
            Self::Unclosed => "unclosed",
            Self::NoRoot => "no_root",
            Self::SecondRoot => "second_root",
            Self::OutsideRoot => "outside_root",
            Self::Root(_) => "root",
            Self::Missing(_) => "missing",
            Self::Duplicate(_) => "duplicate",
        }
    }
}

/// At most `bytes` bytes of a text, cut between characters and marked where it was cut.
pub(crate) fn clip(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clip_cuts_between_characters() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("abcd", 3), "abc…");
        assert_eq!(clip("aéé", 2), "a…");
    }

    #[test]
    fn refusal_reads_as_a_sentence() {
        let refusal = Refusal { path: "SyncML/SyncBody".to_owned(), offset: 17, reason: Reason::Character(11) };
        assert_eq!(refusal.to_string(), "character U+000B may not stand in XML at byte 17 in SyncML/SyncBody");
        assert_eq!(refusal.reason.code(), "character");
    }
}
