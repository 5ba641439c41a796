//! People who run the server, and the links by which they come in.

use diesel::prelude::*;
use transom_protocol::session::Timestamp;

use super::fragments::{columns, update};
use super::journal::one_more;
use super::schema::{operator_links, operators};
use super::seal::Place;
use super::tx::{Tx, on_backend};
use super::{Error, words};
use crate::model::{
    Cursor, Maker, NewOperator, NewOperatorLink, Operator, OperatorId, OperatorLink, OperatorLinkId, OperatorSecrets,
    Page, Role, Secret, UserName,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = operators)]
struct OperatorRow {
    id: String,
    name: String,
    role: String,
    subject: Option<String>,
    password: Option<Vec<u8>>,
    totp: Option<Vec<u8>>,
    recovery: Option<String>,
    created_at: i64,
    created_by: String,
    disabled_at: Option<i64>,
    last_seen_at: Option<i64>,
    version: i64,
}

impl TryFrom<OperatorRow> for Operator {
    type Error = Error;

    fn try_from(row: OperatorRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            name: words::user_name(row.name)?,
            role: words::of_word(&row.role, "operators.role")?,
            subject: row.subject,
            has_password: row.password.is_some(),
            has_totp: row.totp.is_some(),
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            disabled_at: row.disabled_at.map(Timestamp),
            last_seen_at: row.last_seen_at.map(Timestamp),
            version: row.version,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = operator_links)]
struct LinkRow {
    id: String,
    operator: Option<String>,
    name: Option<String>,
    role: String,
    created_at: i64,
    created_by: String,
    expires_at: i64,
    used_at: Option<i64>,
}

impl TryFrom<LinkRow> for OperatorLink {
    type Error = Error;

    fn try_from(row: LinkRow) -> Result<Self, Error> {
        Ok(Self {
            id: words::id(row.id)?,
            operator: row.operator.map(words::id).transpose()?,
            name: row.name.map(words::user_name).transpose()?,
            role: words::of_word(&row.role, "operator_links.role")?,
            created_at: Timestamp(row.created_at),
            created_by: row.created_by,
            expires_at: Timestamp(row.expires_at),
            used_at: row.used_at.map(Timestamp),
        })
    }
}

