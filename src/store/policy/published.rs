//! Declarations as they are now, and publishing others.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{
    ByState, NewPolicyRevision, Outcomes, PUBLISHED_MEANWHILE, PolicyRevision, PolicyState, PublishedPolicy,
    RevisedPolicy, Staged, StagedState,
};
use crate::store::fragments::{among, at_most, columns};
use crate::store::schema::policies::{
    policy_contents, policy_counts, policy_declarations, policy_revision_items, policy_revisions,
};
use crate::store::seal::Place;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// Rows of one `INSERT`.
const ROWS: usize = 200;

/// Counts that are looked at for what is in trouble: eight parts of each state of a configuration.
const MOST_COUNTS: i64 = 20_000;

/// The kind of those declarations that have settings.
const CONFIGURATION: &str = "configuration";

#[derive(Queryable, Selectable)]
#[diesel(table_name = policy_declarations)]
struct Row {
    identifier: String,
    owner: String,
    kind: String,
    token: String,
    revision: i64,
    changed_at: i64,
}

impl From<Row> for PublishedPolicy {
    fn from(row: Row) -> Self {
        Self {
            identifier: row.identifier,
            set: row.owner,
            kind: row.kind,
            token: row.token,
            revision: row.revision,
            changed_at: Timestamp(row.changed_at),
        }
    }
}

/// What publishing changes.
struct Difference<'a> {
    added: Vec<&'a RevisedPolicy>,
    changed: Vec<&'a RevisedPolicy>,
    removed: Vec<String>,
}

