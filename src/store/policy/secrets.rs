//! Values of secret assets: sealed, given out only to what puts them into settings; and the nodes that they went to.

use std::collections::BTreeMap;

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use crate::model::{PolicySecret, PolicySecretValue, Secret};
use crate::store::fragments::{at_most, update};
use crate::store::schema::policies::{policy_secret_nodes, policy_secrets};
use crate::store::seal::Place;
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// Rows of one `INSERT`.
const ROWS: usize = 200;

/// Addresses that are read.
const MOST_NODES: i64 = 100_000;

/// Name, version, when and by whom.
type Row = (String, i64, i64, String);

impl Tx<'_> {
    /// Keeps a value in place of the one before.
    pub fn set_policy_secret(
        &mut self,
        name: &str,
        value: &Secret<String>,
        by: &str,
        now: Timestamp,
    ) -> Result<PolicySecret, Error> {
        let sealed = self.key.seal(value_of(name), value.expose().as_bytes())?;
        let (set_at, set_by) = (now, words::text(by));
        let query = diesel::insert_into(policy_secrets::table)
            .values((
                policy_secrets::name.eq(name),
                policy_secrets::version.eq(1),
                policy_secrets::value.eq(Some(sealed.clone())),
                policy_secrets::set_at.eq(now.0),
                policy_secrets::set_by.eq(set_by.clone()),
            ))
            .on_conflict(policy_secrets::name)
            .do_update()
            .set((
                policy_secrets::version.eq(policy_secrets::version + 1),
                policy_secrets::value.eq(Some(sealed)),
                policy_secrets::set_at.eq(now.0),
                policy_secrets::set_by.eq(set_by.clone()),
            ));
        on_backend!(self, |conn| query.execute(conn))?;
        let query = policy_secrets::table.find(name).select(policy_secrets::version);
        let version: i64 = on_backend!(self, |conn| query.first(conn))?;
        Ok(PolicySecret { name: name.to_owned(), version, set_at, set_by })
    }

    /// Takes a value away. Whether there was one.
    pub fn remove_policy_secret(&mut self, name: &str, by: &str, now: Timestamp) -> Result<bool, Error> {
        let query = update(
            policy_secrets::table,
            policy_secrets::name.eq(name).and(policy_secrets::value.is_not_null()),
            (
                policy_secrets::value.eq(None::<Vec<u8>>),
                policy_secrets::set_at.eq(now.0),
                policy_secrets::set_by.eq(words::text(by)),
            ),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Which secrets have a value, by name.
    pub fn policy_secrets(&mut self, limit: i64) -> Result<Vec<PolicySecret>, Error> {
        let query = policy_secrets::table
            .filter(policy_secrets::value.is_not_null())
            .order(policy_secrets::name.asc())
            .select((policy_secrets::name, policy_secrets::version, policy_secrets::set_at, policy_secrets::set_by));
        let rows: Vec<Row> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        let read = |(name, version, at, set_by)| PolicySecret { name, version, set_at: Timestamp(at), set_by };
        Ok(rows.into_iter().map(read).collect())
    }

    /// All values, by name.
    pub fn policy_secret_values(&mut self) -> Result<BTreeMap<String, PolicySecretValue>, Error> {
        let query = policy_secrets::table.filter(policy_secrets::value.is_not_null()).select((
            policy_secrets::name,
            policy_secrets::version,
            policy_secrets::value,
        ));
        let rows: Vec<(String, i64, Option<Vec<u8>>)> = on_backend!(self, |conn| query.load(conn))?;
        let mut values = BTreeMap::new();
        for (name, version, sealed) in rows {
            let plain = self.key.open(value_of(&name), &sealed.unwrap_or_default())?;
            let text = std::str::from_utf8(&plain).map_err(|_| Error::corrupt("policy_secrets.value"))?;
            values.insert(name, PolicySecretValue { version, value: Secret::new(text.to_owned()) });
        }
        Ok(values)
    }

    /// Secrets are published to these nodes.
    pub(in crate::store) fn add_secret_nodes(&mut self, patterns: &[String]) -> Result<(), Error> {
        let rows: Vec<_> =
            patterns.iter().map(|pattern| policy_secret_nodes::pattern.eq(words::text(pattern))).collect();
        for some in rows.chunks(ROWS) {
            let query = diesel::insert_into(policy_secret_nodes::table).values(some.to_vec()).on_conflict_do_nothing();
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(())
    }

    /// The nodes to which secrets were ever published.
    pub fn secret_nodes(&mut self) -> Result<Vec<String>, Error> {
        let query = policy_secret_nodes::table.order(policy_secret_nodes::pattern.asc());
        let query = query.select(policy_secret_nodes::pattern);
        on_backend!(self, |conn| at_most(MOST_NODES, query).load(conn))
    }
}

const fn value_of(name: &str) -> Place<'_> {
    Place { column: "policy_secrets.value", row: name }
}
