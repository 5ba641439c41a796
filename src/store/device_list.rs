//! Lists of devices: those that begin with something, and those for which a condition holds.
//!
//! What few devices can match is looked up by its index, and the few are put in order. Otherwise devices are looked at in
//! the order in which they are listed, a bounded number for a page: where many match, the page is full soon. No list grows
//! dearer with the number of devices either way.

use std::collections::BTreeSet;

use diesel::prelude::*;
use transom_protocol::session::DeviceId;

use super::device::DeviceRow;
use super::fact::{DevicesIn, Matching};
use super::fragments::{among, at_most, columns};
use super::journal::one_more;
use super::schema::{devices, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, Device, DeviceFilter, Page};

/// So many are few.
const FEW: usize = 500;

/// Devices that are looked at together.
const STEP: i64 = 2_500;

/// Such looks for one page.
const STEPS: usize = 10;

#[diesel::declare_sql_function]
extern "SQL" {
    /// In lower case.
    fn lower(
        text: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

impl Tx<'_> {
    /// Devices in the order of their ids. A page may be short, or empty, and still have one after it.
    pub fn devices(
        &mut self,
        filter: &DeviceFilter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Device>, Error> {
        let after = after.map_or("", Cursor::sort_key);
        let mut matching = Matching::of(filter.condition.as_ref());
        let mut few = None;
        if let Some(beginning) = filter.begins_with.as_deref().filter(|beginning| !beginning.is_empty()) {
            let from = words::text(&beginning.to_ascii_lowercase());
            let to = words::end_of_prefix(&from).unwrap_or_else(|| "\u{10ffff}".repeat(DeviceId::MAX_LEN));
            few = self.few_that_begin(&from, &to)?;
            matching = matching.and_begins(from, to);
        }
        if few.is_none() {
            few = self.few_that_match(&matching)?;
        }
        let (rows, looked_until) = match few {
            Some(few) => (self.devices_among(&few, matching, after, limit)?, None),
            None => self.devices_in_order(&matching, after, limit)?,
        };
        let page = Page::of(rows, limit, |row| row.folded_id.clone());
        let next = page.next.or_else(|| looked_until.map(Cursor::after));
        Ok(Page { items: self.with_enrollments(page.items)?, next })
    }

    /// Devices of exactly this name, by their ids; the case of ASCII letters makes no difference.
    pub fn devices_called(&mut self, name: &str, most: i64) -> Result<Vec<DeviceId>, Error> {
        let query = devices::table
            .filter(devices::folded_name.eq(words::text(&name.to_ascii_lowercase())))
            .order(devices::folded_id.asc())
            .select(devices::device_id);
        let ids: Vec<String> = on_backend!(self, |conn| at_most(most, query).load(conn))?;
        ids.iter().map(|id| words::device_id(id)).collect()
    }

    /// The devices whose id, name or user begins so, by their ids as they are compared, when they are few.
    fn few_that_begin(&mut self, from: &str, to: &str) -> Result<Option<BTreeSet<String>>, Error> {
        let most = one_more(FEW);
        let by_id = devices::table
            .filter(devices::folded_id.ge(from))
            .filter(devices::folded_id.lt(to))
            .select(devices::folded_id);
        let by_name = devices::table
            .filter(devices::folded_name.ge(from))
            .filter(devices::folded_name.lt(to))
            .select(devices::folded_id);
        let by_user = enrollments::table
            .filter(lower(enrollments::upn).ge(from))
            .filter(lower(enrollments::upn).lt(to))
            .select(enrollments::folded_id);
        let mut few = BTreeSet::new();
        let mut ids: Vec<String> = on_backend!(self, |conn| at_most(most, by_id).load(conn))?;
        if ids.len() <= FEW {
            few.extend(ids);
            ids = on_backend!(self, |conn| at_most(most, by_name).load(conn))?;
        }
        if ids.len() <= FEW {
            few.extend(ids);
            ids = on_backend!(self, |conn| at_most(most, by_user).load(conn))?;
        }
        if ids.len() > FEW {
            return Ok(None);
        }
        few.extend(ids);
        Ok(Some(few))
    }

    /// The same for a condition, one of whose tests only few pass.
    fn few_that_match(&mut self, matching: &Matching) -> Result<Option<BTreeSet<String>>, Error> {
        for range in matching.ranges() {
            let query = DevicesIn { range, most: FEW + 1 };
            let keys: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
            if keys.len() <= FEW {
                let query = devices::table.filter(among(devices::id, keys)).select(devices::folded_id);
                let ids: Vec<String> = on_backend!(self, |conn| query.load(conn))?;
                return Ok(Some(ids.into_iter().collect()));
            }
        }
        Ok(None)
    }

    fn devices_among(
        &mut self,
        few: &BTreeSet<String>,
        matching: Matching,
        after: &str,
        limit: usize,
    ) -> Result<Vec<DeviceRow>, Error> {
        let query = devices::table
            .filter(among(devices::folded_id, few.iter().map(String::as_str).filter(|id| *id > after)))
            .filter(matching)
            .order(devices::folded_id.asc())
            .select(columns::<DeviceRow>());
        on_backend!(self, |conn| at_most(one_more(limit), query).load(conn))
    }

    /// Those that match of the next ones, and up to where it was looked when there are more behind.
    fn devices_in_order(
        &mut self,
        matching: &Matching,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<DeviceRow>, Option<String>), Error> {
        let (mut found, mut after) = (Vec::new(), after.to_owned());
        for _ in 0..STEPS {
            let end = devices::table
                .filter(devices::folded_id.gt(&after))
                .order(devices::folded_id.asc())
                .select(devices::folded_id)
                .offset(STEP - 1)
                .limit(1);
            let end: Option<String> = on_backend!(self, |conn| end.get_result(conn).optional())?;
            let last = end.clone().unwrap_or_else(|| "\u{10ffff}".repeat(DeviceId::MAX_LEN));
            let query = devices::table
                .filter(devices::folded_id.gt(&after))
                .filter(devices::folded_id.le(last))
                .filter(matching.clone())
                .order(devices::folded_id.asc())
                .select(columns::<DeviceRow>());
            let most = one_more(limit.saturating_sub(found.len()));
            let mut rows: Vec<DeviceRow> = on_backend!(self, |conn| at_most(most, query).load(conn))?;
            found.append(&mut rows);
            match end {
                Some(end) if found.len() <= limit => after = end,
                _ => return Ok((found, None)),
            }
        }
        Ok((found, Some(after)))
    }
}
