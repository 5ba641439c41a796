//! `Item` and `Data` (MS-MDM 2.2.5.2, 2.2.3.4).

use super::{Address, Format, Meta};

/// `Item`: one node that a command is about, or one value that a result carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// The node to act on.
    pub target: Option<Address>,
    /// The node that a value comes from.
    pub source: Option<Address>,
    /// Format, type, size of the data.
    pub meta: Option<Meta>,
    /// The value.
    pub data: Option<Data>,
    /// `MoreData` stood in the item: the value goes on in the next message.
    pub more_data: bool,
}

/// Content of `Data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Character data, unescaped; CDATA and escaped text read alike.
    Text(String),
    /// Elements stood inside: the inner XML exactly as it came. It is written escaped, which a client reads alike.
    Markup(String),
}

impl Data {
    /// The content, whichever way it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Markup(text) => text,
        }
    }

    /// The content as owned text.
    pub fn into_string(self) -> String {
        match self {
            Self::Text(text) | Self::Markup(text) => text,
        }
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Item {
    /// An item that only names a target.
    pub fn target(loc_uri: impl Into<String>) -> Self {
        Self { target: Some(Address::uri(loc_uri)), ..Self::default() }
    }

    /// `Target/LocURI`, when there is one.
    pub fn target_uri(&self) -> Option<&str> {
        self.target.as_ref().map(|address| address.loc_uri.as_str())
    }

    /// `Source/LocURI`, when there is one.
    pub fn source_uri(&self) -> Option<&str> {
        self.source.as_ref().map(|address| address.loc_uri.as_str())
    }

    /// The data as text; empty when there is none.
    pub fn text(&self) -> &str {
        self.data.as_ref().map_or("", Data::as_str)
    }

    /// The format, when the item names one.
    pub fn format(&self) -> Option<&Format> {
        self.meta.as_ref().and_then(|meta| meta.format.as_ref())
    }
}
