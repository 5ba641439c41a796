//! Places for those who listen to the feed: a number for all, and a quarter of it for one token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::model::TokenId;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<BTreeMap<TokenId, usize>>,
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
        let mut taken = self.taken();
        let (all, own) = (taken.values().sum::<usize>(), taken.get(token).copied().unwrap_or(0));
        if all >= self.most || own >= self.most.div_ceil(4) {
            return None;
        }
        taken.insert(token.clone(), own + 1);
        Some(Place { places: self.clone(), token: token.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<TokenId, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if let Some(count) = taken.get_mut(&self.token) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.token);
            }
        }
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
        assert!(places.take(&tokens[4]).is_some() && places.taken().is_empty());
        assert!(Places::new(1).take(&tokens[0]).is_some(), "where there is one, anybody may have it");
    }
}
