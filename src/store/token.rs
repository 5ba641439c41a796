//! Tokens for the admin API, and the answers that their repeated requests get again.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{among, columns, update};
use super::journal::one_more;
use super::schema::{api_tokens, idempotency_keys, operator_links};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{ApiToken, Cursor, Maker, NewApiToken, Page, Rights, TokenId};

/// What is known of a request that carries an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is new, and now the caller's to do.
    New,
    /// It is being done, or was broken off.
    Unfinished,
    /// It was done; this was the answer.
    Done {
        /// Its HTTP status.
        status: u16,
        /// Its body.
        response: Vec<u8>,
    },
    /// The key was used for another request.
    OtherRequest,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_tokens)]
struct TokenRow {
    id: String,
    name: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
    role: String,
    scope: Option<String>,
    created_by: Option<String>,
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            name: row.name,
            role: words::of_word(&row.role, "api_tokens.role")?,
            scope: row.scope.as_deref().map(rights).transpose()?,
            created_by: row.created_by,
            created_at: Timestamp(row.created_at),
            expires_at: row.expires_at.map(Timestamp),
            last_used_at: row.last_used_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
        })
    }
}

/// A token's use is noted at most this often.
const USE_NOTED_EVERY: i64 = 60_000;

impl Tx<'_> {
    /// Keeps a new token by the SHA-256 of its secret.
    pub fn create_token(&mut self, new: &NewApiToken, hash: &[u8; 32], now: Timestamp) -> Result<ApiToken, Error> {
        let (id, name) = (TokenId::new(now), words::text(&new.name));
        let scope = new.scope.as_ref().map(serde_json::to_string).transpose();
        let scope = scope.map_err(|_| Error::corrupt("api_tokens.scope"))?;
        let created_by = words::optional_text(new.created_by.as_ref());
        let query = diesel::insert_into(api_tokens::table).values((
            api_tokens::id.eq(id.as_str()),
            api_tokens::name.eq(&name),
            api_tokens::hash.eq(hash.as_slice()),
            api_tokens::created_at.eq(now.0),
            api_tokens::expires_at.eq(words::millis(new.expires_at)),
            api_tokens::role.eq(new.role.as_str()),
            api_tokens::scope.eq(scope),
            api_tokens::created_by.eq(&created_by),
            api_tokens::maker.eq(new.maker.as_ref().map(Maker::id)),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(ApiToken {
            id,
            name,
            role: new.role,
            scope: new.scope.clone(),
            created_by,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        })
    }

    /// One token, live or not.
    pub fn token(&mut self, id: &TokenId) -> Result<Option<ApiToken>, Error> {
        let query = api_tokens::table.find(id.as_str()).select(columns::<TokenRow>());
        let row: Option<TokenRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(ApiToken::try_from).transpose()
    }

    /// Takes back what somebody made: tokens, those that were made with them and so on, and links of all these that
    /// nobody used yet. Says how many tokens that were.
    pub fn take_back(&mut self, maker: &Maker, now: Timestamp) -> Result<usize, Error> {
        let mut tokens: Vec<String> = Vec::new();
        let mut makers = vec![maker.id().to_owned()];
        // A token that was taken back long ago may have made others.
        while !makers.is_empty() {
            let query =
                api_tokens::table.filter(among(api_tokens::maker.assume_not_null(), makers)).select(api_tokens::id);
            makers = on_backend!(self, |conn| query.load(conn))?;
            tokens.extend(makers.iter().cloned());
        }
        let everybody = tokens.iter().cloned().chain([maker.id().to_owned()]);
        let query = update(
            operator_links::table,
            among(operator_links::maker.assume_not_null(), everybody).and(operator_links::used_at.is_null()),
            operator_links::used_at.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        let query = update(
            api_tokens::table,
            among(api_tokens::id, tokens).and(api_tokens::revoked_at.is_null()),
            api_tokens::revoked_at.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Tokens, newest first.
    pub fn tokens_page(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiToken>, Error> {
        // Behind every id of a UUID.
        let after = after.map_or("~", Cursor::sort_key);
        let query = api_tokens::table
            .filter(api_tokens::id.lt(after))
            .order(api_tokens::id.desc())
            .limit(one_more(limit))
            .select(columns::<TokenRow>());
        let rows: Vec<TokenRow> = on_backend!(self, |conn| query.load(conn))?;
        let tokens = rows.into_iter().map(ApiToken::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(tokens, limit, |token: &ApiToken| token.id.to_string()))
    }

    /// The token with this hash, if it is good at `now`.
    pub fn live_token(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<ApiToken>, Error> {
        let query = api_tokens::table.filter(api_tokens::hash.eq(hash.as_slice())).select(columns::<TokenRow>());
        let row: Option<TokenRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        let token = row.map(ApiToken::try_from).transpose()?;
        Ok(token.filter(|token| token.is_live(now)))
    }

    /// Notes that a token was used, unless that was noted lately.
    pub fn touch_token(&mut self, token: &ApiToken, now: Timestamp) -> Result<(), Error> {
        if token.last_used_at.is_some_and(|last| now.millis_since(last) < USE_NOTED_EVERY) {
            return Ok(());
        }
        let query =
            update(api_tokens::table, api_tokens::id.eq(token.id.as_str()), api_tokens::last_used_at.eq(Some(now.0)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Every token that there ever was, oldest first.
    pub fn tokens(&mut self) -> Result<Vec<ApiToken>, Error> {
        let query = api_tokens::table.order(api_tokens::id.asc()).select(columns::<TokenRow>());
        let rows: Vec<TokenRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    /// Takes a token back.
    pub fn revoke_token(&mut self, token: &TokenId, now: Timestamp) -> Result<(), Error> {
        let query = update(
            api_tokens::table,
            api_tokens::id.eq(token.as_str()).and(api_tokens::revoked_at.is_null()),
            api_tokens::revoked_at.eq(Some(now.0)),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("live token")),
        }
    }

    /// Claims a request for the caller, or tells what became of it before. When two claim the same at once, the
    /// second waits for the first one's transaction.
    pub fn claim_request(
        &mut self,
        token: &TokenId,
        key: &str,
        request_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Claim, Error> {
        let key = words::text(key);
        let insert = diesel::insert_into(idempotency_keys::table)
            .values((
                idempotency_keys::token.eq(token.as_str()),
                idempotency_keys::key.eq(&key),
                idempotency_keys::request_hash.eq(request_hash.as_slice()),
                idempotency_keys::created_at.eq(now.0),
            ))
            .on_conflict_do_nothing();
        if on_backend!(self, |conn| insert.execute(conn))? == 1 {
            return Ok(Claim::New);
        }
        let query = idempotency_keys::table.find((token.as_str(), &key)).select((
            idempotency_keys::request_hash,
            idempotency_keys::status,
            idempotency_keys::response,
        ));
        let (hash, status, response): (Vec<u8>, Option<i32>, Option<Vec<u8>>) =
            on_backend!(self, |conn| query.first(conn))?;
        if hash != request_hash {
            return Ok(Claim::OtherRequest);
        }
        let (Some(status), Some(sealed)) = (status, response) else { return Ok(Claim::Unfinished) };
        let status = u16::try_from(status).map_err(|_| Error::corrupt("idempotency_keys.status"))?;
        let response = self.key.open(response_of(&row(token, &key)), &sealed)?.to_vec();
        Ok(Claim::Done { status, response })
    }

    /// Keeps the answer to a request that was claimed.
    pub fn complete_request(&mut self, token: &TokenId, key: &str, status: u16, response: &[u8]) -> Result<(), Error> {
        let key = words::text(key);
        let sealed = self.key.seal(response_of(&row(token, &key)), response)?;
        let query = update(
            idempotency_keys::table,
            idempotency_keys::token.eq(token.as_str()).and(idempotency_keys::key.eq(&key)),
            (idempotency_keys::status.eq(Some(i32::from(status))), idempotency_keys::response.eq(Some(sealed))),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("claimed request")),
        }
    }
}

fn rights(text: &str) -> Result<Rights, Error> {
    serde_json::from_str(text).map_err(|_| Error::corrupt("api_tokens.scope"))
}

fn row(token: &TokenId, key: &str) -> String {
    format!("{token}/{key}")
}

const fn response_of(row: &str) -> Place<'_> {
    Place { column: "idempotency_keys.response", row }
}
