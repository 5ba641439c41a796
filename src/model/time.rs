//! Times as people and other programs read them: RFC 3339 in UTC, to the millisecond.

use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
use transom_protocol::session::Timestamp;

/// A time as RFC 3339 text, such as `2026-11-20T22:00:00.125Z`.
pub fn rfc3339_text(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.0).map_or_else(
        |_| if time.0 < 0 { "-009999-01-02T01:59:59.000Z" } else { "9999-12-30T22:00:00.000Z" }.to_owned(),
        |time| format!("{time:.3}"),
    )
}

/// For `#[serde(serialize_with = …)]`.
pub fn rfc3339<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_text(*time))
}

/// For `#[serde(serialize_with = …)]` on a time that may be missing.
pub fn rfc3339_option<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// For `#[serde(deserialize_with = …)]`.
pub fn from_rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    parse_rfc3339(&text).ok_or_else(|| D::Error::custom("expected a time such as 2026-11-20T22:00:00Z"))
}

/// For `#[serde(deserialize_with = …)]` on a time that may be missing.
pub fn from_rfc3339_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Time(#[serde(deserialize_with = "from_rfc3339")] Timestamp);
    Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
}

/// The time that RFC 3339 text names.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|time| Timestamp(time.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        assert_eq!(rfc3339_text(Timestamp(1_000)), "1970-01-01T00:00:01.000Z");
        assert_eq!(parse_rfc3339("2026-11-20T23:00:00+01:00"), parse_rfc3339("2026-11-20T22:00:00Z"));
        assert_eq!(parse_rfc3339(&rfc3339_text(Timestamp(1_234_567_890_123))), Some(Timestamp(1_234_567_890_123)));
        assert_eq!(parse_rfc3339("yesterday"), None);
        assert!(rfc3339_text(Timestamp(i64::MAX)).starts_with("9999"));
    }
}
