//! How values are written in columns, and read back. What does not read back is damage, not a case of its own.

use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as Unread, StrDeserializer};
use serde::{Deserialize, Serialize};
use transom_protocol::session::{CommandId, DeviceId, Phase, Reason, Timestamp};
use transom_protocol::syncml::codec::Encoding;

use super::Error;
use crate::model::UserName;

/// The word of a value that JSON writes as a string.
pub(super) fn word<T: Serialize>(value: &T) -> Result<String, Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        _ => Err(Error::corrupt("word")),
    }
}

/// The value of a word.
pub(super) fn of_word<'a, T: Deserialize<'a>>(word: &'a str, column: &'static str) -> Result<T, Error> {
    let reader: StrDeserializer<'a, Unread> = word.into_deserializer();
    T::deserialize(reader).map_err(|_| Error::corrupt(column))
}

/// A phase: the word of its ending, when it has one.
pub(super) fn phase_word(phase: Phase) -> Result<String, Error> {
    match phase {
        Phase::Ended(ending) => word(&ending),
        Phase::Open | Phase::Quiet => word(&phase),
    }
}

/// The phase of a word.
pub(super) fn phase(text: &str) -> Result<Phase, Error> {
    match text {
        "open" => Ok(Phase::Open),
        "quiet" => Ok(Phase::Quiet),
        ending => Ok(Phase::Ended(of_word(ending, "sessions.phase")?)),
    }
}

/// The encoding of a word.
pub(super) fn encoding(text: &str, column: &'static str) -> Result<Encoding, Error> {
    [Encoding::Xml, Encoding::Wbxml]
        .into_iter()
        .find(|encoding| encoding.as_str() == text)
        .ok_or_else(|| Error::corrupt(column))
}

/// A device id that was stored.
pub(super) fn device_id(text: &str) -> Result<DeviceId, Error> {
    DeviceId::parse(text).ok_or_else(|| Error::corrupt("device_id"))
}

/// A user name that was stored.
pub(super) fn user_name(text: String) -> Result<UserName, Error> {
    UserName::try_from(text).map_err(|_| Error::corrupt("user_name"))
}

/// A count or message number that was stored.
pub(super) fn count(number: i64, column: &'static str) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::corrupt(column))
}

/// An id that was stored.
pub(super) fn id<T: TryFrom<String>>(text: String) -> Result<T, Error> {
    T::try_from(text).map_err(|_| Error::corrupt("id"))
}

/// Free text as both engines take it: PostgreSQL has no NUL in text.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Free text that may be absent.
pub(super) fn optional_text(value: Option<&String>) -> Option<String> {
    value.map(|value| text(value))
}

/// The number of an optional time.
pub(super) fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(|time| time.0)
}

/// What a command waits for, as a JSON array; absent when for nothing.
pub(super) fn dependencies_word(ids: &[CommandId]) -> Result<Option<String>, Error> {
    if ids.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(ids).map(Some).map_err(|_| Error::corrupt("commands.depends_on"))
}

/// What a command waits for.
pub(super) fn dependencies(text: Option<&str>) -> Result<Vec<CommandId>, Error> {
    text.map_or_else(
        || Ok(Vec::new()),
        |text| serde_json::from_str(text).map_err(|_| Error::corrupt("commands.depends_on")),
    )
}

/// A reason from its columns.
pub(super) fn reason(
    code: Option<String>,
    since: Option<i64>,
    count: Option<i64>,
    retry_at: Option<i64>,
    detail: Option<String>,
) -> Result<Option<Reason>, Error> {
    let Some(code) = code else { return Ok(None) };
    Ok(Some(Reason {
        code: of_word(&code, "commands.reason")?,
        since: Timestamp(since.unwrap_or_default()),
        count: self::count(count.unwrap_or_default(), "commands.reason_count")?,
        retry_at: retry_at.map(Timestamp),
        detail,
    }))
}

/// The least text that is greater than every text that begins so; `None` when there is none.
pub(super) fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{d7ff}' => Some('\u{e000}'),
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use transom_protocol::session::{CommandState, Ending, LoginStatus, ReasonCode};

    #[test]
    fn words_read_back_as_what_they_were() {
        for state in CommandState::ALL {
            assert_eq!(word(&state).unwrap(), state.as_str());
            assert_eq!(of_word::<CommandState>(state.as_str(), "").unwrap(), state);
        }
        assert_eq!(word(&ReasonCode::WaitingForUser).unwrap(), "waiting_for_user");
        assert_eq!(of_word::<LoginStatus>("others", "").unwrap(), LoginStatus::Others);
        assert!(of_word::<LoginStatus>("nobody", "").is_err());
        for ended in [Phase::Open, Phase::Quiet, Phase::Ended(Ending::TimedOut), Phase::Ended(Ending::Replaced)] {
            assert_eq!(phase(&phase_word(ended).unwrap()).unwrap(), ended);
        }
    }

    #[test]
    fn the_end_of_a_prefix_lies_behind_all_that_begin_so() {
        for prefix in ["a", "50%_", "é", "z\u{10ffff}", "\u{d7ff}"] {
            let end = end_of_prefix(prefix).unwrap();
            assert!(end.as_str() > prefix && end > format!("{prefix}\u{10ffff}\u{10ffff}"), "{prefix}");
            assert!(!end.starts_with(prefix));
        }
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
        assert_eq!(end_of_prefix(""), None);
    }
}
