//! What differs between two drops. Making two catalogues takes a tenth of a second, so the last answers are kept; a drop
//! that is imported anew is another one, by its hash.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use transom_protocol::csp::catalogue::{Difference, diff};

use super::library::{BUILTIN, Library, LibraryError, work};
use crate::store::{Error, Tx};

/// Answers that are kept.
const KEPT: usize = 8;

/// The last answers, by the hashes of the two that were compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Compared(Arc<Mutex<VecDeque<Answer>>>);

type Answer = ((String, String), Arc<Vec<Difference>>);

impl Compared {
    fn find(&self, of: &(String, String)) -> Option<Arc<Vec<Difference>>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(pair, _)| pair == of).map(|(_, differences)| Arc::clone(differences))
    }

    fn keep(&self, of: (String, String), differences: &Arc<Vec<Difference>>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(pair, _)| *pair != of);
        kept.push_back((of, Arc::clone(differences)));
        while kept.len() > KEPT {
            kept.pop_front();
        }
    }
}

impl Library {
    /// What differs between two drops, or between one and what is built in (`builtin`).
    pub async fn compare(&self, from: &str, to: &str) -> Result<Arc<Vec<Difference>>, LibraryError> {
        let of = (self.hash_of(from).await?, self.hash_of(to).await?);
        if let Some(known) = self.compared.find(&of) {
            return Ok(known);
        }
        let differences = if of.0 == of.1 {
            Arc::default()
        } else {
            let (one, other) = (self.alone(from).await?, self.alone(to).await?);
            work(move || Ok(Arc::new(diff(&one, &other)))).await?
        };
        self.compared.keep(of, &differences);
        Ok(differences)
    }

    /// What a drop is known by. No hash is the word for what is built in.
    async fn hash_of(&self, name: &str) -> Result<String, LibraryError> {
        if name == BUILTIN {
            return Ok(BUILTIN.to_owned());
        }
        let name = name.to_owned();
        let find = move |tx: &mut Tx<'_>| {
            let found = tx.drops()?.into_iter().find(|drop| drop.name == name);
            found.map(|drop| drop.sha256).ok_or(Error::NotFound("drop"))
        };
        Ok(self.store.read(find).await?)
    }
}
