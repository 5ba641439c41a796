//! Tokens that enroll devices in place of a password: made once, shown once, kept as a hash.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Admin, Error, PageJson, Part, Repetition, SecretText};
use crate::enrollment::applicant::{new_token, token_hash};
use crate::model::{
    Actor, Admission, AuditRecord, EnrollmentToken, EnrollmentTokenId, EnrollmentTokenState, NewEnrollmentToken,
    Timestamp, UserName, from_rfc3339, from_rfc3339_option, rfc3339, rfc3339_option,
};
use crate::store::Tx;

/// Most enrollments that one token may be good for.
const MAX_USES: u32 = 10_000;

/// How long a token is good for when nothing is said, in milliseconds.
const GOOD_FOR: i64 = 24 * 60 * 60 * 1000;

/// A token that enrolls devices, without the token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentTokenJson {
    /// Its id.
    pub id: String,
    /// Whose devices it enrolls.
    pub user: String,
    /// `live`, `spent`, `expired` or `revoked`.
    pub state: EnrollmentTokenState,
    /// How many enrollments it is good for.
    pub uses: u32,
    /// How many it has made.
    pub used: u32,
    /// When it was made.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// Worth nothing from then on.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it last enrolled a device.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(serialize_with = "rfc3339_option", deserialize_with = "from_rfc3339_option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
}

/// A token to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnrollmentTokenJson {
    /// Whose devices it enrolls. There need not be an account of this name.
    pub user: String,
    /// How many enrollments it is good for; one when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Worth nothing from then on; a day from now when nothing is said.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "rfc3339_option",
        deserialize_with = "from_rfc3339_option"
    )]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A token that was just made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeEnrollmentToken {
    /// What is kept of it.
    #[serde(flatten)]
    pub record: EnrollmentTokenJson,
    /// The token itself; it can't be had again.
    #[schema(value_type = String)]
    pub token: SecretText,
}

/// A token with what it has enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrollmentTokenDetail {
    /// The token.
    #[serde(flatten)]
    pub record: EnrollmentTokenJson,
    /// What it has enrolled, oldest first.
    pub enrollments: Vec<TokenUse>,
}

/// An enrollment that a token made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenUse {
    /// The enrollment.
    pub enrollment_id: String,
    /// Its device.
    pub device_id: String,
    /// When.
    #[serde(serialize_with = "rfc3339", deserialize_with = "from_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Which tokens.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct EnrollmentTokenQuery {
    /// Only those of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Entries at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// From the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

impl Admin {
    /// Makes a token.
    pub async fn create_enrollment_token(
        &self,
        new: NewEnrollmentTokenJson,
        by: &Actor,
        repetition: Option<Repetition>,
        now: Timestamp,
    ) -> Result<MadeEnrollmentToken, Error> {
        let what = "a name has 1 to 256 characters, none of them a control character";
        let user = UserName::parse(&new.user).ok_or_else(|| Error::invalid("/user", what))?;
        let uses = new.uses.unwrap_or(1);
        if !(1..=MAX_USES).contains(&uses) {
            return Err(Error::invalid("/uses", format!("write a number from 1 to {MAX_USES}")));
        }
        let expires_at = new.expires_at.unwrap_or(now.plus_millis(GOOD_FOR));
        if expires_at <= now {
            return Err(Error::invalid("/expires_at", "this time has passed"));
        }
        let mut random = [0; 20];
        rand::fill(&mut random);
        let token = new_token(&random);
        let hash = token_hash(token.expose()).ok_or_else(|| Error::invalid("", "no token could be made"))?;
        let new = NewEnrollmentToken { user, uses, expires_at: Some(expires_at), hash, created_by: by.name.clone() };
        let by = by.clone();
        let job = move |tx: &mut Tx<'_>| {
            if let Some(before) = repetition.as_ref().map(|claim| claim.begin(tx, now)).transpose()?.flatten() {
                return Ok(before);
            }
            let record = shown(tx.create_enrollment_token(&new, now)?, now);
            let asked = serde_json::json!({"user": record.user, "uses": record.uses});
            tx.audit(
                &by,
                AuditRecord::new("enrollment_token.create", "enrollment_token", &record.id).after(asked),
                now,
            );
            let made = MadeEnrollmentToken { record, token: SecretText::new(token) };
            if let Some(repetition) = repetition {
                repetition.end(tx, &made)?;
            }
            Ok::<_, Error>(made)
        };
        self.store.write(job).await
    }

    /// Tokens, newest first.
    pub async fn enrollment_tokens(
        &self,
        query: EnrollmentTokenQuery,
        now: Timestamp,
    ) -> Result<PageJson<EnrollmentTokenJson>, Error> {
        let part = Part { limit: query.limit, cursor: query.cursor };
        let (limit, cursor) = (part.limit()?, part.cursor()?);
        let user = user_filter(query.user.as_deref())?;
        let job = move |tx: &mut Tx<'_>| tx.enrollment_tokens(user.as_ref(), cursor.as_ref(), limit);
        let page = self.store.read(job).await?;
        Ok(PageJson::of(page, |token| shown(token, now)))
    }

    /// One token with what it has enrolled.
    pub async fn enrollment_token(&self, id: &str, now: Timestamp) -> Result<EnrollmentTokenDetail, Error> {
        let id = named_token(id)?;
        let job = move |tx: &mut Tx<'_>| {
            let token = tx.enrollment_token(&id)?.ok_or(Error::NotFound("enrollment token"))?;
            let enrollments = tx.admissions_by_token(&id)?.into_iter().map(TokenUse::from).collect();
            Ok::<_, Error>(EnrollmentTokenDetail { record: shown(token, now), enrollments })
        };
        self.store.read(job).await
    }

    /// Takes a token back. What it has enrolled stays.
    pub async fn revoke_enrollment_token(
        &self,
        id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<EnrollmentTokenJson, Error> {
        let (id, by) = (named_token(id)?, by.clone());
        let job = move |tx: &mut Tx<'_>| {
            let token = tx.enrollment_token(&id)?.ok_or(Error::NotFound("enrollment token"))?;
            if token.revoked_at.is_some() {
                return Ok(token);
            }
            tx.revoke_enrollment_token(&id, now)?;
            tx.audit(&by, AuditRecord::new("enrollment_token.revoke", "enrollment_token", id.as_str()), now);
            Ok::<_, Error>(EnrollmentToken { revoked_at: Some(now), ..token })
        };
        self.store.write(job).await.map(|token| shown(token, now))
    }
}

fn named_token(text: &str) -> Result<EnrollmentTokenId, Error> {
    EnrollmentTokenId::parse(text).ok_or(Error::NotFound("enrollment token"))
}

/// The user that a query asks for.
pub(super) fn user_filter(text: Option<&str>) -> Result<Option<UserName>, Error> {
    let parse =
        |text| UserName::parse(text).ok_or_else(|| Error::parameter("user", "this can't be the name of a user"));
    text.map(parse).transpose()
}

fn shown(token: EnrollmentToken, now: Timestamp) -> EnrollmentTokenJson {
    EnrollmentTokenJson {
        state: token.state(now),
        id: token.id.to_string(),
        user: token.user.to_string(),
        uses: token.uses,
        used: token.used,
        created_at: token.created_at,
        created_by: token.created_by,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}

impl From<Admission> for TokenUse {
    fn from(admission: Admission) -> Self {
        Self {
            enrollment_id: admission.enrollment.to_string(),
            device_id: admission.device.to_string(),
            at: admission.admitted_at,
        }
    }
}
