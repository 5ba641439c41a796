//! What facts were.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::fact::FactChange;
use crate::model::{Cursor, DeviceKey, FactName, Page};
use crate::store::fragments::among;
use crate::store::journal::one_more;
use crate::store::schema::fact_changes;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

impl Tx<'_> {
    /// What became of a fact of a device, newest first.
    pub fn fact_changes(
        &mut self,
        device: &DeviceKey,
        name: FactName,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<FactChange>, Error> {
        let before = after.map_or("\u{10ffff}", Cursor::sort_key);
        let query = fact_changes::table
            .filter(fact_changes::device.eq(device.as_str()))
            .filter(fact_changes::name.eq(name.as_str()))
            .filter(fact_changes::id.lt(before))
            .order(fact_changes::id.desc())
            .limit(one_more(limit))
            .select((fact_changes::id, fact_changes::at, fact_changes::enrollment, fact_changes::change));
        let rows: Vec<(String, i64, String, String)> = on_backend!(self, |conn| query.load(conn))?;
        let page = Page::of(rows, limit, |(id, ..)| id.clone());
        let changes = page.items.into_iter().map(|(_, at, enrollment, change)| {
            Ok(FactChange {
                at: Timestamp(at),
                enrollment: words::id(enrollment)?,
                change: serde_json::from_str(&change).map_err(|_| Error::corrupt("fact_changes.change"))?,
            })
        });
        Ok(Page { items: changes.collect::<Result<_, Error>>()?, next: page.next })
    }

    /// Deletes changes that are older than a time, up to `batch` of them.
    pub(in crate::store) fn prune_fact_changes(&mut self, before: Timestamp, batch: i64) -> Result<usize, Error> {
        let query = fact_changes::table
            .filter(fact_changes::at.lt(before.0))
            .order(fact_changes::at.asc())
            .limit(batch)
            .select(fact_changes::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        let query = diesel::delete(fact_changes::table.filter(among(fact_changes::id, ids)));
        on_backend!(self, |conn| query.execute(conn))
    }
}
