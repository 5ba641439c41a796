//! People: what is known of them, whose devices are whose, and that devices have what is known as facts.
//!
//! Whoever changes what is known of a person writes that down alone; their devices get it afterwards, some at a time
//! ([`Tx::spread_person`]), because one person may have very many. The lives of devices are locked before the person,
//! everywhere.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{among, at_most, columns, update};
use super::journal::one_more;
use super::schema::{directory_devices, directory_people, enrollments};
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    Attribute, Cursor, DeviceKey, EnrollmentId, EnrollmentState, FactName, FactValue, Heard, Known, Page, Person,
    UserName,
};

/// Changes that are kept of each fact.
const HISTORY: usize = 20;

/// Before the first device of all.
const START: &str = "";

#[derive(Queryable, Selectable, PartialEq)]
#[diesel(table_name = directory_people)]
struct PersonRow {
    name: String,
    value: String,
    changed_at: i64,
    changed_by: String,
    forgotten: bool,
    spread: Option<String>,
}

impl TryFrom<PersonRow> for Person {
    type Error = Error;

    fn try_from(row: PersonRow) -> Result<Self, Error> {
        Ok(Self {
            name: words::user_name(row.name)?,
            known: serde_json::from_str(&row.value).map_err(|_| Error::corrupt("directory_people.value"))?,
            changed_at: Timestamp(row.changed_at),
            changed_by: row.changed_by,
        })
    }
}

