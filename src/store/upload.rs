//! Large objects on their way to us, until they are complete.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::Error;
use super::schema::upload_chunks;
use super::seal::Place;
use super::tx::{Tx, on_backend};
use crate::model::SessionKey;

impl Tx<'_> {
    /// Keeps a chunk. `number` counts from 0; the first one makes what came before for this session worthless.
    pub fn append_upload_chunk(
        &mut self,
        session: &SessionKey,
        number: u32,
        data: &[u8],
        now: Timestamp,
    ) -> Result<(), Error> {
        if number == 0 {
            self.discard_upload(session)?;
        }
        let data = self.key.seal(chunk_of(&row(session, i64::from(number))), data)?;
        let query = diesel::insert_into(upload_chunks::table).values((
            upload_chunks::session.eq(session.as_str()),
            upload_chunks::number.eq(i64::from(number)),
            upload_chunks::created_at.eq(now.0),
            upload_chunks::data.eq(data),
        ));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
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
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }
}

fn row(session: &SessionKey, number: i64) -> String {
    format!("{session}/{number}")
}

const fn chunk_of(row: &str) -> Place<'_> {
    Place { column: "upload_chunks.data", row }
}
