//! Sending what waits: claimed by one instance, sent, and what became of it kept.

use std::time::Duration;

use futures_util::future::join_all;
use tracing::Instrument as _;
use transom_protocol::push::{Answer, ChannelUri, MOST_ATTEMPTS, Reaction, back_off};
use transom_protocol::session::Timestamp;

use super::Push;
use super::token::millis;
use super::wire::CallError;
use crate::model::{ClaimedPush, Event, EventKind, FeedKind, PushOutcome, PushResult, PushToken, Told, work};
use crate::pki::guard::Unanswered;
use crate::store::{ClaimRules, Error, Tx};

/// Pushes that one round takes.
const ROUND: u16 = 50;

/// How long a claim is good beyond the deadlines of the calls, in milliseconds.
const GRACE: i64 = 20_000;

/// How often an instance with nothing to do looks whether there is something.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

/// How long it waits for more to come together after a round that was not full: whether the rate allowed no more or no
/// more was due, a claim takes as long for one push as for many.
const GATHERS_FOR: Duration = Duration::from_millis(200);

/// How long it leaves a store alone that does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// So many in a row that all fail, and everybody waits.
const ALL_FAIL: usize = 5;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Round {
    /// Pushes that were tried.
    pub tried: usize,
    /// Of these, taken by WNS.
    pub accepted: usize,
}

impl Round {
    /// How long to wait before the next.
    fn rest(self) -> Option<Duration> {
        match self.tried {
            0 => Some(LOOKS_EVERY),
            tried if tried < usize::from(ROUND) => Some(GATHERS_FOR),
            _ => None,
        }
    }
}

/// What came of a try.
struct Tried {
    result: PushResult,
    /// Everybody is to leave WNS alone until then.
    pause: Option<Timestamp>,
}

