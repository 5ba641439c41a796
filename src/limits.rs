//! How often something may happen: token buckets in bounded memory. And how much at the same time.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

/// Keys are hashed into this many buckets, so that no flood of keys can fill the memory. Two keys that share a bucket
/// share its rate; which ones do nobody can know, because the hash is keyed anew in every process.
const BUCKETS: u64 = 1 << 18;

/// Buckets that are full again are forgotten every so many checks.
const SWEEP_EVERY: u32 = 1 << 16;

/// A rate that everybody shares.
pub struct SharedLimiter(Option<DefaultDirectRateLimiter>);

/// A rate for each key.
pub struct KeyedLimiter<K: ?Sized> {
    limiter: Option<DefaultKeyedRateLimiter<u64>>,
    hasher: RandomState,
    buckets: u64,
    checks: AtomicU32,
    key: std::marker::PhantomData<fn(&K)>,
}

/// A rate for each device, by the key of its [`DeviceId`](transom_protocol::session::DeviceId).
pub type DeviceLimiter = KeyedLimiter<str>;

/// What is taken at the same time: by all, and by each.
#[derive(Debug)]
pub struct Taken<K> {
    all: usize,
    // As long as the list of what is taken, so that no flood of keys fills it.
    by_key: HashMap<K, usize>,
}

/// Why nothing more can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// All have taken as much as there is.
    All,
    /// This one has taken as much as one may.
    One,
}

impl<K> Default for Taken<K> {
    fn default() -> Self {
        Self { all: 0, by_key: HashMap::new() }
    }
}

impl<K: Eq + Hash> Taken<K> {
    /// Takes one for somebody, where all have fewer than `most` and they have fewer than `most_of_one`.
    pub fn take(&mut self, key: K, most: usize, most_of_one: usize) -> Result<(), Full> {
        if self.all >= most {
            return Err(Full::All);
        }
        let own = self.by_key.get(&key).copied().unwrap_or(0);
        if own >= most_of_one {
            return Err(Full::One);
        }
        self.by_key.insert(key, own + 1);
        self.all += 1;
        Ok(())
    }

    /// Gives one back.
    pub fn give_back(&mut self, key: &K) {
        self.all -= 1;
        if let Some(count) = self.by_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.by_key.remove(key);
            }
        }
    }

    /// How much is taken.
    pub const fn all(&self) -> usize {
        self.all
    }

    /// How many have taken something.
    pub fn holders(&self) -> usize {
        self.by_key.len()
    }
}

impl SharedLimiter {
    /// So many a second, and so many at once above that. A rate of 0 is no limit.
    pub fn new(rate: u32, burst: u32) -> Self {
        Self(quota(rate, burst).map(RateLimiter::direct))
    }

    /// Takes one; else how long to wait for it.
    pub fn check(&self) -> Result<(), Duration> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check().map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }
}

impl<K: Hash + ?Sized> KeyedLimiter<K> {
    /// So many a second for each key, and so many at once above that. A rate of 0 is no limit.
    pub fn new(rate: u32, burst: u32) -> Self {
        Self {
            limiter: quota(rate, burst).map(RateLimiter::keyed),
            hasher: RandomState::new(),
            buckets: BUCKETS,
            checks: AtomicU32::new(0),
            key: std::marker::PhantomData,
        }
    }

    /// Takes one for a key; else how long to wait for it.
    pub fn check(&self, key: &K) -> Result<(), Duration> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            limiter.retain_recent();
        }
        let bucket = self.hasher.hash_one(key) % self.buckets;
        limiter.check_key(&bucket).map_err(|not_until| not_until.wait_time_from(DefaultClock::default().now()))
    }
}

impl std::fmt::Debug for SharedLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedLimiter")
    }
}

impl<K: ?Sized> std::fmt::Debug for KeyedLimiter<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedLimiter")
    }
}

fn quota(rate: u32, burst: u32) -> Option<Quota> {
    let rate = NonZeroU32::new(rate)?;
    Some(Quota::per_second(rate).allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_what_comes_after_it_must_wait() {
        let limiter = SharedLimiter::new(1, 3);
        assert!((0..3).all(|_| limiter.check().is_ok()));
        let wait = limiter.check().unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
    }

    #[test]
    fn one_device_does_not_use_up_the_rate_of_another() {
        let limiter = DeviceLimiter::new(1, 2);
        assert!(limiter.check("a").is_ok() && limiter.check("a").is_ok());
        assert!(limiter.check("a").is_err());
        let others = (0..100).filter(|number| limiter.check(&format!("device {number}")).is_ok()).count();
        assert!(others >= 99, "{others} of 100 others got through");
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        let limiter = DeviceLimiter::new(0, 0);
        assert!((0..1000).all(|_| limiter.check("a").is_ok()));
    }

    #[test]
    fn a_flood_of_keys_does_not_grow_beyond_the_buckets() {
        let limiter = KeyedLimiter::<u32> { buckets: 64, ..KeyedLimiter::new(1, 1) };
        let allowed = (0..10_000_u32).filter(|key| limiter.check(key).is_ok()).count();
        assert_eq!(limiter.limiter.as_ref().unwrap().len(), 64);
        assert!(allowed >= 64);
    }
}
