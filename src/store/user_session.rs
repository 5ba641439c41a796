//! Sessions of users, beside that of the device: of each user the last one, as a value. What is shown of them stands in
//! `sessions` like every other.

use diesel::prelude::*;
use transom_protocol::session::{Session, Timestamp};

use super::contact::awaiting_since;
use super::fragments::update;
use super::schema::user_sessions;
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{EnrollmentId, SessionKey};

impl Tx<'_> {
    /// The last session of each user who has sessions of his own on an enrollment; at most
    /// [`Session::MAX_USERS`]. The enrollment is to be locked.
    pub fn user_sessions(&mut self, enrollment: &EnrollmentId) -> Result<Vec<(SessionKey, Session)>, Error> {
        let query = user_sessions::table
            .filter(user_sessions::enrollment.eq(enrollment.as_str()))
            .order(user_sessions::session.asc())
            .select((user_sessions::session, user_sessions::snapshot));
        let rows: Vec<(String, Vec<u8>)> = on_backend!(self, |conn| query.load(conn))?;
        let open = |(key, snapshot): (String, Vec<u8>)| {
            let session = self.key.open_json(snapshot_of(&key), &snapshot)?;
            Ok((words::id(key)?, session))
        };
        rows.into_iter().map(open).collect()
    }

    /// Keeps a session of a user as it is after a message; one that is new may take the place of another.
    pub(super) fn save_user_session(
        &mut self,
        enrollment: &EnrollmentId,
        key: &SessionKey,
        session: &Session,
        is_new: bool,
    ) -> Result<(), Error> {
        let snapshot = self.key.seal_json(snapshot_of(key.as_str()), session)?;
        let awaiting = awaiting_since(session);
        if is_new {
            let query = diesel::insert_into(user_sessions::table).values((
                user_sessions::session.eq(key.as_str()),
                user_sessions::enrollment.eq(enrollment.as_str()),
                user_sessions::awaiting_since.eq(awaiting),
                user_sessions::snapshot.eq(snapshot),
            ));
            return on_backend!(self, |conn| query.execute(conn)).map(drop);
        }
        let changes = (user_sessions::awaiting_since.eq(awaiting), user_sessions::snapshot.eq(snapshot));
        let query = update(user_sessions::table, user_sessions::session.eq(key.as_str()), changes);
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => Ok(()),
            _ => Err(Error::NotFound("session")),
        }
    }

    /// A session of a user is no longer his last.
    pub fn forget_user_session(&mut self, key: &SessionKey) -> Result<(), Error> {
        let query = diesel::delete(user_sessions::table.filter(user_sessions::session.eq(key.as_str())));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Sessions of users that have waited for an answer since before then, longest first.
    pub fn silent_user_sessions(
        &mut self,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<(EnrollmentId, SessionKey)>, Error> {
        let query = user_sessions::table
            .filter(user_sessions::awaiting_since.lt(before.0))
            .order(user_sessions::awaiting_since.asc())
            .limit(limit)
            .select((user_sessions::enrollment, user_sessions::session));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(enrollment, session)| Ok((words::id(enrollment)?, words::id(session)?))).collect()
    }
}

const fn snapshot_of(session: &str) -> Place<'_> {
    Place { column: "user_sessions.snapshot", row: session }
}
