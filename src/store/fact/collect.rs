//! What collecting facts needs of the queue.

use diesel::prelude::*;
use transom_protocol::session::{CommandId, CommandState, Timestamp};

use crate::model::{CommandScope, EnrollmentId, OWN};
use crate::store::Error;
use crate::store::fragments::{among, at_most, update};
use crate::store::schema::{commands, enrollments};
use crate::store::tx::{Tx, on_backend};

impl Tx<'_> {
    /// From then on the device is asked for facts again.
    pub fn ask_facts_at(&mut self, enrollment: &EnrollmentId, at: Timestamp) -> Result<(), Error> {
        let query = update(
            enrollments::table,
            enrollments::id.eq(enrollment.as_str()),
            enrollments::facts_due_at.eq(Some(at.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Whether commands that the server ordered for itself under this word are still on their way, those that wait for
    /// a user left out.
    pub fn awaits_own(&mut self, enrollment: &EnrollmentId, word: &str) -> Result<bool, Error> {
        let open = CommandState::ALL.into_iter().filter(|state| state.is_open());
        let query = commands::table
            .filter(commands::enrollment.eq(enrollment.as_str()))
            .filter(among(commands::state, open.map(CommandState::as_str)))
            .filter(commands::created_by.eq(format!("{OWN}{word}")))
            .filter(commands::scope.ne(CommandScope::User.as_str()))
            .select(commands::id);
        let found: Option<String> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        Ok(found.is_some())
    }

    /// Forgets those of these commands that the server ordered for itself under this word and that have their outcome:
    /// what they told is kept elsewhere.
    pub fn forget_own(&mut self, ids: &[CommandId], word: &str) -> Result<usize, Error> {
        let query = diesel::delete(
            commands::table
                .filter(among(commands::id, ids.iter().map(|id| id.0.as_str())))
                .filter(commands::created_by.eq(format!("{OWN}{word}")))
                .filter(commands::settled_at.is_not_null()),
        );
        on_backend!(self, |conn| query.execute(conn))
    }
}
