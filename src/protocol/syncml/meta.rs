//! `Meta` and its children in the namespace `syncml:metinf` (MS-MDM 2.2.5).

use serde::{Deserialize, Serialize};

/// `Meta` (MS-MDM 2.2.5): absent children are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// `Format`; absent means [`Format::Chr`].
    pub format: Option<Format>,
    /// `Type`: a MIME type, a credential type or the type of an alert.
    pub mime: Option<String>,
    /// `Mark`: severity of an alert, such as `critical`.
    pub mark: Option<String>,
    /// `Size`: bytes of the whole large object, in its first chunk only.
    pub size: Option<u64>,
    /// `NextNonce`: base64 text.
    pub next_nonce: Option<String>,
    /// `MaxMsgSize` in bytes, in `SyncHdr` only.
    pub max_msg_size: Option<u64>,
    /// `MaxObjSize` in bytes, in `SyncHdr` only.
    pub max_obj_size: Option<u64>,
}

/// `Format` of a value (MS-MDM 2.2.5.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Format {
    /// Text, the default.
    #[default]
    Chr,
    /// Decimal integer.
    Int,
    /// `true` or `false`.
    Bool,
    /// Base64 text.
    B64,
    /// Binary; base64 text in XML.
    Bin,
    /// Interior node, no data.
    Node,
    /// No data.
    Null,
    /// An XML document or fragment.
    Xml,
    /// Floating-point number as text.
    Float,
    /// ISO 8601 date.
    Date,
    /// ISO 8601 time.
    Time,
    /// A format that the specification does not name.
    Other(String),
}

impl Format {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Chr => "chr",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::B64 => "b64",
            Self::Bin => "bin",
            Self::Node => "node",
            Self::Null => "null",
            Self::Xml => "xml",
            Self::Float => "float",
            Self::Date => "date",
            Self::Time => "time",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Format {
    fn from(word: &str) -> Self {
        match word.trim().to_ascii_lowercase().as_str() {
            "chr" | "" => Self::Chr,
            "int" => Self::Int,
            "bool" => Self::Bool,
            "b64" => Self::B64,
            "bin" => Self::Bin,
            "node" => Self::Node,
            "null" => Self::Null,
            "xml" => Self::Xml,
            "float" => Self::Float,
            "date" => Self::Date,
            "time" => Self::Time,
            _ => Self::Other(word.trim().to_owned()),
        }
    }
}

impl From<String> for Format {
    fn from(word: String) -> Self {
        Self::from(word.as_str())
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.as_str().to_owned()
    }
}
