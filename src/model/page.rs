//! Long lists, a page at a time.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

/// Some entries of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<T> {
    /// The entries, in the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins; absent at the end.
    #[serde(rename = "cursor", skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// A place in a list. Opaque outside; inside the sort key of the last entry that was shown, so that entries that come
/// and go neither shift nor repeat the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(String);

impl Cursor {
    /// Longest that is taken, in bytes of its text.
    pub const MAX_LEN: usize = 1024;

    /// Behind the entry with this sort key.
    pub const fn after(sort_key: String) -> Self {
        Self(sort_key)
    }

    /// The cursor that a text stands for.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::MAX_LEN {
            return None;
        }
        String::from_utf8(BASE64.decode(text).ok()?).ok().filter(|key| !key.contains('\0')).map(Self)
    }

    /// The sort key of the last entry that was shown.
    pub fn sort_key(&self) -> &str {
        &self.0
    }
}

impl<T> Page<T> {
    /// From up to one entry more than `limit`, which only tells that there is a next page.
    pub fn of(mut items: Vec<T>, limit: usize, sort_key: impl Fn(&T) -> String) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(|last| Cursor::after(sort_key(last))) } else { None };
        Self { items, next }
    }

    /// The same page with other entries.
    pub fn map<U>(self, entry: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(entry).collect(), next: self.next }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl TryFrom<String> for Cursor {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("this cursor is not one that was handed out")
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went() {
        let cursor = Cursor::after("ünï/%_'\"".to_owned());
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        assert_eq!(Cursor::parse("%%%"), None);
        assert_eq!(Cursor::parse(&"A".repeat(2000)), None);
        assert_eq!(Cursor::parse(&Cursor::after("a\0b".to_owned()).to_string()), None);
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let key = |entry: &i32| entry.to_string();
        assert_eq!(Page::of(vec![1, 2, 3], 2, key).next, Some(Cursor::after("2".to_owned())));
        assert_eq!(Page::of(vec![1, 2], 2, key), Page { items: vec![1, 2], next: None });
        assert_eq!(Page::of(Vec::new(), 2, key).next, None);
    }
}
