//! Facts of devices: what is known, what was known, and which devices fulfill a condition on them.
//!
//! In the clear, because lists of devices are filtered by them: what may hold a secret is no fact.

mod collect;
mod history;
mod matching;
mod save;

pub(super) use matching::Matching;

use std::collections::BTreeMap;

use diesel::prelude::*;
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::StatusCode;

use super::fragments::{among, columns};
use super::schema::{devices, fact_items, facts};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{DeviceId, DeviceKey, Fact, FactName, FactValue, Facts};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = facts, treat_none_as_default_value = false)]
struct FactRow {
    device: String,
    name: String,
    enrollment: String,
    kind: String,
    word: Option<String>,
    number: Option<i64>,
    said: Option<String>,
    status: Option<i64>,
    observed_at: i64,
    changed_at: i64,
}

impl Tx<'_> {
    /// All that is known of a device.
    pub fn facts(&mut self, device: &DeviceKey) -> Result<Facts, Error> {
        let query = facts::table.filter(facts::device.eq(device.as_str())).select(columns::<FactRow>());
        let rows: Vec<FactRow> = on_backend!(self, |conn| query.load(conn))?;
        self.with_items(device, rows)
    }

    /// Numbers that are known of devices under these names; what is not known is not among them.
    pub fn numbers_of(
        &mut self,
        devices: &[DeviceId],
        names: &[FactName],
    ) -> Result<Vec<(DeviceId, FactName, i64)>, Error> {
        let query = devices::table
            .filter(among(devices::folded_id, devices.iter().map(DeviceId::key)))
            .select((devices::id, devices::device_id));
        let keys: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        let keys: BTreeMap<String, String> = keys.into_iter().collect();
        let query = facts::table
            .filter(among(facts::device, keys.keys().map(String::as_str)))
            .filter(among(facts::name, names.iter().map(|name| name.as_str())))
            .filter(facts::number.is_not_null())
            .select((facts::device, facts::name, facts::number.assume_not_null()));
        let rows: Vec<(String, String, i64)> = on_backend!(self, |conn| query.load(conn))?;
        let known = rows.into_iter().filter_map(|(key, name, number)| Some((keys.get(&key)?, name, number)));
        known
            .map(|(device, name, number)| {
                let name = FactName::parse(&name).ok_or_else(|| Error::corrupt("facts.name"))?;
                Ok((words::device_id(device)?, name, number))
            })
            .collect()
    }

    /// What is known of a device under these names.
    pub fn facts_named(&mut self, device: &DeviceKey, names: &[FactName]) -> Result<Facts, Error> {
        let query = facts::table
            .filter(facts::device.eq(device.as_str()))
            .filter(among(facts::name, names.iter().map(|name| name.as_str())))
            .select(columns::<FactRow>());
        let rows: Vec<FactRow> = on_backend!(self, |conn| query.load(conn))?;
        self.with_items(device, rows)
    }

    /// The facts of these rows; lists get their items.
    fn with_items(&mut self, device: &DeviceKey, rows: Vec<FactRow>) -> Result<Facts, Error> {
        let lists = rows.iter().filter(|row| row.kind == LIST && row.number != Some(0));
        let lists: Vec<&str> = lists.map(|row| row.name.as_str()).collect();
        let mut items: BTreeMap<String, Vec<String>> = BTreeMap::new();
        if !lists.is_empty() {
            let query = fact_items::table
                .filter(fact_items::device.eq(device.as_str()))
                .filter(among(fact_items::name, lists))
                .order((fact_items::name.asc(), fact_items::item.asc()))
                .select((fact_items::name, fact_items::item));
            let found: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
            for (name, item) in found {
                items.entry(name).or_default().push(item);
            }
        }
        let known = rows.into_iter().filter_map(|row| {
            // A fact that the catalogue had in another version is of no use to anybody.
            let name = FactName::parse(&row.name)?;
            Some(fact_of(name, row, &mut items))
        });
        known.collect()
    }
}

const LIST: &str = "list";

fn fact_of(name: FactName, row: FactRow, items: &mut BTreeMap<String, Vec<String>>) -> Result<Fact, Error> {
    let corrupt = || Error::corrupt("facts.kind");
    let value = match row.kind.as_str() {
        "text" => FactValue::Text(row.word.ok_or_else(corrupt)?),
        "integer" => FactValue::Integer(row.number.ok_or_else(corrupt)?),
        "boolean" => FactValue::Bool(row.number.ok_or_else(corrupt)? != 0),
        "time" => FactValue::Time(Timestamp(row.number.ok_or_else(corrupt)?)),
        LIST => FactValue::List(items.remove(&row.name).unwrap_or_default()),
        "odd" => FactValue::Odd(row.said.ok_or_else(corrupt)?),
        "absent" => {
            let status = row.status.and_then(|status| u16::try_from(status).ok());
            FactValue::Absent(StatusCode(status.ok_or_else(corrupt)?))
        }
        _ => return Err(corrupt()),
    };
    Ok(Fact {
        name,
        value,
        observed_at: Timestamp(row.observed_at),
        changed_at: Timestamp(row.changed_at),
        enrollment: words::id(row.enrollment)?,
    })
}
