//! Accounts that enroll devices with a password.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Admin, Error, PageJson, Part, Repetition, SecretText};
use crate::enrollment::applicant::{PasswordRefused, hash_password, is_acceptable, new_password};
use crate::model::{
    Actor, AuditRecord, EnrollmentUser, FailureSubject, NewEnrollmentUser, Secret, Timestamp, UserName, from_rfc3339,
    from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// Longest name that people call the owner of an account, in characters.
const MAX_DISPLAY_NAME: usize = 256;

/// An account that enrolls devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentUserJson {
    /// Its id.
    pub id: String,
    /// What is typed into Windows.
    pub name: String,
    /// What people call its owner.
    pub display_name: Option<String>,
    /// Whether it enrolls devices for others, any number of them.
    pub bulk: bool,
    /// How many devices it may have, where that is not what the settings say.
    pub max_devices: Option<u32>,
    /// When it was made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its password was last set.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub password_set_at: Timestamp,
    /// Since when it enrolls nothing.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Until when it is locked, after wrong passwords.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub locked_until: Option<Timestamp>,
    /// When it last enrolled a device.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

/// An account to be made. The password is given, or one is made and told once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnrollmentUserJson {
    /// What is typed into Windows.
    pub name: String,
    /// What people call its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretText>,
    /// Make one.
    #[serde(default)]
    pub generate: bool,
    /// Whether it enrolls devices for others, any number of them.
    #[serde(default)]
    pub bulk: bool,
    /// How many devices it may have, where that is not what the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_devices: Option<u32>,
}

/// Another password for an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretText>,
    /// Make one.
    #[serde(default)]
    pub generate: bool,
}

/// An account whose password was just set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentUserWithPassword {
    /// The account.
    #[serde(flatten)]
    pub user: EnrollmentUserJson,
    /// Its password, where one was made: it can't be had again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub password: Option<SecretText>,
}

impl EnrollmentUserJson {
    /// Another one after each change that a person makes.
    pub fn tag(&self) -> String {
        let disabled = self.disabled_at.map_or(0, |at| at.0);
        format!("{}-{}-{disabled}", self.created_at.0, self.password_set_at.0)
    }
}

/// A password that was looked at.
struct Chosen {
    hash: Secret<String>,
    made: Option<SecretText>,
}

impl Admin {
    /// Makes an account.
    pub async fn create_enrollment_user(
        &self,
        new: NewEnrollmentUserJson,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<EnrollmentUserWithPassword, Error> {
        let what = "a name has 1 to 256 characters, none of them a control character";
        let name = UserName::parse(&new.name).ok_or_else(|| Error::invalid("/name", what))?;
        if new.display_name.as_ref().is_some_and(|name| name.chars().count() > MAX_DISPLAY_NAME) {
            return Err(Error::invalid("/display_name", format!("write at most {MAX_DISPLAY_NAME} characters")));
        }
        if new.bulk && new.max_devices.is_some() {
            let what = "a bulk account has any number of devices; leave out one of bulk and max_devices";
            return Err(Error::invalid("/max_devices", what));
        }
        let chosen = choose(NewPassword { password: new.password, generate: new.generate }).await?;
        let account = NewEnrollmentUser {
            name,
            display_name: new.display_name.filter(|name| !name.trim().is_empty()),
            password: chosen.hash,
            is_bulk: new.bulk,
            max_devices: new.max_devices,
        };
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            if let Some(before) = repetition.as_ref().map(|claim| claim.begin(tx, now)).transpose()?.flatten() {
                return Ok(before);
            }
            let user = tx.create_enrollment_user(&account, now)?;
            let asked = serde_json::json!({"bulk": user.is_bulk, "max_devices": user.max_devices});
            tx.audit(&by, record("enrollment_user.create", &user).after(asked), now);
            let made = EnrollmentUserWithPassword { user: shown(tx, user, now)?, password: chosen.made };
            if let Some(repetition) = repetition {
                repetition.end(tx, &made)?;
            }
            Ok::<_, Error>(made)
        };
        self.store.write(job).await
    }

