//! The audit log: read, and proved.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Admin, Error, PageJson, Part};
use crate::model::{Actor, ActorKind, AuditEntry, AuditFilter, Timestamp, from_rfc3339, hex, parse_rfc3339, rfc3339};
use crate::store::Tx;

/// Entries that are read at once while the chain is walked.
const STEP: i64 = 1000;

/// An entry of the audit log. Its hash is over the canonical form of all other fields behind the hash before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditJson {
    /// Its place in the chain.
    pub seq: i64,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What that is: `operator`, `token`, `server` or `device`.
    pub kind: ActorKind,
    /// From which address.
    #[schema(value_type = Option<String>)]
    pub from: Option<IpAddr>,
    /// In which request.
    pub trace: Option<String>,
    /// What was done.
    pub action: String,
    /// The kind of what it was done to.
    pub subject_kind: String,
    /// Its name or id.
    pub subject: String,
    /// How it was.
    pub before: Option<Value>,
    /// How it is now, or what was asked for.
    pub after: Option<Value>,
    /// SHA-256, in hexadecimal.
    pub hash: String,
}

/// Which entries.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct AuditQuery {
    /// Only those of this actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only those of this action, or of all that begin so when it ends in a dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Only those that were done to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only those since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a walk along the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditProof {
    /// Whether every entry is there and as it was written.
    pub intact: bool,
    /// The first entry that is kept.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// The hash before the first, in hexadecimal.
    pub anchor: String,
    /// The hash of the last, in hexadecimal: kept elsewhere, it proves all before it.
    pub head: String,
    /// The first entry that is not as it was written, or not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
}

impl Admin {
    /// Entries, newest first.
    pub async fn audit(&self, query: AuditQuery) -> Result<PageJson<AuditJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let time = |name: &str, text: Option<String>| {
            let wrong = || Error::parameter(name, "write a time such as 2026-01-31T12:00:00Z");
            text.map(|text| parse_rfc3339(&text).ok_or_else(wrong)).transpose()
        };
        let filter = AuditFilter {
            since: time("since", query.since)?,
            until: time("until", query.until)?,
            actor: query.actor,
            action: query.action,
            subject: query.subject,
        };
        if cursor.as_ref().is_some_and(|cursor| !Tx::is_place_of_audit(&filter, cursor)) {
            return Err(Error::parameter("cursor", "write the next_cursor of the page before"));
        }
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.audit_entries(&filter, cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, AuditJson::from))
    }

    /// Walks along the whole chain.
    pub async fn verify_audit(&self) -> Result<AuditProof, Error> {
        let chain = self.store.read(|tx: &mut Tx<'_>| tx.audit_chain()).await?;
        let mut proof = AuditProof {
            intact: true,
            first: chain.first,
            last: chain.last,
            anchor: hex(&chain.anchor),
            head: hex(&chain.head),
            broken_at: None,
        };
        let (mut next, mut head) = (chain.first, chain.anchor);
        while next <= chain.last {
            let from = next;
            let entries = self.store.read(move |tx: &mut Tx<'_>| tx.audit_from(from, STEP)).await?;
            for entry in entries.iter().take_while(|entry| entry.seq <= chain.last) {
                if entry.seq != next || entry.hash != entry.link(&head) {
                    return Ok(AuditProof { intact: false, broken_at: Some(next), ..proof });
                }
                (next, head) = (next + 1, entry.hash);
            }
            if next == from {
                return Ok(AuditProof { intact: false, broken_at: Some(next), ..proof });
            }
        }
        if head != chain.head {
            proof = AuditProof { intact: false, broken_at: Some(chain.last), ..proof };
        }
        Ok(proof)
    }
}

impl AuditJson {
    /// The hash that this entry must have behind an entry with that one, in hexadecimal.
    pub fn link(&self, before: &[u8; 32]) -> [u8; 32] {
        let actor = Actor { name: self.actor.clone(), kind: self.kind, from: self.from, trace: self.trace.clone() };
        let entry = AuditEntry {
            seq: self.seq,
            at: self.at,
            actor,
            action: self.action.clone(),
            subject_kind: self.subject_kind.clone(),
            subject: self.subject.clone(),
            before: self.before.clone(),
            after: self.after.clone(),
            hash: [0; 32],
        };
        entry.link(before)
    }
}

impl From<AuditEntry> for AuditJson {
    fn from(entry: AuditEntry) -> Self {
        Self {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor.name,
            kind: entry.actor.kind,
            from: entry.actor.from,
            trace: entry.actor.trace,
            action: entry.action,
            subject_kind: entry.subject_kind,
            subject: entry.subject,
            before: entry.before,
            after: entry.after,
            hash: hex(&entry.hash),
        }
    }
}