impl Tx<'_> {
    /// Makes an operator. [`Error::Conflict`] when the name or the subject is taken.
    pub fn create_operator(&mut self, new: &NewOperator, now: Timestamp) -> Result<Operator, Error> {
        let id = OperatorId::new(now);
        let password = new.password.as_ref();
        let password = password.map(|hash| self.key.seal(password_of(id.as_str()), hash.expose().as_bytes()));
        let password = password.transpose()?;
        let query = diesel::insert_into(operators::table)
            .values((
                operators::id.eq(id.as_str()),
                operators::name.eq(words::text(new.name.as_str())),
                operators::folded_name.eq(words::text(&new.name.key())),
                operators::role.eq(new.role.as_str()),
                operators::subject.eq(words::optional_text(new.subject.as_ref())),
                operators::password.eq(password),
                operators::totp_step.eq(0),
                operators::created_at.eq(now.0),
                operators::created_by.eq(words::text(&new.created_by)),
                operators::version.eq(1),
            ))
            .on_conflict_do_nothing();
        match on_backend!(self, |conn| query.execute(conn))? {
            1 => self.operator(&id)?.ok_or(Error::NotFound("operator")),
            _ => Err(Error::Conflict(format!("there is an operator '{}' already", new.name))),
        }
    }

    /// One operator.
    pub fn operator(&mut self, id: &OperatorId) -> Result<Option<Operator>, Error> {
        let query = operators::table.find(id.as_str()).select(columns::<OperatorRow>());
        let row: Option<OperatorRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(Operator::try_from).transpose()
    }

    /// One operator, and what they sign in with; nobody else changes it before this transaction ends.
    pub fn operator_for_update(&mut self, id: &OperatorId) -> Result<Option<(Operator, OperatorSecrets)>, Error> {
        let query = operators::table.find(id.as_str()).select(columns::<OperatorRow>());
        let row: Option<OperatorRow> = on_backend!(
            self,
            sqlite => |conn| query.first(conn).optional(),
            postgres => |conn| query.for_update().first(conn).optional()
        )?;
        row.map(|row| self.with_secrets(row)).transpose()
    }

    /// Nobody else changes who comes in with what before this transaction ends. To be taken before every other lock.
    pub fn lock_people(&mut self) -> Result<(), Error> {
        self.lock_name("transom people")
    }

    /// The operator of this name, and what they sign in with.
    pub fn operator_by_name(&mut self, name: &UserName) -> Result<Option<(Operator, OperatorSecrets)>, Error> {
        let query = operators::table
            .filter(operators::folded_name.eq(words::text(&name.key())))
            .select(columns::<OperatorRow>());
        let row: Option<OperatorRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(|row| self.with_secrets(row)).transpose()
    }

    /// The operator who is this at the provider of sign-ins.
    pub fn operator_by_subject(&mut self, subject: &str) -> Result<Option<Operator>, Error> {
        let query =
            operators::table.filter(operators::subject.eq(words::text(subject))).select(columns::<OperatorRow>());
        let row: Option<OperatorRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(Operator::try_from).transpose()
    }

    fn with_secrets(&mut self, row: OperatorRow) -> Result<(Operator, OperatorSecrets), Error> {
        let password = row.password.as_ref().map(|sealed| self.key.open(password_of(&row.id), sealed)).transpose()?;
        let password = password.map(|hash| {
            String::from_utf8(hash.to_vec()).map(Secret::new).map_err(|_| Error::corrupt("operators.password"))
        });
        let totp = row.totp.as_ref().map(|sealed| self.key.open(totp_of(&row.id), sealed)).transpose()?;
        let secrets = OperatorSecrets {
            password: password.transpose()?,
            totp: totp.map(|secret| Secret::new(secret.to_vec())),
            recovery: row
                .recovery
                .as_deref()
                .map(|text| text.split(' ').map(str::to_owned).collect())
                .unwrap_or_default(),
        };
        Ok((Operator::try_from(row)?, secrets))
    }

    /// Operators by name.
    pub fn operators(&mut self, after: Option<&Cursor>, limit: usize) -> Result<Page<Operator>, Error> {
        let query = operators::table
            .filter(operators::folded_name.gt(after.map_or("", Cursor::sort_key)))
            .order(operators::folded_name.asc())
            .limit(one_more(limit))
            .select(columns::<OperatorRow>());
        let rows: Vec<OperatorRow> = on_backend!(self, |conn| query.load(conn))?;
        let operators = rows.into_iter().map(Operator::try_from).collect::<Result<_, _>>()?;
        Ok(Page::of(operators, limit, |operator: &Operator| operator.name.key()))
    }

    /// How many operators with this role may sign in.
    pub fn live_operators(&mut self, role: Role) -> Result<i64, Error> {
        let query =
            operators::table.filter(operators::role.eq(role.as_str())).filter(operators::disabled_at.is_null()).count();
        on_backend!(self, |conn| query.get_result(conn))
    }

    /// Changes the role of an operator whose record has not been changed since it was read.
    pub fn set_operator_role(&mut self, operator: &Operator, role: Role) -> Result<(), Error> {
        let query = update(
            operators::table,
            operators::id.eq(operator.id.as_str()).and(operators::version.eq(operator.version)),
            (operators::role.eq(role.as_str()), operators::version.eq(operator.version + 1)),
        );
        changed(on_backend!(self, |conn| query.execute(conn))?)
    }

    /// Says who an operator is at the provider of sign-ins.
    pub fn set_operator_subject(&mut self, operator: &Operator, subject: &str) -> Result<(), Error> {
        let query = update(
            operators::table,
            operators::id.eq(operator.id.as_str()).and(operators::version.eq(operator.version)),
            (operators::subject.eq(Some(words::text(subject))), operators::version.eq(operator.version + 1)),
        );
        changed(on_backend!(self, |conn| query.execute(conn))?)
    }

    /// Lets an operator sign in no more, or again.
    pub fn disable_operator(&mut self, operator: &Operator, at: Option<Timestamp>) -> Result<(), Error> {
        let query = update(
            operators::table,
            operators::id.eq(operator.id.as_str()).and(operators::version.eq(operator.version)),
            (operators::disabled_at.eq(words::millis(at)), operators::version.eq(operator.version + 1)),
        );
        changed(on_backend!(self, |conn| query.execute(conn))?)
    }

    /// Notes that what an operator comes in with is another from now on: who is coming in meanwhile does not.
    pub fn operator_was_changed(&mut self, operator: &OperatorId) -> Result<(), Error> {
        let query = update(
            operators::table,
            operators::id.eq(operator.as_str()),
            operators::version.eq(operators::version + 1),
        );
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Gives an operator another password, whose record has not been changed since it was read.
    pub fn set_operator_password(&mut self, operator: &Operator, hash: &Secret<String>) -> Result<(), Error> {
        let sealed = self.key.seal(password_of(operator.id.as_str()), hash.expose().as_bytes())?;
        let query = update(
            operators::table,
            operators::id.eq(operator.id.as_str()).and(operators::version.eq(operator.version)),
            (operators::password.eq(Some(sealed)), operators::version.eq(operator.version + 1)),
        );
        changed(on_backend!(self, |conn| query.execute(conn))?)
    }

    /// Gives an operator an authenticator with its recovery codes, or takes it away, if the record has not been changed
    /// since it was read.
    pub fn set_operator_totp(
        &mut self,
        operator: &Operator,
        secret: Option<&Secret<Vec<u8>>>,
        recovery: &[String],
        step: i64,
    ) -> Result<(), Error> {
        let sealed = secret.map(|secret| self.key.seal(totp_of(operator.id.as_str()), secret.expose())).transpose()?;
        let recovery = (!recovery.is_empty()).then(|| recovery.join(" "));
        let query = update(
            operators::table,
            operators::id.eq(operator.id.as_str()).and(operators::version.eq(operator.version)),
            (
                operators::totp.eq(sealed),
                operators::totp_step.eq(step),
                operators::recovery.eq(recovery),
                operators::version.eq(operator.version + 1),
            ),
        );
        changed(on_backend!(self, |conn| query.execute(conn))?)
    }

    /// Uses up the code of a step; false when it, or a later one, was used before.
    pub fn use_totp_step(&mut self, operator: &OperatorId, step: i64) -> Result<bool, Error> {
        let query = update(
            operators::table,
            operators::id.eq(operator.as_str()).and(operators::totp_step.lt(step)),
            operators::totp_step.eq(step),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Uses up a recovery code; false when somebody else changed what is left meanwhile.
    pub fn keep_recovery(&mut self, operator: &OperatorId, before: &[String], left: &[String]) -> Result<bool, Error> {
        let left = (!left.is_empty()).then(|| left.join(" "));
        let query = update(
            operators::table,
            operators::id
                .eq(operator.as_str())
                .and(operators::recovery.is_not_null())
                .and(operators::recovery.assume_not_null().eq(before.join(" "))),
            operators::recovery.eq(left),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Notes that an operator signed in.
    pub fn operator_was_seen(&mut self, operator: &OperatorId, now: Timestamp) -> Result<(), Error> {
        let query =
            update(operators::table, operators::id.eq(operator.as_str()), operators::last_seen_at.eq(Some(now.0)));
        on_backend!(self, |conn| query.execute(conn)).map(drop)
    }

    /// Keeps a link by the SHA-256 of its secret.
    pub fn create_operator_link(&mut self, new: &NewOperatorLink, now: Timestamp) -> Result<OperatorLink, Error> {
        let id = OperatorLinkId::new(now);
        let query = diesel::insert_into(operator_links::table).values((
            operator_links::id.eq(id.as_str()),
            operator_links::hash.eq(new.hash.as_slice()),
            operator_links::operator.eq(new.operator.as_ref().map(OperatorId::as_str)),
            operator_links::name.eq(new.name.as_ref().map(|name| words::text(name.as_str()))),
            operator_links::role.eq(new.role.as_str()),
            operator_links::created_at.eq(now.0),
            operator_links::created_by.eq(words::text(&new.created_by)),
            operator_links::maker.eq(new.maker.as_ref().map(Maker::id)),
            operator_links::expires_at.eq(new.expires_at.0),
        ));
        on_backend!(self, |conn| query.execute(conn))?;
        Ok(OperatorLink {
            id,
            operator: new.operator.clone(),
            name: new.name.clone(),
            role: new.role,
            created_at: now,
            created_by: new.created_by.clone(),
            expires_at: new.expires_at,
            used_at: None,
        })
    }

    /// The link with this hash that is still good.
    pub fn operator_link(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<OperatorLink>, Error> {
        let query = operator_links::table
            .filter(operator_links::hash.eq(hash.as_slice()))
            .filter(operator_links::used_at.is_null())
            .filter(operator_links::expires_at.gt(now.0))
            .select(columns::<LinkRow>());
        let row: Option<LinkRow> = on_backend!(self, |conn| query.first(conn).optional())?;
        row.map(OperatorLink::try_from).transpose()
    }

    /// Uses a link up; of several who try at once one is let through.
    pub fn use_operator_link(&mut self, link: &OperatorLinkId, now: Timestamp) -> Result<bool, Error> {
        let query = update(
            operator_links::table,
            operator_links::id
                .eq(link.as_str())
                .and(operator_links::used_at.is_null())
                .and(operator_links::expires_at.gt(now.0)),
            operator_links::used_at.eq(Some(now.0)),
        );
        Ok(on_backend!(self, |conn| query.execute(conn))? == 1)
    }

    /// Takes back every unused link for an operator.
    pub fn void_operator_links(&mut self, operator: &OperatorId, now: Timestamp) -> Result<usize, Error> {
        let query = update(
            operator_links::table,
            operator_links::operator
                .assume_not_null()
                .eq(operator.as_str().to_owned())
                .and(operator_links::used_at.is_null()),
            operator_links::used_at.eq(Some(now.0)),
        );
        on_backend!(self, |conn| query.execute(conn))
    }

    /// Forgets links whose time was over before then.
    pub(super) fn prune_operator_links(&mut self, before: Timestamp) -> Result<usize, Error> {
        let query = diesel::delete(operator_links::table.filter(operator_links::expires_at.lt(before.0)));
        on_backend!(self, |conn| query.execute(conn))
    }
}

fn changed(rows: usize) -> Result<(), Error> {
    match rows {
        1 => Ok(()),
        _ => Err(Error::Conflict("somebody else changed this operator meanwhile; look again".to_owned())),
    }
}

const fn password_of(operator: &str) -> Place<'_> {
    Place { column: "operators.password", row: operator }
}

const fn totp_of(operator: &str) -> Place<'_> {
    Place { column: "operators.totp", row: operator }
}
