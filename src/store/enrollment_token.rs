//! Tokens that enroll devices in place of a password: kept as a hash, and used no more often than they may be.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::journal::one_more;
use super::schema::enrollment_tokens;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, EnrollmentToken, EnrollmentTokenId, NewEnrollmentToken, Page, UserName};

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrollment_tokens)]
struct TokenRow {
    id: String,
    user_name: String,
    uses: i64,
    used: i64,
    created_at: i64,
    created_by: String,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<TokenRow> for EnrollmentToken {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            user: words::user_name(row.user_name)?,
            uses: words::count(row.uses, "enrollment_tokens.uses")?,
            used: words::count(row.used, "enrollment_tokens.used")?,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            expires_at: row.expires_at.map(Timestamp),
            last_used_at: row.last_used_at.map(Timestamp),
            revoked_at: row.revoked_at.map(Timestamp),
        })
    }
}

impl Tx<'_> {
    /// Keeps a new token by its hash.
    pub fn create_enrollment_token(
        &mut self,
        new: &NewEnrollmentToken,
        now: Timestamp,
    ) -> Result<EnrollmentToken, Error> {
        let token = EnrollmentToken {
            id: EnrollmentTokenId::new(now),
            user: new.user.clone(),
            uses: new.uses,
            used: 0,
            created_at: now,
            created_by: words::text(&new.created_by),
            expires_at: new.expires_at,
            last_used_at: None,
            revoked_at: None,
        };
        let query = diesel::insert_into(enrollment_tokens::table).values((
            enrollment_tokens::id.eq(token.id.as_str()),
            enrollment_tokens::hash.eq(new.hash.as_slice()),
            enrollment_tokens::user_name.eq(token.user.as_str()),
            enrollment_tokens::folded_user.eq(token.user.key()),
            enrollment_tokens::uses.eq(i64::from(token.uses)),
            enrollment_tokens::used.eq(0),
            enrollment_tokens::created_at.eq(now.0),
            enrollment_tokens::created_by.eq(&token.created_by),
            enrollment_tokens::expires_at.eq(words::millis(token.expires_at)),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(token)
    }

    /// The token with this hash, whatever became of it.
    pub fn enrollment_token_with(&mut self, hash: &[u8; 32]) -> Result<Option<EnrollmentToken>, Error> {
        let query =
            enrollment_tokens::table.filter(enrollment_tokens::hash.eq(hash.as_slice())).select(columns::<TokenRow>());
        let row: Option<TokenRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(EnrollmentToken::try_from).transpose()
    }

    /// One token.
    pub fn enrollment_token(&mut self, id: &EnrollmentTokenId) -> Result<Option<EnrollmentToken>, Error> {
        let query = enrollment_tokens::table.find(id.as_str()).select(columns::<TokenRow>());
        let row: Option<TokenRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(EnrollmentToken::try_from).transpose()
    }

    /// Tokens, newest first; of one user or of all.
    pub fn enrollment_tokens(
        &mut self,
        of: Option<&UserName>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<EnrollmentToken>, Error> {
        let rows: Vec<TokenRow> = on_backend!(self, |conn| {
            let mut query = enrollment_tokens::table
                .order(enrollment_tokens::id.desc())
                .limit(one_more(limit))
                .select(columns::<TokenRow>())
                .into_boxed();
            if let Some(after) = after {
                query = query.filter(enrollment_tokens::id.lt(after.sort_key()));
            }
            if let Some(user) = of {
                query = query.filter(enrollment_tokens::folded_user.eq(user.key()));
            }
            query.load(conn)
        })?;
        let tokens = rows.into_iter().map(EnrollmentToken::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(tokens, limit, |token: &EnrollmentToken| token.id.to_string()))
    }

    /// Takes one use of a token, if there is one left at `now`. Of any number that try at the same time only as many
    /// succeed as there are uses.
    pub fn use_enrollment_token(&mut self, id: &EnrollmentTokenId, now: Timestamp) -> Result<bool, Error> {
        let is_live = enrollment_tokens::revoked_at
            .is_null()
            .and(enrollment_tokens::used.lt(enrollment_tokens::uses))
            .and(enrollment_tokens::expires_at.is_null().or(enrollment_tokens::expires_at.gt(now.0)).assume_not_null());
        let query = update(
            enrollment_tokens::table,
            enrollment_tokens::id.eq(id.as_str()).and(is_live),
            (enrollment_tokens::used.eq(enrollment_tokens::used + 1), enrollment_tokens::last_used_at.eq(Some(now.0))),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Takes a token back.
    pub fn revoke_enrollment_token(&mut self, id: &EnrollmentTokenId, now: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollment_tokens::table,
            enrollment_tokens::id.eq(id.as_str()).and(enrollment_tokens::revoked_at.is_null()),
            enrollment_tokens::revoked_at.eq(Some(now.0)),
        );
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("live enrollment token")),
        }
    }
}
