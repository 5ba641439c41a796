//! Identifiers and time, as values that can't be mistaken for each other.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A device, by the `LocURI` of its `Source`: opaque, compared without regard to ASCII case, kept as it was first sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeviceId(String);

/// `SessionID` (MS-MDM 2.2.3.8): opaque, chosen by the client; `0` and hexadecimal forms are legal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

/// `MsgID` (MS-MDM 2.2.3.7): starts at 1 in each direction of each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MsgId(u32);

/// A command of the queue, for its whole life; each time it is sent it gets a new `CmdID`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub String);

impl Timestamp {
    /// This much later.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to here; negative when `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl DeviceId {
    /// Longest that is taken, in bytes.
    pub const MAX_LEN: usize = 255;

    /// A device id, when the text can be one: not empty, not too long, no control characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.len() <= Self::MAX_LEN && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that is compared and indexed.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for DeviceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for DeviceId {}

impl SessionId {
    /// Longest that is taken, in bytes. MS-MDM says 4, other clients use large decimals.
    pub const MAX_LEN: usize = 64;

    /// A session id, when the text can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= Self::MAX_LEN && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MsgId {
    /// The first message of a session.
    pub const FIRST: Self = Self(1);

    /// A message id, when the text is a decimal number from 1 up.
    pub fn parse(text: &str) -> Option<Self> {
        // Every Status of a reply repeats it, so that padding with zeros would multiply.
        let digits = matches!(text.len(), 1..=10) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok()).flatten().filter(|number| *number > 0).map(Self)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The one before this, never below 1.
    #[must_use]
    pub const fn previous(self) -> Self {
        if self.0 > 1 { Self(self.0 - 1) } else { self }
    }
}

impl std::fmt::Display for MsgId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Display for DeviceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for CommandId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
