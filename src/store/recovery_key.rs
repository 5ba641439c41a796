//! Keys and passwords that get somebody back into a device: sealed, and given out only with a record of to whom and why.

use diesel::prelude::*;
use transom_protocol::session::{DeviceId, Timestamp};

use super::fragments::{columns, update};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{NewRecoveryKey, RecoveryKey, RecoveryKeyId, RecoveryKeyKind, RecoveryKeyView, Secret};

diesel::table! {
    recovery_keys (id) {
        id -> Text,
        folded_id -> Text,
        device_id -> Text,
        kind -> Text,
        name -> Text,
        secret -> Binary,
        created_at -> BigInt,
        created_by -> Text,
        outdated_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    recovery_key_views (id) {
        id -> Text,
        recovery_key -> Text,
        folded_id -> Text,
        at -> BigInt,
        viewed_by -> Text,
        reason -> Text,
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recovery_keys)]
struct KeyRow {
    id: String,
    device_id: String,
    kind: String,
    name: String,
    created_at: i64,
    created_by: String,
    outdated_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recovery_key_views)]
struct ViewRow {
    recovery_key: String,
    at: i64,
    viewed_by: String,
    reason: String,
}

/// Keys of one device that are listed; older ones are kept and not listed.
const MOST_LISTED: i64 = 200;

const fn secret_of(key: &str) -> Place<'_> {
    Place { column: "recovery_keys.secret", row: key }
}

impl TryFrom<KeyRow> for RecoveryKey {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            device_id: words::device_id(&row.device_id)?,
            kind: words::of_word(&row.kind, "recovery_keys.kind")?,
            name: row.name,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            outdated_at: row.outdated_at.map(Timestamp),
        })
    }
}

impl Tx<'_> {
    /// Keeps a key. What is known of the same sort and name is outdated by it.
    pub fn keep_recovery_key(&mut self, new: &NewRecoveryKey, now: Timestamp) -> Result<RecoveryKey, Error> {
        self.outdate_recovery_keys(&new.device_id, new.kind, Some(&new.name), now)?;
        let id = RecoveryKeyId::new(now);
        let key = RecoveryKey {
            device_id: new.device_id.clone(),
            kind: new.kind,
            name: words::text(&new.name),
            created_at: now,
            created_by: words::text(&new.created_by),
            outdated_at: None,
            id,
        };
        let query = diesel::insert_into(recovery_keys::table).values((
            recovery_keys::id.eq(key.id.as_str()),
            recovery_keys::folded_id.eq(key.device_id.key()),
            recovery_keys::device_id.eq(key.device_id.as_str()),
            recovery_keys::kind.eq(key.kind.as_str()),
            recovery_keys::name.eq(&key.name),
            recovery_keys::secret.eq(self.key.seal(secret_of(key.id.as_str()), new.secret.expose().as_bytes())?),
            recovery_keys::created_at.eq(now.0),
            recovery_keys::created_by.eq(&key.created_by),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(key)
    }

    /// The device has rotated its keys of a sort: those that were handed over until then no longer open anything.
    pub fn outdate_recovery_keys(
        &mut self,
        device: &DeviceId,
        kind: RecoveryKeyKind,
        name: Option<&str>,
        until: Timestamp,
    ) -> Result<usize, Error> {
        let current = recovery_keys::folded_id
            .eq(device.key())
            .and(recovery_keys::kind.eq(kind.as_str()))
            .and(recovery_keys::outdated_at.is_null())
            .and(recovery_keys::created_at.le(until.0));
        let outdated = recovery_keys::outdated_at.eq(Some(until.0));
        if let Some(name) = name {
            let current = current.and(recovery_keys::name.eq(words::text(name)));
            let query = update(recovery_keys::table, current, outdated);
            return on_backend!(self, |conn| query.execute(conn));
        }
        let query = update(recovery_keys::table, current, outdated);
        on_backend!(self, |conn| query.execute(conn))
    }

    /// The keys of a device without their secrets, newest first.
    pub fn recovery_keys(&mut self, device: &DeviceId) -> Result<Vec<RecoveryKey>, Error> {
        let query = recovery_keys::table
            .filter(recovery_keys::folded_id.eq(device.key()))
            .order(recovery_keys::id.desc())
            .limit(MOST_LISTED)
            .select(columns::<KeyRow>());
        let rows: Vec<KeyRow> = on_backend!(self, |conn| query.load(conn))?;
        rows.into_iter().map(RecoveryKey::try_from).collect()
    }

    /// Gives a key out, and notes to whom and why in the same transaction.
    pub fn view_recovery_key(
        &mut self,
        device: &DeviceId,
        id: &RecoveryKeyId,
        (by, reason): (&str, &str),
        now: Timestamp,
    ) -> Result<Option<(RecoveryKey, Secret<String>)>, Error> {
        let query = recovery_keys::table
            .filter(recovery_keys::id.eq(id.as_str()))
            .filter(recovery_keys::folded_id.eq(device.key()))
            .select((columns::<KeyRow>(), recovery_keys::secret));
        let row: Option<(KeyRow, Vec<u8>)> = on_backend!(self, |conn| query.first(conn).optional())?;
        let Some((row, sealed)) = row else { return Ok(None) };
        let plain = self.key.open(secret_of(&row.id), &sealed)?;
        let secret = String::from_utf8(plain.to_vec()).map_err(|_| Error::corrupt("recovery_keys.secret"))?;
        let view = RecoveryKeyId::new(now);
        let query = diesel::insert_into(recovery_key_views::table).values((
            recovery_key_views::id.eq(view.as_str()),
            recovery_key_views::recovery_key.eq(id.as_str()),
            recovery_key_views::folded_id.eq(device.key()),
            recovery_key_views::at.eq(now.0),
            recovery_key_views::viewed_by.eq(words::text(by)),
            recovery_key_views::reason.eq(words::text(reason)),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(Some((row.try_into()?, Secret::new(secret))))
    }

    /// Who has seen keys of a device, newest first.
    pub fn recovery_key_views(&mut self, device: &DeviceId) -> Result<Vec<RecoveryKeyView>, Error> {
        let query = recovery_key_views::table
            .filter(recovery_key_views::folded_id.eq(device.key()))
            .order(recovery_key_views::id.desc())
            .limit(MOST_LISTED)
            .select(columns::<ViewRow>());
        let rows: Vec<ViewRow> = on_backend!(self, |conn| query.load(conn))?;
        let view = |row: ViewRow| {
            Ok(RecoveryKeyView {
                key: words::id(row.recovery_key)?,
                at: Timestamp(row.at),
                by: row.viewed_by,
                reason: row.reason,
            })
        };
        rows.into_iter().map(view).collect()
    }
}
