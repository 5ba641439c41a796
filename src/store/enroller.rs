//! Accounts that enroll devices with a password.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::journal::one_more;
use super::schema::enrollment_users;
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{Cursor, EnrollmentUser, EnrollmentUserId, NewEnrollmentUser, Page, Secret, UserName};

#[derive(Queryable, Selectable)]
#[diesel(table_name = enrollment_users)]
struct UserRow {
    id: String,
    name: String,
    display_name: Option<String>,
    bulk: bool,
    max_devices: Option<i64>,
    created_at: i64,
    password_set_at: i64,
    disabled_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl TryFrom<UserRow> for EnrollmentUser {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        let max_devices = row.max_devices.map(|most| words::count(most, "enrollment_users.max_devices"));
        Ok(Self {
            id: words::id(row.id)?,
            name: words::user_name(row.name)?,
            display_name: row.display_name,
            is_bulk: row.bulk,
            max_devices: max_devices.transpose()?,
            created_at: Timestamp(row.created_at),
            password_set_at: Timestamp(row.password_set_at),
            disabled_at: row.disabled_at.map(Timestamp),
            last_used_at: row.last_used_at.map(Timestamp),
        })
    }
}

/// An account's use is noted at most this often, in milliseconds.
const USE_NOTED_EVERY: i64 = 60_000;

impl Tx<'_> {
    /// Makes an account. [`Error::Conflict`] when the name is taken.
    pub fn create_enrollment_user(&mut self, new: &NewEnrollmentUser, now: Timestamp) -> Result<EnrollmentUser, Error> {
        let id = EnrollmentUserId::new(now);
        let password = self.key.seal(password_of(id.as_str()), new.password.expose().as_bytes())?;
        let display_name = words::optional_text(new.display_name.as_ref());
        let query = diesel::insert_into(enrollment_users::table)
            .values((
                enrollment_users::id.eq(id.as_str()),
                enrollment_users::name.eq(new.name.as_str()),
                enrollment_users::folded_name.eq(new.name.key()),
                enrollment_users::display_name.eq(&display_name),
                enrollment_users::password.eq(password),
                enrollment_users::bulk.eq(new.is_bulk),
                enrollment_users::max_devices.eq(new.max_devices.map(i64::from)),
                enrollment_users::created_at.eq(now.0),
                enrollment_users::password_set_at.eq(now.0),
            ))
            .on_conflict_do_nothing();
        if on_backend!(self, |conn| query.execute(conn))? != 1 {
            return Err(Error::Conflict(format!("there is an account {} already", new.name)));
        }
        Ok(EnrollmentUser {
            id,
            name: new.name.clone(),
            display_name,
            is_bulk: new.is_bulk,
            max_devices: new.max_devices,
            created_at: now,
            password_set_at: now,
            disabled_at: None,
            last_used_at: None,
        })
    }

    /// The account with this name.
    pub fn enrollment_user(&mut self, name: &UserName) -> Result<Option<EnrollmentUser>, Error> {
        let query =
            enrollment_users::table.filter(enrollment_users::folded_name.eq(name.key())).select(columns::<UserRow>());
        let row: Option<UserRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(EnrollmentUser::try_from).transpose()
    }

    /// The hash of an account's password, as a PHC string.
    pub fn enrollment_password(&mut self, user: &EnrollmentUserId) -> Result<Option<Secret<String>>, Error> {
        let query = enrollment_users::table.find(user.as_str()).select(enrollment_users::password);
        let sealed: Option<Vec<u8>> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some(sealed) = sealed else { return Ok(None) };
        let hash = self.key.open(password_of(user.as_str()), &sealed)?;
        let hash = std::str::from_utf8(&hash).map_err(|_| Error::corrupt("enrollment_users.password"))?;
        Ok(Some(Secret::new(hash.to_owned())))
    }

    /// Accounts by name.
    pub fn enrollment_users(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<EnrollmentUser>, Error> {
        let query = enrollment_users::table
            .filter(enrollment_users::folded_name.gt(after.map_or("", Cursor::sort_key)))
            .order(enrollment_users::folded_name.asc())
            .limit(one_more(limit))
            .select(columns::<UserRow>());
        let rows: Vec<UserRow> = on_backend!(self, |conn| query.load(conn))?;
        let users = rows.into_iter().map(EnrollmentUser::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(users, limit, |user: &EnrollmentUser| user.name.key()))
    }

    /// Gives an account another password, by its hash.
    pub fn set_enrollment_password(
        &mut self,
        user: &EnrollmentUserId,
        password: &Secret<String>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sealed = self.key.seal(password_of(user.as_str()), password.expose().as_bytes())?;
        self.change_enrollment_user(
            user,
            (enrollment_users::password.eq(sealed), enrollment_users::password_set_at.eq(now.0)),
        )
    }

    /// Lets an account enroll nothing more from a time on, or enroll again.
    pub fn disable_enrollment_user(
        &mut self,
        user: &EnrollmentUserId,
        disabled_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        self.change_enrollment_user(user, enrollment_users::disabled_at.eq(words::millis(disabled_at)))
    }

    /// Notes that an account enrolled a device, unless that was noted lately: many devices of one account would wait
    /// for each other at its row.
    pub fn touch_enrollment_user(&mut self, user: &EnrollmentUser, now: Timestamp) -> Result<(), Error> {
        if user.last_used_at.is_some_and(|last| now.millis_since(last) < USE_NOTED_EVERY) {
            return Ok(());
        }
        let is_old = enrollment_users::last_used_at
            .is_null()
            .or(enrollment_users::last_used_at.le(now.0 - USE_NOTED_EVERY).assume_not_null());
        let query = update(
            enrollment_users::table,
            enrollment_users::id.eq(user.id.as_str()).and(is_old),
            enrollment_users::last_used_at.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Deletes an account. The devices that it enrolled stay.
    pub fn remove_enrollment_user(&mut self, user: &EnrollmentUserId) -> Result<(), Error> {
        let query = diesel::delete(enrollment_users::table.find(user.as_str()));
        found(on_backend!(self, |conn| query.execute(conn))?)
    }

    fn change_enrollment_user<C>(&mut self, user: &EnrollmentUserId, changes: C) -> Result<(), Error>
    where
        C: AsChangeset<Target = enrollment_users::table>,
        C::Changeset: diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite>
            + diesel::query_builder::QueryFragment<diesel::pg::Pg>,
    {
        let query = update(enrollment_users::table, enrollment_users::id.eq(user.as_str().to_owned()), changes);
        found(on_backend!(self, |conn| query.execute(conn))?)
    }
}

fn found(rows: usize) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::NotFound("enrollment account")) }
}

const fn password_of(user: &str) -> Place<'_> {
    Place { column: "enrollment_users.password", row: user }
}
