//! Tokens for the admin API: made once, shown once, kept as a hash.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest as _, Sha256};

use super::{Admin, Error};
use crate::model::{ApiToken, Secret, Timestamp};
use crate::store::{self, Store, Tx};

/// What every token begins with, so that one that was lost somewhere is recognised.
pub const TOKEN_PREFIX: &str = "transom_";

/// A token's use is noted at most this often, in milliseconds.
const USE_NOTED_EVERY: i64 = 60_000;

/// A token that was just made.
#[derive(Debug)]
pub struct NewToken {
    /// What is kept of it.
    pub record: ApiToken,
    /// The token itself; it can't be had again.
    pub token: Secret<String>,
}

impl Admin {
    /// Makes a token in a store.
    pub async fn make_token(
        store: &Store,
        name: &str,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<NewToken, Error> {
        let mut random = [0_u8; 32];
        rand::fill(&mut random);
        let token = format!("{TOKEN_PREFIX}{}", BASE64.encode(random));
        let hash = hash_of(&token);
        let name = name.to_owned();
        let record = store.write(move |tx: &mut Tx<'_>| tx.create_token(&name, &hash, expires_at, now)).await?;
        Ok(NewToken { record, token: Secret::new(token) })
    }

    /// What is known of a token that opens the door now; `None` when it opens nothing.
    pub async fn token_holder(&self, token: &str, now: Timestamp) -> Result<Option<ApiToken>, Error> {
        if !token.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let hash = hash_of(token);
        let found = self.store.read(move |tx: &mut Tx<'_>| tx.live_token(&hash, now)).await?;
        if let Some(token) = found.clone()
            && token.last_used_at.is_none_or(|last| now.millis_since(last) >= USE_NOTED_EVERY)
        {
            // That it was used is good to know; a request does not fail for it.
            let noted = self.store.write(move |tx: &mut Tx<'_>| tx.touch_token(&token, now)).await;
            if let Err(error @ store::Error::Unavailable(_)) = noted {
                tracing::warn!(%error, "the use of a token could not be noted");
            }
        }
        Ok(found)
    }
}

fn hash_of(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
