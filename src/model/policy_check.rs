//! What is known of a setting by reading it back.

use serde::{Deserialize, Serialize};
use transom_protocol::session::Timestamp;

/// How often a setting is mended within [`MENDS_WITHIN`]; then it is only reported.
pub const MOST_MENDS: u32 = 3;

/// In milliseconds: a day.
pub const MENDS_WITHIN: i64 = 24 * 60 * 60 * 1000;

/// What is known of a setting by reading it back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingCheck {
    /// The device took it, and was not asked for it since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
    /// The device says that it has changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changed: bool,
    /// It is being read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// The device has shown it as wanted since it took it. What takes effect with a restart it shows later.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
    /// What it came to the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Checked>,
    /// The device had something else, and it was mended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mending: Option<Mending>,
}

/// A setting that is being read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What carries the question.
    pub carrier: String,
    /// What the device answered, until it is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Said>,
}

/// What a device answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// When.
    pub at: Timestamp,
    /// Its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// There was a value, and it is longer than what is compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_long: bool,
}

/// What reading a setting back came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// When.
    pub at: Timestamp,
    /// Whether the device has what is wanted.
    pub verdict: ReadVerdict,
    /// What is wanted, the beginning of it, where the device has something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// What the device has, the beginning of it, where that is something else; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// Why it can't be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What carried the question, where the answer shows something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
}

/// Whether a device has what is wanted, by its own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadVerdict {
    /// It does.
    Same,
    /// It has something else, or nothing.
    Drifted,
    /// Nobody can say.
    NotVerifiable,
}

/// How often a setting was mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mending {
    /// Since when it is counted.
    pub since: Timestamp,
    /// How often since then.
    pub count: u32,
    /// It is on its way, or the device has not shown yet that it is as wanted.
    pub open: bool,
}

impl ReadVerdict {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Drifted => "drifted",
            Self::NotVerifiable => "not_verifiable",
        }
    }
}

impl SettingCheck {
    /// Whether nothing is known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an answer is waited for.
    pub fn reads(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.said.is_none())
    }

    /// Whether there is an answer that nobody has looked at.
    pub fn was_told(&self) -> bool {
        self.reading.as_ref().is_some_and(|reading| reading.said.is_some())
    }

    /// Whether what is wanted is on its way again.
    pub fn is_mending(&self) -> bool {
        self.mending.as_ref().is_some_and(|mending| mending.open)
    }

    /// Takes note that it is mended now. False, and nothing is noted, where that was done too often.
    pub fn mend(&mut self, now: Timestamp) -> bool {
        let before = self.mending.take().filter(|mending| now.millis_since(mending.since) < MENDS_WITHIN);
        let before = before.unwrap_or(Mending { since: now, count: 0, open: false });
        let may = before.count < MOST_MENDS;
        let count = before.count + u32::from(may);
        self.mending = Some(Mending { count, open: may, ..before });
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_mended_a_few_times_a_day() {
        let (mut check, now) = (SettingCheck::default(), Timestamp(1_800_000_000_000));
        for number in 1..=MOST_MENDS {
            assert!(check.mend(now.plus_millis(1000)) && check.is_mending());
            assert_eq!(check.mending.as_ref().unwrap().count, number);
        }
        assert!(!check.mend(now.plus_millis(MENDS_WITHIN)) && !check.is_mending());
        assert!(check.mend(now.plus_millis(MENDS_WITHIN + 1000)), "another day");
        assert_eq!(check.mending.unwrap().count, 1);
    }
}
