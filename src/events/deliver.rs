//! Delivery: a receiver is claimed by one instance, gets events one after the other, and its place is kept after each.
//!
//! A claim that is not renewed ends by itself, so that another instance goes on where a crashed one stood; what was
//! delivered and not yet kept then comes again, with the same id.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tracing::Instrument as _;
use transom_protocol::session::Timestamp;

use super::wire::{Answer, Letter};
use super::{Events, checked, signature};
use crate::model::{FeedEvent, FeedKind, Told, Webhook, WebhookClaim, WebhookId, WebhookProgress, WebhookTried, work};
use crate::store::{Error, Tx};

/// How often it is looked for receivers that may be tried again.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How long a store is left alone that does not answer.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// How long a claim is good beyond the deadline of a call, in milliseconds.
const GRACE: i64 = 30_000;

/// Events that are read together.
const TOGETHER: usize = 50;

/// Longest wait that a receiver may ask for, in milliseconds.
const LONGEST_WAIT: i64 = 60 * 60 * 1000;

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Status of the answer, where there was one.
    pub status: Option<u16>,
    /// Why the event does not count as delivered, in a sentence without secrets.
    pub problem: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// `Retry-After`, in seconds.
    retry_after: Option<u64>,
}

impl Events {
    /// Delivers for as long as the program runs. Several instances may do so.
    pub async fn dispatch(self) {
        let mut head = self.0.head.subscribe();
        let mut at_work = JoinSet::new();
        loop {
            let known = *head.borrow_and_update();
            match self.due(known).await {
                Ok(due) => {
                    for id in due {
                        let events = self.clone();
                        at_work.spawn(async move {
                            if let Err(error) = events.deliver(id).await {
                                tracing::error!(%error, "events could not be delivered");
                            }
                        });
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "webhooks could not be looked at");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            }
            // What is new, or may be tried again, or the end of a worker that something new was left by.
            let _ = tokio::time::timeout(LOOKS_EVERY, head.changed()).await;
            while at_work.try_join_next().is_some() {}
        }
    }

    async fn due(&self, head: i64) -> Result<Vec<WebhookId>, Error> {
        let now = self.now();
        self.0.store.read(move |tx: &mut Tx<'_>| tx.due_webhooks(head, now)).await
    }

    /// Delivers to one receiver until it has all there is, or fails. Nothing where somebody else is about it.
    pub async fn deliver(&self, id: WebhookId) -> Result<(), Error> {
        let (now, until) = (self.now(), self.lease());
        let claim = WebhookClaim::new(now);
        let (mine, of) = (claim.clone(), id.clone());
        let claimed = self.0.store.write(move |tx: &mut Tx<'_>| tx.claim_webhook(&of, &mine, until, now)).await?;
        let Some(hook) = claimed else { return Ok(()) };
        let mut progress = hook.progress.clone();
        loop {
            let (from, filter) = (progress.position, hook.filter.clone());
            let page = self.0.store.read(move |tx: &mut Tx<'_>| tx.feed(from, &filter, TOGETHER)).await?;
            let gone = (page.oldest - 1 - from).max(0);
            if gone > 0 {
                tracing::warn!(webhook = %hook.name, gone, "events were gone before they were delivered");
                progress.missed += gone;
                progress.position += gone;
            }
            for event in page.items {
                let attempt = self.attempt(&hook, &event).await;
                progress.tried_at = Some(self.now());
                progress.status = attempt.status;
                progress.problem.clone_from(&attempt.problem);
                let is_delivered = attempt.problem.is_none();
                self.0.metrics.webhook(if is_delivered { "delivered" } else { "failed" });
                let dead = if is_delivered {
                    progress.position = event.number;
                    progress.delivered += 1;
                    (progress.failures, progress.failing_since, progress.retry_at) = (0, None, None);
                    None
                } else {
                    self.failed(&hook, &mut progress, &attempt)
                };
                let until = is_delivered.then(|| self.lease());
                if !self.keep(&id, &claim, &progress, dead, until).await? || !is_delivered {
                    return Ok(());
                }
            }
            progress.position = progress.position.max(page.next);
            let until = (page.next < page.head).then(|| self.lease());
            if !self.keep(&id, &claim, &progress, None, until).await? || until.is_none() {
                return Ok(());
            }
        }
    }

    /// Sends a receiver something that never happened, to see whether it hears.
    pub async fn test(&self, hook: &Webhook) -> Attempt {
        let data = serde_json::json!({ "code": "test", "detail": "Somebody tries whether this receiver hears." });
        let told = Told::new(FeedKind::WebhookTest, self.now(), data);
        self.attempt(hook, &FeedEvent { number: 0, told }).await
    }

    async fn attempt(&self, hook: &Webhook, event: &FeedEvent) -> Attempt {
        let began = Instant::now();
        let span = work("webhook.deliver");
        let called = self.call(hook, event).instrument(span.clone()).await;
        let is_taken = matches!(&called, Ok(Answer { status, .. }) if (200..300).contains(status));
        span.record("transom.outcome", if is_taken { "delivered" } else { "failed" });
        drop(span);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match called {
            Ok(Answer { status, .. }) if (200..300).contains(&status) => {
                Attempt { status: Some(status), problem: None, millis, retry_after: None }
            }
            Ok(Answer { status, retry_after }) => {
                let what =
                    if (300..400).contains(&status) { "a redirect, which is not followed" } else { "no success" };
                let problem = Some(format!("the receiver answered {status}: {what}"));
                Attempt { status: Some(status), problem, millis, retry_after }
            }
            Err(problem) => Attempt { status: None, problem: Some(problem), millis, retry_after: None },
        }
    }

    async fn call(&self, hook: &Webhook, event: &FeedEvent) -> Result<Answer, String> {
        // The settings may have changed since it was set up.
        let url = checked(hook.url.expose(), &self.0.options.hosts).map_err(|refused| refused.to_string())?;
        let body = serde_json::to_vec(event).map_err(|_| "the event can't be written".to_owned())?;
        let (id, seconds) = (event.told.id.as_str(), self.now().0.div_euclid(1000));
        let signature = signature(hook.secret.expose(), id, seconds, &body).map_err(|error| error.to_string())?;
        let letter = Letter { id, seconds, signature: &signature, body };
        self.0.wire.post(url, letter).await.map_err(|error| error.to_string())
    }

    /// Counts a failure. Gives why the receiver is dead, when it is.
    fn failed(&self, hook: &Webhook, progress: &mut WebhookProgress, attempt: &Attempt) -> Option<String> {
        let now = self.now();
        progress.failures = progress.failures.saturating_add(1);
        let since = *progress.failing_since.get_or_insert(now);
        let options = &self.0.options;
        let asked = attempt.retry_after.and_then(|seconds| i64::try_from(seconds).ok()?.checked_mul(1000));
        let wait = back_off(progress.failures, options.retry_first, options.retry_most, (self.0.edge.jitter)());
        progress.retry_at = Some(now.plus_millis(wait.max(asked.unwrap_or(0).min(LONGEST_WAIT))));
        let problem = attempt.problem.as_deref().unwrap_or_default();
        tracing::warn!(webhook = %hook.name, failures = progress.failures, problem, "an event was not delivered");
        if attempt.status == Some(410) {
            return Some("the receiver said that it is gone for good (410)".to_owned());
        }
        let failing = now.millis_since(since);
        (failing >= options.dead_after).then(|| format!("it has failed since {}", crate::model::rfc3339_text(since)))
    }

    async fn keep(
        &self,
        id: &WebhookId,
        claim: &WebhookClaim,
        progress: &WebhookProgress,
        dead: Option<String>,
        until: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let (id, now) = (id.clone(), self.now());
        let tried = WebhookTried { progress: progress.clone(), dead, until, claim: claim.clone() };
        self.0.store.write(move |tx: &mut Tx<'_>| tx.save_webhook(&id, &tried, now)).await
    }

    fn lease(&self) -> Timestamp {
        let timeout = i64::try_from(self.0.options.timeout.as_millis()).unwrap_or(GRACE);
        self.now().plus_millis(timeout.saturating_add(GRACE))
    }
}

/// How long to wait after so many failures, in milliseconds: twice as long each time, and half of it by chance.
fn back_off(failures: u32, first: i64, most: i64, jitter: u16) -> i64 {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let whole = doubled.min(most).max(1);
    whole / 2 + whole.saturating_mul(i64::from(jitter)) / (2 * i64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let waits: Vec<i64> = (1..6).map(|failures| back_off(failures, 1000, 6000, u16::MAX)).collect();
        assert_eq!(waits, [1000, 2000, 4000, 6000, 6000]);
        assert_eq!(back_off(1, 1000, 6000, 0), 500);
        assert_eq!(back_off(u32::MAX, 1000, i64::MAX / 4, 0), 1000 * (1 << 20) / 2);
    }
}