impl Push {
    /// Sends what is due, for as long as the program runs. Several may do so, here and on other instances.
    pub async fn run(self) {
        loop {
            match self.round().await {
                Ok(round) => {
                    if let Some(rest) = round.rest() {
                        tokio::time::sleep(rest).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "pushes could not be sent");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
        }
    }

    /// Sends some of what is due. Without a token nothing is taken: it waits, and is not lost.
    pub async fn round(&self) -> Result<Round, Error> {
        let now = self.now();
        if !self.0.store.read(move |tx: &mut Tx<'_>| tx.is_push_due(now)).await? {
            return Ok(Round::default());
        }
        let Ok(token) = self.token(None).await? else { return Ok(Round::default()) };
        let (rules, now) = (self.claim_rules(), self.now());
        let claimed = self.0.store.write(move |tx: &mut Tx<'_>| tx.claim_pushes(rules, now)).await?;
        let tried = claimed.len();
        let outcomes = join_all(claimed.into_iter().map(|push| self.deliver(push, token.clone()))).await;
        let outcomes: Vec<PushOutcome> = outcomes.into_iter().collect::<Result<_, _>>()?;
        if tried >= ALL_FAIL && outcomes.iter().all(|outcome| *outcome == PushOutcome::Failed) {
            let until = self.after(1, None);
            self.0.store.write(move |tx: &mut Tx<'_>| tx.pause_pushes(until)).await?;
        }
        let accepted = outcomes.iter().filter(|outcome| **outcome == PushOutcome::Accepted).count();
        Ok(Round { tried, accepted })
    }

    /// Gives up waiting for sessions that did not follow a push in time, and counts what waits. Gives how many devices
    /// did not wake.
    pub async fn watch(&self) -> Result<usize, Error> {
        let now = self.now();
        let before = now.plus_millis(-self.0.options.wake_timeout);
        let minutes = self.0.options.wake_timeout / 60_000;
        let missed = move |tx: &mut Tx<'_>| {
            let missed = tx.give_up_wakes(before, 200)?;
            let events: Vec<Event> = missed
                .iter()
                .map(|missed| Event {
                    device: Some(missed.device.clone()),
                    enrollment: Some(missed.enrollment.clone()),
                    detail: Some(format!("WNS took a push, and no session began within {minutes} minutes")),
                    ..Event::new(EventKind::Push, "slept", now)
                })
                .collect();
            if !events.is_empty() {
                tx.add_events(&events)?;
            }
            Ok::<_, Error>((missed.len(), tx.count_pushes()?.0))
        };
        let (slept, waiting) = self.0.store.write(missed).await?;
        for _ in 0..slept {
            self.0.metrics.push_wake("slept");
        }
        self.0.metrics.pushes_waiting(waiting);
        Ok(slept)
    }

    /// For as long as a claim holds, two calls of WNS and one for a token fit in.
    fn claim_rules(&self) -> ClaimRules {
        let lease = millis(self.0.options.timeout).saturating_mul(3).saturating_add(GRACE);
        ClaimRules { rate: self.0.options.rate, limit: i64::from(ROUND), lease }
    }

    async fn deliver(&self, push: ClaimedPush, token: PushToken) -> Result<PushOutcome, Error> {
        let span = work("push.deliver");
        self.deliver_one(push, token).instrument(span).await
    }

    async fn deliver_one(&self, push: ClaimedPush, token: PushToken) -> Result<PushOutcome, Error> {
        let tried = self.attempt(&push, token).await?;
        let now = self.now();
        let outcome = tried.result.outcome;
        tracing::Span::current().record("transom.outcome", outcome.as_str());
        self.0.metrics.push(outcome.as_str());
        if !matches!(outcome, PushOutcome::Accepted | PushOutcome::Dropped) {
            let detail = tried.result.detail.as_deref().unwrap_or_default();
            tracing::warn!(enrollment = %push.enrollment, outcome = outcome.as_str(), detail, "a push did not go through");
        }
        let finish = move |tx: &mut Tx<'_>| {
            tx.finish_push(&push, &tried.result, now)?;
            let device_id = tx.device_of(&push.enrollment)?;
            let enrollment_id = Some(push.enrollment.clone());
            tx.tell(Told { device_id, enrollment_id, ..told(&tried.result, now) });
            tried.pause.map_or(Ok(()), |until| tx.pause_pushes(until))
        };
        self.0.store.write(finish).await?;
        Ok(outcome)
    }

    async fn attempt(&self, push: &ClaimedPush, token: PushToken) -> Result<Tried, Error> {
        let Ok(uri) = ChannelUri::parse(push.uri.expose(), &self.0.options.test_hosts) else {
            return Ok(Tried::over(PushOutcome::Refused, CallError::Address.to_string()));
        };
        let mut answer = self.0.wire.push(&uri, &token.token).await;
        if matches!(&answer, Ok(answer) if answer.reaction() == Reaction::RefreshToken) {
            match self.token(Some(token.number)).await? {
                Ok(fresh) => answer = self.0.wire.push(&uri, &fresh.token).await,
                Err(none) => {
                    let detail = format!("WNS does not take the token (401), and there is no other: {}", none.problem);
                    let again = none.until.max(self.after(push.attempts + 1, None));
                    return Ok(Tried::again(PushOutcome::NoToken, detail, Some(again)));
                }
            }
        }
        Ok(match answer {
            Ok(answer) => self.react(push, &answer),
            Err(CallError::Unanswered(Unanswered::Private) | CallError::Address) => {
                Tried::over(PushOutcome::Refused, Unanswered::Private.to_string())
            }
            Err(error) => self.later(push, PushOutcome::Failed, error.to_string(), None),
        })
    }

    fn react(&self, push: &ClaimedPush, answer: &Answer) -> Tried {
        let said = answer.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        match answer.reaction() {
            Reaction::Await => {
                let detail = answer.connection.map(|connection| format!("the device is {}", connection.as_str()));
                Tried { result: PushResult { outcome: PushOutcome::Accepted, detail, again_at: None }, pause: None }
            }
            Reaction::Dropped => {
                let detail = format!("WNS threw it away{said}; the device comes when its schedule says so");
                Tried::over(PushOutcome::Dropped, detail)
            }
            Reaction::ChannelThrottled => {
                let detail = format!("this device gets too many pushes{said}");
                self.later(push, PushOutcome::Throttled, detail, answer.retry_after)
            }
            Reaction::Throttled => {
                let detail = format!("WNS gets too many pushes ({}){said}", answer.http);
                let tried = self.later(push, PushOutcome::Throttled, detail, answer.retry_after);
                Tried { pause: tried.result.again_at.or_else(|| Some(self.after(1, answer.retry_after))), ..tried }
            }
            Reaction::Retire(why) => Tried::over(PushOutcome::Retired, format!("{}{said}", why.meaning())),
            Reaction::Later => {
                let detail = format!("WNS has trouble ({}){said}", answer.http);
                self.later(push, PushOutcome::Failed, detail, answer.retry_after)
            }
            Reaction::RefreshToken => {
                let detail = format!("WNS does not take the token (401), nor a fresh one{said}");
                self.later(push, PushOutcome::NoToken, detail, answer.retry_after)
            }
            Reaction::Refused => {
                Tried::over(PushOutcome::Refused, format!("WNS would not have it ({}){said}", answer.http))
            }
        }
    }

    /// Tried again, unless it was tried often enough.
    fn later(&self, push: &ClaimedPush, outcome: PushOutcome, detail: String, retry_after: Option<u64>) -> Tried {
        let attempt = push.attempts.saturating_add(1);
        if attempt >= MOST_ATTEMPTS {
            return Tried::over(outcome, format!("{detail}; given up after {attempt} tries"));
        }
        Tried::again(outcome, detail, Some(self.after(attempt, retry_after)))
    }

    fn after(&self, attempt: u32, retry_after: Option<u64>) -> Timestamp {
        let wait = back_off(attempt, retry_after, self.jitter());
        self.now().plus_millis(i64::try_from(wait).unwrap_or(i64::MAX))
    }
}

/// What became of a try, for the feed.
fn told(result: &PushResult, now: Timestamp) -> Told {
    let kind = match result.outcome {
        PushOutcome::Accepted => FeedKind::PushSent,
        _ => FeedKind::PushFailed,
    };
    let data = serde_json::json!({ "outcome": result.outcome.as_str(), "detail": result.detail });
    Told::new(kind, now, data)
}

impl Tried {
    const fn again(outcome: PushOutcome, detail: String, again_at: Option<Timestamp>) -> Self {
        Self { result: PushResult { outcome, detail: Some(detail), again_at }, pause: None }
    }

    const fn over(outcome: PushOutcome, detail: String) -> Self {
        Self::again(outcome, detail, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_round_is_followed_at_once() {
        let rest = |tried| Round { tried, accepted: 0 }.rest();
        assert_eq!(rest(0), Some(LOOKS_EVERY));
        assert_eq!((rest(1), rest(49)), (Some(GATHERS_FOR), Some(GATHERS_FOR)));
        assert_eq!(rest(50), None);
    }
}
