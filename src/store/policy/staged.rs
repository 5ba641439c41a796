//! Revisions that go to devices in stages, and what is to be sent again.

use std::collections::BTreeMap;

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{Outcomes, PolicyState, Staged, StagedState};
use crate::store::Error;
use crate::store::fragments::{among, at_most};
use crate::store::schema::policies::{policy_counts, policy_declarations, policy_retries, policy_stages};
use crate::store::tx::{Tx, on_backend};

/// What was asked for longer ago every device has come to, in milliseconds.
const RETRIES_STAY: i64 = 7 * 24 * 60 * 60 * 1000;

impl Tx<'_> {
    /// The revision that goes to devices in stages just now.
    pub fn policy_stage(&mut self) -> Result<Option<Staged>, Error> {
        let open = [StagedState::Running, StagedState::Paused, StagedState::Stopped].map(StagedState::as_str);
        let query = policy_stages::table
            .filter(among(policy_stages::state, open))
            .order(policy_stages::revision.desc())
            .select(policy_stages::value);
        let value: Option<String> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        value.as_deref().map(read).transpose()
    }

    /// Revisions that went to devices in stages, newest first.
    pub fn policy_stages(&mut self, limit: i64) -> Result<Vec<Staged>, Error> {
        let query = policy_stages::table.order(policy_stages::revision.desc()).select(policy_stages::value);
        let values: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        values.iter().map(|value| read(value)).collect()
    }

    /// One of them.
    pub fn policy_stage_of(&mut self, revision: i64) -> Result<Option<Staged>, Error> {
        let query = policy_stages::table.find(revision).select(policy_stages::value);
        let value: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        value.as_deref().map(read).transpose()
    }

    /// Keeps where one stands. Who changes one has [locked](Self::lock_policy_stages) them.
    pub fn save_policy_stage(&mut self, staged: &Staged) -> Result<(), Error> {
        let value = serde_json::to_string(staged).map_err(|_| Error::corrupt("policy_stages.value"))?;
        let query = diesel::insert_into(policy_stages::table)
            .values((
                policy_stages::revision.eq(staged.revision),
                policy_stages::state.eq(staged.state.as_str()),
                policy_stages::value.eq(value.clone()),
            ))
            .on_conflict(policy_stages::revision)
            .do_update()
            .set((policy_stages::state.eq(staged.state.as_str()), policy_stages::value.eq(value)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Nobody else changes what is published, or how it goes to devices, before this transaction ends.
    pub fn lock_policy_stages(&mut self) -> Result<(), Error> {
        self.lock_policies()
    }

    /// What became of a revision on the devices that have it.
    pub fn stage_outcomes(&mut self, revision: i64) -> Result<Outcomes, Error> {
        Ok(Outcomes::of(&self.stage_counts(revision)?))
    }

    /// On how many devices it stands where.
    pub fn stage_counts(&mut self, revision: i64) -> Result<BTreeMap<PolicyState, i64>, Error> {
        let name = Staged::standing(revision);
        Ok(self.policy_counts(Some(&name))?.remove(&name).unwrap_or_default())
    }

    /// What has failed until now is to be sent again: of a declaration, or all.
    pub fn retry_policies(&mut self, identifier: Option<&str>, now: Timestamp) -> Result<(), Error> {
        let old = policy_retries::asked_at.lt(now.plus_millis(-RETRIES_STAY).0);
        let query = diesel::delete(policy_retries::table.filter(old));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::insert_into(policy_retries::table)
            .values((policy_retries::identifier.eq(identifier.unwrap_or_default()), policy_retries::asked_at.eq(now.0)))
            .on_conflict(policy_retries::identifier)
            .do_update()
            .set(policy_retries::asked_at.eq(now.0));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// What is to be sent again, with when that was asked for.
    pub fn policy_retries(&mut self) -> Result<BTreeMap<String, Timestamp>, Error> {
        let query = policy_retries::table.select((policy_retries::identifier, policy_retries::asked_at));
        let rows: Vec<(String, i64)> = on_backend!(self, |conn| query.load(conn))?;
        Ok(rows.into_iter().map(|(identifier, at)| (identifier, Timestamp(at))).collect())
    }

    /// Counts of nothing, of declarations that are gone, go.
    pub(in crate::store) fn prune_policy_counts(&mut self) -> Result<usize, Error> {
        let known = policy_declarations::table
            .filter(policy_declarations::identifier.eq(policy_counts::identifier))
            .select(policy_declarations::identifier);
        let gone = policy_counts::devices.eq(0).and(diesel::dsl::not(diesel::dsl::exists(known)));
        let query = diesel::delete(policy_counts::table.filter(gone));
        on_backend!(self, |conn| query.execute(conn))
    }
}

fn read(value: &str) -> Result<Staged, Error> {
    serde_json::from_str(value).map_err(|_| Error::corrupt("policy_stages.value"))
}