impl Tx<'_> {
    /// What is published: all of it, or what one set owns; by identifier.
    pub fn policies(&mut self, set: Option<&str>) -> Result<Vec<PublishedPolicy>, Error> {
        let rows: Vec<Row> = on_backend!(self, |conn| {
            let mut query = policy_declarations::table
                .order(policy_declarations::identifier.asc())
                .select(columns::<Row>())
                .into_boxed();
            if let Some(set) = set {
                query = query.filter(policy_declarations::owner.eq(set));
            }
            query.load(conn)
        })?;
        Ok(rows.into_iter().map(PublishedPolicy::from).collect())
    }

    /// One declaration.
    pub fn policy(&mut self, identifier: &str) -> Result<Option<PublishedPolicy>, Error> {
        let query = policy_declarations::table.find(identifier).select(columns::<Row>());
        let row: Option<Row> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(row.map(PublishedPolicy::from))
    }

    /// What declarations with these tokens say, as JSON.
    pub fn policy_contents(&mut self, tokens: &[String]) -> Result<BTreeMap<String, String>, Error> {
        let query = policy_contents::table.filter(among(policy_contents::token, tokens.iter().cloned()));
        let query = query.select((policy_contents::token, policy_contents::body));
        let rows: Vec<(String, Vec<u8>)> = on_backend!(self, |conn| query.load(conn))?;
        let mut contents = BTreeMap::new();
        for (token, sealed) in rows {
            let plain = self.key.open(content_of(&token), &sealed)?.to_vec();
            let text = String::from_utf8(plain).map_err(|_| Error::corrupt("policy_contents.body"))?;
            contents.insert(token, text);
        }
        Ok(contents)
    }

    /// Publishes the declarations of a set in place of those that it had; nothing where they are the same. They were held
    /// against what there was with a generation: if there is something else by now, or another set owns one of them, that
    /// is a conflict.
    pub fn publish_policies(
        &mut self,
        new: &NewPolicyRevision,
        generation: i64,
        now: Timestamp,
    ) -> Result<Option<PolicyRevision>, Error> {
        self.lock_policies()?;
        if self.policy_work()?.generation != generation {
            return Err(Error::Conflict(PUBLISHED_MEANWHILE.to_owned()));
        }
        let names = new.declarations.iter().map(|(declaration, _)| declaration.identifier.as_str());
        let query = policy_declarations::table
            .filter(among(policy_declarations::identifier, names))
            .filter(policy_declarations::owner.ne(&new.set))
            .order(policy_declarations::identifier.asc())
            .select((policy_declarations::identifier, policy_declarations::owner));
        let of_others: Option<(String, String)> =
            on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        if let Some((identifier, owner)) = of_others {
            return Err(Error::Conflict(format!("{identifier} belongs to the set {owner}")));
        }
        let before = self.policies(Some(&new.set))?;
        let difference = Difference::of(&before, new);
        if difference.is_none() {
            return Ok(None);
        }
        let query = policy_revisions::table.order(policy_revisions::number.desc()).select(policy_revisions::number);
        let last: Option<i64> = on_backend!(self, |conn| at_most(1, query).get_result(conn).optional())?;
        let number = last.unwrap_or(0) + 1;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let revision = PolicyRevision {
            number,
            set: new.set.clone(),
            author: new.author.clone(),
            message: new.message.clone(),
            at: now,
            added: count(difference.added.len()),
            changed: count(difference.changed.len()),
            removed: count(difference.removed.len()),
        };
        self.begin_stages(&revision, new, now)?;
        self.insert_revision(&revision, new)?;
        self.add_secret_nodes(&new.secret_nodes)?;
        let replaced = difference.changed.iter().map(|each| each.identifier.clone()).chain(difference.removed);
        let query = diesel::delete(policy_declarations::table.filter(among(policy_declarations::identifier, replaced)));
        on_backend!(self, |conn| query.execute(conn))?;
        let rows: Vec<_> = difference
            .added
            .iter()
            .chain(&difference.changed)
            .map(|each| {
                (
                    policy_declarations::identifier.eq(each.identifier.clone()),
                    policy_declarations::owner.eq(new.set.clone()),
                    policy_declarations::kind.eq(each.kind.clone()),
                    policy_declarations::token.eq(each.token.clone()),
                    policy_declarations::revision.eq(number),
                    policy_declarations::changed_at.eq(now.0),
                )
            })
            .collect();
        for some in rows.chunks(ROWS) {
            let query = diesel::insert_into(policy_declarations::table).values(some.to_vec());
            on_backend!(self, |conn| query.execute(conn))?;
        }
        self.touch_policies(now)?;
        Ok(Some(revision))
    }

    fn insert_revision(&mut self, revision: &PolicyRevision, new: &NewPolicyRevision) -> Result<(), Error> {
        for (declaration, content) in &new.declarations {
            let body = self.key.seal(content_of(&declaration.token), content.as_bytes())?;
            let query = diesel::insert_into(policy_contents::table)
                .values((policy_contents::token.eq(&declaration.token), policy_contents::body.eq(body)))
                .on_conflict_do_nothing();
            on_backend!(self, |conn| query.execute(conn))?;
        }
        let query = diesel::insert_into(policy_revisions::table).values((
            policy_revisions::number.eq(revision.number),
            policy_revisions::owner.eq(&revision.set),
            policy_revisions::author.eq(words::text(&revision.author)),
            policy_revisions::message.eq(words::text(&revision.message)),
            policy_revisions::at.eq(revision.at.0),
            policy_revisions::added.eq(i64::from(revision.added)),
            policy_revisions::changed.eq(i64::from(revision.changed)),
            policy_revisions::removed.eq(i64::from(revision.removed)),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        let rows: Vec<_> = new
            .declarations
            .iter()
            .map(|(declaration, _)| {
                (
                    policy_revision_items::revision.eq(revision.number),
                    policy_revision_items::identifier.eq(declaration.identifier.clone()),
                    policy_revision_items::kind.eq(declaration.kind.clone()),
                    policy_revision_items::token.eq(declaration.token.clone()),
                )
            })
            .collect();
        for some in rows.chunks(ROWS) {
            let query = diesel::insert_into(policy_revision_items::table).values(some.to_vec());
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(())
    }

    /// One set at a time goes to devices in stages; where it is another, that is a conflict.
    pub fn may_begin_stages(&mut self, new: &NewPolicyRevision) -> Result<(), Error> {
        let other = self.policy_stage()?.filter(|staged| staged.set != new.set && new.stages.is_some());
        let Some(Staged { revision, set, .. }) = other else { return Ok(()) };
        Err(Error::Conflict(format!(
            "revision {revision} of the set {set} still goes to devices in stages: end that first"
        )))
    }

    /// What was published in stages of the set is so no longer; this is, if it is to be.
    fn begin_stages(
        &mut self,
        revision: &PolicyRevision,
        new: &NewPolicyRevision,
        now: Timestamp,
    ) -> Result<(), Error> {
        let open = self.policy_stage()?;
        let own = open.filter(|staged| staged.set == new.set);
        if let Some(mut before) = own.clone() {
            (before.state, before.changed_at) = (StagedState::Replaced, now);
            self.save_policy_stage(&before)?;
        }
        let Some(plan) = &new.stages else { return Ok(()) };
        self.may_begin_stages(new)?;
        let base = match own {
            // What the other devices have is what they had before that.
            Some(before) => before.base,
            None => self.policy_revisions(Some(&new.set), None, 1)?.first().map_or(0, |last| last.number),
        };
        self.save_policy_stage(&Staged {
            revision: revision.number,
            set: new.set.clone(),
            base,
            state: StagedState::Running,
            stage: 0,
            stage_since: now,
            plan: plan.clone(),
            forgiven: Outcomes::default(),
            why: None,
            changed_at: now,
        })
    }

    /// On how many devices each declaration, or this one, stands where.
    pub fn policy_counts(&mut self, identifier: Option<&str>) -> Result<BTreeMap<String, ByState>, Error> {
        let rows: Vec<(String, String, i64)> = on_backend!(self, |conn| {
            let mut query = policy_counts::table
                .filter(policy_counts::devices.ne(0))
                .select((policy_counts::identifier, policy_counts::state, policy_counts::devices))
                .into_boxed();
            if let Some(identifier) = identifier {
                query = query.filter(policy_counts::identifier.eq(identifier));
            }
            query.load(conn)
        })?;
        let mut counts: BTreeMap<String, ByState> = BTreeMap::new();
        for (identifier, state, devices) in rows {
            let state = words::of_word(&state, "policy_counts.state")?;
            *counts.entry(identifier).or_default().entry(state).or_default() += devices;
        }
        Ok(counts)
    }

    /// Configurations that stand in one of these states on some devices, each with on how many where: the first `limit` by
    /// the order of the states, then by how many. It reads the counts, and no device.
    pub fn troubled_policies(&mut self, states: &[PolicyState], limit: usize) -> Result<Vec<(String, ByState)>, Error> {
        // Activations stand where their configurations do; revisions in stages are no declarations.
        let configuration = policy_declarations::table
            .filter(policy_declarations::identifier.eq(policy_counts::identifier))
            .filter(policy_declarations::kind.eq(CONFIGURATION))
            .select(policy_declarations::identifier);
        let query = policy_counts::table
            .filter(among(policy_counts::state, states.iter().map(|state| state.as_str())))
            .filter(policy_counts::devices.ne(0))
            .filter(diesel::dsl::exists(configuration))
            .select((policy_counts::identifier, policy_counts::state, policy_counts::devices));
        let rows: Vec<(String, String, i64)> = on_backend!(self, |conn| at_most(MOST_COUNTS, query).load(conn))?;
        let mut counts: BTreeMap<String, ByState> = BTreeMap::new();
        for (identifier, state, devices) in rows {
            let state = words::of_word(&state, "policy_counts.state")?;
            *counts.entry(identifier).or_default().entry(state).or_default() += devices;
        }
        for counted in counts.values_mut() {
            counted.retain(|_, devices| *devices > 0);
        }
        let mut troubled: Vec<_> = counts.into_iter().filter(|(_, counted)| !counted.is_empty()).collect();
        let numbers = |counted: &ByState| -> Vec<i64> {
            states.iter().map(|state| counted.get(state).copied().unwrap_or(0)).collect()
        };
        troubled.sort_by_key(|(_, counted)| std::cmp::Reverse(numbers(counted)));
        troubled.truncate(limit);
        Ok(troubled)
    }
}

impl<'a> Difference<'a> {
    fn of(before: &[PublishedPolicy], new: &'a NewPolicyRevision) -> Self {
        let known: BTreeMap<&str, &str> =
            before.iter().map(|each| (each.identifier.as_str(), each.token.as_str())).collect();
        let named: BTreeSet<&str> = new.declarations.iter().map(|(each, _)| each.identifier.as_str()).collect();
        let (mut added, mut changed) = (Vec::new(), Vec::new());
        for (each, _) in &new.declarations {
            match known.get(each.identifier.as_str()) {
                None => added.push(each),
                Some(token) if *token != each.token => changed.push(each),
                Some(_) => {}
            }
        }
        let removed = known.keys().filter(|name| !named.contains(*name)).map(|name| (*name).to_owned()).collect();
        Self { added, changed, removed }
    }

    const fn is_none(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

const fn content_of(token: &str) -> Place<'_> {
    Place { column: "policy_contents.body", row: token }
}
