//! Archives of diagnostics: the address that is good once, and what arrived. The bytes themselves are not here.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{Total, columns, update};
use super::schema::diagnostics;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::ActionId;

/// What is known of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// What it was collected for.
    pub action: ActionId,
    /// The address is good until then.
    pub open_until: Timestamp,
    /// Its size in bytes, once it is here.
    pub bytes: Option<u64>,
    /// SHA-256 of it, in hexadecimal digits.
    pub sha256: Option<String>,
    /// When it arrived.
    pub received_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = diagnostics)]
struct ArchiveRow {
    action: String,
    open_until: i64,
    bytes: Option<i64>,
    sha256: Option<String>,
    received_at: Option<i64>,
    deleted_at: Option<i64>,
}

impl TryFrom<ArchiveRow> for Archive {
    type Error = Error;

    fn try_from(row: ArchiveRow) -> Result<Self, Error> {
        let bytes = row.bytes.map(|bytes| u64::try_from(bytes).map_err(|_| Error::corrupt("diagnostics.bytes")));
        Ok(Self {
            action: words::id(row.action)?,
            open_until: Timestamp(row.open_until),
            bytes: bytes.transpose()?,
            sha256: row.sha256,
            received_at: row.received_at.map(Timestamp),
            deleted_at: row.deleted_at.map(Timestamp),
        })
    }
}

impl Tx<'_> {
    /// An address is good from now on, for one archive.
    pub fn open_archive(
        &mut self,
        action: &ActionId,
        token_hash: &[u8; 32],
        open_until: Timestamp,
    ) -> Result<(), Error> {
        let query = diesel::insert_into(diagnostics::table).values((
            diagnostics::action.eq(action.as_str()),
            diagnostics::token_hash.eq(token_hash.as_slice()),
            diagnostics::open_until.eq(open_until.0),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Somebody begins to send an archive and has time until `until`. Of several at the same time one is let through;
    /// nobody once it has arrived, or the time of the address is over.
    pub fn claim_archive(
        &mut self,
        token_hash: &[u8; 32],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Option<ActionId>, Error> {
        let free = diagnostics::claimed_until.is_null().or(diagnostics::claimed_until.lt(now.0)).assume_not_null();
        let is_open = diagnostics::token_hash
            .eq(token_hash.as_slice())
            .and(diagnostics::open_until.gt(now.0))
            .and(diagnostics::received_at.is_null())
            .and(free);
        let query = update(diagnostics::table, is_open, diagnostics::claimed_until.eq(Some(until.0)));
        if on_backend!(self, |conn| query.execute(conn))? == 0 {
            return Ok(None);
        }
        let query =
            diagnostics::table.filter(diagnostics::token_hash.eq(token_hash.as_slice())).select(diagnostics::action);
        let id: String = on_backend!(self, |conn| query.first(conn))?;
        words::id(id).map(Some)
    }

    /// The archive did not arrive: it may be sent again.
    pub fn release_archive(&mut self, action: &ActionId) -> Result<(), Error> {
        let query = update(
            diagnostics::table,
            diagnostics::action.eq(action.as_str()),
            diagnostics::claimed_until.eq(None::<i64>),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The archive is here. Whether it was awaited: the address is of no use any more.
    pub fn archive_received(
        &mut self,
        action: &ActionId,
        (bytes, sha256): (u64, &str),
        now: Timestamp,
    ) -> Result<bool, Error> {
        let awaited = diagnostics::action.eq(action.as_str()).and(diagnostics::received_at.is_null());
        let query = update(
            diagnostics::table,
            awaited,
            (
                diagnostics::bytes.eq(i64::try_from(bytes).ok()),
                diagnostics::sha256.eq(Some(sha256)),
                diagnostics::received_at.eq(Some(now.0)),
                diagnostics::claimed_until.eq(None::<i64>),
            ),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// What is known of the archive of an action.
    pub fn archive(&mut self, action: &ActionId) -> Result<Option<Archive>, Error> {
        let query = diagnostics::table.find(action.as_str()).select(columns::<ArchiveRow>());
        let row: Option<ArchiveRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(Archive::try_from).transpose()
    }

    /// Bytes of all archives that are kept.
    pub fn archive_bytes(&mut self) -> Result<u64, Error> {
        let query = diagnostics::table
            .filter(diagnostics::deleted_at.is_null())
            .filter(diagnostics::received_at.is_not_null())
            .select(Total(diagnostics::bytes));
        let bytes: i64 = on_backend!(self, |conn| query.first(conn))?;
        Ok(u64::try_from(bytes).unwrap_or_default())
    }

    /// Archives that arrived before then and are still kept, oldest first.
    pub fn outdated_archives(&mut self, before: Timestamp, limit: i64) -> Result<Vec<ActionId>, Error> {
        let query = diagnostics::table
            .filter(diagnostics::deleted_at.is_null())
            .filter(diagnostics::received_at.lt(before.0))
            .order(diagnostics::received_at.asc())
            .limit(limit)
            .select(diagnostics::action);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        ids.into_iter().map(words::id).collect()
    }

    /// An archive is kept no more.
    pub fn archive_deleted(&mut self, action: &ActionId, now: Timestamp) -> Result<(), Error> {
        let query = update(
            diagnostics::table,
            diagnostics::action.eq(action.as_str()),
            diagnostics::deleted_at.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}
