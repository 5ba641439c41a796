//! Sign-ins at an OpenID Connect provider, from their completion until a device has enrolled with them.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{columns, update};
use super::schema::sign_ins;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{NewSignIn, SignIn, SignInId};

/// What became of an attempt to enroll with a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spending {
    /// It was good, and is spent now.
    Now,
    /// This device spent it before: the reply that it should have got was perhaps lost.
    Again,
    /// Another device spent it.
    Spent,
    /// Its time is over, or it never was.
    Gone,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sign_ins)]
struct SignInRow {
    id: String,
    issuer: String,
    subject: String,
    user_name: String,
    expires_at: i64,
    created_at: i64,
    spent_at: Option<i64>,
    said: Option<String>,
}

impl TryFrom<SignInRow> for SignIn {
    type Error = Error;

    fn try_from(row: SignInRow) -> Result<Self, Error> {
        let said = row.said.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: words::id(row.id)?,
            issuer: row.issuer,
            subject: row.subject,
            user_name: row.user_name,
            expires_at: Timestamp(row.expires_at),
            created_at: Timestamp(row.created_at),
            spent_at: row.spent_at.map(Timestamp),
            said: said.map_err(|_| Error::corrupt("sign_ins.said"))?.unwrap_or_default(),
        })
    }
}

impl Tx<'_> {
    /// Keeps a completed sign-in; `None` when one with this state was completed before.
    pub fn keep_sign_in(&mut self, new: &NewSignIn, now: Timestamp) -> Result<Option<SignInId>, Error> {
        let id = SignInId::new(now);
        let said = (!new.said.is_silent()).then(|| serde_json::to_string(&new.said)).transpose();
        let said = said.map_err(|_| Error::corrupt("sign_ins.said"))?;
        let query = diesel::insert_into(sign_ins::table)
            .values((
                sign_ins::id.eq(id.as_str()),
                sign_ins::state_hash.eq(new.state_hash.as_slice()),
                sign_ins::handle_hash.eq(new.handle_hash.as_slice()),
                sign_ins::issuer.eq(words::text(&new.issuer)),
                sign_ins::subject.eq(words::text(&new.subject)),
                sign_ins::user_name.eq(words::text(&new.user_name)),
                sign_ins::created_at.eq(now.0),
                sign_ins::expires_at.eq(new.expires_at.0),
                sign_ins::said.eq(said),
            ))
            .on_conflict_do_nothing();
        Ok((on_backend!(self, |conn| query.execute(conn))? == 1).then_some(id))
    }

    /// The sign-in for this handle, spent or not, if its time is not over.
    pub fn sign_in(&mut self, handle_hash: &[u8; 32], now: Timestamp) -> Result<Option<SignIn>, Error> {
        let query = sign_ins::table
            .filter(sign_ins::handle_hash.eq(handle_hash.as_slice()))
            .filter(sign_ins::expires_at.gt(now.0))
            .select(columns::<SignInRow>());
        let row: Option<SignInRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(SignIn::try_from).transpose()
    }

    /// A device enrolls with a sign-in. Of several that try at once one is let through.
    pub fn spend_sign_in(&mut self, id: &SignInId, device: &DeviceId, now: Timestamp) -> Result<Spending, Error> {
        let query = update(
            sign_ins::table,
            sign_ins::id.eq(id.as_str()).and(sign_ins::expires_at.gt(now.0)).and(sign_ins::spent_at.is_null()),
            (sign_ins::spent_at.eq(Some(now.0)), sign_ins::spent_by.eq(Some(device.key()))),
        );
        if on_backend!(self, |conn| query.execute(conn))? == 1 {
            return Ok(Spending::Now);
        }
        let query = sign_ins::table
            .filter(sign_ins::id.eq(id.as_str()))
            .filter(sign_ins::expires_at.gt(now.0))
            .select(sign_ins::spent_by);
        let by: Option<Option<String>> = on_backend!(self, |conn| query.first(conn).optional())?;
        Ok(match by {
            None => Spending::Gone,
            Some(by) if by.as_ref() == Some(&device.key()) => Spending::Again,
            Some(_) => Spending::Spent,
        })
    }

    /// Deletes sign-ins whose time was over before then.
    pub(super) fn prune_sign_ins(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = diesel::delete(sign_ins::table.filter(sign_ins::expires_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }
}
