//! Bodies at the admin door: none is read for ever.
//!
//! A body may take a while, and a second more for every so many bytes of it that have come, so that an archive comes
//! through over a slow line and a body that drips does not. While the server goes down, all of them have to hurry.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage as _,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    web::Bytes,
};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{observe::Note, stop::Stop};

/// What a body still has when the server goes down.
const LAST: Duration = Duration::from_secs(5);

/// How fast bodies have to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// What each may take; nor may it pause for longer.
    pub(super) timeout: Duration,
    /// Bytes that earn it a second more.
    pub(super) rate: usize,
}

/// A body that has to keep its pace.
struct Paced {
    payload: Payload,
    pace: Pace,
    note: Rc<Note>,
    stop: Stop,
    timer: Option<Pin<Box<Sleep>>>,
    began: Instant,
    received: u64,
    /// When it is over, whatever comes, since the server is going down.
    latest: Option<Instant>,
}

impl Pace {
    /// Sees to it that the body of a request is read in time, or not at all.
    pub(super) fn keep(self, request: &mut ServiceRequest, note: &Rc<Note>, stop: &Stop) {
        let payload = request.take_payload();
        if matches!(payload, Payload::None) {
            return;
        }
        let paced = Paced {
            payload,
            pace: self,
            note: note.clone(),
            stop: stop.clone(),
            timer: None,
            began: Instant::now(),
            received: 0,
            latest: None,
        };
        request.set_payload(Payload::Stream { payload: Box::pin(paced) });
    }

    /// How long a body may take of which so many bytes are there.
    fn allows(self, received: u64) -> Duration {
        let rate = u64::try_from(self.rate).unwrap_or(u64::MAX).max(1);
        self.timeout.saturating_add(Duration::from_secs(received / rate))
    }
}

impl Paced {
    /// The moment at which it is too slow, unless more comes before.
    fn deadline(&self, now: Instant) -> Instant {
        // A day is far enough for a setting that means for ever.
        let far = now + Duration::from_hours(24);
        let whole = self.began.checked_add(self.pace.allows(self.received)).unwrap_or(far);
        let pause = now.checked_add(self.pace.timeout).unwrap_or(far);
        let deadline = whole.min(pause);
        self.latest.map_or(deadline, |latest| latest.min(deadline))
    }

    fn set(&mut self, now: Instant) {
        let deadline = self.deadline(now);
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(sleep_until(deadline))),
        }
    }
}

impl Stream for Paced {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.timer.is_none() {
            // What came before, such as the look at a token, is not the body's fault.
            this.began = Instant::now();
            this.set(this.began);
        }
        if let Poll::Ready(next) = Pin::new(&mut this.payload).poll_next(cx) {
            if let Some(Ok(bytes)) = &next {
                this.received += bytes.len() as u64;
                this.set(Instant::now());
            }
            return Poll::Ready(next);
        }
        if this.latest.is_none() && this.stop.poll(cx).is_ready() {
            let now = Instant::now();
            this.latest = Some(now + LAST);
            this.set(now);
        }
        let is_over = this.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
        if !is_over {
            return Poll::Pending;
        }
        this.note.too_slow();
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_earns_time() {
        let pace = Pace { timeout: Duration::from_secs(20), rate: 16 * 1024 };
        assert_eq!(pace.allows(0), Duration::from_secs(20));
        assert_eq!(pace.allows(15_000), Duration::from_secs(20), "a form earns nothing");
        assert_eq!(pace.allows(64 * 1024 * 1024), Duration::from_secs(20 + 4096));
        let forever = Pace { timeout: Duration::MAX, rate: 0 };
        assert_eq!(forever.allows(u64::MAX), Duration::MAX);
    }
}
