//! What was published when.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{PolicyRevision, PublishedPolicy, RevisedPolicy};
use crate::store::fragments::{at_most, columns};
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

    /// Sets of which something was published, by name, with the number of the last revision of each. From one to the next
    /// in the index, so that a long history costs nothing.
    pub fn policy_sets(&mut self, limit: usize) -> Result<Vec<(String, i64)>, Error> {
        let mut sets: Vec<(String, i64)> = Vec::new();
        while sets.len() < limit {
            let behind = sets.last().map(|(set, _)| set.clone()).unwrap_or_default();
            let query = policy_revisions::table
                .filter(policy_revisions::owner.gt(behind))
                .order(policy_revisions::owner.asc())
                .select(policy_revisions::owner);
            let next: Option<String> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
            let Some(set) = next else { break };
            let last = self.policy_revisions(Some(&set), None, 1)?.first().map_or(0, |last| last.number);
            sets.push((set, last));
        }
        Ok(sets)
    }

    /// One revision.
    pub fn policy_revision(&mut self, number: i64) -> Result<Option<PolicyRevision>, Error> {
        let query = policy_revisions::table.find(number).select(columns::<Row>());
        let row: Option<Row> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(PolicyRevision::try_from).transpose()
    }

    /// A declaration that is published no longer, as the last revision had it that did.
    pub fn removed_policy(&mut self, identifier: &str) -> Result<Option<PublishedPolicy>, Error> {
        let query = policy_revision_items::table
            .filter(policy_revision_items::identifier.eq(identifier))
            .order(policy_revision_items::revision.desc())
            .select((policy_revision_items::revision, policy_revision_items::kind, policy_revision_items::token));
        let row: Option<(i64, String, String)> =
            on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        let Some((revision, kind, token)) = row else { return Ok(None) };
        let Some(last) = self.policy_revision(revision)? else { return Ok(None) };
        let (identifier, set, changed_at) = (identifier.to_owned(), last.set, last.at);
        Ok(Some(PublishedPolicy { identifier, set, kind, token, revision, changed_at }))
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
