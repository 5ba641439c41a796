//! A `LocURI` as a device reads it: decoded, without regard to case, `./Vendor` as `./Device/Vendor`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a node name keeps when it stands in a `LocURI` or in the answer to a Get of its parent.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The way from the root to a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) segments: Vec<Segment>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// Decoded, as it was written.
    pub(super) name: String,
    /// Decoded, in lower case: what is compared.
    pub(super) key: String,
}

/// What stands behind the `?` (OMA DM TND 7.7, MS-MDM 2.2.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    /// Nothing: the node itself.
    Node,
    /// `list=StructData`: the subtree with its values; `list=Struct` without.
    List { with_data: bool },
    /// `prop=…`: a property of the node.
    Property(Property),
    /// Anything else.
    Unknown,
}

/// A property of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    Name,
    Type,
    Format,
    Size,
    /// `ACL`, `TStamp`, `VerNo`, `Title` and whatever else: Windows keeps none of them.
    Other,
}

/// A text that is no `LocURI`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl Segment {
    pub(super) fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let key = name.to_lowercase();
        Self { name, key }
    }
}

impl Path {
    /// Reads a `LocURI` and its query.
    pub(super) fn parse(loc_uri: &str) -> Result<(Self, Query), Malformed> {
        let (uri, query) = loc_uri.split_once('?').map_or((loc_uri, Query::Node), |(uri, q)| (uri, Query::parse(q)));
        if uri == "." || uri == "./" {
            return Ok((Self { segments: Vec::new() }, query));
        }
        let names = uri.strip_prefix("./").ok_or(Malformed)?;
        let mut segments = names.split('/').map(segment).collect::<Result<Vec<_>, _>>()?;
        if segments.first().is_some_and(|first| first.key == "vendor") {
            segments.insert(0, Segment::new("Device"));
        }
        Ok((Self { segments }, query))
    }

    /// Whether the node is below `./User`.
    pub(super) fn is_of_user(&self) -> bool {
        self.segments.first().is_some_and(|first| first.key == "user")
    }

    /// Where the values of the node are kept: `Policy/Result` shows what was set in `Policy/Config`.
    pub(super) fn storage(&self) -> Self {
        let mut path = self.clone();
        let keys: Vec<&str> = self.segments.iter().take(5).map(|segment| segment.key.as_str()).collect();
        if let ["device" | "user", "vendor", "msft", "policy", "result"] = keys.as_slice()
            && let Some(fifth) = path.segments.get_mut(4)
        {
            *fifth = Segment::new("Config");
        }
        path
    }
}

impl Query {
    fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) if key.eq_ignore_ascii_case("list") => match value.to_ascii_lowercase().as_str() {
                "structdata" => Self::List { with_data: true },
                "struct" => Self::List { with_data: false },
                _ => Self::Unknown,
            },
            Some((key, value)) if key.eq_ignore_ascii_case("prop") => {
                Self::Property(match value.to_ascii_lowercase().as_str() {
                    "name" => Property::Name,
                    "type" => Property::Type,
                    "format" => Property::Format,
                    "size" => Property::Size,
                    _ => Property::Other,
                })
            }
            _ => Self::Unknown,
        }
    }
}

/// A node name as it stands in a `LocURI`.
pub(super) fn escape(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

/// One segment: not empty, not `.` or `*` alone, its escapes well formed (MS-MDM 2.2.3.6).
fn segment(text: &str) -> Result<Segment, Malformed> {
    let bytes = text.as_bytes();
    let escapes_are_whole = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'%')
        .all(|(at, _)| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    if !escapes_are_whole {
        return Err(Malformed);
    }
    let name = percent_decode_str(text).decode_utf8().map_err(|_| Malformed)?;
    if matches!(name.as_ref(), "" | "." | "*") {
        return Err(Malformed);
    }
    Ok(Segment::new(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(loc_uri: &str) -> Vec<String> {
        Path::parse(loc_uri).unwrap().0.segments.into_iter().map(|segment| segment.key).collect()
    }

    #[test]
    fn vendor_means_device_and_case_makes_no_difference() {
        assert_eq!(keys("./Vendor/MSFT/Reboot"), keys("./device/VENDOR/msft/reboot"));
        assert_eq!(keys("./User/Vendor"), ["user", "vendor"]);
    }

    #[test]
    fn segments_are_percent_decoded_and_escaped_again() {
        let (path, _) = Path::parse("./Vendor/MSFT/X/%7BAb%2Fc%7D").unwrap();
        assert_eq!(path.segments.last().unwrap().name, "{Ab/c}");
        assert_eq!(escape("{Ab/c}"), "%7BAb%2Fc%7D");
    }

    #[test]
    fn what_is_no_locuri_is_refused() {
        for text in
            ["", "/DevInfo", "DevInfo", "./", "./DevInfo//Man", "./DevInfo/./Man", "./a%4", "./a%zz", "./a/*", "./%ff"]
        {
            let accepted = Path::parse(text).is_ok();
            assert_eq!(accepted, text == "./", "{text}");
        }
    }

    #[test]
    fn queries_are_told_apart() {
        let query = |text: &str| Path::parse(text).unwrap().1;
        assert_eq!(query("./DevInfo"), Query::Node);
        assert_eq!(query("./DevInfo?list=StructData"), Query::List { with_data: true });
        assert_eq!(query("./DevInfo?LIST=struct"), Query::List { with_data: false });
        assert_eq!(query("./DevInfo?prop=type"), Query::Property(Property::Type));
        assert_eq!(query("./DevInfo?prop=ACL"), Query::Property(Property::Other));
        assert_eq!(query("./DevInfo?what"), Query::Unknown);
    }
}
