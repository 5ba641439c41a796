//! Which devices are to be looked at, and which instance does so.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use transom_protocol::session::Timestamp;

use crate::model::{EnrollmentId, EnrollmentState, PolicyLook, PolicyWalk, PolicyWork, WebhookClaim};
use crate::store::fragments::{among, at_most, update};
use crate::store::schema::enrollments;
use crate::store::schema::policies::{policy_looks, policy_work};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// The one row.
const WORK: &str = "policies";

/// Of [`PolicyWork`].
type WorkRow = (i64, i64, String);

/// Lives that are counted.
const MANAGED: i64 = 10_000_000;

impl Tx<'_> {
    /// A device is to be looked at, from then on, or sooner where somebody asked for that.
    pub fn look_at_policies(&mut self, enrollment: &EnrollmentId, due: Timestamp) -> Result<(), Error> {
        let sooner = diesel::dsl::case_when(policy_looks::due_at.lt(due.0), policy_looks::due_at)
            .otherwise(due.0.into_sql::<BigInt>());
        let query = diesel::insert_into(policy_looks::table)
            .values((
                policy_looks::enrollment.eq(enrollment.as_str()),
                policy_looks::ticket.eq(1),
                policy_looks::due_at.eq(due.0),
            ))
            .on_conflict(policy_looks::enrollment)
            .do_update()
            .set((policy_looks::ticket.eq(policy_looks::ticket + 1), policy_looks::due_at.eq(sooner)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Devices to be looked at now, the longest due first.
    pub fn policy_looks(&mut self, now: Timestamp, limit: i64) -> Result<Vec<PolicyLook>, Error> {
        let query = policy_looks::table
            .filter(policy_looks::due_at.le(now.0))
            .order((policy_looks::due_at.asc(), policy_looks::enrollment.asc()))
            .select((policy_looks::enrollment, policy_looks::ticket));
        let rows: Vec<(String, i64)> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        rows.into_iter().map(|(id, ticket)| Ok(PolicyLook { enrollment: words::id(id)?, ticket })).collect()
    }

    /// A device was looked at. What was asked for meanwhile stays.
    pub fn end_policy_look(&mut self, look: &PolicyLook) -> Result<(), Error> {
        let this = policy_looks::enrollment.eq(look.enrollment.as_str()).and(policy_looks::ticket.eq(look.ticket));
        let query = diesel::delete(policy_looks::table.filter(this));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// What was published last, and how far it went.
    pub fn policy_work(&mut self) -> Result<PolicyWork, Error> {
        let query =
            policy_work::table.find(WORK).select((policy_work::generation, policy_work::changed_at, policy_work::walk));
        let row: WorkRow = on_backend!(self, |conn| query.first(conn))?;
        let walk: PolicyWalk = serde_json::from_str(&row.2).map_err(|_| Error::corrupt("policy_work.walk"))?;
        Ok(PolicyWork { generation: row.0, changed_at: Timestamp(row.1), walk })
    }

    /// Claims the work, if nobody else does it, or goes on with it. Whether it is ours until then.
    pub fn claim_policy_work(&mut self, claim: &WebhookClaim, until: Timestamp, now: Timestamp) -> Result<bool, Error> {
        let free = policy_work::claimed_until
            .is_null()
            .or(policy_work::claimed_until.assume_not_null().lt(now.0))
            .or(policy_work::claim.assume_not_null().eq(claim.as_str()));
        let query = update(
            policy_work::table,
            policy_work::name.eq(WORK).and(free),
            (policy_work::claim.eq(Some(claim.as_str())), policy_work::claimed_until.eq(Some(until.0))),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Keeps how far it went, as long as the claim holds. Whether it does.
    pub fn save_policy_walk(
        &mut self,
        claim: &WebhookClaim,
        walk: &PolicyWalk,
        until: Timestamp,
    ) -> Result<bool, Error> {
        let walk = serde_json::to_string(walk).map_err(|_| Error::corrupt("policy_work.walk"))?;
        let mine = policy_work::name.eq(WORK).and(policy_work::claim.assume_not_null().eq(claim.as_str()));
        let changes = (policy_work::walk.eq(walk), policy_work::claimed_until.eq(Some(until.0)));
        let query = update(policy_work::table, mine, changes);
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Goes on with the work, as long as the claim holds. Whether it does.
    pub fn keep_policy_work(&mut self, claim: &WebhookClaim, until: Timestamp) -> Result<bool, Error> {
        let mine = policy_work::name.eq(WORK).and(policy_work::claim.assume_not_null().eq(claim.as_str()));
        let query = update(policy_work::table, mine, policy_work::claimed_until.eq(Some(until.0)));
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Ends a claim, where it is this one.
    pub fn release_policy_work(&mut self, claim: &WebhookClaim) -> Result<(), Error> {
        let mine = policy_work::name.eq(WORK).and(policy_work::claim.assume_not_null().eq(claim.as_str()));
        let query = update(policy_work::table, mine, policy_work::claimed_until.eq(None::<i64>));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(())
    }

    /// What is wanted has changed: all devices are to be looked at.
    pub fn touch_policies(&mut self, now: Timestamp) -> Result<(), Error> {
        let changes = (policy_work::generation.eq(policy_work::generation + 1), policy_work::changed_at.eq(now.0));
        let query = update(policy_work::table, policy_work::name.eq(WORK), changes);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Nobody else publishes before this transaction ends.
    pub(in crate::store) fn lock_policies(&mut self) -> Result<(), Error> {
        let query = policy_work::table.find(WORK).select(policy_work::generation);
        let _: i64 = on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| query.for_no_key_update().first(conn)
        )?;
        Ok(())
    }

    /// Lives of devices that are under management, by their ids from behind one.
    pub fn managed_enrollments(&mut self, after: &str, limit: i64) -> Result<Vec<EnrollmentId>, Error> {
        let query = enrollments::table
            .filter(enrollments::id.gt(after))
            .filter(enrollments::ended_at.is_null())
            .filter(enrollments::state.eq(EnrollmentState::Active.as_str()))
            .order(enrollments::id.asc())
            .select(enrollments::id);
        let ids: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        ids.into_iter().map(words::id).collect()
    }

    /// How many of them there are, up to a bound that nobody reaches.
    pub fn count_managed(&mut self) -> Result<u64, Error> {
        let active = EnrollmentState::Active.as_str();
        let rows = format!("enrollments WHERE ended_at IS NULL AND state = '{active}'");
        Ok(u64::try_from(self.counted(&rows, MANAGED)?).unwrap_or(0))
    }

    /// Locks these lives, as far as they go on, in the order in which every transaction locks more than one. Gives those.
    pub fn lock_lives(&mut self, ids: &[EnrollmentId]) -> Result<BTreeSet<EnrollmentId>, Error> {
        let query = enrollments::table
            .filter(among(enrollments::id, ids.iter().map(EnrollmentId::as_str)))
            .filter(enrollments::ended_at.is_null())
            .order((enrollments::folded_id.asc(), enrollments::generation.desc()))
            .select(enrollments::id);
        let ids: Vec<String> = on_backend!(
            self,
            sqlite => |conn| query.load(conn),
            postgres => |conn| query.for_no_key_update().load(conn)
        )?;
        ids.into_iter().map(words::id).collect()
    }
}
