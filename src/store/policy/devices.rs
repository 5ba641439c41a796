//! What one life of a device is to have, and what became of it. Whoever changes it holds the lock of the enrollment.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::upsert::excluded;
use transom_protocol::session::{CommandId, CommandState, DeviceId, Timestamp};

use crate::model::{
    Cursor, DeviceKey, DevicePolicy, EnrollmentId, EnrollmentState, Facts, Page, PolicyStanding, PolicyState,
};
use crate::store::fragments::{among, at_most, update};
use crate::store::schema::policies::{policy_counts, policy_devices, policy_standings};
use crate::store::schema::{devices, enrollments};
use crate::store::seal::Place;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// Parts that each count is kept in.
const PARTS: u64 = 8;

/// Rows of one `INSERT`.
const ROWS: usize = 200;

/// All that decides what a device is to have.
#[derive(Debug, Clone)]
pub struct PolicySubject {
    /// Its life.
    pub enrollment: EnrollmentId,
    /// The device's own name for itself.
    pub device_id: DeviceId,
    /// It is under management, and was heard of in this life.
    pub is_active: bool,
    /// It has left management in this life.
    pub has_ended: bool,
    /// What is known of it.
    pub facts: Facts,
    /// What it is to have, as it was last decided.
    pub policy: DevicePolicy,
    /// Counts the changes of that; 0 when nothing was ever decided.
    pub version: i64,
    /// Where commands stand that carry something which is waited for; those that are gone are not among them.
    pub carriers: BTreeMap<String, CommandState>,
    /// Of these, commands that were never sent.
    pub unsent: BTreeSet<String>,
}

