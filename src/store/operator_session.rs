//! Who is signed in. Only a hash of what the browser shows is kept.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::schema::operator_sessions;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Operator, OperatorId, OperatorSession, OperatorSessionId};

#[derive(Queryable, Selectable)]
#[diesel(table_name = operator_sessions)]
struct SessionRow {
    id: String,
    operator: String,
    created_at: i64,
    seen_at: i64,
    expires_at: i64,
}

impl TryFrom<SessionRow> for OperatorSession {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            operator: words::id(row.operator)?,
            created_at: Timestamp(row.created_at),
            seen_at: Timestamp(row.seen_at),
            expires_at: Timestamp(row.expires_at),
        })
    }
}

impl Tx<'_> {
    /// An operator signed in.
    pub fn begin_operator_session(
        &mut self,
        operator: &OperatorId,
        hash: &[u8; 32],
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<OperatorSessionId, Error> {
        let id = OperatorSessionId::new(now);
        let query = diesel::insert_into(operator_sessions::table).values((
            operator_sessions::id.eq(id.as_str()),
            operator_sessions::hash.eq(hash.as_slice()),
            operator_sessions::operator.eq(operator.as_str()),
            operator_sessions::created_at.eq(now.0),
            operator_sessions::seen_at.eq(now.0),
            operator_sessions::expires_at.eq(expires_at.0),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(id)
    }

    /// The session with this hash that was heard of since `heard_since` and has not come to its end, and whose it is.
    /// Operators who may not sign in have none.
    pub fn operator_session(
        &mut self,
        hash: &[u8; 32],
        heard_since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<(OperatorSession, Operator)>, Error> {
        let query = operator_sessions::table
            .filter(operator_sessions::hash.eq(hash.as_slice()))
            .filter(operator_sessions::expires_at.gt(now.0))
            .filter(operator_sessions::seen_at.gt(heard_since.0))
            .select(columns::<SessionRow>());
        let row: Option<SessionRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some(session) = row.map(OperatorSession::try_from).transpose()? else { return Ok(None) };
        let operator = self.operator(&session.operator)?.filter(|operator| operator.disabled_at.is_none());
        Ok(operator.map(|operator| (session, operator)))
    }

    /// Notes that somebody who is signed in was heard of.
    pub fn touch_operator_session(&mut self, session: &OperatorSessionId, now: Timestamp) -> Result<(), Error> {
        let query = update(
            operator_sessions::table,
            operator_sessions::id.eq(session.as_str()),
            operator_sessions::seen_at.eq(now.0),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Somebody signs out.
    pub fn end_operator_session(&mut self, session: &OperatorSessionId) -> Result<(), Error> {
        let query = diesel::delete(operator_sessions::table.find(session.as_str()));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Signs somebody out everywhere, and says at how many places that was.
    pub fn end_operator_sessions(&mut self, operator: &OperatorId) -> Result<usize, Error> {
        let query = diesel::delete(operator_sessions::table.filter(operator_sessions::operator.eq(operator.as_str())));
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Forgets sessions whose time was over before then.
    pub(super) fn prune_operator_sessions(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = diesel::delete(operator_sessions::table.filter(operator_sessions::expires_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }
}
