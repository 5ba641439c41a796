//! Bodies of strangers, in bounded memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{error::PayloadError, web::Bytes};
use futures_util::{Stream, StreamExt as _};

use super::refusal::Refusal;
use crate::metrics::Metrics;

/// Bodies up to this size may use all of the memory; larger ones leave a quarter of it to them. So senders of large
/// bodies cannot shut out the small messages that sessions are made of.
const SMALL: usize = 16 * 1024;

const FIRST_CHUNK: usize = 4 * 1024;

/// All memory that bodies may take at once.
pub(in crate::http) struct BodyMemory {
    limit: usize,
    held: AtomicUsize,
    metrics: Metrics,
}

/// A body that was read, and the memory that it counts for.
pub(super) struct Body {
    bytes: Vec<u8>,
    held: Held,
}

/// Memory that is counted; given back when dropped.
pub(super) struct Held {
    memory: Arc<BodyMemory>,
    bytes: usize,
}

impl BodyMemory {
    pub(in crate::http) fn new(limit: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { limit, held: AtomicUsize::new(0), metrics })
    }

    fn take(&self, more: usize, limit: usize) -> bool {
        let taken = self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| {
            held.checked_add(more).filter(|held| *held <= limit)
        });
        if let Ok(before) = taken {
            self.metrics.bodies_held(before + more);
        }
        taken.is_ok()
    }
}

impl Body {
    /// Reads to the end, to the limit, or until memory runs out; counts before it keeps.
    pub(super) async fn read(
        payload: impl Stream<Item = Result<Bytes, PayloadError>>,
        declared: Option<u64>,
        limit: usize,
        memory: &Arc<BodyMemory>,
    ) -> Result<Self, Refusal> {
        if declared.is_some_and(|length| length > limit as u64) {
            return Err(Refusal::BodyTooLarge);
        }
        let expected = declared.and_then(|length| usize::try_from(length).ok()).unwrap_or(limit);
        let mut body = Self { bytes: Vec::new(), held: Held { memory: memory.clone(), bytes: 0 } };
        let mut payload = std::pin::pin!(payload);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Refusal::BodyBroken)?;
            let length = body.bytes.len() + chunk.len();
            if length > limit {
                return Err(Refusal::BodyTooLarge);
            }
            body.make_room(length, expected)?;
            body.bytes.extend_from_slice(&chunk);
        }
        if body.bytes.is_empty() { Err(Refusal::BodyEmpty) } else { Ok(body) }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes, and the proof that they are counted, which is to be kept as long as they are.
    pub(super) fn into_parts(self) -> (Vec<u8>, Held) {
        (self.bytes, self.held)
    }

    /// Grows by doubling, but not beyond what was announced: what is announced is not allocated before it comes.
    fn make_room(&mut self, length: usize, expected: usize) -> Result<(), Refusal> {
        let capacity = self.held.bytes;
        if length <= capacity {
            return Ok(());
        }
        let wanted = (capacity * 2).max(FIRST_CHUNK).min(expected).max(length);
        self.held.grow(wanted - capacity)?;
        self.bytes.reserve_exact(wanted - self.bytes.len());
        Ok(())
    }
}

impl Held {
    fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        let all = self.memory.limit;
        let limit = if self.bytes + more <= SMALL { all } else { all - all / 4 };
        if !self.memory.take(more, limit) {
            return Err(Refusal::BodyMemory);
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let before = self.memory.held.fetch_sub(self.bytes, Ordering::AcqRel);
        self.memory.metrics.bodies_held(before - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};

    use super::*;

    const KIB: usize = 1024;

    fn chunks(count: usize, size: usize) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        stream::iter((0..count).map(move |_| Ok(Bytes::from(vec![b'x'; size]))))
    }

    fn memory(limit: usize) -> Arc<BodyMemory> {
        BodyMemory::new(limit, Metrics::new())
    }

    fn held(memory: &BodyMemory) -> usize {
        memory.held.load(Ordering::Acquire)
    }

    #[tokio::test]
    async fn a_body_is_whole_and_counted_until_it_is_dropped() {
        let memory = memory(100 * KIB);
        let body = Body::read(chunks(3, 5000), Some(15_000), 64 * KIB, &memory).await.unwrap();
        assert_eq!((body.len(), held(&memory)), (15_000, 15_000));
        let (bytes, proof) = body.into_parts();
        assert!(bytes.len() == 15_000 && held(&memory) == 15_000);
        drop(proof);
        assert_eq!(held(&memory), 0);
    }

    #[tokio::test]
    async fn what_is_announced_is_not_allocated_before_it_comes() {
        let memory = memory(100 * KIB);
        let mut never_ends = Box::pin(chunks(1, 10).chain(stream::pending()));
        let mut read = Box::pin(Body::read(&mut never_ends, Some(60_000), 64 * KIB, &memory));
        assert!((&mut read).now_or_never().is_none());
        assert_eq!(held(&memory), FIRST_CHUNK);
        drop(read);
        assert_eq!(held(&memory), 0);
    }

    #[tokio::test]
    async fn a_body_above_the_limit_is_refused_by_its_word_and_by_its_bytes() {
        let memory = memory(256 * KIB);
        let announced = Body::read(chunks(1, 10), Some(64 * KIB as u64 + 1), 64 * KIB, &memory).await;
        assert_eq!(announced.err(), Some(Refusal::BodyTooLarge));
        // Stops at the chunk that goes beyond: were it read to the end, this would never return.
        let endless = chunks(usize::MAX, KIB);
        assert_eq!(Body::read(endless, None, 64 * KIB, &memory).await.err(), Some(Refusal::BodyTooLarge));
        assert_eq!(held(&memory), 0);
    }

    #[tokio::test]
    async fn large_bodies_leave_room_for_small_ones() {
        let memory = memory(128 * KIB);
        let _large = Body::read(chunks(6, 16 * KIB), Some(96 * KIB as u64), 128 * KIB, &memory).await.unwrap();
        assert_eq!(held(&memory), 96 * KIB);
        let another = Body::read(chunks(2, 16 * KIB), Some(32 * KIB as u64), 128 * KIB, &memory).await;
        assert_eq!(another.err(), Some(Refusal::BodyMemory));
        let small = Body::read(chunks(1, 4 * KIB), Some(4 * KIB as u64), 128 * KIB, &memory).await;
        assert!(small.is_ok());
    }

    #[tokio::test]
    async fn broken_and_empty_bodies_are_refused() {
        let memory = memory(128 * KIB);
        let broken = stream::iter([Ok(Bytes::from_static(b"<Sync")), Err(PayloadError::Incomplete(None))]);
        assert_eq!(Body::read(broken, None, KIB, &memory).await.err(), Some(Refusal::BodyBroken));
        assert_eq!(Body::read(chunks(0, 0), None, KIB, &memory).await.err(), Some(Refusal::BodyEmpty));
    }
}
