//! Why a device is turned away, and how it is told: a status and an empty body.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

use crate::http::proxy::ProxyRefused;

/// What a device is told to wait when it comes at a bad time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RetryAfter {
    /// At least.
    pub(super) least: Duration,
    /// And up to so much longer, by chance: those who are sent away together must not come back together.
    pub(super) spread: Duration,
}

impl RetryAfter {
    /// A share of the spread; `chance` is from 0 to 1.
    fn longer(self, wait: Duration, chance: f64) -> Duration {
        wait.saturating_add(self.spread.mul_f64(chance.clamp(0.0, 1.0)))
    }
}

/// Why a request got no `SyncML` answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Neither of the two content types.
    ContentType,
    /// Compressed.
    ContentEncoding,
    /// More bytes than the limit.
    BodyTooLarge,
    /// Too few bytes in too much time.
    BodyTooSlow,
    /// No bytes.
    BodyEmpty,
    /// Cut off or wrongly framed.
    BodyBroken,
    /// All memory for bodies is in use.
    BodyMemory,
    /// Not a message.
    Unreadable,
    /// The certificate or the signature, or that there is none, does not go with the message.
    Identity,
    /// A header speaks in the name of a proxy and is not believed.
    Proxy(ProxyRefused),
    /// All places are taken.
    Overloaded,
    /// Deciding took too long.
    AnswerTooSlow,
    /// Another message of the same enrollment is being decided on.
    Busy(Duration),
    /// The store does not answer.
    Unavailable(Duration),
    /// Everybody together comes too often.
    Rate(Duration),
    /// The address comes too often.
    PeerRate(Duration),
    /// The device comes too often.
    DeviceRate(Duration),
}

impl Refusal {
    /// The word for it in logs and counters.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTooSlow => "body_too_slow",
            Self::BodyEmpty => "body_empty",
            Self::BodyBroken => "body_broken",
            Self::BodyMemory => "body_memory",
            Self::Unreadable => "unreadable",
            Self::Identity => "identity",
            Self::Proxy(refused) => refused.as_str(),
            Self::Overloaded => "overloaded",
            Self::AnswerTooSlow => "answer_too_slow",
            Self::Busy(_) => "busy",
            Self::Unavailable(_) => "unavailable",
            Self::Rate(_) => "rate",
            Self::PeerRate(_) => "peer_rate",
            Self::DeviceRate(_) => "device_rate",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::ContentType | Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyEmpty | Self::BodyBroken | Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Identity | Self::Proxy(_) => StatusCode::FORBIDDEN,
            Self::BodyMemory | Self::Overloaded | Self::AnswerTooSlow | Self::Busy(_) | Self::Unavailable(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Rate(_) | Self::PeerRate(_) | Self::DeviceRate(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The reply; `Retry-After` wherever coming back helps (MS-MDM 3.1.6).
    pub(super) fn reply(self, retry: RetryAfter) -> HttpResponse {
        let mut reply = HttpResponse::build(self.status());
        let wait = match self {
            Self::Busy(wait) | Self::PeerRate(wait) | Self::DeviceRate(wait) => Some(wait),
            // Whoever else is there is told the same at the same time.
            Self::Unavailable(wait) | Self::Rate(wait) => Some(retry.longer(wait, rand::random())),
            Self::BodyMemory | Self::Overloaded | Self::AnswerTooSlow => {
                Some(retry.longer(retry.least, rand::random()))
            }
            _ => None,
        };
        if let Some(wait) = wait {
            reply.insert_header((header::RETRY_AFTER, whole_seconds(wait)));
        }
        // What is left of the body is not waited for.
        if matches!(self, Self::BodyTooLarge | Self::BodyTooSlow | Self::BodyBroken | Self::BodyMemory) {
            reply.force_close();
        }
        reply.finish()
    }
}

/// Rounded up, and never 0: a client that comes back at once comes back for nothing.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_herd_is_spread_and_one_that_comes_too_often_is_not() {
        let retry = RetryAfter { least: Duration::from_secs(30), spread: Duration::from_secs(60) };
        let told = |refusal: Refusal| -> u64 {
            let reply = refusal.reply(retry);
            reply.headers().get(header::RETRY_AFTER).unwrap().to_str().unwrap().parse().unwrap()
        };
        let waits: Vec<u64> = (0..200).map(|_| told(Refusal::Overloaded)).collect();
        assert!(waits.iter().all(|wait| (30..=90).contains(wait)), "{waits:?}");
        // Two hundred draws in one tenth of the spread are as likely as nothing else that fails a test.
        let tenths: std::collections::BTreeSet<u64> = waits.iter().map(|wait| (wait - 30) / 6).collect();
        assert!(tenths.len() > 5, "{waits:?}");
        let alone = Duration::from_secs(5);
        assert_eq!((told(Refusal::DeviceRate(alone)), told(Refusal::Busy(alone))), (5, 5));
        assert!((5..=65).contains(&told(Refusal::Unavailable(alone))));
        let none = RetryAfter { spread: Duration::ZERO, ..retry };
        assert_eq!(none.longer(alone, 1.0), alone);
    }

    #[test]
    fn retry_after_is_whole_seconds_and_never_zero() {
        for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (30_000, 30)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
