//! What WNS answers to a push, and what is to be done about it.

/// An answer of WNS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// HTTP status.
    pub http: u16,
    /// `X-WNS-Status`: `received`, `dropped` or `channelthrottled`.
    pub notification: Option<String>,
    /// `X-WNS-DeviceConnectionStatus`.
    pub connection: Option<Connection>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `X-WNS-Error-Description`, in one bounded line.
    pub error: Option<String>,
}

/// Whether the device is connected to WNS, by the word of WNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Connection {
    /// It is.
    Connected,
    /// It is not; the notification waits for it for as long as it may.
    Disconnected,
    /// It is for the moment.
    TemporarilyConnected,
}

/// What is to be done about an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reaction {
    /// WNS took it. Whether it wakes the device shows when a session follows.
    Await,
    /// WNS threw it away (200 with `dropped`): only the next poll reaches the device.
    Dropped,
    /// This channel gets too many (200 with `channelthrottled`): later.
    ChannelThrottled,
    /// We send too many (406, 429): all wait.
    Throttled,
    /// The token is not good (401): another, once.
    RefreshToken,
    /// The channel is of no use any more.
    Retire(Retired),
    /// WNS has trouble (500 to 599): later.
    Later,
    /// We did something wrong, or something that is not WNS answers (400, 405, 413, redirects): trying again does not
    /// help.
    Refused,
}

/// Why a channel is of no use any more. The same address is not tried again; another one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retired {
    /// 403: the token is for another app than the one that the channel was made for.
    OtherApp,
    /// 404: WNS does not know it.
    Unknown,
    /// 410: it has expired.
    Expired,
}

/// How often one push is tried.
pub const MOST_ATTEMPTS: u32 = 6;

/// The first wait, in milliseconds; it doubles.
const FIRST_WAIT: u64 = 5_000;

/// The longest wait of our own choice.
const LONGEST_WAIT: u64 = 15 * 60 * 1000;

/// The longest wait that WNS may ask for: a huge `Retry-After` does not end pushes for a day.
const LONGEST_RETRY_AFTER: u64 = 60 * 60;

/// No [`back_off`] is longer, in milliseconds.
pub const LONGEST_BACK_OFF: u64 = LONGEST_RETRY_AFTER * 1000 / 2 * 3;

impl Answer {
    /// From an HTTP status and headers, which are looked up by their names in lower case.
    pub fn read<'a>(http: u16, header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let word = |name: &str| header(name).map(|value| value.trim().to_ascii_lowercase());
        let connection = word("x-wns-deviceconnectionstatus").and_then(|word| match word.as_str() {
            "connected" => Some(Connection::Connected),
            "disconnected" => Some(Connection::Disconnected),
            "tempconnected" => Some(Connection::TemporarilyConnected),
            _ => None,
        });
        let line = |value: &str| -> String { value.chars().filter(|c| !c.is_control()).take(200).collect() };
        Self {
            http,
            notification: word("x-wns-status").or_else(|| word("x-wns-notificationstatus")),
            connection,
            retry_after: header("retry-after").and_then(|value| value.trim().parse().ok()),
            error: header("x-wns-error-description").map(line).filter(|text| !text.is_empty()),
        }
    }

    /// What is to be done.
    pub fn reaction(&self) -> Reaction {
        match (self.http, self.notification.as_deref()) {
            (200, Some("dropped")) => Reaction::Dropped,
            (200, Some("channelthrottled")) => Reaction::ChannelThrottled,
            (200, _) => Reaction::Await,
            (401, _) => Reaction::RefreshToken,
            (403, _) => Reaction::Retire(Retired::OtherApp),
            (404, _) => Reaction::Retire(Retired::Unknown),
            (410, _) => Reaction::Retire(Retired::Expired),
            (406 | 429, _) => Reaction::Throttled,
            (500..=599, _) => Reaction::Later,
            _ => Reaction::Refused,
        }
    }
}

impl Connection {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::TemporarilyConnected => "temporarily_connected",
        }
    }
}

impl Retired {
    /// What it means, in a sentence.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::OtherApp => {
                "WNS says that the channel belongs to another app (403): the package family name and the credentials \
                 do not go together"
            }
            Self::Unknown => "WNS does not know the channel (404)",
            Self::Expired => "the channel has expired (410)",
        }
    }
}

/// How long to wait before the next try, in milliseconds: after the `attempt`th, counted from 1. `jitter`, drawn at the
/// edge, spreads those that failed together over another half of the wait.
pub fn back_off(attempt: u32, retry_after: Option<u64>, jitter: u16) -> u64 {
    let doubled = FIRST_WAIT.saturating_mul(1_u64 << attempt.saturating_sub(1).min(20)).min(LONGEST_WAIT);
    let asked = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER) * 1000;
    let wait = doubled.max(asked);
    wait + wait / 2 * u64::from(jitter) / u64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(http: u16, headers: &[(&str, &'static str)]) -> Answer {
        Answer::read(http, |name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
    }

    #[test]
    fn every_answer_has_its_reaction() {
        for (http, status, reaction) in [
            (200, None, Reaction::Await),
            (200, Some("received"), Reaction::Await),
            (200, Some("Dropped"), Reaction::Dropped),
            (200, Some("channelThrottled"), Reaction::ChannelThrottled),
            (202, None, Reaction::Refused),
            (301, None, Reaction::Refused),
            (307, None, Reaction::Refused),
            (400, None, Reaction::Refused),
            (401, None, Reaction::RefreshToken),
            (403, None, Reaction::Retire(Retired::OtherApp)),
            (404, None, Reaction::Retire(Retired::Unknown)),
            (405, None, Reaction::Refused),
            (406, None, Reaction::Throttled),
            (410, None, Reaction::Retire(Retired::Expired)),
            (413, None, Reaction::Refused),
            (429, None, Reaction::Throttled),
            (500, None, Reaction::Later),
            (502, None, Reaction::Later),
            (503, None, Reaction::Later),
        ] {
            for name in ["x-wns-status", "x-wns-notificationstatus"] {
                let headers: Vec<_> = status.map(|status| (name, status)).into_iter().collect();
                assert_eq!(answer(http, &headers).reaction(), reaction, "{http} {status:?}");
            }
        }
    }

    #[test]
    fn headers_are_read_and_bounded() {
        let read = answer(
            406,
            &[
                ("x-wns-deviceconnectionstatus", "tempconnected"),
                ("retry-after", " 120 "),
                ("x-wns-error-description", "too\u{1b}[2J many"),
            ],
        );
        assert_eq!(read.connection, Some(Connection::TemporarilyConnected));
        assert_eq!(read.retry_after, Some(120));
        assert_eq!(read.error.as_deref(), Some("too[2J many"));
        assert_eq!(answer(503, &[("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT")]).retry_after, None);
    }

    #[test]
    fn waits_double_honour_retry_after_and_stay_bounded() {
        assert_eq!(back_off(1, None, 0), 5_000);
        assert_eq!(back_off(2, None, 0), 10_000);
        assert_eq!(back_off(1, None, u16::MAX), 7_500);
        assert_eq!(back_off(1, Some(120), 0), 120_000);
        assert_eq!(back_off(40, None, 0), 900_000);
        assert_eq!(back_off(1, Some(u64::MAX), 0), 3_600_000);
        for jitter in [1, 1_000, 40_000] {
            assert!((5_000..=7_500).contains(&back_off(1, None, jitter)));
        }
    }
}
