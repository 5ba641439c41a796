//! The signal that the server is going down.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::{FutureExt as _, future::Shared};
use tokio::sync::oneshot;

/// Sends the signal.
pub(super) struct Stopper {
    stopping: Arc<AtomicBool>,
    sender: oneshot::Sender<()>,
}

/// Receives the signal; every connection has one.
#[derive(Clone)]
pub(super) struct Stop {
    stopping: Arc<AtomicBool>,
    /// Until something came of it.
    receiver: Option<Shared<oneshot::Receiver<()>>>,
}

pub(super) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = oneshot::channel();
    let stopping = Arc::new(AtomicBool::new(false));
    (Stopper { stopping: stopping.clone(), sender }, Stop { stopping, receiver: Some(receiver.shared()) })
}

impl Stopper {
    pub(super) fn stop(self) {
        self.stopping.store(true, Ordering::Release);
        // Nobody listens when no connection was ever made.
        let _ = self.sender.send(());
    }
}

impl Stop {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Wakes the task when the signal comes. A sender that went away without a word is no signal.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_stopping()
            && let Some(receiver) = &mut self.receiver
            && Pin::new(receiver).poll(cx).is_ready()
        {
            self.receiver = None;
        }
        if self.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker_ref;

    use super::*;

    #[test]
    fn a_sender_that_went_away_is_no_signal_however_often_one_asks() {
        let (stopper, mut stop) = stop();
        let mut cx = Context::from_waker(noop_waker_ref());
        assert!(stop.poll(&mut cx).is_pending());
        drop(stopper);
        for _ in 0..3 {
            assert!(stop.poll(&mut cx).is_pending());
        }
    }

    #[test]
    fn a_signal_is_there_for_everyone_who_asks() {
        let (stopper, stop) = stop();
        let mut cx = Context::from_waker(noop_waker_ref());
        stopper.stop();
        for mut stop in [stop.clone(), stop] {
            assert!(stop.poll(&mut cx).is_ready() && stop.poll(&mut cx).is_ready());
        }
    }
}