impl Tx<'_> {
    /// What is known of a person.
    pub fn person(&mut self, name: &UserName) -> Result<Option<Person>, Error> {
        self.person_row(&name.key())?.filter(|row| !row.forgotten).map(Person::try_from).transpose()
    }

    /// People of whom something is known, by name.
    pub fn people(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<Person>, Error> {
        let query = directory_people::table
            .filter(directory_people::folded_name.gt(after.map_or("", Cursor::sort_key)))
            .filter(directory_people::forgotten.eq(false))
            .order(directory_people::folded_name.asc())
            .limit(one_more(limit))
            .select(columns::<PersonRow>());
        let rows: Vec<PersonRow> = on_backend!(self, |conn| query.load(conn))?;
        let people = rows.into_iter().map(Person::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(people, limit, |person: &Person| person.name.key()))
    }

    /// Somebody says what is known of a person from now on. What was known before, where it is another; devices get it
    /// afterwards.
    pub fn tell_of_person(
        &mut self,
        name: &UserName,
        known: &Known,
        by: &str,
        now: Timestamp,
    ) -> Result<Option<Option<Known>>, Error> {
        self.lock_person(&name.key())?;
        let before = match self.person(name) {
            // What can't be read can be said anew.
            Err(Error::Corrupt(_)) => None,
            known => known?,
        };
        if before.as_ref().is_some_and(|before| before.known == *known) {
            return Ok(None);
        }
        self.keep_person(name, known, by, false, now)?;
        Ok(Some(before.map(|before| before.known)))
    }

    /// A provider said something of a person at a time, unless somebody else has said something since. What was known
    /// before and is known now, where that differs.
    pub fn hear_of_person(
        &mut self,
        name: &UserName,
        heard: Heard,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<(Option<Known>, Known)>, Error> {
        if heard.is_silent() {
            return Ok(None);
        }
        self.lock_person(&name.key())?;
        let row = self.person_row(&name.key())?;
        if row.as_ref().is_some_and(|row| row.changed_at > at.0) {
            return Ok(None);
        }
        let before = row.filter(|row| !row.forgotten).map(Person::try_from).transpose()?.map(|person| person.known);
        let known = before.clone().unwrap_or_default().told(heard);
        if before.as_ref() == Some(&known) {
            return Ok(None);
        }
        self.keep_person(name, &known, by, false, at)?;
        Ok(Some((before, known)))
    }

    /// Nothing is known of a person any more. What was; devices lose it afterwards.
    pub fn forget_person(&mut self, name: &UserName, by: &str, now: Timestamp) -> Result<Option<Known>, Error> {
        self.lock_person(&name.key())?;
        let Some(before) = self.person(name)? else { return Ok(None) };
        self.keep_person(&before.name, &Known::default(), by, true, now)?;
        Ok(Some(before.known))
    }

    /// Whose a device is.
    pub fn person_of(&mut self, device: &DeviceKey) -> Result<Option<UserName>, Error> {
        let query = directory_devices::table.find(device.as_str()).select(directory_devices::name);
        let name: Option<String> = on_backend!(self, |conn| query.first(conn).optional())?;
        name.map(words::user_name).transpose()
    }

    /// A device is a person's from now on, or nobody's. Its life is to be locked.
    pub fn give_device_to(
        &mut self,
        device: &DeviceKey,
        life: &EnrollmentId,
        person: Option<&UserName>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let Some(person) = person else {
            let query = diesel::delete(directory_devices::table.find(device.as_str()));
            on_backend!(self, |conn| query.execute(conn))?;
            return self.know(device, life, Vec::new(), now).map(drop);
        };
        self.lock_person(&person.key())?;
        let columns =
            (directory_devices::person.eq(person.key()), directory_devices::name.eq(person.as_str().to_owned()));
        let query = diesel::insert_into(directory_devices::table)
            .values((directory_devices::device.eq(device.as_str()), columns.clone()))
            .on_conflict(directory_devices::device)
            .do_update()
            .set(columns);
        on_backend!(self, |conn| query.execute(conn))?;
        let known = self.person(person)?.map(|person| person.known);
        self.know(device, life, facts_of(person, known.as_ref()), now).map(drop)
    }

    /// A life begins: the device is whose who enrolled it. One that was brought along from elsewhere stays whose it was.
    pub(super) fn meet_person(&mut self, life: &EnrollmentId, now: Timestamp) -> Result<(), Error> {
        let query = enrollments::table.find(life.as_str()).select((enrollments::device, enrollments::upn));
        let (device, upn): (String, Option<String>) = on_backend!(self, |conn| query.first(conn))?;
        match upn.as_deref().and_then(UserName::parse) {
            Some(person) => self.give_device_to(&words::id(device)?, life, Some(&person), now),
            None => Ok(()),
        }
    }

    /// Somebody of whom devices don't have yet what is known, by the form of their name that is compared.
    pub fn person_to_spread(&mut self) -> Result<Option<String>, Error> {
        let query = directory_people::table
            .filter(directory_people::spread.is_not_null())
            .order(directory_people::folded_name.asc())
            .select(directory_people::folded_name);
        on_backend!(self, |conn| at_most(1, query).load(conn)).map(|found: Vec<String>| found.into_iter().next())
    }

    /// Some more of a person's devices get what is known of them, and are looked at where that changes something. How many
    /// there were.
    pub fn spread_person(&mut self, person: &str, limit: i64, now: Timestamp) -> Result<usize, Error> {
        let Some(before) = self.person_row(person)? else { return Ok(0) };
        let Some(behind) = before.spread.clone() else { return Ok(0) };
        let query = directory_devices::table
            .filter(directory_devices::person.eq(person))
            .filter(directory_devices::device.gt(&behind))
            .order(directory_devices::device.asc())
            .select(directory_devices::device);
        let devices: Vec<String> = on_backend!(self, |conn| at_most(limit, query).load(conn))?;
        let lives = self.lives_in_use(&devices)?;
        let ids: Vec<EnrollmentId> = lives.iter().map(|(life, _)| life.clone()).collect();
        let live = self.lock_lives(&ids)?;
        self.lock_person(person)?;
        // Somebody may have said something else meanwhile, or the device is another's. Then there may be devices among the first
        // ones that were not found.
        let Some(row) = self.person_row(person)?.filter(|row| *row == before) else {
            return Ok(devices.len().max(1));
        };
        let query = directory_devices::table
            .filter(among(directory_devices::device, &devices))
            .filter(directory_devices::person.eq(person))
            .select((directory_devices::device, directory_devices::name));
        let theirs: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        let forgotten = row.forgotten;
        let known = match Person::try_from(row) {
            _ if forgotten => None,
            Ok(person) => Some(person.known),
            // One person of whom nothing can be read keeps nothing from others: their devices stay as they are.
            Err(error @ Error::Corrupt(_)) => {
                tracing::error!(person, %error, "what is known of a person does not come to devices");
                let unspread = directory_people::spread.eq(None::<String>);
                let query = update(directory_people::table, directory_people::folded_name.eq(person), unspread);
                on_backend!(self, |conn| query.execute(conn))?;
                return Ok(1);
            }
            Err(error) => return Err(error),
        };
        for (life, device) in lives.into_iter().filter(|(life, _)| live.contains(life)) {
            let Some((_, name)) = theirs.iter().find(|(their, _)| their == device.as_str()) else { continue };
            match self.know_person(&device, &life, name, known.as_ref(), now) {
                Ok(false) => {}
                Ok(true) => self.look_at_policies(&life, now)?,
                Err(error @ Error::Corrupt(_)) => {
                    tracing::error!(enrollment = life.as_str(), %error, "a device does not get what is known of its person");
                }
                Err(error) => return Err(error),
            }
        }
        let is_last = i64::try_from(devices.len()).is_ok_and(|count| count < limit);
        let this = directory_people::folded_name.eq(person);
        if is_last && forgotten {
            let query = diesel::delete(directory_people::table.filter(this));
            on_backend!(self, |conn| query.execute(conn))?;
        } else {
            let next = if is_last { None } else { devices.last().cloned() };
            let query = update(directory_people::table, this, directory_people::spread.eq(next));
            on_backend!(self, |conn| query.execute(conn))?;
        }
        Ok(devices.len().max(1))
    }

    /// A device has what is known of its person. Whether that changes anything.
    fn know_person(
        &mut self,
        device: &DeviceKey,
        life: &EnrollmentId,
        name: &str,
        known: Option<&Known>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let facts = facts_of(&words::user_name(name.to_owned())?, known);
        self.know(device, life, facts, now)
    }

    /// Nobody else says something of this person, or gives them a device, before this transaction ends.
    fn lock_person(&mut self, person: &str) -> Result<(), Error> {
        self.lock_name(&format!("transom person {person}"))
    }

    fn person_row(&mut self, person: &str) -> Result<Option<PersonRow>, Error> {
        let query = directory_people::table.find(person).select(columns::<PersonRow>());
        on_backend!(self, |conn| query.first(conn).optional())
    }

    fn keep_person(
        &mut self,
        name: &UserName,
        known: &Known,
        by: &str,
        forgotten: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let value = serde_json::to_string(known).map_err(|_| Error::corrupt("directory_people.value"))?;
        let columns = (
            directory_people::name.eq(name.as_str().to_owned()),
            directory_people::value.eq(value),
            directory_people::changed_at.eq(now.0),
            directory_people::changed_by.eq(words::text(by)),
            directory_people::forgotten.eq(forgotten),
            directory_people::spread.eq(Some(START)),
        );
        let query = diesel::insert_into(directory_people::table)
            .values((directory_people::folded_name.eq(name.key()), columns.clone()))
            .on_conflict(directory_people::folded_name)
            .do_update()
            .set(columns);
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// The lives of these devices that they have been heard of in.
    fn lives_in_use(&mut self, devices: &[String]) -> Result<Vec<(EnrollmentId, DeviceKey)>, Error> {
        let in_use = [EnrollmentState::Active, EnrollmentState::Unenrolling];
        let query = enrollments::table
            .filter(among(enrollments::device, devices))
            .filter(enrollments::ended_at.is_null())
            .filter(among(enrollments::state, in_use.map(EnrollmentState::as_str)))
            .select((enrollments::id, enrollments::device));
        let rows: Vec<(String, String)> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(|(life, device)| Ok((words::id(life)?, words::id(device)?))).collect()
    }

    /// Of the person a device has these facts, and no others. Whether that changes anything.
    fn know(
        &mut self,
        device: &DeviceKey,
        life: &EnrollmentId,
        facts: Vec<(FactName, FactValue)>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let names: Vec<FactName> = [FactName::USER_NAME, FactName::USER_GROUPS]
            .into_iter()
            .chain(Attribute::all().map(Attribute::fact))
            .collect();
        let had = self.facts_named(device, &names)?;
        let is_there = |name: FactName| facts.iter().any(|(own, _)| *own == name);
        let gone: Vec<FactName> = had.iter().map(|fact| fact.name).filter(|name| !is_there(*name)).collect();
        let changed: Vec<(FactName, FactValue)> =
            facts.into_iter().filter(|(name, value)| had.value(*name) != Some(value)).collect();
        if !gone.is_empty() {
            self.take_facts_back(device, life, &gone, HISTORY, now)?;
        }
        if !changed.is_empty() {
            self.save_facts(device, life, &changed, HISTORY, now)?;
        }
        Ok(!gone.is_empty() || !changed.is_empty())
    }
}

/// What devices of a person have for facts.
fn facts_of(name: &UserName, known: Option<&Known>) -> Vec<(FactName, FactValue)> {
    let named = (FactName::USER_NAME, FactValue::Text(name.as_str().to_owned()));
    std::iter::once(named).chain(known.map(Known::facts).unwrap_or_default()).collect()
}
