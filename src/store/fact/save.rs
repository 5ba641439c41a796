//! Keeping what was observed: what is the same gets another time, what changed a row in its history.

use std::collections::BTreeSet;

use diesel::prelude::*;
use transom_protocol::session::Timestamp;
use transom_protocol::syncml::StatusCode;

use super::{FactRow, LIST};
use crate::model::fact::Changed;
use crate::model::{DeviceKey, EnrollmentId, FactChangeId, FactName, FactValue, Facts};
use crate::store::fragments::{among, update};
use crate::store::schema::{fact_changes, fact_items, facts};
use crate::store::tx::{Tx, on_backend};
use crate::store::{Error, words};

/// Rows of one `INSERT`: bounded by how many values a statement may bind.
const ROWS: usize = 500;

type Item = (String, String, String);

impl Tx<'_> {
    /// Keeps what was observed of a device in a life of it, and up to `history` changes of each fact. Says which facts
    /// changed. The enrollment is to be locked.
    pub fn save_facts(
        &mut self,
        device: &DeviceKey,
        enrollment: &EnrollmentId,
        observed: &[(FactName, FactValue)],
        history: usize,
        now: Timestamp,
    ) -> Result<Vec<FactName>, Error> {
        let names: Vec<FactName> = observed.iter().map(|(name, _)| *name).collect();
        let known = self.facts_named(device, &names)?;
        let (same, changed): (Vec<_>, Vec<_>) =
            observed.iter().partition(|(name, value)| known.value(*name) == Some(value));
        if !same.is_empty() {
            let query = update(
                facts::table,
                facts::device.eq(device.as_str()).and(among(facts::name, same.iter().map(|(name, _)| name.as_str()))),
                facts::observed_at.eq(now.0),
            );
            on_backend!(self, |conn| query.execute(conn))?;
        }
        if changed.is_empty() {
            return Ok(Vec::new());
        }
        let changed_names: Vec<FactName> = changed.iter().map(|(name, _)| *name).collect();
        let query = diesel::delete(
            facts::table
                .filter(facts::device.eq(device.as_str()))
                .filter(among(facts::name, changed_names.iter().map(|name| name.as_str()))),
        );
        on_backend!(self, |conn| query.execute(conn))?;
        let rows: Vec<FactRow> =
            changed.iter().map(|(name, value)| row_of(device, enrollment, *name, value, now)).collect();
        on_backend!(self, |conn| diesel::insert_into(facts::table).values(rows).execute(conn))?;
        let mut told = Vec::new();
        for (name, value) in changed {
            let change = self.save_items(device, &known, *name, value)?;
            if history > 0 && name.definition().history {
                told.push((*name, change));
            }
        }
        self.tell_changes(device, enrollment, &told, now)?;
        for (name, _) in told.iter().filter(|(name, _)| known.get(*name).is_some()) {
            self.forget_changes(device, *name, history)?;
        }
        Ok(changed_names)
    }

    /// Brings the items of a list up to date, and says what changed.
    fn save_items(
        &mut self,
        device: &DeviceKey,
        known: &Facts,
        name: FactName,
        value: &FactValue,
    ) -> Result<Changed, Error> {
        let items = |value: Option<&FactValue>| -> BTreeSet<String> {
            match value {
                Some(FactValue::List(items)) => items.iter().map(|item| words::text(item)).collect(),
                _ => BTreeSet::new(),
            }
        };
        let (before, after) = (items(known.value(name)), items(Some(value)));
        let removed: Vec<String> = before.difference(&after).cloned().collect();
        let added: Vec<String> = after.difference(&before).cloned().collect();
        if !removed.is_empty() {
            let query = diesel::delete(
                fact_items::table
                    .filter(fact_items::device.eq(device.as_str()))
                    .filter(fact_items::name.eq(name.as_str()))
                    .filter(among(fact_items::item, &removed)),
            );
            on_backend!(self, |conn| query.execute(conn))?;
        }
        for some in added.chunks(ROWS) {
            let row = |item: &String| -> Item { (device.as_str().to_owned(), name.as_str().to_owned(), item.clone()) };
            let rows: Vec<_> = some
                .iter()
                .map(row)
                .map(|(device, name, item)| {
                    (fact_items::device.eq(device), fact_items::name.eq(name), fact_items::item.eq(item))
                })
                .collect();
            on_backend!(self, |conn| diesel::insert_into(fact_items::table).values(rows).execute(conn))?;
        }
        Ok(match value {
            FactValue::List(_) => Changed::Items { added, removed },
            other => Changed::Value(other.clone()),
        })
    }

    fn tell_changes(
        &mut self,
        device: &DeviceKey,
        enrollment: &EnrollmentId,
        told: &[(FactName, Changed)],
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut rows = Vec::with_capacity(told.len());
        for (name, change) in told {
            let change = serde_json::to_string(change).map_err(|_| Error::corrupt("fact_changes.change"))?;
            rows.push((
                fact_changes::id.eq(FactChangeId::new(now).to_string()),
                fact_changes::device.eq(device.as_str().to_owned()),
                fact_changes::name.eq(name.as_str()),
                fact_changes::enrollment.eq(enrollment.as_str().to_owned()),
                fact_changes::at.eq(now.0),
                fact_changes::change.eq(words::text(&change)),
            ));
        }
        if rows.is_empty() {
            return Ok(());
        }
        on_backend!(self, |conn| diesel::insert_into(fact_changes::table).values(rows).execute(conn)).map(drop)
    }

    /// Forgets all but the newest changes of a fact.
    fn forget_changes(&mut self, device: &DeviceKey, name: FactName, keep: usize) -> Result<(), Error> {
        let query = fact_changes::table
            .filter(fact_changes::device.eq(device.as_str()))
            .filter(fact_changes::name.eq(name.as_str()))
            .order(fact_changes::id.desc())
            .select(fact_changes::id);
        let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
        let old: Vec<String> = ids.into_iter().skip(keep).collect();
        if old.is_empty() {
            return Ok(());
        }
        let query = diesel::delete(fact_changes::table.filter(among(fact_changes::id, old)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Another life of a device begins: what was observed in those before is no longer known. It stays in the history. What
    /// was not observed, but set here, stays.
    pub fn forget_facts_of_others(&mut self, device: &DeviceKey, enrollment: &EnrollmentId) -> Result<(), Error> {
        let given: Vec<&str> = FactName::all_given().map(FactName::as_str).collect();
        let query = diesel::delete(
            facts::table
                .filter(facts::device.eq(device.as_str()))
                .filter(facts::enrollment.ne(enrollment.as_str()))
                .filter(diesel::dsl::not(among(facts::name, given.iter().copied()))),
        );
        if on_backend!(self, |conn| query.execute(conn))? > 0 {
            let items = fact_items::table
                .filter(fact_items::device.eq(device.as_str()))
                .filter(diesel::dsl::not(among(fact_items::name, given)));
            let query = diesel::delete(items);
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(())
    }

    /// What is set here and no longer so: it is known no more. Its history says since when. The enrollment is to be locked.
    pub(in crate::store) fn take_facts_back(
        &mut self,
        device: &DeviceKey,
        enrollment: &EnrollmentId,
        names: &[FactName],
        history: usize,
        now: Timestamp,
    ) -> Result<(), Error> {
        let known = self.facts_named(device, names)?;
        let these = among(facts::name, names.iter().map(|name| name.as_str()));
        let query = diesel::delete(facts::table.filter(facts::device.eq(device.as_str())).filter(these));
        on_backend!(self, |conn| query.execute(conn))?;
        let gone = FactValue::Absent(StatusCode(404));
        let mut told = Vec::new();
        for fact in known.iter() {
            let change = self.save_items(device, &known, fact.name, &gone)?;
            told.push((fact.name, change));
        }
        self.tell_changes(device, enrollment, &told, now)?;
        for (name, _) in told {
            self.forget_changes(device, name, history)?;
        }
        Ok(())
    }
}

fn row_of(device: &DeviceKey, enrollment: &EnrollmentId, name: FactName, value: &FactValue, now: Timestamp) -> FactRow {
    let empty = FactRow {
        device: device.as_str().to_owned(),
        name: name.as_str().to_owned(),
        enrollment: enrollment.as_str().to_owned(),
        kind: String::new(),
        word: None,
        number: None,
        said: None,
        status: None,
        observed_at: now.0,
        changed_at: now.0,
    };
    let kind = |kind: &str| kind.to_owned();
    match value {
        FactValue::Text(text) => FactRow { kind: kind("text"), word: Some(words::text(text)), ..empty },
        FactValue::Integer(number) => FactRow { kind: kind("integer"), number: Some(*number), ..empty },
        FactValue::Bool(yes) => FactRow { kind: kind("boolean"), number: Some(i64::from(*yes)), ..empty },
        FactValue::Time(time) => FactRow { kind: kind("time"), number: Some(time.0), ..empty },
        FactValue::List(items) => FactRow { kind: kind(LIST), number: i64::try_from(items.len()).ok(), ..empty },
        FactValue::Odd(said) => FactRow { kind: kind("odd"), said: Some(words::text(said)), ..empty },
        FactValue::Absent(status) => FactRow { kind: kind("absent"), status: Some(i64::from(status.0)), ..empty },
    }
}
