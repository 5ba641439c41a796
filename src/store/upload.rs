//! Large objects on their way to us, until they are complete.
//!
//! What is kept of them is counted, so that whoever decides can bound it: by device, and for all devices together.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::Error;
use super::fragments::{Total, among, update};
use super::schema::{upload_chunks, uploads};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use crate::model::SessionKey;

/// A part of a large object.
#[derive(Debug, Clone, Copy)]
pub struct NewChunk<'a> {
    /// The session that it came in.
    pub session: &'a SessionKey,
    /// Who sent it.
    pub device: &'a DeviceId,
    /// Its place among those of the object.
    pub number: u32,
    /// What it holds.
    pub data: &'a [u8],
    /// When it came.
    pub at: Timestamp,
}

/// Bytes that chunks take, with what each costs beside its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UploadBytes {
    /// Those of one device, whichever its session.
    pub device: u64,
    /// Those of all devices.
    pub all: u64,
}

/// Bytes of a chunk beside its data, indexes included, as a rule of thumb: empty chunks are not free.
const ROW_BYTES: usize = 256;

impl Tx<'_> {
    /// Keeps a chunk.
    pub fn append_upload_chunk(&mut self, chunk: NewChunk<'_>) -> Result<(), Error> {
        let (session, number) = (chunk.session, i64::from(chunk.number));
        let sealed = self.key.seal(chunk_of(&row(session, number)), chunk.data)?;
        let bytes = i64::try_from(sealed.len().saturating_add(ROW_BYTES)).unwrap_or(i64::MAX);
        let query = diesel::insert_into(upload_chunks::table).values((
            upload_chunks::session.eq(session.as_str()),
            upload_chunks::number.eq(number),
            upload_chunks::created_at.eq(chunk.at.0),
            upload_chunks::data.eq(sealed),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        let counted =
            update(uploads::table, uploads::session.eq(session.as_str()), uploads::bytes.eq(uploads::bytes + bytes));
        if on_backend!(self, |conn| counted.execute(conn))? > 0 {
            return Ok(());
        }
        let query = diesel::insert_into(uploads::table).values((
            uploads::session.eq(session.as_str()),
            uploads::folded_id.eq(chunk.device.key()),
            uploads::began_at.eq(chunk.at.0),
            uploads::bytes.eq(bytes),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Nobody else decides on chunks before this transaction ends: what several would let in at the same moment is more
    /// than each of them counted.
    pub fn lock_uploads(&mut self) -> Result<(), Error> {
        self.lock_name("transom uploads")
    }

    /// What is kept of objects that are not complete. Looks at each of them: only a message that brings a chunk asks.
    pub fn upload_bytes(&mut self, device: &DeviceId) -> Result<UploadBytes, Error> {
        let query = uploads::table.select(Total(uploads::bytes));
        let all: i64 = on_backend!(self, |conn| query.get_result(conn))?;
        let query = uploads::table.filter(uploads::folded_id.eq(device.key())).select(Total(uploads::bytes));
        let device: i64 = on_backend!(self, |conn| query.get_result(conn))?;
        let bytes = |sum: i64| u64::try_from(sum).unwrap_or_default();
        Ok(UploadBytes { device: bytes(device), all: bytes(all) })
    }

    /// All chunks of a session joined in order, which are then gone.
    pub fn take_upload_chunks(&mut self, session: &SessionKey) -> Result<Vec<u8>, Error> {
        let query = upload_chunks::table
            .filter(upload_chunks::session.eq(session.as_str()))
            .order(upload_chunks::number.asc())
            .select((upload_chunks::number, upload_chunks::data));
        let rows: Vec<(i64, Vec<u8>)> = on_backend!(self, |conn| query.load(conn))?;
        let mut whole = Vec::new();
        for (number, sealed) in rows {
            whole.extend_from_slice(&self.key.open(chunk_of(&row(session, number)), &sealed)?);
        }
        self.discard_upload(session)?;
        Ok(whole)
    }

    /// Forgets the chunks of a session.
    pub fn discard_upload(&mut self, session: &SessionKey) -> Result<(), Error> {
        let query = diesel::delete(upload_chunks::table.filter(upload_chunks::session.eq(session.as_str())));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::delete(uploads::table.filter(uploads::session.eq(session.as_str())));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Forgets the chunks of some sessions, and says how many there were.
    pub(super) fn discard_uploads(&mut self, sessions: &[String]) -> Result<usize, Error> {
        let query = diesel::delete(upload_chunks::table.filter(among(upload_chunks::session, sessions)));
        let chunks = on_backend!(self, |conn| query.execute(conn))?;
        let query = diesel::delete(uploads::table.filter(among(uploads::session, sessions)));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(chunks)
    }

    /// Forgets objects that began before a time, whole: half of one would be worse than nothing. Says how many chunks
    /// went.
    pub(super) fn prune_uploads(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = uploads::table.filter(uploads::began_at.lt(before.0)).select(uploads::session);
        let sessions: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        let chunks = if sessions.is_empty() { 0 } else { self.discard_uploads(&sessions)? };
        // Those of a release that did not count them.
        let query = diesel::delete(upload_chunks::table.filter(upload_chunks::created_at.lt(before.0)));
        Ok(chunks + on_backend!(self, |conn| query.execute(conn))?)
    }
}

fn row(session: &SessionKey, number: i64) -> String {
    format!("{session}/{number}")
}

const fn chunk_of(row: &str) -> Place<'_> {
    Place { column: "upload_chunks.data", row }
}
