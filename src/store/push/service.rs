//! What the instances share: the token, and whose turn it is to ask for another.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::token_of;
use crate::model::{PushServiceRecord, PushToken, Secret, TokenTurn};
use crate::store::fragments::{columns, update};
use crate::store::schema::push_services;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// The one service there is.
pub(super) const WNS: &str = "wns";

/// Which credentials a token was given for: a hash of them, so that others after a change of the settings are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials(pub String);

#[derive(Queryable, Selectable)]
#[diesel(table_name = push_services)]
struct ServiceRow {
    token: Option<Vec<u8>>,
    token_for: Option<String>,
    token_ends: Option<i64>,
    token_number: i64,
    refresh_until: Option<i64>,
    refresh_failures: i64,
    refresh_after: Option<i64>,
    problem: Option<String>,
    problem_at: Option<i64>,
    paused_until: Option<i64>,
}

impl Tx<'_> {
    /// Whose turn it is to get a token. `refused` is the number of one that WNS did not take. Whoever is to ask has until
    /// `now + lease` to do so; the others wait.
    pub fn take_token_turn(
        &mut self,
        credentials: &Credentials,
        refused: Option<i64>,
        lease: i64,
        now: Timestamp,
    ) -> Result<TokenTurn, Error> {
        let row = self.service(true)?;
        let same = row.token_for.as_deref() == Some(credentials.0.as_str());
        if let Some(token) = self.good_token(&row, credentials, refused, now)? {
            return Ok(TokenTurn::Ready(token));
        }
        if row.refresh_until.is_some_and(|until| until > now.0) {
            return Ok(TokenTurn::Wait);
        }
        if let Some(until) = row.refresh_after.filter(|after| *after > now.0 && same) {
            let problem = row.problem.unwrap_or_default();
            return Ok(TokenTurn::NotNow { until: Timestamp(until), problem });
        }
        let query = update(
            push_services::table,
            push_services::name.eq(WNS),
            push_services::refresh_until.eq(Some(now.0.saturating_add(lease))),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(TokenTurn::Ask)
    }

    /// The token, if there is one that is good.
    pub fn push_token(&mut self, credentials: &Credentials, now: Timestamp) -> Result<Option<PushToken>, Error> {
        let row = self.service(false)?;
        self.good_token(&row, credentials, None, now)
    }

    /// Keeps a token that was given. `after_refusal`: the one before it was not taken.
    pub fn save_push_token(
        &mut self,
        credentials: &Credentials,
        token: &Secret<String>,
        ends: Timestamp,
        after_refusal: bool,
        now: Timestamp,
    ) -> Result<PushToken, Error> {
        let number = self.service(true)?.token_number + 1;
        let sealed = self.key.seal(token_of(WNS), token.expose().as_bytes())?;
        let query = update(
            push_services::table,
            push_services::name.eq(WNS),
            (
                push_services::token.eq(Some(sealed)),
                push_services::token_for.eq(Some(credentials.0.clone())),
                push_services::token_ends.eq(Some(ends.0)),
                push_services::token_number.eq(number),
                push_services::refresh_until.eq(None::<i64>),
                push_services::refresh_failures.eq(0),
                // WNS may refuse this one as well: nobody asks for the next one at once.
                push_services::refresh_after.eq(after_refusal.then(|| now.0.saturating_add(MOST_OFTEN))),
                push_services::problem.eq(None::<String>),
                push_services::problem_at.eq(None::<i64>),
            ),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(PushToken { token: token.clone(), number })
    }

    /// How often in a row no token was given.
    pub fn token_failures(&mut self) -> Result<u32, Error> {
        let row = self.service(false)?;
        words::count(row.refresh_failures, "push_services.refresh_failures")
    }

    /// Keeps why no token was given, and when the next one is asked for.
    pub fn save_token_problem(
        &mut self,
        credentials: &Credentials,
        problem: &str,
        again: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        let query = update(
            push_services::table,
            push_services::name.eq(WNS),
            (
                push_services::token.eq(None::<Vec<u8>>),
                push_services::token_for.eq(Some(credentials.0.clone())),
                push_services::token_ends.eq(None::<i64>),
                push_services::refresh_until.eq(None::<i64>),
                push_services::refresh_failures.eq(push_services::refresh_failures + 1),
                push_services::refresh_after.eq(Some(again.0)),
                push_services::problem.eq(Some(words::text(problem))),
                push_services::problem_at.eq(Some(now.0)),
            ),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// How pushes go in general.
    pub fn push_service(&mut self) -> Result<PushServiceRecord, Error> {
        let row = self.service(false)?;
        let (waiting, awaiting) = self.count_pushes()?;
        Ok(PushServiceRecord {
            token_ends: row.token_ends.map(Timestamp),
            problem: row.problem,
            problem_at: row.problem_at.map(Timestamp),
            paused_until: row.paused_until.map(Timestamp),
            waiting,
            awaiting,
            channels: self.count_channels()?,
        })
    }

    fn good_token(
        &self,
        row: &ServiceRow,
        credentials: &Credentials,
        refused: Option<i64>,
        now: Timestamp,
    ) -> Result<Option<PushToken>, Error> {
        let is_good = row.token_for.as_deref() == Some(credentials.0.as_str())
            && row.token_ends.is_some_and(|ends| ends > now.0)
            && refused != Some(row.token_number);
        let Some(sealed) = row.token.as_ref().filter(|_| is_good) else { return Ok(None) };
        let plain = self.key.open(token_of(WNS), sealed)?;
        let token = String::from_utf8(plain.to_vec()).map_err(|_| Error::corrupt("push_services.token"))?;
        Ok(Some(PushToken { token: Secret::new(token), number: row.token_number }))
    }

    fn service(&mut self, lock: bool) -> Result<ServiceRow, Error> {
        let query = push_services::table.find(WNS).select(columns::<ServiceRow>());
        on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| if lock { query.for_no_key_update().first(conn) } else { query.first(conn) }
        )
    }
}

/// Tokens are asked for at most so often while WNS refuses them, in milliseconds.
const MOST_OFTEN: i64 = 30_000;