impl Tx<'_> {
    /// All that decides what a device is to have; nothing where there is no such enrollment.
    pub fn policy_subject(&mut self, enrollment: &EnrollmentId) -> Result<Option<PolicySubject>, Error> {
        let query = enrollments::table.find(enrollment.as_str()).select((
            enrollments::device,
            enrollments::device_id,
            enrollments::state,
            enrollments::ended_at,
        ));
        let row: Option<(String, String, String, Option<i64>)> =
            on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((device, device_id, state, ended_at)) = row else { return Ok(None) };
        let device: DeviceKey = words::id(device)?;
        let facts = if ended_at.is_none() { self.facts(&device)? } else { Facts::default() };
        // What was observed in a life before says nothing of this one.
        let facts = if facts.iter().any(|fact| fact.enrollment != *enrollment) {
            facts.iter().filter(|fact| fact.enrollment == *enrollment || fact.name.is_given()).cloned().collect()
        } else {
            facts
        };
        let (version, policy) = self.device_policy(enrollment)?;
        let waiting: BTreeSet<&String> = policy
            .settings
            .values()
            .flat_map(|setting| {
                let reading = setting.check.reading.as_ref().filter(|_| setting.check.reads());
                let carrier = setting.carrier.iter().chain(&setting.first).filter(|_| setting.waits());
                carrier.chain(reading.map(|reading| &reading.carrier))
            })
            .collect();
        let searches = policy.searches.iter().filter_map(|search| search.carrier.as_ref());
        let waiting: Vec<CommandId> = waiting
            .into_iter()
            .chain(searches)
            .chain(policy.watched.carriers())
            .map(|id| CommandId(id.clone()))
            .collect();
        let carriers = self.carrier_states(&waiting)?;
        let unsent = carriers.iter().filter(|(.., unsent)| *unsent).map(|(id, ..)| id.0.clone()).collect();
        Ok(Some(PolicySubject {
            enrollment: enrollment.clone(),
            device_id: words::device_id(&device_id)?,
            is_active: state == EnrollmentState::Active.as_str(),
            has_ended: ended_at.is_some(),
            facts,
            policy,
            version,
            carriers: carriers.into_iter().map(|(id, state, _)| (id.0, state)).collect(),
            unsent,
        }))
    }

    /// What a device is to have in this life, and how often that changed.
    pub fn device_policy(&mut self, enrollment: &EnrollmentId) -> Result<(i64, DevicePolicy), Error> {
        let query =
            policy_devices::table.find(enrollment.as_str()).select((policy_devices::version, policy_devices::value));
        let row: Option<(i64, Vec<u8>)> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((version, sealed)) = row else { return Ok((0, DevicePolicy::default())) };
        Ok((version, self.key.open_json(policy_of(enrollment.as_str()), &sealed)?))
    }

    /// Devices of which somebody is to look at what they have, the longest due first.
    pub fn policy_checks(&mut self, now: Timestamp, limit: i64) -> Result<Vec<EnrollmentId>, Error> {
        let query = policy_devices::table
            .filter(policy_devices::look_at.assume_not_null().le(now.0))
            .order((policy_devices::look_at.asc(), policy_devices::enrollment.asc()))
            .select(policy_devices::enrollment);
        let ids: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        ids.into_iter().map(words::id).collect()
    }

    /// There is nothing to do now with these: they are looked at again from then on. What changed since stays due.
    pub fn postpone_policy_checks(
        &mut self,
        ids: &[EnrollmentId],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Error> {
        let due = policy_devices::look_at.assume_not_null().le(now.0).and(policy_devices::changed_at.lt(now.0));
        let these = among(policy_devices::enrollment, ids.iter().map(EnrollmentId::as_str));
        let query = diesel::update(policy_devices::table.filter(these).filter(due))
            .set(policy_devices::look_at.eq(Some(until.0)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// How often what a device is to have has changed in this life.
    pub fn device_policy_version(&mut self, enrollment: &EnrollmentId) -> Result<i64, Error> {
        let query = policy_devices::table.find(enrollment.as_str()).select(policy_devices::version);
        let version: Option<i64> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(version.unwrap_or(0))
    }

    /// What became of the settings of commands was kept in this transaction.
    pub fn note_policies_heard(&mut self, enrollment: &EnrollmentId) {
        self.policies_heard.insert(enrollment.clone());
    }

    /// Keeps what a device is to have, in place of what was read with a version; lists and counts follow. False, and
    /// nothing is kept, where somebody else was faster.
    pub fn save_device_policy(
        &mut self,
        enrollment: &EnrollmentId,
        version: i64,
        before: &DevicePolicy,
        after: &DevicePolicy,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let id = enrollment.as_str();
        let value = self.key.seal_json(policy_of(id), after)?;
        let values = (
            policy_devices::version.eq(version + 1),
            policy_devices::waits.eq(i64::try_from(after.waiting()).unwrap_or(i64::MAX)),
            policy_devices::changed_at.eq(now.0),
            policy_devices::look_at.eq(after.look_at().map(|at| at.0)),
            policy_devices::value.eq(value),
        );
        let kept = if version == 0 {
            let query = diesel::insert_into(policy_devices::table)
                .values((policy_devices::enrollment.eq(id), values))
                .on_conflict_do_nothing();
            on_backend!(self, |conn| query.execute(conn))?
        } else {
            let as_read = policy_devices::enrollment.eq(id).and(policy_devices::version.eq(version));
            let query = update(policy_devices::table, as_read, values);
            on_backend!(self, |conn| query.execute(conn))?
        };
        if kept != 1 {
            return Ok(false);
        }
        self.save_standings(enrollment, &before.standings, &after.standings, now)?;
        Ok(true)
    }

    /// Nothing is wanted of a life any more that has ended. False where there was nothing, or somebody else was faster: what
    /// it counted is taken off once.
    pub fn forget_device_policy(&mut self, enrollment: &EnrollmentId, now: Timestamp) -> Result<bool, Error> {
        let (version, policy) = self.device_policy(enrollment)?;
        let as_read = policy_devices::enrollment.eq(enrollment.as_str()).and(policy_devices::version.eq(version));
        let query = diesel::delete(policy_devices::table.filter(as_read));
        if version == 0 || on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Ok(false);
        }
        self.save_standings(enrollment, &policy.standings, &BTreeMap::new(), now)?;
        Ok(true)
    }

    fn save_standings(
        &mut self,
        enrollment: &EnrollmentId,
        before: &BTreeMap<String, PolicyState>,
        after: &BTreeMap<String, PolicyState>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let differs = |one: &BTreeMap<String, PolicyState>, other: &BTreeMap<String, PolicyState>| {
            let all = one.iter().filter(|(name, state)| other.get(*name) != Some(*state));
            all.map(|(name, state)| (name.clone(), *state)).collect::<Vec<_>>()
        };
        let (gone, new) = (differs(before, after), differs(after, before));
        let part = part_of(enrollment);
        for (name, state) in &gone {
            *self.policy_counts.entry((name.clone(), *state, part)).or_default() -= 1;
        }
        for (name, state) in &new {
            *self.policy_counts.entry((name.clone(), *state, part)).or_default() += 1;
        }
        if !gone.is_empty() {
            let mine = policy_standings::enrollment.eq(enrollment.as_str());
            let names = among(policy_standings::identifier, gone.into_iter().map(|(name, _)| name));
            let query = diesel::delete(policy_standings::table.filter(names).filter(mine));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        let rows: Vec<_> = new
            .into_iter()
            .map(|(name, state)| {
                (
                    policy_standings::identifier.eq(name),
                    policy_standings::enrollment.eq(enrollment.as_str()),
                    policy_standings::state.eq(state.as_str()),
                    policy_standings::changed_at.eq(now.0),
                )
            })
            .collect();
        for some in rows.chunks(ROWS) {
            let query = diesel::insert_into(policy_standings::table).values(some.to_vec());
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(())
    }

    /// Brings the counts up to date with what changed in this transaction, all transactions in the same order.
    pub(in crate::store) fn write_policy_counts(&mut self) -> Result<(), Error> {
        let changes = std::mem::take(&mut self.policy_counts).into_iter().filter(|(_, change)| *change != 0);
        let row = |((identifier, state, part), change): ((String, PolicyState, i64), i64)| {
            (
                policy_counts::identifier.eq(identifier),
                policy_counts::state.eq(state.as_str()),
                policy_counts::part.eq(part),
                policy_counts::devices.eq(change),
            )
        };
        let rows: Vec<_> = changes.map(row).collect();
        for some in rows.chunks(ROWS) {
            let this = (policy_counts::identifier, policy_counts::state, policy_counts::part);
            let sum = policy_counts::devices + excluded(policy_counts::devices);
            // To whom a statement is a way over the network, one for all.
            on_backend!(
                self,
                sqlite => |conn| {
                    some.iter().try_for_each(|row| {
                        let query = diesel::insert_into(policy_counts::table).values(row.clone()).on_conflict(this);
                        query.do_update().set(policy_counts::devices.eq(sum)).execute(conn).map(drop)
                    })
                },
                postgres => |conn| {
                    let query = diesel::insert_into(policy_counts::table).values(some.to_vec()).on_conflict(this);
                    query.do_update().set(policy_counts::devices.eq(sum)).execute(conn).map(drop)
                }
            )?;
        }
        Ok(())
    }

    /// The devices on which a declaration stands somewhere, or there, by their lives.
    pub fn policy_standings(
        &mut self,
        identifier: &str,
        state: Option<PolicyState>,
        cursor: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<PolicyStanding>, Error> {
        let after = cursor.map(Cursor::sort_key).unwrap_or_default();
        let one_more = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
        let rows: Vec<(String, String, Option<String>, String, i64)> = on_backend!(self, |conn| {
            let mut query = policy_standings::table
                .inner_join(enrollments::table.inner_join(devices::table))
                .filter(policy_standings::identifier.eq(identifier))
                .filter(policy_standings::enrollment.gt(after))
                .order(policy_standings::enrollment.asc())
                .limit(one_more)
                .select((
                    policy_standings::enrollment,
                    enrollments::device_id,
                    devices::name,
                    policy_standings::state,
                    policy_standings::changed_at,
                ))
                .into_boxed();
            if let Some(state) = state {
                query = query.filter(policy_standings::state.eq(state.as_str()));
            }
            query.load(conn)
        })?;
        let mut standings = Vec::with_capacity(rows.len());
        for (enrollment, device_id, name, state, since) in rows {
            standings.push(PolicyStanding {
                device: words::device_id(&device_id)?,
                name,
                enrollment: words::id(enrollment)?,
                state: words::of_word(&state, "policy_standings.state")?,
                since: Timestamp(since),
            });
        }
        Ok(Page::of(standings, limit, |last| last.enrollment.as_str().to_owned()))
    }
}

/// The part of the counts that an enrollment is counted in.
fn part_of(enrollment: &EnrollmentId) -> i64 {
    i64::try_from(enrollment.spread() % PARTS).unwrap_or(0)
}

const fn policy_of(enrollment: &str) -> Place<'_> {
    Place { column: "policy_devices.value", row: enrollment }
}
