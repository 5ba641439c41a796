//! Why a text is no `LocURI`, and what to write instead.

/// Why a text is no [`LocUri`](super::LocUri).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocUriError {
    /// Nothing there.
    #[error("a LocURI must not be empty: write the path of a node, such as ./DevDetail/SwV")]
    Empty,
    /// More than [`LocUri::MAX_LEN`](super::LocUri::MAX_LEN) bytes.
    #[error("a LocURI of {0} bytes is too long: {max} are the most", max = super::LocUri::MAX_LEN)]
    TooLong(usize),
    /// White space, line breaks included, at an end.
    #[error("the LocURI has white space at its start or end: write {0}")]
    Padded(String),
    /// It starts with `/`.
    #[error("a LocURI must not start with a slash: write {0}")]
    LeadingSlash(String),
    /// It does not start at the root.
    #[error("a LocURI starts with ./ : write {0}")]
    NotFromRoot(String),
    /// It names a server or has a scheme.
    #[error("a LocURI names a node of the device, not a web address: write a path such as ./DevDetail/SwV")]
    NotANode,
    /// Two slashes in a row, or one at the end.
    #[error("the LocURI has a segment without a name: remove the extra slash after {0}")]
    EmptySegment(String),
    /// `.` or `..` as a name.
    #[error("{0:?} can't be the name of a node: write the whole path from ./ on")]
    DotSegment(String),
    /// `*` as a name.
    #[error("a segment must not be \"*\": name the node, or read the node above it with ?list=StructData")]
    Wildcard,
    /// A control character.
    #[error("the LocURI has the control character U+{0:04X}: remove it")]
    Control(u32),
    /// A backslash.
    #[error("a LocURI has no backslash: write / between segments, or %5C where it belongs to a name")]
    Backslash,
    /// A character that has to be escaped.
    #[error("{character:?} can't stand in a LocURI: write {escape}")]
    Unescaped {
        /// The character.
        character: char,
        /// Its escape.
        escape: String,
    },
    /// A blank at the end of a name, or before it.
    #[error("there is a blank at the start or the end of the name {0:?}: leave it out")]
    Blank(String),
    /// A percent sign without two hexadecimal digits.
    #[error("{0:?} is no percent escape: write %25 for a percent sign")]
    BadEscape(String),
    /// Escapes that do not give UTF-8.
    #[error("the percent escapes in {0:?} are not UTF-8: escape each byte of the UTF-8 form")]
    NotUtf8(String),
    /// A query that asks for nothing known.
    #[error(
        "\"?{0}\" is no query: write ?list=StructData, ?list=Struct or ?prop= with Type, Format, Name, Size, \
             Title, TStamp, VerNo or ACL; in the name of a node write %3F for a question mark"
    )]
    UnknownQuery(String),
}
