//! Requests that may come again: with the same `Idempotency-Key` they get the first answer, and are done once.
//!
//! The key is claimed in the transaction that does the work, so that a request that failed as a whole may be tried again
//! with it.

use serde::{Serialize, de::DeserializeOwned};

use super::{Admin, Error};
use crate::model::{Timestamp, TokenId};
use crate::store::{Claim, Tx};

/// HTTP status that is noted with an answer.
const CREATED: u16 = 201;

/// A request that may come again.
#[derive(Debug, Clone)]
pub struct Repetition {
    /// Whose key it is.
    pub token: TokenId,
    /// `Idempotency-Key`.
    pub key: String,
    /// A hash of the request that tells nothing of it without the caller's token.
    pub request_hash: [u8; 32],
}

impl Admin {
    /// Does something that one transaction does, once: with the same key again, it only gives the first answer.
    pub(super) async fn once<A, F>(&self, repetition: Option<Repetition>, now: Timestamp, job: F) -> Result<A, Error>
    where
        A: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<A, Error> + Send + 'static,
    {
        self.store
            .write(move |tx: &mut Tx<'_>| {
                let before = repetition.as_ref().map(|repetition| repetition.begin(tx, now)).transpose()?;
                if let Some(answer) = before.flatten() {
                    return Ok(answer);
                }
                let answer = job(tx)?;
                repetition.map_or(Ok(()), |repetition| repetition.end(tx, &answer))?;
                Ok(answer)
            })
            .await
    }
}

impl Repetition {
    /// Claims the request, or gives the answer that it got before.
    pub(super) fn begin<A: DeserializeOwned>(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Option<A>, Error> {
        match tx.claim_request(&self.token, &self.key, &self.request_hash, now)? {
            Claim::New => Ok(None),
            Claim::Done { response, .. } => {
                let answer = serde_json::from_slice(&response);
                answer.map(Some).map_err(|_| Error::Store(crate::store::Error::Corrupt("answer".to_owned())))
            }
            Claim::OtherRequest => {
                let why = "this Idempotency-Key was used for another request; use a new one";
                Err(Error::Conflict(why.to_owned()))
            }
            Claim::Unfinished => {
                let why = "a request with this Idempotency-Key was begun and broken off; look for what it has done, \
                           and use a new key for the rest";
                Err(Error::Conflict(why.to_owned()))
            }
        }
    }

    /// Keeps the answer.
    pub(super) fn end(&self, tx: &mut Tx<'_>, answer: &impl Serialize) -> Result<(), Error> {
        let bytes = serde_json::to_vec(answer).map_err(|error| Error::Conflict(error.to_string()))?;
        Ok(tx.complete_request(&self.token, &self.key, CREATED, &bytes)?)
    }
}