    /// Accounts by name.
    pub async fn enrollment_users(&self, part: Part, now: Timestamp) -> Result<PageJson<EnrollmentUserJson>, Error> {
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let job = move |tx: &mut Tx<'_>| {
            let page = tx.enrollment_users(cursor.as_ref(), limit)?;
            let next_cursor = page.next.map(|cursor| cursor.to_string());
            let items = page.items.into_iter().map(|user| shown(tx, user, now)).collect::<Result<_, _>>()?;
            Ok::<_, Error>(PageJson { items, next_cursor })
        };
        self.store.read(job).await
    }

    /// One account.
    pub async fn enrollment_user(&self, name: &str, now: Timestamp) -> Result<EnrollmentUserJson, Error> {
        let name = named_user(name)?;
        self.store.read(move |tx: &mut Tx<'_>| found(tx, &name).and_then(|user| shown(tx, user, now))).await
    }

    /// Gives an account another password.
    pub async fn set_enrollment_password(
        &self,
        name: &str,
        new: NewPassword,
        seen: Option<String>,
        (by, repetition): (&Actor, Option<Repetition>),
        now: Timestamp,
    ) -> Result<EnrollmentUserWithPassword, Error> {
        let (name, by) = (named_user(name)?, by.clone());
        let chosen = choose(new).await?;
        let job = move |tx: &mut Tx<'_>| {
            let user = as_seen(tx, &name, seen.as_deref(), now)?;
            tx.set_enrollment_password(&user.id, &chosen.hash, now)?;
            tx.audit(&by, record("enrollment_user.password", &user), now);
            let user = found(tx, &name)?;
            Ok::<_, Error>(EnrollmentUserWithPassword { user: shown(tx, user, now)?, password: chosen.made })
        };
        self.once(repetition, now, job).await
    }

    /// Lets an account enroll nothing more. What it has enrolled stays.
    pub async fn disable_enrollment_user(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<EnrollmentUserJson, Error> {
        let disable = move |tx: &mut Tx<'_>, user: &EnrollmentUser, by: &Actor| {
            if user.disabled_at.is_none() {
                tx.disable_enrollment_user(&user.id, Some(now))?;
                tx.audit(by, record("enrollment_user.disable", user), now);
            }
            Ok(())
        };
        self.change_enrollment_user(name, seen, by, now, disable).await
    }

    /// Lets an account enroll again, and forgets its wrong passwords.
    pub async fn enable_enrollment_user(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<EnrollmentUserJson, Error> {
        let enable = move |tx: &mut Tx<'_>, user: &EnrollmentUser, by: &Actor| {
            tx.disable_enrollment_user(&user.id, None)?;
            tx.forgive(&FailureSubject::Account(user.name.clone()))?;
            tx.audit(by, record("enrollment_user.enable", user), now);
            Ok(())
        };
        self.change_enrollment_user(name, seen, by, now, enable).await
    }

    /// Changes an account, which must be as the caller last saw it where the caller says how that was.
    async fn change_enrollment_user(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
        change: impl FnOnce(&mut Tx<'_>, &EnrollmentUser, &Actor) -> Result<(), Error> + Send + 'static,
    ) -> Result<EnrollmentUserJson, Error> {
        let (name, by) = (named_user(name)?, by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let user = as_seen(tx, &name, seen.as_deref(), now)?;
            change(tx, &user, &by)?;
            found(tx, &name).and_then(|user| shown(tx, user, now))
        };
        self.store.write(job).await
    }

    /// Deletes an account. What it has enrolled stays.
    pub async fn remove_enrollment_user(
        &self,
        name: &str,
        seen: Option<String>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<EnrollmentUserJson, Error> {
        let (name, by) = (named_user(name)?, by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let user = as_seen(tx, &name, seen.as_deref(), now)?;
            tx.remove_enrollment_user(&user.id)?;
            tx.audit(&by, record("enrollment_user.remove", &user), now);
            shown(tx, user, now)
        };
        self.store.write(job).await
    }
}

/// Something was done to an account.
fn record(action: &'static str, user: &EnrollmentUser) -> AuditRecord {
    AuditRecord::new(action, "enrollment_user", user.name.as_str())
}

/// The account that a path names.
fn named_user(text: &str) -> Result<UserName, Error> {
    UserName::parse(text).ok_or(Error::NotFound("enrollment account"))
}

fn found(tx: &mut Tx<'_>, name: &UserName) -> Result<EnrollmentUser, Error> {
    tx.enrollment_user(name)?.ok_or(Error::NotFound("enrollment account"))
}

/// The account, which must be as the caller last saw it where the caller says how that was.
fn as_seen(tx: &mut Tx<'_>, name: &UserName, seen: Option<&str>, now: Timestamp) -> Result<EnrollmentUser, Error> {
    let user = found(tx, name)?;
    match seen {
        Some(seen) if shown(tx, user.clone(), now)?.tag() != seen => Err(Error::Changed),
        _ => Ok(user),
    }
}

fn shown(tx: &mut Tx<'_>, user: EnrollmentUser, now: Timestamp) -> Result<EnrollmentUserJson, Error> {
    let failures = tx.failures(&FailureSubject::Account(user.name.clone()))?;
    Ok(EnrollmentUserJson {
        id: user.id.to_string(),
        name: user.name.to_string(),
        display_name: user.display_name,
        bulk: user.is_bulk,
        max_devices: user.max_devices,
        created_at: user.created_at,
        password_set_at: user.password_set_at,
        disabled_at: user.disabled_at,
        locked_until: failures.filter(|failures| failures.is_locked(now)).and_then(|failures| failures.locked_until),
        last_used_at: user.last_used_at,
    })
}

/// The password that is wanted, hashed.
async fn choose(new: NewPassword) -> Result<Chosen, Error> {
    let (password, made) = match (new.password, new.generate) {
        (Some(given), false) => (given.secret().clone(), None),
        (None, true) => {
            let mut random = [0; 20];
            rand::fill(&mut random);
            let password = new_password(&random);
            (password.clone(), Some(SecretText::new(password)))
        }
        _ => return Err(Error::invalid("/password", "give a password, or have one made with generate")),
    };
    is_acceptable(&password).map_err(refused)?;
    let mut salt = [0; 16];
    rand::fill(&mut salt);
    let hashed = tokio::task::spawn_blocking(move || hash_password(&password, &salt)).await;
    let hash = hashed.unwrap_or(Err(PasswordRefused::Failed)).map_err(refused)?;
    Ok(Chosen { hash, made })
}

fn refused(why: PasswordRefused) -> Error {
    Error::invalid("/password", why.to_string())
}
