//! What was published when.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{PolicyRevision, RevisedPolicy};
use crate::store::fragments::columns;
use crate::store::schema::policies::{policy_revision_items, policy_revisions};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

#[derive(Queryable, Selectable)]
#[diesel(table_name = policy_revisions)]
struct Row {
    number: i64,
    owner: String,
    author: String,
    message: String,
    at: i64,
    added: i64,
    changed: i64,
    removed: i64,
}

impl TryFrom<Row> for PolicyRevision {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            number: row.number,
            set: row.owner,
            author: row.author,
            message: row.message,
            at: Timestamp(row.at),
            added: words::count(row.added, "policy_revisions.added")?,
            changed: words::count(row.changed, "policy_revisions.changed")?,
            removed: words::count(row.removed, "policy_revisions.removed")?,
        })
    }
}

impl Tx<'_> {
    /// Revisions before a number, of all sets or of one, newest first.
    pub fn policy_revisions(
        &mut self,
        set: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<PolicyRevision>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Row> = on_backend!(self, |conn| {
            let mut query = policy_revisions::table
                .filter(policy_revisions::number.lt(before.unwrap_or(i64::MAX)))
                .order(policy_revisions::number.desc())
                .limit(limit)
                .select(columns::<Row>())
                .into_boxed();
            if let Some(set) = set {
                query = query.filter(policy_revisions::owner.eq(set));
            }
            query.load(conn)
        })?;
        rows.into_iter().map(PolicyRevision::try_from).collect()
    }

    /// One revision.
    pub fn policy_revision(&mut self, number: i64) -> Result<Option<PolicyRevision>, Error> {
        let query = policy_revisions::table.find(number).select(columns::<Row>());
        let row: Option<Row> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(PolicyRevision::try_from).transpose()
    }

    /// All declarations of the set as they were with a revision, by identifier.
    pub fn policies_of_revision(&mut self, number: i64) -> Result<Vec<RevisedPolicy>, Error> {
        let query = policy_revision_items::table
            .filter(policy_revision_items::revision.eq(number))
            .order(policy_revision_items::identifier.asc())
            .select((policy_revision_items::identifier, policy_revision_items::kind, policy_revision_items::token));
        let rows: Vec<(String, String, String)> = on_backend!(self, |conn| query.load(conn))?;
        let read = |(identifier, kind, token)| RevisedPolicy { identifier, kind, token };
        Ok(rows.into_iter().map(read).collect())
    }
}
