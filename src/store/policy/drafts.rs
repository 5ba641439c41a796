//! What authors write and have not published, and which revisions were written so.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{PolicyDraft, PolicyDraftHead};
use crate::store::fragments::{at_most, update};
use crate::store::schema::policies::{policy_drafts, policy_revisions, policy_web_revisions};
use crate::store::seal::Place;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// How many one author may have.
const MOST: i64 = 50;

impl Tx<'_> {
    /// The drafts of an author, by set.
    pub fn policy_drafts(&mut self, author: &str) -> Result<Vec<PolicyDraftHead>, Error> {
        let query = policy_drafts::table
            .filter(policy_drafts::author.eq(words::text(author)))
            .order(policy_drafts::owner.asc())
            .limit(MOST)
            .select((policy_drafts::owner, policy_drafts::version, policy_drafts::base, policy_drafts::changed_at));
        let rows: Vec<(String, i64, i64, i64)> = on_backend!(self, |conn| query.load(conn))?;
        Ok(rows.into_iter().map(|(set, version, base, at)| head(set, version, base, at)).collect())
    }

    /// An author's draft of a set.
    pub fn policy_draft(&mut self, author: &str, set: &str) -> Result<Option<PolicyDraft>, Error> {
        let author = words::text(author);
        let query = policy_drafts::table.find((&author, set)).select((
            policy_drafts::version,
            policy_drafts::base,
            policy_drafts::changed_at,
            policy_drafts::body,
        ));
        let row: Option<(i64, i64, i64, Vec<u8>)> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((version, base, at, sealed)) = row else { return Ok(None) };
        let row = row_of(&author, set);
        let plain = self.key.open(body_of(&row), &sealed)?.to_vec();
        let body = String::from_utf8(plain).map_err(|_| Error::corrupt("policy_drafts.body"))?;
        Ok(Some(PolicyDraft { head: head(set.to_owned(), version, base, at), body }))
    }

    /// Keeps a draft in place of the one of this set that its author had seen in this version, 0 for none. Gives its version;
    /// nothing where there is another by now. A draft that comes after one that was discarded has none of its versions: it
    /// begins to count at the time.
    pub fn save_policy_draft(
        &mut self,
        author: &str,
        set: &str,
        seen: i64,
        base: i64,
        body: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, Error> {
        let author = words::text(author);
        let row = row_of(&author, set);
        let sealed = self.key.seal(body_of(&row), body.as_bytes())?;
        let (version, changed) = if seen == 0 {
            let query = policy_drafts::table.filter(policy_drafts::author.eq(author.clone())).count();
            let count: i64 = on_backend!(self, |conn| query.get_result(conn))?;
            if count >= MOST {
                return Err(Error::Conflict(format!("you have {MOST} drafts already: publish or discard one first")));
            }
            let version = now.0.max(1);
            let values = (
                policy_drafts::author.eq(author),
                policy_drafts::owner.eq(set.to_owned()),
                policy_drafts::version.eq(version),
                policy_drafts::base.eq(base),
                policy_drafts::changed_at.eq(now.0),
                policy_drafts::body.eq(sealed),
            );
            let query = diesel::insert_into(policy_drafts::table).values(values).on_conflict_do_nothing();
            (version, on_backend!(self, |conn| query.execute(conn))?)
        } else {
            let as_seen = policy_drafts::author
                .eq(author)
                .and(policy_drafts::owner.eq(set.to_owned()))
                .and(policy_drafts::version.eq(seen));
            let values = (
                policy_drafts::version.eq(seen + 1),
                policy_drafts::base.eq(base),
                policy_drafts::changed_at.eq(now.0),
                policy_drafts::body.eq(sealed),
            );
            let query = update(policy_drafts::table, as_seen, values);
            (seen + 1, on_backend!(self, |conn| query.execute(conn))?)
        };
        Ok((changed == 1).then_some(version))
    }

    /// Forgets a draft; false where there is none.
    pub fn forget_policy_draft(&mut self, author: &str, set: &str) -> Result<bool, Error> {
        let own = policy_drafts::author.eq(words::text(author)).and(policy_drafts::owner.eq(set.to_owned()));
        let query = diesel::delete(policy_drafts::table.filter(own));
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Forgets a draft that is as it was; what was written meanwhile stays.
    pub fn end_policy_draft(&mut self, author: &str, set: &str, version: i64) -> Result<bool, Error> {
        let own = policy_drafts::author.eq(words::text(author)).and(policy_drafts::owner.eq(set.to_owned()));
        let query = diesel::delete(policy_drafts::table.filter(own.and(policy_drafts::version.eq(version))));
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Notes that a revision was written on the pages.
    pub fn note_web_revision(&mut self, revision: i64) -> Result<(), Error> {
        let query = diesel::insert_into(policy_web_revisions::table)
            .values(policy_web_revisions::revision.eq(revision))
            .on_conflict_do_nothing();
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(())
    }

    /// The last revision of a set that came from files or a script.
    pub fn last_revision_of_files(&mut self, set: &str) -> Result<Option<i64>, Error> {
        let written = policy_web_revisions::table.select(policy_web_revisions::revision);
        let query = policy_revisions::table
            .filter(policy_revisions::owner.eq(set.to_owned()))
            .filter(diesel::dsl::not(policy_revisions::number.eq_any(written)))
            .order(policy_revisions::number.desc())
            .select(policy_revisions::number);
        Ok(on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?)
    }
}

fn head(set: String, version: i64, base: i64, changed_at: i64) -> PolicyDraftHead {
    PolicyDraftHead { set, version, base, changed_at: Timestamp(changed_at) }
}

/// A row by its author and its set; the name of a set has no line break.
fn row_of(author: &str, set: &str) -> String {
    format!("{set}\n{author}")
}

const fn body_of(row: &str) -> Place<'_> {
    Place { column: "policy_drafts.body", row }
}
