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
    receiver: Shared<oneshot::Receiver<()>>,
}

pub(super) fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = oneshot::channel();
    let stopping = Arc::new(AtomicBool::new(false));
    (Stopper { stopping: stopping.clone(), sender }, Stop { stopping, receiver: receiver.shared() })
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
        if !self.is_stopping() && self.receiver.peek().is_none() {
            let _ = Pin::new(&mut self.receiver).poll(cx);
        }
        if self.is_stopping() { Poll::Ready(()) } else { Poll::Pending }
    }
}
