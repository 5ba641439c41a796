//! Places for those who listen to the feed: a number for all, and a quarter of it for one token.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::Taken;
use crate::model::TokenId;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken<TokenId>>,
}

/// A place that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    token: TokenId,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a place for whoever has this token; `None` when there is none for them.
    pub(super) fn take(self: &Arc<Self>, token: &TokenId) -> Option<Place> {
        self.taken().take(token.clone(), self.most, self.most.div_ceil(4)).ok()?;
        Some(Place { places: self.clone(), token: token.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken<TokenId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().give_back(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn one_token_takes_a_quarter_and_all_together_no_more_than_there_are() {
        let tokens: Vec<TokenId> = (0..5).map(|_| TokenId::new(Timestamp(1_800_000_000_000))).collect();
        let places = Places::new(8);
        let mut taken = Vec::new();
        for token in &tokens[..4] {
            taken.extend([places.take(token).unwrap(), places.take(token).unwrap()]);
            assert!(places.take(token).is_none(), "a quarter is two");
        }
        assert!(places.take(&tokens[4]).is_none());
        drop(taken);
        assert!(places.take(&tokens[4]).is_some() && places.taken().all() == 0);
        assert!(Places::new(1).take(&tokens[0]).is_some(), "where there is one, anybody may have it");
    }
}
