//! The people who run the server: who there is, what they may, links for new ones.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::granting::operator_name;
use super::{Admin, Error, Granter, PageJson, Part, Repetition, SecretText, entrance, rights};
use crate::model::{
    Actor, AuditRecord, Maker, NewOperatorLink, Operator, OperatorId, Right, Role, Timestamp, UserName, from_rfc3339,
    from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::store::{Store, Tx};

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatorJson {
    /// Their id.
    pub id: String,
    /// What they sign in as.
    pub name: String,
    /// What they are here for.
    pub role: Role,
    /// What the role may.
    pub rights: Vec<Right>,
    /// Who they are at the provider of sign-ins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether they have a password here.
    pub password: bool,
    /// Whether codes of an authenticator are asked for.
    pub totp: bool,
    /// When they were made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Since when they may not sign in.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// When they last signed in.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Timestamp>,
    /// Counts the changes of this record; its `ETag`.
    pub version: i64,
}

/// Somebody to be invited.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOperatorJson {
    /// What they will sign in as; they choose where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they are here for.
    pub role: Role,
}

/// Another role.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// What they are here for from now on.
    pub role: Role,
}

/// A link that lets somebody in once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OperatorLinkJson {
    /// Where to open it: an address, or a path at the admin door where the settings have no address for it.
    #[schema(value_type = String)]
    pub link: SecretText,
    /// What it makes, or whose password it sets anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The role.
    pub role: Role,
    /// Worth nothing from then on.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Admin {
    /// Operators by name.
    pub async fn operators(&self, part: Part) -> Result<PageJson<OperatorJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let page = self.store.read(move |tx: &mut Tx<'_>| tx.operators(cursor.as_ref(), limit)).await?;
        Ok(PageJson::of(page, OperatorJson::from))
    }

    /// One operator.
    pub async fn operator(&self, name: &str) -> Result<OperatorJson, Error> {
        let name = name.to_owned();
        self.store.read(move |tx: &mut Tx<'_>| found(tx, &name)).await.map(OperatorJson::from)
    }

    /// Makes a link by which somebody becomes an operator. Nobody invites one who may do more than they may.
    pub async fn invite(
        &self,
        new: NewOperatorJson,
        by: &Granter,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<OperatorLinkJson, Error> {
        let name = new.name.map(|name| operator_name(&name).map_err(|what| Error::invalid("/name", what)));
        let (name, role) = (name.transpose()?, new.role);
        by.gives(role, "/role")?;
        let expires_at = now.plus_millis(i64::try_from(self.entrance.link.as_millis()).unwrap_or(i64::MAX));
        let maker = Some(by.maker.clone());
        let make = invitation((&self.entrance.address, name, role), (&by.actor, maker), expires_at, now);
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            by.is_still_in(tx, now)?;
            make(tx)
        };
        self.once(repetition, now, job).await
    }

    /// The link by which the first operator comes in, in a store.
    pub async fn first_link(
        store: &Store,
        address: &str,
        by: &Actor,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<OperatorLinkJson, Error> {
        store.write(invitation((address, None, Role::Admin), (by, None), expires_at, now)).await
    }

    /// Gives an operator another role. They are signed out everywhere, and their tokens are worth nothing any more.
    pub async fn set_role(
        &self,
        name: &str,
        role: Role,
        version: Option<i64>,
        by: &Granter,
        now: Timestamp,
    ) -> Result<OperatorJson, Error> {
        by.gives(role, "/role")?;
        let granter = by.clone();
        self.change(name, version, &by.actor, move |tx, operator, by| {
            granter.is_above(operator)?;
            if operator.role == role {
                return Ok(());
            }
            let record = AuditRecord::new("operator.role", "operator", operator.name.as_str());
            tx.audit(by, record.before(json!({"role": operator.role})).after(json!({"role": role})), now);
            tx.set_operator_role(operator, role)?;
            cast_out(tx, operator, now)?;
            still_run(tx)
        })
        .await
    }

    /// Lets an operator sign in no more. Their sessions end, and their tokens are worth nothing any more.
    pub async fn disable_operator(
        &self,
        name: &str,
        version: Option<i64>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<OperatorJson, Error> {
        self.change(name, version, by, move |tx, operator, by| {
            if operator.disabled_at.is_none() {
                tx.audit(by, AuditRecord::new("operator.disable", "operator", operator.name.as_str()), now);
                tx.disable_operator(operator, Some(now))?;
            }
            cast_out(tx, operator, now)?;
            still_run(tx)
        })
        .await
    }

    /// Lets an operator sign in again.
    pub async fn enable_operator(
        &self,
        name: &str,
        version: Option<i64>,
        by: &Granter,
        now: Timestamp,
    ) -> Result<OperatorJson, Error> {
        let granter = by.clone();
        self.change(name, version, &by.actor, move |tx, operator, by| {
            granter.is_above(operator)?;
            tx.audit(by, AuditRecord::new("operator.enable", "operator", operator.name.as_str()), now);
            Ok(tx.disable_operator(operator, None)?)
        })
        .await
    }

    /// Takes the authenticator of an operator away who lost it.
    pub async fn forget_authenticator(
        &self,
        name: &str,
        version: Option<i64>,
        by: &Granter,
        now: Timestamp,
    ) -> Result<OperatorJson, Error> {
        let granter = by.clone();
        self.change(name, version, &by.actor, move |tx, operator, by| {
            granter.is_above(operator)?;
            let record = AuditRecord::new("operator.authenticator", "operator", operator.name.as_str());
            tx.audit(by, record.after(json!({"in_use": false})), now);
            tx.set_operator_totp(operator, None, &[], 0)?;
            tx.end_operator_sessions(&operator.id)?;
            Ok(())
        })
        .await
    }

    /// Makes a link by which an operator sets their password anew. Links of before, sessions and tokens end now.
    pub async fn reset_operator(
        &self,
        name: &str,
        by: &Granter,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<OperatorLinkJson, Error> {
        let (secret, hash) = entrance::new_secret();
        let expires_at = now.plus_millis(i64::try_from(self.entrance.link.as_millis()).unwrap_or(i64::MAX));
        let (name, by, address) = (name.to_owned(), by.clone(), self.entrance.address.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            let operator = found(tx, &name)?;
            by.is_still_in(tx, now)?;
            by.is_above(&operator)?;
            cast_out(tx, &operator, now)?;
            let new = NewOperatorLink {
                hash,
                operator: Some(operator.id.clone()),
                name: None,
                role: operator.role,
                created_by: by.actor.name.clone(),
                maker: Some(by.maker),
                expires_at,
            };
            tx.create_operator_link(&new, now)?;
            tx.audit(&by.actor, AuditRecord::new("operator.reset", "operator", operator.name.as_str()), now);
            Ok::<_, Error>(OperatorLinkJson {
                link: shown_link(&address, secret.expose()),
                name: Some(operator.name.to_string()),
                role: operator.role,
                expires_at,
            })
        };
        self.once(repetition, now, job).await
    }

    /// Changes an operator, who must be as the caller last saw them where the caller says how that was.
    async fn change(
        &self,
        name: &str,
        version: Option<i64>,
        by: &Actor,
        job: impl FnOnce(&mut Tx<'_>, &Operator, &Actor) -> Result<(), Error> + Send + 'static,
    ) -> Result<OperatorJson, Error> {
        let (name, by) = (name.to_owned(), by.clone());
        let job = move |tx: &mut Tx<'_>| {
            tx.lock_people()?;
            let operator = found(tx, &name)?;
            if version.is_some_and(|version| version != operator.version) {
                return Err(Error::Changed);
            }
            job(tx, &operator, &by)?;
            found(tx, &name)
        };
        self.store.write(job).await.map(OperatorJson::from)
    }
}

/// Makes a link for somebody who is to come.
fn invitation(
    (address, name, role): (&str, Option<UserName>, Role),
    (by, maker): (&Actor, Option<Maker>),
    expires_at: Timestamp,
    now: Timestamp,
) -> impl FnOnce(&mut Tx<'_>) -> Result<OperatorLinkJson, Error> + Send + use<> {
    let (secret, hash) = entrance::new_secret();
    let (address, by) = (address.to_owned(), by.clone());
    move |tx| {
        if let Some(name) = &name
            && tx.operator_by_name(name)?.is_some()
        {
            return Err(Error::Conflict(format!("there is an operator '{name}' already")));
        }
        let told = name.as_ref().map(ToString::to_string);
        let new = NewOperatorLink { hash, operator: None, name, role, created_by: by.name.clone(), maker, expires_at };
        let link = tx.create_operator_link(&new, now)?;
        let subject = link.name.as_ref().map_or("", UserName::as_str);
        tx.audit(&by, AuditRecord::new("operator.invite", "operator", subject).after(json!({"role": role})), now);
        Ok(OperatorLinkJson { link: shown_link(&address, secret.expose()), name: told, role, expires_at })
    }
}

/// How many ways in somebody lost.
pub(super) struct CastOut {
    pub(super) sessions: usize,
    pub(super) tokens: usize,
}

/// Ends all that somebody could still come in with: sessions, links for them, and what they made for others or for
/// themselves by another name. Who comes in with what must be locked.
pub(super) fn cast_out(tx: &mut Tx<'_>, operator: &Operator, now: Timestamp) -> Result<CastOut, Error> {
    // First, so that a sign-in that is under way has either begun a session that ends here, or begins none.
    tx.operator_was_changed(&operator.id)?;
    let sessions = tx.end_operator_sessions(&operator.id)?;
    tx.void_operator_links(&operator.id, now)?;
    let tokens = tx.take_back(&Maker::Operator(operator.id.clone()), now)?;
    Ok(CastOut { sessions, tokens })
}

/// Nobody takes away the last who could give it back.
fn still_run(tx: &mut Tx<'_>) -> Result<(), Error> {
    if tx.live_operators(Role::Admin)? > 0 {
        return Ok(());
    }
    Err(Error::Conflict("this is the last operator with the role admin; make another first".to_owned()))
}

/// The operator whom a path names, by name or id.
fn found(tx: &mut Tx<'_>, name: &str) -> Result<Operator, Error> {
    let missing = || Error::NotFound("operator");
    if let Some(id) = OperatorId::parse(name)
        && let Some(operator) = tx.operator(&id)?
    {
        return Ok(operator);
    }
    let name = UserName::parse(name).ok_or_else(missing)?;
    tx.operator_by_name(&name)?.map(|(operator, _)| operator).ok_or_else(missing)
}

fn shown_link(address: &str, secret: &str) -> SecretText {
    SecretText::new(crate::model::Secret::new(format!("{}/join/{secret}", address.trim_end_matches('/'))))
}

impl From<Operator> for OperatorJson {
    fn from(operator: Operator) -> Self {
        Self {
            id: operator.id.to_string(),
            name: operator.name.to_string(),
            role: operator.role,
            rights: rights::allows(operator.role).to_vec(),
            subject: operator.subject,
            password: operator.has_password,
            totp: operator.has_totp,
            created_at: operator.created_at,
            created_by: operator.created_by,
            disabled_at: operator.disabled_at,
            last_seen_at: operator.last_seen_at,
            version: operator.version,
        }
    }
}
