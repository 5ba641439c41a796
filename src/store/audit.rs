//! The audit log: a chain of hashes, written at the end of the transaction that makes the change it tells of.
//!
//! One row, the chain's, holds the last number and its hash. It is locked for the length of the insert, after every
//! other lock of the transaction, so that writers on PostgreSQL wait for each other only a moment and never in a ring.
//! What retention takes away leaves its last hash behind as the anchor, so that the rest can still be verified.

use diesel::prelude::*;
use serde_json::Value;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::schema::{audit, audit_chain};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Actor, AuditChain, AuditEntry, AuditRecord};

/// The row of the chain.
const CHAIN: i64 = 1;

/// Longest name or id that an entry keeps, in characters.
const MAX_TEXT: usize = 512;

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
pub(super) struct AuditRow {
    seq: i64,
    at: i64,
    actor: String,
    actor_kind: String,
    from_address: Option<String>,
    trace: Option<String>,
    action: String,
    subject_kind: String,
    subject: String,
    before_json: Option<String>,
    after_json: Option<String>,
    hash: Vec<u8>,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = Error;

    fn try_from(row: AuditRow) -> Result<Self, Error> {
        let from = row.from_address.map(|text| text.parse().map_err(|_| Error::corrupt("audit.from_address")));
        Ok(Self {
            seq: row.seq,
            at: Timestamp(row.at),
            actor: Actor {
                name: row.actor,
                kind: words::of_word(&row.actor_kind, "audit.actor_kind")?,
                from: from.transpose()?,
                trace: row.trace,
            },
            action: row.action,
            subject_kind: row.subject_kind,
            subject: row.subject,
            before: row.before_json.as_deref().map(json).transpose()?,
            after: row.after_json.as_deref().map(json).transpose()?,
            hash: hash_of(&row.hash)?,
        })
    }
}

impl Tx<'_> {
    /// Puts a record into the audit log when this transaction ends well; when it does not, there was nothing to tell.
    pub fn audit(&mut self, actor: &Actor, record: AuditRecord, now: Timestamp) {
        self.audits.push((actor.clone(), record, now));
    }

    /// Writes what [`Self::audit`] noted.
    pub(super) fn write_audits(&mut self) -> Result<(), Error> {
        if self.audits.is_empty() {
            return Ok(());
        }
        let chain = self.audit_chain_for_update()?;
        let (mut seq, mut head) = (chain.last, chain.head);
        for (actor, record, at) in std::mem::take(&mut self.audits) {
            seq += 1;
            let mut entry = entry_of(&actor, &record, at, seq);
            entry.hash = entry.link(&head);
            head = entry.hash;
            self.insert_audit(&entry)?;
        }
        let query = update(
            audit_chain::table,
            audit_chain::id.eq(CHAIN),
            (audit_chain::last_seq.eq(seq), audit_chain::head.eq(head.to_vec())),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    fn insert_audit(&mut self, entry: &AuditEntry) -> Result<(), Error> {
        let query = diesel::insert_into(audit::table).values((
            audit::seq.eq(entry.seq),
            audit::at.eq(entry.at.0),
            audit::actor.eq(&entry.actor.name),
            audit::actor_kind.eq(words::word(&entry.actor.kind)?),
            audit::from_address.eq(entry.actor.from.map(|from| from.to_string())),
            audit::trace.eq(&entry.actor.trace),
            audit::action.eq(&entry.action),
            audit::subject_kind.eq(&entry.subject_kind),
            audit::subject.eq(&entry.subject),
            audit::before_json.eq(entry.before.as_ref().map(Value::to_string)),
            audit::after_json.eq(entry.after.as_ref().map(Value::to_string)),
            audit::hash.eq(entry.hash.as_slice()),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Where the chain begins and ends.
    pub fn audit_chain(&mut self) -> Result<AuditChain, Error> {
        let query = audit_chain::table.find(CHAIN).select((
            audit_chain::first_seq,
            audit_chain::anchor,
            audit_chain::last_seq,
            audit_chain::head,
        ));
        chain_of(on_backend!(self, |conn| query.first(conn))?)
    }

    fn audit_chain_for_update(&mut self) -> Result<AuditChain, Error> {
        let query = audit_chain::table.find(CHAIN).select((
            audit_chain::first_seq,
            audit_chain::anchor,
            audit_chain::last_seq,
            audit_chain::head,
        ));
        chain_of(on_backend!(
            self,
            sqlite => |conn| query.first(conn),
            postgres => |conn| query.for_update().first(conn)
        )?)
    }

    /// Entries from a number on, in the order of the chain.
    pub fn audit_from(&mut self, seq: i64, limit: i64) -> Result<Vec<AuditEntry>, Error> {
        let query =
            audit::table.filter(audit::seq.ge(seq)).order(audit::seq.asc()).limit(limit).select(columns::<AuditRow>());
        let rows: Vec<AuditRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(AuditEntry::try_from).collect()
    }

    /// Deletes entries from before a time, oldest first and never the newest; their last hash becomes the anchor.
    pub(super) fn prune_audit(&mut self, before: Timestamp, batch: i64) -> Result<usize, Error> {
        let chain = self.audit_chain_for_update()?;
        let query = audit::table.filter(audit::seq.lt(chain.last)).order(audit::seq.asc()).limit(batch).select((
            audit::seq,
            audit::at,
            audit::hash,
        ));
        let rows: Vec<(i64, i64, Vec<u8>)> = on_backend!(self, |conn| query.load(conn))?;
        // Clocks are set back: what stands behind an entry that is kept is kept as well.
        let Some((seq, _, hash)) = rows.into_iter().take_while(|(_, at, _)| *at < before.0).last() else {
            return Ok(0);
        };
        let query = diesel::delete(audit::table.filter(audit::seq.le(seq)));
        let deleted = on_backend!(self, |conn| query.execute(conn))?;
        let query = update(
            audit_chain::table,
            audit_chain::id.eq(CHAIN),
            (audit_chain::first_seq.eq(seq + 1), audit_chain::anchor.eq(hash)),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(deleted)
    }
}

fn entry_of(actor: &Actor, record: &AuditRecord, at: Timestamp, seq: i64) -> AuditEntry {
    AuditEntry {
        seq,
        at,
        actor: Actor {
            name: short(&actor.name),
            kind: actor.kind,
            from: actor.from,
            trace: actor.trace.as_deref().map(short),
        },
        action: record.action.to_owned(),
        subject_kind: record.subject_kind.to_owned(),
        subject: short(&record.subject),
        before: record.before.as_ref().map(storable),
        after: record.after.as_ref().map(storable),
        hash: [0; 32],
    }
}

fn short(text: &str) -> String {
    words::text(text).chars().take(MAX_TEXT).collect()
}

/// The value as it will be read back.
fn storable(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap_or_default()
}

fn json(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|_| Error::corrupt("audit.before_json"))
}

fn hash_of(bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| Error::corrupt("audit.hash"))
}

fn chain_of((first, anchor, last, head): (i64, Vec<u8>, i64, Vec<u8>)) -> Result<AuditChain, Error> {
    Ok(AuditChain { first, anchor: hash_of(&anchor)?, last, head: hash_of(&head)? })
}
